"""The masters of the course: every rule of an assignment, and a release of all of them that gives nothing away."""

from __future__ import annotations

import ast
import json
import re

import pytest
from command_line import run

from cpm_edu.course.exercises import ASSIGNMENTS, all_exercises
from cpm_edu.course.release.leftovers import leftover_lines
from cpm_edu.course.release.markers import find_regions
from cpm_edu.course.release.master import INSTRUCTOR, rules_broken, student_cells
from cpm_edu.course.release.overlay import assigned, masters_folder

MAX_LINES = 25
MASTERS = sorted(masters_folder().glob("A*.py"))
FETCHES = re.compile(
    r"^\s*[!%]{1,2}\s*(pip|conda|wget|curl)\b|\b(urlopen|urlretrieve|requests\.get)\b", re.MULTILINE
)
each = pytest.mark.parametrize("name", ASSIGNMENTS)


def test_one_master_an_assignment_and_nothing_else_is_built_from_them():
    assert [path.name[:2] for path in MASTERS] == list(ASSIGNMENTS)
    build = (masters_folder().parent / "build.py").read_text()
    assert 'rglob("[0-9]*.py")' in build
    assert not list(masters_folder().rglob("[0-9]*.py")), "notebooks/build.py would take it for a notebook"
    assert not list(masters_folder().rglob("*.ipynb")), "a master's notebook exists in releases only"


@each
def test_master_keeps_the_rules(name):
    one = assigned(name)
    assert rules_broken(one.master, one.known, one.expected) == []
    assert student_cells(one.master)[1] == []
    headings = {section.id: section.title for section in one.master.sections}
    assert headings == headings | {exercise.id: exercise.title for exercise in one.exercises}
    questions = [q for q in one.questions if "q" in q.id]
    assert [q.id for q in questions] == [f"{name.lower()}q1", f"{name.lower()}q2"]
    assert all(q.points == 3 and q.title.startswith(("Explain", "Debug")) for q in questions)


@each
def test_cells_are_short_fetch_nothing_and_pictures_have_words(name):
    cells, _ = student_cells(assigned(name).master)
    for number, cell in enumerate(cells):
        where = f"{name}, cell {number}: {cell.lines[0]}"
        if cell.kind == "code":
            assert len(cell.lines) <= MAX_LINES, f"{where}: {len(cell.lines)} lines"
            assert not FETCHES.search(cell.text), where
            for call in (c for c in ast.walk(ast.parse(cell.text)) if isinstance(c, ast.Call)):
                if isinstance(call.func, ast.Name) and call.func.id == "show":
                    assert "alt" in {k.arg for k in call.keywords}, f"{where}: show(...) without alt="
        else:
            assert not re.search(r"!\[\s*\]", cell.text), f"{where}: a picture without words"
            assert not re.search(r"\$[^$`]+\$", cell.text), (
                f"{where}: write the formula as plain text, indented"
            )


@each
def test_no_exercise_needs_another_one(name):
    """Between a heading and the next, no cell reads the function of another exercise."""
    one = assigned(name)
    names = {e.id: e.name for e in one.exercises}
    for section in one.master.sections:
        others = {n for id, n in names.items() if id != section.id}
        for cell in section.cells:
            if cell.kind == "code" and INSTRUCTOR not in cell.tags:
                read = {n.id for n in ast.walk(ast.parse(cell.text)) if isinstance(n, ast.Name)}
                assert not read & others, f"{section.id} needs {read & others}"


def test_the_core_takes_at_most_twenty_hours():
    core = [e for e in all_exercises() if not e.starred] + [
        q for name in ASSIGNMENTS for q in assigned(name).questions
    ]
    assert sum(part.minutes for part in core) <= 20 * 60
    assert len(all_exercises()) >= 20
    assert all(2 <= e.points <= 6 for e in all_exercises())


def test_oral_questions_for_every_assignment():
    text = (masters_folder() / "oral_questions.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (A\d)\b[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(ASSIGNMENTS)
    assert all(len(section.split("?")) >= 4 for section in sections.values())


@pytest.mark.slow
def test_a_release_of_the_course_gives_nothing_away(tmp_path):
    """Masters pass, stubs do not (release itself refuses otherwise); no solution, rubric or bank in what goes out."""
    from .bank_cells import bank

    out = tmp_path / "out"
    assert run("release", out, "--no-wheel", "--instructor", tmp_path / "solved") == 0
    files = {
        p.relative_to(out).as_posix(): p.read_text(encoding="utf-8") for p in out.rglob("*") if p.is_file()
    }
    assert {name.partition("/")[0] for name in files} == {*ASSIGNMENTS, "README.md", "release.json"}
    for name in ASSIGNMENTS:
        one = assigned(name)
        assert leftover_lines(one.master.solution_lines(), files) == []
        secret = [cell.text for cell in one.master.cells if INSTRUCTOR in cell.tags]
        secret += [
            "\n".join(region.inside)
            for cell in one.master.cells
            for region in find_regions(cell.lines, str, "SOLUTION")[0]
        ]
        cells = [
            "".join(cell["source"])
            for file, text in files.items()
            if file.endswith(".ipynb")
            for cell in json.loads(text)["cells"]
        ]
        everything = "\n".join([*files.values(), *cells])
        lines = {line.strip() for text in secret for line in text.splitlines() if len(line.strip()) > 50}
        assert [line for line in lines if line in everything] == []
    assert [e.source for e in bank() if e.source.strip() and e.source.strip() in everything] == []
