"""Judge a student's function: try every case, and say which mistake explains all that is wrong.

The judge calls the function through a `Call` and looks at outcomes only, so it is the same in the notebook, under
pytest, and outside the sandbox in which a submission runs.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from .exercise import Call, Exercise, Mistake, Outcome, Verdict
from .same import as_array, brief

__all__ = ["PUBLIC_SEED", "cases_of", "judge"]

PUBLIC_SEED = 0  # of `check` and of the public tests


def cases_of(exercise: Exercise, seed: int | Sequence[int] = PUBLIC_SEED) -> list[tuple]:
    """The cases of one seed: of `PUBLIC_SEED` those that every student has, of another hidden ones."""
    entropy = [seed] if isinstance(seed, int) else list(seed)
    number = int("".join(c for c in exercise.id if c.isdigit()) or 0)
    draw = exercise.public_cases if seed == PUBLIC_SEED and exercise.public_cases else exercise.cases
    return [tuple(case) for case in draw(np.random.default_rng([*entropy, number]))]


def judge(
    exercise: Exercise,
    call: Call,
    seeds: Sequence[int | Sequence[int]] = (PUBLIC_SEED,),
    where: Callable[[int], str] | None = None,
) -> Verdict:
    """The verdict on one function.

    Args:
        call: calls the student's function with the arguments of a case and never raises.
        seeds: whose cases to try, in this order; those of `PUBLIC_SEED` are public.
        where: words for a line of the student's text; None: "line 3 of your code".

    After an outcome that no further call can improve (not written, too slow, forbidden) the other cases are not tried.
    """
    cases, public = [], []
    for seed in seeds:
        new = cases_of(exercise, seed)
        cases += new
        public += [seed == PUBLIC_SEED] * len(new)
    expected = [exercise.reference(*deepcopy(case)) for case in cases]
    outcomes: list[Outcome] = []
    for case in cases:
        outcomes.append(call(*deepcopy(case)))
        if outcomes[-1].error in _FINAL or outcomes[0].error == "NotWritten":
            break
    wrong = [k for k, seen in enumerate(outcomes) if not _right(exercise, seen, expected[k])]
    if not wrong:
        return Verdict(exercise.id, "pass", cases=len(cases))
    if outcomes[0].error == "NotWritten":
        message = f"{exercise.id} {exercise.name}: not written yet."
        return Verdict(exercise.id, "todo", message=message, cases=1)
    if outcomes[-1].error in _FINAL:
        shown, arrays = len(outcomes) - 1, None
        mistake, message = _FINAL[outcomes[-1].error](exercise, outcomes[-1])
        example = {"input": _example(exercise, cases[shown], outcomes[shown], None)["input"]}
    else:
        # A wrong number says more than a case whose only fault is a changed argument.
        differ = [
            k for k in wrong if not _agrees(exercise, outcomes[k].value, expected[k]) or outcomes[k].error
        ]
        shown = (differ or wrong)[0]
        known = _known(exercise, cases, expected, outcomes) if differ else None
        if known is not None:
            mistake = known.id
            says = known.says if isinstance(known.says, str) else known.says(cases, expected, outcomes)
        else:
            mistake, says = _in_general(exercise, outcomes[shown], expected[shown], where or _line)
        if mistake == "wrong-value":
            right = len(outcomes) - len(wrong)
            says = f"{says} {right} of {len(outcomes)} cases are right; below is the first that is not."
        message = f"{exercise.id} {exercise.name}: {says}"
        example = _example(exercise, cases[shown], outcomes[shown], expected[shown])
        arrays = _pictures(outcomes[shown].value, expected[shown])
    return Verdict(exercise.id, "fix", mistake, message, example, arrays, len(outcomes), public[shown])


def _right(exercise: Exercise, outcome: Outcome, expected: Any) -> bool:
    if outcome.error or (outcome.changed and not exercise.may_change):
        return False
    return _agrees(exercise, outcome.value, expected)


def _agrees(exercise: Exercise, value: Any, expected: Any) -> bool:
    try:
        with np.errstate(all="ignore"):
            return bool(exercise.same(value, expected))
    except Exception:  # a value of a strange kind is no right one
        return False


def _forbidden(exercise: Exercise, outcome: Outcome) -> tuple[str, str]:
    says = f"{exercise.id} asks for {exercise.asks_for}, and {outcome.message} holds the answer. Write it without."
    return "delegates", says


def _too_slow(exercise: Exercise, outcome: Outcome) -> tuple[str, str]:
    return "too-slow", f"{exercise.id} {exercise.name}: {outcome.message}"


_FINAL = {"Forbidden": _forbidden, "TookTooLong": _too_slow}


def _known(
    exercise: Exercise, cases: Sequence[tuple], expected: Sequence[Any], outcomes: Sequence[Outcome]
) -> Mistake | None:
    """The first mistake that explains every outcome, also the right ones."""
    tried = cases[: len(outcomes)]
    for mistake in exercise.mistakes:
        if mistake.seen is not None:
            if _seen(mistake, tried, expected, outcomes):
                return mistake
            continue
        answers = mistake.answer if isinstance(mistake.answer, tuple) else (mistake.answer,)
        if any(_explains(exercise, answer, tried, outcomes) for answer in answers):
            return mistake
    return None


def _seen(
    mistake: Mistake, cases: Sequence[tuple], expected: Sequence[Any], outcomes: Sequence[Outcome]
) -> bool:
    """Whether that mistake was made and can be told; an outcome of a strange kind shows no known mistake."""
    try:
        made = mistake.seen(cases, expected, outcomes)
        return bool(made and (isinstance(mistake.says, str) or mistake.says(cases, expected, outcomes)))
    except Exception:
        return False


def _explains(
    exercise: Exercise, answer: Callable[..., Any], cases: Sequence[tuple], outcomes: Sequence[Outcome]
) -> bool:
    """Whether a wrong answer is what came in every case; where it raises, the same class of error came.

    One that raises in all cases explains nothing: that is a slip in the exercise.
    """
    returned = False
    for case, outcome in zip(cases, outcomes, strict=True):
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wrong = answer(*deepcopy(case))
        except Exception as error:
            if outcome.error != type(error).__name__:
                return False
        else:
            returned = True
            if outcome.error or not _agrees(exercise, outcome.value, wrong):
                return False
    return returned


def _line(line: int) -> str:
    return f"line {line} of your code"


def _in_general(
    exercise: Exercise, outcome: Outcome, expected: Any, words: Callable[[int], str]
) -> tuple[str, str]:
    """(mistake, message) of an outcome that no known mistake explains."""
    where = f" ({place})" if outcome.line and (place := words(outcome.line)) else ""
    if outcome.error == "Ended":
        why = outcome.message or "an exit, a crash, or too much memory"
        return "ended", f"your code ended the Python process ({why})."
    if outcome.error == "SystemExit":
        return "ended", f"your function ends Python with an exit{where}; let it return."
    if outcome.error == "NotWritten":
        return "raises", f"a part is not written yet: NotImplementedError{where}."
    if outcome.error == "TooLarge":
        return "too-large", f"what your function returns is too large: {outcome.message}"
    if outcome.error == "NotSendable":
        return "wrong-type", f"your function returns {outcome.message}, expected {_kind(expected)}."
    if outcome.error:
        said = f"{outcome.error}: {outcome.message}".removesuffix(": ")
        return "raises", f"{said.removesuffix('.')}{where}."
    if outcome.value is None and expected is not None:
        return "returns-nothing", "your function returns None. Does every branch end in a return?"
    if outcome.changed and not exercise.may_change and _agrees(exercise, outcome.value, expected):
        names = exercise.arguments or tuple(inspect.signature(exercise.reference).parameters)
        changed = ", ".join(names[k] for k in outcome.changed)
        return (
            "changes-input",
            f"the answer is right, but your function changes its argument {changed}; use a copy.",
        )
    if (bad := _malformed(outcome.value, expected)) is not None:
        return bad
    alone = np.ndim(as_array(expected)) == 0  # also where it is no number at all
    says = "that is not the right answer." if alone else "the shape is right, the numbers are not."
    return "wrong-value", says


def _malformed(value: Any, expected: Any) -> tuple[str, str] | None:
    if isinstance(expected, tuple) and as_array(value) is None:
        if not isinstance(value, tuple | list) or len(value) != len(expected):
            return "wrong-type", f"your function returns {_kind(value)}, expected {_kind(expected)}."
        parts = (_malformed(v, e) for v, e in zip(value, expected, strict=True))
        return next((part for part in parts if part), None)
    if isinstance(expected, Mapping) and isinstance(value, Mapping) and set(value) != set(expected):
        keys = [", ".join(map(str, d)) for d in (value, expected)]
        return "wrong-type", f"the keys of your dict are {keys[0] or 'none'}, expected {keys[1]}."
    found, wanted = as_array(value), as_array(expected)
    if wanted is None or isinstance(expected, tuple):
        return None if type(value) is type(expected) else ("wrong-type", _kinds(value, expected))
    if found is None:
        return "wrong-type", _kinds(value, expected)
    if found.shape != wanted.shape and 0 in (found.ndim, wanted.ndim):
        return "wrong-shape", _kinds(value, expected)
    if found.shape != wanted.shape:
        return "wrong-shape", f"the shape is {found.shape}, expected {wanted.shape}."
    if np.isfinite(wanted).all() and not np.isfinite(found).all():
        return (
            "not-finite",
            f"{int((~np.isfinite(found)).sum())} of {found.size} numbers are NaN or infinite.",
        )
    return None


def _kinds(value: Any, expected: Any) -> str:
    return f"your function returns {_kind(value)}, expected {_kind(expected)}."


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_kind, value)) + ")"
    array = as_array(value)
    if array is not None and array.ndim:
        return f"an array of shape {array.shape}"
    if array is not None:
        return "a number"
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        return "a list of rows of different lengths"
    return "None" if value is None else f"a {type(value).__name__}"


def _example(exercise: Exercise, case: tuple, outcome: Outcome, expected: Any) -> dict[str, str]:
    names = exercise.arguments or tuple(inspect.signature(exercise.reference).parameters)
    given = ", ".join(f"{name} = {brief(value)}" for name, value in zip(names, case, strict=False))
    found, wanted = as_array(outcome.value), as_array(expected)
    yours = f"{outcome.error}: {outcome.message}" if outcome.error else _shown(exercise, outcome.value)
    lines = {"input": given, "yours": yours, "expected": exercise.shows(expected)}
    if found is not None and wanted is not None and found.shape == wanted.shape and found.size > 12:
        place, there = _worst(found, wanted)
        lines["yours"] += f"; at {place}: {found[there]:.4g}"
        lines["expected"] += f"; at {place}: {wanted[there]:.4g}"
    return lines


def _shown(exercise: Exercise, value: Any) -> str:
    try:
        return exercise.shows(value)
    except Exception:  # a value of a strange kind
        return brief(value)


def _worst(found: np.ndarray, wanted: np.ndarray) -> tuple[str, tuple[int, ...]]:
    """Where two arrays of one shape differ most, in words and as an index."""
    with np.errstate(all="ignore"):
        differs = np.nan_to_num(np.abs(found.astype(float) - wanted.astype(float)), nan=np.inf)
    there = tuple(int(k) for k in np.unravel_index(differs.argmax(), differs.shape))
    if len(there) == 2:
        return f"row {there[0]}, column {there[1]}", there
    return f"[{', '.join(map(str, there))}]", there


def _pictures(value: Any, expected: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Both answers where they are maps of one size; of several the one that differs most."""
    found, wanted = as_array(value), as_array(expected)
    if found is None or wanted is None or found.shape != wanted.shape or found.ndim not in (2, 3):
        return None
    if min(found.shape[-2:]) < 5 or not np.isfinite(found).all() or not np.isfinite(wanted).all():
        return None
    found, wanted = found.astype(float), wanted.astype(float)
    differs = 0 if found.ndim == 2 else int(np.abs(found - wanted).reshape(len(found), -1).max(1).argmax())
    return (found, wanted) if found.ndim == 2 else (found[differs], wanted[differs])
