"""The command that makes a room by bubblewrap, and the unprivileged user that lives in it."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

from .environment import Environment
from .limits import Limits

__all__ = ["ROOM", "UserLock", "arguments", "drop_rights", "variables"]

ROOM = Path("/room")  # where our own files lie
USERS = range(64300, 64900)  # Debian leaves 60000 to 64999 to be given on demand
SMALL = 16 << 20  # bytes of /dev/shm
NAMESPACES = ("ipc", "pid", "net", "uts", "cgroup-try")
KEPT = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # of the machine, not of the user


def arguments(environment: Environment, files: dict[str, Path], limits: Limits, as_root: bool) -> list[str]:
    """Options of bubblewrap, but for file descriptors and the command.

    Args:
        files: path below `ROOM` -> file or folder here; None is an empty file.
        as_root: no user namespace is made; the command has to drop its rights by `drop_rights`.
    """
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "room"]
    options += [f"--unshare-{name}" for name in NAMESPACES]
    if as_root:
        options += ["--cap-drop", "ALL"]
        for right in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            options += ["--cap-add", right]
    else:
        options += ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    for name, value in variables(environment).items():
        options += ["--setenv", name, value]
    options += ["--proc", "/proc", "--dev", "/dev"]
    for folder, size in (("/tmp", limits.files), ("/dev/shm", SMALL)):  # first: Python itself may lie in /tmp
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    for link, target in environment.links:
        options += ["--symlink", target, link]
    made = {Path("/tmp")}
    for folder in environment.shown:
        options += _parents(folder, made)
        options += ["--ro-bind", str(folder), str(folder)]
    for folder in environment.hidden:
        options += ["--perms", "0555", "--size", "4096", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    for name, file in files.items():
        options += _parents(ROOM / name, made)
        options += ["--ro-bind", str(file), str(ROOM / name)]
    return [*options, "--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]


def _parents(path: Path, made: set[Path]) -> list[str]:
    """Make the folders above, readable to all; bubblewrap by itself would make them its own user's."""
    options = []
    for folder in reversed(path.parents[:-1]):
        if folder not in made:
            made.add(folder)
            options += ["--perms", "0755", "--dir", str(folder)]
    return options


def variables(environment: Environment) -> dict[str, str]:
    """All environment variables of a room."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    libraries = (
        {}
        if environment.libraries.is_relative_to("/usr")
        else {"LD_LIBRARY_PATH": str(environment.libraries)}
    )
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = [
        *(f"{folder}/ninja/data/bin" for folder in environment.path),
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
    ]
    places = {"HOME": "/tmp", "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp", "XDG_CACHE_HOME": "/tmp/cache"}
    other = {"PATH": ":".join(path), "LANG": "C.UTF-8", "MPLBACKEND": "agg", "CPM_EDU_CACHE": f"{ROOM}/cache"}
    return {**threads, **libraries, **kept, **places, **other}


def drop_rights(setpriv: str, user: int) -> list[str]:
    """What stands before a command that root starts as an unprivileged user, for good."""
    return [
        setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
        "--no-new-privs", "--",
    ]  # fmt: skip


class UserLock:
    """A user id that no account has and no other room on this machine uses now.

    The lock is a name of an abstract socket: it leaves no file and ends with the process that holds it.
    """

    def __init__(self, preferred: int):
        import pwd

        for k in range(len(USERS)):
            user = USERS[(preferred + k) % len(USERS)]
            with suppress(KeyError):
                pwd.getpwuid(user)
                continue
            self._socket = socket.socket(socket.AF_UNIX)
            try:
                self._socket.bind(f"\0cpm_edu/room/{user}")
            except OSError:
                self._socket.close()
                continue
            self.user = user
            return
        raise OSError(f"none of the user ids {USERS.start} to {USERS.stop - 1} is free")

    def close(self):
        self._socket.close()
