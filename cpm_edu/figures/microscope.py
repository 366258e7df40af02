"""What a kernel did to memory: which thread touched which cell, what each line cost, who waited for whom.

All functions draw a Trace (kernels/trace.py) onto Axes. They show counts of an emulated launch, not times.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..kernels.trace import SECTOR, SHARED, WARP, LineStats, Trace
from .microscope_style import GOOD, INK, PALE, POOR, THREAD_CMAP, WASTE, ink_on
from .microscope_timeline import draw_timeline

__all__ = ["draw_lines", "draw_owners", "draw_request", "draw_timeline", "kernel_figure"]

# Okabe and Ito: blue, orange, vermilion; each with a sign, so that colour never stands alone
VERDICTS = (
    (1.15, GOOD, "●", "as few as can be"),
    (2.05, POOR, "▲", "up to twice"),
    (np.inf, WASTE, "■", "wasteful"),
)


ROW, NO_CELL = 16, -2  # a long row of cells is drawn as rows of so many


def verdict(stats: LineStats) -> tuple[str, str, str]:
    """(colour, sign, words) for the cost of a line, by its ratio to the ideal."""
    ratio = stats.cost / max(stats.ideal, 1)
    return next(row[1:] for row in VERDICTS if ratio <= row[0])


def draw_owners(
    ax: Axes, trace: Trace, argument: str, shape: tuple[int, int], *, write: bool = True,
    window: tuple[int, int] | None = None,
) -> None:  # fmt: skip
    """Thread-to-cell map: each cell of an argument in the colour, and with the number, of the thread it fell to.

    The colour is the thread's lane, so that a warp reads as one sweep from dark to light; thick lines part the
    blocks. A cell that nobody touched is white and crossed out.

    Args:
        shape: (rows, columns) as which the argument's elements are drawn, from its first element on.
        write: who wrote it last; False: who read it last.
        window: at most so many rows and columns are drawn, from the top left corner; None: as many as leave
            room for the numbers, or 96 where those would show one row of blocks.
    """
    rows, columns = shape
    blocks, threads = (
        owner[: rows * columns].reshape(rows, columns) for owner in trace.owners(argument, write=write)
    )
    digits = len(str(max(int(threads.max(initial=0)), 0)))
    fitting = 24 if digits < 3 else 36 // (digits - 1)
    close = (2 * fitting // 3, fitting)
    window = window or ((96, 96) if rows > close[0] and np.ptp(blocks[: close[0], 0]) == 0 else close)
    rows, columns = min(rows, window[0]), min(columns, window[1])
    blocks, threads = blocks[:rows, :columns], threads[:rows, :columns]
    if wrapped := rows == 1 and shape[1] > ROW:  # one row of cells would be a thin line: go on below
        blocks, threads = (_wrap(owner[: shape[1]]) for owner in trace.owners(argument, write=write))
        rows, columns = blocks.shape
    colors = THREAD_CMAP(0.08 + 0.87 * (threads % WARP) / (WARP - 1))[..., :3]
    colors[threads < 0] = 1.0
    ax.imshow(colors, interpolation="nearest")
    ax.set_anchor("NW")
    fontsize = min(8.5, 190 / (columns * (0.9 + 0.45 * digits)))
    for y in range(rows):
        for x in range(columns):
            thread = threads[y, x]
            if NO_CELL < thread < 0:
                ax.plot([x - 0.3, x + 0.3], [y - 0.3, y + 0.3], color=WASTE, lw=1)
                ax.plot([x - 0.3, x + 0.3], [y + 0.3, y - 0.3], color=WASTE, lw=1)
            elif fontsize >= 4 and thread >= 0:
                color = ink_on(colors[y, x])
                ax.text(x, y, str(thread), ha="center", va="center", fontsize=fontsize, color=color)
    for i in range(columns + 1):
        ax.axvline(i - 0.5, color="white", lw=0.6)
    for i in range(rows + 1):
        ax.axhline(i - 0.5, color="white", lw=0.6)
    _outline(ax, blocks)
    verb = "written" if write else "read"
    whole = (rows, columns) == tuple(shape) or (wrapped and rows * columns >= shape[1])
    ax.set_title(
        f"{argument}: the thread that each cell was {verb} by" + ("" if whole else " (top left part)"),
        fontsize=9, loc="left", color=INK, pad=9,
    )  # fmt: skip
    ax.set_xticks(range(0, columns, max(1, columns // 8)))
    ticks = range(0, rows, max(1, rows // 8))
    ax.set_yticks(ticks, [y * ROW if wrapped else y for y in ticks])
    ax.tick_params(labelsize=7, length=2, color=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _wrap(owner: np.ndarray) -> np.ndarray:
    """A row of cells as rows of ROW cells, at most ROW of them; NO_CELL fills the last one."""
    padded = np.pad(owner, (0, -len(owner) % ROW), constant_values=NO_CELL)
    return padded.reshape(-1, ROW)[:ROW]


def _outline(ax: Axes, blocks: np.ndarray) -> None:
    """Lines between cells of different blocks, and the block's number at the corner of its first cell."""
    rows, columns = blocks.shape
    for y in range(rows):
        for x in range(columns):
            if x + 1 < columns and blocks[y, x] != blocks[y, x + 1]:
                ax.plot([x + 0.5] * 2, [y - 0.5, y + 0.5], color=INK, lw=1.8, solid_capstyle="projecting")
            if y + 1 < rows and blocks[y, x] != blocks[y + 1, x]:
                ax.plot([x - 0.5, x + 0.5], [y + 0.5] * 2, color=INK, lw=1.8, solid_capstyle="projecting")
    for block in np.unique(blocks[blocks >= 0]):
        y, x = np.argwhere(blocks == block)[0]
        ax.text(
            x - 0.5, y - 0.5, f"block {block}" if columns <= 12 else f"b{block}", ha="center", va="center",
            fontsize=4.8, color=INK, bbox={"fc": "white", "ec": INK, "lw": 0.5, "pad": 0.8}, zorder=4,
        )  # fmt: skip


