"""The microscope's source, threads and memory as panels; microscope_request.py holds the fourth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...kernels.trace import SECTOR, WARP
from ..microscope import VERDICTS, verdict
from ..microscope_style import GOOD, INK, POOR, THREAD_CMAP, WASTE
from .frame import Dots, Line, Mark, Panel, Raster, Rects, Texts
from .microscope_view import Access, LaunchView

__all__ = ["GREY", "LANE_COLORS", "UNUSED", "memory_panel", "readable", "source_panel", "threads_panel"]

LANE_COLORS = np.rint(255 * THREAD_CMAP(0.08 + 0.87 * np.arange(WARP) / (WARP - 1))).astype(
    np.uint8
)  # (32, 4)
UNUSED, FAULTY, CURRENT, GREY = "#f7d9c8", "#fbe3d8", "#dcebf5", "#767676"
SOURCE_SIZE, THREADS_SIZE = (500, 224), (288, 224)
MEMORY_SIZE = (320, 324)
LINE_PX, SHOWN_LINES, TOP_PX, KEY_PX, TALLEST_PX = 15, 12, 4, 20, 24
LETTERS, LETTERS_BESIDE_COST = 64, 57
POOR_INK = "#8A5A00"  # POOR is too pale for words on white
MOST_ROWS, MOST_COLUMNS, WRAP = 40, 64, 32


def faded(colors: np.ndarray, keep: float) -> np.ndarray:
    """(..., 4) uint8 colours, mixed with white."""
    return np.rint(255 - keep * (255 - colors.astype(np.float32))).astype(np.uint8)


FADED = faded(LANE_COLORS, 0.38)


def readable(color: str) -> str:
    """A verdict's colour, dark enough for words."""
    return POOR_INK if color == POOR else color


