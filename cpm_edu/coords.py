"""Coordinates: image pixels, crop pixels and map cells. The only home of half-pixel shifts.

Points are (x, y), sizes (height, width). Pixel centres are whole numbers, so an image of width W
covers -0.5 .. W - 0.5. Two published conventions tie a crop of stride s to its map:

    "center": cells = (px + 0.5) / s - 0.5   cell c covers pixels s*c .. s*c + s - 1; its centre lies between
                                             them. The rule of the paper's release when it draws targets.
    "msra":   cells = px / s                 cell c stands on pixel s*c. The rule of mmpose's MSRAHeatmap;
                                             its crops put the box centre on pixel w/2, not (w - 1)/2.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Convention", "after_shrinking", "antialias_block", "apply_affine", "box_center_scale", "cells_from_px",
    "crop_matrix", "fit_aspect", "image_middle", "invert_affine", "mirror_points", "needed_box", "person_matrix",
    "px_from_cells", "sample_images", "source_places", "warp_images",
]  # fmt: skip

Convention = Literal["center", "msra"]


def _half_px(convention: str) -> float:
    if convention not in ("center", "msra"):
        raise ValueError(f'convention must be "center" or "msra", not {convention!r}')
    return 0.5 if convention == "center" else 0.0


def _as_float(values) -> Tensor:
    values = torch.as_tensor(values)
    return values if values.is_floating_point() else values.double()


def cells_from_px(points_px: Tensor, stride, convention: Convention = "center") -> Tensor:
    """Map cells of crop pixels.

    Args:
        points_px: (..., 2) points (x, y) in crop pixels.
        stride: pixels per cell, one number or (x, y).
        convention: see the module's docstring.

    Returns:
        (..., 2) points (x, y) in cells, not rounded.
    """
    half = _half_px(convention)
    points_px = _as_float(points_px)
    stride = torch.as_tensor(stride, dtype=points_px.dtype, device=points_px.device)
    return (points_px + half) / stride - half


def px_from_cells(points_cells: Tensor, stride, convention: Convention = "center") -> Tensor:
    """Crop pixels of map cells: the inverse of `cells_from_px`, same shapes."""
    half = _half_px(convention)
    points_cells = _as_float(points_cells)
    stride = torch.as_tensor(stride, dtype=points_cells.dtype, device=points_cells.device)
    return (points_cells + half) * stride - half


def box_center_scale(boxes_xyxy: Tensor, padding: float = 1.25) -> tuple[Tensor, Tensor]:
    """Centre and padded size of person boxes.

    Args:
        boxes_xyxy: (..., 4) boxes (x1, y1, x2, y2) in image pixels.
        padding: factor by which the box grows; 1.25 is mmpose's.

    Returns:
        center: (..., 2) (x, y) in image pixels.
        scale: (..., 2) (width, height) in image pixels.
    """
    boxes = _as_float(boxes_xyxy)
    if boxes.shape[-1:] != (4,):
        raise ValueError(f"boxes must end in 4 numbers (x1, y1, x2, y2), not shape {tuple(boxes.shape)}")
    return (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]) * padding


def fit_aspect(scale: Tensor, size: tuple[int, int]) -> Tensor:
    """Grow (width, height) on one side until it has the aspect of a crop of `size` (height, width)."""
    scale = _as_float(scale)
    width, height = scale.unbind(-1)
    aspect = size[1] / size[0]
    return torch.stack([torch.maximum(width, height * aspect), torch.maximum(height, width / aspect)], -1)


def crop_matrix(
    center: Tensor,
    scale: Tensor,
    size: tuple[int, int],
    *,
    rotation_deg: Tensor | float = 0.0,
    mirror: Tensor | bool = False,
    convention: Convention = "center",
) -> Tensor:
    """Affine matrix that takes image pixels to the pixels of a crop around a person.

    Args:
        center: (..., 2) point (x, y) of the image that becomes the middle of the crop.
        scale: (..., 2) (width, height) in image pixels that the crop covers; its width decides the zoom.
        size: (height, width) of the crop in pixels.
        rotation_deg: (...) degrees, turning the picture counter-clockwise as seen on the screen.
        mirror: (...) True mirrors the crop left to right (joints must then be permuted too).
        convention: "center" puts `center` on ((w - 1)/2, (h - 1)/2); "msra" on (w/2, h/2), as mmpose does.

    Returns:
        (..., 2, 3) matrix A with crop = A[:, :2] @ image + A[:, 2].

    Source: mmpose's TopdownAffine without UDP (closed form); golden/affine_random.npz.
    """
    center, scale = _as_float(center), _as_float(scale)
    radians = torch.deg2rad(torch.as_tensor(rotation_deg, dtype=center.dtype, device=center.device))
    side = 1.0 - 2.0 * torch.as_tensor(mirror, dtype=center.dtype, device=center.device)
    zoom, radians, side, x, y = torch.broadcast_tensors(
        size[1] / scale[..., 0], radians, side, center[..., 0], center[..., 1]
    )
    cos, sin = zoom * torch.cos(radians), zoom * torch.sin(radians)
    rows = _crop_rows(x, y, cos, sin, side, size, convention)
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def person_matrix(
    center_px: np.ndarray,
    scale_px: np.ndarray,
    size: tuple[int, int],
    *,
    zoom: float = 1.0,
    rotation_deg: float = 0.0,
    mirror: bool = False,
    convention: Convention = "center",
) -> np.ndarray:
    """(2, 3) float64 `crop_matrix` of one box, grown to the crop's aspect and shown `zoom` times as large.

    Plain numbers: for a data loader, which makes one after the other.
    """
    box_width, box_height = (float(side) for side in scale_px)
    scale = zoom * size[1] / max(box_width, box_height * size[1] / size[0])
    radians = math.radians(rotation_deg)
    cos, sin = scale * math.cos(radians), scale * math.sin(radians)
    x, y = (float(v) for v in center_px)
    return np.array(_crop_rows(x, y, cos, sin, -1.0 if mirror else 1.0, size, convention))


def _crop_rows(x, y, cos, sin, side, size: tuple[int, int], convention: Convention):
    """Two rows of a matrix that turns, mirrors (side -1) and brings (x, y) into the middle; numbers or tensors."""
    half = _half_px(convention)
    a, b = cos * side, sin * side
    return (a, b, size[1] / 2 - half - (a * x + b * y)), (-sin, cos, size[0] / 2 - half - (cos * y - sin * x))


def apply_affine(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (..., P, 2) through matrices (..., 2, 3); the result has the wider of the two dtypes."""
    matrix, points = _as_float(matrix), _as_float(points)
    dtype = torch.promote_types(matrix.dtype, points.dtype)
    matrix, points = matrix.to(dtype), points.to(dtype)
    return points @ matrix[..., :2].transpose(-1, -2) + matrix[..., None, :, 2]


