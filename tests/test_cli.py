"""The command line as a user meets it: help, demo, evaluate, train, and what a mistake looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from command_line import assert_refused, few_people, run, small_checkpoint, write_photo
from PIL import Image

from cpm_edu import cli
from cpm_edu.models.checkpoints import load_checkpoint
from cpm_edu.skeletons import LSP


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Commands with default output folders must not write into the clone."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CPM_EDU_DEBUG", raising=False)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    return small_checkpoint(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def photo(tmp_path) -> Path:
    return write_photo(tmp_path / "photo.jpg")


# ---- help --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_teaches(command, capsys):
    assert run(command, "--help") == 0
    text = capsys.readouterr().out
    assert f"usage: cpm-edu {command}" in text
    assert f"  cpm-edu {command}" in text.split("examples:")[1], "an example to copy"
    assert "==SUPPRESS==" not in text
    for line in text.splitlines():
        assert len(line) < 130, f"too wide for a terminal: {line}"


def test_help_names_every_command_and_where_to_start(capsys):
    assert run("--help") == 0
    text = capsys.readouterr().out
    for command in cli.COMMANDS:
        assert f"\n    {command} " in text
    assert "Start with `cpm-edu demo`" in text


@pytest.mark.parametrize(
    "arguments", [[], ["swim"], ["predict"], ["train"], ["predict", "a.jpg", "--nonsense"]]
)
def test_wrong_usage_has_status_2(arguments, capsys):
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("cpm-edu")
    assert "--help says what there is" in error
    assert "Traceback" not in error


# ---- demo, evaluate, train ---------------------------------------------------------------------------


def test_demo_prints_pck_and_writes_one_picture(checkpoint, monkeypatch, capsys):
    few_people(monkeypatch)
    assert run("demo", "--checkpoint", checkpoint) == 0
    text = capsys.readouterr().out
    assert "PCK@0.2 in percent" in text
    assert "stage 2" in text
    assert "next: cpm-edu lab" in text
    assert [p.name for p in Path().iterdir()] == ["cpm_demo.png"]
    with Image.open("cpm_demo.png") as picture:
        assert picture.width > 800


def test_demo_of_a_photo_of_mine(photo, checkpoint, monkeypatch, tmp_path):
    few_people(monkeypatch)
    assert run("demo", "--checkpoint", checkpoint, "--photo", photo, "--out", tmp_path / "mine.png") == 0
    assert (tmp_path / "mine.png").stat().st_size > 10_000


def test_demo_mistakes_are_told_before_the_work(checkpoint, monkeypatch, capsys, tmp_path):
    def never(*_, **__):
        raise AssertionError("the demo began its work")

    monkeypatch.setattr("cpm_edu.commands.demo.stage_pck", never)
    assert_refused(capsys, ["demo", "--photo", "nobody.jpg"], "nobody.jpg", "no such file")
    assert_refused(capsys, ["demo", "--out", tmp_path / "no" / "x.png"], "no such folder")


def test_evaluate_prints_and_writes_the_table(checkpoint, monkeypatch, capsys):
    few_people(monkeypatch)
    arguments = [
        "evaluate",
        "--data",
        "synthetic",
        "--checkpoint",
        checkpoint,
        "--two-people",
        "--csv",
        "t.csv",
    ]
    assert run(*arguments, "--device", "cpu") == 0
    text = capsys.readouterr().out
    for word in ("left_wrist", "all joints", "stage 2", "right", "wrong", "blank"):
        assert word in text
    lines = Path("t.csv").read_text().splitlines()
    assert lines[0] == "joint,stage 1,stage 2"
    assert len(lines) == 1 + LSP.num_joints + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "--data", "mars"], ["mars", "synthetic"]),
        (["evaluate", "--data", "synthetic", "--device", "banana"], ["--device", "banana"]),
        (
            ["evaluate", "--data", "synthetic", "--checkpoint", "none.safetensors"],
            ["none.safetensors", "no such file"],
        ),
        (["train", "--out", "run", "--epochs", "0"], ["epochs"]),
        (["train", "--out", "run", "--optimizer", "magic"], ["optimizer", "magic"]),
        (["train", "--out", "run", "--amp", "half"], ["amp", "half"]),
    ],
)
def test_mistakes_in_options_are_one_sentence(arguments, words, monkeypatch, capsys):
    if "mars" not in arguments:
        few_people(monkeypatch)
    assert_refused(capsys, arguments, *words)


def test_missing_data_says_where_to_put_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path))
    for command in (["evaluate", "--data", "lsp"], ["train", "--data", "lsp", "--out", "run"]):
        assert_refused(capsys, command, str(tmp_path), "CPM_EDU_DATA")


def test_train_runs_and_goes_on(monkeypatch, capsys, tmp_path):
    few_people(monkeypatch)
    folder = tmp_path / "run"
    arguments = ["train", "--data", "synthetic", "--out", folder, "--batch-size", "2", "--device", "cpu"]
    threads = torch.get_num_threads()
    assert run(*arguments, "--epochs", "1", "--save-every", "1", "--threads", threads) == 0
    text = capsys.readouterr().out
    assert "next: cpm-edu evaluate --checkpoint" in text
    assert sorted(p.name for p in folder.iterdir()) == [
        "best.safetensors", "config.json", "last.pt", "lock", "log.csv", "validation.csv",
    ]  # fmt: skip
    steps = [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2"], "4 people in batches of 2"
    before = (folder / "log.csv").read_text()
    assert run(*arguments, "--epochs", "2") == 0
    seen = capsys.readouterr()
    assert "going on from step 2 of 4" in seen.out + seen.err
    assert (folder / "log.csv").read_text().startswith(before), "steps 1 and 2 are not repeated"
    steps = [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4"]
    assert load_checkpoint(folder / "best.safetensors", skeleton=LSP).kind == "lite"
    assert_refused(
        capsys, [*arguments, "--epochs", "2", "--seed", "7"], "other settings", "seed: 0 there, 7 asked for"
    )


# ---- main --------------------------------------------------------------------------------------------


def test_interrupt_is_status_130(photo, checkpoint, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cpm_edu.commands.predict.load_image", interrupt)
    assert_refused(capsys, ["predict", photo, "--checkpoint", checkpoint], "interrupted", status=130)


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("CPM_EDU_DEBUG", "1")
    with pytest.raises(ValueError, match="no such file"):
        run("predict", "nobody.jpg")
