"""The belief map that a joint is trained toward: a Gaussian, cell by cell, while the reader drags the joint.

The exemplar of an interactive figure: `belief_map_frame` is a pure function of what can be moved, `belief_map` gives it
a handle and controls.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ...coords import Convention, cells_from_px, px_from_cells
from ...targets import gaussian_targets
from ..style import CENTER_COLOR
from .figure import Figure
from .frame import Choice, Dots, Frame, Handle, Line, Panel, Raster, Rects, Slider, Texts

__all__ = ["belief_map", "belief_map_frame"]

CROP_PX, STRIDE = 160, 8  # the shipped model's crop and cells
SIDE_PX, CUT_PX = 330, 110  # of the panels on the screen
AROUND = 3  # cells shown on each side of the brightest one
JOINT_PX = (76.0, 61.0)
SIGMA_CELLS = 1.2  # the shipped model's
JOINT_COLOR, CELL_COLOR = "#D55E00", "#0072B2"

Target = Callable[[tuple[float, float], tuple[int, int], float], np.ndarray]


def library_target(joint_cells: tuple[float, float], size: tuple[int, int], sigma: float) -> np.ndarray:
    """(H, W) belief map of one joint (x, y) in cells, by the package's own `gaussian_targets`."""
    return gaussian_targets(torch.tensor([[joint_cells]], dtype=torch.float32), size, sigma)[0, 0].numpy()


