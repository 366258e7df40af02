"""Submissions that attack the grader: each gets its verdict, and nothing of it is left."""

from __future__ import annotations

import pytest

from cpm_edu.course.exercises.a1 import EXERCISES
from cpm_edu.course.grading.sandbox import Limits
from cpm_edu.course.judge import judge

from .rooms import HOSTILE, hostile, sandbox

EX02 = next(e for e in EXERCISES if e.id == "ex02")
RIGHT = "import numpy as np\ndef f(x):\n    return 2 * x\n"
NAMES = sorted(file.stem for file in HOSTILE.glob("*.py"))
LIMITS = Limits(call_s=1.0, start_s=1.0, memory=(384 << 20,) * 3)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_submission(name):
    source, expected = hostile(name)
    room = sandbox().room(limits=LIMITS)
    with room:
        verdict = judge(EX02, room.student(EX02, source))
    print(name, verdict.status, verdict.mistake, verdict.message, room.spent)
    assert (verdict.mistake or verdict.status) in expected, verdict
