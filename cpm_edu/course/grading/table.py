"""grades.csv: one row a student, safe to open in a spreadsheet. It holds no times: two runs give the same bytes."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

from .results import Parts, Result

__all__ = ["grades_csv", "number", "safe_cell", "write_whole"]

# What a spreadsheet takes for a formula, also behind a separator of another country or a leading space.
_FORMULA = re.compile(r"(^|[;,|])(\s*)(?=[=+\-@＝＋－＠])")


def safe_cell(text: str) -> str:
    """A text that no spreadsheet computes: an apostrophe before = + - @, no line breaks, tabs or control characters."""
    text = "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode())
    return _FORMULA.sub(r"\1\2'", text.strip())


def number(points: float) -> str:
    """2, 2.5: as short as it is exact to a hundredth."""
    return f"{round(points, 2):.2f}".rstrip("0").rstrip(".")


def grades_csv(results: Sequence[Result], parts: Parts, *, mark: bool = True) -> bytes:
    """The table of a class.

    Columns: student, id (of the learning platform), one an exercise and question, total, max, isolated, notes. A
    question that nobody graded yet is blank.

    Args:
        mark: begin with the byte order mark by which Excel knows UTF-8.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    ids = [part.id for part in parts.parts]
    writer.writerow(["student", "id", *ids, "total", "max", "isolated", "notes"])
    for result in results:
        points = ["" if result.points[id] is None else number(result.points[id]) for id in ids]
        record = result.record
        notes = ["late"] if record.late else []
        notes += [look for look in record.looks if look != "late"]
        notes += [note.rstrip(".") for note in record.notes]
        notes += [f"{id} given by hand" for id in result.given if id not in {p.id for p in parts.questions}]
        notes += [f"not graded yet: {', '.join(result.open)}"] if result.open else []
        writer.writerow(
            [
                safe_cell(record.student), safe_cell(record.id), *points, number(result.total), number(parts.most),
                "yes" if record.isolated else "NO", safe_cell(" | ".join(notes)),
            ]
        )  # fmt: skip
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside and rename it: readers see the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
