"""Dressing a posed figure: outlines, depths and paints of all the parts that are drawn.

A part is one polygon with an owner (a body segment), a depth, and a frame along which it is shaded and
patterned. Parts are drawn from the farthest to the nearest into a map of part numbers; `shade` then paints
every pixel from the number of its part, as a renderer with deferred shading does. The map of part numbers also
says, exactly, which joints are in sight.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, hypot, pi, sin

import numpy as np

from .heads2d import add_head
from .outfits2d import Outfit, Paint
from .poses3d import Figure

__all__ = ["JOINT_PARTS", "Part", "figure_parts", "part"]

@dataclass(frozen=True)
class Part:
    """One polygon: owner, depth (metres toward the viewer), outline [x0, y0, x1, ...] in pixels, row for `shade`.

    The row: origin (x, y), unit axis (x, y), 1 / length, half width at the start, its growth along the axis,
    roundness along the axis (0 cylinder, 1 ball), pattern (threshold, along, across, cycles per px, cycles), colours.
    """

    owner: str
    depth: float
    outline: list[float]
    row: tuple[float, ...]


# A joint is in sight where the top part at its pixel belongs to one of these segments of the same person.
JOINT_PARTS: dict[str, tuple[str, ...]] = {"neck": ("neck", "trunk"), "head_top": ("head", "hair")}
for _side in ("left", "right"):
    JOINT_PARTS |= {
        f"{_side}_shoulder": (f"{_side}_upper_arm", "trunk"),
        f"{_side}_elbow": (f"{_side}_upper_arm", f"{_side}_forearm"),
        f"{_side}_wrist": (f"{_side}_forearm", f"{_side}_hand"),
        f"{_side}_hip": (f"{_side}_thigh", "trunk", "skirt"),
        f"{_side}_knee": (f"{_side}_thigh", f"{_side}_shin", "skirt"),
        f"{_side}_ankle": (f"{_side}_shin", f"{_side}_foot"),
    }

def part(owner, depth, outline, origin, axis, width, paint: Paint, px_per_m, *, growth=0.0, roundness=0.0) -> Part:
    """A part from its outline and frame; `axis` is the vector from the part's start to its end, in pixels."""
    length = max(hypot(axis[0], axis[1]), 1e-3)
    threshold, along, across, per_metre, cycles = paint.pattern
    unit = (axis[0] / length, axis[1] / length)
    pattern = (threshold, along, across, per_metre / px_per_m, cycles)
    return Part(
        owner,
        depth,
        outline,
        (*origin, *unit, 1 / length, width, growth, roundness, *pattern, *paint.color, *paint.second),
    )


# Half widths of limbs: metres at the start, then (place along the bone, width there / width at the start).
_LIMBS = {
    "upper_arm": (0.052, ((0.0, 1.0), (0.35, 0.98), (1.0, 0.78))),
    "forearm": (0.041, ((0.0, 1.0), (0.22, 1.08), (1.0, 0.66))),
    "thigh": (0.084, ((0.0, 1.0), (0.3, 1.0), (1.0, 0.64))),
    "shin": (0.054, ((0.0, 1.0), (0.28, 1.14), (1.0, 0.6))),
    "hand": (0.03, ((0.0, 0.8), (0.5, 1.15), (1.0, 0.7))),
    "neck": (0.052, ((0.0, 1.1), (0.5, 0.95), (1.0, 0.95))),
}
_ROUND = [(cos(a), sin(a)) for a in np.linspace(-pi / 2, pi / 2, 5)]
_COMPASS = np.array([(cos(a), sin(a)) for a in np.arange(20) * (2 * pi / 20)])  # (20, 2)
_RING = _COMPASS[::2]


@lru_cache(maxsize=64)
def _limb_outline(kind: str, until: float, blunt: float) -> tuple[tuple[float, float, float], ...]:
    """(t, along, across) around a limb: t in bone lengths, the other two in half widths at the start."""
    profile = _LIMBS[kind][1]
    places, widths = zip(*profile, strict=True)
    stations = [(t, w) for t, w in profile if 0.0 < t < until] + [(until, float(np.interp(until, places, widths)))]
    end = stations[-1][1]
    points = [(0.0, -c * profile[0][1], -s * profile[0][1]) for c, s in _ROUND]
    points += [(t, 0.0, -w) for t, w in stations]
    points += [(until, blunt * end * c, end * s) for c, s in _ROUND[1:-1]]
    return tuple(points + [(t, 0.0, w) for t, w in reversed(stations)])


