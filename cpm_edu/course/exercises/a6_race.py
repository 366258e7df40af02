"""ex24: a kernel that smooths rows in shared memory, with races to find and to cure."""

from __future__ import annotations

import numpy as np

from ..exercise import Exercise, Mistake
from .kernel_mistakes import (
    BARRIERS,
    KERNEL,
    RACES,
    STOPPED,
    clean,
    faults,
    faults_of,
    reported,
    same_launch,
)

__all__ = ["RACE"]

UNWRITTEN = -1.0


def _case(maps, rounds, block):
    """A block for every row."""
    maps = np.atleast_2d(np.asarray(maps, np.float32))
    out = np.full(maps.shape, UNWRITTEN, np.float32)
    return (len(maps),), (block,), {"n": maps.shape[1], "rounds": rounds, "maps": maps, "out": out}


def _cases(rng):
    yield _case([0, 0, 4, 0], 1, 32)  # 0, 1, 2, 1
    yield _case([8, 0, 0, 0, 0, 0], 2, 32)
    yield _case(rng.uniform(0, 1, (2, 40)), 1, 64)
    yield _case(rng.uniform(0, 1, (2, 40)), 3, 64)
    yield _case(rng.uniform(0, 1, (1, 64)), 2, 64)  # nobody is left over
    yield _case(rng.uniform(-1, 1, (1, 200)), 4, 256)
    yield _case(rng.uniform(0, 1, (3, 1)), 2, 32)
    yield _case(rng.uniform(0, 1, (1, 7)), 0, 32)


def _smooth(maps, rounds, edge="edge", weights=(0.25, 0.5, 0.25)):
    for _ in range(rounds):
        wide = np.pad(maps, ((0, 0), (1, 1)), edge)
        maps = weights[0] * wide[:, :-2] + weights[1] * wide[:, 1:-1] + weights[2] * wide[:, 2:]
    return maps.astype(np.float32)


def _reference(grid, block, arguments):
    return {"out": _smooth(arguments["maps"], arguments["rounds"])}


def _wrong(make):
    return lambda grid, block, a: {"out": make(a["maps"], a["rounds"])}


def _raced(cases, outcomes, rounds):
    """Whether launches of so many rounds race; `rounds` tells which."""
    raced = [
        bool(faults_of([outcome], RACES))
        for (_, _, a), outcome in zip(cases, outcomes, strict=False)
        if rounds(a["rounds"]) and a["n"] > 1
    ]
    return bool(raced) and all(raced)


def _barriers_in_loop(cases, outcomes):
    """Whether a launch of several rounds met more than the one barrier before the loop."""
    met = [
        outcome.value["barriers"] > 1
        for (_, _, a), outcome in zip(cases, outcomes, strict=False)
        if a["rounds"] > 1 and isinstance(outcome.value, dict)
    ]
    return any(met)


def _loaded_in_order(cases, outcomes):
    """Whether a barrier stands between loading and the loop: it is met where there is no round, too."""
    return any(
        outcome.value["barriers"] > 0
        for (_, _, a), outcome in zip(cases, outcomes, strict=False)
        if a["rounds"] == 0 and isinstance(outcome.value, dict)
    )


def _told(then, kinds=RACES):
    def words(cases, expected, outcomes):
        return f"{reported(faults_of(outcomes, kinds)[0])}. {then}"

    return words


def _alone(cases, expected, outcomes):
    return clean(outcomes) and any(
        outcome.value["reads"] > 4 for (_, _, a), outcome in zip(cases, outcomes, strict=False) if a["n"] > 4
    )


def _same(value, expected):
    return same_launch(value, expected) and value["reads"] <= 4


RACE = Exercise(
    **KERNEL,
    id="ex24",
    name="RACE_KERNEL",
    title="Two races to find and to cure",
    minutes=35,
    points=4,
    starred=True,
    cases=_cases,
    reference=_reference,
    same=_same,
    mistakes=(
        *STOPPED,
        Mistake(
            "barrier-in-branch",
            _told(
                "A barrier waits for all threads of the block, also for those with t >= n: they must neither go past it nor "
                "leave the kernel before it.",
                BARRIERS,
            ),
            seen=lambda cases, expected, outcomes: bool(faults_of(outcomes, BARRIERS)),
        ),
        Mistake(
            "one-warp-only",
            _told(
                "The barrier that stands there puts the lanes of one warp in order. These two threads sit in two warps.",
                ("syncwarp-too-narrow",),
            ),
            seen=lambda cases, expected, outcomes: bool(faults_of(outcomes, ("syncwarp-too-narrow",))),
        ),
        Mistake(
            "no-barrier-in-loop",
            _told(
                "There is one barrier, before the loop, and none in it. In one round every thread reads its neighbours and "
                "writes its own cell: what must have happened before anyone writes?"
            ),
            seen=lambda cases, expected, outcomes: _raced(cases, outcomes, lambda r: r > 0)
            and not _barriers_in_loop(cases, outcomes),
        ),
        Mistake(
            "writes-too-early",
            _told(
                "Your barrier makes a round wait for the one before. Within a round a thread still writes its cell while "
                "a neighbour has yet to read it."
            ),
            seen=lambda cases, expected, outcomes: _raced(cases, outcomes, lambda r: r > 0)
            and _loaded_in_order(cases, outcomes),
        ),
        Mistake(
            "reads-too-early",
            _told(
                "One round alone is in order now. But the next round begins to read before everybody has written: "
                "one race is cured, one is left."
            ),
            seen=lambda cases, expected, outcomes: _raced(cases, outcomes, lambda r: r > 1)
            and not _raced(cases, outcomes, lambda r: r == 1)
            and _loaded_in_order(cases, outcomes),
        ),
        *faults("endless-loop", "no-guard", "array-too-small", "uninitialised-shared", "race"),
        Mistake(
            "nothing-written",
            "the kernel runs, and out is never written.",
            lambda grid, block, a: {"out": a["out"]},
        ),
        Mistake(
            "not-smoothed", "out is a copy of maps: the rounds are gone.", _wrong(lambda maps, rounds: maps)
        ),
        Mistake(
            "one-round-off",
            "there is one round too many or too few. Keep the loop's condition as it was.",
            (
                _wrong(lambda maps, rounds: _smooth(maps, rounds + 1)),
                _wrong(lambda maps, rounds: _smooth(maps, max(rounds - 1, 0))),
                _wrong(lambda maps, rounds: _smooth(maps, min(rounds, 1))),
            ),
        ),
        Mistake(
            "edges-changed",
            "the first and the last cell are not what the given kernel makes of them: at an edge the missing neighbour is the "
            "cell itself.",
            (
                _wrong(lambda maps, rounds: _smooth(maps, rounds, "constant")),
                _wrong(lambda maps, rounds: _smooth(maps, rounds, "wrap")),
            ),
        ),
        Mistake(
            "alone",
            "no race is left, because one thread does the work of all. Let every thread keep its cell, and make them wait.",
            seen=_alone,
        ),
    ),
    hints=(
        "Run the given kernel under the microscope with one round, then with two. Which two lines race, and is the one who "
        "comes too early a reader or a writer?",
        "Two moments of a round must not mix: all have read, then all have written. Each needs a barrier after it, and a "
        "barrier is for all threads of the block, also for those with t >= n.",
        "Keep the new number in a variable that is declared before the `if`; barrier; `if (t < n) row[t] = mean;` barrier.",
    ),
)  # fmt: skip
