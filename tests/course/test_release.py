"""cpm-edu release on a small assignment: what students get, what is refused, and that nothing half-made is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from command_line import assert_refused, run

from cpm_edu.course.judge import PUBLIC_SEED, cases_of
from cpm_edu.course.release import assigned
from cpm_edu.course.release.verify import verdict_on

from .release_example import EXERCISES, MASTER, write_overlay, write_wheel

SEED = 48151


@pytest.fixture
def private(tmp_path) -> Path:
    return write_overlay(tmp_path / "private")


def release(out: Path, private: Path, *options) -> int:
    wheel = [] if "--wheel" in options else ["--no-wheel"]
    return run("release", out, "A9", "--overlay", private, "--seed", SEED, *wheel, *options)


def texts(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


# ---- what students get


def test_files_of_a_release(private, tmp_path, capsys):
    out = tmp_path / "out"
    assert release(out, private) == 0
    said = capsys.readouterr().out
    assert (
        "A9: 2 exercises (1 starred), 1 questions, 5 points, 15 minutes; masters pass, stubs do not" in said
    )
    assert str(out) in said
    assert sorted(texts(out)) == [
        "A9/A9_small_things.ipynb", "A9/a9.py", "A9/own_exercises/two.py", "A9/test_a9.py", "README.md",
        "release.json",
    ]  # fmt: skip


def test_neither_solution_nor_rubric_nor_hidden_input_leaves(private, tmp_path):
    out = tmp_path / "out"
    assert release(out, private) == 0
    for name, data in texts(out).items():
        text = data.decode()
        for secret in (
            "twice_of_it",
            "shape[0] - 1",
            "added to itself",
            "Rubric",
            "hidden_number",
            "7.25",
            str(SEED),
        ):
            assert secret not in text, f"{secret} in {name}"
        for marker in ("BEGIN", "END", "instructor"):
            assert marker not in text, f"{marker} in {name}"


def test_stubs_say_that_they_are_not_written(private, tmp_path):
    out = tmp_path / "out"
    assert release(out, private) == 0
    notebook = nbformat.read(out / "A9" / "A9_small_things.ipynb", 4)
    nbformat.validate(notebook)
    [stub] = [c.source for c in notebook.cells if c.source.startswith("def double")]
    assert stub == 'def double(x):\n    """Twice x."""\n    raise NotImplementedError("ex91: write double")'
    assert [c.source for c in notebook.cells if "Your answer" in c.source] == [
        "**Your answer (a9q1)**\n\n*Write here.*"
    ]
    for name in ("A9_small_things.ipynb", "a9.py"):
        for exercise in assigned("A9", private, SEED).exercises:
            assert verdict_on(out / "A9" / name, exercise).status == "todo"


def test_the_same_masters_give_the_same_bytes(private, tmp_path):
    wheel = write_wheel(tmp_path / "cpm_edu-0.1.0-py3-none-any.whl")
    for name in ("one", "two"):
        options = ["--github-classroom", "--wheel", wheel, "--instructor", tmp_path / f"{name} solved"]
        assert release(tmp_path / name, private, *options) == 0
    assert texts(tmp_path / "one") == texts(tmp_path / "two")
    assert texts(tmp_path / "one solved") == texts(tmp_path / "two solved")


def test_instructors_get_solutions_and_the_command_that_grades(private, tmp_path):
    (private / "oral_questions.md").write_text("## A9\n\nWhy two?\n")
    assert release(tmp_path / "out", private, "--instructor", tmp_path / "solved") == 0
    made = texts(tmp_path / "solved")
    assert sorted(made) == ["A9_small_things_solved.ipynb", "README.md", "oral_questions.md", "release.json"]
    solved = made["A9_small_things_solved.ipynb"].decode()
    assert "twice_of_it" in solved
    assert "Rubric" in solved
    assert "BEGIN SOLUTION" not in solved
    assert f"--assignment A9 --seed {SEED} --overlay" in made["README.md"].decode()
    assert "--out A9/grades.csv --feedback A9/feedback" in made["README.md"].decode(), (
        "one folder an assignment"
    )
    assert "Why two?" in made["oral_questions.md"].decode()


def test_hidden_cases_are_tried_in_grading_and_are_no_public_ones(private):
    [double, _] = assigned("A9", private, SEED).exercises
    assert cases_of(double, PUBLIC_SEED) == [(1.0,), (-2.5,)]
    assert len(cases_of(double, SEED)) == 5


def test_readme_names_what_to_open_and_what_to_hand_in(private, tmp_path):
    assert release(tmp_path / "out", private) == 0
    readme = (tmp_path / "out" / "README.md").read_text()
    for words in (
        "jupyter lab A9/A9_small_things.ipynb",
        "pytest -k ex91",
        "| ex92\\* |",
        "Hand in",
        "**15** | **5**",
    ):
        assert words in readme


def test_a_record_lists_every_file(private, tmp_path):
    assert release(tmp_path / "out", private) == 0
    record = json.loads((tmp_path / "out" / "release.json").read_text())
    assert record["assignments"]["A9"] == {
        "notebook": "A9_small_things.ipynb", "exercises": ["ex91", "ex92"], "points": 5
    }  # fmt: skip
    assert sorted([*record["files"], "release.json"]) == sorted(texts(tmp_path / "out"))


def test_a_repository_for_github_classroom(private, tmp_path):
    yaml = pytest.importorskip("yaml")
    wheel = write_wheel(tmp_path / "cpm_edu-0.1.0-py3-none-any.whl")
    assert release(tmp_path / "out", private, "--github-classroom", "--wheel", wheel) == 0
    folder = tmp_path / "out" / "A9"
    job = yaml.safe_load((folder / ".github" / "workflows" / "classroom.yml").read_text())["jobs"]
    steps = job["run-autograding-tests"]["steps"]
    graders = [s for s in steps if "command-grader" in s.get("uses", "")]
    assert [(s["id"], s["with"]["max-score"]) for s in graders] == [("ex91", 2), ("ex92", 3)]
    assert all(f"-k {s['id']} test_a9.py" in s["with"]["command"] for s in graders)
    assert steps[-1]["with"]["runners"] == "ex91,ex92"
    assert steps[-1]["env"]["EX91_RESULTS"] == "${{ steps.ex91.outputs.result }}"
    [install] = [s["run"] for s in steps if s.get("name") == "Install"]
    assert f"pip install ./{wheel.name} pytest" in install
    assert (folder / wheel.name).read_bytes() == wheel.read_bytes()
    assert "jupyter lab A9_small_things.ipynb" in (folder / "README.md").read_text()


# ---- variants


def test_the_seed_picks_a_variant_for_the_class(private, tmp_path):
    for word in ("red", "blue"):
        master = MASTER.replace("two", f"two {word} things", 1)
        (private / f"A9_small_things__{word}.py").write_text(master)
    (private / "A9_small_things.py").unlink()
    picked = [assigned("A9", private, seed).variant for seed in range(1, 41)]
    assert set(picked) == {"red", "blue"}
    assert picked == [assigned("A9", private, seed).variant for seed in range(1, 41)]
    assert release(tmp_path / "out", private) == 0
    assert (tmp_path / "out" / "A9" / "A9_small_things.ipynb").is_file(), (
        "students do not see the variant's name"
    )


def test_exercises_of_a_variant_count_only_with_it(private):
    for word in ("red", "blue"):
        (private / f"A9_small_things__{word}.py").write_text(MASTER)
        text = EXERCISES.replace('title="Twice a number"', f'title="Twice a {word} number"')
        (private / "exercises" / f"two__{word}.py").write_text(text)
    (private / "A9_small_things.py").unlink()
    (private / "exercises" / "two.py").unlink()
    for seed in range(1, 9):
        one = assigned("A9", private, seed)
        assert one.exercises[0].title == f"Twice a {one.variant} number"


def test_variants_need_a_seed(private, tmp_path, capsys):
    (private / "A9_small_things__red.py").write_text(MASTER)
    assert_refused(
        capsys,
        ["release", tmp_path / "out", "A9", "--overlay", private, "--no-wheel"],
        "2 variants",
        "--seed",
    )


# ---- what is wrong with masters and exercises

DOUBLE_AGAIN = '# %%\nprint("for comparison")\ntwice_of_it = x * 2.0 + 0.0 * abs(x)\n\n# %%\nprogress("A9")'
MISTAKES = {
    "unbalanced": (MASTER.replace("    ### END SOLUTION\n", "", 1), ":19: BEGIN SOLUTION without END SOLUTION"),
    "nested": (MASTER.replace("    return twice", "    ### BEGIN SOLUTION\n    return twice"), ":21: BEGIN SOLUTION within"),
    "misspelt": (MASTER.replace("### END", "### ENDE", 1), ":22: '### ENDE SOLUTION' is not a marker"),
    "left over": (MASTER.replace('# %%\nprogress("A9")', DOUBLE_AGAIN), ":60: tells a line of the solution at"),
    "stub passes": (
        MASTER.replace('    """Twice x."""', "    return 2 * x"),
        ":12: the stub of ex91 in A9_small_things.ipynb passes",
    ),
    "master fails": (MASTER.replace("x * 2.0 + 0", "x * 3.0 + 0"), ":12: the master fails: ex91 double"),
    "outside": (MASTER.replace("# %%\ncheck", "# %%\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION\ncheck", 1), ":26: a solution outside"),
    "minutes": (MASTER.replace("(5 minutes", "(6 minutes"), ":12: ex91 has 6 minutes here, 5 as an exercise"),
    "points": (MASTER.replace("2 points", "4 points"), ":12: ex91 has 4 points here, 2 as an exercise"),
    "sum of points": (MASTER.replace("**Points:** 5", "**Points:** 9"), ":2: the first cell says 9 points"),
    "sum of minutes": (MASTER.replace("**Time:** 15", "**Time:** 26"), ":2: the first cell says 26 minutes"),
    "star": (MASTER.replace("ex92* ·", "ex92 ·"), ":29: ex92 has a star as an exercise only"),
    "heading": (MASTER.replace("(5 minutes, 2 points)", "(5 min)"), ":12: write such a heading as"),
    "no heading": (MASTER.replace("## ex91 · ", "### "), ":1: no heading of ex91 double"),
    "twice": (MASTER.replace("## ex92* ·", "## ex91 ·"), ":29: a second heading of ex91"),
    "no definition": (MASTER.replace("def double", "def doubled"), ":12: 0 cells define double"),
    "no check": (MASTER.replace('check("ex91", double)', "double(2)"), ':12: no cell `check("ex91", double)`'),
    "no rubric": (MASTER.replace('[markdown] tags=["instructor"]', "[markdown]"), ":44: no rubric for a9q1"),
    "no answer": (MASTER.replace("**Your answer (a9q1)**", "**Your answer**"), ":44: no cell that begins with"),
    "link": (MASTER.replace("Why is it not three?", "See [01](../01_a.ipynb)."), ":46: the link to ../01_a.ipynb"),
    "no setup": (MASTER.replace(' tags=["setup"]', ""), ":1: no cell `# %% tags"),
    "no progress": (MASTER.replace('progress("A9")', "1"), ':1: no cell `progress("A9")`'),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_in_a_master_is_named_with_file_and_line(what, private, tmp_path, capsys):
    master, said = MISTAKES[what]
    assert master != MASTER
    write_overlay(private, master=master)
    error = assert_refused(
        capsys,
        ["release", tmp_path / "out", "A9", "--overlay", private, "--seed", SEED, "--no-wheel"],
        "cannot be released",
    )
    assert f"A9_small_things.py{said}" in error, error
    assert sorted(p.name for p in tmp_path.iterdir()) == ["private"], "nothing is left"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    ### END HIDDEN\n", "", "two.py:9: BEGIN HIDDEN without END HIDDEN"),
        ("    yield (1.0,)\n    yield (-2.5,)\n", "    yield (hidden,)\n", "NameError"),
        ("EXERCISES = (", "NOTHING = (", "two.py: no EXERCISES"),
        ("import numpy as np", "import numpy as np, nothing_such", "two.py:1: ModuleNotFoundError"),
        ('id="ex92"', 'id="ex91"', "ex91 is defined in"),
    ],
)
def test_a_mistake_in_exercises_is_named(old, new, said, private, tmp_path, capsys):
    write_overlay(private, exercises=EXERCISES.replace(old, new, 1))
    command = ["release", tmp_path / "out", "A9", "--overlay", private, "--no-wheel"]
    error = assert_refused(capsys, command)
    assert said in error
    assert not (tmp_path / "out").exists()


def test_a_hidden_input_that_stands_elsewhere_too(private, tmp_path, capsys):
    line = "    hidden_numbers = (7.25 * rng.random(), 1e6 + rng.random(), -3.75 * rng.random())"
    leaking = EXERCISES.replace("def corner_cases(rng):\n", f"def corner_cases(rng):\n{line}\n")
    write_overlay(private, exercises=leaking)
    command = ["release", tmp_path / "out", "A9", "--overlay", private, "--no-wheel"]
    assert_refused(capsys, command, "own_exercises/two.py", "tells a line of the solution at", "two.py:10")


# ---- folders


def test_a_folder_in_use_is_refused(private, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    assert release(out, private) == 0, "an empty folder is free"
    command = ["release", out, "A9", "--overlay", private, "--no-wheel"]
    assert_refused(capsys, command, "is not empty", "--force")
    before = texts(out)
    (out / "__pycache__").mkdir()
    (out / "__pycache__" / "a.pyc").write_bytes(b"")
    assert run(*command, "--force") == 0
    assert texts(out) == before

    (out / "notes.txt").write_text("mine")
    assert_refused(capsys, [*command, "--force"], "no release wrote", "notes.txt")
    assert (out / "notes.txt").read_text() == "mine"


def test_force_does_not_touch_what_is_no_release(private, tmp_path, capsys):
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    command = ["release", home, "A9", "--overlay", private, "--no-wheel", "--force"]
    assert_refused(capsys, command, "no earlier release")
    assert (home / "thesis.tex").read_text() == "years of work"
    assert_refused(capsys, ["release", home / "thesis.tex", *command[2:]], "is a file")


def test_solutions_never_lie_in_what_students_get(private, tmp_path, capsys):
    out = tmp_path / "out"
    for solved in (out, out / "solved", tmp_path):
        command = ["release", out, "A9", "--overlay", private, "--no-wheel", "--instructor", solved]
        assert_refused(capsys, command, "apart")
    assert not out.exists()


def test_a_killed_release_leaves_no_folder(private, tmp_path):
    """The folder appears by one rename at the end: whoever dies before leaves OUT as it was."""
    code = (
        "import os, sys; from cpm_edu.course.release import make; "
        "make.write_record = lambda *a: os._exit(9); from cpm_edu.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = ["release", tmp_path / "out", "A9", "--overlay", private, "--no-wheel"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], env=env, capture_output=True)
    assert done.returncode == 9, done.stderr
    assert not (tmp_path / "out").exists()
    assert run(*command) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["A77"], "no assignment 'A77'"),
        (["A9", "--seed", "0"], "whole number from 1 on"),
        (["A9", "--overlay", "nowhere"], "no such folder"),
        (["A9", "--wheel", "nothing.whl"], "no such file"),
        (["A9", "--github-classroom"], "leave out --no-wheel"),
    ],
)
def test_wrong_options_get_a_sentence(arguments, said, private, tmp_path, capsys):
    overlay = [] if "--overlay" in arguments else ["--overlay", private]
    wheel = [] if "--wheel" in arguments else ["--no-wheel"]
    assert_refused(capsys, ["release", tmp_path / "out", *arguments, *overlay, *wheel], said)
    assert not (tmp_path / "out").exists()
