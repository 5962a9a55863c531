"""The tables once more with one number a cell: what their CSV files hold.

A line an arm and metric, so that a person can filter and plot:

    value, low, high                        the mean over frames, then over seeds, and its 95 % interval
    percent, percent_low, percent_high      its change against the reference, and that interval
    scope, percent_scope                    both (seeds and scenes), seeds or scenes; of the two intervals,
                                            which a single run does not have
    best                                    1 in the set of best arms, 0 not; empty where that takes more
                                            seeds or recordings
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from thermodepth.report.table import Cell, Column, Table
from thermodepth.study.results.entries import Entry, Part
from thermodepth.study.results.lines import Lines

CHANGE = ("percent", "percent_low", "percent_high", "percent_scope")
_TEXT = frozenset({"configuration", "arm", "kind", "metric", "scope", "percent_scope"})
_COLUMNS = (
    *("configuration", "arm", "kind", "metric", "value", "low", "high", "scope"),
    *(*CHANGE, "best", "seeds", "frames", "recordings", "pixels"),
)


def records_of(
    lines: Lines, parts: Mapping[str, Sequence[Part]], *, heading: str = "", title: str
) -> Table:
    """Every line of every block, `heading` naming what the blocks are."""
    leading = (heading,) if heading else ()
    rows: list[tuple[Cell, ...]] = []
    for block, group in parts.items():
        for name in lines.names:
            for part in group:
                line = _line(lines, name, part)
                rows.append((*((block,) if heading else ()), *line))
    return plain_table((*leading, *_COLUMNS), rows, text=(*leading, *_TEXT), title=title)


def change_cells(entry: Entry | None) -> tuple[Cell, ...]:
    """Those of `CHANGE`."""
    change = None if entry is None else entry.change
    if change is None:
        return (None,) * len(CHANGE)
    span = change.printed_interval()
    return (change.percent, *(span or (None, None)), None if span is None else change.printed_scope)


def plain_table(
    names: Sequence[str], rows: Sequence[tuple[Cell, ...]], *, text: Sequence[str], title: str
) -> Table:
    """A table that is only ever read by machines."""
    columns = tuple(
        Column(label=name, align="left") if name in text else Column(label=name, digits=6)
        for name in names
    )
    return Table(title=title, columns=columns, rows=tuple(rows))


def _line(lines: Lines, name: str, part: Part) -> tuple[Cell, ...]:
    entry = part.entries.get(name)
    title = lines.titles[name] if name in lines.arms else name
    about = (title, name, lines.kind(name), part.metric.name)
    if entry is None:
        return (*about, *(None,) * (len(_COLUMNS) - len(about)))
    # Of a single run neither; a baseline has no runs, and scenes are all its noise.
    scope = None if len(entry.seeds) == 1 else entry.mean.scope
    low, high = (None, None) if scope is None else entry.mean.interval()
    best = None
    if part.best and lines.kind(name) in ("reference", "arm"):
        best = int(name in part.best)
    return (
        *about,
        entry.value,
        low,
        high,
        scope,
        *change_cells(entry),
        best,
        len(entry.seeds),
        part.images,
        part.recordings,
        part.pixels,
    )
