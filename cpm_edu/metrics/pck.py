"""PCK and its relatives: how far predicted joints lie from the true ones.

PCK is the share of joints whose error is small against a length measured on the same person. Papers
differ in that length, in whether an error that equals the limit is correct (`<=` or `<`), and in what
the mean is taken over, so each of the three is an argument here. The rules of single benchmarks are
in `benchmarks.py`, those of mmpose in `mmpose_rules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cpm_edu.metrics.inputs import as_joints, as_normalizer, joint_names
from cpm_edu.metrics.table import Table
from cpm_edu.skeletons import Skeleton

__all__ = ["MPII_THRESHOLDS", "PCKResult", "auc", "epe", "nme", "normalized_distances", "pck", "pck_curve"]

Comparison = Literal["<", "<="]
Average = Literal["points", "joints"]

MPII_THRESHOLDS = np.arange(51) / 100  # 0, 0.01, ..., 0.5: `range` of the MPII evaluation kit


@dataclass(frozen=True, eq=False)
class PCKResult:
    """What every PCK of this package returns.

    Attributes:
        joints: J names.
        correct: (J,) int64 correct predictions.
        counts: (J,) int64 predictions that counted.
        mean: the metric's own mean, 0..1; NaN when nothing counted (mmpose's rules return 0 there).
        threshold: fraction of the normalising length.
        title: which metric this is, with its comparison and its mean.
        groups: name -> joint indices, as the benchmark's tables print them.
    """

    joints: tuple[str, ...]
    correct: np.ndarray
    counts: np.ndarray
    mean: float
    threshold: float
    title: str
    groups: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def fractions(self) -> np.ndarray:
        """(J,) float64 correct / counts, 0..1; NaN for a joint that never counted."""
        return np.divide(
            self.correct, self.counts, out=np.full(len(self.joints), np.nan), where=self.counts > 0
        )

    @property
    def group_fractions(self) -> dict[str, float]:
        """Group name -> plain mean of its joints' fractions, joints that never counted left out."""
        return {name: _mean(self.fractions[list(members)]) for name, members in self.groups.items()}

    def table(self) -> Table:
        """One row a joint, then the mean; PCK in percent."""
        rows = [
            [name, int(correct), int(count), 100 * fraction]
            for name, correct, count, fraction in zip(
                self.joints, self.correct, self.counts, self.fractions, strict=True
            )
        ]
        rows.append(["mean", None, None, 100 * self.mean])
        return Table(["joint", "correct", "counted", "PCK"], rows, caption=self.title, formats={"PCK": ".2f"})

    def group_table(self) -> Table:
        """One row with a column for each group and the mean, in percent, as papers print it.

        Raises:
            ValueError: the metric defines no groups.
        """
        if not self.groups:
            raise ValueError(f"{self.title} defines no groups of joints; use table()")
        row = {name: 100 * value for name, value in self.group_fractions.items()} | {"mean": 100 * self.mean}
        return Table(list(row), [row], caption=self.title, formats=dict.fromkeys(row, ".1f"))


def normalized_distances(pred, gt, mask=None, *, normalizer=1.0) -> np.ndarray:
    """Distance of each joint to its true place, divided by a length of its instance.

    Args:
        pred: (N, J, 2) predicted points (x, y); array or tensor.
        gt: (N, J, 2) true points in the same coordinates.
        mask: (N, J) True, or a visibility above 0, where a joint counts; None for all.
        normalizer: one positive number, (N,) or (N, 1) lengths, or (N, 2) lengths along x and y, in the
            unit of the points.

    Returns:
        (N, J) float64; NaN where a joint does not count.

    Raises:
        ValueError: shapes that do not fit; a joint that counts is NaN or infinite; an instance that
            counts has a length that is not positive and finite.
    """
    pred, gt, mask = as_joints(pred, gt, mask)
    lengths = as_normalizer(normalizer, mask)
    offsets = (pred.astype(np.float64) - gt.astype(np.float64)) / lengths[:, None]
    return np.where(mask, np.hypot(offsets[..., 0], offsets[..., 1]), np.nan)


def within(distances: np.ndarray, threshold: float, comparison: Comparison) -> np.ndarray:
    """Bool array: distance within the threshold; NaN never is."""
    if comparison not in ("<", "<="):
        raise ValueError(f'comparison must be "<" or "<=", not {comparison!r}')
    if not (np.isscalar(threshold) and np.isfinite(threshold) and threshold >= 0):
        raise ValueError(f"threshold must be one number of at least 0, not {threshold!r}")
    # The quotient is compared, not distance with threshold * length: only a division rounds an exact
    # 6 / 30 to the very double that 0.2 is.
    return distances < threshold if comparison == "<" else distances <= threshold


