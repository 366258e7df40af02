"""The command line as a user meets it: help, photos of every kind, mistakes, full disks, runs that go on."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cpm_edu import cli
from cpm_edu.datasets.people import FirstPersons
from cpm_edu.datasets.synthetic import SyntheticPeople
from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import load_checkpoint, save_checkpoint
from cpm_edu.skeletons import COCO, LSP
from cpm_edu.weights import LITE_PATH

TINY = {"num_stages": 2, "input_size": (64, 64), "features": 16, "width": 8, "image_features": 8, "kernel": 3}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Commands with default output folders must not write into the clone."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CPM_EDU_DEBUG", raising=False)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    """A small model that is quick to run; what it predicts means nothing."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(path, CPM.lite(LSP, **TINY))
    return str(path)


@pytest.fixture
def photo(tmp_path) -> Path:
    return write_photo(tmp_path / "photo.jpg")


def write_photo(path: Path, size=(96, 80), mode="RGB", **options) -> Path:
    """A picture of (width, height) with a bright corner."""
    pixels = np.full((size[1], size[0], 3), (40, 90, 160), np.uint8)
    pixels[: size[1] // 4, : size[0] // 4] = (250, 240, 30)
    image = Image.fromarray(pixels)
    (image if mode == "RGB" else image.convert(mode)).save(path, **options)
    return path


def run(*arguments) -> int:
    try:
        return cli.main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse leaves this way
        return stop.code


def assert_refused(capsys, arguments, *words: str, status: int = 2) -> str:
    """Exit status 2, one sentence on stderr that has the words, no traceback."""
    capsys.readouterr()
    assert run(*arguments) == status
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert error.startswith("cpm-edu"), error
    assert error.count("cpm-edu") == 1, f"more than one complaint: {error}"
    for word in words:
        assert word in error, f"{word!r} is not in: {error}"
    return error


def joints_of(folder: Path, name: str = "joints.json") -> list[dict]:
    def no_constant(text):
        raise AssertionError(f"{name} holds {text}, which is not JSON")

    return json.loads((folder / name).read_text(), parse_constant=no_constant)


# ---- help ----------------------------------------------------------------------------------------------


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
    assert "usage: cpm-edu" in error
    assert "Traceback" not in error


# ---- predict: photos that work -------------------------------------------------------------------------


def test_predict_writes_two_pictures_and_the_joints(photo, checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("predict", photo, "--out", out, "--checkpoint", checkpoint) == 0
    assert sorted(p.name for p in out.iterdir()) == ["joints.json", "photo_pose.png", "photo_stages.png"]
    for name in ("photo_pose.png", "photo_stages.png"):
        with Image.open(out / name) as picture:
            picture.load()
            assert min(picture.size) > 200, name
    [person] = joints_of(out)
    assert person["photo"] == str(photo)
    assert person["box_xywh"] == [0, 0, 96, 80], "without a box the whole photo, and it says so"
    assert "no --box given" in capsys.readouterr().out
    assert [j["name"] for j in person["joints"]] == list(LSP.joints)
    for joint in person["joints"]:
        assert set(joint) == {"name", "x", "y", "score"}
        assert all(math.isfinite(joint[key]) for key in ("x", "y", "score"))
        # a square crop of a 96 x 80 photo: 96 px, so 8 px above and below; half a cell more for the decoder
        assert -1 <= joint["x"] <= 97
        assert -9 <= joint["y"] <= 89


def test_shipped_model_is_the_default(photo, capsys):
    assert run("predict", photo) == 0
    [person] = joints_of(Path("cpm_predictions"))
    assert len(person["joints"]) == load_checkpoint(LITE_PATH).skeleton.num_joints


def test_every_kind_of_picture_works(tmp_path, checkpoint):
    deep = Image.fromarray(np.linspace(0, 65535, 80 * 96).reshape(80, 96).astype(np.uint16))
    deep.save(tmp_path / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    photos = [
        tmp_path / "deep.png",
        write_photo(tmp_path / "grey.jpg", mode="L"),
        write_photo(tmp_path / "palette.png", mode="P", transparency=0),
        write_photo(tmp_path / "alpha.png", mode="RGBA"),
        write_photo(tmp_path / "cmyk.jpg", mode="CMYK"),
        write_photo(tmp_path / "turned.jpg", exif=exif),
        write_photo(tmp_path / "tall.png", size=(3, 400)),
        write_photo(tmp_path / "wide.png", size=(3000, 1)),
        write_photo(tmp_path / "tiny.png", size=(1, 1)),
    ]
    assert run("predict", *photos, "--checkpoint", checkpoint, "--out", tmp_path / "out") == 0
    people = joints_of(tmp_path / "out")
    assert [Path(p["photo"]).name for p in people] == [p.name for p in photos]
    by_name = {Path(p["photo"]).name: p for p in people}
    assert by_name["turned.jpg"]["box_xywh"] == [0, 0, 80, 96], "96 x 80 turned upright is 80 x 96"


def test_several_boxes_are_several_people_in_their_order(photo, checkpoint, tmp_path):
    out = tmp_path / "out"
    boxes = ["--box", "10,10,30,40", "--box", " 50, 5, 40.5, 60 ", "--box=-20,-20,60,60"]
    assert run("predict", photo, *boxes, "--out", out, "--checkpoint", checkpoint) == 0
    people = joints_of(out)
    assert [p["box_xywh"] for p in people] == [[10, 10, 30, 40], [50, 5, 40.5, 60], [-20, -20, 60, 60]]
    for person in people:
        x, y, width, height = person["box_xywh"]
        reach = 1.25 * max(width, height) / 2 + 1  # half the crop, plus rounding
        for joint in person["joints"]:
            assert abs(joint["x"] - (x + width / 2)) <= reach
            assert abs(joint["y"] - (y + height / 2)) <= reach


def test_nothing_is_overwritten(photo, checkpoint, tmp_path):
    out = tmp_path / "out"
    other = tmp_path / "elsewhere"
    other.mkdir()
    namesake = write_photo(other / photo.name, size=(60, 60))
    assert run("predict", photo, photo, namesake, "--out", out, "--checkpoint", checkpoint) == 0
    before = {p: p.read_bytes() for p in out.iterdir()}
    assert len(before) == 7, "three photos with two pictures each, one joints.json"
    assert run("predict", photo, "--out", out, "--checkpoint", checkpoint) == 0
    assert {p: p.read_bytes() for p in before} == before
    assert {p.name for p in out.iterdir()} - {p.name for p in before} == {
        "photo_pose-4.png", "photo_stages-4.png", "joints-2.json",
    }  # fmt: skip
    assert [p["photo"] for p in joints_of(out)] == [str(photo), str(photo), str(namesake)]


# ---- predict: mistakes ---------------------------------------------------------------------------------


def bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    whole = write_photo(folder / "whole.jpg", size=(300, 300)).read_bytes()
    contents = {
        "truncated": ("cut.jpg", whole[: len(whole) // 2], "damaged or incomplete"),
        "empty": ("empty.jpg", b"", "0 bytes"),
        "text": ("text.jpg", b"not a picture at all\n" * 20, "not a picture"),
    }
    files = {}
    for kind, (name, content, words) in contents.items():
        (folder / name).write_bytes(content)
        files[kind] = (folder / name, words)
    return files | {
        "folder": (folder, "is a folder"),
        "missing": (folder / "nobody.jpg", "no such file"),
    }


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "folder", "missing"])
def test_unreadable_photo_is_one_sentence(kind, tmp_path, checkpoint, capsys):
    path, words = bad_files(tmp_path)[kind]
    out = tmp_path / "out"
    error = assert_refused(
        capsys, ["predict", path, "--out", out, "--checkpoint", checkpoint], str(path), words
    )
    assert error.count("\n") == 1, "one line"
    assert not out.exists() or not any(out.iterdir())


def test_bad_photos_among_good_ones_are_skipped_and_counted(tmp_path, photo, checkpoint, capsys):
    bad = bad_files(tmp_path)
    paths = [bad["empty"][0], photo, bad["truncated"][0]]
    assert run("predict", *paths, "--out", tmp_path / "out", "--checkpoint", checkpoint) == 1
    seen = capsys.readouterr()
    assert seen.err.count("skipped: ") == 2
    assert "0 bytes" in seen.err
    assert [p["photo"] for p in joints_of(tmp_path / "out")] == [str(photo)]


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("200,10,40,40", "outside photo.jpg, which is 96 px wide and 80 px high"),
        ("10,80,40,40", "outside"),
        ("10,20,30", "write four numbers x,y,w,h"),
        ("a,b,c,d", "write four numbers"),
        ("1;2;3;4", "write four numbers"),
        ("", "write four numbers"),
        ("10,10,0,40", "at least 2 pixels"),
        ("10,10,40,-40", "at least 2 pixels"),
        ("nan,10,40,40", "finite"),
        ("10,10,inf,40", "finite"),
    ],
)
def test_bad_box_is_one_sentence(box, words, photo, checkpoint, tmp_path, capsys):
    arguments = ["predict", photo, f"--box={box}", "--out", tmp_path / "out", "--checkpoint", checkpoint]
    error = assert_refused(capsys, arguments, words)
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_box_with_several_photos_is_refused(photo, checkpoint, capsys):
    arguments = ["predict", photo, photo, "--box", "1,1,20,20", "--checkpoint", checkpoint]
    assert_refused(capsys, arguments, "--box speaks of one photo")


def test_out_that_is_a_file_is_one_sentence(photo, checkpoint, capsys, tmp_path):
    (tmp_path / "taken").write_text("mine")
    error = assert_refused(
        capsys, ["predict", photo, "--out", tmp_path / "taken", "--checkpoint", checkpoint], "taken"
    )
    assert "Errno" not in error
    assert (tmp_path / "taken").read_text() == "mine"


# ---- checkpoints ---------------------------------------------------------------------------------------


def test_another_skeleton_is_refused_with_both_lists(photo, checkpoint, capsys):
    arguments = ["predict", photo, "--checkpoint", checkpoint, "--skeleton", "coco"]
    assert_refused(capsys, arguments, ", ".join(LSP.joints), ", ".join(COCO.joints))
    assert run("predict", photo, "--checkpoint", checkpoint, "--skeleton", "lsp") == 0


class _Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("command", ["predict", "demo", "evaluate", "train"])
def test_checkpoint_with_code_is_refused_and_not_run(command, photo, tmp_path, capsys, monkeypatch):
    marker, path = tmp_path / "executed", tmp_path / "evil.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": _Payload(marker)}, path)
    few_people(monkeypatch)
    arguments = {
        "predict": ["predict", photo, "--checkpoint", path],
        "demo": ["demo", "--checkpoint", path],
        "evaluate": ["evaluate", "--data", "synthetic", "--checkpoint", path],
        "train": ["train", "--out", tmp_path / "run", "--init-from", path],
    }[command]
    error = assert_refused(capsys, arguments, "evil.pth", "no code in the file was run")
    assert error.count("\n") == 1
    assert not marker.exists(), "the payload ran"


