"""`cpm-edu check FILE`: the verdicts of `check` on a notebook or a .py file, and a table."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Check your own work in a terminal: the same verdicts as check() in the notebook.

Only the functions of the exercises are cut out of the file and executed; the notebook itself is not run."""
EXAMPLES = """\
examples:
  cpm-edu check A1_pixels_to_targets.ipynb
  cpm-edu check a1.py ex02 ex04"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="your notebook or .py file")
    parser.add_argument("exercises", nargs="*", metavar="EX", help="such as ex02; default: all that it holds")


def run(options: argparse.Namespace) -> int:
    from ..course.own_exercises import exercises_here, find_here
    from ..course.progress import table_text
    from ..course.public_tests import verdict_of
    from ..course.student_files import NotInFile, read_student_file
    from ..course.verdict_text import verdict_text

    file = read_student_file(options.file)
    folder = options.file.resolve().parent
    if options.exercises:
        wanted = [find_here(id, folder) for id in options.exercises]
    else:
        wanted = []
        for exercise in exercises_here(folder):
            try:
                file.source_of(exercise.name)
            except NotInFile:
                continue
            wanted.append(exercise)
        whole = {e.assignment for e in wanted}  # also what was deleted from an assignment's file
        wanted = [e for e in exercises_here(folder) if e.assignment in whole]
        if not wanted:
            raise ValueError(f"{options.file} holds no function of an exercise")
    states = {}
    for exercise in wanted:
        verdict = verdict_of(file, exercise)
        states[exercise.id] = verdict.status
        if verdict.status != "todo":
            print(verdict_text(verdict, exercise), end="\n\n", flush=True)
    print(table_text(wanted, states))
    return 0 if all(state == "pass" for state in states.values()) else 1
