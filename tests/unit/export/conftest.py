"""Small thermal models in memory, with heads, lens and calibration as asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from thermodepth.model import (
    ErrorCalibration,
    LoadedModel,
    ModelRecipe,
    ModelSettings,
    TrainingLens,
    fingerprint_of,
)
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit

MakeModel = Callable[..., LoadedModel]
SMALL = {"weights": "none", "decoder_width": 16, "depth_range_m": (0.5, 80.0)}
EVERY_HEAD = {"sky": True, "relative_error": True, "focal_px": 70.0}

CALIBRATION = ErrorCalibration(
    knots_m=(1.0, 4.0, 20.0),
    factors=((0.8, 1.1, 1.4), (1.2, 1.0, 0.9)),
    unit="scenes",
    units=20,
    frames=20,
    data="toy",
    data_fingerprint="0" * 16,
    split="val",
)


@pytest.fixture(scope="session")
def make_model() -> MakeModel:
    """`make_model(encoder=..., normaliser=..., ...)`: every head, a lens, trained at 64x80 on counts."""

    def make(
        normaliser: NormaliserSettings | None = None,
        unit: ThermalUnit = ThermalUnit.COUNTS,
        **model: Any,
    ) -> LoadedModel:
        settings = ModelSettings(**{**SMALL, **EVERY_HEAD, **model})
        recipe = ModelRecipe(
            model=settings,
            modality="thermal",
            normaliser=normaliser or NormaliserSettings(),
            trained_unit=unit,
            working_size=(64, 80),
            lens=None
            if settings.focal_px is None
            else TrainingLens(focal_px=70.0, field_of_view_deg=60.0),
            error_calibration=CALIBRATION if settings.relative_error else None,
        )
        torch.manual_seed(0)
        network = build_network(settings, channels=1).eval().requires_grad_(False)
        for parameter in network.parameters():  # heads begin flat: make them say something
            parameter += 0.05 * torch.randn_like(parameter)
        return LoadedModel(network=network, recipe=recipe, fingerprint=fingerprint_of(network))

    return make
