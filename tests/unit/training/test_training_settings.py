"""Training settings: what is filled in from the data set, and what is refused."""

from __future__ import annotations

import pytest

from thermodepth.data.frames import Dataset
from thermodepth.errors import SettingsError
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.train_state import recipe_of

BASE = TrainingSettings().edit({"model.weights": "none", "teacher.kind": "truth"})


def test_what_was_left_open_comes_from_the_data_set(dataset: Dataset) -> None:
    run = BASE.resolved(dataset)
    assert run.data.size == (64, 64)
    assert (run.data.min_truth_m, run.data.max_truth_m) == dataset.depth_range_m == (0.3, 80.0)
    assert run.model.depth_range_m == (0.3, 80.0)
    assert run.resolved(dataset) == run


def test_what_was_given_stays(dataset: Dataset) -> None:
    actual = {
        "data.size": [96, 128],
        "data.min_truth_m": 1.0,
        "data.max_truth_m": 30.0,
        "model.depth_range_m": [0.5, 40.0],
    }
    run = BASE.edit(actual).resolved(dataset)
    assert run.data.size == (96, 128)
    assert (run.data.min_truth_m, run.data.max_truth_m) == (1.0, 30.0)
    assert run.model.depth_range_m == (0.5, 40.0)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"data.size": [31, 64]}, r"data\.size=31x64: at least 32"),
        ({"data.size": [32, 32], "data.batch_size": 1}, "no statistics"),
        ({"data.min_truth_m": 90.0}, "min_truth_m 90 must be below max_truth_m 80"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    edits: dict[str, object], message: str, dataset: Dataset
) -> None:
    with pytest.raises(SettingsError, match=message):
        BASE.edit(edits).resolved(dataset)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ({"steps": 0}, "steps = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"seed": 2**31}, "seed = 2147483648"),
        ({"precision": "fp8"}, "precision = 'fp8'"),
        ({"optimiser.warm_up": 1.0}, "warm_up"),
        ({"optimiser.ema_decay": 1.0}, "ema_decay"),
        ({"runtime.workers": -1}, "workers"),
        ({"data.modality": "rgb", "model.weights": "rgb-small"}, "cannot be its own start"),
        ({"optimiser.learning_rat": 1.0}, "did you mean 'learning_rate'"),
    ],
)
def test_impossible_settings_are_refused(edits: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        BASE.edit(edits)


def test_the_largest_seed_is_one_that_torch_takes() -> None:
    import torch

    run = BASE.edit({"seed": 2**31 - 1})
    torch.manual_seed(run.seed * 1_000_003 + 10**9)  # as the loop does, at a late step


def test_the_sizes_that_were_drawn_travel_with_the_model(dataset: Dataset) -> None:
    many = {"data.augmentation.size_least": 0.5, "data.augmentation.size_most": 3.0}
    recipe = recipe_of(BASE.edit(many).resolved(dataset), dataset, "run", "labels")
    assert recipe.working_size == (64, 64)
    assert recipe.trained_short_sides == (32, 192)
    one = recipe_of(BASE.resolved(dataset), dataset, "run", "labels")
    assert one.trained_short_sides == (64, 64)
