"""The first notebook's pictures: a pose machine in one figure, one belief map as numbers."""

from __future__ import annotations

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from ..coords import Convention, px_from_cells
from ..receptive_field import mass_share
from ..skeletons import Skeleton
from .panels import belief_overlay, draw_pose
from .style import BELIEF_CMAP, CENTER_COLOR

__all__ = ["anatomy_figure", "draw_pck", "influence_box", "numbers_figure", "show"]

HIT_COLOR, MISS_COLOR = "#0072B2", "#D55E00"  # Okabe and Ito: blue and vermilion
INK = "#333333"


def show(figure: Figure, *, alt: str) -> None:
    """Show a figure in a notebook with a text for those who cannot see it."""
    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    display(Image(buffer.getvalue(), format="png", alt=alt))


def influence_box(footprint, middle_px, share: float = 0.9) -> tuple[int, int, int, int]:
    """Smallest square around a pixel that holds a share of a gradient footprint.

    Args:
        footprint: (H_in, W_in) tensor of `effective_receptive_field`.
        middle_px: (x, y) the middle of the square, rounded to a whole pixel.
        share: 0..1 of the footprint's sum.

    Returns:
        (x1, y1, x2, y2) pixels, both ends included; parts of it may lie outside the image.
    """
    x, y = (round(float(v)) for v in middle_px)
    for reach in range(max(footprint.shape)):
        box = (x - reach, y - reach, x + reach, y + reach)
        if mass_share(footprint, box) >= share:
            break
    return box


def draw_pck(ax: Axes, image: np.ndarray, joints, truth, radius_px: float) -> np.ndarray:
    """Tolerance circles of PCK around the true joints, and where the model pointed.

    A hit is a solid blue circle with a dot in it; a miss a dashed vermilion circle, tied to a cross where the
    model pointed, so that colour never stands alone.

    Args:
        image: (H_in, W_in, 3) uint8, drawn pale.
        joints: (J, 2) predicted pixels; a NaN row is a miss without a cross.
        truth: (J, 2) true pixels; a NaN row is not drawn and is no hit.
        radius_px: largest error that counts as correct.

    Returns:
        (J,) bool: hits.
    """
    joints, truth = np.asarray(joints, float), np.asarray(truth, float)
    distance = np.hypot(*(joints - truth).T)
    hits = distance <= radius_px
    height, width = image.shape[:2]
    grey = image.mean(-1, keepdims=True) / 255
    ax.imshow(np.repeat(0.55 + 0.4 * grey, 3, -1), interpolation="bilinear")
    ax.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    ax.set_axis_off()
    for joint, place, hit in zip(joints, truth, hits, strict=True):
        if not np.isfinite(place).all():
            continue
        color, style = (HIT_COLOR, "-") if hit else (MISS_COLOR, (0, (3, 2)))
        ax.add_patch(Circle(place, radius_px, fill=hit, fc=(*_rgb(color), 0.18), ec=color, lw=1.4, ls=style))
        if hit:
            ax.plot(*joint, marker="o", ms=4, color=color, mec="white", mew=0.6)
        elif np.isfinite(joint).all():
            ax.plot(*np.stack([place, joint]).T, color=color, lw=1.1, ls=":")
            ax.plot(*joint, marker="X", ms=7, color=color, mec="white", mew=0.7)
    return hits


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def anatomy_figure(
    image: np.ndarray,
    center_map: np.ndarray,
    belief_maps: np.ndarray,
    joints_px: np.ndarray,
    skeleton: Skeleton,
    *,
    truth_px: np.ndarray,
    radius_px: float,
    joint: int,
    stride: int,
    convention: Convention = "center",
    influence_px: list[tuple[int, int, int, int]] | None = None,
) -> Figure:
    """A pose machine in one picture: what goes in, what every stage believes, what comes out, how it is scored.

    Args:
        image: (H_in, W_in, 3) uint8 crop.
        center_map: (H_in, W_in), 0..1.
        belief_maps: (T, J, H, W) without the background.
        joints_px: (J, 2) the last stage's joints in crop pixels.
        truth_px: (J, 2) true joints in crop pixels; NaN where unknown.
        radius_px: of PCK's circles.
        joint: whose map the lower row shows, cell by cell.
        stride: pixels per cell.
        influence_px: T boxes (x1, y1, x2, y2), what that map's best cell listens to at each stage.
    """
    maps = np.asarray(belief_maps)
    stages, name = len(maps), skeleton.joints[joint].replace("_", " ")
    figure = Figure(figsize=(2.2 * (stages + 2), 5.75), dpi=130)
    axes = figure.subplots(2, stages + 2, gridspec_kw={"wspace": 0.09, "hspace": 0.24})
    figure.subplots_adjust(0.01, 0.055, 0.99, 0.86)
    height, width = image.shape[:2]
    y, x = np.unravel_index(center_map.argmax(), center_map.shape)
    draw_pose(axes[0, 0], image, None, skeleton, center=(x, y))
    axes[1, 0].imshow(center_map, cmap=BELIEF_CMAP, vmin=0, vmax=1)
    axes[1, 0].plot(x, y, marker="+", ms=11, mew=2.2, color=CENTER_COLOR)
    for t in range(stages):
        ax = axes[0, t + 1]
        ax.imshow(belief_overlay(image, maps[t], stride=stride, convention=convention, peak=maps.max()))
        _draw_cells(axes[1, t + 1], maps[t, joint], stride, convention, peak=maps[:, joint].max())
        if influence_px is not None:
            x1, y1, x2, y2 = influence_px[t]
            axes[1, t + 1].add_patch(
                Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1 + 1, y2 - y1 + 1, fill=False, ec="white", lw=1.5, ls="--")
            )
    draw_pose(axes[0, -1], image, joints_px, skeleton)
    hits = draw_pck(axes[1, -1], image, joints_px, truth_px, radius_px)
    known = np.isfinite(truth_px).all(-1).sum()
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    titles = [
        ["crop, + marks whom we mean", *(f"stage {t + 1}, all joints" for t in range(stages)), "pose: a peak for each"],
        ["center map: the mark, blurred", *(f"stage {t + 1}, {name}" for t in range(stages)),
         f"PCK: {hits.sum()} of {known} within their circle"],
    ]  # fmt: skip
    for ax, title in zip(axes.flat, sum(titles, []), strict=True):
        ax.set_title(title, fontsize=9, pad=4, color=INK)
    for first, last, text in ((0, 0, "goes in"), (1, stages, "belief maps: stage after stage"), (-1, -1, "comes out")):
        left, right = axes[0, first].get_position().x0, axes[0, last].get_position().x1
        figure.text((left + right) / 2, 0.955, text, ha="center", va="center", fontsize=12, weight="bold", color=INK)
        bar = Rectangle((left, 0.92), right - left, 0.004, transform=figure.transFigure, fc=INK, lw=0)
        figure.add_artist(bar)
    _draw_arrows(figure, axes)
    if influence_px is not None:
        note = "dashed: nine tenths of what the brightest cell (red-purple) listens to"
        figure.text(axes[1, 1].get_position().x0, 0.02, note, fontsize=9, color=INK, va="center")
    return figure


