"""Percent files: a notebook as a Python file, its cells between lines that begin with `# %%`.

A master is read with the line number of every cell, so that a mistake in it can be pointed at; a student edition is
written as such a file and as a notebook of the same content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Cell", "MasterError", "notebook_text", "percent_text", "read_percent"]

HEAD = re.compile(r"^# %%(?P<rest>.*)$")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class MasterError(ValueError):
    """What is wrong with masters or a release, one line each, with file and line."""

    def __init__(self, problems: Sequence[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(["this cannot be released:", *(f"  {p}" for p in problems)]))


@dataclass(frozen=True)
class Cell:
    """One cell: its text without comment signs, and the file's line where that text begins."""

    kind: Literal["markdown", "code"]
    text: str
    tags: tuple[str, ...] = ()
    line: int = 0

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")


def read_percent(text: str, name: str) -> list[Cell]:
    """The cells of a percent file.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        MasterError: code before the first cell, a kind of cell or a setting that is unknown, prose that is no comment.
    """
    lines, problems, cells = text.splitlines(), [], []
    heads = [(n, m["rest"].strip()) for n, line in enumerate(lines) if (m := HEAD.match(line))]
    first = heads[0][0] if heads else len(lines)
    for number, line in enumerate(lines[:first], start=1):
        if line.strip() and not line.startswith("#"):
            problems.append(f"{name}:{number}: code before the first `# %%`")
    ends = [n for n, _ in heads[1:]] + [len(lines)]
    for (head, rest), end in zip(heads, ends, strict=True):
        kind, tags, wrong = _settings(rest)
        if wrong:
            problems.append(f"{name}:{head + 1}: {wrong}")
        body, start = _trimmed(lines[head + 1 : end], head + 2)
        if kind == "markdown":
            problems += [
                f"{name}:{start + k}: prose without `# ` before it"
                for k, line in enumerate(body)
                if line.strip() and not line.startswith("#")
            ]
            body = [line.removeprefix("#").removeprefix(" ") for line in body]
        cells.append(Cell(kind, "\n".join(body), tags, start))
    if problems:
        raise MasterError(problems)
    return cells


def _settings(rest: str) -> tuple[Literal["markdown", "code"], tuple[str, ...], str]:
    """Kind and tags after `# %%`, and what is wrong there."""
    kind: Literal["markdown", "code"] = "code"
    if rest.startswith("[markdown]"):
        kind, rest = "markdown", rest.removeprefix("[markdown]").strip()
    if not rest:
        return kind, (), ""
    found = re.fullmatch(r'tags\s*=\s*(\[.*\])|\{\s*"tags"\s*:\s*(\[.*\])\s*\}', rest)
    try:
        tags = json.loads(found[1] or found[2]) if found else None
    except ValueError:
        tags = None
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return (
            kind,
            (),
            f'`# %% {rest}` is not understood; write `# %%` or `# %% [markdown] tags=["instructor"]`',
        )
    return kind, tuple(tags), ""


def _trimmed(lines: list[str], start: int) -> tuple[list[str], int]:
    """Lines without empty ones at both ends, and the number of the first."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines, start = lines[1:], start + 1
    return [line.rstrip() for line in lines], start


def percent_text(cells: Sequence[Cell]) -> str:
    """Cells as a percent file; `read_percent` gives them back."""
    blocks = []
    for cell in cells:
        head = "# %%" + (" [markdown]" if cell.kind == "markdown" else "")
        head += f" tags={json.dumps(list(cell.tags))}" if cell.tags else ""
        lines = cell.lines
        if cell.kind == "markdown":
            lines = [f"# {line}".rstrip() for line in lines]
        blocks.append("\n".join([head, *lines]))
    return "\n\n".join(blocks) + "\n"


def notebook_text(cells: Sequence[Cell], name: str) -> str:
    """Cells as a notebook without outputs; the same cells and name always give the same text."""
    made = []
    for number, cell in enumerate(cells):
        entry = {
            "cell_type": cell.kind,
            "id": hashlib.sha256(f"{name} {number}".encode()).hexdigest()[:8],
            "metadata": {"tags": list(cell.tags)} if cell.tags else {},
            "source": cell.text.splitlines(keepends=True),
        }
        made.append(entry | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {}))
    notebook = {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
