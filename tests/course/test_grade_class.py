"""`cpm-edu grade` on a class of assignment A9: once, again, killed, in parts, by hand, refused."""

import os
import shlex
import signal
import subprocess
import sys
import time

import psutil
import pytest
from command_line import assert_refused, run

from cpm_edu.course.grading import classwork
from cpm_edu.course.grading.orphans import end_orphans
from cpm_edu.course.grading.sandbox import NoSandbox

from .graded_class import (
    EVIL,
    RIGHT,
    SQUARED,
    STUB,
    notebook,
    own_temporary_folder,
    rooms_that_stay,
    rows_of,
)
from .release_example import write_overlay
from .rooms import sandbox
from .test_submissions import put

pytestmark = pytest.mark.slow
EXPECTED = {
    "ada": ("2", "3"), "ben": ("0", "3"), "cleo": ("0", "0"), "dan": ("2", "0"), "eve": ("0", "0"), "=fay": ("2", "3"),
}  # fmt: skip


@pytest.fixture
def overlay(tmp_path):
    return write_overlay(tmp_path / "private")


@pytest.fixture
def submissions(tmp_path):
    return put(
        tmp_path / "in",
        **{
            "ada.ipynb": notebook(RIGHT, answer=f"Once. {EVIL}"),
            "ben.py": SQUARED,
            "cleo.py": STUB,
            "dan.py": "import os\ndef double(x):\n    return 2 * x\ndef corner(array):\n    os._exit(0)\n",
            "eve.ipynb": b"\x93\x00garbage" * 1000,
            "=fay.py": RIGHT,
        },
    )


@pytest.fixture
def grade(tmp_path, overlay, submissions):
    """Run the command in this process; returns the table's rows."""
    sandbox()

    def grade(*more, out=tmp_path / "out" / "grades.csv", seed=11, place=submissions, jobs=1):
        options = ["--assignment", "A9", "--overlay", overlay, "--out", out, "--jobs", jobs]
        options += ["--seed", seed] if seed else []
        assert run("grade", place, *options, *more) == 0
        return rows_of(out) if out.exists() else {}

    return grade


def points(rows):
    return {student: (row["ex91"], row["ex92"]) for student, row in rows.items()}


def test_a_class(grade, tmp_path, capsys, monkeypatch):
    temporary = own_temporary_folder(tmp_path, monkeypatch)
    rows = grade("--feedback", tmp_path / "feedback", jobs=2)
    assert points(rows) == {"'" + s if s.startswith("=") else s: p for s, p in EXPECTED.items()}
    assert {row["isolated"] for row in rows.values()} == {"yes"}
    assert rows["ada"]["max"] == "5", "2 for ex91 and 3 for the question; ex92 is extra"
    assert "nothing to grade" in rows["eve"]["notes"]
    assert "ended its process" in rows["dan"]["notes"]
    out = capsys.readouterr().out
    assert "6 submissions" in out
    assert "squared (1)" in out
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"grades.csv", "grades.records", "overrides.csv", "answers.html", "class_summary.html"}
    assert (
        len(list((tmp_path / "feedback").glob("*.html")))
        == len(list((tmp_path / "feedback").glob("*.md")))
        == 6
    )
    for page in (tmp_path / "out" / "answers.html", tmp_path / "feedback" / "ada.html"):
        assert EVIL not in page.read_text(), "a student's text is escaped"
    assert not rooms_that_stay()
    assert list(temporary.iterdir()) == [], "no file is left"


def test_nothing_is_graded_twice(grade, tmp_path, monkeypatch):
    first = grade()
    asked = []
    pool = classwork._pool

    def counting(work, waiting, *rest):
        asked.extend(s.student for s in waiting)
        return pool(work, waiting, *rest)

    monkeypatch.setattr(classwork, "_pool", counting)
    monkeypatch.setattr(classwork, "digest_of_code", lambda overlay: "one")
    grade()  # of another digest
    asked.clear()
    assert grade() == first
    assert asked == []
    put(tmp_path / "in", **{"ben.py": RIGHT})
    assert points(grade())["ben"] == ("2", "3")
    assert asked == ["ben"], "only what changed"
    asked.clear()
    assert grade("--regrade", "ada") == grade()
    assert asked == ["ada"]
    asked.clear()
    grade(seed=12)
    assert len(asked) == 6, "other hidden cases"


