"""What the tests of grading share: parts and results made by hand, and a class of assignment A9."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from cpm_edu.course.exercise import Outcome
from cpm_edu.course.grading.bubblewrap import ROOM, USERS
from cpm_edu.course.grading.overrides import Override
from cpm_edu.course.grading.records import Graded, Record
from cpm_edu.course.grading.results import Part, Parts, Result, results_of

EVIL = "<script>alert(1)</script>\"'&`**x**[y](javascript:z)"
PARTS = Parts(
    "A1",
    "from pixels to cells",
    (
        Part("ex01", "Cells", 3, name="cells", hints=("one?", "two", "three")),
        Part("ex02", "A map", 4, name="gaussian_map", hints=("1?", "2", "3")),
        Part("ex16", "Extra", 5, starred=True, name="dark", hints=("1?", "2", "3")),
        Part("a1q1", "Explain", 3, by_hand=True, text="Why?", sample="So.", rubric="1 point each."),
    ),
)


def record(student: str = "Ada", *graded: Graded, **other) -> Record:
    """A record of exercises ex01, ex02, ex16: right, swapped, not written, unless told otherwise."""
    graded = graded or (
        Graded("ex01", "pass"),
        Graded("ex02", "fix", "xy-swapped", "ex02 gaussian_map: x and y are swapped.", {"input": "a", "yours": "b", "expected": "c"}),
        Graded("ex16", "todo", message="ex16 dark: not written yet."),
    )  # fmt: skip
    given = {
        "key": "k", "id": "", "file": "A1.ipynb", "digest": "0123", "isolated": True, "late": False, "notes": (),
        "looks": (), "texts": {"a1q1": "because"},
    }  # fmt: skip
    return Record(student=student, graded=graded, **given | other)


def result(student: str = "Ada", *graded: Graded, overrides: dict | None = None, **other) -> Result:
    (one,) = results_of([record(student, *graded, **other)], PARTS, overrides or {})
    return one


def by_hand(student: str, exercise: str, points: float, comment: str = "") -> dict:
    return {(student, exercise): Override(points, comment)}


def rows_of(data: bytes | Path) -> dict[str, dict[str, str]]:
    """{student: row} of a table."""
    data = data.read_bytes() if isinstance(data, Path) else data
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    return {row["student"]: row for row in rows}


def own_temporary_folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder for all temporary files of a test, so that what it leaves is not taken for another's."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def rooms_that_stay(seconds: float = 150) -> list[str]:
    """Processes of rooms that live now and still do after a while; those of other tests end by themselves."""
    ours = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real in USERS or str(ROOM / "worker.py") in process.cmdline():
                ours.append(process)
    _, alive = psutil.wait_procs(ours, timeout=seconds)
    return [str(process) for process in alive if process.status() != psutil.STATUS_ZOMBIE]


# ---- submissions to assignment A9 of release_example.py

RIGHT = "def double(x):\n    return 2 * x\n\n\ndef corner(array):\n    return array[-1, -1]\n"
SQUARED = "def double(x):\n    return x**2\n\n\ndef corner(array):\n    return array[-1, -1]\n"
STUB = 'def double(x):\n    raise NotImplementedError("ex91: write double")\n'


def notebook(*cells: str, answer: str = "") -> str:
    """A notebook of these code cells and an answer to a9q1."""
    made = [
        {"cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None}
        for c in cells
    ]
    made.append({"cell_type": "markdown", "source": f"**Your answer (a9q1)**\n\n{answer}", "metadata": {}})
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


class Bare:
    """The interface of a sandbox without one: for tests of what happens around it."""

    isolated = True

    @contextmanager
    def room(self, slot=0, limits=None):
        yield self

    def student(self, exercise, source):
        def call(*arguments):
            names = {}
            try:
                exec(source, names)
                return Outcome(names[exercise.name](*arguments))
            except NotImplementedError as error:
                return Outcome(error="NotWritten", message=str(error))
            except Exception as error:
                line = traceback.extract_tb(error.__traceback__)[-1].lineno
                return Outcome(error=type(error).__name__, message=str(error), line=line)

        return call
