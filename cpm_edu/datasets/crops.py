"""A crop before and after it is painted.

A `Sketch` holds all that a crop will be: which pictures it shows, by which matrices, where the joints lie. Painting
it reads the pictures. The two are apart so that many sketches can be painted at once on a GPU (gpu_crops.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..coords import Convention, after_shrinking, antialias_block, needed_box, sample_images
from .people import Person

__all__ = ["PAD_VALUE", "Crop", "Part", "Seam", "Sketch", "paint", "paint_parts", "visible_parts"]

# What a crop shows outside the picture: grey in the paper's release (testing/src/padAround.m), black in mmpose.
PAD_VALUE = {"center": 128.0, "msra": 0.0}
# Whether shrinking averages pixels: OpenCV's warpAffine, and so mmpose, takes every second or third pixel instead.
ANTIALIASED = {"center": True, "msra": False}
WORTH_SHRINKING = 320 * 240  # pixels; decoding a smaller picture takes no time worth saving


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


@dataclass
class Seam:
    """The line where a second picture begins: through `point`, square to `toward`, both (2,) crop pixels."""

    point: np.ndarray
    toward: np.ndarray

    def beyond(self, points: np.ndarray) -> np.ndarray:
        """(...) bool: which of the points (..., 2) lie on the second picture's side."""
        return self._beyond(points[..., 0], points[..., 1])

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """(H_in, W_in) bool: which pixels of a crop do."""
        return self._beyond(
            np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32)[:, None]
        )

    def _beyond(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x - self.point[0]) * self.toward[0] + (y - self.point[1]) * self.toward[1] > 0


@dataclass
class Sketch:
    """A crop that is not painted yet.

    Args:
        size: (height, width).
        people: whose pictures are shown: one person's, or two people's.
        matrices: as many (2, 3) float64, image pixels -> crop pixels.
        joints_px, labelled, center_px: arrays as in `Crop`.
        convention: decides what lies outside a picture and whether shrinking averages.
        seam: where the second picture begins.
        gain: (3,) factors of the colours, or None.
        offset: added to all colours after that.
        may_shrink: pictures may be decoded at a lower resolution where the crop shows no more: for training.
    """

    size: tuple[int, int]
    people: list[Person]
    matrices: list[np.ndarray]
    joints_px: np.ndarray
    labelled: np.ndarray
    center_px: np.ndarray
    convention: Convention = "center"
    seam: Seam | None = None
    gain: np.ndarray | None = None
    offset: float = 0.0
    may_shrink: bool = False

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3) of the person at the center."""
        return self.matrices[0]


@dataclass
class Part:
    """What a crop needs of a picture.

    Args:
        pixels: (h, w, 3) uint8 RGB; what the crop shows beyond it lies outside the picture.
        matrix: (2, 3) float64, pixels of the part -> crop pixels.
        block: side of the blocks of pixels to average before sampling.
    """

    pixels: np.ndarray
    matrix: np.ndarray
    block: int


def paint(sketch: Sketch) -> Crop:
    """The crop of a sketch; ImageError where a picture cannot be read."""
    image = paint_parts(sketch, visible_parts(sketch))
    arrays = (sketch.joints_px, sketch.labelled, sketch.center_px, sketch.matrix)
    return Crop(image, *map(torch.from_numpy, arrays))


def paint_parts(sketch: Sketch, parts: list[Part]) -> Tensor:
    """(3, H_in, W_in) the image of a sketch whose pictures are read."""
    shown = [_warp(part, sketch) for part in parts]
    image = shown[0]
    if sketch.seam is not None:
        image = torch.where(torch.from_numpy(sketch.seam.mask(sketch.size)), shown[1], image)
    if sketch.gain is not None:
        gain = torch.from_numpy(sketch.gain)[:, None, None]
        image = image.mul_(gain).add_(sketch.offset).clamp_(0, 255)
    return image


def _warp(part: Part, sketch: Sketch) -> Tensor:
    pixels = torch.from_numpy(part.pixels.astype(np.float32)).permute(2, 0, 1)[None]
    matrix, fill = torch.from_numpy(part.matrix)[None], PAD_VALUE[sketch.convention]
    return sample_images(pixels, matrix, sketch.size, block=part.block, fill=fill)[0]


def visible_parts(sketch: Sketch) -> list[Part]:
    """What a sketch shows of its pictures; ImageError where one cannot be read."""
    return [_visible_part(*shown, sketch) for shown in zip(sketch.people, sketch.matrices, strict=True)]


def _visible_part(person: Person, matrix: np.ndarray, sketch: Sketch) -> Part:
    determinant = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]

    def times_smaller(source_size: tuple[int, int]) -> int:
        """1, 2, 4 or 8: as many pixels as the crop has must be left."""
        if source_size[0] * source_size[1] < WORTH_SHRINKING:
            return 1
        most = antialias_block(determinant, source_size)
        return next(times for times in (8, 4, 2, 1) if times <= most)

    whole, times = person.picture(shrink=times_smaller if sketch.may_shrink else None)
    if times > 1:
        matrix = after_shrinking(torch.from_numpy(matrix), times).numpy()
    size = whole.shape[:2] if isinstance(whole, np.ndarray) else whole.size[::-1]
    block = antialias_block(determinant * times**2, size) if ANTIALIASED[sketch.convention] else 1
    left, top, right, bottom = needed_box(matrix, sketch.size, size)
    left, top = left // block * block, top // block * block  # the blocks are those of the whole picture
    right, bottom = min(-(-right // block) * block, size[1]), min(-(-bottom // block) * block, size[0])
    if isinstance(whole, np.ndarray):
        pixels = whole[top:bottom, left:right]
    else:
        pixels = np.asarray(whole.crop((left, top, right, bottom)))
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (left, top)
    return Part(pixels, moved, block)
