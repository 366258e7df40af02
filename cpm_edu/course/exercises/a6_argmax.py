"""ex23: the best cell of every map, found by a warp without shared memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..exercise import Exercise, Mistake
from .kernel_mistakes import (
    KERNEL,
    STOPPED,
    clean,
    faults,
    mistake_of_faults,
    same_launch,
)

__all__ = ["ARGMAX"]

LANES = 32
NO_CELL, NO_SCORE = -1, -99.0  # what the answers hold before the launch


def _case(maps):
    """A warp for every map."""
    maps = np.atleast_2d(np.asarray(maps, np.float32))
    answers = {
        "cell": np.full(len(maps), NO_CELL, np.int32),
        "score": np.full(len(maps), NO_SCORE, np.float32),
    }
    return (len(maps),), (LANES,), {"cells": maps.shape[1], "maps": maps, **answers}


def _peak(cells, at, low=0.0, high=1.0):
    row = np.full(cells, low, np.float32)
    row[list(at)] = high
    return row


def _cases(rng):
    yield _case([0.1, 0.3, 0.9, 0.2])
    yield _case([_peak(40, [37]), _peak(40, [31]), _peak(40, [16])])  # the second round, the last lane
    yield _case([_peak(40, [2, 33]), _peak(40, [5, 9]), _peak(40, [8, 39])])  # equals
    yield _case([[-3.0, -2.0, -5.0]])
    yield _case([0.5])
    yield _case(np.full((2, 70), 0.25))
    yield _case(rng.uniform(-9, -1, (2, 45)))
    yield _case(rng.uniform(-1, 1, (3, 17 * 33)))
    yield _case(rng.integers(0, 5, (4, 400)) / 4)  # many equals


def _reference(grid, block, arguments):
    """Also how often one thread may read: its share of the cells, twice over."""
    return {**_best(arguments["maps"]), "reads": 2 * -(-arguments["cells"] // LANES) + 2}


def _best(maps):
    import torch

    from ...decoding import decode_argmax

    joints, scores = decode_argmax(torch.tensor(maps)[None, :, None], backend="torch")  # maps of one row
    return {"cell": joints[0, :, 0].int().numpy(), "score": scores[0].numpy()}


def _same(value, expected):
    outputs = {name: array for name, array in expected.items() if name != "reads"}
    if not same_launch(value, outputs) or value["shared"]:
        return False
    return value["reads"] <= expected.get("reads", value["reads"])


def _of_lanes(keep):
    """The answer of a tree that some lanes' numbers never reach: where `keep(lane)` is False."""

    def answer(grid, block, arguments):
        lanes = np.arange(arguments["cells"]) % LANES
        maps = np.where(keep(lanes), arguments["maps"], -np.inf).astype(np.float32)
        return _best(maps)

    return answer


def _first_round(grid, block, arguments):
    return _best(arguments["maps"][:, :LANES])


def _own_cell(grid, block, arguments):
    """The right score, and the best cell of those that lane 0 read."""
    maps = arguments["maps"]
    return {"cell": LANES * _best(maps[:, ::LANES].copy())["cell"], "score": _best(maps)["score"]}


def _lane_number(grid, block, arguments):
    """The lowest lane that has found the best value instead of the cell."""
    maps = arguments["maps"]
    lanes = np.where(maps == maps.max(1, keepdims=True), np.arange(maps.shape[1]) % LANES, LANES)
    return {"cell": lanes.min(1).astype(np.int32), "score": _best(maps)["score"]}


def _of_map_0(grid, block, arguments):
    maps = arguments["maps"]
    return _best(np.repeat(maps[:1], len(maps), 0))


def _launches(cases, outcomes):
    """(maps, cells, scores, expected cells) of launches without fault."""
    for (_, _, a), outcome in zip(cases, outcomes, strict=False):
        if isinstance(outcome.value, Mapping):
            yield a["maps"], outcome.value["cell"], outcome.value["score"], _best(a["maps"])["cell"]


def _started_at_zero(cases, expected, outcomes):
    """Wrong only where all numbers are negative, and there by a score of 0."""
    if not clean(outcomes):
        return False
    wrong = [
        (a["maps"], outcome.value["score"])
        for (_, _, a), outcome, right in zip(cases, outcomes, expected, strict=False)
        if not _same(outcome.value, right)
    ]
    return bool(wrong) and all((maps.max(1) < 0).all() and (score == 0).all() for maps, score in wrong)


def _tie(cases, outcomes):
    """(cell, asked for) of the first tie that was decided otherwise; None unless all else is right."""
    first = None
    for maps, cells, scores, asked in _launches(cases, outcomes):
        rows = np.arange(len(maps))
        if not np.array_equal(scores, maps.max(1)) or not ((cells >= 0) & (cells < maps.shape[1])).all():
            return None
        if not np.array_equal(maps[rows, cells], scores):
            return None
        if first is None and (cells != asked).any():
            k = int(np.argmax(cells != asked))
            first = int(cells[k]), int(asked[k])
    return first


