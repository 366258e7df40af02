"""A1, the hill: what a network is trained toward for one joint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ...targets import gaussian_targets
from ..exercise import Exercise, Mistake

__all__ = ["GAUSSIAN_MAP"]

DRAWING = (
    "cpm_edu.targets.gaussian_targets",
    "cpm_edu.targets.gaussian_targets_reference",
    "cpm_edu.targets.belief_map_targets",
    "cpm_edu.targets.belief_map_gaussians",
    "cpm_edu.targets.center_map",
    "cpm_edu.targets.GaussianTargets.draw",
    "cpm_edu.figures.interactive.belief_map.library_target",
)


def _gaussian_cases(rng: np.random.Generator) -> Iterator[tuple]:
    yield np.array([2.0, 3.0]), (5, 7), 1.0
    yield np.array([1.5, 0.0]), (3, 4), 0.8
    yield np.array([0.0, 0.0]), (1, 1), 1.2
    for size in ((17, 33), (46, 46), (20, 20), (9, 4)):
        yield rng.uniform(0, 1, 2) * (size[1] - 1, size[0] - 1), size, float(rng.uniform(0.7, 3))
    yield np.array([32.0, rng.uniform(2, 14)]), (17, 33), 1.5  # the last column
    yield np.array([-rng.uniform(0.6, 1.5), rng.uniform(3, 10)]), (14, 11), 2.0  # left of the map
    yield np.array([rng.uniform(3, 7), 14 + rng.uniform(0, 1)]), (14, 11), 2.0  # below it


def _gaussian(center_cells, size, sigma_cells, **options) -> np.ndarray:
    centers = torch.from_numpy(np.array([center_cells], float))  # a copy: torch takes no reversed views
    return gaussian_targets(centers, tuple(size), float(sigma_cells), **options)[0].numpy()


def _along(x, width, sigma) -> np.ndarray:
    """(W,) one row of a belief map of peak 1."""
    return _gaussian((x, 0), (1, width), sigma)[0]


def _squared(center, size) -> np.ndarray:
    """(H, W) squared distances, read off a very wide Gaussian."""
    return -2e6 * np.log(_gaussian(center, size, 1e3))


def _stretched_grid(center, size, sigma):
    """Cells by linspace(0, W, W) instead of 0, 1, ..., W - 1."""
    rows = []
    for place, cells in zip(center, reversed(size), strict=True):
        step = cells / (cells - 1) if cells > 1 else 1.0
        rows.append(_along(place / step, cells, sigma / step))
    return np.outer(rows[1], rows[0])


def _blank_outside(rim):
    """No map for a joint more than `rim` cells outside the first and last cells' middles."""

    def answer(center, size, sigma):
        inside = all(-rim <= v <= cells - 1 + rim for v, cells in zip(center, reversed(size), strict=True))
        return _gaussian(center, size, sigma) * inside

    return answer


