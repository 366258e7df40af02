"""cpm-edu train on files that are partly broken, and what its command line refuses."""

from __future__ import annotations

import re

from annotation_files import coco_data, write_data
from command_line import assert_refused, run
from tiny_people import write_own_data

SMALL = ("--input-size", 32, 32, "--stages", 2, "--device", "cpu")


def test_skip_bad_tells_records_and_validation_pictures(tmp_path, capsys):
    """A picture that is not there, and one of the validation people's that is cut."""
    train_file, train_images = write_data(tmp_path / "train", coco_data(4))
    val_file, val_images = write_data(tmp_path / "val", coco_data(3))
    (train_images / "0002.jpg").unlink()
    cut = val_images / "0003.jpg"
    cut.write_bytes(cut.read_bytes()[:-20])
    command = [
        "train", "--data", "coco", "--annotations", train_file, "--images", train_images, "--val-annotations", val_file,
        "--val-images", val_images, "--out", tmp_path / "run", *SMALL, "--batch-size", 2, "--epochs", 1,
    ]  # fmt: skip
    assert_refused(capsys, command, "0002.jpg", "--skip-bad")
    assert run(*command, "--skip-bad") == 0
    seen = capsys.readouterr()
    assert re.search(r"COCO train2017:\nleft out as broken: 2 \(.*0002\.jpg", seen.err), seen.err
    assert "left out as broken: 2 (" in seen.out + seen.err
    assert len((tmp_path / "run" / "skipped.txt").read_text().splitlines()) == 2
    assert f"--annotations {val_file}" in seen.out, "the next command measures the validation people"


def test_a_crop_too_small_for_a_map_is_refused(tmp_path, capsys):
    data = write_own_data(tmp_path / "data", 20)
    command = [
        "train",
        "--data",
        data / "my.json",
        "--images",
        data,
        "--out",
        tmp_path / "run",
        "--input-size",
        4,
        4,
    ]
    assert_refused(capsys, command, "--input-size 4 4: both sides must be at least 8 pixels")
