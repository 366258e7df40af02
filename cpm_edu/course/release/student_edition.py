"""What students of one assignment receive: the notebook, the same as a Python file, and the public tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..own_exercises import FOLDER
from .markers import without_hidden
from .master import student_cells
from .overlay import Assigned
from .percent import Cell, MasterError, notebook_text, percent_text

__all__ = ["Edition", "student_edition"]

PUBLIC_TESTS = '''\
"""The public tests of {name}: `pytest` tries every exercise, `pytest -k {first}` one."""

from cpm_edu.course.public_tests import exercise_tests

test_exercise = exercise_tests("{name}", __file__, only=[{only}])
'''


@dataclass(frozen=True)
class Edition:
    """The files of one assignment, from a path below its folder to the text.

    Args:
        notebook: name of the notebook among `files`.
        script: name of the same as a Python file.
    """

    assigned: Assigned
    notebook: str
    script: str
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write every file below `folder`, which is made."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())


def student_edition(assigned: Assigned, own_files: Sequence[Path] = ()) -> Edition:
    """The student edition of an assignment.

    Args:
        own_files: exercises of the instructor's own that students need for their checks.

    Raises:
        MasterError: a solution that no stub can replace, or wrong markers in a file of exercises.
    """
    master = assigned.master
    if master is None:
        raise MasterError([f"{assigned.name}: there is no master"])
    cells, problems = student_cells(master)
    notebook, script = f"{master.stem}.ipynb", f"{master.assignment.lower()}.py"
    ids = [exercise.id for exercise in assigned.exercises]
    files = {
        notebook: notebook_text(cells, master.stem),
        script: percent_text(_with_a_word_before(cells, notebook)),
    }
    if ids:
        only = ", ".join(f'"{id}"' for id in ids)
        files[f"test_{script}"] = PUBLIC_TESTS.format(name=assigned.name, first=ids[0], only=only)
    for path in own_files:
        text, wrong = without_hidden(path.read_text(encoding="utf-8"), str(path))
        files[f"{FOLDER}/{path.name}"] = text
        problems += wrong
    if problems:
        raise MasterError(problems)
    return Edition(assigned, notebook, script, files)


def _with_a_word_before(cells: list[Cell], notebook: str) -> list[Cell]:
    """The cells of the Python file, whose first one says that it is the notebook's twin."""
    words = f"*The same as {notebook}, for editors that run `# %%` cells. Work in one of the two and hand that one in.*"
    return [Cell(cells[0].kind, f"{cells[0].text}\n\n{words}", cells[0].tags), *cells[1:]]
