"""What looks wrong in the numbers of your own data: joints, boxes, v, and the nearest spelling of a partner."""

import pytest
from annotation_files import coco_data, write_data

from cpm_edu.commands.own_data import find_doubts
from cpm_edu.datasets.own import OwnPeople

NINE = ("head", "l_eye", "r_eye", "l_hand", "r_hand", "l_foot", "r_foot", "neck", "tail")


def open_own(folder, data, **options):
    return OwnPeople(*write_data(folder, data), **options)


def doubts_of(folder, change):
    """What `find_doubts` says of 4 people in 2 pictures with nine joints, x = 30..38 and y = 8..18, when changed."""
    data = coco_data(2, 2, joints=NINE)
    for annotation in data["annotations"]:
        annotation["keypoints"][0::3] = [30 + j for j in range(9)]
        annotation["bbox"] = [25, 6, 20, 15]
        change(annotation)
    return find_doubts(open_own(folder, data))


def exchange(annotation):
    numbers = annotation["keypoints"]
    numbers[0::3], numbers[1::3] = numbers[1::3], numbers[0::3]


def as_corners(annotation):
    x, y, width, height = annotation["bbox"]
    annotation["bbox"] = [x, y, x + width, y + height]


def shift(annotation):
    annotation["keypoints"][0] = annotation["keypoints"][1] = 1


def no_change(annotation):
    pass


def keypoint_v(value):
    def change(annotation):
        annotation["keypoints"][2] = value

    return change


DOUBTS = {  # what is done to every person: the beginning of the sentence
    "joints exchanged": (exchange, "36 of 36 labelled joints lie outside their box; with x and y exchanged none would"),
    "a joint off": (shift, "4 of 36 labelled joints lie outside their box. Joints must be in pixels"),
    "corners": (as_corners, "4 of 4 boxes reach beyond their picture; are they x0, y0, x1, y1?"),
    "confidence": (keypoint_v(0.97), "4 of 4 people have a v that is not 0, 1 or 2."),
    "v of 3": (keypoint_v(3), "4 of 4 people have a v"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), DOUBTS.values(), ids=DOUBTS)
def test_odd_numbers_raise_a_doubt(tmp_path, change, words):
    assert doubts_of(tmp_path / "right", no_change) == []
    [doubt] = doubts_of(tmp_path / "odd", change)
    assert doubt.startswith(words)


def test_doubts_count_the_people_they_are_asked_about(tmp_path):
    data = coco_data(5, 1, joints=NINE)
    for annotation in data["annotations"][:2]:
        annotation["bbox"] = [5, 6, 62, 20]  # beyond the picture's 64 px; x1 = 62 is inside
    data["annotations"][2]["bbox"] = [5, 6, 62, 5]  # beyond too, but y1 = 5 is above y0 = 6: no corners
    data["annotations"][3]["bbox"] = [5, 6, 60, 20]  # one pixel beyond is forgiven
    people = open_own(tmp_path, data)
    assert [d[:12] for d in find_doubts(people) if "boxes" in d] == ["2 of 5 boxes"]
    assert [d[:12] for d in find_doubts(people.chosen([1, 3, 4])) if "boxes" in d] == ["1 of 3 boxes"]
    assert not any("boxes" in d for d in find_doubts(people.chosen([2, 3, 4])))


def test_a_repeated_id_with_skip_bad_takes_the_numbers_of_the_record_kept(tmp_path):
    data = coco_data(2, 1, joints=NINE)
    data["annotations"].insert(0, {"id": 10, "image_id": 99, "category_id": 1})  # of no picture
    people = open_own(tmp_path, data, skip_bad=True)
    assert [record.id for record in people.records] == [10, 20]


def test_the_nearest_spelling_of_a_missing_partner(tmp_path):
    names = ("head", "left front paw", "rigth front paw", "left ear", "right ear")
    [doubt] = find_doubts(open_own(tmp_path, coco_data(joints=names)))
    assert "left front paw: named after a side" in doubt
    assert "(should 'rigth front paw' be 'right front paw'?)" in doubt
    [doubt] = find_doubts(open_own(tmp_path, coco_data(joints=("tail", "left paw", "left ear", "right ear"))))
    assert "should" not in doubt
