"""The wheel that goes out with a release: what it holds, what it must not, and what is said when none can be built."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from command_line import assert_refused, run

from cpm_edu.course.release import wheel as wheel_module
from cpm_edu.course.release.leftovers import leftover_lines, problems_of_wheel
from cpm_edu.course.release.markers import find_regions, informative
from cpm_edu.course.release.overlay import assigned, assignments

from .release_example import write_overlay

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return wheel_module.build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def texts(wheel) -> dict[str, str]:
    """Every text of the wheel, notebooks included."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return {name: data.decode(errors="replace") for name, data in files.items() if b"\0" not in data}


@pytest.fixture(scope="module")
def masters():
    return [assigned(name) for name in assignments()]


def test_course_is_in_it_and_nothing_private(wheel, texts):
    assert problems_of_wheel(wheel) == []
    assert "cpm_edu/course/judge.py" in texts
    assert "cpm_edu/course/own_exercises.py" in texts
    assert any(name.startswith("cpm_edu/_bundled/notebooks/00_") for name in texts)
    private = [n for n in texts if "assignments/" in n or "bank" in n or "hostile" in n or "oral" in n]
    assert private == []


def test_no_solution_no_sample_answer_no_rubric_is_in_it(texts, masters):
    """No notebook holds all that tells of a solution: they teach single lines of some. No file holds a sentence of a
    sample answer or rubric."""
    notebooks = {name: text for name, text in texts.items() if name.endswith(".ipynb")}
    assert len(notebooks) >= 12
    tried = 0
    for cell, region in ((c, r) for one in masters for c in one.master.cells for r in solutions_in(c)):
        telling = {(line, "") for line in region.inside if informative(line)}
        for name, text in notebooks.items():
            found = leftover_lines(telling, {name: text})
            assert not telling or len(found) < len(telling), f"{name} holds the solution {cell.text}"
            tried += bool(telling)
    assert tried > 300
    sentences = [text for one in masters for q in one.questions for text in (q.sample, q.rubric)]
    lines = {line.strip() for text in sentences for line in text.splitlines() if len(line.strip()) > 40}
    assert len(lines) > 50
    everything = "\n".join(texts.values())
    assert [line for line in lines if line in everything] == []


def solutions_in(cell):
    return find_regions(cell.lines, str, "SOLUTION")[0]


def test_no_wrong_answer_of_the_bank_is_in_it(texts):
    from .bank_cells import bank

    everything = "\n".join(texts.values())
    sources = [entry.source.strip() for entry in bank()]
    assert len(sources) > 100
    assert [source for source in sources if source and source in everything] == []


def test_the_same_clone_gives_the_same_bytes(wheel, tmp_path):
    assert wheel_module.build_wheel(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_clone_is_left_as_it_was(tmp_path):
    def state():
        return {p for p in ROOT.rglob("*") if ".git/" not in str(p) and "__pycache__" not in str(p)}

    before = state()
    wheel_module.build_wheel(tmp_path)
    new = {p for p in state() - before if "build/lib" in str(p) or "egg-info" in str(p) or p.suffix == ".whl"}
    assert new == set()


def plant(wheel: Path, target: Path, name: str, text: str) -> Path:
    """A copy of the wheel with one more file."""
    target.write_bytes(wheel.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, text)
    return target


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("cpm_edu/_bundled/notebooks/assignments/A1_pixels.py", "x", "must not be in it"),
        ("tests/course/bank/ex02.py", "x", "must not be in it"),
        ("cpm_edu/A3_solved.ipynb", json.dumps({"cells": []}), "must not be in it"),
        ("oral_questions.md", "x", "must not be in it"),
        ("cpm_edu/notes.txt", "a\n### BEGIN SOLUTION\nb\n", "a marker is left"),
        (
            "cpm_edu/_bundled/notebooks/12_more.ipynb",
            json.dumps({"cells": [{"source": ["### BEGIN SOLUTION\n", "x"]}]}),
            "a marker is left",
        ),
        ("cpm_edu/secret.py", "numbers = (7.25 * rng.random(), 1e6 + rng.random())", "tells a line"),
    ],
)
def test_what_must_not_be_in_a_wheel_is_seen(name, text, said, wheel, tmp_path):
    secret = [("numbers = (7.25 * rng.random(), 1e6 + rng.random())", "two.py:9")]
    [problem] = problems_of_wheel(plant(wheel, tmp_path / wheel.name, name, text), secret)
    assert said in problem
    assert name in problem


def test_a_wheel_of_other_exercises_is_refused(wheel, tmp_path):
    other = tmp_path / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) + (b"\n" if name.endswith("exercises/a1.py") else b""))
    assert problems_of_wheel(wheel, as_here=True) == []
    [problem] = problems_of_wheel(other, as_here=True)
    assert "exercises/a1.py is not the one here" in problem


def test_a_given_wheel_goes_out_unchanged(wheel, tmp_path, capsys):
    private = write_overlay(tmp_path / "private")
    out = tmp_path / "out"
    command = ["release", out, "A9", "--overlay", private, "--github-classroom"]
    assert run(*command, "--wheel", wheel) == 0
    for folder in (out, out / "A9"):
        assert (folder / wheel.name).read_bytes() == wheel.read_bytes()
        assert f"pip install ./{wheel.name}" in (folder / "README.md").read_text()
    assert f"./{wheel.name}" in (out / "A9" / ".github" / "workflows" / "classroom.yml").read_text()

    (tmp_path / "text.whl").write_text("no zip")
    assert_refused(capsys, [*command, "--force", "--wheel", tmp_path / "text.whl"], "no wheel can be read")
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("numpy/__init__.py", "")
    assert_refused(capsys, [*command, "--force", "--wheel", tmp_path / "other.whl"], "no wheel of cpm_edu")
    assert (out / wheel.name).read_bytes() == wheel.read_bytes(), "the earlier release is still there"


def test_what_to_do_where_no_wheel_can_be_built(tmp_path, monkeypatch, capsys):
    def failing(command, **_):
        return subprocess.CompletedProcess(command, 1, "", "Traceback\nERROR: no network, no setuptools")

    monkeypatch.setattr(wheel_module.subprocess, "run", failing)
    private = write_overlay(tmp_path / "private")
    command = ["release", tmp_path / "out", "A9", "--overlay", private]
    assert_refused(
        capsys, command, "ERROR: no network", "--wheel FILE", "pip wheel --no-deps .", "--no-wheel"
    )
    assert not (tmp_path / "out").exists()


def test_without_a_clone_a_wheel_must_be_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(wheel_module, "bundled_folder", lambda name: tmp_path / "site-packages" / name)
    private = write_overlay(tmp_path / "private")
    command = ["release", tmp_path / "out", "A9", "--overlay", private]
    assert_refused(capsys, command, "installed without its clone", "--wheel FILE")
