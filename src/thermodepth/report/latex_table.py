"""A table for LaTeX that fits its page: one column of two, or the whole width, whatever the table holds.

Widths are measured with the letters of Computer Modern, the widest font that papers use, and every table is
made for the narrowest page that the standard classes have: 200 pt in one of two columns, 345 pt in all. What
is too wide is set smaller, then its texts are broken into lines, then its columns are put below each other;
what is too tall is continued in further tables. Needs the package booktabs and nothing else.

Digests of protocols and frame lists stand in a comment before the table and not on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from thermodepth.report.latex_text import (
    LONGEST_PT,
    fold,
    latex,
    latex_breaking,
    pieces,
    width,
)

if TYPE_CHECKING:
    from thermodepth.report.contents import Cell, Column, TableContents

COLUMN_PT, PAGE_PT = (
    200.0,
    345.0,
)  # of one of two columns, of a whole page, in the standard classes at 10 pt
_USED = 0.985  # of a width: what is measured is not kerned
_TALL_PT = 450.0  # of a page's height, for caption, lines and notes
_CAPTION_LINES = 12  # more are notes under the table
_BOLD = 1.18
_MOST_KEYS = 3  # columns that are repeated to tell lines apart
_MOST_FLOATS = 10  # that LaTeX is left to place before it must
_HEADING_PT = 40.0  # of a line at 10 pt, where what stands below is no wider
_WRAPPED_PT = 45.0  # what a broken text gets at least, at 10 pt
_RAGGED = r"\raggedright\hspace{0pt}"  # lines that end where words do
_BETWEEN = 2.0  # points between lines whose texts are broken
_LEADING = 9.5  # of notes
_DIGESTS = re.compile(r"(?<=Protocol )([\w.]+)-[0-9a-f]{12}\b|;? ?frame list [0-9a-f]{12}\b")


@dataclass(frozen=True, slots=True)
class _Size:
    command: str
    scale: float  # widths against those at 10 pt, for classes of 10 to 12 pt: letters grow more than pages do
    leading: float  # pt from line to line
    gap: float  # \tabcolsep, pt


_NORMAL, _SMALL = _Size("", 1.05, 12.0, 6.0), _Size(r"\small", 0.97, 11.0, 5.0)
_FOOTNOTE, _SCRIPT = (
    _Size(r"\footnotesize", 0.895, 9.5, 4.0),
    _Size(r"\scriptsize", 0.825, 8.0, 2.5),
)


@dataclass(frozen=True, slots=True)
class _Panel:
    """Columns beside each other; a width in points for those whose texts are broken."""

    columns: tuple[int, ...]
    wrapped: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class _Layout:
    size: _Size
    wide: bool  # over both columns of a page
    panels: tuple[_Panel, ...]

    @property
    def room(self) -> float:
        return PAGE_PT if self.wide else COLUMN_PT


def latex_table(table: TableContents) -> str:
    """One or several `table` environments, all text escaped, in ASCII."""
    return _Writer(table).text()


class _Writer:
    """The table's texts, measured once."""

    def __init__(self, table: TableContents) -> None:
        self.table = table
        self.indices = range(table.shared, len(table.columns))  # what a line says for itself
        self.cells = [
            [
                _CellText.from_cell(cell, column)
                for cell, column in zip(row, table.columns, strict=True)
            ]
            for row in table.rows
        ]
        for row, column in table.bold:
            self.cells[row][column] = self.cells[row][column].bold()
        self.digests: list[str] = []
        caption, notes = self._caption(), self.table.notes[self.table.caption_notes :]
        self.caption, moved = caption
        self.notes = [self._without_digests(note) for note in (*moved, *notes)]
        self.headings = [self._heading(index) for index in range(len(table.columns))]

    # --- what is said -----------------------------------------------------------------------------

    def _without_digests(self, text: str) -> str:
        self.digests += [
            f"Protocol {match[0]}" if match[1] else match[0].strip("; ")
            for match in _DIGESTS.finditer(text)
        ]
        return _DIGESTS.sub(lambda match: match[1] or "", text)

    def _caption(self) -> tuple[str, list[str]]:
        """The caption, and the notes that it has no room for."""
        table = self.table
        notes = [self._without_digests(note) for note in table.notes[: table.caption_notes]]
        text = table.title + ("." if notes else "")
        for index, note in enumerate(notes):
            longer = f"{text} {note if note.endswith('.') else note + '.'}"
            if width(longer) > _CAPTION_LINES * PAGE_PT:
                return text, notes[index:]
            text = longer
        return text, []

    # --- how wide it is ---------------------------------------------------------------------------

    def _heading(self, index: int) -> tuple[str, ...]:
        """The heading in lines about as wide as what stands below."""
        below = max((cell.width(_NORMAL) for cell in self._below(index)), default=0.0)
        return fold(self.table.columns[index].heading, min(max(below, _HEADING_PT), LONGEST_PT))

    def _below(self, index: int) -> Iterator[_CellText]:
        return (row[index] for row in self.cells)

    def _natural(self, index: int, size: _Size) -> float:
        """Points of a column whose lines are not broken."""
        wide = max((width(line) for line in self.headings[index]), default=0.0) * size.scale
        return max(wide, *(cell.width(size) for cell in self._below(index)), 1.0)

    def _least(self, index: int, size: _Size) -> float | None:
        """Points of the narrowest column that still holds every piece of a word; None for plain numbers."""
        natural = self._natural(index, size)
        floor = _WRAPPED_PT * size.scale
        if natural <= floor or not all(cell.breaks for cell in self._below(index)):
            return None
        widest = max((width(line) for line in self.headings[index]), default=0.0) * size.scale
        for cell in self._below(index):
            widest = max(widest, *(size.scale * cell.weight * width(p) for p in cell.pieces()))
        return min(natural, max(floor, widest))

    def _fitted(self, columns: Sequence[int], size: _Size, room: float) -> _Panel | None:
        """These columns side by side, the widest texts broken first; None where they do not fit."""
        room = _USED * room - 2.0 * size.gap * (len(columns) - 1)
        natural = {c: self._natural(c, size) for c in columns}
        if sum(natural.values()) <= room:
            return _Panel(tuple(columns), {})
        least = {c: w for c in columns if (w := self._least(c, size)) is not None}
        fixed = sum(w for c, w in natural.items() if c not in least)
        if fixed + sum(least.values()) > room:
            return None
        low, high = 0.0, room
        for _ in range(30):
            cap = (low + high) / 2.0
            total = fixed + sum(min(natural[c], max(w, cap)) for c, w in least.items())
            low, high = (cap, high) if total <= room else (low, cap)
        widths = {c: min(natural[c], max(w, low)) for c, w in least.items()}
        return _Panel(tuple(columns), {c: w for c, w in widths.items() if w < natural[c]})

    # --- how it is laid out ------------------------------------------------------------------------

    def layout(self) -> _Layout:
        """The one that takes the least height, small letters counted against it."""
        if self._lines(self.caption, COLUMN_PT, 1.0) <= _CAPTION_LINES:
            for size in (_NORMAL, _SMALL, _FOOTNOTE):
                panel = self._fitted(self.indices, size, COLUMN_PT)
                if panel is not None and not panel.wrapped:
                    return _Layout(size, False, (panel,))
        for size in (_NORMAL, _SMALL):
            panel = self._fitted(self.indices, size, PAGE_PT)
            if panel is not None and not panel.wrapped:
                return _Layout(size, True, (panel,))
        layouts: list[tuple[float, int, _Layout]] = []
        for size, penalty in ((_FOOTNOTE, 1.0), (_SCRIPT, 1.5)):
            for panels in (self._single(size), self._folded(size)):
                if panels:
                    layout = _Layout(size, True, panels)
                    layouts.append((penalty * self._height(layout), len(layouts), layout))
        if not layouts:  # numbers that alone are wider than a page go over its edge
            return _Layout(_SCRIPT, True, tuple(_Panel((index,), {}) for index in self.indices))
        return min(layouts)[2]

    def _single(self, size: _Size) -> tuple[_Panel, ...]:
        panel = self._fitted(self.indices, size, PAGE_PT)
        return (panel,) if panel is not None else ()

    def _folded(self, size: _Size) -> tuple[_Panel, ...]:
        """Columns below each other, every part behind those that name a line; as few parts as hold all."""
        for keys in range(self._keys(), 0, -1):
            ways = [
                self._stacked(size, keys, forced=forced, whole=whole)
                for whole in (True, False)
                for forced in (True, False)
            ]
            complete = [panels for panels in ways if panels]
            if complete:
                return min(complete, key=len)
        return ()

    def _stacked(self, size: _Size, keys: int, *, forced: bool, whole: bool) -> tuple[_Panel, ...]:
        """As many columns in each part as fit, broken texts among them unless they are to be `whole`."""
        named = self.indices[:keys]

        def panel(indices: Sequence[int]) -> _Panel | None:
            fitted = self._fitted([*named, *indices], size, PAGE_PT)
            return None if fitted is None or (whole and fitted.wrapped) else fitted

        groups: list[list[int]] = [[]]
        for index in self.indices[keys:]:
            ends = forced and index == self.table.folded_at
            if groups[-1] and (ends or panel([*groups[-1], index]) is None):
                groups.append([])
            groups[-1].append(index)
        panels = [panel(group) for group in groups]
        return () if None in panels else tuple(each for each in panels if each is not None)

    def _keys(self) -> int:
        """How many of the first columns tell the lines of a block apart."""
        for count in range(1, min(len(self.indices), _MOST_KEYS + 1)):
            lines = {
                tuple(cell.text for cell in row[: self.indices[0] + count]) for row in self.cells
            }
            if len(lines) == len(self.cells):
                return count
        return 1

    # --- how tall it is ----------------------------------------------------------------------------

    def _lines(self, text: str, room: float, scale: float) -> int:
        """Lines of a paragraph, a little too many rather than too few."""
        return max(int(width(text) * scale * 1.05 // room) + 1, 1)

    def _row_height(self, layout: _Layout, panel: _Panel, row: int) -> float:
        above = self._block_lines(row, layout) if self._begins_block(row) else 0
        lines = max(
            self._cell_lines(self.cells[row][index], panel.wrapped.get(index), layout.size)
            for index in panel.columns
        )
        return layout.size.leading * (above + lines) + (_BETWEEN if panel.wrapped else 0.0)

    def _height(self, layout: _Layout) -> float:
        """Of all panels with all rows."""
        return sum(
            self._head_height(layout, panel)
            + sum(self._row_height(layout, panel, row) for row in range(len(self.cells)))
            for panel in layout.panels
        )

    def _begins_block(self, row: int) -> bool:
        return self.table.shared > 0 and (row == 0 or row in self.table.rules)

    def _block_lines(self, row: int, layout: _Layout) -> int:
        return len(fold("".join(self._block(row)), layout.room / layout.size.scale))

    def _cell_lines(self, cell: _CellText, room: float | None, size: _Size) -> int:
        """Lines that a text is broken into."""
        return 1 if room is None else len(fold(cell.text, room / (size.scale * cell.weight)))

    def _head_height(self, layout: _Layout, panel: _Panel) -> float:
        """Headings and rules."""
        lines = max(len(self.headings[index]) for index in panel.columns)
        return 12.0 + layout.size.leading * lines

    def _notes_height(self, layout: _Layout) -> float:
        return sum(
            _LEADING * self._lines(note, layout.room, _FOOTNOTE.scale) + 3.0 for note in self.notes
        )

    def _floats(self, layout: _Layout) -> list[tuple[tuple[_Panel, ...], range]]:
        """Panels and rows of each table that is written: one where a page is tall enough for all."""
        caption = 12.0 * self._lines(self.caption, layout.room, 1.0) + 10.0
        room = _TALL_PT - caption - min(self._notes_height(layout), _TALL_PT / 3.0)
        if self._height(layout) <= room:
            return [(layout.panels, range(len(self.cells)))]
        return [
            ((panel,), rows)
            for panel in layout.panels
            for rows in self._cut_rows(layout, panel, room - self._head_height(layout, panel))
        ]

    def _cut_rows(self, layout: _Layout, panel: _Panel, room: float) -> list[range]:
        """As few parts as pages are tall enough for, of about one height, cut between blocks if possible."""
        room = max(room, 6.0 * layout.size.leading)
        heights = [self._row_height(layout, panel, row) for row in range(len(self.cells))]
        marks = sorted({0, *self.table.rules, len(heights)})
        fewest = len(_cut(heights, marks, room))
        low, high = 0.0, room
        for _ in range(20):
            middle = (low + high) / 2.0
            low, high = (
                (low, middle) if len(_cut(heights, marks, middle)) <= fewest else (middle, high)
            )
        return _cut(heights, marks, high)

    # --- what is written ---------------------------------------------------------------------------

    def text(self) -> str:
        layout = self.layout()
        floats = self._floats(layout)
        kind = "table*" if layout.wide else "table"
        lines = [r"% \usepackage{booktabs}"]
        lines += [f"% {latex(digest)}" for digest in dict.fromkeys(self.digests)]
        outside = self._notes_height(layout) > _TALL_PT / 3.0
        for number, (panels, rows) in enumerate(floats):
            lines += [
                rf"\begin{{{kind}}}[tp]",
                r"\setlength{\emergencystretch}{3em}",
                r"\centering",
                *self._heading_lines(number, len(floats)),
                *([layout.size.command] if layout.size.command else []),
                *(
                    []
                    if layout.size is _NORMAL
                    else [rf"\setlength{{\tabcolsep}}{{{layout.size.gap:g}pt}}"]
                ),
            ]
            for index, panel in enumerate(panels):
                lines += [r"\par\smallskip"] * (index > 0)
                lines += self._tabular(panel, rows, layout)
            if number == len(floats) - 1 and not outside:
                lines += [_note(note) for note in self.notes]
            lines.append(rf"\end{{{kind}}}")
            lines += [r"\clearpage"] * ((number + 1) % _MOST_FLOATS == 0)
        if outside:
            lines += [_note(note) for note in self.notes]
        return "\n".join(lines) + "\n"

    def _heading_lines(self, number: int, count: int) -> list[str]:
        """Caption and label; a table that goes on keeps its number."""
        if number:
            title = latex_breaking(f"{self.table.title} ({number + 1} of {count})")
            return [r"\addtocounter{table}{-1}", rf"\caption{{{title}}}", r"\smallskip"]
        label = [rf"\label{{{self.table.label}}}"] if self.table.label else []
        return [rf"\caption{{{latex_breaking(self.caption)}}}", *label, r"\smallskip"]

    def _tabular(self, panel: _Panel, rows: range, layout: _Layout) -> list[str]:
        columns = [self.table.columns[index] for index in panel.columns]
        spec = "".join(
            rf"p{{{panel.wrapped[index] / layout.room:.3f}\linewidth}}"
            if index in panel.wrapped
            else column.align[0]
            for index, column in zip(panel.columns, columns, strict=True)
        )
        end = r" \tabularnewline" if panel.wrapped or self.table.shared else r" \\"
        headings = [
            _stack(self.headings[index], self.table.columns[index].align[0])
            for index in panel.columns
        ]
        lines = [
            rf"\begin{{tabular}}{{@{{}}{spec}@{{}}}}",
            r"\toprule",
            " & ".join(headings) + end,
            r"\midrule",
        ]
        for row in rows:
            if row in self.table.rules and row != rows.start:
                lines.append(r"\midrule")
            if self.table.shared and (row == rows.start or row in self.table.rules):
                lines.append(self._block_heading(row, len(columns), layout) + end)
            cells = [
                self.cells[row][index].latex(wrapped=index in panel.wrapped)
                for index in panel.columns
            ]
            lines.append(" & ".join(cells) + end)
            if row + 1 in rows and row + 1 not in self.table.rules and panel.wrapped:
                lines.append(rf"\addlinespace[{_BETWEEN:g}pt]")
        return [*lines, r"\bottomrule", r"\end{tabular}"]

    def _block(self, row: int) -> tuple[str, str]:
        """What the lines of a block share: `0.3-1 m` and ` (pixels 2071, frames 4)`."""
        first, *others = range(self.table.shared)
        counts = ", ".join(
            f"{self.table.columns[index].heading} {self.cells[row][index].text}" for index in others
        )
        return self.cells[row][first].text, f" ({counts})" if counts else ""

    def _block_heading(self, row: int, columns: int, layout: _Layout) -> str:
        """The same as a line of its own, broken where it is longer than the page is wide."""
        title, counts = self._block(row)
        long = self._block_lines(row, layout) > 1
        text = rf"\textit{{{latex_breaking(title)}}}"
        if counts:
            text += f" {latex_breaking(counts)}"
        spec = r"@{}p{\linewidth}@{}" if long else "@{}l@{}"
        return rf"\multicolumn{{{columns}}}{{{spec}}}{{{_RAGGED * long}{text}}}"


@dataclass(frozen=True, slots=True)
class _CellText:
    """A cell as printed: its text or number, and the bracket that is set smaller."""

    text: str
    span: str = ""  # `low, high`
    breaks: bool = True  # its text may go over several lines
    weight: float = 1.0  # bold letters are wider

    @classmethod
    def from_cell(cls, cell: Cell, column: Column) -> _CellText:
        from thermodepth.report.contents import Interval, cell_text, interval_texts

        if isinstance(cell, Interval):
            number, span = interval_texts(cell, column)
            return cls(number, span[1:-1], breaks=False)
        return cls(" ".join(cell_text(cell, column).split()))

    def bold(self) -> _CellText:
        return _CellText(self.text, self.span, self.breaks, _BOLD)

    def pieces(self) -> list[str]:
        return [piece for word in self.text.split() for piece in pieces(word)] or [""]

    def width(self, size: _Size) -> float:
        wide = size.scale * self.weight * width(self.text)
        if self.span:
            wide += self.weight * min(size.scale, _SCRIPT.scale) * width(f"[{self.span}] ")
        return wide

    def latex(self, *, wrapped: bool) -> str:
        if self.span:
            # Its own braces keep the bracket from being read as an argument, so it stands as it is.
            text = rf"{latex(self.text)} {{\scriptsize [{latex(self.span)}]}}".lstrip()
        else:
            text = latex_breaking(self.text) if wrapped else latex(self.text)
        text = rf"\textbf{{{text}}}" if self.weight > 1.0 and text else text
        return f"{_RAGGED}{text}" if wrapped else text


def _cut(heights: Sequence[float], marks: Sequence[int], room: float) -> list[range]:
    """Rows in parts no taller than that, cut at marks, and inside a block only where it alone is taller."""
    parts = [range(0)]
    for start, stop in pairwise(marks):
        if sum(heights[parts[-1].start : stop]) <= room or not parts[-1]:
            parts[-1] = range(parts[-1].start, stop)
        else:
            parts.append(range(start, stop))
        while sum(heights[row] for row in parts[-1]) > room and len(parts[-1]) > 1:
            last = parts.pop()
            count = 1
            while sum(heights[row] for row in last[: count + 1]) <= room:
                count += 1
            parts += [last[:count], last[count:]]
    return parts


def _stack(lines: Sequence[str], align: str) -> str:
    """A heading in several lines, the last of them on the base line."""
    if len(lines) == 1:
        return latex(lines[0])
    return rf"\shortstack[{align}]{{" + r"\\".join(map(latex, lines)) + "}"


def _note(note: str) -> str:
    return rf"\par\smallskip{{\footnotesize\raggedright {latex_breaking(note)}\par}}"
