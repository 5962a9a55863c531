"""Which change buys which part of the error, as a table."""

from __future__ import annotations

from collections.abc import Mapping

from thermodepth.report.table import Cell, Column, Table
from thermodepth.statistics.comparison import ONE_RUN
from thermodepth.statistics.labels import signed
from thermodepth.study.results.ledger_matrix import PartChange


def matrix_table(matrix: Mapping[str, Mapping[str, PartChange]], *, reference: str) -> Table:
    """A line a question, a column a part; bold where the interval over seeds leaves out 0."""
    names = list(next(iter(matrix.values()), {}))
    lines: list[tuple[Cell, ...]] = []
    bold: set[tuple[int, int]] = set()
    for number, (title, line) in enumerate(matrix.items()):
        cells: list[Cell] = [title]
        for place, name in enumerate(names, 1):
            entry = line[name]
            text = signed(entry.percent)
            if entry.interval is not None:
                text += f" [{signed(entry.interval[0])}, {signed(entry.interval[1])}]"
            cells.append(text)
            if entry.is_clear:
                bold.add((number, place))
        lines.append(tuple(cells))
    return Table(
        title="What each change buys, part by part of the error",
        columns=(
            Column(label="Question", align="left"),
            *(Column(label=name.replace("_", " ")) for name in names),
        ),
        rows=tuple(lines),
        notes=(
            f"Change of each part of RMSElog² in percent of {reference}'s whole RMSElog²; a line adds up to "
            f"its last column. {_brackets(matrix)} Below 0 is less error.",
        ),
        bold=frozenset(bold),
    )


def _brackets(matrix: Mapping[str, Mapping[str, PartChange]]) -> str:
    entries = [entry for line in matrix.values() for entry in line.values()]
    if all(entry.interval is None for entry in entries):
        return f"{ONE_RUN.capitalize()}, so there are no intervals."
    return "Brackets: 95 % over seeds on this test set; bold where they leave out 0."
