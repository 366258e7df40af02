"""What every student gets: the checker's points, and what people gave in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .overrides import Override
from .records import Graded, Record

__all__ = ["Part", "Parts", "Result", "results_of"]


@dataclass(frozen=True)
class Part:
    """An exercise or a question, and what it is worth.

    Args:
        id: "ex02" or "a1q1".
        hints, sample, rubric: texts; "" or () where there are none.
    """

    id: str
    title: str
    points: float
    starred: bool = False
    by_hand: bool = False
    name: str = ""
    hints: tuple[str, ...] = ()
    text: str = ""
    sample: str = ""
    rubric: str = ""


@dataclass(frozen=True)
class Parts:
    """All that one assignment asks for."""

    assignment: str
    title: str
    parts: tuple[Part, ...]

    @property
    def exercises(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if not part.by_hand)

    @property
    def questions(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.by_hand)

    @property
    def most(self) -> float:
        """Points of the core; starred exercises come on top."""
        return sum(part.points for part in self.parts if not part.starred)


@dataclass(frozen=True)
class Result:
    """One student's points.

    Args:
        points: by part; None for a question that nobody graded yet.
        given: what people gave.
    """

    record: Record
    points: dict[str, float | None]
    given: dict[str, Override]

    @property
    def student(self) -> str:
        return self.record.student

    @property
    def total(self) -> float:
        return sum(points for points in self.points.values() if points is not None)

    @property
    def open(self) -> tuple[str, ...]:
        """Questions that nobody graded yet."""
        return tuple(id for id, points in self.points.items() if points is None)

    def graded(self, id: str) -> Graded | None:
        return next((each for each in self.record.graded if each.exercise == id), None)


def results_of(
    records: Sequence[Record], parts: Parts, overrides: Mapping[tuple[str, str], Override]
) -> list[Result]:
    """Results in the order of the records."""
    return [_result(record, parts, overrides) for record in records]


def _result(record: Record, parts: Parts, overrides: Mapping[tuple[str, str], Override]) -> Result:
    passed = {graded.exercise for graded in record.graded if graded.status == "pass"}
    points: dict[str, float | None] = {}
    given = {}
    for part in parts.parts:
        override = overrides.get((record.student, part.id))
        if override is not None:
            given[part.id] = override
            points[part.id] = override.points
        elif part.by_hand:
            points[part.id] = None
        else:
            points[part.id] = part.points if part.id in passed else 0.0
    return Result(record, points, given)
