"""Training targets: from joint positions to belief maps, the background map and the center map.

`gaussian_targets` draws; it has three implementations. `gaussian_targets_reference`, plain torch, short and
readable, is the specification of the other two.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import torch
from torch import Tensor

from .coords import Convention, cells_from_px
from .kernels import ops

__all__ = [
    "GaussianTargets", "background_map", "background_weights", "belief_map_gaussians", "belief_map_targets",
    "center_map", "everybody_targets", "gaussian_targets", "gaussian_targets_reference",
]  # fmt: skip

CENTER_SIGMA_PX = 21.0  # authors' testing/config.m, for the 368 px box
CENTER_BOX_PX = 368.0
PATCH_SIGMAS = 3  # mmpose's MSRAHeatmap draws |x - x0| <= 3 sigma
SMALLEST_SIGMA = 1e-9  # cells; below, its square is no normal float32


def gaussian_targets(
    centers_cells: Tensor,
    size: tuple[int, int],
    sigma_cells: float,
    *,
    weights: Tensor | None = None,
    patch_sigmas: float | None = None,
    background: bool = False,
    dtype: torch.dtype | None = None,
    out: Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """Gaussians of peak 1 around given points.

    Args:
        centers_cells: (..., J, 2) points (x, y) in cells, not rounded; may lie off the map.
        size: (H, W) of the maps in cells.
        sigma_cells: standard deviation in cells, positive.
        weights: (..., J); a map whose weight is not above 0 stays zero (its point may then be NaN). None
            draws all.
        patch_sigmas: cut off outside a square of this many sigmas; None draws the whole Gaussian.
        background: append one more map, where no joint is: max(0, 1 - largest of the J).
        dtype: of the maps, float32 or bfloat16, or float64 for float64 points; None: that of `out`, else that
            of the points (float32 for other types).
        out: contiguous tensor of the result's shape to draw into; it gets no gradient, and must not share
            memory with the points or weights.
        backend: "torch", "cpp", "cuda", or "auto": by device, plain torch where the points ask for a
            gradient or are float64.

    Returns:
        (..., J, H, W), or (..., J + 1, H, W) with the background; `out` where one was given.

    Raises:
        TypeError: `size` is no pair of ints, `out` no tensor, or `dtype` no torch.dtype.
        ValueError: a shape, size, dtype or sigma that does not fit, a backend that does not take these
            tensors, or a point that is drawn and not a finite number (backend "cuda", and "torch" under
            torch.compile, do not look and draw NaN).
        BackendUnavailable: a backend named explicitly cannot be had here.

    Source: Wei et al. 2016, section 3.2.2: b*(z) = exp(-||z - x||^2 / sigma^2), there without the factor 2.
    """
    sigma_cells = float(sigma_cells)
    size = checked_size(size)
    centers, weights = _checked_points(centers_cells, weights, sigma_cells)
    *leading, joints, _ = centers.shape
    shape = (*leading, joints + int(background), *size)
    dtype = _checked_type(dtype, out, shape, centers)
    asks = "centers_cells" if centers.requires_grad and torch.is_grad_enabled() and out is None else ""
    computed = torch.float64 if centers.dtype == torch.float64 else dtype
    if ops.resolve(backend, centers.device, computed, asks) == "torch":
        options = {"weights": weights, "patch_sigmas": patch_sigmas, "background": background}
        maps = gaussian_targets_reference(centers, size, sigma_cells, **options).to(dtype)
        if out is None:
            return maps
        out.detach().copy_(maps.detach())
        return out
    ops.check_counts(*shape[-3:])
    people = math.prod(leading)
    points, drawn = _plain(centers, people, joints, 2), _plain(weights, people, joints)
    reach = math.inf if patch_sigmas is None else patch_sigmas * sigma_cells
    if out is None:
        maps = ops.call("gaussian_targets", points, drawn, *size, sigma_cells, reach, background, dtype)
        return maps.view(shape)
    maps = _plain(out, people, *shape[-3:])
    ops.call("gaussian_targets_out", points, drawn, sigma_cells, reach, background, maps)
    return out


def _plain(tensor: Tensor, *shape: int) -> Tensor:
    """Contiguous and of this shape, without its history; the tensor itself where it is all that already."""
    tensor = tensor.detach() if tensor.requires_grad else tensor
    tensor = tensor if tensor.shape == shape else tensor.reshape(shape)
    return tensor.contiguous()


def gaussian_targets_reference(
    centers_cells: Tensor,
    size: tuple[int, int],
    sigma_cells: float,
    *,
    weights: Tensor | None = None,
    patch_sigmas: float | None = None,
    background: bool = False,
) -> Tensor:
    """`gaussian_targets` in plain torch; differentiable with respect to the points."""
    centers, weights = _checked_points(centers_cells, weights, sigma_cells)
    drawn = weights > 0
    # to look into the points would break the graph of torch.compile
    if not torch.compiler.is_compiling() and not torch.isfinite(centers[drawn]).all():
        raise ValueError("a joint with a weight above 0 has a position that is not a finite number")
    centers = torch.where(drawn[..., None], centers, torch.zeros_like(centers))
    height, width = checked_size(size)
    dx = torch.arange(width, dtype=centers.dtype, device=centers.device) - centers[..., 0, None]
    dy = torch.arange(height, dtype=centers.dtype, device=centers.device) - centers[..., 1, None]
    along_x = torch.exp(-dx.square() / (2 * sigma_cells**2))  # (..., J, W)
    along_y = torch.exp(-dy.square() / (2 * sigma_cells**2))  # (..., J, H)
    if patch_sigmas is not None:
        along_x = along_x * (dx.abs() <= patch_sigmas * sigma_cells)
        along_y = along_y * (dy.abs() <= patch_sigmas * sigma_cells)
    along_y = along_y * drawn[..., None]
    maps = along_y[..., :, None] * along_x[..., None, :]
    return torch.cat([maps, background_map(maps)], -3) if background else maps


def checked_size(size) -> tuple[int, int]:
    """(H, W), once known to be two ints that are not negative."""
    try:
        height, width = map(operator.index, size)
    except (TypeError, ValueError) as error:
        raise type(error)(f"size must be two ints (H, W), not {size!r}") from None
    if height < 0 or width < 0:
        raise ValueError(f"size (H, W) must not be negative: {size!r}")
    return height, width


def _checked_points(centers_cells, weights, sigma_cells: float) -> tuple[Tensor, Tensor]:
    """Points as float32 or float64, and weights (..., J) float32, above 0 where they are drawn."""
    centers = torch.as_tensor(centers_cells)
    centers = centers if centers.dtype == torch.float64 else centers.float()
    if centers.ndim < 2 or centers.shape[-1] != 2:
        raise ValueError(f"centres must be (..., J, 2), not {tuple(centers.shape)}")
    if not SMALLEST_SIGMA <= sigma_cells < math.inf:
        raise ValueError(f"sigma must be positive, not {sigma_cells}")
    if weights is None:
        return centers, torch.ones(centers.shape[:-1], device=centers.device)
    weights = torch.as_tensor(weights, device=centers.device)
    if weights.shape != centers.shape[:-1]:
        raise ValueError(f"weights {tuple(weights.shape)} do not fit centres {tuple(centers.shape)}")
    return centers, weights if weights.dtype == torch.float32 else (weights > 0).float()


def _checked_type(dtype, out: Tensor | None, shape: tuple[int, ...], centers: Tensor) -> torch.dtype:
    if dtype is not None and not isinstance(dtype, torch.dtype):
        raise TypeError(f"dtype must be a torch.dtype, not {dtype!r}")
    if out is not None and not isinstance(out, Tensor):
        raise TypeError(f"out must be a torch.Tensor, not {type(out).__name__}")
    chosen = dtype or (centers.dtype if out is None else out.dtype)
    if chosen not in (torch.float32, torch.bfloat16, centers.dtype):
        raise ValueError(f"maps are float32 or bfloat16 (or float64, of float64 points), not {chosen}")
    if out is None:
        return chosen
    if tuple(out.shape) != shape or not out.is_contiguous():
        layout = "" if out.is_contiguous() else " that is not contiguous"
        raise ValueError(f"out must be a contiguous {shape}, not {tuple(out.shape)}{layout}")
    if out.device != centers.device or dtype not in (None, out.dtype):
        wanted = f"on {centers.device} and {dtype or out.dtype}"
        raise ValueError(f"out must be {wanted}, not on {out.device} and {out.dtype}")
    return out.dtype


@dataclass(frozen=True, eq=False)
class GaussianTargets:
    """Targets that are described, not drawn: `losses.stage_loss` compares maps with them in one pass.

    Attributes:
        centers_cells: (N, J, 2) float32 points (x, y) in cells.
        weights: (N, J); a joint is drawn where this is above 0.
        size: (H, W) of the maps in cells.
        sigma_cells, patch_sigmas, background: as of `gaussian_targets`.
    """

    centers_cells: Tensor
    weights: Tensor
    size: tuple[int, int]
    sigma_cells: float
    patch_sigmas: float | None = None
    background: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W) of the maps, C = J or J + 1."""
        people, joints = self.weights.shape
        return people, joints + int(self.background), *self.size

    def draw(self, *, backend: str = "auto") -> Tensor:
        """The maps, (N, C, H, W)."""
        return gaussian_targets(
            self.centers_cells, self.size, self.sigma_cells, weights=self.weights,
            patch_sigmas=self.patch_sigmas, background=self.background, backend=backend,
        )  # fmt: skip


