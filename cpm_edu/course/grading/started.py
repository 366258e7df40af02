"""What the rooms of a sandbox and those without one have in common: a worker behind two pipes."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

from .watchdog import Use, use_of

__all__ = ["Started"]


class Started:
    """A worker that has been started.

    Attributes:
        popen: its process, with pipes for standard input and output.
        complaints: where it is to write standard error before the submission's first line.
        setting: the first message to it, without engine and size of answers.
    """

    popen: subprocess.Popen
    setting: dict

    def __init__(self):
        self._complaints, self.complaints = (
            os.pipe()
        )  # not a file: a room could fill the disk by its first process
        os.set_blocking(self._complaints, False)

    def begun(self):
        """The worker has its end of the pipe for complaints."""
        os.close(self.complaints)

    def measure(self, most_bytes: int) -> Use:
        """What all its processes use now; see `use_of`."""
        return use_of(self.popen.pid, most_bytes)

    def kill(self):
        """End all of its processes; may be asked twice, and from any thread."""
        self.popen.kill()

    def close(self):
        """After `kill`: wait until nothing is left."""
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            with suppress(OSError, ValueError):
                pipe.close()
        os.close(self._complaints)

    def complaint(self) -> str:
        """The end of what was written there; before `close`."""
        with suppress(OSError):
            return (
                os.read(self._complaints, 1 << 16).decode(errors="replace").strip()[-600:]
                or "no reason given"
            )
        return "no reason given"