def draw_lines(ax: Axes, trace: Trace, *, width: int = 86) -> None:
    """The kernel's source with what each line costs: sectors or bank ways per request, beside the ideal.

    Bars are on a scale of 32, the worst that 4-byte accesses can do; the tick is the ideal. Lines between that
    touch no memory are left out where there are more than three of them.

    Args:
        width: characters of a source line that are drawn.
    """
    stats = [s for s in trace.lines() if not s.file]
    rows = _listing(trace, stats)
    ax.set_xlim(0, 100)
    ax.set_ylim(len(rows) + 1, -1.2)
    ax.set_axis_off()
    left, bar, end = 56.0, 71.0, 91.0
    heads = ((0, "line"), (left, "access"), (bar, "sectors or bank ways per request"))
    for x, text in heads:
        ax.text(x, -0.75, text, fontsize=7.5, color=INK, weight="bold", va="center")
    ax.plot([0, 100], [-0.15, -0.15], color=INK, lw=0.8)
    faulty = {
        line for fault in trace.faults if not fault.file for line in (fault.line, fault.other_line) if line
    }
    for y, (number, text, s) in enumerate(rows):
        middle = y + 0.45
        if number is not None:
            if number in faulty:
                ax.add_patch(Rectangle((0, y), left - 1, 0.92, color=WASTE, alpha=0.14, lw=0))
                ax.text(3.4, middle, "!", fontsize=8, color=WASTE, weight="bold", va="center", ha="center")
            ax.text(
                2.6,
                middle,
                str(number),
                fontsize=7,
                color="#777777",
                va="center",
                ha="right",
                family="monospace",
            )
        shown = text if len(text) <= width else text[: width - 1] + "…"
        ax.text(4.4, middle, shown, fontsize=7, color=INK, va="center", family="monospace")
        if s is None:
            continue
        color, sign, _ = verdict(s)
        ax.text(left, middle, f"{s.space} {s.action}", fontsize=7, color=INK, va="center")
        scale = (end - bar) / 32
        ax.add_patch(Rectangle((bar, y + 0.2), end - bar, 0.5, color=PALE, lw=0))
        ax.add_patch(Rectangle((bar, y + 0.2), max(min(s.cost, 32) * scale, 0.25), 0.5, color=color, lw=0))
        ax.plot([bar + s.ideal * scale] * 2, [y + 0.08, y + 0.82], color=INK, lw=1.2)
        ax.text(end + 1, middle, sign, fontsize=7.5, color=color, va="center")
        ax.text(end + 2.6, middle, _number(s.cost), fontsize=7.5, color=INK, va="center")
        if s.cost > 1.15 * s.ideal:
            ax.text(
                100, middle, f"ideal {_number(s.ideal)}", fontsize=7, color="#777777", va="center", ha="right"
            )
    key = "   ".join(f"{sign} {words}" for _, _, sign, words in VERDICTS)
    ax.text(100, len(rows) + 0.6, key + "    | ideal", fontsize=6.5, color="#777777", va="center", ha="right")


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"


