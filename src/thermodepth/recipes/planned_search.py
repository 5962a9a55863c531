"""A search of weights by what a person types: a recipe, a study or a study file, and terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thermodepth.data.registry import absolute_spec
from thermodepth.errors import SettingsError, unknown
from thermodepth.recipes import FROM_A_MODEL, STUDIES, TRAININGS, named_training
from thermodepth.recipes.planned import FILES, planned_study
from thermodepth.statistics.designs import FULL, LEVELS
from thermodepth.study.arm import Arm
from thermodepth.study.arm_edits import refuse_seed
from thermodepth.study.design import Study
from thermodepth.study.tuned import read_tuned, with_tuned
from thermodepth.study.tuning.search import MOST_ADDED, SPLIT, WeightSearch, weight_grids

SEEDS = 3  # where neither a person nor a file says how many


def planned_search(
    name: str,
    edits: Mapping[str, Any],
    *,
    terms: Sequence[str] = (),
    forms: bool = False,
    levels: Sequence[float] = LEVELS,
    seeds: int | None = None,
    split: str = SPLIT,
    most_added: int = MOST_ADDED,
    tuned: Path | None = None,
) -> WeightSearch:
    """The search, not yet resolved against its data. A .py file is run.

    Args:
        name: a recipe of trainings, a row of STUDIES, or a study file, of which the base run counts and the
            arms do not.
        edits: dotted settings, after those of the recipe or file.
        terms, forms, levels: as `weight_grids`.
        seeds: 0 to this minus 1; None takes those of the file where it has several, or three.
        split: whose frames the weights are chosen on.
        most_added: levels to a grid whose lowest lies at its end.
        tuned: a file of weights that an earlier search chose.

    Raises:
        SettingsError: for a name, file, term or setting that is not there or not allowed.
    """
    base = _base(name, edits, tuned)
    file_seeds = base.seeds if len(base.seeds) > 1 else tuple(range(SEEDS))
    return WeightSearch(
        name=f"tune-{base.name}",
        settings=base.settings,
        grids=weight_grids(base.settings, terms, levels=levels, forms=forms),
        seeds=file_seeds if seeds is None else tuple(range(seeds)),
        split=split,
        metrics=base.primary,
        smallest_effect=base.smallest_effect,
        most_added=most_added,
        tuned=base.tuned,
    )


def _base(name: str, edits: Mapping[str, Any], tuned: Path | None) -> Study:
    """The run that is searched around, as a study."""
    recipe = name.partition(":")[0]
    if Path(name).suffix in FILES or name in STUDIES:
        return planned_study(name, edits, tuned=tuned)
    if recipe not in TRAININGS and recipe not in FROM_A_MODEL:
        known = [*STUDIES, *TRAININGS, *FROM_A_MODEL]
        raise SettingsError(f"{unknown('recipe', name, known)}, or a study file, .toml or .py")
    where = f"recipe {name}"
    refuse_seed(edits, where)
    settings = named_training(name).edit(edits)
    settings = settings.edit({"data.source": absolute_spec(settings.data.source)})
    chosen = None if tuned is None else read_tuned(tuned)
    if chosen is not None:
        settings = with_tuned(settings, chosen, edits, where)
    return Study(
        name=recipe,
        title=recipe,
        settings=settings,
        arms=(Arm(name=FULL, title=recipe),),
        reference=FULL,
        seeds=(0,),
        tuned=chosen,
    )
