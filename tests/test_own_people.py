"""Your own data: skeleton from the category, boxes from the joints, pictures that fit, and splits by picture."""

import re
import zipfile

import numpy as np
import pytest
from annotation_files import SIZE, coco_data, write_data, write_json
from PIL import Image

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.own import OwnPeople, split_by_picture
from cpm_edu.skeletons import COCO, JHMDB

NINE = (
    "head", "left shoulder", "right shoulder", "left elbow", "right elbow", "left hand", "right hand", "left hip",
    "right hip",
)  # fmt: skip


def open_own(folder, data, **options):
    return OwnPeople(*write_data(folder, data), **options)


# ---- the skeleton


def test_skeleton_of_nine_joints_by_hand(tmp_path):
    data = coco_data(joints=NINE)
    data["categories"][0] |= {"name": "figure", "skeleton": [[1, 2], [1, 3], [2, 4]]}
    skeleton = open_own(tmp_path, data).skeleton
    assert skeleton.name == "figure"
    assert skeleton.joints == NINE
    assert skeleton.limbs == ((0, 1), (0, 2), (1, 3)), "limbs count from 1 in the file"
    assert skeleton.flip_pairs == ((1, 2), (3, 4), (5, 6), (7, 8))
    assert skeleton.torso == (1, 8), "left shoulder and right hip"
    assert skeleton.lower_body == (7, 8)
    assert skeleton.upper_body == (0, 1, 2, 3, 4, 5, 6)
    assert skeleton.oks_sigmas is None, "nobody measured them for these joints"


def test_known_joints_get_their_own_skeleton(tmp_path):
    assert open_own(tmp_path / "a", coco_data()).skeleton is COCO
    assert open_own(tmp_path / "b", coco_data(joints=JHMDB.joints)).skeleton is JHMDB


def test_seventeen_other_joints_are_not_coco(tmp_path):
    skeleton = open_own(tmp_path, coco_data(joints=COCO.joints[::-1])).skeleton
    assert skeleton.joints == COCO.joints[::-1]
    assert skeleton.oks_sigmas is None


def test_without_hips_there_is_no_torso(tmp_path):
    assert open_own(tmp_path, coco_data(joints=NINE[:7])).skeleton.torso is None


def test_a_category_without_limbs_or_name(tmp_path):
    data = coco_data(joints=NINE)
    data["categories"][0] = {"id": 1, "keypoints": list(NINE)}
    skeleton = open_own(tmp_path, data).skeleton
    assert (skeleton.name, skeleton.limbs) == ("person", ())


@pytest.mark.parametrize(
    ("category", "words"),
    [
        ({"keypoints": None}, 'no category lists its "keypoints", the names of the joints .*"nose"'),
        ({"keypoints": []}, 'no category lists its "keypoints"'),
        ({"keypoints": 9}, "are no list of joint names"),
        ({"keypoints": ["a", 5, *NINE[2:]]}, "are no list of joint names"),
        ({"keypoints": ["head", *NINE[:8]]}, "names a joint twice"),
        ({"skeleton": [[0, 1]]}, r"limb \[0, 1\] .* not two joint numbers of 1\.\.9 \(they count from 1\)"),
        ({"skeleton": [[1, 10]]}, r"limb \[1, 10\]"),
        ({"skeleton": [[1, 2, 3]]}, r"limb \[1, 2, 3\]"),
        ({"skeleton": [1, 2]}, "limb 1 "),
        ({"skeleton": [["head", "left hip"]]}, "limb "),
    ],
)
def test_a_broken_category(tmp_path, category, words):
    data = coco_data(joints=NINE)
    data["categories"][0] |= category
    with pytest.raises(DataError, match=rf"{tmp_path}/people\.json.*{words}"):
        open_own(tmp_path, data)


def test_two_categories_with_joints(tmp_path):
    data = coco_data(joints=NINE)
    data["categories"].append({"id": 2, "name": "rider", "keypoints": ["a", "b"]})
    assert len(open_own(tmp_path, data)) == 6, "nobody is of the second"
    data["annotations"][1]["category_id"] = 2
    with pytest.raises(DataError, match=r"2 categories have joints \(person, rider\); a model learns one"):
        open_own(tmp_path, data)