def _listing(trace: Trace, stats: list[LineStats]) -> list[tuple[int | None, str, LineStats | None]]:
    """(line number or None for a second row, text, stats) of the rows to draw."""
    lines = trace.text.expandtabs(2).split("\n")
    by_line: dict[int, list[LineStats]] = {}
    for s in stats:
        by_line.setdefault(s.line, []).append(s)
    wanted = set(by_line) | {f.line for f in trace.faults if f.line and not f.file}
    if not wanted:
        return []
    first = max(n for n in range(1, min(wanted) + 1) if n == 1 or "__global__" in lines[n - 1])
    rows, skipped = [], []
    for number in range(first, max(wanted) + 1):
        text = lines[number - 1].rstrip()
        if number not in wanted:
            skipped.append((number, text, None))
            continue
        rows += skipped if len(skipped) <= 3 else [*skipped[:1], (None, "  ⋯", None)]
        skipped = []
        mine = by_line.get(number, [None])
        rows.append((number, text, mine[0]))
        rows += [(None, "", s) for s in mine[1:]]
    return rows


def draw_request(
    ax: Axes, trace: Trace, line: int, *, write: bool | None = None, block: int = 0, turn: int = 0
) -> None:
    """One request of one warp: its 32 lanes above, the sectors of memory (or the banks) that they need below.

    Args:
        line: of the kernel's own text.
        write: stores or loads; None takes what the line has.
        block: whose first warp is drawn; `turn`: its how manieth request.
    """
    rows = trace.accesses
    rows = rows[(rows["line"] == line) & (rows["file"] == trace.files.index("")) & (rows["block"] == block)]
    rows = rows[(rows["thread"] < WARP) & (rows["argument"] >= SHARED)]
    if write is not None:
        rows = rows[rows["is_write"] == write]
    if not len(rows):
        raise ValueError(f"the first warp of block {block} accessed nothing in line {line}")
    rows = rows[rows["place"] == rows["place"][0]]
    rows = np.concatenate(
        [mine[turn : turn + 1] for mine in (rows[rows["thread"] == t] for t in range(WARP))]
    )
    if not len(rows):
        raise ValueError(f"line {line} ran fewer than {turn + 1} times")
    in_shared = rows["argument"][0] == SHARED
    _draw_banks(ax, rows) if in_shared else _draw_sectors(ax, rows)
    for lane in range(WARP):
        active = lane in rows["thread"]
        color = THREAD_CMAP(0.08 + 0.87 * lane / (WARP - 1)) if active else (1, 1, 1)
        ax.add_patch(Rectangle((lane, 2.0), 0.92, 0.5, fc=color, ec=PALE if active else "#bbbbbb", lw=0.5))
        ax.text(
            lane + 0.46,
            2.25,
            str(lane),
            fontsize=6,
            ha="center",
            va="center",
            color=ink_on(to_rgb(color)) if active else "#bbbbbb",
        )
    ax.text(-0.4, 2.25, "lane", fontsize=7.5, ha="right", va="center", color=INK)
    ax.set_xlim(-3.6, WARP + 0.2)
    ax.set_ylim(-0.45, 2.62)
    ax.set_axis_off()


