"""What every metric accepts: arrays, lists or tensors, checked once at the door."""

from __future__ import annotations

import numpy as np

from cpm_edu.skeletons import Skeleton

__all__ = ["as_array", "as_joints", "as_mask", "as_normalizer", "joint_names"]


def as_array(values, name: str) -> np.ndarray:
    """Floating array of numbers, lists or a tensor on any device; integers become float64."""
    if hasattr(values, "detach"):  # a tensor; torch itself need not be imported
        values = values.detach().cpu()
        values = values.numpy() if str(values.dtype) != "torch.bfloat16" else values.float().numpy()
    try:
        array = np.asarray(values)
        return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a regular array of numbers ({error})") from None


def as_mask(mask, shape: tuple[int, int]) -> np.ndarray:
    """(N, J) bool: True, or a visibility above 0, counts; None counts every joint."""
    if mask is None:
        return np.ones(shape, dtype=bool)
    mask = as_array(mask, "mask")
    if mask.shape != shape:
        raise ValueError(f"mask must be (N, J) = {shape}, not {mask.shape}")
    if np.isnan(mask).any():
        raise ValueError("mask holds NaN; give True where a joint counts and False elsewhere")
    return mask > 0


def as_joints(pred, gt, mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions (N, J, 2), ground truth (N, J, 2) and mask (N, J), floating dtypes kept.

    Joints that do not count are set to 0, so that whatever they held (NaN included) has no effect.

    Raises:
        ValueError: shapes that differ, or a joint that counts and is not finite.
    """
    pred, gt = as_array(pred, "pred"), as_array(gt, "gt")
    if pred.ndim != 3 or pred.shape[-1] != 2 or pred.shape[1] == 0:
        raise ValueError(f"pred must be (N, J, 2) with J >= 1, not {pred.shape}")
    if gt.shape != pred.shape:
        raise ValueError(f"pred and gt must have one shape; pred is {pred.shape}, gt is {gt.shape}")
    mask = as_mask(mask, pred.shape[:2])
    cleaned = []
    for name, points, advice in (
        ("pred", pred, "give a joint that was not found a point far outside, which counts as wrong"),
        ("gt", gt, "set the mask to False where a joint is not labelled"),
    ):
        bad = mask & ~np.isfinite(points).all(-1)
        if bad.any():
            n, j = np.argwhere(bad)[0]
            raise ValueError(
                f"{name} holds {bad.sum()} joints that count but are NaN or infinite, "
                f"the first at instance {n}, joint {j}; {advice}"
            )
        cleaned.append(np.where(mask[..., None], points, points.dtype.type(0)))
    return cleaned[0], cleaned[1], mask


def as_normalizer(normalizer, mask: np.ndarray, name: str = "normalizer") -> np.ndarray:
    """(N, 1) or (N, 2) positive lengths; 1 for instances without a joint that counts.

    Args:
        normalizer: one number, (N,) or (N, 1) lengths, or (N, 2) lengths along x and y.
        mask: (N, J) bool.

    Raises:
        ValueError: another shape, or an instance that counts has a length that is not positive and finite.
    """
    lengths = as_array(normalizer, name).astype(np.float64)
    count = len(mask)
    if lengths.ndim == 0:
        lengths = np.full((count, 1), lengths)
    elif lengths.shape == (count,):
        lengths = lengths[:, None]
    if lengths.shape not in ((count, 1), (count, 2)):
        raise ValueError(
            f"{name} must be a number, (N,), (N, 1) or (N, 2) with N = {count}, not {lengths.shape}"
        )
    counts = mask.any(1)
    bad = counts & ~((lengths > 0) & np.isfinite(lengths)).all(1)
    if bad.any():
        first = np.flatnonzero(bad)[0]
        raise ValueError(
            f"{name} must be positive and finite; {bad.sum()} instances are not, the first is "
            f"instance {first} with {lengths[first].tolist()}. Set their mask to False to leave them out"
        )
    return np.where(counts[:, None], lengths, 1.0)


def joint_names(skeleton: Skeleton | None, num_joints: int) -> tuple[str, ...]:
    """Names from the skeleton, or "joint 0", "joint 1", ...; ValueError when J differs."""
    if skeleton is None:
        return tuple(f"joint {j}" for j in range(num_joints))
    if skeleton.num_joints != num_joints:
        raise ValueError(
            f"{num_joints} joints given, but skeleton {skeleton.name!r} has {skeleton.num_joints}: "
            f"{', '.join(skeleton.joints)}"
        )
    return skeleton.joints
