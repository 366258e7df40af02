"""A4: one Newton step on the logarithm of a map, as DARK takes it (ex16)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..exercise import Exercise, Mistake
from .a4_points import (
    DECODERS,
    Answer,
    decoded,
    explains_where,
    gaussian_map,
    inside,
    point_mistakes,
    with_cell,
    wrong_only_where,
)

__all__ = ["EX16"]

FLOOR = -20.0  # the library takes no logarithm below 1e-10


def _by_hand() -> np.ndarray:
    return np.array(
        [
            [-9.0, -5.0, -2.2, -5.0, -9.0],
            [-5.0, -1.3, -0.8, -1.3, -5.0],
            [-3.6, -1.0, 0.0, -0.5, -2.4],
            [-5.0, -1.9, -0.6, -0.7, -5.0],
            [-9.0, -5.0, -1.8, -5.0, -9.0],
        ],
        np.float32,
    )


def _log_map(rng: np.random.Generator, place: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """The logarithm of two Gaussians beside each other: no parabola, and not along the axes."""
    turn = rng.uniform(0.3, 1.2) + np.pi / 2 * rng.integers(4)
    second = place[0] + 2.2 * np.cos(turn), place[1] + 2.2 * np.sin(turn)
    beliefs = gaussian_map(place, size, 1.3) + 0.45 * gaussian_map(
        (float(second[0]), float(second[1])), size, 1.3
    )
    return np.maximum(np.log(np.maximum(beliefs, 1e-30)), FLOOR).astype(np.float32)


def _cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield with_cell(_by_hand())
    yield with_cell(_by_hand().T - 1)
    yield with_cell(_by_hand()[1:])  # the best cell in row 1: too near to the border
    yield with_cell(np.full((1, 1), -0.5, np.float32))
    for height, width in ((17, 33), (12, 12)):
        column, row = int(rng.integers(5, width - 5)), int(rng.integers(5, height - 5))
        near = ((1, row), (column, height - 2), (width - 3, row), (column, 2), (0, 0), (width - 1, row))
        for x, y in ((column, row), *near):
            dx, dy = rng.uniform(-0.3, 0.3, 2)
            place = np.clip((x + dx, y + dy), 0, (width - 1, height - 1))
            yield with_cell(_log_map(rng, (float(place[0]), float(place[1])), (height, width)))


def _dark(log_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return decoded(np.exp(log_map), "dark", blur_kernel=1)  # a blur of one cell is none


def _far(log_map: np.ndarray, cell: np.ndarray) -> bool:
    return bool(inside(log_map, cell, 2).all())


# A patch is the 5 x 5 cells around the best one, with the logarithm 0 in its middle, at [2, 2].
NEXT = ([2, 2, 1, 3], [1, 3, 2, 2])
SECOND = ([2, 2, 0, 4], [0, 4, 2, 2])
DIAGONAL = ([1, 1, 3, 3], [1, 3, 1, 3])


def _changed(change: Callable[[np.ndarray], None], factor: float = 1) -> Answer:
    """The library's step on a changed patch; no step where there is no patch."""

    def answer(log_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
        if not _far(log_map, cell):
            return cell
        x, y = cell
        patch = log_map[y - 2 : y + 3, x - 2 : x + 3] - log_map[y, x]
        change(patch)
        return cell + factor * (_dark(patch, cell) - 2)

    return answer


def _without_cross_term(patch: np.ndarray) -> None:
    patch[DIAGONAL] = -1


def _cross_term_turned(patch: np.ndarray) -> None:
    patch[DIAGONAL] = patch[DIAGONAL][[1, 0, 3, 2]]


def _gradient_swapped(patch: np.ndarray) -> None:
    patch[NEXT] = patch[NEXT][[2, 3, 0, 1]]


def _neighbours_only(patch: np.ndarray) -> None:
    patch[SECOND] = 4 * patch[NEXT]


def _bends_times_four(patch: np.ndarray) -> None:
    patch[SECOND] *= 4


def _cross_term_times_four(patch: np.ndarray) -> None:
    patch[DIAGONAL] *= 4


def _no_bends(patch: np.ndarray) -> None:
    patch[SECOND], patch[DIAGONAL] = -2, -1


def _as_it_is(patch: np.ndarray) -> None:
    """The step alone is wrong."""


def _margin(low: int, high: int) -> Answer:
    def answer(log_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
        far = (cell >= low).all() and (cell < np.array(log_map.shape[::-1]) - high).all()
        return _dark(log_map, cell) if far else cell

    return answer


EX16 = Exercise(
    id="ex16",
    assignment="A4",
    name="dark_step",
    title="One Newton step: DARK",
    minutes=40,
    points=5,
    asks_for="your own Newton step",
    forbids=DECODERS,
    cases=_cases,
    reference=_dark,
    arguments=("log_map", "cell"),
    starred=True,
    mistakes=(
        *point_mistakes(_dark),
        Mistake(
            "xy-swapped",
            "x and y of the step have changed places, or those of the gradient have while the Hessian's have not. "
            "log_map[y, x + 1] is the cell on the right.",
            (lambda m, c: c + (_dark(m, c) - c)[::-1], _changed(_gradient_swapped)),
        ),
        Mistake(
            "read-as-xy",
            "your L(i, j) takes i rows and j columns, from row x and column y. An array is read [row, column]: i columns "
            "to the right and j rows down is log_map[y + j, x + i].",
            seen=explains_where(
                lambda m, c: _far(m, c) and c[0] == c[1], lambda m, c: c + (_dark(m, c) - c)[::-1]
            ),
        ),
        Mistake(
            "no-mixed-derivative",
            "you divide each first derivative by the second one of its axis. On a slanted ridge the two axes belong "
            "together: the Hessian has a mixed derivative too.",
            _changed(_without_cross_term),
        ),
        Mistake(
            "mixed-sign",
            "the mixed derivative has the wrong sign. Two of the four diagonal neighbours count plus (right and below; "
            "left and above), the other two minus.",
            _changed(_cross_term_turned),
        ),
        Mistake(
            "slope-for-step",
            "you step by the gradient. Newton's step divides it by the curvature: the inverse of the Hessian is missing.",
            (_changed(_no_bends), _changed(_no_bends, -1)),
        ),
        Mistake(
            "next-cells-only",
            "your second derivatives come from the cells beside the best one. DARK takes the same difference twice, and "
            "so reads the cells two away: look at the task's formula.",
            _changed(_neighbours_only),
        ),
        Mistake(
            "slope-not-halved",
            "every step is twice too long: a first derivative is half the difference of the two neighbours, which are two "
            "cells apart.",
            _changed(_as_it_is, 2),
        ),
        Mistake(
            "no-quarter",
            "one or all of your second derivatives are four times too large: the task divides each of the three by 4.",
            (
                _changed(_as_it_is, 0.25),
                _changed(_bends_times_four),
                _changed(_cross_term_times_four),
            ),
        ),
        Mistake(
            "no-factors",
            "the differences are the right ones, but they are not divided: first derivatives by 2, second ones by 4.",
            (
                _changed(_as_it_is, 0.5),
                _changed(_bends_times_four, 2),
                _changed(_cross_term_times_four, 2),
            ),
        ),
        Mistake(
            "border-too-wide",
            "you leave out steps where you should not: column 2 and column W - 3 have two cells on both sides, and so "
            "have row 2 and row H - 3. Look at < and <= in your question about the border.",
            tuple(_margin(*margins) for margins in ((3, 2), (2, 3), (3, 3))),
        ),
        Mistake(
            "border",
            "wrong only where the best cell has fewer than two cells on one of its four sides. The second derivatives "
            "reach two cells far (and index -1 is the other end of the map): no step at all.",
            seen=wrong_only_where(lambda m, c: not _far(m, c)),
        ),
    ),
    hints=(
        "Name nine numbers first: the best cell, its neighbours on the right and left, above and below, the four on the "
        "diagonals. Which four more do the second derivatives need?",
        "Put the two first derivatives into an array g and the second ones into a 2 x 2 array h, both in the order "
        "x, y. The step s solves h s = -g.",
        "np.linalg.solve(h, -g) is the step, with h = [[hxx, hxy], [hxy, hyy]]. Return float values of the cell alone "
        "unless 2 <= x <= W - 3 and 2 <= y <= H - 3.",
    ),
)