def _draw_sectors(ax: Axes, rows: np.ndarray) -> None:
    first, last = rows["address"] // SECTOR, (rows["address"] + rows["size"] - 1) // SECTOR
    needed = np.unique(np.r_[first, last])
    unit = WARP / max(len(needed), 1)
    step = min(unit, 4.0)  # a sector is never drawn wider than eight lanes of 4 bytes would need
    start = (WARP - step * len(needed)) / 2
    place = {int(sector): start + step * i for i, sector in enumerate(needed)}
    for x in place.values():
        ax.add_patch(Rectangle((x + 0.03 * step, 0.1), 0.94 * step, 0.5, fc=PALE, ec=INK, lw=0.7))
    for row in rows:
        low, size = int(row["address"]), int(row["size"])
        color = THREAD_CMAP(0.08 + 0.87 * int(row["thread"]) / (WARP - 1))
        x = place[low // SECTOR] + (0.03 + 0.94 * (low % SECTOR) / SECTOR) * step
        bytes_here = min(size, SECTOR - low % SECTOR)
        width = 0.94 * step * bytes_here / SECTOR
        ax.add_patch(Rectangle((x, 0.1), width, 0.5, fc=color, ec=color, lw=0.3))
        ax.plot([row["thread"] + 0.46, x + width / 2], [2.0, 0.6], color=color, lw=0.8)
    used = len(
        np.unique(
            np.concatenate([np.arange(int(r["address"]), int(r["address"]) + int(r["size"])) for r in rows])
        )
    )
    share = used / (len(needed) * SECTOR)
    ax.text(-0.4, 0.35, "sectors\n(32 bytes)", fontsize=7.5, ha="right", va="center", color=INK)
    ax.text(
        WARP / 2, -0.22, f"{len(needed)} sectors are fetched for {used} bytes: {100 * share:.0f} % of them are used",
        fontsize=8.5, ha="center", va="center", color=INK,
    )  # fmt: skip


def _draw_banks(ax: Axes, rows: np.ndarray) -> None:
    words: dict[int, list[int]] = {}
    for row in rows:
        for word in range(int(row["index"]) // 4, (int(row["index"]) + int(row["size"]) - 1) // 4 + 1):
            column = words.setdefault(word % 32, [])
            if word not in column:
                column.append(word)
    ways = max(len(column) for column in words.values())
    height = min(0.34, 1.2 / ways)
    for bank in range(32):
        ax.add_patch(Rectangle((bank, 0.1), 0.92, height * ways, fc="white", ec=PALE, lw=0.6))
    for row in rows:
        word = int(row["index"]) // 4
        color = THREAD_CMAP(0.08 + 0.87 * int(row["thread"]) / (WARP - 1))
        turn = words[word % 32].index(word)
        y = 0.1 + height * turn
        ax.add_patch(
            Rectangle((word % 32, y), 0.92, height, fc=color, ec="white" if ways <= 8 else color, lw=0.6)
        )
        ax.plot([row["thread"] + 0.46, word % 32 + 0.46], [2.0, 0.1 + height * ways], color=color, lw=0.8)
    ax.text(
        -0.4, 0.1 + height * ways / 2, "banks\n(4 bytes)", fontsize=7.5, ha="right", va="center", color=INK
    )
    what = (
        "one turn: no two lanes want different words of one bank"
        if ways == 1
        else (f"{ways} turns: the most wanted bank has {ways} different words to give")
    )
    ax.text(WARP / 2, -0.22, what, fontsize=8.5, ha="center", va="center", color=INK)


def kernel_figure(
    trace: Trace, argument: str, shape: tuple[int, int], *, write: bool = True, title: str = ""
) -> Figure:
    """A whole kernel: thread-to-cell map, cost of each line, timeline of the first block, and faults in words.

    Args:
        argument, shape, write: as of `draw_owners`.
    """
    listing = len(_listing(trace, [s for s in trace.lines() if not s.file]))
    top, table, plots, gap, bottom = 0.5, 0.19 * (listing + 2), 2.5, 0.65, 0.5  # inches
    height = top + table + gap + plots + bottom
    figure = Figure(figsize=(11, height), dpi=130)

    def axes(left: float, right: float, above: float, inches: float) -> Axes:
        return figure.add_axes([left, 1 - (above + inches) / height, right - left, inches / height])

    draw_lines(axes(0.03, 0.985, top, table), trace)
    draw_owners(axes(0.035, 0.42, top + table + gap, plots), trace, argument, shape, write=write)
    draw_timeline(axes(0.49, 0.985, top + table + gap, plots), trace)
    figure.text(
        0.03, 1 - 0.25 / height, title or trace.kernel, fontsize=13, weight="bold", color=INK, va="center"
    )
    figure.text(
        0.985, 1 - 0.25 / height, _verdict_in_words(trace), fontsize=9.5, color=WASTE if trace.faults else GOOD,
        weight="bold", va="center", ha="right",
    )  # fmt: skip
    return figure


def _verdict_in_words(trace: Trace) -> str:
    if not trace.faults:
        return "● no fault found in this launch"
    told = []
    for fault in trace.faults[:2]:
        lines = sorted({line for line in (fault.line, fault.other_line) if line})
        told.append(f"{fault.kind} in line{'s' if len(lines) > 1 else ''} {' and '.join(map(str, lines))}")
    more = len(trace.faults) - len(told)
    return "■ " + "; ".join(told) + (f"; and {more} more" if more else "")
