"""How far a student is: one small file an exercise, beside the answers to the notebooks' questions.

It stays on this machine and counts for nothing; grading never reads it.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from .answers import answers_folder, keep
from .exercise import Exercise

__all__ = ["keep_state", "kept_states", "minutes_left", "table_html", "table_text"]

STATES = {"pass": ("✓", "done"), "fix": ("✗", "to fix"), "todo": ("○", "not tried")}
COLORS = {"pass": "#00694a", "fix": "#a63f00", "todo": "#555f66"}  # dark enough on white for small text


def keep_state(id: str, status: str) -> str:
    """Remember the newest verdict of an exercise; a sentence where it could not be kept, else ""."""
    why = keep(f"{id}.check", {"status": status, "when": datetime.now().strftime("%Y-%m-%d %H:%M")})
    if why:
        why = f"Your progress could not be kept in {answers_folder()} ({why}). CPM_EDU_ANSWERS names another folder."
    return why


def kept_states(exercises: Sequence[Exercise]) -> dict[str, str]:
    """Exercise id -> "pass", "fix" or "todo"; what was never checked, or cannot be read, is "todo"."""
    states = {}
    for exercise in exercises:
        try:
            kept = json.loads((answers_folder() / f"{exercise.id}.check.json").read_text(encoding="utf-8"))
            status = kept["status"]
        except (OSError, ValueError, KeyError, TypeError):
            status = "todo"
        states[exercise.id] = status if status in STATES else "todo"
    return states


def minutes_left(exercises: Sequence[Exercise], states: Mapping[str, str]) -> int:
    """Of what is not done, without the starred ones that were not begun."""
    return sum(
        e.minutes for e in exercises if states[e.id] != "pass" and not (e.starred and states[e.id] == "todo")
    )


def _summary(exercises: Sequence[Exercise], states: Mapping[str, str]) -> str:
    done = sum(states[e.id] == "pass" for e in exercises)
    left = minutes_left(exercises, states)
    more = f", about {left} minutes left" if left else ""
    starred = " Starred ones (*) are extra." if any(e.starred for e in exercises) else ""
    return f"{done} of {len(exercises)} done{more}.{starred}"


def table_text(exercises: Sequence[Exercise], states: Mapping[str, str]) -> str:
    """One line an exercise: state, id, title, minutes, points."""
    width = max((len(e.title) for e in exercises), default=0) + 2
    lines = []
    for e in exercises:
        icon, word = STATES[states[e.id]]
        star = "*" if e.starred else ""
        lines.append(
            f"{icon} {word:<10} {e.id}{star:<2} {e.title:<{width}} {e.minutes:>3} min  {e.points:>2} points"
        )
    return "\n".join([*lines, _summary(exercises, states)])


def table_html(exercises: Sequence[Exercise], states: Mapping[str, str]) -> str:
    """The same as a table."""
    rows = []
    for e in exercises:
        icon, word = STATES[states[e.id]]
        state = f'<span aria-hidden="true">{icon}</span> {word}'
        star = " *" if e.starred else ""
        rows.append(
            f'<tr><td style="color: {COLORS[states[e.id]]}; font-weight: 600">{state}</td><td>{e.id}{star}</td>'
            f"<td>{html.escape(e.title)}</td><td>{e.minutes}</td><td>{e.points}</td></tr>"
        )
    head = "".join(
        f'<th scope="col">{word}</th>' for word in ("state", "exercise", "title", "minutes", "points")
    )
    return (
        f'<table class="cpm-progress"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        f"<p>{html.escape(_summary(exercises, states))}</p>"
    )
