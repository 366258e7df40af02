"""COCO: numbers by hand, what its rules leave out, detector boxes, and the real samples."""

import json

import numpy as np
import pytest
from annotation_files import coco_data, write_data, write_json

from cpm_edu.datasets.annotated import DataError
from cpm_edu.datasets.coco import DETECTIONS, CocoPeople
from cpm_edu.datasets.pictures import Picture
from cpm_edu.skeletons import COCO, JHMDB


def open_coco(folder, data, **options):
    file, images = write_data(folder, data)
    return CocoPeople(options.pop("split", "val"), annotations=file, images=images, **options)


# ---- numbers by hand


def test_a_record_by_hand(tmp_path):
    people = open_coco(tmp_path, coco_data())
    assert len(people) == 6
    record = people.records[3]
    assert (record.file, record.image_id, record.id) == ("0002.jpg", 2, 21)
    assert record.name == "0002.jpg, annotation 21"
    assert record.joints_px.tolist() == [[10.0 + j, 10.0 + j] for j in range(17)], "COCO counts from 0"
    assert record.visibility.tolist() == [1.0] * 17, "v = 1 and v = 2 are both labelled"
    assert record.box_xyxy.tolist() == [5.0, 8.0, 35.0, 28.0], "x, y, width, height -> corners"
    assert record.center_px.tolist() == [20.0, 18.0]
    assert record.scale_px.tolist() == [37.5, 25.0], "padded by 1.25"
    assert (record.score, record.area) == (1.0, 401.0)
    assert people.areas.tolist() == [400.0, 401.0] * 3
    for array in (record.joints_px, record.visibility, record.box_xyxy, record.center_px, record.scale_px):
        assert array.dtype == np.float32


def test_a_person_of_it(tmp_path):
    people = open_coco(tmp_path, coco_data())
    person = people[3]
    assert isinstance(person.image, Picture), "pictures are read when they are needed"
    assert person.pixels().shape == (48, 64, 3)
    assert round(float(person.pixels().mean())) == 40
    assert person.labelled.all()
    assert person.others_px.shape == (1, 17, 2)
    np.testing.assert_array_equal(person.others_px[0], people.records[2].joints_px)
    with pytest.raises(IndexError, match="person 6 of 6"):
        people[6]


def test_order_is_that_of_the_images_then_of_the_annotations(tmp_path):
    data = coco_data()
    data["images"].reverse()
    data["annotations"].reverse()
    assert [r.id for r in open_coco(tmp_path, data).records] == [31, 30, 21, 20, 11, 10]


def test_a_box_is_cut_at_the_last_pixel(tmp_path):
    """mmpose clips both corners to 0 .. width - 1."""
    data = coco_data(1, 1)
    data["annotations"][0]["bbox"] = [-4, 40, 100, 30]
    record = open_coco(tmp_path, data).records[0]
    assert record.box_xyxy.tolist() == [0.0, 40.0, 63.0, 47.0]
    assert record.center_px.tolist() == [31.5, 43.5]


def test_chosen_people_keep_their_areas(tmp_path):
    people = open_coco(tmp_path, coco_data())
    part = people.chosen([5, 0])
    assert [r.id for r in part.records] == [31, 10]
    assert part.areas.tolist() == [401.0, 400.0]
    assert part.annotation_file == people.annotation_file
    assert part[0].others_px is None, "nobody else of that picture was chosen"
    assert len(people) == 6


# ---- the official layout


def test_official_layout(tmp_path):
    data = coco_data(2)
    for split in ("train", "val"):
        file, images = write_data(tmp_path / split, data)
        file.rename(write_json(tmp_path / f"annotations/person_keypoints_{split}2017.json", {}))
        images.rename(tmp_path / f"{split}2017")
    boxes = [{"image_id": 2, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}]
    write_json(tmp_path / DETECTIONS, boxes)
    assert len(CocoPeople("train", tmp_path)) == len(CocoPeople("val", tmp_path)) == 4
    assert len(CocoPeople("val", tmp_path, boxes="detector")) == 1
    with pytest.raises(ValueError, match="detector boxes are those of val2017"):
        CocoPeople("train", tmp_path, boxes="detector")
    with pytest.raises(ValueError, match="no split 'test': train, val"):
        CocoPeople("test", tmp_path)


def test_default_folder_and_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_DATA", str(tmp_path))
    expected = rf"there is no {tmp_path}/coco/annotations/person_keypoints_train2017\.json\. How to get COCO: .*cocodataset\.org"
    with pytest.raises(DataError, match=expected):
        CocoPeople("train")
    write_json(tmp_path / "coco/annotations/person_keypoints_train2017.json", coco_data())
    with pytest.raises(DataError, match=rf"there is no {tmp_path}/coco/train2017\. How"):
        CocoPeople("train")


def test_describe(tmp_path):
    data = coco_data()
    data["annotations"][1] |= {"iscrowd": 1}
    text = open_coco(tmp_path, data).describe()
    for part in (
        "COCO val2017: 3 pictures, 5 people, 85 of 85 joints labelled (coco: 17 joints)",
        f"annotations: {tmp_path}/people.json", f"pictures: {tmp_path}/photos", "cocodataset.org",
        "left out by rule: 1 (a crowd, not one person): 0001.jpg, annotation 11",
    ):  # fmt: skip
        assert part in text


# ---- what the rules leave out