def invert_affine(matrix: Tensor) -> Tensor:
    """(..., 2, 3) matrix of the way back."""
    (a, b, x), (c, d, y) = (row.unbind(-1) for row in matrix.unbind(-2))
    scale = 1 / (a * d - b * c)
    p, q, r, s = d * scale, -b * scale, -c * scale, a * scale
    rows = (p, q, -(p * x + q * y)), (r, s, -(r * x + s * y))
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def image_middle(size: tuple[int, int]) -> Tensor:
    """(2,) float32 point (x, y) in the middle of an image of `size` (height, width) pixels."""
    return torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])


def mirror_points(points: Tensor, width: int, permutation=None) -> Tensor:
    """Points (..., J, 2) of a mirrored image of `width` pixels: x -> width - 1 - x, joints re-ordered.

    Args:
        permutation: J indices (`Skeleton.flip_permutation`) or None to keep the order.
    """
    mirrored = torch.stack([width - 1 - points[..., 0], points[..., 1]], -1)
    return mirrored if permutation is None else mirrored[..., list(permutation), :]


def warp_images(
    images: Tensor,
    matrix: Tensor,
    size: tuple[int, int],
    *,
    antialias: bool = True,
    fill: float = 0.0,
    steps_per_px: int | None = None,
) -> Tensor:
    """Images through affine matrices, bilinear.

    Args:
        images: (N, C, H, W) float; N matrices, or one for all.
        matrix: (N, 2, 3) or (2, 3), image pixels -> crop pixels.
        size: (height, width) of the result.
        antialias: where the matrix shrinks by 2 or more, average whole pixel blocks first.
        fill: the value outside the image.
        steps_per_px: None samples exactly. OpenCV 4's warpAffine rounds source places to 1/32 px: 32 (with
            antialias off) gives its crops, for results that must agree with mmpose's.

    Returns:
        (N, C, height, width), dtype of `images`.
    """
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(f"images must be float (N, C, H, W), not {images.dtype} {tuple(images.shape)}")
    matrix = _as_float(matrix).expand(len(images), 2, 3).double()
    determinants = matrix[..., 0, 0] * matrix[..., 1, 1] - matrix[..., 0, 1] * matrix[..., 1, 0]
    blocks = [antialias_block(d, images.shape[-2:]) if antialias else 1 for d in determinants.tolist()]
    if len(set(blocks)) == 1:
        return sample_images(images, matrix, size, block=blocks[0], fill=fill, steps_per_px=steps_per_px)
    # One block size per image: what a crop looks like must not depend on the rest of its batch.
    out = images.new_empty(*images.shape[:2], *size)
    for block in set(blocks):
        chosen = [n for n, b in enumerate(blocks) if b == block]
        out[chosen] = sample_images(
            images[chosen], matrix[chosen], size, block=block, fill=fill, steps_per_px=steps_per_px
        )
    return out


