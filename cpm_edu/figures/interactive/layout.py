"""Where everything of a frame goes on the screen, once for both renderers. All lengths are pixels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .frame import Frame, Panel

__all__ = ["Layout", "Placed", "lay_out", "to_px"]

PAD, GAP = 10, 20  # around the whole; between panels
TITLE_PX, TICK_PX, LABEL_PX = 13, 12, 12  # sizes of letters
TITLE_LINE, TICK_ROW, LABEL_ROW = 18, 20, 18  # heights of lines
MOST_SIDE_PX = 4000  # browsers show nothing on a much larger canvas
LETTER = 0.58  # mean width of a letter as a share of its size; browsers and matplotlib differ a little

Ticks = list[tuple[float, str]]


@dataclass(frozen=True)
class Placed:
    """A panel with its place: `left`, `top` and the panel's own `size_px` are the drawing area."""

    panel: Panel
    left: float
    top: float
    title: list[str]
    x_ticks: Ticks
    y_ticks: Ticks
    y_label_x: float


@dataclass(frozen=True)
class Layout:
    """Size of the picture and its panels, row by row."""

    width: int
    height: int
    panels: list[Placed]

    def placed(self, name: str) -> Placed:
        """The panel of that name; ValueError if there is none."""
        for placed in self.panels:
            if placed.panel.name == name:
                return placed
        raise ValueError(f"there is no panel {name!r}; there are {[p.panel.name for p in self.panels]}")


def lay_out(frame: Frame) -> Layout:
    """Place the panels of a frame: rows from the top; panels below each other begin at the same x.

    Raises:
        ValueError: no panel, two of one name, an empty view, or a handle in a panel that is not there.
    """
    rows = [list(row) for row in frame.rows if len(row)]
    _check(frame, [panel for row in rows for panel in row])
    ticks = {p.name: (_ticks(p, 0), _ticks(p, 1)) for row in rows for p in row}
    margins: dict[
        tuple, float
    ] = {}  # of panels that stand below each other: the same widths to the left of them
    for row in rows:
        for c, panel in enumerate(row):
            column = _column(row, c)
            margins[column] = max(margins.get(column, 0.0), _left_margin(panel, ticks[panel.name][1]))
    placed, width, top = [], 0.0, float(PAD)
    for row in rows:
        titles = [_wrap_title(panel) for panel in row]
        above = max(len(title) for title in titles) * TITLE_LINE
        left, below = float(PAD), 0.0
        for c, (panel, title) in enumerate(zip(row, titles, strict=True)):
            x_ticks, y_ticks = ticks[panel.name]
            left += margins[_column(row, c)]
            y_label_x = left - (_widest(y_ticks) + 10 if y_ticks else 6) - LABEL_ROW / 2
            placed.append(Placed(panel, left, top + above, title, x_ticks, y_ticks, y_label_x))
            below = max(below, panel.size_px[1] + _below(panel, x_ticks))
            left += panel.size_px[0]
            width = max(width, left + (_widest(x_ticks[-1:]) / 2 if x_ticks else 0))
            left += GAP
        top += above + below + GAP * 0.6
    return Layout(math.ceil(width + PAD), math.ceil(top - GAP * 0.6 + PAD), placed)


def to_px(placed: Placed, points) -> np.ndarray:
    """(K, 2) points of a panel's view as (K, 2) pixels of the whole picture."""
    x0, y0, x1, y1 = placed.panel.view
    width, height = placed.panel.size_px
    points = np.asarray(points, np.float64).reshape(-1, 2)
    return np.stack(
        [
            placed.left + (points[:, 0] - x0) * (width / (x1 - x0)),
            placed.top + (points[:, 1] - y0) * (height / (y1 - y0)),
        ],
        1,
    )


def _check(frame: Frame, panels: Sequence[Panel]) -> None:
    names = [panel.name for panel in panels]
    if not names:
        raise ValueError("a frame needs at least one panel")
    if len(set(names)) < len(names):
        raise ValueError(f"panels need different names, not {names}")
    for panel in panels:
        x0, y0, x1, y1 = panel.view
        if not all(map(math.isfinite, panel.view)) or x0 == x1 or y0 == y1:
            raise ValueError(f"the view of panel {panel.name!r} is empty: {panel.view}")
        if not all(1 <= side <= MOST_SIDE_PX for side in panel.size_px):
            raise ValueError(
                f"the sides of panel {panel.name!r} are 1 to {MOST_SIDE_PX} pixels, not {panel.size_px}"
            )
    handles = [handle.name for handle in frame.handles]
    if len(set(handles)) < len(handles):
        raise ValueError(f"handles need different names, not {handles}")
    for handle in frame.handles:
        if not all(map(math.isfinite, handle.at)):
            raise ValueError(f"handle {handle.name!r} is nowhere: {handle.at}")
        if handle.panel not in names:
            raise ValueError(
                f"handle {handle.name!r} is in panel {handle.panel!r}, but there are only {names}"
            )


def _ticks(panel: Panel, axis: int) -> Ticks:
    wanted = (panel.x_ticks, panel.y_ticks)[axis]
    if wanted != "auto":
        return [(float(value), str(text)) for value, text in wanted]
    start, end = panel.view[axis], panel.view[axis + 2]
    low, high = min(start, end), max(start, end)
    step = _nice((high - low) / max(panel.size_px[axis] / (60 if axis == 0 else 36), 1.5))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(k * step, f"{k * step:.10g}") for k in range(first, last + 1)]


def _nice(step: float) -> float:
    """The next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))


def _widest(ticks: Ticks) -> float:
    return max((len(text) for _, text in ticks), default=0) * TICK_PX * LETTER


def _column(row: Sequence[Panel], index: int) -> tuple[int, ...]:
    return tuple(panel.size_px[0] for panel in row[:index])


def _left_margin(panel: Panel, y_ticks: Ticks) -> float:
    return (_widest(y_ticks) + 10 if y_ticks else 0) + (LABEL_ROW + 2 if panel.y_label else 0)


def _below(panel: Panel, x_ticks: Ticks) -> float:
    lines = max((text.count("\n") + 1 for _, text in x_ticks), default=0)
    return (TICK_ROW + (lines - 1) * 15 if lines else 0) + (LABEL_ROW if panel.x_label else 0)


def _wrap_title(panel: Panel) -> list[str]:
    letters = max(int((panel.size_px[0] + GAP / 2) / (TITLE_PX * LETTER)), 8)
    return [line for part in panel.title.splitlines() for line in textwrap.wrap(part, letters) or [""]]
