"""A class of many kinds of submissions is graded: every point as expected, and nothing is left behind.

By default 48 of them; CPM_EDU_CLASS=200 takes 200, all wrong answers and attacks that there are.
"""

import os
import time
from pathlib import Path

import pytest
from command_line import run

from cpm_edu.course.grading.bubblewrap import USERS
from cpm_edu.course.grading.records import read_record
from cpm_edu.course.grading.table import number

from .graded_class import own_temporary_folder, rooms_that_stay, rows_of
from .rooms import sandbox
from .synthetic_class import EXERCISES, write_class

COUNT = int(os.environ.get("CPM_EDU_CLASS", "48"))
LONGEST_S = 600


def left_behind() -> list[str]:
    """Files of a room's user in the folders that anybody can write to."""
    found = []
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        for path in Path(folder).glob("*"):
            try:
                if path.lstat().st_uid in USERS:
                    found.append(str(path))
            except OSError:
                continue
    return found


@pytest.mark.slow
def test_a_whole_class(tmp_path, capsys, monkeypatch):
    sandbox()
    students = write_class(tmp_path / "in", COUNT)
    assert len(students) == COUNT
    temporary = own_temporary_folder(tmp_path, monkeypatch)
    began = time.monotonic()
    out = tmp_path / "out" / "grades.csv"
    options = ["--assignment", "A1", "--seed", 20261, "--out", out, "--feedback", tmp_path / "feedback"]
    assert run("grade", tmp_path / "in", *options) == 0
    seconds = time.monotonic() - began
    rows = rows_of(out)
    assert list(rows) == sorted(students)
    faults = []
    for name, student in students.items():
        row, kept = rows[name], read_record(out.with_name("grades.records"), name)
        for exercise in EXERCISES:
            if row[exercise.id] != number(student.points[exercise.id]):
                faults.append(
                    f"{name}: {exercise.id} {row[exercise.id]} points, expected {student.points[exercise.id]}"
                )
            (graded,) = (g for g in kept.graded if g.exercise == exercise.id)
            wanted = student.mistakes.get(exercise.id, {""})
            if graded.mistake not in wanted:
                faults.append(
                    f"{name}: {exercise.id} {graded.mistake!r} ({graded.message}), expected {wanted}"
                )
        if student.look not in " ".join(kept.looks):
            faults.append(f"{name}: {kept.looks}, expected {student.look!r}")
        if row["total"] != number(sum(student.points.values())) or row["isolated"] != "yes":
            faults.append(f"{name}: total {row['total']}, isolated {row['isolated']}")
    with capsys.disabled():
        print(
            f"\n{COUNT} submissions in {seconds:.0f} s ({os.cpu_count()} cores), {len(faults)} not as expected"
        )
    assert not faults, "\n".join(faults)
    assert not rooms_that_stay()
    assert not left_behind()
    assert list(temporary.iterdir()) == []
    assert not list(tmp_path.rglob("climbed.py"))
    assert len(list((tmp_path / "feedback").glob("*.html"))) == COUNT
    if COUNT >= 200:
        assert seconds < LONGEST_S
