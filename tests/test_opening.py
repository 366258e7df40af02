"""`open_data`: every name, your own file, splits, and options that a data set does not have."""

import numpy as np
import pytest
from annotation_files import coco_data, write_data, write_json
from PIL import Image

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.opening import DATA_SETS, SPLITS, open_data
from cpm_edu.datasets.own import OwnPeople
from cpm_edu.datasets.people import Concatenation
from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty folder of data sets."""
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def write_leeds(root):
    """Packs of 10 LSP and 3 LSPET people."""
    for name, count, digits in (("lsp", 10, 4), ("lspet", 3, 5)):
        folder = root / name
        (folder / "images").mkdir(parents=True)
        np.save(folder / "joints.npy", np.full((count, 14, 3), 5.0, np.float32))
        names = [f"im{i:0{digits}d}.jpg" for i in range(1, count + 1)]
        for file in names:
            Image.new("RGB", (30, 20)).save(folder / "images" / file)
        if name == "lsp":
            write_json(folder / "split.json", {"train": names[:6], "val": names[6:8], "test": names[8:]})
        else:
            np.savez(
                folder / "meta.npz", lspet_index=np.arange(1, 4), scale_xy=np.ones((3, 2)), split=np.array(["train"] * 3)
            )  # fmt: skip


# ---- names


def test_synthetic_people():
    sizes = {split: len(open_data("synthetic", split)) for split in SPLITS}
    assert sizes == {"train": 5000, "val": 200, "test": 500}
    first = [open_data("synthetic", split)[0].joints_px for split in SPLITS]
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


def test_leeds_and_what_joins_it(root):
    write_leeds(root)
    assert [len(open_data("lsp", split)) for split in SPLITS] == [6, 2, 2]
    assert [len(open_data("lsp+lspet", split)) for split in SPLITS] == [9, 2, 2], "LSPET only trains"
    joined = open_data("lsp+lspet+synthetic", "train")
    assert isinstance(joined, Concatenation)
    assert [len(part) for part in joined.parts] == [6, 3, 1500]
    assert len(open_data("lsp+lspet+synthetic", "test")) == 2


def test_folder_of_leeds(root, tmp_path):
    write_leeds(tmp_path / "elsewhere")
    assert len(open_data("lsp", "train", folder=tmp_path / "elsewhere" / "lsp")) == 6
    assert len(open_data("lsp+lspet", "train", folder=tmp_path / "elsewhere")) == 9, "the folder of both"
    with pytest.raises(FileNotFoundError, match="LSP: no folder"):
        open_data("lsp", "train")


def test_coco_by_its_files(tmp_path):
    file, images = write_data(tmp_path, coco_data())
    people = open_data("coco", "val", annotations=file, images=images)
    assert isinstance(people, CocoPeople)
    assert (people.split, len(people)) == ("val", 6)
    assert open_data("coco", "test", annotations=file, images=images).split == "val"
    assert open_data("coco", "train", annotations=file, images=images).split == "train"
    boxes = write_json(
        tmp_path / "boxes.json", [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]
    )
    assert len(open_data("coco", "val", annotations=file, images=images, boxes=boxes)) == 1


@pytest.mark.parametrize("name", ["coco", "mpii", "jhmdb-sub2", "jhmdb-clips"])
def test_data_that_is_not_here_says_where_and_how(root, name):
    with pytest.raises(ValueError, match=str(root)) as error:
        open_data(name, "val")
    assert "\n" not in str(error.value)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "file", "skeleton", "count"),
    [
        ("coco", "coco/test_coco.json", COCO, 12), ("mpii", "mpii/test_mpii.json", MPII, 5),
        ("jhmdb-sub1", "jhmdb/test_jhmdb_sub1.json", JHMDB, 3),
    ],
)  # fmt: skip
def test_genuine_samples(data_dir, name, file, skeleton, count):
    path = data_dir / "samples" / "mmpose_tests_data" / file
    people = open_data(name, "val", annotations=path, images=path.parent)
    assert people.skeleton is skeleton
    assert len(people) == count
    assert people[0].pixels().ndim == 3
    assert "annotations" in people.describe()


@pytest.mark.realdata
def test_clips(data_dir):
    train, held_out = open_data("jhmdb-clips", "train"), open_data("jhmdb-clips", "test")
    assert train.skeleton is held_out.skeleton is JHMDB
    assert not {r.file for r in train.records} & {r.file for r in held_out.records}


# ---- your own


def test_own_file_is_split_by_picture(tmp_path):
    file, images = write_data(tmp_path, coco_data(5, 2, joints=LSP.joints))
    train, val, test = (open_data(file, split, images=images) for split in SPLITS)
    assert isinstance(train, OwnPeople)
    assert (len(train), len(val), len(test)) == (8, 2, 2)
    assert [r.id for r in val.records] == [r.id for r in test.records]
    assert {r.file for r in train.records}.isdisjoint({r.file for r in val.records})
    assert len(open_data(str(file), "train", images=str(images))) == 8, "words as well as paths"


def test_own_pictures_beside_the_file(tmp_path):
    file, images = write_data(tmp_path, coco_data())
    file.rename(images / "people.json")
    assert len(open_data(images / "people.json", "train")) == 4


def test_own_bad_records(tmp_path):
    data = coco_data()
    data["annotations"][0]["bbox"] = [0, 0, 0, 0]
    file, images = write_data(tmp_path, data)
    with pytest.raises(DataError, match="0 px wide"):
        open_data(file, "train", images=images)
    people = open_data(file, "train", images=images, skip_bad=True)
    assert "left out as broken: 1" in people.describe()


# ---- what there is not


def test_unknown_names_and_splits():
    with pytest.raises(
        ValueError, match=r"no data set 'cocco'; there are synthetic, lsp, .*jhmdb-clips.* \.json"
    ):
        open_data("cocco", "val")
    with pytest.raises(ValueError, match="no split 'dev'; there are train, val, test"):
        open_data("lsp", "dev")
    with pytest.raises(DataError, match=r"there is no file none\.json"):
        open_data("none.json", "val")


@pytest.mark.parametrize(
    ("name", "option", "known"),
    [
        ("synthetic", "folder", "none"), ("lsp", "images", "folder"), ("lsp+lspet", "annotations", "folder"),
        ("mpii", "boxes", "folder, annotations, images"), ("jhmdb-sub1", "boxes", "folder, annotations, images"),
        ("jhmdb-clips", "images", "folder"), ("my.json", "boxes", "images"), ("my.json", "folder", "images"),
    ],
)  # fmt: skip
def test_options_a_data_set_does_not_have(name, option, known):
    with pytest.raises(ValueError, match=rf"{name.replace('+', '.')} takes no {option} \(.*: {known}\)"):
        open_data(name, "train", **{option: "somewhere"})


def test_found_and_folders(root):
    assert [name for name, data in DATA_SETS.items() if data.found] == ["synthetic"]
    write_leeds(root)
    assert {name for name, data in DATA_SETS.items() if data.found} == {
        "synthetic", "lsp", "lsp+lspet", "lsp+lspet+synthetic",
    }  # fmt: skip
    assert DATA_SETS["lsp+lspet"].folders == (root / "lsp", root / "lspet")
    (root / "lspet" / "joints.npy").unlink()
    assert not DATA_SETS["lsp+lspet"].found, "it takes both"
