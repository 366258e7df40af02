"""Errors of the compilers, told in the student's own lines."""

from __future__ import annotations

import re

from .source_text import TAIL, KernelSource

__all__ = ["CompileError", "explain", "list_errors"]

GNU = re.compile(
    r"^\s*(?P<file>[^\n:]+):(?P<line>\d+):(?:(?P<column>\d+):)? (?:fatal )?error: (?P<text>.*)$", re.MULTILINE
)
NVRTC = re.compile(
    r"^(?P<file>[^\n(]+)\((?P<line>\d+)\)(?P<column>): (?:catastrophic )?error[^:]*: (?P<text>.*)$",
    re.MULTILINE,
)


class CompileError(RuntimeError):
    """A kernel's source does not compile.

    Attributes:
        errors: (file, line, text) of each error; file "" is the source itself.
    """

    def __init__(self, message: str, errors: list[tuple[str, int, str]]):
        super().__init__(message)
        self.errors = errors


def explain(error: Exception, source: KernelSource) -> CompileError | None:
    """The CompileError behind a failed build, or None where the source is not to blame."""
    return list_errors(str(error), GNU, source, "the C++ compiler of the emulator")


def list_errors(log: str, pattern: re.Pattern, source: KernelSource, compiler: str) -> CompileError | None:
    lines, errors = [f"the kernel does not compile ({compiler}):"], []
    for match in pattern.finditer(log):
        file, number, text = match["file"].strip(), int(match["line"]), match["text"].strip()
        if file == TAIL or file.endswith(
            "emulator/entry.h"
        ):  # what follows the source is right if that is closed
            file, number, text = (
                source.label,
                source.text.count("\n") + 1,
                "the source ends inside a { or a (",
            )
            if errors:
                continue
        shown = source.shown(file)
        errors.append((shown, number, text))
        lines.append(f"{shown + ' ' if shown else ''}line {number}: {text}")
        if code := source.line(file, number):
            lines.append(f"    {code}")
    return CompileError("\n".join(lines), errors) if errors else None
