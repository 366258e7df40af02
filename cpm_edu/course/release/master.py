"""A master read and checked: its exercises, its questions, and every rule that an assignment keeps.

Sections begin with headings such as `## ex02 · A Gaussian belief map (25 minutes, 4 points)`; a section whose id is
no exercise's is a question that people grade, with an answer cell and a rubric.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..exercise import Exercise
from .markers import Region, find_regions, function_around, replace_regions
from .percent import Cell, MasterError, read_percent

__all__ = ["INSTRUCTOR", "Master", "Question", "Section", "read_master", "rules_broken", "student_cells"]

INSTRUCTOR = "instructor"  # the tag of a cell that never leaves
NAME = re.compile(
    r"(?P<assignment>A\d+)_(?P<words>[a-z0-9]+(?:_[a-z0-9]+)*?)(?:__(?P<variant>[a-z0-9]+))?\.py"
)
HEADING = re.compile(
    r"## (?P<id>\w+)(?P<star>\*?) · (?P<title>.+?) "
    r"\((?P<minutes>\d+) minutes, (?P<points>\d+) points(?:, starred)?\)"
)
NEAR_HEADING = re.compile(r"##\s*(ex\d+|a\d+[qp]\d*)\b", re.IGNORECASE)
ANSWER = re.compile(r"\*\*Your answer \((?P<id>\w+)\)\*\*")
LINK = re.compile(r"\]\((?!https?://|#|mailto:|attachment:)([^)\s]+)")
WRITE_HERE = "*Write here.*"


@dataclass(frozen=True)
class Question:
    """A question that a person grades.

    Args:
        id: "a1q1", or "a7p" for a project.
        title: of its heading.
        minutes: a student's time.
        points: at most.
        text: what is asked, Markdown.
        sample: an answer that gets all points.
        rubric: points per idea, wrong answers that are typical, what to ask aloud.
    """

    id: str
    title: str
    minutes: int
    points: int
    text: str
    sample: str
    rubric: str


@dataclass(frozen=True)
class Section:
    """A heading and the cells up to the next one; `line` of the file."""

    id: str
    title: str
    minutes: int
    points: int
    starred: bool
    line: int
    cells: tuple[Cell, ...]


@dataclass
class Master:
    """One assignment's master.

    Args:
        path: of the file; messages name it.
        assignment: "A1".
        variant: the word after `__` of the file's name, or "".
        title: of the first heading.
        cells: all of them.
        sections: in their order.
    """

    path: Path
    assignment: str
    variant: str
    title: str
    cells: list[Cell]
    sections: list[Section] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """The file's name without its variant, as students get it."""
        return self.path.stem.partition("__")[0]

    def exercises(self, known: Sequence[Exercise]) -> tuple[Exercise, ...]:
        """Those of `known` that the master sets, in its order."""
        by_id = {exercise.id: exercise for exercise in known}
        return tuple(by_id[s.id] for s in self.sections if s.id in by_id)

    def questions(self, known: Sequence[Exercise]) -> tuple[Question, ...]:
        """What people grade: sections that are none of `known`."""
        ids = {exercise.id for exercise in known}
        return tuple(_question(s) for s in self.sections if s.id not in ids)

    def where(self, cell: Cell, line: int) -> str:
        """ "file:line" of a line of a cell, counted from 0."""
        return f"{self.path}:{cell.line + line}"

    def solution_lines(self) -> list[tuple[str, str]]:
        """Every line within the markers, with "file:line"."""
        return [
            (text, self.where(cell, region.start + 1 + k))
            for cell in self.cells
            for region in find_regions(cell.lines, str, "SOLUTION")[0]
            for k, text in enumerate(region.inside)
        ]


