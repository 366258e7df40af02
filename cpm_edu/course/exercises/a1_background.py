"""A1, the rest of the target: where no joint is, and which maps count."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ... import targets
from ..exercise import Exercise, Mistake

__all__ = ["BACKGROUND_MAP", "TARGET_WEIGHTS"]


# ex03: the background map


def _map_cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[[1.0, 0.5, 0.0, 0.25]], [[0.25, 0.75, 0.0, 0.25]]]),)
    yield (np.array([[[1.25, 0.5]], [[0.25, 0.0]], [[0.25, 0.25]]]),)  # a network's belief may be above 1
    yield (np.array([[[0.75]]]),)
    for joints, height, width in ((1, 5, 7), (14, 20, 20), (3, 17, 33), (16, 46, 46), (4, 9, 4)):
        centers = rng.uniform(-1, 1, (1, joints, 2)) * 0.6 * (width, height) + (width / 2, height / 2)
        maps = targets.gaussian_targets(centers, (height, width), float(rng.uniform(0.8, 2.5)))[0].numpy()
        yield (maps * rng.uniform(0.5, 1.3, (joints, 1, 1)),)


def _background(belief_maps) -> np.ndarray:
    return targets.background_map(torch.from_numpy(np.array(belief_maps, float)))[0].numpy()


def _rest(belief) -> np.ndarray:
    """max(0, 1 - belief) of one map (H, W)."""
    return _background(np.asarray(belief)[None])


def _both(belief):
    """The same mistake, cut at 0 and not cut."""
    return lambda maps: _rest(belief(maps)), lambda maps: 1 - belief(maps)


BACKGROUND_MAP = Exercise(
    id="ex03",
    assignment="A1",
    name="background_map",
    title="The background map",
    minutes=15,
    points=2,
    asks_for="your own background map",
    cases=_map_cases,
    reference=_background,
    forbids=("cpm_edu.targets.background_map",),
    mistakes=(
        Mistake(
            "not-cut-at-0",
            "where a belief is above 1 your background is negative. There is no less background than none.",
            lambda maps: 1 - maps.max(0),
        ),
        Mistake(
            "mirrored-at-0",
            "where a belief is above 1 your background comes up again: was the sign taken away (abs) where 0 is asked for?",
            lambda maps: np.abs(1 - maps.max(0)),
        ),
        Mistake(
            "sum-for-largest",
            "your background is too dark where two joints are near each other: with beliefs 0.5 and 0.75 it is 0.25, the "
            "largest decides. Yours adds them up.",
            _both(lambda maps: maps.sum(0)),
        ),
        Mistake(
            "mean-for-largest",
            "your background is nearly 1 also on a joint: it is taken from the mean of all maps. One joint that is there "
            "is enough.",
            _both(lambda maps: maps.mean(0)),
        ),
        Mistake(
            "product",
            "yours multiplies 1 - belief over the joints, as if beliefs were chances that do not depend on each other. "
            "They are no chances; the largest decides.",
            (
                lambda maps: (1 - maps).prod(0),
                lambda maps: (1 - maps).prod(0).clip(0),
                lambda maps: (1 - maps).clip(0).prod(0),
            ),
        ),
        Mistake(
            "smallest",
            "your background is 1 wherever one joint is absent. It is to be 1 where all are: which of the beliefs of a "
            "cell decides?",
            _both(lambda maps: maps.min(0)),
        ),
        Mistake(
            "not-inverted",
            "yours is 1 on the joints and 0 elsewhere: that is where some joint is, the background is the rest.",
            (lambda maps: maps.max(0), lambda maps: maps.max(0).clip(0, 1)),
        ),
        Mistake(
            "one-joint-only",
            "only one of the joints leaves a hole in your background. All J maps count.",
            (*_both(lambda maps: maps[0]), *_both(lambda maps: maps[-1])),
        ),
        Mistake(
            "one-number",
            "yours takes the largest of all cells, one number. Every cell has its own largest belief: over which axis?",
            (
                lambda maps: 1 - maps.max(),
                lambda maps: max(0.0, 1 - maps.max()),
                lambda maps: np.full(maps.shape[1:], 1 - maps.max()),
                lambda maps: np.full(maps.shape[1:], max(0.0, 1 - maps.max())),
            ),
        ),
        Mistake(
            "wrong-axis",
            "your answer still has an axis for the joints, and rows or columns are gone: belief_maps is (J, height, "
            "width), the largest over the joints is asked for.",
            tuple(
                wrong
                for axis in (1, 2)
                for wrong in (
                    lambda maps, axis=axis: 1 - maps.max(axis),
                    lambda maps, axis=axis: (1 - maps.max(axis)).clip(0),
                )
            ),
        ),
        Mistake(
            "joint-by-joint",
            "yours gives a background to every joint. There is one for all of them: (height, width).",
            (lambda maps: 1 - maps, lambda maps: (1 - maps).clip(0)),
        ),
        Mistake(
            "yes-or-no",
            "your background is 0 or 1 and nothing between. It fades where a hill begins: 1 less the largest belief.",
            tuple(lambda maps, t=t: (maps.max(0) < t).astype(float) for t in (0.5, 0.1, 0.01)),
        ),
        Mistake(
            "extra-axis",
            "the numbers are right, but your map has one axis too many: (height, width) is asked for.",
            lambda maps: _background(maps)[None],
        ),
    ),
    hints=(
        "A cell has J beliefs, one a joint. How sure is it that some joint is here, and what is left of 1?",
        "Take the largest over the joints, which are the first axis: (J, height, width) becomes (height, width). What "
        "if it is above 1?",
        "1 - belief_maps.max(axis=0), and np.maximum(0, ...) around it.",
    ),
)


# ex06: which maps count


def _visibility_cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield (np.array([[2, 1, 0], [2, 1, 1]]),)
    yield (np.array([[2], [0], [1]]),)
    yield (np.array([[2, 2, 2, 2]]),)
    yield (np.array([[0, 0]]),)
    for people, joints in ((1, 14), (8, 17), (5, 2), (16, 3)):
        yield (rng.choice(3, (people, joints), p=(0.25, 0.25, 0.5)),)


def _weights(visibility) -> np.ndarray:
    labelled = torch.from_numpy((np.asarray(visibility) > 0).astype(float))
    return torch.cat([labelled, targets.background_weights(labelled)], 1).numpy()


def _with_background(joints, background):
    """(N, J + 1) of (N, J) joints' and (N,) background's weights."""
    return np.column_stack([joints, background]).astype(float)


TARGET_WEIGHTS = Exercise(
    id="ex06",
    assignment="A1",
    name="target_weights",
    title="Which maps count",
    minutes=20,
    points=3,
    asks_for="your own weights",
    cases=_visibility_cases,
    reference=_weights,
    forbids=(
        "cpm_edu.targets.background_weights",
        "cpm_edu.targets.belief_map_targets",
        "cpm_edu.targets.belief_map_gaussians",
    ),
    mistakes=(
        Mistake(
            "background-missing",
            "the weights of the joints are right; the last column, of the background map, is missing: (N, J + 1).",
            lambda v: _weights(v)[:, :-1],
        ),
        Mistake(
            "background-first",
            "the numbers are right, but the background comes first. Its map is the last of the J + 1.",
            lambda v: np.roll(_weights(v), 1, axis=1),
        ),
        Mistake(
            "background-always",
            "the background counts for everybody in yours. Where a joint is unlabelled, its place shows in the background "
            "map as if nothing were there.",
            lambda v: _with_background(v > 0, np.ones(len(v))),
        ),
        Mistake(
            "background-never",
            "the background never counts in yours. It does for a person whose joints are all labelled.",
            lambda v: _with_background(v > 0, np.zeros(len(v))),
        ),
        Mistake(
            "any-for-all",
            "the background counts in yours as soon as one joint is labelled. One that is not is enough to spoil it.",
            lambda v: _with_background(v > 0, (v > 0).any(1)),
        ),
        Mistake(
            "share",
            "the background of yours has the share of labelled joints as its weight. A map is trusted or not: 1 or 0.",
            lambda v: _with_background(v > 0, (v > 0).mean(1)),
        ),
        Mistake(
            "background-reversed",
            "the last column is the wrong way round: 0 where all joints are labelled, 1 where one is not.",
            lambda v: _with_background(v > 0, ~(v > 0).all(1)),
        ),
        Mistake(
            "whole-batch",
            "one person with an unlabelled joint takes the background from all people of the batch. Each person has their "
            "own: over which axis do you ask?",
            lambda v: _with_background(v > 0, np.full(len(v), (v > 0).all())),
        ),
        Mistake(
            "hidden-dropped",
            "hidden joints (1) do not count in yours. They are labelled: somebody knew where they are, and the network is "
            "to learn it.",
            (
                lambda v: _with_background(v == 2, (v == 2).all(1)),
                lambda v: _with_background(v == 2, (v > 0).all(1)),
            ),
        ),
        Mistake(
            "background-asks-for-sight",
            "the weights of the joints are right. The background counts in yours only where every joint is in sight; that "
            "they are labelled is enough.",
            lambda v: _with_background(v > 0, (v == 2).all(1)),
        ),
        Mistake(
            "code-as-weight",
            "a joint in sight counts twice in yours: 2 is a code in the file, no amount. A weight is 0 or 1.",
            tuple(
                lambda v, background=background: _with_background(v, background(v))
                for background in (
                    lambda v: (v > 0).all(1),
                    lambda v: v.min(1),
                    lambda v: v.all(1) * 2,
                    lambda v: v.prod(1),
                )
            ),
        ),
        Mistake(
            "hidden-half",
            "a hidden joint counts half in yours. It has a label like any other: its weight is 1.",
            tuple(
                lambda v, background=background: _with_background(v / 2, background(v))
                for background in (
                    lambda v: (v > 0).all(1),
                    lambda v: v.min(1) / 2,
                    lambda v: (v / 2).prod(1),
                )
            ),
        ),
        Mistake(
            "hidden-only",
            "joints in sight (2) do not count in yours, hidden ones do: everything above 0 is labelled, not only 1.",
            (
                lambda v: _with_background(v == 1, (v == 1).all(1)),
                lambda v: _with_background(v == 1, (v > 0).all(1)),
            ),
        ),
        Mistake(
            "reversed",
            "yours counts the joints without a label and drops the labelled ones.",
            (
                lambda v: _with_background(v == 0, (v == 0).all(1)),
                lambda v: _with_background(v == 0, (v > 0).all(1)),
                lambda v: 1 - _weights(v),
            ),
        ),
    ),
    hints=(
        "Which of the three codes say that somebody marked the place of the joint? For those the target map is right.",
        "The joints' weights are a comparison with 0. For the background ask, person by person, whether *all* of them are "
        "labelled.",
        "labelled = visibility > 0; the last column is labelled.all(axis=1); np.column_stack puts them side by side, and "
        "astype(float) makes numbers of them.",
    ),
)
