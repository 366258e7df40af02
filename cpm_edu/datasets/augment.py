"""From a person in a picture to a network's input: one 2 x 3 matrix for the image and its joints.

`plain_crop` is what testing sees. `training_crop` draws a random matrix. With our `Augmentation` it moves the
person off the middle (the center map moves along), and into some crops pastes a second person: only the center
map then tells whom to answer for. `MmposeAugmentation` is what OpenMMLab's configurations do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from ..coords import Convention, person_matrix
from ..skeletons import Skeleton
from .crops import PAD_VALUE, Crop, Seam, Sketch, paint
from .people import Person

__all__ = [
    "PAD_VALUE", "AnyAugmentation", "Augmentation", "Crop", "MmposeAugmentation", "plain_crop", "plain_sketch",
    "training_crop", "training_sketch", "truncated_normal", "two_person_crop",
]  # fmt: skip

CUT_AWAY_PX = -1e4  # where a joint goes that is no longer in the picture: its target is zero everywhere

# mmpose's RandomHalfBody, the defaults of its constructor
MIN_LABELLED, MIN_UPPER, MIN_LOWER = 9, 2, 3
UPPER_PREFERRED = 0.7
HALF_BODY_PADDING = 1.5


@dataclass(frozen=True)
class Augmentation:
    """How a training crop may differ from the plain one. Probabilities are 0..1; the defaults are ours,
    except rotation and scale, which are those of the paper's release (genProto.py).

    Args:
        rotation_deg: largest rotation either way.
        scale: smallest and largest zoom.
        shift: largest shift of the person, as a fraction of the crop's side.
        flip: probability of a mirrored crop.
        half_body: probability of zooming onto the upper or lower body.
        second_person: probability of pasting another person beside the first.
        pair_scale: smallest and largest zoom of each in a crop of two.
        pair_offset: smallest and largest distance of each of two from the middle, fraction of the side.
        center_jitter: standard deviation of the marked center, fraction of the side.
        brightness: largest relative change of each colour channel and of all together.
    """

    rotation_deg: float = 40.0
    scale: tuple[float, float] = (0.7, 1.3)
    shift: float = 0.25
    flip: float = 0.5
    half_body: float = 0.15
    second_person: float = 0.5
    pair_scale: tuple[float, float] = (0.55, 0.95)
    pair_offset: tuple[float, float] = (0.14, 0.25)
    center_jitter: float = 0.02
    brightness: float = 0.2


@dataclass(frozen=True)
class MmposeAugmentation:
    """The training crops of mmpose's configurations; the defaults are those of JHMDB, and of MPII but for its
    shift_probability of 0. COCO has half_body 0.3, scale (0.5, 1.5) and rotation_deg 80.

    Shift, size and angle are drawn from the standard normal distribution cut off at -1 and 1.

    Args:
        flip: probability of a mirrored crop.
        half_body: probability of a box around the upper or lower body, for people with 9 or more labelled joints.
        shift: largest shift of the box, as a fraction of its padded width and height.
        shift_probability: of shifting at all.
        scale: smallest and largest factor of the box's size (2 shows the person at half the size).
        rotation_deg: largest rotation either way.
        rotation_probability: of rotating at all.

    Source: mmpose 1.3, RandomFlip, RandomHalfBody, RandomBBoxTransform in
    datasets/transforms/common_transforms.py.
    """

    flip: float = 0.5
    half_body: float = 0.0
    shift: float = 0.16
    shift_probability: float = 0.3
    scale: tuple[float, float] = (0.75, 1.25)
    rotation_deg: float = 60.0
    rotation_probability: float = 0.6


AnyAugmentation = Augmentation | MmposeAugmentation


def plain_crop(person: Person, size: tuple[int, int], convention: Convention = "center") -> Crop:
    """The person's box, unrotated, in a crop of `size` (height, width) pixels."""
    return paint(plain_sketch(person, size, convention))


def plain_sketch(person: Person, size: tuple[int, int], convention: Convention = "center") -> Sketch:
    """`plain_crop` before it is painted."""
    return _sketch(person, size, convention=convention)


