"""Synthetic people: the data set that is always at hand.

Dressed, articulated figures in front of drawn places, with exact joints: the person meant, up to two more people,
things that stand in front, changing light. A picture depends on (seed, index) only, so that the data set needs no
files and two students see the same pictures. It teaches and tests; it does not replace photographs.

    people = SyntheticPeople(1000, seed=3)
    sample = people[17]
    sample.image, sample.joints_px[0], sample.visible[0]      # the person meant comes first
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from textwrap import fill

import numpy as np
from PIL import Image, ImageDraw

from ..skeletons import LSP
from .drawing.figures2d import figure_parts
from .drawing.outfits2d import Outfit, Paint, draw_outfit
from .drawing.parts2d import JOINT_PARTS, Part, part
from .drawing.poses3d import POSES, Figure, draw_body, draw_pose, pose_figure
from .drawing.scenery2d import draw_occluder, draw_place
from .drawing.shading2d import draw_light, photograph, shade
from .people import Person

__all__ = ["Actor", "Sample", "SyntheticPeople", "render", "synthetic_scene"]

SPEED = "about 200 pictures of 192 x 192 a second on one CPU core."
SUPERSAMPLE = 2  # outlines are drawn at twice the size: four samples a pixel, as `shade` wants them
_THINGS = ("seat", "gear")  # drawn with a person, but no part of the silhouette
_OWNERS = [frozenset(JOINT_PARTS[name]) for name in LSP.joints]
# A trunk seen from the side hides the far shoulder and hip. It lies this share of half a width behind the middle:
_FAR_SIDE = 0.8  # sin(53 degrees); nearer to the front view the far shoulder still shapes the outline
_PAIRS = {j: pair for pair in LSP.flip_pairs for j in pair if LSP.joints[j].endswith(("shoulder", "hip"))}


@dataclass(frozen=True)
class Sample:
    """One picture and all people in it, the person meant first.

    Args:
        image: (H, W, 3) uint8 RGB.
        joints_px: (P, 14, 2) float32 (x, y) in pixels, LSP order; exact also where hidden or outside.
        visible: (P, 14) uint8, 1 where the joint is in sight, 0 behind something, behind the own body, or outside.
        inside: (P, 14) bool, True where the joint lies in the picture.
        boxes_xyxy: (P, 4) float32 boxes of the silhouettes, hidden parts included and things
            held left out, cut at the picture's edges.
        center_px: (2,) float32 (x, y), middle of the first person's box: where a center map has its peak.
    """

    image: np.ndarray
    joints_px: np.ndarray
    visible: np.ndarray
    inside: np.ndarray
    boxes_xyxy: np.ndarray
    center_px: np.ndarray

    def person(self, which: int = 0, *, padding: float = 1.25) -> Person:
        """Person number `which` with the crop that its padded box asks for; joints inside the picture are labelled."""
        box = self.boxes_xyxy[which]
        return Person(
            image=self.image,
            joints_px=self.joints_px[which],
            labelled=self.inside[which],
            center_px=(box[:2] + box[2:]) / 2,
            scale_px=(box[2:] - box[:2]) * np.float32(padding),
            others_px=np.delete(self.joints_px, which, 0),
            others_labelled=np.delete(self.inside, which, 0),
        )


@dataclass(frozen=True)
class Actor:
    """A dressed figure put in the picture: pixels per metre and the pixel of the middle of the hips."""

    figure: Figure
    outfit: Outfit
    px_per_m: float
    hips_px: tuple[float, float]

    @property
    def joints_px(self) -> np.ndarray:
        """(14, 2) float32 pixels."""
        return (np.array(self.hips_px) + self.px_per_m * self.figure.joints[:, :2]).astype(np.float32)

    @property
    def ground_px(self) -> float:
        """Row of the ground under the figure."""
        low = float(self.figure.joints[:, 1].max()) + 0.075 + self.figure.pose.lift
        return self.hips_px[1] + self.px_per_m * low


def _actor_parts(actor: Actor) -> list[Part]:
    """Parts in pixels of the supersampled canvas, the seat included."""
    k = SUPERSAMPLE
    # Our pixel centres are whole numbers; Pillow's polygons count from the pixel's edge.
    hips = tuple(k * (v + 0.5) for v in actor.hips_px)
    parts = figure_parts(actor.figure, actor.outfit, k * actor.px_per_m, hips)
    if actor.figure.pose.seat:
        scale = k * actor.px_per_m
        top, low, half = hips[1] + 0.09 * scale, k * (actor.ground_px + 0.5), 0.22 * scale
        outline = [hips[0] - half, top, hips[0] + half, top, hips[0] + half, low, hips[0] - half, low]
        paint = Paint(tuple(0.4 * c + 60 for c in actor.outfit.mark))
        depth = 0.08 if actor.figure.pelvis[2, 2] < 0 else -9.0  # seen from the back, the seat hides the legs
        seat = part("seat", depth, outline, (hips[0], top), (0.0, low - top), half * 1.2, paint, scale)
        parts = sorted([*parts, seat], key=lambda p: p.depth)
    return parts


def _in_sight(actor: Actor, number: int, numbers, who, parts) -> np.ndarray:
    """(14,) uint8: the joints of actor `number` that no other thing and no other limb covers."""
    height, width = numbers.shape
    places = np.floor(SUPERSAMPLE * (actor.joints_px + 0.5)).astype(int)
    depth = actor.figure.joints[:, 2]
    visible = np.zeros(len(places), np.uint8)
    for j, (x, y) in enumerate(places.tolist()):
        if not (0 <= x < width and 0 <= y < height):
            continue
        top = int(numbers[y, x]) - 1
        if top < 0 or who[top] != number or parts[top].owner not in _OWNERS[j]:
            continue
        if parts[top].owner in ("trunk", "skirt") and j in _PAIRS:
            a, b = (actor.figure.joints[i] for i in _PAIRS[j])
            if depth[j] - (a[2] + b[2]) / 2 < -_FAR_SIDE * np.linalg.norm(a - b) / 2:
                continue
        visible[j] = 1
    return visible


def render(
    rng: np.random.Generator,
    actors: Sequence[Actor],
    *,
    size: tuple[int, int],
    order: Sequence[int] | None = None,
    occluders: Sequence[Part] = (),
    horizon_px: float | None = None,
) -> Sample:
    """Draw actors and label them.

    Args:
        rng: for place, light and noise; the labels do not depend on it.
        actors: the person meant first.
        size: (height, width) of the picture.
        order: indices of the actors from the farthest to the nearest; None draws the first one last.
        occluders: parts in front of everybody, in pixels times `SUPERSAMPLE` that count from the picture's edge.
        horizon_px: row of the horizon; None puts it at two fifths of the height.
    """
    height, width = size
    order = range(len(actors) - 1, -1, -1) if order is None else order
    parts, who = [], []
    for number in order:
        figure = _actor_parts(actors[number])
        parts += figure
        who += [number] * len(figure)
    parts += occluders
    who += [-1] * len(occluders)
    canvas = Image.new("L" if len(parts) < 256 else "I", (SUPERSAMPLE * width, SUPERSAMPLE * height))
    draw = ImageDraw.Draw(canvas)
    for index, p in enumerate(parts):
        draw.polygon(p.outline, fill=index + 1)
    numbers = np.asarray(canvas)

    light = draw_light(rng)
    colors, cover = shade(numbers, parts, light)
    shadows = [(a.hips_px[0], a.ground_px, 0.42 * a.px_per_m) for a in actors]
    place = draw_place(rng, size, 0.4 * height if horizon_px is None else horizon_px, shadows)
    image = photograph(rng, place, colors, cover, light)

    joints = np.stack([actor.joints_px for actor in actors])
    x, y = joints[..., 0], joints[..., 1]
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    boxes = []
    for number in range(len(actors)):
        outlines = [
            p.outline for p, w in zip(parts, who, strict=True) if w == number and p.owner not in _THINGS
        ]
        points = np.array(list(chain.from_iterable(outlines))).reshape(-1, 2)
        points = points / SUPERSAMPLE - 0.5
        boxes.append(np.concatenate([points.min(0), points.max(0)]))
    boxes = np.clip(boxes, -0.5, np.array([width, height] * 2) - 0.5).astype(np.float32)
    return Sample(
        image=image,
        joints_px=joints,
        visible=np.stack([_in_sight(a, n, numbers, who, parts) for n, a in enumerate(actors)]) * inside,
        inside=inside,
        boxes_xyxy=boxes,
        center_px=(boxes[0, :2] + boxes[0, 2:]) / 2,
    )


def _draw_figure(rng: np.random.Generator) -> Figure:
    """A random body and pose seen from the front (half), the back (a quarter) or the side (a quarter)."""
    side = rng.random()
    middle, spread = (
        (0, 30) if side < 0.5 else (180, 30) if side < 0.75 else (90 if side < 0.875 else -90, 28)
    )
    gaze = (float(rng.normal(0, 18)), float(rng.normal(4, 8)))
    yaw, pitch = float(rng.normal(middle, spread)), float(rng.uniform(-6, 14))
    return pose_figure(draw_body(rng), draw_pose(rng), yaw_deg=yaw, pitch_deg=pitch, gaze=gaze)


def _lead(rng: np.random.Generator, size: tuple[int, int]) -> Actor:
    """The person meant: most of the picture, whole in seven of eight."""
    height, width = size
    figure = _draw_figure(rng)
    low, high = figure.joints[:, :2].min(0) - 0.12, figure.joints[:, :2].max(0) + 0.12
    extent = high - low
    px_per_m = min(height / extent[1], width / extent[0]) * rng.uniform(0.68, 0.94)
    if rng.random() < 0.125:
        px_per_m *= rng.uniform(1.15, 1.6)  # cut by the edges
    slack = np.array([width, height]) - px_per_m * extent
    share = np.array([rng.uniform(0.25, 0.75), rng.uniform(0.4, 0.95)])
    corner = share * slack  # of the extent's box
    return Actor(figure, draw_outfit(rng), float(px_per_m), tuple((corner - px_per_m * low).tolist()))


def _extra(rng: np.random.Generator, lead: Actor, size: tuple[int, int], horizon: float, near: bool) -> Actor:
    """Another person on the same ground, beside the first: behind, or nearer and larger."""
    figure, side = _draw_figure(rng), rng.choice([-1.0, 1.0])
    ratio = rng.uniform(1.0, 1.12) if near else rng.uniform(0.6, 1.0)
    ratio = min(
        ratio, 1.02 * size[0] / (figure.body.height * lead.px_per_m)
    )  # no giants beside a crouching child
    px_per_m = lead.px_per_m * ratio
    offset = rng.uniform(0.34, 0.5) if near else rng.uniform(0.16, 0.48)
    ground = horizon + (lead.ground_px - horizon) * ratio
    low = float(figure.joints[:, 1].max()) + 0.075 + figure.pose.lift
    x = min(max(lead.hips_px[0] + side * offset * size[1], 0.04 * size[1]), 0.96 * size[1])
    return Actor(figure, draw_outfit(rng), px_per_m, (x, ground - px_per_m * low))


def synthetic_scene(
    index: int, *, seed: int = 0, size: tuple[int, int] = (192, 192), people: int | None = None
) -> Sample:
    """Scene number `index`: the same bytes whenever, in whatever order and in whichever process it is asked for.

    Args:
        index, seed: 0 .. 2**64 - 1.
        size: (height, width) in pixels, each at least 32.
        people: number of people, the one meant included, 1..8; None draws 1 to 3.

    Raises:
        ValueError: a negative index or seed, a size below 32, or a number of people outside 1..8.
    """
    height, width = (int(v) for v in size)
    if not (0 <= index < 2**64 and 0 <= seed < 2**64):
        raise ValueError(f"index and seed must be 0 or more (and below 2**64), not {index} and {seed}")
    if min(height, width) < 32:
        raise ValueError(f"size must be at least (32, 32), not {size}: a smaller figure has no limbs to see")
    if people is not None and not 1 <= people <= 8:
        raise ValueError(f"people must be 1..8 or None, not {people}")
    # Philox is a counter-based generator: the key alone fixes the stream, and no draw depends on an earlier scene.
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, index], dtype=np.uint64)))
    drawn = 1 + int(np.searchsorted([0.42, 0.8], rng.random()))
    lead = _lead(rng, (height, width))
    horizon = float(
        np.clip(lead.ground_px - rng.uniform(0.7, 1.7) * lead.px_per_m, 0.12 * height, 0.85 * height)
    )
    actors, order = [lead], [0]
    for number in range(1, drawn if people is None else people):
        near = rng.random() < 0.25
        actors.append(_extra(rng, lead, (height, width), horizon, near))
        order = [*order, number] if near else [number, *order]
    occluders = []
    if rng.random() < 0.4:
        joint = lead.joints_px[int(rng.integers(12))]  # neck and head stay free
        k = SUPERSAMPLE
        at = tuple((k * (joint + 0.5 + rng.normal(0, 0.06 * lead.px_per_m, 2))).tolist())
        occluders = draw_occluder(
            rng, at, k * lead.px_per_m * rng.uniform(0.13, 0.3), (k * height, k * width)
        )
    return render(rng, actors, size=(height, width), order=order, occluders=occluders, horizon_px=horizon)


class SyntheticPeople(Sequence):
    """`length` synthetic scenes as a data set of LSP joints; item i is `synthetic_scene(i, seed=seed, size=size)`.

    Raises:
        ValueError: a negative length or seed, or a size below 32; IndexError: an item outside 0..length - 1.
    """

    skeleton = LSP

    def __init__(self, length: int, *, seed: int = 0, size: tuple[int, int] = (192, 192)) -> None:
        if length < 0 or seed < 0 or min(size) < 32:
            raise ValueError(
                f"length and seed must be 0 or more and size at least 32, not {length}, {seed}, {size}"
            )
        self.length, self.seed, self.size = length, seed, size

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.length:
            raise IndexError(f"scene {index} of {self.length}")
        return synthetic_scene(index, seed=self.seed, size=self.size)

    def describe(self) -> str:
        """What is in it, in a few lines for a newcomer."""
        height, width = self.size
        text = (
            f"{self.length} pictures of {height} x {width} pixels with 1 to 3 drawn people; the one meant comes first. "
            f"{len(POSES)} poses ({', '.join(name.replace('_', ' ') for name in POSES)}), each jittered and mirrored, "
            "seen from the front (half), the back and the side (a quarter each). Joints: LSP's 14; left and right are "
            "the person's own. One main person in eight is cut by the edge; in two pictures of five something stands "
            "in front. `visible` asks which part was drawn last at the joint's pixel; a trunk seen from the side also "
            f"hides the far shoulder and hip. Picture i depends on (seed, i) = ({self.seed}, i) only: the same bytes "
            f"in any order and any process of one installation. Drawn when asked for, no files: {SPEED}"
        )
        return fill(text, 100)
