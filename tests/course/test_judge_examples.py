"""The example under a verdict shows the mistake that the verdict names."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_edu.course.calls import local_call
from cpm_edu.course.exercises import find
from cpm_edu.course.judge import judge


def _in_place_and_one_rule(points_px, stride, convention):
    points_px -= (stride - 1) / 2
    points_px /= stride
    return points_px


def test_a_wrong_number_is_shown_before_a_changed_argument():
    exercise = find("ex01")  # the first case is right but for the change; the rule "msra" is wrong
    example = judge(exercise, local_call(exercise, _in_place_and_one_rule)).example
    assert "msra" in example["input"]
    assert example["yours"] != example["expected"]


@pytest.mark.parametrize(("ask", "says"), [("ex18", "not the right answer"), ("ex02", "the shape is right")])
def test_one_number_has_no_shape(ask, says):
    exercise = find(ask)
    answer = (lambda *_: 0.123) if ask == "ex18" else (lambda c, size, s: np.indices(size).sum(0) + 0.5)
    verdict = judge(exercise, local_call(exercise, answer))
    assert verdict.mistake == "wrong-value"
    assert says in verdict.message
