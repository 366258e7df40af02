"""Light and the camera: from a map of part numbers to the colours of a photograph.

`shade` is deferred shading: a polygon only writes its number, and colour, pattern and light are worked out afterwards,
for all pixels at once, from the row of numbers that each part carries. `photograph` adds what a camera adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin
from statistics import NormalDist

import numpy as np
from PIL import Image, ImageFilter

from .outfits2d import PLAIN
from .parts2d import Part

__all__ = ["Light", "draw_light", "photograph", "shade"]

# 256 equally likely values of the standard normal distribution.
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)])
_NOTHING = (0, 0, 1, 0, 1, 1, 0, 0, *PLAIN, 0, 0, 0, 0, 0, 0)  # the row of no part: black


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


def shade(numbers: np.ndarray, parts: Sequence[Part], light: Light) -> tuple[np.ndarray, np.ndarray]:
    """Colours of everything drawn, with smooth edges.

    A pixel whose four samples show one part is shaded once, in its middle; only pixels on an edge are shaded four
    times and averaged.

    Args:
        numbers: (2 H, 2 W) number of the part at each sample, 0 for none; part i of the list has number i + 1.

    Returns:
        colors: (3, H, W) uint8 red, green, blue times cover.
        cover: (H, W) uint8, 0 where nothing is drawn to 255.
    """
    height, width = numbers.shape[0] // 2, numbers.shape[1] // 2
    four = [numbers[row::2, column::2].ravel() for row in (0, 1) for column in (0, 1)]  # each (H W,)
    mixed = (four[0] != four[1]) | (four[0] != four[2]) | (four[0] != four[3])
    whole, edge = np.flatnonzero((four[0] != 0) & ~mixed), np.flatnonzero(mixed)
    at_edge = [samples[edge] for samples in four]
    index = np.concatenate([four[0][whole], *at_edge]).astype(np.intp)
    row, column = np.divmod(np.concatenate([whole, edge]).astype(np.int32), np.int32(width))
    split = len(whole)
    y, x = (2 * np.concatenate([v, *(3 * [v[split:]])]).astype(np.float32) for v in (row, column))
    for v, offsets in ((y, (0.5, 0.5, 1.5, 1.5)), (x, (0.5, 1.5, 0.5, 1.5))):  # from the picture's edge
        v[:split] += 1
        v[split:].reshape(4, len(edge))[:] += np.array(offsets, np.float32)[:, None]
    samples = _sample_colors(index, x, y, parts, light)

    colors, cover = np.zeros((3, height * width), np.uint8), np.zeros(height * width, np.uint8)
    means = samples[:, split:].reshape(3, 4, len(edge)).mean(1)
    for plane, at_whole, mean in zip(colors, samples[:, :split], means, strict=True):
        plane[whole], plane[edge] = at_whole, mean
    cover[whole] = 255
    cover[edge] = np.sum([v != 0 for v in at_edge], axis=0) * 63.75
    return colors.reshape(3, height, width), cover.reshape(height, width)


def _sample_colors(index, x, y, parts: Sequence[Part], light: Light) -> np.ndarray:
    """(3, n) float32 colours of n samples: part number `index` (0: black) at (x, y) in pixels of the outlines."""
    table = np.array([_NOTHING, *(p.row for p in parts)], np.float32)  # (parts + 1, 19)
    lx, ly, lz = light.direction
    ax, ay = table[:, 2], table[:, 3]
    # Places along and across a part are linear in (x, y): a sample needs few operations.
    along = np.stack([ax, ay, -(table[:, 0] * ax + table[:, 1] * ay)]) * table[:, 4]
    across = np.stack([-ay, ax, table[:, 0] * ay - table[:, 1] * ax])
    lit = np.stack([light.diffuse * (lx * ax + ly * ay), light.diffuse * (ly * ax - lx * ay)])
    frame = np.concatenate([along, across, table[:, 5:8].T, lit]).astype(np.float32)  # (11, parts + 1)

    f = frame.take(index, axis=1, mode="clip")
    u = f[0] * x + f[1] * y + f[2]  # 0..1 along the part
    v = (f[3] * x + f[4] * y + f[5]) / np.maximum(f[6] + f[7] * np.clip(u, 0, 1), 0.5)  # -1..1 across
    slope = np.clip((2 * u - 1) * f[8], -1, 1)
    v_in = np.clip(v, -1, 1)
    toward = np.sqrt(np.maximum(1 - v_in * v_in - slope * slope, 0.02))
    bright = light.ambient + np.maximum(slope * f[9] + v_in * f[10] + toward * (light.diffuse * lz), -0.12)
    bright *= 0.8 + 0.2 * toward  # edges turn dark, which parts an arm from a shirt of the same colour
    colors = np.ascontiguousarray(table[:, 13:16].T).take(index, axis=1, mode="clip")

    patterned = np.flatnonzero((table[:, 8] < PLAIN[0]).take(index))
    if len(patterned):
        rows = index[patterned]
        threshold, wa, wv, fu, fv = table[:, 8:13].T.take(rows, axis=1)
        a, b = u[patterned] * fu / table[:, 4].take(rows), v[patterned] * fv
        wave = wa * (4 * np.abs(a - np.floor(a) - 0.5) - 1) + wv * (4 * np.abs(b - np.floor(b) - 0.5) - 1)
        share = np.clip(2.5 * (wave - threshold) + 0.5, 0, 1)  # soft, as one sample a pixel would be jagged
        colors[:, patterned] += share * (table[:, 16:19] - table[:, 13:16]).T.take(rows, axis=1)
    colors *= bright
    return np.minimum(colors, 255, out=colors)


def photograph(
    rng: np.random.Generator, place: Image.Image, colors: np.ndarray, cover: np.ndarray, light: Light
) -> np.ndarray:
    """The final picture: figures over the place, uneven light, tint, contrast, grain and blur.

    Args:
        place: RGB background of H x W pixels.
        colors, cover: (3, H, W) and (H, W) uint8, as from `shade`.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = cover.shape
    gain, contrast, grain = rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.15), abs(rng.normal(0, 3.2)) + 0.7
    # Light that swells and fades over the picture, as under trees or lamps: a wave down times a wave across, and a slope.
    down, across = (
        np.cos(np.linspace(0, rng.uniform(1, 7), n, dtype=np.float32) + rng.uniform(0, 6.3))
        for n in cover.shape
    )
    slope = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(rng.normal(0, 0.1))
    uneven = np.float32(gain * contrast) * (
        1 + np.float32(rng.uniform(0, 0.16)) * np.outer(down, across) + slope
    )
    # Each random byte becomes one of 256 normally distributed values: a tenth of the time of drawing normals.
    values = np.rint(128 + grain * _NORMAL).clip(0, 255).astype(np.uint8).tobytes()
    noise = np.frombuffer(rng.bytes(height * width).translate(values), np.uint8).reshape(height, width)
    level = noise + np.float32(118 * gain * (1 - contrast) - 128)  # contrast turns about a middle grey

    bare = np.float32(1) - cover * np.float32(1 / 255)
    bands = []
    for band, color, tint in zip(place.split(), colors, light.tint, strict=True):
        plane = np.asarray(band) * bare
        plane += color
        plane *= uneven
        plane *= np.float32(tint)
        plane += level
        np.clip(plane, 0, 255, out=plane)
        bands.append(Image.fromarray(plane.astype(np.uint8)))
    picture = Image.merge("RGB", bands)
    if rng.random() < 0.2:  # out of focus
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 1.0)))
    return np.array(picture)
