"""A small network, settings and data set, shared by the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from thermodepth.data import open_dataset
from thermodepth.data.frames import Dataset
from thermodepth.model import DepthNetwork, ModelSettings
from thermodepth.model.network import build_network
from thermodepth.training.settings import TrainingSettings


@pytest.fixture
def dataset(tiny_pack: Path) -> Dataset:
    return open_dataset(f"synthetic:{tiny_pack}")


@pytest.fixture
def settings(dataset: Dataset) -> TrainingSettings:
    """A small run, resolved."""
    edits = {
        "model.weights": "none",
        "model.decoder_width": 16,
        "teacher.kind": "truth",
        "runtime.device": "cpu",
    }
    return TrainingSettings().edit(edits).resolved(dataset)


@pytest.fixture
def network() -> DepthNetwork:
    """Narrow, in the memory layout of training."""
    torch.manual_seed(0)
    small = ModelSettings(weights="none", decoder_width=16, depth_range_m=(1.0, 80.0))
    network = build_network(small, channels=1)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
