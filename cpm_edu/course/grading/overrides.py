"""Points that people give: in place of the checker's, and for the answers to questions. Never written over.

The file is the instructor's: lines of student, exercise, points, comment. An exercise may be a question, such as
a1q1. A line without points is a line that is not filled in yet. Of two lines for the same, the later counts.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["COLUMNS", "Override", "read_overrides", "start_overrides"]

COLUMNS = ("student", "exercise", "points", "comment")


@dataclass(frozen=True)
class Override:
    """What a person gave for one exercise or question of one student."""

    points: float
    comment: str = ""


def start_overrides(path: Path) -> None:
    """A file with nothing but its head, where there is none."""
    try:
        with open(path, "x", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(COLUMNS)
    except FileExistsError:
        pass


def read_overrides(
    paths: Sequence[Path], students: Mapping[str, str], exercises: Collection[str]
) -> tuple[dict[tuple[str, str], Override], list[str]]:
    """What people gave, by (student, exercise), and warnings on lines that match nobody.

    Args:
        students: name to LMS number; a line may give either.
        exercises: ids of this assignment's exercises and questions.

    Raises:
        ValueError: no such exercise, or points that are no number from 0 on; the message names file and line.
        OSError: a file cannot be read.
    """
    ids = {id: name for name, id in students.items() if id}
    known = {name.casefold(): name for name in students}
    found: dict[tuple[str, str], Override] = {}
    warnings = []
    for path in paths:
        for line, row in _rows(path):
            if not row["points"]:
                continue
            name, exercise = row["student"], row["exercise"].lower()
            student = known.get(name.casefold()) or ids.get(name)
            if exercise not in exercises:
                raise ValueError(
                    f"{path}, line {line}: no exercise {row['exercise']!r} here; there are {', '.join(sorted(exercises))}"
                )
            override = Override(_points(path, line, row["points"]), row["comment"])
            if student is None:
                near = difflib.get_close_matches(name, list(students), 1)
                warnings.append(
                    f"{path}, line {line}: nobody here is called {name!r}"
                    + (f"; did you mean {near[0]!r}?" if near else "")
                )
                continue
            found[student, exercise] = override
    return found, warnings


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Lines of a file as (line, values), spreadsheets' habits allowed for: semicolons, a byte order mark."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="cp1252", errors="replace")
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    columns = [name.strip().lower() for name in next(reader, [])]
    if missing := [name for name in COLUMNS[:3] if name not in columns]:
        raise ValueError(f"{path} needs the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing")
    rows = []
    for cells in reader:
        if any(cell.strip() for cell in cells):
            values = dict(zip(columns, (_plain(cell) for cell in cells), strict=False))
            rows.append((reader.line_num, {name: values.get(name, "") for name in COLUMNS}))
    return rows


def _plain(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from computing."""
    cell = cell.strip()
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@＝＋－＠" else cell


def _points(path: Path, line: int, text: str) -> float:
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = math.nan
    if not (math.isfinite(points) and points >= 0):
        raise ValueError(f"{path}, line {line}: points are a number from 0 on, not {text!r}")
    return points
