"""Grades into Moodle's worksheet, Canvas's gradebook and Gradescope's results.json."""

import csv
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from cpm_edu.course.grading.gradescope import results_json, write_autograder
from cpm_edu.course.grading.lms import fill_in, moodle_feedback
from cpm_edu.course.grading.records import Graded
from cpm_edu.course.grading.results import results_of
from cpm_edu.course.grading.submissions import Submission

from .graded_class import EVIL, PARTS, by_hand, record, result

MOODLE = (
    '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 1042","Ada Lovelace",ada@example.org,"Submitted for grading",,20.00,Yes,"Monday, 2 March 2026",-,\n'
    '"Participant 7","Ben Ng",ben@example.org,"No submission",,20.00,Yes,-,-,\n'
)
CANVAS = (
    "Student,ID,SIS Login ID,Section,A1 cells (501),A2 fields (502),Final Score\n"
    "    Points Possible,,,,10.00,10.00,(read only)\n"
    '"Lovelace, Ada",1042,ada,One,,8,\n'
    '"Ng, Ben",7,ben,One,3,,\n'
)


def filled(tmp_path, text, results, **options):
    worksheet, out = tmp_path / "given.csv", tmp_path / "given_graded.csv"
    worksheet.write_text(text, encoding="utf-8")
    warnings = fill_in(worksheet, out, results, PARTS, **options)
    assert worksheet.read_text(encoding="utf-8") == text, "the platform's own file stays"
    return list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig")))), warnings


def test_moodle_worksheet(tmp_path):
    """Ada has 3 of 10 points; the worksheet's scale goes to 20; who handed in nothing stays blank."""
    rows, warnings = filled(tmp_path, MOODLE, [result("Ada Lovelace", id="1042"), result("Cleo", id="99")])
    before = list(csv.reader(io.StringIO(MOODLE.lstrip("\ufeff"))))
    assert rows[0] == before[0]
    assert rows[2] == before[2]
    assert rows[1][4] == "6"
    assert rows[1][-1].startswith("3 of 10 points, 1 of 3 exercises passed; not graded yet: a1q1.")
    assert [rows[1][k] for k in range(9) if k != 4] == [before[1][k] for k in range(9) if k != 4]
    assert warnings == ["given.csv has no row for Cleo"]


def test_moodle_takes_no_more_than_its_maximum(tmp_path):
    passed = [Graded(part.id, "pass") for part in PARTS.exercises]
    best = results_of([record("Ada", *passed, id="1042")], PARTS, by_hand("Ada", "a1q1", 3))
    rows, _ = filled(tmp_path, MOODLE, best)
    assert rows[1][4] == "20", "15 of 10 points with the extra ones"


def test_canvas_gradebook(tmp_path):
    rows, warnings = filled(tmp_path, CANVAS, [result("lovelaceada", id="1042")])
    assert rows[2] == ["Lovelace, Ada", "1042", "ada", "One", "3", "8", ""]
    assert rows[1][4] == "10.00"
    assert rows[3][4] == "3", "who is not graded here keeps the grade"
    assert not warnings


def test_which_column_of_canvas(tmp_path):
    text = CANVAS.replace("A1 cells (501)", "cells (501)")
    with pytest.raises(ValueError, match=r"Name it by --lms-column; there are 'cells \(501\)', 'A2 fields"):
        filled(tmp_path, text, [result(id="1042")])
    rows, _ = filled(tmp_path, text, [result(id="1042")], column="cells (501)")
    assert rows[2][4] == "3"


def test_neither_of_them(tmp_path):
    with pytest.raises(ValueError, match="neither Moodle's grading worksheet"):
        filled(tmp_path, "a,b\n1,2\n", [result()])


def test_feedback_for_moodle(tmp_path):
    """Moodle finds the student by the folder's name; the bytes are the same every time."""
    page = tmp_path / "Ada.html"
    page.write_text("<p>well done")
    submissions = [
        Submission("Ada", "1", (), folder="Ada_1_assignsubmission_file_"),
        Submission("Ben", "2", (), folder="Ben_2_assignsubmission_file_A1.ipynb"),
        Submission("Cleo", "3", (), folder="Cleo_3_assignsubmission_onlinetext_"),
    ]
    for name in ("one.zip", "two.zip"):
        moodle_feedback(tmp_path / name, submissions, dict.fromkeys(["Ada", "Ben", "Cleo"], page))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == [
            f"{name}_assignsubmission_file_/feedback.html" for name in ("Ada_1", "Ben_2", "Cleo_3")
        ]
        assert archive.read(archive.namelist()[0]) == b"<p>well done"


def test_results_of_gradescope():
    hidden = Graded(
        "ex02", "fix", "xy-swapped", "ex02 gaussian_map: swapped.", {"expected": "SECRET"}, public=False
    )
    data = json.loads(results_json(result("Ada", Graded("ex01", "pass"), hidden, notes=(EVIL,)), PARTS))
    assert [(t["name"], t["score"], t["max_score"], t["status"]) for t in data["tests"]] == [
        ("ex01 Cells: passed", 3, 3, "passed"), ("ex02 A map: to fix", 0, 4, "failed"),
    ]  # fmt: skip
    assert data["tests"][1]["output"] == "Swapped."
    assert "SECRET" not in json.dumps(data)
    assert {t["output_format"] for t in data["tests"]} == {data["output_format"]} == {"text"}


def test_autograder_of_gradescope(tmp_path):
    write_autograder(tmp_path / "auto", "A1", 4711)
    for name in ("setup.sh", "run_autograder"):
        file = tmp_path / "auto" / name
        assert file.stat().st_mode & 0o111
        assert subprocess.run(["bash", "-n", file]).returncode == 0
    text = Path(tmp_path / "auto" / "run_autograder").read_text()
    assert "--assignment A1 --seed 4711" in text
    assert "--gradescope /autograder/results/results.json" in text