def antialias_block(determinant: float, source_size: tuple[int, int]) -> int:
    """Side of the pixel blocks to average before a picture of `source_size` goes through a matrix."""
    zoom = max(math.sqrt(abs(determinant)), 1e-9)
    return max(1, min(math.floor(1 / zoom + 1e-6), *source_size))


def sample_images(
    images: Tensor,
    matrix: Tensor,
    size: tuple[int, int],
    *,
    block: int = 1,
    fill: float = 0.0,
    steps_per_px: int | None = None,
) -> Tensor:
    """`warp_images` with one block size for all: blocks of block x block pixels are averaged first.

    Args:
        images: (N, C, H, W) float.
        matrix: (N, 2, 3), image pixels -> crop pixels.
        fill, steps_per_px: of `warp_images`.
    """
    given = images.dtype
    if given not in (torch.float32, torch.float64):
        images = images.float()  # half-precision coordinates would be off by whole pixels
    if block >= 2:
        images = F.avg_pool2d(images, block, ceil_mode=True, count_include_pad=False)
        matrix = after_shrinking(matrix, block)
    if fill:  # a rim of one pixel that goes on for ever
        images = F.pad(images, (1, 1, 1, 1), value=fill)
    grid = _source_grid(matrix.cpu().numpy(), size, images.shape[-2:], 1 if fill else 0, steps_per_px, images)
    rim = "border" if fill else "zeros"
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=rim, align_corners=False).to(given)


def source_places(matrix: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Where in the source the pixels of crops lie: the sum of what their column and what their row gives.

    Args:
        matrix: (N, 2, 3) float64, source pixels -> crop pixels.
        size: (height, width) of the crops.

    Returns:
        along_x: (N, 2, width) float64.
        along_y: (N, 2, height).
    """
    a, b, c, d = (matrix[:, i, j] for i in (0, 1) for j in (0, 1))
    inverse = np.stack([d, -b, -c, a], 1).reshape(-1, 2, 2) / (a * d - b * c)[:, None, None]
    along_x = inverse[:, :, :1] * np.arange(size[1])
    along_y = inverse[:, :, 1:] * np.arange(size[0]) - inverse @ matrix[:, :, 2:]
    return along_x, along_y


def _source_grid(
    matrix: np.ndarray, size: tuple[int, int], source_size, rim: int, steps_per_px: int | None, like: Tensor
) -> Tensor:
    """(N, height, width, 2) where in a source with a rim every crop pixel lies, from -1 to 1 for `grid_sample`.

    The small sums are numpy's, whose calls take less time than torch's.
    """
    along_x, along_y = source_places(matrix, size)
    along_y = along_y + rim
    source = np.array([[source_size[1]], [source_size[0]]])
    if steps_per_px:  # OpenCV adds two numbers in 1/1024 px and cuts to 1/32 with half a step added
        fine = 32 * steps_per_px
        steps = np.rint(along_x * fine)[:, :, None, :] + np.rint(along_y * fine)[..., None] + 16
        grid = (2 * np.floor(steps / 32) / steps_per_px + 1) / source[..., None] - 1
        return torch.from_numpy(grid).to(like).permute(0, 2, 3, 1)
    along_x, along_y = (
        torch.from_numpy(v).to(like) for v in (2 * along_x / source, (2 * along_y + 1) / source - 1)
    )
    return (along_x[:, :, None, :] + along_y[..., None]).permute(0, 2, 3, 1)


def after_shrinking(matrix: Tensor, block: int) -> Tensor:
    """(..., 2, 3) matrix for a picture whose pixels are blocks of block x block pixels of the one it was made for."""
    # the centre of block b lies at block * b + (block - 1) / 2
    middle = matrix[..., 2] + matrix[..., :2].sum(-1) * (block - 1) / 2
    return torch.cat([matrix[..., :2] * block, middle[..., None]], -1)


def needed_box(
    matrix: np.ndarray, size: tuple[int, int], source_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Which pixels of a picture a crop looks at.

    Args:
        matrix: (2, 3), picture pixels -> crop pixels.
        size, source_size: (height, width) of the crop and of the picture.

    Returns:
        (left, top, right, bottom), right and bottom excluded; at least one pixel, also where the crop looks past
        the picture. What the crop shows beyond this box lies outside the picture.
    """
    (a, b, x), (c, d, y) = matrix.tolist()
    determinant = a * d - b * c
    right, bottom = size[1] - 1, size[0] - 1
    corners = [(u - x, v - y) for u in (0, right) for v in (0, bottom)]
    along_x = [(d * u - b * v) / determinant for u, v in corners]
    along_y = [(a * v - c * u) / determinant for u, v in corners]
    left, right = _between(along_x, source_size[1])
    top, bottom = _between(along_y, source_size[0])
    return left, top, right, bottom


def _between(places: list[float], side: int) -> tuple[int, int]:
    """First and past the last pixel of 0..side - 1 that bilinear sampling between the places can touch."""
    first = min(max(math.floor(min(places)) - 1, 0), side - 1)
    return first, max(min(math.ceil(max(places)) + 2, side), first + 1)
