"""Everything that a graded class is written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .answers_sheet import answers_sheet
from .feedback import feedback_html, feedback_markdown
from .gradescope import results_json
from .lms import fill_in, moodle_feedback
from .results import Parts, Result
from .submissions import Class, safe_names
from .summary import class_summary
from .table import grades_csv, write_whole

__all__ = ["Outputs", "write_outputs"]


@dataclass(frozen=True)
class Outputs:
    """Where to write what.

    Args:
        out: the table; the class summary and the sheet of answers are written beside it.
        feedback: folder of a page and a text for each student, or None.
        lms: the learning platform's file to fill in, or None.
        lms_column: of Canvas's gradebook.
        gradescope: results.json of a single submission, or None.
        bom: begin the table with a byte order mark.
        overrides: the instructor's own files, for the sheet's sentence on what to do.
    """

    out: Path
    feedback: Path | None = None
    lms: Path | None = None
    lms_column: str = ""
    gradescope: Path | None = None
    bom: bool = True
    overrides: tuple[Path, ...] = ()


def write_outputs(
    outputs: Outputs, parts: Parts, results: Sequence[Result], found: Class, warnings: list[str]
) -> list[Path]:
    """Write all of it; returns the files, the many of the feedback folder left out. Adds to the warnings."""
    folder = outputs.out.parent
    written = [outputs.out]
    write_whole(outputs.out, grades_csv(results, parts, mark=outputs.bom))
    pages = _feedback(outputs.feedback, results, parts) if outputs.feedback else {}
    if outputs.lms is not None:
        written.append(outputs.out.with_name(f"{outputs.lms.stem}_graded.csv"))
        warnings += fill_in(outputs.lms, written[-1], results, parts, outputs.lms_column)
    if pages and found.layout == "moodle":
        written.append(folder / "moodle_feedback.zip")
        moodle_feedback(written[-1], found.submissions, pages)
    if outputs.gradescope is not None:
        written.append(outputs.gradescope)
        write_whole(outputs.gradescope, results_json(results[0], parts))
    answers = ""
    if parts.questions:
        answers = "answers.html"
        written.append(folder / answers)
        saved = f"{parts.assignment}_answers.csv"  # the page names it itself
        own = " ".join(str(path) for path in outputs.overrides if path.name != saved)
        write_whole(written[-1], answers_sheet(results, parts, overrides=own).encode())
    links = {student: _address(page, folder) for student, page in pages.items()}
    written.append(folder / "class_summary.html")
    summary = class_summary(results, parts, links=links, warnings=warnings, answers=answers)
    write_whole(written[-1], summary.encode())
    return written


def _feedback(folder: Path, results: Sequence[Result], parts: Parts) -> dict[str, Path]:
    """A page and a text for each; returns where the pages lie."""
    names = safe_names([result.student for result in results])
    pages = {}
    for result in results:
        pages[result.student] = page = folder / f"{names[result.student]}.html"
        write_whole(page, feedback_html(result, parts).encode())
        write_whole(page.with_suffix(".md"), feedback_markdown(result, parts).encode())
    return pages


def _address(page: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(page.resolve(), folder.resolve())).as_posix())
