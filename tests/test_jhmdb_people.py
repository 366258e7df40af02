"""JHMDB: mmpose's json and the original layout by hand, the same frames through both, and what is refused."""

import json

import numpy as np
import pytest
from annotation_files import coco_data, write_data, write_json
from matlab_files import write_jhmdb_clip, write_pictures
from scipy.io import savemat

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.jhmdb import JhmdbPeople
from cpm_edu.skeletons import COCO, JHMDB

SAMPLE_CLIPS = (
    "Frisbee_catch_f_cm_np1_ri_med_0", "Frisbee_catch_f_cm_np1_ri_med_1",
    "Goalkeeper_Training_Day_@_7_catch_f_cm_np1_ri_med_0",
)  # fmt: skip

# ---- mmpose's json


def open_json(folder, data, **options):
    file, images = write_data(folder, data)
    return JhmdbPeople("test", annotations=file, images=images, **options)


def test_a_record_by_hand(tmp_path):
    """Joints and the box's corner count from 1 in the file; its width and height are lengths."""
    people = open_json(tmp_path, coco_data(1, 1, joints=JHMDB.joints))
    [record] = people.records
    assert people.skeleton is JHMDB
    assert (record.file, record.image_id, record.id) == ("0001.jpg", 1, 10)
    assert record.joints_px.tolist() == [[9.0 + j, 7.0 + j] for j in range(15)]
    assert record.visibility.tolist() == [1.0] * 15
    assert record.box_xyxy.tolist() == [4.0, 5.0, 34.0, 25.0], "5, 6, 30, 20 in the file"
    assert record.center_px.tolist() == [19.0, 15.0]
    assert record.scale_px.tolist() == [37.5, 25.0]
    assert people[0].pixels().shape == (48, 64, 3)


def test_a_box_is_cut_at_the_last_pixel(tmp_path):
    data = coco_data(1, 1, joints=JHMDB.joints)
    data["annotations"][0]["bbox"] = [0, 41, 100, 30]
    [record] = open_json(tmp_path, data).records
    assert record.box_xyxy.tolist() == [0.0, 40.0, 63.0, 47.0]


def test_other_joints_are_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"people\.json labels 17 joints \(nose, left_eye, right_eye, \.\.\.\), not"
    ):
        open_json(tmp_path, coco_data(joints=COCO.joints))
    with pytest.raises(DataError, match=r"labels 15 joints \(left_ankle, .*not JHMDB's 15, neck first"):
        open_json(tmp_path, coco_data(joints=JHMDB.joints[::-1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [5, 6, 30, 0]}, "its box is 30 px wide and 0 px high"),
        ({"keypoints": [1, 2, 2] * 14}, "are 42 numbers, not 45"),
        ({"image_id": 9}, '"image_id" is 9, which no picture'),
        ({"id": 20}, "another annotation has the id 20"),
    ],
)
def test_a_broken_annotation(tmp_path, change, words):
    data = coco_data(2, 2, joints=JHMDB.joints)
    data["annotations"][3] |= change
    with pytest.raises(DataError, match=rf"people\.json: .*annotation 2[01]: .*{words}"):
        open_json(tmp_path, data)
    assert len(open_json(tmp_path, data, skip_bad=True)) == 3


# ---- the original layout


def joints_of(frames, first=0):
    """(2, 15, frames): joint j of frame t at (11 + j + t, 6 + j), counted from 1."""
    j, t = np.arange(15.0)[:, None], np.arange(float(frames))
    return np.stack([11 + first + j + t, 6 + j + 0 * t])


def masks_of(frames, rows=(5, 21), columns=(10, 31), size=(48, 64)):
    masks = np.zeros((*size, frames), np.uint8)
    masks[slice(*rows), slice(*columns)] = 1
    return masks