def two_person_crop(
    left: Person, right: Person, size: tuple[int, int], convention: Convention = "center"
) -> Crop:
    """Two people side by side, cut together in the middle; person 0, at the center, is the left one.

    Each is shown at 0.7 of its plain size and 0.21 of the width off the middle (ours).
    """
    offset = np.array([0.21 * size[1], 0.0])
    sketch = _sketch(left, size, zoom=0.7, shift_px=-offset, convention=convention)
    other = _sketch(right, size, zoom=0.7, shift_px=offset, convention=convention)
    _join(sketch, other, (sketch.center_px + other.center_px) / 2)
    return paint(sketch)


def training_crop(
    person: Person,
    skeleton: Skeleton,
    size: tuple[int, int],
    rng: np.random.Generator,
    augmentation: AnyAugmentation,
    *,
    another: Callable[[np.random.Generator], Person] | None = None,
    convention: Convention = "center",
) -> Crop:
    """A randomly transformed crop; every random number comes from `rng`.

    Args:
        another: draws the second person; None: never two. mmpose's augmentation never asks.

    Returns:
        A `Crop`; whoever was pasted in comes last.
    """
    return paint(
        training_sketch(person, skeleton, size, rng, augmentation, another=another, convention=convention)
    )


def training_sketch(
    person: Person,
    skeleton: Skeleton,
    size: tuple[int, int],
    rng: np.random.Generator,
    augmentation: AnyAugmentation,
    *,
    another: Callable[[np.random.Generator], Person] | None = None,
    convention: Convention = "center",
) -> Sketch:
    """`training_crop` before it is painted; reads no picture."""
    if isinstance(augmentation, MmposeAugmentation):
        sketch = _mmpose_sketch(person, skeleton, size, rng, augmentation, convention)
    else:
        sketch = _our_sketch(person, skeleton, size, rng, augmentation, another, convention)
    sketch.may_shrink = True
    return sketch


def _our_sketch(person, skeleton, size, rng, options: Augmentation, another, convention) -> Sketch:
    side = np.array([size[1], size[0]], float)
    paired = another is not None and rng.random() < options.second_person
    direction = rng.choice([-1.0, 1.0]) * np.array([1.0, rng.uniform(-0.5, 0.5)])
    if paired:
        zoom = rng.uniform(*options.pair_scale)
        shift = direction * rng.uniform(*options.pair_offset)
    else:
        zoom = rng.uniform(*options.scale)
        shift = rng.uniform(-options.shift, options.shift, 2)
        if rng.random() < options.half_body:
            person = _half_body(person, skeleton, rng)
    sketch = _random_sketch(person, skeleton, size, rng, options, zoom, shift * side, convention)
    if paired:
        offset = -direction * rng.uniform(*options.pair_offset) * side
        zoom = zoom * rng.uniform(0.8, 1.25)
        other = _random_sketch(another(rng), skeleton, size, rng, options, zoom, offset, convention)
        seam = (sketch.center_px + other.center_px) / 2
        _join(sketch, other, seam + rng.normal(0, 0.03 * size[1], 2).astype(np.float32))
    jitter = rng.normal(0.0, options.center_jitter, 2) * side
    sketch.center_px = sketch.center_px + jitter.astype(np.float32)
    sketch.gain = rng.uniform(1 - options.brightness, 1 + options.brightness, 3).astype(np.float32)
    sketch.offset = float(rng.uniform(-options.brightness, options.brightness) * 128)
    return sketch


def _random_sketch(person, skeleton, size, rng, options, zoom, shift_px, convention) -> Sketch:
    return _sketch(
        person, size, zoom=zoom, shift_px=shift_px, convention=convention,
        mirror=skeleton if rng.random() < options.flip else None,
        rotation_deg=rng.uniform(-options.rotation_deg, options.rotation_deg),
    )  # fmt: skip


def _half_body(person: Person, skeleton: Skeleton, rng: np.random.Generator) -> Person:
    """The same person with a box around the labelled joints of one half, where that half has at least 4."""
    half = list(skeleton.upper_body if rng.random() < 0.7 else skeleton.lower_body)
    half = [j for j in half if person.labelled[j]]
    if len(half) < 4:
        return person
    low, high = person.joints_px[half].min(0), person.joints_px[half].max(0)
    side = max(HALF_BODY_PADDING * float((high - low).max()), 8.0)
    middle = ((low + high) / 2).astype(np.float32)
    return replace(person, center_px=middle, scale_px=np.array([side, side], np.float32))


