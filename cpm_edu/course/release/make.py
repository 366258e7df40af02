"""Make a release: read, check, write, try out, and only then let the folder appear."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ..own_exercises import read_exercises
from .folders import appearing_folder, write_record
from .github_classroom import WORKFLOW, workflow
from .leftovers import given_text, hidden_lines, leftover_lines, problems_of_wheel
from .markers import MARKER
from .master import rules_broken
from .overlay import Assigned, assigned, assignments, masters_folder, own_files
from .percent import Cell, MasterError, notebook_text
from .student_edition import Edition, student_edition
from .verify import problems_of_edition
from .wheel import build_wheel
from .words import instructor_readme, student_readme

__all__ = ["Plan", "release"]


@dataclass(frozen=True)
class Plan:
    """What to release.

    Args:
        names: of assignments, such as ("A1", "A2"); () for all.
        overlay: an instructor's private folder.
        seed: of the class.
        wheel: a file to hand out; None to build one.
        no_wheel: students have the package already.
        github_classroom: every assignment's folder is a template repository, with wheel, README and workflow.
    """

    names: tuple[str, ...] = ()
    overlay: Path | None = None
    seed: int | None = None
    wheel: Path | None = None
    no_wheel: bool = False
    github_classroom: bool = False


def release(
    plan: Plan,
    out: Path,
    instructor: Path | None = None,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
) -> list[Assigned]:
    """Write what students receive to `out`, and solutions with rubrics to `instructor`.

    Args:
        force: replace an earlier release.
        say: hears a line an assignment.

    Raises:
        MasterError: masters or exercises are wrong; nothing is written.
        ValueError: a folder is in use, no wheel can be built, an assignment that does not exist.
    """
    if plan.github_classroom and plan.no_wheel:
        raise ValueError("--github-classroom puts the wheel into every repository; leave out --no-wheel")
    if instructor is not None:
        _apart(out, instructor)
    editions = _editions(plan)
    with contextlib.ExitStack() as folders:
        # The instructors' folder is entered first, so that it appears last: never without a release.
        for_instructors = (
            folders.enter_context(appearing_folder(instructor, force=force)) if instructor else None
        )
        students = folders.enter_context(appearing_folder(out, force=force))
        problems: list[str] = []
        for edition in editions:
            folder = students / edition.assigned.name
            edition.write(folder)
            found = problems_of_edition(edition, folder, plan.seed)
            problems += found
            say(_line(edition, found))
        if problems:
            raise MasterError(problems)
        wheel = _wheel(plan, students)
        _write_words(plan, students, editions, wheel)
        facts = _facts(editions, wheel)
        write_record(students, facts)
        if for_instructors:
            _write_instructor(plan, for_instructors, editions)
            write_record(for_instructors, facts)
    return [edition.assigned for edition in editions]


def _apart(out: Path, instructor: Path) -> None:
    one, other = Path(out).resolve(), Path(instructor).resolve()
    if one == other or one in other.parents or other in one.parents:
        raise ValueError(f"{instructor} holds solutions: it must lie apart from {out}, which students get")


def _editions(plan: Plan) -> list[Edition]:
    """The editions of all assignments of a plan, their masters read and checked.

    Raises:
        MasterError: with the mistakes of all of them.
    """
    names = plan.names or tuple(assignments(plan.overlay))
    problems, chosen, editions = [], [], []
    own = own_files(plan.overlay, plan.seed)
    for name in dict.fromkeys(names):
        try:
            chosen.append(assigned(name, plan.overlay, plan.seed))
        except MasterError as error:
            problems += error.problems
            continue
        if chosen[-1].master is None:
            raise ValueError(
                f"{name} has no master here: masters are in the clone's notebooks/assignments and in an overlay, "
                "never in the installed package"
            )
    for one in chosen:
        problems += rules_broken(one.master, one.known, one.expected)
    secret = [line for one in chosen for line in one.master.solution_lines()]
    secret += [line for path in own for line in hidden_lines(path)]
    problems += leftover_lines(secret, {str(one.master.path): given_text(one.master) for one in chosen})
    for one in chosen:
        try:
            editions.append(student_edition(one, [path for path in own if _concerns(path, one)]))
        except MasterError as error:
            problems += error.problems
    if not problems:
        for edition in editions:
            files = {f"{edition.assigned.name}/{name}": text for name, text in edition.files.items()}
            problems += leftover_lines(secret, files)
    if problems:
        raise MasterError(problems)
    return editions


def _concerns(path: Path, one: Assigned) -> bool:
    """Whether students of an assignment need a file of own exercises."""
    ids = {exercise.id for exercise in one.exercises}
    return any(exercise.id in ids for exercise in read_exercises([path]))


def _line(edition: Edition, problems: Sequence[str]) -> str:
    one = edition.assigned
    tried = f"{len(problems)} mistakes" if problems else "masters pass, stubs do not"
    counts = [f"{len(one.exercises)} exercises"]
    starred = sum(exercise.starred for exercise in one.exercises)
    counts[0] += f" ({starred} starred)" if starred else ""
    counts += [f"{len(one.questions)} questions", f"{one.points} points", f"{one.minutes} minutes"]
    return f"{one.name}{f' ({one.variant})' if one.variant else ''}: {', '.join(counts)}; {tried}"


def _wheel(plan: Plan, students: Path) -> str:
    """Put the wheel into the folder; its name, or ""."""
    if plan.no_wheel:
        return ""
    if plan.wheel is not None and not plan.wheel.is_file():
        raise ValueError(f"{plan.wheel}: there is no such file")
    path = Path(shutil.copy(plan.wheel, students)) if plan.wheel else build_wheel(students)
    secret = [line for file in own_files(plan.overlay, plan.seed) for line in hidden_lines(file)]
    if problems := problems_of_wheel(path, secret, as_here=plan.wheel is not None):
        raise MasterError(problems)
    return path.name


def _write_words(plan: Plan, students: Path, editions: Sequence[Edition], wheel: str) -> None:
    course = [edition.assigned for edition in editions]
    notebooks = [edition.notebook for edition in editions]
    (students / "README.md").write_bytes(student_readme(course, notebooks, wheel, below=True).encode())
    if not plan.github_classroom:
        return
    for edition in editions:
        folder = students / edition.assigned.name
        readme = student_readme([edition.assigned], [edition.notebook], wheel, below=False)
        (folder / "README.md").write_bytes(readme.encode())
        if wheel:
            (folder / wheel).write_bytes((students / wheel).read_bytes())
        if edition.assigned.exercises:
            (folder / WORKFLOW).parent.mkdir(parents=True)
            text = workflow(edition.assigned, f"test_{edition.script}", wheel)
            (folder / WORKFLOW).write_bytes(text.encode())


def _facts(editions: Sequence[Edition], wheel: str) -> dict:
    return {
        "cpm_edu": metadata.version("cpm_edu"),
        "wheel": wheel,
        "assignments": {
            edition.assigned.name: {
                "notebook": edition.notebook,
                "exercises": [exercise.id for exercise in edition.assigned.exercises],
                "points": edition.assigned.points,
            }
            for edition in editions
        },
    }


def _write_instructor(plan: Plan, folder: Path, editions: Sequence[Edition]) -> None:
    """Solved notebooks with rubrics, oral questions, and the commands that grade."""
    for edition in editions:
        master = edition.assigned.master
        cells = [
            Cell(cell.kind, "\n".join(line for line in cell.lines if not MARKER.fullmatch(line)), cell.tags)
            for cell in master.cells
        ]
        name = f"{master.stem}_solved.ipynb"
        (folder / name).write_bytes(notebook_text(cells, master.stem).encode())
    for source in filter(None, (masters_folder(), plan.overlay)):
        oral = Path(source, "oral_questions.md")
        if oral.is_file():
            (folder / oral.name).write_bytes(oral.read_bytes())
    overlay = str(plan.overlay) if plan.overlay else ""
    text = instructor_readme(
        [edition.assigned for edition in editions],
        seed=plan.seed,
        overlay=overlay,
        version=metadata.version("cpm_edu"),
    )
    (folder / "README.md").write_bytes(text.encode())
