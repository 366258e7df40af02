"""Solution markers: found, checked, and replaced by what a student starts from.

`### BEGIN SOLUTION` and `### END SOLUTION` on lines of their own, in Python at any indent and in prose; in the text of
a kernel `// BEGIN SOLUTION` and `// END SOLUTION`. In a file of exercises `### BEGIN HIDDEN` and `### END HIDDEN`
enclose what students do not get.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Region", "find_regions", "function_around", "informative", "replace_regions", "without_hidden"]

MARKER = re.compile(r"\s*(?P<sign>###|//) (?P<word>BEGIN|END) (?P<what>SOLUTION|HIDDEN)\s*")
ALMOST = re.compile(r"\b(begin|end)\W{0,3}(solution|hidden)s?\b", re.IGNORECASE)
NEAR = 0.85  # of difflib, for a comment to be a misspelt marker


@dataclass(frozen=True)
class Region:
    """Lines `start` to `end` of a cell, counted from 0, the markers themselves included.

    Args:
        sign: "###" or "//".
        indent: of the BEGIN line.
        inside: the lines between.
    """

    start: int
    end: int
    sign: str
    indent: str
    inside: tuple[str, ...]


def find_regions(
    lines: Sequence[str], where: Callable[[int], str], what: str
) -> tuple[list[Region], list[str]]:
    """The marked regions of one cell or file, and what is wrong with its markers.

    Args:
        where: from a line, counted from 0, to "file:line".
        what: "SOLUTION" or "HIDDEN"; a marker of the other word is a mistake.
    """
    regions, problems = [], []
    begun: tuple[int, re.Match] | None = None
    for number, line in enumerate(lines):
        found = MARKER.fullmatch(line)
        if found is None:
            if _is_almost(line):
                problems.append(
                    f"{where(number)}: {line.strip()!r} is not a marker; write ### BEGIN {what} or ### END {what}, "
                    "alone on its line (// in a kernel)"
                )
        elif found["what"] != what:
            problems.append(f"{where(number)}: {line.strip()} has no place here")
        elif found["word"] == "BEGIN":
            if begun:
                problems.append(f"{where(number)}: BEGIN {what} within that of {where(begun[0])}")
            else:
                begun = number, found
        elif begun is None:
            problems.append(f"{where(number)}: END {what} without BEGIN {what}")
        else:
            first, opened = begun
            if opened["sign"] != found["sign"]:
                problems.append(
                    f"{where(number)}: ends with {found['sign']} what began with {opened['sign']}"
                )
            indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
            inside = tuple(lines[first + 1 : number])
            if not any(text.strip() for text in inside):
                problems.append(f"{where(first)}: nothing between BEGIN and END {what}")
            regions.append(Region(first, number, opened["sign"], indent, inside))
            begun = None
    if begun:
        problems.append(f"{where(begun[0])}: BEGIN {what} without END {what}")
    return regions, problems


def _is_almost(line: str) -> bool:
    """Whether a line was meant to be a marker."""
    if ALMOST.search(line):
        return "###" in line or "//" in line or bool(re.match(r"\s*#", line))
    bare = re.fullmatch(r"\s*(?:#+|//+)\s*([A-Z]+[ _-]?[A-Z]+)\s*", line)
    wanted = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN", "END HIDDEN")
    return bool(bare and difflib.get_close_matches(bare[1], wanted, 1, NEAR))


def replace_regions(lines: Sequence[str], regions: Sequence[Region], stub: Callable[[Region], str]) -> str:
    """The text with one line in the place of every region, indented as its BEGIN line; "" leaves nothing."""
    kept, position = [], 0
    for region in regions:
        kept += lines[position : region.start]
        text = stub(region)
        kept += [region.indent + text] if text else []
        position = region.end + 1
    return "\n".join([*kept, *lines[position:]])


def without_hidden(text: str, name: str) -> tuple[str, list[str]]:
    """A file of exercises as students get it, and what is wrong with its markers."""
    lines = text.splitlines()
    regions, problems = find_regions(lines, lambda k: f"{name}:{k + 1}", "HIDDEN")
    return replace_regions(lines, regions, lambda _: "").rstrip() + "\n", problems


def function_around(tree: ast.AST, line: int) -> str:
    """The innermost function that holds a line, counted from 1; "" outside of any."""
    holding = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno < line <= (node.end_lineno or node.lineno)
    ]
    return max(holding, key=lambda node: node.lineno).name if holding else ""


def informative(line: str) -> str:
    """A line of a solution without its spaces if it tells something of the solution, else "".

    Telling is a line of prose of six words, and a line of code that computes: with eight signs or words and an
    operator between values. Loop heads, returns of a name, imports and unpacked arguments stand in every file.
    """
    text = re.sub(r"\s*#\s.*$|\s*//.*$", "", line).strip()
    signs = re.findall(r"\w+(?:\.\w+)*|[^\w\s]", text)
    if len(signs) < 8 or re.match(r"(import|from|def|class|for|while|with|return \w+$|@|__global__)", text):
        return ""
    computes = re.search(r"\w\s*(\*\*|[-+*/%@&|<>])\s*\(?\w|\)\s*[-+*/%@<>]|\w\(", text)
    prose = len(re.findall(r"[^\W\d_]{2,}", text)) >= 6
    return "".join(text.split()) if computes or prose else ""
