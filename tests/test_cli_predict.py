"""cpm-edu predict: photos of every kind, boxes, mistakes, checkpoints that must not be trusted, a full disk."""

from __future__ import annotations

import errno
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import (
    assert_refused,
    few_people,
    joints_of,
    run,
    small_checkpoint,
    small_model,
    write_photo,
)
from PIL import Image

from cpm_edu.models.checkpoints import load_checkpoint, save_checkpoint
from cpm_edu.skeletons import COCO, LSP
from cpm_edu.weights import LITE_PATH


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


# ---- what works --------------------------------------------------------------------------------------


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


# ---- mistakes ----------------------------------------------------------------------------------------


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


# ---- checkpoints -------------------------------------------------------------------------------------


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
    model = small_model()
    with torch.no_grad():
        model.stage1[1].bias.fill_(torch.nan)
    save_checkpoint(tmp_path / "nan.safetensors", model)
    arguments = ["predict", photo, "--checkpoint", tmp_path / "nan.safetensors", "--out", tmp_path / "out"]
    assert_refused(capsys, arguments, "nan.safetensors", "NaN")
    assert not any((tmp_path / "out").glob("*")), "nothing half-written"


# ---- a full disk -------------------------------------------------------------------------------------


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
