"""The notebooks under test, their sources and their claims; one parametrisation for all tests here."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason='notebooks are checked with pip install -e ".[test]"')
pytest.importorskip("jupytext")
pytest.importorskip("nbclient")

FOLDER = Path(__file__).parents[2] / "notebooks"
CLAIMS = Path(__file__).parent / "claims"


def load_script(name: str):
    """notebooks/NAME.py, a script that no package holds, as a module."""
    spec = importlib.util.spec_from_file_location(f"notebooks_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


build, execute = load_script("build"), load_script("execute")
SOURCES = build.sources()
each = pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)


def read(source: Path):
    return nbformat.read(source.with_suffix(".ipynb"), 4)


def claims_of(source: Path) -> Path:
    """What a notebook's prose says of its own numbers: asserts that run in its kernel after its last cell."""
    return CLAIMS / f"{source.stem}.py"
