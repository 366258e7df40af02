"""What an assignment asks for, in one list: exercises that are judged, and questions that people grade."""

from __future__ import annotations

from pathlib import Path

from ..release.overlay import assigned
from .results import Part, Parts

__all__ = ["parts_of"]

QUESTION_POINTS = 3  # of each of the two questions of an assignment; a test holds this equal to the masters
PROJECT = ("a7p", 20)  # the open project of A7


def parts_of(assignment: str, overlay: Path | None, seed: int) -> Parts:
    """Exercises and questions of an assignment, with rubrics where its master is there.

    Raises:
        ValueError: no such assignment, or a master that is wrong.
    """
    found = assigned(assignment, overlay, seed)
    exercises = [
        Part(e.id, e.title, e.points, starred=e.starred, name=e.name, hints=tuple(e.hints))
        for e in found.exercises
    ]
    if found.master is None:
        ids = [(f"{assignment.lower()}q{k}", QUESTION_POINTS) for k in (1, 2)]
        ids += [PROJECT] if assignment == "A7" else []
        questions = [Part(id, "a question", points, by_hand=True) for id, points in ids]
    else:
        questions = [
            Part(q.id, q.title, q.points, by_hand=True, text=_body(q.text), sample=q.sample, rubric=q.rubric)
            for q in found.questions
        ]
    return Parts(assignment, found.title, (*exercises, *questions))


def _body(text: str) -> str:
    """A question without its heading line."""
    return "\n".join(line for line in text.split("\n") if not line.startswith("## ")).strip()
