"""How the ops are timed: contestants that do the same work, checked first, then run in turn.

A `Contest` is one op at one size. Every contestant's answer is compared with the expected one before any time is
taken; then each round runs all of them, in an order shuffled anew, so that a slow moment of the machine falls on
all alike. On the CPU each runs twice in its turn and the second run counts: what the one before left in the caches
is no merit of either. The contests themselves: bench_contests.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Contest", "Contestant", "Limit", "Row", "check_answers", "freed_memory_kept", "judge", "race"]

WARM_UPS = 2
RESERVED_BYTES = 512 * 2**20  # of the process's memory, touched before anything is timed on the CPU
FLUSH_BYTES = 512 * 2**20  # more than ten times the L2 of an H100


@dataclass
class Contestant:
    """One way of doing the work.

    Args:
        name: as the table shows it.
        run: does the work once.
        answer: makes tensors of what `run` returns, comparable with what is expected; None: not compared
            (a memory limit, a transfer).
        expected: what the answer must be, where its definition is not the contest's.
        note: what differs from the others' work, for the table.
        on_cpu: computes on the CPU whatever the device.
    """

    name: str
    run: Callable[[], object]
    answer: Callable[[object], tuple[Tensor, ...]] | None = None
    expected: tuple[Tensor, ...] | None = None
    note: str = ""
    on_cpu: bool = False


@dataclass
class Contest:
    """One op at one size.

    Args:
        op, size: what the table shows.
        ours: the compiled op.
        others: whom it is compared with.
        expected: the answer; a contestant that gives fewer tensors is compared by the first ones.
        tolerance: largest absolute difference from it.
        floor: touches the memory that the work must touch, and does nothing else.
        moved_bytes: what the work reads and writes at least.
        floor_bytes: what `floor` reads and writes.
    """

    op: str
    size: tuple[int, int]
    ours: Contestant
    others: list[Contestant]
    expected: tuple[Tensor, ...]
    tolerance: float
    floor: Contestant
    moved_bytes: int
    floor_bytes: int
    refused: dict[str, str] = field(default_factory=dict)  # contestant -> why it does not take part

    @property
    def contestants(self) -> list[Contestant]:
        return [self.ours, *self.others, self.floor]


@dataclass(frozen=True)
class Row:
    """What was measured of one contestant."""

    op: str
    size: tuple[int, int]
    name: str
    median_ms: float
    spread_ms: float  # between the quartiles
    ratio: float  # its median / ours
    of_limit: float  # the time that memory alone would take / its median; NaN where that is no measure
    note: str


def check_answers(contest: Contest) -> None:
    """Drop the contestants that cannot run, noting why; refuse to time one that gets it wrong.

    Raises:
        ValueError: a contestant's answer is not the expected one.
    """
    for contestant in contest.others:
        try:
            contestant.run()
        except Exception as error:  # torch.compile without a compiler, another release of a peer ...
            first_line = next(iter(str(error).strip().splitlines()), "")
            contest.refused[contestant.name] = f"{type(error).__name__}: {first_line}"
    contest.others = [c for c in contest.others if c.name not in contest.refused]
    for contestant in contest.contestants:
        if contestant.answer is None:
            continue
        answers = contestant.answer(contestant.run())
        wanted = contest.expected if contestant.expected is None else contestant.expected
        for answer, want in zip(answers, wanted, strict=False):
            difference = _difference(answer, want, contest.tolerance)
            if difference:
                raise ValueError(
                    f"{contest.op} {_times(contest.size)}: {contestant.name} computes something else: {difference}"
                )


def _difference(answer: Tensor, want: Tensor, tolerance: float) -> str:
    """What is wrong with an answer, in words; empty where nothing is."""
    if tuple(answer.shape) != tuple(want.shape):
        return f"{tuple(answer.shape)} instead of {tuple(want.shape)}"
    if not want.numel():
        return ""
    worst = (answer.float().to(want.device) - want.float()).abs().amax().item()
    return "" if worst <= tolerance else f"off by up to {worst:.3g}, {tolerance:.3g} is allowed"


def race(contest: Contest, *, rounds: int, device: torch.device, seed: int = 0, step=None) -> list[Row]:
    """Time all contestants in turn.

    Args:
        rounds: how often each runs; the table shows the median.
        step: called after every round (a progress bar).
    """
    contestants, order = contest.contestants, random.Random(seed)
    times: dict[str, list[float]] = {c.name: [] for c in contestants}
    for contestant in contestants:
        for _ in range(WARM_UPS):
            contestant.run()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for contestant in order.sample(contestants, len(contestants)):
                clock = _time_on_cpu if contestant.on_cpu or device.type != "cuda" else _time_on_gpu
                times[contestant.name].append(clock(contestant.run))
            if step:
                step()
    finally:
        gc.enable()
    medians = {name: statistics.median(values) for name, values in times.items()}
    least = medians[contest.floor.name]
    if device.type == "cuda":  # there the floor is a copy, whose speed is what every op is measured by
        least *= contest.moved_bytes / contest.floor_bytes
    return [
        Row(
            contest.op, contest.size, c.name, medians[c.name], _spread(times[c.name]),
            medians[c.name] / medians[contest.ours.name],
            math.nan if c.answer is None else least / medians[c.name], c.note,
        )
        for c in contestants
    ]  # fmt: skip


def _spread(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    quarters = statistics.quantiles(values, n=4, method="inclusive")
    return quarters[2] - quarters[0]


def _time_on_cpu(run: Callable[[], object]) -> float:
    run()
    start = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - start)


def _time_on_gpu(run: Callable[[], object]) -> float:
    """Milliseconds between two events, with the second-level cache flushed.

    The flush also keeps the device busy until Python has put the whole of `run` into the queue: else the events
    would time Python.
    """
    flush = _flush_buffer()
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    asked = time.perf_counter()
    run()
    asked = time.perf_counter() - asked
    torch.cuda.synchronize()
    for _ in range(2 + math.ceil(2 * asked / 100e-6)):  # a flush takes at least 100 us
        flush.zero_()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end)


_flush: list[Tensor] = []


def _flush_buffer() -> Tensor:
    if not _flush:
        _flush.append(torch.empty(FLUSH_BYTES, dtype=torch.uint8, device="cuda"))
    return _flush[0]


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Let the process keep the memory it frees, where the C library can (glibc); yields whether it does.

    Else every large result costs its page faults anew, which can take longer than computing it, and on either
    side by chance: glibc keeps blocks of up to 32 MB only. Some memory is touched beforehand, so that a block
    that does not fit the hole of the one before finds no untouched page either.
    """
    MMAP_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD = -4, -3, -1, -2  # malloc.h
    try:
        library = ctypes.CDLL(None)
        mallopt, give_back = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        yield False
        return
    done = [mallopt(MMAP_MAX, 0), mallopt(TRIM_THRESHOLD, 2**31 - 1), mallopt(TOP_PAD, 2**26)]
    torch.ones(RESERVED_BYTES // 4)
    try:
        yield all(done)
    finally:
        mallopt(MMAP_MAX, 65536)
        mallopt(MMAP_THRESHOLD, 32 * 2**20)  # what glibc works its way up to
        mallopt(TRIM_THRESHOLD, 128 * 1024)
        mallopt(TOP_PAD, 128 * 1024)
        give_back(0)


# ---- what the project promises


@dataclass(frozen=True)
class Limit:
    """A promise about the compiled op: how its time compares.

    Args:
        against: the contestants it is compared with, the first of them that took part; "memory": the floor.
        at_least: they take at least this many times as long as ours ...
        at_most: ... or ours at most this many times as long as they.
        device: type of device that it is promised on.
    """

    op: str
    against: tuple[str, ...]
    at_least: float | None = None
    at_most: float | None = None
    device: str = "cpu"


def judge(rows: list[Row], limits: list[Limit], device_type: str) -> list[tuple[str, str, bool]]:
    """(promise, what was measured, whether it was kept) for every limit on an op and size that was measured."""
    verdicts = []
    for limit in limits:
        for size in dict.fromkeys(row.size for row in rows if row.op == limit.op):
            if limit.device != device_type:
                continue
            found = {row.name: row for row in rows if (row.op, row.size) == (limit.op, size)}
            name = next((n for n in limit.against if n in found), None)
            bound = f">= {limit.at_least} x" if limit.at_least else f"<= {limit.at_most} x"
            promise = f"{limit.op} {_times(size)}: {bound} {name or limit.against[0]}"
            if limit.against == ("memory",):
                ratio = next(row.of_limit for row in found.values() if row.ratio == 1.0)
            elif name is None:
                verdicts.append((promise, "not measured", False))
                continue
            else:
                ratio = found[name].ratio if limit.at_least else 1.0 / found[name].ratio
            kept = ratio >= limit.at_least if limit.at_least else ratio <= limit.at_most
            verdicts.append((promise, f"{ratio:.2f} x", kept))
    return verdicts


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
