"""The values that travel between the rooms."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import torch

from thermodepth.types import Batch, Geometry, Prediction, Sample, ThermalUnit


def batch() -> Batch:
    maps = torch.arange(12.0).reshape(1, 3, 4)
    return Batch(
        image=maps[:, None],
        depth_m=maps,
        depth_valid=maps > 3,
        label=-maps,
        label_valid=maps > 5,
        intrinsics=torch.eye(3)[None],
        sample_ids=("a",),
    )


def test_size_is_rows_then_columns() -> None:
    sample = Sample(
        sample_id="a",
        thermal=np.zeros((3, 5), np.uint16),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=np.eye(3, dtype=np.float32),
    )
    assert sample.size == (3, 5)
    with pytest.raises(FrozenInstanceError):
        sample.sample_id = "b"  # type: ignore[misc]


def test_a_batch_moves_every_tensor_and_keeps_its_ids() -> None:
    moved = batch().to("meta")
    for field in fields(moved):
        if field.name != "sample_ids" and getattr(batch(), field.name) is not None:
            value, before = getattr(moved, field.name), getattr(batch(), field.name)
            assert value.device.type == "meta"
            assert (value.shape, value.dtype) == (before.shape, before.dtype)
    assert moved.sample_ids == ("a",)


def test_a_batch_survives_the_way_from_a_worker() -> None:
    copy = pickle.loads(pickle.dumps(batch()))
    assert torch.equal(copy.depth_m, batch().depth_m)
    assert copy.sample_ids == ("a",)


def test_depth_is_the_exponential_of_log_depth() -> None:
    log_depth = torch.tensor([[[0.0, 0.6931472, -0.6931472]]])
    prediction = Prediction(structure=torch.zeros_like(log_depth), log_depth=log_depth)
    assert torch.allclose(prediction.depth_m, torch.tensor([[[1.0, 2.0, 0.5]]]))


def test_the_names_that_saved_files_hold() -> None:
    """Public names: they stand in stores, recipes and rows, and are never renamed."""
    assert [str(g) for g in Geometry] == [
        "metric_depth",
        "scale_depth",
        "affine_depth",
        "affine_inverse",
    ]
    assert [str(u) for u in ThermalUnit] == ["counts", "kelvin", "display"]
