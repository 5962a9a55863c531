"""From the rows of a search to each term's choice, the curves over its weights, and the file that says so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from thermodepth.config import difference
from thermodepth.data import Dataset
from thermodepth.statistics.criterion import mean_relative
from thermodepth.statistics.dose_response import DoseCurve, DosePoint
from thermodepth.statistics.level_choice import LevelResult, TermChoice, choose_levels
from thermodepth.statistics.measurements import Measurements
from thermodepth.study.design import Study
from thermodepth.study.results.result_rows import measurements_of
from thermodepth.study.results.shares import loss_shares
from thermodepth.study.results.training_logs import Curve
from thermodepth.study.tuned import ABOUT_PLACE, TunedLevel, TunedTerm, TunedWeights
from thermodepth.study.tuning.search import WeightGrid, WeightSearch
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.unread import is_under


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelChoices:
    """Everything that is printed of a search's numbers."""

    criterion: Measurements
    means: Mapping[str, Mapping[str, float]]  # arm -> metric -> mean, of arms with results
    terms: tuple[TermChoice, ...]
    #: (term, arm) -> the share of the loss that the weighted term had at the end of training.
    shares: Mapping[tuple[str, str], float]
    curves: tuple[DoseCurve, ...]  # of the criterion, one for each grid


def level_choices(rows: pa.Table, search: WeightSearch, curves: Sequence[Curve]) -> LevelChoices:
    """Each term's lowest weight by the criterion, with what cannot be told from it.

    Args:
        rows: of all cells that are done.
        search: as far as its grids went.
        curves: the logs of these cells.

    Raises:
        DataError: for arms that were not scored on the same pixels, or a reference that lacks a seed.
    """
    study = search.study()
    arms = [arm.name for arm in study.arms]
    blocks = [measurements_of(rows, name, arms=arms, images="common") for name in search.metrics]
    criterion = mean_relative(blocks, reference=study.reference)
    terms = choose_levels(
        criterion,
        search.term_grids(),
        reference=study.reference,
        smallest_effect=search.smallest_effect,
    )
    by_term = {choice.term: choice for choice in terms}
    means = {
        arm: {
            name: float(block.values[block.place(arm)][present].mean())
            for name, block in zip(search.metrics, blocks, strict=True)
        }
        for arm in arms
        if (present := np.flatnonzero(criterion.present[criterion.place(arm)])).size
    }
    return LevelChoices(
        criterion=criterion,
        means=means,
        terms=terms,
        shares=shares_of_levels(curves, study, terms),
        curves=tuple(
            _curve(grid, by_term[grid.term], criterion.metric, search.smallest_effect)
            for grid in search.grids
        ),
    )


def shares_of_levels(
    curves: Sequence[Curve], study: Study, choices: Sequence[TermChoice]
) -> dict[tuple[str, str], float]:
    """What share of the loss each weight gave its term, as `loss_shares`; none without a log of it.

    A weight by itself says little: forms and terms of equal weight differ in size by far.
    """
    own: dict[str, list[Mapping[str, float]]] = {}
    for curve in curves:
        settings = study.settings.edit(study.arm(curve.arm).edits)
        of_arm = loss_shares(curve, settings.losses, steps=settings.steps)
        own.setdefault(curve.arm, []).append(of_arm)
    return {
        (choice.term, arm): math.fsum(shares) / len(shares)
        for choice in choices
        for arm in [result.grid.arm for result in choice.results]
        if (shares := [each[choice.term] for each in own.get(arm, ()) if choice.term in each])
    }


def tuned_weights(
    search: WeightSearch, choices: LevelChoices, dataset: Dataset, identity: str
) -> TunedWeights:
    """What the search chose, as later studies read it.

    Args:
        search: as far as its grids went.
        choices: of its rows.
        dataset: that it was scored on.
        identity: of its study.
    """
    forms = {(grid.term, grid.form_words): dict(grid.form) for grid in search.grids}
    terms = tuple(_tuned_term(choice, forms, choices.shares) for choice in choices.terms)
    changed = difference(TrainingSettings(), search.settings)
    return TunedWeights(
        study=identity,
        name=search.name,
        data=dataset.name,
        data_note=dataset.note,
        data_fingerprint=dataset.fingerprint(),
        split=search.split,
        frames=len(choices.criterion.images),
        recordings=int(choices.criterion.groups.sizes.size),
        seeds=search.seeds,
        steps=search.settings.steps,
        metrics=search.metrics,
        edits={path: value for term in terms for path, value in term.edits.items()},
        searched_with={
            path: new
            for path, (_, new) in changed.items()
            if new is not None and not any(is_under(path, place) for place in ABOUT_PLACE)
        },
        terms=terms,
    )


def _tuned_term(
    choice: TermChoice,
    forms: Mapping[tuple[str, str], dict[str, object]],
    shares: Mapping[tuple[str, str], float],
) -> TunedTerm:
    grid = choice.chosen.grid
    return TunedTerm(
        name=choice.term,
        recipe_weight=choice.reference.grid.weight,
        weight=grid.weight,
        form=_form_of(choice, choice.chosen, forms),
        finding=choice.sentence,
        levels=tuple(
            _tuned_level(
                result,
                _form_of(choice, result, forms),
                shares.get((choice.term, result.grid.arm)),
            )
            for result in choice.results
        ),
    )


def _tuned_level(result: LevelResult, form: dict[str, object], share: float | None) -> TunedLevel:
    change = result.change
    span = None if change is None else change.printed_interval()
    return TunedLevel(
        weight=result.grid.weight,
        form=form,
        loss_percent=None if share is None else _rounded(100.0 * share),
        change_percent=0.0
        if result.is_reference
        else _rounded(None if change is None else change.percent),
        low=None if span is None else _rounded(span[0]),
        high=None if span is None else _rounded(span[1]),
        best=result.in_best,
        added=result.grid.added,
    )


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else float(format(percent, ".6g"))


def _form_of(
    choice: TermChoice, result: LevelResult, forms: Mapping[tuple[str, str], dict[str, object]]
) -> dict[str, object]:
    """Of a term that is off no form is read."""
    return forms[choice.term, result.grid.form] if result.grid.weight else {}


def _curve(
    grid: WeightGrid, choice: TermChoice, criterion: str, smallest_effect: float
) -> DoseCurve:
    """The criterion over one grid; off belongs to each."""
    own = [r for r in choice.results if r.grid.form == grid.form_words or r.grid.level == 0.0]
    measured = sorted((r for r in own if r.criterion is not None), key=lambda r: r.grid.level)
    form = f", {grid.form_words}" if grid.form else ""
    recipe_levels = [r.grid.level for r in measured if r.is_reference]
    return DoseCurve(
        factor=f"{grid.term}{form}",
        metric=criterion,
        points=tuple(_point(result) for result in measured),
        slope=None,
        best=choice.chosen.grid.level if choice.chosen in measured else None,
        flat=tuple(r.grid.level for r in measured if r.in_best),
        better="lower",
        notes=choice.notes,
        margin_percent=100.0 * smallest_effect,
        recipe_level=recipe_levels[0] if recipe_levels else None,
    )


def _point(result: LevelResult) -> DosePoint:
    change, value = result.change, result.criterion
    assert value is not None, "levels without results are no points"
    return DosePoint(
        level=result.grid.level,
        arm=result.grid.arm,
        value=value,
        percent=None if change is None else change.percent,
        percent_interval=None if change is None else change.printed_interval(),
    )
