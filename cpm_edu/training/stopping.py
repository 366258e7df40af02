"""Stopping a run so that it can go on: Ctrl-C, a scheduler's SIGTERM, the end of the time it has."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["stop_asked"]

SIGNALS = ("SIGINT", "SIGTERM")  # Ctrl-C; Slurm, docker stop and torchrun when another process has failed


@contextmanager
def stop_asked() -> Iterator[threading.Event]:
    """Turn Ctrl-C and SIGTERM into an event, so that no step is left half done; a second one interrupts at once.

    Outside the main thread, where Python delivers no signals, do nothing.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def ask(*_) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {name: signal.signal(getattr(signal, name), ask) for name in SIGNALS}
    try:
        yield asked
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
