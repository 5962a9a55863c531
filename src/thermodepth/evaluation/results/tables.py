"""A printed table: what it says is separate from where it is printed.

Every table of the project is one of these, so the same numbers come out as markdown for a report, csv with
all digits for a machine, LaTeX for a paper and colour for the terminal.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table as RichTable

Cell = str | int | float | None  # None: there is no value, printed as a dash
_ARROW = {"lower": "↓", "higher": "↑"}
_NO_VALUE = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one column holds and how its numbers are printed."""

    label: str
    align: Literal["left", "right"] = "right"
    digits: int | None = None  # after the decimal point; needed by a column with floats
    better: Literal["lower", "higher", "closer"] | None = None  # printed behind the label
    optimum: float | None = None  # what "closer" is closer to
    signed: bool = False  # a plus before positive numbers, for differences

    @property
    def heading(self) -> str:
        """The label with its arrow, or with what it should be."""
        if self.better == "closer" and self.optimum is not None:
            return f"{self.label} → {self.optimum:g}"
        return f"{self.label} {_ARROW[self.better]}" if self.better in _ARROW else self.label


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under columns. A cell is ready text, a number, or None for "no value"."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()  # lines below: protocol, counts, what bold means
    bold: frozenset[tuple[int, int]] = frozenset()  # (row, column) of emphasised cells

    def __post_init__(self) -> None:
        assert self.title, "a table needs a title"
        assert self.columns, "a table needs a column"
        for number, row in enumerate(self.rows):
            assert len(row) == len(self.columns), (
                f"row {number} has {len(row)} cells, the table {len(self.columns)} columns"
            )
            for cell, column in zip(row, self.columns, strict=True):
                assert cell is None or isinstance(cell, str | int | float), (
                    f"row {number}, '{column.label}': {type(cell).__name__} is not a cell"
                )
                # A number that is not finite is somebody's lost error; "diverged" is a text cell.
                assert not isinstance(cell, float) or (
                    math.isfinite(cell) and column.digits is not None
                ), f"row {number}, '{column.label}': {cell} needs to be finite and to have digits"
        for row_number, column_number in self.bold:
            assert 0 <= row_number < len(self.rows), f"bold row {row_number} does not exist"
            assert 0 <= column_number < len(self.columns), (
                f"bold column {column_number} does not exist"
            )

    def markdown(self) -> str:
        """GitHub-flavoured markdown: the title in bold, the table, the notes."""
        lines = [f"**{_markdown(self.title)}**", ""]
        lines.append(_pipes([_markdown(column.heading) for column in self.columns]))
        lines.append(_pipes([":---" if c.align == "left" else "---:" for c in self.columns]))
        for r, row in enumerate(self.printed()):
            cells = [_markdown(text) for text in row]
            lines.append(
                _pipes(
                    [f"**{t}**" if t and (r, c) in self.bold else t for c, t in enumerate(cells)]
                )
            )
        for note in self.notes:
            lines += ["", _markdown(note)]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """Comma-separated, a line of plain labels first; numbers with all digits, no value as empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.label for column in self.columns])
        for row in self.rows:
            writer.writerow(
                ["" if c is None else repr(float(c)) if isinstance(c, float) else c for c in row]
            )
        return text.getvalue()

    def latex(self) -> str:
        """A `table` environment for LaTeX with the booktabs package; all text is escaped."""
        lines = [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{_latex(self.title)}}}",
            r"\begin{tabular}{" + "".join(column.align[0] for column in self.columns) + "}",
            r"\toprule",
            " & ".join(_latex(column.heading) for column in self.columns) + r" \\",
            r"\midrule",
        ]
        for r, row in enumerate(self.printed()):
            cells = [_latex(text) for text in row]
            cells = [rf"\textbf{{{t}}}" if (r, c) in self.bold else t for c, t in enumerate(cells)]
            lines.append(" & ".join(cells) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\smallskip{{\footnotesize {_latex(note)}\par}}" for note in self.notes]
        return "\n".join([*lines, r"\end{table}"]) + "\n"

    def rich(self) -> RichTable:
        """For `rich.print`; brackets in the text stay brackets."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=Text(self.title, style="bold"),
            box=box.SIMPLE_HEAD,
            caption=Text("\n".join(self.notes)) if self.notes else None,
        )
        for column in self.columns:
            # Fold: in a narrow terminal a number takes two lines rather than losing its digits.
            names = column.align == "left"
            table.add_column(
                Text(column.heading), justify=column.align, overflow="fold", no_wrap=names
            )
        for r, row in enumerate(self.printed()):
            table.add_row(
                *(
                    Text(text, style="bold" if (r, c) in self.bold else "")
                    for c, text in enumerate(row)
                )
            )
        return table

    def printed(self) -> list[list[str]]:
        """Every cell as text with its digits, before any markup."""
        return [
            [_text(cell, column) for cell, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


def _text(cell: Cell, column: Column) -> str:
    if cell is None:
        return _NO_VALUE
    if isinstance(cell, str):
        return cell
    sign = "+" if column.signed else ""
    # z: what rounds to zero is printed without a minus. A zero difference has no sign at all.
    form = f"{sign}z.{column.digits}f" if isinstance(cell, float) else f"{sign}d"
    text = format(cell, form)
    if column.signed and not text.strip("+0."):
        text = text.removeprefix("+")
    return text.replace("-", "−")


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    text = re.sub(r"([\\|*`<\[\]])", r"\\\1", " ".join(text.split()))
    # An underscore inside a word is only an underscore; at its edge it would start emphasis.
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: "\\" + c for c in "{}$&#%_"},
    # A row that starts with one of these would be read as an argument of the row end or rule before it.
    **{c: f"{{{c}}}" for c in "[]*"},
    # Outside math mode the classic font encoding prints other characters for these three.
    **{c: f"${c}$" for c in "<>|"},
    "−": "$-$",
    "–": "--",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": "$^2$",
    "³": "$^3$",
    "√": r"$\surd$",
    "δ": r"$\delta$",
    "Δ": r"$\Delta$",
    "σ": r"$\sigma$",
    "µ": r"$\mu$",
    "μ": r"$\mu$",
    "β": r"$\beta$",
    "λ": r"$\lambda$",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))
