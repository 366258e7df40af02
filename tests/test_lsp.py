"""LSP and LSPET: both layouts, 1-based files, splits, errors, and readers that survive a fork."""

import io
import json
import multiprocessing
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from cpm_edu.datasets.lsp import LSP, LSPET
from cpm_edu.datasets.people import Concatenation
from cpm_edu.images import ImageError
from cpm_edu.skeletons import MPII


def jpeg(number, size=(40, 30)):
    """Bytes of a grey JPEG (width, height) whose level tells its number."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (number * 10,) * 3).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def random_joints(num_people, seed=0):
    """(n, 14, 3): x, y and a flag that is 1 for some."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(1, 30, (num_people, 14, 3)).astype(np.float32)
    joints[..., 2] = rng.random((num_people, 14)) < 0.7
    return joints


def write_images(folder, numbers, digits):
    (folder / "images").mkdir()
    for i in numbers:
        (folder / "images" / f"im{i:0{digits}d}.jpg").write_bytes(jpeg(i))


@pytest.fixture
def lsp_mat(tmp_path):
    """The original LSP layout with 20 people: joints (3, 14, n), flag 1 = occluded."""
    joints = random_joints(20)
    savemat(tmp_path / "joints.mat", {"joints": joints.transpose(2, 1, 0).astype(np.float64)})
    write_images(tmp_path, range(1, 21), 4)
    return tmp_path, joints


@pytest.fixture
def lspet_mat(tmp_path):
    """The original LSPET layout with 5 people: joints (14, 3, n), flag 1 = labelled."""
    joints = random_joints(5)
    savemat(tmp_path / "joints.mat", {"joints": joints.transpose(1, 2, 0).astype(np.float64)})
    write_images(tmp_path, range(1, 6), 5)
    return tmp_path, joints


@pytest.fixture
def lsp_pack(tmp_path):
    """The pack with 10 people, a split and one leaked picture in train and in val each."""
    joints = random_joints(10)
    np.save(tmp_path / "joints.npy", joints)
    names = [f"im{i:04d}.jpg" for i in range(1, 11)]
    split = {"train": names[:5], "val": names[5:7], "test": names[7:]}
    split["train_near_duplicates_of_test"] = [names[1], names[6]]
    (tmp_path / "split.json").write_text(json.dumps(split))
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for i, name in enumerate(names, 1):
            archive.writestr(f"images/{name}", jpeg(i))
    return tmp_path, joints


def level(person):
    return round(float(person.image.mean()) / 10)


# ---- the original layouts


def test_lsp_original_layout(lsp_mat):
    folder, joints = lsp_mat
    people = LSP("all", folder)
    assert len(people) == 20
    np.testing.assert_allclose(people[3].joints_px, joints[3, :, :2] - 1, rtol=0, atol=1e-6)
    assert people[3].labelled.all(), "LSP labels occluded joints too"
    assert people[3].name == "im0004.jpg"
    assert level(people[3]) == 4


