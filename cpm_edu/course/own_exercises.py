"""Exercises of an instructor's own: Python files with `EXERCISES`, beside the students' notebook or in an overlay.

An own exercise of a known id takes that one's place; any other comes after those of the course.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from .exercise import Exercise
from .exercises import all_exercises

__all__ = ["FOLDER", "exercises_here", "exercises_of_text", "exercises_with", "find_here", "read_exercises"]

FOLDER = "own_exercises"  # beside the notebook


def read_exercises(files: Iterable[Path]) -> tuple[Exercise, ...]:
    """The `EXERCISES` of Python files, in the order of their names.

    Raises:
        ValueError: a file does not run, has no `EXERCISES`, or defines an id that another one has.
    """
    return _read(tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(files)))


def exercises_with(own: Iterable[Exercise]) -> tuple[Exercise, ...]:
    """The exercises of the course with an instructor's own ones in their place or after them."""
    replaced = {exercise.id: exercise for exercise in own}
    known = [replaced.pop(exercise.id, exercise) for exercise in all_exercises()]
    return (*known, *replaced.values())


def exercises_here(folder: Path | str | None = None) -> tuple[Exercise, ...]:
    """The exercises that count for a notebook in `folder` (default: where Python was started)."""
    return exercises_with(read_exercises(Path(folder or ".", FOLDER).glob("*.py")))


def find_here(id: str, folder: Path | str | None = None) -> Exercise:
    """The exercise of this id, own ones included.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    known = {exercise.id: exercise for exercise in exercises_here(folder)}
    if id in known:
        return known[id]
    by_name = {exercise.name: exercise.id for exercise in known.values()}
    near = difflib.get_close_matches(str(id), known, 1) or [
        by_name[name] for name in difflib.get_close_matches(str(id), by_name, 1)
    ]
    raise ValueError(f"no exercise {id!r}" + (f"; did you mean {near[0]}?" if near else ""))


def exercises_of_text(text: str, path: Path) -> tuple[Exercise, ...]:
    """The `EXERCISES` of a Python file's text.

    Args:
        path: of the file, for messages.

    Raises:
        ValueError: it does not run, or has no `EXERCISES`.
    """
    module = ModuleType(f"cpm_edu_own_exercises_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where its dataclasses look themselves up
    try:
        exec(compile(text, str(path), "exec"), module.__dict__)
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [0])[-1]
        raise ValueError(f"{path}:{line}: {type(error).__name__}: {error}") from error
    exercises = getattr(module, "EXERCISES", None)
    if not isinstance(exercises, tuple | list) or not all(isinstance(e, Exercise) for e in exercises):
        raise ValueError(f"{path}: no EXERCISES, a tuple of cpm_edu.course.exercise.Exercise")
    return tuple(exercises)


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[str, int, int], ...]) -> tuple[Exercise, ...]:
    """Those of files, each given as (path, time, size), so that a changed file is read again."""
    found: dict[str, tuple[Exercise, str]] = {}
    for path, _, _ in files:
        for exercise in exercises_of_text(Path(path).read_text(encoding="utf-8"), Path(path)):
            if exercise.id in found:
                raise ValueError(f"{path}: {exercise.id} is defined in {found[exercise.id][1]} too")
            found[exercise.id] = (exercise, path)
    return tuple(exercise for exercise, _ in found.values())
