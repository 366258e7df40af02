"""A4: the step below one cell, by the sign of the neighbours (ex14) and by a parabola (ex15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..exercise import Exercise, Mistake, Seen
from .a4_points import (
    DECODERS,
    ONE_FOR_BOTH,
    SWAPPED,
    TOO_WIDE,
    Answer,
    at_border,
    cross,
    decoded,
    drawn_maps,
    explains_where,
    gaussian_map,
    hand_maps,
    inside,
    point_mistakes,
    swapped_steps,
    too_wide,
    with_cell,
    wrong_only_where,
)

__all__ = ["EX14", "EX15"]


# ---- ex14


def _quarter_cases(rng: np.random.Generator) -> Iterator[tuple]:
    for belief_map in (*hand_maps(), *drawn_maps(rng)):
        yield with_cell(belief_map)
    yield with_cell(gaussian_map((4.0, 3.0), (8, 9)))  # the middle of a cell: left and right are equal


def _quarter(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return decoded(belief_map, "quarter")


def _quarter_of_transposed(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    turned = belief_map.T.copy()
    turned[cell[1], cell[0]] = turned.max() + 1
    return decoded(turned, "quarter")


def _slope(factor: float) -> Answer:
    def answer(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
        across = cross(belief_map, cell)
        return cell + factor * np.nan_to_num(across[:, 2] - across[:, 0])

    return answer


def _one_axis(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    highest = cross(belief_map, cell)[:, ::2].max(1)
    return cell + (_quarter(belief_map, cell) - cell) * (highest == highest.max())


def _never_still(sign: int) -> Answer:
    def answer(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
        step = _quarter(belief_map, cell) - cell
        return cell + step + 0.25 * sign * (inside(belief_map, cell) & (step == 0))

    return answer


EX14 = Exercise(
    id="ex14",
    assignment="A4",
    name="quarter_offset",
    title="The quarter offset",
    minutes=20,
    points=3,
    asks_for="your own quarter offset",
    forbids=DECODERS,
    cases=_quarter_cases,
    reference=_quarter,
    arguments=("belief_map", "cell"),
    mistakes=(
        *point_mistakes(_quarter),
        Mistake("xy-swapped", SWAPPED, seen=swapped_steps(_quarter, _quarter_of_transposed)),
        Mistake(
            "step-length",
            "every step has the right direction and the wrong length: it is a quarter of a cell.",
            tuple(lambda m, c, f=f: c + f * (_quarter(m, c) - c) for f in (2, 4, 0.5)),
        ),
        Mistake(
            "slope-for-sign",
            "your step grows with the difference of the two neighbours. The quarter offset asks only which one is "
            "higher; how much higher does not matter.",
            tuple(map(_slope, (0.25, 0.5, 1.0))),
        ),
        Mistake(
            "one-axis-only",
            "you step toward the highest of the four neighbours, and so along one axis only. Left against right and "
            "above against below are two questions, with a step for each.",
            seen=explains_where(lambda m, c: (_quarter(m, c) != c).all(), _one_axis),
        ),
        Mistake(
            "equal-neighbours",
            "wrong only where both neighbours are equal: then neither is higher, and there is no step on that axis.",
            (_never_still(1), _never_still(-1)),
        ),
        Mistake("both-axes-stop", ONE_FOR_BOTH, lambda m, c: c + (_quarter(m, c) - c) * inside(m, c).all()),
        Mistake("border-too-wide", TOO_WIDE, too_wide(_quarter)),
        Mistake(
            "border",
            "wrong only where the best cell lies in the first or last row or column. A neighbour is missing there (and "
            "index -1 is the other end of the map): no step on that axis.",
            seen=wrong_only_where(at_border),
        ),
    ),
    hints=(
        "The cell right of (x, y) is belief_map[y, x + 1]. Which are the other three neighbours?",
        "Do x and y one after the other. For x: is there a cell on both sides? If so, compare the two: the step is "
        "+0.25, -0.25 or, when they are equal, 0. Put the result into an array of floats.",
        "0.25 * np.sign(right - left) holds all three. It counts if 0 < x < W - 1; for y, below and above, likewise "
        "if 0 < y < H - 1.",
    ),
)


# ---- ex15


def _parabola_cases(rng: np.random.Generator) -> Iterator[tuple]:
    for belief_map in (*hand_maps(), *drawn_maps(rng)):
        yield with_cell(belief_map)
    dark = np.zeros((4, 5), np.float32)
    dark[1, 2], dark[1, 3], dark[2, 2] = 0.8, 0.4, 0.1  # nothing on the left, nothing above
    yield with_cell(dark)
    noisy = gaussian_map((6.3, 4.8), (11, 14), 1.5) - 0.02
    noisy[4, 6] = -0.03  # above the best cell (6, 5)
    yield with_cell(noisy)
    yield with_cell(rng.random((7, 6), np.float32) - 2)


def _parabola(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return decoded(belief_map, "log_parabola")


def _usable(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """(2,) whether an axis has three positive values; NaN outside the map is none."""
    return (cross(belief_map, cell) > 0).all(1)


def _all_usable(belief_map: np.ndarray, cell: np.ndarray) -> bool:
    return bool(_usable(belief_map, cell).all())


def _has_dark_neighbour(belief_map: np.ndarray, cell: np.ndarray) -> bool:
    return bool((cross(belief_map, cell) <= 0).any())


def _parabola_of_transposed(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    turned = np.log(cross(belief_map.T, cell).astype(np.float64))
    bends = [np.polyfit((-1, 0, 1), logs, 2) for logs in turned]
    return cell + [-slope / (2 * bend) for bend, slope, _ in bends]


def _without_brackets(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    logs = np.log(cross(belief_map, cell).astype(np.float64))
    return cell + (_parabola(belief_map, cell) - cell) * np.diff(logs, n=2)[:, 0] ** 2


def _mean_place(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return cell + [np.average((-1, 0, 1), weights=beliefs) for beliefs in cross(belief_map, cell)]


def _twisted(change: Callable[[np.ndarray], np.ndarray]) -> Seen:
    """The library's parabola through other values, told where everybody steps on both axes."""
    return explains_where(_all_usable, lambda m, c: _parabola(change(m), c))


