"""Measured rows of the recipes against numbers that mmpose 1.x (759b39c) computed."""

import json

import numpy as np
import pytest
from measured_people import people_of, with_ground_truth
from scipy.io import savemat

from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.jhmdb import JhmdbPeople
from cpm_edu.datasets.mpii import MpiiPeople
from cpm_edu.evaluation.benchmarks import measure, results_json
from cpm_edu.metrics import COCO_STATS
from cpm_edu.skeletons import COCO, JHMDB, MPII
from cpm_edu.training.recipes import RECIPES


def beside(golden_file, part):
    return golden_file.with_name(golden_file.name.replace("metrics_coco_ap", f"metrics_coco_{part}"))


def detections(golden_file, tmp_path):
    """Detected people, their predicted joints and scores."""
    found = json.loads(beside(golden_file, "predictions").read_text())
    boxes = np.array([person["bboxes"][0] for person in found])
    nobody = np.zeros((len(found), 17))
    people = people_of(
        COCO, np.zeros((len(found), 17, 2)), nobody, boxes_xyxy=boxes,
        image_id=[person["img_id"] for person in found], id=[person["id"] for person in found],
        score=[person["bbox_scores"][0] for person in found],
    )  # fmt: skip
    scales = np.array([person["bbox_scales"][0] for person in found])
    padded = np.array([record.scale_px for record in people.records])
    np.testing.assert_allclose(scales.max(1), np.maximum(padded[:, 0] * 4 / 3, padded[:, 1]), rtol=1e-5)
    people = with_ground_truth(people, tmp_path, json.loads(beside(golden_file, "gt").read_text()))
    joints, scores = (
        np.array([person[name][0] for person in found]) for name in ("keypoints", "keypoint_scores")
    )
    return people, joints, scores


@pytest.mark.golden("metrics_coco_ap*.json")
def test_coco_ap(golden_file, tmp_path):
    people, joints, scores = detections(golden_file, tmp_path)
    expected = json.loads(golden_file.read_text())["default_with_bbox"]
    measured = measure(RECIPES["coco-256x192"], people, joints, scores)
    ours = [np.nan_to_num(measured.values[name], nan=-1.0) for name in COCO_STATS]
    assert ours == pytest.approx([expected[name] for name in COCO_STATS], rel=1e-6, abs=1e-6)
    assert measured.label == "detector boxes"