def source_panel(view: LaunchView, line: int) -> Panel:
    """The kernel's text: the line of this access, faulty lines, and what lines cost."""
    lines = view.trace.text.expandtabs(2).strip("\n").split("\n")
    skipped = len(view.trace.text) - len(view.trace.text.lstrip("\n"))  # blank lines above keep their numbers
    first = int(np.clip(line - skipped - SHOWN_LINES // 2 - 1, 0, max(0, len(lines) - SHOWN_LINES)))
    faulty = {n for f in view.trace.faults if not f.file for n in (f.line, f.other_line) if n}
    shown = range(first + 1 + skipped, min(first + SHOWN_LINES, len(lines)) + 1 + skipped)
    boxes, fills, marks = [], [], []
    code, numbers, costs = [], [], []
    for row, number in enumerate(shown):
        y = row * LINE_PX
        if number == line or number in faulty:
            boxes.append((0, y, SOURCE_SIZE[0], y + LINE_PX))
            fills.append(CURRENT if number == line else FAULTY)
        text = lines[number - 1 - skipped]
        most = LETTERS_BESIDE_COST if number in view.costs else LETTERS
        most -= number > 99
        code.append(text if len(text) <= most else text[: most - 1] + "…")
        numbers.append(f"{'!' if number in faulty else ' '}{number:2}")
        if stats := view.costs.get(number):
            color, sign, _ = verdict(stats)
            costs.append((y, f"{sign} {_short(stats.cost)}", readable(color)))
    middle = [row * LINE_PX + LINE_PX / 2 for row in range(len(code))]
    if boxes:
        marks.append(Rects(boxes, fill=fills))
    if line in shown:
        y = (line - shown[0]) * LINE_PX
        marks.append(Line([(1.5, y), (1.5, y + LINE_PX)], GOOD, 3.0))
    red = [WASTE if n.startswith("!") else GREY for n in numbers]
    marks.append(Texts([(6, y) for y in middle], numbers, color=red, mono=True))
    start = 32 if shown[-1] < 100 else 42  # room for three digits
    marks.append(Texts([(start, y) for y in middle], code, color=INK, mono=True))
    if costs:
        ends = [(SOURCE_SIZE[0] - 6, y + LINE_PX / 2) for y, _, _ in costs]
        words, colors = [c[1] for c in costs], [c[2] for c in costs]
        marks.append(Texts(ends, words, color=colors, align="right", bold=True))
    bottom = SOURCE_SIZE[1] - TOP_PX - 12
    marks.append(
        Texts([(6, bottom)], [_verdict(view)], color=WASTE if view.trace.faults else GOOD, bold=True)
    )
    key = "   ".join(f"{sign} {words}" for _, _, sign, words in VERDICTS)
    marks.append(Texts([(SOURCE_SIZE[0] - 6, bottom - 18)], [key], color=GREY, align="right"))
    what = "Recorded launch, no compiler here" if view.recorded else "The kernel"
    return Panel(
        "source", SOURCE_SIZE, (0, -TOP_PX, SOURCE_SIZE[0], SOURCE_SIZE[1] - TOP_PX), marks,
        title=f"{what} · right: sectors{' or bank turns' * ('shared' in view.kinds)} a request",
        describe=f"Source of {view.trace.kernel}; line {line} is marked. {_verdict(view)}.",
    )  # fmt: skip


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"


def _verdict(view: LaunchView) -> str:
    faults = view.trace.faults
    if not faults:
        return "● no fault found in this launch"
    fault = faults[0]
    places = sorted({n for n in (fault.line, fault.other_line) if n}) if not fault.file else []
    where = f" in line{'s' if len(places) > 1 else ''} {' and '.join(map(str, places))}" if places else ""
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"■ {fault.kind}{where}{more}"


def threads_panel(
    view: LaunchView, thread: tuple[int, int], access: Access | None, rival: int | None
) -> Panel:
    """Every thread of the first blocks: a row is a warp, a column a lane.

    Args:
        thread: the chosen (block, thread).
        access: whose instruction colours the threads; its request is stronger if the chosen thread is part of it.
        rival: access of the other side of a race.
    """
    rows, per_block = view.warps, view.warps_per_block
    height = min(22.0, (THREADS_SIZE[1] - KEY_PX) / rows)
    colors = np.zeros((rows, WARP, 4), np.uint8)
    exists = np.arange(WARP) + WARP * (np.arange(rows) % per_block)[:, None] < view.size
    colors[exists] = 255
    shown = view.accesses["block"] < rows // per_block
    busy = _at(view, np.flatnonzero(shown))
    still = exists.copy()
    still[busy[:, 1], busy[:, 0]] = False
    others = False
    if access is not None:
        alike = view.alike(access)
        here = _at(view, alike[shown[alike]])
        colors[here[:, 1], here[:, 0]] = FADED[here[:, 0]]
        others = bool((colors[exists & ~still] == 255).all(1).any())
        now = _at(view, access.lanes)
        if (now == view.place_of(*thread)).all(1).any():
            colors[now[:, 1], now[:, 0]] = LANE_COLORS[now[:, 0]]
    marks: list[Mark] = [Raster(colors)]
    if still.any():
        marks.append(Dots(np.argwhere(still)[:, ::-1], GREY, "cross", 2.2, edge=None))
    blocks = rows // per_block
    marks.append(
        Rects(
            [(-0.5, b * per_block - 0.5, WARP - 0.5, (b + 1) * per_block - 0.5) for b in range(blocks)],
            edge=INK,
        )
    )
    warp = view.place_of(*thread)[1]
    marks.append(Rects([(-0.5, warp - 0.5, WARP - 0.5, warp + 0.5)], edge=INK, edge_px=2.5))
    if rival is not None and shown[rival]:
        marks.append(Dots(_at(view, np.array([rival])), WASTE, "diamond", 7.0))
    key = ["× touches nothing"] * bool(still.any()) + ["white: idle here"] * others
    key += ["◆ the race's other side"] * (rival is not None)
    low = rows - 0.5 + 10 / height
    marks.append(Texts([(WARP / 2 - 0.5, low)], ["   ".join(key)], align="center"))
    step = max(1, round(15 / (per_block * height)))
    ticks = [(b * per_block + (per_block - 1) / 2, f"block {b}") for b in range(0, blocks, step)]
    more = f": {blocks} of {view.blocks} blocks" if blocks < view.blocks else ""
    return Panel(
        "threads", THREADS_SIZE, (-0.5, -0.5, WARP - 0.5, THREADS_SIZE[1] / height - 0.5), marks, frame=False,
        title=f"Threads, a row a warp{more}", y_ticks=ticks,
        describe=f"{view.blocks} blocks of {view.size} threads in rows of 32 lanes.",
    )  # fmt: skip


def _at(view: LaunchView, rows: np.ndarray) -> np.ndarray:
    """(K, 2) (lane, warp) of the threads behind some accesses."""
    one = view.accesses[rows]
    warp = one["block"].astype(int) * view.warps_per_block + one["thread"] // WARP
    return np.stack([one["thread"] % WARP, warp], 1).astype(int)


@dataclass(frozen=True)
class Grid:
    """The cells of a memory that are shown: `rows` rows from `first` on, `width` of the `columns`."""

    first: int
    rows: int
    columns: int
    width: int

    def seen(self, of_cells: np.ndarray) -> np.ndarray:
        """(rows, width, ...) of what belongs to each cell."""
        shown = of_cells[self.first * self.columns : (self.first + self.rows) * self.columns]
        return shown.reshape(self.rows, self.columns, *of_cells.shape[1:])[:, : self.width]

    def places(self, index: np.ndarray) -> np.ndarray:
        """(K, 2) places (x, y) of those elements that are seen."""
        y, x = index // self.columns - self.first, index % self.columns
        inside = (index >= 0) & (y >= 0) & (y < self.rows) & (x < self.width)
        return np.stack([x[inside], y[inside]], 1)


def memory_panel(view: LaunchView, access: Access, *, chosen: bool = True) -> Panel:
    """The tensor (or shared memory) that an access touches: whose cells they are, and what its request moves.

    Args:
        chosen: the access is the chosen thread's, so it is framed.
    """
    name, columns, count = _extent(view, access)
    outside = view.outside(access)
    outside = outside[outside < count + 3 * columns]  # three rows behind the end are shown
    end = int(outside[-1]) + 1 if len(outside) else count
    total = -(-end // columns)
    mine = int(view.elements(access, np.array([access.row]))[0])
    first = int(np.clip(mine // columns - MOST_ROWS // 2, 0, max(0, total - MOST_ROWS)))
    grid = Grid(first, min(total, MOST_ROWS), columns, min(columns, MOST_COLUMNS))
    height = (MEMORY_SIZE[1] - KEY_PX) / grid.rows
    cell = min(MEMORY_SIZE[0] / grid.width, height, TALLEST_PX)  # pixels across
    tall = min(height, TALLEST_PX) if grid.rows <= 12 else cell

    cells = np.full((total * columns, 4), 255, np.uint8)
    cells[count:] = 0
    asked, unused = np.zeros(len(cells), bool), np.zeros(len(cells), bool)
    _paint(view, access, cells, view.alike(access), FADED)
    if chosen:
        _paint(view, access, cells, access.lanes, LANE_COLORS, asked)
        if not access.shared:
            unused[_moved(view, access, count)] = True
            unused &= ~asked
            cells[unused] = (*bytes.fromhex(UNUSED[1:]), 255)

    marks: list[Mark] = [Raster(np.ascontiguousarray(grid.seen(cells)))]
    marks.append(_borders(grid, count, 0 if access.shared else SECTOR // view.item_bytes(access)))
    key = ["a column is a bank" if access.shared else "bar: next sector"]
    for index, shape, size, words in (
        (np.flatnonzero(unused), "circle", min(2.2, cell / 5), "• moved, not asked for"),
        (_raced(view, access), "cross", min(5.0, cell / 4), "× race"),
        (outside, "cross", min(5.0, cell / 4), "× out of bounds"),
    ):
        places = grid.places(index)
        if len(places):
            marks.append(Dots(places, WASTE, shape, size, edge=None))
            key.append(words)
    if chosen and len(place := grid.places(np.array([mine]))):
        [(x, y)] = place
        marks.append(Rects([(x - 0.5, y - 0.5, x + 0.5, y + 0.5)], edge="#000000", edge_px=3))
    if len(key) > 2:  # no room for three; a colour that is explained below stays
        key = key[1:]
    marks.append(Texts([(-0.5, grid.rows - 0.5 + 11 / tall)], ["   ".join(key)]))
    does = {"reads": "read", "writes": "written", "updates": "updated"}[view.verb(access.row)]
    part = "" if (grid.rows, grid.width) == (total, columns) else " (a part)"
    return Panel(
        "memory", MEMORY_SIZE,
        (-0.5, -0.5, MEMORY_SIZE[0] / cell - 0.5, MEMORY_SIZE[1] / tall - 0.5), marks, frame=False,
        title=f"{name}{part}: which lane has {does} a cell",
        describe=f"Cells of {name} in the colour of the lane that has {does} them; those of the request are stronger.",
    )  # fmt: skip


def _extent(view: LaunchView, access: Access) -> tuple[str, int, int]:
    """(name, columns, elements) of what an access touches."""
    if access.shared:
        words = -(-sum(view.trace.shared_bytes) // 4)
        return "shared", WRAP, max(words, 1)
    name = view.name_of(access)
    rows, columns = view.shapes.get(name, (1, view.trace.numel[view.trace.arguments.index(name)]))
    return name, (columns if rows > 1 else min(columns, WRAP)), max(rows * columns, 1)


def _paint(view, access, cells, rows, colors, asked=None) -> None:
    """Cells in the colour of the lane that touches them; `asked` notes which."""
    one, item = view.accesses[rows], view.item_bytes(access)
    start = view.elements(access, rows)
    for k in range(max(int(one["size"].max(initial=0)) // item, 1)):
        inside = (start + k >= 0) & (start + k < len(cells)) & (one["size"] > k * item)
        cells[start[inside] + k] = colors[one["thread"][inside] % WARP]
        if asked is not None:
            asked[start[inside] + k] = True


def _moved(view: LaunchView, access: Access, count: int) -> np.ndarray:
    """Elements in the sectors that the request moves."""
    one, item = view.accesses[access.lanes], view.item_bytes(access)
    own = view.accesses[access.row]
    offset = int(own["address"]) - int(own["index"]) * item  # address of element 0
    ends = one["address"].astype(np.int64) + one["size"] - 1
    sectors = np.unique(np.r_[one["address"].astype(np.int64) // SECTOR, ends // SECTOR])
    per = max(SECTOR // item, 1)
    elements = ((sectors * SECTOR - offset) // item)[:, None] + np.arange(per)
    elements = elements.reshape(-1)
    return elements[(elements >= 0) & (elements < count)]


def _borders(grid: Grid, count: int, per_sector: int) -> Line:
    """Outline of the cells; a bar wherever a new sector of memory begins."""
    begins = grid.places(np.arange(0, count, per_sector) if per_sector else np.zeros(0, int)).tolist()
    points = [p for x, y in begins for p in ((x - 0.5, y - 0.5), (x - 0.5, y + 0.5), (np.nan, np.nan))]
    right, low = grid.width - 0.5, min(grid.rows, -(-count // grid.columns) - grid.first) - 0.5
    points += [(-0.5, -0.5), (right, -0.5), (right, low), (-0.5, low), (-0.5, -0.5)]
    return Line(points, GREY, 1.2)


def _raced(view: LaunchView, access: Access) -> np.ndarray:
    """Elements (or words of shared memory) that threads race for."""
    own = view.accesses[access.row]
    block = int(own["block"]) if access.shared else -1
    cells = [i for b, argument, i in view.races if b == block and argument == int(own["argument"])]
    return np.array(cells, int) // (4 if access.shared else 1)
