"""A5: PCK by a length of one's choice (ex18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..exercise import Exercise, Mistake
from .a5_shares import METRICS, UNLABELLED, general_mistakes, measured, result_of

__all__ = ["EX18"]


def _pck_cases(rng: np.random.Generator) -> Iterator[tuple]:
    # Shoulder, hip, wrist, ankle. The torso is 50 px long, the circle 10 px; the hip is exactly 10 px off.
    truth = np.array([[[70.0, 50], [40, 90], [90, 70], [45, 150]]])
    pred = truth + np.array([[[0.0, 0], [6, 8], [11, 0], [-3, 4]]])
    everything = np.ones((1, 4), bool)
    yield pred, truth, everything, (0, 1), 0.2
    # A child beside them, torso 10 px, circle 2 px, its wrist not labelled.
    child = np.array([[[200.0, 50], [194, 58], [0, 0], [195, 75]]])
    child_pred = child + np.array([[[0.0, 1], [3, 0], [0, 0.5], [0, 1.5]]])
    both = np.concatenate([truth, child]), np.concatenate([pred, child_pred])
    yield both[1], both[0], np.array([[True] * 4, [True, True, False, True]]), (0, 1), 0.2
    # And without the child's hip, so that it has no torso.
    hipless = both[0].copy()
    hipless[1, 1] = np.nan
    yield both[1], hipless, np.array([[True] * 4, [True, False, False, True]]), (0, 1), 0.2
    for people, joints, threshold in ((1, 4, 0.2), (2, 14, 0.5), (12, 14, 0.2), (30, 9, 0.1)):
        yield _people(rng, people, joints, threshold)


def _people(rng: np.random.Generator, people: int, joints: int, threshold: float) -> tuple:
    truth = rng.uniform(20, 200, (people, 1, 2)) + rng.uniform(-60, 60, (people, joints, 2))
    a, b = (int(j) for j in rng.choice(joints, 2, replace=False))
    truth[:, b] = truth[:, a] + rng.uniform(8, 60, (people, 2)) * rng.choice((-1, 1), (people, 2))
    length = np.linalg.norm(truth[:, a] - truth[:, b], axis=-1)[:, None, None]
    pred = truth + rng.normal(size=truth.shape) * threshold * length * rng.uniform(
        0.3, 1.5, (people, joints, 1)
    )
    labelled = rng.random((people, joints)) < 0.8
    labelled[:, [a, b]] = rng.random((people, 2)) < 0.85
    labelled[0] = True
    truth[~labelled] = np.nan if rng.random() < 0.5 else 0.0
    return pred, truth, labelled, (a, b), threshold


def _lengths(points: np.ndarray, yardstick: tuple[int, int]) -> np.ndarray:
    return np.linalg.norm(points[:, yardstick[0]] - points[:, yardstick[1]], axis=-1)


def _counts(labelled: np.ndarray, yardstick: tuple[int, int]) -> np.ndarray:
    return labelled & labelled[:, list(yardstick)].all(1, keepdims=True)


def _by_yardstick(pred, truth, labelled, yardstick, threshold) -> np.ndarray:
    return measured(pred, truth, _counts(labelled, yardstick), _lengths(truth, yardstick))


def _by(
    lengths: Callable[..., np.ndarray], counts: Callable[[np.ndarray, tuple[int, int]], np.ndarray] = _counts
) -> Callable[..., float]:
    """PCK with other lengths, or with other joints that count."""

    def answer(pred, truth, labelled, yardstick, threshold) -> float:
        joints = counts(labelled, yardstick)
        return result_of(
            measured(pred, truth, joints, lengths(pred, truth, yardstick, joints)), threshold
        ).mean

    return answer


def _own(pred, truth, yardstick, joints) -> np.ndarray:
    return _lengths(truth, yardstick)


def _one_for_all(pick: Callable[[np.ndarray], float]) -> Callable[..., np.ndarray]:
    return lambda p, t, y, joints: np.full(len(t), pick(_lengths(t, y)[joints.any(1)]))


def _hits_of_all(pred, truth, labelled, yardstick, threshold) -> float:
    return float(
        result_of(_by_yardstick(pred, truth, labelled, yardstick, threshold), threshold).correct.sum()
        / labelled.size
    )


EX18 = Exercise(
    id="ex18",
    assignment="A5",
    name="pck",
    title="PCK by a length of your choice",
    minutes=30,
    points=4,
    asks_for="your own PCK",
    forbids=METRICS,
    cases=_pck_cases,
    reference=lambda pred, truth, labelled, yardstick, threshold: (
        result_of(_by_yardstick(pred, truth, labelled, yardstick, threshold), threshold).mean
    ),
    mistakes=(
        *general_mistakes(_by_yardstick),
        Mistake(
            "no-yardstick",
            "you compare errors in pixels with the threshold. The threshold is a share of the yardstick: of each person's "
            "own length.",
            _by(lambda p, t, y, joints: np.ones(len(t))),
        ),
        Mistake(
            "yardstick-of-prediction",
            "you measure the yardstick between predicted joints. Then a network that draws people larger gets larger "
            "circles: the length comes from the truth.",
            _by(lambda p, t, y, joints: _lengths(p, y)),
        ),
        Mistake(
            "one-yardstick",
            "you use one length for everybody: the mean one, or that of the first person. Every person is measured by "
            "their own.",
            (
                _by(_one_for_all(np.mean)),
                _by(_one_for_all(np.median)),
                _by(_one_for_all(np.max)),
                _by(_one_for_all(lambda n: n[0])),
            ),
        ),
        Mistake(
            "unlabelled-counted",
            UNLABELLED,
            (
                _by(_own, lambda labelled, yardstick: np.ones_like(labelled)),
                _by(
                    _own,
                    lambda labelled, y: np.ones_like(labelled) & labelled[:, list(y)].all(1, keepdims=True),
                ),
                _hits_of_all,
                lambda p, t, labelled, y, threshold: (
                    result_of(measured(p, t, labelled, _lengths(t, y)), threshold).correct.sum()
                    / labelled.size
                ),
            ),
        ),
        Mistake(
            "person-without-yardstick",
            "somebody is counted whose yardstick is not known. If one of its two ends is not labelled, none of the "
            "person's joints counts.",
            (
                _by(_own, lambda labelled, yardstick: labelled),
                _by(_own, lambda labelled, y: labelled & labelled[:, list(y)].any(1, keepdims=True)),
                _by(_own, lambda labelled, y: labelled & labelled[:, [y[0]]]),
                _by(_own, lambda labelled, y: labelled & labelled[:, [y[1]]]),
            ),
        ),
    ),
    hints=(
        "Which joints enter at all? Write that down first, as an array of True and False of shape (N, J): there are two "
        "reasons for a joint not to count.",
        "Three arrays: the error of every joint (N, J), the length of every person (N,), and which joints count (N, J). "
        "Compare error and threshold * length, person by person, then look only at the joints that count.",
        "counts = labelled & labelled[:, [a]] & labelled[:, [b]]; right = error <= threshold * length[:, None]; the answer "
        "is right[counts].mean().",
    ),
)
