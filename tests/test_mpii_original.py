"""MPII's original .mat: the same people as in mmpose's json, two ways to split them, and all its gaps."""

import numpy as np
import pytest
from annotation_files import write_json
from matlab_files import (
    EMPTY,
    MPII_JOINTS,
    mpii_entry,
    mpii_person,
    mpii_picture,
    struct,
    write_mpii,
    write_pictures,
)
from scipy.io import savemat

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.mpii import ORIGINAL, MpiiPeople


def open_mat(folder, *pictures, split="val", training=None, **options):
    images = write_pictures(folder / "images", [picture["image"][0, 0]["name"] for picture in pictures])
    file = write_mpii(folder / ORIGINAL, *pictures, training=training)
    return MpiiPeople(split, annotations=file, images=images, **options)


def test_the_original_agrees_with_the_json(tmp_path):
    """One person in both files: the same record, and the head's size from its rectangle, 0.6 * |(30, 40)|."""
    pictures = [
        mpii_picture(f"{n:09d}.jpg", mpii_person(MPII_JOINTS)) for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 7)
    ]
    people = open_mat(tmp_path, *pictures)
    [record] = people.records
    file = write_json(tmp_path / "mpii_val.json", [mpii_entry()])
    [expected] = MpiiPeople(annotations=file, images=tmp_path / "images").records
    assert (record.file, record.image_id) == (expected.file, expected.image_id)
    for field in ("joints_px", "visibility", "box_xyxy", "center_px", "scale_px"):
        np.testing.assert_array_equal(getattr(record, field), getattr(expected, field))
    assert record.head_size == pytest.approx(30)
    assert record.name == "000000007.jpg, person 1 of the picture"
    assert len(open_mat(tmp_path, *pictures, split="train")) == 9
    assert "a split of our own (every 10th video of mpii_human_pose_v1_u12_1.mat" in people.describe()


def test_occluded_joints_are_labelled_and_missing_ones_are_not(tmp_path):
    points = struct(
        {"x": 5, "y": 6, "id": 9, "is_visible": 0}, {"x": 7.5, "y": 8, "id": 0, "is_visible": "1"},
        {"x": 9, "y": 1, "id": 3, "is_visible": EMPTY},
    )  # fmt: skip
    someone = mpii_person({}, annopoints=struct({"point": points}))
    [record] = open_mat(tmp_path, mpii_picture("1.jpg", someone), split="train").records
    assert np.flatnonzero(record.labelled).tolist() == [0, 3, 9]
    assert record.joints_px[[0, 3, 9]].tolist() == [[6.5, 7.0], [8.0, 0.0], [4.0, 5.0]]


def test_gaps_of_the_original_are_left_out_and_named(tmp_path):
    """Test pictures, pictures without people, people without joints, position or size; a head may be missing."""
    people = open_mat(
        tmp_path,
        mpii_picture("1.jpg"),
        mpii_picture("2.jpg", {"scale": 0.2, "objpos": struct({"x": 3, "y": 4})}),
        mpii_picture("3.jpg", mpii_person(MPII_JOINTS, annopoints=None), mpii_person(MPII_JOINTS)),
        mpii_picture("4.jpg", mpii_person(MPII_JOINTS, objpos=None), mpii_person(MPII_JOINTS, scale=None)),
        mpii_picture("5.jpg", mpii_person(MPII_JOINTS, x1=None)),
        mpii_picture("6.jpg", mpii_person(MPII_JOINTS)),
        training=[1, 1, 1, 1, 1, 0],
        split="train",
    )
    assert [r.name for r in people.records] == [
        "3.jpg, person 2 of the picture",
        "5.jpg, person 1 of the picture",
    ]
    assert np.isnan(people.records[1].head_size)
    assert dict(people.sieve.dropped) == {
        "no joint is annotated": ["2.jpg, person 1 of the picture", "3.jpg, person 1 of the picture"],
        "no position or no scale, so there is no crop": [
            "4.jpg, person 1 of the picture", "4.jpg, person 2 of the picture",
        ],
    }  # fmt: skip
    assert not people.sieve.bad


