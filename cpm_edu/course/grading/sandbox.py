"""The sandbox of this machine: bubblewrap, with a user of its own for each room where the grader is root.

A room has its own processes, network (empty), names and mounts. It sees the system's programs, this Python and its
packages, all read-only and without the library, and two small folders in memory. Started by root, bubblewrap builds
the room, so that it may show folders which only root can enter, and then gives up root for good, before Python starts.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from .bubblewrap import ROOM, UserLock, arguments, drop_rights
from .environment import Environment, environment
from .limits import Limits, Spent
from .not_isolated import not_isolated
from .room import ENGINES, Room, RoomFailed
from .seccomp import filter_program
from .started import Started
from .watchdog import Use

__all__ = ["Isolation", "Limits", "NoSandbox", "RoomFailed", "Spent", "find_isolation", "not_isolated"]

FILES = ("worker.py", "wire.py", "networks.py")  # ours that are in a room
COUNTS_BY_NAMESPACE = (
    5,
    14,
)  # from this Linux on RLIMIT_NPROC counts the processes of a user namespace alone
OWN_WAY = "or type --not-isolated to run submissions with all rights of yours"


class NoSandbox(RuntimeError):
    """There is no sandbox on this machine; the message says what to install or to do."""


def find_isolation(hide: Iterable[str | Path] = ()) -> Isolation:
    """The sandbox of this machine, once a room has been tried.

    Args:
        hide: folders that must not be seen from a room, even where they lie in a folder of this Python's.

    Raises:
        NoSandbox: with a sentence on what to install or to do.
    """
    return _found(tuple(Path(folder).resolve() for folder in hide))


@cache
def _found(hide: tuple[Path, ...]) -> Isolation:
    if not sys.platform.startswith("linux"):
        raise NoSandbox(
            "Submissions are run in bubblewrap, which is there on Linux only: grade on Linux, in WSL 2 or in a "
            f"container, {OWN_WAY}."
        )
    programs = {
        name: shutil.which(name, path=os.defpath + ":/usr/local/bin") for name in ("bwrap", "setpriv")
    }
    if programs["bwrap"] is None:
        raise NoSandbox(
            f"Submissions are run in bubblewrap; install it (`sudo apt install bubblewrap`) {OWN_WAY}."
        )
    if os.geteuid() == 0 and programs["setpriv"] is None:
        raise NoSandbox(
            "As root the sandbox needs setpriv; install util-linux, or grade as an ordinary user."
        )
    isolation = Isolation(programs["bwrap"], programs["setpriv"] or "", environment(hide))
    try:
        isolation.try_it()
    except (RoomFailed, OSError) as error:
        raise NoSandbox(_cure(str(error))) from error
    return isolation


def _cure(complaint: str) -> str:
    """What to do about what bubblewrap or Python in the room said."""
    for part, says in _CURES.items():
        if part in complaint:
            return f"{says}, {OWN_WAY}. The sandbox said: {complaint}"
    return f"The sandbox does not start: {complaint}. Mend that, {OWN_WAY}."


_NO_NAMESPACES = (
    "This machine does not let its users make namespaces: on Ubuntu `sudo sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian `sudo sysctl kernel.unprivileged_userns_clone=1`; "
    "a container needs the right SYS_ADMIN and a security profile that allows mounts; or grade as root"
)
_UNREADABLE = (
    "The Python of the grader cannot be read by an unprivileged user: make its files readable (`chmod -R o+rX` the "
    "virtual environment)"
)
_CURES = {
    "Unknown option": "bubblewrap is too old: it takes version 0.8, as of Debian 12 or Ubuntu 24.04",
    "No permissions to creat": _NO_NAMESPACES,
    "Creating new namespace failed": _NO_NAMESPACES,
    "setting up uid map": _NO_NAMESPACES,
    "RTM_NEWADDR": _NO_NAMESPACES,
    "Failed to make / slave": _NO_NAMESPACES,
    "pivot_root": _NO_NAMESPACES,
    "Permission denied": _UNREADABLE,
    "ModuleNotFoundError": _UNREADABLE,
}


class Isolation:
    """Rooms by bubblewrap."""

    isolated = True
    name = "bubblewrap"

    def __init__(self, bwrap: str, setpriv: str, environment: Environment):
        self.bwrap, self.setpriv, self._environment = bwrap, setpriv, environment

    def room(self, slot: int = 0, limits: Limits | None = None) -> Room:
        """A room for one submission; `slot` is a preference for one of the user ids."""
        return Room(lambda engine, most: _Room(self, slot, engine, most), limits or Limits())

    def try_it(self):
        """
        Raises:
            RoomFailed, OSError: no room starts here.
        """
        with self.room() as room:
            room.process("numpy")

    def command(self, engine: str, limits: Limits, user: int | None) -> tuple[list[str], list[str]]:
        """(options of bubblewrap, the command in the room); `user` None: that of the grader."""
        files = {name: Path(__file__).with_name(name) for name in FILES}
        if engine == "kernel":
            from ..kernel_calls import kernel_room_files

            # an empty file makes its folder a package, which it is without one too
            files |= {name: file for name, file in kernel_room_files().items() if file is not None}
        options = arguments(self._environment, files, limits, user is not None)
        python = [str(self._environment.python), "-I", "-S", "-B", str(ROOM / "worker.py")]
        return options, python if user is None else [*drop_rights(self.setpriv, user), *python]

    def setting(self, engine: str, limits: Limits) -> dict:
        """The first message to the worker."""
        kind = ENGINES.index(engine)
        most = limits.of_each_process(kind)
        if os.geteuid() == 0 or _linux() >= COUNTS_BY_NAMESPACE:
            most["RLIMIT_NPROC"] = limits.processes[kind]
        own = [str(ROOM)] if engine == "kernel" else []
        return {"path": [*own, *self._environment.path], "limits": most, "alone": True}

    def begin(self, options: Sequence[str], command: list[str], complaints) -> tuple[subprocess.Popen, int]:
        """bubblewrap's process, and the first process of the room, whose end is the end of all."""
        filter_in, info_out, info_in = _pipe_with(filter_program()), *reversed(os.pipe())
        extra = ["--info-fd", str(info_out), *(["--seccomp", str(filter_in)] if filter_program() else [])]
        options_in = _pipe_with(b"".join(os.fsencode(o) + b"\0" for o in [*extra, *options]))
        ends = (filter_in, info_out, options_in)
        try:
            # Its options by a pipe and no variables at all: a room can read both of its first process.
            popen = subprocess.Popen(
                [self.bwrap, "--args", str(options_in), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=complaints, pass_fds=ends, env={}, cwd="/",
            )  # fmt: skip
        finally:
            for end in ends:
                os.close(end)
        with open(info_in, "rb") as file:
            told = file.read()
        return popen, json.loads(told)["child-pid"] if told else 0


class _Room(Started):
    """A room's processes, as `Room` handles them."""

    def __init__(self, isolation: Isolation, slot: int, engine: str, limits: Limits):
        super().__init__()
        self._lock = UserLock(slot) if os.geteuid() == 0 else None
        self.setting = isolation.setting(engine, limits)
        options, command = isolation.command(engine, limits, self._lock.user if self._lock else None)
        self.popen, self._first = isolation.begin(options, command, self.complaints)
        self.begun()
        self._handle = None
        with suppress(OSError):
            self._handle = os.pidfd_open(self._first) if self._first else None

    def measure(self, most_bytes: int) -> Use:
        use = super().measure(most_bytes)
        with suppress(OSError):
            folder = os.statvfs(f"/proc/{self._first}/root/tmp")
            use = Use(use.seconds, use.bytes, use.threads, folder.f_files - folder.f_ffree)
        return use

    def kill(self):
        """The end of the first process is the end of its namespace: all die, whoever forks meanwhile."""
        with suppress(OSError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        super().kill()

    def close(self):
        if self._handle is not None:
            select.select([self._handle], [], [], 10.0)
            os.close(self._handle)
            self._handle = None
        super().close()
        if self._lock is not None:
            self._lock.close()


def _pipe_with(data: bytes) -> int:
    """The end of a pipe from which these bytes come; they fit into it."""
    out, into = os.pipe()
    with open(into, "wb") as file:
        file.write(data)
    return out


def _linux() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)
