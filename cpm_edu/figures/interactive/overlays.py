"""Marks that several figures share: beliefs over a dimmed crop, a pose, bars by stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...coords import Convention, px_from_cells
from ...skeletons import Skeleton
from ..style import BELIEF_CMAP, COLORS, joint_colors, limb_side
from .frame import Dots, Line, Mark, Panel, Raster, Rects, Texts
from .palettes import table

__all__ = ["belief_marks", "image_view", "limb_marks", "pose_marks", "stage_bars"]

DIMMED_WHITE = 420.0  # the grey level at which a dimmed crop would be white: its own white is 255
DASH_RIGHT = (6.0, 4.0)
SHADE = "#e8e8e8"
LETTER_PX = 19.0  # height of a letter at a bar's foot


def image_view(image: np.ndarray) -> tuple[float, float, float, float]:
    """The view of a panel that shows a whole (H, W, 3) picture."""
    return -0.5, -0.5, image.shape[1] - 0.5, image.shape[0] - 0.5


def belief_marks(
    image: np.ndarray, belief: np.ndarray, *, peak: float, stride: int, convention: Convention = "center"
) -> list[Mark]:
    """A belief map over its crop, cell by cell: bright cells are opaque, cells without belief show the crop.

    Args:
        image: (H_in, W_in, 3) uint8.
        belief: (H, W).
        peak: the belief that is painted brightest.
        stride, convention: how cells and pixels correspond.
    """
    share = np.clip(belief / max(peak, 1e-6), 0, 1)
    colors = table(BELIEF_CMAP)[np.rint(254 * share).astype(int)]
    alpha = np.rint(235 * np.clip(1.6 * share, 0, 1)).astype(np.uint8)
    height, width = belief.shape
    corners = px_from_cells(np.array([[-0.5, -0.5], [width - 0.5, height - 0.5]]), stride, convention)
    return [
        Raster(image.mean(-1), palette="gray", low=0, high=DIMMED_WHITE, smooth=True),
        Raster(np.concatenate([colors, alpha[..., None]], -1), box=tuple(corners.flatten().tolist())),
    ]


def limb_marks(joints_px: np.ndarray, skeleton: Skeleton, shown: np.ndarray) -> list[Mark]:
    """The limbs of a pose: the person's left solid orange, right dashed blue, middle yellow.

    Args:
        joints_px: (J, 2) pixels.
        shown: (J,) bool; a limb is drawn where both its ends are.
    """
    ends: dict[str, list] = {"middle": [], "left": [], "right": []}
    for limb in skeleton.limbs:
        if shown[list(limb)].all():
            ends[limb_side(skeleton, limb)] += [*joints_px[list(limb)], (np.nan, np.nan)]
    marks = []
    for side, points in ends.items():
        if points:
            dash = DASH_RIGHT if side == "right" else ()
            marks += [
                Line(np.array(points), "#000000", 5.0, opacity=0.5),
                Line(np.array(points), COLORS[side], 3.0, dash),
            ]
    return marks


def pose_marks(
    joints_px: np.ndarray, skeleton: Skeleton, shown: np.ndarray, *, radius_px: float = 4.0
) -> list[Mark]:
    """A pose: its limbs, and a dot on every joint that is shown; arguments as of `limb_marks`."""
    colors = np.array(joint_colors(skeleton))
    dots = Dots(joints_px[shown], colors[shown].tolist(), radius_px=radius_px, edge="#000000")
    return [*limb_marks(joints_px, skeleton, shown), dots]


def stage_bars(
    name: str,
    values: np.ndarray,
    labels: Sequence[str],
    colors: Sequence[str],
    *,
    title: str,
    size_px: tuple[int, int],
    stage: int,
    top: float,
    form: str,
    describe: str,
) -> Panel:
    """Groups of bars, one group a stage; every bar has its letter at its foot and its number on top.

    Args:
        values: (K, T) heights of K bars in each of T groups; NaN has no bar.
        labels, colors: K letters and colours.
        stage: 1..T, shaded.
        top: the height that fills the panel.
        form: format of the numbers, as in ".0f".
    """
    count, stages = values.shape
    width = 0.8 / count
    ceiling = 1.25 * top
    foot = ceiling * LETTER_PX / size_px[1] if any(labels) else 0.0  # numbers stay above the letters
    boxes, fills, feet, letters, tops, numbers = [], [], [], [], [], []
    for t, k in np.ndindex(stages, count):
        value, left = values[k, t], t + 0.6 + k * width
        if not np.isfinite(value):
            continue
        value = float(np.clip(value, 0, top))
        boxes.append((left + 0.03, 0.0, left + width - 0.03, value))
        fills.append(colors[k])
        feet.append((left + width / 2, 0.0))
        letters.append(labels[k])
        tops.append((left + width / 2, max(value, foot)))
        numbers.append(f"{values[k, t]:{form}}")
    return Panel(
        name, size_px, (0.5, ceiling, stages + 0.5, 0.0),
        [
            Rects([(stage - 0.5, 0.0, stage + 0.5, ceiling)], fill=SHADE),
            Rects(boxes, fill=fills, edge="#333333"),
            Texts(feet, letters, align="center", bold=True, offset_px=(0, -10)),
            Texts(tops, numbers, align="center", offset_px=(0, -9)),
        ],
        title=title,
        x_ticks=[(t + 1, f"stage {t + 1}") for t in range(stages)],
        describe=describe,
    )  # fmt: skip
