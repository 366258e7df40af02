"""Pictures of what a pose machine sees and believes: pure functions from arrays to images and figures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..coords import Convention, px_from_cells, warp_images
from ..skeletons import Skeleton
from .style import BELIEF_CMAP, CENTER_COLOR, joint_colors, limb_style

__all__ = ["belief_overlay", "draw_pose", "pose_figure", "stage_figure"]


def upsample_maps(maps, size: tuple[int, int], stride: int, convention: Convention = "center") -> np.ndarray:
    """(J, H, W) maps drawn at the pixels they speak of: (J, height, width), bilinear."""
    maps = torch.as_tensor(np.asarray(maps, np.float32))
    first = px_from_cells(torch.zeros(2, dtype=torch.float64), stride, convention)
    matrix = torch.cat([torch.eye(2, dtype=torch.float64) * stride, first[:, None]], 1)
    padded = torch.nn.functional.pad(maps[None], (1, 1, 1, 1), mode="replicate")  # the outer half cells
    matrix[:, 2] -= stride
    return warp_images(padded, matrix, size)[0].numpy()


def belief_overlay(
    image: np.ndarray,
    joint_maps,
    *,
    stride: int,
    convention: Convention = "center",
    peak: float | None = None,
) -> np.ndarray:
    """Belief maps laid over their crop: the largest belief of any joint, coloured over a dimmed picture.

    Args:
        image: (H_in, W_in, 3) uint8.
        joint_maps: (J, H, W) belief maps without the background.
        stride: pixels per cell.
        peak: belief shown at full colour; None takes the maps' own maximum, at least 0.2.

    Returns:
        (H_in, W_in, 3) uint8.
    """
    belief = upsample_maps(joint_maps, image.shape[:2], stride, convention).max(0)
    peak = max(float(belief.max()), 0.2) if peak is None else peak
    belief = np.clip(belief / peak, 0, 1)
    grey = image.astype(np.float32).mean(-1, keepdims=True) / 255 * 0.6
    colored = matplotlib.colormaps[BELIEF_CMAP](belief)[..., :3]
    alpha = np.clip(belief * 1.6, 0, 0.92)[..., None]
    return (255 * (grey * (1 - alpha) + colored * alpha)).round().astype(np.uint8)


def draw_pose(
    ax: Axes, image: np.ndarray, joints, skeleton: Skeleton, *,
    scores=None, min_score: float = 0.0, box_xywh=None, center=None, linewidth: float = 2.5,
) -> None:  # fmt: skip
    """An image with a pose: the person's left solid orange, right dashed blue, joints as dots.

    Args:
        joints: (J, 2) pixels of `image`; NaN rows are not drawn.
        scores: (J,); joints below `min_score` are not drawn.
        box_xywh: (x, y, width, height) to outline.
        center: (x, y) to mark with a cross.
    """
    ax.imshow(image, interpolation="bilinear")
    ax.set_axis_off()
    ax.set_xlim(-0.5, image.shape[1] - 0.5)
    ax.set_ylim(image.shape[0] - 0.5, -0.5)
    if box_xywh is not None:
        x, y, width, height = box_xywh
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), width, height, fill=False, ec="white", lw=1.2, ls=":"))
    if center is not None:
        ax.plot(*center, marker="+", ms=13, mew=4.6, color="black")  # so that it shows on any picture
        ax.plot(*center, marker="+", ms=11, mew=2.2, color=CENTER_COLOR)
    if joints is None:
        return
    joints = np.asarray(joints, float)
    shown = np.isfinite(joints).all(-1)
    if scores is not None:
        shown &= np.asarray(scores) >= min_score
    for limb in skeleton.limbs:
        if shown[list(limb)].all():
            color, style = limb_style(skeleton, limb)
            xy = joints[list(limb)].T
            ax.plot(*xy, color="black", lw=linewidth + 1.6, alpha=0.55, solid_capstyle="round")
            ax.plot(*xy, color=color, lw=linewidth, ls=style, dash_capstyle="round", solid_capstyle="round")
    colors = np.array(joint_colors(skeleton))
    ax.scatter(
        *joints[shown].T,
        s=(linewidth * 2.4) ** 2,
        c=colors[shown],
        edgecolors="black",
        linewidths=0.8,
        zorder=3,
    )


def stage_figure(
    rows: Sequence[dict],
    skeleton: Skeleton,
    *,
    stride: int,
    convention: Convention = "center",
    title: str = "",
) -> Figure:
    """One row a person: the crop and its center, the belief maps of every stage, the decoded pose.

    Args:
        rows: each with "image" (H_in, W_in, 3) uint8, "belief_maps" (T, J, H, W), "joints_px" (J, 2),
            "scores" (J,), and, if wanted, "center_px" (2,), "label" and "pck" (T numbers 0..1).
        title: above the whole figure.

    Returns:
        A matplotlib figure; `figure.savefig` writes it.
    """
    num_stages = len(rows[0]["belief_maps"])
    columns = num_stages + 2
    aspect = max(row["image"].shape[0] / row["image"].shape[1] for row in rows)
    height = (2.15 * aspect + 0.08) * len(rows) + (0.7 if title else 0.3)
    figure = Figure(figsize=(2.15 * columns, height), dpi=130, layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for r, row in enumerate(rows):
        maps = np.asarray(row["belief_maps"])
        draw_pose(axes[r, 0], row["image"], None, skeleton, center=row.get("center_px"))
        for t in range(num_stages):
            ax = axes[r, t + 1]
            overlay = belief_overlay(
                row["image"], maps[t], stride=stride, convention=convention, peak=max(maps.max(), 0.2)
            )  # one colour scale for all stages: a stage that is surer looks brighter
            ax.imshow(overlay)
            ax.set_axis_off()
            if "pck" in row:
                ax.text(
                    0.97, 0.03, f"PCK {100 * row['pck'][t]:.0f}", transform=ax.transAxes, ha="right", va="bottom",
                    color="white", fontsize=8, bbox={"fc": "black", "alpha": 0.55, "lw": 0, "pad": 2},
                )  # fmt: skip
        draw_pose(
            axes[r, -1], row["image"], row["joints_px"], skeleton, scores=row["scores"], min_score=MIN_SCORE
        )
        if r == 0:
            axes[r, 0].set_title("crop, + center", fontsize=10)
            for t in range(num_stages):
                axes[r, t + 1].set_title(f"stage {t + 1}", fontsize=10)
            axes[r, -1].set_title("pose", fontsize=10)
        if row.get("label"):
            axes[r, 0].text(
                -0.04, 0.5, row["label"], transform=axes[r, 0].transAxes, rotation=90, ha="right", va="center",
                fontsize=9,
            )  # fmt: skip
    if title:
        figure.suptitle(title, fontsize=12)
    return figure


MIN_SCORE = 0.3  # lower peaks are not drawn: the joint is hidden or outside more often than not (ours)


def pose_figure(image: np.ndarray, people: Sequence[dict], skeleton: Skeleton) -> Figure:
    """A whole photo with everybody's pose.

    Args:
        people: each with "joints" (J, 2) image pixels, "scores" (J,), "box_xywh".
    """
    height, width = image.shape[:2]
    scale = 8 / max(height, width)
    inches = [max(side * scale, 0.3) for side in (width, height)]  # a strip of one row is still a picture
    figure = Figure(figsize=inches, dpi=130)
    ax = figure.add_axes([0, 0, 1, 1])
    draw_pose(ax, image, None, skeleton)
    for person in people:
        draw_pose(
            ax, image, person["joints"], skeleton, scores=person["scores"], min_score=MIN_SCORE,
            box_xywh=person.get("box_xywh"),
        )  # fmt: skip
    return figure
