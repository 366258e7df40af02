"""Two pictures for the notebook on reductions: a sum as a tree of lanes, and a roofline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .microscope_style import GOOD, INK, PALE, THREAD_CMAP, WASTE, ink_on

__all__ = ["roofline_figure", "tree_figure", "tree_sums"]


def tree_sums(values: Sequence[float]) -> list[list[float]]:
    """What every lane holds before and after each step of a sum that halves the distance.

    In a step of distance d, lane i adds what lane i + d holds; a lane without such a partner adds its own number, as
    `__shfl_down_sync` does.

    Returns:
        One list a step, the first as given; the last one's lane 0 holds the sum.

    Raises:
        ValueError: their number is no power of two.
    """
    lanes = len(values)
    if lanes < 1 or lanes & (lanes - 1):
        raise ValueError(f"a tree needs a power of two of values, got {lanes}")
    rows, distance = [list(values)], lanes // 2
    while distance:
        now = rows[-1]
        rows.append([now[i] + now[i + distance if i + distance < lanes else i] for i in range(lanes)])
        distance //= 2
    return rows


def tree_figure(values: Sequence[float]) -> Figure:
    """The steps of `tree_sums`, a row each; lanes whose number is part of the final sum are coloured."""
    rows = tree_sums(values)
    lanes = len(values)
    figure = Figure(figsize=(8.4, 0.85 * len(rows) + 0.3), dpi=110)
    ax = figure.add_axes((0.17, 0.02, 0.82, 0.9))
    needed = lanes
    for step, row in enumerate(rows):
        y = 1.6 * step
        for lane, value in enumerate(row):
            counts = lane < needed
            color = THREAD_CMAP(0.08 + 0.87 * lane / max(lanes - 1, 1)) if counts else (1, 1, 1, 1)
            ax.add_patch(
                Rectangle((lane + 0.08, y), 0.84, 0.8, fc=color, ec=INK if counts else "#bbbbbb", lw=1)
            )
            ink = ink_on(color) if counts else "#767676"
            ax.text(lane + 0.5, y + 0.4, f"{value:g}", ha="center", va="center", fontsize=11, color=ink)
        words = "start" if step == 0 else f"distance {lanes >> step}"
        ax.text(-0.25, y + 0.4, words, ha="right", va="center", fontsize=10.5, color=INK)
        if step + 1 < len(rows):
            needed //= 2
            for lane in range(needed):
                arrow = {"arrowstyle": "-|>", "color": WASTE, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
                ax.annotate("", (lane + 0.62, y + 1.58), (lane + needed + 0.5, y + 0.82), arrowprops=arrow)
                ax.plot([lane + 0.4] * 2, [y + 0.82, y + 1.56], color=INK, lw=1.2)
    for lane in range(lanes):
        ax.text(lane + 0.5, -0.3, f"lane {lane}", ha="center", fontsize=9.5, color=INK)
    ax.set_xlim(0, lanes)
    ax.set_ylim(1.6 * len(rows) - 0.7, -0.6)
    ax.set_axis_off()
    return figure


def roofline_figure(read_gb_s: float, peak_gflop_s: float, ops: Mapping[str, tuple[float, float]]) -> Figure:
    """What memory and arithmetic allow, and what was reached.

    Args:
        read_gb_s: 10^9 bytes a second that memory delivers to who only reads.
        peak_gflop_s: 10^9 additions and multiplications a second, the most that was seen.
        ops: name -> (operations for each byte that has to move, 10^9 operations a second that were measured).
    """
    figure = Figure(figsize=(9.2, 4.9), dpi=110, layout="constrained")
    ax = figure.add_subplot()
    ridge = peak_gflop_s / read_gb_s
    low, high = (
        min(0.1, *(i / 2 for i, _ in ops.values())),
        max(10 * ridge, *(3 * i for i, _ in ops.values())),
    )
    x = np.array([low, ridge, high])
    roof = f"the roof: memory moves {read_gb_s:.0f} GB/s, arithmetic does {peak_gflop_s:.0f} Gflop/s"
    ax.loglog(x, np.minimum(x * read_gb_s, peak_gflop_s), color=INK, lw=2.5, label=roof)
    ax.fill_between(x, np.minimum(x * read_gb_s, peak_gflop_s), 1e-9, color=PALE, alpha=0.5, lw=0)
    ax.axvline(ridge, color=INK, lw=1, ls=(0, (4, 3)))
    bottom = min(g for _, g in ops.values()) / 4
    ax.set_ylim(bottom, 2.5 * peak_gflop_s)
    ax.set_xlim(low, high)
    ax.text(ridge * 1.1, bottom * 1.3, f"{ridge:.1f} operations a byte", fontsize=10, color=INK)
    for (name, (intensity, reached)), marker in zip(ops.items(), "osD^vP*X", strict=False):
        share = reached / min(intensity * read_gb_s, peak_gflop_s)
        bound = "memory" if intensity < ridge else "arithmetic"
        color = GOOD if bound == "memory" else WASTE
        ax.plot(
            intensity,
            reached,
            marker,
            ms=9,
            color=color,
            mec="white",
            ls="",
            label=f"{name}: {100 * share:.0f} % of the roof ({bound})",
        )
    ax.set_xlabel("operations for each byte that has to move")
    ax.set_ylabel("10⁹ operations a second")
    ax.legend(fontsize=9.5, loc="center right", framealpha=0.95)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return figure
