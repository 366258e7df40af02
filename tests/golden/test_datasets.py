"""COCO people through the real loader against mmpose's validation pipeline, on the real sample files."""

import pytest
import torch

from cpm_edu.datasets.coco import CocoPeople

from .dataset_checks import (
    assert_boxes_and_joints,
    assert_crops,
    assert_matrices,
    assert_targets,
    read_golden,
)

pytestmark = pytest.mark.realdata


def sample(data_dir, boxes=None):
    folder = data_dir / "samples" / "mmpose_tests_data" / "coco"
    boxes = folder / "test_coco_det_AP_H_56.json" if boxes else None
    return CocoPeople("val", annotations=folder / "test_coco.json", images=folder, boxes=boxes)


@pytest.mark.golden("affine_dataset_coco.json")
def test_annotated_people_at_256x192(golden_file, data_dir):
    people = sample(data_dir)
    golden = read_golden(golden_file, people)
    assert golden["input_size"] == [192, 256]
    assert_boxes_and_joints(people, golden)
    assert_matrices(people, golden)
    assert_crops(people, golden)
    assert_targets(people, golden)


@pytest.mark.golden("affine_dataset_coco384.json")
def test_annotated_people_at_384x288(golden_file, data_dir):
    people = sample(data_dir)
    golden = read_golden(golden_file, people)
    assert golden["input_size"] == [288, 384]
    assert_boxes_and_joints(people, golden)
    assert_matrices(people, golden)
    assert_crops(people, golden)
    assert_targets(people, golden)


@pytest.mark.golden("affine_dataset_coco_det.json")
def test_detected_people(golden_file, data_dir):
    """mmpose gives a detection dummy joints at (0, 0) and calls them visible; ours are not labelled."""
    people = sample(data_dir, "detector")
    golden = read_golden(golden_file, people)
    assert_boxes_and_joints(people, golden, joints=False)
    assert not any(record.labelled.any() for record in people.records)
    assert_matrices(people, golden)
    assert_crops(people, golden)
    assert_targets(people, golden, visible=torch.ones(17))
