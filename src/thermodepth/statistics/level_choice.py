"""Which level of a weight is lowest, what cannot be told from it, and whether its grid ends there.

The levels of one term stand in grids, one for each form of the term, and are compared by one criterion
(`criterion.py`). The choice is the lowest mean; beside it stands the set of levels that cannot be told from
it, by Holm over the term's other levels (`best_set`), because the lowest of several equal ones is chance.
A lowest level at the end of its grid tells only that the best lies there or beyond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from thermodepth.errors import DataError
from thermodepth.statistics.comparison import (
    ONE_RECORDING,
    ONE_RUN,
    Comparison,
    best_set,
    change_words,
)
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import against

End = Literal["inside", "upper", "lower", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLevel:
    """One weight of a term, and the arm that has it."""

    arm: str
    level: float  # times the weight in the middle of the grid
    weight: float
    form: str = ""  # in words; empty for the recipe's own
    added: bool = False  # beyond the grid that all terms have


@dataclass(frozen=True, slots=True, kw_only=True)
class TermGrid:
    """The levels of one term. An arm may stand in the grids of several forms."""

    term: str
    levels: tuple[GridLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelResult:
    """What one level came to."""

    grid: GridLevel
    is_reference: bool
    criterion: float | None  # its mean; None where some seed has no results, so it is no candidate
    change: Comparison | None  # of the criterion, against the reference; None for that itself
    p_from_best: float | None  # after Holm; None for the best, and where it is no candidate
    in_best: bool  # the best, or not to be told from it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TermChoice:
    """The levels of one term, with the lowest."""

    term: str
    results: tuple[LevelResult, ...]  # in the order of the grid
    chosen: LevelResult
    ends: Mapping[str, End]  # of each form: where its own lowest level stands in its grid
    notes: tuple[str, ...]  # what forbids to call any level the best

    @property
    def end(self) -> End:
        """Where the chosen level stands in its grid."""
        return self.ends[self.chosen.grid.form]

    @property
    def reference(self) -> LevelResult:
        """The recipe's own."""
        return next(result for result in self.results if result.is_reference)

    @property
    def lost(self) -> tuple[LevelResult, ...]:
        """Levels that some seed has no results of."""
        return tuple(result for result in self.results if result.criterion is None)

    @property
    def sentence(self) -> str:
        """What a person needs to know of the term, `off` included."""
        chosen = self.chosen
        words = f"{self.term}: {'lowest ' + _place(chosen.grid)}"
        if chosen.is_reference:
            words += ", the recipe's own"
        elif chosen.change is not None:
            words += f", {change_words(chosen.change)} against the recipe's"
        others = [r for r in self.results if r is not chosen and r.criterion is not None]
        equal = [r.grid for r in others if r.in_best]
        worse = [r.grid for r in others if not r.in_best]
        parts = [words]
        if not worse:
            why = f" ({'; '.join(self.notes)})" if self.notes else ""
            parts.append(f"no level can be told from it{why}")
        else:
            parts.append(f"worse: {_weights(worse)}")
            if equal:
                parts.append(f"not to be told from it: {_weights(equal)}")
        if self.lost:
            parts.append(f"without results in some seed: {_weights([r.grid for r in self.lost])}")
        parts += [text for text in (self._off_words(), self._end_words()) if text]
        return f"{'; '.join(parts)}."

    def _off_words(self) -> str:
        off = next((r for r in self.results if r.grid.weight == 0.0), None)
        if off is None or off.criterion is None or off.is_reference:
            return ""
        if not off.in_best:
            return "off is worse"
        if off is not self.chosen:
            return "off cannot be told from it"
        return (
            "off is not worse"
            if self.reference.in_best
            else "off is better than the recipe's weight"
        )

    def _end_words(self) -> str:
        ends: dict[End, str] = {
            "upper": "the grid ends there, and more of it may be better still",
            "lower": "the grid ends there, and less of it may be better still",
        }
        return ends.get(self.end, "")


