"""cpm-edu grade: a folder or zip of submissions in, points and feedback out."""

from __future__ import annotations

import argparse
import difflib
import json
import os
import secrets
from pathlib import Path

DESCRIPTION = """\
Grade what students handed in: a folder of notebooks or .py files, a folder per student, or the zip that Moodle or
Canvas exports. Every submission runs in a sandbox of its own (bubblewrap, Linux): no network, no other files than
Python, and limits on time, memory and processes. Expected values, hidden inputs and the judge stay outside.

Written: the table (--out); beside it class_summary.html, answers.html (questions to grade by hand), overrides.csv
(yours: points that count in place of the checker's) and a folder of records. A run that was stopped, even by kill -9,
goes on where it was; what did not change is not graded again."""
EXAMPLES = """\
examples:
  cpm-edu grade submissions/ --assignment A1 --out A1/grades.csv --feedback A1/feedback
  cpm-edu grade moodle-export.zip --assignment A1 --out A1/grades.csv --lms worksheet.csv
  cpm-edu grade submissions/ --assignment A1 --out A1/grades.csv --regrade "Ada Lovelace"
  cpm-edu grade submissions/ --assignment A1 --seed 4711 --out A1/grades.csv --part 3/20"""
MOST_SEED = 2**31


def add_arguments(parser) -> None:
    parser.add_argument(
        "submissions",
        nargs="?",
        type=Path,
        metavar="SUBMISSIONS",
        help="a folder, a zip, or one notebook or .py file",
    )
    parser.add_argument("--assignment", required=True, metavar="A", help="such as A1")
    parser.add_argument(
        "--out", type=Path, default=Path("grades.csv"), metavar="FILE.csv", help="default: %(default)s"
    )
    parser.add_argument(
        "--feedback", type=Path, metavar="DIR", help="a page (.html) and its text (.md) for every student"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="submissions at the same time; default: one a core"
    )
    parser.add_argument(
        "--seed", type=int, metavar="S",
        help="of the hidden inputs, a whole number from 1 on; default: drawn once and kept with the records",
    )  # fmt: skip
    parser.add_argument(
        "--overlay", type=Path, metavar="PRIVATE", help="your folder of own variants and exercises"
    )
    parser.add_argument(
        "--overrides", type=Path, nargs="+", metavar="FILE.csv",
        help="points given by hand: student, exercise, points, comment; default: overrides.csv beside --out",
    )  # fmt: skip
    parser.add_argument(
        "--regrade",
        action="append",
        default=[],
        metavar="NAME",
        help="grade this student again (or all); may be repeated",
    )
    parser.add_argument(
        "--lms", type=Path, metavar="FILE.csv",
        help="Moodle's grading worksheet or Canvas's gradebook: a copy with the grades is written beside --out",
    )  # fmt: skip
    parser.add_argument(
        "--lms-column", default="", metavar="NAME", help="the assignment's column in Canvas's gradebook"
    )
    parser.add_argument(
        "--part",
        metavar="K/N",
        help="grade only the K-th of N parts, no table; run once more without it at the end",
    )
    parser.add_argument(
        "--gradescope",
        type=Path,
        metavar="results.json",
        help="of a single submission, for Gradescope's autograder",
    )
    parser.add_argument(
        "--export",
        choices=("gradescope",),
        help="write the autograder's folder to --out DIR instead of grading",
    )
    parser.add_argument(
        "--bom", action=argparse.BooleanOptionalAction, default=True,
        help="begin the table with the mark by which Excel knows UTF-8",
    )  # fmt: skip
    parser.add_argument(
        "--not-isolated", action="store_true",
        help="run students' code WITHOUT a sandbox, with your rights; every row is labelled",
    )  # fmt: skip


def run(options) -> int:
    if options.export:
        return _export(options)
    if options.submissions is None:
        raise ValueError("say which folder or zip to grade: `grade SUBMISSIONS/ --assignment A1`")
    from ..course.grading.submissions import find_submissions

    _check(options)
    found = find_submissions(options.submissions)
    if options.gradescope and len(found.submissions) > 1:
        raise ValueError(
            f"--gradescope takes one submission, {options.submissions} holds {len(found.submissions)}"
        )
    records = options.out.with_name(f"{options.out.stem}.records")
    seed = _seed(options, records)
    from ..course.grading.questions import parts_of

    parts = parts_of(options.assignment, options.overlay, seed)
    from ..course.grading.overrides import read_overrides, start_overrides

    own = options.overrides or [options.out.with_name("overrides.csv")]
    if not options.overrides:
        start_overrides(own[0])
    overrides, warnings = read_overrides(
        own, {s.student: s.id for s in found.submissions}, {part.id for part in parts.parts}
    )
    warnings += [f"{name} belongs to no student and was left aside" for name in found.left_aside]
    most = {part.id: part.points for part in parts.parts}
    warnings += [
        f"{student} has {override.points:g} points for {id} by hand; it is worth {most[id]:g}"
        for (student, id), override in overrides.items()
        if override.points > most[id]
    ]
    graded = _grade(options, found.submissions, records, seed)
    if options.part:
        print(
            f"part {options.part}: {len(graded)} submissions graded; the same command without --part writes the table"
        )
        return 0
    from ..course.grading.outputs import Outputs, write_outputs
    from ..course.grading.results import results_of

    outputs = Outputs(
        options.out,
        options.feedback,
        options.lms,
        options.lms_column,
        options.gradescope,
        options.bom,
        tuple(own),
    )
    results = results_of(graded, parts, overrides)
    written = write_outputs(outputs, parts, results, found, warnings)
    _tell(options, parts, results, warnings, written)
    return 0


