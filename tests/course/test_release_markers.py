"""Percent files and solution markers: read with their lines, every mistake named with file and line."""

from __future__ import annotations

import json

import pytest

from cpm_edu.course.release.markers import (
    find_regions,
    function_around,
    informative,
    replace_regions,
    without_hidden,
)
from cpm_edu.course.release.percent import MasterError, notebook_text, percent_text, read_percent

PERCENT = """\
# ---
# jupyter: {}
# ---

# %% [markdown]
# # Title
#
#     indented
#no space

# %% tags=["setup"]
import math


# %%
def f(x):
    return x

# %% [markdown] tags=["instructor"]
# Rubric
"""


def where(number: int) -> str:
    return f"m.py:{number + 1}"


# ---- percent files


def test_cells_have_kind_text_tags_and_line():
    cells = read_percent(PERCENT, "m.py")
    assert [(c.kind, c.text, c.tags, c.line) for c in cells] == [
        ("markdown", "# Title\n\n    indented\nno space", (), 6),
        ("code", "import math", ("setup",), 12),
        ("code", "def f(x):\n    return x", (), 16),
        ("markdown", "Rubric", ("instructor",), 20),
    ]


def test_written_and_read_again():
    cells = read_percent(PERCENT, "m.py")
    again = read_percent(percent_text(cells), "m.py")
    assert [(c.kind, c.text, c.tags) for c in again] == [(c.kind, c.text, c.tags) for c in cells]


def test_cells_are_those_of_jupytext(tmp_path):
    jupytext = pytest.importorskip("jupytext")
    nbformat = pytest.importorskip("nbformat")
    from pathlib import Path

    sources = sorted((Path(__file__).parents[2] / "notebooks").rglob("[0-9A]*.py"))
    assert len(sources) >= 12
    for path in sources:
        text = path.read_text(encoding="utf-8")
        cells = read_percent(text, path.name)
        theirs = jupytext.reads(text, fmt="py:percent").cells
        assert [(c.kind, c.text, c.tags) for c in cells] == [
            (c.cell_type, c.source, tuple(c.metadata.get("tags", ()))) for c in theirs
        ], path.name
        notebook = nbformat.reads(notebook_text(cells, path.stem), 4)
        nbformat.validate(notebook)
        assert [c.source for c in notebook.cells] == [c.text for c in cells]


def test_a_notebook_has_no_outputs_and_always_the_same_bytes():
    cells = read_percent(PERCENT, "m.py")
    assert notebook_text(cells, "a") == notebook_text(cells, "a")
    notebook = json.loads(notebook_text(cells, "a"))
    assert [c["outputs"] for c in notebook["cells"] if c["cell_type"] == "code"] == [[], []]
    assert len({c["id"] for c in notebook["cells"]}) == 4
    assert notebook["cells"][1]["metadata"] == {"tags": ["setup"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n# %%\n", "m.py:1: code before"),
        ("# %% [markdown]\n# a\nb = 2\n", "m.py:3: prose without"),
        ("# %% [raw]\n# a\n", "m.py:1: `# %% [raw]` is not understood"),
        ('# %% tags=["a"\n', "m.py:1: "),
        ("# %% tags=[3]\n", "m.py:1: "),
        ('# %% slideshow={"a": 1}\n', "m.py:1: "),
    ],
)
def test_what_is_no_percent_file(text, said):
    with pytest.raises(MasterError, match="cannot be released") as caught:
        read_percent(text, "m.py")
    assert len(caught.value.problems) == 1
    assert said in caught.value.problems[0]


# ---- markers


def test_regions_by_hand():
    lines = ["def f(x):", "    ### BEGIN SOLUTION", "    return x", "    ### END SOLUTION", "f(1)"]
    [region], problems = find_regions(lines, where, "SOLUTION")
    assert problems == []
    assert (region.start, region.end, region.sign, region.indent) == (1, 3, "###", "    ")
    assert region.inside == ("    return x",)
    assert replace_regions(lines, [region], lambda _: "raise X") == "def f(x):\n    raise X\nf(1)"
    assert replace_regions(lines, [region], lambda _: "") == "def f(x):\nf(1)"