GAUSSIAN_MAP = Exercise(
    id="ex02",
    assignment="A1",
    name="gaussian_map",
    title="A Gaussian belief map",
    minutes=25,
    points=4,
    asks_for="your own Gaussian",
    cases=_gaussian_cases,
    reference=_gaussian,
    forbids=DRAWING,
    mistakes=(
        Mistake(
            "xy-swapped",
            "the joint (x = 2, y = 3) has its peak at x = 3, y = 2. An array is read [row, column], and a row is a y: "
            "did x and y change places?",
            lambda c, size, s: _gaussian(c[::-1], size, s),
        ),
        Mistake(
            "transposed",
            "a map of 5 rows and 7 columns comes out with 7 rows and 5 columns, the hill lying on its side. Rows are "
            "the first axis of an array.",
            lambda c, size, s: _gaussian(c, size, s).T,
        ),
        Mistake(
            "size-swapped",
            "size is (height, width), here (5, 7): 5 rows and 7 columns. Yours reads it as (width, height).",
            lambda c, size, s: _gaussian(c, size[::-1], s),
        ),
        Mistake(
            "no-factor-2",
            "the hill is too narrow: one cell from the joint, with sigma 1, it is 0.37 where it should be 0.61. The "
            "denominator is 2 sigma squared here. (The paper writes it without the 2; then its sigma is no standard "
            "deviation.)",
            lambda c, size, s: _gaussian(c, size, s / np.sqrt(2)),
        ),
        Mistake(
            "sigma-not-squared",
            "with sigma 1 your map is right, with any other it is not: what is sigma, and what is its square?",
            lambda c, size, s: _gaussian(c, size, np.sqrt(s)),
        ),
        Mistake(
            "sigma-alone",
            "the hill has the wrong width for every sigma: both the 2 and the square of sigma are missing below the "
            "line.",
            lambda c, size, s: _gaussian(c, size, np.sqrt(s / 2)),
        ),
        Mistake(
            "factor-inside-the-square",
            "the hill is too wide: (2 sigma) squared is 4 sigma squared. Only sigma is squared.",
            lambda c, size, s: _gaussian(c, size, np.sqrt(2) * s),
        ),
        Mistake(
            "distance-not-squared",
            "your map falls off like a tent with a sharp tip, not like a hill with a round top: the distance from the "
            "joint is to be squared (or its root was taken).",
            lambda c, size, s: np.exp(-np.sqrt(_squared(c, size).clip(0)) / (2 * s**2)),
        ),
        Mistake(
            "multiplied-by-sigma",
            "a larger sigma should give a wider hill; yours gets narrower. Is something multiplied that should be "
            "divided (missing brackets around 2 * sigma ** 2)?",
            (
                lambda c, size, s: _gaussian(c, size, 1 / s),
                lambda c, size, s: _gaussian(c, size, 1 / (np.sqrt(2) * s)),
            ),
        ),
        Mistake(
            "grows",
            "the values grow with the distance from the joint. Which sign has the exponent?",
            lambda c, size, s: 1 / _gaussian(c, size, s),
        ),
        Mistake(
            "rounded",
            "your peak is exactly 1 in one cell also for a joint between two cells, such as x = 1.5: the joint was "
            "rounded to a cell. Use it as it is.",
            (
                lambda c, size, s: _gaussian(np.round(c), size, s),
                lambda c, size, s: _gaussian(np.floor(c), size, s),
                lambda c, size, s: _gaussian(np.trunc(c), size, s),
                lambda c, size, s: _gaussian(np.floor(c + 0.5), size, s),
            ),
        ),
        Mistake(
            "half-cell",
            "every hill stands half a cell beside its joint. In cells, the middle of cell 3 is 3, neither 3.5 nor 2.5: "
            "the half belongs to the step from pixels to cells, which is done already.",
            (
                lambda c, size, s: _gaussian(c - 0.5, size, s),
                lambda c, size, s: _gaussian(c + 0.5, size, s),
            ),
        ),
        Mistake(
            "counted-from-1",
            "every hill stands one whole cell beside its joint. Rows and columns are counted from 0.",
            (lambda c, size, s: _gaussian(c - 1, size, s), lambda c, size, s: _gaussian(c + 1, size, s)),
        ),
        Mistake(
            "stretched-grid",
            "near the first cell your map is right, and it is more and more off toward the last: W cells are "
            "0, 1, ..., W - 1. Do yours end at W?",
            _stretched_grid,
        ),
        Mistake(
            "one-axis",
            "your map is a ridge: all rows are alike, or all columns. Both x and y count in the distance.",
            (
                lambda c, size, s: np.tile(_along(c[0], size[1], s), (size[0], 1)),
                lambda c, size, s: np.tile(_along(c[1], size[0], s)[:, None], (1, size[1])),
            ),
        ),
        Mistake(
            "sum-of-two",
            "your map is a cross with a peak of 2: two Gaussians, one along x and one along y, were added. What is "
            "exp(a + b), written with exp(a) and exp(b)?",
            lambda c, size, s: np.add.outer(_along(c[1], size[0], s), _along(c[0], size[1], s)),
        ),
        Mistake(
            "sums-to-one",
            "your map has the right shape, but a peak below 1 that depends on sigma: it was scaled like a probability "
            "density. A belief map is 1 at the joint and sums to what it likes.",
            (
                lambda c, size, s: _gaussian(c, size, s) / (2 * np.pi * s**2),
                lambda c, size, s: _gaussian(c, size, s) / (np.sqrt(2 * np.pi) * s),
                lambda c, size, s: _gaussian(c, size, s) / _gaussian(c, size, s).sum(),
            ),
        ),
        Mistake(
            "stretched-to-one",
            "the brightest cell of yours is always exactly 1, even for a joint that lies between cells or outside the "
            "map. The map was divided by its maximum; leave it as it is.",
            lambda c, size, s: _gaussian(c, size, s) / _gaussian(c, size, s).max(),
        ),
        Mistake(
            "cut-off",
            "near the joint your map is right, farther away it is 0: it was cut off. (mmpose does that at 3 sigma; here "
            "the whole hill is asked for.)",
            (
                lambda c, size, s: _gaussian(c, size, s, patch_sigmas=3),
                lambda c, size, s: _gaussian(c, size, s) * (_squared(c, size) <= 9 * s**2),
                lambda c, size, s: _gaussian(c, size, s) * (_gaussian(c, size, s) >= 0.01),
            ),
        ),
        Mistake(
            "blank-outside",
            "a joint just outside the map should still light the cells at the border; yours gives an empty map.",
            (_blank_outside(0.0), _blank_outside(0.5), _blank_outside(1.0)),
        ),
        Mistake(
            "whole-numbers",
            "your map holds whole numbers only: what type has the array that you fill?",
            lambda c, size, s: np.floor(_gaussian(c, size, s)),
        ),
    ),
    hints=(
        "For every cell you need its distance from the joint along x and along y. What is the x of a cell, given its "
        "row and its column?",
        "Make two arrays with the shape of the map: one that holds each cell's column, one its row (np.mgrid or "
        "np.meshgrid, or two loops). Then one formula fits all cells at once.",
        "squared = (columns - x) ** 2 + (rows - y) ** 2, and the map is exp(-squared / (2 * sigma ** 2)). Mind the "
        "brackets below the line.",
    ),
)
