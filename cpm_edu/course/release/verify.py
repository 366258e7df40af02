"""A release tried out before anybody gets it: masters pass, stubs do not, students' checks work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..calls import local_source
from ..exercise import Exercise, Verdict
from ..judge import PUBLIC_SEED, judge
from ..own_exercises import exercises_here
from ..student_files import read_student_file
from .student_edition import Edition

__all__ = ["problems_of_edition", "verdict_on"]

OTHER_SEED = 1  # hidden cases, where no seed is given
SECONDS = 60.0  # for all cases; a master may be slow


def verdict_on(path: Path, exercise: Exercise, seeds: Sequence[int] = (PUBLIC_SEED,)) -> Verdict:
    """The verdict on one exercise of a notebook or Python file, run in this process."""
    source = read_student_file(path).source_of(exercise.name).source
    return judge(exercise, local_source(exercise, source, seconds=SECONDS), seeds)


def problems_of_edition(edition: Edition, folder: Path, seed: int | None) -> list[str]:
    """What is wrong with an edition that was written to `folder`; [] where all is right.

    Every master must pass the public and the hidden cases; every stub, from the notebook and from the Python file,
    must not pass; the exercises that students' checks find must be the ones that are graded.
    """
    problems, master = [], edition.assigned.master
    found = {exercise.id: exercise for exercise in exercises_here(folder)}
    lines = {section.id: section.line for section in master.sections}
    for exercise in edition.assigned.exercises:
        public = found.get(exercise.id)
        try:
            wrong = (
                _wrong(edition, folder, exercise, public, (PUBLIC_SEED, seed or OTHER_SEED))
                if public
                else f"students have no {exercise.id}: is it within HIDDEN markers?"
            )
        except Exception as error:  # cases, reference and mistakes are an author's code
            wrong = f"{exercise.id} cannot be judged: {type(error).__name__}: {error}"
        problems += [f"{master.path}:{lines[exercise.id]}: {wrong}"] if wrong else []
    return problems


def _wrong(edition: Edition, folder: Path, exercise: Exercise, public: Exercise, seeds: Sequence[int]) -> str:
    """The first thing that is wrong with one exercise, or ""."""
    path = edition.assigned.master.path
    verdict = verdict_on(path, exercise, seeds)
    if verdict.status != "pass":
        return f"the master fails: {verdict.message}"
    if public is not exercise and (verdict := verdict_on(path, public)).status != "pass":
        return f"the master fails the check that students have: {verdict.message}"
    for name in (edition.notebook, edition.script):
        verdict = verdict_on(folder / name, public)
        if verdict.status == "pass":
            return f"the stub of {exercise.id} in {name} passes"
        if verdict.status == "fix" and exercise.engine != "kernel":
            return f"the stub in {name} does not say that it is not written: {verdict.message}"
    return ""
