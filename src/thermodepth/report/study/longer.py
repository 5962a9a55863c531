"""A short study beside the longer one that is published on the same frames."""

from __future__ import annotations

import json
from dataclasses import replace

from thermodepth.metrics import metric_rows
from thermodepth.report.study.tables import change_cell
from thermodepth.report.table import Cell, Column, Interval, Table
from thermodepth.study.design import Study
from thermodepth.study.results.entries import COMPARED, TableEntries
from thermodepth.study.results.published import PublishedChange, PublishedStudy

TITLE = "Beside the longer study that is published"


def longer_table(entries: TableEntries, published: PublishedStudy) -> Table:
    """Each arm's change here and there, and whether the two intervals share a value."""
    lines = replace(entries.lines, baselines=())
    columns = [Column(label="Configuration", align="left")]
    for row in metric_rows(COMPARED):
        columns += [
            Column(label=f"Published Δ {row.label} (%)", digits=1, signed=True),
            Column(label=f"This run's Δ {row.label} (%)", digits=1, signed=True),
            Column(label="Intervals", align="left"),
        ]
    rows: list[tuple[Cell, ...]] = []
    for arm in (name for name in lines.names if name != lines.reference):
        line: list[Cell] = [lines.title(arm)]
        for metric in COMPARED:
            entry = entries.whole[metric].entries.get(arm)
            change = entry.change if entry else None
            longer = published.changes.get(metric, {}).get(arm)
            line += [_published_cell(longer), change_cell(change)]
            shared = longer.overlaps(change) if longer and change else None
            line.append(None if shared is None else "overlap" if shared else "apart")
        rows.append(tuple(line))
    notes = (
        f"Published: {published.seeds} seeds, {published.steps} steps, on the same frames under the same "
        "protocol; another length of training is another question, so intervals may lie apart.",
    )
    return Table(
        title=TITLE,
        columns=tuple(columns),
        rows=tuple(rows),
        notes=notes,
        caption_notes=1,
        label="tab:study-beside-longer",
    )


def as_published(study: Study, protocol_id: str, entries: TableEntries) -> str:
    """A finished study as `study.results.published` reads it."""
    changes: dict[str, dict[str, dict[str, float]]] = {}
    for metric in COMPARED:
        arms = changes.setdefault(metric, {})
        for arm in entries.lines.arms:
            entry = entries.whole[metric].entries.get(arm)
            change = entry.change if entry else None
            span = change.printed_interval() if change else None
            if change and span and change.percent is not None:
                arms[arm] = {"percent": change.percent, "low": span[0], "high": span[1]}
    tree = {
        "seeds": len(study.seeds),
        "steps": study.settings.steps,
        "protocol": protocol_id,
        "changes": changes,
    }
    return json.dumps(tree, indent=1) + "\n"


def _published_cell(change: PublishedChange | None) -> Cell:
    if change is None:
        return None
    digits = 1 if max(map(abs, (change.percent, change.low, change.high))) < 99.95 else 0
    return Interval(change.low, change.high, digits, value=change.percent)
