"""Every wrong answer of the bank gets its own message, every right one passes; stubs are to do, masters pass."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail

from cpm_edu.course.calls import local_source
from cpm_edu.course.exercise import Outcome
from cpm_edu.course.exercises import all_exercises, find
from cpm_edu.course.forbidden import functions_of, resolve
from cpm_edu.course.judge import cases_of, judge
from cpm_edu.course.student_files import read_student_file

from .bank_cells import bank, entries

MASTERS = Path(__file__).parents[2] / "notebooks" / "assignments"
IDS = [exercise.id for exercise in all_exercises()]
HIDDEN = 20261123  # any seed but the public one
SEEDS = (0, HIDDEN)
SECONDS = 60.0  # not what is tested here
GENERAL = {
    "delegates", "raises", "too-slow", "ended", "too-large", "wrong-type", "wrong-shape", "not-finite",
    "changes-input", "returns-nothing", "wrong-value",
}  # fmt: skip
judged: Counter = Counter()


@pytest.fixture(params=IDS)
def exercise(request):
    found = find(request.param)
    if found.engine == "kernel":
        from cpm_edu.kernels.libraries import load
        from cpm_edu.kernels.toolchain import BackendUnavailable

        try:
            load("cpp")
        except BackendUnavailable as error:
            skip_or_fail("cpp", str(error))
    return found


def verdict_of(exercise, source, seeds=SEEDS):
    return judge(exercise, local_source(exercise, source, seconds=SECONDS), seeds)


def test_bank_is_judged(exercise):
    found = entries(exercise)
    right = [entry for entry in found if entry.kind == "right"]
    wrong = [entry for entry in found if entry.kind == "wrong"]
    assert len({entry.words for entry in right}) >= 2, "two styles at least: loops, vectorised"
    assert len(wrong) >= 5
    assert any(entry.mistake == "delegates" for entry in wrong), (
        "handing the work to the library is one of them"
    )
    faults, messages = [], {}
    for entry in found:
        verdict = verdict_of(exercise, entry.source)
        if (verdict.status, verdict.mistake) != (
            ("pass", "") if entry.kind == "right" else ("fix", entry.mistake)
        ):
            faults.append(f"{entry}: {verdict.status} {verdict.mistake}: {verdict.message} {verdict.example}")
        if entry.kind == "wrong":
            messages.setdefault(verdict.message, set()).add(entry.mistake)
        judged[entry.kind] += 1
    assert not faults, "\n".join(faults)
    assert [m for m in messages.values() if len(m) > 1] == [], "each mistake has a message of its own"
    known = {mistake.id for mistake in exercise.mistakes}
    known -= {"no-compiler"}  # of the machine, not of the answer
    assert {entry.mistake for entry in wrong} >= known, "each mistake that the exercise knows is in the bank"


def test_public_cases_alone_show_every_mistake(exercise):
    if exercise.engine == "kernel":
        pytest.skip("the kernels' cases are the same for every seed but one; judged above")
    for entry in entries(exercise):
        verdict = verdict_of(exercise, entry.source, (0,))
        assert verdict.mistake == entry.mistake, f"{entry}: {verdict.message}"


def test_stub_is_to_do(exercise):
    if exercise.engine == "kernel":
        source = f'{exercise.name} = """\n// {exercise.id}: your lines here\n"""\n'
    else:
        source = f'def {exercise.name}(*given):\n    raise NotImplementedError("{exercise.id}: write it")\n'
    verdict = verdict_of(exercise, source)
    assert (verdict.status, verdict.mistake) == ("todo", "")
    assert verdict.message == f"{exercise.id} {exercise.name}: not written yet."


def test_master_passes(exercise):
    masters = sorted(MASTERS.glob(f"{exercise.assignment}_*.py"))
    assert len(masters) == 1, "one master an assignment"
    text = masters[0].read_text(encoding="utf-8")
    assert re.search(rf"^# ## {exercise.id}\*? · ", text, re.MULTILINE)
    found = read_student_file(masters[0]).source_of(exercise.name)
    assert not found.stub
    verdict = judge(exercise, local_source(exercise, found.source, seconds=SECONDS), SEEDS)
    assert verdict.status == "pass", verdict.message