def belief_map_targets(
    joints_px: Tensor,
    visible: Tensor,
    *,
    size: tuple[int, int],
    stride,
    sigma_cells: float,
    convention: Convention = "center",
    unbiased: bool = False,
    background: bool = False,
    backend: str = "auto",
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
        background: append `background_map`, with `background_weights`.
        backend: as of `gaussian_targets`.

    Returns:
        targets: (N, J, H, W) float32, zero where the joint is not labelled; J + 1 maps with the background.
        weights: (N, J) float32: `visible`, except where "msra" sets it to 0. ("msra" draws no joint below 0.5
            but passes its weight through, as mmpose does.) J + 1 with the background.

    Raises:
        ValueError: shapes that do not fit, or "msra" with a sigma that is not whole (it would shift the peak).

    Source: genProto.py and the C++ of the paper's release ("center"); mmpose 759b39c msra_heatmap.py ("msra").
    """
    targets, weights = belief_map_gaussians(
        joints_px, visible, size=size, stride=stride, sigma_cells=sigma_cells, convention=convention,
        unbiased=unbiased, background=background,
    )  # fmt: skip
    return targets.draw(backend=backend), weights


def belief_map_gaussians(
    joints_px: Tensor,
    visible: Tensor,
    *,
    size: tuple[int, int],
    stride,
    sigma_cells: float,
    convention: Convention = "center",
    unbiased: bool = False,
    background: bool = False,
) -> tuple[GaussianTargets, Tensor]:
    """`belief_map_targets` before they are drawn: `stage_loss` takes them as they are."""
    joints_px, weights = torch.as_tensor(joints_px).float(), torch.as_tensor(visible).float()
    if joints_px.ndim != 3 or joints_px.shape[-1] != 2 or weights.shape != joints_px.shape[:2]:
        raise ValueError(
            f"joints must be (N, J, 2) and visible (N, J), not {tuple(joints_px.shape)} and {tuple(weights.shape)}"
        )
    size = checked_size(size)
    if convention == "center" and unbiased:
        raise ValueError('unbiased=True belongs to "msra"; "center" targets are always exact')
    if convention == "msra" and not unbiased and float(sigma_cells) != int(sigma_cells):
        raise ValueError(
            f'"msra" targets need a whole sigma, not {sigma_cells}: mmpose shifts the peak otherwise'
        )
    centers, drawn, patch_sigmas = cells_from_px(joints_px, stride, convention), weights, None
    if convention == "msra":
        if not unbiased:
            centers = torch.trunc(centers + 0.5)  # toward zero, so -1.4 becomes 0: mmpose's int()
            patch_sigmas = PATCH_SIGMAS
        labelled = weights >= 0.5
        reach = PATCH_SIGMAS * sigma_cells
        first, last = centers - reach, centers + reach + 1
        extent = centers.new_tensor([size[1], size[0]])
        off_map = ((first >= extent) | (last < 0)).any(-1)
        drawn = (labelled & ~off_map).float()
        weights = torch.where(off_map & labelled, 0.0, weights)
    if background:
        weights = torch.cat([weights, background_weights(weights)], 1)
    return GaussianTargets(centers, drawn, size, sigma_cells, patch_sigmas, background), weights


def everybody_targets(targets: Tensor) -> Tensor:
    """One set of maps for all people of a picture: (N, P, J, H, W) -> (N, J, H, W).

    Of every Gaussian the values below 0.01 are dropped, the rest summed over the people and clipped at 1.
    Stage 1, which sees no center map, is trained toward these; later stages toward the centre person's own.

    Source: label_1st_lower of the paper's release, its numbers recalled, not checked.
    """
    return torch.where(targets < 0.01, 0.0, targets).sum(1).clamp(max=1.0)


def background_map(targets: Tensor) -> Tensor:
    """Where no joint is: (..., J, H, W) -> (..., 1, H, W), max(0, 1 - largest belief of any joint).

    Source: the last map of the paper's J + 1; this formula for it is recalled from its release, not checked.
    """
    if targets.shape[-3] == 0:
        return targets.new_ones((*targets.shape[:-3], 1, *targets.shape[-2:]))
    return (1.0 - targets.amax(-3, keepdim=True)).clamp(min=0.0)


def background_weights(weights: Tensor) -> Tensor:
    """(N, J) joint weights -> (N, 1): 1 where every joint of the person is labelled, else 0.

    An unlabelled joint leaves its place in the background map unknown, so that map must not count (ours).
    """
    return (weights > 0).all(1, keepdim=True).to(weights.dtype)


def center_map(
    center_px: Tensor, size: tuple[int, int], sigma_px: float | None = None, *, backend: str = "auto"
) -> Tensor:
    """Gaussian that tells the network whose joints to find.

    Args:
        center_px: (N, 2) point (x, y) of each crop in pixels; NaN gives a blank map.
        size: (H_in, W_in) of the crop in pixels.
        sigma_px: standard deviation in pixels; None scales the paper's 21 px of a 368 px box to H_in.
        backend: as of `gaussian_targets`.

    Returns:
        (N, 1, H_in, W_in) float32, peak 1.

    Source: testing/src/applyModel.m and config.m of the paper's release.
    """
    center_px = torch.as_tensor(center_px).float()
    if center_px.ndim != 2 or center_px.shape[-1] != 2:
        raise ValueError(f"centres must be (N, 2), not {tuple(center_px.shape)}")
    size = checked_size(size)
    sigma_px = CENTER_SIGMA_PX * size[0] / CENTER_BOX_PX if sigma_px is None else sigma_px
    known = torch.isfinite(center_px).all(-1)
    return gaussian_targets(center_px[:, None], size, sigma_px, weights=known[:, None], backend=backend)