def choose_levels(
    block: Measurements,
    grids: Sequence[TermGrid],
    *,
    reference: str,
    smallest_effect: float,
) -> tuple[TermChoice, ...]:
    """The choice of each term.

    Args:
        block: the criterion, lower is better.
        grids: the levels of each term, the reference among them.
        reference: the arm of the recipe as it is.
        smallest_effect: what is too small to matter, as a share of the reference's mean.

    Raises:
        DataError: for a reference that lacks a seed.
    """
    whole = [arm for arm in block.arms if block.present[block.place(arm)].all()]
    if reference not in whole:
        raise DataError(f"{block.metric}: the reference '{reference}' lacks results of some seed")
    arms = [level.arm for grid in grids for level in grid.levels]
    others = [arm for arm in dict.fromkeys(arms) if arm in whole and arm != reference]
    # All levels of all terms together: what they share is how much of the noise is the seeds'.
    changes = {
        comparison.question.name: comparison
        for comparison in compare_all(
            block,
            against(reference, others),
            reference=reference,
            better="lower",
            smallest_effect=smallest_effect,
        )
    }
    return tuple(_choice(block, grid, reference, changes) for grid in grids)


def _choice(
    block: Measurements, grid: TermGrid, reference: str, changes: Mapping[str, Comparison]
) -> TermChoice:
    candidates = list(
        dict.fromkeys(level.arm for level in grid.levels if level.arm in {reference, *changes})
    )
    best = best_set(block, better="lower", arms=candidates)
    results = tuple(
        LevelResult(
            grid=level,
            is_reference=level.arm == reference,
            criterion=float(block.values[block.place(level.arm)].mean())
            if level.arm in candidates
            else None,
            change=changes.get(level.arm),
            p_from_best=best.p_adjusted.get(level.arm),
            in_best=level.arm in best.arms,
        )
        for level in grid.levels
    )
    chosen = next(result for result in results if result.grid.arm == best.best)
    return TermChoice(
        term=grid.term,
        results=results,
        chosen=chosen,
        ends={form: _end(results, form) for form in dict.fromkeys(r.grid.form for r in results)},
        notes=tuple(note for note in best.notes if note in (ONE_RUN, ONE_RECORDING)),
    )


def _end(results: Sequence[LevelResult], form: str) -> End:
    """Where the lowest level of a form stands among its levels, those without results counted.

    Off is the lower end of every form, under whichever it is listed.
    """
    own = [r for r in results if r.grid.form == form or r.grid.level == 0.0]
    measured = [r for r in own if r.criterion is not None]
    if not measured:
        return "inside"
    lowest = min(measured, key=lambda r: r.criterion or 0.0).grid.level
    levels = [r.grid.level for r in own]
    if lowest == 0.0:
        return "off"
    if lowest == max(levels):
        return "upper"
    return "lower" if lowest == min(levels) else "inside"


def next_level(levels: Sequence[float], end: End) -> float | None:
    """The level that goes on where a grid ends: 30 after 1, 3, 10 and .03 before .1, .3, 1.

    It keeps the ratio of every other level, or of neighbours where there are two. None where nothing goes on:
    inside, below 0, and from a single level.
    """
    above = sorted(level for level in levels if level > 0.0)
    if end not in ("upper", "lower") or len(above) < 2:
        return None
    if end == "upper":
        above.reverse()  # the end first
    last, second = above[:2]
    value = second * last / above[2] if len(above) > 2 else last * last / second
    return float(format(value, ".9g"))


def _place(level: GridLevel) -> str:
    form = f" with {level.form}" if level.form else ""
    return f"at weight {level.weight:g}{form}" if level.weight else "when off"


def _weights(levels: Sequence[GridLevel]) -> str:
    words = [
        ("off" if not level.weight else f"{level.weight:g}")
        + (f" ({level.form})" if level.form and level.weight else "")
        for level in levels
    ]
    return ", ".join(words)
