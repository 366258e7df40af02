"""Whatever comes out of a room, a student's slip or a forgery, the judge outside gives a verdict and no pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cpm_edu.course.exercise import Outcome
from cpm_edu.course.exercises import all_exercises
from cpm_edu.course.judge import judge

ODD = [
    None, True, -1, 10**300, float("nan"), "text", (), [], {}, {1: 2, None: (3,)}, [[1, 2], [3]], (None, None, None),
    ([], {}), np.zeros((0, 3)), np.full((5, 7), np.nan), np.zeros((1,) * 8), np.zeros((3, 3), complex),
    torch.zeros(2, 3, dtype=torch.bfloat16), torch.zeros(3, requires_grad=True), nn.Conv2d(1, 2, 3), nn.Sequential(),
    nn.Sequential(nn.Linear(3, 2)), (nn.ReLU(), 1), {"faults": None}, {"faults": [1]}, {"faults": [{}]},
    {"faults": [], "out": np.zeros(1), "reads": "x", "shared": None, "differs": 3},
]  # fmt: skip
ERRORS = (
    "ValueError",
    "Ended",
    "TooLarge",
    "NotSendable",
    "NoSuchClass",
    "TookTooLong",
    "Forbidden",
    "SystemExit",
)
ODD_OUTCOMES = [Outcome(value) for value in ODD]
ODD_OUTCOMES += [Outcome(error=error, message="\0<b>", line=10**9) for error in ERRORS]
ODD_OUTCOMES.append(Outcome(np.zeros(3), changed=(0, 99)))


@pytest.mark.parametrize("exercise", all_exercises(), ids=lambda e: e.id)
def test_odd_outcomes_get_a_verdict(exercise):
    for start in range(0, len(ODD_OUTCOMES), 9):  # of each call another, first of all each in its turn
        turn = iter(range(start, start + 1000))
        verdict = judge(exercise, lambda *_, turn=turn: ODD_OUTCOMES[next(turn) % len(ODD_OUTCOMES)])
        assert verdict.status == "fix", verdict
        assert verdict.mistake, verdict


@pytest.mark.parametrize("exercise", [e for e in all_exercises() if e.engine == "kernel"], ids=lambda e: e.id)
def test_forged_reports_of_a_kernel_get_a_verdict(exercise):
    for outcome in ODD_OUTCOMES[-16:]:
        assert judge(exercise, lambda *_, outcome=outcome: outcome).status == "fix"
