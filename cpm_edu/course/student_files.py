"""Read what a student hands in: a notebook or a .py file, in the states in which such files arrive.

Nothing is executed. A notebook that was saved by Colab or VS Code, that lost its metadata, has magics, or cells that
were split, doubled or do not parse, is read as far as it can be; `StudentFile.notes` says what was left out.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import tokenize
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .slices import Extracted, NotInFile, extract
from .statements import Statement, statements_of

__all__ = [
    "Cell",
    "Extracted",
    "NotInFile",
    "StudentFile",
    "Unreadable",
    "pick_file",
    "read_student_bytes",
    "read_student_file",
]

LARGEST = 30_000_000  # bytes; a notebook full of pictures has a few million
MOST_CELLS = 2_000
MOST_CODE = 1_000_000  # characters; Python's parser takes minutes for some texts
LONGEST_ANSWER = 20_000  # characters of one text
_MARKER = re.compile(
    r"^[\s>*_#]*your answer\s*\(\s*(a\d+(?:q\d+|p))\s*\)[\s*_:.]*", re.IGNORECASE | re.MULTILINE
)
_PLACEHOLDER = re.compile(r"^\s*[*_]*write here\.?[*_]*\s*$", re.IGNORECASE | re.MULTILINE)
_PERCENT = re.compile(r"^#\s*%%(?P<rest>.*)$")


class Unreadable(ValueError):
    """The file is no notebook and no Python text; the message says why, for the student."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        number: its place in the file, from 1; 0 for a .py file that is read as one piece.
        kind: "code" or "text".
        text: its source.
        tags: of its metadata.
        first_line: the line of the file on which `text` begins; 1 in a notebook.
    """

    number: int
    kind: str
    text: str
    tags: tuple[str, ...] = ()
    first_line: int = 1


@dataclass(frozen=True)
class StudentFile:
    """A file that was read: its cells in order, and notes on what could not be used."""

    path: Path
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    text: str | None = None  # of a .py file; None for a notebook

    @property
    def is_notebook(self) -> bool:
        return self.text is None

    @cached_property
    def _statements(self) -> tuple[list[Statement], list[str]]:
        return statements_of(self.cells, self.text)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Notes on the cells that are no Python."""
        return tuple(self._statements[1])

    def source_of(self, name: str) -> Extracted:
        """The part of the file that the function, class or text of this name needs.

        Every top-level statement that binds a name which it needs, in their order: imports, definitions,
        assignments, and if, for, with and try that bind; never calls, magics or checks. Of several definitions the
        last counts, unless it is an untouched stub. Cells that could not be parsed are in the notes.

        Raises:
            NotInFile: a LookupError; no statement binds the name.
        """
        statements, notes = self._statements
        try:
            found = extract(statements, name)
        except NotInFile as error:
            raise NotInFile(" ".join([str(error), *notes])) from None
        return Extracted(found.source, (*self.notes, *notes, *found.notes), found.lines, found.stub)

    def texts(self) -> dict[str, str]:
        """Answers to the explain questions, such as {"a1q1": text}; "" for one that is not answered.

        An answer is what follows the line `**Your answer (a1q1)**`, or the cell that is tagged "a1q1", with the text
        cells that follow it up to a heading or a code cell.
        """
        answers: dict[str, str] = {}
        current = None
        for cell in self.cells:
            tagged = [tag.lower() for tag in cell.tags if re.fullmatch(r"a\d+(?:q\d+|p)", tag.lower())]
            pieces = _MARKER.split(cell.text)
            if len(pieces) > 1 or tagged:
                if len(pieces) == 1:
                    pieces = ["", tagged[0], cell.text]
                for id, text in zip(pieces[1::2], pieces[2::2], strict=True):
                    current = id.lower()
                    _keep(answers, current, text)
            elif cell.kind == "code" or re.match(r"\s*#{1,6}\s", cell.text):
                current = None
            elif current is not None:
                answers[current] = _cleaned(f"{answers[current]}\n\n{cell.text}")
        return answers


def _keep(answers: dict[str, str], id: str, text: str) -> None:
    """The last answer that says something."""
    text = _cleaned(text)
    if text or id not in answers:
        answers[id] = text


def _cleaned(text: str) -> str:
    text = _PLACEHOLDER.sub("", text).strip()
    return text if len(text) <= LONGEST_ANSWER else text[:LONGEST_ANSWER] + " (cut here)"


def read_student_file(path: str | Path) -> StudentFile:
    """Read a notebook or a .py file; which of them it is, is told by what is in it.

    Raises:
        Unreadable: it is empty, too large, no text, or a notebook whose JSON is damaged.
        OSError: it cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        return replace(read_student_bytes(file.read(LARGEST + 1), path.name), path=path)


def read_student_bytes(data: bytes, name: str) -> StudentFile:
    """The same from a file's content; `name` is used in messages."""
    if len(data) > LARGEST:
        raise Unreadable(
            f"{name} has more than {LARGEST // 1_000_000} MB; clear its outputs and hand it in again"
        )
    text, notes = _decoded(data, name)
    if not text.strip():
        raise Unreadable(f"{name} is empty")
    looks_like_json = text.lstrip().startswith("{") and ('"cells"' in text or '"worksheets"' in text)
    if Path(name).suffix.lower() == ".ipynb" or looks_like_json:
        file = StudentFile(Path(name), *_notebook(text, name, notes))
    else:
        file = StudentFile(Path(name), _percent_cells(text), tuple(notes), text)
    size = sum(len(cell.text) for cell in file.cells if cell.kind == "code")
    if len(file.cells) > MOST_CELLS or size > MOST_CODE:
        raise Unreadable(
            f"{name} has {len(file.cells):,} cells and {size:,} characters of code; at most {MOST_CELLS:,} and "
            f"{MOST_CODE:,} are read"
        )
    return file


