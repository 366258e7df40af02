"""A frame as a message to the browser: placed in pixels, numbers as float32 bytes, rasters as bytes by their content."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from .frame import Arrows, Dots, Frame, Handle, Line, Raster, Rects, Texts
from .layout import Placed, lay_out, to_px
from .palettes import PALETTES, raster_bytes, table

__all__ = ["Wire", "palette_tables"]

REMEMBERED = 48  # rasters that a browser is taken to have; figure.js keeps twice as many


class Wire:
    """Turns frames into messages; a raster that was sent already is only named."""

    def __init__(self) -> None:
        self._sent: OrderedDict[str, None] = OrderedDict()

    def forget(self) -> None:
        """A new browser: it has no raster yet."""
        self._sent.clear()

    def pack(self, frame: Frame) -> tuple[dict, list[bytes]]:
        """The message and its buffers: the numbers first, then the rasters listed in `message["rasters"]`.

        Raises:
            ValueError: a frame that cannot be laid out or drawn.
        """
        layout, numbers, rasters = lay_out(frame), _Numbers(), {}
        panels = [_panel(placed, numbers, rasters) for placed in layout.panels]
        fresh = [key for key in rasters if key not in self._sent]
        for key in rasters:
            self._sent[key] = None
            self._sent.move_to_end(key)
        while len(self._sent) > max(REMEMBERED, len(rasters)):
            self._sent.popitem(last=False)
        message = {
            "width": layout.width, "height": layout.height, "status": frame.status, "panels": panels,
            "handles": [_handle(h) for h in frame.handles], "rasters": fresh,
        }  # fmt: skip
        return message, [numbers.bytes(), *(rasters[key].tobytes() for key in fresh)]


def palette_tables() -> dict[str, str]:
    """Palettes as hexadecimal digits, six a colour, for the browser."""
    return {name: table(name).tobytes().hex() for name in PALETTES}


class _Numbers:
    """All coordinates of a frame in one float32 buffer; marks name where theirs begin and how many there are."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._count = 0

    def add(self, values: np.ndarray) -> list[int]:
        place = [self._count, values.size]
        self._parts.append(values.astype(np.float32).ravel())
        self._count += values.size
        return place

    def bytes(self) -> bytes:
        return b"".join(part.tobytes() for part in self._parts)


def _panel(placed: Placed, numbers: _Numbers, rasters: dict[str, np.ndarray]) -> dict:
    panel = placed.panel
    x_ticks = to_px(placed, [(value, panel.view[1]) for value, _ in placed.x_ticks])[:, 0]
    y_ticks = to_px(placed, [(panel.view[0], value) for value, _ in placed.y_ticks])[:, 1]
    marks = [
        _raster(mark, placed, numbers, rasters)
        if isinstance(mark, Raster)
        else PACK[type(mark)](mark, placed, numbers)
        for mark in panel.marks
    ]
    return {
        "name": panel.name, "left": placed.left, "top": placed.top, "size": list(panel.size_px),
        "view": [float(v) for v in panel.view], "title": placed.title, "describe": panel.describe,
        "x_label": panel.x_label, "y_label": panel.y_label, "y_label_x": placed.y_label_x, "frame": panel.frame,
        "x_ticks": [[float(x), text] for x, (_, text) in zip(x_ticks, placed.x_ticks, strict=True)],
        "y_ticks": [[float(y), text] for y, (_, text) in zip(y_ticks, placed.y_ticks, strict=True)],
        "marks": marks,
    }  # fmt: skip


def _raster(mark: Raster, placed: Placed, numbers: _Numbers, rasters: dict[str, np.ndarray]) -> dict:
    pixels = raster_bytes(mark)
    rows, columns = pixels.shape[:2]
    kind = mark.palette if pixels.ndim == 2 else f"{pixels.shape[2]} channels"
    key = hashlib.blake2b(pixels, digest_size=12, key=f"{kind} {columns}".encode()).hexdigest()
    rasters[key] = pixels
    box = mark.box or (-0.5, -0.5, columns - 0.5, rows - 0.5)
    return {
        "mark": "raster", "key": key, "kind": kind, "columns": columns, "rows": rows, "smooth": mark.smooth,
        "box": numbers.add(to_px(placed, np.reshape(box, (2, 2)))), "opacity": mark.opacity,
    }  # fmt: skip


def _line(mark: Line, placed: Placed, numbers: _Numbers) -> dict:
    return {
        "mark": "line", "points": numbers.add(to_px(placed, mark.points)), "color": mark.color,
        "width": mark.width_px, "dash": list(mark.dash_px), "closed": mark.closed, "fill": mark.fill,
        "opacity": mark.opacity,
    }  # fmt: skip


def _dots(mark: Dots, placed: Placed, numbers: _Numbers) -> dict:
    points = to_px(placed, mark.points)
    return {
        "mark": "dots", "points": numbers.add(points), "color": _one_or_each(mark.color, len(points)),
        "shape": mark.shape, "radius": mark.radius_px, "edge": mark.edge, "opacity": mark.opacity,
    }  # fmt: skip


def _rects(mark: Rects, placed: Placed, numbers: _Numbers) -> dict:
    boxes = np.asarray(mark.boxes, np.float64).reshape(-1, 4)
    count = len(boxes)
    return {
        "mark": "rects", "boxes": numbers.add(to_px(placed, boxes.reshape(-1, 2))),
        "fill": _one_or_each(mark.fill, count), "edge": _one_or_each(mark.edge, count), "width": mark.edge_px,
        "labels": _one_or_each(list(mark.labels), count) if len(mark.labels) else [],
        "label_color": _one_or_each(mark.label_color, count), "label_size": mark.label_px,
        "opacity": mark.opacity,
    }  # fmt: skip


def _arrows(mark: Arrows, placed: Placed, numbers: _Numbers) -> dict:
    start, end = to_px(placed, mark.start), to_px(placed, mark.end)
    if len(start) != len(end):
        raise ValueError(f"arrows have {len(start)} starts but {len(end)} ends")
    return {
        "mark": "arrows", "start": numbers.add(start), "end": numbers.add(end), "width": mark.width_px,
        "color": _one_or_each(mark.color, len(start)),
    }  # fmt: skip


def _texts(mark: Texts, placed: Placed, numbers: _Numbers) -> dict:
    points = to_px(placed, mark.points) + mark.offset_px
    return {
        "mark": "texts", "points": numbers.add(points), "texts": _one_or_each(list(mark.texts), len(points)),
        "color": _one_or_each(mark.color, len(points)), "size": mark.size_px, "align": mark.align,
        "bold": mark.bold, "mono": mark.mono, "back": mark.back,
    }  # fmt: skip


PACK = {Line: _line, Dots: _dots, Rects: _rects, Arrows: _arrows, Texts: _texts}


def _one_or_each(value: str | None | Sequence, count: int):
    """One value as it is, or a list of `count`; ValueError for another number."""
    if value is None or isinstance(value, str):
        return value
    value = [None if v is None else str(v) for v in value]
    if len(value) != count:
        raise ValueError(f"a mark has {count} points but {len(value)} colours or words")
    return value


def _handle(handle: Handle) -> dict:
    return {
        "name": handle.name, "panel": handle.panel, "at": [float(v) for v in handle.at], "label": handle.label,
        "bounds": None if handle.bounds is None else [float(v) for v in handle.bounds],
        "step": float(handle.step), "snap": float(handle.snap), "axis": handle.axis, "color": handle.color,
        "shape": handle.shape, "radius": handle.radius_px, "on_release": handle.on_release,
    }  # fmt: skip
