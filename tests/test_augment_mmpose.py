"""mmpose's training crops: the same matrix as its own steps, mirror first, would give."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import kstest, truncnorm
from test_augment import make_person, mirrored, rng

from cpm_edu.coords import crop_matrix, fit_aspect
from cpm_edu.datasets.augment import (
    MmposeAugmentation,
    plain_sketch,
    training_crop,
    training_sketch,
    truncated_normal,
)
from cpm_edu.skeletons import COCO, LSP, Skeleton

SIZE = (256, 192)
ALWAYS = MmposeAugmentation(flip=1.0, shift_probability=1.0, rotation_probability=1.0)
STILL = MmposeAugmentation(flip=0.0, shift_probability=0.0, rotation_probability=0.0, scale=(1.0, 1.0))
ONLY_HALF = dataclasses.replace(STILL, half_body=1.0)


class Said:
    """A generator that says these numbers, one after the other."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def random(self, count=None):
        said = [self.numbers.pop(0) for _ in range(count or 1)]
        return said[0] if count is None else np.array(said)


def uniform_of(value):
    """The uniform number from which the normal distribution cut off at -1 and 1 makes `value`."""
    return truncnorm.cdf(value, -1, 1)


def sketch_of(person, options, said, convention="msra"):
    return training_sketch(person, LSP, SIZE, said, options, convention=convention)


# ---- by hand


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("convention", ["msra", "center"])
def test_the_matrix_is_that_of_mmposes_steps(flip, convention):
    person, width = make_person(), 240
    values = [0.5, -0.25, 0.8, 0.3]  # shift x, shift y, size, angle
    said = Said(0.2 if flip else 0.8, 0.9, *map(uniform_of, values), 0.1, 0.1)
    options = dataclasses.replace(ALWAYS, flip=0.5, scale=(0.5, 1.5), rotation_deg=80.0)
    sketch = sketch_of(person, options, said, convention)
    assert not said.numbers, "all were asked for"
    # mmpose: mirror picture, center and joints; shift the box; grow it; fix its aspect; turn by angle
    center, scale = person.center_px.astype(float), person.scale_px.astype(float)
    joints = person.joints_px.astype(float)
    mirror = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    if flip:
        mirror = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
        center[0] = width - 1 - center[0]
        joints[:, 0] = width - 1 - joints[:, 0]
        joints = joints[list(LSP.flip_permutation)]
    center = center + 0.16 * np.array([0.5, -0.25]) * scale
    grown = fit_aspect(torch.from_numpy(scale * (0.8 * 0.5 + 1.0)), SIZE)
    matrix = crop_matrix(
        torch.from_numpy(center), grown, SIZE, rotation_deg=0.3 * 80, convention=convention
    ).numpy()
    np.testing.assert_allclose(sketch.matrix, matrix @ mirror, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        sketch.joints_px[0], joints @ matrix[:, :2].T + matrix[:, 2], rtol=0, atol=1e-3
    )


def test_the_center_map_keeps_pointing_at_the_person():
    """A shifted box moves the person off the middle; where the person is, the center map has its peak."""
    person = make_person()
    sketch = sketch_of(person, dataclasses.replace(STILL, shift_probability=1.0), rng(1))
    expected = sketch.matrix[:, :2] @ person.center_px + sketch.matrix[:, 2]
    np.testing.assert_allclose(sketch.center_px, expected, atol=1e-4)
    assert np.abs(sketch.center_px - [96, 128]).max() > 1


def test_a_factor_of_the_box_is_not_a_zoom():
    """scale (2, 2) makes the box twice as large, so the person half as large."""
    large = sketch_of(make_person(), dataclasses.replace(STILL, scale=(2.0, 2.0)), rng(0))
    plain = plain_sketch(make_person(), SIZE, "msra")
    assert large.matrix[0, 0] == pytest.approx(plain.matrix[0, 0] / 2)


def test_nothing_drawn_gives_the_plain_crop():
    np.testing.assert_allclose(
        sketch_of(make_person(), STILL, rng(0)).matrix, plain_sketch(make_person(), SIZE, "msra").matrix
    )


# ---- chances


def test_truncated_normal():
    drawn = truncated_normal(rng(0), 4000)
    assert -1 <= drawn.min() < -0.99 < 0.99 < drawn.max() <= 1
    assert kstest(drawn, truncnorm(-1, 1).cdf).pvalue > 1e-3, "as scipy's"
    assert kstest(drawn, "uniform", args=(-1, 2)).pvalue < 1e-3, (
        "a uniform draw would be another augmentation"
    )


