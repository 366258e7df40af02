"""The stage-wise loss: every stage is compared with the target, which is intermediate supervision."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from .kernels import ops
from .targets import GaussianTargets

__all__ = ["stage_loss", "stage_loss_reference"]

_COMPILED = (torch.float32, torch.bfloat16)
_WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def stage_loss(
    belief_maps: Tensor,
    targets: Tensor | GaussianTargets,
    weights: Tensor | None = None,
    *,
    normalization: Literal["mean", "euclidean"] = "mean",
    backend: str = "auto",
) -> Tensor:
    """Masked squared error of every stage. Add them up (`.sum()`) to train.

    Args:
        belief_maps: (T, N, C, H, W) predictions of T stages, float32 or bfloat16.
        targets: (N, C, H, W) for all stages, or (T, N, C, H, W); or `GaussianTargets` of (N, C, H, W), which
            the compiled backends compare with without drawing them.
        weights: (N, C) or (T, N, C) of numbers or bools, how much each map counts; None counts all. Maps of
            weight 0 still stand in the denominator. A weight multiplies: 0 does not hide a NaN.
        normalization: what the weighted sum of squares is divided by:
            "mean": N * C * H * W, mmpose's KeypointMSELoss;
            "euclidean": 2 N, Caffe's EuclideanLoss, without which the paper's learning rate means nothing.
        backend: "torch", "cpp", "cuda", or "auto": by device, plain torch for float64 and where targets or
            weights ask for a gradient, and inside torch.func.grad, vmap and the like. The compiled ones make
            the gradient in the forward pass.

    Returns:
        (T,) float32 loss of each stage (float64 where an argument is float64).

    Raises:
        TypeError: an argument that is no tensor.
        ValueError: shapes that do not fit, an unknown normalization, or a backend that does not take these
            tensors.
        BackendUnavailable: a backend named explicitly cannot be had here.

    Source: Wei et al. 2016, equation 4 and 5 (sum over stages, joints and cells).
    """
    divisor = _checked_divisor(belief_maps, targets, weights, normalization)
    drawn = not isinstance(targets, GaussianTargets)
    if weights is not None and weights.dtype in _WHOLE:
        weights = weights.float()
    given = [targets if drawn else targets.centers_cells, *([] if weights is None else [weights])]
    names = ("targets" if drawn else "centers_cells", "weights")
    dtype, odd = belief_maps.dtype, "belief_maps"
    for name, tensor in zip(names, given, strict=False):
        if dtype in _COMPILED and tensor.dtype not in _COMPILED:
            dtype, odd = tensor.dtype, name
        if tensor.device != belief_maps.device:
            raise ValueError(f"{name} on {tensor.device} and belief maps on {belief_maps.device}: move one")
    asking = [name for name, t in zip(names, given, strict=False) if t.requires_grad]
    gradient_to = asking[0] if asking and torch.is_grad_enabled() else ""
    if torch._C._are_functorch_transforms_active():  # the public torch.func does not tell
        gradient_to = "torch.func transforms"
    chosen = ops.resolve(backend, belief_maps.device, dtype, gradient_to, odd)
    if chosen == "torch":
        return stage_loss_reference(belief_maps, targets, weights, normalization=normalization)
    ops.check_counts(*belief_maps.shape[-3:])
    maps = belief_maps.contiguous()
    weights = torch.ones(maps.shape[1:3], device=maps.device) if weights is None else weights
    weights = weights.float().contiguous()
    with_gradient = maps.requires_grad and torch.is_grad_enabled()
    if drawn:
        targets = targets.float().contiguous()
        return ops.call("stage_loss", maps, targets, weights, divisor, with_gradient)[0]
    reach = math.inf if targets.patch_sigmas is None else targets.patch_sigmas * targets.sigma_cells
    return ops.call(
        "gaussian_stage_loss", maps, targets.centers_cells.float().contiguous(),
        targets.weights.float().contiguous(), weights, float(targets.sigma_cells),
        float(reach), targets.background, divisor, with_gradient,
    )[0]  # fmt: skip


def stage_loss_reference(
    belief_maps: Tensor,
    targets: Tensor | GaussianTargets,
    weights: Tensor | None = None,
    *,
    normalization: Literal["mean", "euclidean"] = "mean",
) -> Tensor:
    """`stage_loss` in plain torch; differentiable with respect to all three."""
    divisor = _checked_divisor(belief_maps, targets, weights, normalization)
    if isinstance(targets, GaussianTargets):
        targets = targets.draw(backend="torch")
    maps, targets = (t.float() if t.dtype == torch.bfloat16 else t for t in (belief_maps, targets))
    error = (maps - targets).square().sum((-2, -1))  # (T, N, C)
    if weights is not None:
        error = error * (weights.float() if weights.dtype == torch.bfloat16 else weights)
    return error.sum((1, 2)) / divisor


def _checked_divisor(belief_maps: Tensor, targets, weights: Tensor | None, normalization: str) -> float:
    """What the sums of squares are divided by, once all shapes are known to fit."""
    if not isinstance(belief_maps, Tensor):
        raise TypeError(f"belief_maps must be a torch.Tensor, not {type(belief_maps).__name__}")
    if not isinstance(targets, (Tensor, GaussianTargets)):
        raise TypeError(f"targets must be a torch.Tensor or GaussianTargets, not {type(targets).__name__}")
    if weights is not None and not isinstance(weights, Tensor):
        raise TypeError(f"weights must be a torch.Tensor or None, not {type(weights).__name__}")
    if belief_maps.ndim != 5:
        raise ValueError(f"belief maps must be (T, N, C, H, W), not {tuple(belief_maps.shape)}")
    if tuple(targets.shape) not in (tuple(belief_maps.shape), tuple(belief_maps.shape[1:])):
        raise ValueError(
            f"targets {tuple(targets.shape)} do not fit belief maps {tuple(belief_maps.shape)}: "
            "expected (N, C, H, W) or (T, N, C, H, W)"
        )
    if weights is not None and weights.shape not in (belief_maps.shape[:3], belief_maps.shape[1:3]):
        raise ValueError(
            f"weights {tuple(weights.shape)} do not fit belief maps {tuple(belief_maps.shape)}: "
            "expected (N, C) or (T, N, C)"
        )
    num_people, num_maps, height, width = belief_maps.shape[1:]
    divisors = {"mean": num_people * num_maps * height * width, "euclidean": 2 * num_people}
    if normalization not in divisors:
        raise ValueError(f'normalization must be "mean" or "euclidean", not {normalization!r}')
    return float(max(divisors[normalization], 1))
