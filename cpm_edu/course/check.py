"""`check("ex02", gaussian_map)` in a notebook: right, or what is wrong and where to look; hints; how far you are.

Nothing here raises for a wrong answer or a wrong use; an interrupt by hand goes on to the cell.
"""

from __future__ import annotations

import html
import re
from typing import Any

import numpy as np
from IPython import get_ipython
from IPython.display import display

from .calls import local_call
from .exercise import Exercise, Verdict
from .judge import judge
from .own_exercises import exercises_here
from .progress import keep_state, kept_states, minutes_left, table_html, table_text
from .time_limit import time_is_limited
from .verdict_card import card, hints_html, verdict_html
from .verdict_text import verdict_text

__all__ = ["check", "hint", "progress"]

_MISSING = object()
NO_LIMIT = (
    "Endless loops cannot be stopped here. If nothing comes back, interrupt the kernel (the square button)."
)
_warned: list[str] = []


def check(id: Any = _MISSING, answer: Any = _MISSING, *more: Any) -> None:
    """Check your answer to an exercise; displays the verdict.

    Args:
        id: of the exercise, such as "ex02".
        answer: your function itself, without brackets; for a kernel its text.
    """
    try:
        exercise = _meant(id, answer, more)
    except ValueError as error:
        return _say(str(error))
    if exercise.engine != "kernel" and not time_is_limited() and not _warned:
        _warned.append(NO_LIMIT)
        _say(NO_LIMIT)
    verdict, printed = _verdict(exercise, answer)
    note = keep_state(exercise.id, verdict.status) if verdict.status != "todo" else ""
    below = " ".join(part for part in (_standing(exercise) if verdict.status == "pass" else "", note) if part)
    text = verdict_text(verdict, exercise, printed=printed)
    _show(
        verdict_html(verdict, exercise, printed=printed, below=below),
        "\n".join(t for t in (text, below) if t),
    )
    return None


def hint(id: Any = _MISSING) -> None:
    """The three hints of an exercise, one fold in the other; displays them."""
    try:
        exercise = _find(id)
    except ValueError as error:
        return _say(str(error))
    head = f'<p class="cpm-verdict"><strong>{exercise.id}</strong> <code>{exercise.name}</code> · {html.escape(exercise.title)}</p>'
    lines = [f"hint {k} of {len(exercise.hints)}: {text}" for k, text in enumerate(exercise.hints, 1)]
    return _show(
        card(head + hints_html(exercise.hints)), "\n".join([f"{exercise.id} {exercise.name}", *lines])
    )


def progress(assignment: str | None = None) -> None:
    """Which exercises are done, to fix or not tried, and about how long the rest takes; displays a table."""
    known = exercises_here()
    names = list(dict.fromkeys(e.assignment for e in known))
    if assignment is not None and str(assignment).upper() not in names:
        return _say(f"There is no assignment {assignment!r}; there are {', '.join(names)}.")
    shown = [e for e in known if assignment is None or e.assignment == str(assignment).upper()]
    states = kept_states(shown)
    return _show(card(table_html(shown, states)), table_text(shown, states))


def _verdict(exercise: Exercise, answer: Any) -> tuple[Verdict, str]:
    """The verdict of an answer in this process, and what it printed."""
    call = local_call(exercise, answer)
    with np.errstate(all="ignore"):  # the reader may have set it to raise
        verdict = judge(exercise, call, where=call.where)
    return verdict, call.printed


def _standing(exercise: Exercise) -> str:
    own = [e for e in exercises_here() if e.assignment == exercise.assignment]
    states = kept_states(own)
    done, left = sum(state == "pass" for state in states.values()), minutes_left(own, states)
    rest = f", about {left} minutes left" if left else ""
    return f"{exercise.assignment}: {done} of {len(own)} done{rest}."


# ---- what was meant


def _find(id: Any) -> Exercise:
    """The exercise; "EX2" and the function's name are understood too."""
    known = {e.id: e for e in exercises_here()}
    if id is _MISSING:
        raise ValueError(f"Which exercise? There are {', '.join(known)}.")
    if callable(id):
        id = getattr(id, "__name__", "")
    word = str(id).strip()
    if number := re.fullmatch(r"(?:ex)?0*(\d+)", word, re.IGNORECASE):
        word = f"ex{int(number[1]):02d}"
    by_name = {e.name: e for e in known.values()}
    exercise = known.get(word) or by_name.get(word)
    if exercise is None:
        import difflib

        near = [] if number else difflib.get_close_matches(word, [*known, *by_name], 1)
        guess = f" Did you mean {near[0]}?" if near else f" There are {', '.join(known)}."
        raise ValueError(f"There is no exercise {word!r}.{guess}")
    return exercise


def _meant(id: Any, answer: Any, more: tuple) -> Exercise:
    """The exercise, if this can be checked; a ValueError with a sentence if not."""
    if id is _MISSING:
        raise ValueError('check takes the exercise and your function: check("ex02", gaussian_map).')
    if not isinstance(id, str) and isinstance(answer, str):
        exercise = _find(answer)
        raise ValueError(f'The other way round, please: check("{exercise.id}", {exercise.name}).')
    exercise = _find(id)
    call = f'check("{exercise.id}", {exercise.name})'
    if answer is _MISSING:
        raise ValueError(f"check needs your answer too: {call}.")
    if more:
        raise ValueError(f"check takes two things: {call}.")
    if exercise.engine == "kernel":
        if not isinstance(answer, str):
            raise ValueError(f"{exercise.id} is a kernel; check takes its text: {call}.")
        return exercise
    if isinstance(answer, str):
        raise ValueError(f"Give the function itself, without quotes: {call}.")
    if not callable(answer):
        raise ValueError(
            f"Give the function itself, not what it returns: {call}, without brackets behind {exercise.name}."
        )
    given = getattr(answer, "__name__", exercise.name)
    others = {e.name: e.id for e in exercises_here()}
    if given != exercise.name and given in others:
        raise ValueError(f"{given} belongs to {others[given]}; for {exercise.id} it is {call}.")
    return exercise


# ---- display


def _say(sentence: str) -> None:
    _show(card(f"<p>{html.escape(sentence)}</p>"), sentence)


def _show(page: str, text: str) -> None:
    if get_ipython() is None:
        print(text)
    else:
        display({"text/html": page, "text/plain": text}, raw=True)
