"""Second order and other spaces of the smoothness terms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from random_scene import F64, Array, n_of, scene, smooth_of, value

from thermodepth.types import Batch, Prediction

EVERYWHERE = np.ones((13, 17), dtype=bool)


def bends_of(x: Array, guide: Array, sharpness: float) -> float:
    """Edge-aware second differences; NaN pixels make none."""
    total = 0.0
    for axis in (0, 1):
        weight = np.exp(-sharpness * np.abs(np.diff(guide, axis=axis)))
        first, second = (slice(None, -1), slice(1, None))
        both = weight[first] * weight[second] if axis == 0 else weight[:, first] * weight[:, second]
        total += float(np.nanmean(np.abs(np.diff(x, n=2, axis=axis)) * both))
    return total


def test_structure_smooth_of_order_2() -> None:
    prediction, batch = scene()
    expected: dict[str, list[float]] = {"label": [], "all": []}
    for i in range(2):
        s, m = prediction.structure[i].numpy(), batch.label_valid[i].numpy()
        thermal = n_of(batch.image[i, 0].numpy(), EVERYWHERE)
        expected["label"].append(bends_of(n_of(s, m), thermal, 2.0))
        expected["all"].append(bends_of(n_of(s, EVERYWHERE), thermal, 2.0))
    for pixels, values in expected.items():
        actual = value("structure_smooth", prediction, batch, order=2, pixels=pixels)
        assert actual == pytest.approx(values)


@pytest.mark.parametrize("guide", ["structure", "teacher"])
@pytest.mark.parametrize("space", ["log", "inverse", "depth"])
@pytest.mark.parametrize("order", [1, 2])
def test_guided_smooth_in_each_space(order: int, space: str, guide: str) -> None:
    prediction, batch = scene()
    expected = []
    for i in range(2):
        depth = np.exp(prediction.log_depth[i].numpy())
        valid = EVERYWHERE if guide == "structure" else batch.label_valid[i].numpy()
        maps = {"structure": prediction.structure, "teacher": batch.label}
        x = {"log": np.log(depth), "inverse": 1 / depth, "depth": depth}[space]
        x = np.where(valid, x if space == "log" else x / x[valid].mean(), np.nan)
        smoothness = smooth_of if order == 1 else bends_of
        expected.append(smoothness(x, n_of(maps[guide][i].numpy(), valid), 2.0))
    actual = value("guided_smooth", prediction, batch, order=order, space=space, guide=guide)
    assert actual == pytest.approx(expected)


def planes() -> tuple[Prediction, Batch]:
    """Ground and a tilted wall: inverse depths linear in the picture."""
    _, batch = scene()
    v, u = torch.meshgrid(torch.arange(13, dtype=F64), torch.arange(17, dtype=F64), indexing="ij")
    inverse = torch.stack([0.02 + 0.03 * v, 0.3 - 0.01 * u + 0.002 * v])
    prediction = Prediction(structure=4.0 * inverse - 1.0, log_depth=-inverse.log())
    return prediction, replace(batch, label_valid=torch.ones_like(batch.label_valid))


def test_the_second_order_lets_planes_be() -> None:
    prediction, batch = planes()
    assert max(value("structure_smooth", prediction, batch, order=2)) < 1e-9
    assert max(value("guided_smooth", prediction, batch, order=2, space="inverse")) < 1e-9
    assert min(value("structure_smooth", prediction, batch)) > 0.01
    for space in ("log", "depth"):
        assert min(value("guided_smooth", prediction, batch, order=2, space=space)) > 1e-4


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (5, 1)])
def test_maps_too_small_for_a_bend_cost_nothing(size: tuple[int, int]) -> None:
    prediction, batch = scene(*size)
    for name in ("structure_smooth", "guided_smooth"):
        costs = value(name, prediction, batch, order=2)
        assert all(np.isfinite(costs))
        if max(size) < 3:
            assert costs == [0.0, 0.0]