def test_lspet_original_layout(lspet_mat):
    folder, joints = lspet_mat
    people = LSPET("all", folder)
    assert len(people) == 5
    np.testing.assert_allclose(people[2].joints_px, joints[2, :, :2] - 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(people[2].labelled, joints[2, :, 2] == 1)
    assert people[2].labelled.dtype == bool
    assert level(people[2]) == 3


def test_lsp_original_layout_splits_itself(tmp_path):
    savemat(tmp_path / "joints.mat", {"joints": np.ones((3, 14, 2000))})
    sizes = {split: len(LSP(split, tmp_path)) for split in ("train", "val", "trainval", "test", "all")}
    assert sizes == {"train": 900, "val": 100, "trainval": 1000, "test": 1000, "all": 2000}
    names = [LSP(split, tmp_path).names for split in ("train", "val", "test")]
    assert len(set().union(*names)) == 2000, "the parts do not overlap"
    assert names[1][:2] == ["im0010.jpg", "im0020.jpg"]
    assert names[2][0] == "im1001.jpg"


def test_person_covers_the_picture(lsp_mat):
    person = LSP("all", lsp_mat[0])[0]
    assert person.image.shape == (30, 40, 3)
    assert person.image.dtype == np.uint8
    assert person.center_px.tolist() == [19.5, 14.5], "the picture's middle, not the joints'"
    assert person.scale_px.tolist() == [40.0, 40.0]
    assert person.joints_px.shape == (14, 2)
    assert person.joints_px.dtype == np.float32


# ---- the pack


def test_pack_by_hand(lsp_pack):
    folder, joints = lsp_pack
    people = LSP("test", folder)
    assert people.names == ["im0008.jpg", "im0009.jpg", "im0010.jpg"]
    np.testing.assert_array_equal(people.joints_px, joints[7:, :, :2] - 1)
    assert [level(p) for p in people] == [8, 9, 10]


def test_near_duplicates_of_test_pictures_are_not_trained_on(lsp_pack):
    folder, _ = lsp_pack
    assert len(LSP("train", folder)) == 4
    assert len(LSP("train", folder, drop_near_duplicates=False)) == 5
    assert "im0002.jpg" not in LSP("train", folder).names
    assert len(LSP("val", folder)) == 2, "nothing is learned from these"
    assert "im0007.jpg" not in LSP("trainval", folder).names
    assert len(LSP("trainval", folder)) == 5
    assert len(LSP("trainval", folder, drop_near_duplicates=False)) == 7


def test_describe(lsp_pack):
    text = LSP("test", lsp_pack[0]).describe()
    for part in ("LSP (test): 3 people", "42 of 42 joints", str(lsp_pack[0]), "lsp_dataset.zip"):
        assert part in text


# ---- the research data


@pytest.mark.realdata
def test_lsp_counts(data_dir):
    sizes = {split: len(LSP(split)) for split in ("train", "val", "test", "all")}
    assert sizes == {"train": 896, "val": 100, "test": 1000, "all": 2000}
    assert len(LSP("train", drop_near_duplicates=False)) == 900
    train, val, test = (set(LSP(s, drop_near_duplicates=False).names) for s in ("train", "val", "test"))
    assert not (train | val) & test
    assert not train & val
    assert test == {f"im{i:04d}.jpg" for i in range(1001, 2001)}, "the official test set"


@pytest.mark.realdata
def test_lsp_joints_are_zero_based(data_dir):
    people = LSP("all")
    stored = np.load(data_dir / "lsp" / "joints.npy")
    np.testing.assert_array_equal(people.joints_px, stored[..., :2] - 1)
    assert people.labelled.all()
    assert people.labelled.shape == (2000, 14)


@pytest.mark.realdata
def test_lsp_mat_and_pack_agree(data_dir, tmp_path):
    (tmp_path / "joints.mat").write_bytes((data_dir / "lsp" / "joints.mat").read_bytes())
    np.testing.assert_allclose(LSP("all", tmp_path).joints_px, LSP("all").joints_px, rtol=0, atol=1e-4)


@pytest.mark.realdata
def test_lspet_counts_and_joints(data_dir):
    people = LSPET("all")
    assert len(people) == 7983
    assert {s: len(LSPET(s)) for s in ("train", "val", "test")} == {"train": 6375, "val": 795, "test": 813}
    stored = np.load(data_dir / "lspet" / "joints.npy")
    with np.load(data_dir / "lspet" / "meta.npz") as meta:
        scale = meta["scale_xy"]
    np.testing.assert_allclose(
        people.joints_px, stored[..., :2] - (1 + scale[:, None]) / 2, rtol=0, atol=1e-5
    )
    np.testing.assert_array_equal(people.labelled, stored[..., 2] > 0)
    assert people.labelled.sum(1).min() >= 11


@pytest.mark.realdata
@pytest.mark.parametrize("people", [LSP, LSPET])
def test_labelled_joints_lie_near_the_picture(data_dir, people):
    data = people("all")
    for i in range(0, len(data), len(data) // 20):
        person = data[i]
        height, width = person.image.shape[:2]
        joints = person.joints_px[person.labelled]
        assert (joints >= -15).all(), f"{person.name}"  # LSP labels some joints a little outside
        assert (joints <= np.array([width, height]) + 15).all(), f"{person.name}"


# ---- several data sets, several processes


def test_concatenation(lsp_pack):
    train, test = LSP("train", lsp_pack[0]), LSP("test", lsp_pack[0])
    both = Concatenation(train, test)
    assert len(both) == 7
    assert [p.name for p in both] == [*train.names, *test.names]
    for outside in (7, -1):
        with pytest.raises(IndexError, match=f"person {outside} of 7"):
            both[outside]
    test.skeleton = MPII
    with pytest.raises(ValueError, match=r"lsp has 14.*\n.*mpii has 16"):
        Concatenation(train, test)


def test_reader_can_be_pickled_while_open(lsp_pack):
    people = LSP("test", lsp_pack[0])
    first = people[0].image
    again = pickle.loads(pickle.dumps(people))
    np.testing.assert_array_equal(again[0].image, first)


def _read_often(people, expected, queue):
    try:
        queue.put(all(np.array_equal(people[i].image, e) for _ in range(40) for i, e in enumerate(expected)))
    except Exception as error:
        queue.put(repr(error))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_reader_survives_a_fork(lsp_pack):
    """Two processes that shared a file handle would move each other's place in the archive."""
    folder, rng = lsp_pack[0], np.random.default_rng(0)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for i in range(1, 11):  # noise: every picture is larger than a read buffer
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)).save(
                buffer, "JPEG", quality=95
            )
            archive.writestr(f"images/im{i:04d}.jpg", buffer.getvalue())
    people = LSP("test", folder)
    expected = [person.image for person in people]  # opens the archive before the fork
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=_read_often, args=(people, expected, queue)) for _ in range(2)]
    for child in children:
        child.start()
    assert [queue.get(timeout=60) for _ in children] == [True, True]
    for child in children:
        child.join(60)


