"""Every misconception is met: a prediction and a hinge with its id in its notebook."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cpm_edu.course.misconceptions import MISCONCEPTIONS

FOLDER = Path(__file__).parents[1] / "notebooks"


def questions(source: str) -> dict[str, list[str]]:
    """Function name -> the ids, written as plain strings, of its calls in a notebook's source."""
    found: dict[str, list[str]] = {"predict_first": [], "hinge": []}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in found:
            assert node.args, f"line {node.lineno}: the id comes first"
            assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}: the id is no plain string"
            found[node.func.id].append(node.args[0].value)
    return found


SOURCES = {path.name[:2]: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("[0-9]*.py"))}


def test_fifteen_with_ids_of_their_own():
    assert len(MISCONCEPTIONS) == len({m.id for m in MISCONCEPTIONS}) == 15
    for m in MISCONCEPTIONS:
        assert m.belief.endswith("."), m
        assert m.instead.endswith("."), m


@pytest.mark.parametrize("misconception", MISCONCEPTIONS, ids=lambda m: m.id)
def test_each_is_predicted_and_asked_about_once(misconception):
    assert misconception.notebook in SOURCES, f"there is no notebook {misconception.notebook}"
    for function, ids in questions(SOURCES[misconception.notebook]).items():
        assert ids.count(misconception.id) == 1, f"{function} asks {ids} in notebook {misconception.notebook}"


def test_no_id_is_used_twice():
    for function in ("predict_first", "hinge"):
        ids = [id for source in SOURCES.values() for id in questions(source)[function]]
        assert len(ids) == len(set(ids)), f"{function}: {sorted(ids)}"


@pytest.mark.parametrize("name", SOURCES)
def test_a_question_has_a_cell_of_its_own(name):
    """Such cells are folded by notebooks/build.py: their code holds the answer."""
    for cell in SOURCES[name].split("\n# %%"):
        asking = [
            i for ids in questions(cell if not cell.startswith(" [markdown]") else "").values() for i in ids
        ]
        statements = ast.parse(cell).body if asking else []
        assert len(statements) == len(asking), f"the cell of {asking} in notebook {name} holds other code too"


def test_a_missing_or_misspelt_question_is_noticed():
    source = 'predict_first("argmax-pixel", "How far?", answer=4)\nhinge("argmax_pixel", "?", choices={}, right="")'
    assert questions(source) == {"predict_first": ["argmax-pixel"], "hinge": ["argmax_pixel"]}