class _Tailor:
    """Collects the parts of one figure placed in the picture."""

    def __init__(self, figure: Figure, outfit: Outfit, px_per_m: float, offset_px):
        self.figure, self.outfit, self.scale = figure, outfit, px_per_m
        self.offset = np.asarray(offset_px, dtype=float)
        self.girth = figure.body.girth
        self.parts: list[Part] = []

    def px(self, points) -> np.ndarray:
        """(..., 2) pixels of (..., 3) points in metres."""
        return self.offset + self.scale * np.asarray(points)[..., :2]

    def add(self, owner, depth, outline, origin, axis, width, paint, **shape):
        self.parts.append(part(owner, depth, outline, origin, axis, width, paint, self.scale, **shape))

    def bone(self, owner, kind, start, end, depth, paint, *, until=1.0, swell=1.0):
        """A limb along a bone; `until` cuts it there (a sleeve), `swell` makes it wider (cloth over skin)."""
        (x0, y0), (x1, y1) = self.px((start, end)).tolist()
        dx, dy = x1 - x0, y1 - y0
        length = max(hypot(dx, dy), 1e-3)
        metres, profile = _LIMBS[kind]
        width = metres * self.scale * self.girth * swell
        ax, ay = width * dx / length, width * dy / length
        outline = []
        for t, along, across in _limb_outline(kind, until, 0.9 if until == 1.0 else 0.3):
            outline += [x0 + t * dx + along * ax - across * ay, y0 + t * dy + along * ay + across * ax]
        growth = width * (profile[-1][1] - 1.0)
        self.add(owner, depth, outline, (x0, y0), (dx, dy), width * 1.02, paint, growth=growth)

    def ball(self, owner, center, axes, depth, paint):
        """An ellipsoid with the semi-axes `axes` (3 rows, metres), the first one along the pattern."""
        x, y = self.px(center).tolist()
        flat = self.scale * np.asarray(axes)[:, :2]  # (3, 2)
        reach = _COMPASS @ (flat.T @ flat)
        reach /= np.sqrt(np.maximum((reach * _COMPASS).sum(1, keepdims=True), 1e-9))
        dx, dy = (2 * flat[0]).tolist()
        long = max(hypot(dx, dy), 1e-3)
        across = max(abs(-dy * rx + dx * ry) / long for rx, ry in reach.tolist())
        start = (x - dx / 2, y - dy / 2)
        self.add(owner, depth, (reach + (x, y)).ravel().tolist(), start, (dx, dy), across, paint, roundness=0.8)

    def decal(self, owner, center, outline, axes, depth, paint):
        """A patch on the ellipsoid at `center` with the semi-axes `axes`; `outline` (n, 2) metres from the centre."""
        x, y = self.px(center).tolist()
        dx, dy = (2 * self.scale * axes[0][:2]).tolist()
        width = self.scale * float(np.linalg.norm(axes[1]))
        start = (x - dx / 2, y - dy / 2)
        points = (self.scale * outline + (x, y)).ravel().tolist()
        self.add(owner, depth, points, start, (dx, dy), width, paint, roundness=0.8)

    def hull(self, owner, rings, depth, paint, axis, *, roundness=0.3):
        """The convex outline around points (n, 3), shaded around the line `axis` (start, end)."""
        points = self.px(rings).reshape(-1, 2)
        outline = points[(_COMPASS @ points.T).argmax(1)]
        start, end = self.px(axis)
        dx, dy = (end - start).tolist()
        length = max(hypot(dx, dy), 0.1 * self.scale)
        normal = np.array([-dy, dx]) / length
        half = max(float(np.abs((outline - start) @ normal).max()), 1.0)
        self.add(owner, depth, outline.ravel().tolist(), start.tolist(), (dx, dy), half, paint, roundness=roundness)

    def ring(self, center, frame, half_width, half_depth) -> np.ndarray:
        """(10, 3) points on an ellipse around the trunk."""
        return center + self.girth * (_RING * (half_width, half_depth)) @ frame[[0, 2]]