def test_the_seed_is_drawn_once_and_kept(grade, tmp_path):
    grade(seed=None)
    kept = (tmp_path / "out" / "grades.records" / "run.json").read_text()
    grade(seed=None)
    assert (tmp_path / "out" / "grades.records" / "run.json").read_text() == kept


def test_points_by_hand_are_kept(grade, tmp_path, capsys):
    grade()
    own = tmp_path / "out" / "overrides.csv"
    text = "student,exercise,points,comment\nben,ex91,1,the idea\nada,a9q1,2,good\nnobody,ex91,1,\n"
    own.write_text(text)
    rows = grade("--feedback", tmp_path / "feedback", "--regrade", "all")
    assert own.read_text() == text, "never written over"
    assert (rows["ben"]["ex91"], rows["ada"]["a9q1"], rows["ada"]["total"]) == ("1", "2", "7")
    assert "nobody here is called 'nobody'" in capsys.readouterr().out
    assert "the idea" in (tmp_path / "feedback" / "ben.html").read_text()
    more = tmp_path / "more.csv"
    more.write_text("student,exercise,points\nben,ex91,0.5\nada,ex91,30\n")
    assert grade("--overrides", own, more)["ben"]["ex91"] == "0.5", "the later file counts"
    saved = tmp_path / "A9_answers.csv"
    saved.write_text("student,exercise,points\n")
    grade("--overrides", own, saved)
    assert f"--overrides {own} A9_answers.csv<" in (tmp_path / "out" / "answers.html").read_text()
    assert "note: ada has 30 points for ex91 by hand; it is worth" in capsys.readouterr().out


def test_in_parts(grade, tmp_path):
    whole = grade()
    out = tmp_path / "parts" / "grades.csv"
    for part in ("1/2", "2/2"):
        assert grade("--part", part, out=out) == {}, "no table before the end"
    assert grade(out=out) == whole


def test_without_a_sandbox_every_row_is_labelled(grade):
    assert {row["isolated"] for row in grade("--not-isolated").values()} == {"NO"}


