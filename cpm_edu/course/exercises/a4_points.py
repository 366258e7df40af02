"""A4: what the exercises on a step below one cell share: their cases, and the mistakes that go with every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ...decoding_reference import decode_reference
from ...targets import gaussian_targets_reference
from ..exercise import Mistake, Outcome, Seen
from ..same import RTOL, same_value

__all__ = [
    "DECODERS",
    "ONE_FOR_BOTH",
    "SWAPPED",
    "TOO_WIDE",
    "Answer",
    "at_border",
    "best_cell",
    "cross",
    "decoded",
    "drawn_maps",
    "explains_where",
    "gaussian_map",
    "hand_maps",
    "inside",
    "point_mistakes",
    "swapped_steps",
    "too_wide",
    "with_cell",
    "wrong_only_where",
]

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (map, cell) -> point
Chosen = Callable[[np.ndarray, np.ndarray], bool]

# Every door of the library through which a decoded joint comes.
DECODERS = (
    "cpm_edu.decoding.decode",
    "cpm_edu.decoding.decode_argmax",
    "cpm_edu.decoding.decode_quarter",
    "cpm_edu.decoding.decode_msra",
    "cpm_edu.decoding.decode_log_parabola",
    "cpm_edu.decoding.decode_dark",
    "cpm_edu.decoding.merge_flip_decode",
    "cpm_edu.decoding_reference.decode_reference",
    "cpm_edu.decoding_reference.merge_flip_decode_reference",
)


def gaussian_map(center_cells: tuple[float, float], size: tuple[int, int], sigma: float = 1.2) -> np.ndarray:
    """(H, W) float32: a Gaussian of peak 1."""
    return gaussian_targets_reference(torch.tensor([center_cells]), size, sigma)[0].numpy()


def decoded(belief_maps: np.ndarray, method: str, **options: int) -> np.ndarray:
    """(J, 2) float32, (x, y), of maps (J, H, W); (2,) of one map (H, W)."""
    maps = torch.from_numpy(belief_maps.astype(np.float32, "C"))
    joints, _ = decode_reference(maps[(None,) * (4 - maps.ndim)], method, **options)
    return joints.numpy()[(0,) * (4 - maps.ndim)]


def best_cell(belief_map: np.ndarray) -> np.ndarray:
    """(2,) int64, (x, y)."""
    return decoded(belief_map, "argmax").astype(np.int64)


def with_cell(belief_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A case: a map and its best cell."""
    return belief_map, best_cell(belief_map)


def hand_maps() -> Iterator[np.ndarray]:
    first = np.full((5, 6), 0.01, np.float32)
    first[1:4, 1:4] = [[0.02, 0.1, 0.2], [0.3, 0.9, 0.6], [0.02, 0.2, 0.1]]
    yield first  # best (2, 2); more on its right, more below
    yield np.array(
        [[0.9, 0.5, 0.1], [0.4, 0.3, 0.1]], np.float32
    )  # best (0, 0): none on its left, none above
    yield np.array([[0.1, 0.2, 0.1], [0.3, 0.9, 0.3], [0.1, 0.4, 0.1]], np.float32)  # left and right equal


