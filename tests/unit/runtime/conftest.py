"""One small graph, and the model that it is of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from thermodepth.export.exporting import write_onnx
from thermodepth.export.onnx_model import onnx_model
from thermodepth.model import (
    LoadedModel,
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    load_model,
    save_model,
)
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is told the lens, trained at 64x80 on counts."""
    settings = ModelSettings(
        weights="none", decoder_width=16, depth_range_m=(0.5, 80.0), focal_px=70.0, sky=True
    )
    recipe = ModelRecipe(
        model=settings,
        modality="thermal",
        normaliser=NormaliserSettings(),
        trained_unit=ThermalUnit.COUNTS,
        working_size=(64, 80),
        lens=TrainingLens(focal_px=70.0, field_of_view_deg=60.0),
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "toy"
    save_model(folder, build_network(settings, channels=1), recipe)
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> LoadedModel:
    """The same in memory."""
    return load_model(model_folder)


@pytest.fixture(scope="session")
def graph_file(model: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its graph, for any size."""
    path = tmp_path_factory.mktemp("graph") / "toy.onnx"
    write_onnx(onnx_model(model), path)
    return path