def _decoded(data: bytes, name: str) -> tuple[str, list[str]]:
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"))
    encoding = next(
        (e for mark, e in (*marks, (codecs.BOM_UTF16_BE, "utf-16")) if data.startswith(mark)), None
    )
    if encoding is None:
        encoding = "utf-8"
        with suppress(SyntaxError):  # a line "# -*- coding: latin-1 -*-" is obeyed
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    notes = []
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        if b"\0" in data:
            raise Unreadable(f"{name} is no text file") from None
        text = data.decode("cp1252", errors="replace")
        notes.append(f"{name} is not UTF-8; it was read as Windows-1252.")
    if "\0" in text:
        raise Unreadable(f"{name} is no text file")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"), notes


# ---- notebooks


def _notebook(text: str, name: str, notes: list[str]) -> tuple[tuple[Cell, ...], tuple[str, ...]]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE):
            raise Unreadable(
                f"{name} holds the marks of an unfinished git merge (<<<<<<<); resolve them and save it again"
            ) from None
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(
            f"{name} is a damaged notebook: its JSON cannot be read{where}. Open it in Jupyter, save it, and look "
            "whether it opens again"
        ) from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if cells is None and isinstance(content, dict) and isinstance(content.get("worksheets"), list):
        sheets = [sheet for sheet in content["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets for cell in sheet.get("cells") or []]
        notes.append(f"{name} has the old notebook format 3; save it with a newer Jupyter.")
    if not isinstance(cells, list):
        raise Unreadable(f"{name} is no notebook: it has no cells")
    found = (_notebook_cell(number, cell) for number, cell in enumerate(cells, 1))
    return tuple(cell for cell in found if cell), tuple(notes)


def _notebook_cell(number: int, cell: object) -> Cell | None:
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        return None
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    tags = metadata.get("tags")
    tags = tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()
    has_outputs = "outputs" in cell or "execution_count" in cell or "prompt_number" in cell
    kind = cell.get("cell_type") or ("code" if has_outputs else "markdown")
    vscode = metadata.get("vscode")
    language = vscode.get("languageId", "python") if isinstance(vscode, dict) else "python"
    kind = "code" if kind == "code" and language == "python" else "text"
    return Cell(number, kind, source.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"), tags)


# ---- Python files


def _percent_cells(text: str) -> tuple[Cell, ...]:
    """The cells of a file with `# %%` lines; a file without them is one cell."""
    lines = text.split("\n")
    starts = [k for k, line in enumerate(lines) if _PERCENT.match(line)]
    if not starts:
        return (Cell(0, "code", text),)
    cells = [Cell(0, "code", "\n".join(lines[: starts[0]]))] if starts[0] else []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True), 1):
        rest = _PERCENT.match(lines[start])["rest"]
        body = lines[start + 1 : end]
        is_text = bool(re.search(r"\[(markdown|md|raw)\]", rest))
        listed = re.search(r"tags\s*=\s*\[(.*?)\]", rest)
        tags = tuple(re.findall(r"[\"']([^\"']+)[\"']", listed[1])) if listed else ()
        if is_text:
            cells.append(Cell(number, "text", _uncommented(body), tags, start + 2))
        else:
            cells.append(Cell(number, "code", "\n".join(body), tags, start + 2))
    return tuple(cells)


def _uncommented(lines: Sequence[str]) -> str:
    text = "\n".join(re.sub(r"^# ?", "", line) for line in lines).strip("\n")
    quoted = re.fullmatch(r"\s*r?(\"\"\"|''')(.*)\1\s*", text, re.DOTALL)
    return quoted[2].strip("\n") if quoted else text


# ---- which of several files


def pick_file(paths: Iterable[str | Path], names: Sequence[str]) -> tuple[StudentFile, str]:
    """Of a student's files that which answers most of `names` (a stub is no answer); ties: the newest.

    Returns:
        The file, and a sentence that says which was taken if there were several, else "".

    Raises:
        Unreadable: none of them can be read, or there is none.
    """
    best, read, reasons = None, [], []
    for path in sorted(map(Path, paths)):
        try:
            file = read_student_file(path)
        except (Unreadable, OSError) as error:
            reasons.append(str(error))
            continue
        stubs = []
        for name in names:
            with suppress(NotInFile):
                stubs.append(file.source_of(name).stub)
        written = stubs.count(False)
        newest = path.stat().st_mtime_ns if written else 0
        rank = (written, len(stubs), newest, file.is_notebook, path.name)
        read.append(path.name)
        if best is None or rank > best[0]:
            best = rank, file
    if best is None:
        raise Unreadable("; ".join(reasons) or "there is no notebook and no .py file")
    others = [name for name in read if name != best[1].path.name] if best[0][0] else []
    said = f"{best[1].path.name} was taken, not {', '.join(others)}." if others else ""
    return best[1], said
