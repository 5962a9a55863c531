"""Cells, columns and notes that the tables of an evaluation are put together from."""

from __future__ import annotations

from collections.abc import Mapping

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.map_means import ScoredMap
from thermodepth.evaluation.results.summary import Group
from thermodepth.metrics import MetricRow
from thermodepth.report.table import Cell, Column, Heading, Number

BY_SLICE = ("abs_rel", "log_bias", "silog")  # what the tables by slice show


def averaged(protocol: Protocol) -> str:
    return "mean over" if protocol.averaging == "per_frame" else "over the pooled pixels of"


def frames_words(count: int) -> str:
    return f"{count} frame{'s' * (count != 1)}"


def fewer_note(scored: ScoredMap, group: Group, expected: Mapping[MetricRow, int]) -> str:
    """Which metrics of a map stand on fewer frames than their line says."""
    labels: dict[int, list[str]] = {}
    for row, frames in expected.items():
        if (count := group.frames.get(row.name, 0)) < frames:
            labels.setdefault(count, []).append(row.label)
    if not labels:
        return ""
    parts = [f"{frames_words(count)} for {', '.join(names)}" for count, names in labels.items()]
    return f"Fewer frames behind {scored.title}: {'; '.join(parts)}."


def sliced_line(title: str, groups: Mapping[ScoredMap, Group | None]) -> tuple[Cell, ...]:
    first = next((group for group in groups.values() if group is not None), None)
    counts: tuple[Cell, ...] = (0, 0)
    if first is not None:
        counts = (first.pixels, max(first.frames.values()))
    values = (
        None if group is None else group.values.get(name)
        for name in BY_SLICE
        for group in groups.values()
    )
    return (title, *counts, *values)


def slice_title(name: str) -> str:
    """`range:2.5-6` as `2.5–6`; an open end as `15 and more`."""
    low, _, high = name.partition(":")[2].partition("-")
    return f"{low} and more" if high == "inf" else f"{low}–{high}"


def metric_column(row: MetricRow, *, title: str = "") -> Column:
    label = row.heading
    return Column(
        label=f"{label}, {title}" if title else label,
        digits=row.digits,
        better=row.better,
        optimum=row.optimum,
    )


def metric_heading(row: MetricRow) -> Heading:
    return Heading(label=row.heading, better=row.better, optimum=row.optimum)


def metric_number(group: Group | None, row: MetricRow) -> Cell:
    """With the digits of its own line."""
    value = None if group is None else group.values.get(row.name)
    return None if value is None else Number(value, row.digits)