def read_master(path: Path) -> Master:
    """A master and its sections.

    Raises:
        MasterError: the file's name, its cells, its markers or its headings are wrong; all of it is said at once.
    """
    found = NAME.fullmatch(path.name)
    if found is None:
        raise MasterError([f"{path}: name a master A1_words.py or A1_words__variant.py, in small letters"])
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MasterError([f"{path}: not UTF-8: {error}"]) from None
    cells = read_percent(text, str(path))
    title = re.match(r"# (.+)", cells[0].text) if cells and cells[0].kind == "markdown" else None
    master = Master(path, found["assignment"], found["variant"] or "", title[1] if title else "", cells)
    problems = [] if title else [f"{path}:1: the first cell has no title, `# ...`"]
    for cell in cells:
        problems += find_regions(cell.lines, lambda k, cell=cell: master.where(cell, k), "SOLUTION")[1]
    problems += _read_sections(master)
    if problems:
        raise MasterError(problems)
    return master


def _read_sections(master: Master) -> list[str]:
    """Fill in the sections; what is wrong with their headings."""
    problems, starts = [], []
    for number, cell in enumerate(master.cells):
        if cell.kind != "markdown" or INSTRUCTOR in cell.tags:
            continue
        for k, line in enumerate(cell.lines):
            found = HEADING.fullmatch(line.strip())
            if found:
                starts.append((number, found, cell.line + k))
            elif NEAR_HEADING.match(line):
                problems.append(
                    f"{master.where(cell, k)}: write such a heading as `## ex02 · Title (25 minutes, 4 points)`"
                )
    ends = [number for number, _, _ in starts[1:]] + [len(master.cells)]
    for (number, found, line), end in zip(starts, ends, strict=True):
        if any(s.id == found["id"] for s in master.sections):
            problems.append(f"{master.path}:{line}: a second heading of {found['id']}")
        cells = tuple(master.cells[number : max(end, number + 1)])
        numbers = int(found["minutes"]), int(found["points"])
        master.sections.append(
            Section(found["id"], found["title"], *numbers, bool(found["star"]), line, cells)
        )
    return problems


def _question(section: Section) -> Question:
    text, sample, rubric = [], "", []
    for cell in section.cells:
        if cell.kind != "markdown":
            continue
        if INSTRUCTOR in cell.tags:
            rubric.append(cell.text)
        elif (found := ANSWER.match(cell.text)) and found["id"] == section.id:
            regions = find_regions(cell.lines, str, "SOLUTION")[0]
            sample = "\n".join(line for region in regions for line in region.inside).strip()
        else:
            text.append(cell.text)
    return Question(
        section.id,
        section.title,
        section.minutes,
        section.points,
        "\n\n".join(text),
        sample,
        "\n\n".join(rubric),
    )


def rules_broken(master: Master, known: Sequence[Exercise], expected: Sequence[Exercise]) -> list[str]:
    """What an assignment should have and this master has not, each with file and line.

    Args:
        known: the exercises that there are.
        expected: those that the assignment must set.
    """
    by_id = {exercise.id: exercise for exercise in known}
    set_here = {section.id for section in master.sections}
    broken = [(1, f"no heading of {e.id} {e.name}") for e in expected if e.id not in set_here]
    if not any("setup" in c.tags for c in master.cells if c.kind == "code"):
        broken.append((1, 'no cell `# %% tags=["setup"]`'))
    if not any(f'progress("{master.assignment}")' in c.text for c in master.cells):
        broken.append((1, f'no cell `progress("{master.assignment}")`'))
    for what in ("minutes", "points"):
        broken += _sum_rule(master, what)
    for section in master.sections:
        exercise = by_id.get(section.id)
        broken += _exercise_rules(master, section, exercise) if exercise else _question_rules(section)
    for cell in master.cells:
        if INSTRUCTOR not in cell.tags and cell.kind == "markdown":
            broken += [
                (cell.line + k, f"the link to {link} leads nowhere in a release")
                for k, line in enumerate(cell.lines)
                for link in LINK.findall(line)
            ]
    return [f"{master.path}:{line}: {text}" for line, text in broken]


