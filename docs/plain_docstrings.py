"""Docstrings are plain text that reads well in help(); here they become reStructuredText for Sphinx.

What differs: an indented block under a paragraph is shown as it stands, stars and bars are stars and bars, and
`Returns:` is a paragraph, or a list where every line names a value. Napoleon reads `Args:` and the rest.
"""

from __future__ import annotations

import re

SECTION = re.compile(r"^(Args|Yields|Raises|Attributes|Note|Notes|Example|Examples):\s*$")
RETURNED = re.compile(r"^(\w+(?:, \w+)*): +(.*)$")
CODE = re.compile(r"(`[^`]*`)")
SPECIAL = re.compile(r"(?<!\\)([*|])|(?<=\w)(_)(?!\w)")


def to_rest(app, what, name, obj, options, lines: list[str]) -> None:
    """Sphinx' event `autodoc-process-docstring`: change `lines` in place."""
    lines[:] = rewrite(lines)


def escape(text: str) -> str:
    r"""Text in which `*`, `|` and a word's trailing underscore mean themselves; what is in backticks is left."""
    pieces = CODE.split(text)
    pieces[::2] = [SPECIAL.sub(lambda found: "\\" + found[0], piece) for piece in pieces[::2]]
    return "".join(pieces)


def rewrite(lines: list[str]) -> list[str]:
    """The lines of a docstring, without its outer indentation, as reStructuredText."""
    out, inside = [], ""  # inside: "", "block", "section" or "returns"
    returned: list[str] = []
    for number, line in enumerate([*lines, "end"]):
        indented = line.startswith(" ")
        if inside == "returns" and line.strip() and not indented:
            out += returns(returned)
        if not line.strip():
            (returned if inside == "returns" else out).append("")
            continue
        if not indented:
            inside = "returns" if line.strip() == "Returns:" else "section" if SECTION.match(line) else ""
            returned = []
        elif not inside and number and not lines[number - 1].strip():
            out += ["::", ""]
            inside = "block"
        if inside == "returns":
            returned += [line] if indented else []
        else:
            out.append(line if inside == "block" else escape(line))
    return out[:-1]


def returns(lines: list[str]) -> list[str]:
    """The field of a `Returns:` section: a list where the first line names a value, else a paragraph."""
    lines = [line[4:] for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not RETURNED.match(lines[0]):
        return [":returns:", *(f"   {escape(line.strip())}" for line in lines), ""]
    out = [":returns:"]
    for line in lines:
        named = RETURNED.match(line)
        out.append(
            f"   * **{escape(named[1])}**: {escape(named[2])}" if named else f"     {escape(line.strip())}"
        )
    return [*out, ""]
