"""Each benchmark's rule, with numbers worked by hand."""

import json

import numpy as np
import pytest
from measured_people import people_of, with_ground_truth

from cpm_edu.datasets.people import FirstPersons
from cpm_edu.datasets.pictures import Pictures
from cpm_edu.datasets.synthetic import SyntheticPeople
from cpm_edu.evaluation.benchmarks import comparison_table, measure, results_json
from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII
from cpm_edu.training.recipes import RECIPES

COCO_RECIPE = RECIPES["coco-256x192"]


def pose(skeleton, step=3.0):
    """(J, 2) a zigzag of joints, all different."""
    index = np.arange(skeleton.num_joints)
    return np.stack([20 + step * index, 30 + 2 * step * (index % 4)], -1).astype(np.float32)


def ones(people):
    return np.ones((len(people), people.skeleton.num_joints))


# COCO: one picture, two labelled people, three detected boxes.
#   box 0 (score .5): person 0 exactly. Joint scores 8 x .9 and 9 x .1, so that those above .2 average .9: .45
#   box 1 (score .48): the same but for 0.1 px, all joint scores .9: .432, a near copy that OKS-NMS drops
#   box 2 (score .9): far from everybody, all joint scores .3: .27
# By score the order is right, wrong. One of two people found, precision 1 up to recall 0.5, which are 51 of the 101
# recall levels 0, .01, .., 1: AP = 51 / 101. Ranked by box score it would be wrong, right: precision 1/2: AP 51 / 202.
TRUE = [pose(COCO), pose(COCO) + np.float32([300, 0])]
FOUND = np.stack([TRUE[0], TRUE[0] + 0.1, TRUE[0] + np.float32([0, 200])])
SCORES = np.stack([np.r_[np.full(8, 0.9), np.full(9, 0.1)], np.full(17, 0.9), np.full(17, 0.3)])
BOXES = np.array([[10.0, 20, 80, 60], [10, 20, 80, 62], [10, 220, 80, 260]])


