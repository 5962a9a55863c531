"""The study's tables: the paper's Table 1 with relative differences, by distance, by condition.

Numbers come from `evaluation.summary`, print goes through `evaluation.tables`. The order of arms is the
one given, the reference is one of them, and baselines stand last: they show what no look at the image is
worth, so they are never ranked. An arm without rows keeps its line, empty, with a note that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError, unknown
from thermodepth.evaluation.baselines import BASELINES
from thermodepth.evaluation.rows import WHOLE_FRAME
from thermodepth.evaluation.summary import Group, Summary, summarise
from thermodepth.evaluation.tables import Cell, Column, Table
from thermodepth.files import write_text
from thermodepth.metrics import METRICS, metric_rows
from thermodepth.study.contrasts import Difference, difference, seeds_note

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
class ArmLabel:
    """An arm as tables and figures call it."""

    name: str  # in the rows
    title: str  # for people


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
    lines = _Lines.of(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, metrics=metrics)
    base = summary.group(arm=reference)
    groups = {group.key["arm"]: group for group in summary.groups}
    form = _Columns.of(metrics, compared, seeds=_seeds(base, metrics))
    cells = [
        (label.title, *form.cells(groups.get(label.name), base, paired=label.name in lines.ranked))
        for label in lines.labels
    ]
    best = form.best(
        [(number, groups[a.name]) for number, a in enumerate(arms) if a.name in groups], first=1
    )
    return Table(
        title="Metric depth under each loss configuration",
        columns=(Column(label="Configuration", align="left"), *form.columns),
        rows=tuple(cells),
        notes=(
            f"Protocol {summary.protocol}; {_frames(base)}; mean over frames, then over {_seed_list(base)}.",
            *_reading(lines, form, groups),
        ),
        bold=best,
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
    lines = _Lines.of(rows, arms=arms, reference=reference, baselines=baselines)
    ranges = lines.rows.filter(pc.not_equal(lines.rows["slice"], WHOLE_FRAME))
    summary = summarise(ranges, by=("arm", "slice"), metrics=metrics, slice=None)
    return _parts_table(lines, summary, part="slice", heading="Distance", title="by distance")


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
    lines = _Lines.of(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, by=("arm", "condition"), metrics=metrics)
    return _parts_table(lines, summary, part="condition", heading="Condition", title="by condition")


def paper_table(
    rows: pa.Table, *, arms: Sequence[ArmLabel], reference: str, metrics: Sequence[str] = COMPARED
) -> Table:
    """The published five rows, and beside their relative differences those found here.

    Our absolutes are kept out on purpose: other data, another protocol, perhaps another unit. An arm
    is recognised by its name, so arms of another study show no difference here.

    Raises:
        StudyError, DataError: as `study_table`.
    """
    lines = _Lines.of(rows, arms=arms, reference=reference, baselines=())
    groups = {g.key["arm"]: g for g in summarise(lines.rows, metrics=metrics).groups}
    first = PAPER_TABLE[0]
    # Differences found here belong beside the published ones only when taken to the same arm.
    ours_to_first = groups if reference == first.arm else {}
    columns = [Column(label="Configuration (as published)", align="left")]
    for row in metric_rows(metrics):
        columns += [
            Column(label=f"{row.label}, published", digits=4, better=row.better),
            Column(label=f"Δ {row.label} (%), published", digits=1, signed=True),
            Column(label=f"Δ {row.label} (%), here", digits=1, signed=True),
        ]
    cells = []
    for paper in PAPER_TABLE:
        line: list[Cell] = [paper.title]
        for metric in metrics:
            published, base = getattr(paper, metric), getattr(first, metric)
            line += [published, None if paper is first else 100 * (published / base - 1)]
            ours = ours_to_first.get(paper.arm)
            line.append(
                difference(ours, groups[reference], metric).percent
                if ours is not None and paper is not first
                else None
            )
        cells.append(tuple(line))
    return Table(
        title="Beside the published table",
        columns=tuple(columns),
        rows=tuple(cells),
        notes=(
            f"Published: {PAPER}; {seeds_note(1)}; data, unit and protocol not stated.",
            "Signs and relative differences may be compared; absolute values never.",
            f"Here: {seeds_note(len(groups[reference].seed_values[metrics[0]]))}",
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
    whole = {"arms": arms, "reference": reference}
    return {
        "table": study_table(rows, **whole, baselines=baselines),  # type: ignore[arg-type]
        "table_by_range": range_table(rows, **whole, baselines=baselines),  # type: ignore[arg-type]
        "table_by_condition": condition_table(rows, **whole, baselines=baselines),  # type: ignore[arg-type]
        "table_beside_paper": paper_table(rows, **whole),  # type: ignore[arg-type]
    }


def write_tables(folder: Path, tables: Mapping[str, Table]) -> list[Path]:
    """Each table as STEM.md, STEM.csv and STEM.tex; each file whole or not at all, the same bytes again."""
    written = []
    for stem, table in tables.items():
        for suffix, text in ((".md", table.markdown()), (".csv", table.csv()), (".tex", table.latex())):
            write_text(folder / f"{stem}{suffix}", text)
            written.append(folder / f"{stem}{suffix}")
    return written