def test_two_regions_and_a_kernel():
    lines = [
        "a",
        "// BEGIN SOLUTION",
        "b",
        "// END SOLUTION",
        "c",
        "  // BEGIN SOLUTION",
        "d",
        "  // END SOLUTION",
    ]
    regions, problems = find_regions(lines, where, "SOLUTION")
    assert problems == []
    assert replace_regions(lines, regions, lambda r: f"{r.sign} here") == "a\n// here\nc\n  // here"


B, E = "### BEGIN SOLUTION", "### END SOLUTION"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([B, "x"], "m.py:1: BEGIN SOLUTION without END"),
        (["x", E], "m.py:2: END SOLUTION without BEGIN"),
        ([B, "x", B, "y", E], "m.py:3: BEGIN SOLUTION within that of m.py:1"),
        ([B, "x", E, E], "m.py:4: END SOLUTION without BEGIN"),
        ([B, "x", "// END SOLUTION"], "m.py:3: ends with // what began with ###"),
        ([B, "", E], "m.py:1: nothing between"),
        (["### BEGIN HIDDEN", "x", "### END HIDDEN"], "m.py:1: ### BEGIN HIDDEN has no place here"),
        (["## BEGIN SOLUTION", "x", E], "m.py:1: '## BEGIN SOLUTION' is not a marker"),
        ([B, "x", "#### END SOLUTION"], "m.py:3: '#### END SOLUTION' is not a marker"),
        ([B, "x", "### END SOLUTIONS"], "m.py:3: "),
        ([B, "x", "### end solution"], "m.py:3: "),
        ([B, "x", "###END SOLUTION"], "m.py:3: "),
        ([B, "x", "### END SOLUTON"], "m.py:3: "),
        ([B, "x", "### END_SOLUTION"], "m.py:3: "),
        (["y = 1  ### BEGIN SOLUTION", "x", E], "m.py:1: "),
        ([B, "x", "### END SOLUTION of ex02"], "m.py:3: "),
        (["# BEGIN SOLUTION"], "m.py:1: "),
    ],
)
def test_wrong_markers_are_named(lines, said):
    _, problems = find_regions(lines, where, "SOLUTION")
    assert any(p.startswith(said) for p in problems), problems


@pytest.mark.parametrize(
    "line",
    [
        "# a hidden layer begins here",
        "x = begin + solution",
        "# the solution ends",
        "### Solution idea",
        "# END",
    ],
)
def test_ordinary_lines_are_no_markers(line):
    assert find_regions([line], where, "SOLUTION") == ([], [])


def test_hidden_blocks_are_taken_out():
    text = "a = 1\n### BEGIN HIDDEN\nb = 2\n### END HIDDEN\nc = 3\n"
    assert without_hidden(text, "e.py") == ("a = 1\nc = 3\n", [])
    assert without_hidden("### BEGIN HIDDEN\nb = 2\n", "e.py")[1] == [
        "e.py:1: BEGIN HIDDEN without END HIDDEN"
    ]


def test_the_innermost_function_gives_the_stub_its_name():
    import ast

    tree = ast.parse("def f():\n    def g():\n        x\n    y\nclass C:\n    def h(self):\n        z\nw")
    assert [function_around(tree, n) for n in (3, 4, 7, 8)] == ["g", "f", "h", ""]


# ---- lines that tell


@pytest.mark.parametrize(
    "line",
    [
        "return np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))",
        "points = (px + 0.5) / stride - 0.5  # a comment",
        "if (x < width && y < height) out[y * width + x] = value;",
        "Because every stage sees what the stage before believed.",
    ],
)
def test_telling_lines(line):
    assert informative(line)
    assert informative(f"    {line}") == informative(line.replace(" + ", "+"))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "return maps",
        "import numpy as np",
        "for y in range(height):",
        "x, y = center_cells",
        "maps = []",
        "else:",
    ],
)
def test_lines_that_stand_in_every_file(line):
    assert informative(line) == ""
