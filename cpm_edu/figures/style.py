"""Colours and lines that every figure shares."""

from __future__ import annotations

from ..skeletons import Skeleton

__all__ = [
    "BELIEF_CMAP",
    "CENTER_COLOR",
    "COLORS",
    "LEFT_COLOR",
    "MIDDLE_COLOR",
    "RIGHT_COLOR",
    "joint_colors",
    "joint_sides",
    "limb_side",
    "limb_style",
    "short_name",
]

# Okabe and Ito's palette, told apart with any kind of colour vision.
LEFT_COLOR = "#E69F00"
RIGHT_COLOR = "#56B4E9"
MIDDLE_COLOR = "#F0E442"
CENTER_COLOR = "#CC79A7"
BELIEF_CMAP = "viridis"


COLORS = {"left": LEFT_COLOR, "right": RIGHT_COLOR, "middle": MIDDLE_COLOR}


def joint_sides(skeleton: Skeleton) -> list[str]:
    """J times "left", "right" or "middle": by what a mirror swaps; a joint without partner by its name."""
    sides = ["left" if "left" in j else "right" if "right" in j else "middle" for j in skeleton.joints]
    for left, right in skeleton.flip_pairs:
        sides[left], sides[right] = "left", "right"
    return sides


def joint_colors(skeleton: Skeleton) -> list[str]:
    """J colours: the person's left, right, or neither."""
    return [COLORS[side] for side in joint_sides(skeleton)]


def limb_side(skeleton: Skeleton, limb: tuple[int, int]) -> str:
    """Side of a bone, "left", "right" or "middle": that of its ends, where they do not lie on two."""
    sides = {joint_sides(skeleton)[i] for i in limb} - {"middle"}
    return sides.pop() if len(sides) == 1 else "middle"


def limb_style(skeleton: Skeleton, limb: tuple[int, int]) -> tuple[str, str]:
    """(colour, line style) of a bone: left solid, right dashed, so that colour never stands alone."""
    side = limb_side(skeleton, limb)
    return COLORS[side], {"left": "-", "right": (0, (3, 1)), "middle": "-"}[side]


def short_name(name: str, most: int = 38) -> str:
    """The end of a name, where people of one picture or clip differ."""
    return name if len(name) <= most else "…" + name[1 - most :]