def belief_map_frame(
    joint_px: tuple[float, float],
    sigma: float,
    convention: Convention = "center",
    target: Target = library_target,
) -> Frame:
    """A joint's belief map, its brightest cells as numbers, and a cut through them.

    Args:
        joint_px: (x, y) in crop pixels.
        sigma: of the Gaussian, in cells.
        convention: "center" draws around the exact point; "msra" rounds it to a cell first, as mmpose does.
        target: draws the map: (joint_cells, (H, W), sigma) -> (H, W).

    Raises:
        ValueError: `target` gives no such map.
    """
    size = (CROP_PX // STRIDE,) * 2
    exact = cells_from_px(torch.tensor(joint_px, dtype=torch.float64), STRIDE, convention).numpy()
    drawn_at = np.floor(exact + 0.5) if convention == "msra" else exact
    values = _checked(target((float(drawn_at[0]), float(drawn_at[1])), size, sigma), size)
    row, column = np.unravel_index(values.argmax(), size)
    brightest = px_from_cells(np.array([column, row], float), STRIDE, convention).numpy()
    error = float(np.hypot(*(brightest - joint_px)))
    rows = [
        [_map_panel(values, (column, row), convention), _near_panel(values, joint_px, (column, row), convention)],
        [_cut_panel(values, drawn_at, sigma, (column, row), convention, joint_px), _key_panel()],
    ]  # fmt: skip
    status = (
        f"Joint at x = {joint_px[0]:.1f}, y = {joint_px[1]:.1f} pixels, cell ({exact[0]:.2f}, {exact[1]:.2f}). "
        f"Brightest cell ({column}, {row}): belief {values[row, column]:.2f}, its middle {error:.1f} pixels from the joint. "
        f"{(values > 0.1).sum()} of {values.size} cells are above 0.1.{_doubt(values, drawn_at, size, sigma)}"
    )
    handle = Handle("joint", "map", joint_px, "joint", (0.0, 0.0, CROP_PX - 1.0, CROP_PX - 1.0), 0.5)
    return Frame(rows, status, [handle])


def belief_map(
    target: Target = library_target, *, joint_px: tuple[float, float] = JOINT_PX, sigma: float = SIGMA_CELLS
) -> Figure:
    """The figure: a joint to drag, sigma and the convention to choose.

    Args:
        target: the reader's own `(joint_cells, (H, W), sigma) -> (H, W)`; the default is the package's.
        joint_px, sigma: where it begins.
    """

    def draw(state: dict) -> Frame:
        joint = tuple(float(v) for v in state.get("joint", joint_px))
        return belief_map_frame(joint, state["sigma"], state["convention"], target)

    return Figure(
        draw,
        title="From a joint to a belief map",
        hint="Drag the ring from one cell to the next, or focus it and use the arrow keys. Then make sigma small.",
        alt="A map of 20 x 20 cells with one bright blob around a joint; beside it the cells around the brightest one "
        "with their values, below it a cut through them with the Gaussian that they sample.",
        controls=[
            Slider("sigma", "Sigma", 0.3, 3.0, sigma, 0.1, "cells"),
            Choice("convention", "Convention", ("center", "msra"), "center"),
        ],
    )


def _checked(values, size: tuple[int, int]) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.shape != size:
        raise ValueError(
            f"your function gave an array of shape {values.shape}; the map is {size}: (rows, columns)"
        )
    if not np.isfinite(values).all():
        raise ValueError("your function gave a map with NaN or infinite values")
    return values


def _doubt(values: np.ndarray, drawn_at: np.ndarray, size: tuple[int, int], sigma: float) -> str:
    """A word on a map that is not the package's."""
    expected = library_target((float(drawn_at[0]), float(drawn_at[1])), size, sigma)
    off = np.abs(values - expected).max()
    if off < 1e-3:
        return ""
    if np.abs(values.T - expected).max() < 1e-3:
        return " But rows and columns have changed places."
    return f" But it differs from the package's map by up to {off:.2f}."


def _edges(convention: Convention) -> tuple[float, float]:
    """Where the first cell begins and the last one ends, in pixels."""
    ends = px_from_cells(torch.tensor([-0.5, CROP_PX / STRIDE - 0.5]), STRIDE, convention)
    return float(ends[0]), float(ends[1])


def _cell_box(cell: tuple[int, int], convention: Convention) -> tuple[float, float, float, float]:
    first, _ = _edges(convention)
    x, y = (first + STRIDE * int(c) for c in cell)
    return x, y, x + STRIDE, y + STRIDE


def _map_panel(values: np.ndarray, peak: tuple[int, int], convention: Convention) -> Panel:
    first, last = _edges(convention)
    y0, y1 = _cell_box(peak, convention)[1::2]
    marks = [
        Raster(values, (first, first, last, last), low=0.0, high=1.0),
        Line([(first, y0), (last, y0)], "#ffffff", 1.0, (4, 3)),
        Line([(first, y1), (last, y1)], "#ffffff", 1.0, (4, 3)),
        Rects([_cell_box(peak, convention)], edge=CENTER_COLOR, edge_px=3.0),
    ]
    return Panel(
        "map", (SIDE_PX, SIDE_PX), (-0.5, -0.5, CROP_PX - 0.5, CROP_PX - 0.5), marks,
        title="Belief map: 20 x 20 cells of 8 pixels", y_label="y in pixels", y_ticks="auto", x_ticks="auto",
        describe=f"The belief map; the brightest cell is in column {peak[0]}, row {peak[1]}.",
    )  # fmt: skip


def _near_panel(
    values: np.ndarray, joint_px: tuple[float, float], peak: tuple[int, int], convention: Convention
) -> Panel:
    first, last = _edges(convention)
    x, y = (min(max(int(c), AROUND), len(values) - 1 - AROUND) for c in peak)
    span = range(-AROUND, AROUND + 1)
    cells = [(x + dx, y + dy) for dy in span for dx in span]
    boxes = [_cell_box(cell, convention) for cell in cells]
    near = [values[row, column] for column, row in cells]
    left, top = boxes[0][:2]
    right, low = boxes[-1][2:]
    frame = _cell_box(peak, convention)
    marks = [
        Raster(values, (first, first, last, last), low=0.0, high=1.0),
        Rects(boxes, edge="#ffffff55"),
        Texts([(x0 + STRIDE / 2, y0 + 1.8) for x0, y0, _, _ in boxes], [f"{100 * v:.0f}" for v in near],
              ["#000000" if v > 0.55 else "#ffffff" for v in near], 13.0, "center"),
        Rects([frame], edge=CENTER_COLOR, edge_px=3.0),
        Dots([joint_px], JOINT_COLOR, "ring", 7.0),
    ]  # fmt: skip
    return Panel(
        "near", (SIDE_PX, SIDE_PX), (left, top, right, low), marks,
        title="The brightest cells, belief in hundredths", x_ticks="auto", y_ticks="auto",
        describe=f"{len(cells)} cells around the brightest one as numbers; the largest is {max(near):.2f}.",
    )  # fmt: skip


def _cut_panel(
    values: np.ndarray, drawn_at: np.ndarray, sigma: float, peak: tuple[int, int], convention: Convention,
    joint_px: tuple[float, float],
) -> Panel:  # fmt: skip
    first, _ = _edges(convention)
    left = first + STRIDE * np.arange(len(values))
    bars = np.stack([left + 0.6, np.zeros(len(left)), left + STRIDE - 0.6, values[peak[1]]], 1)
    across = np.linspace(-0.5, CROP_PX - 0.5, 321)
    cells = cells_from_px(torch.from_numpy(across), STRIDE, convention).numpy()
    height = np.exp(-((peak[1] - drawn_at[1]) ** 2) / (2 * sigma**2))
    curve = height * np.exp(-((cells - drawn_at[0]) ** 2) / (2 * sigma**2))
    marks = [
        Rects(bars, fill="#56B4E9", edge=CELL_COLOR),
        Line(np.stack([across, curve], 1), "#1b1b1b", 1.5),
        Line([(joint_px[0], 0), (joint_px[0], 1.1)], JOINT_COLOR, 2.0, (5, 3)),
    ]
    return Panel(
        "cut", (SIDE_PX, CUT_PX), (-0.5, 1.1, CROP_PX - 0.5, 0.0), marks,
        title="Along the dashed row", x_label="x in pixels", y_label="belief", x_ticks="auto",
        y_ticks=[(0, "0"), (0.5, "0.5"), (1, "1")],
        describe=f"Beliefs along row {peak[1]}: {', '.join(f'{v:.2f}' for v in values[peak[1]] if v > 0.05)}.",
    )  # fmt: skip


def _key_panel() -> Panel:
    """What the marks mean."""
    lines = [
        "the joint, a point anywhere",
        "the brightest cell",
        "belief of a cell",
        "the Gaussian that the cells sample",
    ]
    places = [(30.0, 16.0 + 26 * k) for k in range(len(lines))]
    marks = [
        Dots(places[:1], JOINT_COLOR, "ring", 8.0),
        Rects([(21, 33, 39, 51)], edge=CENTER_COLOR, edge_px=3.0),
        Rects([(24, 59, 36, 77)], fill="#56B4E9", edge=CELL_COLOR),
        Line([(18, 94), (42, 94)], "#1b1b1b", 1.5),
        Texts([(52, y) for _, y in places], lines, size_px=13.0),
    ]
    return Panel("key", (SIDE_PX, CUT_PX), (0, 0, SIDE_PX, CUT_PX), marks, frame=False)
