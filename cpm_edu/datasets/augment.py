"""From a person in a picture to a network's input: one 2 x 3 matrix for the image and its joints.

`plain_crop` is what testing sees. `training_crop` draws a random matrix, moves the person off the middle
(the center map moves along), and into some crops pastes a second person: only the center map then tells
whom to answer for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..coords import Convention, apply_affine, crop_matrix, fit_aspect, warp_images
from ..skeletons import Skeleton
from .people import Person

__all__ = ["PAD_VALUE", "Augmentation", "Crop", "plain_crop", "training_crop", "two_person_crop"]

CUT_AWAY_PX = -1e4  # where a joint goes that is no longer in the picture: its target is zero everywhere
# What a crop shows outside the picture: grey in the paper's release (testing/src/padAround.m), black in mmpose.
PAD_VALUE = {"center": 128.0, "msra": 0.0}


@dataclass
class Crop:
    """A network's input and its labels.

    Args:
        image: (3, H_in, W_in) float32 RGB, 0..255.
        joints_px: (P, J, 2) crop pixels; person 0 is the one at the center.
        labelled: (P, J) bool.
        center_px: (2,) crop pixels, where the center map has its peak.
        matrix: (2, 3) image pixels -> crop pixels.
    """

    image: Tensor
    joints_px: Tensor
    labelled: Tensor
    center_px: Tensor
    matrix: Tensor


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


def plain_crop(person: Person, size: tuple[int, int], convention: Convention = "center") -> Crop:
    """The person's box, unrotated, in a crop of `size` (height, width) pixels."""
    return _place(person, size, convention=convention)


def two_person_crop(
    left: Person, right: Person, size: tuple[int, int], convention: Convention = "center"
) -> Crop:
    """Two people side by side, cut together in the middle; person 0, at the center, is the left one.

    Each is shown at 0.7 of its plain size and 0.21 of the width off the middle (ours).
    """
    offset = np.array([0.21 * size[1], 0.0])
    crop = _place(left, size, zoom=0.7, shift_px=-offset, convention=convention)
    other = _place(right, size, zoom=0.7, shift_px=offset, convention=convention)
    _paste(crop, other, (crop.center_px + other.center_px) / 2)
    return crop


def _place(
    person: Person,
    size: tuple[int, int],
    *,
    zoom: float = 1.0,
    rotation_deg: float = 0.0,
    mirror: Skeleton | None = None,
    shift_px: np.ndarray | None = None,
    convention: Convention = "center",
) -> Crop:
    """A crop of the person's picture by one matrix, joints and center taken along."""
    center, scale = (torch.from_numpy(np.asarray(v, np.float64)) for v in (person.center_px, person.scale_px))
    matrix = crop_matrix(
        center,
        fit_aspect(scale, size) / zoom,
        size,
        rotation_deg=rotation_deg,
        mirror=mirror is not None,
        convention=convention,
    )
    if shift_px is not None:
        matrix[:, 2] += torch.from_numpy(shift_px)
    image = torch.from_numpy(person.pixels().copy()).permute(2, 0, 1)[None].float()
    joints, labelled = (torch.from_numpy(a) for a in person.everybody())
    if mirror is not None:
        order = list(mirror.flip_permutation)
        joints, labelled = joints[:, order], labelled[:, order]
    return Crop(
        image=warp_images(image, matrix, size, fill=PAD_VALUE[convention])[0],
        joints_px=apply_affine(matrix, joints.double()).float(),
        labelled=labelled,
        center_px=apply_affine(matrix, center[None])[0].float(),
        matrix=matrix,
    )


def training_crop(
    person: Person,
    skeleton: Skeleton,
    size: tuple[int, int],
    rng: np.random.Generator,
    augmentation: Augmentation,
    *,
    another: Callable[[np.random.Generator], Person] | None = None,
    convention: Convention = "center",
) -> Crop:
    """A randomly transformed crop; every random number comes from `rng`.

    Args:
        another: draws the second person; None: never two.

    Returns:
        A `Crop`; whoever was pasted in comes last.
    """
    options = augmentation
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
    crop = _random_crop(person, skeleton, size, rng, options, zoom, shift * side, convention)
    if paired:
        offset = -direction * rng.uniform(*options.pair_offset) * side
        zoom = zoom * rng.uniform(0.8, 1.25)
        other = _random_crop(another(rng), skeleton, size, rng, options, zoom, offset, convention)
        seam = (crop.center_px + other.center_px) / 2
        _paste(crop, other, seam + torch.from_numpy(rng.normal(0, 0.03 * size[1], 2)).float())
    jitter = rng.normal(0.0, options.center_jitter, 2) * side
    crop.center_px = crop.center_px + torch.from_numpy(jitter).float()
    gain = rng.uniform(1 - options.brightness, 1 + options.brightness, (3, 1, 1))
    offset = rng.uniform(-options.brightness, options.brightness) * 128
    crop.image = (crop.image * torch.from_numpy(gain).float() + float(offset)).clamp_(0, 255)
    return crop


def _random_crop(person, skeleton, size, rng, options, zoom, shift_px, convention) -> Crop:
    return _place(
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
    side = max(1.5 * float((high - low).max()), 8.0)  # 1.5: mmpose's RandomHalfBody
    middle = ((low + high) / 2).astype(np.float32)
    return replace(person, center_px=middle, scale_px=np.array([side, side], np.float32))


def _paste(crop: Crop, other: Crop, seam_px: Tensor) -> None:
    """Fill what lies beyond the line through `seam_px`, square to the way to the other person's center."""
    height, width = crop.image.shape[-2:]
    toward = other.center_px - crop.center_px
    x, y = torch.arange(width, dtype=torch.float32), torch.arange(height, dtype=torch.float32)
    beyond = (x - seam_px[0])[None, :] * toward[0] + (y - seam_px[1])[:, None] * toward[1] > 0  # (H_in, W_in)
    crop.image = torch.where(beyond, other.image, crop.image)
    for part, shown_beyond in ((crop.joints_px[1:], False), (other.joints_px, True)):
        is_beyond = ((part - seam_px) * toward).sum(-1) > 0
        part[is_beyond != shown_beyond] = CUT_AWAY_PX  # but person 0 is taught whole, as where it is occluded
    crop.joints_px = torch.cat([crop.joints_px, other.joints_px])
    crop.labelled = torch.cat([crop.labelled, other.labelled])
