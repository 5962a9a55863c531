"""What every difference and effect of a published table amounts to, beside the noise of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from thermodepth.errors import SettingsError
from thermodepth.statistics.audit.effects import (
    Effect,
    FactorReach,
    MissingArm,
    PairReach,
    differences,
    factor_effects,
    factor_reach,
    missing_arms,
    pair_reach,
    value_of,
)
from thermodepth.statistics.audit.noise import CORRELATION, Noise, seeds_needed
from thermodepth.statistics.audit.published import PublishedMetric, PublishedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One effect on one metric."""

    effect: Effect
    value: Fraction
    percent: Fraction | None  # of the reference; None where that is 0
    noise: float | None  # sd of this contrast of single runs; None where nobody knows it
    seeds: int | None  # per arm for 80 % power; None without noise, or beyond all reason

    @property
    def times(self) -> float | None:
        """How many times the noise."""
        return None if self.noise is None else abs(float(self.value)) / self.noise

    @property
    def within_noise(self) -> bool | None:
        """Below one sd of the noise; None where that is not known."""
        # As fractions: a difference as large as the noise is not below it, whatever floats make of it.
        return None if self.noise is None else abs(self.value) < Fraction(repr(self.noise))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricAudit:
    """Everything about one metric."""

    metric: PublishedMetric
    noise: Noise | None
    values: Mapping[str, Fraction]  # by arm
    differences: tuple[Reading, ...]  # of every other arm to the reference
    effects: tuple[Reading, ...]  # of the factors


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A table, read for what it can carry."""

    table: PublishedTable
    correlation: float  # of arms that share a seed, for the seeds needed
    metrics: tuple[MetricAudit, ...]
    factors: tuple[FactorReach, ...]
    pairs: tuple[PairReach, ...]
    missing: tuple[MissingArm, ...]


def audit(
    table: PublishedTable,
    *,
    noise: Mapping[str, Noise],
    correlation: float = CORRELATION,
) -> Audit:
    """Read a table for what it can carry.

    Args:
        table: one run per arm.
        noise: of each metric by its key, where it is known.
        correlation: between arms that share a seed; the seeds needed fall with it.

    Raises:
        SettingsError: for a correlation that is not in [0, 1).
    """
    if not 0 <= correlation < 1:
        raise SettingsError(f"--correlation {correlation:g}: expected 0 <= r < 1")
    return Audit(
        table=table,
        correlation=correlation,
        metrics=tuple(
            _metric(table, place, noise.get(metric.key), correlation)
            for place, metric in enumerate(table.metrics)
        ),
        factors=tuple(factor_reach(table)),
        pairs=tuple(pair_reach(table)),
        missing=tuple(missing_arms(table)),
    )


def _metric(
    table: PublishedTable, place: int, noise: Noise | None, correlation: float
) -> MetricAudit:
    values = {arm.name: arm.values[place] for arm in table.arms}
    base = table.reference.values[place]

    def read(effect: Effect) -> Reading:
        value = value_of(effect, values.__getitem__)
        weights = tuple(effect.weights.values())
        return Reading(
            effect=effect,
            value=value,
            percent=100 * value / abs(base) if base else None,
            noise=noise.sd_of(weights) if noise else None,
            seeds=seeds_needed(value, weights, noise, correlation=correlation) if noise else None,
        )

    return MetricAudit(
        metric=table.metrics[place],
        noise=noise,
        values=values,
        differences=tuple(map(read, differences(table))),
        effects=tuple(map(read, factor_effects(table))),
    )
