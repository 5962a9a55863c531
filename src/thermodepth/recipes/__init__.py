"""Named experiments: plain functions that return settings or a study."""

from __future__ import annotations

from collections.abc import Callable

from thermodepth.errors import SettingsError, unknown
from thermodepth.recipes.any_camera import rgb_any, thermal_any, thermal_any_further
from thermodepth.recipes.finetune import finetune
from thermodepth.recipes.paper import paper
from thermodepth.recipes.paper_factorial import paper_factorial
from thermodepth.recipes.paper_limited import paper_limited, paper_scarce
from thermodepth.recipes.paper_readings import paper_readings
from thermodepth.recipes.rgb_teacher import rgb_teacher
from thermodepth.recipes.thermal import thermal
from thermodepth.study.design import Study
from thermodepth.training.settings import TrainingSettings

TRAININGS: dict[str, Callable[[], TrainingSettings]] = {
    "thermal": thermal,
    "rgb-teacher": rgb_teacher,
    "thermal-any": thermal_any,
    "thermal-any-further": thermal_any_further,
    "rgb-any": rgb_any,
}

#: Recipes that start from a model, which is named after a colon; without one, from the model that ships.
FROM_A_MODEL: dict[str, Callable[[str], TrainingSettings]] = {"finetune": finetune}

STUDIES: dict[str, Callable[..., Study]] = {
    "paper": paper,
    "paper-factorial": paper_factorial,
    "paper-limited": paper_limited,
    "paper-scarce": paper_scarce,
    "paper-readings": paper_readings,
}


def named_training(name: str) -> TrainingSettings:
    """The settings of a recipe.

    Args:
        name: of TRAININGS, or of FROM_A_MODEL, then optionally `:MODEL`.

    Raises:
        SettingsError: for a name that is in neither, or a model after one that takes none.
        WeightsError: for a model that is not there.
    """
    kind, colon, model = name.partition(":")
    if kind in FROM_A_MODEL:
        return FROM_A_MODEL[kind](model)
    if kind not in TRAININGS:
        raise SettingsError(unknown("recipe", kind, [*TRAININGS, *FROM_A_MODEL]))
    if colon:
        starting = ", ".join(FROM_A_MODEL)
        raise SettingsError(f"recipe {name}: {kind} takes no model after a colon; {starting} does")
    return TRAININGS[kind]()


def named_study(name: str, settings: TrainingSettings, *, seeds: int) -> Study:
    """A study over these settings.

    Raises:
        SettingsError: for a name that is not in STUDIES.
    """
    if name not in STUDIES:
        raise SettingsError(unknown("study", name, STUDIES))
    return STUDIES[name](settings, seeds=seeds)
