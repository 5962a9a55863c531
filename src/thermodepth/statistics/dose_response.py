"""What more or less of a weight does: a curve over its levels, beside whether it should be there at all.

A term that hurts may only weigh too much. A dose-response study trains the same recipe with one weight times
0, .1, .3, 1, 3, 10; its curve tells the best level, the levels that cannot be told from the best (the flat
range), and the slope at the weight that the recipe has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from thermodepth.statistics.comparison import (
    ONE_RECORDING,
    ONE_RUN,
    Better,
    TestedComparison,
    best_set,
)
from thermodepth.statistics.designs import FULL, DoseResponse, dose_arm
from thermodepth.statistics.labels import label_of
from thermodepth.statistics.measurements import Measurements

_DOSED = re.compile(r"([a-z0-9][a-z0-9-]*)-x([0-9]+(?:p[0-9]+)?(?:e[+-]?[0-9]+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DosePoint:
    """One level of a weight."""

    level: float  # times the weight that the recipe has
    arm: str
    value: float  # mean over seeds and images
    percent: float | None  # change against level 1; None for level 1 itself, and where that is 0
    percent_interval: tuple[float, float] | None  # 95 %, as printed: none of a single run


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseCurve:
    """One metric over the levels of one weight."""

    factor: str
    metric: str
    points: tuple[DosePoint, ...]  # by level, level 1 among them
    slope: TestedComparison | None  # at level 1; None without a level on either side of it
    best: float | None  # the level with the best mean; None where that is no level of this curve
    flat: tuple[float, ...]  # levels that cannot be told from the best, which is among them
    better: Better
    notes: tuple[str, ...]  # what forbids to call any level the best
    margin_percent: float | None  # what is too small to matter, to either side of 0
    recipe_level: float | None = 1.0  # what changes are against; None where it is not of this curve

    @property
    def told_from(self) -> tuple[float, ...]:
        """The levels that are worse than the best, after Holm: without one nothing is best."""
        return tuple(point.level for point in self.points if point.level not in self.flat)

    @property
    def best_words(self) -> str:
        """`is best at 3 times the weight: 0 and .1 are worse; 1 and 10 cannot be told from it`."""
        assert self.best is not None, "words are of curves with a best level"
        mean = "lowest" if self.better == "lower" else "highest"
        if not self.told_from:
            why = f" ({'; '.join(self.notes)})" if self.notes else ""
            return f"has its {mean} mean at {self.best:g} times the weight; no level can be told from it{why}"
        words = f"is best at {self.best:g} times the weight: {_levels(self.told_from)} worse"
        others = tuple(level for level in self.flat if level != self.best)
        return f"{words}; {_listed(others)} cannot be told from it" if others else words

    @property
    def sentence(self) -> str:
        """What the levels do to the metric: "best" where another level was found to be worse."""
        return f"{self.factor}: {label_of(self.metric)} {self.best_words}."


def _levels(levels: Sequence[float]) -> str:
    return f"{_listed(levels)} {'is' if len(levels) == 1 else 'are'}"


def _listed(levels: Sequence[float]) -> str:
    *first, last = (f"{level:g}" for level in levels)
    return f"{', '.join(first)} and {last}" if first else last


def doses_of(arms: Sequence[str]) -> tuple[DoseResponse, ...]:
    """The weights that arms named `full`, `no-A`, `A-x0p3` vary: of tables that hold names alone."""
    if FULL not in arms:
        return ()
    levels: dict[str, dict[str, float]] = {}
    for arm in arms:
        match = _DOSED.fullmatch(arm)
        if match is None:
            continue
        factor, level = match[1], float(match[2].replace("p", "."))
        if dose_arm(factor, level) == arm:
            levels.setdefault(factor, {})[arm] = level
    doses = []
    for factor, own in levels.items():
        off = {f"no-{factor}": 0.0} if f"no-{factor}" in arms else {}
        every = {**off, **own, FULL: 1.0}
        ordered = sorted(every, key=lambda arm: every[arm])
        doses.append(DoseResponse(factor=factor, arms={arm: every[arm] for arm in ordered}))
    return tuple(doses)


def dose_curves(
    measurements: Mapping[str, Measurements],
    tested: Sequence[TestedComparison],
    *,
    doses: Sequence[DoseResponse],
    better: Mapping[str, Better],
) -> tuple[DoseCurve, ...]:
    """A curve for each dosed weight and metric, from comparisons with level 1 that were made already.

    Args:
        measurements: by metric.
        tested: the comparisons; a level without one has no results and is left out.
        doses: levels of the arms.
        better: which way each metric runs.
    """
    known_comparisons = {(s.comparison.question.name, s.comparison.metric): s for s in tested}
    references = {s.comparison.reference for s in tested if not s.comparison.question.base}
    curves = []
    for dose in doses:
        if dose.whole is None or references - {dose.whole}:
            continue  # changes are against level 1, or there is no curve
        for name, block in measurements.items():
            measured_levels = {
                arm: level
                for arm, level in dose.arms.items()
                if arm in block.arms and block.present[block.place(arm)].any()
            }
            if (
                dose.whole not in measured_levels
                or len(measured_levels) < 2
                or not block.have_a_seed_in_common(list(measured_levels))
            ):
                continue
            best = best_set(block, better=better[name], arms=tuple(measured_levels))
            against = [
                known_comparisons[arm, block.metric]
                for arm in measured_levels
                if (arm, block.metric) in known_comparisons
            ]
            if len(against) < len(measured_levels) - 1:
                continue
            curves.append(
                DoseCurve(
                    factor=dose.factor,
                    metric=block.metric,
                    points=tuple(
                        _point(block, arm, level, known_comparisons.get((arm, block.metric)))
                        for arm, level in measured_levels.items()
                    ),
                    slope=known_comparisons.get((f"slope-{dose.factor}", block.metric)),
                    best=measured_levels[best.best],
                    flat=tuple(measured_levels[arm] for arm in best.arms),
                    better=better[name],
                    notes=tuple(note for note in best.notes if note in (ONE_RUN, ONE_RECORDING)),
                    margin_percent=_margin(against[0]),
                )
            )
    return tuple(curves)


def _point(
    block: Measurements, arm: str, level: float, tested: TestedComparison | None
) -> DosePoint:
    place = block.place(arm)
    value = float(block.values[place][block.present[place]].mean())
    if tested is None:  # "full" itself
        return DosePoint(level=level, arm=arm, value=value, percent=None, percent_interval=None)
    comparison = tested.comparison
    return DosePoint(
        level=level,
        arm=arm,
        value=value,
        percent=comparison.percent,
        percent_interval=comparison.printed_interval(),
    )


def _margin(tested: TestedComparison) -> float | None:
    reference = abs(tested.comparison.reference_value)
    return 100.0 * tested.comparison.margin / reference if reference else None
