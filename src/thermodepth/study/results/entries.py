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
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import against
from thermodepth.statistics.two_way import Estimate, estimate
from thermodepth.study.results.lines import Lines
from thermodepth.study.results.result_rows import measurements_of

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
    untold: str  # what is too little; empty otherwise
    images: int
    recordings: int
    pixels: int  # scored, in each seed
    left_out: tuple[str, ...]  # images, in words

    @property
    def bold(self) -> frozenset[str]:
        """The set of best arms, where it is not all of them: what marks every line marks nothing."""
        return self.best if len(self.best) < self.ranked else frozenset()


def parts_of(
    lines: Lines, metrics: Sequence[str], *, rows: pa.Table | None = None, slice: str = WHOLE_FRAME
) -> dict[str, Part]:
    """Every metric over the same frames; `rows=None` takes those of the lines.

    Raises:
        DataError: as `measurements_of`; for whole frames also when a cell lacks an image that another has.
        SettingsError: for a metric that does not exist.
    """
    given = lines.rows if rows is None else rows
    inside = pc.equal(given["slice"], slice)
    found = {}
    for row in metric_rows(metrics):
        of_metric = given.filter(pc.and_(inside, pc.equal(given["metric"], row.name)))
        # Which pixels a range has, and which edges a frame, may leave an image without a value.
        whole = slice == WHOLE_FRAME and row.name in ERRORS
        block = measurements_of(
            of_metric,
            row.name,
            slice=slice,
            arms=lines.names,
            images="same" if whole else "common",
        )
        found[row.name] = _part(block, row, lines)
    return found


def better_of(row: MetricRow) -> Better:
    """Which way the numbers run that arms are compared by: where an optimum is to be met, distances."""
    return "higher" if row.better == "higher" else "lower"


def ranked_quantity(row: MetricRow) -> str:
    """What arms are compared by, as `METRIC` or `METRIC.FORM`."""
    return f"{row.name}.distance" if row.better == "closer" else row.name


def ranked_form(block: Measurements, row: MetricRow) -> Measurements:
    """What arms are compared by: the distance from the optimum, where a metric should be close to one."""
    return block.form("distance", optimum=row.optimum) if row.better == "closer" else block


def _part(block: Measurements, row: MetricRow, lines: Lines) -> Part:
    assert block.pixels is not None
    there = [name for name in lines.names if block.present[block.place(name)].any()]
    first = np.argwhere(block.present)[0]
    pixels = int(block.pixels[first[0], first[1]].sum())
    constant = _held_constant(block, [name for name in lines.baselines if name in there])
    changes = _changes(ranked_form(constant, row), row, lines, there)
    ranked = [arm for arm in lines.ranked if arm in there]
    best, untold = _best(ranked_form(constant, row), row, ranked)
    return Part(
        metric=row,
        entries={name: _entry(block, name, lines, changes.get(name)) for name in there},
        best=best,
        ranked=len(ranked),
        untold=untold,
        images=len(block.images),
        recordings=block.groups.sizes.size,
        pixels=pixels,
        left_out=tuple(words for words in block.left_out if "images left out" in words),
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
    block: Measurements, row: MetricRow, lines: Lines, there: Sequence[str]
) -> dict[str, Comparison]:
    """By the line's name. Arms are asked together, and so are baselines: their noise is of another make."""
    reference = block.present[block.place(lines.reference)]
    found: dict[str, Comparison] = {}
    for asked in (lines.arms, lines.baselines):
        names = [
            n for n in asked if n in there and (block.present[block.place(n)] & reference).any()
        ]
        made = compare_all(
            block,
            against(lines.reference, names, titles=lines.titles),
            reference=lines.reference,
            better=better_of(row),
        )
        found |= {each.question.name: each for each in made}
    return found


def _best(block: Measurements, row: MetricRow, ranked: Sequence[str]) -> tuple[frozenset[str], str]:
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
    return frozenset(best_set(block, better=better_of(row), arms=ranked).arms), ""
