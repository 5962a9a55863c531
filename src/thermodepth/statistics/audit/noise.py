"""How much two runs of one configuration differ, and how many seeds that asks for.

With sd the spread of one run over seeds and weights w_a of a contrast (1 and -1 for a difference):

    one run an arm      sd of the contrast = sd sqrt(sum w_a^2); of a difference sqrt(2) sd
    S paired seeds      sd of its mean     = sd sqrt((1 - r) sum w_a^2 / S), r the correlation of arms
                                             that share a seed
    power               P(|T| > t_{S-1, .975}), T noncentral t with S - 1 degrees of freedom and
                        noncentrality |contrast| / (sd of its mean)
    exact sign flip     over S seeds never gives p below 2^(1-S)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from thermodepth.errors import SettingsError, unknown
from thermodepth.statistics.audit.published import PublishedMetric, PublishedTable, metric_key

#: Between arms that share a seed; .4 to .5 was measured in small depth studies.
CORRELATION = 0.45
POWER, LEVEL = 0.8, 0.05
MOST_SEEDS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The spread between seeds of one metric."""

    difference_sd: float  # of a difference of two single runs of one configuration
    stated: str  # in the words it was given in
    published: bool = False  # ours, from papers; else a person gave it

    @property
    def run_sd(self) -> float:
        """Of one run."""
        return self.difference_sd / math.sqrt(2)

    def sd_of(self, weights: Iterable[Fraction]) -> float:
        """The sd of a contrast of single runs."""
        return self.difference_sd * math.sqrt(sum(w * w for w in weights) / 2)


#: "Differences below" is read as one sd of a difference of two runs.
PUBLISHED_NOISE: Mapping[str, Noise] = {
    "abs_rel": Noise(
        difference_sd=0.003,
        stated="differences below 0.003, published between seeds on thermal benchmarks "
        "(a yardstick: not of this table's own data)",
        published=True,
    )
}


def noise_levels(
    table: PublishedTable,
    *,
    sd: Sequence[str] = (),
    below: Sequence[str] = (),
) -> dict[str, Noise]:
    """The noise of each metric by its key; a metric whose noise nobody knows is left out.

    Args:
        table: what the noise is of; the published noise is that of AbsRel as a ratio, not in percent.
        sd: `METRIC=SD` of one run over seeds.
        below: `METRIC=X` where differences of two runs below X are noise.

    Raises:
        SettingsError: for what is no such text, a metric the table lacks, or one given twice.
    """
    levels: dict[str, Noise] = {}
    for option, texts in (("--noise", sd), ("--noise-below", below)):
        for text in texts:
            key, value = _given(option, text, table.metrics)
            if key in levels:
                raise SettingsError(f"{option} {text}: the noise of this metric is given twice")
            levels[key] = (
                Noise(difference_sd=math.sqrt(2) * value, stated=f"sd of one run {value:g}, given")
                if option == "--noise"
                else Noise(difference_sd=value, stated=f"differences below {value:g}, given")
            )
    published = {
        metric.key: PUBLISHED_NOISE[metric.key]
        for place, metric in enumerate(table.metrics)
        if metric.key in PUBLISHED_NOISE and all(arm.values[place] < 1 for arm in table.arms)
    }
    return published | levels


def seeds_needed(
    value: Fraction, weights: Iterable[Fraction], noise: Noise, *, correlation: float
) -> int | None:
    """Seeds per arm that find the contrast with POWER at LEVEL, two-sided; None beyond MOST_SEEDS."""
    spread = noise.sd_of(weights) * math.sqrt(1 - correlation)
    effect = abs(float(value)) / spread
    if effect == 0 or _power(effect, MOST_SEEDS) < POWER:
        return None
    low, high = 1, 2  # one seed has no spread to compare with
    while _power(effect, high) < POWER:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _power(effect, middle) < POWER else (low, middle)
    return high


def sign_flip_seeds(comparisons: int = 1) -> int:
    """The fewest seeds whose exact sign-flip test can reach LEVEL, after Holm over so many."""
    return math.ceil(1 + math.log2(comparisons / LEVEL))


def chance(times: float) -> float:
    """How often identical arms give a contrast of so many times its noise or more, if normal."""
    return math.erfc(times / math.sqrt(2))


def _power(effect: float, seeds: int) -> float:
    from scipy.special import nctdtr, ndtr, stdtrit

    df, centre = seeds - 1, effect * math.sqrt(seeds)
    limit = float(stdtrit(df, 1 - LEVEL / 2))
    if df > 1000:  # the t is a normal there, and the noncentral one slow
        return float(ndtr(centre - limit) + ndtr(-centre - limit))
    if centre > limit + 30:  # beyond what the noncentral t is computed for
        return 1.0
    return float(1 - nctdtr(df, centre, limit) + nctdtr(df, centre, -limit))


def _given(option: str, text: str, metrics: Sequence[PublishedMetric]) -> tuple[str, float]:
    label, equals, number = text.rpartition("=")
    keys = {metric.key for metric in metrics}
    if not equals:
        raise SettingsError(f"{option} {text}: expected METRIC=VALUE, such as AbsRel=0.002")
    key = metric_key(label)
    if key not in keys:
        raise SettingsError(
            f"{option} {text}: {unknown('metric', label, [m.label for m in metrics])}"
        )
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 < value < 1e12:
        raise SettingsError(f"{option} {text}: '{number}', expected a number above 0")
    return key, value
