"""The same metrics as mmpose computes them, quirks included, to reproduce its tables to the last digit.

They differ from `pck.py` and `benchmarks.py` in this:

- the comparison is always `<`, on distances rounded to float32;
- an instance whose length is 0 is left out, and one with a negative length gets 1,000,000, so that all
  its joints are correct;
- mmpose overwrites the array of lengths, 0 by 1,000,000, so that a second call with the same array counts
  those instances as correct. Its 'PCK@0.1' on MPII is such a second call. Nothing is overwritten here:
  `mmpose_lengths_after_call` says what mmpose would have left;
- with nothing to count a metric is 0.

Source: mmpose 1.x at 759b39c (evaluation/functional/keypoint_eval.py and metrics/keypoint_2d_metrics.py).
"""

from __future__ import annotations

import numpy as np

from cpm_edu.metrics.benchmarks import JHMDB_GROUPS, MPII_GROUPS, MPII_SCORED
from cpm_edu.metrics.inputs import as_array, as_joints, as_mask, joint_names
from cpm_edu.metrics.pck import PCKResult
from cpm_edu.skeletons import JHMDB, MPII, Skeleton

__all__ = [
    "mmpose_auc", "mmpose_epe", "mmpose_heatmap_pck", "mmpose_jhmdb_metrics", "mmpose_lengths_after_call",
    "mmpose_mpii_metrics", "mmpose_nme", "mmpose_pck",
]  # fmt: skip

STAND_IN_LENGTH = 1e6


def mmpose_lengths_after_call(lengths) -> np.ndarray:
    """What a call of mmpose's PCK or NME leaves in the array of lengths: a copy, values <= 0 set to 1e6."""
    lengths = as_array(lengths, "lengths")
    return np.where(lengths <= 0, lengths.dtype.type(STAND_IN_LENGTH), lengths)


def _distances(pred, gt, mask, lengths) -> np.ndarray:
    """(N, J) float32 distances, NaN where mmpose counts nothing."""
    pred, gt, mask = as_joints(pred, gt, mask)
    lengths = as_array(lengths, "lengths")
    if lengths.ndim == 0:
        lengths = np.full((len(pred), 1), lengths)
    elif lengths.ndim == 1:
        lengths = lengths[:, None]
    if lengths.shape not in ((len(pred), 1), (len(pred), 2)):
        raise ValueError(
            f"lengths must be a number, (N,), (N, 1) or (N, 2), N = {len(pred)}, not {lengths.shape}"
        )
    if np.isnan(lengths).any():
        raise ValueError("lengths hold NaN")
    mask = mask & (lengths != 0).all(1, keepdims=True)
    offsets = (pred - gt) / mmpose_lengths_after_call(lengths)[:, None]
    # The dtype of the inputs is kept up to here, as in mmpose: float32 boxes give float32 quotients.
    return np.where(mask, np.linalg.norm(offsets, axis=-1).astype(np.float32), np.float32(np.nan))


def _result(distances: np.ndarray, threshold: float, joints: tuple[str, ...], groups=None) -> PCKResult:
    correct = (distances < float(threshold)).sum(0)
    counts = (~np.isnan(distances)).sum(0)
    seen = counts > 0
    mean = float((correct[seen] / counts[seen]).mean()) if seen.any() else 0.0
    title = f"PCK by mmpose's rule, error < {threshold:g} of the length, mean over joints"
    return PCKResult(joints, correct, counts, mean, float(threshold), title, groups or {})


def mmpose_pck(
    pred, gt, mask=None, *, lengths, threshold: float, skeleton: Skeleton | None = None
) -> PCKResult:
    """mmpose's keypoint_pck_accuracy; the quirks are in the module's docstring.

    Args:
        pred: (N, J, 2) predicted points (x, y).
        gt: (N, J, 2) true points in the same coordinates.
        mask: (N, J) True, or a visibility above 0, where a joint counts; None for all.
        lengths: one number, (N,) or (N, 1) lengths, or (N, 2) along x and y; never overwritten.
        threshold: fraction of the length.
        skeleton: names the joints.

    Returns:
        PCKResult. mmpose's `acc` is `fractions` with -1 for NaN, its `avg` is `mean` (0 when nothing
        counts), its `cnt` is the number of joints with `counts` above 0.

    Raises:
        ValueError: shapes that do not fit, a joint that counts is not finite, a NaN length.
    """
    distances = _distances(pred, gt, mask, lengths)
    return _result(distances, threshold, joint_names(skeleton, distances.shape[1]))