def test_rules_leave_out_and_name(tmp_path):
    data = coco_data(4)
    a = data["annotations"]
    a[0] |= {"iscrowd": 1}
    a[1] |= {"num_keypoints": 0}
    a[2] |= {"keypoints": [0] * 51}
    a[3] |= {"bbox": [63, 10, 20, 20]}  # nothing is left of it after cutting at the last pixel
    a[4] |= {"keypoints": []}
    people = open_coco(tmp_path, data)
    assert [r.id for r in people.records] == [31, 40, 41]
    assert dict(people.sieve.dropped) == {
        "a crowd, not one person": ["0001.jpg, annotation 10"],
        'its "num_keypoints" is 0': ["0001.jpg, annotation 11"],
        "no joint is labelled": ["0002.jpg, annotation 20", "0003.jpg, annotation 30"],
        "its box lies beside the picture": ["0002.jpg, annotation 21"],
    }
    assert not people.sieve.bad


def test_nobody_left_is_told_with_the_reasons(tmp_path):
    data = coco_data(1)
    for annotation in data["annotations"]:
        annotation["iscrowd"] = 1
    with pytest.raises(DataError, match=r"people\.json leaves nobody(.|\n)*2 \(a crowd"):
        open_coco(tmp_path, data)


def test_an_empty_file_leaves_nobody(tmp_path):
    data = coco_data(1)
    data["annotations"] = []
    with pytest.raises(DataError, match=r"people\.json leaves nobody$"):
        open_coco(tmp_path, data)


# ---- detector boxes


def detections(*boxes):
    return [{"image_id": i, "category_id": 1, "bbox": list(box), "score": score} for i, box, score in boxes]


def open_detected(folder, boxes, **options):
    return open_coco(folder, coco_data(), boxes=write_json(folder / "boxes.json", boxes), **options)


def test_detections_by_hand(tmp_path):
    boxes = detections((3, (-8, 2, 40, 60), 0.25), (1, (1, 2, 4, 8), 1.0), (3, (0, 0, 8, 8), 1e-4))
    boxes.insert(1, {"image_id": 1, "category_id": 18, "bbox": [0, 0, 9, 9], "score": 0.9})  # a dog
    people = open_detected(tmp_path, boxes)
    assert [r.image_id for r in people.records] == [3, 1, 3], "in the order of the file"
    first = people.records[0]
    assert first.box_xyxy.tolist() == [-8.0, 2.0, 32.0, 62.0], "not cut at the picture's edge"
    assert first.center_px.tolist() == [12.0, 32.0]
    assert first.scale_px.tolist() == [50.0, 75.0]
    assert first.score == 0.25
    assert len({r.id for r in people.records}) == 3
    assert not any(r.labelled.any() for r in people.records)
    assert np.isnan(people.areas).all()
    assert dict(people.sieve.dropped) == {"not a person": ["detection 2 of the list"]}
    assert "boxes.json" in people.describe()
    assert people.annotation_file.name == "people.json", "the ground truth stays the annotation file"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [1, 2, 0, 8]}, "its box is 0 px wide and 8 px high"),
        ({"bbox": [1, 2, 3]}, "are 3 numbers, not 4"),
        ({"bbox": None}, "are None, not 4 numbers"),
        ({"score": float("nan")}, "hold NaN"),
        ({"image_id": 77}, "image_id 77 is no picture of .*people.json"),
    ],
)
def test_a_broken_detection(tmp_path, change, words):
    boxes = detections((1, (1, 2, 4, 8), 1.0), (2, (1, 2, 4, 8), 1.0))
    boxes[1] |= change
    with pytest.raises(DataError, match=rf"boxes\.json: .*detection 2 of the list: .*{words}"):
        open_detected(tmp_path, boxes)
    people = open_detected(tmp_path, boxes, skip_bad=True)
    assert len(people) == 1
    assert "left out as broken: 1" in people.describe()


def test_boxes_that_are_something_else(tmp_path):
    with pytest.raises(DataError, match=r"boxes\.json is no list of boxes with scores: it looks like COCO"):
        open_detected(tmp_path, coco_data())
    with pytest.raises(DataError, match=r"there are no detector boxes .*none\.json"):
        open_coco(tmp_path, coco_data(), boxes=tmp_path / "none.json")


# ---- files of other data sets


def test_other_joints_are_refused(tmp_path):
    data = coco_data(joints=JHMDB.joints)
    with pytest.raises(
        DataError, match=r"people\.json labels 15 joints \(neck, belly, head, \.\.\.\), not COCO's 17"
    ):
        open_coco(tmp_path, data)
    data = coco_data(joints=COCO.joints[::-1])
    with pytest.raises(DataError, match="right_ankle"):
        open_coco(tmp_path, data)


# ---- the real samples


@pytest.mark.realdata
@pytest.mark.parametrize(("split", "people", "pictures"), [("train", 86, 28), ("val", 68, 32)])
def test_genuine_sample(data_dir, split, people, pictures):
    folder = data_dir / "samples" / "coco_mini"
    file = folder / f"person_keypoints_{split}2017.json"
    found = CocoPeople(split, annotations=file, images=folder / f"{split}2017")
    truth = json.loads(file.read_text())["annotations"]
    assert len(found) == people == sum(a["num_keypoints"] > 0 and not a["iscrowd"] for a in truth)
    assert len({r.file for r in found.records}) == pictures
    assert len(truth) == people + sum(map(len, found.sieve.dropped.values())), "everybody is accounted for"
    areas = {a["id"]: a["area"] for a in truth}
    assert found.areas.tolist() == [areas[r.id] for r in found.records]
    for record in found.records[:5]:
        assert found.skeleton is COCO
        inside = record.joints_px[record.labelled]
        assert (inside >= 0).all()
        image = np.asarray(Picture(found.pictures, record.file))
        assert (inside <= np.array(image.shape[1::-1])).all()
