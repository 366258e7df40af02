"""The mean pose by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_edu.datasets.annotated import AnnotatedPeople, Record, Sieve
from cpm_edu.datasets.pictures import Pictures
from cpm_edu.evaluation.mean_pose import mean_pose, place_pose
from cpm_edu.skeletons import Skeleton

TWO = Skeleton(name="two", joints=("head", "foot"))


def people(*persons) -> AnnotatedPeople:
    """Of (joints, visibility, box) each."""
    records = [
        Record(
            name=str(n), file="x.png", image_id=0, id=n, joints_px=np.array(joints, np.float32),
            visibility=np.array(visibility, np.float32), box_xyxy=np.array(box, np.float32),
            center_px=np.zeros(2, np.float32), scale_px=np.ones(2, np.float32),
        )
        for n, (joints, visibility, box) in enumerate(persons)
    ]  # fmt: skip
    return AnnotatedPeople("two", records, TWO, Pictures([]), Sieve("two.json"))


def test_relative_to_the_box():
    both = people(
        ([[15, 20], [20, 60]], [1, 1], [10, 20, 30, 60]),  # head (0.25, 0), foot (0.5, 1) of 20 x 40 px
        ([[75, 10], [0, 0]], [1, 0], [0, 0, 100, 100]),  # head (0.75, 0.1)
    )
    np.testing.assert_allclose(mean_pose(both), [[0.5, 0.05], [0.5, 1.0]], atol=1e-7)


def test_placed_in_every_box():
    two = people(([[0, 0], [0, 0]], [0, 0], [10, 20, 30, 60]), ([[0, 0], [0, 0]], [0, 0], [0, 0, 2, 2]))
    pose = np.array([[0.5, 0.0], [0.0, 1.0]])
    assert place_pose(two, pose).tolist() == [[[20, 20], [10, 60]], [[1, 0], [0, 2]]]


def test_a_joint_that_nobody_has():
    with pytest.raises(ValueError, match="two: nobody has a labelled 'foot'"):
        mean_pose(people(([[1, 1], [0, 0]], [1, 0], [0, 0, 2, 2])))
