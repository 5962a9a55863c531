"""A small network and its recipe, shared by the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from thermodepth.model import DepthNetwork, ModelRecipe, ModelSettings
from thermodepth.model.network import build_network
from thermodepth.thermal import NormaliserSettings
from thermodepth.types import ThermalUnit


@pytest.fixture
def settings_of() -> Callable[..., ModelSettings]:
    """`settings_of(upsampling="convex")`: the default network, narrow, 2 to 50 m."""

    def settings(**changes: Any) -> ModelSettings:
        fields = {"weights": "none", "decoder_width": 16, "depth_range_m": (2.0, 50.0)}
        return ModelSettings(**{**fields, **changes})

    return settings


@pytest.fixture
def network_of(settings_of: Callable[..., ModelSettings]) -> Callable[..., DepthNetwork]:
    """`network_of(seed=1, channels=3, upsampling="convex")`."""

    def network(*, seed: int = 0, channels: int = 1, **changes: Any) -> DepthNetwork:
        torch.manual_seed(seed)
        return build_network(settings_of(**changes), channels=channels)

    return network


@pytest.fixture
def recipe_of(settings_of: Callable[..., ModelSettings]) -> Callable[..., ModelRecipe]:
    """`recipe_of(modality="rgb")`."""

    def recipe(**changes: Any) -> ModelRecipe:
        fields: dict[str, Any] = {
            "model": settings_of(),
            "modality": "thermal",
            "normaliser": NormaliserSettings(),
            "trained_unit": ThermalUnit.COUNTS,
            "working_size": (64, 80),
            "history": {"run": "a test"},
        }
        return ModelRecipe(**{**fields, **changes})

    return recipe
