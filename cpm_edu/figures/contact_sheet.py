"""A contact sheet of labelled people, each beside its mirror image: the way to see whether left and right are right."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..coords import apply_affine, crop_matrix, fit_aspect, warp_images
from ..datasets.people import PeopleDataset, Person
from ..skeletons import Skeleton
from .style import COLORS, joint_sides, limb_style, short_name

__all__ = ["contact_sheet", "crop_and_mirror"]

CELL_PX = 260
CELL_INCHES, PAIR_GAP = 2.0, 0.14
MARKERS = {"left": "o", "right": "s", "middle": "D"}
MEANINGS = {
    "left": "L, the person's left (solid limbs)", "right": "R, the person's right (dashed limbs)", "middle": "neither",
}  # fmt: skip
OUTSIDE = 200.0  # grey where a crop leaves its picture
PALE = 0.3  # how far the pictures are moved toward white, so that small marks show


def contact_sheet(
    people: PeopleDataset, indices: Sequence[int], *, columns: int = 3, title: str = ""
) -> Figure:
    """People as they are labelled, each beside the mirrored picture that training also shows.

    In both pictures of a pair the joints called left must lie on the person's own left. Where they do in the
    first and not in the second, the two names of a pair do not match; where they do not in the first, the labels
    are mixed up.

    Args:
        people: with one skeleton.
        indices: of the people to show.
        columns: pairs in a row.
        title: above the sheet.

    Returns:
        A matplotlib figure. Left joints are round and orange, right ones square and blue, others yellow diamonds;
        numbers count the joints in the file's order and are explained below the pictures.

    Raises:
        ValueError: nobody to show.
        ImageError: a picture that cannot be read.
    """
    if len(indices) == 0:
        raise ValueError("a contact sheet needs at least one person")
    skeleton = people.skeleton
    columns = min(columns, len(indices))
    rows = -(-len(indices) // columns)
    pair = 2 * CELL_INCHES + PAIR_GAP
    width = columns * pair
    names = " · ".join(f"{j}\u00a0{name}" for j, name in enumerate(skeleton.joints))
    names = textwrap.wrap(names, int(width * 15))
    head, foot = 0.3 if title else 0.0, 0.42 + 0.15 * len(names)
    height = head + rows * (CELL_INCHES + 0.22) + foot
    figure = Figure(figsize=(width, height), dpi=110)
    for place, index in enumerate(indices):
        row, column = divmod(place, columns)
        person = people[index]
        top = head + 0.2 + row * (CELL_INCHES + 0.22)
        for half, (image, joints, labelled) in enumerate(crop_and_mirror(person, skeleton, CELL_PX)):
            left = column * pair + half * CELL_INCHES + PAIR_GAP / 2
            side = CELL_INCHES - 0.03
            ax = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
            _draw(ax, image, joints, labelled, skeleton)
            ax.set_title(
                "mirrored" if half else short_name(person.name) or "as labelled", fontsize=7, pad=2.5
            )
    marks = [
        Line2D([], [], ls="", marker=MARKERS[side], ms=7, mfc=color, mec="black", label=MEANINGS[side])
        for side, color in COLORS.items()
    ]
    figure.legend(
        handles=marks, loc="lower center", ncols=3, fontsize=8.5, frameon=False,
        bbox_to_anchor=(0.5, (foot - 0.36) / height),
    )  # fmt: skip
    figure.text(0.5, 0.06 / height, "\n".join(names), ha="center", va="bottom", fontsize=7.5)
    if title:
        figure.suptitle(title, fontsize=11, y=1 - 0.05 / height, va="top")
    return figure


def crop_and_mirror(
    person: Person, skeleton: Skeleton, side_px: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The square crop of a person as it is and mirrored, left and right joints swapped.

    Returns:
        Two times (image, joints_px, labelled): (side_px, side_px, 3) uint8, (J, 2) crop pixels, (J,) bool.
    """
    size = (side_px, side_px)
    center, scale = (torch.from_numpy(np.asarray(v, np.float64)) for v in (person.center_px, person.scale_px))
    pixels = torch.from_numpy(person.pixels().copy()).permute(2, 0, 1)[None].float()
    joints, labelled = torch.from_numpy(np.asarray(person.joints_px, np.float64)), person.labelled
    views = []
    for mirror in (False, True):
        matrix = crop_matrix(center, fit_aspect(scale, size), size, mirror=mirror)
        order = list(skeleton.flip_permutation) if mirror else list(range(skeleton.num_joints))
        image = warp_images(pixels, matrix, size, fill=OUTSIDE)[0].clamp(0, 255).round().byte()
        views.append(
            (image.permute(1, 2, 0).numpy(), apply_affine(matrix, joints[order]).numpy(), labelled[order])
        )
    return views


def _draw(ax: Axes, image, joints, labelled, skeleton: Skeleton) -> None:
    ax.imshow(((1 - PALE) * image + PALE * 255).astype(np.uint8), interpolation="bilinear")
    ax.set_axis_off()
    ax.set_xlim(-0.5, image.shape[1] - 0.5)
    ax.set_ylim(image.shape[0] - 0.5, -0.5)
    for limb in skeleton.limbs:
        if labelled[list(limb)].all():
            color, style = limb_style(skeleton, limb)
            ax.plot(*joints[list(limb)].T, color="black", lw=2.6, alpha=0.6)
            ax.plot(*joints[list(limb)].T, color=color, lw=1.6, ls=style)
    sides = joint_sides(skeleton)
    for j in np.flatnonzero(labelled):
        ax.plot(*joints[j], marker=MARKERS[sides[j]], ms=5, mfc=COLORS[sides[j]], mec="black", mew=0.8)
        label = ax.annotate(str(j), joints[j], xytext=(3.5, 2), textcoords="offset points", fontsize=6.5)
        label.set_path_effects([patheffects.withStroke(linewidth=1.8, foreground="white")])