def _draw_cells(ax: Axes, belief_map: np.ndarray, stride: int, convention: Convention, peak: float) -> None:
    """One map (H, W) at the pixels its cells stand for, the best cell framed and its belief written."""
    rows, columns = belief_map.shape
    y, x = np.unravel_index(belief_map.argmax(), belief_map.shape)
    left, top = _px(0, 0, stride, convention) - stride / 2
    right, low = left + columns * stride, top + rows * stride
    ax.imshow(belief_map, cmap=BELIEF_CMAP, vmin=0, vmax=max(peak, 0.2), extent=(left, right, low, top))
    corner = _px(x, y, stride, convention) - stride / 2
    ax.add_patch(Rectangle(corner, stride, stride, fill=False, ec=CENTER_COLOR, lw=1.8))
    ax.text(
        0.97, 0.03, f"peak {belief_map[y, x]:.2f}", transform=ax.transAxes, ha="right", va="bottom", fontsize=8,
        color="white", bbox={"fc": "black", "alpha": 0.55, "lw": 0, "pad": 2},
    )  # fmt: skip


def _px(x: int, y: int, stride: int, convention: Convention) -> np.ndarray:
    return px_from_cells([float(x), float(y)], stride, convention).numpy()


def _draw_arrows(figure: Figure, axes: np.ndarray) -> None:
    """What is handed on: crop -> every stage's maps -> pose, and the center map to every stage but the first."""
    for left, right in zip(axes[0], axes[0, 1:], strict=False):
        a, b = left.get_position(), right.get_position()
        _arrow(figure, (a.x1 - 0.006, (a.y0 + a.y1) / 2), (b.x0 + 0.006, (a.y0 + a.y1) / 2))


def _arrow(figure: Figure, start, end) -> None:
    figure.add_artist(
        FancyArrowPatch(
            start, end, transform=figure.transFigure, arrowstyle="-|>", mutation_scale=15, color=INK, lw=2, zorder=9,
            shrinkA=0, shrinkB=0,
        )  # fmt: skip
    )


def numbers_figure(belief_map: np.ndarray, *, title: str = "", around: int = 4) -> Figure:
    """The cells around a map's peak as numbers: hundredths, the peak framed, rows and columns counted.

    Args:
        belief_map: (H, W).
        around: cells shown on each side of the peak; fewer at the map's border.
    """
    height, width = belief_map.shape
    y, x = np.unravel_index(belief_map.argmax(), belief_map.shape)
    x1, x2, y1, y2 = max(x - around, 0), min(x + around, width - 1), max(y - around, 0), min(y + around, height - 1)
    part = belief_map[y1 : y2 + 1, x1 : x2 + 1]
    figure = Figure(figsize=(5.4, 5.4), dpi=130, layout="constrained")
    ax = figure.subplots()
    ax.imshow(part, cmap=BELIEF_CMAP, vmin=0, extent=(x1 - 0.5, x2 + 0.5, y2 + 0.5, y1 - 0.5))
    for (row, column), value in np.ndenumerate(part):
        color = "black" if value > 0.55 * part.max() else "white"
        ax.text(x1 + column, y1 + row, f"{100 * value:.0f}", ha="center", va="center", fontsize=10, color=color)
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, ec=CENTER_COLOR, lw=3))
    ax.set(xticks=range(x1, x2 + 1), yticks=range(y1, y2 + 1), xlabel="x: column of the map", ylabel="y: row of the map")
    ax.set_title(title, fontsize=11, color=INK)
    return figure
