"""The same verdicts by pytest and by `cpm-edu check`, on a notebook and on a .py file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cpm_edu.cli import main
from cpm_edu.course.exercises import exercises_of, find
from cpm_edu.course.public_tests import VARIABLE, verdict_of

from .bank_cells import entries

ROOT = Path(__file__).parents[2]
TESTS = '''"""The public tests of A1: `pytest` for all, `pytest -k ex02` for one."""
from cpm_edu.course.public_tests import exercise_tests

test_exercise = exercise_tests("A1", __file__)
'''


def stub(id):
    return f'def {find(id).name}(*given):\n    raise NotImplementedError("{id}: write {find(id).name}")\n'


def source(id, kind="right"):
    return next(e.source for e in entries(id) if kind in (e.kind, e.mistake))


@pytest.fixture
def student(tmp_path):
    """A folder as released: the notebook, worked in (ex01 right, ex02 wrong, ex03 lost), and a1.py with stubs."""
    cells = [
        "from cpm_edu.course import check",
        source("ex01"),
        "check('ex01', cells_from_px)",
        source("ex02", "xy-swapped"),
    ]
    cells += [stub(id) for id in ("ex04", "ex05", "ex06")] + ["import this is no python"]
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    (tmp_path / "A1_words.ipynb").write_text(
        json.dumps({"cells": made, "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
    )
    (tmp_path / "a1.py").write_text("\n\n".join(stub(e.id) for e in exercises_of("A1")))
    (tmp_path / "test_a1.py").write_text(TESTS)
    return tmp_path


def pytest_in(folder, *arguments, **environment):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **environment,
    }
    surroundings.pop("CI", None)  # with it pytest's summary repeats whole messages
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=300)


def test_pytest_on_what_was_worked_in(student):
    done = pytest_in(student, "-q")
    out = done.stdout
    assert done.returncode == 1, out + done.stderr
    assert "5 failed, 1 passed" in out
    assert "✗ to fix: ex02 gaussian_map: " in out
    assert "did x and y change places?" in out
    assert "○ to do: ex03 background_map: there is no background_map in the file." in out
    assert "cell 8, line 1 is no Python" in out
    assert out.count("A1_words.ipynb was taken, not a1.py.") == 1
    assert "Traceback" not in out
    assert "public_tests.py" not in out, "nothing of the machinery"


def test_pytest_k_names_one_exercise(student):
    done = pytest_in(student, "-v", "-k", "ex01")
    assert done.returncode == 0, done.stdout
    assert "test_exercise[ex01-cells_from_px] PASSED" in done.stdout


def test_pytest_on_another_file(student, tmp_path):
    other = tmp_path / "mine.py"
    other.write_text(source("ex02"))
    assert pytest_in(student, "-q", "-k", "ex02", **{VARIABLE: str(other)}).returncode == 0
    (student / "conftest.py").write_text("from cpm_edu.course.public_tests import pytest_addoption\n")
    assert pytest_in(student, "-q", "-k", "ex02", "--answers", str(other)).returncode == 0
    gone = pytest_in(student, "-q", "-k", "ex02", **{VARIABLE: "nowhere.py"})
    assert gone.returncode == 1
    assert "nowhere.py" in gone.stdout
    (student / "A1_words.ipynb").write_text("{")
    (student / "a1.py").unlink()
    assert "damaged notebook" in pytest_in(student, "-q", "-k", "ex02").stdout


def test_command_line(student, capsys):
    assert main(["check", str(student / "A1_words.ipynb")]) == 1
    out = capsys.readouterr().out
    assert "✓ pass: ex01 cells_from_px." in out
    assert "✗ to fix: ex02 gaussian_map: " in out
    assert "1 of 6 done" in out.splitlines()[-1]
    assert main(["check", str(student / "A1_words.ipynb"), "ex01"]) == 0
    capsys.readouterr()
    assert main(["check", str(student / "a1.py"), "ex99"]) == 2
    assert "no exercise 'ex99'" in capsys.readouterr().err
    assert main(["check", str(student / "nowhere.py")]) == 2
    assert "nowhere.py" in capsys.readouterr().err
    (student / "empty.py").write_text("x = 1\n")
    assert main(["check", str(student / "empty.py")]) == 2
    assert "holds no function of an exercise" in capsys.readouterr().err


def test_a_line_is_that_of_the_file(student):
    path = student / "a1.py"
    path.write_text(
        "import numpy as np\n\n\ndef unused():\n    pass\n\n\ndef gaussian_map(center_cells, size, sigma_cells):\n    return np.nothing\n"
    )
    assert "(line 9)" in verdict_of(path, find("ex02")).message


def test_a_kernel_in_a_notebook(tmp_path):
    from cpm_edu.kernels.libraries import load
    from cpm_edu.kernels.toolchain import BackendUnavailable

    try:
        load("cpp")
    except BackendUnavailable as error:
        pytest.skip(str(error))
    (tmp_path / "a6.py").write_text(source("ex22"))
    assert verdict_of(tmp_path / "a6.py", find("ex22")).status == "pass"
