"""Documentation of the course: its tables are the masters', its commands exist, notebooks lead to it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from cpm_edu import cli
from cpm_edu.course.exercises import ASSIGNMENTS, all_exercises

from .release_example import write_overlay

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import assignment_tables  # noqa: E402
import notebook_pages  # noqa: E402


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_tables_of_minutes_and_points_are_the_masters():
    page = (DOCS / "assignments.md").read_text(encoding="utf-8")
    assert page == assignment_tables.with_tables(page), "run `python docs/assignment_tables.py`"
    for exercise in all_exercises():
        assert re.search(
            rf"^\| {exercise.id}(\\\*)? \| .* \| {exercise.minutes} \| {exercise.points} \|$", page, re.M
        )


def test_every_notebook_names_its_assignment_and_the_site_links_it():
    anchors = {slug(h) for h in re.findall(r"^## (.*)$", (DOCS / "assignments.md").read_text(), re.M)}
    sources = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
    assert len(sources) >= 12
    for path in sources:
        text = path.read_text(encoding="utf-8")
        linked = notebook_pages.ASSIGNMENT_LINE.sub(notebook_pages._assignment_link, text)
        [(words, anchor)] = re.findall(r"\*\*Assignment:\*\* \[(.*?)\]\(\.\./assignments\.md#(.*?)\)", linked)
        assert words == f"{words[:2]}: {ASSIGNMENTS[words[:2]]}", path.name
        assert anchor in anchors, path.name


def test_syllabus_leads_to_every_assignment():
    anchors = {slug(h) for h in re.findall(r"^## (.*)$", (DOCS / "assignments.md").read_text(), re.M)}
    linked = re.findall(r"\(assignments\.md#([^)]+)\)", (DOCS / "syllabus.md").read_text())
    assert set(linked) == {slug(f"{name}: {title}") for name, title in ASSIGNMENTS.items()}
    assert set(linked) <= anchors


@pytest.mark.parametrize("page", ["docs/instructors.md", "docs/assignments.md", "README.md"])
def test_commands_of_the_pages_exist(page):
    """Every `cpm-edu ...` line of the shell blocks has a command and options that the parser knows."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    found = [
        line.partition("#")[0].split()
        for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        for line in re.findall(r"^\s*\"?(cpm-edu [^\n\"]*)", block, re.MULTILINE)
    ]
    assert found
    for _, command, *words in found:
        assert command in cli.COMMANDS, command
        known = {o for a in cli.build_parser(command)._actions for o in a.option_strings}
        parser = next(
            a for a in cli.build_parser(command)._actions if hasattr(a, "choices") and a.choices
        ).choices
        known = {o for a in parser[command]._actions for o in a.option_strings}
        for word in words:
            assert not word.startswith("--") or word in known, f"{command} {word}"


def test_the_own_exercise_of_the_guide_works(tmp_path):
    """The example in docs/instructors.md is released, hidden case and all."""
    from cpm_edu.course.judge import PUBLIC_SEED, cases_of
    from cpm_edu.course.release import assigned

    text = (DOCS / "instructors.md").read_text(encoding="utf-8")
    [example] = [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "EXERCISES" in b]
    private = write_overlay(tmp_path / "private")
    (private / "exercises" / "peak.py").write_text(example)
    [peak] = [e for e in assigned("A9", private, 5).known if e.id == "ex51"]
    assert len(cases_of(peak, PUBLIC_SEED)) == 4
    assert len(cases_of(peak, 5)) == 5
    assert all(isinstance(peak.reference(*case), int) for case in cases_of(peak, 5))
