"""The numbers of a study's tables: each line's mean, its change against the reference, the set of best arms.

All come from `statistics`. The change of an arm is the crossed contrast of arm and reference with its
interval in the widest scope that there is (none of a single run), all arms of one metric asked together as
in `effects`. A mean has an interval of its own, of the same formulas:

    low, high = mean +- t SE      with D[s, i] = y[a, s, i]

which is wide, for it holds what scenes do to all arms alike; two of them may overlap where the change leaves
out 0. So tables print the change's, and only the files for machines have both.

A baseline has one value an image, which would be the same under any seed. Its change against the reference
is the contrast with that value held constant: noise comes from the reference's seeds and from the scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.evaluation.rows.rows import WHOLE_FRAME
from thermodepth.metrics import ERRORS, MetricRow, metric_rows
from thermodepth.statistics.comparison import (
    ONE_RECORDING,
    ONE_RUN,
    Better,
    Comparison,
    best_set,
)
from thermodepth.statistics.findings import Findings
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import against
from thermodepth.statistics.two_way import Estimate, estimate
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.lines import RANGE, Lines, lines_of, rows_of_lines
from thermodepth.study.results.result_rows import measurements_of

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
COMPARED = ("abs_rel", "rmse")  # the two that the paper prints get a column of changes
NO_COMMON_SEED = "no seed that all arms have"
ONE_COMMON_SEED = "one seed that all arms have"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One line in one metric."""

    mean: Estimate  # over its images, then over its seeds
    seeds: tuple[int, ...]  # none for a baseline
    change: Comparison | None  # None for the reference, and without a seed in common with it

    @property
    def value(self) -> float:
        """The mean."""
        return self.mean.value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One metric over whole frames, or over one range or condition of them."""

    metric: MetricRow
    entries: Mapping[str, Entry]  # of the lines that have results
    best: frozenset[str]  # the set of best arms; empty where there is too little to tell one
    ranked: int  # how many arms it was sought among
    undecided: str  # what is too little; empty otherwise
    images: int
    recordings: int
    pixels: int  # scored, in each seed
    left_out: tuple[str, ...]  # images, in words

    @property
    def bold(self) -> frozenset[str]:
        """The set of best arms, where it is not all of them: what marks every line marks nothing."""
        return self.best if len(self.best) < self.ranked else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableEntries:
    """The numbers of a study's tables."""

    lines: Lines
    whole: Mapping[str, Part]  # by metric, over whole frames
    #: Title of a range or condition -> its parts. Ranges stand near to far, conditions in alphabetical order.
    by_range: Mapping[str, Sequence[Part]]
    by_condition: Mapping[str, Sequence[Part]]
    seeds: tuple[int, ...]  # that any arm has results of


def table_entries(
    rows: pa.Table,
    *,
    arms: Sequence[ArmLabel],
    reference: str,
    baselines: Sequence[str] | None = None,
    answers: Findings | None = None,
) -> TableEntries:
    """Every number of a study's tables.

    Args:
        rows: results of one study under one protocol; arms that are not named are left out.
        arms: the lines, in order.
        reference: the arm that changes are relative to.
        baselines: arms printed last and not ranked; None takes every known baseline that has rows.
        answers: comparisons and best sets of the same rows that are computed already, and not again here.

    Raises:
        StudyError: for a reference that is not among the arms or has no rows, or two arms of one name.
        DataError: for several protocols or studies, or cells that were not scored on the same frames and
            pixels.
    """
    lines = lines_of(rows, arms=arms, reference=reference, baselines=baselines)
    own = rows_of_lines(rows, lines.names)
    return TableEntries(
        lines=lines,
        whole=parts_of(own, lines, TABLE_1_METRICS, answers=answers),
        by_range=range_parts(own, lines),
        by_condition=condition_parts(own, lines),
        seeds=seeds_of(own, lines.arms),
    )


def parts_of(
    rows: pa.Table,
    lines: Lines,
    metrics: Sequence[str],
    *,
    slice: str = WHOLE_FRAME,
    answers: Findings | None = None,
) -> dict[str, Part]:
    """Every metric over the same frames.

    Raises:
        DataError: as `measurements_of`; for whole frames also when a cell lacks an image that another has.
        SettingsError: for a metric that does not exist.
    """
    inside = pc.equal(rows["slice"], slice)
    parts = {}
    for row in metric_rows(metrics):
        of_metric = rows.filter(pc.and_(inside, pc.equal(rows["metric"], row.name)))
        # Which pixels a range has, and which edges a frame, may leave an image without a value.
        whole = slice == WHOLE_FRAME and row.name in ERRORS
        block = measurements_of(
            of_metric,
            row.name,
            slice=slice,
            arms=lines.names,
            images="same" if whole else "common",
        )
        parts[row.name] = _part(block, row, lines, answers)
    return parts


def range_parts(
    rows: pa.Table, lines: Lines, metrics: Sequence[str] = COMPARED
) -> dict[str, tuple[Part, ...]]:
    """By distance of the truth, near to far; empty where no range was scored."""
    slices = [name for name in pc.unique(rows["slice"]).to_pylist() if name.startswith(RANGE)]
    slices.sort(key=lambda name: float(name.removeprefix(RANGE).partition("-")[0]))
    return {
        f"{name.removeprefix(RANGE).replace('-', '–')} m": tuple(
            parts_of(rows, lines, metrics, slice=name).values()
        )
        for name in slices
    }


