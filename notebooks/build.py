"""Make notebooks from their sources: `python notebooks/build.py` makes all, `python notebooks/build.py 03 05` some.

NAME.py (jupytext percent format) is what people edit, NAME.ipynb what people open. It holds no outputs, counts or
widget state, and the same source always gives the same bytes. A line at the end of the first cell says where the
executed copy is. Cells that only ask are folded: their code holds the answer.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
FOLDED = {
    "jupyter": {"source_hidden": True},
    "tags": ["hide-input"],
}  # for Jupyter, and for the documentation
EXECUTED_COPY = "\n\n*With all results: executed copy in the documentation's site, `notebooks/{name}`.*"


def sources(folder: Path = HERE) -> list[Path]:
    """Every notebook source below `folder`."""
    return sorted(p for p in folder.rglob("[0-9]*.py") if ".ipynb_checkpoints" not in p.parts)


def only_asks(code: str) -> bool:
    """True for code that is nothing but calls of predict_first and hinge."""
    calls = [getattr(statement, "value", None) for statement in ast.parse(code).body]
    return bool(calls) and all(
        isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("predict_first", "hinge")
        for call in calls
    )


def notebook_text(source: Path) -> str:
    """The .ipynb of one source, as text."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        # jupytext draws random ids, which would make every build differ
        cell.id = hashlib.sha256(f"{source.stem} {number}".encode()).hexdigest()[:8]
        kept = {k: v for k, v in cell.metadata.items() if k == "tags"}
        kept |= FOLDED if cell.cell_type == "code" and only_asks(cell.source) else {}
        cell.metadata = nbformat.from_dict(kept)
    if notebook.cells and notebook.cells[0].cell_type == "markdown":
        notebook.cells[0].source += EXECUTED_COPY.format(name=source.stem)
    nbformat.validate(notebook)
    return nbformat.writes(notebook)


def make(source: Path) -> Path:
    """Write the .ipynb of one source, at once or not at all; a file that is right already is left alone."""
    target, text = source.with_suffix(".ipynb"), notebook_text(source) + "\n"
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(target)
    return target


def main(names: list[str]) -> int:
    """Make the notebooks whose file name begins with one of `names`, or all; a broken source stops no other."""
    chosen = [s for s in sources() if not names or s.name.startswith(tuple(names))]
    if not chosen:
        print(f"no source in {HERE} begins with {' or '.join(names)}")
        return 1
    broken = 0
    for source in chosen:
        try:
            print(make(source))
        except Exception as error:
            broken += 1
            print(f"{source}: {type(error).__name__}: {error}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
