"""OKS, suppression by OKS, and COCO AP and AR."""

import copy
import json

import numpy as np
import pytest

from cpm_edu.metrics import (
    COCO_STATS,
    PoseInstance,
    coco_ap,
    coco_results,
    instance_scores,
)


def person(seed, side=100.0):
    """17 joints of a person in a box of `side` pixels."""
    return np.random.default_rng(seed).uniform(0, side, (17, 2)) + 10


def annotation(number, joints, image_id=1, visible=None, **changes):
    visible = [2] * 17 if visible is None else visible
    x, y = joints[:, 0], joints[:, 1]
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "area": float(np.ptp(x) * np.ptp(y)),
        "bbox": [float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))],
        "num_keypoints": int(np.count_nonzero(visible)),
        "keypoints": np.column_stack([joints, visible]).ravel().tolist(),
    } | changes


def ground_truth(*annotations, images=(1,)):
    return {
        "images": [{"id": i} for i in images],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": list(annotations),
    }


def instance(points, score=1.0, image_id=1, **changes):
    return PoseInstance(
        **({"image_id": image_id, "joints": points, "scores": np.full(17, score), "area": 1e4} | changes)
    )


# --- a number by hand


def test_instance_scores_by_hand():
    scores, boxes = [[0.1, 0.2, 0.4, 0.6], [0.1, 0.1, 0.1, 0.1]], [0.5, 0.9]
    assert instance_scores(scores, boxes).tolist() == pytest.approx([0.25, 0.0]), "0.2 is not above 0.2"
    assert instance_scores(scores, boxes, threshold=0.5).tolist() == pytest.approx([0.3, 0.0])
    assert instance_scores(scores, boxes, rule="box").tolist() == [0.5, 0.9]
    assert instance_scores(scores, boxes, rule="keypoint").tolist() == pytest.approx([0.325, 0.1])


def test_ap_by_hand():
    """Two people, one found, one false alarm ranked above it: precision 1/2 up to recall 1/2."""
    first, second = person(1, side=200), person(2, side=200) + 500
    truth = ground_truth(annotation(1, first), annotation(2, second))
    results = coco_results([instance(first, 0.5), instance(person(3) + 2000, 0.9)])
    result = coco_ap(truth, results)
    assert result["AR"] == pytest.approx(0.5)
    assert result["AP"] == pytest.approx(0.5 * 51 / 101), "51 of the 101 recall points lie at or below 1/2"
    assert (result.num_results, result.num_people) == (2, 2)
    assert np.isnan(result["AP (M)"]), "no person of that size: missing, not 0"
    perfect = coco_ap(truth, coco_results([instance(first), instance(second)]))
    assert [perfect[name] for name in ("AP", "AP .5", "AP .75", "AP (L)", "AR")] == pytest.approx([1.0] * 5)


# --- the example pair of the COCO API for other skeletons


@pytest.mark.realdata
def test_published_table_of_the_example_pair(data_dir):
    from conftest import skip_or_fail

    folder = data_dir / "metric_checks" / "xtcoco"
    if not folder.is_dir():
        skip_or_fail("realdata", f"there are no example predictions in {folder}")
    result = coco_ap(folder / "example_coco_val.json", folder / "example_coco_preds.json")
    published = [0.86089, 0.993145, 0.910891, 0.775578, 0.937252, 0.875, 1.0, 0.916667, 0.78, 0.942857]
    assert [result[name] for name in COCO_STATS] == pytest.approx(published, abs=1e-6)


# --- the results file


def test_results_are_plain_json():
    results = coco_results(
        [instance(person(1), 0.5, box_xyxy=np.float32([1, 2, 11, 22]))], include_boxes=True
    )
    assert json.loads(json.dumps(results)) == results
    assert results[0]["bbox"] == [1.0, 2.0, 10.0, 20.0]
    assert len(results[0]["keypoints"]) == 51
    assert results[0]["keypoints"][2::3] == [0.5] * 17
    assert "bbox" not in coco_results([instance(person(1))])[0]


def test_duplicates_of_one_image_are_removed_and_the_first_stays():
    one, two = person(1), person(2) + 500
    both = [
        instance(one, id=7),
        instance(two, id=7),
        instance(two, id=7, image_id=2),
        instance(two),
        instance(two),
    ]
    results = coco_results(both, nms=None)
    assert [r["image_id"] for r in results] == [1, 1, 1, 2]
    assert results[0]["keypoints"][:2] == one[0].tolist()


def test_copies_are_suppressed_within_an_image_only():
    people = [instance(person(1), 0.9), instance(person(1) + 0.01, 0.8), instance(person(1), 0.7, image_id=2)]
    results = coco_results(people)
    assert [(r["image_id"], round(r["score"], 6)) for r in results] == [(1, 0.9), (2, 0.7)]
    assert len(coco_results(people, nms=None)) == len(coco_results(people, nms="soft")) == 3