def test_exercise_is_complete(exercise):
    ids = [mistake.id for mistake in exercise.mistakes]
    assert len(ids) == len(set(ids))
    assert not GENERAL & set(ids), "these names belong to the judge"
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for id in ids)
    assert len(exercise.hints) == 3
    assert all(hint.strip() for hint in exercise.hints)
    assert 2 <= exercise.points <= 6
    assert 10 <= exercise.minutes <= 60
    assert exercise.forbids or exercise.engine == "kernel"
    for name in exercise.forbids:
        assert functions_of(resolve(name)), f"{name} is nothing that can be made to refuse"


def test_cases(exercise):
    several = [cases_of(exercise, seed) for seed in (0, 1, HIDDEN)]
    assert 4 <= len(several[0]) <= 20
    again = cases_of(exercise, 0)
    assert all(map(alike, again, several[0])), "one seed, one set of cases"
    assert alike(several[0][0], several[1][0]), "the first case is worked by hand, the same for every seed"


def test_mistakes_are_told_apart(exercise):
    """Each mistake's own answer, played as a student's function, is recognised as that mistake."""
    if exercise.engine == "kernel":
        pytest.skip("kernels are texts; the bank has one for each mistake")
    for mistake in exercise.mistakes:
        answers = mistake.answer if isinstance(mistake.answer, tuple) else (mistake.answer,)
        for answer in answers if mistake.answer is not None else ():
            for seed in (1, 2, 3):
                verdict = judge(exercise, playing(answer), (0, seed))
                assert verdict.mistake == mistake.id, (
                    f"{mistake.id} is taken for {verdict.mistake}: {verdict.message}"
                )


def playing(answer):
    def call(*arguments):
        try:
            with np.errstate(all="ignore"):
                return Outcome(answer(*arguments))
        except Exception as error:
            return Outcome(error=type(error).__name__, message=str(error))

    return call


def alike(one, other) -> bool:
    """Whether two cases hold the same numbers."""
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if hasattr(one, "state_dict"):
        return alike(dict(one.state_dict()), dict(other.state_dict()))
    if hasattr(one, "detach"):
        one, other = one.detach().numpy(), other.detach().numpy()
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one == other or (type(one) is type(other) and not isinstance(one, int | float | str))


def test_the_sandbox_says_the_same(exercise):
    """A sample through the third door: the first right answer and the first of the exercise's own mistakes."""
    from cpm_edu.course.grading.sandbox import NoSandbox, find_isolation

    try:
        isolation = find_isolation()
    except NoSandbox as error:
        skip_or_fail("bwrap", str(error))
    found = entries(exercise)
    right = next(entry for entry in found if entry.kind == "right")
    wrong = next(e for e in found if e.kind == "wrong" and e.mistake not in GENERAL)
    with isolation.room(0) as room:
        for entry in (right, wrong):
            verdict = judge(exercise, room.student(exercise, entry.source), SEEDS)
            assert verdict.mistake == entry.mistake, f"{entry}: {verdict.message}"
            judged["in the sandbox"] += 1


def test_counts(capsys):
    """Of the whole course, in one line of the log."""
    right = sum(entry.kind == "right" for entry in bank())
    wrong = len(bank()) - right
    mistakes = len({(entry.exercise, entry.mistake) for entry in bank() if entry.kind == "wrong"})
    assert len(IDS) >= 20
    assert len(IDS) == len(set(IDS))
    assert {entry.exercise for entry in bank()} == set(IDS)
    with capsys.disabled():
        print(
            f"\nthe bank: {len(IDS)} exercises, {right} right answers, {wrong} wrong ones of {mistakes} kinds; "
            f"judged here: {judged['right']} right, {judged['wrong']} wrong, {judged['in the sandbox']} in the sandbox"
        )
