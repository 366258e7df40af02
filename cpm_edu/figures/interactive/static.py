"""A frame as a PNG by matplotlib: what a figure shows where nothing can be dragged."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .frame import INK, Arrows, Dots, Frame, Handle, Line, Mark, Raster, Rects, Texts
from .layout import LABEL_PX, TICK_PX, TITLE_LINE, TITLE_PX, Placed, lay_out, to_px
from .palettes import raster_rgba

__all__ = ["frame_png"]

AXIS_INK = "#444444"
MARKERS = {"circle": "o", "ring": "o", "square": "s", "diamond": "D", "triangle": "^", "cross": "x", "plus": "+"}  # fmt: skip


def frame_png(frame: Frame, *, scale: float = 1.5) -> bytes:
    """A frame as a PNG, on white; `scale` is the number of dots per pixel of the screen.

    Raises:
        ValueError: a frame that cannot be laid out or a mark that cannot be drawn, with the reason.
    """
    layout = lay_out(frame)
    width, height = layout.width, layout.height
    # An inch of 72 dots makes a point of matplotlib one pixel, and one axes over everything takes pixels as they are.
    figure = Figure(figsize=(width / 72, height / 72), dpi=72 * scale, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    for placed in layout.panels:
        _draw_panel(ax, placed)
    for handle in frame.handles:
        _draw_handle(ax, layout.placed(handle.panel), handle)
    ax.set(xlim=(0, width), ylim=(height, 0))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _draw_panel(ax: Axes, placed: Placed) -> None:
    panel, (width, height) = placed.panel, placed.panel.size_px
    corner = placed.left, placed.top
    clip = Rectangle(corner, width, height, transform=ax.transData)
    for mark in panel.marks:
        before = set(ax.get_children())
        DRAW[type(mark)](ax, placed, mark)
        for artist in set(ax.get_children()) - before:
            artist.set_clip_path(clip)
    if panel.frame:
        ax.add_patch(Rectangle(corner, width, height, fill=False, ec=AXIS_INK, lw=1, zorder=4))
    _draw_words(ax, placed)


def _draw_words(ax: Axes, placed: Placed) -> None:
    panel, (width, height) = placed.panel, placed.panel.size_px
    low = placed.top + height
    for k, line in enumerate(reversed(placed.title)):
        y = placed.top - 6 - k * TITLE_LINE
        ax.text(placed.left, y, line, size=TITLE_PX, weight="bold", color=INK, va="baseline")
    for value, text in placed.x_ticks:
        [(x, _)] = to_px(placed, [(value, panel.view[1])])
        ax.plot([x, x], [low, low + 4], color=AXIS_INK, lw=1)
        ax.text(x, low + 5, text, size=TICK_PX, color=AXIS_INK, ha="center", va="top")
    for value, text in placed.y_ticks:
        [(_, y)] = to_px(placed, [(panel.view[0], value)])
        ax.plot([placed.left - 4, placed.left], [y, y], color=AXIS_INK, lw=1)
        ax.text(placed.left - 6, y, text, size=TICK_PX, color=AXIS_INK, ha="right", va="center")
    if panel.x_label:
        lines = max((text.count("\n") + 1 for _, text in placed.x_ticks), default=0)
        y = low + (20 + 15 * (lines - 1) if lines else 3)
        ax.text(placed.left + width / 2, y, panel.x_label, size=LABEL_PX, color=INK, ha="center", va="top")
    if panel.y_label:
        ax.text(
            placed.y_label_x, placed.top + height / 2, panel.y_label, size=LABEL_PX, color=INK, ha="center",
            va="center", rotation=90,
        )  # fmt: skip


# ---- one function a mark


def _draw_raster(ax: Axes, placed: Placed, mark: Raster) -> None:
    pixels = raster_rgba(mark)
    rows, columns = pixels.shape[:2]
    box = mark.box or (-0.5, -0.5, columns - 0.5, rows - 0.5)
    (left, top), (right, low) = to_px(placed, np.reshape(box, (2, 2)))
    how = "bilinear" if mark.smooth else "nearest"
    ax.imshow(
        pixels, extent=(left, right, low, top), interpolation=how, alpha=mark.opacity, aspect="auto", zorder=2
    )


def _draw_line(ax: Axes, placed: Placed, mark: Line) -> None:
    points = to_px(placed, mark.points)
    if len(points) == 0:
        return
    if mark.fill:
        xy = points[np.isfinite(points).all(1)].T
        ax.fill(*xy, facecolor=_faded(mark.fill, mark.opacity), edgecolor="none", zorder=2)
    if mark.closed:
        points = np.concatenate([points, points[:1]])
    style = (0, [d / max(mark.width_px, 0.1) for d in mark.dash_px]) if mark.dash_px else "-"
    ax.plot(
        *points.T, color=_faded(mark.color, mark.opacity), lw=mark.width_px, ls=style, zorder=2,
        solid_capstyle="round", solid_joinstyle="round", dash_capstyle="butt",
    )  # fmt: skip


def _draw_dots(ax: Axes, placed: Placed, mark: Dots) -> None:
    points = to_px(placed, mark.points)
    colors = [_faded(color, mark.opacity) for color in _each(mark.color, len(points))]
    edge_color = mark.edge and _faded(mark.edge, mark.opacity)
    size = (2 * mark.radius_px) ** 2
    thick = max(2.0, mark.radius_px / 3.2)
    style = {"s": size, "marker": MARKERS[mark.shape], "zorder": 2}
    if mark.shape in ("cross", "plus", "ring"):
        strokes = [(edge_color, thick + 3)] if edge_color else []
        for color, line_width in [*strokes, (colors, thick)]:
            if mark.shape == "ring":
                ax.scatter(*points.T, facecolors="none", edgecolors=color, linewidths=line_width, **style)
            else:
                ax.scatter(*points.T, color=color, linewidths=line_width, **style)
    else:
        edge = {"edgecolors": edge_color, "linewidths": 1.2} if edge_color else {"linewidths": 0}
        ax.scatter(*points.T, facecolors=colors, **edge, **style)


def _draw_rects(ax: Axes, placed: Placed, mark: Rects) -> None:
    boxes = np.asarray(mark.boxes, np.float64).reshape(-1, 4)
    corners = to_px(placed, boxes.reshape(-1, 2)).reshape(-1, 4)
    ax.add_collection(
        PolyCollection(
            corners[:, [[0, 1], [2, 1], [2, 3], [0, 3]]],
            facecolors=[_faded(c, mark.opacity) for c in _each(mark.fill, len(boxes))],
            edgecolors=[_faded(c, mark.opacity) for c in _each(mark.edge, len(boxes))],
            linewidths=mark.edge_px, zorder=2,
        ),
        autolim=False,
    )  # fmt: skip
    labels = _each(mark.labels, len(boxes)) if len(mark.labels) else []
    for box, label, color in zip(corners, labels, _each(mark.label_color, len(labels)), strict=False):
        middle = (box[:2] + box[2:]) / 2
        ax.text(*middle, label, size=mark.label_px, color=color, ha="center", va="center", zorder=2)


def _draw_arrows(ax: Axes, placed: Placed, mark: Arrows) -> None:
    start, end = to_px(placed, mark.start), to_px(placed, mark.end)
    along = end - start
    length = np.hypot(*along.T)[:, None]
    along = np.divide(along, length, out=np.zeros_like(along), where=length > 0)
    head = np.minimum(4 + 2.5 * mark.width_px, length)
    across = along[:, ::-1] * (-1, 1)
    base = end - along * head
    colors = _each(mark.color, len(start))
    ax.add_collection(
        LineCollection(np.stack([start, base], 1), colors=colors, linewidths=mark.width_px, zorder=2), False
    )
    heads = np.stack([end, base + across * head * 0.5, base - across * head * 0.5], 1)
    ax.add_collection(PolyCollection(heads, facecolors=colors, edgecolors="none", zorder=2), False)


def _draw_texts(ax: Axes, placed: Placed, mark: Texts) -> None:
    points = to_px(placed, mark.points) + mark.offset_px
    back = {"fc": mark.back, "ec": "none", "pad": 2} if mark.back else None
    for point, text, color in zip(points, mark.texts, _each(mark.color, len(points)), strict=True):
        if np.isfinite(point).all():
            ax.text(
                *point, text, size=mark.size_px, color=color, ha=mark.align, va="center", bbox=back, zorder=2,
                weight="bold" if mark.bold else "normal", family="monospace" if mark.mono else "sans-serif",
            )  # fmt: skip


DRAW = {
    Raster: _draw_raster, Line: _draw_line, Dots: _draw_dots, Rects: _draw_rects, Arrows: _draw_arrows,
    Texts: _draw_texts,
}  # fmt: skip


def _draw_handle(ax: Axes, placed: Placed, handle: Handle) -> None:
    dots: Mark = Dots([handle.at], handle.color, handle.shape, handle.radius_px)
    _draw_dots(ax, placed, dots)


def _faded(color: str | None, opacity: float):
    """A colour with its own transparency times the mark's, as a canvas has it; "none" for None."""
    if color is None:
        return "none"
    *rgb, alpha = to_rgba(color)
    return (*rgb, alpha * opacity)


def _each(value, count: int) -> Sequence:
    """One value for all, or one each."""
    if value is None or isinstance(value, str):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"a mark has {count} points but {len(value)} colours or words")
    return list(value)