def write_original(folder, lists="sub_splits", mark="_", frames=3):
    """Two classes of two clips: of each the first trains and the second tests in split 1, turned round in split 2."""
    for action in ("walk", "kick_ball"):
        clips = [f"some_{action}_f_cm_np1_ri_med_{n}" for n in range(2)]
        for place, clip in enumerate(clips):
            name = f"{action}/{clip}"
            write_jhmdb_clip(folder, name, joints_of(frames, first=place), masks_of(frames))
            write_pictures(folder / "Rename_Images", [f"{name}/{t + 1:05d}.png" for t in range(frames)])
        (folder / lists).mkdir(parents=True, exist_ok=True)
        for sub, halves in ((1, "12"), (2, "21"), (3, "20")):
            lines = [f"{clip}.avi {half}\n" for clip, half in zip(clips, halves, strict=True)]
            (folder / lists / f"{action}_test_split{mark}{sub}.txt").write_text("".join(lines))
    return folder


WALK = "walk/some_walk_f_cm_np1_ri_med_1"


def test_an_original_frame_by_hand(tmp_path):
    people = JhmdbPeople("test", 1, write_original(tmp_path))
    assert [r.file for r in people.records] == [
        f"{name}/0000{t}.png" for name in ("kick_ball/some_kick_ball_f_cm_np1_ri_med_1", WALK) for t in (1, 2, 3)
    ]  # fmt: skip
    record = people.records[4]
    assert record.name == record.file == f"{WALK}/00002.png"
    assert record.joints_px.tolist() == [[12.0 + j, 5.0 + j] for j in range(15)], "counted from 0"
    assert record.visibility.tolist() == [1.0] * 15
    # Rows 5 to 20 and columns 10 to 30 are the person: 16 px high, 21 px wide.
    assert record.box_xyxy.tolist() == [10.0, 5.0, 31.0, 21.0]
    assert record.center_px.tolist() == [20.5, 13.0]
    assert record.scale_px.tolist() == [26.25, 20.0]
    for array in (record.joints_px, record.visibility, record.box_xyxy, record.center_px, record.scale_px):
        assert array.dtype == np.float32
    assert people[0].pixels().shape == (48, 64, 3)
    assert "6 pictures, 6 people, 90 of 90 joints labelled" in people.describe()


def test_splits_and_ids(tmp_path):
    """Halves are disjoint, a split turns them round, 0 is in neither, and an id is a frame's in both halves."""
    write_original(tmp_path)
    found = {(s, n): JhmdbPeople(s, n, tmp_path).records for s in ("train", "test") for n in (1, 2)}
    names = {key: {r.file for r in records} for key, records in found.items()}
    assert not names["train", 1] & names["test", 1]
    assert names["train", 1] == names["test", 2]
    everybody = [r for s in ("train", "test") for r in found[s, 1]]
    assert len({r.id for r in everybody}) == len({r.file for r in everybody}) == 12
    assert [r.id for r in found["test", 1]] == [20001, 20002, 20003, 40001, 40002, 40003]
    assert len(JhmdbPeople("test", 3, tmp_path)) == 6
    with pytest.raises(DataError, match="leaves nobody"):
        JhmdbPeople("train", 3, tmp_path)


def test_ids_do_not_depend_on_what_was_left_out(tmp_path):
    write_original(tmp_path)
    expected = [r.id for r in JhmdbPeople("test", 1, tmp_path).records][3:]
    (tmp_path / "joint_positions/kick_ball/some_kick_ball_f_cm_np1_ri_med_1/joint_positions.mat").unlink()
    assert [r.id for r in JhmdbPeople("test", 1, tmp_path, skip_bad=True).records] == expected


def test_lists_of_all_classes_do_where_those_of_sub_jhmdb_are_not_there(tmp_path):
    write_original(tmp_path, "splits", mark="")
    assert "all 21 classes" in JhmdbPeople("test", 1, tmp_path).describe()
    write_original(tmp_path)
    (tmp_path / "sub_splits/kick_ball_test_split_1.txt").unlink()
    people = JhmdbPeople("test", 1, tmp_path)
    assert {r.file.split("/")[0] for r in people.records} == {"walk"}, "sub_splits come first"
    assert "all 21 classes" not in people.describe()


