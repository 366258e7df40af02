"""Solutions that stand where students can read them: in another cell, in another file, in the wheel."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .markers import MARKER, find_regions, informative
from .master import INSTRUCTOR, Master

__all__ = ["given_text", "hidden_lines", "leftover_lines", "problems_of_wheel"]

NEVER_IN_WHEEL = re.compile(
    r"(^|/)(tests?|assignments|bank|hostile)/|oral_questions|(^|/)A\d+_\w+\.(py|ipynb)$"
)
PACKAGE = "cpm_edu/course/"


def hidden_lines(path: Path) -> list[tuple[str, str]]:
    """The hidden lines of a file of exercises, each with "file:line"."""
    lines = path.read_text(encoding="utf-8").splitlines()
    regions = find_regions(lines, str, "HIDDEN")[0]
    return [(text, f"{path}:{r.start + 2 + k}") for r in regions for k, text in enumerate(r.inside)]


def given_text(master: Master) -> str:
    """A master's file with empty lines where students get nothing, so that line numbers stay."""
    lines = [""] * max((cell.line + len(cell.lines) for cell in master.cells), default=0)
    for cell in master.cells:
        if INSTRUCTOR in cell.tags:
            continue
        inside = {
            k
            for region in find_regions(cell.lines, str, "SOLUTION")[0]
            for k in range(region.start, region.end + 1)
        }
        for k, text in enumerate(cell.lines):
            lines[cell.line - 1 + k] = "" if k in inside else text
    return "\n".join(lines)


def leftover_lines(secret: Iterable[tuple[str, str]], files: Mapping[str, str]) -> list[str]:
    """Marker lines in files, and secret lines that stand there too, each once.

    Args:
        secret: lines of solutions or hidden inputs, each with "file:line".
        files: from names to texts; of notebooks the cells are read.
    """
    wanted: dict[str, str] = {}
    for line, where in secret:
        if key := informative(line):
            wanted.setdefault(key, where)
    problems = []
    for name, text in files.items():
        for number, line in _lines(name, text):
            if MARKER.fullmatch(line):
                problems.append(f"{name}:{number}: a marker is left: {line.strip()}")
            elif where := wanted.pop(informative(line), None):
                problems.append(f"{name}:{number}: tells a line of the solution at {where}: {line.strip()}")
    return problems


def _lines(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines without the comment signs of prose; a notebook's are counted over all cells."""
    if name.endswith(".ipynb"):
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, line.removeprefix("# ")


def problems_of_wheel(
    path: Path, secret: Iterable[tuple[str, str]] = (), *, as_here: bool = False
) -> list[str]:
    """What must not be in a wheel for students: masters, the wrong-answer bank, markers, secret lines.

    Args:
        secret: lines of hidden inputs, each with "file:line".
        as_here: the wheel's exercises must be the ones of this installation, with which will be graded.

    Raises:
        ValueError: the file is no wheel of this package.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            files = {name: wheel.read(name) for name in wheel.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: no wheel can be read there ({error})") from None
    if f"{PACKAGE}judge.py" not in files:
        raise ValueError(f"{path}: no wheel of cpm_edu, or one without the course")
    problems = [f"{path.name}: {name} must not be in it" for name in files if NEVER_IN_WHEEL.search(name)]
    texts = {name: data.decode(errors="replace") for name, data in files.items() if b"\0" not in data}
    problems += [f"{path.name}: {problem}" for problem in leftover_lines(secret, texts)]
    here = Path(__file__).parents[1]
    for module in (here / "judge.py", *sorted((here / "exercises").glob("*.py"))) if as_here else ():
        name = f"{PACKAGE}{module.relative_to(here).as_posix()}"
        if files.get(name) != module.read_bytes():
            problems.append(f"{path.name}: its {name} is not the one here; build the wheel again")
    return problems
