"""PCK as four benchmarks publish it: LSP, MPII (PCKh), and JHMDB by person box and by torso."""

from __future__ import annotations

import numpy as np

from cpm_edu.metrics.inputs import as_array, as_joints, joint_names
from cpm_edu.metrics.pck import Comparison, PCKResult, count_within, normalized_distances
from cpm_edu.skeletons import JHMDB, LSP, MPII, Skeleton

__all__ = [
    "JHMDB_GROUPS", "MPII_GROUPS", "MPII_SCORED", "box_sizes", "head_sizes_mpii", "pck_jhmdb", "pck_lsp",
    "pckh_mpii", "torso_sizes", "tpck_jhmdb",
]  # fmt: skip

MPII_HEAD_FRACTION = 0.6  # SC_BIAS of the MPII evaluation kit, there explained as 0.8 * 0.75


def _group(skeleton: Skeleton, **names: str) -> dict[str, tuple[int, ...]]:
    """Title -> indices of the left and right joint of that name, or of the one joint so called."""
    return {
        title: tuple(
            j for j, joint in enumerate(skeleton.joints) if joint in (name, f"left_{name}", f"right_{name}")
        )
        for title, name in names.items()
    }


MPII_GROUPS = _group(
    MPII, Head="head_top", Shoulder="shoulder", Elbow="elbow", Wrist="wrist", Hip="hip", Knee="knee",
    Ankle="ankle",
)  # fmt: skip
# Pelvis and thorax are labelled but do not enter MPII's mean; the upper neck does.
MPII_SCORED = np.array([j for j, joint in enumerate(MPII.joints) if joint not in ("pelvis", "thorax")])
JHMDB_GROUPS = _group(
    JHMDB, Head="head", Sho="shoulder", Elb="elbow", Wri="wrist", Hip="hip", Knee="knee", Ank="ankle"
)


def torso_sizes(gt, skeleton: Skeleton) -> np.ndarray:
    """Distance between left shoulder and right hip of every instance.

    Args:
        gt: (N, J, 2) true points (x, y). The two joints are taken as given, whether or not a mask would
            count them, so they must hold real coordinates.
        skeleton: says which joints they are (`Skeleton.torso`).

    Returns:
        (N,) float64, in the unit of the points.

    Raises:
        ValueError: a wrong shape or number of joints, or a skeleton that names no torso.
    """
    gt = as_array(gt, "gt")
    if gt.ndim != 3 or gt.shape[-1] != 2:
        raise ValueError(f"gt must be (N, J, 2), not {gt.shape}")
    joint_names(skeleton, gt.shape[1])
    if skeleton.torso is None:
        raise ValueError(f"skeleton {skeleton.name!r} does not say which joints span the torso")
    shoulder, hip = skeleton.torso
    return np.linalg.norm(gt[:, shoulder].astype(np.float64) - gt[:, hip], axis=-1)


