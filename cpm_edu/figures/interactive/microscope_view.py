"""One launch under the microscope, prepared for drawing: whose accesses, in which request, at what cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...kernels.faults import Fault
from ...kernels.microscope import RACES
from ...kernels.trace import OTHER, SECTOR, SHARED, WARP, LineStats, Trace
from ..microscope import verdict

__all__ = ["Access", "LaunchView", "words_of"]

MOST_WARPS = 20  # rows of threads that are drawn; blocks beyond are told, not shown


@dataclass(frozen=True)
class Access:
    """What one thread did, and the request of its warp that it was part of.

    Attributes:
        row: index into `trace.accesses`; number: it is the thread's `number`-th of `of`.
        lanes: (K,) indices of the whole request, by lane.
        units: sectors that the request moves, or turns that the banks take; ideal: if its bytes lay side by side.
    """

    row: int
    number: int
    of: int
    lanes: np.ndarray
    units: int
    ideal: int
    shared: bool

    @property
    def verdict(self) -> tuple[str, str, str]:
        """(colour, sign, words) for its cost."""
        color, sign, words = verdict(LineStats("", 0, "", "", "", 1, len(self.lanes), self.units, self.ideal))
        near = sign == "●" and self.units > self.ideal
        return color, sign, f"almost {words}" if near else words


class LaunchView:
    """A trace with what a figure asks of it again and again, computed once.

    Args:
        shapes: (rows, columns) of the tensor arguments, by name.
        recorded: the trace is a recording.
    """

    def __init__(self, trace: Trace, shapes: dict[str, tuple[int, int]], *, recorded: bool = False):
        self.trace, self.shapes, self.recorded = trace, shapes, recorded
        self.size = int(np.prod(trace.block))
        self.blocks = int(np.prod(trace.grid))
        self.warps_per_block = -(-self.size // WARP)
        accesses = _with_outside(trace)
        kept = accesses["argument"] != OTHER
        self.accesses = accesses[kept]
        self._request = trace.requests()[kept]
        key = self.accesses["block"].astype(np.int64) * self.size + self.accesses["thread"]
        self._by_thread = np.lexsort((self.accesses["step"], key))
        self._key = key[self._by_thread]
        self._by_request = np.argsort(self._request, kind="stable")
        self._requests = self._request[self._by_request]

    # ---- threads: a warp is a row, a lane a column

    @cached_property
    def warps(self) -> int:
        """Rows of threads that are shown: whole blocks, as far as they fit."""
        blocks = max(1, min(self.blocks, MOST_WARPS // self.warps_per_block))
        return blocks * self.warps_per_block

    def thread_at(self, lane: int, warp: int) -> tuple[int, int]:
        """(block, thread) of a place in the map of threads; the nearest one that exists."""
        block, row = divmod(int(np.clip(warp, 0, self.warps - 1)), self.warps_per_block)
        return block, min(row * WARP + int(np.clip(lane, 0, WARP - 1)), self.size - 1)

    def place_of(self, block: int, thread: int) -> tuple[int, int]:
        """(lane, warp) in the map of threads."""
        return thread % WARP, block * self.warps_per_block + thread // WARP

    # ---- accesses

    def life(self, block: int, thread: int) -> np.ndarray:
        """A thread's accesses in its own order: indices."""
        start, end = np.searchsorted(self._key, block * self.size + thread + np.array([0, 1]))
        return self._by_thread[start:end]

    def access(self, block: int, thread: int, number: int) -> Access | None:
        """A thread's `number`-th access, counted from 1, or its last; None for a thread that touches nothing."""
        life = self.life(block, thread)
        if not len(life):
            return None
        number = int(np.clip(number, 1, len(life)))
        row = int(life[number - 1])
        first, last = np.searchsorted(self._requests, self._request[row] + np.array([0, 1]))
        lanes = self._by_request[first:last]
        lanes = lanes[np.argsort(self.accesses["thread"][lanes], kind="stable")]
        one = self.accesses[lanes]
        shared = bool(one["argument"][0] == SHARED)
        units, ideal = _turns(one) if shared else _sectors(one)
        return Access(row, number, len(life), lanes, units, ideal, shared)

    def alike(self, access: Access) -> np.ndarray:
        """Accesses of the whole launch by the same instruction: indices."""
        one = self.accesses[access.row]
        return np.flatnonzero(
            (self.accesses["place"] == one["place"]) & (self.accesses["argument"] == one["argument"])
        )

    def line_of(self, row: int) -> tuple[str, int]:
        """(file, line) of an access; file "" is the kernel's own text."""
        one = self.accesses[row]
        return self.trace.files[one["file"]], int(one["line"])

    def name_of(self, access: Access) -> str:
        """ "out", or "shared"."""
        return "shared" if access.shared else self.trace.arguments[self.accesses["argument"][access.row]]

    def item_bytes(self, access: Access) -> int:
        argument = self.accesses["argument"][access.row]
        return 4 if access.shared else self.trace.item_bytes[argument]

    def elements(self, access: Access, rows: np.ndarray) -> np.ndarray:
        """Which elements (shared memory: words of 4 bytes) some accesses begin at."""
        index = self.accesses["index"][rows]
        return index // 4 if access.shared else index

    def outside(self, access: Access) -> np.ndarray:
        """Elements behind the end of the tensor that the launch touched all the same: indices, ascending."""
        mine = self.accesses[self.accesses["argument"] == self.accesses["argument"][access.row]]["index"]
        count = (
            np.iinfo(np.int64).max
            if access.shared
            else self.trace.numel[self.accesses["argument"][access.row]]
        )
        return np.unique(mine[mine >= count])

    def verb(self, row: int) -> str:
        one = self.accesses[row]
        return "updates" if one["is_atomic"] else "writes" if one["is_write"] else "reads"

    @cached_property
    def kinds(self) -> set[str]:
        """What happens in this launch, of "reads", "writes", "updates", "shared" and "barrier": keys name no more."""
        one = self.accesses
        verbs = np.where(one["is_atomic"], "updates", np.where(one["is_write"], "writes", "reads"))
        more = {"shared": (one["argument"] == SHARED).any(), "barrier": len(self.trace.barriers) > 0}
        return set(verbs.tolist()) | {word for word, happens in more.items() if happens}

    # ---- faults

    @cached_property
    def races(self) -> dict[tuple[int, int, int], Fault]:
        """(block or -1, argument, index) of each cell that two threads of a told race touch without order."""
        found: dict[tuple[int, int, int], Fault] = {}
        for fault in self.trace.faults:
            if fault.kind not in (*RACES, "lost-update") or fault.file:
                continue
            rows = self.accesses[np.isin(self.accesses["line"], (fault.line, fault.other_line))]
            across = fault.kind == "cross-block-race"
            block = np.where(rows["argument"] == SHARED, rows["block"].astype(np.int64), -1)
            epoch = np.zeros(len(rows), np.int64) if across else rows["epoch"].astype(np.int64)
            cell = np.stack([block, rows["argument"].astype(np.int64), rows["index"], epoch], 1)
            cells, number = np.unique(cell, axis=0, return_inverse=True)
            thread = rows["block"].astype(np.int64) * self.size + rows["thread"]
            for i in range(len(cells)):
                mine = number == i
                if len(np.unique(thread[mine])) > 1 and rows["is_write"][mine].any():
                    found.setdefault(tuple(int(v) for v in cells[i][:3]), fault)
        return found

    def rival(self, access: Access) -> tuple[Fault, int] | None:
        """The race that an access takes part in, and the other side: an access of another thread to the same cell."""
        one, rows = self.accesses[access.row], self.accesses
        block = int(one["block"]) if access.shared else -1
        fault = self.races.get((block, int(one["argument"]), int(one["index"])))
        if fault is None or int(one["line"]) not in (fault.line, fault.other_line):
            return None
        same = (rows["argument"] == one["argument"]) & (rows["index"] == one["index"])
        same &= np.isin(rows["line"], (fault.line, fault.other_line)) & (rows["is_write"] | one["is_write"])
        if fault.kind != "cross-block-race":
            same &= (rows["block"] == one["block"]) & (rows["epoch"] == one["epoch"])
        same &= (rows["block"] != one["block"]) | (rows["thread"] != one["thread"])
        others = np.flatnonzero(same)
        return (fault, int(others[0])) if len(others) else None

    @cached_property
    def costs(self) -> dict[int, LineStats]:
        """Of each line of the kernel's own text, its access that is farthest from the ideal."""
        found: dict[int, LineStats] = {}
        for stats in self.trace.lines():
            if not stats.file:
                known = found.get(stats.line)
                found[stats.line] = stats if known is None else max(known, stats, key=_excess)
        return found