def test_what_macos_leaves_in_an_archive_is_no_list(tmp_path):
    write_original(tmp_path)
    for name in (".AppleDouble/walk_test_split_1.txt", "._walk_test_split_1.txt"):
        (tmp_path / "sub_splits" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "sub_splits" / name).write_bytes(b"\x00\x05\x16\x07\xff")
    assert len(JhmdbPeople("test", 1, tmp_path)) == 6


@pytest.mark.parametrize(
    ("labels", "masks", "kept", "reason"),
    [
        (3, 2, 2, "it has no puppet mask, so the person has no box"),
        (2, 3, 2, "its joints are not labelled"),
        (3, 1, 1, "it has no puppet mask, so the person has no box"),
    ],
)
def test_frames_without_a_label_or_a_mask_are_left_out(tmp_path, labels, masks, kept, reason):
    """MATLAB writes a clip of one mask without its last dimension."""
    write_original(tmp_path)
    mask = masks_of(masks)
    write_jhmdb_clip(tmp_path, WALK, joints_of(labels), mask[..., 0] if masks == 1 else mask)
    people = JhmdbPeople("test", 1, tmp_path)
    assert len(people) == 3 + kept
    assert dict(people.sieve.dropped) == {reason: [f"{WALK}/{t + 1:05d}.png" for t in range(kept, 3)]}


def test_an_empty_mask_is_none(tmp_path):
    write_original(tmp_path)
    masks = masks_of(3)
    masks[..., 1] = 0
    write_jhmdb_clip(tmp_path, WALK, joints_of(3), masks)
    people = JhmdbPeople("test", 1, tmp_path)
    assert [r.file[-9:] for r in people.records[3:]] == ["00001.png", "00003.png"]
    assert list(people.sieve.dropped.values()) == [[f"{WALK}/00002.png"]]


def nan_joint(folder):
    joints = joints_of(3)
    joints[0, 4, 1] = np.nan
    write_jhmdb_clip(folder, WALK, joints, masks_of(3))


@pytest.mark.parametrize(
    ("spoil", "left", "words"),
    [
        (lambda f: (f / f"joint_positions/{WALK}/joint_positions.mat").unlink(), 3, "there is no .*joint_positions.mat"),
        (lambda f: (f / f"puppet_mask/{WALK}/puppet_mask.mat").write_bytes(b"0" * 300), 3, "is no MATLAB file"),
        (lambda f: savemat(f / f"puppet_mask/{WALK}/puppet_mask.mat", {"x": 1}), 3, "holds no part_mask"),
        (lambda f: write_jhmdb_clip(f, WALK, joints_of(3)[:, :14], masks_of(3)), 3, r"shape \(2, 14, 3\), not \(2, 15"),
        (lambda f: write_jhmdb_clip(f, WALK, joints_of(3), masks_of(3)[None]), 3, r"part_mask .* not \(height, width"),
        (nan_joint, 5, r"00002\.png: a joint is NaN"),
        (lambda f: (f / f"Rename_Images/{WALK}/00003.png").unlink(), 5, r"00003\.png: there is no such picture in .*Re"),
        (
            lambda f: write_jhmdb_clip(f, WALK, joints_of(3), masks_of(3, rows=(47, 48))), 3,
            r"00001\.png: its box is 21 px wide and 0 px high",
        ),
    ],
)  # fmt: skip
def test_a_broken_clip(tmp_path, spoil, left, words):
    spoil(write_original(tmp_path))
    with pytest.raises(DataError, match=rf"sub_splits: {WALK}.*{words}"):
        JhmdbPeople("test", 1, tmp_path)
    people = JhmdbPeople("test", 1, tmp_path, skip_bad=True)
    assert len(people) == left
    assert "left out as broken" in people.describe()