def box_sizes(boxes_xyxy) -> np.ndarray:
    """Longer side of every person box: (N, 4) boxes (x1, y1, x2, y2) -> (N,) float64, same unit."""
    boxes = as_array(boxes_xyxy, "boxes_xyxy").astype(np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes_xyxy must be (N, 4) (x1, y1, x2, y2), not {boxes.shape}")
    return (boxes[:, 2:] - boxes[:, :2]).max(1)


def head_sizes_mpii(head_boxes) -> np.ndarray:
    """MPII's head size: 0.6 times the diagonal of the head box.

    Args:
        head_boxes: (N, 2, 2) the two corners (x, y) of each box (`headboxes_src` of the annotation file
            is (2, 2, N): transpose it), or (N, 4) boxes (x1, y1, x2, y2).

    Returns:
        (N,) float64, in the unit of the corners.
    """
    corners = as_array(head_boxes, "head_boxes").astype(np.float64)
    if corners.ndim == 2 and corners.shape[1] == 4:
        corners = corners.reshape(-1, 2, 2)
    if corners.ndim != 3 or corners.shape[1:] != (2, 2):
        raise ValueError(f"head_boxes must be (N, 2, 2) corners or (N, 4) boxes, not {corners.shape}")
    return MPII_HEAD_FRACTION * np.linalg.norm(corners[:, 1] - corners[:, 0], axis=-1)


def pck_lsp(pred, gt, mask=None, *, threshold: float = 0.2, comparison: Comparison = "<=") -> PCKResult:
    """PCK on Leeds Sports Pose: person-centric, all 14 joints, occluded ones included.

    A joint is correct when its error is within `threshold` of the true torso, left shoulder to right
    hip. Person-centric means that left is the person's own left.

    Args:
        pred: (N, 14, 2) predicted points (x, y), joints as in `skeletons.LSP`.
        gt: (N, 14, 2) true points in the same coordinates (joints.mat counts pixels from 1: take 1 off
            both or neither).
        mask: (N, 14) True where a joint counts; None for all, as LSP labels all. LSPET does not: leave out
            whoever lacks left shoulder or right hip.

    Returns:
        PCKResult, the mean over all joints that count.

    Raises:
        ValueError: a wrong shape, a joint that counts and is not finite, or a torso of length 0.

    Source: the evaluation code of Wei et al. 2016, whose released predictions give 84.32 and, trained
    with MPII too, 90.50 percent.
    """
    pred, gt, mask = as_joints(pred, gt, mask)
    joint_names(LSP, pred.shape[1])
    distances = normalized_distances(pred, gt, mask, normalizer=torso_sizes(gt, LSP))
    return count_within(
        distances, threshold, comparison, LSP.joints, average="points", name="LSP PCK (torso)"
    )


def pckh_mpii(
    pred, gt, mask, *, head_sizes, threshold: float = 0.5, comparison: Comparison = "<="
) -> PCKResult:
    """PCKh of MPII Human Pose; with threshold 0.1 its mean is the Mean@0.1 of the tables.

    The mean is over all labelled joints except pelvis and thorax. Groups are Head (top), Shoulder,
    Elbow, Wrist, Hip, Knee and Ankle, each the mean of its left and right joint.

    Args:
        pred: (N, 16, 2) predicted points (x, y), joints as in `skeletons.MPII`.
        gt: (N, 16, 2) true points in the same coordinates (the files count pixels from 1: add 1 to
            0-based predictions, or take 1 off the ground truth).
        mask: (N, 16) True where a joint is labelled.
        head_sizes: (N,) from `head_sizes_mpii`.
        comparison: "<=" as in the evaluation kit; mmpose's table uses "<".

    Raises:
        ValueError: as `pck`; a head size of 0 too. mmpose leaves such instances out at 0.5 and counts
            them as correct at 0.1; `mmpose_mpii_metrics` does the same.

    Source: Andriluka et al., CVPR 2014, and its evaluation kit.
    """
    pred, gt, mask = as_joints(pred, gt, mask)
    joint_names(MPII, pred.shape[1])
    distances = normalized_distances(pred, gt, mask, normalizer=head_sizes)
    return count_within(
        distances, threshold, comparison, MPII.joints,
        average="points", name="MPII PCKh", scored=MPII_SCORED, groups=MPII_GROUPS,
    )  # fmt: skip


def pck_jhmdb(
    pred, gt, mask, *, boxes_xyxy, threshold: float = 0.2, comparison: Comparison = "<"
) -> PCKResult:
    """PCK on JHMDB normalised by the person box ("person size").

    The mean is a plain mean over all 15 joints, neck and belly included; it is not the mean of the seven
    groups Head, Sho, Elb, Wri, Hip, Knee, Ank.

    Args:
        pred: (N, 15, 2) predicted points (x, y), joints as in `skeletons.JHMDB`.
        gt: (N, 15, 2) true points in the same coordinates.
        mask: (N, 15) True where a joint counts.
        boxes_xyxy: (N, 4) person boxes (x1, y1, x2, y2), not padded; the longer side is the length.
        comparison: "<" as in mmpose, whose table is the one in print for CPM.

    Raises:
        ValueError: as `pck`.

    Source: mmpose's JhmdbPCKAccuracy.
    """
    return _jhmdb(pred, gt, mask, box_sizes(boxes_xyxy), threshold, comparison, "JHMDB PCK (person box)")


def tpck_jhmdb(pred, gt, mask, *, threshold: float = 0.2, comparison: Comparison = "<") -> PCKResult:
    """PCK on JHMDB normalised by the true torso, left shoulder to right hip; otherwise as `pck_jhmdb`.

    Raises:
        ValueError: as `pck`; a torso of length 0 too. (mmpose replaces torsos below one pixel by the
            predicted ones, which lets a prediction choose its own yardstick: `mmpose_jhmdb_metrics`.)

    Source: mmpose's JhmdbPCKAccuracy.
    """
    return _jhmdb(pred, gt, mask, torso_sizes(gt, JHMDB), threshold, comparison, "JHMDB PCK (torso)")


def _jhmdb(pred, gt, mask, lengths, threshold, comparison, name) -> PCKResult:
    pred, gt, mask = as_joints(pred, gt, mask)
    joint_names(JHMDB, pred.shape[1])
    distances = normalized_distances(pred, gt, mask, normalizer=lengths)
    return count_within(
        distances, threshold, comparison, JHMDB.joints, average="joints", name=name, groups=JHMDB_GROUPS
    )
