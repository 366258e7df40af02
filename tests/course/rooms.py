"""What the tests of the sandbox share: exercises of one line, the sandbox or a skip, and what a room leaves behind."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from conftest import skip_or_fail

from cpm_edu.course.exercise import Exercise
from cpm_edu.course.grading.limits import Limits
from cpm_edu.course.grading.sandbox import Isolation, NoSandbox, find_isolation

HOSTILE = Path(__file__).parent / "hostile"
TWICE = "def f(x):\n    return 2 * x\n"
FAST = Limits(call_s=1.0, start_s=1.0)


def sandbox() -> Isolation:
    """The sandbox of this machine; without one the test is skipped."""
    try:
        return find_isolation()
    except NoSandbox as error:
        skip_or_fail("bwrap", str(error))


def exercise(name: str = "f", **other) -> Exercise:
    """An exercise without cases, whose function is called by hand."""
    given = {"id": "ex02", "assignment": "A1", "title": "", "minutes": 1, "points": 1, "asks_for": "your own"}
    return Exercise(
        name=name,
        cases=lambda _: [],
        reference=lambda x: x,
        mistakes=(),
        hints=("", "", ""),
        **given,
        **other,
    )


def outcome(isolation, source, *arguments, limits=FAST, **other):
    """What comes of one call of `f` in a room of its own."""
    with isolation.room(limits=limits) as room:
        return room.student(exercise(**other), source)(*arguments)


def hostile(name: str) -> tuple[str, set[str]]:
    """(text, mistakes that it may get; "pass" for one whose answer is right) of a submission in `hostile`."""
    text = (HOSTILE / f"{name}.py").read_text()
    return text, set(text.splitlines()[0].removeprefix("# expect: ").split())


NAMESPACE = "import os\ndef f(x):\n    return os.stat('/proc/self/ns/pid').st_ino\n"  # the number of a room


def processes_of(namespace: int) -> list[str]:
    """What lives in the room of this number, where it is the sandbox's."""
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError, IndexError):
            inside = os.stat(f"/proc/{process}/ns/pid").st_ino == namespace
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            if inside and state not in "ZX":
                found.append(Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
