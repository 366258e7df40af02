"""The recovered JHMDB clips: who is in which part, where the joints lie, and one frame against the genuine one."""

import numpy as np
import pytest

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.jhmdb import JhmdbPeople
from cpm_edu.datasets.jhmdb_clips import FRAMES, POSES, JhmdbClips
from cpm_edu.skeletons import JHMDB

PARTS = ("train", "val", "test")


# ---- who is in which part


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("sub", "clips", "frames"),
    [(1, (151, 13, 70), (2772, 208, 1264)), (2, (155, 16, 63), (2829, 290, 1125)), (3, (150, 15, 69), (2721, 280, 1243))],
)  # fmt: skip
def test_parts_of_the_official_splits(data_dir, sub, clips, frames):
    parts = [JhmdbClips(part, sub) for part in PARTS]
    assert tuple(len(p.clips) for p in parts) == clips
    assert tuple(len(p) for p in parts) == frames
    assert sum(clips) == 234, "every clip of the pack is in one part"
    with np.load(data_dir / "jhmdb" / POSES) as pack:
        official = dict(zip(pack["clip"].tolist(), pack["split"][:, sub - 1].tolist(), strict=True))
    for part, people in zip(PARTS, parts, strict=True):
        assert {official[clip] for clip in people.clips} == {2 if part == "test" else 1}
        assert {r.file.rpartition("/")[0] for r in people.records} == set(people.clips)
    ids = [r.id for people in parts for r in people.records]
    assert len(set(ids)) == len(ids) == 4244


@pytest.mark.realdata
@pytest.mark.parametrize("sub", [1, 2, 3])
def test_no_video_is_in_two_parts(data_dir, sub):
    """A clip is called VIDEO_class_f_nm_np1_fr_med_NUMBER: frames of one video look alike."""
    videos = []
    for part in PARTS:
        clips = [clip.split("/") for clip in JhmdbClips(part, sub).clips]
        videos.append({(action, name[: name.rindex(f"_{action}_")]) for action, name in clips})
    assert min(map(len, videos)) == 9
    assert len(set.union(*videos)) == sum(map(len, videos))


# ---- where things lie


@pytest.mark.realdata
@pytest.mark.parametrize("part", PARTS)
def test_every_frame_is_there_and_its_crop_holds_the_joints(data_dir, part):
    people = JhmdbClips(part, 1)
    assert people.skeleton is JHMDB
    assert all(people.pictures.find(record.file) for record in people.records)
    joints, centers, scales = (
        np.stack([getattr(record, name) for record in people.records])
        for name in ("joints_px", "center_px", "scale_px")
    )
    assert all(record.labelled.all() for record in people.records)
    half = scales.max(1)[:, None, None] / 2  # a square crop
    assert (np.abs(joints - centers[:, None]) <= half).all()
    boxes = np.stack([record.box_xyxy for record in people.records])
    assert (boxes[:, 2:] - boxes[:, :2]).min() >= 10
    for record in people.records[::300]:
        height, width = people.pictures.read(record.file).shape[:2]
        assert (record.joints_px >= -1).all()
        assert (record.joints_px <= [width, height]).all()


@pytest.mark.realdata
def test_a_frame_agrees_with_the_genuine_one(data_dir):
    """mmpose's sample has its picture, joints and box; the pack has them in its own crop of the frame."""
    folder = data_dir / "samples" / "mmpose_tests_data" / "jhmdb"
    genuine = JhmdbPeople("test", annotations=folder / "test_jhmdb_sub1.json", images=folder)
    clip = "catch/Frisbee_catch_f_cm_np1_ri_med_0"
    people = JhmdbClips("test", 1)
    record = next(r for r in people.records if r.file == f"{clip}/000.jpg")
    with np.load(data_dir / "jhmdb" / POSES) as pack:
        x1, y1, x2, y2 = pack["crop_xyxy"][pack["clip"].tolist().index(clip)].tolist()
    expected = genuine.records[0]
    assert clip.endswith(expected.file.split("/")[0])
    corner = np.array([x1, y1])
    np.testing.assert_array_equal(record.box_xyxy + np.tile(corner, 2), expected.box_xyxy)
    np.testing.assert_array_equal(record.scale_px, expected.scale_px)
    np.testing.assert_allclose(record.joints_px + corner, expected.joints_px, rtol=0, atol=0.08)
    picture = genuine.pictures.read(expected.file).astype(float)
    ours = people.pictures.read(record.file)
    assert ours.shape == (y2 - y1, x2 - x1, 3)

    def difference(dx):
        return np.abs(picture[y1:y2, x1 + dx : x2 + dx] - ours).mean()

    assert difference(0) < 5, "a video's and a JPEG's losses"
    assert difference(0) < min(difference(-1), difference(1)) / 1.5, "shifted by a pixel it would fit worse"


