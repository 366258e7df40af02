"""`Table`: one small table for the terminal, the notebook and a CSV file."""

from __future__ import annotations

import csv
import html
import io
import math
import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Table"]

MISSING = "–"


class Table:
    """Columns, rows and a caption; `str()`, `_repr_html_()`, `csv()` and `to_csv()`.

    Args:
        columns: the column names, each once.
        rows: each row a sequence with one value a column, or a mapping from column to value (a column
            that it lacks is missing). None and NaN are missing.
        caption: one line that says what the numbers are.
        formats: format specification per column, such as {"PCK": ".2f"}; for numbers only. Other floats
            get four significant digits.

    Raises:
        ValueError: a repeated column, a row of another length, an unknown column, a bad format.

    Example:
        >>> print(Table(["joint", "PCK"], [["head", 0.9], ["wrist", None]], formats={"PCK": ".1%"}))
        joint    PCK
        -----  -----
        head   90.0%
        wrist      –
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence | Mapping],
        *,
        caption: str = "",
        formats: Mapping[str, str] | None = None,
    ) -> None:
        self.columns = tuple(str(column) for column in columns)
        self.caption = str(caption)
        self.formats = dict(formats or {})
        if not self.columns or len(set(self.columns)) != len(self.columns):
            raise ValueError(f"a table needs columns with different names, not {self.columns}")
        self._require_known(self.formats, "formats")
        self.rows = [self._row(index, row) for index, row in enumerate(rows)]
        self._text = [
            [self._cell(*cell) for cell in zip(self.columns, row, strict=True)] for row in self.rows
        ]
        self._is_number = [
            any(not _missing(value) for value in values)
            and all(_missing(value) or _number(value) for value in values)
            for values in map(self.column, self.columns)
        ]

    def _require_known(self, names, what: str) -> None:
        unknown = [name for name in names if name not in self.columns]
        if unknown:
            raise ValueError(f"{what} names columns {unknown}; the table has {list(self.columns)}")

    def _row(self, index: int, row: Sequence | Mapping) -> tuple:
        if isinstance(row, Mapping):
            self._require_known(row, f"row {index}")
            row = [row.get(column) for column in self.columns]
        row = tuple(_plain(value) for value in row)
        if len(row) != len(self.columns):
            raise ValueError(f"row {index} has {len(row)} values for {len(self.columns)} columns")
        return row

    def _cell(self, column: str, value) -> str:
        if _missing(value):
            return MISSING
        if not _number(value):
            return str(value)
        default = "" if isinstance(value, numbers.Integral) else ".4g"
        try:
            return format(value, self.formats.get(column, default))
        except ValueError as error:
            raise ValueError(
                f"column {column!r}: format {self.formats[column]!r} of {value!r}: {error}"
            ) from None

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list:
        """The values of one column, unformatted; ValueError for an unknown name."""
        self._require_known([name], "column()")
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def __str__(self) -> str:
        lines = [[" ".join(cell.split()) for cell in line] for line in [self.columns, *self._text]]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        shown = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, self._is_number, strict=True)
            ).rstrip()
            for line in lines
        ]
        return "\n".join([self.caption, *shown] if self.caption else shown)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """HTML with a caption and header cells that a screen reader announces."""
        aligned = ["right" if right else "left" for right in self._is_number]

        def cell(tag: str, text: str, align: str, scope: str = "") -> str:
            scope = f' scope="{scope}"' if scope else ""
            return f'<{tag}{scope} style="text-align: {align}">{html.escape(text)}</{tag}>'

        head = "".join(cell("th", c, a, "col") for c, a in zip(self.columns, aligned, strict=True))
        body = "\n".join(
            "<tr>"
            + cell("th", line[0], aligned[0], "row")
            + "".join(cell("td", text, a) for text, a in zip(line[1:], aligned[1:], strict=True))
            + "</tr>"
            for line in self._text
        )
        caption = f"<caption>{html.escape(self.caption)}</caption>\n" if self.caption else ""
        head = f"<thead><tr>{head}</tr></thead>"
        return f"<table>\n{caption}{head}\n<tbody>\n{body}\n</tbody>\n</table>"

    def csv(self) -> str:
        """Comma-separated text: a header line, numbers in full precision, missing values empty; no caption."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([["" if _missing(value) else value for value in row] for row in self.rows])
        return text.getvalue()

    def to_csv(self, path: str | os.PathLike) -> None:
        """Write `csv()` in UTF-8; an existing file is replaced only when the new one is complete.

        Raises:
            OSError: the folder does not exist, cannot be written, or is full.
        """
        path = Path(path)
        part = path.with_name(f"{path.name}.part{os.getpid()}")
        try:
            part.write_text(self.csv(), encoding="utf-8", newline="")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def _plain(value):
    """A Python number for a numpy scalar or a tensor of no dimension."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _missing(value) -> bool:
    return value is None or (_number(value) and math.isnan(value))
