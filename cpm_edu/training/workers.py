"""The life of a data worker: it outlives signals that are meant for the main process, and ends when that one says.

Ctrl-C reaches every process of a terminal, torchrun's SIGTERM every process of a rank; a worker that died of it could
not feed the last step.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["born_without_sigterm", "start_worker"]


@contextmanager
def born_without_sigterm() -> Iterator[None]:
    """Processes that begin in here are born with SIGTERM blocked, and so is every thread that a library starts in
    them before `start_worker` runs: one thread without the block would be enough for the signal to kill."""
    if not hasattr(signal, "sigwaitinfo"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker(_worker: int) -> None:
    """What a worker does first; only its own main process may end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):
        threading.Thread(target=_end_when_the_main_process_says, daemon=True).start()
    gc.freeze()  # what the main process made is garbage to no worker: looking through it takes 5 % of a worker's time


def _end_when_the_main_process_says() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