def condition_parts(
    rows: pa.Table, lines: Lines, metrics: Sequence[str] = COMPARED
) -> dict[str, tuple[Part, ...]]:
    """By condition as the data set names it, in alphabetical order."""
    of_metrics = pc.is_in(rows["metric"], pa.array(metrics, type=pa.string()))
    whole = rows.filter(pc.and_(of_metrics, pc.equal(rows["slice"], WHOLE_FRAME)))
    return {
        name or "(not given)": tuple(
            parts_of(whole.filter(pc.equal(whole["condition"], name)), lines, metrics).values()
        )
        for name in sorted(pc.unique(whole["condition"]).to_pylist())
    }


def seeds_of(rows: pa.Table, arms: Sequence[str]) -> tuple[int, ...]:
    """The seeds that any of these arms has results of, in order."""
    of_arms = rows.filter(pc.is_in(rows["arm"], pa.array(arms, type=pa.string())))
    return tuple(sorted(pc.unique(of_arms["seed"]).to_pylist()))


def better_of(row: MetricRow) -> Better:
    """Which way the numbers run that arms are compared by: where an optimum is to be met, distances."""
    return "higher" if row.better == "higher" else "lower"


def ranked_quantity(row: MetricRow) -> str:
    """What arms are compared by, as `METRIC` or `METRIC.FORM`."""
    return f"{row.name}.distance" if row.better == "closer" else row.name


def ranked_form(block: Measurements, row: MetricRow) -> Measurements:
    """What arms are compared by: the distance from the optimum, where a metric should be close to one."""
    return block.form("distance", optimum=row.optimum) if row.better == "closer" else block


def _part(block: Measurements, row: MetricRow, lines: Lines, answers: Findings | None) -> Part:
    assert block.pixels is not None
    measured = [name for name in lines.names if block.present[block.place(name)].any()]
    first = np.argwhere(block.present)[0]
    pixels = int(block.pixels[first[0], first[1]].sum())
    constant = _held_constant(block, [name for name in lines.baselines if name in measured])
    ranked_block = ranked_form(constant, row)
    if answers is not None and not _answered_on(answers, row, ranked_block, lines):
        answers = None
    changes = _changes(ranked_block, row, lines, measured, answers)
    ranked = [arm for arm in lines.ranked if arm in measured]
    best, undecided = _best(ranked_block, row, ranked, answers)
    return Part(
        metric=row,
        entries={name: _entry(block, name, lines, changes.get(name)) for name in measured},
        best=best,
        ranked=len(ranked),
        undecided=undecided,
        images=len(block.images),
        recordings=block.groups.sizes.size,
        pixels=pixels,
        left_out=tuple(words for words in block.left_out if "images left out" in words),
    )


def _answered_on(answers: Findings, row: MetricRow, block: Measurements, lines: Lines) -> bool:
    """Whether these comparisons are of the same quantity over the same images, with the same reference."""
    known = answers.measurements.get(row.name)
    return (
        known is not None
        and answers.reference == lines.reference
        and known.metric == block.metric
        and known.images == block.images
        and known.clusters == block.clusters
    )


def _entry(block: Measurements, name: str, lines: Lines, change: Comparison | None) -> Entry:
    seeds = np.flatnonzero(block.present[block.place(name)])
    return Entry(
        mean=estimate(block.values[block.place(name), seeds], block.groups),
        seeds=tuple(block.seeds[s] for s in seeds) if name in lines.arms else (),
        change=change,
    )


def _held_constant(block: Measurements, baselines: Sequence[str]) -> Measurements:
    """The seeds of the arms alone, and under each of them the baselines' one value."""
    places = [block.place(name) for name in baselines]
    arms = [place for place in range(len(block.arms)) if place not in places]
    seeds = np.flatnonzero(block.present[arms].any(axis=0))
    values = block.values[:, seeds]
    for place in places:
        values[place] = block.values[place, np.flatnonzero(block.present[place])[0]]
    return replace(
        block, seeds=tuple(block.seeds[s] for s in seeds), values=values, pixels=None, left_out=()
    )


def _changes(
    block: Measurements,
    row: MetricRow,
    lines: Lines,
    measured: Sequence[str],
    answers: Findings | None,
) -> dict[str, Comparison]:
    """By the line's name. Arms are compared together; so are baselines, whose noise is of another make."""
    reference = block.present[block.place(lines.reference)]
    comparable = [n for n in measured if (block.present[block.place(n)] & reference).any()]
    changes: dict[str, Comparison] = {}
    for group in (lines.arms, lines.baselines):
        names = [name for name in group if name in comparable and name != lines.reference]
        known = {} if answers is None else answers.differences(block.metric, names)
        if len(known) < len(names):  # those of arms pool their noise: all of them or none
            known = {
                each.question.name: each
                for each in compare_all(
                    block,
                    against(lines.reference, names, titles=lines.titles),
                    reference=lines.reference,
                    better=better_of(row),
                )
            }
        changes |= known
    return changes


def _best(
    block: Measurements, row: MetricRow, ranked: Sequence[str], answers: Findings | None
) -> tuple[frozenset[str], str]:
    """(the set of best arms, why there is none)."""
    if len(ranked) < 2:
        return frozenset(), ""
    present = block.present[[block.place(arm) for arm in ranked]]
    common = int(present.all(axis=0).sum())
    if common < 2:
        if (present.sum(axis=1) == 1).all() and common == 1:
            return frozenset(), ONE_RUN
        return frozenset(), ONE_COMMON_SEED if common else NO_COMMON_SEED
    if block.groups.sizes.size < 2:
        return frozenset(), ONE_RECORDING
    known = answers.best.get(row.name) if answers is not None else None
    best = known or best_set(block, better=better_of(row), arms=ranked)
    return frozenset(best.arms), ""
