"""cpm-edu lab: copies of the notebooks that never cost a student an edit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command_line import assert_refused, run


@pytest.fixture
def shipped(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "shipped"
    (folder / "assignments").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "00_a.ipynb").write_text("first")
    (folder / "assignments" / "01_b.ipynb").write_text("second")
    (folder / ".ipynb_checkpoints" / "00_a-checkpoint.ipynb").write_text("rubbish")
    (folder / "00_a.py").write_text("source")
    monkeypatch.setattr("cpm_edu.commands.lab.bundled_folder", lambda name: folder)
    return folder


def test_lab_copies_updates_and_never_overwrites_edits(shipped, tmp_path, capsys):
    mine = tmp_path / "mine"
    assert run("lab", mine, "--no-open") == 0
    text = capsys.readouterr().out
    assert text.count("copied") == 2
    assert f"jupyter lab {mine}" in text
    notebooks = sorted(
        str(p.relative_to(mine)) for p in mine.rglob("*") if p.is_file() and p.suffix != ".json"
    )
    assert notebooks == ["00_a.ipynb", os.path.join("assignments", "01_b.ipynb")]

    assert run("lab", mine, "--no-open") == 0
    assert capsys.readouterr().out.count("up to date") == 2

    (mine / "00_a.ipynb").write_text("first, with my notes")
    (shipped / "00_a.ipynb").write_text("first, new edition")
    (shipped / "assignments" / "01_b.ipynb").write_text("second, new edition")
    assert run("lab", mine, "--no-open") == 0
    text = capsys.readouterr().out
    assert "00_a.ipynb: kept, you have changed it" in text
    assert "01_b.ipynb: updated" in text
    assert (mine / "00_a.ipynb").read_text() == "first, with my notes"
    assert (mine / "assignments" / "01_b.ipynb").read_text() == "second, new edition"

    (mine / "00_a.ipynb").unlink()
    assert run("lab", mine, "--no-open") == 0
    assert "00_a.ipynb: copied" in capsys.readouterr().out


@pytest.mark.parametrize("record", ["", "{", "[1, 2]", '{"00_a.ipynb": 3}'])
def test_lab_with_a_damaged_record_keeps_what_it_cannot_know(record, shipped, tmp_path, capsys):
    mine = tmp_path / "mine"
    run("lab", mine, "--no-open")
    (mine / ".cpm_edu_notebooks.json").write_text(record)
    (mine / "00_a.ipynb").write_text("my notes")
    assert run("lab", mine, "--no-open") == 0
    assert (mine / "00_a.ipynb").read_text() == "my notes"
    assert "kept" in capsys.readouterr().out


def test_lab_folder_that_is_a_file(shipped, tmp_path, capsys):
    (tmp_path / "taken").write_text("mine")
    assert "Errno" not in assert_refused(capsys, ["lab", tmp_path / "taken", "--no-open"], "taken")


def test_lab_opens_jupyter_where_the_copies_are(shipped, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("cpm_edu.commands.lab.subprocess.call", lambda command: calls.append(command) or 0)
    assert run("lab", tmp_path / "mine") == 0
    assert calls[0][1:] == ["-m", "jupyterlab", f"--notebook-dir={tmp_path / 'mine'}"]


def test_lab_ships_the_real_notebooks(tmp_path):
    assert run("lab", tmp_path / "mine", "--no-open") == 0
    assert (tmp_path / "mine" / "00_start_here.ipynb").stat().st_size > 1000
