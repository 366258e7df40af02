"""The stage-wise loss: every stage is compared with the target, which is intermediate supervision."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

__all__ = ["stage_loss"]


def stage_loss(
    belief_maps: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    *,
    normalization: Literal["mean", "euclidean"] = "mean",
) -> Tensor:
    """Masked squared error of every stage. Add them up (`.sum()`) to train.

    Args:
        belief_maps: (T, N, C, H, W) predictions of T stages.
        targets: (N, C, H, W) for all stages, or (T, N, C, H, W).
        weights: (N, C) or (T, N, C), how much each map counts; None counts all. Maps of weight 0 still
            stand in the denominator.
        normalization: what the weighted sum of squares is divided by:
            "mean": N * C * H * W, mmpose's KeypointMSELoss;
            "euclidean": 2 N, Caffe's EuclideanLoss, without which the paper's learning rate means nothing.

    Returns:
        (T,) loss of each stage.

    Raises:
        ValueError: shapes that do not fit, or an unknown normalization.

    Source: Wei et al. 2016, equation 4 and 5 (sum over stages, joints and cells).
    """
    if belief_maps.ndim != 5:
        raise ValueError(f"belief maps must be (T, N, C, H, W), not {tuple(belief_maps.shape)}")
    if targets.shape not in (belief_maps.shape, belief_maps.shape[1:]):
        raise ValueError(
            f"targets {tuple(targets.shape)} do not fit belief maps {tuple(belief_maps.shape)}: "
            "expected (N, C, H, W) or (T, N, C, H, W)"
        )
    if weights is not None and weights.shape not in (belief_maps.shape[:3], belief_maps.shape[1:3]):
        raise ValueError(
            f"weights {tuple(weights.shape)} do not fit belief maps {tuple(belief_maps.shape)}: "
            "expected (N, C) or (T, N, C)"
        )
    error = (belief_maps - targets).square().sum((-2, -1))  # (T, N, C)
    if weights is not None:
        error = error * weights
    num_people, num_maps, height, width = belief_maps.shape[1:]
    divisors = {"mean": num_people * num_maps * height * width, "euclidean": 2 * num_people}
    if normalization not in divisors:
        raise ValueError(f'normalization must be "mean" or "euclidean", not {normalization!r}')
    return error.sum((1, 2)) / max(divisors[normalization], 1)