def coco_people(tmp_path, joints_px=None, visible=0.0, **fields):
    annotations = [
        {
            "id": n, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 4000.0, "num_keypoints": 17,
            "bbox": [10.0 + 300 * n, 20.0, 70.0, 40.0],
            "keypoints": np.concatenate([joints, np.full((17, 1), 2.0)], 1).ravel().tolist(),
        }
        for n, joints in enumerate(TRUE)
    ]  # fmt: skip
    truth = {
        "images": [{"id": 7, "width": 640, "height": 480}, {"id": 8, "width": 640, "height": 480}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }
    people = people_of(
        COCO, np.zeros_like(FOUND) if joints_px is None else joints_px, np.full((3, 17), visible),
        boxes_xyxy=BOXES, image_id=[7, 7, 7], score=[0.5, 0.48, 0.9], **fields,
    )  # fmt: skip
    return with_ground_truth(people, tmp_path, truth)


def test_coco_scores_and_suppression(tmp_path):
    results = results_json(COCO_RECIPE, coco_people(tmp_path), FOUND, SCORES)
    assert [r["score"] for r in results] == pytest.approx([0.45, 0.27]), (
        "box score x mean joint score above 0.2"
    )
    assert results[0]["bbox"] == [10.0, 20.0, 70.0, 40.0]
    assert results[0]["keypoints"][:3] == [20.0, 30.0, 0.9]
    json.dumps(results)


def test_coco_ap(tmp_path):
    measured = measure(COCO_RECIPE, coco_people(tmp_path), FOUND, SCORES)
    assert [measured.values[name] for name in ("AP", "AP .5", "AP .75", "AR", "AR .5")] == pytest.approx(
        [51 / 101] * 3 + [0.5] * 2, abs=1e-6
    )
    assert measured.errors[0] == pytest.approx(0.0)
    # box 1 shows person 0 too, but box 0 overlaps that one more; box 2 shows nobody
    assert np.isnan(measured.errors[1:]).all()
    np.testing.assert_array_equal(measured.truth_px[0], TRUE[0])
    assert measured.labelled.tolist() == [[True] * 17, [False] * 17, [False] * 17]
    assert measured.per_joint.rows[0] == ("nose", 1, pytest.approx(1.0))


def test_coco_of_some_pictures(tmp_path):
    """A picture that nobody looked at is no miss when it is named; an unnamed one is."""
    people = coco_people(tmp_path)
    truth = json.loads(people.annotation_file.read_text())
    truth["annotations"].append(truth["annotations"][0] | {"id": 9, "image_id": 8})
    people.annotation_file.write_text(json.dumps(truth))
    part = measure(COCO_RECIPE, people, FOUND, SCORES, image_ids=[7])
    assert part.values["AP"] == pytest.approx(51 / 101)
    assert measure(COCO_RECIPE, people, FOUND, SCORES).values["AR"] == pytest.approx(1 / 3)


def test_coco_without_broken_ground_truth(tmp_path):
    """With skip_bad, who is in a picture that is not there, or is annotated with NaN, is no miss."""
    people = coco_people(tmp_path)
    truth = json.loads(people.annotation_file.read_text())
    for image in truth["images"]:
        image["file_name"] = f"{image['id']}.jpg"
    first = truth["annotations"][0]
    truth["annotations"] += [
        first | {"id": 8, "image_id": 8},
        first | {"id": 9, "keypoints": [float("nan")] * 51},
        {name: value for name, value in first.items() if name != "area"} | {"id": 10},
    ]
    people.annotation_file.write_text(json.dumps(truth))
    (tmp_path / "7.jpg").touch()
    people.pictures = Pictures([tmp_path])
    with pytest.raises(ValueError, match="annotation 9 holds NaN"):
        measure(COCO_RECIPE, people, FOUND, SCORES)
    people.sieve.skip_bad = True
    assert measure(COCO_RECIPE, people, FOUND, SCORES).values["AR"] == pytest.approx(0.5)


def test_coco_annotated_boxes(tmp_path):
    people = coco_people(tmp_path, np.stack([TRUE[0]] * 3), 1.0, area=[4000.0] * 3)
    measured = measure(COCO_RECIPE, people, FOUND, SCORES)
    assert "annotated boxes" in measured.label
    assert measured.errors[0] == pytest.approx(0.0)
    assert 0 < measured.errors[1] < 1e-3
    assert measured.errors[2] > 0.99


def mpii_people(**fields):
    """Person 0 all labelled, person 1 only the head top; heads of 10 px."""
    visibility = np.zeros((2, 16))
    visibility[0], visibility[1, 9] = 1, 1
    joints = np.stack([pose(MPII), pose(MPII)])
    return people_of(MPII, joints, visibility, **{"head_size": [10.0, 10.0], **fields}), joints.copy()


def test_mpii():
    """At 0.5 a joint must be nearer than 5 px, at 0.1 nearer than 1 px; 14 + 1 joints count."""
    people, found = mpii_people()
    found[0, :, 0] += 0.5  # right by both
    found[0, 5, 0] += 4.5  # left ankle: 5.0 px, not less than 5
    found[0, 6, 0] += 90  # pelvis: not in the mean
    found[1, 9, 0] += 3.0  # head top: by 0.5 only
    measured = measure(RECIPES["mpii-368"], people, found, ones(people))
    assert measured.values["Mean"] == pytest.approx(14 / 15)
    assert measured.values["Mean@0.1"] == pytest.approx(13 / 15)
    assert measured.values["Ankle"] == pytest.approx(0.5)
    assert measured.values["Head"] == pytest.approx(1.0)
    assert measured.errors.tolist() == pytest.approx([(14 * 0.05 + 0.5 + 9.05) / 16, 0.3])
    assert "1 px added" in measured.label


def test_mpii_of_a_network_that_learned_the_files_numbers():
    """It predicts 1 px to the right and below; the rule of the row is named, and the other one is there too."""
    people, found = mpii_people()
    measured = measure(RECIPES["mpii-368"], people, found + 1, ones(people))
    assert measured.values["Mean@0.1"] == 0.0, "sqrt(2) px is not within 0.1 of 10 px"
    [(label, values)] = measured.others.items()
    assert "nothing added" in label
    assert values["Mean@0.1"] == pytest.approx(1.0)
    table = comparison_table(RECIPES["mpii-368"], measured)
    assert [row[0].split(":")[0] for row in table.rows] == ["published", "measured", "measured"]
    assert table.column("Mean")[0] == 0.876


def test_mpii_heads():
    people, found = mpii_people(head_size=[10.0, float("nan")])
    found[1] += 50
    measured = measure(RECIPES["mpii-368"], people, found, ones(people))
    assert measured.values["Mean"] == pytest.approx(1.0)
    assert "1 people without a head size" in measured.label
    assert np.isnan(measured.errors[1])
    people, found = mpii_people(head_size=[float("nan")] * 2)
    with pytest.raises(ValueError, match=r"mpii_gt_val\.mat"):
        measure(RECIPES["mpii-368"], people, found, ones(people))


def test_jhmdb():
    """Box 50 x 100: an error must be below 20 px; torso 50 px: below 10 px."""
    joints = np.stack([pose(JHMDB), pose(JHMDB)])
    joints[:, 4], joints[:, 5] = (200, 50), (230, 90)  # left shoulder, right hip
    people = people_of(JHMDB, joints, np.ones((2, 15)), boxes_xyxy=np.array([[0.0, 0, 50, 100]] * 2))
    found = joints.copy()
    found[0, 11, 0] += 15  # right wrist: by box only
    found[0, 1, 1] += 20  # belly: 20 px is not below 20
    measured = measure(RECIPES["jhmdb-sub1-368"], people, found, ones(people))
    values = measured.values
    assert values["Wri PCK"] == pytest.approx(100)
    assert values["Wri tPCK"] == pytest.approx(75)
    assert values["Mean PCK"] == pytest.approx(100 * 14.5 / 15), "a plain mean over 15 joints, belly too"
    assert values["Mean tPCK"] == pytest.approx(100 * 14 / 15)
    assert values["Head PCK"] == pytest.approx(100)
    assert measured.errors.tolist() == pytest.approx([0.35 / 15, 0.0])
    table = comparison_table(RECIPES["jhmdb-sub1-368"], measured)
    assert table.columns == ("row", "length", "Head", "Sho", "Elb", "Wri", "Hip", "Knee", "Ank", "Mean")
    assert table.column("length") == ["person size"] * 2 + ["torso"] * 2
    assert table.column("Mean") == pytest.approx([89.5, 96.667, 66.0, 93.333], abs=1e-3)


def test_lsp():
    """Torso (18, 24), 30 px: an error of 6 px is right, 6.1 px is wrong; a person without a torso is left out."""
    joints = np.stack([pose(LSP), pose(LSP)])
    joints[:, 9], joints[:, 2] = (50, 50), (68, 74)
    labelled = np.ones((2, 14))
    labelled[1, 9] = 0
    people = people_of(LSP, joints, labelled)
    found = joints.copy()
    found[0, 0, 1] += 6.0
    found[0, 1, 1] += 6.1
    found[1] += 500
    measured = measure(RECIPES["lsp-368"], people, found, ones(people))
    assert measured.values == {"PCK@0.2": pytest.approx(100 * 13 / 14)}
    assert measured.errors[0] == pytest.approx(12.1 / 30 / 14)
    assert np.isnan(measured.errors[1])
    table = comparison_table(RECIPES["lsp-368"], measured, "LSP test")
    assert table.caption == "LSP test"
    assert table.column("PCK@0.2") == pytest.approx([84.32, 90.50, 100 * 13 / 14])


def test_people_without_records():
    people = FirstPersons(SyntheticPeople(2, seed=0))
    found = np.stack([people[i].joints_px for i in range(2)])
    assert measure(RECIPES["lsp-368"], people, found, ones(people)).values == {"PCK@0.2": 100.0}


@pytest.mark.parametrize("name", RECIPES)
def test_measured_rows_have_the_published_names(name, tmp_path):
    recipe = RECIPES[name]
    if recipe.skeleton is COCO:
        people, found, scores = coco_people(tmp_path), FOUND, SCORES
    else:
        found = np.stack([pose(recipe.skeleton)])
        people = people_of(recipe.skeleton, found, np.ones(found.shape[:2]), head_size=[10.0])
        scores = ones(people)
    measured = measure(recipe, people, found, scores)
    assert set(recipe.published[0].values) <= set(measured.values)
    assert len(measured.per_joint.column("joint")) >= recipe.skeleton.num_joints
    assert (
        str(comparison_table(recipe, measured, "caption")).count("published: ") % len(recipe.published) == 0
    )


def test_refusals(tmp_path):
    people = coco_people(tmp_path)
    with pytest.raises(ValueError, match="joints differ"):
        measure(RECIPES["mpii-368"], people, FOUND, SCORES)
    with pytest.raises(ValueError, match=r"must be \(3, 17, 2\)"):
        measure(COCO_RECIPE, people, FOUND[:2], SCORES)
    with pytest.raises(ValueError, match="official format"):
        results_json(RECIPES["mpii-368"], people, FOUND, SCORES)
    del people.annotation_file
    with pytest.raises(ValueError, match="COCO's people"):
        measure(COCO_RECIPE, people, FOUND, SCORES)
