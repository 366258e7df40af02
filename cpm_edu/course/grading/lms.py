"""Grades into the file that the learning platform gave: Moodle's grading worksheet or Canvas's gradebook.

The platform's own file is filled in, so that its identifiers, columns and separators are right. Only the grade, and in
Moodle the feedback comment, is changed. Column names: Moodle's mod/assign/feedback/offline, Canvas's gradebook export.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .results import Parts, Result
from .submissions import Submission
from .table import number, safe_cell, write_whole

__all__ = ["fill_in", "moodle_feedback"]

MOODLE = ("Identifier", "Grade")
CANVAS = ("Student", "ID")


def fill_in(
    worksheet: Path, out: Path, results: Sequence[Result], parts: Parts, column: str = ""
) -> list[str]:
    """Write a copy of the platform's file with the grades; returns sentences on rows and students without partner.

    Args:
        worksheet: what Moodle's "Download grading worksheet" or Canvas's "Export entire gradebook" gave.
        column: of Canvas's file; needed where not exactly one names the assignment.

    Raises:
        ValueError: it is neither, or the column is not there.
        OSError: the file cannot be read.
    """
    text = worksheet.read_text(encoding="utf-8-sig")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    head = [name.strip() for name in rows[0]] if rows else []
    by_id = {result.record.id: result for result in results if result.record.id}
    if all(name in head for name in MOODLE):
        used = _moodle(rows, head, by_id, parts)
    elif all(name in head for name in CANVAS):
        used = _canvas(rows, head, by_id, parts, column)
    else:
        raise ValueError(
            f"{worksheet} is neither Moodle's grading worksheet (columns {', '.join(MOODLE)}) nor Canvas's gradebook "
            f"(columns {', '.join(CANVAS)}); its columns are {', '.join(head)[:200]}"
        )
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(rows)
    write_whole(out, written.getvalue().encode("utf-8-sig"))
    missing = [result.student for result in results if result.record.id not in used]
    return [f"{worksheet.name} has no row for {', '.join(missing[:10])}"] if missing else []


def _moodle(rows: list[list[str]], head: list[str], by_id: Mapping[str, Result], parts: Parts) -> set[str]:
    """ "Participant 123": the number is the one in the names of the exported folders."""
    identifier, grade = head.index("Identifier"), head.index("Grade")
    comments = head.index("Feedback comments") if "Feedback comments" in head else None
    highest = head.index("Maximum Grade") if "Maximum Grade" in head else None
    used = set()
    for row in rows[1:]:
        match = re.search(r"(\d+)\s*$", row[identifier]) if len(row) == len(head) else None
        result = by_id.get(match[1]) if match else None
        if result is None:
            continue
        used.add(match[1])
        most = _float(row[highest]) if highest is not None else None
        points = result.total
        if most is not None and most != parts.most:  # the platform's scale
            points *= most / parts.most
        row[grade] = number(min(points, most) if most is not None else points)
        if comments is not None:
            row[comments] = safe_cell(_comment(result, parts))
    return used


def _canvas(
    rows: list[list[str]], head: list[str], by_id: Mapping[str, Result], parts: Parts, column: str
) -> set[str]:
    """Rows by the column ID; the second line of an export may hold the points possible."""
    fits = [
        name
        for name in head
        if name == column or (not column and re.search(rf"\b{parts.assignment}\b", name))
    ]
    if len(fits) != 1:
        raise ValueError(
            f"which column of the gradebook is {parts.assignment}? Name it by --lms-column; there are "
            + ", ".join(repr(name) for name in head if re.search(r"\(\d+\)$", name))
        )
    grade, id = head.index(fits[0]), head.index("ID")
    used = set()
    for row in rows[1:]:
        result = by_id.get(row[id].strip()) if len(row) == len(head) else None
        if result is not None:
            used.add(row[id].strip())
            row[grade] = number(result.total)
    return used


def _float(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if value > 0 else None


def _comment(result: Result, parts: Parts) -> str:
    passed = sum(graded.status == "pass" for graded in result.record.graded)
    waiting = f"; not graded yet: {', '.join(result.open)}" if result.open else ""
    return (
        f"{number(result.total)} of {number(parts.most)} points, {passed} of {len(result.record.graded)} exercises "
        f"passed{waiting}. The feedback page says more."
    )


def moodle_feedback(out: Path, submissions: Sequence[Submission], pages: Mapping[str, Path]) -> None:
    """A zip for Moodle's "Upload multiple feedback files in a zip": each page under its student's folder name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for submission in submissions:
            match = re.match(r".+?_\d+_assignsubmission_(?:file|onlinetext)", submission.folder)
            if match and submission.student in pages:
                folder = re.sub(r"_onlinetext$", "_file", match[0])
                info = zipfile.ZipInfo(f"{folder}_/feedback.html")  # a fixed date: the same bytes every time
                archive.writestr(info, pages[submission.student].read_bytes(), zipfile.ZIP_DEFLATED)
    write_whole(out, data.getvalue())
