"""One run a folder: a lock that the system lets go of when the process ends, however it ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .distributed import all_or_none, is_main

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["hold_folder"]

_held: set[int] = set()  # the lock files that this process holds
if fcntl is not None:  # a worker that outlives its killed parent must not go on holding
    os.register_at_fork(after_in_child=lambda: [os.close(_held.pop()) for _ in range(len(_held))])


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Rank 0 keeps other runs out of a folder, if that is there; the system lets go when the process ends.

    Raises:
        ValueError: another process trains there.
    """
    lock = None
    try:
        with all_or_none():
            if is_main() and fcntl is not None and folder.is_dir():
                lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
                _held.add(lock)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ValueError(
                        f"another process trains in {folder}: wait for its end, or choose another folder"
                    ) from None
                except OSError:
                    pass  # a file system without locks
        yield
    finally:
        if lock in _held:
            _held.remove(lock)
            os.close(lock)
