"""Stop points: whoever stopped at one runs the setup cell and goes on; no part needs another part's names."""

from __future__ import annotations

import ast
import builtins
import symtable

import pytest
from notebook_files import each, nbformat, read

STOP = "**Stop point**"
KNOWN = set(dir(builtins)) | {"get_ipython", "display", "_"}


def names_of(code: str) -> tuple[set[str], set[str], set[str]]:
    """Names that a piece of code needs when it runs, needs when its functions are called, and leaves behind."""
    table = symtable.symtable(code, "cell", "exec")
    needed = {s.get_name() for s in table.get_symbols() if s.is_referenced() and not s.is_assigned()}
    needed -= {s.get_name() for s in table.get_symbols() if s.is_imported()}
    made = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    later, inner = set(), list(table.get_children())
    while inner:
        scope = inner.pop()
        later |= {s.get_name() for s in scope.get_symbols() if s.is_global() and s.is_referenced()}
        inner += scope.get_children()
    return needed, later - needed, made


def missing_names(cells: list[str], known: set[str]) -> set[str]:
    """Names that code cells, run in this order after `known` exists, would not find."""
    known, missing, later = set(known), set(), set()
    for cell in cells:
        for statement in ast.parse(cell).body:
            code = ast.unparse(statement)
            if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign) and statement.value:
                # `x = x + 1` needs x although it makes x
                needed, inside, _ = names_of(ast.unparse(statement.value))
                if isinstance(statement, ast.AugAssign):
                    needed |= {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
                else:
                    needed |= {
                        n.id
                        for n in ast.walk(statement)
                        if isinstance(n, ast.Name) and _is_read(n, statement)
                    }
                made = names_of(code)[2]
            else:
                needed, inside, made = names_of(code)
            missing |= needed - known
            later |= inside
            known |= made
    return missing | (later - known)


def _is_read(name: ast.Name, statement) -> bool:
    """Names in the targets that are read: x in `x[0] = 1`."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return isinstance(name.ctx, ast.Load) and any(name in ast.walk(target) for target in targets)


def parts_of(notebook) -> tuple[str, list[list[str]]]:
    """The setup cell, and the code cells between one stop point and the next."""
    code = [c for c in notebook.cells if c.cell_type == "code"]
    setup, parts = code[0].source, [[]]
    for cell in notebook.cells[notebook.cells.index(code[0]) + 1 :]:
        if cell.cell_type == "markdown" and cell.source.startswith(STOP):
            parts.append([])
        elif cell.cell_type == "code":
            parts[-1].append(cell.source)
    return setup, parts


@each
def test_there_are_two_to_four_stop_points(source):
    stops = [c.source for c in read(source).cells if c.cell_type == "markdown" and c.source.startswith(STOP)]
    assert 2 <= len(stops) <= 4, f"{len(stops)} cells begin with {STOP}"


@each
def test_every_part_runs_after_the_setup_cell_alone(source):
    setup, parts = parts_of(read(source))
    assert not missing_names([setup], KNOWN), "the setup cell needs nothing"
    for number, part in enumerate(parts, start=1):
        missing = missing_names(part, KNOWN | names_of(setup)[2])
        assert not missing, (
            f"part {number} uses {sorted(missing)}: make them in the setup cell or in the part itself"
        )


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        (["print(a)"], {"a"}),
        (["b = 1", "print(b)"], set()),
        (["print(b)", "b = 1"], {"b"}),
        (["a = a + 1"], {"a"}),
        (["a += 1"], {"a"}),
        (["a[0] = 1"], {"a"}),
        (["c: int = a"], {"a"}),
        (["for i in range(3):\n    t = i\nprint(t, i)"], set()),
        (["print([x * k for x in range(3)])"], {"k"}),
        (["print({n: v for n, v in {}.items()})"], set()),
        (["def f(x):\n    return x + helper()", "def helper():\n    return 1", "f(2)"], set()),
        (["def f(x):\n    return x + helper()"], {"helper"}),
        (["g = lambda x: x + a"], {"a"}),
        (["with open('f') as h:\n    h.read()", "import numpy as np\nnp.ones(1)"], set()),
        (["class C:\n    size = a"], {"a"}),
        (["f'{a:.1f}'"], {"a"}),
        (["def f(x=a):\n    y = x\n    return [y for _ in x]"], {"a"}),
        (["try:\n    a\nexcept ValueError as e:\n    print(e)"], {"a"}),
    ],
)
def test_missing_names_by_hand(part, missing):
    assert missing_names(part, KNOWN) == missing


def test_parts_are_cut_at_stop_points():
    cell = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [cell["markdown"]("# Title"), cell["code"]("import math"), cell["code"]("a = 1")]
    cells += [cell["markdown"](f"{STOP} half way"), cell["code"]("print(a)")]
    setup, parts = parts_of(nbformat.v4.new_notebook(cells=cells))
    assert setup == "import math"
    assert parts == [["a = 1"], ["print(a)"]]
