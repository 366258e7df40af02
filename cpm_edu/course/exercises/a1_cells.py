"""A1, first idea: which cell a pixel belongs to, by the two rules in print."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ... import coords
from ..exercise import Exercise, Mistake

__all__ = ["CELLS_FROM_PX"]


def _cases(rng: np.random.Generator) -> Iterator[tuple]:
    hand = np.array([[0.0, 4.0], [3.5, 11.5]])
    yield hand, 8, "center"
    yield hand, 8, "msra"
    yield np.array([[5.0, 2.0]]), 1, "center"
    for rows, stride in ((1, 8), (14, 4), (17, 8), (33, 2), (2, 5)):
        for convention in ("center", "msra"):
            yield rng.uniform(-20, 380, (rows, 2)), stride, convention


def _cells(points_px, stride, convention) -> np.ndarray:
    return coords.cells_from_px(np.asarray(points_px, float), stride, convention).numpy()


def _in_center(wrong):
    """A mistake that shows by the rule "center" only."""

    def answer(points, stride, convention):
        if convention == "msra":
            return _cells(points, stride, "msra")
        return wrong(points, stride)

    return answer


def _rounded(round_):
    return lambda points, stride, convention: round_(_cells(points, stride, convention))


def _other(convention) -> str:
    return "msra" if convention == "center" else "center"


def _one_axis(axis):
    """Only x, or only y, is converted."""

    def answer(points, stride, convention):
        cells = points.copy()
        cells[:, axis] = _cells(points, stride, convention)[:, axis]
        return cells

    return answer


CELLS_FROM_PX = Exercise(
    id="ex01",
    assignment="A1",
    name="cells_from_px",
    title="From pixels to cells",
    minutes=20,
    points=3,
    asks_for="your own conversion",
    cases=_cases,
    reference=_cells,
    forbids=("cpm_edu.coords.cells_from_px", "cpm_edu.coords.px_from_cells"),
    mistakes=(
        Mistake(
            "rules-swapped",
            'the two rules have changed places: yours gives the numbers of "msra" for "center", and the other way '
            "round. By which rule does pixel 0 lie at cell 0?",
            lambda p, s, convention: _cells(p, s, _other(convention)),
        ),
        Mistake(
            "half-forgotten",
            'by the rule "center" yours divides and does nothing more: at stride 8 pixel 3.5, the middle of cell 0, '
            'comes out as 0.4375. That is the rule "msra". Where does the half go?',
            lambda p, s, convention: _cells(p, s, "msra"),
        ),
        Mistake(
            "convention-ignored",
            'the rule "center" is right, but "msra" gets its halves too. There pixel 0 stands on cell 0.',
            lambda p, s, convention: _cells(p, s, "center"),
        ),
        Mistake(
            "half-cell-missing",
            'by the rule "center" every answer is half a cell too large: at stride 8 pixel 3.5 is the middle of cell 0, '
            "yours says 0.5. Cells have a middle too, not only pixels.",
            _in_center(lambda p, s: _cells(p, s, "center") + 0.5),
        ),
        Mistake(
            "half-pixel-missing",
            'by the rule "center" every answer is half a pixel off: at stride 8 pixel 3.5 is the middle of cell 0, '
            "yours says -0.0625. Before the division the pixel is to be counted from the edge of the picture, not from "
            "the middle of pixel 0.",
            _in_center(lambda p, s: _cells(p, s, "msra") - 0.5),
        ),
        Mistake(
            "halves-reversed",
            'by the rule "center" the two halves have the wrong signs: pixel 0 lies left of the middle of cell 0, so its '
            "place is below 0, not above.",
            _in_center(lambda p, s: _cells(p - 1, s, "center") + 1),
        ),
        Mistake(
            "brackets",
            'by the rule "center" only the half is divided by the stride, not the pixel: brackets.',
            (
                _in_center(lambda p, s: p + 0.5 / s - 0.5),
                lambda p, s, convention: p + 0.5 / s - 0.5 if convention == "center" else p,
            ),
        ),
        Mistake(
            "always-stride-8",
            "with a stride of 8 your answers are right, with another they are not: is a number that goes with 8 (8 itself, "
            "or 3.5, the middle of 8 pixels) written out?",
            (lambda p, s, convention: _cells(p, 8, convention), _in_center(lambda p, s: (p - 3.5) / s)),
        ),
        Mistake(
            "wrong-way",
            "yours goes the other way, from cells to pixels: 8 pixels make one cell, so cells are smaller numbers.",
            lambda p, s, convention: coords.px_from_cells(p, s, convention).numpy(),
        ),
        Mistake(
            "rounded",
            "the answers are whole cells. A joint may lie between two: pixel 0 lies at cell -0.4375. Do not round, and "
            "divide by / rather than //.",
            (
                *(_rounded(f) for f in (np.round, np.floor, np.trunc, lambda v: np.floor(v + 0.5))),
                lambda p, s, convention: np.floor(_cells(p, s, "msra")),
                _in_center(lambda p, s: np.floor((p + 0.5) / s)),
                lambda p, s, convention: (
                    np.floor((p + 0.5) / s) if convention == "center" else np.floor(p / s)
                ),
                _in_center(lambda p, s: np.floor((p + 0.5) / s) - 0.5),
                lambda p, s, convention: (
                    np.floor((p + 0.5) / s) - 0.5 if convention == "center" else np.floor(p / s)
                ),
            ),
        ),
        Mistake(
            "one-coordinate",
            "only one of x and y is turned into cells, the other is still in pixels. Both columns go by the same rule.",
            (_one_axis(0), _one_axis(1)),
        ),
        Mistake(
            "columns-swapped",
            "the numbers are right, but x and y have changed places: the first column is x, in and out.",
            lambda p, s, convention: _cells(p, s, convention)[:, ::-1],
        ),
    ),
    hints=(
        'By the rule "center" cell 0 covers the pixels 0 to 7. Where, in pixels, is its left edge, and where its middle?',
        "Count from the edge of the picture: pixel 0 has its middle half a pixel from it, cell 0 its middle half a cell. "
        'So "center" adds a half, divides, and takes a half off again; "msra" only divides.',
        'half = 0.5 if convention == "center" else 0.0; then add half to the points, divide all of that by the stride, '
        "and subtract half.",
    ),
)
