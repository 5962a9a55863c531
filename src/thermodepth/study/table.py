"""The study's tables: the paper's Table 1 with relative differences, by distance, by condition.

Numbers come from `evaluation.summary`, print goes through `evaluation.tables`. The order of arms is the
one given, the reference is one of them, and baselines stand last: they show what no look at the image is
worth, so they are never ranked. An arm without rows keeps its line, empty, with a note that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import StudyError, unknown
from thermodepth.evaluation.baselines import BASELINES
from thermodepth.evaluation.rows import WHOLE_FRAME
from thermodepth.evaluation.summary import Group, Summary, summarise
from thermodepth.evaluation.tables import Cell, Column, Table
from thermodepth.files import write_text
from thermodepth.metrics import metric_rows
from thermodepth.study.contrasts import ONE_RUN, Difference, difference, seeds_note

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
    lines = _lines(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, metrics=metrics)
    groups = {group.key["arm"]: group for group in summary.groups}
    base = groups[reference]
    columns = _Columns(metrics=tuple(metrics), compared=tuple(compared), intervals=_seeds(base) > 1)
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
            f"then over {_seed_list(base)}.",
            *_notes(lines, groups, reference=reference),
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
    lines = _lines(rows, arms=arms, reference=reference, baselines=baselines)
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
    lines = _lines(rows, arms=arms, reference=reference, baselines=baselines)
    summary = summarise(lines.rows, by=("arm", "condition"), metrics=metrics)
    return _by_part(lines, summary, reference=reference, part="condition")


def paper_table(rows: pa.Table, *, arms: Sequence[ArmLabel], reference: str) -> Table:
    """The published five lines, and beside their relative differences those found here.

    Our absolutes are kept out on purpose: other data, another protocol, perhaps another unit. An arm
    is recognised by its name; what a study does not have, or takes to another reference, stays empty.

    Raises:
        StudyError, DataError: as `study_table`.
    """
    lines = _lines(rows, arms=arms, reference=reference, baselines=())
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
            f"Ours: {seeds_note(_seeds(base))}",
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
    makers = {"table": study_table, "table_by_range": range_table, "table_by_condition": condition_table}
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


# --- the lines of a table ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """What the lines of a table are, and the rows that stand behind them."""

    rows: pa.Table
    titles: Mapping[str, str]
    arms: tuple[str, ...]
    baselines: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Arms, then baselines."""
        return self.arms + self.baselines

    def title(self, name: str) -> str:
        """As printed."""
        return self.titles[name] if name in self.arms else f"Baseline: {name}"