def test_broken_lists(tmp_path):
    write_original(tmp_path)
    list_ = tmp_path / "sub_splits/walk_test_split_1.txt"
    list_.write_text(list_.read_text() + "\nsome_clip.avi\n")
    with pytest.raises(
        DataError, match=r"walk_test_split_1\.txt, line 4 is 'some_clip\.avi', not a clip's name"
    ):
        JhmdbPeople("test", 1, tmp_path)
    for file in (tmp_path / "sub_splits").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"sub_splits holds no list <class>_test_split1\.txt"):
        JhmdbPeople("test", 1, tmp_path)


def test_where_the_files_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path))
    folder = tmp_path / "jhmdb"
    with pytest.raises(
        DataError, match=rf"no {folder}/annotations/Sub2_train\.json\. How to get JHMDB: .*tue\.mpg\.de"
    ):
        JhmdbPeople("train", 2)
    write_original(folder)
    (folder / "puppet_mask").rename(folder / "elsewhere")
    with pytest.raises(DataError, match=rf"there is no {folder}/puppet_mask\. How"):
        JhmdbPeople()
    (folder / "elsewhere").rename(folder / "puppet_mask")
    assert len(JhmdbPeople()) == 6
    data = coco_data(2, 1, joints=JHMDB.joints)
    for image in data["images"]:
        image["file_name"] = f"Rename_Images/{image['file_name']}"
    write_pictures(folder, [image["file_name"] for image in data["images"]])
    write_json(folder / "annotations/Sub1_test.json", data)
    assert len(JhmdbPeople()) == 2, "the json comes first"
    assert len(JhmdbPeople("train")) == 6, "of this half there is none"
    for bad in (("val", 1), ("test", 4)):
        with pytest.raises(ValueError, match="train, test of 1, 2, 3"):
            JhmdbPeople(*bad)


# ---- the real sample


@pytest.mark.realdata
def test_the_original_layout_agrees_with_the_json(data_dir, tmp_path):
    """Three genuine frames: recovered joints and the mask's extent, written as the original has them, read as both."""
    folder = data_dir / "samples" / "mmpose_tests_data" / "jhmdb"
    expected = JhmdbPeople("test", annotations=folder / "test_jhmdb_sub1.json", images=folder)
    assert len(expected) == len(json.loads((folder / "test_jhmdb_sub1.json").read_text())["annotations"]) == 3
    with np.load(data_dir / "jhmdb" / "jhmdb_14class_poses.npz") as pack:
        clips, start, joints, boxes = (pack[name] for name in ("clip", "start", "pos_img", "bbox_xyxy"))
    names = [f"catch/{clip}" for clip in SAMPLE_CLIPS]
    for name in names:
        row = start[clips.tolist().index(name)]
        x1, y1, x2, y2 = boxes[row]
        mask = masks_of(1, rows=(y1, y2), columns=(x1, x2), size=(240, 320))
        write_jhmdb_clip(tmp_path, name, joints[row].T[..., None].astype(float), mask)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits/catch_test_split1.txt").write_text(
        "".join(f"{clip}.avi 2\n" for clip in SAMPLE_CLIPS)
    )
    (tmp_path / "Rename_Images").mkdir()
    (tmp_path / "Rename_Images/catch").symlink_to(folder)
    people = JhmdbPeople("test", 1, tmp_path)
    for record, other in zip(people.records, expected.records, strict=True):
        assert record.file == f"catch/{other.file}"
        np.testing.assert_array_equal(record.box_xyxy, other.box_xyxy)
        np.testing.assert_array_equal(record.scale_px, other.scale_px)
        np.testing.assert_allclose(record.joints_px, other.joints_px, rtol=0, atol=0.08)
        assert (
            (record.joints_px >= record.box_xyxy[:2] - 5) & (record.joints_px <= record.box_xyxy[2:] + 5)
        ).all()
