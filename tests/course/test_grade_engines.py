"""Grading through every engine: networks in torch, and kernels run by the emulator."""

import pytest
from command_line import run
from conftest import skip_or_fail

from cpm_edu.course.exercises import exercises_of
from cpm_edu.kernels.libraries import load
from cpm_edu.kernels.toolchain import BackendUnavailable

from .bank_cells import entries
from .graded_class import rows_of
from .rooms import sandbox
from .test_submissions import put

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("assignment", ["A3", "A6", "A7"])
def test_right_and_wrong(assignment, tmp_path):
    """One who has all exercises right, and one whose every answer is the first wrong one of the bank."""
    sandbox()
    if assignment == "A6":
        try:
            load("cpp")
        except BackendUnavailable as error:
            skip_or_fail("cpp", str(error))
    exercises = exercises_of(assignment)
    first = {
        kind: [next(e for e in entries(x) if e.kind == kind and e.mistake != "delegates") for x in exercises]
        for kind in ("right", "wrong")
    }
    files = {f"{kind}.py": "\n\n".join(entry.source for entry in found) for kind, found in first.items()}
    place = put(tmp_path / "in", **files)
    assert (
        run("grade", place, "--assignment", assignment, "--seed", 7, "--out", tmp_path / "out" / "g.csv") == 0
    )
    rows = rows_of(tmp_path / "out" / "g.csv")
    summary = (tmp_path / "out" / "class_summary.html").read_text()
    for right, wrong, exercise in zip(first["right"], first["wrong"], exercises, strict=True):
        assert rows["right"][exercise.id] == str(exercise.points), right
        assert rows["wrong"][exercise.id] == "0", wrong
        assert f">{wrong.mistake}<" in summary
