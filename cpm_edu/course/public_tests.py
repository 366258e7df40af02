"""The same verdicts as `check`, for pytest: on the student's notebook or .py file, whichever was worked in.

A test file beside them holds two lines:

    from cpm_edu.course.public_tests import exercise_tests
    test_exercise = exercise_tests("A1", __file__)

`pytest -k ex02` runs one. CPM_EDU_FILE, or `--answers FILE` where a conftest.py imports `pytest_addoption` from here,
names another file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from .calls import local_source
from .exercise import Exercise, Verdict
from .judge import judge
from .own_exercises import exercises_here
from .student_files import NotInFile, StudentFile, Unreadable, pick_file, read_student_file
from .verdict_text import verdict_text

__all__ = ["VARIABLE", "answers_in", "exercise_tests", "pytest_addoption", "verdict_of"]

VARIABLE = "CPM_EDU_FILE"


def verdict_of(file: StudentFile | str | Path, exercise: Exercise) -> Verdict:
    """What one exercise gets, from what the file says: its function is cut out, and only that is executed, here.

    Notes on the file (cells that do not parse, several definitions) stand behind the message.

    Raises:
        Unreadable, OSError: a path that cannot be read.
    """
    file = file if isinstance(file, StudentFile) else read_student_file(file)
    try:
        found = file.source_of(exercise.name)
    except NotInFile as error:
        return Verdict(exercise.id, "todo", message=f"{exercise.id} {exercise.name}: {error}")
    verdict = judge(exercise, local_source(exercise, found.source), where=found.where)
    if verdict.status == "pass" or not found.notes:
        return verdict
    return replace(verdict, message=" ".join([verdict.message, *found.notes]))


def answers_in(
    folder: Path, assignment: str, exercises: Sequence[Exercise], named: str = ""
) -> tuple[StudentFile, str]:
    """The file to test, and a sentence where there was a choice: `named`, or the one most is written in.

    Raises:
        Unreadable: none can be read.
        OSError: the one that is named cannot be opened.
    """
    if named:
        return read_student_file(Path(named).expanduser()), ""
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in (".ipynb", ".py")
        and path.name.lower().startswith(assignment.lower())
        and path.is_file()
    ]
    if not found:
        raise Unreadable(
            f"there is no {assignment}*.ipynb and no {assignment.lower()}*.py in {folder}; {VARIABLE}=FILE names another"
        )
    return pick_file(found, [exercise.name for exercise in exercises])


def exercise_tests(assignment: str, file: str, only: Sequence[str] = ()) -> Callable:
    """A pytest function with one test an exercise, named by its id: `test_exercise[ex02-gaussian_map]`.

    Args:
        assignment: "A1".
        file: the test file's `__file__`; the student's file, and an instructor's own exercises, lie beside it.
        only: ids; default all of the assignment.
    """
    import pytest

    folder = Path(file).resolve().parent
    exercises = [e for e in exercises_here(folder) if (e.id in only if only else e.assignment == assignment)]

    told: list[str] = []  # which file was taken is said once

    @cache
    def answers(named: str) -> tuple[StudentFile, str]:
        return answers_in(folder, assignment, exercises, named)

    @pytest.mark.parametrize("exercise", exercises, ids=[f"{e.id}-{e.name}" for e in exercises])
    def test_exercise(exercise: Exercise, request) -> None:
        named = request.config.getoption("--answers", default=None) or os.environ.get(VARIABLE, "")
        try:
            found, choice = answers(named)
        except (Unreadable, OSError) as error:
            pytest.fail(str(error), pytrace=False)
        verdict = verdict_of(found, exercise)
        if verdict.status != "pass":
            where = choice if choice and not told else f"(in {found.path.name})"
            told.append(where)
            pytest.fail(f"{verdict_text(verdict, exercise)}\n  {where}", pytrace=False)

    return test_exercise


def pytest_addoption(parser) -> None:
    """For a conftest.py: the option `--answers FILE`."""
    parser.addoption("--answers", default=None, metavar="FILE", help="the notebook or .py file to test")
