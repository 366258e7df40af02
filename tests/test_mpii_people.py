"""MPII from mmpose's json: numbers by hand, head sizes, where the files lie, and what is refused."""

import json

import numpy as np
import pytest
from annotation_files import coco_data, write_json
from matlab_files import MPII_JOINTS, mpii_entry, mpii_person, mpii_picture, write_mpii, write_pictures
from scipy.io import savemat

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.mpii import ORIGINAL, MpiiPeople
from cpm_edu.skeletons import MPII


def open_list(folder, people, **options):
    names = [p["image"] for p in people if isinstance(p, dict) and isinstance(p.get("image"), str)]
    images = write_pictures(folder / "images", names)
    file = write_json(folder / "mpii_val.json", people)
    return MpiiPeople(options.pop("split", "val"), annotations=file, images=images, **options)


# ---- numbers by hand


def test_a_record_by_hand(tmp_path):
    """scale 0.2 is 40 px; the position (31, 21) goes down by 15 * 0.2 = 3 px and counts from 0: (30, 23)."""
    [record] = open_list(tmp_path, [mpii_entry()]).records
    assert (record.file, record.image_id, record.id) == ("000000007.jpg", 7, 0)
    assert record.name == "000000007.jpg, person 1 of the list"
    np.testing.assert_allclose(record.center_px, [30, 23], atol=1e-5)
    np.testing.assert_allclose(record.box_xyxy, [10, 3, 50, 43], atol=1e-5)
    np.testing.assert_allclose(record.scale_px, [50, 50], atol=1e-5)  # 1.25 times as large
    assert record.joints_px.tolist() == [[10.0 + j, 20.0 + 2 * j] for j in range(16)], "counted from 0"
    assert record.visibility.tolist() == [1.0] * 16
    assert np.isnan(record.head_size)
    assert np.isnan(record.area)
    for array in (record.joints_px, record.visibility, record.box_xyxy, record.center_px, record.scale_px):
        assert array.dtype == np.float32


def test_rule_of_mmpose_1_leaves_the_joints_as_in_the_file(tmp_path):
    ours, [theirs] = (open_list(tmp_path, [mpii_entry()], joints_rule=r).records for r in ("0.x", "1.x"))
    np.testing.assert_array_equal(theirs.joints_px, ours[0].joints_px + 1)
    np.testing.assert_array_equal(theirs.box_xyxy, ours[0].box_xyxy)
    with pytest.raises(ValueError, match=r"joints_rule must be .* not '2'"):
        MpiiPeople(joints_rule="2")


def test_a_position_of_minus_1_is_not_moved_down(tmp_path):
    """mmpose's mark of a person without a position: only the first pixel is taken off."""
    [record] = open_list(tmp_path, [mpii_entry(center=[-1.0, -1.0])]).records
    np.testing.assert_allclose(record.center_px, [-2, -2], atol=1e-5)


def test_joints_that_are_not_labelled(tmp_path):
    entry = mpii_entry()
    entry["joints"][3], entry["joints_vis"][3] = [-1.0, -1.0], 0
    nobody = mpii_entry(1, joints_vis=[0] * 16)
    people = open_list(tmp_path, [entry, nobody])
    assert people.records[0].visibility.tolist() == [1.0] * 3 + [0.0] + [1.0] * 12
    assert not people.records[1].labelled.any(), "mmpose keeps a person without joints"
    assert people.skeleton is MPII
    assert "2 people, 15 of 32 joints labelled (mpii: 16 joints)" in people.describe()


def test_people_of_one_picture_know_each_other(tmp_path):
    people = open_list(tmp_path, [mpii_entry(), mpii_entry(scale=0.3)])
    assert people[0].pixels().shape == (48, 64, 3)
    np.testing.assert_array_equal(people[0].others_px[0], people.records[1].joints_px)


# ---- head sizes


def write_heads(folder, corners):
    savemat(folder / "mpii_gt_val.mat", {"headboxes_src": np.asarray(corners, float).transpose(1, 2, 0)})


def test_head_sizes_by_hand(tmp_path):
    """0.6 times the diagonal: 0.6 * |(30, 40)| = 30 and 0.6 * |(6, 8)| = 6, in the order of the list."""
    write_heads(tmp_path, [[[10, 20], [40, 60]], [[5, 5], [11, 13]]])
    people = [mpii_entry(), mpii_entry(1)]
    assert [r.head_size for r in open_list(tmp_path, people).records] == pytest.approx([30, 6])
    assert np.isnan([r.head_size for r in open_list(tmp_path, people, split="train").records]).all()


def test_head_sizes_stay_with_their_people_when_others_are_left_out(tmp_path):
    write_heads(tmp_path, [[[10, 20], [40, 60]], [[5, 5], [11, 13]]])
    found = open_list(tmp_path, [mpii_entry(scale=0), mpii_entry(1)], skip_bad=True)
    assert [r.head_size for r in found.records] == pytest.approx([6])


def test_head_boxes_of_other_people_are_refused(tmp_path):
    write_heads(tmp_path, [[[10, 20], [40, 60]]])
    with pytest.raises(
        DataError, match=r"\(2, 2, 1\); mpii_val\.json has 2 people, so it should be \(2, 2, 2\)"
    ):
        open_list(tmp_path, [mpii_entry(), mpii_entry(1)])
    savemat(tmp_path / "mpii_gt_val.mat", {"jnt_missing": np.zeros(3)})
    with pytest.raises(
        DataError, match=r"mpii_gt_val\.mat holds no headboxes_src: it is not mpii_gt_val\.mat"
    ):
        open_list(tmp_path, [mpii_entry()])
    (tmp_path / "mpii_gt_val.mat").write_bytes(b"no such thing" * 20)
    with pytest.raises(DataError, match=r"mpii_gt_val\.mat is no MATLAB file of version 7 or below"):
        open_list(tmp_path, [mpii_entry()])


