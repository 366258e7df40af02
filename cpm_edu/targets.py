"""Training targets: from joint positions to belief maps, the background map and the center map.

These are the plain torch versions: short, readable, the specification of every faster one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .coords import Convention, cells_from_px

__all__ = [
    "background_map", "background_weights", "belief_map_targets", "center_map", "everybody_targets",
    "gaussian_maps",
]  # fmt: skip

CENTER_SIGMA_PX = 21.0  # authors' testing/config.m, for the 368 px box
CENTER_BOX_PX = 368.0
PATCH_SIGMAS = 3  # mmpose's MSRAHeatmap draws |x - x0| <= 3 sigma


def gaussian_maps(
    centers_cells: Tensor,
    size: tuple[int, int],
    sigma_cells: float,
    *,
    weights: Tensor | None = None,
    patch_sigmas: float | None = None,
) -> Tensor:
    """Gaussians of peak 1 around given points.

    Args:
        centers_cells: (..., J, 2) points (x, y) in cells, not rounded; may lie off the map.
        size: (H, W) of the maps in cells.
        sigma_cells: standard deviation in cells, positive.
        weights: (..., J); a map whose weight is 0 stays zero (its point may then be NaN). None draws all.
        patch_sigmas: cut off outside a square of this many sigmas; None draws the whole Gaussian.

    Returns:
        (..., J, H, W) float32 (float64 for float64 points).

    Raises:
        ValueError: a shape or sigma that does not fit, or a point that is not a number but is drawn.

    Source: Wei et al. 2016, section 3.2.2: b*(z) = exp(-||z - x||^2 / sigma^2), there without the factor 2.
    """
    centers = torch.as_tensor(centers_cells)
    centers = centers if centers.dtype == torch.float64 else centers.float()
    if centers.shape[-1:] != (2,):
        raise ValueError(f"centres must be (..., J, 2), not {tuple(centers.shape)}")
    if not sigma_cells > 0:
        raise ValueError(f"sigma must be positive, not {sigma_cells}")
    drawn = torch.ones(centers.shape[:-1], dtype=torch.bool, device=centers.device)
    if weights is not None:
        drawn = torch.as_tensor(weights, device=centers.device) > 0
        if drawn.shape != centers.shape[:-1]:
            raise ValueError(f"weights {tuple(drawn.shape)} do not fit centres {tuple(centers.shape)}")
    if not torch.isfinite(centers[drawn]).all():
        raise ValueError("a joint with a weight above 0 has a position that is not a finite number")
    centers = torch.where(drawn[..., None], centers, torch.zeros_like(centers))
    height, width = size
    dx = torch.arange(width, dtype=centers.dtype, device=centers.device) - centers[..., 0, None]
    dy = torch.arange(height, dtype=centers.dtype, device=centers.device) - centers[..., 1, None]
    along_x = torch.exp(-dx.square() / (2 * sigma_cells**2))  # (..., J, W)
    along_y = torch.exp(-dy.square() / (2 * sigma_cells**2))  # (..., J, H)
    if patch_sigmas is not None:
        along_x = along_x * (dx.abs() <= patch_sigmas * sigma_cells)
        along_y = along_y * (dy.abs() <= patch_sigmas * sigma_cells)
    along_y = along_y * drawn[..., None]
    return along_y[..., :, None] * along_x[..., None, :]


def belief_map_targets(
    joints_px: Tensor,
    visible: Tensor,
    *,
    size: tuple[int, int],
    stride,
    sigma_cells: float,
    convention: Convention = "center",
    unbiased: bool = False,
) -> tuple[Tensor, Tensor]:
    """Belief maps that a network is trained toward, and how much each map counts.

    Args:
        joints_px: (N, J, 2) points (x, y) in crop pixels.
        visible: (N, J) above 0 where the joint is labelled (occluded counts as labelled).
        size: (H, W) of the maps in cells.
        stride: crop pixels per cell, one number or (x, y).
        sigma_cells: standard deviation of the Gaussian in cells.
        convention: "center" draws the whole Gaussian around the exact point and never looks at whether
            it lies on the map. "msra" is mmpose's MSRAHeatmap: centre rounded to a cell, values only within
            3 sigma, and a joint further than that from the map gets weight 0.
        unbiased: with "msra", mmpose's unbiased variant: exact centre, no cut at 3 sigma.

    Returns:
        targets: (N, J, H, W) float32, zero where the joint is not labelled.
        weights: (N, J) float32: `visible`, except where "msra" sets it to 0. ("msra" draws no joint below 0.5
            but passes its weight through, as mmpose does.)

    Raises:
        ValueError: shapes that do not fit, or "msra" with a sigma that is not whole (it would shift the peak).

    Source: genProto.py and the C++ of the paper's release ("center"); mmpose 759b39c msra_heatmap.py ("msra").
    """
    joints_px, weights = torch.as_tensor(joints_px).float(), torch.as_tensor(visible).float()
    if joints_px.ndim != 3 or joints_px.shape[-1] != 2 or weights.shape != joints_px.shape[:2]:
        raise ValueError(
            f"joints must be (N, J, 2) and visible (N, J), not {tuple(joints_px.shape)} and {tuple(weights.shape)}"
        )
    if convention == "center":
        if unbiased:
            raise ValueError('unbiased=True belongs to "msra"; "center" targets are always exact')
        return gaussian_maps(cells_from_px(joints_px, stride), size, sigma_cells, weights=weights), weights
    if not unbiased and float(sigma_cells) != int(sigma_cells):
        raise ValueError(
            f'"msra" targets need a whole sigma, not {sigma_cells}: mmpose shifts the peak otherwise'
        )
    centers = cells_from_px(joints_px, stride, convention)
    labelled = weights >= 0.5
    if not unbiased:
        centers = torch.trunc(centers + 0.5)  # toward zero, so -1.4 becomes 0: mmpose's int()
    reach = PATCH_SIGMAS * sigma_cells
    first, last = centers - reach, centers + reach + 1
    extent = centers.new_tensor([size[1], size[0]])
    off_map = ((first >= extent) | (last < 0)).any(-1)
    targets = gaussian_maps(
        centers, size, sigma_cells,
        weights=labelled & ~off_map, patch_sigmas=None if unbiased else PATCH_SIGMAS,
    )  # fmt: skip
    return targets, torch.where(off_map & labelled, 0.0, weights)


def everybody_targets(targets: Tensor) -> Tensor:
    """One set of maps for all people of a picture: (N, P, J, H, W) -> (N, J, H, W).

    Of every Gaussian the values below 0.01 are dropped, the rest summed over the people and clipped at 1.
    Stage 1, which sees no center map, is trained toward these; later stages toward the centre person's own.

    Source: label_1st_lower of the paper's release, its numbers recalled, not checked.
    """
    return torch.where(targets < 0.01, 0.0, targets).sum(1).clamp(max=1.0)


def background_map(targets: Tensor) -> Tensor:
    """Where no joint is: (N, J, H, W) -> (N, 1, H, W), max(0, 1 - largest belief of any joint).

    Source: the last map of the paper's J + 1; this formula for it is recalled from its release, not checked.
    """
    if targets.shape[1] == 0:
        return targets.new_ones((targets.shape[0], 1, *targets.shape[2:]))
    return (1.0 - targets.amax(1, keepdim=True)).clamp(min=0.0)


def background_weights(weights: Tensor) -> Tensor:
    """(N, J) joint weights -> (N, 1): 1 where every joint of the person is labelled, else 0.

    An unlabelled joint leaves its place in the background map unknown, so that map must not count (ours).
    """
    return (weights > 0).all(1, keepdim=True).to(weights.dtype)


def center_map(center_px: Tensor, size: tuple[int, int], sigma_px: float | None = None) -> Tensor:
    """Gaussian that tells the network whose joints to find.

    Args:
        center_px: (N, 2) point (x, y) of each crop in pixels; NaN gives a blank map.
        size: (H_in, W_in) of the crop in pixels.
        sigma_px: standard deviation in pixels; None scales the paper's 21 px of a 368 px box to H_in.

    Returns:
        (N, 1, H_in, W_in) float32, peak 1.

    Source: testing/src/applyModel.m and config.m of the paper's release.
    """
    center_px = torch.as_tensor(center_px).float()
    if center_px.ndim != 2 or center_px.shape[-1] != 2:
        raise ValueError(f"centres must be (N, 2), not {tuple(center_px.shape)}")
    sigma_px = CENTER_SIGMA_PX * size[0] / CENTER_BOX_PX if sigma_px is None else sigma_px
    known = torch.isfinite(center_px).all(-1)
    return gaussian_maps(center_px[:, None], size, sigma_px, weights=known[:, None])
