"""The calibration at the end of a training: from frames that taught nothing, or a warning that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.data import open_dataset
from thermodepth.data.frames import Dataset
from thermodepth.model import DepthNetwork, ModelRecipe, ModelSettings, load_model
from thermodepth.model.network import build_network
from thermodepth.training.held_out import with_error_calibration
from thermodepth.training.loop import train
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import ThermalUnit

SMALL: dict[str, Any] = {
    "steps": 2,
    "data.batch_size": 2,
    "data.size": [32, 32],
    "model.weights": "none",
    "model.decoder_width": 8,
    "model.relative_error": True,
    "losses.relative_error.weight": 0.1,
    "runtime.device": "cpu",
}


@pytest.fixture(scope="module")
def pack(write_noise_pack: Callable[..., Path]) -> Path:
    """Ten frames to hold out, three to learn from."""
    return write_noise_pack(
        {"train": range(3), "val": range(100, 110), "test": range(200, 202)}, side=32
    )


@pytest.fixture
def dataset(pack: Path) -> Dataset:
    return open_dataset(f"synthetic:{pack}")


def settings_for(dataset: Dataset, **edits: Any) -> TrainingSettings:
    return (
        TrainingSettings().edit({"data.source": dataset.spec, **SMALL, **edits}).resolved(dataset)
    )


def untrained(settings: TrainingSettings) -> tuple[DepthNetwork, ModelRecipe]:
    recipe = ModelRecipe(
        model=settings.model,
        modality=settings.data.modality,
        normaliser=settings.data.normaliser,
        trained_unit=ThermalUnit.COUNTS,
        working_size=(32, 32),
    )
    torch.manual_seed(0)
    return build_network(recipe.model, channels=recipe.channels), recipe


def test_a_training_ends_with_it(dataset: Dataset, tmp_path: Path) -> None:
    settings = settings_for(dataset)
    folder = train(settings, tmp_path / "run", dataset=dataset, label_of=None, label_source="none")
    calibration = load_model(folder).recipe.error_calibration
    assert calibration is not None
    assert (calibration.units, calibration.split) == (10, "val")
    assert calibration.data_fingerprint == dataset.fingerprint()


def test_the_network_is_left_as_it_was(dataset: Dataset) -> None:
    settings = settings_for(dataset)
    network, recipe = untrained(settings)
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    result = with_error_calibration(network, recipe, settings, dataset)
    assert result.error_calibration is not None
    assert network.training
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("no split", "has no split 'val'"),
        ("few frames", "2 frames with truth between .* on 9 or more"),
        ("taught by it", "it was trained on the split 'val'"),
        ("reads RGB", "it reads RGB"),
    ],
)
def test_a_model_that_cannot_be_calibrated_is_whole_and_says_why(
    case: str, words: str, dataset: Dataset
) -> None:
    settings = settings_for(dataset)
    if case == "no split":
        splits = {name: frames for name, frames in dataset.splits.items() if name != "val"}
        dataset = replace(dataset, splits=splits)
    elif case == "few frames":
        dataset = replace(dataset, splits={**dataset.splits, "val": dataset.splits["test"]})
    elif case == "taught by it":
        settings = settings.edit({"data.split": "val"})
    elif case == "reads RGB":
        settings = settings.edit({"data.modality": "rgb"})
    network, recipe = untrained(settings)
    with pytest.warns(UserWarning, match=f"will not tell its relative error.*{words}"):
        assert with_error_calibration(network, recipe, settings, dataset) == recipe


def test_a_model_without_the_head_is_not_asked(dataset: Dataset) -> None:
    settings = settings_for(dataset)
    network, recipe = untrained(settings)
    plain = recipe.model_copy(
        update={"model": ModelSettings(weights="none", depth_range_m=(2.0, 50.0))}
    )
    assert with_error_calibration(network, plain, settings, dataset) is plain
