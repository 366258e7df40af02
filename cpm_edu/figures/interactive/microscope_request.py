"""One request under the microscope: the 32 lanes of a warp, and the sectors or banks that they need."""

from __future__ import annotations

import numpy as np

from ...kernels.trace import SECTOR, WARP
from ..microscope_style import INK, WASTE
from .frame import Line, Mark, Panel, Rects, Texts
from .microscope_panels import GREY, LANE_COLORS, UNUSED, readable
from .microscope_view import Access, LaunchView, words_of

__all__ = ["request_panel"]

LANE_HEX = ["#{:02x}{:02x}{:02x}".format(*color[:3]) for color in LANE_COLORS]
NOBODY = "#ffffff"
SIZE = (470, 324)


def request_panel(view: LaunchView, access: Access, *, chosen: bool = True, race: str = "") -> Panel:
    """The lanes of the warp above, and below the sectors of global memory or the banks of shared memory they need.

    Args:
        chosen: the access is the chosen thread's, so its lane is framed.
        race: what to say of a race, in place of the verdict on the cost.
    """
    one = view.accesses[access.lanes]
    lane = one["thread"].astype(int) % WARP
    selected = int(view.accesses["thread"][access.row]) % WARP
    fills = [LANE_HEX[i] if i in lane else NOBODY for i in range(WARP)]
    marks: list[Mark] = []
    ends, low, below = _banks(one) if access.shared else _sectors(view, access, one)
    marks += below
    lines = [
        p
        for i, x in zip(lane.tolist(), ends, strict=True)
        for p in ((i + 0.5, 0.5), (x, low), (np.nan, np.nan))
    ]
    marks.append(Line(lines, GREY, 1.0))
    if chosen:
        x = ends[lane.tolist().index(selected)]
        marks.append(Line([(selected + 0.5, 0.5), (x, low)], WASTE, 3.0))
    marks.append(Rects([(i + 0.05, 0, i + 0.95, 0.5) for i in range(WARP)], fill=fills, edge=GREY))
    places = [0, 8, 16, 24, 31]
    if chosen:
        marks.append(Rects([(selected, -0.03, selected + 1, 0.53)], edge="#000000", edge_px=3))
        places = [i for i in places if abs(i - selected) > 1] + [selected]
    marks.append(
        Texts([(i + 0.5, -0.22) for i in places], [str(i) for i in places], align="center", color=INK)
    )
    color, sign, words = access.verdict
    asked = _bytes(one)
    if access.shared:
        told = f"{access.units} turn{'s' * (access.units != 1)} of the banks for {asked} bytes"
    else:
        told = f"{access.units} sector{'s' * (access.units != 1)} of 32 bytes for {asked} bytes asked for"
    marks.append(Texts([(WARP / 2, 3.3)], [told], align="center", size_px=14, bold=True))
    fewest = "" if access.units <= access.ideal else f": {access.ideal} would do"
    last, color = (f"■ {race}", WASTE) if race else (f"{sign} {words}{fewest}", readable(color))
    marks.append(Texts([(WARP / 2, 3.62)], [last], align="center", size_px=14, color=color, bold=True))
    unit = "banks" if access.shared else "sectors"
    return Panel(
        "request", SIZE, (-0.3, -0.45, WARP + 0.3, 3.85), marks, frame=False,
        title="One request: this instruction of this warp" if chosen else "Another thread's request, to compare", y_ticks=[(0.25, "lanes"), (low + 0.35, unit)],
        describe=f"Lines lead from {len(lane)} lanes to the {unit} they need. {told}: {words}.",
    )  # fmt: skip


def _bytes(rows: np.ndarray) -> int:
    distinct = np.unique(rows["address"], return_index=True)[1]
    return int(rows["size"][distinct].sum())


def _sectors(view: LaunchView, access: Access, one: np.ndarray) -> tuple[list[float], float, list[Mark]]:
    """Where each lane's bytes lie along x, the top of the sectors, and the marks."""
    low, high = 1.9, 2.55
    address = one["address"].astype(np.int64)
    sectors = np.unique(np.r_[address // SECTOR, (address + one["size"] - 1) // SECTOR])
    step = min(WARP / len(sectors), 4.0)
    start = (WARP - step * len(sectors)) / 2
    left = {int(s): start + step * i + 0.04 * step for i, s in enumerate(sectors)}
    wide = 0.92 * step
    boxes = [(x, low, x + wide, high) for x in left.values()]
    marks: list[Mark] = [Rects(boxes, fill=UNUSED)]
    parts, fills, ends = [], [], []
    for begin, size, thread in zip(
        address.tolist(), one["size"].tolist(), one["thread"].tolist(), strict=True
    ):
        x = left[begin // SECTOR] + wide * (begin % SECTOR) / SECTOR
        width = wide * min(size, SECTOR - begin % SECTOR) / SECTOR
        parts.append((x, low, x + width, high))
        fills.append(LANE_HEX[thread % WARP])
        ends.append(x + width / 2)
    marks += [Rects(parts, fill=fills), Rects(boxes, edge=GREY, edge_px=1.0 if step > 1.5 else 0.7)]
    if step >= 2.6:
        item = view.item_bytes(access)
        zero = int(address[0]) - int(one["index"][0]) * item
        names = [f"[{(int(s) * SECTOR - zero) // item}]" for s in sectors]
        marks.append(Texts([(x, high + 0.2) for x in left.values()], names, color=GREY))
        if start > 0:
            name = f"{view.name_of(access)} "
            marks.append(Texts([(start, high + 0.2)], [name], color=GREY, bold=True, align="right"))
    return ends, low, marks


def _banks(one: np.ndarray) -> tuple[list[float], float, list[Mark]]:
    low, high = 1.7, 2.85
    stacks: dict[int, list[int]] = {}
    cells, ends = [], []
    for i, word in words_of(one):
        stack = stacks.setdefault(word % WARP, [])
        if word not in stack or one["is_atomic"].any():
            stack.append(word)
        cells.append((i, word % WARP, len(stack) - 1 if one["is_atomic"].any() else stack.index(word)))
    turns = max(map(len, stacks.values()))
    height = min(0.35, (high - low) / turns)
    boxes = [(b + 0.05, low + t * height, b + 0.95, low + (t + 1) * height) for _, b, t in cells]
    fills = [LANE_HEX[int(one["thread"][i]) % WARP] for i, _, _ in cells]
    first = {i: b for i, b, _ in reversed(cells)}
    ends = [first[i] + 0.5 for i in range(len(one))]
    frames = [(b, low, b + 1, low + turns * height) for b in range(WARP)]
    marks: list[Mark] = [
        Rects(frames, edge="#d5d5d5"),
        Rects(boxes, fill=fills, edge="#ffffff" if turns <= 8 else None),
    ]
    numbers = (0, 8, 16, 24, 31)
    marks.append(
        Texts(
            [(b + 0.5, low + turns * height + 0.2) for b in numbers],
            [str(b) for b in numbers],
            color=GREY,
            align="center",
        )
    )
    return ends, low, marks