def drawn_maps(rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Gaussians whose best cell lies in every kind of place: inside, beside a border, on it, in a corner."""
    yield np.full((1, 1), 0.5, np.float32)
    for height, width in ((17, 33), (12, 12)):
        column, row = int(rng.integers(3, width - 3)), int(rng.integers(3, height - 3))
        sigma = float(rng.uniform(1.0, 2.5))
        for x, y in (
            (column, row),
            (1, row),
            (width - 2, 1),
            (column, height - 2),
            (column, 0),
            (width - 1, row),
        ):
            dx, dy = rng.uniform(0.1, 0.4, 2) * rng.choice((-1, 1), 2)
            place = np.clip((x + dx, y + dy), 0.1, (width - 1.1, height - 1.1))
            yield gaussian_map((float(place[0]), float(place[1])), (height, width), sigma)


# ---- how mistakes are told


def explains_where(chosen: Chosen, *answers: Answer, rtol: float = RTOL) -> Seen:
    """One of these answers explains every chosen case: for mistakes whose rest everybody does in another way."""

    def seen(cases: Sequence[tuple], expected: Sequence[Any], outcomes: Sequence[Outcome]) -> bool:
        tried = [k for k in range(len(outcomes)) if chosen(*cases[k])]
        if any(outcomes[k].error for k in tried):
            return False
        for answer in answers:
            wrong = {k: answer(*cases[k]) for k in tried}
            if all(same_value(outcomes[k].value, wrong[k], rtol=rtol) for k in tried) and not all(
                same_value(expected[k], wrong[k]) for k in tried
            ):
                return True
        return False

    return seen


def wrong_only_where(chosen: Chosen) -> Seen:
    """Right in every other case, and wrong, in whatever way, in some of the chosen."""

    def seen(cases: Sequence[tuple], expected: Sequence[Any], outcomes: Sequence[Outcome]) -> bool:
        wrong = [k for k, o in enumerate(outcomes) if o.error or not same_value(o.value, expected[k])]
        return bool(wrong) and all(chosen(*cases[k]) for k in wrong)

    return seen


def inside(belief_map: np.ndarray, cell: np.ndarray, margin: int = 1) -> np.ndarray:
    """(2,) whether x and y have `margin` cells before and behind them."""
    return (cell >= margin) & (cell < np.array(belief_map.shape[::-1]) - margin)


def at_border(belief_map: np.ndarray, cell: np.ndarray) -> bool:
    return not inside(belief_map, cell).all()


def square_inside(belief_map: np.ndarray, cell: np.ndarray) -> bool:
    return belief_map.shape[0] == belief_map.shape[1] and not at_border(belief_map, cell)


def cross(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """(2, 3) the cell between its neighbours along x, and along y; NaN outside the map."""
    x, y = cell + 1
    padded = np.pad(belief_map, 1, constant_values=np.nan)
    return np.stack([padded[y, x - 1 : x + 2], padded[y - 1 : y + 2, x]])


def point_mistakes(reference: Answer) -> tuple[Mistake, ...]:
    """What goes wrong with any step below one cell."""

    def step(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
        return reference(belief_map, cell) - cell

    return (
        Mistake(
            "yx-result",
            "the point is right, but it comes as (y, x). Like the cell that you are given, a point is (x, y).",
            lambda m, c: reference(m, c)[::-1],
        ),
        Mistake(
            "whole-numbers",
            "your result holds whole numbers only. cell is an array of integers, and so is its copy: a fraction that is "
            "written into it is cut off.",
            lambda m, c: np.trunc(reference(m, c)),
        ),
        Mistake(
            "wrong-direction",
            "every step has the right length and the wrong sign. x grows to the right, y grows downwards.",
            lambda m, c: c - step(m, c),
        ),
        Mistake(
            "y-upwards",
            "every step along y has the wrong sign, those along x are right. y grows downwards: the cell below is in row "
            "y + 1.",
            lambda m, c: c + step(m, c) * (1, -1),
        ),
        Mistake("step-alone", "you return the step, without the cell from which it starts.", step),
        Mistake(
            "no-step",
            "you return the cell as you got it: there is no step, or it was rounded away.",
            lambda m, c: c,
        ),
    )


SWAPPED = (
    "the step along x is made from the cells above and below, or that along y from those on the left and right. "
    "belief_map[y, x] is row y, column x: which of the two changes when you go one cell to the right?"
)
ONE_FOR_BOTH = (
    "where one axis must not step, yours does not step along the other either. Every axis has neighbours of its own: "
    "ask for each apart."
)
TOO_WIDE = (
    "you leave out steps beside the border, where you should not: column 1 and column W - 2 have both their "
    "neighbours, and so have row 1 and row H - 2. Look at < and <= in your question about the border."
)


def too_wide(reference: Answer) -> tuple[Answer, ...]:
    """A border that is two cells wide: at its beginning, at its end, or at both; for each axis or for both."""

    def answer(low: int, high: int, both: bool) -> Answer:
        def left_out(belief_map: np.ndarray, cell: np.ndarray) -> np.ndarray:
            far = (cell >= low) & (cell < np.array(belief_map.shape[::-1]) - high)
            return cell + (reference(belief_map, cell) - cell) * (far.all() if both else far)

        return left_out

    return tuple(answer(*margins, both) for margins in ((2, 1), (1, 2), (2, 2)) for both in (False, True))


def swapped_steps(reference: Answer, transposed: Answer) -> Seen:
    """Either the two steps have changed places, or the map is read as belief_map[x, y]."""
    steps = explains_where(lambda m, c: True, lambda m, c: c + (reference(m, c) - c)[::-1])
    reads = explains_where(square_inside, transposed, rtol=3e-3)  # float32 logarithms far from the peak
    return lambda cases, expected, outcomes: (
        steps(cases, expected, outcomes) or reads(cases, expected, outcomes)
    )