def _with_outside(trace: Trace) -> np.ndarray:
    """The accesses, those out of bounds counted to the tensor whose end they passed, as its faults tell."""
    accesses = trace.accesses.copy()
    for fault in trace.faults:
        told = re.match(r"(?:reads|writes) (\w+)\[(-?\d+)\], but ", fault.text)
        if not told or told[1] not in trace.arguments or fault.file or fault.thread is None:
            continue
        number = trace.arguments.index(told[1])
        item = trace.item_bytes[number]
        rows = np.flatnonzero((accesses["argument"] == OTHER) & (accesses["line"] == fault.line))
        is_first = (accesses["block"][rows] == _flat(fault.block, trace.grid)) & (
            accesses["thread"][rows] == _flat(fault.thread, trace.block)
        )
        if not is_first.any():
            continue
        address = accesses["address"][rows].astype(np.int64)
        accesses["index"][rows] = (address - address[is_first][0]) // item + int(told[2])
        accesses["argument"][rows] = number
    return accesses


def _flat(at: tuple[int, int, int], size: tuple[int, int, int]) -> int:
    return at[0] + size[0] * (at[1] + size[1] * at[2])


def _excess(stats: LineStats) -> tuple[float, float]:
    return stats.cost / max(stats.ideal, 1), stats.cost


def _sectors(rows: np.ndarray) -> tuple[int, int]:
    first, last = rows["address"] // SECTOR, (rows["address"] + rows["size"] - 1) // SECTOR
    distinct = np.unique(rows["address"], return_index=True)[1]
    return len(np.unique(np.r_[first, last])), -(-int(rows["size"][distinct].sum()) // SECTOR)


def words_of(rows: np.ndarray) -> list[tuple[int, int]]:
    """(which of the rows, word of 4 bytes) of accesses to shared memory."""
    return [
        (i, word)
        for i, (index, size) in enumerate(zip(rows["index"].tolist(), rows["size"].tolist(), strict=True))
        for word in range(index // 4, (index + size - 1) // 4 + 1)
    ]


def _turns(rows: np.ndarray) -> tuple[int, int]:
    wanted = [word for _, word in words_of(rows)]
    if not rows["is_atomic"].any():
        wanted = list(set(wanted))
    ways = int(np.bincount(np.array(wanted) % 32, minlength=32).max())
    distinct = np.unique(rows["index"], return_index=True)[1]
    return ways, -(-int(rows["size"][distinct].sum()) // 128)