def mmpose_auc(pred, gt, mask=None, *, length_px: float = 30.0, num_thresholds: int = 20) -> float:
    """mmpose's keypoint_auc: mean of its PCK over the thresholds i / n, i = 0 .. n - 1.

    Threshold 0 is in, where `<` lets nothing pass, and 1 is out: perfect predictions score 1 - 1/n.
    Arguments as in `mmpose_pck`; `length_px` is one length for all, in the unit of the points.
    """
    if num_thresholds < 1:
        raise ValueError(f"num_thresholds must be at least 1, not {num_thresholds}")
    distances = _distances(pred, gt, mask, float(length_px))
    joints = joint_names(None, distances.shape[1])
    return float(
        np.mean([_result(distances, i / num_thresholds, joints).mean for i in range(num_thresholds)])
    )


def mmpose_epe(pred, gt, mask=None) -> float:
    """mmpose's keypoint_epe: mean distance in float32; 0 when nothing counts. Arguments as `mmpose_pck`."""
    return mmpose_nme(pred, gt, mask, lengths=1.0)


def mmpose_nme(pred, gt, mask=None, *, lengths) -> float:
    """mmpose's keypoint_nme: mean of distance / length in float32, instances of length 0 left out; 0 when
    nothing counts. Arguments as in `mmpose_pck`."""
    distances = _distances(pred, gt, mask, lengths)
    counted = distances[~np.isnan(distances)]
    return float(counted.mean()) if counted.size else 0.0


def mmpose_heatmap_pck(output, target, mask=None, *, threshold: float = 0.05) -> PCKResult:
    """The `acc_pose` that mmpose logs in training: PCK between the peaks of two sets of maps.

    x is divided by the height and y by the width, swapped for maps that are not square. That is mmpose's
    slip and is kept here; for a sound number give decoded joints and (width, height) to `pck`.

    Args:
        output: (N, J, H, W) predicted maps.
        target: (N, J, H, W) target maps; a map without a positive value has its peak at (-1, -1).
        mask: (N, J) True where a joint counts (weight above 0).

    Returns:
        PCKResult, as `mmpose_pck`.

    Raises:
        ValueError: shapes that differ or are not (N, J, H, W), or NaN in a map.
    """
    output, target = as_array(output, "output"), as_array(target, "target")
    if output.ndim != 4 or output.shape != target.shape or 0 in output.shape[1:]:
        raise ValueError(
            f"output and target must both be (N, J, H, W), not {output.shape} and {target.shape}"
        )
    mask = as_mask(mask, output.shape[:2])
    if np.isnan(output[mask]).any() or np.isnan(target[mask]).any():
        raise ValueError("a belief map that counts holds NaN")
    height, width = output.shape[2:]
    lengths = np.tile(np.array([[height, width]], dtype=np.float64), (len(output), 1))
    return mmpose_pck(_peaks(output), _peaks(target), mask, lengths=lengths, threshold=threshold)


def _peaks(maps: np.ndarray) -> np.ndarray:
    """(N, J, 2) float32 cell (x, y) of the first maximum; (-1, -1) where no value is positive."""
    flat = maps.reshape(*maps.shape[:2], -1)
    y, x = np.divmod(flat.argmax(-1), maps.shape[-1])
    return np.where(flat.max(-1, keepdims=True) > 0, np.stack([x, y], -1), -1).astype(np.float32)


