"""Object keypoint similarity (OKS), and non-maximum suppression of people by it.

OKS is to joints what intersection over union is to boxes: each joint scores exp(-d^2 / (2 s^2 k^2)),
with d its error, s^2 the area of the person and k twice the joint's standard deviation among annotators,
and the scores are averaged. 1 is perfect.
"""

from __future__ import annotations

import numpy as np

from cpm_edu.metrics.inputs import as_array, as_joints, as_normalizer
from cpm_edu.skeletons import COCO

__all__ = ["joint_similarities", "oks", "oks_matrix", "oks_nms", "soft_oks_nms"]


def _check_sigmas(sigmas, num_joints: int) -> np.ndarray:
    sigmas = as_array(sigmas, "sigmas").astype(np.float64)
    if sigmas.shape != (num_joints,) or not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise ValueError(f"sigmas must be {num_joints} positive numbers, one a joint, not {sigmas.tolist()}")
    return sigmas


def _check_areas(areas, mask: np.ndarray) -> np.ndarray:
    """(N, 1) areas, positive where an instance counts."""
    areas = as_array(areas, "areas")
    if areas.shape != (len(mask),):
        raise ValueError(f"areas must be (N,) = ({len(mask)},), not {areas.shape}")
    return as_normalizer(areas, mask, "areas")


def oks(pred, gt, mask=None, *, areas, sigmas=COCO.oks_sigmas) -> np.ndarray:
    """OKS of each prediction with its own ground truth.

    Args:
        pred: (N, J, 2) predicted points (x, y).
        gt: (N, J, 2) true points in the same coordinates.
        mask: (N, J) True, or a visibility above 0, where a joint is labelled; None for all.
        areas: (N,) area of each true person in squared units of the points; COCO's `area`.
        sigmas: (J,) standard deviations; `Skeleton.oks_sigmas`.

    Returns:
        (N,) float64, 0..1; NaN for an instance without labelled joints.

    Raises:
        ValueError: shapes that do not fit, a labelled joint that is not finite, or an area that is not
            positive.

    Source: cocodataset.org, "Keypoint Evaluation".
    """
    similarity = joint_similarities(pred, gt, mask, areas=areas, sigmas=sigmas)
    labelled = (~np.isnan(similarity)).sum(1)
    total = np.nansum(similarity, 1)
    return np.divide(total, labelled, out=np.full(len(total), np.nan), where=labelled > 0)


def joint_similarities(pred, gt, mask=None, *, areas, sigmas=COCO.oks_sigmas) -> np.ndarray:
    """What each joint brings to its person's OKS: (N, J) float64, 0..1; NaN where it is not labelled.

    Arguments and errors as of `oks`.
    """
    pred, gt, mask = as_joints(pred, gt, mask)
    sigmas = _check_sigmas(sigmas, pred.shape[1])
    areas = _check_areas(areas, mask)
    squared = ((pred.astype(np.float64) - gt) ** 2).sum(-1)
    return np.where(mask, np.exp(-squared / (2 * areas * (2 * sigmas) ** 2)), np.nan)


def oks_matrix(joints, areas, *, sigmas=COCO.oks_sigmas) -> np.ndarray:
    """OKS between all pairs of predictions, the area of a pair being the mean of the two.

    Args:
        joints: (N, J, 2) predicted points (x, y) of one image; all J enter, since predictions carry no
            visibility.
        areas: (N,) areas; mmpose takes width * height of the padded crop in image pixels.
        sigmas: (J,) standard deviations.

    Returns:
        (N, N) float64, symmetric, ones on the diagonal.

    Raises:
        ValueError: shapes that do not fit, a joint that is not finite, or an area that is not positive.

    Source: mmpose's oks_iou.
    """
    joints, _, mask = as_joints(joints, joints, None)
    sigmas = _check_sigmas(sigmas, joints.shape[1])
    areas = _check_areas(areas, mask)[:, 0]
    joints = joints.astype(np.float64)
    matrix = np.empty((len(joints), len(joints)))
    for i, person in enumerate(joints):  # row by row: N x N x J x 2 numbers at once could be gigabytes
        squared = ((joints - person) ** 2).sum(-1)  # (N, J)
        pair_areas = (areas + areas[i])[:, None] / 2
        matrix[i] = np.exp(-squared / (2 * pair_areas * (2 * sigmas) ** 2)).mean(1)
    return matrix


def _ranked(scores: np.ndarray) -> np.ndarray:
    """Indices by falling score; of equal scores the lower index first (mmpose leaves that order open)."""
    return np.argsort(-scores, kind="stable")


def _check_scores(scores, count: int) -> np.ndarray:
    scores = as_array(scores, "scores").astype(np.float64)
    if scores.shape != (count,) or np.isnan(scores).any():
        raise ValueError(f"scores must be (N,) = ({count},) without NaN, not {scores.shape}")
    return scores


def oks_nms(joints, areas, scores, *, threshold: float = 0.9, sigmas=COCO.oks_sigmas) -> np.ndarray:
    """Hard suppression: keep the best, drop what is more similar to it than `threshold`, go on.

    Args:
        joints: (N, J, 2) predicted points (x, y) of one image.
        areas: (N,) as in `oks_matrix`.
        scores: (N,) instance scores.
        threshold: an instance stays while its OKS with every kept one is at most this.

    Returns:
        (K,) int64 indices kept, best first.

    Raises:
        ValueError: as `oks_matrix`, or scores that are NaN or of another number.

    Source: mmpose's oks_nms, with its default threshold 0.9.
    """
    similarity = oks_matrix(joints, areas, sigmas=sigmas)
    order = _ranked(_check_scores(scores, len(similarity)))
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[similarity[best, order] <= threshold]
    return np.array(kept, dtype=np.int64)


def soft_oks_nms(
    joints, areas, scores, *, threshold: float = 0.9, max_kept: int = 20, sigmas=COCO.oks_sigmas
) -> np.ndarray:
    """Soft suppression: keep the best, multiply the other scores by exp(-OKS^2 / threshold), go on.

    Nothing is dropped but what lies beyond `max_kept`; the lowered scores only decide the order.

    Args:
        joints, areas, scores, sigmas: as in `oks_nms`.
        threshold: larger lowers less; must be positive.
        max_kept: the most indices returned.

    Returns:
        (K,) int64 indices, K <= max_kept, in the order in which they were kept.

    Raises:
        ValueError: as `oks_nms`, or a threshold that is not positive.

    Source: mmpose's soft_oks_nms.
    """
    if not threshold > 0:
        raise ValueError(f"threshold must be positive, not {threshold}")
    similarity = oks_matrix(joints, areas, sigmas=sigmas)
    scores = _check_scores(scores, len(similarity))
    order = _ranked(scores)
    scores = scores[order]
    kept = []
    while len(order) and len(kept) < max_kept:
        best = order[0]
        kept.append(best)
        order, scores = order[1:], scores[1:] * np.exp(-(similarity[best, order[1:]] ** 2) / threshold)
        again = _ranked(scores)
        order, scores = order[again], scores[again]
    return np.array(kept, dtype=np.int64)
