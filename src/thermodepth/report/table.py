"""A printed table: what it says is separate from where it is printed.

Every table of the project is one of these, so the same numbers come out as markdown for a report, csv with
all digits for a machine, LaTeX for a paper and colour for the terminal.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.files import write_text
from thermodepth.report.contents import (
    Better,
    Cell,
    Column,
    Heading,
    Interval,
    Number,
    TableContents,
    cell_text,
)

if TYPE_CHECKING:
    from thermodepth.report.terminal import TerminalTable

__all__ = ["Better", "Cell", "Column", "Heading", "Interval", "Number", "Table", "write_tables"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(TableContents):
    """Rows of cells under columns, and the forms that they are printed in."""

    def markdown(self) -> str:
        """GitHub-flavoured markdown: the title in bold, the table, the notes."""
        lines = [f"**{_markdown(self.title)}**", ""]
        indices = range(len(self.columns))
        if self.folded_at:
            lines += self._markdown_lines(indices[: self.folded_at])
            lines += ["", *self._markdown_lines((0, *indices[self.folded_at :]))]
        else:
            lines += self._markdown_lines(indices)
        for note in self.notes:
            lines += ["", _markdown(note)]
        return "\n".join(lines) + "\n"

    def _markdown_lines(self, indices: Sequence[int]) -> list[str]:
        columns = [self.columns[index] for index in indices]
        lines = [
            _pipes([_markdown(column.heading) for column in columns]),
            _pipes([":---" if column.align == "left" else "---:" for column in columns]),
        ]
        for r, row in enumerate(self.rows):
            cells = []
            for index in indices:
                text = _markdown(cell_text(row[index], self.columns[index]))
                if isinstance(row[index], Interval):
                    text = text.replace(", ", ",\u00a0")  # a narrow page breaks before the bracket
                cells.append(f"**{text}**" if text and (r, index) in self.bold else text)
            lines.append(_pipes(cells))
        return lines

    def csv(self) -> str:
        """Comma-separated, plain labels first; numbers with all digits, no arrows, no value as empty.

        A column of intervals becomes one of the numbers, where there are any, `LABEL low` and `LABEL high`.
        """
        table = self if self.records is None else self.records
        columns = [
            _plain_column(column.label, [row[index] for row in table.rows])
            for index, column in enumerate(table.columns)
        ]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for line in zip(*(plain for column in columns for plain in column), strict=True):
            writer.writerow(line)
        return text.getvalue()

    def latex(self) -> str:
        """`table` environments for LaTeX with the booktabs package, that fit a page of one column or two."""
        from thermodepth.report.latex_table import latex_table

        return latex_table(self)

    def rich(self) -> TerminalTable:
        """For `rich.print`, in a terminal of any width; brackets in the text stay brackets."""
        from thermodepth.report.terminal import TerminalTable

        return TerminalTable(self)


def write_tables(folder: Path, tables: Mapping[str, Table]) -> list[Path]:
    """Each table as STEM.md, STEM.csv and STEM.tex; every file whole or absent, and the same bytes again."""
    written = []
    for stem, table in tables.items():
        for suffix, text in (
            (".md", table.markdown()),
            (".csv", table.csv()),
            (".tex", table.latex()),
        ):
            write_text(folder / f"{stem}{suffix}", text)
            written.append(folder / f"{stem}{suffix}")
    return written


def _plain_column(label: str, cells: list[Cell]) -> list[list[str | int]]:
    """A column for a machine, its label first: one column, or those that intervals become."""
    intervals = [cell for cell in cells if isinstance(cell, Interval)]
    if not intervals:
        return [[label, *map(_plain, cells)]]
    bounds = [cell if isinstance(cell, Interval) else None for cell in cells]
    low = [f"{label} low", *("" if span is None else _plain(span.low) for span in bounds)]
    high = [f"{label} high", *("" if span is None else _plain(span.high) for span in bounds)]
    numbers = [cell.value if isinstance(cell, Interval) else cell for cell in cells]
    if all(number is None for number in numbers):
        return [low, high]
    return [[label, *map(_plain, numbers)], low, high]


def _plain(cell: Cell) -> str | int:
    """For a machine."""
    if cell is None:
        return ""
    if isinstance(cell, Heading):
        return cell.label
    assert not isinstance(cell, Interval), "an interval is columns of its own"
    value = cell.value if isinstance(cell, Number) else cell
    return repr(float(value)) if isinstance(value, float) else value


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    text = re.sub(r"([\\|*`<\[\]])", r"\\\1", " ".join(text.split()))
    # An underscore inside a word is only an underscore; at its edge it would start emphasis.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)
