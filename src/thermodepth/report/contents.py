"""What a printed table says: cells, columns and rows, apart from how and where they are printed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

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
    def text(self) -> str:
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
        return Heading(label=self.label, better=self.better, optimum=self.optimum).text


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContents:
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
    records: TableContents | None = None  # the same with one number a cell: what csv writes instead

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
        return cell.text
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
