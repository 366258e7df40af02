"""Boxes of any shape, and what the seam between two people removes."""

import dataclasses

import numpy as np
import pytest
import torch
from test_augment import SIZE, make_person

from cpm_edu.coords import apply_affine
from cpm_edu.datasets.augment import plain_crop, two_person_crop


@pytest.mark.parametrize(("width", "height"), [(40.0, 150.0), (150.0, 40.0)])
def test_a_box_of_any_shape_lies_whole_in_its_crop(width, height):
    person = dataclasses.replace(make_person(0), scale_px=np.array([width, height], np.float32))
    crop = plain_crop(person, SIZE)
    corners = torch.from_numpy(person.center_px) + torch.tensor([[-width, -height], [width, height]]) / 2
    inside = apply_affine(crop.matrix.float(), corners)
    assert (inside >= -0.51).all(), "a crop that looks at the width only cuts a tall box"
    assert (inside <= torch.tensor([SIZE[1], SIZE[0]]) - 0.49).all()


def test_joints_beyond_the_seam_are_gone_for_everybody_but_the_person_at_the_center():
    left, right = make_person(0), make_person(1)
    far = left.joints_px + np.array(
        [400.0, 0.0], np.float32
    )  # the left person's joints, deep in the right half
    left = dataclasses.replace(left, joints_px=far, others_px=far[None], others_labelled=left.labelled[None])
    crop = two_person_crop(left, right, SIZE)
    own, companion = crop.joints_px[0], crop.joints_px[1]
    assert (own[:, 0] > SIZE[1] / 2).all(), "the person asked for is taught whole"
    assert (companion < -1000).all(), "others' joints there are no longer in the picture"
