"""The table: cells that no spreadsheet computes, totals, and points that people give."""

import csv
import io

import pytest

from cpm_edu.course.grading.overrides import read_overrides, start_overrides
from cpm_edu.course.grading.records import Graded
from cpm_edu.course.grading.results import results_of
from cpm_edu.course.grading.table import grades_csv, number, safe_cell

from .graded_class import PARTS, by_hand, record, result, rows_of

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", "a;=1", "a,=1", "a|@b", "a\n=1", "=cmd|'/C calc'!A0"]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text):
    """Nor is it one where a spreadsheet splits at semicolons."""
    safe = safe_cell(text)
    assert not any(c in safe for c in "\t\r\n")
    for piece in safe.replace(";", ",").replace("|", ",").split(","):
        assert piece.lstrip()[:1] not in tuple("=+-@＝＋－＠"), safe


def test_ordinary_names_stay():
    for name in ("Ada Lovelace", "Jean-Luc O'Neill", "a-b", "x=y", "me@example.org", "日本", "1-2"):
        assert safe_cell(name) == name


def test_half_letters_and_controls_can_be_written():
    assert safe_cell("a\ud800\x00b").encode() == b"a? b"


def test_numbers():
    assert [number(x) for x in (3, 2.5, 0, 0.125, 10.0, 1 / 3)] == ["3", "2.5", "0", "0.12", "10", "0.33"]


def test_a_row_by_hand():
    data = grades_csv([result(id="1042", notes=("Cell 7 was skipped.",), late=True, looks=("late",))], PARTS)
    assert data.startswith(b"\xef\xbb\xbfstudent,id,ex01,ex02,ex16,a1q1,total,max,isolated,notes\r\n")
    assert rows_of(data)["Ada"] == {
        "student": "Ada", "id": "1042", "ex01": "3", "ex02": "0", "ex16": "0", "a1q1": "", "total": "3", "max": "10",
        "isolated": "yes", "notes": "late | Cell 7 was skipped | not graded yet: a1q1",
    }  # fmt: skip
    assert not grades_csv([], PARTS, mark=False).startswith(b"\xef\xbb\xbf")


def test_starred_points_are_extra():
    passed = [Graded(part.id, "pass") for part in PARTS.exercises]
    row = rows_of(grades_csv([result("Ada", *passed)], PARTS))["Ada"]
    assert (row["total"], row["max"]) == ("12", "10"), "3 + 4 + 5, of 3 + 4 and 3 for the question"


def test_without_a_sandbox_every_row_says_so():
    rows = rows_of(grades_csv([result("Ada", isolated=False), result("Ben", isolated=False)], PARTS))
    assert {row["isolated"] for row in rows.values()} == {"NO"}


def test_points_given_by_hand_count():
    given = by_hand("Ada", "ex02", 1.5) | by_hand("Ada", "a1q1", 2, "good") | by_hand("Ben", "ex01", 0)
    results = results_of([record("Ada"), record("Ben")], PARTS, given)
    rows = rows_of(grades_csv(results, PARTS))
    assert (rows["Ada"]["ex02"], rows["Ada"]["a1q1"], rows["Ada"]["total"]) == ("1.5", "2", "6.5")
    assert rows["Ada"]["notes"] == "ex02 given by hand"
    assert (rows["Ben"]["ex01"], rows["Ben"]["total"]) == ("0", "0"), "also fewer points than the checker's"


# ---- the instructor's file


def read(tmp_path, text, students=("Ada", "Ben"), ids=("1", "2"), encoding="utf-8"):
    path = tmp_path / "overrides.csv"
    path.write_bytes(text.encode(encoding))
    names = dict(zip(students, ids, strict=True))
    return read_overrides([path], names, {part.id for part in PARTS.parts})


def test_a_file_of_overrides(tmp_path):
    found, warnings = read(
        tmp_path,
        "student,exercise,points,comment\nAda,ex02,4,typo\nada,A1Q1,2,\n2,ex01,0.5,by number\nBen,ex02,,not yet\n\n",
    )
    assert {key: (o.points, o.comment) for key, o in found.items()} == {
        ("Ada", "ex02"): (4, "typo"), ("Ada", "a1q1"): (2, ""), ("Ben", "ex01"): (0.5, "by number"),
    }  # fmt: skip
    assert not warnings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252"])
def test_as_a_spreadsheet_saves_it(tmp_path, encoding):
    """Semicolons, decimal commas, a byte order mark, other columns, the apostrophe of our own table."""
    found, _ = read(
        tmp_path,
        "Student;x;Exercise;Points;Comment\r\nJörg;;ex02;2,5;schön\r\n'=1;;ex01;1;\r\n",
        students=("Jörg", "=1"),
        encoding=encoding,
    )
    assert found["Jörg", "ex02"].points == 2.5
    assert found["Jörg", "ex02"].comment == "schön"
    assert ("=1", "ex01") in found


def test_the_later_line_counts(tmp_path):
    found, _ = read(tmp_path, "student,exercise,points\nAda,ex01,1\nAda,ex01,2\n")
    assert found["Ada", "ex01"].points == 2


def test_a_name_of_nobody_is_told(tmp_path):
    found, warnings = read(tmp_path, "student,exercise,points\nAdda,ex01,1\n")
    assert not found
    assert warnings == [
        f"{tmp_path}/overrides.csv, line 2: nobody here is called 'Adda'; did you mean 'Ada'?"
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("student,exercise,points\nAda,ex99,1\n", "line 2: no exercise 'ex99' here; there are a1q1, ex01"),
        ("student,exercise,points\nAda,ex01,many\n", "line 2: points are a number from 0 on, not 'many'"),
        ("student,exercise,points\nAda,ex01,-1\n", "line 2: points are a number from 0 on, not '-1'"),
        ("student,exercise,points\nAda,ex01,nan\n", "line 2: points are a number from 0 on, not 'nan'"),
        ("student,points\nAda,1\n", "exercise is missing"),
    ],
)
def test_lines_that_are_refused(tmp_path, text, says):
    with pytest.raises(ValueError, match=r"overrides\.csv") as error:
        read(tmp_path, text)
    assert says in str(error.value)


def test_the_file_is_begun_and_never_written_over(tmp_path):
    path = tmp_path / "overrides.csv"
    start_overrides(path)
    assert next(csv.reader(io.StringIO(path.read_text()))) == ["student", "exercise", "points", "comment"]
    path.write_text("mine")
    start_overrides(path)
    assert path.read_text() == "mine"
