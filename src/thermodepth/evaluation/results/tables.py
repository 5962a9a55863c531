"""A printed table: what it says is separate from where it is printed.

Every table of the project is one of these, so the same numbers come out as markdown for a report, csv with
all digits for a machine, LaTeX for a paper and colour for the terminal.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from thermodepth.evaluation.results.terminal_table import TerminalTable

Better = Literal["lower", "higher", "closer"]
_ARROW = {"lower": "↓", "higher": "↑"}
_NO_VALUE = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a line or column of numbers is called: with its arrow for people, without for machines."""

    label: str
    better: Better | None = None
    optimum: float | None = None  # what "closer" is closer to

    @property
    def shown(self) -> str:
        """The label with its arrow, or with what it should be."""
        if self.better == "closer" and self.optimum is not None:
            return f"{self.label} → {self.optimum:g}"
        return f"{self.label} {_ARROW[self.better]}" if self.better in _ARROW else self.label


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is printed with digits of its own, where a column mixes metrics."""

    value: float
    digits: int  # after the decimal point


@dataclass(frozen=True, slots=True)
class Interval:
    """`[low, high]`, behind its number where one cell holds both; for machines a column each."""

    low: float
    high: float
    digits: int  # after the decimal point
    value: float | None = None


Cell = (
    str | int | float | Number | Interval | Heading | None
)  # None: there is no value, printed as a dash


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one column holds and how its numbers are printed."""

    label: str
    align: Literal["left", "right"] = "right"
    digits: int | None = None  # after the decimal point; needed by a column with floats
    better: Better | None = None  # printed behind the label
    optimum: float | None = None  # what "closer" is closer to
    signed: bool = False  # a plus before positive numbers, for differences

    @property
    def heading(self) -> str:
        """The label with its arrow, or with what it should be."""
        return Heading(label=self.label, better=self.better, optimum=self.optimum).shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under columns. A cell is ready text, a number, a heading, or None for "no value"."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()  # lines below: protocol, counts, what bold means
    bold: frozenset[tuple[int, int]] = frozenset()  # (row, column) of emphasised cells
    caption_notes: int = 0  # how many notes, from the first, LaTeX says in the caption
    label: str = ""  # that LaTeX refers to
    rules: frozenset[int] = frozenset()  # rows that LaTeX draws a line above
    shared: int = 0  # the first columns that LaTeX prints once between two rules
    folded_at: int = (
        0  # markdown says the columns from here in a second table, behind the first column
    )
    records: Table | None = None  # the same with one number a cell: what csv writes instead

    def __post_init__(self) -> None:
        assert self.title, "a table needs a title"
        assert self.columns, "a table needs a column"
        for number, row in enumerate(self.rows):
            assert len(row) == len(self.columns), (
                f"row {number} has {len(row)} cells, the table {len(self.columns)} columns"
            )
            for cell, column in zip(row, self.columns, strict=True):
                assert cell is None or isinstance(
                    cell, str | int | float | Number | Interval | Heading
                ), f"row {number}, '{column.label}': {type(cell).__name__} is not a cell"
                # A number that is not finite is somebody's lost error; "diverged" is a text cell.
                for value, digits in _numbers(cell, column):
                    at = f"row {number}, '{column.label}': {value}"
                    assert math.isfinite(value), f"{at} needs to be finite"
                    assert digits is not None, f"{at} needs to have digits"
        for row_number, column_number in self.bold:
            assert 0 <= row_number < len(self.rows), f"bold row {row_number} does not exist"
            assert 0 <= column_number < len(self.columns), (
                f"bold column {column_number} does not exist"
            )

    def markdown(self) -> str:
        """GitHub-flavoured markdown: the title in bold, the table, the notes."""
        lines = [f"**{_markdown(self.title)}**", ""]
        places = range(len(self.columns))
        if self.folded_at:
            lines += self._markdown_lines(places[: self.folded_at])
            lines += ["", *self._markdown_lines((0, *places[self.folded_at :]))]
        else:
            lines += self._markdown_lines(places)
        for note in self.notes:
            lines += ["", _markdown(note)]
        return "\n".join(lines) + "\n"

    def _markdown_lines(self, places: Sequence[int]) -> list[str]:
        columns = [self.columns[place] for place in places]
        lines = [
            _pipes([_markdown(column.heading) for column in columns]),
            _pipes([":---" if column.align == "left" else "---:" for column in columns]),
        ]
        for r, row in enumerate(self.rows):
            cells = []
            for place in places:
                text = _markdown(cell_text(row[place], self.columns[place]))
                if isinstance(row[place], Interval):
                    text = text.replace(", ", ",\u00a0")  # a narrow page breaks before the bracket
                cells.append(f"**{text}**" if text and (r, place) in self.bold else text)
            lines.append(_pipes(cells))
        return lines

    def csv(self) -> str:
        """Comma-separated, plain labels first; numbers with all digits, no arrows, no value as empty.

        A column of intervals becomes one of the numbers, where there are any, `LABEL low` and `LABEL high`.
        """
        table = self if self.records is None else self.records
        columns = [
            _plain_column(column.label, [row[place] for row in table.rows])
            for place, column in enumerate(table.columns)
        ]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for line in zip(*(plain for column in columns for plain in column), strict=True):
            writer.writerow(line)
        return text.getvalue()

    def latex(self) -> str:
        """`table` environments for LaTeX with the booktabs package, that fit a page of one column or two."""
        from thermodepth.evaluation.results.latex_table import latex_table

        return latex_table(self)

    def rich(self) -> TerminalTable:
        """For `rich.print`, in a terminal of any width; brackets in the text stay brackets."""
        from thermodepth.evaluation.results.terminal_table import TerminalTable

        return TerminalTable(self)

    def printed(self) -> list[list[str]]:
        """Every cell as text with its digits, before any markup."""
        return [
            [cell_text(cell, column) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


def _numbers(cell: Cell, column: Column) -> list[tuple[float, int | None]]:
    """The numbers of a cell that are printed with digits."""
    if isinstance(cell, Number):
        return [(cell.value, cell.digits)]
    if isinstance(cell, Interval):
        values = (cell.low, cell.high, *(() if cell.value is None else (cell.value,)))
        return [(value, cell.digits) for value in values]
    return [(cell, column.digits)] if isinstance(cell, float) else []


def cell_text(cell: Cell, column: Column) -> str:
    """A cell as people read it, before any markup."""
    if cell is None:
        return _NO_VALUE
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Heading):
        return cell.shown
    if isinstance(cell, Interval):
        number, span = interval_texts(cell, column)
        return f"{number} {span}" if number else span
    value, digits = (
        (float(cell.value), cell.digits) if isinstance(cell, Number) else (cell, column.digits)
    )
    return _number_text(value, digits, signed=column.signed)


def interval_texts(cell: Interval, column: Column) -> tuple[str, str]:
    """(the number or nothing, the interval in brackets)."""
    number, low, high = (
        "" if value is None else _number_text(float(value), cell.digits, signed=column.signed)
        for value in (cell.value, cell.low, cell.high)
    )
    return number, f"[{low}, {high}]"


def _number_text(value: float, digits: int | None, *, signed: bool) -> str:
    sign = "+" if signed else ""
    # z: what rounds to zero is printed without a minus. A zero difference has no sign at all.
    form = f"{sign}z.{digits}f" if isinstance(value, float) else f"{sign}d"
    text = format(value, form)
    if signed and not text.strip("+0."):
        text = text.removeprefix("+")
    return text.replace("-", "−")


def _plain_column(label: str, cells: list[Cell]) -> list[list[str | int]]:
    """A column for a machine, its label first: one column, or those that intervals become."""
    intervals = [cell for cell in cells if isinstance(cell, Interval)]
    if not intervals:
        return [[label, *map(_plain, cells)]]
    bounds = [cell if isinstance(cell, Interval) else None for cell in cells]
    low = [f"{label} low", *("" if each is None else _plain(each.low) for each in bounds)]
    high = [f"{label} high", *("" if each is None else _plain(each.high) for each in bounds)]
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
