"""The world around synthetic figures: places, things that stand in front, light and the camera.

Nothing here knows joints. `draw_place` paints a background on which figures stand, `draw_occluder` gives parts to
be drawn last, `shade` turns part numbers into lit and patterned colours, `photograph` adds what a camera adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from .figures2d import Part, part
from .outfits2d import Paint, draw_color, draw_paint

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


def _column(height: int, stops) -> np.ndarray:
    """(height, 1, 3) vertical gradient through (y in pixels, colour) stops."""
    rows = np.arange(height)
    y, colors = zip(*stops, strict=True)
    return np.stack([np.interp(rows, y, channel) for channel in zip(*colors, strict=True)], -1)[:, None]


def _near(rng: np.random.Generator, color, spread: float = 25.0):
    return tuple(min(max(c + s, 0.0), 255.0) for c, s in zip(color, rng.normal(0, spread, 3), strict=True))


def _ink(color) -> tuple[int, int, int]:
    return tuple(int(c) for c in color)


def draw_place(rng: np.random.Generator, size: tuple[int, int], horizon_px: float, shadows=()) -> np.ndarray:
    """A background.

    Args:
        size: (height, width) in pixels.
        horizon_px: row of the horizon, or of the edge between wall and floor.
        shadows: (x, y, half width) in pixels of soft shadows on the ground.

    Returns:
        (height, width, 3) uint8.
    """
    height, width = size
    soft = 2 if rng.random() < 0.6 and min(size) >= 64 else 1  # drawn small and enlarged: out of focus
    h, w = -(-height // soft), -(-width // soft)
    horizon = min(max(horizon_px / soft, 0.08 * h), 0.92 * h)
    place = (_park, _park, _city, _city, _room, _room, _court, _court, _beach, _studio, _clutter)
    sky, ground, furnish = place[int(rng.integers(len(place)))](rng)
    edge = horizon + 0.02 * h
    stops = [(0, sky[0]), (horizon, sky[1]), (edge, ground[0]), (h, ground[1])]
    column = _column(h, stops)
    image = Image.fromarray(np.broadcast_to(column, (h, w, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    furnish(rng, draw, w, h, horizon)
    if shadows:
        pen = ImageDraw.Draw(image, "RGBA")
        for x, y, half in shadows:
            for k in (1.0, 0.75):
                box = [(x - k * half) / soft, (y - 0.2 * k * half) / soft, (x + k * half) / soft, (y + 0.2 * k * half) / soft]
                pen.ellipse(box, fill=(0, 0, 0, 55))
    if soft > 1:
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image)


def _blob(rng, draw, x, y, radius, color, count=5):
    for _ in range(count):
        dx, dy, r = rng.normal(0, 0.4, 3) * radius
        r = 0.55 * radius + abs(r) * 0.5
        draw.ellipse([x + dx - r, y + dy - r, x + dx + r, y + dy + r], fill=_ink(_near(rng, color, 12)))


def _park(rng):
    green = (rng.uniform(60, 130), rng.uniform(110, 170), rng.uniform(40, 90))
    blue = _near(rng, (110, 165, 225), 18)

    def furnish(rng, draw, w, h, horizon):
        x = -0.2 * w
        while x < w:  # hills
            half = rng.uniform(0.25, 0.6) * w
            top = horizon - rng.uniform(0.05, 0.3) * horizon
            draw.polygon([x, horizon, x + half, top, x + 2 * half, horizon], fill=_ink(_near(rng, (95, 130, 110), 14)))
            x += half
        for _ in range(int(rng.integers(2, 7))):
            x, tall = rng.uniform(0, w), rng.uniform(0.2, 0.7) * h
            foot = horizon + rng.uniform(0, 0.08) * h
            draw.rectangle([x - 0.012 * w, foot - tall, x + 0.012 * w, foot], fill=_ink(_near(rng, (92, 66, 48), 10)))
            _blob(rng, draw, x, foot - 0.85 * tall, 0.3 * tall, _near(rng, (60, 105, 50), 20), 7)
        if rng.random() < 0.5:  # a path
            a, b = rng.uniform(-0.5, 1.5, 2) * w
            draw.polygon([a, horizon, a + 0.08 * w, horizon, b + 0.6 * w, h, b, h], fill=_ink(_near(rng, (190, 170, 135), 12)))

    return (blue, _near(rng, (215, 225, 235), 10)), (_near(rng, green, 8), tuple(0.75 * c for c in green)), furnish


def _city(rng):
    grey = rng.uniform(110, 180)

    def furnish(rng, draw, w, h, horizon):
        x = rng.uniform(-0.2, 0) * w
        while x < w:
            wide, top = rng.uniform(0.14, 0.4) * w, horizon * rng.uniform(-0.2, 0.6)
            wall = _near(rng, (165, 140, 122), 35)
            draw.rectangle([x, top, x + wide, horizon], fill=_ink(wall))
            pane = _ink(_near(rng, (70, 85, 110) if rng.random() < 0.7 else (235, 215, 150), 12))
            step, gap = rng.uniform(0.06, 0.1) * w, rng.uniform(0.08, 0.13) * h
            y = top + 0.4 * gap
            while y + 0.6 * gap < horizon:
                wx = x + 0.3 * step
                while wx + 0.55 * step < x + wide:
                    draw.rectangle([wx, y, wx + 0.5 * step, y + 0.55 * gap], fill=pane)
                    wx += step
                y += gap
            x += wide
        curb = _ink((0.7 * grey,) * 3)
        draw.rectangle([0, horizon + 0.06 * h, w, horizon + 0.075 * h], fill=curb)
        for k in range(int(rng.integers(0, 6))):
            a = (k / 5 * 2 - 0.5) * w
            draw.line([0.5 * w + 0.3 * (a - 0.5 * w), horizon + 0.08 * h, a, h], fill=curb)

    pavement = (grey, grey * 0.98, grey * 0.95)
    return (_near(rng, (150, 185, 220), 22), (222, 226, 230)), (pavement, tuple(0.82 * c for c in pavement)), furnish


def _room(rng):
    wall = _near(rng, (205, 190, 170), 35)
    wood = _near(rng, (150, 110, 75), 25)

    def furnish(rng, draw, w, h, horizon):
        for _ in range(int(rng.integers(1, 4))):  # pictures, a window, a door
            x, y = rng.uniform(0, 0.9) * w, rng.uniform(0.02, 0.5) * horizon
            wide, tall = rng.uniform(0.12, 0.3) * w, rng.uniform(0.15, 0.45) * h
            draw.rectangle([x, y, x + wide, min(y + tall, horizon)], fill=_ink(tuple(0.5 * c for c in wood)))
            inner = [x + 0.02 * w, y + 0.02 * w, x + wide - 0.02 * w, min(y + tall - 0.02 * w, horizon)]
            if inner[3] > inner[1]:
                draw.rectangle(inner, fill=_ink(draw_color(rng)))
                draw.line([inner[0], inner[3], inner[2], inner[1]], fill=_ink(draw_color(rng)), width=2)
        if rng.random() < 0.6:  # a cupboard or sofa
            x, wide = rng.uniform(-0.1, 0.8) * w, rng.uniform(0.2, 0.5) * w
            top = horizon - rng.uniform(0.1, 0.45) * horizon
            color = draw_color(rng)
            draw.rectangle([x, top, x + wide, horizon + 0.05 * h], fill=_ink(color))
            draw.rectangle([x, top, x + wide, top + 0.03 * h], fill=_ink(tuple(0.7 * c for c in color)))
        if rng.random() < 0.5:
            for k in range(-6, 12):  # floor boards
                draw.line([(0.3 * k + 0.1) * w * 0.5 + 0.25 * w, horizon, (0.6 * k - 1) * 0.5 * w, h], fill=_ink(tuple(0.85 * c for c in wood)))
        draw.rectangle([0, horizon - 0.015 * h, w, horizon + 0.01 * h], fill=_ink(tuple(min(1.1 * c, 255) for c in wall)))

    return (tuple(0.9 * c for c in wall), wall), (wood, tuple(1.1 * c for c in wood)), furnish


def _court(rng):
    floor = draw_color(rng) if rng.random() < 0.4 else _near(rng, (185, 95, 60) if rng.random() < 0.5 else (70, 140, 80), 15)
    stand = _near(rng, (70, 72, 90), 20)

    def furnish(rng, draw, w, h, horizon):
        rows = 4
        for row in range(rows):  # the crowd
            y = horizon * (0.15 + 0.7 * row / rows)
            r = 0.016 * w * (1 + 0.3 * row)
            for x in np.arange(rng.uniform(0, 3 * r), w, 3.4 * r):
                draw.rectangle([x - 1.3 * r, y, x + 1.3 * r, y + 3 * r], fill=_ink(draw_color(rng)))
                draw.ellipse([x - r, y - 1.6 * r, x + r, y + 0.4 * r], fill=_ink(_near(rng, (195, 150, 120), 25)))
        draw.rectangle([0, horizon - 0.09 * h, w, horizon], fill=_ink(draw_color(rng)))
        white = (236, 236, 230)
        a, b = rng.uniform(-0.4, 1.4, 2) * w
        draw.line([a, horizon, b, h], fill=white, width=max(int(0.015 * w), 1))
        y = horizon + rng.uniform(0.1, 0.6) * (h - horizon)
        draw.line([0, y, w, y + rng.normal(0, 0.03) * h], fill=white, width=max(int(0.01 * w), 1))

    return (stand, tuple(1.3 * c for c in stand)), (floor, tuple(0.85 * c for c in floor)), furnish


def _beach(rng):
    sky, sand = _near(rng, (130, 190, 235), 18), _near(rng, (225, 200, 155), 12)
    if rng.random() < 0.3:
        sky = _near(rng, (240, 160, 110), 15)  # evening

    def furnish(rng, draw, w, h, horizon):
        sea = _near(rng, (50, 120, 160), 18)
        draw.rectangle([0, horizon - 0.12 * h, w, horizon], fill=_ink(sea))
        for _ in range(6):
            x, y = rng.uniform(0, w), horizon - rng.uniform(0.0, 0.11) * h
            draw.line([x, y, x + 0.2 * w, y], fill=_ink(tuple(min(1.4 * c, 255) for c in sea)))
        for _ in range(int(rng.integers(0, 4))):  # parasols, boats
            x, r = rng.uniform(0, w), rng.uniform(0.06, 0.14) * w
            draw.line([x, horizon - 1.2 * r, x, horizon + 0.5 * r], fill=(90, 70, 50), width=2)
            draw.pieslice([x - r, horizon - 2 * r, x + r, horizon], 180, 360, fill=_ink(draw_color(rng)))

    return (sky, _near(rng, (235, 235, 235), 8)), (sand, tuple(0.9 * c for c in sand)), furnish


def _studio(rng):
    color = draw_color(rng)
    return (tuple(0.7 * c for c in color), color), (color, tuple(0.8 * c for c in color)), lambda *_: None


def _clutter(rng):
    a, b = draw_color(rng), draw_color(rng)

    def furnish(rng, draw, w, h, horizon):
        for _ in range(22):
            x, y = rng.uniform(0, w), rng.uniform(0, h)
            color, r = _ink(draw_color(rng)), rng.uniform(0.03, 0.2) * w
            angle, thin = rng.uniform(0, pi), rng.uniform(0.15, 1.0)
            ux, uy = r * cos(angle), r * sin(angle)
            kind = rng.integers(3)
            if kind == 0:
                draw.ellipse([x - r, y - thin * r, x + r, y + thin * r], fill=color)
            elif kind == 1:
                draw.polygon([x + ux, y + uy, x - thin * uy, y + thin * ux, x - ux, y - uy, x + thin * uy, y - thin * ux], fill=color)
            else:
                draw.line([x - ux, y - uy, x + ux, y + uy], fill=color, width=max(int(0.25 * r), 1))

    return (a, b), (b, a), furnish


def draw_occluder(rng: np.random.Generator, at_px, extent_px: float, size: tuple[int, int]) -> list[Part]:
    """A thing in front of everybody: post, rail, crate, ball or bush.

    Args:
        at_px: (x, y) that it should hide; extent_px: its half size; size: (height, width) of the picture.
    """
    (x, y), r, (height, width) = at_px, extent_px, size
    paint = draw_paint(rng, 0.5)
    kind = int(rng.integers(5))

    def box(x0, y0, x1, y1, color):
        outline = [x0, y0, x1, y0, x1, y1, x0, y1]
        upright = y1 - y0 > x1 - x0
        cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
        start, axis = ((cx, y0), (0.0, y1 - y0)) if upright else ((x0, cy), (x1 - x0, 0.0))
        half = (x1 - x0 if upright else y1 - y0) / 2
        return part("occluder", 0.0, outline, start, axis, half * 1.05, color, 3 * r)

    def ball(cx, cy, r, color):
        outline = [c + r * f(a) for a in np.arange(14) * (2 * pi / 14) for c, f in ((cx, cos), (cy, sin))]
        return part("occluder", 0.0, outline, (cx, cy - r), (0.0, 2 * r), r, color, 3 * r, roundness=0.9)

    if kind == 0:
        return [box(x - 0.3 * r, -2.0, x + 0.3 * r, height + 2.0, paint)]
    if kind == 1:
        rail = box(-2.0, y - 0.25 * r, width + 2.0, y + 0.25 * r, paint)
        return [rail, *(box(px - 0.12 * r, y, px + 0.12 * r, height + 2.0, paint) for px in (0.15 * width, 0.85 * width))]
    if kind == 2:
        tall = r * rng.uniform(0.7, 1.5)
        return [box(x - r, y - tall, x + r, y + tall, paint)]
    if kind == 3:
        return [ball(x, y, 0.75 * r, paint)]
    green = (rng.uniform(30, 90), rng.uniform(80, 140), rng.uniform(25, 70))
    offsets = rng.normal(0, 0.5, (9, 2)) * (1.3 * r, 0.8 * r)
    return [ball(x + dx, y + dy, r * 0.55, Paint(_near(rng, green, 10))) for dx, dy in offsets.tolist()]


def photograph(rng: np.random.Generator, place: np.ndarray, figures: np.ndarray, cover: np.ndarray, light: Light):
    """The final picture: figures over the place, uneven light, tint, contrast, blur and sensor noise.

    Args:
        place: (H, W, 3) uint8 background; figures: (H, W, 3) uint8 colours times cover; cover: (H, W) uint8 0..255.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = cover.shape
    gain, contrast, grain = rng.uniform(0.72, 1.2), rng.uniform(0.8, 1.15), abs(rng.normal(0, 5.0)) + 1.0
    uneven = Image.fromarray(rng.normal(1.0, 0.09, (4, 4)).astype(np.float32))
    uneven = np.asarray(uneven.resize((width, height), Image.Resampling.BICUBIC))
    count = height * width
    noise = rng.standard_normal(count + 2048, dtype=np.float32)  # three overlapping windows: one per channel
    picture = np.empty((height, width, 3), np.uint8)
    open_share = 1 - cover * np.float32(1 / 255)
    for channel, tint in enumerate(light.tint):
        plane = place[..., channel] * open_share
        plane += figures[..., channel]
        plane *= uneven * np.float32(gain * contrast * tint)
        start = 1021 * channel
        plane += noise[start : start + count].reshape(height, width) * np.float32(grain) 
        plane += np.float32(118 * gain * (1 - contrast))
        np.clip(plane, 0, 255, out=plane)
        picture[..., channel] = plane
    return picture
