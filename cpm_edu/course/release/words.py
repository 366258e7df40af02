"""The words that go with a release: students' README, instructors' README, tables of minutes and points."""

from __future__ import annotations

from collections.abc import Sequence

from .overlay import Assigned

__all__ = ["course_table", "instructor_readme", "student_readme", "table"]


def table(assigned: Assigned) -> str:
    """Minutes and points of every exercise and question of an assignment, as Markdown."""
    rows = ["| | | minutes | points |", "|---|---|---:|---:|"]
    for exercise in assigned.exercises:
        star = "\\*" if exercise.starred else ""
        rows.append(f"| {exercise.id}{star} | {exercise.title} | {exercise.minutes} | {exercise.points} |")
    rows += [f"| {q.id} | {q.title} | {q.minutes} | {q.points} |" for q in assigned.questions]
    sums = "together" if len(assigned.core) == len(rows) - 2 else "together, without \\*"
    return "\n".join([*rows, f"| | **{sums}** | **{assigned.minutes}** | **{assigned.points}** |"])


def course_table(course: Sequence[Assigned]) -> str:
    """The tables of several assignments with their headings, and what the core takes, as Markdown."""
    parts = [f"## {a.name}: {a.title}\n\n{table(a)}" for a in course]
    core = sum(a.minutes for a in course)
    hours = f"{core // 60} hours" + (f" {core % 60} minutes" if core % 60 else "")
    return "\n\n".join([*parts, f"All that has no star: {hours}, {sum(a.points for a in course)} points."])


def student_readme(release: Sequence[Assigned], notebooks: Sequence[str], wheel: str, *, below: bool) -> str:
    """README.md of what students get.

    Args:
        notebooks: file name of each assignment's notebook.
        wheel: path of the wheel from here, or "" where students have the package already.
        below: the assignments lie in folders of their own below the README, not beside it.
    """
    first, notebook = release[0], notebooks[0]
    folder = f"{first.name}/" if below else ""
    enter = f"cd {first.name}\n" if below else ""
    some = next((e.id for a in release for e in a.exercises), "ex01")
    parts = [f"# {'Assignments' if len(release) > 1 else 'Assignment'} {', '.join(a.name for a in release)}"]
    parts.append(_install(wheel) if wheel else "The package `cpm_edu` is installed where you work.")
    lies = (
        f"Every assignment lies in a folder of its own. Open its notebook, here the first one's:\n\n"
        f"```bash\njupyter lab {folder}{notebook}\n```"
        if below
        else f"Open the notebook:\n\n```bash\njupyter lab {notebook}\n```"
    )
    parts.append(f"## Work\n\n{lies}")
    parts.append(
        "Run the first code cell, read an exercise, write its function, and run the `check` cell below it: it says "
        "that the function is right, or what is wrong and for which input. `hint(...)` helps in three steps and "
        f'`progress("{first.name}")` shows what is left. Neither costs points. Do not rename the functions; helpers '
        "and imports of your own are welcome, in any cell. Write with Python, numpy and, where the notebook imports it, "
        "torch: library functions that hold the answer are locked, and in grading `cpm_edu` is not there at all."
    )
    parts.append(
        f"You like an editor better? `{folder}{first.name.lower()}.py` holds the same cells. Work in one of the two. In "
        f"a terminal:\n\n```bash\n{enter}pytest                 # every exercise of the folder\n"
        f"pytest -k {some}         # one of them\n"
        f"cpm-edu check {notebook}   # the same without pytest, with a table\n```"
    )
    parts.append(
        "Questions ask for words: write below the line **Your answer**, in the cell that is there.\n\n"
        "## Hand in\n\nSave the notebook and hand in that one file, "
        + (f"for {first.name} " if len(release) > 1 else "")
        + f"`{notebook}` (or `{first.name.lower()}.py`, if you worked there). Functions are tried with inputs that you "
        "have not seen; outputs and pictures are not looked at. If something does not work, hand it in nevertheless: "
        "every exercise counts for itself."
    )
    parts.append("## Exercises" + ("" if len(release) > 1 else f"\n\n{table(first)}"))
    if len(release) > 1:
        parts += [f"### {a.name}: {a.title}\n\n{table(a)}" for a in release]
    if any(e.starred for a in release for e in a.exercises):
        parts.append("\\* for those who want more; its points come on top.")
    return "\n\n".join(parts) + "\n"


def _install(wheel: str) -> str:
    at = wheel if "/" in wheel else f"./{wheel}"
    return (
        "## Install, once\n\n"
        "Python 3.10 to 3.13. In a terminal, in this folder:\n\n"
        "```bash\npython -m venv cpm_env\n"
        "source cpm_env/bin/activate   # Windows: cpm_env\\Scripts\\activate\n```\n\n"
        'Then PyTorch: on a laptop choose "CPU" on [PyTorch\'s install page](https://pytorch.org/get-started/locally/) '
        "and run the line that it shows. Then\n\n"
        f"```bash\npip install {at} pytest\ncpm-edu demo   # half a minute: does it work?\n```"
    )


def instructor_readme(release: Sequence[Assigned], *, seed: int | None, overlay: str, version: str) -> str:
    """README.md of the instructor's edition."""
    options = (f" --seed {seed}" if seed is not None else "") + (f" --overlay {overlay}" if overlay else "")
    lines = [
        "# For instructors",
        "",
        "Never hand this folder out: it holds solutions, sample answers and rubrics.",
        "",
        f"Released with cpm_edu {version}."
        + (f" The seed of the class is {seed}; keep it to yourself." if seed else ""),
        "",
    ]
    for a in release:
        variant = f", variant {a.variant}" if a.variant else ""
        lines += [f"## {a.name}: {a.title}{variant}", "", table(a), "", "```bash"]
        lines += [
            f"cpm-edu grade submissions_{a.name}/ --assignment {a.name}{options} "
            f"--out {a.name}/grades.csv --feedback {a.name}/feedback",
            "```",
            "",
        ]
    return "\n".join(lines)
