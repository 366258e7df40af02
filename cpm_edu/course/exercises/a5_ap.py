"""A5: average precision from OKS (ex21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...figures.interactive.oks_detections import average_precision
from ..exercise import Exercise, Mistake

__all__ = ["EX21"]


def _by_hand(hits: list[int], people: int) -> tuple:
    """Detections in the order of their scores, each of a person of its own."""
    scores = np.linspace(0.9, 0.3, len(hits))
    return scores, np.where(hits, 0.8, 0.3), np.arange(len(hits)), people, 0.5


def _cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield _by_hand([1, 0, 1, 1], 4)  # notebook 07's: hit, miss, hit, hit
    # The best-scored detection of person 0 is a miss, the second a hit with OKS exactly 0.5, the third comes too late.
    yield np.array([0.7, 0.95, 0.9, 0.2]), np.array([0.5, 0.4, 0.75, 0.9]), np.array([0, 0, 1, 0]), 3, 0.5
    yield np.array([0.6]), np.array([0.7]), np.array([0]), 1, 0.75  # nothing found
    yield np.array([0.6]), np.array([0.8]), np.array([0]), 1, 0.75  # everything found
    # Numbers of people and detections of which no share is a whole percent, where rounding would decide.
    sizes = ((3, 7, 0.5), (7, 13, 0.75), (9, 9, 0.5), (11, 27, 0.6), (13, 11, 0.5), (7, 29, 0.7))
    for people, detections, threshold in sizes:
        person = np.arange(detections) % people
        similarity = rng.beta(4, 2, detections)
        scores = np.clip(0.5 * similarity + 0.5 * rng.random(detections), 0, 1)
        order = rng.permutation(detections)
        yield scores[order], similarity[order], person[order], people, threshold


def _hits(
    scores,
    similarity,
    person,
    people,
    threshold,
    *,
    rank: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda scores, similarity: -scores,
    strict: bool = False,
    again: str = "miss",
) -> np.ndarray:
    """(D,) bool, best ranked first.

    Args:
        again: of a detection whose person was found: a "miss", a "hit", or "none"; "blocked" if the person was only
            looked at before.
    """  # fmt: skip
    hits, found = [], set()
    for d in np.argsort(rank(scores, similarity), kind="stable"):
        good = bool(similarity[d] > threshold if strict else similarity[d] >= threshold)
        if again == "none" and person[d] in found:
            continue
        hits.append(good and (again == "hit" or person[d] not in found))
        if good or again == "blocked":
            found.add(person[d])
    return np.array(hits)


def _best_fits(scores, similarity, person, people, threshold) -> np.ndarray:
    """Every person goes to the detection that fits best, not to the first that is good enough."""
    order = np.argsort(-scores, kind="stable")
    hits = [
        similarity[d] >= threshold and similarity[d] == similarity[person == person[d]].max() for d in order
    ]
    return np.array(hits)


def _ap(*case, **twist) -> float:
    return average_precision(_hits(*case, **twist), case[3])[0]


def _at(
    recalls: np.ndarray,
    *,
    side: str = "left",
    raised: bool = True,
    over: Callable[[tuple, np.ndarray], int] = lambda case, hits: case[3],
) -> Callable[..., float]:
    """The mean precision at other recalls, of a precision that was not raised, or with recall over another number."""

    def answer(*case) -> float:
        hits = _hits(*case)
        _, recall, precision = average_precision(hits, over(case, hits))
        if not raised:
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        return float(np.append(precision, 0.0)[np.searchsorted(recall, recalls, side=side)].mean())

    return answer


def _over_reached(*case) -> float:
    _, recall, precision = average_precision(_hits(*case), case[3])
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(precision[at[at < len(recall)]].mean())


def _at_hits(*case, raised: bool, over: int | None) -> float:
    """The sum of the precision at the hits over a number; None for that of the hits."""
    hits = _hits(*case)
    _, _, precision = average_precision(hits, case[3])
    if not raised:
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].sum() / (over or max(int(hits.sum()), 1)))


RECALLS = np.linspace(0, 1, 101)

EX21 = Exercise(
    id="ex21",
    assignment="A5",
    name="average_precision",
    title="AP from OKS",
    minutes=45,
    points=6,
    asks_for="your own average precision",
    forbids=(
        "cpm_edu.figures.interactive.oks_detections.average_precision",
        "cpm_edu.figures.interactive.oks_detections.pycocotools_ap",
        "cpm_edu.metrics.coco.coco_ap",
        "pycocotools.cocoeval.COCOeval.evaluate",
        "pycocotools.cocoeval.COCOeval.accumulate",
    ),
    cases=_cases,
    reference=lambda scores, similarity, person, people, threshold: _ap(
        scores, similarity, person, people, threshold
    ),
    mistakes=(
        Mistake(
            "not-ranked",
            "you take the detections in the order in which they come. AP walks down from the highest score.",
            lambda *case: _ap(*case, rank=lambda scores, similarity: np.zeros(len(scores))),
        ),
        Mistake(
            "lowest-first",
            "you begin with the lowest score: np.argsort sorts upwards.",
            lambda *case: _ap(*case, rank=lambda scores, similarity: scores),
        ),
        Mistake(
            "ranked-by-oks",
            "you rank by OKS. OKS needs the truth; a detector is ranked by its own score, and pays for a wrong one.",
            lambda *case: _ap(*case, rank=lambda scores, similarity: -similarity),
        ),
        Mistake(
            "strict",
            "wrong only where OKS is exactly the threshold: that is a hit. Mind > and >=.",
            lambda *case: _ap(*case, strict=True),
        ),
        Mistake(
            "found-twice",
            "somebody who was found already is found once more. A second hit of one person is a miss; else recall can "
            "pass 1.",
            lambda *case: _ap(*case, again="hit"),
        ),
        Mistake(
            "second-left-out",
            "you drop a second detection of a person who was found. It stays in the list, as a miss, and lowers the "
            "precision from there on.",
            lambda *case: _ap(*case, again="none"),
        ),
        Mistake(
            "miss-blocks",
            "a person counts as found although the first detection of them was a miss. Only a hit takes the person; the "
            "next good one is the hit.",
            lambda *case: _ap(*case, again="blocked"),
        ),
        Mistake(
            "best-fit-wins",
            "you give every person to the detection with the highest OKS. The one with the highest score that is good "
            "enough is the hit, also when a later one fits better.",
            lambda *case: average_precision(_best_fits(*case), case[3])[0],
        ),
        Mistake(
            "recall-of-detections",
            "your recall divides by the number of detections, or of hits. Recall is the share of the people, also of those "
            "whom no detection found.",
            tuple(
                _at(recalls, over=over)
                for recalls in (
                    RECALLS,
                    np.arange(101) / 100,
                )  # they differ in the last digit, which can decide here
                for over in (
                    lambda case, hits: len(case[0]),
                    lambda case, hits: max(int(hits.sum()), 1),
                    lambda case, hits: len(set(case[2].tolist())),
                )
            ),
        ),
        Mistake(
            "precision-not-raised",
            "you use the precision as it stands at each rank. Before the mean, every precision is raised to the best "
            "that comes at its rank or later.",
            _at(RECALLS, raised=False),
        ),
        Mistake(
            "recalls-never-reached",
            "you leave out the recalls that no detection reaches. They enter the mean with precision 0.",
            _over_reached,
        ),
        Mistake(
            "not-101-recalls",
            "you average over other recalls: 11 of them, or 100. COCO takes 101: 0, 0.01, ..., 1.",
            (
                _at(np.linspace(0, 1, 11)),
                _at(np.linspace(0, 1, 100)),
                _at(np.arange(100) / 100),
                _at(RECALLS[1:]),
                _at(np.arange(101) / 101),
            ),
        ),
        Mistake(
            "area",
            "you compute the area below the raised precision exactly. COCO's number is close to it, but it is the mean at "
            "the 101 recalls 0, 0.01, ..., 1.",
            lambda *case: _at_hits(*case, raised=True, over=case[3]),
        ),
        Mistake(
            "precision-at-hits",
            "you average the precision over the hits, or add it up there and divide by the people. Asked for is the mean at "
            "the 101 recalls 0, 0.01, ..., 1.",
            (
                lambda *case: _at_hits(*case, raised=False, over=case[3]),
                lambda *case: _at_hits(*case, raised=False, over=None),
                lambda *case: _at_hits(*case, raised=True, over=None),
            ),
        ),
        Mistake(
            "recall-passed",
            "at each of the 101 recalls counts the first rank that reaches it. You ask for a rank that passes it: mind > "
            "and >=, above all at recall 1.",
            _at(RECALLS, side="right"),
        ),
        Mistake(
            "hits-alone",
            "you return the precision over all detections, without walking down the ranks.",
            lambda *case: _hits(*case).mean(),
        ),
    ),
    hints=(
        "Do the first case with a pencil: which detections are hits, in the order of their scores? What are precision and "
        "recall after each?",
        "Four steps: order by falling score; hit or miss for each (a set of the people found so far helps); precision and "
        "recall by cumulative sums; precision raised from the end. Then, for each of 101 recalls, the first rank that "
        "reaches it, or 0.",
        "found = np.cumsum(hits); precision = found / (1, 2, 3, ...); np.maximum.accumulate(precision[::-1])[::-1] raises "
        "it; np.searchsorted(found / people, np.linspace(0, 1, 101)) gives the ranks, where D means never.",
    ),
)
