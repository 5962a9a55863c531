"""A small thermal model on disk and in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.model import ModelRecipe, ModelSettings, load_model, save_model
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


@pytest.fixture
def model_folder(tmp_path: Path) -> Callable[..., Path]:
    """`model_folder(modality="rgb")`: trained at 64x80, 2 to 50 m."""

    def folder(**changes: Any) -> Path:
        small = ModelSettings(weights="none", decoder_width=16, depth_range_m=(2.0, 50.0))
        fields: dict[str, Any] = {
            "model": small,
            "modality": "thermal",
            "normaliser": NormaliserSettings(),
            "trained_unit": ThermalUnit.COUNTS,
            "working_size": (64, 80),
        }
        recipe = ModelRecipe(**{**fields, **changes})
        torch.manual_seed(0)
        network = build_network(recipe.model, channels=recipe.channels)
        place = tmp_path / f"model-{recipe.modality}-{recipe.normaliser.name}"
        save_model(place, network, recipe)
        assert load_model(place).recipe == recipe
        return place

    return folder
