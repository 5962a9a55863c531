"""What more seeds, or more scenes, would buy.

From the three variances of an estimate with S seeds and G_e clusters that count come those of one seed (a),
one cluster (b, the noise of its images included) and what is left of a seed in a cluster (c):

    c = S G_e V_I      a = S (V_S - V_I)      b = G_e (V_G - V_I)

and from these the error that S' seeds on G' clusters like the ones at hand would have:

    V_S' = (a + c/G_e')/S'     V_G' = (b + c/S')/G_e'     V_I' = c/(S' G_e')     SE'^2 = V_S' + V_G' - V_I'

New clusters are taken to be as unequal as those at hand: G_e grows with their number, and so do the degrees
of freedom of scenes with one added, which for equal clusters are the number itself.

A part that would be below 0 is 0, V_I being no more than the larger of the two others, so that the error at
the present size is the present one.

The parts are themselves estimates: with three seeds the 95 % interval of a goes from a quarter of its value
to forty times. Use them to choose between seeds and scenes, not to promise a result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, Comparison
from thermodepth.statistics.labels import signed
from thermodepth.statistics.two_way import (
    Estimate,
    Spread,
    satterthwaite,
    shared_df,
    t_quantile,
)

MOST_SEEDS = 100
MOST_CLUSTERS = 10_000
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Where the noise of a difference comes from."""

    seed: float  # a: variance of one seed
    cluster: float  # b: of one cluster
    rest: float  # c: of one seed in one cluster
    seeds: int  # at hand
    clusters: int
    evenness: float  # G_e / G: 1 when all clusters have equally many images
    scene_df: float  # of the clusters at hand; one fewer than these where they are equal
    seed_share: float | None = None  # of V_S in V_S + V_G at hand, where other questions bound it

    def predict(self, *, seeds: int, clusters: int) -> Spread:
        """Error and degrees of freedom of a study of another size.

        Raises:
            SettingsError: below two seeds or two clusters.
        """
        if seeds < 2 or clusters < 2:
            raise SettingsError(
                f"{seeds} seeds on {clusters} clusters: no interval below two of either"
            )
        effective = clusters * self.evenness
        scenes = max((self.scene_df + 1.0) * clusters / self.clusters - 1.0, 1.0)
        v_i = self.rest / (seeds * effective)
        v_s = self.seed / seeds + v_i
        v_g = self.cluster / effective + v_i
        squared = v_s + v_g - v_i
        df = satterthwaite(
            *(np.asarray(each) for each in (squared, v_s, v_g, v_i)),
            seeds=seeds,
            scenes=scenes,
        )
        if self.seed_share is not None:
            of_seeds = self.seed_share * self.seeds / seeds
            of_scenes = (1.0 - self.seed_share) * self.clusters / clusters
            share = np.asarray(of_seeds / (of_seeds + of_scenes))
            df = shared_df(share, df, seeds=seeds, scenes=scenes)
        return Spread(standard_error=squared**0.5, df=float(df))


def components(estimate: Estimate) -> Components:
    """The parts of an estimate's noise.

    Raises:
        DataError: with one seed or one cluster, which cannot tell the parts apart.
    """
    if estimate.scope != "both":
        raise DataError(ONE_RUN if estimate.seeds == 1 else ONE_RECORDING)
    v_s, v_g = estimate.variance_seed, estimate.variance_scene
    v_i = min(estimate.variance_both, max(v_s, v_g))
    effective = estimate.effective_clusters
    return Components(
        seed=estimate.seeds * max(v_s - v_i, 0.0),
        cluster=effective * max(v_g - v_i, 0.0),
        rest=estimate.seeds * effective * v_i,
        seeds=estimate.seeds,
        clusters=estimate.clusters,
        evenness=effective / estimate.clusters,
        scene_df=estimate.spread("scenes").df,
        seed_share=estimate.seed_share,
    )


def least_detectable(spread: Spread, *, level: float = 0.95, power: float = POWER) -> float:
    """The true difference that a study with this error would find with probability `power`."""
    quantiles = t_quantile(0.5 + level / 2.0, spread.df) + t_quantile(power, spread.df)
    return quantiles * spread.standard_error


Settles = Literal["difference", "equivalence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would settle a comparison, were its value to stay what it is."""

    spread: Spread  # at hand
    least_detectable: float  # at hand, in the metric's unit
    settled: bool  # already
    settles: Settles  # what the present value would be found to be
    seeds: int | None  # in all, on the scenes at hand; None: not below MOST_SEEDS
    clusters: int | None  # in all, with the seeds at hand; None: not below MOST_CLUSTERS
    sentence: str


def plan(
    comparison: Comparison, *, more_seeds: int = 2, more_clusters: int = 10, family: int = 1
) -> Plan:
    """How to settle a comparison.

    It is settled when its interval leaves out 0, or the one of two one-sided tests lies within the margin. A
    value beyond the margin can only become a difference; one within it becomes whichever comes first.

    Args:
        comparison: with two or more seeds and clusters.
        more_seeds: for the sentence.
        more_clusters: for the sentence.
        family: how many comparisons are declared; differences are held to the level divided by it.

    Raises:
        DataError: with one seed or one cluster.
        SettingsError: for a number below 1.
    """
    if min(more_seeds, more_clusters, family) < 1:
        raise SettingsError("more seeds, more clusters and the family are numbers from 1")
    parts = components(comparison.estimate)
    now = comparison.estimate.spread("both")
    strict = 1.0 - (1.0 - comparison.level) / family
    value, margin = abs(comparison.value), comparison.margin

    def settles(spread: Spread) -> Settles | None:
        if value + t_quantile(comparison.level, spread.df) * spread.standard_error <= margin:
            return "equivalence"
        if value > t_quantile(0.5 + strict / 2.0, spread.df) * spread.standard_error:
            return "difference"
        return None

    def with_seeds(count: int) -> Spread:
        return parts.predict(seeds=count, clusters=parts.clusters)

    def with_clusters(count: int) -> Spread:
        return parts.predict(seeds=parts.seeds, clusters=count)

    already = settles(now)
    seeds = _least(lambda n: settles(with_seeds(n)) is not None, parts.seeds, MOST_SEEDS)
    clusters = _least(
        lambda n: settles(with_clusters(n)) is not None, parts.clusters, MOST_CLUSTERS
    )
    changes = [
        f"{count} more {name}{'s' * (count != 1)}: {_change(now, spread)}"
        for count, name, spread in (
            (more_seeds, "seed", with_seeds(parts.seeds + more_seeds)),
            (more_clusters, "sequence", with_clusters(parts.clusters + more_clusters)),
        )
    ]
    return Plan(
        spread=now,
        least_detectable=least_detectable(now, level=comparison.level),
        settled=already is not None,
        settles=already or ("equivalence" if value < margin else "difference"),
        seeds=seeds,
        clusters=clusters,
        sentence=f"Standard error with {', '.join(changes)}.",
    )


def _least(settled: Callable[[int], bool], start: int, most: int) -> int | None:
    """The smallest number from `start` that settles: doubled until it does, then halved in between."""
    if settled(start):
        return start
    low, high = start, min(2 * start, most)
    while not settled(high):
        if high == most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def _change(now: Spread, then: Spread) -> str:
    if now.standard_error == 0.0:
        return "none to lose"
    return f"{signed(round(100.0 * (then.standard_error / now.standard_error - 1.0)), 'g')} %"
