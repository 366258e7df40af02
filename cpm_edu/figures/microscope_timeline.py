"""The threads of a block over time: what they touched, step by step, and where they waited for each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..kernels.trace import SHARED, Trace
from .microscope_style import GLOBAL_COLOR, INK, PALE, SHARED_COLOR, WASTE

__all__ = ["draw_timeline"]

MARKS = {"load": "o", "store": "s", "atomic": "^"}


def draw_timeline(ax: Axes, trace: Trace, *, block: int = 0, threads: Sequence[int] | None = None) -> None:
    """Accesses of some threads, step by step; a barrier is a line that all must reach before any goes on.

    Steps count a thread's accesses; they are no time. Circles are loads, squares stores and triangles atomics; filled ones touch
    global memory, hollow ones shared memory. The two sides of the first race are ringed and joined, if both
    are among the threads.

    Args:
        block: its number, x + grid.x (y + grid.y z).
        threads: numbers within the block, ascending; None: the first eight, with both sides of the first race.
    """
    rows = trace.accesses[trace.accesses["block"] == block]
    if threads is None:
        threads = _interesting(trace, rows, int(np.prod(trace.block)))
    rows = rows[np.isin(rows["thread"], threads)]
    barriers = trace.barriers[trace.barriers["block"] == block]
    starts, longest = _layout(rows, threads, len(barriers))
    x = starts[rows["epoch"]] + _step_in_epoch(rows)
    y = np.searchsorted(np.asarray(threads), rows["thread"])
    for row in range(len(threads)):
        ax.axhline(row, color=PALE, lw=0.8, zorder=0)
    _draw_waits(ax, rows, threads, starts, longest, len(barriers))
    size = float(np.clip(2600 / (starts[-1] + longest[-1] + 1), 7, 30))  # many steps: smaller marks
    for action, marker in MARKS.items():
        for shared in (False, True):
            mine = _does(rows, action) & ((rows["argument"] == SHARED) == shared)
            color = SHARED_COLOR if shared else GLOBAL_COLOR
            face = "white" if shared else color
            ax.scatter(
                x[mine],
                y[mine],
                marker=marker,
                s=size,
                fc=face,
                ec=color,
                lw=1.3 if size > 15 else 0.8,
                zorder=3,
            )
    for epoch, line in zip(barriers["epoch"], barriers["line"], strict=True):
        place = starts[epoch] - 0.75
        ax.axvline(place, color=INK, lw=2, zorder=2)
        ax.text(
            place,
            -0.62,
            f"barrier\nline {line}" if len(barriers) <= 10 else str(line),
            fontsize=6,
            ha="center",
            va="bottom",
            color=INK,
        )
    race = _find_race(trace, rows)
    if race:
        pair = list(race)
        ax.plot(x[pair], y[pair], color=WASTE, lw=1.4, ls="--", zorder=2.5)
        ax.scatter(x[pair], y[pair], s=130, fc="none", ec=WASTE, lw=1.8, zorder=4)
    ax.set_ylim(len(threads) - 0.5, -0.55)
    ax.set_xlim(-0.2, starts[-1] + longest[-1] + 0.8)
    ax.set_yticks(range(len(threads)), [f"thread {t}" for t in threads], fontsize=7)
    ax.set_title(
        f"block {block}: what its threads touch, each in its own order (no time)", fontsize=9, loc="left", color=INK,
        pad=24 if len(barriers) else 9,
    )  # fmt: skip
    ax.tick_params(length=0, labelsize=7)
    ax.set_xticks([])
    for side in ("top", "right", "left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.legend(
        handles=_key(rows, len(barriers) > 0, race is not None), fontsize=6.5, ncol=6, loc="upper center", bbox_to_anchor=(0.5, -0.02),
        frameon=False, handletextpad=0.3, columnspacing=1.0,
    )  # fmt: skip


def _does(rows: np.ndarray, action: str) -> np.ndarray:
    if action == "atomic":
        return rows["is_atomic"]
    return (rows["is_write"] == (action == "store")) & ~rows["is_atomic"]


def _layout(rows: np.ndarray, threads: Sequence[int], num_barriers: int) -> tuple[np.ndarray, np.ndarray]:
    """(first step, number of steps) of each epoch: as long as the busiest of the threads needs."""
    epochs = max(num_barriers, int(rows["epoch"].max(initial=0))) + 1
    longest = np.zeros(epochs, int)
    for thread in threads:
        mine = rows["epoch"][rows["thread"] == thread]
        longest = np.maximum(longest, np.bincount(mine, minlength=epochs))
    return 1 + np.r_[0, np.cumsum(longest[:-1] + 0.9)], longest


def _step_in_epoch(rows: np.ndarray) -> np.ndarray:
    """0, 1, .. for the accesses of a thread since its last barrier."""
    order = np.lexsort((rows["step"], rows["epoch"], rows["thread"]))
    keys = rows["thread"][order].astype(np.int64) * (1 << 32) + rows["epoch"][order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(starts, append=len(keys))
    steps = np.empty(len(rows))
    steps[order] = np.arange(len(keys)) - np.repeat(starts, counts)
    return steps


def _draw_waits(ax: Axes, rows, threads: Sequence[int], starts, longest, num_barriers: int) -> None:
    for row, thread in enumerate(threads):
        mine = rows["epoch"][rows["thread"] == thread]
        done = np.bincount(mine, minlength=len(starts))
        for epoch in range(num_barriers):
            begin, end = starts[epoch] + done[epoch] - 0.45, starts[epoch + 1] - 0.8
            if longest[epoch] > done[epoch]:
                ax.plot([begin, end], [row, row], color="#999999", lw=3, ls=(0, (0.6, 0.6)), zorder=1)


def _find_race(trace: Trace, rows: np.ndarray) -> tuple[int, int] | None:
    """Two accesses that a fault's two lines made to one cell, by different threads between the same barriers."""
    for fault in trace.faults:
        for first in np.flatnonzero(rows["line"] == fault.line) if fault.other_line else ():
            one = rows[first]
            same = (rows["line"] == fault.other_line) & (rows["thread"] != one["thread"])
            for name in ("address", "argument", "epoch"):
                same &= rows[name] == one[name]
            same &= rows["is_write"] | one["is_write"]
            if same.any():
                return int(first), int(np.flatnonzero(same)[0])
    return None


def _interesting(trace: Trace, rows: np.ndarray, size: int, count: int = 8) -> list[int]:
    threads = list(range(min(count, size)))
    race = _find_race(trace, rows)
    missing = sorted({int(rows["thread"][i]) for i in race or ()} - set(threads))
    return threads[: len(threads) - len(missing)] + missing


def _key(rows: np.ndarray, has_barriers: bool, has_race: bool) -> list:
    key = []
    for shared, space in ((False, "global"), (True, "shared")):
        for action in MARKS:
            if not (((rows["argument"] == SHARED) == shared) & _does(rows, action)).any():
                continue
            color = SHARED_COLOR if shared else GLOBAL_COLOR
            mark = Line2D(
                [],
                [],
                marker=MARKS[action],
                ls="",
                mfc="white" if shared else color,
                mec=color,
                ms=5.5,
                mew=1.3,
            )
            mark.set_label(f"{space} {action}")
            key.append(mark)
    if has_barriers:
        key.append(Line2D([], [], color="#999999", lw=3, ls=(0, (0.6, 0.6)), label="waits"))
    if has_race:
        key.append(
            Line2D([], [], marker="o", color=WASTE, mfc="none", ms=9, mew=1.6, lw=1.4, ls="--", label="race")
        )
    return key
