"""Mistakes that any kernel can have: what kept it from running, and what the microscope saw.

A launch's result is a dict of `kernel_calls.kernel_function`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..exercise import Mistake, Outcome
from ..same import brief, same_value

__all__ = [
    "BARRIERS",
    "KERNEL",
    "RACES",
    "STOPPED",
    "clean",
    "faults",
    "faults_of",
    "launch_shown",
    "mistake_of_faults",
    "reported",
    "same_launch",
]  # fmt: skip

BOUNDS = ("out-of-bounds-read", "out-of-bounds-write", "wild-pointer")
RACES = ("shared-race", "warp-race", "syncwarp-too-narrow", "global-race", "cross-block-race", "lost-update")
BARRIERS = ("divergent-barrier", "barrier-after-exit")
LANES = ("divergent-warp", "shuffle-from-absent-lane", "lane-not-in-mask")
ARRAYS = ("shared-out-of-bounds", "local-out-of-bounds")


def same_launch(value: Any, expected: Mapping[str, Any]) -> bool:
    """The arrays that are expected, and no fault in any order of the threads."""
    if not isinstance(value, Mapping) or value.get("faults") or value.get("differs"):
        return False
    return all(same_value(value.get(name), array) for name, array in expected.items())


def launch_shown(value: Any) -> str:
    """The arrays of a launch in one line, and the first fault."""
    if not isinstance(value, Mapping):
        return brief(value)
    arrays = {name: v for name, v in value.items() if hasattr(v, "shape")}
    faults = [reported(fault) for fault in value.get("faults", ())]
    return "; ".join([brief(arrays), *faults[:1]])


def faults_of(outcomes: Iterable[Outcome], kinds: Sequence[str] = ()) -> list[dict[str, Any]]:
    """All faults of some kinds, or of any, in the order in which they were met."""
    found = (outcome.value.get("faults", ()) for outcome in outcomes if isinstance(outcome.value, Mapping))
    return [fault for faults in found for fault in faults if not kinds or fault["kind"] in kinds]


def clean(outcomes: Sequence[Outcome]) -> bool:
    """Whether every launch came to its end and the microscope had nothing to say."""
    return not any(outcome.error for outcome in outcomes) and not faults_of(outcomes)


def reported(fault: Mapping[str, Any]) -> str:
    """Such as "line 7, `out[i] = 0;`: block (1) thread (7) writes out[39], but out has 35 elements"."""
    where = f"line {fault['line']}, `{fault['source']}`" if fault["line"] else "in a line that is not known"
    other = fault["other"] if fault["source"] not in fault["other"] else ""
    other = f" (that was {other})" if other else ""
    return f"{where}: {fault['text']}{other}"


def mistake_of_faults(id: str, kinds: Sequence[str], then: str) -> Mistake:
    """A mistake that the microscope sees: its message is the first such fault, and a sentence more."""
    return Mistake(
        id,
        lambda cases, expected, outcomes: f"{_sentence(faults_of(outcomes, kinds)[0])} {then}",
        seen=lambda cases, expected, outcomes: bool(faults_of(outcomes, kinds)),
    )


def _sentence(fault: Mapping[str, Any]) -> str:
    return f"{reported(fault)}."


def _stopped(id: str, errors: Sequence[str], words: Callable[[str], str]) -> Mistake:
    def first(outcomes: Sequence[Outcome]) -> Outcome | None:
        return next((outcome for outcome in outcomes if outcome.error in errors), None)

    return Mistake(
        id,
        lambda cases, expected, outcomes: words(first(outcomes).message),
        seen=lambda cases, expected, outcomes: first(outcomes) is not None,
    )


def _compiler_says(message: str) -> str:
    """The first error, "line 4: ..." and the line itself, without the compiler's preamble."""
    lines = [line.strip() for line in message.split("\n")]
    told = [line for line in lines[1:] if line] or lines
    code = f", in `{told[1]}`" if len(told) > 1 and not told[1].startswith("line ") else ""
    return f"the kernel does not compile: {told[0]}{code}."


def _any_fault() -> Mistake:
    def words(cases, expected, outcomes) -> str:
        fault = faults_of(outcomes)[0]
        return f"{_sentence(fault)} The microscope calls it {fault['kind']}: {fault['cure']}."

    return Mistake("kernel-fault", words, seen=lambda cases, expected, outcomes: bool(faults_of(outcomes)))


STOPPED = (
    _stopped("no-compiler", ("BuildError",), lambda m: f"nothing was tried here: {m}. Then check again."),
    _stopped("does-not-compile", ("CompileError",), _compiler_says),
    _stopped(
        "no-kernel",
        ("ValueError", "TypeError"),
        lambda m: f"the kernel cannot be launched: {m.removeprefix('kernel: ')}.",
    ),
)
"""What keeps a text from being launched."""

_FAULTS = (
    mistake_of_faults(
        "endless-loop", ("endless-loop",), "Does every turn of the loop bring it nearer to its end?"
    ),
    mistake_of_faults(
        "divergent-barrier",
        BARRIERS,
        "A barrier waits for all threads of the block: can all of them come to this one?",
    ),
    mistake_of_faults(
        "lanes-missing",
        LANES,
        "A shuffle needs every lane that its mask names. Which lanes do not come here, and why?",
    ),
    mistake_of_faults(
        "no-guard",
        BOUNDS,
        "More threads are launched than there is work for. Which line tells those left over to do nothing?",
    ),
    mistake_of_faults(
        "array-too-small", ARRAYS, "How many cells does the array have, and which index is the largest?"
    ),
    mistake_of_faults(
        "uninitialised-shared",
        ("uninitialised-shared",),
        "Shared memory holds whatever was there before. Does every cell get its first number before anyone reads it?",
    ),
    mistake_of_faults(
        "race", RACES, "Two threads touch one cell, one of them writes, and nothing says who is first."
    ),
    _any_fault(),
)


def faults(*ids: str) -> tuple[Mistake, ...]:
    """Those of the microscope's mistakes that an exercise names by id, the most telling first, and any other fault."""
    return tuple(mistake for mistake in _FAULTS if mistake.id in (*ids, "kernel-fault"))


# What the exercises of A6 have in common.
KERNEL = {
    "assignment": "A6",
    "asks_for": "your own kernel",
    "engine": "kernel",
    "shows": launch_shown,
    "arguments": ("grid", "block", "arguments"),
    "call_s": 6.0,
}
