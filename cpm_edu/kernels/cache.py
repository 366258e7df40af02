"""Where built libraries are kept: folders to look in, folders to write to, and a lock that dies with its owner."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .toolchain import BuildError

__all__ = [
    "cache_folders", "digest_of", "display", "is_whole", "locked_folder", "matching", "remove_old",
    "remove_unfinished", "say",
]  # fmt: skip

KEPT = 100  # libraries of one name in one folder; every edit of a kernel in a notebook makes one
UNFINISHED = ".unfinished"  # ends the name of a folder in which a build runs, or died


def cache_folders() -> list[Path]:
    """Folders of libraries, best first: CPM_EDU_CACHE, the user's cache, and one in the system's temp folder.

    Other people can write to the temp folder, so ours there counts only if it is ours alone: whoever may put
    a library into it may run code as us.
    """
    folders = [os.environ.get("CPM_EDU_CACHE"), _user_cache()]
    folders = [Path(folder).absolute() / "kernels" for folder in folders if folder]
    if hasattr(os, "getuid"):
        shared = Path(tempfile.gettempdir()).absolute() / f"cpm_edu-{os.getuid()}"
        if not os.path.lexists(shared) or _is_ours_alone(shared):
            folders.append(shared / "kernels")
    return folders


def _user_cache() -> str | None:
    """The XDG rule: an empty variable counts as unset."""
    if home := os.environ.get("XDG_CACHE_HOME"):
        return os.path.join(home, "cpm_edu")
    home = os.path.expanduser("~")
    return os.path.join(home, ".cache", "cpm_edu") if os.path.isabs(home) else None


def _is_ours_alone(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def matching(folder: Path, pattern: str) -> list[Path]:
    """Files of a folder, in order; none where it is missing or may not be read."""
    try:
        return [folder / name for name in sorted(fnmatch.filter(os.listdir(folder), pattern))]
    except OSError:
        return []


def digest_of(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()


def is_whole(library: Path) -> bool:
    """Whether a library is what its build wrote, by the record beside it: a cut one would kill the process."""
    try:
        return json.loads(library.with_suffix(".json").read_text())["sha256"] == digest_of(library)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def locked_folder(name: str) -> Iterator[Path]:
    """The best folder that can be written to, while no other process builds a library `name` there.

    The lock is the kernel's (flock): it ends with the process that holds it, and a lock file left behind by
    a dead one locks nothing.

    Raises:
        BuildError: no folder can be written to.
    """
    try:
        import fcntl
    except ImportError:
        raise BuildError(
            "compiled ops need Linux or macOS; on Windows work in WSL (https://aka.ms/wsl)"
        ) from None
    refused = []
    for folder in cache_folders():
        try:
            _make_private(folder)
            lock = os.open(folder / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            refused.append(f"{display(folder)} ({error.strerror})")
            continue
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another process that builds {name} in {display(folder)}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:  # a file system without locks
                refused.append(f"{display(folder)} ({error.strerror})")
                continue
            if refused:
                _say_once(f"cannot write to {', '.join(refused)}; keeping libraries in {display(folder)}")
            yield folder
            return
        finally:
            with suppress(OSError):  # unlock by name: a forked child may hold a copy of this descriptor
                fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)
    raise BuildError(
        f"no folder to keep libraries in: {', '.join(refused)}; set CPM_EDU_CACHE to one you can write to"
    )


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder not in cache_folders():  # the temp folder was made by someone else just now
        raise PermissionError(1, "it belongs to someone else")
    folder.mkdir(exist_ok=True, mode=0o700)


def remove_unfinished(folder: Path, name: str) -> None:
    """Delete what builds of `name` that died left behind; call it with the lock held."""
    for left in matching(folder, f"{name}-*{UNFINISHED}"):
        shutil.rmtree(left, ignore_errors=True)


def remove_old(folder: Path, name: str) -> None:
    """Keep the newest `KEPT` libraries of `name`. One in use stays loaded though its file is gone."""
    libraries = [(path.stat().st_mtime, path) for path in matching(folder, f"{name}-*.so")]
    for _, path in sorted(libraries, reverse=True)[KEPT:]:
        for file in (path, path.with_suffix(".json")):
            file.unlink(missing_ok=True)


def display(path: Path | str) -> str:
    """The path with the user's home shown as ~."""
    home, path = os.path.expanduser("~"), str(path)
    inside = path == home or path.startswith(home.rstrip("/") + "/")
    return "~" + path[len(home.rstrip("/")) :] if inside and home != "/" else path


def say(text: str) -> None:
    print(f"cpm_edu: {text}", file=sys.stderr, flush=True)


@cache
def _say_once(text: str) -> None:
    say(text)
