"""A5: what the two exercises on PCK share: the library's distances, and the mistakes that go with every PCK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...metrics.pck import PCKResult, count_within, normalized_distances
from ..exercise import Mistake

__all__ = ["METRICS", "UNLABELLED", "general_mistakes", "measured", "result_of"]

# Every door of the library through which a PCK comes.
METRICS = (
    "cpm_edu.metrics.pck.pck",
    "cpm_edu.metrics.pck.pck_curve",
    "cpm_edu.metrics.pck.count_within",
    "cpm_edu.metrics.pck.within",
    "cpm_edu.metrics.pck.normalized_distances",
    "cpm_edu.metrics.benchmarks.pck_lsp",
    "cpm_edu.metrics.benchmarks.pckh_mpii",
    "cpm_edu.metrics.benchmarks.pck_jhmdb",
    "cpm_edu.metrics.benchmarks.tpck_jhmdb",
    "cpm_edu.metrics.benchmarks.head_sizes_mpii",
    "cpm_edu.metrics.benchmarks.torso_sizes",
    "cpm_edu.metrics.mmpose_rules.mmpose_pck",
    "cpm_edu.metrics.mmpose_rules.mmpose_mpii_metrics",
    "cpm_edu.figures.interactive.pck_threshold.pck_share",
)

Distances = Callable[..., np.ndarray]  # the arguments of a case -> (N, J), NaN where a joint does not count


def measured(pred: np.ndarray, truth: np.ndarray, counts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The library's distances; a joint that counts without a place, or whose person has no length, is far off."""
    known = counts & np.isfinite(truth).all(-1) & (np.isfinite(lengths) & (lengths > 0))[:, None]
    distances = normalized_distances(pred, truth, known, normalizer=np.where(known.any(1), lengths, 1.0))
    distances[counts & ~known] = np.inf
    return distances


def result_of(
    distances: np.ndarray, threshold: float, scored: np.ndarray | None = None, **options: Any
) -> PCKResult:
    names = tuple(str(j) for j in range(distances.shape[1]))
    options = {"comparison": "<=", "average": "points"} | options
    return count_within(distances, threshold, joints=names, scored=scored, **options)


def _displaced(pred: np.ndarray, truth: np.ndarray, error: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Predictions whose distance to the truth is an error of another kind."""
    truth = np.nan_to_num(truth)
    return truth + np.stack([error(pred - truth), np.zeros(truth.shape[:2])], -1)


def _of_people(distances: np.ndarray, threshold: float, scored: np.ndarray | None) -> np.ndarray:
    return np.array([result_of(row[None], threshold, scored).mean for row in distances])


def general_mistakes(distances: Distances, scored: np.ndarray | None = None) -> tuple[Mistake, ...]:
    """What goes wrong with any PCK."""

    def result(*case: Any, **options: Any) -> PCKResult:
        return result_of(distances(*case), case[-1], scored, **options)

    def of_people(*case: Any) -> np.ndarray:
        return _of_people(distances(*case), case[-1], scored)

    def by_error(error: Callable[[np.ndarray], np.ndarray]) -> Callable[..., float]:
        return lambda pred, truth, *rest: result(_displaced(pred, truth, error), truth, *rest).mean

    return (
        Mistake(
            "percent",
            "the number is 100 times too large: asked for is a share between 0 and 1.",
            lambda *case: 100 * result(*case).mean,
        ),
        Mistake(
            "count-for-share",
            "you return how many joints are right. Asked for is their share of all that count.",
            lambda *case: result(*case).mean * (~np.isnan(distances(*case)[:, scored])).sum(),
        ),
        Mistake(
            "share-of-misses",
            "you return the share of the joints that are wrong; asked for is the share of those that are right.",
            lambda *case: 1 - result(*case).mean,
        ),
        Mistake(
            "strict",
            "wrong only where an error is exactly as large as the limit: such a joint is correct here. Mind < and <=.",
            lambda *case: result(*case, comparison="<").mean,
        ),
        Mistake(
            "sum-of-differences",
            "your error is the sum of the differences along x and along y. The straight way between two points is shorter, "
            "unless it runs along x or y.",
            by_error(lambda d: np.abs(d).sum(-1)),
        ),
        Mistake(
            "larger-difference",
            "your error is the larger of the differences along x and along y. Along a slant the distance is more than "
            "either.",
            by_error(lambda d: np.abs(d).max(-1)),
        ),
        Mistake(
            "one-axis-only",
            "your error is the difference along one axis. A joint may be right along x and far off along y.",
            (by_error(lambda d: np.abs(d[..., 0])), by_error(lambda d: np.abs(d[..., 1]))),
        ),
        Mistake(
            "no-root",
            "your error is the square of the distance, but the limit is a length.",
            by_error(lambda d: (d**2).sum(-1)),
        ),
        Mistake(
            "mean-of-joints",
            "you average the shares of the joints, so that a joint that counts twice weighs as much as one that counts "
            "a hundred times. Here all joints of all people that count weigh the same.",
            lambda *case: result(*case, average="joints").mean,
        ),
        Mistake(
            "mean-of-people",
            "you average the shares of the people, so that somebody with two joints that count weighs as much as "
            "somebody with all. Here all joints of all people that count weigh the same.",
            (
                lambda *case: np.nanmean(of_people(*case)),
                lambda *case: np.mean(of_people(*case)),
                lambda *case: np.nan_to_num(of_people(*case)).mean(),
            ),
        ),
        Mistake(
            "not-one-number",
            "you return a share for every joint or for every person. Asked for is one number over all of them.",
            (lambda *case: result(*case).fractions, of_people),
        ),
    )


UNLABELLED = (
    "joints that nobody labelled are counted. Their truth says nothing, whatever numbers stand there; they belong neither "
    "to the right nor to the wrong, and not to the number that you divide by."
)
