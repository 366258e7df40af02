"""The same rooms without a sandbox: submissions run with all rights of the user who grades.

Time and memory are still limited, where the platform allows it. Nothing else is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from .environment import environment
from .limits import Limits
from .room import ENGINES, Room
from .started import Started
from .watchdog import family

__all__ = ["NotIsolated", "not_isolated"]


def not_isolated() -> NotIsolated:
    """Rooms that keep nothing out; every grade made in one is to be labelled so."""
    return NotIsolated()


class NotIsolated:
    """Rooms that are ordinary processes."""

    isolated = False
    name = "not isolated"

    def room(self, slot: int = 0, limits: Limits | None = None) -> Room:
        return Room(_Processes, limits or Limits())


class _Processes(Started):
    """A worker as a child process, in a folder of its own."""

    def __init__(self, engine: str, limits: Limits):
        super().__init__()
        path = list(environment().path)
        if engine == "kernel":
            path.insert(0, str(Path(__file__).parents[3]))
        self.setting = {"path": path, "limits": limits.of_each_process(ENGINES.index(engine)), "alone": False}
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, cwd=self._folder.name,
            start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        self.begun()

    def kill(self):
        processes = family(self.popen.pid) if self.popen.poll() is None else []
        with suppress(OSError, AttributeError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        for process in processes[1:]:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        super().kill()

    def close(self):
        super().close()
        self._folder.cleanup()
