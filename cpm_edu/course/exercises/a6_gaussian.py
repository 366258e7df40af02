"""ex22: belief maps of several joints, a thread for each cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..exercise import Exercise, Mistake
from .kernel_mistakes import (
    KERNEL,
    STOPPED,
    clean,
    faults,
    faults_of,
    mistake_of_faults,
    reported,
    same_launch,
)

__all__ = ["GAUSSIAN"]

UNWRITTEN = -1.0  # what the cells hold before the launch


def _case(centers, size, sigma, block):
    """Threads for every cell, in whole blocks."""
    centers = np.asarray(centers, np.float32)
    J, (H, W) = len(centers), size
    arguments = {"J": J, "H": H, "W": W, "sigma": sigma, "centers": centers}
    out = np.full((J, H, W), UNWRITTEN, np.float32)
    return (-(-J * H * W // block),), (block,), {**arguments, "out": out}


def _cases(rng):
    yield _case([[1, 2]], (3, 4), 1.0, 32)
    yield _case([[0, 1], [1, 0]], (2, 2), 0.8, 4)  # 8 cells, 8 threads: nobody is left over
    yield _case([[0, 0]], (1, 1), 1.0, 32)
    for joints, size, block in ((3, (17, 33), 64), (2, (6, 5), 48), (5, (4, 9), 32)):
        centers = rng.uniform([-0.4, -0.4], [size[1] - 0.6, size[0] - 0.6], (joints, 2))
        yield _case(centers, size, round(float(rng.uniform(0.7, 2.4)), 2), block)


def _maps(centers, size, sigma):
    import torch

    from ...targets import gaussian_targets

    return gaussian_targets(torch.tensor(centers), size, sigma, backend="torch").numpy()


def _reference(grid, block, arguments):
    return {"out": _drawn(arguments)}


def _drawn(a, centers=None, size=None, sigma=None):
    """The maps of a case, with other centers, another size or another sigma."""
    return _maps(a["centers"] if centers is None else centers, size or (a["H"], a["W"]), sigma or a["sigma"])


def _wrong(make):
    """A mistake's answer from the arguments of the kernel alone."""
    return lambda grid, block, arguments: {"out": make(arguments)}


def _kept(a, part):
    """Maps of which only some cells were written."""
    out = np.full_like(a["out"], UNWRITTEN)
    out[part] = _drawn(a)[part]
    return out


def _without_last_cell(a):
    out = _drawn(a)
    out.reshape(-1)[-1] = UNWRITTEN
    return out


def _divided_by_height(a):
    """Column i % H, row i / H."""
    J, H, W = a["out"].shape
    tall = _drawn(a, size=(W, H))  # as many cells, in rows of H
    return tall.reshape(J, H, W)


def _strided(a):
    """Joint j at numbers j and j + 1 of the centers."""
    flat, J = a["centers"].reshape(-1), a["J"]
    return _drawn(a, np.stack([flat[:J], flat[1 : J + 1]], 1))


def _growing(a):
    """Without the minus sign."""
    drawn = _maps(a["centers"].astype(np.float64), (a["H"], a["W"]), a["sigma"])
    with np.errstate(all="ignore"):
        return (1 / drawn).astype(np.float32)


def _whole_distances(a):
    """Distances cut to whole numbers."""
    H, W = a["H"], a["W"]
    corner = _maps(np.zeros((1, 2), np.float32), (H + 2, W + 2), a["sigma"])[0]
    dx = np.abs(np.trunc(np.arange(W) - a["centers"][:, :1])).astype(int)
    dy = np.abs(np.trunc(np.arange(H) - a["centers"][:, 1:])).astype(int)
    return corner[dy[:, :, None], dx[:, None, :]]


def _guarded_by_one(cases, expected, outcomes):
    """Whether in every launch with threads left over exactly one of them draws."""
    found = []
    for (grid, block, a), outcome in zip(cases, outcomes, strict=False):
        written = faults_of([outcome], ("out-of-bounds-write",))
        if grid[0] * block[0] > a["out"].size + 1:
            found.append([fault["count"] for fault in written] == [1])
    return bool(found) and all(found)


def _first_unwritten(cases, outcomes):
    """(left out, of how many, (joint, row, column) of the first) in the first launch that leaves out a cell."""
    for (_, _, a), outcome in zip(cases, outcomes, strict=False):
        out = outcome.value["out"] if isinstance(outcome.value, Mapping) else a["out"] * 0
        left = np.argwhere(out == UNWRITTEN)
        if len(left):
            return len(left), out.size, tuple(map(int, left[0]))
    return None


def _cells_left_out(cases, expected, outcomes):
    count, size, (j, y, x) = _first_unwritten(cases, outcomes)
    return (
        f"{count} of {size} cells are never written, the first is column {x} of row {y} of map {j}. "
        "Which thread should have written it, and where did it go?"
    )