def _tie_told(cases, expected, outcomes):
    cell, asked = _tie(cases, outcomes)
    return (
        f"where several cells hold the largest number, yours answers cell {cell}, asked for the lowest, {asked}. A lower "
        "lane need not have found the lower cell: what else must be compared when two values are equal?"
    )


def _alone(cases, expected, outcomes):
    return clean(outcomes) and any(
        o.value["reads"] > e["reads"] for o, e in zip(outcomes, expected, strict=False)
    )


def _alone_told(cases, expected, outcomes):
    reads, cells = max((o.value["reads"], a["cells"]) for o, (_, _, a) in zip(outcomes, cases, strict=False))
    return (
        f"one thread reads {reads} numbers of a map of {cells} cells. Share the cells among the 32 lanes: lane t takes "
        "t, t + 32, t + 64, ..., and shuffles find the best of the 32."
    )


ARGMAX = Exercise(
    **KERNEL,
    id="ex23",
    name="ARGMAX_KERNEL",
    title="The best cell, by shuffles",
    minutes=50,
    points=5,
    starred=True,
    cases=_cases,
    reference=_reference,
    same=_same,
    mistakes=(
        *STOPPED,
        mistake_of_faults(
            "all-lanes-write",
            ("warp-race", "global-race"),
            "After shuffles only one lane is sure to know the best of all 32: which one may write?",
        ),
        mistake_of_faults(
            "block-forgotten", ("cross-block-race",), "Every block has a map of its own: which number tells it which?"
        ),
        mistake_of_faults(
            "no-guard",
            ("out-of-bounds-read", "out-of-bounds-write", "wild-pointer"),
            "A lane's next cell may lie behind the end of the map. What does a lane without a cell bring to the comparison?",
        ),
        *faults("endless-loop", "lanes-missing", "uninitialised-shared"),
        Mistake(
            "nothing-written",
            "the kernel runs, and neither cell nor score is written. Does a thread do that at the end?",
            lambda grid, block, a: {"cell": a["cell"], "score": a["score"]},
        ),
        Mistake(
            "map-0-only", "every block answers for map 0. Where do the cells of this block's map begin?", _of_map_0
        ),
        Mistake(
            "first-round-only",
            "only the first 32 cells of a map are looked at. Where is the loop over a lane's cells?",
            _first_round,
        ),
        Mistake(
            "half-the-lanes",
            "what lanes 16 to 31 have found never reaches lane 0. Look at the first distance, and at the width if you give "
            "one.",
            (_of_lanes(lambda lane: lane < 16), _of_lanes(lambda lane: lane >= 16)),
        ),
        Mistake(
            "even-lanes-only",
            "what the odd lanes have found never reaches lane 0. Look at the last distance of the loop.",
            (_of_lanes(lambda lane: lane % 2 == 0), _of_lanes(lambda lane: lane % 4 == 0)),
        ),
        Mistake(
            "lane-0-only",
            "only the cells of lane 0 are looked at. Does the shuffle's value get into the comparison?",
            _of_lanes(lambda lane: lane == 0),
        ),
        Mistake(
            "cell-stays",
            "the score is right, the cell is not: the value travels from lane to lane, the number of its cell must travel "
            "with it.",
            (_own_cell, _lane_number),
        ),
        Mistake(
            "starts-at-zero",
            "the score is 0 where all numbers of a map are negative, and no cell holds a 0. What should a lane start from?",
            seen=_started_at_zero,
        ),
        Mistake(
            "tie-rule",
            _tie_told,
            seen=lambda cases, expected, outcomes: clean(outcomes) and _tie(cases, outcomes) is not None,
        ),
        Mistake("alone", _alone_told, seen=_alone),
        Mistake(
            "uses-shared-memory",
            "the answer is right, and the kernel goes through shared memory. The exercise asks for shuffles: nothing "
            "__shared__ is needed.",
            seen=lambda cases, expected, outcomes: clean(outcomes) and any(o.value["shared"] for o in outcomes),
        ),
    ),
    hints=(
        "First without shuffles: what does lane t know after it has gone alone through its cells t, t + 32, t + 64, ...? "
        "Two numbers. What are they if it has no cell?",
        "Five steps, distances 16, 8, 4, 2, 1, as in the sum of notebook 10; but a lane takes two numbers from the other "
        "one, both before it compares anything. All 32 lanes do this in every step.",
        "float v = __shfl_down_sync(0xffffffffu, best, d); int c = __shfl_down_sync(0xffffffffu, at, d); then "
        "if (v > best || (v == best && c < at)) take both.",
    ),
)  # fmt: skip