def _check(options) -> None:
    """Refuse early what would be noticed after minutes."""
    if options.jobs is not None and options.jobs < 1:
        raise ValueError("--jobs is a whole number from 1 on")
    if options.out.is_dir():
        raise ValueError(
            f"--out {options.out} is a folder; name a file in it, such as {options.out / 'grades.csv'}"
        )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    here = options.submissions.resolve()
    for path in (options.out.parent, options.feedback):
        if path is not None and here.is_dir() and (path.resolve() == here or here in path.resolve().parents):
            raise ValueError(
                f"{path} lies in {options.submissions}: what is written there would be taken for submissions"
            )
    if options.lms is not None and not options.lms.is_file():
        raise FileNotFoundError(2, "no such file", str(options.lms))


def _seed(options, records: Path) -> int:
    """The seed of this class: the one given, else the one kept, else a new one."""
    from ..course.release.overlay import check_seed

    records.mkdir(parents=True, exist_ok=True)
    kept_file = records / "run.json"
    try:
        kept = json.loads(kept_file.read_text(encoding="utf-8"))
        name, seed = str(kept["assignment"]), int(kept["seed"])
    except FileNotFoundError:
        name, seed = options.assignment, None
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{kept_file} is damaged; remove the folder {records} to start anew") from None
    if name != options.assignment:
        raise ValueError(
            f"{options.out} holds the grades of {name}; choose another --out for {options.assignment}"
        )
    if options.seed is not None:
        check_seed(options.seed)
        seed = options.seed
    elif seed is None:
        seed = 1 + secrets.randbelow(MOST_SEED)
    from ..course.grading.table import write_whole

    write_whole(kept_file, json.dumps({"assignment": options.assignment, "seed": seed}).encode())
    return seed


def _grade(options, submissions, records: Path, seed: int) -> list:
    from tqdm import tqdm

    from ..course.grading.classwork import Work, grade_class
    from ..course.grading.sandbox import NoSandbox, RoomFailed, find_isolation

    chosen = _part(options.part, submissions)
    names = {submission.student for submission in chosen}
    again = names if "all" in options.regrade else set(options.regrade)
    if unknown := again - names:
        name = sorted(unknown)[0]
        near = [n for n in sorted(names) if name.lower() in n.lower()]
        near = near or difflib.get_close_matches(name, sorted(names), 1)
        raise ValueError(
            f"--regrade {name!r}: nobody here has this name"
            + (f"; did you mean {near[0]!r}?" if near else "")
        )
    hide = tuple(
        path.resolve()
        for path in (options.submissions, records, options.out.parent, options.feedback, options.overlay)
        if path is not None
    )
    if not options.not_isolated:
        try:
            find_isolation(hide=hide)
        except NoSandbox as error:
            raise ValueError(f"{error}") from error
    work = Work(options.assignment, seed, records, options.overlay, not options.not_isolated, hide)
    jobs = options.jobs or (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    with tqdm(total=len(chosen), unit="submission", desc=options.assignment, disable=None) as bar:
        try:
            return grade_class(work, chosen, jobs=jobs, again=again, done=lambda record: bar.update())
        except RoomFailed as error:
            raise ValueError(
                f"the sandbox failed: {error} What was finished is kept; start again."
            ) from error


def _part(text: str | None, submissions):
    """Every N-th submission, so that parts take about equally long."""
    if text is None:
        return submissions
    try:
        part, count = (int(number) for number in text.split("/"))
    except ValueError:
        part = count = 0
    if not 1 <= part <= count:
        raise ValueError(f"--part is K/N with K from 1 to N, such as 3/20, not {text!r}")
    return submissions[part - 1 :: count]


def _tell(options, parts, results, warnings: list[str], written: list[Path]) -> None:
    """The class in a table, and where everything is."""
    from collections import Counter

    from ..course.grading.table import number
    from ..metrics.table import Table

    rows = []
    for part in parts.exercises:
        graded = [g for result in results if (g := result.graded(part.id)) is not None]
        count = Counter(g.status for g in graded)
        mistakes = Counter(g.mistake for g in graded if g.mistake).most_common(2)
        rows.append(
            [
                part.id,
                part.title,
                count["pass"],
                count["fix"],
                count["todo"],
                ", ".join(f"{m} ({n})" for m, n in mistakes),
            ]
        )
    print(Table(["id", "exercise", "passed", "to fix", "not written", "most frequent mistakes"], rows))
    average = sum(result.total for result in results) / len(results)
    print(f"\n{len(results)} submissions, {number(average)} of {number(parts.most)} points on average")
    if options.not_isolated:
        print("graded WITHOUT a sandbox; every row says so")
    if looks := sum(bool(result.record.looks) for result in results):
        print(f"{looks} need a look: class_summary.html lists them")
    for warning in warnings:
        print(f"note: {warning}")
    print("written: " + ", ".join(map(str, written)))
    if options.feedback:
        print(f"feedback: {options.feedback}")


def _export(options) -> int:
    """The folder that becomes Gradescope's autograder."""
    from ..course.grading.gradescope import write_autograder
    from ..course.release.overlay import assigned, check_seed

    if options.seed is None:
        raise ValueError(
            "--export needs --seed S: every run of the autograder must draw the same hidden inputs"
        )
    check_seed(options.seed)
    assigned(options.assignment, options.overlay, options.seed)
    folder = options.out if options.out != Path("grades.csv") else Path("gradescope")
    write_autograder(folder, options.assignment, options.seed)
    print(f"written: {folder}/setup.sh, {folder}/run_autograder")
    print(
        f"next: put the wheel (cpm-edu release writes it) into {folder}, zip its files, upload the zip as autograder"
    )
    return 0
