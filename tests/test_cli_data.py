"""`cpm-edu data`: the list, one data set, a file of your own, and mistakes."""

import pytest
from annotation_files import coco_data, write_data
from command_line import assert_refused, run

from cpm_edu.datasets.opening import DATA_SETS

NINE = ("head", "l_eye", "r_eye", "l_ear", "r_ear", "l_hand", "r_hand", "l_foot", "tail")


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path / "data"))


def test_list_of_all(capsys, tmp_path):
    (tmp_path / "data" / "coco" / "annotations").mkdir(parents=True)
    assert run("data") == 0
    text = capsys.readouterr().out
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    for name in DATA_SETS:
        assert name in lines
    assert "built in" in lines["synthetic"]
    assert " yes " in lines["coco"]
    assert " no " in lines["mpii"]
    assert f"looked for below {tmp_path}/data" in text
    assert "next: cpm-edu data NAME" in text


def test_one_data_set(capsys, tmp_path):
    file, images = write_data(tmp_path, coco_data())
    assert run("data", "coco", "--annotations", file, "--images", images) == 0
    assert "COCO val2017: 3 pictures, 6 people, 102 of 102 joints" in capsys.readouterr().out
    assert run("data", "synthetic", "--split", "train") == 0
    assert "synthetic: 5000 figures of 14 joints" in capsys.readouterr().out


def test_own_file(capsys, tmp_path):
    data = coco_data(joints=NINE)
    data["annotations"][0]["bbox"] = [1, 1, 0, 5]
    file, images = write_data(tmp_path, data)
    assert run("data", file, "--images", images, "--skip-bad") == 0
    text = capsys.readouterr().out
    for part in (
        "people.json: 3 pictures, 5 people, 45 of 45 joints labelled (person: 9 joints)",
        "left out as broken: 1 (its box is 0 px wide and 5 px high): 0001.jpg, annotation 10",
        "l_eye <-> r_eye", "l_foot",
        f"next: cpm-edu train --data {file} --images {images} --out runs/people",
    ):  # fmt: skip
        assert part in text
    assert "look: l_foot" in text, "a side without its partner"


def test_the_next_line_can_be_pasted(capsys, tmp_path):
    file, images = write_data(tmp_path, coco_data(joints=NINE), "my newts.json")
    assert run("data", file, "--images", images) == 0
    assert (
        f"next: cpm-edu train --data '{file}' --images {images} --out 'runs/my newts'"
        in capsys.readouterr().out
    )


def test_mistakes_are_one_sentence(capsys, tmp_path):
    file, images = write_data(tmp_path, coco_data())
    assert_refused(capsys, ["data", "coco"], "there is no", "cocodataset.org")
    assert_refused(capsys, ["data", "cocco"], "no data set 'cocco'")
    assert_refused(capsys, ["data", tmp_path / "none.json"], "there is no file", "none.json")
    error = assert_refused(capsys, ["data", file], "none of the 3 pictures", f"is it '{images}'?")
    assert "skip-bad" not in error
    assert_refused(
        capsys,
        ["data", file, "--images", images, "--boxes", "b.json"],
        "--boxes is for the data sets by name",
    )
    assert_refused(
        capsys,
        ["data", "lsp"],
        "no folder",
        "--data-folder (train, evaluate) or --folder (data)",
        "lsp_dataset.zip",
    )
    data = coco_data()
    data["annotations"][0]["bbox"] = [1, 1, 0, 5]
    file, images = write_data(tmp_path, data)
    assert_refused(
        capsys, ["data", file, "--images", images], "people.json", "0001.jpg, annotation 10", "0 px wide"
    )
