"""The study's tables: the paper's Table 1 with relative differences, by distance, by condition.

Numbers come from `entries`, lines from `lines`, what stands under them from `notes`, the CSV files from
`records`; `report.table` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from thermodepth.errors import DataError
from thermodepth.metrics import MetricRow, metric_rows
from thermodepth.report.study.notes import (
    DAGGER,
    caption_notes,
    has_recordings,
    is_single_run,
    other_notes,
)
from thermodepth.report.study.records import CHANGE, change_cells, plain_table, records_of
from thermodepth.report.table import Cell, Column, Interval, Number, Table
from thermodepth.statistics.comparison import ONE_RUN, Comparison
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.paper_table import PAPER, PAPER_TABLE
from thermodepth.study.results.entries import (
    COMPARED,
    TABLE_1_METRICS,
    Entry,
    Part,
    TableEntries,
    ranked_quantity,
)
from thermodepth.study.results.lines import Lines

TITLE = "Metric depth under each loss configuration"


def study_table(
    entries: TableEntries,
    *,
    metrics: Sequence[str] = TABLE_1_METRICS,
    compared: Sequence[str] = COMPARED,
) -> Table:
    """The paper's Table 1: one line an arm, each metric's mean, and behind them the changes.

    A page or terminal that is too narrow for all has the changes below the means.

    Args:
        entries: of the study.
        metrics: the columns.
        compared: those of them that get a column of changes with their intervals.
    """
    return _table(
        entries.lines,
        {"": [entries.whole[name] for name in metrics]},
        compared=compared,
        changes_last=True,
        title=TITLE,
        label="tab:study",
    )


def range_table(entries: TableEntries) -> Table:
    """By distance of the truth, near to far: where in the scene an arm gains or loses.

    Raises:
        DataError: when no range was scored.
    """
    if not entries.by_range:
        raise DataError("no row is of a range of distance")
    return _table(
        entries.lines,
        entries.by_range,
        compared=COMPARED,
        heading="Distance",
        title=f"{TITLE}, by distance",
        label="tab:study-by-range",
    )


def condition_table(entries: TableEntries) -> Table:
    """By condition as the data set names it, in alphabetical order."""
    return _table(
        entries.lines,
        entries.by_condition,
        compared=COMPARED,
        heading="Condition",
        title=f"{TITLE}, by condition",
        label="tab:study-by-condition",
    )


def paper_table(entries: TableEntries) -> Table:
    """The published five lines, and beside their relative differences those of this study.

    Our absolutes are kept out on purpose: other data, another protocol, perhaps another unit. An arm
    is recognised by its name; what a study does not have, or takes to another reference, stays empty.
    """
    lines = replace(entries.lines, baselines=())
    parts = {name: entries.whole[name] for name in COMPARED}
    published_base = PAPER_TABLE[0]
    columns = [Column(label="Configuration", align="left")]
    for row in metric_rows(COMPARED):
        columns += [
            Column(label=f"Published {row.label}", digits=4, better=row.better),
            Column(label=f"Published Δ {row.label} (%)", digits=1, signed=True),
            Column(label=f"Our Δ {row.label} (%)", digits=1, signed=True),
        ]
    cells, records = [], []
    for paper in PAPER_TABLE:
        line: list[Cell] = [paper.title]
        differs = paper is not published_base
        for metric, part in parts.items():
            ours = part.entries.get(paper.arm) if lines.reference == published_base.arm else None
            value: float = getattr(paper, metric)
            published = paper.percent(metric) if differs else None
            line += [value, published, change_cell(ours.change if ours else None)]
            records.append((paper.title, paper.arm, metric, value, published, *change_cells(ours)))
        cells.append(tuple(line))
    title = "Beside the published table"
    names = ("configuration", "arm", "metric", "published", "published_percent", *CHANGE)
    ours_notes = caption_notes(lines, {"": tuple(parts.values())}, blocks=False, ranked=False)
    notes = (
        f"Published: {PAPER}; {ONE_RUN}; data, unit and protocol not stated.",
        "Only signs and relative differences can be compared, never absolute values.",
        *(f"Ours: {note.removeprefix(DAGGER).lstrip()}" for note in ours_notes),
    )
    return Table(
        title=title,
        columns=tuple(columns),
        rows=tuple(cells),
        notes=notes,
        caption_notes=len(notes),
        label="tab:study-beside-paper",
        records=plain_table(
            names,
            records,
            text=("configuration", "arm", "metric", "percent_scope"),
            title=title,
        ),
    )


def study_tables(entries: TableEntries) -> dict[str, Table]:
    """Every table of a study by the stem of its files; the paper's beside those that have its arms.

    Raises:
        DataError: when no range of distance was scored.
    """
    tables = {
        "table": study_table(entries),
        "table_by_range": range_table(entries),
        "table_by_condition": condition_table(entries),
    }
    if {paper.arm for paper in PAPER_TABLE} <= set(entries.lines.arms):
        tables["table_beside_paper"] = paper_table(entries)
    return tables


def change_cell(change: Comparison | None) -> Cell:
    """A change in percent with its interval, to a tenth, or to whole percents from 100 on."""
    if change is None or change.percent is None:
        return None
    span = change.printed_interval()
    digits = 1 if max(map(abs, (change.percent, *(span or ())))) < 99.95 else 0
    if span is None:
        return Number(change.percent, digits)
    return Interval(*span, digits, value=change.percent)


def _table(
    lines: Lines,
    parts: Mapping[str, Sequence[Part]],
    *,
    compared: Sequence[str],
    title: str,
    label: str,
    heading: str = "",
    changes_last: bool = False,
) -> Table:
    """One block of lines for each of `parts`; with `heading` its title and counts stand before them."""
    blocks = bool(heading)
    leading = [Column(label=heading, align="left")] * blocks
    counted = ("pixels", "frames", "recordings")[: 2 + has_recordings(parts)]
    leading += [Column(label=name) for name in counted if blocks]
    metrics = [part.metric for part in next(iter(parts.values()))]
    places = _places(metrics, compared, changes_last=changes_last)
    first_value = len(leading) + 1
    rows: list[tuple[Cell, ...]] = []
    bold: set[tuple[int, int]] = set()
    rules: set[int] = set()
    for block, group in parts.items():
        most = max(group, key=lambda part: part.images)
        counts = (block, most.pixels, most.images, most.recordings)[: len(leading)]
        # An arm without results keeps its line, but not in every block.
        names = [n for n in lines.names if not blocks or any(n in part.entries for part in group)]
        arms = sum(name in lines.arms for name in names)
        rules.add(len(rows) if blocks else arms)
        for name in names:
            entries = [part.entries.get(name) for part in group]
            cells = [
                _value(entries[m]) if kind == "value" else change_cell(_change(entries[m]))
                for kind, m in places
            ]
            bold |= {
                (len(rows), first_value + n)
                for n, (kind, m) in enumerate(places)
                if kind == "value" and name in group[m].bold
            }
            rows.append((*counts, _title(lines, name, entries), *cells))
    captioned = caption_notes(lines, parts, blocks=blocks)
    return Table(
        title=title,
        columns=(
            *leading,
            Column(label="Configuration", align="left"),
            *(_column(metrics[m], kind) for kind, m in places),
        ),
        rows=tuple(rows),
        notes=(*captioned, *other_notes(lines, parts)),
        bold=frozenset(bold),
        caption_notes=len(captioned),
        label=label,
        rules=frozenset(rules - {0, len(rows)}),
        shared=len(leading),
        folded_at=first_value + len(metrics) if changes_last else 0,
        records=records_of(lines, parts, heading=heading.lower(), title=title),
    )


Kind = Literal["value", "change"]


def _places(
    metrics: Sequence[MetricRow], compared: Sequence[str], *, changes_last: bool
) -> list[tuple[Kind, int]]:
    """What the columns hold: means and changes of which metric."""
    changes: list[tuple[Kind, int]] = [
        ("change", m) for m, row in enumerate(metrics) if row.name in compared
    ]
    values: list[tuple[Kind, int]] = [("value", m) for m in range(len(metrics))]
    if changes_last:
        return values + changes
    return sorted(values + changes, key=lambda place: place[1])


def _column(row: MetricRow, kind: Kind) -> Column:
    if kind == "change":
        label = label_of(ranked_quantity(row))
        return Column(label=f"Δ {label} (%)", digits=1, signed=True)
    return Column(label=row.heading, digits=row.digits, better=row.better, optimum=row.optimum)


def _value(entry: Entry | None) -> float | None:
    return None if entry is None else entry.value


def _change(entry: Entry | None) -> Comparison | None:
    # The reference's difference from itself is no finding: a dash, not a zero.
    return None if entry is None else entry.change


def _title(lines: Lines, name: str, entries: Sequence[Entry | None]) -> str:
    single = any(is_single_run(lines, name, entry) for entry in entries)
    return f"{lines.title(name)}{DAGGER}" if single else lines.title(name)