def _mmpose_sketch(person, skeleton, size, rng, options: MmposeAugmentation, convention) -> Sketch:
    mirrored = rng.random() < options.flip
    person = _mmpose_half_body(person, skeleton, rng, options.half_body)
    shift_x, shift_y, growth, turn = truncated_normal(rng, 4)
    chances = rng.random(2)
    offset, angle = np.zeros(2), 0.0
    if chances[0] < options.shift_probability:
        offset = options.shift * np.array([shift_x, shift_y]) * person.scale_px
    if chances[1] < options.rotation_probability:
        angle = options.rotation_deg * turn
    if mirrored:  # mmpose mirrors the picture first, so it shifts and turns what is mirrored already
        offset, angle = offset * [-1, 1], -angle
    smallest, largest = options.scale
    factor = growth * (largest - smallest) / 2 + (largest + smallest) / 2
    return _sketch(
        person, size, zoom=1 / factor, rotation_deg=angle, mirror=skeleton if mirrored else None,
        middle_px=person.center_px + offset, convention=convention,
    )  # fmt: skip


def _mmpose_half_body(
    person: Person, skeleton: Skeleton, rng: np.random.Generator, probability: float
) -> Person:
    """The person with a box around one half of the body, if chance wants it and enough joints are labelled."""
    if person.labelled.sum() < MIN_LABELLED or rng.random() >= probability:
        return person
    prefers_upper = rng.random() < UPPER_PREFERRED
    upper = [j for j in skeleton.upper_body if person.labelled[j]]
    lower = [j for j in skeleton.lower_body if person.labelled[j]]
    enough_upper, enough_lower = len(upper) >= MIN_UPPER, len(lower) >= MIN_LOWER
    if not (enough_upper or enough_lower):
        return person
    half = upper if enough_upper and (prefers_upper or not enough_lower) else lower
    joints = person.joints_px[half]
    extent = HALF_BODY_PADDING * (joints.max(0) - joints.min(0))
    return replace(
        person, center_px=joints.mean(0), scale_px=np.maximum(extent, 1.0)
    )  # joints on one spot: 1 px


def truncated_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) numbers of the standard normal distribution, cut off at -1 and 1."""
    normal = NormalDist()
    low, high = normal.cdf(-1), normal.cdf(1)
    return np.array([normal.inv_cdf(low + u * (high - low)) for u in rng.random(count)])


def _sketch(
    person: Person,
    size: tuple[int, int],
    *,
    zoom: float = 1.0,
    rotation_deg: float = 0.0,
    mirror: Skeleton | None = None,
    middle_px: np.ndarray | None = None,
    shift_px: np.ndarray | None = None,
    convention: Convention = "center",
) -> Sketch:
    """A crop of the person's picture by one matrix, joints and center taken along.

    Args:
        middle_px: (2,) image pixels that come into the middle of the crop; None: the person's center.
        shift_px: (2,) crop pixels by which all is moved in the end.
    """
    matrix = person_matrix(
        person.center_px if middle_px is None else middle_px, person.scale_px, size,
        zoom=zoom, rotation_deg=rotation_deg, mirror=mirror is not None, convention=convention,
    )  # fmt: skip
    if shift_px is not None:
        matrix[:, 2] += shift_px
    joints, labelled = person.everybody()
    if mirror is not None:
        order = list(mirror.flip_permutation)
        joints, labelled = joints[:, order], labelled[:, order]
    linear, offset = matrix[:, :2].T, matrix[:, 2]
    return Sketch(
        size=size,
        people=[person],
        matrices=[matrix],
        joints_px=(joints @ linear + offset).astype(np.float32),
        labelled=labelled,
        center_px=(np.asarray(person.center_px, float) @ linear + offset).astype(np.float32),
        convention=convention,
    )


def _join(sketch: Sketch, other: Sketch, point: np.ndarray) -> None:
    """Show `other` beyond the line through `point`, square to the way to the other person's center."""
    seam = Seam(point, other.center_px - sketch.center_px)
    for part, shown_beyond in ((sketch.joints_px[1:], False), (other.joints_px, True)):
        part[seam.beyond(part) != shown_beyond] = (
            CUT_AWAY_PX  # but person 0 is taught whole, as where it is occluded
        )
    sketch.seam = seam
    sketch.people += other.people
    sketch.matrices += other.matrices
    sketch.joints_px = np.concatenate([sketch.joints_px, other.joints_px])
    sketch.labelled = np.concatenate([sketch.labelled, other.labelled])
