"""Make every notebook from its source: `python notebooks/build.py` writes NAME.ipynb beside NAME.py.

The .py (jupytext percent format) is what people edit; the .ipynb is what people open. It holds no outputs, counts or
widget state, and the same source always gives the same bytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources(folder: Path = HERE) -> list[Path]:
    """Every notebook source below `folder`."""
    return sorted(p for p in folder.rglob("[0-9]*.py") if ".ipynb_checkpoints" not in p.parts)


def notebook_text(source: Path) -> str:
    """The .ipynb of one source, as text."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        # jupytext draws random ids, which would make every build differ
        cell.id = hashlib.sha256(f"{source.stem} {number}".encode()).hexdigest()[:8]
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k == "tags"})
    nbformat.validate(notebook)
    return nbformat.writes(notebook)


if __name__ == "__main__":
    for source in sources():
        source.with_suffix(".ipynb").write_text(notebook_text(source) + "\n", encoding="utf-8")
        print(source.with_suffix(".ipynb"))
