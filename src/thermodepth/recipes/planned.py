"""A study by what a person types: a recipe's name or a study file's path, and edits on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from thermodepth.data.registry import absolute_spec
from thermodepth.errors import SettingsError
from thermodepth.recipes import named_study, named_training
from thermodepth.study.arm_edits import refuse_seed
from thermodepth.study.design import Study
from thermodepth.study.files import read_study, study_of
from thermodepth.study.tuned import read_tuned, with_tuned

FILES = (".toml", ".py")


def planned_study(
    name: str,
    edits: Mapping[str, Any],
    *,
    seeds: int | None = None,
    twin: bool = False,
    budget_hours: float | None = None,
    tuned: Path | None = None,
) -> Study:
    """The study, not yet resolved against its data. A .py file is run.

    Args:
        name: a row of STUDIES, or the path of a .toml or .py file.
        edits: dotted settings, after those of the recipe or file.
        seeds: 0 to this minus 1; None takes those of the file, or one.
        twin: also train the reference once more.
        budget_hours: of training, all cells together; None takes that of the file, or none.
        tuned: a file of weights that a search chose; None takes that of the file, or none.

    Raises:
        SettingsError: for a name, file or setting that is not there or not allowed.
    """
    refuse_seed(edits, f"study {name}")
    chosen = None if tuned is None else read_tuned(tuned)
    if Path(name).suffix in FILES:
        file = read_study(Path(name))
        if chosen is not None and file.tuned:
            raise SettingsError(
                f"--tuned {tuned}: {name} names its own (tuned = {file.tuned}); give one of them"
            )
        study = study_of(file, named_training(file.recipe), edits, tuned=chosen)
        study = study if seeds is None else replace(study, seeds=tuple(range(seeds)))
    else:
        settings = named_training("thermal").edit(edits)
        if chosen is not None:
            settings = with_tuned(settings, chosen, edits, f"study {name}")
        study = replace(named_study(name, settings, seeds=seeds or 1), tuned=chosen)
    study = with_full_paths(study)
    if budget_hours is not None:
        study = replace(study, budget_hours=budget_hours)
    return study.with_twin() if twin else study


def with_full_paths(study: Study) -> Study:
    """The study with its data sets named so that cells find them from any folder."""
    path = "data.source"
    arms = [
        replace(arm, edits={**arm.edits, path: absolute_spec(str(arm.edits[path]))})
        if path in arm.edits
        else arm
        for arm in study.arms
    ]
    settings = study.settings.edit({path: absolute_spec(study.settings.data.source)})
    return replace(study, settings=settings, arms=tuple(arms))