def test_boxes_of_other_categories_are_left_out(tmp_path):
    data = coco_data(joints=NINE)
    data["categories"].append({"id": 2, "name": "ball"})
    data["annotations"].append({"id": 99, "image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]})
    people = open_own(tmp_path, data)
    assert len(people) == 6
    assert dict(people.sieve.dropped) == {"not of the category 'person'": ["annotation 99"]}


# ---- people


def test_a_missing_box_is_the_extent_of_the_labelled_joints(tmp_path):
    data = coco_data(1, 2, joints=NINE)
    del data["annotations"][0]["bbox"]
    data["annotations"][0]["keypoints"][:3] = [60, 40, 0]  # not labelled: must not count
    people = open_own(tmp_path, data)
    assert people.records[0].box_xyxy.tolist() == [11.0, 9.0, 18.0, 16.0]
    assert people.records[1].box_xyxy.tolist() == [5.0, 8.0, 35.0, 28.0]
    line = "kept: 1 (no box: the extent of the labelled joints stands in for it): 0001.jpg, annotation 10"
    assert line in people.describe()


def test_joints_in_a_line_give_no_box(tmp_path):
    data = coco_data(1, 1, joints=NINE)
    data["annotations"][0] |= {"bbox": None, "keypoints": [10, 20, 2] * 9}
    with pytest.raises(
        DataError, match='annotation 10: it has no "bbox", and its labelled joints span no area'
    ):
        open_own(tmp_path, data)


def test_fields_nobody_needs_may_be_missing(tmp_path):
    data = coco_data(joints=NINE)
    for annotation in data["annotations"]:
        for key in ("iscrowd", "num_keypoints", "area"):
            del annotation[key]
    for image in data["images"]:
        del image["width"], image["height"]
    people = open_own(tmp_path, data)
    assert len(people) == 6
    assert np.isnan(people.records[0].area)


def test_pictures_in_an_archive_and_in_folders(tmp_path):
    data = coco_data(joints=NINE)
    data["images"][1]["file_name"] = "day 2/0002.jpg"
    file, images = write_data(tmp_path, data)
    assert round(float(OwnPeople(file, images)[2].pixels().mean())) == 40
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for image in data["images"]:
            archive.write(images / image["file_name"], image["file_name"])
    people = OwnPeople(file, tmp_path / "photos.zip")
    assert round(float(people[2].pixels().mean())) == 40


def test_oddities_are_kept_and_noted(tmp_path):
    data = coco_data(3, 1, joints=NINE)
    data["annotations"][0]["keypoints"][:3] = [0, 0, 2]
    data["annotations"][1]["keypoints"][:3] = [SIZE[0] + 1, 3, 2]
    data["annotations"][2]["keypoints"][:3] = [SIZE[0] - 1, 0, 2]  # the last pixel is inside
    people = open_own(tmp_path, data)
    assert len(people) == 3
    assert dict(people.sieve.noted) == {
        "a joint at (0, 0) is marked as labelled (v above 0)": ["0001.jpg, annotation 10"],
        "some labelled joints lie outside the picture": ["0002.jpg, annotation 20"],
    }


# ---- pictures that do not fit their annotations


def test_a_picture_of_another_size_is_refused(tmp_path):
    file, images = write_data(tmp_path, coco_data())
    Image.new("RGB", (32, 24)).save(images / "0002.jpg")
    words = r"0002\.jpg, annotation 20: its picture is 32 x 24 px, the file says 64 x 48: the joints would not fit"
    with pytest.raises(DataError, match=words):
        OwnPeople(file, images)
    people = OwnPeople(file, images, skip_bad=True)
    assert [r.image_id for r in people.records] == [1, 1, 3, 3]


@pytest.mark.parametrize("archive", [False, True])
def test_a_turned_photo_counts_as_it_is_seen(tmp_path, archive):
    """A camera's note in EXIF swaps width and height; the annotation must be of the upright picture."""
    data = coco_data(2)
    file, images = write_data(tmp_path, data)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", SIZE[::-1]).save(images / "0001.jpg", exif=exif)  # stored on its side
    Image.new("RGB", SIZE).save(images / "0002.jpg")
    if archive:
        with zipfile.ZipFile(tmp_path / "photos.zip", "w") as packed:
            for name in ("0001.jpg", "0002.jpg"):
                packed.write(images / name, name)
        images = tmp_path / "photos.zip"
    assert len(OwnPeople(file, images)) == 4
    Image.new("RGB", SIZE[::-1]).save(
        tmp_path / "photos" / "0001.jpg", "PNG", exif=exif
    )  # a PNG by another name
    assert len(OwnPeople(file, tmp_path / "photos")) == 4
    exif[0x0112] = 3  # upside down: width and height stay
    Image.new("RGB", SIZE).save(tmp_path / "photos" / "0002.jpg", exif=exif)
    assert len(OwnPeople(file, tmp_path / "photos")) == 4


def test_a_file_that_is_no_picture_is_refused_at_once(tmp_path):
    file, images = write_data(tmp_path, coco_data())
    (images / "0003.jpg").write_text("not a picture")
    with pytest.raises(DataError, match=r"0003\.jpg, annotation 30: .*0003\.jpg: not a picture"):
        OwnPeople(file, images)
    assert len(OwnPeople(file, images, skip_bad=True)) == 4


@pytest.fixture
def moved(tmp_path):
    """Opens a file whose "file_name"s begin with something, beside photos/*.jpg."""

    def open_moved(start, images):
        data = coco_data()
        file, _ = write_data(tmp_path, data)
        for image in data["images"]:
            image["file_name"] = start + image["file_name"]
        return OwnPeople(write_json(file, data), images)

    return open_moved


def test_a_wrong_folder_of_pictures_is_named_as_the_cause(moved, tmp_path):
    words = (
        rf"^none of the 3 pictures of {tmp_path}/people\.json is in the folder '{tmp_path}'; --images names"
    )
    with pytest.raises(DataError, match=rf"{words} .*, is it '{tmp_path}/photos'\?$"):
        moved("", tmp_path)
    with pytest.raises(DataError, match=f"^none of the 3 .* in the folder '{tmp_path}'; .*of the pictures$"):
        moved("lost ", tmp_path)


@pytest.mark.parametrize("start", ["newts/", "newts\\", "C:\\my pictures\\"])
def test_folders_in_the_file_names_are_named(moved, tmp_path, start):
    words = f"'{tmp_path}/photos' ('0001.jpg' is; the file calls it '{start}0001.jpg', take the folders out"
    with pytest.raises(DataError, match=re.escape(words)):
        moved(start, tmp_path / "photos")


def test_backslashes_in_the_file_names_are_named(moved, tmp_path):
    words = r"\('photos/0001\.jpg' is; the file calls it 'photos\\0001\.jpg', write / in its file names\)"
    with pytest.raises(DataError, match=words):
        moved("photos\\", tmp_path)
    assert len(moved("photos/", tmp_path)) == 6


def test_one_lost_picture_stays_a_broken_record(tmp_path):
    file, images = write_data(tmp_path, coco_data())
    (images / "0002.jpg").unlink()
    words = rf"people\.json: 0002\.jpg, annotation 20: there is no such picture in '{images}'\. Mend it"
    with pytest.raises(DataError, match=words):
        OwnPeople(file, images)


# ---- the split


def test_split_keeps_pictures_whole_and_orders(tmp_path):
    people = open_own(tmp_path, coco_data(10, 3, joints=NINE))
    train, val = split_by_picture(people)
    files = [{r.file for r in part.records} for part in (train, val)]
    assert [len(f) for f in files] == [8, 2]
    assert not files[0] & files[1]
    assert (len(train), len(val)) == (24, 6)
    for part in (train, val):
        ids = [r.id for r in part.records]
        assert ids == sorted(ids), "the order of the file"
        assert part.skeleton == people.skeleton


def test_split_depends_on_its_seed_only(tmp_path):
    data = coco_data(10, 1, joints=NINE)
    people = open_own(tmp_path / "a", data)
    data["annotations"].reverse()
    data["images"].reverse()
    turned = open_own(tmp_path / "b", data)

    def held_out(people, seed):
        return {r.file for r in split_by_picture(people, seed=seed)[1].records}

    assert held_out(people, 0) == held_out(people, 0) == held_out(turned, 0)
    assert len({frozenset(held_out(people, seed)) for seed in range(8)}) > 3


@pytest.mark.parametrize(
    ("share", "pictures", "held_out"), [(0.2, 2, 1), (0.01, 5, 1), (0.99, 5, 4), (0.5, 5, 2)]
)
def test_both_parts_get_a_picture(tmp_path, share, pictures, held_out):
    people = open_own(tmp_path, coco_data(pictures, 1, joints=NINE))
    train, val = split_by_picture(people, share)
    assert (len(train), len(val)) == (pictures - held_out, held_out)


def test_what_cannot_be_split(tmp_path):
    people = open_own(tmp_path, coco_data(1, 3, joints=NINE))
    with pytest.raises(ValueError, match="people in one picture only"):
        split_by_picture(people)
    for share in (0, 1, -1, 2):
        with pytest.raises(ValueError, match=f"between 0 and 1, not {share}"):
            split_by_picture(people, share)
