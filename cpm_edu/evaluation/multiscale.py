"""The test of the paper's release: belief maps of several zooms, averaged at image resolution.

A crop shows the person at one size, and a network finds best what has the size it learned. So the same crop is
taken at several zooms; each zoom's maps go back to the pixels of the picture, where their mean has its peak.

Source: testing/src/run_benchmark.m of the release (7 zooms, imresize, sum, best pixel).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..coords import cells_from_px
from ..datasets.augment import plain_crop
from ..datasets.people import Person
from ..inference import crop_beliefs
from ..models import CPM

__all__ = ["multiscale_joints", "multiscale_maps"]

KEYS_A = -0.5  # of the cubic convolution kernel: MATLAB's imresize and Keys, 1981


def multiscale_joints(
    model: CPM,
    persons: Sequence[Person],
    scales: Sequence[float],
    *,
    flip_test: bool = False,
    device: str | torch.device = "cpu",
) -> tuple[Tensor, Tensor]:
    """Joints of people by every stage: the best pixel of the mean over zooms.

    Args:
        model: any CPM, on `device`.
        persons: N people.
        scales: zooms of the plain crop; 0.7 shows the person smaller and more around it.
        flip_test: also average with the mirrored crops.

    Returns:
        joints_px: (T, N, J, 2) float32 (x, y), whole image pixels. Ties: lowest row, then column.
        scores: (T, N, J) float32, the mean map's value there.

    Raises:
        ValueError: no scale, one that is not positive, or a person whose crops lie outside the picture.
    """
    joints = torch.zeros(model.num_stages, len(persons), model.skeleton.num_joints, 2)
    scores = torch.zeros(joints.shape[:-1])
    for n, person in enumerate(persons):
        for t, (maps, corner) in enumerate(
            multiscale_maps(model, person, scales, flip_test=flip_test, device=device)
        ):
            best, index = maps.flatten(1).max(1)
            x, y = index % maps.shape[-1], index // maps.shape[-1]
            joints[t, n] = (torch.stack([x, y], -1).cpu() + torch.tensor(corner)).float()
            scores[t, n] = best.cpu()
    return joints, scores


@torch.no_grad()
def multiscale_maps(
    model: CPM,
    person: Person,
    scales: Sequence[float],
    *,
    flip_test: bool = False,
    device: str | torch.device = "cpu",
):
    """Mean belief maps of one person at image resolution, stage by stage.

    A zoom counts as 0 where its crop does not reach, as in the release.

    Args:
        model, scales, flip_test, device: as of `multiscale_joints`.

    Yields:
        maps: (J, height, width) float32 of the part of the picture that the widest crop covers.
        corner: (x, y), the image pixel of its first cell.
    """
    if not scales or not all(scale > 0 for scale in scales):
        raise ValueError(f"scales must be positive zooms, at least one, not {tuple(scales)}")
    pixels = person.pixels()  # read once for all zooms
    crops = [
        plain_crop(
            replace(person, image=pixels, scale_px=person.scale_px / scale),
            model.input_size,
            model.convention,
        )
        for scale in scales
    ]
    images = torch.stack([crop.image for crop in crops]).to(device)
    centers = torch.stack([crop.center_px for crop in crops]).to(device)
    beliefs = model.joint_maps(crop_beliefs(model, images, centers, flip_test=flip_test))  # (T, S, J, H, W)
    ways = [
        [_resampling(crop.matrix, axis, pixels.shape[1 - axis], model) for crop in crops] for axis in (0, 1)
    ]
    shown = [torch.stack([way.any(1) for way in along]).any(0).nonzero() for along in ways]
    if not all(len(part) for part in shown):
        raise ValueError(f"{person.name}: the crop around the person lies outside the picture")
    (left, right), (top, bottom) = ((int(part[0]), int(part[-1]) + 1) for part in shown)
    along_x = torch.stack([way[left:right] for way in ways[0]]).to(beliefs)  # (S, width, W)
    along_y = torch.stack([way[top:bottom] for way in ways[1]]).to(beliefs)  # (S, height, H)
    for stage in beliefs:  # one at a time: six stages of a large person could be a gigabyte
        yield torch.einsum("syh,sjhw,sxw->jyx", along_y, stage, along_x) / len(scales), (left, top)


def _resampling(matrix: Tensor, axis: int, num_px: int, model: CPM) -> Tensor:
    """(num_px, cells) weights of map cells for the picture's pixels along x (axis 0) or y (1).

    Cubic convolution inside the crop, whose border cells are repeated outward; rows of 0 outside of it.
    """
    side = model.input_size[1 - axis]
    cells = -(-side // model.stride)
    crop_px = matrix[axis, axis] * torch.arange(num_px, dtype=matrix.dtype) + matrix[axis, 2]
    places = cells_from_px(crop_px, model.stride, model.convention)
    first = places.floor()
    weights = torch.zeros(num_px, cells, dtype=matrix.dtype)
    for tap in range(-1, 3):
        index = (first + tap).clamp(0, cells - 1).long()
        weights.scatter_add_(1, index[:, None], _keys(places - first - tap)[:, None])
    inside = (crop_px >= -0.5) & (crop_px <= side - 0.5)
    return weights * inside[:, None]


def _keys(distance: Tensor) -> Tensor:
    """Cubic convolution kernel at a distance in cells: 1 at 0, 0 at other whole numbers and beyond 2."""
    d, a = distance.abs(), KEYS_A
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return torch.where(d <= 1, near, torch.where(d < 2, far, 0.0))