def _lines(
    rows: pa.Table, *, arms: Sequence[ArmLabel], reference: str, baselines: Sequence[str] | None
) -> _Lines:
    names = tuple(arm.name for arm in arms)
    there = set(pc.unique(rows["arm"]).to_pylist())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"arm '{twice[0]}' is named twice")
    if reference not in names:
        raise StudyError(unknown("reference arm", reference, names))
    if reference not in there:
        raise StudyError(
            f"the reference arm '{reference}' has no results, so nothing can be compared with it"
        )
    if baselines is None:
        baselines = [name for name in BASELINES if name in there and name not in names]
    kept = rows.filter(pc.is_in(rows["arm"], pa.array([*names, *baselines], type=pa.string())))
    titles = {arm.name: arm.title for arm in arms}
    return _Lines(rows=kept, titles=titles, arms=names, baselines=tuple(baselines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """The metric columns of a table, some with a change and its interval beside them."""

    metrics: tuple[str, ...]
    compared: tuple[str, ...]
    intervals: bool

    def columns(self) -> list[Column]:
        found = []
        for row in metric_rows(self.metrics):
            label = f"{row.label} ({row.unit})" if row.unit else row.label
            found.append(Column(label=label, digits=row.digits, better=row.better))
            if row.name in self.compared:
                found.append(Column(label=f"Δ {row.label} (%)", digits=1, signed=True))
                if self.intervals:
                    found.append(Column(label=f"95 % of Δ {row.label}"))
        return found

    def cells(self, group: Group | None, base: Group, *, ranked: bool) -> list[Cell]:
        found: list[Cell] = []
        for metric in self.metrics:
            has = group is not None and metric in group.values and metric in base.values
            made = difference(group, base, metric, paired=ranked) if group and has else None
            found.append(made.value if made else None)
            if metric in self.compared:
                # The reference's difference from itself is no finding: a dash, not a zero.
                made = None if group is base else made
                found.append(made.percent if made else None)
                if self.intervals:
                    found.append(_interval(made))
        return found

    def best(
        self, lines: Sequence[tuple[int, Group | None]], *, first: int
    ) -> frozenset[tuple[int, int]]:
        """The cells of the best value per metric; what prints the same as the best is bold too."""
        bold = set()
        column = first
        for row in metric_rows(self.metrics):
            of = {n: round(g.values[row.name], row.digits) for n, g in lines if g and row.name in g.values}
            if len(of) > 1:
                best = (min if row.better == "lower" else max)(of.values())
                bold |= {(number, column) for number, value in of.items() if value == best}
            column += 1 + (row.name in self.compared) * (1 + self.intervals)
        return frozenset(bold)


def _by_part(lines: _Lines, summary: Summary, *, reference: str, part: str) -> Table:
    """One block of lines per range or condition."""
    groups = {(group.key[part], group.key["arm"]): group for group in summary.groups}
    parts = list(dict.fromkeys(group.key[part] for group in summary.groups))
    if part == "condition":
        parts.sort()
    anywhere = {group.key["arm"]: group for group in reversed(summary.groups)}
    columns = _Columns(
        metrics=summary.metrics,
        compared=summary.metrics,
        intervals=_seeds(anywhere[reference]) > 1,
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
        ranked = [(start + n, groups[name, arm]) for n, arm in enumerate(present) if arm in lines.arms]
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
            f"{_seed_list(anywhere[reference])}; pixels and frames are those of one seed.",
            *_notes(lines, anywhere, reference=reference),
        ),
        bold=frozenset(bold),
    )


# --- words ---------------------------------------------------------------------------------------


def _notes(lines: _Lines, groups: Mapping[str, Group], *, reference: str) -> list[str]:
    base = groups[reference]
    seeds = _seeds(base)
    notes = [
        seeds_note(seeds),
        f"Δ: change against “{lines.title(reference)}”, in percent of its value.",
        "Bold: the best configuration, which is not to say significantly better"
        + (": one run cannot tell." if seeds < 2 else "; the intervals show what is."),
    ]
    if lines.baselines:
        notes.append("Baselines never look at the image; they are not ranked and have no seeds.")
    missing = [lines.title(name) for name in lines.names if name not in groups]
    if missing:
        notes.append(f"No results (not run, failed or diverged): {', '.join(missing)}.")
    for name in lines.arms:
        if name in groups and _seed_names(groups[name]) != _seed_names(base):
            notes.append(
                f"{lines.title(name)} has {_seed_list(groups[name])}; its Δ counts the seeds that it "
                f"shares with {lines.title(reference)}."
            )
    return notes


def _seed_names(group: Group) -> list[int]:
    return sorted({seed for values in group.seed_values.values() for seed in values})


def _seeds(group: Group) -> int:
    return len(_seed_names(group))


def _seed_list(group: Group) -> str:
    names = _seed_names(group)
    return f"{len(names)} seed{'s' * (len(names) > 1)} ({', '.join(map(str, names))})"


def _interval(made: Difference | None) -> str | None:
    if made is None or made.interval_percent is None:
        return None
    low, high = (f"{end:+z.1f}".replace("-", "−") for end in made.interval_percent)
    return f"[{low}, {high}]"


def _part_title(name: str) -> str:
    """`range:2.5-6` as `2.5–6 m`; a condition as it is."""
    kind, colon, span = name.partition(":")
    if kind == "range" and colon:
        return f"{span.replace('-', '–')} m"
    return name or "(not given)"
