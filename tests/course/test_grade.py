"""One submission: which of its files is graded, what is told, and what never is."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from cpm_edu.course.exercise import Exercise, Mistake, Verdict
from cpm_edu.course.exercises import ASSIGNMENTS
from cpm_edu.course.grading.grade import _picture, grade_submission
from cpm_edu.course.grading.questions import parts_of
from cpm_edu.course.grading.records import digest_of_code, file_of, read_record, remove_parts, write_record
from cpm_edu.course.grading.submissions import find_submissions
from cpm_edu.course.judge import PUBLIC_SEED, cases_of

from .graded_class import RIGHT, SQUARED, STUB, Bare, notebook, record
from .test_submissions import put


def double_cases(rng):
    yield (1.0,)
    yield (3.0,)
    yield (rng.random() + 5,)


DOUBLE = Exercise(
    id="ex91", assignment="A9", name="double", title="Twice", minutes=5, points=2, asks_for="your own product",
    cases=double_cases, reference=lambda x: x + x, mistakes=(Mistake("squared", "you square.", lambda x: x**2),),
    hints=("one", "two", "three"), arguments=("x",),
)  # fmt: skip


def graded(folder, *, exercises=(DOUBLE,), seed=7):
    (submission,) = find_submissions(folder).submissions
    return grade_submission(submission, exercises, Bare(), slot=0, seed=seed, key="k")


def test_right_wrong_and_stub(tmp_path):
    for name, text, expected in (
        ("right", RIGHT, ("pass", "")), ("squared", SQUARED, ("fix", "squared")), ("stub", STUB, ("todo", "")),
    ):  # fmt: skip
        found = graded(put(tmp_path / name / "ada", **{"A9.py": text}).parent)
        assert (found.graded[0].status, found.graded[0].mistake) == expected
        assert found.file == "A9.py"
        assert len(found.digest) == 12


def test_the_written_one_of_notebook_and_stub_is_graded(tmp_path):
    """Both lie in a release; students write in one of them."""
    put(tmp_path / "ada", **{"A9_small.ipynb": notebook(STUB), "a9.py": RIGHT})
    found = graded(tmp_path)
    assert (found.file, found.graded[0].status) == ("a9.py", "pass")
    assert found.notes == ("Of 2 files a9.py was graded, the one with most answers (not: A9_small.ipynb).",)
    assert not found.looks
    put(tmp_path / "ada", **{"A9_small.ipynb": notebook(RIGHT, answer="because"), "a9.py": STUB})
    assert graded(tmp_path).file == "A9_small.ipynb"


def test_two_files_with_as_many_answers_need_a_look(tmp_path):
    put(tmp_path / "ada", **{"one.py": RIGHT, "two.py": SQUARED})
    assert graded(tmp_path).looks == ("several files with answers",)


def test_files_that_cannot_be_read(tmp_path):
    put(tmp_path / "ada", **{"A9.ipynb": b"\x00\xff" * 100, "B.ipynb": "{broken"})
    found = graded(tmp_path)
    assert found.looks == ("nothing to grade",)
    assert found.graded[0].status == "todo"
    assert "A9.ipynb is no text file." in found.notes
    assert any("B.ipynb" in note and "damaged" in note for note in found.notes)
    assert not any("submission" in note for note in found.notes), "the name is the student's own"
    put(tmp_path / "ada", **{"good.py": RIGHT})
    assert graded(tmp_path).graded[0].status == "pass", "one broken file does not cost the others"


def test_deeply_nested_files(tmp_path):
    put(
        tmp_path / "ada",
        **{"deep.ipynb": '{"cells": ' + "[" * 100_000, "deep.py": "x = " + "(" * 5000 + ")" * 5000},
    )
    assert graded(tmp_path).graded[0].status == "todo"


def test_a_function_that_is_not_there(tmp_path):
    put(tmp_path / "ada", **{"A9.py": "def dubble(x):\n    return 2 * x\n"})
    (one,) = graded(tmp_path).graded
    assert one.status == "todo"
    assert one.message.startswith("ex91 double: ")
    assert "dubble" in one.message, "the nearest name is told"


def test_a_cell_that_is_no_python_is_told_once(tmp_path):
    """Above the exercises and in the row, not below every exercise."""
    put(tmp_path / "ada", **{"A9.py": f"# %%\n{RIGHT}\n# %%\nx = (1\n"})
    found = graded(tmp_path)
    (note,) = found.notes
    assert note.startswith("Line ")
    assert "is no Python" in note
    assert (found.graded[0].status, found.graded[0].notes) == ("pass", ())


def test_a_file_of_another_assignment_is_told(tmp_path):
    put(tmp_path / "ada", **{"A9.py": "def duble(x):\n    return x + x\n"})
    found = graded(tmp_path)
    assert found.notes == ("It holds no function and no answer of this assignment.",)
    assert found.graded[0].message.endswith("there is no double in the file; did you mean duble?")


def test_answers_to_questions(tmp_path):
    put(tmp_path, **{"ada.ipynb": notebook(RIGHT, answer="Because **twice** means twice.")})
    assert graded(tmp_path).texts == {"a9q1": "Because **twice** means twice."}


def test_a_line_is_told_by_its_cell(tmp_path):
    put(tmp_path, **{"ada.ipynb": notebook("import math", "def double(x):\n    return math.sqrt(-x)")})
    assert "cell 2, line 2" in graded(tmp_path).graded[0].message


def only_public(then: str) -> str:
    """A function that knows the cases that everybody has, and what it does in others."""
    known = [case[0] for case in cases_of(DOUBLE, PUBLIC_SEED)]
    return f"def double(x):\n    if x in {known}:\n        return 2 * x\n    {then}\n"


def test_a_hidden_input_does_not_come_out_as_an_error(tmp_path):
    """Raised as text, it would stand in the feedback."""
    put(tmp_path, **{"ada.py": only_public("raise ValueError(f'SECRET {x}')")})
    (one,) = graded(tmp_path).graded
    assert (one.mistake, one.public) == ("raises", False)
    assert one.message == "ex91 double: raises ValueError in one of the hidden cases."
    assert not one.picture


def test_answers_learnt_by_heart_fail(tmp_path):
    put(tmp_path, **{"ada.py": only_public("return 0")})
    (one,) = graded(tmp_path).graded
    assert (one.status, one.public) == ("fix", False)
    assert "below" not in one.message, "the example of a hidden case is not shown"


def test_an_answer_that_breaks_the_judge_is_wrong_and_told(tmp_path, monkeypatch):
    def judge(*_):
        raise RuntimeError("cannot compare")

    monkeypatch.setattr("cpm_edu.course.grading.grade.judge", judge)
    put(tmp_path, **{"ada.py": RIGHT})
    found = graded(tmp_path)
    assert (found.graded[0].status, found.graded[0].mistake) == ("fix", "not-judged")
    assert found.looks == ("could not be judged",)
    assert "RuntimeError" not in found.graded[0].message


def test_late_and_odd_paths_need_a_look(tmp_path):
    put(tmp_path, **{"lovelaceada_LATE_1_2_A9.py": RIGHT})
    assert graded(tmp_path).looks == ("late",)


def test_picture():
    """Yours left, a white column, expected right, in one scale, six pixels a cell."""
    yours, expected = np.zeros((5, 7)), np.zeros((5, 7))
    yours[1, 2], expected[2, 1] = 0.5, 1.0
    data = base64.b64decode(_picture(Verdict("ex02", "fix", arrays=(yours, expected))))
    pixels = np.asarray(Image.open(io.BytesIO(data)))[3::6, 3::6]
    assert pixels.shape == (5, 15, 3)
    assert (pixels[:, 7] == 255).all()
    assert (pixels[2, 8 + 1] != pixels[1, 2]).any(), "half as much has another colour"
    assert (pixels[0, 0] == pixels[4, 14]).all()
    assert _picture(Verdict("ex02", "fix")) == ""
    assert _picture(Verdict("ex02", "fix", arrays=(np.zeros((100, 100)),) * 2)) == ""


# ---- records


def test_a_record_is_kept_whole(tmp_path):
    kept = record("Ada", notes=("a note",), looks=("late",))
    write_record(tmp_path, kept)
    assert read_record(tmp_path, "Ada") == kept
    assert [path.name for path in tmp_path.iterdir()] == [file_of(tmp_path, "Ada").name]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"student": "Ada"}', b"\xff"])
def test_a_damaged_record_does_not_count(tmp_path, damage):
    write_record(tmp_path, record("Ada"))
    file_of(tmp_path, "Ada").write_bytes(damage)
    assert read_record(tmp_path, "Ada") is None
    assert read_record(tmp_path, "Ben") is None


def test_a_record_of_another_student_does_not_count(tmp_path):
    write_record(tmp_path, record("Ben"))
    file_of(tmp_path, "Ben").rename(file_of(tmp_path, "Ada"))
    assert read_record(tmp_path, "Ada") is None


def test_names_never_reach_the_file_system(tmp_path):
    for name in ("../../x", "/etc/x", "\ud800", "a\0b", "x" * 500):
        path = file_of(tmp_path, name)
        assert path.parent == tmp_path
        assert len(path.name) == 29


def test_halves_are_removed(tmp_path):
    (tmp_path / "abc.123.part").write_text("{")
    write_record(tmp_path, record("Ada"))
    remove_parts(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


def test_the_digest_of_the_code_follows_the_overlay(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "A9_x.py").write_text("x")
    assert len({digest_of_code(None), digest_of_code(tmp_path / "two")}) == 2
    assert digest_of_code(None) == digest_of_code(tmp_path / "one")


# ---- questions


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_questions_without_the_masters(assignment, monkeypatch):
    """A grader that was installed from the wheel knows the same ids and points."""
    whole = parts_of(assignment, None, 1)
    assert len(whole.questions) >= 2
    assert all(part.text and part.rubric and part.sample for part in whole.questions)
    monkeypatch.setattr("cpm_edu.course.release.overlay.masters_folder", lambda: None)
    alone = parts_of(assignment, None, 1)
    assert [(p.id, p.points) for p in alone.parts] == [(p.id, p.points) for p in whole.parts]
    assert alone.most == whole.most
