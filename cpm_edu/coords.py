"""Coordinates: image pixels, crop pixels and map cells. The only home of half-pixel shifts.

Points are (x, y), sizes (height, width). Pixel centres are whole numbers, so an image of width W
covers -0.5 .. W - 0.5. Two published conventions tie a crop of stride s to its map:

    "center": cells = (px + 0.5) / s - 0.5   cell c covers pixels s*c .. s*c + s - 1; its centre lies between
                                             them. The rule of the paper's release when it draws targets.
    "msra":   cells = px / s                 cell c stands on pixel s*c. The rule of mmpose's MSRAHeatmap;
                                             its crops put the box centre on pixel w/2, not (w - 1)/2.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "Convention", "apply_affine", "box_center_scale", "cells_from_px", "crop_matrix", "fit_aspect", "image_middle",
    "invert_affine", "mirror_points", "px_from_cells", "warp_images",
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
    height, width = size
    half = _half_px(convention)
    radians = torch.deg2rad(torch.as_tensor(rotation_deg, dtype=center.dtype, device=center.device))
    side = 1.0 - 2.0 * torch.as_tensor(mirror, dtype=center.dtype, device=center.device)
    zoom, radians, side, _ = torch.broadcast_tensors(width / scale[..., 0], radians, side, center[..., 0])
    cos, sin = zoom * torch.cos(radians), zoom * torch.sin(radians)
    linear = torch.stack([torch.stack([cos * side, sin * side], -1), torch.stack([-sin, cos], -1)], -2)
    middle = center.new_tensor([width / 2 - half, height / 2 - half])
    offset = middle - (linear @ center[..., None])[..., 0]
    return torch.cat([linear, offset[..., None]], -1)


def apply_affine(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (..., P, 2) through matrices (..., 2, 3); the result has the wider of the two dtypes."""
    matrix, points = _as_float(matrix), _as_float(points)
    dtype = torch.promote_types(matrix.dtype, points.dtype)
    matrix, points = matrix.to(dtype), points.to(dtype)
    return points @ matrix[..., :2].transpose(-1, -2) + matrix[..., None, :, 2]


def invert_affine(matrix: Tensor) -> Tensor:
    """(..., 2, 3) matrix of the way back."""
    linear = torch.linalg.inv(matrix[..., :2])
    return torch.cat([linear, -(linear @ matrix[..., 2:])], -1)


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
    if fill:
        zero_outside = warp_images(
            images - fill, matrix, size, antialias=antialias, steps_per_px=steps_per_px
        )
        return zero_outside + fill
    matrix = _as_float(matrix).expand(len(images), 2, 3).double()
    if not antialias:
        return _sample(images, matrix, size, 1, steps_per_px)
    # One block size per image: what a crop looks like must not depend on the rest of its batch.
    zoom = torch.linalg.det(matrix[..., :2]).abs().sqrt().clamp(min=1e-9)
    blocks = (1 / zoom + 1e-6).floor().clamp(1, max(1, min(images.shape[-2:]))).long()
    out = images.new_empty(*images.shape[:2], *size)
    for block in blocks.unique().tolist():
        chosen = blocks == block
        out[chosen] = _sample(images[chosen], matrix[chosen], size, block, steps_per_px)
    return out


def _sample(images: Tensor, matrix: Tensor, size: tuple[int, int], block: int, steps: int | None) -> Tensor:
    """`warp_images` after averaging blocks of block x block pixels."""
    given = images.dtype
    if given not in (torch.float32, torch.float64):
        images = images.float()  # half-precision coordinates would be off by whole pixels
    if block >= 2:
        images = F.avg_pool2d(images, block, ceil_mode=True, count_include_pad=False)
        # block pixel b has its centre at block * b + (block - 1) / 2
        middle = (matrix[..., :2].sum(-1) * (block - 1) / 2) + matrix[..., 2]
        matrix = torch.cat([matrix[..., :2] * block, middle[..., None]], -1)
    height, width = size
    back = invert_affine(matrix)
    x = torch.arange(width, dtype=back.dtype, device=back.device)
    y = torch.arange(height, dtype=back.dtype, device=back.device)
    along_x = x[None, None, :, None] * back[:, None, None, :, 0]  # (N, 1, width, 2)
    along_y = (
        y[None, :, None, None] * back[:, None, None, :, 1] + back[:, None, None, :, 2]
    )  # (N, height, 1, 2)
    if steps:  # OpenCV adds two numbers in 1/1024 px and cuts to 1/32 with half a step added
        fine = 32 * steps
        grid = ((along_x * fine).round() + (along_y * fine).round() + 16).div(32).floor() / steps
    else:
        grid = along_x + along_y  # (N, height, width, 2) source pixels
    source = grid.new_tensor([images.shape[-1], images.shape[-2]])
    grid = ((2 * grid + 1) / source - 1).to(images)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False).to(given)
