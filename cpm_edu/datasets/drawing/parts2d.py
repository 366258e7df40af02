"""Parts: the polygons a figure is made of, who owns them, and how deep they lie.

A part is one polygon with an owner (a body segment), a depth, and a frame along which it is shaded and patterned.
Parts are drawn from the farthest to the nearest into a map of part numbers. That map says, exactly, which joints are
in sight, and `shade` (shading2d) paints every pixel from the number of its part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, hypot, pi, sin, sqrt

import numpy as np

from .outfits2d import Outfit, Paint
from .poses3d import Figure

__all__ = ["JOINT_PARTS", "Part", "Tailor", "cross", "part"]


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3,) cross product of two (3,) vectors."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()  # np.cross takes 30 times as long for one pair
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


@dataclass(frozen=True)
class Part:
    """One polygon: owner, depth (metres toward the viewer), outline [x0, y0, x1, ...] in pixels, row for `shade`.

    Pixels count from the edge of the picture, as Pillow's polygons do: the centre of the first pixel is at 0.5.

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


def part(
    owner, depth, outline, origin, axis, width, paint: Paint, px_per_m, *, growth=0.0, roundness=0.0
) -> Part:
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
    "stick": (0.015, ((0.0, 1.0), (0.5, 1.0), (1.0, 1.0))),
    "neck": (0.052, ((0.0, 1.1), (0.5, 0.95), (1.0, 0.95))),
}
_ROUND = [(cos(a), sin(a)) for a in np.linspace(-pi / 2, pi / 2, 5)]
_COMPASS = np.array([(cos(a), sin(a)) for a in np.arange(20) * (2 * pi / 20)])  # (20, 2)
_RING = _COMPASS[::2]
_LIMB_POINTS = 12


@lru_cache(maxsize=64)
def _limb_outline(kind: str, until: float, blunt: float) -> np.ndarray:
    """(12, 3) points (t, along, across) around a limb: t in bone lengths, the others in half widths at the start."""
    profile = _LIMBS[kind][1]
    places, widths = zip(*profile, strict=True)
    stations = [(t, w) for t, w in profile if 0.0 < t < until]
    stations.append((until, float(np.interp(until, places, widths))))
    end = stations[-1][1]
    points = [(0.0, -c * profile[0][1], -s * profile[0][1]) for c, s in _ROUND]
    points += [(t, 0.0, -w) for t, w in stations]
    points += [(until, blunt * end * c, end * s) for c, s in _ROUND[1:-1]]
    points += [(t, 0.0, w) for t, w in reversed(stations)]
    return np.array(points + points[-1:] * (_LIMB_POINTS - len(points)))


