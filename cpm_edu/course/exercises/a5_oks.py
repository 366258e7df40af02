"""A5: OKS of one person (ex20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...metrics.oks import joint_similarities, oks
from ...skeletons import COCO
from ..exercise import Exercise, Mistake

__all__ = ["EX20"]

SIGMAS = np.array(COCO.oks_sigmas)


def _cases(rng: np.random.Generator) -> Iterator[tuple]:
    # Notebook 07's person of area 10,000: an eye, a wrist and a hip.
    truth = np.array([[40.0, 20], [90, 70], [60, 110]])
    sigmas = np.array([0.025, 0.062, 0.107])
    yield truth + np.array([[3.0, 4], [0, 0], [0, 5]]), truth, np.array([2, 2, 2]), 10_000.0, sigmas
    # The wrist is hidden, but labelled; the hip is not labelled, and predicted near the corner (0, 0).
    pred, blind = truth + np.array([[3.0, 4], [6, 8], [0, 5]]), truth.copy()
    pred[2], blind[2] = (3, 4), 0
    yield pred, blind, np.array([2, 1, 0]), 2_500.0, sigmas
    yield truth[:1] + 2.0, truth[:1], np.array([1]), 400.0, sigmas[:1]
    for area in (1_200.0, 9_000.0, 50_000.0, 150_000.0):
        truth = rng.uniform(20, 300, (17, 2))
        spread = 2 * SIGMAS[:, None] * np.sqrt(area)
        pred = truth + rng.normal(size=(17, 2)) * spread * rng.uniform(0.2, 1.5)
        visibility = rng.choice((0, 1, 2), 17, p=(0.2, 0.3, 0.5))
        visibility[:2] = 2, 1
        truth[visibility == 0] = 0
        yield pred, truth, visibility, area, SIGMAS


def _oks(pred, truth, visibility, area, sigmas) -> float:
    return float(oks(pred[None], truth[None], visibility[None], areas=[area], sigmas=sigmas)[0])


def _similarities(pred, truth, visibility, area, sigmas) -> np.ndarray:
    return joint_similarities(pred[None], truth[None], visibility[None], areas=[area], sigmas=sigmas)[0]


def _exponents(*case) -> np.ndarray:
    return np.log(np.maximum(_similarities(*case), 1e-300))


def _with(area: Callable[[float], float] = float, sigma: Callable = np.array) -> Callable[..., float]:
    """OKS of another area or of other sigmas."""
    return lambda pred, truth, v, a, s: _oks(pred, truth, v, area(a), sigma(s))


def _plain_distance(pred, truth, visibility, area, sigmas) -> float:
    """The distance where its square should stand."""
    distance = np.linalg.norm(pred - truth, axis=-1)
    moved = truth + np.stack([np.sqrt(distance), 0 * distance], -1)
    return _oks(moved, truth, visibility, area, sigmas)


EX20 = Exercise(
    id="ex20",
    assignment="A5",
    name="oks",
    title="OKS of one person",
    minutes=20,
    points=3,
    asks_for="your own OKS",
    forbids=(
        "cpm_edu.metrics.oks.oks",
        "cpm_edu.metrics.oks.joint_similarities",
        "cpm_edu.metrics.oks.oks_matrix",
        "cpm_edu.figures.interactive.oks_detections.joint_similarity",
    ),
    cases=_cases,
    reference=lambda pred, truth, visibility, area, sigmas: _oks(pred, truth, visibility, area, sigmas),
    mistakes=(
        Mistake(
            "hidden-left-out",
            "hidden joints are left out. Visibility 1 is a joint that cannot be seen and yet was labelled: it counts; "
            "only 0 does not.",
            lambda p, t, v, a, s: _oks(p, t, v == 2, a, s),
        ),
        Mistake(
            "unlabelled-counted",
            "joints with visibility 0 are counted. Nobody labelled them; the (0, 0) in their place is no truth.",
            lambda p, t, v, a, s: _oks(p, t, np.ones_like(v), a, s),
        ),
        Mistake(
            "divided-by-all",
            "you divide by the number of all joints. The mean is over the labelled ones: somebody of whom half is labelled "
            "can still reach 1.",
            lambda *case: np.nansum(_similarities(*case)) / len(case[2]),
        ),
        Mistake(
            "sum-for-mean",
            "you add the similarities up. OKS is their mean over the labelled joints, between 0 and 1.",
            lambda *case: np.nansum(_similarities(*case)),
        ),
        Mistake(
            "weighted-by-visibility",
            "a visible joint counts twice as much as a hidden one: visibility is a mark (0, 1 or 2), not a weight.",
            lambda *case: np.nansum(_similarities(*case) * case[2]) / case[2].sum(),
        ),
        Mistake(
            "marks-as-indices",
            "visibility stands in the square brackets as it is, so numpy takes the joints 0, 1 and 2 again and again. "
            "Which joints are labelled? Ask that first: a comparison gives True and False.",
            lambda p, t, v, a, s: _similarities(p, t, np.ones_like(v), a, s)[v].mean(),
        ),
        Mistake(
            "sigma-for-k",
            "every joint is judged too strictly: the tolerance k is 2 sigma, not sigma.",
            _with(sigma=lambda s: s / 2),
        ),
        Mistake(
            "area-for-size",
            "everything is far too lenient: s squared is the area itself. You square it once more.",
            _with(area=np.square),
        ),
        Mistake(
            "root-of-area",
            "everything is far too strict: below the line stands s squared, which is the area, not its root.",
            _with(area=np.sqrt),
        ),
        Mistake(
            "no-two-below",
            "a factor 2 is missing or too much below the line: the formula divides by 2 s^2 k^2, with k = 2 sigma.",
            (_with(area=lambda a: a / 2), _with(area=lambda a: a * 2), _with(area=lambda a: a / 8)),
        ),
        Mistake(
            "k-not-squared",
            "k stands below the line without its square. Mind the tolerances: an eye is much stricter than a hip.",
            (_with(sigma=lambda s: np.sqrt(2 * s) / 2), _with(sigma=np.sqrt)),
        ),
        Mistake(
            "grows",
            "your similarity grows with the error: the exponent is negative.",
            lambda *case: np.nanmean(np.exp(-_exponents(*case))),
        ),
        Mistake(
            "divides-first",
            "a / b * c is (a / b) * c: all of 2 s^2 k^2 stands below the line, so it needs brackets.",
            lambda p, t, v, a, s: _oks(p, t, v, 1 / a, 1 / (2 * s) / 2),
        ),
        Mistake(
            "distance-not-squared",
            "the distance stands in the exponent without its square.",
            _plain_distance,
        ),
        Mistake(
            "mean-inside",
            "you average before you take the exponential. One wild joint then ruins the whole person; each joint has its "
            "own similarity, and the mean is over those.",
            lambda *case: np.exp(np.nanmean(_exponents(*case))),
        ),
        Mistake(
            "similarity-a-joint",
            "you return a similarity for every joint. OKS is one number: their mean over the labelled joints.",
            (
                _similarities,
                lambda *case: _similarities(*case)[case[2] > 0],
                lambda *case: np.nan_to_num(_similarities(*case)),
            ),
        ),
        Mistake(
            "one-sigma-for-all",
            "you use one tolerance for all joints. sigmas has one for each.",
            _with(sigma=lambda s: np.full(len(s), s.mean())),
        ),
    ),
    hints=(
        "What is the similarity of one joint that is off by exactly s k pixels? Notebook 07, section 3.1, has it by hand.",
        "Squared distances (J,), k squared (J,), one area: the similarities are one line. Which joints enter the mean?",
        "np.exp(-d2 / (2 * area * (2 * sigmas) ** 2)) gives the similarities; the mean is over those with "
        "visibility > 0.",
    ),
)
