"""A question may be answered after later cells have run: no name that its answer or picture needs may be bound anew."""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest
from notebook_files import each

ASKS = {"predict_first"}
SAME_VALUE = {  # a part that computes anew, in other words, what the one before had
    "00_start_here": {"beliefs"},  # section 1's lines in one call
}


class Bindings(ast.NodeVisitor):
    """Name -> statements that bind it; names inside functions and comprehensions are their own."""

    def __init__(self, tree: ast.Module) -> None:
        self.statements = defaultdict(list)
        for self.statement in tree.body:
            self.visit(self.statement)

    def visit_FunctionDef(self, node) -> None:
        self.statements[node.name].append(self.statement)

    def visit_Name(self, node) -> None:
        if isinstance(node.ctx, ast.Store):
            self.statements[node.id].append(self.statement)

    def anew(self, name: str, line: int) -> list[int]:
        """Lines after `line` that bind a name by another statement than the one in force there."""
        before = [s for s in self.statements[name] if s.lineno <= line]
        same = ast.dump(before[-1]) if before else ""
        return [s.lineno for s in self.statements[name] if s.lineno > line and ast.dump(s) != same]

    def leave_out(self, node) -> None:
        """Names in here end with it."""

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = leave_out


def names_needed(expressions: list[ast.AST], functions: dict[str, ast.FunctionDef]) -> set[str]:
    """Names that these read when they are called, also through the notebook's own functions."""
    names, followed, todo = set(), set(), list(expressions)
    while todo:
        node = todo.pop()
        own = {
            a.arg
            for args in ast.walk(node)
            if isinstance(args, ast.arguments)
            for a in args.args + args.kwonlyargs
        }
        own |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        for name in ast.walk(node):
            if not isinstance(name, ast.Name) or not isinstance(name.ctx, ast.Load) or name.id in own:
                continue
            names.add(name.id)
            if name.id in functions and name.id not in followed:
                followed.add(name.id)
                todo.append(functions[name.id])
    return names


def rebound_later(code: str) -> list[str]:
    """ "name (line)" of every name that a question needs when it is answered and that a later line binds."""
    tree = ast.parse(code)
    bindings = Bindings(tree)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found = []
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or getattr(call.func, "id", "") not in ASKS:
            continue
        asked = [keyword.value for keyword in call.keywords if keyword.arg in ("answer", "show")]
        late = [value for value in asked if isinstance(value, ast.Lambda | ast.Name)]
        for name in sorted(names_needed(late, functions)):
            found += [f"{name} ({line})" for line in bindings.anew(name, call.end_lineno)]
    return found


@each
def test_late_answers_are_the_same(source):
    found = rebound_later(source.read_text(encoding="utf-8"))
    assert [name for name in found if name.split()[0] not in SAME_VALUE.get(source.stem, ())] == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("a = 1\npredict_first('x', 'y', answer=lambda: a)\na = 2", ["a (3)"]),
        ("a = 1\npredict_first('x', 'y', answer=lambda: a)\nb = [a for a in range(3)]", []),
        (
            "def f():\n    return a\npredict_first('x', 'y', answer=1, show=f)\nfor a in (1, 2):\n    pass",
            ["a (4)"],
        ),
        ("a = 1\npredict_first('x', 'y', answer=lambda: a)\na = 1", []),
        ("a = 1\npredict_first('x', 'y', answer=a + 1)\na = 2", []),
        ("a = 1\npredict_first('x', 'y', answer=lambda a: a)\na = 2", []),
    ],
)
def test_names_by_hand(code, found):
    assert rebound_later(code) == found