def test_everything_happens_as_often_as_asked():
    person, seen = make_person(), Counter()
    for seed in range(400):
        sketch = sketch_of(person, MmposeAugmentation(), rng(seed))
        (a, b, _), (c, _, _) = sketch.matrix
        zoom = np.hypot(a, c)
        seen["mirrored"] += np.linalg.det(sketch.matrix[:, :2]) < 0
        seen["turned"] += abs(b) > 1e-9
        seen["shifted"] += np.abs(sketch.center_px - [96, 128]).max() > 1e-3
        seen["too small or large"] += not 1 / 1.25 <= zoom / (192 / 180) <= 1 / 0.75
    assert 160 < seen["mirrored"] < 240
    assert 200 < seen["turned"] < 280
    assert 85 < seen["shifted"] < 155
    assert not seen["too small or large"]


def test_the_half_body_depends_on_what_is_labelled():
    """mmpose's RandomHalfBody: 9 labelled joints in all, at least 2 upper or 3 lower ones; upper in 7 of 10."""

    def halves(joints):
        labelled = np.zeros(17, bool)
        labelled[list(joints)] = True
        person = dataclasses.replace(make_person(), joints_px=make_coco_joints(), labelled=labelled)
        return Counter(half_of(person, seed) for seed in range(200))

    whole = halves(range(17))
    assert set(whole) == {"upper", "lower"}
    assert 115 < whole["upper"] < 165
    assert set(halves(range(8))) == {"whole"}, "8 labelled joints are too few"
    assert set(halves(range(9))) == {"upper"}, "no leg"
    assert set(halves([*range(8), 11, 12])) == {"upper"}, "two joints of the legs are too few"
    assert set(halves([*range(8), 11, 12, 13])) == {"upper", "lower"}


def make_coco_joints():
    joints = np.random.default_rng(3).uniform(60, 150, (17, 2)).astype(np.float32)
    joints[11:] += (20, 60)
    return joints


def half_of(person, seed):
    """Which half the crop is about, by the middle of its box: the mean of the half's joints."""
    sketch = training_sketch(person, COCO, SIZE, rng(seed), ONLY_HALF, convention="msra")
    for name, half in (("upper", COCO.upper_body), ("lower", COCO.lower_body)):
        chosen = [j for j in half if person.labelled[j]]
        if not chosen:
            continue
        joints = person.joints_px[chosen]
        if np.allclose(sketch.matrix[:, :2] @ joints.mean(0) + sketch.matrix[:, 2], [96, 128], atol=1e-3):
            extent = 1.5 * (joints.max(0) - joints.min(0))
            assert sketch.matrix[0, 0] == pytest.approx(192 / max(extent[0], extent[1] * 0.75), rel=1e-5)
            return name
    np.testing.assert_allclose(sketch.matrix, plain_sketch(person, SIZE, "msra").matrix)
    return "whole"


def test_half_bodies_happen_as_often_as_asked():
    person = make_person()
    options = dataclasses.replace(STILL, half_body=0.3)
    plain = plain_sketch(person, SIZE, "msra").matrix
    seen = sum(not np.allclose(sketch_of(person, options, rng(s)).matrix, plain) for s in range(400))
    assert 90 < seen < 155


# ---- edges


def test_a_skeleton_without_halves_has_no_half_bodies():
    skeleton = Skeleton(name="chain", joints=tuple(f"joint {j}" for j in range(14)))
    sketch = training_sketch(make_person(), skeleton, SIZE, rng(0), ONLY_HALF)
    np.testing.assert_allclose(sketch.matrix, plain_sketch(make_person(), SIZE).matrix)


def test_joints_on_one_spot_give_a_finite_crop():
    person = dataclasses.replace(make_person(), joints_px=np.full((14, 2), 50.0, np.float32))
    crop = training_crop(person, LSP, SIZE, rng(0), ONLY_HALF)
    assert crop.matrix.isfinite().all()
    assert crop.image.isfinite().all()


def test_nan_of_unlabelled_joints_does_not_leak():
    labelled = np.arange(14) < 10
    person = make_person(labelled=labelled)
    person.joints_px[~labelled] = np.nan
    for seed in range(8):
        crop = training_crop(person, LSP, SIZE, rng(seed), dataclasses.replace(ALWAYS, half_body=1.0))
        assert crop.joints_px.isfinite().all()
        assert crop.image.isfinite().all()
        assert mirrored(crop)


def test_never_a_second_person():
    crop = training_crop(
        make_person(), LSP, SIZE, rng(0), MmposeAugmentation(), another=lambda _: pytest.fail("asked for one")
    )
    assert len(crop.joints_px) == 1
