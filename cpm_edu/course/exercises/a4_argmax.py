"""A4: the best cell of every map (ex13)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..exercise import Exercise, Mistake
from .a4_points import DECODERS, decoded, gaussian_map

__all__ = ["EX13"]


def _maps_cases(rng: np.random.Generator) -> Iterator[tuple[np.ndarray]]:
    one = np.zeros((1, 3, 4), np.float32)
    one[0, 1, 3] = 0.9  # x = 3, y = 1
    yield (one,)
    two = np.zeros((2, 4, 3), np.float32)
    two[0, 3, 1], two[0, 0, 2], two[1, 2, 0] = 0.8, 0.5, 0.7
    yield (two,)
    ties = np.full((2, 3, 4), 0.1, np.float32)
    ties[0, 0, 2] = ties[0, 1, 0] = ties[0, 2, 3] = 0.6  # the first row wins: x = 2, y = 0
    ties[1, 1, 1] = ties[1, 1, 2] = 0.6  # and in one row the first column: x = 1, y = 1
    yield (ties,)
    negative = np.full((1, 2, 3), -0.5, np.float32)
    negative[0, 1, 2] = -0.1
    yield (negative,)
    yield (rng.random((1, 1, 1), np.float32),)
    yield (rng.random((3, 1, 6), np.float32),)
    yield (rng.random((9, 4, 3), np.float32),)
    yield (rng.standard_normal((2, 12, 12)).astype(np.float32) - 5,)
    for joints, height, width in ((5, 17, 33), (14, 46, 46), (4, 30, 20)):
        places = rng.random((joints, 2)) * (width - 1, height - 1)
        maps = [gaussian_map((float(x), float(y)), (height, width)) for x, y in places]
        yield (np.stack(maps) + 0.05 * rng.random((joints, height, width), np.float32),)


def _cell_of_all(maps: np.ndarray) -> np.ndarray:
    return np.array(np.unravel_index(maps.argmax(), maps.shape))


def _by_column(maps: np.ndarray) -> np.ndarray:
    return decoded(maps.swapaxes(1, 2), "argmax")[:, ::-1]


def _axes_apart(maps: np.ndarray) -> np.ndarray:
    return np.stack([maps.max(1).argmax(1), maps.max(2).argmax(1)], -1)


def _from_sums(maps: np.ndarray) -> np.ndarray:
    return np.stack([maps.sum(1).argmax(1), maps.sum(2).argmax(1)], -1)


def _height_for_width(maps: np.ndarray) -> np.ndarray:
    flat, height = maps.reshape(len(maps), -1).argmax(1), maps.shape[1]
    return np.stack([flat % height, flat // height], -1)


def _width_for_height(maps: np.ndarray) -> np.ndarray:
    flat, height, width = maps.reshape(len(maps), -1).argmax(1), *maps.shape[1:]
    return np.stack([flat % width, flat // height], -1)


def _above_zero_only(maps: np.ndarray) -> np.ndarray:
    return np.where((maps.max((1, 2)) > 0)[:, None], decoded(maps, "argmax"), 0)


EX13 = Exercise(
    id="ex13",
    assignment="A4",
    name="argmax_joints",
    title="The best cell of every map",
    minutes=20,
    points=3,
    asks_for="your own argmax of belief maps",
    forbids=DECODERS,
    cases=_maps_cases,
    reference=lambda belief_maps: decoded(belief_maps, "argmax"),
    mistakes=(
        Mistake(
            "xy-swapped",
            "the cells are right, but each comes as (row, column) = (y, x). A joint is (x, y), and x counts columns.",
            lambda maps: decoded(maps, "argmax")[:, ::-1],
        ),
        Mistake(
            "flat-index",
            "you return one number a map: its cell counted row by row through the whole map. Row and column "
            "have to be worked out of that number.",
            (
                lambda maps: maps.reshape(len(maps), -1).argmax(1),
                lambda maps: maps.reshape(len(maps), -1).argmax(1)[:, None],
            ),
        ),
        Mistake(
            "height-for-width",
            "right on square maps only. A flat index runs through a whole row before the next begins: is a row as "
            "long as the map is wide, or as it is high?",
            (_height_for_width, _width_for_height),
        ),
        Mistake(
            "joints-in-columns",
            "the numbers are right, but the result lies on its side: one row with every x and one with every y. Asked for "
            "is a row (x, y) for every joint.",
            (lambda maps: decoded(maps, "argmax").T, lambda maps: decoded(maps, "argmax").T[::-1]),
        ),
        Mistake(
            "all-maps-at-once",
            "one argmax went through all maps together. Every joint has its own map, and so its own best cell.",
            (
                _cell_of_all,
                lambda maps: _cell_of_all(maps)[1:],
                lambda maps: _cell_of_all(maps)[:0:-1],
                lambda maps: np.tile(_cell_of_all(maps)[:0:-1], (len(maps), 1)),
                lambda maps: maps.argmax(),
            ),
        ),
        Mistake(
            "wrong-axis",
            "argmax over the wrong axis: you asked for the best joint of every cell, or the best cell of every row or "
            "column. Each map has one best cell among all of its cells.",
            (
                lambda maps: maps.argmax(0),
                lambda maps: maps.argmax(1),
                lambda maps: maps.argmax(2),
            ),
        ),
        Mistake(
            "sums-of-lines",
            "you take the row and the column with the largest sum. A wide dim spot can beat the bright peak that way; "
            "the best cell is the single largest number.",
            _from_sums,
        ),
        Mistake(
            "axes-apart",
            "x and y are looked for apart from each other. Where two cells are equally good, your x belongs to one of "
            "them and your y to the other, and the cell you name is no maximum.",
            _axes_apart,
        ),
        Mistake(
            "tie-by-column",
            "wrong only where several cells are equal: the smallest row number must win first, then the smallest column "
            "number. You go through the columns first.",
            _by_column,
        ),
        Mistake(
            "last-of-equals",
            "wrong only where several cells are equal: row by row the first must win, and yours is the last. Do you compare "
            "with >=?",
            lambda maps: np.array(maps.shape[:0:-1]) - 1 - decoded(maps[:, ::-1, ::-1], "argmax"),
        ),
        Mistake(
            "starts-at-zero",
            "wrong where every number of a map is negative: nothing beats a search that starts at 0. Maps of a "
            "network do go below zero.",
            (
                _above_zero_only,
                lambda maps: np.where((maps.max((1, 2)) > 0)[:, None], decoded(maps, "argmax"), -1),
            ),
        ),
        Mistake(
            "counts-from-one",
            "every x and y is too large by one: the first row and the first column have the number 0.",
            lambda maps: decoded(maps, "argmax") + 1,
        ),
        Mistake(
            "half-cell",
            "every x and y is off by half a cell. Asked for is the cell's number; its middle in pixels is another step.",
            (lambda maps: decoded(maps, "argmax") + 0.5, lambda maps: decoded(maps, "argmax") - 0.5),
        ),
    ),
    hints=(
        "How would you find the largest number of one map, and how do you know in which row and which column it is?",
        "np.argmax of a map counts cells row by row: 0, 1, ... W - 1 is the first row. Which row is cell 7 of a map 5 "
        "cells wide, and which column? (Two loops that keep the best so far do as well; mind > and >=.)",
        "belief_maps.reshape(J, -1).argmax(1) gives a number a map. Divide it by W: the quotient is y, the remainder x. "
        "np.stack((x, y), -1) has the shape (J, 2).",
    ),
)
