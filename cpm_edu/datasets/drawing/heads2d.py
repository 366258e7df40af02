"""Heads: the part of a figure that tells front from back.

A head is an ellipsoid. Whatever lies on it - hairline, beard, eyes - is placed on the unit sphere before the ellipsoid
is stretched, turned and flattened, so that a profile shows half a face and a back shows hair only.
"""

from __future__ import annotations

from math import atan2, cos, pi, radians, sin

import numpy as np

from .outfits2d import Paint
from .parts2d import Tailor, cross

__all__ = ["add_head", "cap_outline"]

_TURNS = np.arange(24)[:, None] * (2 * pi / 24)
_BEFORE = np.arange(24) - 1
_SHARES = np.arange(12)[:, None] / 11
_COS, _SIN = np.cos(_TURNS), np.sin(_TURNS)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(vector @ vector) ** 0.5, 1e-9)


def cap_outline(axes: np.ndarray, direction, radius_deg: float) -> np.ndarray | None:
    """Outline of the visible part of a round cap on an ellipsoid.

    Args:
        axes: (3, 3) rows: the semi-axes of the ellipsoid in the picture's frame (z toward the viewer).
        direction: (3,) middle of the cap in the sphere's own coordinates, along the rows of `axes`.
        radius_deg: angular radius of the cap on the sphere, less than 90.

    Returns:
        (n, 2) offsets from the ellipsoid's centre, or None where the cap lies on the far side.
    """
    toward = _unit(axes[:, 2] / (axes * axes).sum(1))  # the viewer, seen from the sphere (orthogonal rows)
    direction = _unit(np.asarray(direction, dtype=float))
    radius = radians(radius_deg)
    first = cross(direction, toward)
    if first @ first < 1e-12:  # the cap's middle lies straight ahead: any two directions across will do
        first = cross(direction, np.roll(direction, 1) * (1, -1, 1) + (0.1, 0.2, 0.0))
    first = _unit(first)
    second = cross(first, direction)  # turns the rim toward the viewer
    rim = cos(radius) * direction + sin(radius) * (_COS * first + _SIN * second)
    seen = rim @ toward >= 0
    if not seen.any():
        return None
    if not seen.all():
        start = int((seen > seen[_BEFORE]).argmax())  # first point in sight after one out of sight
        rim = np.concatenate([rim[start:], rim[:start]])[: int(seen.sum())]
        # Close the rim along the horizon, on the side where the cap is.
        east = _unit(direction - (direction @ toward) * toward)
        north = cross(toward, east)
        begin = atan2(float(rim[-1] @ north), float(rim[-1] @ east))
        end = atan2(float(rim[0] @ north), float(rim[0] @ east))
        arc = begin + (end - begin) * _SHARES  # both within (-pi, pi): passes through 0, the cap's side
        rim = np.concatenate([rim, np.cos(arc) * east + np.sin(arc) * north])
    return rim @ axes[:, :2]


def add_head(tailor: Tailor) -> None:
    """Add head, hair, face and hat of the tailor's figure to its parts."""
    figure, outfit = tailor.figure, tailor.outfit
    left, up, ahead = figure.skull
    half, center = figure.body.head, figure.head_center
    skull = half * np.stack([0.76 * left, up, 0.88 * ahead])
    upright = skull[[1, 0, 2]]  # `ball` wants the long axis first
    depth = float(center[2]) + 0.03
    skin, hair = Paint(outfit.skin), Paint(outfit.hair)

    def ball(owner, place, axes, over, color):
        middle = center + half * (np.asarray(place) @ figure.skull)
        tailor.ball(owner, middle, half * np.asarray(axes)[:, None] * upright_unit, depth + over, color)

    upright_unit = np.stack([up, left, ahead])

    def cap(owner, direction, radius_deg, swell, over, color):
        outline = cap_outline(swell * skull, direction, radius_deg)
        if outline is not None:
            tailor.decal(owner, center, outline, swell * upright, depth + over, color)

    ball("head", (0, 0, 0), (1.0, 0.76, 0.88), 0.0, skin)
    if outfit.haircut == "long":
        ball("hair", (0, -0.55, -0.42), (1.25, 0.86, 0.5), -0.42 * half * float(ahead[2]) - 0.02, hair)
    if outfit.haircut == "tail":
        ball("hair", (0, -0.45, -1.1), (0.8, 0.24, 0.26), -1.1 * half * float(ahead[2]) - 0.02, hair)
    shade = tuple(0.86 * c for c in outfit.skin)
    for side in (-1, 1):
        if outfit.haircut != "long":
            over = 0.004 if side * left[2] > 0.3 else -0.001
            ball("head", (0.78 * side, -0.05, -0.05), (0.2, 0.07, 0.14), over, Paint(shade))
    if outfit.beard:
        cap("head", (0, -0.78, 0.62), 44, 1.03, 0.001, hair)
    if ahead[2] > -0.55:
        ball("head", (0, -0.08, 0.9), (0.2, 0.12, 0.16), 0.0015 if ahead[2] > -0.1 else -0.001, Paint(shade))
    _features(tailor, ball, ahead, left)
    if outfit.haircut != "bald":
        cap("hair", (0, 0.8, -0.6), 84 if outfit.haircut == "short" else 88, 1.07, 0.003, hair)
    if outfit.haircut == "cap":
        cap("hair", (0, 1.0, -0.1), 66, 1.13, 0.005, Paint(outfit.hat))
        brim = 0.006 if ahead[2] > -0.1 else -0.002
        ball("hair", (0, 0.44, 1.15), (0.07, 0.62, 0.5), brim, Paint(tuple(0.8 * c for c in outfit.hat)))


def _features(tailor, ball, ahead, left):
    """Eyes and mouth, or glasses, where they look at the viewer."""
    dark, lips = Paint((30, 22, 22)), Paint(tuple(0.55 * c for c in tailor.outfit.skin))
    for side in (-1, 1):
        if 0.93 * ahead[2] + 0.36 * side * left[2] > 0.12:
            size = (0.2, 0.24, 0.05) if tailor.outfit.glasses else (0.11, 0.1, 0.05)
            ball("head", (0.3 * side, 0.13, 0.84), size, 0.002, dark)
    if ahead[2] > 0.15:
        ball("head", (0, -0.5, 0.76), (0.06, 0.26, 0.05), 0.002, lips)