def figure_parts(figure: Figure, outfit: Outfit, px_per_m: float, offset_px) -> list[Part]:
    """All parts of a dressed figure, the farthest first.

    Args:
        figure: posed body in metres.
        px_per_m: pixels per metre; offset_px: (x, y) pixel of the hips' middle.

    Returns:
        Parts in pixels, in the order in which they are to be drawn.
    """
    tailor = _Tailor(figure, outfit, px_per_m, offset_px)
    _trunk(tailor)
    for side, name in enumerate(("left", "right")):
        _leg(tailor, side, name)
        _arm(tailor, side, name)
    add_head(tailor, Paint)
    return sorted(tailor.parts, key=lambda p: p.depth)


def _trunk(t: _Tailor):
    body, outfit, f = t.figure.body, t.outfit, t.figure
    neck, waist, hips = f.joint("neck"), f.waist, np.zeros(3)
    up, low = f.chest[1], f.pelvis[1]
    wide = body.shoulder / body.girth  # rings are multiplied by the girth; the shoulders come from the bones
    waist_ring = t.ring(waist, f.chest, 0.118, 0.088)
    hip_ring = t.ring(hips + 0.02 * low, f.pelvis, 0.152, 0.108)
    fork = t.ring(hips - 0.075 * low, f.pelvis, 0.085, 0.07)
    chest = np.concatenate([
        t.ring(neck - 0.005 * up, f.chest, 0.06, 0.055),
        t.ring(neck - 0.06 * up, f.chest, wide - 0.012, 0.082),
        t.ring(neck - 0.2 * up, f.chest, 0.152, 0.118),
        waist_ring,
    ])  # fmt: skip
    axis = (neck, hips)
    depth = 0.5 * float(neck[2] + waist[2])
    low_depth = 0.5 * float(waist[2])
    t.hull("trunk", np.concatenate([waist_ring, hip_ring, fork]), low_depth - 0.004, outfit.trousers, axis)
    hem = t.ring(waist + min(outfit.hem, 0.36) * (hips - waist) / 0.36, f.pelvis, 0.142, 0.104)
    t.hull("trunk", np.concatenate([waist_ring, hem]), max(depth, low_depth) - 0.002, outfit.shirt, axis)
    t.hull("trunk", chest, depth, outfit.shirt, axis)
    throat = neck + (f.head_center - neck) * 0.75
    t.bone("neck", "neck", neck - 0.03 * up, throat, depth + (0.004 if f.chest[2, 2] > 0 else 0.002), Paint(outfit.skin))
    if outfit.skirt:
        rings = [hip_ring, waist_ring]
        for name in ("left", "right"):
            hip, knee = f.joint(f"{name}_hip"), f.joint(f"{name}_knee")
            rings.append(t.ring(hip + outfit.skirt * (knee - hip), f.pelvis, 0.105, 0.1))
        nearest = max(float(f.joint("left_knee")[2]), float(f.joint("right_knee")[2]), 0.0)
        t.hull("skirt", np.concatenate(rings), low_depth + 0.5 * nearest + 0.004, outfit.trousers, axis)
    _marks(t, neck, waist, depth)


