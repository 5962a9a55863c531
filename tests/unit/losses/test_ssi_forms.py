"""The forms of `structure_ssi` against plain numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from random_scene import Array, n_of, scene, value

from thermodepth.losses import LOSSES

NAME = "structure_ssi"


def trimmed_of(residual: Array, trim: float = 0.2) -> float:
    worst_last = np.sort(np.abs(residual))
    return float(worst_last[: len(worst_last) - int(trim * len(worst_last) + 1e-3)].mean())


def of_median_deviation(x: Array) -> Array:
    def lower_median(values: Array) -> float:
        return float(np.sort(values)[(len(values) - 1) // 2])

    centred = x - lower_median(x)
    return np.asarray(centred / lower_median(np.abs(centred)))


def test_median_mad() -> None:
    prediction, batch = scene()
    expected = [
        trimmed_of(of_median_deviation(s[m]) - of_median_deviation(t[m]))
        for s, t, m in zip(
            prediction.structure.numpy(),
            batch.label.numpy(),
            batch.label_valid.numpy(),
            strict=True,
        )
    ]
    assert value(NAME, prediction, batch, form="median_mad") == pytest.approx(expected, rel=1e-4)


def test_least_squares() -> None:
    prediction, batch = scene()
    prediction = replace(prediction, structure=prediction.structure + 0.5 * batch.label)
    expected = []
    for s, t, m in zip(
        prediction.structure.numpy(), batch.label.numpy(), batch.label_valid.numpy(), strict=True
    ):
        target = n_of(t, m)[m]
        scale, offset = np.polyfit(s[m], target, 1)
        assert scale > 0
        expected.append(trimmed_of(scale * s[m] + offset - target))
    assert value(NAME, prediction, batch, form="least_squares") == pytest.approx(expected, rel=1e-4)


def test_one_near_pixel_does_not_shrink_the_rest_of_median_mad() -> None:
    """A pole in front of the camera: the mean deviation of the label doubles, its median does not."""
    _, batch = scene()
    label = batch.label.clone()
    label[:, 5, 5] += 200.0
    valid = torch.ones_like(batch.label_valid)
    batch = replace(batch, label=label, label_valid=valid)
    prediction, _ = scene()
    without_pole = replace(prediction, structure=scene()[1].label)
    assert value(NAME, without_pole, batch, form="median_mad")[0] < 0.05
    assert value(NAME, without_pole, batch, form="trimmed")[0] > 0.2


@pytest.mark.parametrize("form", ["trimmed", "median_mad", "least_squares"])
def test_upside_down_costs_and_is_turned(form: str) -> None:
    prediction, batch = scene()
    structure = (0.3 * prediction.structure - 2.0 * batch.label).requires_grad_()
    row = LOSSES[NAME]
    cost = row.function(
        replace(prediction, structure=structure), batch, row.settings().edit({"form": form})
    )
    assert float(cost.detach().min()) > 1.0
    (gradient,) = torch.autograd.grad(cost.sum(), structure)
    assert bool((gradient.flatten(1).norm(dim=1) > 1e-3).all())
    turned = structure.detach()
    for _ in range(60):
        again = turned.requires_grad_()
        (gradient,) = torch.autograd.grad(
            row.function(
                replace(prediction, structure=again), batch, row.settings().edit({"form": form})
            ).sum(),
            again,
        )
        turned = again.detach() - 0.2 * gradient / gradient.abs().amax()
    after = value(NAME, replace(prediction, structure=turned), batch, form=form)
    assert max(after) < 0.95 * float(cost.detach().min())


def test_a_map_that_is_flat_over_more_than_half_is_not_blown_up() -> None:
    """Its median deviation is 0: a tenth of the mean one stands in, so sky does not divide by nothing."""
    prediction, batch = scene()
    label = batch.label.clone()
    label[:, :9] = 1.0
    batch = replace(batch, label=label, label_valid=torch.ones_like(batch.label_valid))
    mad = value(NAME, prediction, batch, form="median_mad")
    mean = value(NAME, prediction, batch, form="trimmed", trim=0.0)
    assert max(mad) < 10.0 * max(mean)