def mmpose_mpii_metrics(pred, gt, mask, head_sizes) -> dict[str, float]:
    """mmpose's MpiiPCKAccuracy (norm_item "head"), in percent.

    Args:
        pred: (N, 16, 2) predicted points in pixels counted from 0; 1 is added to them, as mmpose does.
        gt: (N, 16, 2) true points as in the MPII file, counted from 1.
        mask: (N, 16) True where a joint is labelled.
        head_sizes: (N,) or (N, 1) from `head_sizes_mpii`; an instance of 0 is left out of 'PCK' but is
            correct in 'PCK@0.1' (the overwritten array), while the weights of both means count it.

    Returns:
        "Head PCK", "Shoulder PCK", ..., "Ankle PCK", "PCK" (Mean at 0.5) and "PCK@0.1" (Mean at 0.1).

    Raises:
        ValueError: as `mmpose_pck`, or a number of joints other than 16.
    """
    pred, gt, mask = as_joints(pred, gt, mask)
    joint_names(MPII, pred.shape[1])
    weights = mask[:, MPII_SCORED].sum(0) / max(mask[:, MPII_SCORED].sum(), 1)
    pred = pred + pred.dtype.type(1)
    at_half = _result(_distances(pred, gt, mask, head_sizes), 0.5, MPII.joints)
    again = _distances(pred, gt, mask, mmpose_lengths_after_call(head_sizes))
    at_tenth = _result(again, 0.1, MPII.joints)
    percent = 100 * _acc(at_half)
    values = {f"{name} PCK": percent[list(members)].mean() for name, members in MPII_GROUPS.items()}
    values["PCK"] = (percent[MPII_SCORED] * weights).sum()
    values["PCK@0.1"] = ((100 * _acc(at_tenth)).astype(np.float32)[MPII_SCORED] * weights).sum()
    return {name: float(value) for name, value in values.items()}


def mmpose_jhmdb_metrics(pred, gt, mask, boxes_xyxy, *, threshold: float = 0.2) -> dict[str, float]:
    """mmpose's JhmdbPCKAccuracy (norm_item "bbox" and "torso"), fractions 0..1.

    Args:
        pred: (N, 15, 2) predicted points (x, y) in pixels.
        gt: (N, 15, 2) true points. A true torso below one pixel is replaced by the predicted one.
        mask: (N, 15) True where a joint counts.
        boxes_xyxy: (N, 4) person boxes (x1, y1, x2, y2), not padded.

    Returns:
        "Head PCK", "Sho PCK", ..., "Ank PCK", "PCK" by the person box; the same with "tPCK" by the torso.

    Raises:
        ValueError: as `mmpose_pck`, or a number of joints other than 15.
    """
    raw_pred, raw_gt = as_array(pred, "pred"), as_array(gt, "gt")
    pred, gt, mask = as_joints(pred, gt, mask)
    joint_names(JHMDB, pred.shape[1])
    boxes = as_array(boxes_xyxy, "boxes_xyxy")
    if boxes.shape != (len(pred), 4):
        raise ValueError(f"boxes_xyxy must be (N, 4) = ({len(pred)}, 4), not {boxes.shape}")
    shoulder, hip = JHMDB.torso
    torso = np.linalg.norm(raw_gt[:, shoulder] - raw_gt[:, hip], axis=-1)
    predicted = np.linalg.norm(raw_pred[:, shoulder] - raw_pred[:, hip], axis=-1)
    lengths = {"PCK": (boxes[:, 2:] - boxes[:, :2]).max(1), "tPCK": np.where(torso < 1, predicted, torso)}
    values: dict[str, float] = {}
    for name, length in lengths.items():
        result = _result(_distances(pred, gt, mask, length), threshold, JHMDB.joints)
        for group, members in JHMDB_GROUPS.items():
            values[f"{group} {name}"] = float(_acc(result)[list(members)].mean())
        values[name] = result.mean
    return values


def _acc(result: PCKResult) -> np.ndarray:
    """Fractions with mmpose's -1 for a joint that never counted (it does enter a group's mean)."""
    return np.nan_to_num(result.fractions, nan=-1.0)