# ---- errors


def test_missing_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path))
    for people, archive in ((LSP, "lsp_dataset.zip"), (LSPET, "lspet_dataset.zip")):
        with pytest.raises(FileNotFoundError, match=rf"no folder {tmp_path}.*CPM_EDU_DATA.*{archive}"):
            people("test")


def test_folder_without_joints(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"neither joints\.npy nor joints\.mat"):
        LSP("all", tmp_path)


def test_unknown_split(lsp_mat):
    with pytest.raises(ValueError, match="no split 'dev': train, val, trainval, test, all"):
        LSP("dev", lsp_mat[0])
    with pytest.raises(ValueError, match="no split 'dev': all"):
        LSPET("dev", lsp_mat[0])


def test_another_number_of_joints_is_refused(tmp_path):
    savemat(tmp_path / "joints.mat", {"joints": np.ones((3, 13, 2000))})
    with pytest.raises(
        ValueError, match=r"shape \(2000, 13, 2\); expected \(people, 14.*right_ankle.*head_top"
    ):
        LSP("all", tmp_path)


def test_damaged_and_missing_pictures_are_named(lsp_mat):
    people = LSP("all", lsp_mat[0])
    path = lsp_mat[0] / "images" / "im0003.jpg"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match=rf"{path}.*(damaged|not a picture)"):
        people[2]
    path.unlink()
    with pytest.raises(ImageError, match=rf"im0003\.jpg: there is no such picture in '{lsp_mat[0]}/images"):
        people[2]


def test_a_labelled_joint_that_is_no_number_is_refused(lsp_mat):
    people = LSP("all", lsp_mat[0])
    people.joints_px[3, 5, 0] = np.nan
    with pytest.raises(
        ValueError, match=r"im0004\.jpg: joint 5 is labelled, but its position is not a number"
    ):
        people[3]