@pytest.mark.realdata
def test_describe(data_dir):
    text = JhmdbClips("val", 2).describe()
    assert "JHMDB clips with recovered joints, split 2, val: 290 pictures, 290 people, 4350 of 4350" in text
    assert "not published" in text


# ---- a pack of three clips, by hand


def write_pack(folder, **changes):
    """Clips of 3, 2 and 1 frames, joint j of frame row r at (21 + j + r, 31 + j) from 1, cropped at (10, 20)."""
    rows = np.arange(6.0)[:, None]
    joints = np.stack([21 + np.arange(15) + rows, 31 + np.arange(15) + 0 * rows], -1)
    poses = {
        "clip": np.array(["run/a_run_f_0", "run/b_run_f_0", "run/c_run_f_0"]), "start": np.array([0, 3, 5, 6]),
        "pos_img": joints.astype(np.float32), "sub8": np.array([True, True, False]),
        "bbox_xyxy": np.array([[15, 25, 35, 65]] * 5 + [[300, 200, 320, 240]], np.int16),
        "split": np.array([[2, 1, 1], [1, 2, 2], [2, 2, 2]], np.uint8),
        "crop_xyxy": np.array([[10, 20, 60, 80]] * 3, np.int16),
    } | changes  # fmt: skip
    folder.mkdir(exist_ok=True)
    np.savez(folder / POSES, **poses)
    (folder / FRAMES).write_bytes(b"PK\x05\x06" + bytes(18))  # an archive of nothing
    return folder


def test_records_by_hand(tmp_path):
    records = JhmdbClips("test", 1, write_pack(tmp_path)).records
    assert [r.file for r in records] == ["run/a_run_f_0/000.jpg", "run/a_run_f_0/002.jpg"], (
        "every second frame"
    )
    assert records[1].joints_px.tolist() == [[12.0 + j, 10.0 + j] for j in range(15)]
    assert records[1].box_xyxy.tolist() == [5.0, 5.0, 25.0, 45.0]
    assert records[1].center_px.tolist() == [15.0, 25.0]
    assert records[1].scale_px.tolist() == [25.0, 50.0]
    assert len(JhmdbClips("test", 2, tmp_path)) == 1, "clip b; clip c is of none of the eight classes"


def test_a_box_ends_at_the_last_pixel(tmp_path):
    write_pack(tmp_path, sub8=np.array([True, True, True]))
    assert JhmdbClips("test", 1, tmp_path).records[-1].box_xyxy.tolist() == [290.0, 180.0, 309.0, 219.0]


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="no split 'all' 1: train, val, test of 1, 2, 3"):
        JhmdbClips("all", 1, tmp_path)
    with pytest.raises(ValueError, match="no split 'test' 0"):
        JhmdbClips("test", 0, tmp_path)
    with pytest.raises(DataError, match=rf"there is no {tmp_path}/{POSES}\. .*jhmdb-sub1"):
        JhmdbClips("test", 1, tmp_path)
    write_pack(tmp_path)
    with pytest.raises(DataError, match=rf"{POSES} leaves nobody"):
        JhmdbClips("val", 1, tmp_path)
    np.savez(tmp_path / POSES, clip=np.array(["run/a"]))
    with pytest.raises(DataError, match=rf"{POSES} is not that of the pack \('start is not a file"):
        JhmdbClips("test", 1, tmp_path)
    (tmp_path / POSES).write_bytes(b"no archive")
    with pytest.raises(DataError, match=rf"{POSES} is not that of the pack"):
        JhmdbClips("test", 1, tmp_path)
    write_pack(tmp_path)
    (tmp_path / FRAMES).unlink()
    with pytest.raises(DataError, match=rf"there is no {tmp_path}/{FRAMES}"):
        JhmdbClips("test", 1, tmp_path)
