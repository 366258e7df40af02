"""Cut out of a student's cells what one function needs, without running anything.

A statement is wanted if it binds a name that is needed; what it needs in its turn is looked up where Python would
look: a name read while the statement runs in what stands above it, a name that a function's body reads in what the
whole file leaves behind.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .statements import Statement

__all__ = ["Extracted", "NotInFile", "extract"]

_STUB = re.compile(r"your lines here|write here", re.IGNORECASE)
_END = 10**9


class NotInFile(LookupError):
    """The file defines no such name; the message says so and names the nearest."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class Extracted:
    """The part of a file that one name needs.

    Args:
        source: Python text.
        notes: sentences for the student: what was skipped, which of several definitions counts.
        lines: for each line of `source` its (cell, line); the cell is 0 in a .py file.
        stub: the name is defined, but nothing is written there yet.
    """

    source: str
    notes: tuple[str, ...] = ()
    lines: tuple[tuple[int, int], ...] = ()
    stub: bool = False

    def where(self, line: int) -> str:
        """A line of `source` (from 1) in words: "cell 5, line 3" or "line 12"; "" if there is no such line."""
        if not 1 <= line <= len(self.lines):
            return ""
        cell, number = self.lines[line - 1]
        return f"cell {cell}, line {number}" if cell else f"line {number}"


def extract(statements: Sequence[Statement], name: str) -> Extracted:
    """What `name` needs of these statements; see `StudentFile.source_of`.

    Raises:
        NotInFile: no statement binds it.
    """
    defining = [s for s in statements if name in s.binds]
    if not defining:
        bound = {bound for s in statements for bound in s.binds}
        near = difflib.get_close_matches(name, bound, 1)
        raise NotInFile(f"there is no {name} in the file" + (f"; did you mean {near[0]}?" if near else "."))
    definitions = [s for s in defining if name in s.whole] or defining
    written = [s for s in definitions if not _is_stub(s.node)]
    notes = []
    stub = definitions[-1] not in written
    if stub and written:
        notes.append(f"an untouched copy of {name} ({_place(definitions[-1])}) is passed over.")
        statements = [s for s in statements if s in written or s not in definitions]
        stub, definitions = False, written
    if len(definitions) > 1:
        last = definitions[-1]
        notes.append(f"{name} is defined {len(definitions)} times; the last one counts ({_place(last)}).")
    slice_ = _Slice(statements)
    slice_.need(name, _END)
    return Extracted(*slice_.joined(tuple(notes)), stub=stub)


class _Slice:
    """Grows by `need`."""

    def __init__(self, statements: Sequence[Statement]):
        self.statements = statements
        self.places: dict[int, float] = {}  # of a wanted statement: where it stands in the slice
        self.names: set[str] = set()
        self._done: set[tuple[str, float, float]] = set()

    def need(self, name: str, limit: float, at: float = _END) -> None:
        """Want what binds `name` above statement `limit`, placed above `at`.

        Where nothing above binds it, cells were run in another order: what stands below is moved up.
        """
        waiting = [(name, limit, at)]
        while waiting:
            name, limit, at = task = waiting.pop()
            if task in self._done:
                continue
            self._done.add(task)
            self.names.add(name)
            binding = [k for k, s in enumerate(self.statements) if name in s.binds]
            above = [k for k in binding if k < limit]
            if binding and not above:
                above, at = binding, min(at, limit)
            if not binding and not hasattr(builtins, name):
                above = [k for k, s in enumerate(self.statements) if "*" in s.binds]
            for k in reversed(above):
                self.places[k] = min(self.places.get(k, k), k if k < at else at - 0.5)
                waiting += [(read, k, at) for read in self.statements[k].now]
                waiting += [(read, limit, at) for read in self.statements[k].later]
                if name in self.statements[k].whole:
                    break

    def joined(self, notes: tuple[str, ...]) -> tuple[str, tuple[str, ...], tuple[tuple[int, int], ...]]:
        """The text, the notes, and where each line came from."""
        for k, statement in enumerate(self.statements):
            if getattr(statement.node, "module", "") == "__future__":
                self.places[k] = -1.0
            elif "*" in statement.binds and not statement.node.module.startswith("cpm_edu"):
                self.places.setdefault(k, k)  # it may hide a builtin
        text, lines = [], []
        for k in sorted(self.places, key=lambda k: (self.places[k], k)):
            statement = self.statements[k]
            piece = self._only_needed(statement).split("\n")
            text += piece
            lines += [(statement.cell, statement.line + n) for n in range(len(piece))]
        return "\n".join(text) + "\n", notes, tuple(lines)

    def _only_needed(self, statement: Statement) -> str:
        """An import without the names that nothing needs, such as `check`."""
        node = statement.node
        if not isinstance(node, ast.Import | ast.ImportFrom) or getattr(node, "module", "") == "__future__":
            return statement.text
        kept = [a for a in node.names if (a.asname or a.name.split(".")[0]) in self.names or a.name == "*"]
        if len(kept) == len(node.names):
            return statement.text
        if isinstance(node, ast.Import):
            return ast.unparse(ast.Import(names=kept))
        return ast.unparse(ast.ImportFrom(module=node.module, names=kept, level=node.level))


def _place(statement: Statement) -> str:
    return f"cell {statement.cell}" if statement.cell else f"line {statement.line}"


def _is_stub(node: ast.stmt) -> bool:
    """A function that raises NotImplementedError before it returns, does nothing, or a text that asks for lines."""
    if isinstance(node, ast.Assign):
        texts = (n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant))
        return any(isinstance(text, str) and _STUB.search(text) for text in texts)
    if not isinstance(node, ast.FunctionDef):
        return False
    does_nothing = True
    for part in node.body:
        if isinstance(part, ast.Raise) and part.exc is not None:
            raised = part.exc.func if isinstance(part.exc, ast.Call) else part.exc
            if getattr(raised, "id", "") == "NotImplementedError":
                return True
        if any(isinstance(n, ast.Return) for n in ast.walk(part)):
            return False
        if not isinstance(part, ast.Pass) and not (
            isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        ):
            does_nothing = False
    return does_nothing
