"""The study's tables: the paper's Table 1 with relative differences, by distance, by condition.

Means come from `evaluation.summary`, lines and columns from `lines`, print from `evaluation.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.results.rows import WHOLE_FRAME
from thermodepth.evaluation.results.summary import Summary, summarise
from thermodepth.evaluation.results.tables import Cell, Column, Table
from thermodepth.files import write_text
from thermodepth.metrics import metric_rows
from thermodepth.study.analysis.comparison import ONE_RUN
from thermodepth.study.tables.contrasts import difference, seeds_note
from thermodepth.study.tables.lines import ArmLabel as ArmLabel
from thermodepth.study.tables.lines import (
    Lines,
    MetricColumns,
    lines_of,
    notes_under,
    seed_count,
    seed_list,
)

TABLE_1_METRICS = (
    "abs_rel",
    "rmse",
    "sq_rel",
    "rmse_log",
    "silog",
    "delta_1",
    "delta_2",
    "delta_3",
)
COMPARED = ("abs_rel", "rmse")  # the two that the paper prints get a column of differences


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """One line of the published table."""

    arm: str  # what our recipe calls the same configuration
    title: str  # as published
    abs_rel: float
    rmse: float


PAPER = (
    "Jang, Shin, Ko: Loss Function Analysis for Monocular Depth Estimation in Thermal Imaging "
    "Environments, Table 1"
)
#: One run per configuration. Data, network, unit of RMSE and protocol are not stated.
PAPER_TABLE = (
    PaperRow(arm="full", title="All losses", abs_rel=0.0809, rmse=0.1720),
    PaperRow(arm="no-silog", title="No SiLog", abs_rel=0.0820, rmse=0.1732),
    PaperRow(arm="no-smooth", title="No Smooth", abs_rel=0.0794, rmse=0.1700),
    PaperRow(arm="no-consistency", title="No Consistency", abs_rel=0.0816, rmse=0.2114),
    PaperRow(
        arm="no-smooth-no-consistency",
        title="No Smooth & Consistency",
        abs_rel=0.0895,
        rmse=0.2328,
    ),
)


def study_table(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    metrics: Sequence[str] = TABLE_1_METRICS,
    compared: Sequence[str] = COMPARED,
    baselines: Sequence[str] | None = None,
) -> Table:
    """The paper's Table 1: one line an arm, each metric's mean, and the change against the reference.

    Args:
        rows: results of one study under one protocol; arms that are not named are left out.
        arms: the lines, in order.
        reference: the arm that changes are relative to.
        metrics: the columns.
        compared: those of them that get a column of changes, and of intervals from two seeds on.
        baselines: arms printed last and not ranked; None takes every known baseline that has rows.

    Raises:
        StudyError: for a reference that is not among the arms or has no rows, or two arms of one name.
        DataError: as `evaluation.summary.summarise`.
        SettingsError: for a metric that does not exist.
    """
    lines = lines_of(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, metrics=metrics)
    groups = {group.key["arm"]: group for group in summary.groups}
    base = groups[reference]
    columns = MetricColumns(
        metrics=tuple(metrics), compared=tuple(compared), intervals=seed_count(base) > 1
    )
    cells = [
        (lines.title(name), *columns.cells(groups.get(name), base, ranked=name in lines.arms))
        for name in lines.names
    ]
    return Table(
        title="Metric depth under each loss configuration",
        columns=(Column(label="Configuration", align="left"), *columns.columns()),
        rows=tuple(cells),
        notes=(
            f"Protocol {summary.protocol}; mean over {max(base.frames.values())} frames, "
            f"then over {seed_list(base)}.",
            *notes_under(lines, groups, reference=reference),
        ),
        bold=columns.best([(n, groups.get(name)) for n, name in enumerate(lines.arms)], first=1),
    )


def range_table(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    metrics: Sequence[str] = COMPARED,
    baselines: Sequence[str] | None = None,
) -> Table:
    """By distance of the truth, near to far: where in the scene an arm gains or loses.

    Raises:
        StudyError, DataError, SettingsError: as `study_table`; DataError also for rows without ranges.
    """
    lines = lines_of(rows, arms=arms, reference=reference, baselines=baselines)
    ranges = lines.rows.filter(pc.not_equal(lines.rows["slice"], WHOLE_FRAME))
    summary = summarise(ranges, by=("arm", "slice"), metrics=metrics, slice=None)
    return _by_part(lines, summary, reference=reference, part="slice")


def condition_table(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    metrics: Sequence[str] = COMPARED,
    baselines: Sequence[str] | None = None,
) -> Table:
    """By condition as the data set names it, in alphabetical order.

    Raises:
        StudyError, DataError, SettingsError: as `study_table`.
    """
    lines = lines_of(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, by=("arm", "condition"), metrics=metrics)
    return _by_part(lines, summary, reference=reference, part="condition")


def paper_table(rows: pa.Table, *, arms: Sequence[ArmLabel], reference: str) -> Table:
    """The published five lines, and beside their relative differences those found here.

    Our absolutes are kept out on purpose: other data, another protocol, perhaps another unit. An arm
    is recognised by its name; what a study does not have, or takes to another reference, stays empty.

    Raises:
        StudyError, DataError: as `study_table`.
    """
    lines = lines_of(rows, arms=arms, reference=reference, baselines=())
    groups = {g.key["arm"]: g for g in summarise(lines.rows, metrics=COMPARED).groups}
    base, published_base = groups[reference], PAPER_TABLE[0]
    columns = [Column(label="Configuration", align="left")]
    for row in metric_rows(COMPARED):
        columns += [
            Column(label=f"Published {row.label}", digits=4, better=row.better),
            Column(label=f"Published Δ {row.label} (%)", digits=1, signed=True),
            Column(label=f"Our Δ {row.label} (%)", digits=1, signed=True),
        ]
    cells = []
    for paper in PAPER_TABLE:
        line: list[Cell] = [paper.title]
        differs = paper is not published_base
        ours = groups.get(paper.arm) if differs and reference == published_base.arm else None
        for metric in COMPARED:
            value: float = getattr(paper, metric)
            change = 100 * (value / getattr(published_base, metric) - 1)
            line += [
                value,
                change if differs else None,
                None if ours is None else difference(ours, base, metric).percent,
            ]
        cells.append(tuple(line))
    return Table(
        title="Beside the published table",
        columns=tuple(columns),
        rows=tuple(cells),
        notes=(
            f"Published: {PAPER}; {ONE_RUN}; data, unit and protocol not stated.",
            "Only signs and relative differences can be compared, never absolute values.",
            f"Ours: {seeds_note(seed_count(base))}",
        ),
    )


def study_tables(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    baselines: Sequence[str] | None = None,
) -> dict[str, Table]:
    """Every table of a study by the stem of its files.

    Raises:
        StudyError, DataError: as `study_table`.
    """
    makers = {
        "table": study_table,
        "table_by_range": range_table,
        "table_by_condition": condition_table,
    }
    tables = {
        stem: make(rows, arms=arms, reference=reference, baselines=baselines)
        for stem, make in makers.items()
    }
    tables["table_beside_paper"] = paper_table(rows, arms=arms, reference=reference)
    return tables


def write_tables(folder: Path, tables: Mapping[str, Table]) -> list[Path]:
    """Each table as STEM.md, STEM.csv and STEM.tex; every file whole or absent, and the same bytes again."""
    written = []
    for stem, table in tables.items():
        for suffix, text in (
            (".md", table.markdown()),
            (".csv", table.csv()),
            (".tex", table.latex()),
        ):
            write_text(folder / f"{stem}{suffix}", text)
            written.append(folder / f"{stem}{suffix}")
    return written


def _by_part(lines: Lines, summary: Summary, *, reference: str, part: str) -> Table:
    """One block of lines per range or condition."""
    groups = {(group.key[part], group.key["arm"]): group for group in summary.groups}
    parts = list(dict.fromkeys(group.key[part] for group in summary.groups))
    if part == "condition":
        parts.sort()
    anywhere = {group.key["arm"]: group for group in reversed(summary.groups)}
    columns = MetricColumns(
        metrics=summary.metrics,
        compared=summary.metrics,
        intervals=seed_count(anywhere[reference]) > 1,
    )
    cells: list[tuple[Cell, ...]] = []
    bold: set[tuple[int, int]] = set()
    for name in parts:
        base = groups[name, reference]
        start = len(cells)
        present = [arm for arm in lines.names if (name, arm) in groups]
        for arm in present:
            group = groups[name, arm]
            counts = (base.pixels, max(base.frames.values()))
            values = columns.cells(group, base, ranked=arm in lines.arms)
            cells.append((_part_title(name), *counts, lines.title(arm), *values))
        ranked = [
            (start + n, groups[name, arm]) for n, arm in enumerate(present) if arm in lines.arms
        ]
        bold |= columns.best(ranked, first=4)
    heading, by = ("Distance", "by distance") if part == "slice" else ("Condition", "by condition")
    counted = (Column(label="pixels"), Column(label="frames"))
    return Table(
        title=f"Metric depth under each loss configuration, {by}",
        columns=(
            Column(label=heading, align="left"),
            *counted,
            Column(label="Configuration", align="left"),
            *columns.columns(),
        ),
        rows=tuple(cells),
        notes=(
            f"Protocol {summary.protocol}; mean over the frames that have such pixels, then over "
            f"{seed_list(anywhere[reference])}; pixels and frames are those of one seed.",
            *notes_under(lines, anywhere, reference=reference),
        ),
        bold=frozenset(bold),
    )


def _part_title(name: str) -> str:
    """`range:2.5-6` as `2.5–6 m`; a condition as it is."""
    kind, colon, span = name.partition(":")
    if kind == "range" and colon:
        return f"{span.replace('-', '–')} m"
    return name or "(not given)"
