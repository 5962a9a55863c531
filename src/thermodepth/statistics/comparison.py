"""One question answered on one metric, and the verdicts over all that were declared.

With D^ the contrast, its interval and p-value from `crossed`, r the mean of the reference and m the smallest
effect that anybody would care for (1 % of r unless said otherwise), a verdict is the first that holds of

    cannot tell   one run per configuration, or one recording: the noise of the other kind is unknown
    equivalent    the 90 % interval lies within -m .. +m (two one-sided tests at 5 %; Schuirmann 1987)
    better/worse  p after Holm at most 5 %
    cannot tell   otherwise

so a difference that is real but too small to matter is "equivalent". Percentages take r as known. Better and
worse go by the sign, whatever the size; the interval tells the size.

Holm runs over the declared comparisons: questions x primary metrics. All others are descriptive, and get no
verdict. Equivalence is not adjusted for their number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.labels import counted, label_of, p_words, signed
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.multiple_testing import holm, least_sign_flip_p, sign_flip_p
from thermodepth.statistics.questions import Question as Question
from thermodepth.statistics.two_way import (
    Array,
    Estimate,
    Scope,
    estimate,
    with_pooled_df,
)

Better = Literal["lower", "higher"]
Finding = Literal["up", "down", "equivalent", "cannot tell"]
Verdict = Literal["better", "worse", "equivalent", "cannot tell"]

#: Stand beside every verdict that they forbid, word for word.
ONE_RUN = "one run per configuration: run-to-run noise unknown"
ONE_RECORDING = "one recording: differences between scenes unknown"
SMALLEST_EFFECT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """One question on one metric, before anybody counts how many were asked."""

    question: Question
    metric: str
    better: Better | None  # None where nobody said: then it gets no verdict
    estimate: Estimate
    reference: str
    reference_value: float  # its mean over the same seeds and images
    margin: float  # the smallest effect, in the metric's unit
    level: float
    seeds: tuple[int, ...]  # that all arms have
    p: float | None  # in the widest scope; None when there is none
    p_equivalence: float | None  # of "at least the margin", in the widest scope
    d_z: float | None  # mean over sd of the seeds' differences
    win_rate: float | None  # share of images, over seeds, on the better side of 0; ties count half
    seed_win_rate: float | None  # share of seeds
    notes: tuple[str, ...]  # what forbids a verdict, and what was left out

    @property
    def value(self) -> float:
        """The contrast, in the metric's unit."""
        return self.estimate.value

    @property
    def scope(self) -> Scope | None:
        """The widest that there is."""
        return self.estimate.scope

    @property
    def printed_scope(self) -> Scope | None:
        """The scope whose interval stands beside the change: none of a single run.

        What other scenes would do to the same weights is less than what another seed does, so an interval
        of it alone looks firmer than one of many seeds. It stands where scopes are told apart.
        """
        return self.scope if self.estimate.seeds > 1 else None

    def printed_interval(self) -> tuple[float, float] | None:
        """In percent of the reference's mean, in the printed scope; None where there is none to print."""
        scope = self.printed_scope
        return None if scope is None else self.percent_interval(scope=scope)

    @property
    def p_of_verdict(self) -> float | None:
        """p where a verdict can stand on it: in the scope of both seeds and scenes."""
        return self.p if self.scope == "both" else None

    @property
    def sign_flip(self) -> float:
        """Exact p over seeds; worked out when asked, for it takes 2^S sums."""
        return sign_flip_p(self.estimate.by_seed)

    @property
    def least_sign_flip(self) -> float:
        """What so many seeds can reach."""
        return least_sign_flip_p(self.estimate.seeds)

    @property
    def percent(self) -> float | None:
        """The contrast in percent of the reference's mean; None where that is 0, or as good as."""
        return self._percent(self.value)

    def interval(
        self, *, level: float | None = None, scope: Scope | None = None
    ) -> tuple[float, float]:
        """(low, high) in the metric's unit; None is the declared level and the widest scope.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        return self.estimate.interval(level=level or self.level, scope=scope)

    def percent_interval(
        self, *, level: float | None = None, scope: Scope | None = None
    ) -> tuple[float, float] | None:
        """The interval in percent of the reference's mean; None where that is 0.

        Raises:
            DataError: for a scope that the data cannot tell of.
        """
        low, high = self.interval(level=level, scope=scope)
        a, b = self._percent(low), self._percent(high)
        return None if a is None or b is None else (a, b)

    @property
    def is_equivalent(self) -> bool:
        """Whether the interval of two one-sided tests (90 % at level 95 %) lies within the margin."""
        if self.scope is None:
            return False
        low, high = self.interval(level=2.0 * self.level - 1.0)
        return -self.margin <= low and high <= self.margin

    def finding(self, p: float | None) -> Finding:
        """What is found at this p-value, adjusted or not, in the order of this module."""
        if self.scope != "both" or p is None:
            return "cannot tell"
        if self.is_equivalent:
            return "equivalent"
        if p <= 1.0 - self.level:
            return "up" if self.value > 0.0 else "down"
        return "cannot tell"

    def verdict(self, p: float | None) -> Verdict:
        """The finding with regard to which way the metric runs.

        Raises:
            SettingsError: where nobody said which way it runs.
        """
        if self.better is None:
            raise SettingsError(f"{self.metric}: no verdict without knowing which way is better")
        finding = self.finding(p)
        if finding == "up":
            return "worse" if self.better == "lower" else "better"
        if finding == "down":
            return "better" if self.better == "lower" else "worse"
        return finding

    def _percent(self, value: float) -> float | None:
        # Of the magnitude: of a reference below 0, more is still more.
        return share_of(100.0 * value, abs(self.reference_value))


def compare(
    measurements: Measurements,
    question: Question,
    *,
    reference: str,
    better: Better | None,
    smallest_effect: float = SMALLEST_EFFECT,
    absolute: bool = False,
    level: float = 0.95,
) -> Comparison:
    """Answer one question.

    Args:
        measurements: one metric of the study.
        question: which contrast.
        reference: the arm that percentages and the margin are of, where the question names none.
        better: which way the metric runs; where an optimum is to be met, take its `distance`. None where that
            is not known.
        smallest_effect: what is too small to matter, as a share of the reference's mean.
        absolute: the smallest effect is in the metric's unit instead.
        level: of the intervals, and 1 minus the p-value that counts.

    Raises:
        DataError: for an arm that is not measured, or arms without a common seed.
        SettingsError: for a smallest effect below 0, or a level outside .5 .. 1.
    """
    if not (math.isfinite(smallest_effect) and smallest_effect >= 0.0):
        raise SettingsError(f"smallest effect {smallest_effect}, expected a number from 0")
    if not 0.5 < level < 1.0:
        raise SettingsError(f"level {level}, expected between 0.5 and 1")
    reference = question.base or reference
    contrast = measurements.contrast(question.weights, reference=reference)
    assert contrast.reference is not None
    effect = estimate(contrast.difference, measurements.groups)
    mean = float(contrast.reference.mean(axis=1).mean())
    margin = smallest_effect * (1.0 if absolute else abs(mean))
    good = -1.0 if better == "lower" else 1.0
    has_scope = effect.scope is not None
    notes = [ONE_RUN] * (effect.seeds == 1) + [ONE_RECORDING] * (effect.clusters == 1)
    return Comparison(
        question=question,
        metric=measurements.metric,
        better=better,
        estimate=effect,
        reference=reference,
        reference_value=mean,
        margin=margin,
        level=level,
        seeds=contrast.seeds,
        p=effect.p_value() if has_scope else None,
        p_equivalence=effect.p_equivalence(margin) if has_scope else None,
        d_z=_paired_effect(effect),
        win_rate=None if better is None else _share_above(good * contrast.difference),
        seed_win_rate=None if better is None else _share_above(good * effect.by_seed),
        notes=(*notes, *contrast.left_out),
    )


def _paired_effect(effect: Estimate) -> float | None:
    if effect.seeds < 2:
        return None
    return share_of(effect.value, float(np.sqrt(effect.variance_seed * effect.seeds)))


def share_of(value: float, whole: float) -> float | None:
    """value / whole; None where `whole` is 0, or so small that no number is so large."""
    if whole == 0.0:
        return None
    ratio = value / whole
    return ratio if math.isfinite(ratio) else None


def _share_above(values: Array) -> float:
    above, level = np.count_nonzero(values > 0.0), np.count_nonzero(values == 0.0)
    return float((above + 0.5 * level) / values.size)


# --- all of them ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TestedComparison:
    """A comparison with its verdict."""

    comparison: Comparison
    declared: bool
    p_adjusted: (
        float | None
    )  # after Holm over the declared ones; None where no verdict can stand on it
    verdict: Verdict | None  # None for a descriptive one
    family: int  # how many comparisons were declared

    @property
    def sentence(self) -> str:
        """What is found and on what it stands, for people."""
        comparison = self.comparison
        text = f"{comparison.question.title}, {label_of(comparison.metric)}: {change_words(comparison)}"
        if self.verdict is None:
            return f"{text}; descriptive, not among the declared comparisons."
        if self.p_adjusted is not None and comparison.scope is not None:
            text += f", {p_words(self.p_adjusted)} after Holm over {self.family}"
        reasons = "; ".join(note for note in comparison.notes if note in (ONE_RUN, ONE_RECORDING))
        return f"{text}: {self.verdict}" + (f" ({reasons})." if reasons else ".")


def with_verdicts(
    comparisons: Sequence[Comparison],
    *,
    primary: Collection[str] | None = None,
    lost: int = 0,
) -> tuple[TestedComparison, ...]:
    """Verdicts, in the order given, Holm over those whose metric is primary (None: over all).

    `lost` are declared ones without any result. They count, and so do those of too narrow a scope for a
    verdict: a p-value of theirs, however small, must not make room for another.

    Raises:
        SettingsError: for one question asked twice of one metric: it would be counted twice.
    """
    keys: set[tuple[str, str]] = set()
    for comparison in comparisons:
        key = (comparison.question.name, comparison.metric)
        if key in keys:
            raise SettingsError(f"'{key[0]}' is asked twice of {key[1]}")
        keys.add(key)
    places = [
        n
        for n, comparison in enumerate(comparisons)
        if primary is None or comparison.metric in primary
    ]
    p_values = [p if (p := comparisons[n].p_of_verdict) is not None else 1.0 for n in places]
    adjusted = dict(zip(places, holm([*p_values, *[1.0] * lost]), strict=False))
    return tuple(
        TestedComparison(
            comparison=comparison,
            declared=n in adjusted,
            p_adjusted=None if comparison.p_of_verdict is None else adjusted.get(n),
            verdict=comparison.verdict(adjusted[n]) if n in adjusted else None,
            family=len(places) + lost,
        )
        for n, comparison in enumerate(comparisons)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BestSet:
    """The best mean, and every arm that cannot be told from it."""

    best: str
    arms: tuple[str, ...]  # the set, in the order of the measurements; the best is in it
    p_adjusted: Mapping[str, float]  # of the difference from the best, Holm over all other arms
    notes: tuple[str, ...]


def best_set(
    measurements: Measurements,
    *,
    better: Better,
    arms: Sequence[str] | None = None,
    level: float = 0.95,
) -> BestSet:
    """The arms that a table prints bold.

    The best is that of the mean over the seeds that all arms have. With one run, or one recording, no arm
    can be told from it: all are in the set. An arm without results is left out and said.

    Raises:
        DataError: for an arm that is not here, no arm with results, or arms without a common seed.
    """
    candidates = measurements.arms if arms is None else tuple(arms)
    with_results = [a for a in candidates if measurements.present[measurements.place(a)].any()]
    if not with_results:
        raise DataError(f"{measurements.metric}: no arm has results")
    common = measurements.common_seeds(with_results)
    sign = 1.0 if better == "lower" else -1.0
    means = {
        arm: sign * float(measurements.values[measurements.place(arm)][common].mean(axis=1).mean())
        for arm in with_results
    }
    best = min(with_results, key=lambda arm: means[arm])
    others = [arm for arm in with_results if arm != best]
    notes = [f"{arm} has no results" for arm in candidates if arm not in with_results]
    alone = []
    for arm in others:
        contrast = measurements.contrast({arm: 1.0, best: -1.0})
        alone.append(estimate(contrast.difference, measurements.groups))
        notes += [note for note in contrast.left_out if note not in notes]
    p_values = [
        difference.p_value() if difference.scope == "both" else 1.0
        for difference in with_pooled_df(alone)
    ]
    if len(measurements.groups.sizes) == 1:
        notes.insert(0, ONE_RECORDING)
    if common.size == 1:
        notes.insert(0, ONE_RUN)
    adjusted = dict(zip(others, holm(p_values), strict=True))
    best_arms = {best} | {arm for arm, p in adjusted.items() if p > 1.0 - level}
    return BestSet(
        best=best,
        arms=tuple(arm for arm in with_results if arm in best_arms),
        p_adjusted=adjusted,
        notes=tuple(notes),
    )


# --- words ---------------------------------------------------------------------------------------

SCOPE_WORDS: Mapping[Scope, str] = {
    "both": "other seeds and scenes",
    "seeds": "other seeds on this test set",
    "scenes": "these weights on other scenes",
}


def change_words(comparison: Comparison) -> str:
    """`+22.9 % [+15.1, +30.7] (95 %, other seeds and scenes; 5 seeds, 12 recordings)`."""
    percent = comparison.percent
    text = f"{signed(comparison.value, 'g')}" if percent is None else f"{signed(percent)} %"
    size = comparison.estimate
    about = f"{counted(size.seeds, 'seed')}, {counted(size.clusters, 'recording')}"
    if comparison.printed_scope is None:
        return f"{text} ({about}: no interval)"
    span = comparison.percent_interval()
    low, high = comparison.interval() if span is None else span
    kind: Literal["f", "g"] = "g" if span is None else "f"
    return (
        f"{text} [{signed(low, kind)}, {signed(high, kind)}] ({100 * comparison.level:g} %, "
        f"{SCOPE_WORDS[comparison.printed_scope]}; {about})"
    )
