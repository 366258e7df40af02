"""The exercises, in the order of the course: one module an assignment, each with its `EXERCISES`."""

from __future__ import annotations

import difflib
from functools import cache

from ..exercise import Exercise

__all__ = ["ASSIGNMENTS", "all_exercises", "exercises_of", "find"]

ASSIGNMENTS = {
    "A1": "from pixels to cells, and the Gaussian target",
    "A2": "the center map, and what a layer can see",
    "A3": "a stage, and a loss on every one of them",
    "A4": "below one cell, and the flip test",
    "A5": "PCK and OKS",
    "A6": "a kernel that is right, then one that is fast",
    "A7": "train on people or things of your own",
}


@cache
def all_exercises() -> tuple[Exercise, ...]:
    """Every exercise of the course, in order."""
    from . import a1, a2, a3, a4, a5, a6, a7

    return tuple(exercise for module in (a1, a2, a3, a4, a5, a6, a7) for exercise in module.EXERCISES)


def exercises_of(assignment: str) -> tuple[Exercise, ...]:
    """Those of one assignment, such as "A1".

    Raises:
        ValueError: there is no such assignment.
    """
    if assignment not in ASSIGNMENTS:
        raise ValueError(f"no assignment {assignment!r}; there are {', '.join(ASSIGNMENTS)}")
    return tuple(exercise for exercise in all_exercises() if exercise.assignment == assignment)


def find(id: str) -> Exercise:
    """The exercise of this id.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    known = {exercise.id: exercise for exercise in all_exercises()}
    if id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, 1) or difflib.get_close_matches(
        str(id), [e.name for e in known.values()], 1
    )
    raise ValueError(f"no exercise {id!r}" + (f"; did you mean {near[0]}?" if near else ""))
