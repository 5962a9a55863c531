"""A small thermal model with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.inference.predictor import Predictor, load
from thermodepth.model import ModelRecipe, ModelSettings, save_model
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


@pytest.fixture(scope="session")
def save_small(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`save_small(**settings)`: a model folder, 2 to 50 m, trained at 64x80."""

    def save(**edits: Any) -> Path:
        settings = ModelSettings(
            weights="none", decoder_width=16, depth_range_m=(2.0, 50.0), **edits
        )
        recipe = ModelRecipe(
            model=settings,
            modality="thermal",
            normaliser=NormaliserSettings(),
            trained_unit=ThermalUnit.COUNTS,
            working_size=(64, 80),
        )
        torch.manual_seed(0)
        folder = tmp_path_factory.mktemp("models") / "small"
        save_model(folder, build_network(settings, channels=recipe.channels), recipe)
        return folder

    return save


@pytest.fixture(scope="session")
def small_model(save_small: Callable[..., Path]) -> Path:
    """It has the two heads that every model has."""
    return save_small()


@pytest.fixture(scope="session")
def predictor(small_model: Path) -> Predictor:
    return load(small_model, device="cpu")
