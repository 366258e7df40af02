"""What synthetic figures wear: skin, hair, clothes and their patterns."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from dataclasses import dataclass

import numpy as np

__all__ = ["PLAIN", "Outfit", "Paint", "draw_color", "draw_outfit", "draw_paint"]

Color = tuple[float, float, float]
# (threshold, weight along, weight across, cycles per metre along, cycles per half width across): see `shade`.
PLAIN = (9.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Paint:
    """Base colour, second colour of the pattern (RGB, 0..255) and the pattern itself."""

    color: Color
    second: Color = (0.0, 0.0, 0.0)
    pattern: tuple[float, float, float, float, float] = PLAIN


_SKIN = (
    (255, 224, 196), (241, 199, 163), (228, 178, 138), (208, 152, 108), (178, 122, 82), (146, 96, 64),
    (112, 72, 48), (84, 54, 38),
)  # fmt: skip
_HAIR = (
    (28, 22, 20),
    (52, 36, 26),
    (92, 60, 36),
    (136, 90, 48),
    (206, 164, 92),
    (168, 72, 34),
    (176, 174, 172),
)


@dataclass(frozen=True)
class Outfit:
    """Colours and cut of a figure's clothes and hair."""

    skin: Color
    hair: Color
    shirt: Paint
    trousers: Paint
    shoes: Color
    sleeve: float  # share of the arm that is covered: 0 none, 0.25 short, 1 long
    leg: float  # the same for the legs, from the hip
    hem: float  # end of the shirt, in trunk lengths below the waist
    skirt: float  # length in thighs; 0: none
    socks: Color | None
    haircut: str  # "short", "long", "tail", "bald", "cap"
    hat: Color
    front: str  # "plain", "zip", "print", "collar"
    mark: Color
    beard: bool
    glasses: bool
    backpack: Color | None
    gear: str  # what the right or left hand holds: "none", "ball", "racket", "stick"
    gear_hand: int  # 0 left, 1 right


def draw_color(rng: np.random.Generator) -> Color:
    hue, saturation, value = rng.random(), rng.uniform(0.1, 0.95), rng.uniform(0.2, 0.98)
    if rng.random() < 0.25:
        saturation *= 0.15  # black, white, grey
    return tuple(255 * c for c in hsv_to_rgb(hue, saturation, value))


def draw_paint(rng: np.random.Generator, patterned: float) -> Paint:
    if rng.random() >= patterned:
        return Paint(draw_color(rng))
    per_metre = rng.uniform(9, 20)
    across = rng.uniform(0.7, 1.6)
    pattern = (
        (0.1, 1.0, 0.0, per_metre, 0.0),  # hoops
        (0.62, 1.0, 0.0, 0.6 * per_metre, 0.0),  # thin hoops
        (0.0, 0.0, 1.0, 0.0, across),  # stripes
        (0.0, 1.0, 1.0, per_metre, 1.3 * across),  # argyle
        (0.9, 1.0, 1.0, per_metre, 1.3 * across),  # dots
    )[int(rng.integers(5))]
    return Paint(draw_color(rng), draw_color(rng), pattern)


def _choose(rng: np.random.Generator, **weights: float):
    names = list(weights)
    edges = np.cumsum(list(weights.values()))
    return names[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def draw_outfit(rng: np.random.Generator) -> Outfit:
    """Random skin, hair and clothes."""
    tone = rng.uniform(0, len(_SKIN) - 1)
    low = int(tone)
    skin = tuple(a + (tone - low) * (b - a) for a, b in zip(_SKIN[low], _SKIN[min(low + 1, 7)], strict=True))
    skirt = 0.0 if rng.random() < 0.82 else rng.uniform(0.5, 1.25)
    haircut = _choose(rng, short=4, long=2.2, tail=1.5, bald=0.6, cap=1.4)
    return Outfit(
        skin=skin,
        hair=_HAIR[int(rng.integers(len(_HAIR)))],
        shirt=draw_paint(rng, 0.45),
        trousers=draw_paint(rng, 0.12),
        shoes=draw_color(rng),
        sleeve=(0.0, 0.27, 0.3, 1.0, 1.0)[int(rng.integers(5))],
        leg=0.08 if skirt else (0.22, 0.42, 1.0, 1.0, 1.0)[int(rng.integers(5))],
        hem=rng.uniform(0.05, 0.42),
        skirt=skirt,
        socks=draw_color(rng) if rng.random() < 0.4 else None,
        haircut=haircut,
        hat=draw_color(rng),
        front=_choose(rng, plain=2, zip=1.5, print=2, collar=1.5),
        mark=draw_color(rng),
        beard=haircut != "long" and haircut != "tail" and rng.random() < 0.25,
        glasses=rng.random() < 0.15,
        backpack=draw_color(rng) if rng.random() < 0.12 else None,
        gear=_choose(rng, none=8, ball=1.1, racket=0.9, stick=0.7),
        gear_hand=int(rng.integers(2)),
    )