def test_checkpoint_of_nan_is_one_sentence(photo, tmp_path, capsys):
    model = CPM.lite(LSP, **TINY)
    with torch.no_grad():
        model.stage1[1].bias.fill_(torch.nan)
    save_checkpoint(tmp_path / "nan.safetensors", model)
    arguments = ["predict", photo, "--checkpoint", tmp_path / "nan.safetensors", "--out", tmp_path / "out"]
    assert_refused(capsys, arguments, "nan.safetensors", "NaN")
    assert not any((tmp_path / "out").glob("*")), "nothing half-written"


# ---- a full disk ---------------------------------------------------------------------------------------


def test_full_disk_is_one_sentence_and_leaves_nothing(photo, checkpoint, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    monkeypatch.setattr(os, "replace", full)
    error = assert_refused(
        capsys, ["predict", photo, "--out", out, "--checkpoint", checkpoint], "No space left"
    )
    assert error.count("\n") == 1
    assert list(out.iterdir()) == [], "no temporary file either"


# ---- demo, evaluate, train -----------------------------------------------------------------------------


def few_people(monkeypatch, count: int = 4) -> None:
    def open_people(name, split):
        return FirstPersons(
            SyntheticPeople(count, seed={"train": 0, "val": 1, "test": 2}[split], size=(64, 64))
        )

    monkeypatch.setattr("cpm_edu.commands.train.open_people", open_people)
    monkeypatch.setattr("cpm_edu.commands.evaluate.open_people", open_people)
    monkeypatch.setattr("cpm_edu.commands.demo.SYNTHETIC_PEOPLE", count)


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
        "best.safetensors", "config.json", "last.pt", "log.csv", "validation.csv",
    ]  # fmt: skip
    steps = [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2"], "4 people in batches of 2"
    assert run(*arguments, "--epochs", "2") == 0
    steps = [line.split(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    assert steps == ["step", "1", "2", "3", "4"], "it goes on, it does not start again"
    assert load_checkpoint(folder / "best.safetensors", skeleton=LSP).kind == "lite"
    assert_refused(
        capsys, [*arguments, "--epochs", "2", "--seed", "7"], "other settings", "seed: 0 there, 7 asked for"
    )


# ---- lab -----------------------------------------------------------------------------------------------


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


# ---- main ----------------------------------------------------------------------------------------------


def test_interrupt_is_status_130(photo, checkpoint, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cpm_edu.commands.predict.load_image", interrupt)
    assert_refused(capsys, ["predict", photo, "--checkpoint", checkpoint], "interrupted", status=130)


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("CPM_EDU_DEBUG", "1")
    with pytest.raises(ValueError, match="no such file"):
        run("predict", "nobody.jpg")
