"""MPII and JHMDB people through the real loaders against mmpose's validation pipelines, on the real sample files."""

import numpy as np
import pytest

from cpm_edu.datasets.jhmdb import JhmdbPeople
from cpm_edu.datasets.mpii import MpiiPeople

from .dataset_checks import (
    assert_boxes_and_joints,
    assert_crops,
    assert_matrices,
    assert_targets,
    read_golden,
)

pytestmark = pytest.mark.realdata


def mpii_sample(data_dir, joints_rule):
    folder = data_dir / "samples" / "mmpose_tests_data" / "mpii"
    return MpiiPeople("val", annotations=folder / "test_mpii.json", images=folder, joints_rule=joints_rule)


@pytest.mark.golden("affine_dataset_mpii.json")
def test_mpii(golden_file, data_dir):
    """mmpose 1.x leaves the joints as the file has them, one pixel off; the picture and the box count from 0."""
    people = mpii_sample(data_dir, "1.x")
    golden = read_golden(golden_file, people)
    assert golden["input_size"] == [368, 368]
    assert_boxes_and_joints(people, golden)
    assert_matrices(people, golden)
    assert_crops(people, golden)
    assert_targets(people, golden)


@pytest.mark.golden("affine_dataset_mpii.json")
def test_mpii_counted_from_0(golden_file, data_dir):
    """Our default differs from it in the joints alone, by that pixel."""
    ours, theirs = mpii_sample(data_dir, "0.x"), mpii_sample(data_dir, "1.x")
    golden = read_golden(golden_file, ours)
    assert_boxes_and_joints(ours, golden, joints=False)
    for expected in golden["records"]:
        record = ours.records[expected["index"]]
        np.testing.assert_array_equal(record.visibility, expected["keypoints_visible"])
        np.testing.assert_allclose(record.joints_px, np.array(expected["keypoints"]) - 1, rtol=0, atol=1e-3)
    assert_matrices(ours, golden, joints_in_file=[record.joints_px for record in theirs.records])


@pytest.mark.golden("affine_dataset_jhmdb.json")
def test_jhmdb(golden_file, data_dir):
    folder = data_dir / "samples" / "mmpose_tests_data" / "jhmdb"
    people = JhmdbPeople("test", annotations=folder / "test_jhmdb_sub1.json", images=folder)
    golden = read_golden(golden_file, people)
    assert golden["input_size"] == [368, 368]
    assert_boxes_and_joints(people, golden)
    assert_matrices(people, golden)
    assert_crops(people, golden)
    assert_targets(people, golden)