def _sum_rule(master: Master, what: str) -> list[tuple[int, str]]:
    """The first cell's `**Time:** 25 minutes. **Points:** 8.` is what the headings without a star add up to."""
    pattern = r"Time:\W*(\d+) minutes" if what == "minutes" else r"Points:\W*(\d+)"
    found = re.search(pattern, master.cells[0].text)
    wanted = sum(getattr(section, what) for section in master.sections if not section.starred)
    line = master.cells[0].line
    if found is None:
        return [(line, "the first cell says no `**Time:** 25 minutes. **Points:** 8.`")]
    if int(found[1]) != wanted:
        return [
            (line, f"the first cell says {found[1]} {what}, the headings without a star add up to {wanted}")
        ]
    return []


def _exercise_rules(master: Master, section: Section, exercise: Exercise) -> list[tuple[int, str]]:
    broken = []
    if exercise.assignment != master.assignment:
        broken.append((section.line, f"{exercise.id} is of {exercise.assignment}"))
    if section.starred != exercise.starred:
        broken.append(
            (section.line, f"{exercise.id} has a star {'here' if section.starred else 'as an exercise'} only")
        )
    for what in ("minutes", "points"):
        given, wanted = getattr(section, what), getattr(exercise, what)
        if given != wanted:
            broken.append((section.line, f"{exercise.id} has {given} {what} here, {wanted} as an exercise"))
    code = [cell for cell in section.cells if cell.kind == "code" and INSTRUCTOR not in cell.tags]
    defining = [cell for cell in code if exercise.name in _bound(cell.text)]
    if len(defining) != 1:
        broken.append((section.line, f"{len(defining)} cells define {exercise.name}, not one"))
    elif not find_regions(defining[0].lines, str, "SOLUTION")[0]:
        broken.append((defining[0].line, f"{exercise.name} has no solution markers"))
    if not any(re.search(rf'\bcheck\("{exercise.id}", {exercise.name}\b', cell.text) for cell in code):
        broken.append((section.line, f'no cell `check("{exercise.id}", {exercise.name})`'))
    return broken


def _question_rules(section: Section) -> list[tuple[int, str]]:
    question, broken = _question(section), []
    if not question.sample:
        broken.append(
            (
                section.line,
                f"no cell that begins with **Your answer ({section.id})** and holds a marked answer",
            )
        )
    if not question.rubric:
        broken.append(
            (section.line, f'no rubric for {section.id}, a cell `# %% [markdown] tags=["{INSTRUCTOR}"]`')
        )
    return broken


def _bound(code: str) -> set[str]:
    """Names that a cell's top level defines by def or =; none where it does not parse."""
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return set()
    names = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def student_cells(master: Master) -> tuple[list[Cell], list[str]]:
    """The cells that students get, stubs in the place of solutions, and solutions that no stub can replace."""
    kept, problems = [], []
    section_of = {id(cell): section for section in master.sections for cell in section.cells}
    for cell in master.cells:
        if INSTRUCTOR in cell.tags:
            continue
        regions = find_regions(cell.lines, str, "SOLUTION")[0]
        if not regions:
            kept.append(Cell(cell.kind, cell.text, cell.tags))
            continue
        section = section_of.get(id(cell))
        stubs = {}
        for region in regions:
            stub, wrong = _stub(cell, region, section)
            stubs[region.start] = stub
            problems += [f"{master.where(cell, region.start)}: {wrong}"] if wrong else []
        text = replace_regions(cell.lines, regions, lambda region, stubs=stubs: stubs[region.start])
        kept.append(Cell(cell.kind, text, cell.tags))
    return kept, problems


def _stub(cell: Cell, region: Region, section: Section | None) -> tuple[str, str]:
    """The line in the place of a solution, and why there can be none."""
    if section is None:
        return "", "a solution before the first heading of an exercise"
    if cell.kind == "markdown":
        return WRITE_HERE, ""
    if region.sign == "//":
        return f"// {section.id}: your lines here", ""
    try:
        function = function_around(ast.parse(cell.text), region.start + 1)
    except SyntaxError as error:
        return "", f"the cell is no Python: {error.msg} in its line {error.lineno}"
    if not function:
        return "", "a solution outside of a function; the student's cell would stop the notebook"
    return f'raise NotImplementedError("{section.id}: write {function}")', ""
