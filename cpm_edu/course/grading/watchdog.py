"""Watch what the processes of a room use together, and end them when it is too much."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

__all__ = ["TOO_LONG", "Use", "Watchdog", "family", "use_of"]

EVERY_S = 0.05
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
KIB = 1024
TOO_LONG = "the submission as a whole took too long"


@dataclass(frozen=True)
class Use:
    """Of a process and all that descend from it: processor seconds, bytes in memory, threads, and files made."""

    seconds: float = 0.0
    bytes: int = 0
    threads: int = 0
    files: int = 0


def family(root: int) -> list[int]:
    """The process and its descendants, by Linux's /proc; alone where there is none."""
    found, todo = [], [root]
    while todo:
        process = todo.pop()
        found.append(process)
        with suppress(OSError):
            for thread in os.listdir(f"/proc/{process}/task"):
                with suppress(OSError), open(f"/proc/{process}/task/{thread}/children") as file:
                    todo += map(int, file.read().split())
    return found


def use_of(root: int, most_bytes: int) -> Use:
    """What the family of `root` uses now.

    Args:
        most_bytes: up to there pages that two processes share may count twice, which is far cheaper to know.
    """
    processes = family(root)
    seconds = resident = threads = 0
    for process in processes:
        with suppress(OSError, IndexError, ValueError), open(f"/proc/{process}/stat") as file:
            fields = file.read().rpartition(")")[2].split()  # from the third on: state, ...
            seconds += sum(map(int, fields[11:15])) / TICKS  # its own, and of children that have ended
            threads += int(fields[17])
            resident += int(fields[21]) * PAGE
    if resident > most_bytes:
        resident = sum(map(_share_of_memory, processes))
    return Use(seconds, resident, threads)


def _share_of_memory(process: int) -> int:
    """Bytes in memory, a page that n processes share counted as 1/n (Linux's PSS)."""
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{process}/smaps_rollup") as file:
        return KIB * sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * PAGE
    return 0


class Watchdog(threading.Thread):
    """Looks twenty times a second.

    Args:
        measure: what is used now.
        most: what is allowed, `seconds` in all.
        patience: seconds on the clock for each second of a processor that is allowed.
        end: called once with (error, why), such as ("Ended", "more than 1 GiB of memory"); ends the processes.
    """

    def __init__(
        self, measure: Callable[[], Use], most: Use, patience: float, end: Callable[[str, str], None]
    ):
        super().__init__(name="watchdog", daemon=True)
        self._measure, self._most, self._patience, self._end = measure, most, patience, end
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._until: tuple[float, float, str] | None = None  # of processor time, of the clock, what to say
        self._began = time.monotonic()
        self.last = Use()
        self.peak_bytes = 0

    def allow(self, seconds: float, says: str):
        """From now on so much time; then the end, with the words `says`."""
        self.last = self._measure()
        with self._lock:
            self._until = (self.last.seconds + seconds, time.monotonic() + self._patience * seconds, says)

    def wait(self):
        """Nothing runs that would have to end by some time."""
        with self._lock:
            self._until = None

    def stop(self):
        self._stopped.set()

    def run(self):
        while not self._stopped.wait(EVERY_S):
            with suppress(Exception):  # what no longer is cannot be read; the clock counts on
                self.last = self._measure()
            self.peak_bytes = max(self.peak_bytes, self.last.bytes)
            found = self._too_much(self.last)
            if found is not None and not self._stopped.is_set():
                self._end(*found)
                return

    def _too_much(self, use: Use) -> tuple[str, str] | None:
        most = self._most
        if use.bytes > most.bytes:
            return "Ended", "it used too much memory"
        if use.threads > most.threads:
            return "Ended", "it started too many processes"
        if use.files > most.files:
            return "Ended", "it made too many files"
        with self._lock:
            until = self._until
        if until is not None and (use.seconds > until[0] or time.monotonic() > until[1]):
            return "TookTooLong", until[2]
        if use.seconds > most.seconds or time.monotonic() - self._began > 10 * self._patience * most.seconds:
            return "TookTooLong", TOO_LONG
        return None
