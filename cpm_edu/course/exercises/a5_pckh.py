"""A5: PCKh over the joints that MPII counts (ex19)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...metrics.benchmarks import MPII_GROUPS, MPII_SCORED, head_sizes_mpii
from ..exercise import Exercise, Mistake
from .a5_shares import METRICS, UNLABELLED, general_mistakes, measured, result_of

__all__ = ["EX19"]


def _pckh_cases(rng: np.random.Generator) -> Iterator[tuple]:
    # A head box of 18 x 24: the diagonal is 30, the head size 18, the circle 9 px.
    truth = np.stack([np.linspace(40, 100, 16), np.linspace(200, 30, 16)], -1)[None]
    errors = np.zeros((1, 16, 2))
    errors[0, :, 0] = [0, 5, 9, 10, 8, 20, 0, 0, 3, 9, 12, 4, 0, 2, 30, 7]
    box = np.array([[50.0, 20, 68, 44]])
    yield truth + errors, truth, np.ones((1, 16), bool), box, 0.5
    errors[0, [6, 7]] = 40  # the same with pelvis and thorax far off, and two joints not labelled
    labelled = np.ones((1, 16), bool)
    labelled[0, [0, 14]] = False
    blind = truth.copy()
    blind[~labelled] = 0
    yield truth + errors, blind, labelled, box, 0.5
    for people, threshold in ((2, 0.5), (10, 0.5), (25, 0.1)):
        truth = rng.uniform(20, 300, (people, 16, 2))
        side = rng.uniform(10, 40, (people, 2))
        corner = truth[:, 9] - side * rng.uniform(0.2, 0.8, (people, 2))
        scale = 0.6 * np.linalg.norm(side, axis=-1)[:, None, None]
        truth[:, 8] = truth[:, 9] + rng.normal(size=(people, 2)) * scale[:, 0]
        pred = truth + rng.normal(size=truth.shape) * threshold * scale * rng.uniform(
            0.3, 1.5, (people, 16, 1)
        )
        pred[:, [5, 6, 7]] += rng.normal(size=(people, 3, 2)) * threshold * scale * (0.5, 2.0)
        labelled = rng.random((people, 16)) < 0.85
        labelled[:, [8, 9]] = labelled[0] = True
        truth[~labelled] = np.nan if rng.random() < 0.5 else 0.0
        yield pred, truth, labelled, np.concatenate([corner, corner + side], -1), threshold


def _by_head(pred, truth, labelled, head_boxes, threshold) -> np.ndarray:
    return measured(pred, truth, labelled, head_sizes_mpii(head_boxes))


def _scoring(*left_out: int) -> Callable[..., float]:
    """PCKh with other joints left out of the mean."""
    scored = np.setdiff1d(np.arange(16), left_out)
    return lambda *case: result_of(_by_head(*case), case[-1], scored).mean


def _by_length(lengths: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Callable[..., float]:
    """PCKh by another length: of (boxes' sides (N, 2), truth)."""

    def answer(pred, truth, labelled, head_boxes, threshold) -> float:
        length = lengths(head_boxes[:, 2:] - head_boxes[:, :2], truth)
        return result_of(measured(pred, truth, labelled, length), threshold, MPII_SCORED).mean

    return answer


def _of_groups(*case: Any) -> float:
    return float(
        np.nanmean([*result_of(_by_head(*case), case[-1], groups=MPII_GROUPS).group_fractions.values()])
    )


def _all_labelled(pred, truth, labelled, head_boxes, threshold) -> float:
    return result_of(
        _by_head(pred, truth, np.ones_like(labelled), head_boxes, threshold), threshold, MPII_SCORED
    ).mean


def _hits_of_all_scored(*case: Any) -> float:
    return float(
        result_of(_by_head(*case), case[-1]).correct[MPII_SCORED].sum() / case[2][:, MPII_SCORED].size
    )


EX19 = Exercise(
    id="ex19",
    assignment="A5",
    name="pckh",
    title="PCKh, with the joints that MPII counts",
    minutes=25,
    points=4,
    asks_for="your own PCKh",
    forbids=METRICS,
    cases=_pckh_cases,
    reference=lambda pred, truth, labelled, head_boxes, threshold: (
        result_of(_by_head(pred, truth, labelled, head_boxes, threshold), threshold, MPII_SCORED).mean
    ),
    mistakes=(
        Mistake(
            "pelvis-and-thorax",
            "pelvis and thorax are counted. They are labelled, but MPII leaves them out of its mean.",
            _scoring(),
        ),
        Mistake(
            "counted-from-one",
            "you leave out two joints, but not pelvis and thorax: MPII's files count joints from 1, arrays from 0. Look "
            "at the table of the joints.",
            (_scoring(7, 8), _scoring(5, 6)),
        ),
        Mistake(
            "box-as-size",
            "you read the box as (x, y, width, height). Its last two numbers are the opposite corner: how wide is a box "
            "from x1 = 50 to x2 = 68?",
            lambda p, t, labelled, boxes, threshold: (
                result_of(
                    measured(p, t, labelled, 0.6 * np.linalg.norm(boxes[:, 2:], axis=-1)),
                    threshold,
                    MPII_SCORED,
                ).mean
            ),
        ),
        Mistake(
            "wrong-subset",
            "the joints that you leave out of the mean are not MPII's. Pelvis and thorax are left out, and nothing else: "
            "neck and head top count.",
            tuple(
                _scoring(*out)
                for out in (
                    (6,),
                    (7,),
                    (6, 7, 8),
                    (6, 7, 9),
                    (6, 7, 8, 9),
                    (8,),
                    (8, 9),
                    (9,),
                    (7, 8, 9),
                    (6, 8),
                )
            ),
        ),
        *general_mistakes(_by_head, MPII_SCORED),
        Mistake(
            "mean-of-groups",
            "you average the seven columns of the printed table. Its last column is a mean over all joints that count, "
            "and the upper neck, which has no column, is among them.",
            _of_groups,
        ),
        Mistake(
            "whole-diagonal",
            "your circles are too wide: the head size is not the whole diagonal of the head box, but 0.6 of it.",
            (
                _by_length(lambda side, truth: np.linalg.norm(side, axis=-1)),
                _by_length(lambda side, truth: 0.8 * np.linalg.norm(side, axis=-1)),
            ),
        ),
        Mistake(
            "side-for-diagonal",
            "you measure the head by a side of its box, or by its area. MPII takes the diagonal, from corner to corner.",
            tuple(
                _by_length(lambda side, truth, f=f, pick=pick: f * pick(side))
                for f in (0.6, 1.0)
                for pick in (
                    lambda side: side[:, 1],
                    lambda side: side[:, 0],
                    lambda side: side.max(1),
                    lambda side: side.min(1),
                    lambda side: side.mean(1),
                    lambda side: side.sum(1),
                    lambda side: np.sqrt(side.prod(1)),
                )
            ),
        ),
        Mistake(
            "head-of-pose",
            "you measure the head between two joints. PCKh takes the head box that an annotator drew.",
            tuple(
                _by_length(lambda side, truth, f=f: f * np.linalg.norm(truth[:, 9] - truth[:, 8], axis=-1))
                for f in (1.0, 0.6)
            ),
        ),
        Mistake("unlabelled-counted", UNLABELLED, (_all_labelled, _hits_of_all_scored)),
        Mistake(
            "one-head-for-all",
            "you use one head size for everybody. Every person is measured by their own head box.",
            (
                _by_length(
                    lambda side, truth: np.full(len(side), 0.6 * np.linalg.norm(side, axis=-1).mean())
                ),
                _by_length(lambda side, truth: np.full(len(side), 0.6 * np.linalg.norm(side[0]))),
            ),
        ),
    ),
    hints=(
        "What is the head size of a box from (50, 20) to (68, 44)? Work it out by hand before you write code.",
        "Two arrays of True and False, both (N, 16): which joints are right, and which count. A joint counts if it is "
        "labelled and is neither pelvis nor thorax; their numbers stand in the task's table.",
        "size = 0.6 * np.hypot(box width, box height), one a person; counts = labelled.copy(); counts[:, [6, 7]] = False; "
        "then as in a PCK with size as the length.",
    ),
)
