"""A table in a terminal: as wide as that is, and no number or word of it broken inside.

What is too wide folds its headings at blanks, and after commas, hyphens and underscores between letters.
If that is not enough, its labels fold as well, or the columns of numbers go below each other in several
blocks that all begin with the labels: whichever takes fewer lines. Only what alone is wider than the terminal
breaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len, chop_cells
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from thermodepth.report.contents import TableContents

_GAP = 3  # between two columns
_LEAST_NOTES = 80  # notes below a narrow table are this wide where the terminal is
# After a blank that no arrow, and no sign of a difference, stands at; or inside a word of several.
_BREAK = re.compile(r"(?<=[^→Δ] )(?![↓↑→])|(?<=[^\W\d][-,_])(?=\w)")

Widths = Mapping[int, int]  # place of a column -> its width, of the columns of one block


@dataclass(frozen=True, slots=True)
class TerminalTable:
    """What `rich` prints of a table: title, blocks and notes, all from the left."""

    table: TableContents

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As many blocks as the width needs."""
        headings = [column.heading for column in self.table.columns]
        folds = [column.align == "left" for column in self.table.columns]
        cells = self.table.printed()
        blocks = blocks_of(headings, cells, folds=folds, width=options.max_width)
        yield Text(self.table.title, style="bold")
        for widths in blocks:
            yield Text()
            yield self._block(headings, cells, widths)
        if self.table.notes:
            yield Text()
            width = max(_LEAST_NOTES, *(_total(widths) for widths in blocks))
            notes = Text("\n".join(self.table.notes), style="dim")
            yield from notes.wrap(console, min(width, options.max_width))
        yield Text()

    def _block(
        self, headings: Sequence[str], cells: Sequence[Sequence[str]], widths: Widths
    ) -> RichTable:
        block = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for c, width in widths.items():
            block.add_column(
                Text("\n".join(fold(headings[c], width))),
                justify=self.table.columns[c].align,
                width=width,
                overflow="fold",
            )
        for r, row in enumerate(cells):
            block.add_row(
                *(
                    Text(
                        "\n".join(fold(row[c], width)),
                        style="bold" if (r, c) in self.table.bold else "",
                    )
                    for c, width in widths.items()
                )
            )
        return block


def blocks_of(
    headings: Sequence[str], cells: Sequence[Sequence[str]], *, folds: Sequence[bool], width: int
) -> list[Widths]:
    """The columns of each block with their widths, so that no block is wider than `width`.

    The leading columns that fold, the labels, begin every block; a table of nothing else is one block.

    Args:
        headings: of every column.
        cells: as printed, row by row.
        folds: whether the cells of a column may take several lines, as numbers may not.
        width: of the terminal.
    """
    columns = range(len(headings))
    wide, least = {}, {}
    for c in columns:
        texts = [row[c] for row in cells]
        longest = max((cell_len(text) for text in texts), default=0)
        foldable = [headings[c], *(texts if folds[c] else [])]
        least[c] = max([_longest_piece(text) for text in foldable] + [longest] * (not folds[c]))
        wide[c] = max(longest, cell_len(headings[c]), 1)
    if _total(wide) <= width:
        return [wide]

    count = next((c for c in columns if not folds[c]), len(columns))
    labels, values = columns[:count], columns[count:]
    whole = {c: wide[c] for c in labels}
    folded = _fitted(labels, wide, least, _rest({c: least[c] for c in values}, width))
    if not values:
        return [folded or _forced(labels, wide, width)]
    choices: list[list[Widths]] = [
        [{**label_widths, **value_widths}]
        for label_widths in (whole, folded)
        if label_widths is not None
        and (value_widths := _fitted(values, wide, least, _rest(label_widths, width)))
    ]
    narrow = _fitted(labels, wide, least, width // 2) or _forced(labels, wide, width // 2)
    choices.append(_split(narrow, values, wide, least, width))
    best = min(choices, key=lambda blocks: _height(blocks, headings, cells))
    return [
        {
            c: max(1, *(cell_len(line) for row in (headings, *cells) for line in fold(row[c], w)))
            for c, w in widths.items()
        }
        for widths in best
    ]


def fold(text: str, width: int) -> list[str]:
    """A text in lines of at most `width`; one word that is longer is cut."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for piece in _BREAK.split(text):
        if cell_len((lines[-1] + piece).rstrip()) <= width:
            lines[-1] += piece
        else:
            lines += chop_cells(piece, width) if cell_len(piece.rstrip()) > width else [piece]
    return [line.rstrip() for line in lines if line]


def fold_words(text: str, width: int) -> list[str]:
    """As `fold`, but with lines as long as the longest word where that is longer."""
    return fold(text, max(width, _longest_piece(text)))


def _longest_piece(text: str) -> int:
    return max(cell_len(piece.rstrip()) for piece in _BREAK.split(text))


def _total(widths: Widths) -> int:
    return sum(widths.values()) + _GAP * max(len(widths) - 1, 0)


def _rest(columns: Widths, width: int) -> int:
    """What these columns leave."""
    return width - _total(columns) - (_GAP if columns else 0)


def _fitted(columns: Sequence[int], wide: Widths, least: Widths, room: int) -> Widths | None:
    """Widths that fill at most `room`, the widest columns giving way first; None where they cannot."""
    for cap in range(max((wide[c] for c in columns), default=0), -1, -1):
        widths = {c: min(wide[c], max(least[c], cap)) for c in columns}
        if _total(widths) <= room:
            return widths
    return None


def _forced(columns: Sequence[int], wide: Widths, room: int) -> Widths:
    """As `_fitted`, words or no words."""
    one = dict.fromkeys(columns, 1)
    return _fitted(columns, wide, one, room) or one


def _split(
    labels: Widths, values: Sequence[int], wide: Widths, least: Widths, width: int
) -> list[Widths]:
    """The fewest blocks that hold all values, of about as many columns each."""
    room = _rest(labels, width)
    narrow = {c: min(least[c], max(room, 1)) for c in values}
    groups: list[list[int]] = [[]]
    for c in values:
        if groups[-1] and _total({k: narrow[k] for k in (*groups[-1], c)}) > room:
            groups.append([])
        groups[-1].append(c)
    count = len(groups)
    bounds = [round(k * len(values) / count) for k in range(count + 1)]
    even = [list(values[a:b]) for a, b in pairwise(bounds)]
    if all(_total({c: narrow[c] for c in group}) <= room for group in even):
        groups = even
    return [
        {
            **labels,
            **(_fitted(group, wide, narrow, room) or {c: narrow[c] for c in group}),
        }
        for group in groups
    ]


def _height(
    blocks: Sequence[Widths], headings: Sequence[str], cells: Sequence[Sequence[str]]
) -> int:
    """Lines of all blocks, with a rule under the headings and an empty line before each block."""
    return sum(
        2 + sum(max(len(fold(row[c], w)) for c, w in widths.items()) for row in (headings, *cells))
        for widths in blocks
    )
