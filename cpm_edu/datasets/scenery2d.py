"""The world around synthetic figures: places, things that stand in front, light and the camera.

Nothing here knows joints. `draw_place` paints a background on which figures stand, `draw_occluder` gives parts to
be drawn last, `shade` turns part numbers into lit and patterned colours, `photograph` adds what a camera adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from cpm_edu.datasets.figures2d import Part, part
from cpm_edu.datasets.outfits2d import Paint, draw_color, draw_paint

__all__ = ["Light", "draw_light", "draw_occluder", "draw_place", "photograph", "shade"]


@dataclass(frozen=True)
class Light:
    """Direction toward the lamp (x right, y down, z to the viewer), ambient and diffuse share, RGB tint."""

    direction: tuple[float, float, float]
    ambient: float
    diffuse: float
    tint: tuple[float, float, float]


def draw_light(rng: np.random.Generator) -> Light:
    """A lamp or sun above, to either side; warm or cool, hard or soft."""
    angle, hard, warm = rng.uniform(-1.2, 1.2), rng.uniform(0.3, 0.75), rng.normal(0.0, 0.06)
    direction = np.array([sin(angle), -0.7 * cos(angle), 0.75])
    direction /= np.linalg.norm(direction)
    return Light(tuple(direction.tolist()), 1.12 - hard, hard, (1 + warm, 1.0, 1 - warm))


def shade(numbers: np.ndarray, parts: list[Part], light: Light) -> np.ndarray:
    """Colours of all drawn pixels.

    Args:
        numbers: (h, w) number of the part at each pixel, 0 for none; part i of the list has number i + 1.

    Returns:
        (h, w, 3) uint8; black where nothing is drawn.
    """
    height, width = numbers.shape
    canvas = np.zeros((height * width, 3), np.uint8)
    where = np.flatnonzero(numbers)
    if not len(where):
        return canvas.reshape(height, width, 3)
    table = np.array([p.row for p in parts], np.float32)  # (parts, 19)
    lx, ly, lz = light.direction
    ax, ay = table[:, 2], table[:, 3]
    # Per part: everything is linear in (x, y), so that a pixel needs few operations.
    along = np.stack([ax * table[:, 4], ay * table[:, 4], -(table[:, 0] * ax + table[:, 1] * ay) * table[:, 4]])
    across = np.stack([-ay, ax, table[:, 0] * ay - table[:, 1] * ax])
    lit = np.stack([light.diffuse * (lx * ax + ly * ay), light.diffuse * (ly * ax - lx * ay)])
    frame = np.concatenate([along, across, table[:, 5:8].T, lit]).astype(np.float32)  # (11, parts)

    index = numbers.ravel()[where].astype(np.intp) - 1
    y, x = np.divmod(where, width)
    x, y = x.astype(np.float32), y.astype(np.float32)
    f = frame.take(index, axis=1)
    u = f[0] * x + f[1] * y + f[2]  # 0..1 along the part
    v = (f[3] * x + f[4] * y + f[5]) / np.maximum(f[6] + f[7] * np.clip(u, 0, 1), 0.5)  # -1..1 across
    slope = np.clip((2 * u - 1) * f[8], -1, 1)
    v_in = np.clip(v, -1, 1)
    toward = np.sqrt(np.maximum(1 - v_in * v_in - slope * slope, 0.02))
    bright = light.ambient + np.maximum(slope * f[9] + v_in * f[10] + toward * (light.diffuse * lz), -0.12)
    bright *= 0.8 + 0.2 * toward  # edges turn dark, which parts an arm from a shirt of the same colour
    colors = table[:, 13:16].T.take(index, axis=1)  # (3, n)

    patterned = np.flatnonzero((table[:, 8] < 5)[index])
    if len(patterned):
        threshold, wa, wv, fu, fv = table[:, 8:13].T.take(index[patterned], axis=1)
        length = 1 / table[:, 4][index[patterned]]
        a, b = u[patterned] * length * fu, v[patterned] * fv
        wave = wa * (4 * np.abs(a - np.floor(a) - 0.5) - 1) + wv * (4 * np.abs(b - np.floor(b) - 0.5) - 1)
        second = patterned[wave > threshold]
        colors[:, second] = table[:, 16:19].T.take(index[second], axis=1)
    colors *= bright
    np.minimum(colors, 255, out=colors)
    canvas[where] = colors.T
    return canvas.reshape(height, width, 3)
