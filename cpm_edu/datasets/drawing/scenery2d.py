"""The world around synthetic figures: places to stand in and things that stand in front.

`draw_place` paints a background with a horizon and ground; `draw_occluder` gives parts that are drawn last.
"""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .outfits2d import Paint, draw_color, draw_paint
from .parts2d import Part, part

__all__ = ["draw_occluder", "draw_place"]


def _column(height: int, stops) -> np.ndarray:
    """(height, 1, 3) vertical gradient through (y in pixels, colour) stops."""
    rows = np.arange(height)
    y, colors = zip(*stops, strict=True)
    return np.stack([np.interp(rows, y, channel) for channel in zip(*colors, strict=True)], -1)[:, None]


def _near(rng: np.random.Generator, color, spread: float = 25.0):
    return tuple(min(max(c + s, 0.0), 255.0) for c, s in zip(color, rng.normal(0, spread, 3), strict=True))


def _ink(color) -> tuple[int, int, int]:
    return tuple(int(c) for c in color)


def draw_place(rng: np.random.Generator, size: tuple[int, int], horizon_px: float, shadows=()) -> Image.Image:
    """A background.

    Args:
        size: (height, width) in pixels.
        horizon_px: row of the horizon, or of the edge between wall and floor.
        shadows: (x, y, half width) in pixels of soft shadows on the ground.

    Returns:
        RGB image.
    """
    height, width = size
    soft = 2 if rng.random() < 0.6 and min(size) >= 64 else 1  # drawn small and enlarged: out of focus
    h, w = -(-height // soft), -(-width // soft)
    horizon = min(max(horizon_px / soft, 0.08 * h), 0.92 * h)
    place = (_park, _park, _city, _city, _room, _room, _court, _court, _beach, _studio, _clutter)
    sky, ground, furnish = place[int(rng.integers(len(place)))](rng)
    edge = horizon + 0.02 * h
    stops = [(0, sky[0]), (horizon, sky[1]), (edge, ground[0]), (h, ground[1])]
    column = Image.fromarray(_column(h, stops).astype(np.uint8))
    image = column.resize((w, h), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    furnish(rng, draw, w, h, horizon)
    if shadows:
        pen = ImageDraw.Draw(image, "RGBA")
        for x, y, half in shadows:
            for k in (1.0, 0.75):
                box = [
                    (x - k * half) / soft,
                    (y - 0.2 * k * half) / soft,
                    (x + k * half) / soft,
                    (y + 0.2 * k * half) / soft,
                ]
                pen.ellipse(box, fill=(0, 0, 0, 55))
    if soft > 1:
        image = image.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 0.8)))
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return image


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
            draw.polygon(
                [x, horizon, x + half, top, x + 2 * half, horizon], fill=_ink(_near(rng, (95, 130, 110), 14))
            )
            x += half
        for _ in range(int(rng.integers(2, 7))):
            x, tall = rng.uniform(0, w), rng.uniform(0.2, 0.7) * h
            foot = horizon + rng.uniform(0, 0.08) * h
            draw.rectangle(
                [x - 0.012 * w, foot - tall, x + 0.012 * w, foot], fill=_ink(_near(rng, (92, 66, 48), 10))
            )
            _blob(rng, draw, x, foot - 0.85 * tall, 0.3 * tall, _near(rng, (60, 105, 50), 20), 7)
        if rng.random() < 0.5:  # a path
            a, b = rng.uniform(-0.5, 1.5, 2) * w
            draw.polygon(
                [a, horizon, a + 0.08 * w, horizon, b + 0.6 * w, h, b, h],
                fill=_ink(_near(rng, (190, 170, 135), 12)),
            )

    return (
        (blue, _near(rng, (215, 225, 235), 10)),
        (_near(rng, green, 8), tuple(0.75 * c for c in green)),
        furnish,
    )


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
    return (
        (_near(rng, (150, 185, 220), 22), (222, 226, 230)),
        (pavement, tuple(0.82 * c for c in pavement)),
        furnish,
    )


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
                draw.line(
                    [(0.3 * k + 0.1) * w * 0.5 + 0.25 * w, horizon, (0.6 * k - 1) * 0.5 * w, h],
                    fill=_ink(tuple(0.85 * c for c in wood)),
                )
        draw.rectangle(
            [0, horizon - 0.015 * h, w, horizon + 0.01 * h], fill=_ink(tuple(min(1.1 * c, 255) for c in wall))
        )

    return (tuple(0.9 * c for c in wall), wall), (wood, tuple(1.1 * c for c in wood)), furnish


def _court(rng):
    floor = (
        draw_color(rng)
        if rng.random() < 0.4
        else _near(rng, (185, 95, 60) if rng.random() < 0.5 else (70, 140, 80), 15)
    )
    stand = _near(rng, (70, 72, 90), 20)

    def furnish(rng, draw, w, h, horizon):
        rows = 4
        for row in range(rows):  # the crowd
            y = horizon * (0.15 + 0.7 * row / rows)
            r = 0.016 * w * (1 + 0.3 * row)
            for x in np.arange(rng.uniform(0, 3 * r), w, 3.4 * r):
                draw.rectangle([x - 1.3 * r, y, x + 1.3 * r, y + 3 * r], fill=_ink(draw_color(rng)))
                draw.ellipse(
                    [x - r, y - 1.6 * r, x + r, y + 0.4 * r], fill=_ink(_near(rng, (195, 150, 120), 25))
                )
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
                draw.polygon(
                    [
                        x + ux,
                        y + uy,
                        x - thin * uy,
                        y + thin * ux,
                        x - ux,
                        y - uy,
                        x + thin * uy,
                        y - thin * ux,
                    ],
                    fill=color,
                )
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
        return [
            rail,
            *(
                box(px - 0.12 * r, y, px + 0.12 * r, height + 2.0, paint)
                for px in (0.15 * width, 0.85 * width)
            ),
        ]
    if kind == 2:
        tall = r * rng.uniform(0.7, 1.5)
        return [box(x - r, y - tall, x + r, y + tall, paint)]
    if kind == 3:
        return [ball(x, y, 0.75 * r, paint)]
    green = (rng.uniform(30, 90), rng.uniform(80, 140), rng.uniform(25, 70))
    places = (rng.normal(0, 0.5, (22, 2)) * (1.2 * r, 0.8 * r)).tolist()
    return [
        ball(x + dx, y + dy, r * rng.uniform(0.16, 0.36), Paint(_near(rng, green, 14))) for dx, dy in places
    ]