def _marks(t: _Tailor, neck, waist, depth):
    """What tells the front from the back: zip, print or collar; a backpack."""
    f, outfit = t.figure, t.outfit
    left, up, ahead = f.chest
    facing = float(ahead[2])
    trunk = float(np.linalg.norm(neck - waist))
    axis = (neck, waist)

    def patch(high, low, half, color):
        front = neck + 0.105 * t.girth * ahead * (0.6 if high < 0.1 else 1.0)
        corners = [front - high * trunk * up + s * half * left for s in (-1, 1)]
        corners += [front - low * trunk * up + s * half * left for s in (-1, 1)]
        t.hull("trunk", np.array(corners), depth + 0.001, Paint(color), axis, roundness=0.0)

    if facing > 0.35 and outfit.front == "zip":
        patch(0.05, 1.3, 0.008, outfit.mark)
    if facing > 0.35 and outfit.front == "print":
        patch(0.28, 0.62, 0.06, outfit.mark)
    if facing > 0.1 and outfit.front == "collar":
        t.hull("trunk", np.array([
            neck + 0.055 * left + 0.06 * ahead, neck - 0.055 * left + 0.06 * ahead, neck - 0.11 * up + 0.1 * ahead,
        ]), depth + 0.001, Paint(outfit.skin), axis, roundness=0.0)  # fmt: skip
    if outfit.backpack:
        middle = neck - 0.42 * trunk * up - 0.14 * t.girth * ahead
        axes = np.stack([0.2 * up, 0.13 * left, 0.085 * ahead])
        t.ball("backpack", middle, axes, depth - 0.2 * facing, Paint(outfit.backpack))
        for s in (-1, 1) if facing > 0.35 else ():
            top = neck - 0.02 * up + 0.1 * s * left + 0.05 * ahead
            corners = [top - 0.012 * left, top + 0.012 * left]
            corners += [p - 0.3 * up + 0.02 * s * left + 0.06 * ahead for p in corners]
            t.hull("trunk", np.array(corners), depth + 0.0015, Paint(outfit.backpack), axis, roundness=0.0)


def _leg(t: _Tailor, side: int, name: str):
    f, outfit, skin = t.figure, t.outfit, Paint(t.outfit.skin)
    hip, knee, ankle = (f.joint(f"{name}_{joint}") for joint in ("hip", "knee", "ankle"))
    thigh, shin = float(0.3 * hip[2] + 0.7 * knee[2]) - 0.03, float(knee[2] + ankle[2]) / 2 - 0.03
    foot = f.feet[side]
    across = np.cross(foot, ankle - knee)
    across /= max(float(np.linalg.norm(across)), 1e-6)
    sole = np.cross(across, foot)
    middle = ankle + 0.072 * t.girth * foot + 0.018 * sole
    axes = t.girth * np.stack([0.118 * foot, 0.046 * across, 0.042 * sole])
    t.bone(f"{name}_shin", "shin", knee, ankle, shin, skin)
    if outfit.socks and outfit.leg < 0.9:
        t.bone(f"{name}_shin", "shin", ankle, ankle + 0.3 * (knee - ankle), shin + 5e-4, Paint(outfit.socks), swell=0.72)
    t.ball(f"{name}_foot", middle, axes, max(shin + 0.01, float(middle[2]) - 0.03), Paint(outfit.shoes))
    t.bone(f"{name}_thigh", "thigh", hip, knee, thigh, skin if outfit.leg < 0.3 else outfit.trousers)
    if outfit.leg > 0.5:
        t.bone(f"{name}_shin", "shin", knee, ankle, shin + 1e-3, outfit.trousers, until=0.93, swell=1.12)
    elif outfit.leg < 0.5:
        t.bone(f"{name}_thigh", "thigh", hip, knee, thigh + 1e-3, outfit.trousers, until=2 * outfit.leg, swell=1.08)


def _arm(t: _Tailor, side: int, name: str):
    f, outfit, skin = t.figure, t.outfit, Paint(t.outfit.skin)
    shoulder, elbow, wrist = (f.joint(f"{name}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
    upper, lower = float(shoulder[2] + elbow[2]) / 2 + 0.035, float(elbow[2] + wrist[2]) / 2 + 0.045
    long = outfit.sleeve > 0.9
    t.bone(f"{name}_hand", "hand", wrist, wrist + 0.115 * t.girth * f.hands[side], lower - 5e-4, skin)
    t.bone(f"{name}_forearm", "forearm", elbow, wrist, lower, skin)
    t.bone(f"{name}_upper_arm", "upper_arm", shoulder, elbow, upper, outfit.shirt if long else skin)
    if long:
        t.bone(f"{name}_forearm", "forearm", elbow, wrist, lower + 1e-3, outfit.shirt, until=0.96, swell=1.12)
    elif outfit.sleeve:
        sleeve = round(2 * outfit.sleeve, 3)
        t.bone(f"{name}_upper_arm", "upper_arm", shoulder, elbow, upper + 1e-3, outfit.shirt, until=sleeve, swell=1.12)
