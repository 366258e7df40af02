"""What a traced launch leaves behind: every access of every thread, and the counts of a line of source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .faults import Fault

__all__ = ["ACCESS", "LineStats", "Trace"]

WARP, SECTOR, BANKS, BANK_WIDTH = 32, 32, 32, 4  # CUDA C++ Programming Guide: lanes, bytes, banks, bytes

# Record and BarrierRecord of csrc/emulator/recorder.cpp
RECORD = np.dtype(
    [
        ("address", "<u8"), ("place", "<u8"), ("block", "<u4"), ("epoch", "<u4"), ("step", "<u4"),
        ("thread", "<u2"), ("size", "u1"), ("flags", "u1"),
    ]
)  # fmt: skip
BARRIER = np.dtype([("block", "<u4"), ("epoch", "<u4"), ("line", "<i4")])
WRITE, ATOMIC, SHARED_MEMORY, ARGUMENT = 1, 2, 4, 8  # bits of `flags`

SHARED, OTHER = -1, -2  # values of `argument` beside 0, 1, ..
ACCESS = np.dtype(
    [
        ("block", "<u4"),  # x + grid.x (y + grid.y z)
        ("thread", "<u2"),  # x + block.x (y + block.y z)
        ("epoch", "<u4"),  # block barriers that the thread has passed
        ("step", "<u4"),  # counts the thread's accesses from 1
        ("argument", "<i2"),  # index into Trace.arguments; -1 shared memory, -2 a __device__ variable
        ("index", "<i8"),  # element of the argument; byte of shared memory, static arrays first
        ("address", "<u8"),
        ("size", "u1"),  # bytes
        ("is_write", "?"),
        ("is_atomic", "?"),
        ("line", "<i4"),  # of `files[file]`, from 1; 0 where it is not known
        ("file", "<i2"),  # index into Trace.files
        ("place", "<u8"),  # the instruction
    ]
)


@dataclass(frozen=True)
class LineStats:
    """How one source line uses one kind of memory.

    A request is one instruction of one warp. Bytes of global memory travel in sectors of 32; shared memory
    gives one 4-byte word of each of its 32 banks at a time, so a request takes as many turns ("ways") as the
    most wanted bank has different words to give.

    Attributes:
        file: "" for the kernel's own text.
        space: "global" or "shared"; action: "load", "store" or "atomic".
        requests: of all warps in the launch.
        lanes: threads taking part, mean of the requests.
        cost: sectors (global) or ways (shared) per request, mean.
        ideal: the same if the bytes asked for lay side by side.
    """

    file: str
    line: int
    source: str
    space: str
    action: str
    requests: int
    lanes: float
    cost: float
    ideal: float


@dataclass(frozen=True, repr=False)
class Trace:
    """Everything that one launch did to memory.

    The accesses are those of unoptimised-looking C++ on the CPU, not of the GPU's machine code, whose compiler
    may merge, move or drop some. No time, caches, or memory order: see kernels/lab.py.

    Attributes:
        accesses: array of ACCESS, in the order in which the emulator ran them.
        complete: False where there were more than the limit; faults are found all the same.
        faults: what is wrong, each place once; empty for a sound kernel.
        arguments: names of the pointer parameters; `numel` and `item_bytes` of each.
        barriers: array (block, epoch, line): the line of the barrier that began an epoch.
        files: names that `accesses["file"]` counts in; "" is the kernel's text.
        sources: (file, line) -> text of the line; text: the kernel's whole source.
        grid, block: (x, y, z).
    """

    kernel: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    accesses: np.ndarray
    complete: bool
    faults: list[Fault]
    arguments: list[str]
    numel: list[int]
    item_bytes: list[int]
    shared_bytes: tuple[int, int]  # static, dynamic
    barriers: np.ndarray
    files: list[str]
    sources: dict[tuple[str, int], str]
    text: str

    def __repr__(self) -> str:
        shape = f"grid {_extent(self.grid)}, block {_extent(self.block)}"
        more = "" if self.complete else " (and more)"
        found = [f"  {fault!r}" for fault in self.faults] or ["  no fault found"]
        return "\n".join([f"{self.kernel}: {shape}, {len(self.accesses)} accesses{more}", *found])

    def touching(self, argument: str) -> np.ndarray:
        """Accesses to one argument, or to "shared" memory."""
        number = SHARED if argument == "shared" else self._number(argument)
        return self.accesses[self.accesses["argument"] == number]

    def _number(self, argument: str) -> int:
        if argument not in self.arguments:
            raise ValueError(
                f"there is no argument {argument!r}, only {', '.join(self.arguments)} and shared"
            )
        return self.arguments.index(argument)

    def owners(self, argument: str, *, write: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Which thread touched each element of an argument last.

        Args:
            write: stores only; False: loads only.

        Returns:
            blocks, threads: (numel,) int64, -1 where nobody did.
        """
        number = self._number(argument)
        mine = self.touching(argument)
        mine = mine[mine["is_write"] == write]
        blocks = np.full(self.numel[number], -1, np.int64)
        threads = blocks.copy()
        item = self.item_bytes[number]
        for k in range(int(max(mine["size"], default=0)) // item or 1):  # a vector covers several elements
            covers = (mine["size"] > k * item) & (mine["index"] + k < len(blocks)) & (mine["index"] >= 0)
            blocks[mine["index"][covers] + k] = mine["block"][covers]
            threads[mine["index"][covers] + k] = mine["thread"][covers]
        return blocks, threads

    def requests(self) -> np.ndarray:
        """Which request each access belongs to: (accesses,) int64. A request is one instruction of one warp."""
        return _requests(self.accesses)

    def untouched(self, argument: str) -> np.ndarray:
        """Elements of an output that no thread wrote: int64 indices."""
        return np.flatnonzero(self.owners(argument)[0] < 0)

    def lines(self) -> list[LineStats]:
        """Requests, sectors and bank ways of each source line, in the order of the source."""
        rows = self.accesses[self.accesses["argument"] != OTHER]
        if not len(rows):
            return []
        request = _requests(rows)
        shared = rows["argument"] == SHARED
        action = np.where(rows["is_atomic"], 2, rows["is_write"])
        found = []
        group = _group(rows["file"], rows["line"], shared, action)
        for number in range(group.max() + 1):
            chosen = np.flatnonzero(group == number)
            file, line = rows["file"][chosen[0]], rows["line"][chosen[0]]
            is_shared, act = shared[chosen[0]], action[chosen[0]]
            count = _bank_ways if is_shared else _sectors
            requests, lanes, cost, ideal = count(rows[chosen], request[chosen])
            name = self.files[file]
            found.append(
                LineStats(
                    name, int(line), self.sources.get((name, int(line)), ""), "shared" if is_shared else "global",
                    ("load", "store", "atomic")[act], requests, lanes, cost, ideal,
                )
            )  # fmt: skip
        return found

    def report(self) -> str:
        """The faults and the table of lines, as text."""
        lines = [f"{self.kernel}: {len(self.accesses)} accesses" + ("" if self.complete else " (and more)")]
        lines += [str(fault) for fault in self.faults] or ["no fault found"]
        for s in self.lines():
            unit = "bank ways" if s.space == "shared" else "sectors"
            lines.append(
                f"{s.file + ' ' if s.file else ''}line {s.line:>3} {s.space} {s.action:<6} {s.requests:>6} requests "
                f"{s.lanes:5.1f} lanes {s.cost:6.2f} {unit} (ideal {s.ideal:.2f})  {s.source}"
            )
        return "\n".join(lines)


def _extent(size: tuple[int, int, int]) -> str:
    """4 for a row, 4 x 2 and 4 x 2 x 1 where there is more."""
    last = 3 if size[2] > 1 else 2 if size[1] > 1 else 1
    return " x ".join(map(str, size[:last]))


def _group(*columns: np.ndarray) -> np.ndarray:
    """Number of the group of equal rows that each row belongs to; groups are in the columns' order."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), bool)
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    groups = np.empty(len(order), np.int64)
    groups[order] = np.cumsum(new)
    return groups


def _distinct(*columns: np.ndarray) -> list[np.ndarray]:
    """The columns without repeated rows."""
    first = np.unique(_group(*columns), return_index=True)[1]
    return [column[first] for column in columns]


def _requests(rows: np.ndarray) -> np.ndarray:
    """Number of the request that each access belongs to.

    The n-th run of one instruction by the lanes of a warp, counted anew after each barrier, is one request: a
    model of lanes that run in step, exact where they take the same branches.
    """
    run = _group(rows["block"], rows["thread"], rows["place"], rows["epoch"])
    order = np.lexsort((rows["step"], run))
    starts = np.flatnonzero(np.diff(run[order], prepend=-1))
    turn = np.empty(len(rows), np.int64)
    turn[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(starts, append=len(rows)))
    return _group(rows["block"], rows["thread"] // WARP, rows["place"], rows["epoch"], turn)


def _means(request: np.ndarray, cost: np.ndarray, ideal: np.ndarray) -> tuple[int, float, float, float]:
    return len(cost), len(request) / len(cost), float(cost.mean()), float(ideal.mean())


def _sectors(rows: np.ndarray, request: np.ndarray) -> tuple[int, float, float, float]:
    """(requests, lanes, sectors, ideal sectors) of global accesses; the last three are means."""
    request = _group(request)
    count = int(request.max()) + 1
    first, last = rows["address"] // SECTOR, (rows["address"] + rows["size"] - 1) // SECTOR
    which, _ = _distinct(np.r_[request, request], np.r_[first, last])
    cost = np.bincount(which, minlength=count)
    return _means(request, cost, _ideal(rows, request, count, SECTOR))


def _bank_ways(rows: np.ndarray, request: np.ndarray) -> tuple[int, float, float, float]:
    """(requests, lanes, ways, ideal ways) of shared accesses. Lanes that want one word share it, but for atomics."""
    request = _group(request)
    count = int(request.max()) + 1
    which, words = [], []
    for k in range(int(rows["size"].max() + BANK_WIDTH - 1) // BANK_WIDTH):
        reaches = rows["size"] > k * BANK_WIDTH
        which.append(request[reaches])
        words.append(rows["index"][reaches] // BANK_WIDTH + k)
    which, words = np.concatenate(which), np.concatenate(words)
    if not rows["is_atomic"].any():
        which, words = _distinct(which, words)
    wanted = np.bincount(which * BANKS + words % BANKS, minlength=count * BANKS).reshape(count, BANKS)
    return _means(request, wanted.max(1), _ideal(rows, request, count, BANKS * BANK_WIDTH))


def _ideal(rows: np.ndarray, request: np.ndarray, count: int, unit: int) -> np.ndarray:
    """Units of `unit` bytes that the different cells of each request would fill side by side."""
    which, _, size = _distinct(request, rows["address"], rows["size"])
    return np.ceil(np.bincount(which, weights=size, minlength=count) / unit)