def test_pictures_of_one_video_stay_together(tmp_path):
    """Eleven videos of two pictures each: the tenth video validates; pictures of no video stand for themselves."""
    pictures = [mpii_picture(f"{n}.jpg", mpii_person(MPII_JOINTS), video=1 + n % 11) for n in range(22)]
    halves = {s: {r.file for r in open_mat(tmp_path, *pictures, split=s).records} for s in ("train", "val")}
    assert halves["val"] == {"9.jpg", "20.jpg"}
    assert len(halves["train"]) == 20
    assert not halves["train"] & halves["val"]
    alone = [mpii_picture(f"{n}.jpg", mpii_person(MPII_JOINTS)) for n in range(22)]
    assert [r.file for r in open_mat(tmp_path, *alone).records] == ["9.jpg", "19.jpg"]


def write_published_split(folder, pictures, people):
    savemat(
        folder / "detections.mat",
        {"RELEASE_img_index": np.array([pictures]), "RELEASE_person_index": np.array([people])},
    )


def test_the_published_split_is_taken_from_its_list(tmp_path):
    """Pictures and people of the list count from 1; who shares a picture with a listed one is in neither part."""
    pictures = [
        mpii_picture(f"{n}.jpg", mpii_person(MPII_JOINTS), mpii_person(MPII_JOINTS, scale=0.4))
        for n in range(4)
    ]
    write_published_split(tmp_path, [2, 4, 4], [2, 1, 2])
    people = open_mat(tmp_path, *pictures)
    assert [r.name for r in people.records] == [
        "1.jpg, person 2 of the picture", "3.jpg, person 1 of the picture", "3.jpg, person 2 of the picture",
    ]  # fmt: skip
    assert people.records[0].box_xyxy[2] - people.records[0].box_xyxy[0] == pytest.approx(80)
    assert {r.file for r in open_mat(tmp_path, *pictures, split="train").records} == {"0.jpg", "2.jpg"}
    assert "of our own" not in people.describe()
    write_published_split(tmp_path, [2, 5], [1, 1])
    with pytest.raises(
        DataError, match=r"detections\.mat lists 2 pictures and 2 people, which do not fit the 4"
    ):
        open_mat(tmp_path, *pictures)


@pytest.mark.parametrize(
    ("someone", "words"),
    [
        (mpii_person({16: (1, 2)}), 'a joint has the "id" 16, not one of 0 to 15'),
        (mpii_person(MPII_JOINTS | {2: (float("nan"), 2)}), "hold NaN"),
        (mpii_person(MPII_JOINTS, scale=-1.0), 'its "scale" is -1'),
        (mpii_person(MPII_JOINTS, objpos=struct({"x": 3})), 'its "center".*hold NaN'),
    ],
)
def test_a_broken_person_of_the_original(tmp_path, someone, words):
    pictures = [mpii_picture("1.jpg", someone, mpii_person(MPII_JOINTS))]
    with pytest.raises(DataError, match=rf"{ORIGINAL}: 1\.jpg, person 1 of the picture: .*{words}"):
        open_mat(tmp_path, *pictures, split="train")
    people = open_mat(tmp_path, *pictures, split="train", skip_bad=True)
    assert [r.name for r in people.records] == ["1.jpg, person 2 of the picture"]
    assert "left out as broken: 1" in people.describe()


def test_a_mat_of_something_else(tmp_path):
    write_pictures(tmp_path / "images", ["1.jpg"])
    file = tmp_path / "other.mat"
    for content, words in (
        ({"joints": np.zeros(3)}, r"other\.mat holds no RELEASE: it is not mpii_human_pose"),
        ({"RELEASE": np.zeros(3)}, "has 0 annolist and 0 img_train"),
        ({"RELEASE": struct({"annolist": struct(mpii_picture("1.jpg"))})}, "has 1 annolist and 0 img_train"),
    ):
        savemat(file, content)
        with pytest.raises(DataError, match=words):
            MpiiPeople(annotations=file, images=tmp_path / "images")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match="no MATLAB file"):
        MpiiPeople(annotations=file, images=tmp_path / "images")
