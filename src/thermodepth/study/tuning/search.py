"""What is searched: terms, each with the same grid of weights, one moved at a time from the recipe.

An arm is one level of one term. The recipe as it is belongs to every grid and is trained once; so is
each term switched off, whatever its form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from thermodepth.config import Edits
from thermodepth.errors import SettingsError, unknown
from thermodepth.losses import LOSSES
from thermodepth.metrics import METRICS
from thermodepth.statistics.default_questions import NO_DESIGN
from thermodepth.statistics.designs import FULL, LEVELS, DoseResponse
from thermodepth.statistics.level_choice import End, GridLevel, TermChoice, TermGrid, next_level
from thermodepth.study.design import TEST_SPLIT, Arm, Study
from thermodepth.study.factors import dose_of
from thermodepth.study.tuned import TunedWeights
from thermodepth.training.settings import TrainingSettings

SPLIT = "val"  # where nobody says another
MOST_ADDED = 2  # levels to a grid whose lowest lies at its end
MOST_LEVELS = 20  # of a grid, as it is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightGrid:
    """The levels of one form of a term."""

    term: str
    recipe_weight: float
    middle: (
        float  # the weight of level 1: the recipe's, or one that was said where the recipe has none
    )
    form: Edits = field(default_factory=dict)  # of the term's settings; empty for the recipe's own
    levels: tuple[float, ...] = LEVELS
    added: tuple[float, ...] = ()  # in the order in which they were

    @property
    def form_words(self) -> str:
        """`space=log`; empty for the recipe's own."""
        return ", ".join(f"{name}={value}" for name, value in self.form.items())

    @property
    def every_level(self) -> tuple[float, ...]:
        """Rising."""
        return tuple(sorted((*self.levels, *self.added)))

    def weight(self, level: float) -> float:
        """Rounded: .1 x 3 is .3 in a settings file, and not .30000000000000004."""
        return float(format(self.middle * level, ".12g"))

    def arm(self, level: float) -> Arm:
        """One level: the recipe itself, or what it edits."""
        weight = self.weight(level)
        own_form = {} if weight == 0.0 else self.form
        if weight == self.recipe_weight and not own_form:
            return Arm(name=FULL, title="The recipe's weights")
        prefix = f"losses.{self.term}"
        edits = {f"{prefix}.{name}": value for name, value in own_form.items()}
        if weight != self.recipe_weight:
            edits[f"{prefix}.weight"] = weight
        name = "-".join([self.term, *map(str, own_form.values())])
        name = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
        if weight == 0.0:
            return Arm(name=f"no-{name}", title=f"No {self.term}", edits=edits)
        form = f" ({self.form_words})" if own_form else ""
        return Arm(
            name=f"{name}-x{format(level, 'g').replace('.', 'p').replace('+', '')}",
            title=f"{self.term}{form} × {level:g}",
            edits=edits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSearch:
    """The whole search."""

    name: str
    settings: TrainingSettings
    grids: tuple[
        WeightGrid, ...
    ]  # those of one term after one another, the recipe's own form first
    seeds: tuple[int, ...]
    split: str = SPLIT
    metrics: tuple[str, ...] = ("abs_rel", "rmse")  # whose mean relative change is the criterion
    smallest_effect: float = 0.01
    most_added: int = MOST_ADDED
    tuned: TunedWeights | None = None  # of an earlier search that the settings hold

    def __post_init__(self) -> None:
        if self.split == TEST_SPLIT:
            raise SettingsError(
                "split = test: weights that are chosen on the test frames are none to test with; search on "
                "the validation split"
            )
        if self.split == self.settings.data.split:
            raise SettingsError(
                f"split = {self.split}: the recipe trains on it (data.split), and weights that are chosen on "
                "training frames are the smallest"
            )
        for metric in self.metrics:
            if metric not in METRICS or METRICS[metric].better != "lower":
                lower = [name for name, row in METRICS.items() if row.better == "lower"]
                raise SettingsError(
                    f"primary metric {metric}: the criterion of a search is made of metrics that are better "
                    f"when lower ({', '.join(lower)})"
                )

    @property
    def terms(self) -> tuple[str, ...]:
        """Those that are searched."""
        return tuple(dict.fromkeys(grid.term for grid in self.grids))

    def study(self) -> Study:
        """The arms by seeds, as far as the grids reach now."""
        arms = {FULL: Arm(name=FULL, title="The recipe's weights")}
        for grid in self.grids:
            arms |= {arm.name: arm for arm in map(grid.arm, grid.every_level)}
        return Study(
            name=self.name,
            title=f"Weights of {', '.join(self.terms)}, searched on the split '{self.split}'",
            settings=self.settings,
            arms=tuple(arms.values()),
            reference=FULL,
            seeds=self.seeds,
            primary=self.metrics,
            smallest_effect=self.smallest_effect,
            design=NO_DESIGN,
            doses=tuple(self._doses()),
            scored_split=self.split,
            tuned=self.tuned,
        )

    def term_grids(self) -> tuple[TermGrid, ...]:
        """The levels of each term, over all its forms; off stands once."""
        return tuple(TermGrid(term=term, levels=tuple(self._levels(term))) for term in self.terms)

    def continued(self, arms: Collection[str]) -> WeightSearch:
        """With the levels by which grids went on before, known by the names of their arms.

        With other seeds they might not be asked for again; they were tried, and so they count.
        """
        return replace(self, grids=tuple(_continued(grid, arms) for grid in self.grids))

    def extended(self, choices: Sequence[TermChoice]) -> WeightSearch:
        """With the next level of every grid whose lowest lies at its end; itself where none goes on."""
        by_term = {choice.term: choice for choice in choices}
        return replace(
            self,
            grids=tuple(self._extended(grid, by_term[grid.term]) for grid in self.grids),
        )

    def _extended(self, grid: WeightGrid, choice: TermChoice) -> WeightGrid:
        if len(grid.added) >= self.most_added:
            return grid
        level = next_level(grid.every_level, choice.ends.get(grid.form_words, "inside"))
        if level is None or not math.isfinite(grid.middle * level):
            return grid
        return replace(grid, added=(*grid.added, level))

    def _levels(self, term: str) -> Iterator[GridLevel]:
        own = [grid for grid in self.grids if grid.term == term]
        for grid in own:
            for level in grid.every_level:
                if level == 0.0 and grid is not own[0]:
                    continue
                yield GridLevel(
                    arm=grid.arm(level).name,
                    level=level,
                    weight=grid.weight(level),
                    form=grid.form_words,
                    added=level in grid.added,
                )

    def _doses(self) -> Iterator[DoseResponse]:
        """Of grids that multiply what the recipe has, and change nothing else."""
        for grid in self.grids:
            if grid.recipe_weight and not grid.form:
                levels = {grid.arm(level).name: level for level in grid.every_level}
                yield dose_of(grid.term.replace("_", "-"), levels)


def _continued(grid: WeightGrid, arms: Collection[str]) -> WeightGrid:
    ends: tuple[End, ...] = ("upper", "lower")
    for end in ends:
        while (level := next_level(grid.every_level, end)) is not None:
            if not math.isfinite(grid.middle * level) or grid.arm(level).name not in arms:
                break
            grid = replace(grid, added=(*grid.added, level))
    return grid


def weight_grids(
    settings: TrainingSettings,
    terms: Sequence[str],
    *,
    levels: Sequence[float] = LEVELS,
    forms: bool = False,
) -> tuple[WeightGrid, ...]:
    """A grid for each term, or for each form of each term, all with the same levels.

    Args:
        settings: the recipe.
        terms: `TERM`, or `TERM=WEIGHT` for one that the recipe gives no weight; none takes every term that
            has one and stands in a group of the study.
        levels: multiples of the weight, 1 among them.
        forms: whether other forms of a term are searched as well.

    Raises:
        SettingsError: for an unknown term, one twice, one that is off, or levels that make no grid.
    """
    checked = _checked_levels(levels)
    losses = settings.losses
    names = terms or [name for name in losses.switched_on() if LOSSES[name].group != "always"]
    if not names:
        raise SettingsError("terms: the recipe has no term with a weight in any group; name some")
    grids: list[WeightGrid] = []
    for text in names:
        term, weight, middle = _term_of(settings, text)
        if term in [grid.term for grid in grids]:
            raise SettingsError(f"terms: {term} is named twice")
        if weight == 0.0 and 0.0 not in checked:
            raise SettingsError(
                f"levels: {term} has no weight in the recipe, so 0 must be among its levels"
            )
        others = _other_forms(settings, term) if forms else []
        grids += [
            WeightGrid(term=term, recipe_weight=weight, middle=middle, form=form, levels=checked)
            for form in ({}, *others)
        ]
    return tuple(grids)


def _term_of(settings: TrainingSettings, text: str) -> tuple[str, float, float]:
    """(term, the recipe's weight, the weight of level 1) of `TERM` or `TERM=WEIGHT`."""
    term, equals, number = (part.strip() for part in text.partition("="))
    if term not in LOSSES:
        raise SettingsError(f"terms: {unknown('loss term', term, LOSSES)}")
    group = LOSSES[term].group
    if not settings.losses.groups.on(group):
        raise SettingsError(f"terms: {term} is off in the recipe (losses.groups.{group} = false)")
    weight = float(settings.losses.term(term).weight)
    if not equals:
        if weight == 0.0:
            raise SettingsError(
                f"terms: {term} has no weight in the recipe, so there is nothing to multiply; say "
                f"{term}=WEIGHT"
            )
        return term, weight, weight
    try:
        middle = float(number)
    except ValueError:
        middle = math.nan
    if not (math.isfinite(middle) and middle > 0.0):
        raise SettingsError(f"terms: {term}={number}: expected a weight above 0")
    if weight not in (0.0, middle):
        raise SettingsError(
            f"terms: {term}={middle:g}: the recipe gives it {weight:g}, and grids stand around that; --set "
            f"losses.{term}.weight={middle:g} changes the recipe"
        )
    return term, weight, middle


def _other_forms(settings: TrainingSettings, term: str) -> list[dict[str, Any]]:
    """What the term's row calls its forms, the default one included, without the recipe's own."""
    row, own = LOSSES[term], settings.losses.term(term)
    default = row.settings()
    edits = [form.edits for form in row.forms]
    fields = dict.fromkeys(name for form in edits for name in form)
    every: list[Mapping[str, Any]] = [{name: getattr(default, name) for name in fields}, *edits]
    return [
        changed
        for form in every
        if (changed := {n: v for n, v in form.items() if getattr(own, n) != v})
    ]


def _checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    good = all(math.isfinite(level) and level >= 0.0 for level in levels)
    distinct = len(set(levels)) == len(levels)
    if not (good and distinct and 1.0 in levels and 2 <= len(levels) <= MOST_LEVELS):
        raise SettingsError(
            f"levels: {', '.join(format(level, 'g') for level in levels)}, expected 2 to {MOST_LEVELS} "
            "distinct numbers from 0, with 1, the recipe's own weight, among them"
        )
    return tuple(sorted(levels))