def test_boxes_change_the_size_that_pycocotools_sees():
    """An unmatched detection counts in AP (M) or AP (L) by its area, which a box redefines."""
    truth = ground_truth(annotation(1, person(1, side=70)), annotation(2, person(2, side=70) + 500))
    found, alarm = person(1, side=70), person(9, side=70) + 2000
    people = [
        instance(found, 0.5, box_xyxy=[10, 10, 80, 80]),
        instance(alarm, 0.9, box_xyxy=[2000, 2000, 2400, 2400]),
    ]
    without, with_boxes = (coco_ap(truth, coco_results(people, include_boxes=b)) for b in (False, True))
    assert without["AP"] == with_boxes["AP"]
    assert without["AP (M)"] < with_boxes["AP (M)"]


# --- edges


def test_nothing_is_printed_and_nothing_is_changed(capsys):
    truth = ground_truth(annotation(1, person(1)))
    results = coco_results([instance(person(1))])
    before = copy.deepcopy([truth, results])
    coco_ap(truth, results)
    assert [truth, results] == before
    assert capsys.readouterr().out == ""


def test_no_detections_and_no_people():
    truth = ground_truth(annotation(1, person(1)))
    nothing = coco_ap(truth, [])
    assert (nothing["AP"], nothing["AR"], nothing.num_results) == (0.0, 0.0, 0)
    nobody = coco_ap(ground_truth(), coco_results([instance(person(1))]))
    assert np.isnan([nobody[name] for name in COCO_STATS]).all()
    assert "–" in str(nobody.table())
    assert coco_results([]) == []


def test_another_skeleton_by_its_sigmas():
    joints = person(1)[:5]
    entry = annotation(1, person(1)) | {
        "keypoints": np.column_stack([joints, np.full(5, 2)]).ravel().tolist()
    }
    results = coco_results([instance(joints, scores=np.ones(5))], sigmas=[0.05] * 5)
    assert coco_ap(ground_truth(entry), results, sigmas=[0.05] * 5)["AP"] == pytest.approx(1.0)


def test_annotations_without_num_keypoints_and_iscrowd():
    entry = annotation(1, person(1))
    del entry["num_keypoints"], entry["iscrowd"]
    assert coco_ap(ground_truth(entry), coco_results([instance(person(1))]))["AP"] == pytest.approx(1.0)


def test_table():
    table = coco_ap(ground_truth(annotation(1, person(1))), coco_results([instance(person(1))])).table()
    assert table.columns == COCO_STATS
    assert table.column("AP") == pytest.approx([100.0])
    assert "1 people" in table.caption


# --- errors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"joints": np.zeros((17, 3))}, r"joints must be \(J, 2\)"),
        ({"scores": np.zeros(16)}, r"scores \(J,\)"),
        ({"joints": np.full((17, 2), np.nan)}, "image 1: .* finite"),
        ({"area": 0.0}, "area positive"),
        ({"box_xyxy": [1, 2, 3]}, "box_xyxy"),
        ({"box_score": float("nan")}, "finite"),
    ],
)
def test_bad_instances(change, message):
    with pytest.raises(ValueError, match=message):
        instance(person(1), **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nms": "greedy"}, "nms must be"),
        ({"score_rule": "sum"}, "rule must be"),
        ({"include_boxes": True}, "include_boxes needs box_xyxy"),
        ({"sigmas": [0.1] * 16}, "17 joints, but 16 OKS sigmas"),
    ],
)
def test_bad_arguments_of_coco_results(arguments, message):
    with pytest.raises(ValueError, match=message):
        coco_results([instance(person(1))], **arguments)


def bad(**changes):
    return [coco_results([instance(person(1))])[0] | changes]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({}, "list of dicts"),
        ([{"image_id": 1}], "result 0 lacks category_id, keypoints, score"),
        (bad(image_id=9), "image 9, which the ground truth does not have"),
        (bad(keypoints=[0.0] * 42), "42 keypoint numbers for 17 joints"),
        (bad(keypoints=[float("nan")] * 51), "NaN"),
        (bad(score=float("inf")), "NaN or infinity"),
        (bad() + bad(bbox=[0, 0, 1, 1]), "1 of 2 results have a bbox"),
    ],
)
def test_bad_results(results, message):
    with pytest.raises(ValueError, match=message):
        coco_ap(ground_truth(annotation(1, person(1))), results)


def test_bad_ground_truth(tmp_path):
    with pytest.raises(ValueError, match="lacks annotations"):
        coco_ap({"images": [], "categories": []}, [])
    with pytest.raises(ValueError, match="annotation 1 has 42 keypoint numbers"):
        coco_ap(ground_truth(annotation(1, person(1), keypoints=[0] * 42)), [])
    entry = annotation(1, person(1))
    del entry["area"]
    with pytest.raises(ValueError, match="annotation 1 lacks area"):
        coco_ap(ground_truth(entry), [])
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(ValueError, match=r"cut\.json is not a JSON file"):
        coco_ap(tmp_path / "cut.json", [])
    with pytest.raises(FileNotFoundError):
        coco_ap(tmp_path / "none.json", [])


def test_bad_input_of_instance_scores():
    with pytest.raises(ValueError, match="scores must be"):
        instance_scores([0.1], [0.1])
