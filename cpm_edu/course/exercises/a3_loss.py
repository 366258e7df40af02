"""ex12: a loss on every stage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ...losses import stage_loss as library_stage_loss
from ..exercise import Exercise, Mistake
from ..same import as_array

__all__ = ["EXERCISES"]


def _losses(belief_maps, targets_by_stage, weights, normalization: str = "mean") -> np.ndarray:
    """(T,) by the library; targets (T, N, C, H, W)."""
    tensors = (torch.as_tensor(a) for a in (belief_maps, targets_by_stage, weights))
    return library_stage_loss(*tensors, normalization=normalization, backend="torch").numpy()


def _by_stage(belief_maps, targets, everybody) -> np.ndarray:
    return np.stack([everybody, *[targets] * (len(belief_maps) - 1)])


def stage_loss(
    belief_maps: np.ndarray, targets: np.ndarray, everybody: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    return _losses(belief_maps, _by_stage(belief_maps, targets, everybody), weights)


def _aiming(choose: Callable[[int, np.ndarray, np.ndarray], list[np.ndarray]]) -> Callable[..., np.ndarray]:
    """The answer with other targets: choose(T, targets, everybody) gives one a stage."""

    def answer(belief_maps, targets, everybody, weights):
        return _losses(belief_maps, np.stack(choose(len(belief_maps), targets, everybody)), weights)

    return answer


def _weighing(change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """The answer with other weights."""
    return lambda belief_maps, targets, everybody, weights: stage_loss(
        belief_maps, targets, everybody, change(weights)
    )


def _times(factor: Callable[[np.ndarray, np.ndarray], float]) -> Callable[..., np.ndarray]:
    """The answer times a number: factor(belief maps, weights)."""

    def answer(belief_maps, targets, everybody, weights):
        with np.errstate(all="ignore"):
            return stage_loss(belief_maps, targets, everybody, weights) * factor(belief_maps, weights)

    return answer


def _then(change: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda *arguments: np.asarray(change(stage_loss(*arguments)))


def _differing(measure: Callable[[np.ndarray], np.ndarray]) -> Callable[..., np.ndarray]:
    """The answer where differences are measured otherwise: the library squares the root of it."""

    def answer(belief_maps, targets, everybody, weights):
        apart = np.sqrt(measure(belief_maps - _by_stage(belief_maps, targets, everybody)))
        return _losses(apart, np.zeros_like(apart), weights)

    return answer


def _weights_at_the_cells(belief_maps, targets, everybody, weights):
    """Weights (N, C) lined up with (H, W); numpy complains where they do not fit."""
    squares = (belief_maps - _by_stage(belief_maps, targets, everybody)) ** 2
    return (weights * squares).mean((1, 2, 3, 4))


def _cells(belief_maps) -> int:
    return belief_maps.shape[-1] * belief_maps.shape[-2]


def _last_alone(losses: np.ndarray) -> np.ndarray:
    return losses * (np.arange(len(losses)) == len(losses) - 1)


def _right(outcomes, expected) -> list[np.ndarray] | None:
    """For every case, which stages are right; None where a shape is wrong."""
    found = [as_array(outcome.value) for outcome in outcomes]
    if any(f is None or f.shape != w.shape for f, w in zip(found, expected, strict=True)):
        return None
    return [np.isclose(f, w, rtol=1e-4, atol=1e-7) for f, w in zip(found, expected, strict=True)]


def _some_wrong(right: list[np.ndarray] | None) -> bool:
    return right is not None and not all(r.all() for r in right)


def _only_first_wrong(cases, expected, outcomes) -> bool:
    right = _right(outcomes, expected)
    return _some_wrong(right) and all(r[1:].all() for r in right)


def _only_later_wrong(cases, expected, outcomes) -> bool:
    right = _right(outcomes, expected)
    return _some_wrong(right) and all(r[0] for r in right)


def _is_scaled(cases, expected, outcomes) -> bool:
    """In every case all stages are off by the same factor."""
    if not _some_wrong(_right(outcomes, expected)):
        return False
    for wanted, outcome in zip(expected, outcomes, strict=True):
        found = as_array(outcome.value)
        if found is None or found.shape != wanted.shape or not np.isfinite(found).all():
            return False
        if found.max() <= 0 or not np.allclose(found / found.max(), wanted / wanted.max(), rtol=1e-3):
            return False
    return True


def _cases(rng: np.random.Generator):
    # one joint, maps of 1 x 2 cells: stage 1 has (1/4 + 1/4) / 2 = 0.25, stage 2 has (0 + 0.04) / 2 = 0.02
    maps = [[[[[0.5, 0.5]]]], [[[[1.0, 0.2]]]]]
    yield np.array(maps), np.array([[[[1.0, 0.0]]]]), np.ones((1, 1, 1, 2)), np.ones((1, 1))
    # two joints of one cell, of which the second is not labelled: 1 / 2, 4 / 2
    maps = [[[[[1.0]], [[9.0]]]], [[[[2.0]], [[9.0]]]]]
    yield np.array(maps), np.zeros((1, 2, 1, 1)), np.zeros((1, 2, 1, 1)), np.array([[1.0, 0.0]])
    for stages, people, joints, height, width in (
        (3, 2, 3, 4, 5),
        (4, 3, 2, 17, 33),
        (1, 2, 2, 6, 3),
        (6, 2, 4, 7, 7),
    ):
        targets = rng.random((people, joints, height, width))
        weights = rng.choice([0.0, 0.5, 1.0, 2.0], (people, joints))
        weights[0, :2] = 1.0, 0.0
        everybody = np.maximum(targets, rng.random(targets.shape))
        yield rng.normal(size=(stages, *targets.shape)), targets, everybody, weights


MISTAKES = (
    Mistake(
        "summed-over-stages",
        "you return one number, the sum over the stages. Training needs that sum in the end; asked for is the loss of "
        "every stage.",
        _then(np.sum),
    ),
    Mistake(
        "averaged-over-stages",
        "you return one number, the mean over the stages. Asked for is the loss of every stage, and they are added up in "
        "training, so more stages are more loss.",
        _then(np.mean),
    ),
    Mistake(
        "last-stage-only",
        "only the last stage has a loss. That is what intermediate supervision is against: every stage is compared "
        "with a target.",
        (_then(lambda losses: losses[-1]), _then(_last_alone), _then(lambda losses: losses[-1:])),
    ),
    Mistake(
        "stage-1-like-the-others",
        "stage 1 is compared with the target of the person meant. It cannot know who is meant: its target holds "
        "everybody's joints.",
        _aiming(lambda T, targets, everybody: [targets] * T),
    ),
    Mistake(
        "everybody-at-all-stages",
        "later stages are compared with everybody's joints. They see the center map; their target is the person meant.",
        _aiming(lambda T, targets, everybody: [everybody] * T),
    ),
    Mistake(
        "targets-exchanged",
        "the two targets are exchanged: everybody's joints belong to stage 1, the person's own to all later stages.",
        _aiming(lambda T, targets, everybody: [targets, *[everybody] * (T - 1)]),
    ),
    Mistake(
        "only-the-last-is-told",
        "only the last stage is compared with the person's own joints. All stages from 2 on are, not the last alone.",
        _aiming(lambda T, targets, everybody: [*[everybody] * (T - 1), targets]),
    ),
    Mistake(
        "weights-ignored",
        "weights change nothing in your losses. A joint that nobody has labelled has weight 0, and its map must not count.",
        _weighing(np.ones_like),
    ),
    Mistake(
        "weights-squared",
        "the weights are squared together with the differences. A map of weight 2 counts twice, not four times.",
        _weighing(np.square),
    ),
    Mistake(
        "weights-as-a-mask",
        "every weight above 0 counts as 1. Weights are numbers: 0.5 lets a map count half.",
        _weighing(lambda weights: (weights > 0).astype(float)),
    ),
    Mistake(
        "weights-at-the-cells",
        "the weights meet rows and columns, not people and maps: numpy lines shapes up from the right. A weight belongs to "
        "a whole map.",
        _weights_at_the_cells,
    ),
    Mistake(
        "divided-by-weights",
        "you divide by what the weights leave, so a person with few labelled joints weighs more. Maps of weight 0 still "
        "stand in the denominator: it is the number of all cells.",
        (
            _times(lambda maps, weights: weights.size / weights.sum()),
            _times(lambda maps, weights: weights.size / (weights > 0).sum()),
        ),
    ),
    Mistake(
        "not-averaged",
        "the squares are added up but not averaged over people, maps and cells.",
        _times(lambda maps, weights: maps[0].size),
    ),
    Mistake(
        "wrong-divisor",
        "the sum of squares is divided by something else than the number of people x maps x cells. Which of the axes do "
        "you average over, and which do you only add up?",
        (
            _times(lambda maps, weights: maps[0].size / len(weights)),
            _times(lambda maps, weights: maps[0].size / (2 * len(weights))),
            _times(lambda maps, weights: maps.shape[2]),
            _times(lambda maps, weights: weights.size),
            _times(lambda maps, weights: _cells(maps)),
            _times(lambda maps, weights: 1 / len(maps)),
        ),
    ),
    Mistake(
        "halved",
        "all losses are half as large as they should be: there is no factor 1/2 in this mean.",
        _times(lambda maps, weights: 0.5),
    ),
    Mistake(
        "not-squared",
        "you average the sizes of the differences. The loss averages their squares.",
        _differing(np.abs),
    ),
    Mistake(
        "root-taken",
        "you take the root of the mean. The loss is the mean of the squares itself.",
        _then(np.sqrt),
    ),
    Mistake(
        "scaled",
        "in each case all your losses are too large or too small by one factor. What do you divide by?",
        seen=_is_scaled,
    ),
    Mistake(
        "first-stage-wrong",
        "stages 2, 3, ... are right, stage 1 is not. Which target is its own?",
        seen=_only_first_wrong,
    ),
    Mistake(
        "later-stages-wrong",
        "stage 1 is right, the later stages are not. Which target is theirs?",
        seen=_only_later_wrong,
    ),
)

EXERCISES = (
    Exercise(
        id="ex12",
        assignment="A3",
        name="stage_loss",
        title="A loss on every stage",
        minutes=25,
        points=4,
        asks_for="your own loss",
        forbids=("cpm_edu.losses.stage_loss", "cpm_edu.losses.stage_loss_reference"),
        cases=_cases,
        reference=stage_loss,
        mistakes=MISTAKES,
        hints=(
            "For one stage: which two maps are compared? For how many people, maps and cells does that give a difference?",
            "Square the differences, weigh every map, then take one mean over people, maps and cells. A weight belongs to a "
            "whole map: weights[:, :, None, None] lets it meet all cells.",
            "(weights[:, :, None, None] * (belief_maps[t] - target) ** 2).mean() is the loss of stage t; target is everybody "
            "for t = 0 and targets for every other t.",
        ),
    ),
)