@pytest.mark.golden("metrics_coco_ap*.json")
def test_coco_results(golden_file, tmp_path):
    people, joints, scores = detections(golden_file, tmp_path)

    def key(entry):
        return entry["image_id"], *entry["keypoints"]

    ours = sorted(results_json(RECIPES["coco-256x192"], people, joints, scores), key=key)
    expected = sorted(json.loads(beside(golden_file, "results_default_with_bbox").read_text()), key=key)
    assert len(ours) == len(expected)
    for mine, theirs in zip(ours, expected, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in theirs.items():
            # boxes lie in float32 records here; 1e-6 of 640 px is finer than float32 is
            assert mine[name] == pytest.approx(value, rel=1e-6, abs=1e-4 if name == "bbox" else 1e-6), name


@pytest.mark.golden("metrics_coco_ap*.json")
def test_coco_through_the_loader(golden_file, tmp_path):
    """The same boxes as a detector's file, the same ground truth as COCO's, read by `CocoPeople`."""
    found = {person["id"]: person for person in json.loads(beside(golden_file, "predictions").read_text())}
    found = [
        found[number] for number in sorted(found)
    ]  # one is there twice, as a distributed sampler repeats it
    truth = json.loads(beside(golden_file, "gt").read_text())
    for image in truth["images"]:
        (tmp_path / image["file_name"]).touch()
    boxes = [
        {
            "image_id": person["img_id"], "category_id": 1, "score": person["bbox_scores"][0],
            "bbox": [x1, y1, x2 - x1, y2 - y1],
        }
        for person in found
        for x1, y1, x2, y2 in person["bboxes"]
    ]  # fmt: skip
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    people = CocoPeople(annotations=beside(golden_file, "gt"), images=tmp_path, boxes=tmp_path / "boxes.json")
    joints, scores = (
        np.array([person[name][0] for person in found]) for name in ("keypoints", "keypoint_scores")
    )
    values = measure(RECIPES["coco-256x192"], people, joints, scores).values
    expected = json.loads(golden_file.read_text())["default_with_bbox"]
    ours = [np.nan_to_num(values[name], nan=-1.0) for name in COCO_STATS]
    assert ours == pytest.approx([expected[name] for name in COCO_STATS], rel=1e-6, abs=1e-6)


@pytest.mark.golden("metrics_mpii_pckh*.npz")
@pytest.mark.parametrize("joints_rule", ["0.x", "1.x"])
def test_mpii(golden_file, joints_rule):
    golden = np.load(golden_file)
    expected = json.loads(golden_file.with_suffix(".json").read_text())
    first_px = 1 if joints_rule == "0.x" else 0
    people = people_of(
        MPII, golden["gt"] - first_px, golden["visible"], head_size=golden["head_size"][:, 0].tolist()
    )
    people.joints_rule = joints_rule
    measured = measure(RECIPES["mpii-368"], people, golden["pred"], np.ones(golden["visible"].shape))
    values = {f"{name} PCK": 100 * value for name, value in measured.values.items() if "Mean" not in name}
    values |= {"PCK": 100 * measured.values["Mean"], "PCK@0.1": 100 * measured.values["Mean@0.1"]}
    assert values == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.golden("metrics_mpii_pckh*.npz")
def test_mpii_through_the_loader(golden_file, tmp_path):
    """The same people as mpii_val.json, the same heads as mpii_gt_val.mat, read by `MpiiPeople`."""
    golden = np.load(golden_file)
    (tmp_path / "000001.jpg").touch()
    people = [
        {
            "image": "000001.jpg", "center": [300.0, 300.0], "scale": 1.5,
            "joints": joints.astype(float).tolist(), "joints_vis": visible.tolist(),
        }
        for joints, visible in zip(golden["gt"], golden["visible"], strict=True)
    ]  # fmt: skip
    (tmp_path / "mpii_val.json").write_text(json.dumps(people))
    corners = np.zeros(
        (2, 2, len(people))
    )  # corner, x and y, person: heads as tall as a diagonal of that size
    corners[1, 1] = golden["head_size"][:, 0] / 0.6
    savemat(tmp_path / "mpii_gt_val.mat", {"headboxes_src": corners})
    loaded = MpiiPeople(annotations=tmp_path / "mpii_val.json", images=tmp_path)
    measured = measure(RECIPES["mpii-368"], loaded, golden["pred"], np.ones(golden["visible"].shape))
    expected = json.loads(golden_file.with_suffix(".json").read_text())
    assert 100 * measured.values["Mean"] == pytest.approx(expected["PCK"], rel=1e-6)
    assert 100 * measured.values["Mean@0.1"] == pytest.approx(expected["PCK@0.1"], rel=1e-6)
    for group in ("Head", "Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle"):
        assert 100 * measured.values[group] == pytest.approx(expected[f"{group} PCK"], rel=1e-6)


@pytest.mark.golden("metrics_jhmdb_pck*.npz")
def test_jhmdb(golden_file):
    golden = np.load(golden_file)
    expected = json.loads(golden_file.with_suffix(".json").read_text())["thr0.2"]
    people = people_of(JHMDB, golden["gt"], golden["visible"], boxes_xyxy=golden["bboxes"])
    measured = measure(RECIPES["jhmdb-sub1-368"], people, golden["pred"], np.ones(golden["visible"].shape))
    theirs = {name if " " in name else f"Mean {name}": 100 * value for name, value in expected.items()}
    assert measured.values == pytest.approx(theirs, rel=1e-6)


@pytest.mark.golden("metrics_jhmdb_pck*.npz")
def test_jhmdb_through_the_loader(golden_file, tmp_path):
    """The same frames as Sub1_test.json, counted from 1, read by `JhmdbPeople`."""
    golden = np.load(golden_file)
    images, annotations = [], []
    for n, (joints, visible, box) in enumerate(
        zip(*(golden[k].astype(float) for k in ("gt", "visible", "bboxes")), strict=True)
    ):
        (tmp_path / f"{n}.png").touch()
        images.append({"id": n, "file_name": f"{n}.png", "width": 640, "height": 480})
        x1, y1, x2, y2 = box.tolist()
        annotations.append({
            "id": n, "image_id": n, "category_id": 1, "bbox": [x1 + 1, y1 + 1, x2 - x1, y2 - y1],
            "keypoints": np.concatenate([joints + 1, visible[:, None]], 1).ravel().tolist(),
        })  # fmt: skip
    category = {"id": 1, "name": "person", "keypoints": list(JHMDB.joints)}
    file = tmp_path / "Sub1_test.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    people = JhmdbPeople("test", annotations=file, images=tmp_path)
    found = golden["pred"][
        [record.id for record in people.records]
    ]  # a frame without a visible joint is left out
    measured = measure(RECIPES["jhmdb-sub1-368"], people, found, np.ones(found.shape[:2]))
    expected = json.loads(golden_file.with_suffix(".json").read_text())["thr0.2"]
    theirs = {name if " " in name else f"Mean {name}": 100 * value for name, value in expected.items()}
    assert measured.values == pytest.approx(theirs, rel=1e-6)
