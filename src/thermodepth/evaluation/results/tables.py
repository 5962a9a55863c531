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
    from thermodepth.evaluation.results.terminal_table import TerminalTable

Better = Literal["lower", "higher", "closer"]
_ARROW = {"lower": "↓", "higher": "↑"}
_NO_VALUE = "–"
_HEADING_LETTERS = 10  # in a line, above that many columns
_MANY_COLUMNS = 9  # more do not fit the width of a page in the letters of its text


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


Cell = str | int | float | Number | Heading | None  # None: there is no value, printed as a dash


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

    def __post_init__(self) -> None:
        assert self.title, "a table needs a title"
        assert self.columns, "a table needs a column"
        for number, row in enumerate(self.rows):
            assert len(row) == len(self.columns), (
                f"row {number} has {len(row)} cells, the table {len(self.columns)} columns"
            )
            for cell, column in zip(row, self.columns, strict=True):
                assert cell is None or isinstance(cell, str | int | float | Number | Heading), (
                    f"row {number}, '{column.label}': {type(cell).__name__} is not a cell"
                )
                value, digits = (
                    (cell.value, cell.digits) if isinstance(cell, Number) else (cell, column.digits)
                )
                # A number that is not finite is somebody's lost error; "diverged" is a text cell.
                assert not isinstance(value, float) or (
                    math.isfinite(value) and digits is not None
                ), f"row {number}, '{column.label}': {value} needs to be finite and to have digits"
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
        """Comma-separated, plain labels first; numbers with all digits, no arrows, no value as empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([column.label for column in self.columns])
        for row in self.rows:
            writer.writerow([_plain(cell) for cell in row])
        return text.getvalue()

    def latex(self) -> str:
        """A `table` environment for LaTeX with the booktabs package; all text is escaped.

        One of many columns is set small, its headings in several lines.
        """
        wide = len(self.columns) > _MANY_COLUMNS
        lines = [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{_latex(self.title)}}}",
            *([r"\footnotesize", r"\setlength{\tabcolsep}{4pt}"] if wide else []),
            r"\begin{tabular}{" + "".join(column.align[0] for column in self.columns) + "}",
            r"\toprule",
            " & ".join(
                _latex_lines(column) if wide else _latex(column.heading) for column in self.columns
            )
            + r" \\",
            r"\midrule",
        ]
        for r, row in enumerate(self.printed()):
            cells = [_latex(text) for text in row]
            cells = [rf"\textbf{{{t}}}" if (r, c) in self.bold else t for c, t in enumerate(cells)]
            lines.append(" & ".join(cells) + r" \\")
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\smallskip{{\footnotesize {_latex(note)}\par}}" for note in self.notes]
        return "\n".join([*lines, r"\end{table}"]) + "\n"

    def rich(self) -> TerminalTable:
        """For `rich.print`, in a terminal of any width; brackets in the text stay brackets."""
        from thermodepth.evaluation.results.terminal_table import TerminalTable

        return TerminalTable(self)

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
    if isinstance(cell, Heading):
        return cell.shown
    value, digits = (
        (float(cell.value), cell.digits) if isinstance(cell, Number) else (cell, column.digits)
    )
    sign = "+" if column.signed else ""
    # z: what rounds to zero is printed without a minus. A zero difference has no sign at all.
    form = f"{sign}z.{digits}f" if isinstance(value, float) else f"{sign}d"
    text = format(value, form)
    if column.signed and not text.strip("+0."):
        text = text.removeprefix("+")
    return text.replace("-", "−")


def _plain(cell: Cell) -> str | int:
    """For a machine."""
    if cell is None:
        return ""
    if isinstance(cell, Heading):
        return cell.label
    value = cell.value if isinstance(cell, Number) else cell
    return repr(float(value)) if isinstance(value, float) else value


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
    "÷": r"$\div$",
    "°": r"$^\circ$",
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


def _latex_lines(column: Column) -> str:
    """A heading as a stack of short lines."""
    from thermodepth.evaluation.results.terminal_table import fold_words

    lines = fold_words(column.heading, _HEADING_LETTERS)
    if len(lines) == 1:
        return _latex(lines[0])
    return rf"\shortstack[{column.align[0]}]{{" + r"\\".join(map(_latex, lines)) + "}"
