"""The first notebook's pictures: a pose machine in one figure, and one belief map as numbers."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from ..coords import Convention, px_from_cells
from ..receptive_field import mass_share
from ..skeletons import Skeleton
from .panels import belief_overlay, draw_pose
from .style import BELIEF_CMAP, CENTER_COLOR

__all__ = ["anatomy_figure", "draw_pck", "influence_box", "numbers_figure", "show"]

HIT_COLOR, MISS_COLOR = "#0072B2", "#D55E00"  # Okabe and Ito: blue and vermilion
INK = "#333333"
NOTE = "white circle: where the joint really is · frame: the brightest cell"
INFLUENCE_NOTE = " · dashed: the square that holds 90 % of what this cell listens to in the crop"


def show(figure: Figure, *, alt: str) -> None:
    """Show a figure in a notebook, with a text for those who cannot see it."""
    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    display(Image(buffer.getvalue(), format="png", alt=alt))


def influence_box(footprint, middle_px, share: float = 0.9) -> tuple[int, int, int, int]:
    """Smallest square around a pixel that holds a share of a gradient footprint.

    Args:
        footprint: (H_in, W_in) tensor of `effective_receptive_field`.
        middle_px: (x, y) middle of the square, rounded to whole pixels.
        share: 0..1 of the footprint's sum.

    Returns:
        (x1, y1, x2, y2) pixels, both ends included; parts of it may lie outside the crop.
    """
    x, y = (round(float(v)) for v in middle_px)
    for reach in range(max(footprint.shape) + 1):
        box = (x - reach, y - reach, x + reach, y + reach)
        if mass_share(footprint, box) >= share:
            break
    return box


def draw_pck(ax: Axes, image: np.ndarray, joints, truth, radius_px: float) -> np.ndarray:
    """Tolerance circles of PCK around the true joints, and where the model pointed.

    A hit is a filled blue circle with a dot in it; a miss is an empty, dashed vermilion circle, tied to a cross
    where the model pointed: colour never stands alone.

    Args:
        image: (H_in, W_in, 3) uint8, drawn pale.
        joints: (J, 2) predicted pixels; a NaN row is a miss without a cross.
        truth: (J, 2) true pixels; a NaN row is not drawn and is no hit.
        radius_px: largest error that counts as correct.

    Returns:
        (J,) bool: the hits.
    """
    joints, truth = np.asarray(joints, float), np.asarray(truth, float)
    hits = np.hypot(*(joints - truth).T) <= radius_px  # False where NaN
    pale = 0.55 + 0.4 * image.mean(-1, keepdims=True) / 255
    ax.imshow(np.repeat(pale, 3, -1), interpolation="bilinear")
    _bare(ax, image)
    for joint, place, hit in zip(joints, truth, hits, strict=True):
        if not np.isfinite(place).all():
            continue
        color, style = (HIT_COLOR, "-") if hit else (MISS_COLOR, (0, (3, 2)))
        face = to_rgba(color, 0.2) if hit else "none"
        ax.add_patch(Circle(place, radius_px, fc=face, ec=color, lw=1.5, ls=style))
        if hit:
            ax.plot(*joint, marker="o", ms=4.5, color=color, mec="white", mew=0.6)
        elif np.isfinite(joint).all():
            ax.plot(*np.stack([place, joint]).T, color=color, lw=1.3)
            ax.plot(*joint, marker="X", ms=7.5, color=color, mec="white", mew=0.7)
    return hits


def anatomy_figure(
    image: np.ndarray,
    center_px,
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
    influence_px: Sequence[tuple[int, int, int, int]] = (),
) -> Figure:
    """A pose machine in one picture: what goes in, what each stage believes, what comes out, how it is scored.

    Args:
        image: (H_in, W_in, 3) uint8 crop.
        center_px: (x, y) of the person meant.
        center_map: (H_in, W_in), 0..1.
        belief_maps: (T, J, H, W) without the background; one colour scale for all stages.
        joints_px: (J, 2) the last stage's joints in crop pixels.
        truth_px: (J, 2) true joints in crop pixels; NaN where unknown.
        radius_px: of PCK's circles.
        joint: whose map the lower row shows, cell by cell.
        stride: pixels per cell.
        influence_px: for each stage (x1, y1, x2, y2), what that map's brightest cell listens to; or nothing.
    """
    maps, truth_px = np.asarray(belief_maps), np.asarray(truth_px, float)
    stages, name = len(maps), skeleton.joints[joint].replace("_", " ")
    figure = Figure(figsize=(2.2 * (stages + 2), 5.6), dpi=130)
    axes = figure.subplots(2, stages + 2, gridspec_kw={"wspace": 0.13, "hspace": 0.2})
    figure.subplots_adjust(left=0.008, right=0.992, bottom=0.06, top=0.855)
    draw_pose(axes[0, 0], image, None, skeleton, center=center_px)
    axes[1, 0].imshow(center_map, cmap=BELIEF_CMAP, vmin=0, vmax=1)
    for t, ax in enumerate(axes[0, 1:-1]):
        ax.imshow(belief_overlay(image, maps[t], stride=stride, convention=convention, peak=maps.max()))
        _draw_cells(axes[1, t + 1], maps[t, joint], stride, convention, peak=maps[:, joint].max())
        axes[1, t + 1].add_patch(Circle(truth_px[joint], radius_px, fill=False, ec="white", lw=1.6))
    for ax, (x1, y1, x2, y2) in zip(axes[1, 1:], influence_px, strict=False):
        box = (x1 - 0.5, y1 - 0.5), x2 - x1 + 1, y2 - y1 + 1
        ax.add_patch(Rectangle(*box, fill=False, ec="white", lw=1.3, ls=(0, (4, 3))))
    draw_pose(axes[0, -1], image, joints_px, skeleton)
    hits = draw_pck(axes[1, -1], image, joints_px, truth_px, radius_px)
    known = np.isfinite(truth_px).all(-1).sum()
    titles = ["crop: + marks the person", "stage 1: image only"]
    titles += [f"stage {t + 1}: + stage {t}, center map" for t in range(1, stages)]
    titles += ["pose: the peak of every map", "center map: the +, blurred"]
    titles += [f"{name}, stage {t}" for t in range(1, stages + 1)] + [f"PCK: {hits.sum()} of {known} hit"]
    for ax, title in zip(axes.flat, titles, strict=True):
        _bare(ax, image)
        ax.set_title(title, fontsize=9.5, pad=4, color=INK)
    for ax in axes[0, :-1]:  # what is handed on
        style = {"arrowstyle": "-|>", "color": INK, "lw": 2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (1.125, 0.5), (1.01, 0.5), "axes fraction", arrowprops=style, annotation_clip=False)
    _headings(figure, axes, ["goes in", f"belief maps of {stages} stages: look, and look again", "comes out"])
    note = NOTE + (INFLUENCE_NOTE if len(influence_px) else "")
    figure.text(axes[1, 1].get_position().x0, 0.022, note, fontsize=9.5, color=INK, va="center")
    return figure


def numbers_figure(belief_map: np.ndarray, *, title: str = "", around: int = 4) -> Figure:
    """The cells around a map's peak as numbers: hundredths, the peak framed, columns and rows counted.

    `belief_map` is (H, W); `around` cells are shown on each side of the peak, fewer at the map's border.
    """
    x, y = _peak(belief_map)
    x1, y1 = max(x - around, 0), max(y - around, 0)
    part = belief_map[y1 : y + around + 1, x1 : x + around + 1]
    y2, x2 = y1 + part.shape[0], x1 + part.shape[1]
    figure = Figure(figsize=(5.2, 0.8 + 4.6 * part.shape[0] / part.shape[1]), dpi=130, layout="constrained")
    ax = figure.subplots()
    ax.imshow(part, cmap=BELIEF_CMAP, vmin=0, extent=(x1 - 0.5, x2 - 0.5, y2 - 0.5, y1 - 0.5))
    for (row, column), value in np.ndenumerate(part):
        color = "black" if value > 0.55 * part.max() else "white"
        ax.text(x1 + column, y1 + row, f"{round(100 * value)}", ha="center", va="center", color=color)
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, ec=CENTER_COLOR, lw=3.5))
    ax.set(xticks=range(x1, x2), yticks=range(y1, y2), xlabel="x: column", ylabel="y: row")
    ax.set_title(title, fontsize=11, color=INK)
    return figure


def _peak(belief_map: np.ndarray) -> tuple[int, int]:
    y, x = np.unravel_index(belief_map.argmax(), belief_map.shape)
    return int(x), int(y)


def _bare(ax: Axes, image: np.ndarray) -> None:
    ax.set(xticks=[], yticks=[], xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    ax.spines[:].set_visible(False)


def _draw_cells(ax: Axes, belief_map: np.ndarray, stride: int, convention: Convention, peak: float) -> None:
    """One map (H, W) at the pixels its cells stand for, the brightest cell framed and its belief written."""
    x, y = _peak(belief_map)
    corners = np.array([[0, 0], belief_map.shape[::-1], [x, y]]) - 0.5
    (left, top), (right, low), corner = px_from_cells(corners, stride, convention).numpy()
    ax.imshow(belief_map, cmap=BELIEF_CMAP, vmin=0, vmax=max(peak, 0.2), extent=(left, right, low, top))
    ax.add_patch(Rectangle(corner, stride, stride, fill=False, ec=CENTER_COLOR, lw=2))
    box = {"fc": "black", "alpha": 0.55, "lw": 0, "pad": 2}
    place = {"transform": ax.transAxes, "ha": "right", "va": "top"}
    ax.text(0.97, 0.97, f"peak {belief_map[y, x]:.2f}", fontsize=8.5, color="white", bbox=box, **place)


def _headings(figure: Figure, axes: np.ndarray, texts: list[str]) -> None:
    for text, first, last in zip(texts, (0, 1, -1), (0, -2, -1), strict=True):
        left, right = axes[0, first].get_position().x0, axes[0, last].get_position().x1
        figure.text((left + right) / 2, 0.94, text, ha="center", fontsize=12, weight="bold", color=INK)
        figure.add_artist(Line2D([left, right], [0.92, 0.92], color=INK, lw=2))
