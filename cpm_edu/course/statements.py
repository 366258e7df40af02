"""A student's cells as top-level statements, each with the names that it binds and reads. Nothing is executed."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Statement", "statements_of"]

LONGEST_CELL = 100_000  # characters; the parser is quadratic in some
PYTHON_MAGICS = ("time", "timeit", "capture", "prun")  # cell magics below which Python stands
MUTATORS = ("append", "extend", "insert", "add", "update", "setdefault", "sort", "reverse", "fill")
_BARE_COMMAND = re.compile(r"^\s*(pip|conda|mamba|apt|git|ls|cd|pwd)\s+[\w.~/-].*$")  # works in a notebook


@dataclass(frozen=True)
class Statement:
    """One top-level statement, and what it has to do with names.

    Args:
        binds: names that it may bind; "*" for a star import.
        whole: names that it surely binds, from nothing that was there before.
        now: names that are read while it runs.
        later: names that the bodies of its functions read when they are called.
    """

    node: ast.stmt
    text: str
    cell: int
    line: int
    binds: frozenset[str]
    whole: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]


def statements_of(cells: Sequence, text: str | None = None) -> tuple[list[Statement], list[str]]:
    """The top-level statements of all code cells, and notes on the cells that are no Python.

    Args:
        text: of a .py file, as a whole; only if it does not parse are its cells tried one by one.
    """
    is_notebook = text is None
    code = [cell for cell in cells if cell.kind == "code" and cell.text.strip()]
    statements, notes = [], []
    short = not is_notebook and len(text) <= LONGEST_CELL
    if short and isinstance(whole := _parsed(text), ast.Module):
        return _that_bind(_statements(whole, text, 0, 1)), []
    for cell in code:
        if len(cell.text) > LONGEST_CELL:
            where = f"cell {cell.number}" if is_notebook else f"what begins in line {cell.first_line}"
            notes.append(f"{where} is longer than {LONGEST_CELL:,} characters and was skipped.")
            continue
        text = _without_cell_magic(cell.text) if is_notebook else cell.text
        if text is None:
            continue
        tree = _parsed(text)
        if not isinstance(tree, ast.Module) and is_notebook:
            plain = _without_magics(text)
            tree, text = (again, plain) if isinstance(again := _parsed(plain), ast.Module) else (tree, text)
        if isinstance(tree, ast.Module):
            number = cell.number if is_notebook else 0
            statements += _statements(tree, text, number, cell.first_line)
        else:
            line, why = tree
            line += cell.first_line - 1
            where = f"cell {cell.number}, line {line}" if is_notebook else f"line {line}"
            notes.append(f"{where} is no Python ({why}); this cell was skipped.")
    return _that_bind(statements), notes


def _parsed(text: str) -> ast.Module | tuple[int, str]:
    """The tree, or (line, reason) of what Jupyter would not run either."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "<student>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return 1, str(error) or type(error).__name__
    return tree


def _without_cell_magic(text: str) -> str | None:
    """The Python below `%%time` and its like, on the same lines; None for a cell in another language."""
    lines = text.split("\n")
    for k, line in enumerate(lines):
        magic = re.match(r"%%(\w+)", line)
        if magic:
            if magic[1] not in PYTHON_MAGICS:
                return None
            lines[k] = ""
        elif line.strip() and not line.startswith("#"):
            break
    return "\n".join(lines)


def _without_magics(text: str) -> str:
    """The cell without lines such as `%matplotlib inline`, `!pip install x`, `f?` and `pip install x`."""
    from IPython.core.inputtransformer2 import TransformerManager

    lines = ["" if _BARE_COMMAND.match(line) else line for line in text.split("\n")]
    lead = next((k for k, line in enumerate(lines) if line.strip()), 0)  # IPython drops empty lines above
    try:
        plain = TransformerManager().transform_cell("\n".join(lines[lead:]) + "\n")
    except (SyntaxError, ValueError, RecursionError):
        return "\n".join(lines)
    return "\n" * lead + re.sub(r"^(\s*)get_ipython\(\)\..*$", r"\1pass", plain, flags=re.MULTILINE)


def _statements(tree: ast.Module, text: str, cell: int, first_line: int) -> list[Statement]:
    lines = [line.encode() for line in text.split("\n")]
    found = []
    for node in tree.body:
        if isinstance(node, ast.Delete) or (cell == 0 and _only_as_program(node)):
            continue
        top = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        piece = lines[top - 1 : node.end_lineno]
        piece[-1] = piece[-1][: node.end_col_offset]
        if top == node.lineno:
            piece[0] = piece[0][node.col_offset :]
        statement = _named(node, b"\n".join(piece).decode(), cell, top + first_line - 1)
        if statement is not None:
            found.append(statement)
    return found


def _that_bind(statements: Sequence[Statement]) -> list[Statement]:
    """Without calls; but `prepare()` binds what the body of `prepare` declares `global`."""
    declared: dict[str, set[str]] = {}
    for statement in statements:
        if isinstance(statement.node, ast.FunctionDef):
            parts = ast.walk(statement.node)
            names = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
            declared.setdefault(statement.node.name, set()).update(names)
    kept = []
    for statement in statements:
        value = getattr(statement.node, "value", None)
        if isinstance(statement.node, ast.Expr) and isinstance(value, ast.Call) and not statement.binds:
            binds = frozenset(declared.get(getattr(value.func, "id", ""), ()))
            statement = replace(statement, binds=binds)
        if statement.binds:
            kept.append(statement)
    return kept


def _only_as_program(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` of a .py file, which an import does not run."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test))
    )


def _named(node: ast.stmt, text: str, cell: int, line: int) -> Statement | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(text, "<student>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    binds, now, later = set(), set(), set()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            now.add(symbol.get_name())
    for child in table.get_children():
        _reads(child, now if _runs_at_once(child) else later, later)
    whole = set()
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        whole = binds - now
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        whole = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        whole -= now
    elif isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        binds = {"*"}
    binds |= _changed_in_place(node)
    return Statement(node, text, cell, line, *map(frozenset, (binds, whole, now, later)))


def _runs_at_once(table: symtable.SymbolTable) -> bool:
    """Class bodies and comprehensions run where they stand; functions and lambdas later."""
    return table.get_type() == "class" or table.get_name().strip("<>") in (
        "genexpr",
        "listcomp",
        "setcomp",
        "dictcomp",
    )


def _reads(table: symtable.SymbolTable, into: set[str], later: set[str]) -> None:
    """Add the global names that a scope and the scopes inside it read."""
    into.update(s.get_name() for s in table.get_symbols() if s.is_global())
    for child in table.get_children():
        _reads(child, into if _runs_at_once(child) else later, later)


def _changed_in_place(node: ast.stmt) -> set[str]:
    """Names whose objects the statement changes: `table[0] = 1`, `f.memory = {}`, `layers.append(3)`."""
    changed = set()
    for part in _outside_functions(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            target = part.value
        elif isinstance(part, ast.Call) and getattr(part.func, "attr", "") in MUTATORS:
            target = part.func.value
        else:
            continue
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            changed.add(target.id)
    return changed


def _outside_functions(node: ast.AST):
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(part)
