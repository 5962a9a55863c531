"""Means over probes, with intervals that know that neighbouring probes are alike.

For two terms and a run, c_1..c_n are the cosines of its probes in the order of the steps:

    mean       (1/n) sum c_i
    interval   cut the probes into at most 10 blocks of neighbours, take the t interval of the block means
    conflict   the part of the probes with c_i < 0

Neighbouring probes are alike, so single probes would give too short an interval; blocks that are long
beside that likeness do not (batch means; Law, Simulation Modeling and Analysis, chapter 9). Several runs
of one arm: the mean of the runs' means and the t interval over the runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from thermodepth.statistics.two_way import mean_interval
from thermodepth.study.gradients.records import GradientRecord, Pair, place_of, values_of
from thermodepth.training.diagnostics.steps import TOTAL

#: Cosines of single batches spread by about 0.3; fewer probes than this are always marked.
ENOUGH_PROBES = 30
MOST_BLOCKS = 10
_COSINES = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """A mean over the probes of the runs of one arm."""

    mean: float
    interval: tuple[float, float] | None  # 95 %; None for a single probe
    probes: int
    runs: int

    @property
    def few(self) -> bool:
        """Whether it may not be printed without saying so."""
        return self.probes < ENOUGH_PROBES


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """How two terms pull over a training."""

    pair: Pair
    cosine: Average
    negative: float  # part of the probes with a cosine below 0
    similarity: float  # of magnitude, mean over probes
    neighbours: float | None  # correlation of neighbouring probes; None where there are too few


@dataclass(frozen=True, slots=True, kw_only=True)
class AlongStep:
    """How far a term's gradient points along the steps that were taken."""

    term: str  # or `total`
    cosine: Average
    negative: float  # part of the probes with a cosine below 0


def average(
    runs: Sequence[Sequence[float]], *, within: tuple[float, float] = (-math.inf, math.inf)
) -> Average:
    """The mean over the probes of one or more runs, each run weighing the same.

    Args:
        runs: the values of each run in the order of its steps, none empty.
        within: what values there can be; the interval of two runs is easily wider.
    """
    means = [fmean(values) for values in runs]
    sample = means if len(runs) > 1 else block_means(runs[0])
    interval = None
    if len(sample) > 1:
        low, high = mean_interval(sample)
        interval = max(low, within[0]), min(high, within[1])
    return Average(
        mean=fmean(means),
        interval=interval,
        probes=sum(len(values) for values in runs),
        runs=len(runs),
    )


def block_means(values: Sequence[float]) -> list[float]:
    """At most ten means over neighbours, of sizes that differ by one at the most."""
    blocks = np.array_split(np.asarray(values, np.float64), min(len(values), MOST_BLOCKS))
    return [float(block.mean()) for block in blocks]


def conflicts(records: Sequence[GradientRecord], parameters: str) -> list[Conflict]:
    """Every pair of terms that has a cosine in some run, in the order of the loss table.

    Args:
        records: the runs of one arm.
        parameters: `block` or `shared`, as in cosines.csv.
    """
    conflicts_of_pairs = []
    pairs = {pair for record in records for pair in record.cosines.get(parameters, {})}
    for pair in sorted(pairs, key=lambda p: (place_of(p[0]), place_of(p[1]))):
        runs = values_of([record.cosines.get(parameters, {}) for record in records], pair)
        alike = values_of([record.similarities.get(parameters, {}) for record in records], pair)
        cosine = average(runs, within=_COSINES)
        negative = sum(value < 0 for values in runs for value in values) / cosine.probes
        lags = [lag for values in runs if (lag := _neighbour_correlation(values)) is not None]
        conflicts_of_pairs.append(
            Conflict(
                pair=pair,
                cosine=cosine,
                negative=negative,
                similarity=fmean(value for values in alike for value in values),
                neighbours=fmean(lags) if lags else None,
            )
        )
    return conflicts_of_pairs


def along_steps(records: Sequence[GradientRecord], parameters: str) -> list[AlongStep]:
    """Every term that has a step cosine in some run, in the order of the loss table; `total` last.

    Args:
        records: the runs of one arm.
        parameters: `block` or `shared`, as in step_cosines.csv.
    """
    of_runs = [record.step_cosines.get(parameters, {}) for record in records]
    cosines = []
    for term in sorted({term for terms in of_runs for term in terms}, key=_total_last):
        runs = values_of(of_runs, term)
        cosine = average(runs, within=_COSINES)
        negative = sum(value < 0 for values in runs for value in values) / cosine.probes
        cosines.append(AlongStep(term=term, cosine=cosine, negative=negative))
    return cosines


def _total_last(term: str) -> tuple[bool, int]:
    return term == TOTAL, place_of(term)


def _neighbour_correlation(values: Sequence[float]) -> float | None:
    """Lag-one autocorrelation."""
    if len(values) < MOST_BLOCKS:
        return None
    off = np.asarray(values, np.float64) - fmean(values)
    size = float(off @ off)
    return float(off[1:] @ off[:-1]) / size if size > 0 else None
