"""The wrong-answer bank: `bank()` reads tests/course/bank/exNN.py (a long one goes on in exNN_2.py), whose every
cell is a submission of its own.

# %% right: loops
# %% wrong: xy-swapped | optional words
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cpm_edu.course.exercise import Exercise
from cpm_edu.course.exercises import find

BANK = Path(__file__).parent / "bank"
_HEAD = re.compile(r"^# %% (?P<kind>right|wrong): (?P<said>[^|\n]*)(?:\|(?P<words>.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One submission for one exercise.

    Args:
        exercise: its id.
        kind: "right" or "wrong".
        mistake: the id that a wrong one must get; "" for a right one.
        words: the style of a right one, or what is special about a wrong one.
        source: Python text.
        place: file and line of its head.
    """

    exercise: str
    kind: str
    mistake: str
    words: str
    source: str
    place: str

    def __str__(self) -> str:
        return f"{self.place} {self.mistake or 'right'} {self.words}".strip()


@cache
def bank() -> tuple[Entry, ...]:
    """Every entry, in the order of the files."""
    return tuple(entry for path in sorted(BANK.glob("ex*.py")) for entry in entries_of(path))


def entries_of(path: Path) -> list[Entry]:
    """The entries of one file; an unknown `# %%` line is an error."""
    text = path.read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    if len(heads) != len(re.findall(r"^# ?%%", text, re.MULTILINE)):
        raise ValueError(f"{path}: a cell is neither `right: words` nor `wrong: mistake | words`")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    entries = []
    for head, end in zip(heads, ends, strict=True):
        said, words = head["said"].strip(), (head["words"] or "").strip()
        mistake, words = ("", said) if head["kind"] == "right" else (said, words)
        line = text.count("\n", 0, head.start()) + 1
        exercise, source = path.stem.partition("_")[0], text[head.end() : end].strip() + "\n"
        entries.append(Entry(exercise, head["kind"], mistake, words, source, f"{path.stem}:{line}"))
    return entries


def entries(exercise: Exercise | str) -> list[Entry]:
    """Those of one exercise."""
    id = exercise if isinstance(exercise, str) else exercise.id
    find(id)
    return [entry for entry in bank() if entry.exercise == id]
