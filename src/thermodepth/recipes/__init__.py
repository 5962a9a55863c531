"""Named experiments: plain functions that return settings or a study."""

from __future__ import annotations

from collections.abc import Callable

from thermodepth.errors import SettingsError, unknown
from thermodepth.recipes.paper import paper
from thermodepth.recipes.paper_factorial import paper_factorial
from thermodepth.recipes.rgb_teacher import rgb_teacher, rgb_teacher_imagenet
from thermodepth.recipes.thermal import thermal
from thermodepth.study.design import Study
from thermodepth.training.settings import TrainingSettings

TRAININGS: dict[str, Callable[[], TrainingSettings]] = {
    "thermal": thermal,
    "rgb-teacher": rgb_teacher,
    "rgb-teacher-imagenet": rgb_teacher_imagenet,
}

STUDIES: dict[str, Callable[..., Study]] = {"paper": paper, "paper-factorial": paper_factorial}


def named_training(name: str) -> TrainingSettings:
    """The settings of a recipe.

    Raises:
        SettingsError: for a name that is not in TRAININGS.
    """
    if name not in TRAININGS:
        raise SettingsError(unknown("recipe", name, TRAININGS))
    return TRAININGS[name]()


def named_study(name: str, settings: TrainingSettings, *, seeds: int) -> Study:
    """A study over these settings.

    Raises:
        SettingsError: for a name that is not in STUDIES.
    """
    if name not in STUDIES:
        raise SettingsError(unknown("study", name, STUDIES))
    return STUDIES[name](settings, seeds=seeds)
