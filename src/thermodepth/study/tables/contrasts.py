"""What an arm changes: its mean beside the reference's, and the interval that seeds alone can give.

With d_s the difference arm - reference of the means over frames under seed s, S seeds and r the
reference's mean over these seeds:

    change = 100 mean(d_s) / r percent,   interval = 100 (mean(d_s) +- t_{S-1, .975} sd(d_s) / sqrt(S)) / r

the paired t interval, r taken as known. Both arms of a seed share start, batches and frames, so their
difference has much less spread than either. It speaks of other
seeds on this test set, not of other scenes. With one seed there is no interval, and every table says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from thermodepth.evaluation.results.summary import Group
from thermodepth.study.analysis.comparison import ONE_RUN, signed
from thermodepth.study.analysis.crossed import mean_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One arm against the reference in one metric."""

    metric: str
    value: float  # the arm's mean over frames, then over all its seeds
    reference_value: float  # the reference's mean over the seeds compared
    seeds: tuple[int, ...]  # the seeds both have; empty for a baseline, which has none
    percent: float | None  # None when there is nothing to compare with
    interval_percent: tuple[float, float] | None  # 95 % over seeds; None below two seeds


def difference(of: Group, reference: Group, metric: str, *, paired: bool = True) -> Difference:
    """What the group `of` changes against `reference` in a metric that both have.

    `paired=False` is for baselines, which no seed touches: their one value is set against the
    reference's mean over all seeds, without an interval.
    """
    ours, theirs = of.seed_values[metric], reference.seed_values[metric]
    common = tuple(sorted(ours.keys() & theirs.keys())) if paired else ()
    if paired and common:
        base = math.fsum(theirs[seed] for seed in common) / len(common)
        changes = [ours[seed] - theirs[seed] for seed in common]
    else:
        base = reference.values[metric]
        changes = [] if paired else [of.values[metric] - base]
    percent = interval = None
    if changes and base:
        percent = 100 * math.fsum(changes) / len(changes) / base
        if len(changes) > 1:
            low, high = (100 * end / base for end in mean_interval(changes))
            interval = (min(low, high), max(low, high))
    return Difference(
        metric=metric,
        value=of.values[metric],
        reference_value=base,
        seeds=common,
        percent=percent,
        interval_percent=interval,
    )


def seeds_note(seeds: int) -> str:
    """The line under a table that says what its differences can carry."""
    if seeds < 2:
        return ONE_RUN
    return (
        f"95 % intervals: paired t over {seeds} seeds, on this test set. They say nothing of other scenes "
        "and are not widened for the number of comparisons."
    )


def percent_text(made: Difference) -> str:
    """`+1.4 % [−0.3, +3.1]`, without the bracket where there is no interval."""
    if made.percent is None:
        return "not comparable"
    return " ".join(part for part in (f"{signed(made.percent)} %", interval_text(made)) if part)


def interval_text(made: Difference) -> str | None:
    """`[−0.3, +3.1]` in percent; None where there is no interval."""
    if made.interval_percent is None:
        return None
    low, high = made.interval_percent
    return f"[{signed(low)}, {signed(high)}]"