def pck(
    pred,
    gt,
    mask=None,
    *,
    normalizer,
    threshold: float,
    comparison: Comparison,
    average: Average = "points",
    skeleton: Skeleton | None = None,
) -> PCKResult:
    """Percentage of correct keypoints, with any normalising length.

    Args:
        pred: (N, J, 2) predicted points (x, y); array or tensor.
        gt: (N, J, 2) true points in the same coordinates.
        mask: (N, J) True, or a visibility above 0, where a joint counts; None for all.
        normalizer: one positive number, (N,) or (N, 1) lengths, or (N, 2) lengths along x and y, in the
            unit of the points. An instance with a zero length is an error: mask it.
        threshold: a joint is correct when its error is within threshold * normalizer.
        comparison: "<=" (Yang and Ramanan's and MPII's evaluation code) or "<" (mmpose); no default,
            because tables of both kinds are in print.
        average: "points" makes the mean over all joints that count, "joints" a plain mean over the
            joints' fractions.
        skeleton: names the joints.

    Returns:
        PCKResult; with nothing to count, N = 0 included, its mean is NaN.

    Raises:
        ValueError: see `normalized_distances`; also an unknown comparison or average, a negative
            threshold, or a skeleton with another number of joints.

    Source: Yang and Ramanan, "Articulated human detection with flexible mixtures of parts", 2013.
    """
    if average not in ("points", "joints"):
        raise ValueError(f'average must be "points" or "joints", not {average!r}')
    distances = normalized_distances(pred, gt, mask, normalizer=normalizer)
    return count_within(
        distances, threshold, comparison, joint_names(skeleton, distances.shape[1]), average=average
    )


def count_within(
    distances: np.ndarray,
    threshold: float,
    comparison: Comparison,
    joints: tuple[str, ...],
    *,
    average: Average,
    name: str = "PCK",
    scored: np.ndarray | None = None,
    groups: dict[str, tuple[int, ...]] | None = None,
) -> PCKResult:
    """PCKResult of (N, J) distances that are NaN where a joint does not count.

    Args:
        scored: indices of the joints that enter the mean; None for all J.
    """
    correct = within(distances, threshold, comparison).sum(0)
    counts = (~np.isnan(distances)).sum(0)
    everyone = slice(None) if scored is None else scored
    if average == "points":
        total = counts[everyone].sum()
        mean = float(correct[everyone].sum() / total) if total else float("nan")
    else:
        seen = counts[everyone] > 0
        mean = _mean(correct[everyone][seen] / counts[everyone][seen])
    title = f"{name}, error {comparison} {threshold:g} of the length, mean over {average}"
    return PCKResult(joints, correct, counts, mean, float(threshold), title, groups or {})


def pck_curve(
    pred, gt, mask=None, *, normalizer, thresholds, comparison: Comparison, average: Average = "points"
) -> np.ndarray:
    """Mean PCK at each of K thresholds: (K,) float64; arguments as in `pck`."""
    distances = normalized_distances(pred, gt, mask, normalizer=normalizer)
    joints = joint_names(None, distances.shape[1])
    if average not in ("points", "joints"):
        raise ValueError(f'average must be "points" or "joints", not {average!r}')
    return np.array(
        [count_within(distances, float(t), comparison, joints, average=average).mean for t in thresholds]
    )


def auc(
    pred,
    gt,
    mask=None,
    *,
    normalizer,
    thresholds=MPII_THRESHOLDS,
    comparison: Comparison = "<=",
    average: Average = "points",
) -> float:
    """Area under the PCK curve, scaled so that perfect predictions reach 1.

    Args:
        thresholds: at least two rising numbers; the curve is joined by straight lines and its area is
            divided by last - first.
        pred, gt, mask, normalizer, comparison, average: as in `pck`.

    Returns:
        0..1, or NaN when nothing counts.

    Raises:
        ValueError: as `pck`; also thresholds that do not rise.

    Source: the evaluation kit of MPII Human Pose (trapezoid over 0, 0.01, ..., 0.5, `<=`). mmpose's
    AUC is another number, see `mmpose_auc`.
    """
    thresholds = np.asarray(thresholds, dtype=np.float64)
    if thresholds.ndim != 1 or len(thresholds) < 2 or not (np.diff(thresholds) > 0).all():
        raise ValueError(f"thresholds must be two or more rising numbers, not {thresholds.tolist()}")
    curve = pck_curve(
        pred, gt, mask, normalizer=normalizer, thresholds=thresholds, comparison=comparison, average=average
    )
    area = ((curve[1:] + curve[:-1]) / 2 * np.diff(thresholds)).sum()
    return float(area / (thresholds[-1] - thresholds[0]))


def epe(pred, gt, mask=None) -> float:
    """End-point error: mean distance over all joints that count, in the unit of the points.

    Arguments and errors as in `normalized_distances`. Returns NaN when nothing counts (mmpose's 0.0,
    which reads as perfect, is `mmpose_epe`).
    """
    return nme(pred, gt, mask, normalizer=1.0)


def nme(pred, gt, mask=None, *, normalizer) -> float:
    """Normalised mean error: mean of distance / normalizer over all joints that count.

    Arguments and errors as in `normalized_distances`. Returns NaN when nothing counts.
    """
    distances = normalized_distances(pred, gt, mask, normalizer=normalizer)
    return _mean(distances[~np.isnan(distances)])


def _mean(values: np.ndarray) -> float:
    """Mean of what is not NaN; NaN, without a warning, when that is nothing."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")
