"""The perfect network: what comes out when targets themselves are decoded, worked by hand for one joint."""

from pathlib import Path

import numpy as np
import pytest

from cpm_edu.datasets.annotated import AnnotatedPeople, Record, Sieve
from cpm_edu.datasets.pictures import Pictures
from cpm_edu.evaluation.target_cap import decode_targets
from cpm_edu.figures.target_cap import ALT, JOINT_PX, KINDS, decoded_places, target_cap_figure
from cpm_edu.skeletons import Skeleton

ROD = Skeleton("rod", ("left_end", "right_end"))


def one_person(joints, labelled=(1, 1), center=(32.0, 32.0), side=64.0) -> AnnotatedPeople:
    """Whose plain msra crop of 64 x 64 px is the picture itself; there is no picture."""
    record = Record(
        name="rod", file="none.jpg", image_id=0, id=0, joints_px=np.array(joints, np.float32),
        visibility=np.array(labelled, np.float32), box_xyxy=np.zeros(4, np.float32),
        center_px=np.array(center, np.float32), scale_px=np.array([side, side], np.float32),
    )  # fmt: skip
    return AnnotatedPeople("rods", [record], ROD, Pictures([]), Sieve(Path("rods.json")))


@pytest.mark.parametrize("sigma_cells", [1, 2])
def test_msra_targets_stand_on_cells(sigma_cells):
    """28.6 px is cell 3.575, rounded 4, which is pixel 32; 20.6 px is 2.575, rounded 3, which is 24."""
    people = one_person([[28.6, 20.6], [43.9, 36.1]])
    [found] = decode_targets(people, (64, 64), sigma_cells=sigma_cells, convention="msra")
    assert found.tolist() == [[32.0, 24.0], [40.0, 40.0]]


def test_a_larger_crop_loses_less():
    """At twice the size 28.6 px lies on pixel 57.2 of the crop, cell 7.15, rounded 7: pixel 56, that is 28."""
    people = one_person([[28.6, 20.6], [43.9, 36.1]])
    [found] = decode_targets(people, (128, 128), sigma_cells=2, convention="msra")
    np.testing.assert_allclose(found, [[28.0, 20.0], [44.0, 36.0]], atol=1e-5)


def test_center_targets_lose_nothing():
    joints = [[28.6, 20.6], [43.9, 36.1]]
    [found] = decode_targets(one_person(joints), (64, 64), sigma_cells=1.2)
    np.testing.assert_allclose(found, joints, atol=1e-3)


def test_unbiased_msra_targets_and_dark_lose_next_to_nothing():
    joints = [[28.6, 20.6], [31.9, 36.1]]
    options = {"sigma_cells": 1, "convention": "msra", "unbiased": True, "method": "dark"}
    [found] = decode_targets(one_person(joints), (64, 64), **options)
    np.testing.assert_allclose(found, joints, atol=0.1)


@pytest.mark.parametrize(("convention", "expected"), [("center", [28.6, 20.6]), ("msra", [32, 24])])
def test_unlabelled_joint_may_be_nan(convention, expected):
    people = one_person([[28.6, 20.6], [np.nan, np.nan]], labelled=(1, 0))
    [found] = decode_targets(people, (64, 64), sigma_cells=1, convention=convention)
    np.testing.assert_allclose(found[0], expected, atol=1e-3)


def test_error_is_a_saw_of_half_a_cell():
    x = np.arange(17, 43, 0.25)
    points = np.stack([x, np.full_like(x, 20)], 1)
    error = {}
    for name, (*kind, _color, _style) in KINDS.items():
        error[name] = decoded_places(points, *kind)[1][:, 0] - x
    assert np.abs(error["msra"]).max() == 4.0
    assert np.abs(error["center, log-parabola"]).max() < 1e-3
    assert np.abs(error["msra, unbiased, DARK"]).max() < 0.25


def test_figure_shows_what_its_text_says():
    figure = target_cap_figure()
    left, middle, right = figure.axes
    (joint, found), (also, exact) = ([line.get_xydata()[0] for line in ax.lines] for ax in (left, middle))
    assert tuple(joint) == tuple(also) == JOINT_PX
    np.testing.assert_allclose(found - joint, [3.4, 3.4], atol=1e-5)
    assert "3.4 px right and 3.4 px below" in ALT
    np.testing.assert_allclose(exact, joint, atol=1e-3)
    brightest = np.unravel_index(left.images[0].get_array().argmax(), (6, 8))
    x1, x2, y2, y1 = left.images[0].get_extent()
    middle_px = x1 + (brightest[1] + 0.5) * (x2 - x1) / 8, y1 + (brightest[0] + 0.5) * (y2 - y1) / 6
    np.testing.assert_allclose(middle_px, found, err_msg="the circle must stand on the brightest cell")
    assert len({line.get_linestyle() for line in right.lines}) == 3, "colour never stands alone"
