"""Rooms without a grader: what kill -9 can leave, ended by the next run."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from .bubblewrap import ROOM

__all__ = ["end_orphans"]


def end_orphans() -> None:
    """End every room of this user whose grader is gone.

    A room dies with its grader. Only a bubblewrap that is killed in its first milliseconds leaves its child, which
    does not know yet that it has to die too, waiting forever; no student's code runs in it.
    """
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):  # it ended meanwhile
            if process.stat().st_uid != os.geteuid() or not _is_room(process):
                continue
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if not _is_grader(Path("/proc") / str(parent)):
                os.kill(int(process.name), signal.SIGKILL)


def _command(process: Path) -> list[str]:
    return (process / "cmdline").read_bytes().decode(errors="replace").split("\0")


def _is_room(process: Path) -> bool:
    command = _command(process)
    return Path(command[0]).name == "bwrap" and str(ROOM / "worker.py") in command


def _is_grader(process: Path) -> bool:
    """The first bubblewrap of a room belongs to a Python, the second to the first."""
    return Path(_command(process)[0]).name.startswith(("python", "cpm-edu", "bwrap"))
