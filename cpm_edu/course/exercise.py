"""What an exercise is: cases to try, a reference, and the mistakes that people make.

A mistake is known by what it computes, never by how it is written: it is a function that gives the wrong answer on
purpose, and a student's function that agrees with it on every case has made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .same import brief, same_value

__all__ = ["Exercise", "Forbidden", "Mistake", "NotWritten", "Outcome", "Verdict"]

Status = Literal["pass", "fix", "todo"]


class NotWritten(NotImplementedError):
    """The stub is still there."""


class Forbidden(RuntimeError):
    """A library function was called that holds the answer of the exercise; `args[0]` is its name."""


@dataclass(frozen=True)
class Outcome:
    """What came of one call of the student's function.

    Args:
        value: what it returned; None after an error.
        error: "" or the exception's class name; of our own: "NotWritten", "Forbidden", "TookTooLong", "Ended" (the
            process is gone), "TooLarge" (of the answer), "NotSendable" (what it returned is no number, array, text,
            list or tuple of such, or dict).
        message: of the error.
        line: of the student's text where it was raised, 0 if unknown.
        changed: positions of the arguments that were changed in place.
    """

    value: Any = None
    error: str = ""
    message: str = ""
    line: int = 0
    changed: tuple[int, ...] = ()


Call = Callable[..., Outcome]
Seen = Callable[[Sequence[tuple], Sequence[Any], Sequence[Outcome]], bool]
Says = Callable[[Sequence[tuple], Sequence[Any], Sequence[Outcome]], str]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that people really give; exactly one of `answer` and `seen`.

    Args:
        id: such as "xy-swapped"; unique in its exercise; the class summary counts it.
        says: one or two sentences to the student that name the mistake and where to look, not the solution; or a
            function of (cases, expected values, outcomes) that makes them, such as with the line of a kernel.
        answer: from the arguments of a case to what this mistake returns; may raise what it raises. A tuple of such
            where people make it in several ways: one of them must explain all cases.
        seen: (cases, expected values, outcomes) -> whether this mistake was made, where no single answer tells it.
    """

    id: str
    says: str | Says
    answer: Callable[..., Any] | tuple[Callable[..., Any], ...] | None = None
    seen: Seen | None = None

    def __post_init__(self) -> None:
        if (self.answer is None) == (self.seen is None):
            raise ValueError(f"mistake {self.id}: one of answer and seen")


@dataclass(frozen=True)
class Exercise:
    """One idea, one function (or one kernel's source) of the student's.

    Args:
        id: "ex04".
        assignment: "A1".
        name: of the student's function, or of the text that holds a kernel.
        title: a few words.
        minutes: a student's time, tried out.
        points: in grading.
        asks_for: "your own Gaussian", for the sentence on forbidden functions.
        forbids: dotted names of library functions that hold the answer; under `check` they raise `Forbidden`.
        cases: from a random generator to the cases, each a tuple of positional arguments. The first are small
            and worked by hand, the same for every generator; the others random. At most about 20.
        reference: from the arguments to the right answer; never changes its arguments.
        mistakes: what is recognised, the most specific first.
        hints: three steps, from a question to nearly the line.
        same: (value, expected) -> whether the answer is right; `same_value` with tolerances by default.
        shows: an answer, the student's or the expected one, in one line of an example.
        starred: not in the core.
        engine: what the student's code needs beside numpy: "numpy" (nothing), "torch", or "kernel" (the text is
            CUDA, run by the emulator).
        call_s: longest time for one call in grading; `check` allows two seconds for all.
        may_change: its arguments may be changed in place (a network that is trained).
        arguments: their names, for messages; taken from `reference` if empty.
        public_cases: in the place of `cases` for those that every student has, where an instructor hides some.
    """

    id: str
    assignment: str
    name: str
    title: str
    minutes: int
    points: int
    asks_for: str
    cases: Callable[[np.random.Generator], Iterable[tuple]]
    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, str, str]
    forbids: tuple[str, ...] = ()
    same: Callable[[Any, Any], bool] = same_value
    shows: Callable[[Any], str] = brief
    starred: bool = False
    engine: Literal["numpy", "torch", "kernel"] = "numpy"
    call_s: float = 3.0
    may_change: bool = False
    arguments: tuple[str, ...] = ()
    public_cases: Callable[[np.random.Generator], Iterable[tuple]] | None = None


@dataclass(frozen=True)
class Verdict:
    """What an exercise gets.

    Args:
        exercise: its id.
        status: "pass", "fix" or "todo" (the stub is still there).
        mistake: "" or the id of what was recognised: of the exercise's, or one of "delegates", "raises", "too-slow",
            "ended", "too-large", "wrong-type", "wrong-shape", "not-finite", "changes-input", "returns-nothing",
            "wrong-value".
        message: to the student, complete sentences; "" for a pass.
        example: lines "input", "yours" and "expected" of the first case that differs; {} where there is none.
        arrays: (yours, expected) of that case where both are maps that a picture can show, else None.
        cases: how many were tried.
        public: that case is one of those that every student has; the example of a hidden one is not for feedback.
    """

    exercise: str
    status: Status
    mistake: str = ""
    message: str = ""
    example: dict[str, str] | None = None
    arrays: tuple[np.ndarray, np.ndarray] | None = None
    cases: int = 0
    public: bool = True