GAUSSIAN = Exercise(
    **KERNEL,
    id="ex22",
    name="GAUSSIAN_KERNEL",
    title="Belief maps in CUDA",
    minutes=40,
    points=5,
    cases=_cases,
    reference=_reference,
    same=same_launch,
    mistakes=(
        *STOPPED,
        Mistake(
            "guard-off-by-one",
            lambda cases, expected, outcomes: f"{reported(faults_of(outcomes, ('out-of-bounds-write',))[0])}. "
            "One thread too many draws, in every launch. What number has the last cell?",
            seen=_guarded_by_one,
        ),
        mistake_of_faults(
            "wrong-cell-number",
            ("cross-block-race", "global-race", "warp-race"),
            "Two threads write one cell. What makes a thread's number differ from that of the same thread in "
            "another block?",
        ),
        *faults("endless-loop", "divergent-barrier", "no-guard"),
        Mistake(
            "nothing-written",
            "the kernel runs, and no cell of out is written.",
            _wrong(lambda a: a["out"]),
        ),
        Mistake(
            "one-map-only",
            "only the map of joint 0 is drawn. How many cells are there in all, and what does the guard compare with?",
            _wrong(lambda a: _kept(a, slice(0, 1))),
        ),
        Mistake(
            "last-column",
            "the last column (or row) of every map is never written. Is column W - 1 inside the map, by your condition?",
            (
                _wrong(lambda a: _kept(a, np.s_[..., :-1])),
                _wrong(lambda a: _kept(a, np.s_[:, :-1])),
                _wrong(lambda a: _kept(a, np.s_[:, :-1, :-1])),
            ),
        ),
        Mistake(
            "last-cell",
            "the very last cell is never written. Is it inside, by your guard?",
            _wrong(_without_last_cell),
        ),
        Mistake(
            "xy-swapped",
            "these are the maps of joints with x and y swapped. Which of two numbers of a center is x, and does i % W "
            "count columns or rows?",
            _wrong(lambda a: _drawn(a, a["centers"][:, ::-1].copy())),
        ),
        Mistake(
            "divided-by-height",
            "square maps would be right, others are not: what is the length of a row, by which a cell's number is divided?",
            _wrong(_divided_by_height),
        ),
        Mistake(
            "first-joint-only",
            "every map shows joint 0. Which numbers of centers belong to joint j?",
            _wrong(lambda a: _drawn(a, np.repeat(a["centers"][:1], a["J"], 0))),
        ),
        Mistake(
            "centers-overlap",
            "the map of joint 0 is right, later ones are not: two numbers belong to a joint. Where do those of joint j begin?",
            _wrong(_strided),
        ),
        Mistake(
            "half-cell",
            "every peak is off by half a cell. In this exercise the middle of cell (x, y) is the point (x, y).",
            (
                _wrong(lambda a: _drawn(a, a["centers"] - np.float32(0.5))),
                _wrong(lambda a: _drawn(a, a["centers"] + np.float32(0.5))),
            ),
        ),
        Mistake(
            "whole-numbers",
            "distances are cut to whole cells. Which type do dx and dy have?",
            _wrong(_whole_distances),
        ),
        Mistake(
            "sigma-not-squared",
            "the width is right only for sigma = 1: the formula has the square of sigma.",
            _wrong(lambda a: _drawn(a, sigma=a["sigma"] ** 0.5)),
        ),
        Mistake(
            "divided-by-two-only",
            "the width is right only for sigma = 1: C works from left to right, so a / 2 * b * b divides by 2 and "
            "multiplies by the rest.",
            _wrong(lambda a: _drawn(a, sigma=1 / a["sigma"])),
        ),
        Mistake(
            "no-factor-two",
            "the peaks are right, the hills too narrow or too wide: compare what you divide by with 2 sigma squared.",
            (
                _wrong(lambda a: _drawn(a, sigma=a["sigma"] / 2**0.5)),
                _wrong(lambda a: _drawn(a, sigma=a["sigma"] / 2)),
                _wrong(lambda a: _drawn(a, sigma=a["sigma"] * 2**0.5)),
            ),
        ),
        Mistake(
            "no-minus", "the numbers grow with the distance instead of falling. Which sign has the exponent?",
            _wrong(_growing),
        ),
        Mistake(
            "cells-left-out",
            _cells_left_out,
            seen=lambda cases, expected, outcomes: clean(outcomes)
            and _first_unwritten(cases, outcomes) is not None,
        ),
    ),
    hints=(
        "Count all cells of all maps in one row: J · H · W of them. Thread i of the whole launch draws cell i. How many "
        "threads come before yours?",
        "i / (H * W) is the joint, i % (H * W) the cell within its map; of that, / W is the row and % W the column. "
        "Before any of it, a thread whose i is no cell returns.",
        "int cell = i % (H * W), x = cell % W, y = cell / W; then float dx = x - centers[2 * j], the same for dy with "
        "2 * j + 1, and out[i] = expf(...).",
    ),
)  # fmt: skip