def test_a_submission_that_ends_its_grader_costs_itself_only(grade, tmp_path, monkeypatch):
    """Reading happens out here: were a file to crash Python, the others are graded all the same."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    put(
        tmp_path / "site",
        **{
            "sitecustomize.py": "import os, cpm_edu.course.student_files as files\n"
            "read = files.read_student_bytes\n"
            "def crash(data, name):\n"
            "    return os._exit(1) if b'garbage' in data else read(data, name)\n"
            "files.read_student_bytes = crash\n"
        },
    )
    rows = grade()
    assert "could not be graded" in rows["eve"]["notes"]
    assert points(rows)["ada"] == EXPECTED["ada"]
    assert len(rows) == 6


def test_killed_in_the_middle_and_started_again(grade, tmp_path, overlay):
    """kill -9: nothing lives on, no half of a record counts, and the table is that of an undisturbed run."""
    slow = "import time\ndef double(x):\n    time.sleep(0.2)\n    return {}\ndef corner(array):\n    return array[-1, -1]\n"
    place = put(
        tmp_path / "slow", **{f"s{k:02d}.py": slow.format("2 * x" if k % 3 else "x**2") for k in range(10)}
    )
    undisturbed = grade(place=place, out=tmp_path / "one" / "grades.csv")
    out = tmp_path / "two" / "grades.csv"
    command = [sys.executable, "-m", "cpm_edu", "grade", place, "--assignment", "A9", "--overlay", overlay]
    command += ["--out", out, "--jobs", "2", "--seed", "11"]
    grader = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    records = out.with_name("grades.records")
    deadline = time.monotonic() + 240
    while len(list(records.glob("*.json"))) < 4:  # run.json and three students
        assert grader.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    family = psutil.Process(grader.pid).children(recursive=True)
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert family
    assert not alive
    assert not out.exists()
    done = len(list(records.glob("*.json"))) - 1
    assert 3 <= done < 10
    (records / "half.99999.part").write_text('{"student": "s0')
    assert grade(place=place, out=out) == undisturbed
    assert out.read_bytes() == (tmp_path / "one" / "grades.csv").read_bytes()
    assert not list(records.glob("*.part"))


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is there on Linux only")
def test_a_room_that_outlived_its_grader_is_ended():
    """Its parent is gone; one whose parent is a Python stays."""
    waits = [sys.executable, "-c", "import time; time.sleep(300)", "/room/worker.py"]
    script = f"(exec -a bwrap {shlex.join(waits)}) >/dev/null 2>&1 & echo $!"
    orphan = psutil.Process(
        int(subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout)
    )
    kept = subprocess.Popen(["bwrap", *waits[1:]], executable=sys.executable)
    try:
        deadline = time.monotonic() + 30
        while orphan.cmdline()[:1] != ["bwrap"] and time.monotonic() < deadline:
            time.sleep(0.02)
        end_orphans()
        orphan.wait(30)
        assert kept.poll() is None
    finally:
        kept.kill()
        kept.wait()


# ---- refusals


def test_refusals(capsys, tmp_path, overlay, submissions):
    sandbox()
    base = [
        "grade",
        submissions,
        "--assignment",
        "A9",
        "--overlay",
        overlay,
        "--out",
        tmp_path / "out" / "g.csv",
    ]
    assert_refused(capsys, ["grade", "--assignment", "A9"], "say which folder")
    assert_refused(capsys, [*base, "--seed", 0], "the public cases")
    assert_refused(capsys, [*base, "--seed", 1, "--jobs", 0], "--jobs")
    assert_refused(capsys, [*base, "--seed", 1, "--part", "3/2"], "--part is K/N")
    assert_refused(capsys, [*base, "--seed", 1, "--regrade", "Zoe"], "nobody here has this name")
    assert_refused(capsys, [*base, "--seed", 1, "--regrade", "AD"], "did you mean 'ada'?")
    assert_refused(capsys, [*base, "--seed", 1, "--gradescope", "r.json"], "takes one submission")
    assert_refused(capsys, [*base, "--feedback", submissions / "back"], "would be taken for submissions")
    assert_refused(capsys, [*base, "--lms", tmp_path / "none.csv"], "no such file")
    assert_refused(capsys, ["grade", tmp_path / "nothing", "--assignment", "A9"], "no such file or folder")
    assert_refused(
        capsys, ["grade", submissions, "--assignment", "A77", "--out", tmp_path / "x" / "g.csv"], "A77"
    )
    (tmp_path / "out" / "overrides.csv").write_text("student,exercise,points\nada,ex99,1\n")
    assert_refused(capsys, [*base, "--seed", 1], "line 2: no exercise 'ex99'")


def test_a_table_of_another_assignment_is_not_written_over(capsys, grade, tmp_path, submissions):
    grade()
    assert_refused(
        capsys,
        ["grade", submissions, "--assignment", "A1", "--out", tmp_path / "out" / "grades.csv"],
        "holds the grades of A9; choose another --out",
    )


def test_no_sandbox_is_no_grading(capsys, monkeypatch, tmp_path, overlay, submissions):
    def find(hide=()):
        raise NoSandbox("install bubblewrap, or type --not-isolated")

    monkeypatch.setattr("cpm_edu.course.grading.sandbox.find_isolation", find)
    out = tmp_path / "out" / "grades.csv"
    assert_refused(
        capsys,
        ["grade", submissions, "--assignment", "A9", "--overlay", overlay, "--seed", 1, "--out", out],
        "--not-isolated",
    )
    assert not out.exists()


def test_one_submission_for_gradescope(grade, tmp_path):
    grade("--gradescope", tmp_path / "results.json", place=tmp_path / "in" / "ada.ipynb")
    assert '"score": 2' in (tmp_path / "results.json").read_text()


def test_export_for_gradescope(capsys, tmp_path, overlay):
    base = [
        "grade",
        "--export",
        "gradescope",
        "--assignment",
        "A9",
        "--overlay",
        overlay,
        "--out",
        tmp_path / "auto",
    ]
    assert_refused(capsys, base, "needs --seed")
    assert run(*base, "--seed", 5) == 0
    assert (tmp_path / "auto" / "run_autograder").exists()