# ---- where the files lie


def test_official_layout(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path))
    folder = tmp_path / "mpii"
    with pytest.raises(
        DataError, match=rf"no {folder}/annotations/mpii_train\.json\. How to get MPII: .*mpi-inf\.mpg\.de"
    ):
        MpiiPeople("train")
    write_mpii(folder / ORIGINAL, mpii_picture("1.jpg", mpii_person(MPII_JOINTS)))
    with pytest.raises(DataError, match=rf"there is no {folder}/images\. How"):
        MpiiPeople("train")
    write_pictures(folder / "images", ["1.jpg", "000000007.jpg"])
    assert MpiiPeople("train").sieve.file == folder / ORIGINAL
    write_json(folder / "annotations" / "mpii_train.json", [mpii_entry(), mpii_entry()])
    people = MpiiPeople("train")
    assert len(people) == 2, "mmpose's json comes first"
    assert str(folder / "images") in people.describe()
    with pytest.raises(ValueError, match="no split 'test': train, val"):
        MpiiPeople("test")


# ---- refusals


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scale": 0}, 'its "scale" is 0: the person has no size'),
        ({"scale": None}, 'its "scale" hold NaN'),
        ({"center": [1.0]}, 'its "center" .* are 1 numbers, not 2'),
        ({"center": [float("nan"), 2]}, 'its "center" .* hold NaN'),
        ({"joints_vis": [1] * 15}, "are 15 numbers, not 16"),
        ({"joints_vis": None}, "are None, not 16 numbers"),
        ({"joints": [[1, 2]] * 17}, 'its "joints" are not 16 points'),
        ({"joints": [[1, 2]] * 15 + [[1, 2, 3]]}, 'its "joints" are 3 numbers, not 2'),
        ({"joints": [[1, 2]] * 15 + [["a", 2]]}, 'its "joints" are not all numbers'),
        ({"image": "photo.jpg"}, "'photo.jpg', not a file name of digits"),
        ({"image": None}, "None, not a file name of digits"),
    ],
)
def test_a_broken_record(tmp_path, change, words):
    people = [mpii_entry(), mpii_entry(1, **change)]
    with pytest.raises(DataError, match=rf"mpii_val\.json: .*person 2 of the list: .*{words}"):
        open_list(tmp_path, people)
    found = open_list(tmp_path, people, skip_bad=True)
    assert [r.id for r in found.records] == [0]
    assert "left out as broken: 1" in found.describe()


def test_an_entry_that_is_no_person(tmp_path):
    with pytest.raises(DataError, match=r"person 2 of the list: it is no object of image, center, scale"):
        open_list(tmp_path, [mpii_entry(), [1, 2]])
    assert len(open_list(tmp_path, [mpii_entry(), [1, 2], mpii_entry(1)], skip_bad=True)) == 2


def test_a_missing_picture(tmp_path):
    file = write_json(tmp_path / "mpii_val.json", [mpii_entry(), mpii_entry(1), mpii_entry(1)])
    images = write_pictures(tmp_path / "images", ["000000007.jpg"])
    with pytest.raises(
        DataError, match=rf"000000008\.jpg, person 2 of the list: there is no such picture in {images}"
    ):
        MpiiPeople(annotations=file, images=images)
    people = MpiiPeople(annotations=file, images=images, skip_bad=True)
    assert len(people) == 1
    assert "left out as broken: 2" in people.describe()


def test_files_of_other_data_sets(tmp_path):
    images = write_pictures(tmp_path / "images", ["1.jpg"])
    for content, words in (
        (coco_data(), "COCO keypoints"),
        ([{"bbox": [1, 2, 3, 4], "score": 1}], "detector boxes"),
        ([], "a JSON list of something else"),
    ):
        file = write_json(tmp_path / "other.json", content)
        with pytest.raises(
            DataError, match=rf"MPII val: {file} is no list of MPII people: it looks like {words}"
        ):
            MpiiPeople(annotations=file, images=images)
    file.write_text("{")
    with pytest.raises(DataError, match=r"other\.json is not a JSON file"):
        MpiiPeople(annotations=file, images=images)


# ---- the real sample


@pytest.mark.realdata
def test_genuine_sample(data_dir):
    folder = data_dir / "samples" / "mmpose_tests_data" / "mpii"
    people = MpiiPeople(annotations=folder / "test_mpii.json", images=folder)
    truth = json.loads((folder / "test_mpii.json").read_text())
    assert len(people) == len(truth) == 5
    assert not people.sieve.summary()
    for record, entry in zip(people.records, truth, strict=True):
        height, width = people.pictures.read(record.file).shape[:2]
        inside = record.joints_px[record.labelled]
        assert ((inside >= 0) & (inside <= [width - 1, height - 1])).all()
        assert record.labelled.sum() == sum(entry["joints_vis"])
        crop = [record.center_px - record.scale_px / 2, record.center_px + record.scale_px / 2]
        assert ((inside >= crop[0]) & (inside <= crop[1])).all(), "the crop holds the person"
