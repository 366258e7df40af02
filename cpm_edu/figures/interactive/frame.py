"""What a figure shows at one moment, as data: panels, the marks in them, and handles that can be dragged.

A frame knows nothing of canvases or matplotlib. Points are (x, y) in the units of their panel's view; lengths that
end in `_px` are pixels of the screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = [
    "Arrows", "Button", "Choice", "Control", "Dots", "Frame", "Handle", "Line", "Mark", "Panel", "Play", "Raster",
    "Rects", "Slider", "Texts", "Toggle", "Upload",
]  # fmt: skip

Point = tuple[float, float]
Shape = Literal["circle", "ring", "square", "diamond", "triangle", "cross", "plus"]
INK = "#1b1b1b"


# ---- marks: painted in their order


@dataclass(frozen=True)
class Raster:
    """Cells or pixels as a picture.

    Args:
        values: (H, W) numbers coloured by `palette` from `low` to `high` (NaN stays empty), or (H, W, 3 or 4)
            uint8 as they are.
        box: (x0, y0, x1, y1), the outer edges in the panel's units; None: pixel centres are whole numbers, so
            (-0.5, -0.5, W - 0.5, H - 0.5).
        palette: "viridis", "cividis", "gray" or "RdBu" (blue high, red low).
        low, high: None takes the smallest and the largest value.
        smooth: interpolate between cells; the default shows what is there.
    """

    values: np.ndarray
    box: tuple[float, float, float, float] | None = None
    palette: str = "viridis"
    low: float | None = None
    high: float | None = None
    smooth: bool = False
    opacity: float = 1.0


@dataclass(frozen=True)
class Line:
    """A polyline through (K, 2) points; NaN rows lift the pen. `closed` joins the ends, `fill` colours the inside."""

    points: np.ndarray | Sequence[Point]
    color: str = INK
    width_px: float = 2.0
    dash_px: tuple[float, ...] = ()
    closed: bool = False
    fill: str | None = None
    opacity: float = 1.0


@dataclass(frozen=True)
class Dots:
    """(K, 2) points as markers; `color` is one colour or K of them."""

    points: np.ndarray | Sequence[Point]
    color: str | Sequence[str] = INK
    shape: Shape = "circle"
    radius_px: float = 4.0
    edge: str | None = "#ffffff"
    opacity: float = 1.0


@dataclass(frozen=True)
class Rects:
    """(K, 4) boxes (x0, y0, x1, y1): bars, cells, threads. `fill`, `edge` and `labels` are one for all or K of them."""

    boxes: np.ndarray | Sequence[tuple[float, float, float, float]]
    fill: str | Sequence[str | None] | None = None
    edge: str | Sequence[str | None] | None = None
    edge_px: float = 1.0
    labels: Sequence[str] = ()
    label_color: str | Sequence[str] = INK
    label_px: float = 12.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Arrows:
    """Arrows from (K, 2) points to (K, 2) points."""

    start: np.ndarray | Sequence[Point]
    end: np.ndarray | Sequence[Point]
    color: str | Sequence[str] = INK
    width_px: float = 2.0


@dataclass(frozen=True)
class Texts:
    """Words at (K, 2) points. `align` is where the point lies in the text; `back` paints behind it."""

    points: np.ndarray | Sequence[Point]
    texts: Sequence[str]
    color: str | Sequence[str] = INK
    size_px: float = 12.0
    align: Literal["left", "center", "right"] = "left"
    bold: bool = False
    mono: bool = False
    back: str | None = None
    offset_px: Point = (0.0, 0.0)


Mark = Raster | Line | Dots | Rects | Arrows | Texts


# ---- panels and frames


@dataclass(frozen=True)
class Panel:
    """A drawing area.

    Args:
        name: unique in its figure; handles refer to it.
        size_px: (width, height) on the screen of the area itself, without title and axis labels.
        view: (x0, y0, x1, y1), what lies at the left, top, right and bottom edge: a picture of W x H pixels has
            (-0.5, -0.5, W - 0.5, H - 0.5), a plot whose y grows upwards has y0 > y1.
        x_ticks, y_ticks: "auto", () for none, or (value, text) pairs.
        describe: what the panel shows, for those who cannot see it (one sentence; may depend on the state).
    """

    name: str
    size_px: tuple[int, int]
    view: tuple[float, float, float, float]
    marks: Sequence[Mark] = ()
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_ticks: Literal["auto"] | Sequence[tuple[float, str]] = ()
    y_ticks: Literal["auto"] | Sequence[tuple[float, str]] = ()
    frame: bool = True
    describe: str = ""


@dataclass(frozen=True)
class Handle:
    """A point that the reader drags or moves with the arrow keys; its position is `state[name]`, an (x, y) tuple.

    Args:
        panel: name of the panel it lives in.
        at: where it is now, in the panel's units.
        label: what it is, read aloud: "true joint".
        bounds: (x0, y0, x1, y1) it may not leave; None: the panel's view.
        step: how far an arrow key moves it (with shift: ten times as far).
        snap: positions are rounded to multiples of it; 0: free.
        axis: "xy", or the only axis along which it moves.
        on_release: the ring moves at once, the frame follows when the reader lets go (for slow figures).
    """

    name: str
    panel: str
    at: Point
    label: str
    bounds: tuple[float, float, float, float] | None = None
    step: float = 1.0
    snap: float = 0.0
    axis: Literal["xy", "x", "y"] = "xy"
    color: str = "#D55E00"
    shape: Shape = "ring"
    radius_px: float = 9.0
    on_release: bool = False


@dataclass(frozen=True)
class Frame:
    """Rows of panels, from the top, and one sentence that says what is to be seen now (read aloud when it changes)."""

    rows: Sequence[Sequence[Panel]]
    status: str
    handles: Sequence[Handle] = ()


# ---- controls: at most three a figure; a value is `state[name]`


@dataclass(frozen=True)
class Slider:
    """A number. `on_release` asks for a new frame only when the reader lets go (for slow figures)."""

    name: str
    label: str
    low: float
    high: float
    value: float
    step: float = 1.0
    unit: str = ""
    on_release: bool = False


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    name: str
    label: str
    options: Sequence[str]
    value: str


@dataclass(frozen=True)
class Toggle:
    """On or off."""

    name: str
    label: str
    value: bool


@dataclass(frozen=True)
class Button:
    """An action: `state[name]` counts how often it was pressed."""

    name: str
    label: str


@dataclass(frozen=True)
class Play:
    """Play and pause: while playing, `state[name]` grows by one with every frame (frames come as fast as they can,
    at most `per_second`). With reduced motion asked for, it steps by one a press."""

    name: str
    label: str
    per_second: float = 10.0


@dataclass(frozen=True)
class Upload:
    """A file of the reader's: `state[name]` is None or a (file name, bytes) pair."""

    name: str
    label: str
    accept: str = "image/*"
    most_bytes: int = 50_000_000


Control = Slider | Choice | Toggle | Button | Play | Upload