EX15 = Exercise(
    id="ex15",
    assignment="A4",
    name="log_parabola",
    title="The log-parabola",
    minutes=25,
    points=4,
    asks_for="your own log-parabola",
    forbids=DECODERS,
    cases=_parabola_cases,
    reference=_parabola,
    arguments=("belief_map", "cell"),
    mistakes=(
        *point_mistakes(_parabola),
        Mistake(
            "xy-swapped",
            SWAPPED,
            seen=swapped_steps(
                _parabola,
                lambda m, c: _parabola_of_transposed(m, c),
            ),
        ),
        Mistake(
            "no-logarithm",
            "your parabola goes through the beliefs themselves. It is the logarithm of a Gaussian that is a parabola.",
            seen=_twisted(np.exp),
        ),
        Mistake(
            "log-of-one-more",
            "your parabola goes through log(1 + b), which bends in another way than log b. For a belief that has no "
            "logarithm the task has a rule of its own.",
            seen=_twisted(lambda m: m + 1),
        ),
        Mistake(
            "factor-two",
            "every step is twice or half as long as it should be: look at the 2 below the line, and at what it "
            "multiplies.",
            tuple(lambda m, c, f=f: c + f * (_parabola(m, c) - c) for f in (2, 0.5, 4)),
        ),
        Mistake(
            "brackets",
            "a / 2 * (...) is (a / 2) * (...): all that stands below the line needs brackets of its own.",
            seen=explains_where(_all_usable, _without_brackets, rtol=3e-3),
        ),
        Mistake(
            "mean-place",
            "you take the mean place of the three cells, weighted by belief. The top of the parabola lies farther out.",
            seen=explains_where(_all_usable, _mean_place),
        ),
        Mistake(
            "quarter-again",
            "your step is always a quarter of a cell. Here its length comes from how much the neighbours differ.",
            seen=explains_where(_all_usable, _quarter),
        ),
        Mistake(
            "both-axes-stop",
            ONE_FOR_BOTH,
            (
                lambda m, c: c + (_parabola(m, c) - c) * _usable(m, c).all(),
                lambda m, c: c + (_parabola(m, c) - c) * inside(m, c).all(),
            ),
        ),
        Mistake("border-too-wide", TOO_WIDE, too_wide(_parabola)),
        Mistake(
            "no-logarithm-there",
            "wrong only where one of the three beliefs is 0 or negative. It has no logarithm, and a small number in its "
            "place makes up a slope: no step on that axis.",
            seen=wrong_only_where(_has_dark_neighbour),
        ),
        Mistake(
            "border",
            "wrong only where the best cell lies in the first or last row or column. A neighbour is missing there (and "
            "index -1 is the other end of the map): no step on that axis.",
            seen=wrong_only_where(at_border),
        ),
        Mistake(
            "no-three-values",
            "right wherever an axis has three positive beliefs. It takes no step where a neighbour lies outside the "
            "map, nor where one of the three is 0 or negative.",
            seen=wrong_only_where(lambda m, c: not _all_usable(m, c)),
        ),
    ),
    hints=(
        "Which three beliefs decide about x, and which three about y? Compute the step for three numbers first, then "
        "use it twice.",
        "With the three logarithms l0, l1, l2 in their order the top lies (l0 - l2) / (2 (l0 - 2 l1 + l2)) cells "
        "behind the middle one. Before you take logarithms: are there three cells, and are all three beliefs positive?",
        "For x: if 0 < x < W - 1, take three = belief_map[y, x - 1 : x + 2]; if three.min() > 0, l0, l1, l2 = "
        "np.log(three), and the step is added to a float x. For y the three are belief_map[y - 1 : y + 2, x].",
    ),
)
