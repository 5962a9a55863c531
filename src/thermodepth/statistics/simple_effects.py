"""What a switch does at each level of something else, and whether that depends on the level.

    simple effect at level l    e_l = y(l, on) - y(l, off), in percent of the mean of y(l, off)
    trend                       sum over l of w_l e_l,  w_l = (x_l - mean x) / sum over k of (x_k - mean x)^2

with x = log2 of the level: the least-squares slope of the simple effects, per doubling. It is a contrast as
they are, an interaction, and is asked where three levels or more are numbers. Source: Maxwell, Delaney and
Kelley, Designing Experiments and Analyzing Data (2018), chapters 6 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from thermodepth.errors import SettingsError
from thermodepth.statistics.comparison import TestedComparison, Verdict, change_words
from thermodepth.statistics.labels import label_of, signed
from thermodepth.statistics.questions import Question

_FEWEST = 3  # levels that make a trend
_VERDICT_WORDS: Mapping[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "equivalent": "too small to matter",
    "cannot tell": "cannot be told",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPair:
    """Two arms that only the switch parts."""

    title: str  # of the level: `truth to 6 m`
    on: str
    off: str
    level: float | None = None  # None: no number

    @property
    def arms(self) -> tuple[str, str]:
        """With the switch on, and off."""
        return self.on, self.off


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleEffects:
    """A switch at several levels of something else."""

    factor: str  # the switch: `consistency`
    across: str  # what the levels are of: `reach of truth`
    pairs: tuple[LevelPair, ...]

    def __post_init__(self) -> None:
        arms = [arm for pair in self.pairs for arm in pair.arms]
        if not arms or len(set(arms)) < len(arms):
            raise SettingsError(
                f"simple effects of {self.factor}: arms {', '.join(arms) or 'none'}, expected two for each "
                "level"
            )
        levels = [level for _, level in self._numbered]
        bad = [level for level in levels if not (level > 0 and math.isfinite(level))]
        if bad or len(set(levels)) < len(levels):
            raise SettingsError(
                f"simple effects of {self.factor}: levels {levels}, expected distinct numbers above 0"
            )

    @property
    def _numbered(self) -> list[tuple[LevelPair, float]]:
        return [(pair, pair.level) for pair in self.pairs if pair.level is not None]

    def question(self, pair: LevelPair) -> Question:
        """What the switch does at one level."""
        return Question(
            name=f"simple effect: {self.factor} at {pair.on}",
            title=f"{self.factor.capitalize()}, {pair.title}",
            weights={pair.on: 1.0, pair.off: -1.0},
            kind="simple effect",
            base=pair.off,
        )

    @property
    def trend(self) -> Question | None:
        """How the effect changes per doubling of the level; None of fewer than three numbers."""
        numbered = self._numbered
        if len(numbered) < _FEWEST:
            return None
        x = [math.log2(level) for _, level in numbered]
        middle = math.fsum(x) / len(x)
        size = math.fsum((value - middle) ** 2 for value in x)
        weights: dict[str, float] = {}
        for (pair, _), value in zip(numbered, x, strict=True):
            weight = (value - middle) / size
            weights |= {pair.on: weight, pair.off: -weight}
        return Question(
            name=f"trend: {self.factor} over {self.across}",
            title=f"{self.factor.capitalize()}, per doubling of the {self.across}",
            weights=weights,
            kind="trend",
        )

    def questions(self) -> tuple[Question, ...]:
        """The simple effect of every level, then the trend."""
        trend = self.trend
        return (*(self.question(pair) for pair in self.pairs), *([trend] if trend else []))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelEffect:
    """A simple effect with what was found of it."""

    pair: LevelPair
    tested: TestedComparison


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelCurve:
    """One metric over the levels."""

    effects: SimpleEffects
    metric: str
    points: tuple[LevelEffect, ...]  # of the levels that have results
    trend: TestedComparison | None

    @property
    def sentence(self) -> str:
        """`Consistency, RMSE: better with truth to 6 m (−5.1 % [−7.0, −3.2]); cannot be told with ...`"""
        groups: dict[str, list[str]] = {}
        for point in self.points:
            verdict = point.tested.verdict
            words = "descriptive" if verdict is None else _VERDICT_WORDS[verdict]
            groups.setdefault(words, []).append(f"{point.pair.title}{_numbers(point.tested)}")
        parts = "; ".join(f"{words} with {_listed(titles)}" for words, titles in groups.items())
        text = f"{self.effects.factor.capitalize()}, {label_of(self.metric)}: {parts}."
        if self.trend is not None:
            change = change_words(self.trend.comparison)
            text += f" Per doubling of the {self.effects.across}: {change}."
        return text


def level_curves(
    effects: Iterable[SimpleEffects],
    tested: Sequence[TestedComparison],
    metrics: Sequence[str],
) -> tuple[LevelCurve, ...]:
    """A curve for each switch and metric, from comparisons that were made already.

    Args:
        effects: what was asked.
        tested: every comparison.
        metrics: of the curves, as measured.
    """
    known = {(t.comparison.question.name, t.comparison.metric): t for t in tested}
    curves = []
    for each in effects:
        trend = each.trend
        for metric in metrics:
            points = tuple(
                LevelEffect(pair=pair, tested=known[key])
                for pair in each.pairs
                if (key := (each.question(pair).name, metric)) in known
            )
            if points:
                curves.append(
                    LevelCurve(
                        effects=each,
                        metric=metric,
                        points=points,
                        trend=known.get((trend.name, metric)) if trend else None,
                    )
                )
    return tuple(curves)


def _numbers(tested: TestedComparison) -> str:
    percent, span = tested.comparison.percent, tested.comparison.printed_interval()
    if percent is None:
        return ""
    interval = f" [{signed(span[0])}, {signed(span[1])}]" if span is not None else ""
    return f" ({signed(percent)} %{interval})"


def _listed(texts: Sequence[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last
