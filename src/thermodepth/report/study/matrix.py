"""The matrix of terms by parts of the error, tinted: blue is less error, orange more, stronger is larger."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from thermodepth.report.page.skeleton import Tint, notes_html, table_html
from thermodepth.report.table import Cell, Table
from thermodepth.study.results.ledger_matrix import PartChange

_UNCLEAR = 0.35  # of the tint that its size would give a cell


def matrix_html(table: Table, matrix: Mapping[str, Mapping[str, PartChange]]) -> str:
    """`ledger_matrix.matrix_table` in colour.

    Args:
        table: the printed matrix, a line a question and a column a part, in the matrix's order.
        matrix: question -> part -> change.
    """
    sizes = [abs(entry.percent) for line in matrix.values() for entry in line.values()]
    most = max(sizes, default=0.0) or 1.0
    tints = {
        (row, column): Tint(
            good=entry.percent < 0.0,
            # The root, or one large change would leave all others without a colour.
            share=math.sqrt(abs(entry.percent) / most) * (1.0 if entry.is_clear else _UNCLEAR),
        )
        for row, line in enumerate(matrix.values())
        for column, entry in enumerate(line.values(), 1)
    }
    note = (
        "Blue: less error; orange: more. The stronger, the larger; pale where the interval holds 0."
    )
    rows = tuple(tuple(_whole_interval(cell) for cell in row) for row in table.rows)
    return table_html(replace(table, rows=rows), tints=tints) + notes_html([note])


def _whole_interval(cell: Cell) -> Cell:
    """A line breaks before an interval and not within it."""
    return cell.replace(", ", ",\u00a0") if isinstance(cell, str) else cell
