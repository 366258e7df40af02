"""The exercises of A4 and A5: their references agree with numbers worked by hand and with what others compute."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_edu.course.exercise import Outcome
from cpm_edu.course.exercises import find
from cpm_edu.course.judge import cases_of, judge
from cpm_edu.metrics.coco import coco_ap
from cpm_edu.skeletons import COCO, MPII

SEEDS = (0, 1, 20261123)


def first_case(id, number=0):
    exercise = find(id)
    case = cases_of(exercise)[number]
    return case, exercise.reference(*case)


def test_hand_numbers_of_the_tasks():
    """The numbers that the tasks work out are those of the first cases."""
    assert np.allclose(first_case("ex14")[1], [2.25, 2.25])
    assert np.allclose(first_case("ex15")[1], [2 + 0.6931 / 3.0082, 2 + 0.6931 / 7.4026], atol=1e-3)
    assert np.allclose(first_case("ex16")[1], [2 + 0.28 / 1.41, 2 + 0.225 / 1.41], atol=1e-5)
    assert first_case("ex18")[1] == 3 / 4
    assert first_case("ex18", 1)[1] == pytest.approx(5 / 7)
    assert first_case("ex18", 2)[1] == 3 / 4, "without a hip the child has no torso and is left out"
    assert first_case("ex20")[1] == pytest.approx((np.exp(-0.5) + 1 + np.exp(-25 / 915.92)) / 3, abs=1e-5)
    assert first_case("ex21")[1] == pytest.approx((26 + 0.75 * 50) / 101)


def test_tie_goes_to_the_first_row_then_the_first_column():
    (maps,), joints = first_case("ex13", 2)
    assert joints.tolist() == [[2, 0], [1, 1]]
    assert all((m == m.max()).sum() > 1 for m in maps)


def test_joints_of_the_table_in_a5_are_those_of_the_library():
    """ex19's task prints MPII's joints with their numbers; the solution leaves out 6 and 7."""
    assert [MPII.joints[j] for j in (6, 7, 8, 9)] == ["pelvis", "thorax", "upper_neck", "head_top"]


@pytest.mark.parametrize("seed", SEEDS)
def test_ap_is_that_of_pycocotools(seed):
    """Every person in a picture of its own, every detection there: the matching has no choice."""
    exercise = find("ex21")
    sigmas, compared = COCO.oks_sigmas, 0
    for scores, similarity, person, people, threshold in cases_of(exercise, seed):
        name = {0.5: "AP .5", 0.75: "AP .75"}.get(threshold)
        if name is None or np.isclose(similarity, threshold).any():
            continue
        truth = np.zeros((17, 3))
        truth[:, :2], truth[:, 2] = np.arange(34).reshape(17, 2) + 100, 2
        area = 1e4
        # all joints moved so that each has the similarity that is asked for
        away = np.sqrt(-np.log(similarity) * 2 * area)[:, None] * 2 * np.array(sigmas)
        results = []
        for d in range(len(scores)):
            moved = truth.copy()
            moved[:, 0] += away[d]
            results.append(
                {"image_id": int(person[d]), "category_id": 1, "score": float(scores[d]),
                 "keypoints": moved.ravel().tolist()}
            )  # fmt: skip
        box = [100.0, 100.0, 100.0, 100.0]
        ground = {
            "images": [{"id": p} for p in range(people)],
            "annotations": [
                {"id": p + 1, "image_id": p, "category_id": 1, "keypoints": truth.ravel().tolist(),
                 "area": area, "bbox": box}
                for p in range(people)
            ],
            "categories": [{"id": 1, "name": "person"}],
        }  # fmt: skip
        compared += 1
        wanted = coco_ap(ground, results)[name]
        assert exercise.reference(scores, similarity, person, people, threshold) == pytest.approx(wanted)
    assert compared >= 6


@pytest.mark.parametrize("seed", SEEDS)
def test_dark_step_is_newtons(seed):
    """By numpy's differences taken twice, and a linear solve; no step within two cells of the border."""
    exercise = find("ex16")
    stepped = 0
    for log_map, cell in cases_of(exercise, seed):
        (x, y), (height, width) = cell, log_map.shape
        wanted = cell.astype(float)
        if 2 <= x <= width - 3 and 2 <= y <= height - 3:
            slopes = np.gradient(log_map.astype(float))
            bends = [[line[y, x] for line in np.gradient(slope)] for slope in slopes]
            wanted -= np.linalg.solve(bends, [slope[y, x] for slope in slopes])[::-1]
            stepped += 1
        assert np.allclose(exercise.reference(log_map, cell), wanted, atol=1e-4)
    assert 6 <= stepped < len(cases_of(exercise, seed))


@pytest.mark.parametrize("id", [f"ex{number}" for number in range(13, 22)])
def test_double_precision_and_a_little_rounding_are_right(id):
    """Half of the tolerance off, in float64, as lists: still right."""
    exercise = find(id)
    for seed in SEEDS:

        def call(*case):
            value = np.asarray(exercise.reference(*case), np.float64)
            return Outcome((value * (1 + 5e-5)).tolist())

        assert judge(exercise, call, (0, seed)).status == "pass"