class Tailor:
    """Collects the parts of one figure: a few shapes in metres, turned into polygons in pixels.

    Bones and balls are noted down first and outlined together by `finish`: one array operation for a whole figure
    takes a fifth of the time of a loop over its points.

    Args:
        figure, outfit: what to dress, and in what.
        px_per_m: pixels per metre; offset_px: (x, y) pixel of the middle of the hips.
    """

    def __init__(self, figure: Figure, outfit: Outfit, px_per_m: float, offset_px):
        self.figure, self.outfit, self.scale = figure, outfit, px_per_m
        self.left, self.top = offset_px
        self.offset = np.array(offset_px, dtype=float)
        self.girth = figure.body.girth
        self._parts: list[Part] = []
        self._bones: list[tuple] = []  # (template, numbers, arguments of `_add`)
        self._balls: list[tuple] = []  # (numbers, arguments of `_add`)

    def px(self, points) -> np.ndarray:
        """(..., 2) pixels of (..., 3) points in metres."""
        return self.offset + self.scale * np.asarray(points)[..., :2]

    def _add(self, outline, owner, depth, origin, axis, width, paint, growth=0.0, roundness=0.0):
        shape = dict(growth=growth, roundness=roundness)
        self._parts.append(part(owner, depth, outline, origin, axis, width, paint, self.scale, **shape))

    def bone(self, owner, kind, start, end, depth, paint, *, until=1.0, swell=1.0):
        """A limb along a bone; `until` cuts it there (a sleeve), `swell` makes it wider (cloth over skin)."""
        x0, y0 = self.left + self.scale * float(start[0]), self.top + self.scale * float(start[1])
        dx, dy = self.scale * float(end[0] - start[0]), self.scale * float(end[1] - start[1])
        metres, profile = _LIMBS[kind]
        width = metres * self.scale * self.girth * swell
        length = hypot(dx, dy)
        # A limb that points at the viewer has no direction in the picture; any will do for its round end.
        ax, ay = (width * dx / length, width * dy / length) if length > 1e-6 else (0.0, width)
        template = _limb_outline(kind, until, 0.9 if until == 1.0 else 0.3)
        growth = width * (profile[-1][1] - 1.0)
        frame = (owner, depth, (x0, y0), (dx, dy), width * 1.02, paint, growth)
        self._bones.append((template, (x0, y0, dx, dy, ax, ay), frame))

    def ball(self, owner, center, axes, depth, paint):
        """An ellipsoid with the semi-axes `axes` (3 rows, metres), the first one along the pattern."""
        x, y = self.left + self.scale * float(center[0]), self.top + self.scale * float(center[1])
        flat = self.scale * axes[:, :2]  # (3, 2)
        (a, b), (_, c) = (flat.T @ flat).tolist()
        dx, dy = (2 * flat[0]).tolist()
        across = sqrt(max(a * dy * dy - 2 * b * dx * dy + c * dx * dx, 1e-6)) / max(hypot(dx, dy), 1e-3)
        frame = (owner, depth, (x - dx / 2, y - dy / 2), (dx, dy), across, paint, 0.0, 0.8)
        self._balls.append(((x, y, a, b, c), frame))

    def finish(self) -> list[Part]:
        """All parts, the farthest first."""
        if self._bones:
            templates, numbers, frames = zip(*self._bones, strict=True)
            t, along, across = np.moveaxis(np.stack(templates), -1, 0)  # (bones, 12) each
            x0, y0, dx, dy, ax, ay = np.array(numbers).T[:, :, None]
            self._outline(
                x0 + t * dx + along * ax - across * ay, y0 + t * dy + along * ay + across * ax, frames
            )
        if self._balls:
            numbers, frames = zip(*self._balls, strict=True)
            x, y, a, b, c = np.array(numbers).T[:, :, None]
            nx, ny = (
                _COMPASS.T
            )  # the point of the outline toward n is S n / sqrt(n S n), S = [[a, b], [b, c]]
            sx, sy = a * nx + b * ny, b * nx + c * ny
            reach = np.sqrt(np.maximum(sx * nx + sy * ny, 1e-9))
            self._outline(x + sx / reach, y + sy / reach, frames)
        return sorted(self._parts, key=lambda p: p.depth)

    def _outline(self, x, y, frames):
        for outline, frame in zip(np.stack([x, y], -1).reshape(len(x), -1).tolist(), frames, strict=True):
            self._add(outline, *frame)

    def decal(self, owner, center, outline, axes, depth, paint):
        """A patch on the ellipsoid at `center` with the semi-axes `axes`; `outline` (n, 2) metres from the centre."""
        x, y = self.px(center).tolist()
        dx, dy = (2 * self.scale * axes[0][:2]).tolist()
        width = self.scale * float(np.linalg.norm(axes[1]))
        start = (x - dx / 2, y - dy / 2)
        points = (self.scale * outline + (x, y)).ravel().tolist()
        self._add(points, owner, depth, start, (dx, dy), width, paint, roundness=0.8)

    def hull(self, owner, rings, depth, paint, axis, *, roundness=0.3):
        """The convex outline around points (n, 3), shaded around the line `axis` (start, end)."""
        points = self.offset + self.scale * rings[:, :2]
        outline = points[(_COMPASS @ points.T).argmax(1)]
        (sx, sy, _), (ex, ey, _) = axis[0].tolist(), axis[1].tolist()
        start = (self.left + self.scale * sx, self.top + self.scale * sy)
        dx, dy = self.scale * (ex - sx), self.scale * (ey - sy)
        length = max(hypot(dx, dy), 0.1 * self.scale)
        off_axis = points @ np.array([-dy / length, dx / length]) + (start[0] * dy - start[1] * dx) / length
        half = max(float(off_axis.max()), -float(off_axis.min()), 1.0)
        outline = outline.ravel().tolist()
        self._add(outline, owner, depth, start, (dx, dy), half, paint, roundness=roundness)

    def ring(self, center, frame, half_width, half_depth) -> np.ndarray:
        """(10, 3) points on an ellipse around the trunk."""
        return center + self.girth * (_RING * (half_width, half_depth)) @ frame[[0, 2]]
