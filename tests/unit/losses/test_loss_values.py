"""Each term against its formula, by hand or in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from random_scene import F64, Array, gradient_of, n_of, scene, smooth_of, value

from thermodepth.losses import LOSSES
from thermodepth.losses.maps import Maps
from thermodepth.losses.metric_relative import FORMS
from thermodepth.types import Batch, Prediction

# --- structure -----------------------------------------------------------------------------------


@pytest.mark.parametrize("trim", [0.0, 0.2, 0.5])
def test_structure_ssi_against_numpy(trim: float) -> None:
    prediction, batch = scene()
    expected = []
    for s, t, m in zip(
        prediction.structure.numpy(), batch.label.numpy(), batch.label_valid.numpy(), strict=True
    ):
        residual = np.sort(np.abs(n_of(s, m) - n_of(t, m))[m])
        expected.append(residual[: len(residual) - int(trim * len(residual) + 1e-3)].mean())
    assert value("structure_ssi", prediction, batch, trim=trim) == pytest.approx(expected, rel=1e-4)


def test_structure_ssi_by_hand() -> None:
    # N(s) = (0 1 2 3 4 - 2) / 1.2, N(t) = (0 0 0 0 10 - 0) / 2.
    row = torch.tensor([[[0.0, 1.0, 2.0, 3.0, 4.0]]])
    _, batch = scene()
    batch = replace(
        batch,
        label=torch.tensor([[[0.0, 0.0, 0.0, 0.0, 10.0]]]),
        label_valid=torch.ones(1, 1, 5, dtype=torch.bool),
    )
    residuals = [2 / 1.2, 1 / 1.2, 0.0, 1 / 1.2, 5 - 2 / 1.2]
    prediction = Prediction(structure=row, log_depth=row)
    assert value("structure_ssi", prediction, batch, trim=0.0) == pytest.approx(
        [sum(residuals) / 5]
    )
    assert value("structure_ssi", prediction, batch, trim=0.2) == pytest.approx(
        [sum(residuals[:4]) / 4], rel=1e-3
    )


def test_the_trim_of_structure_ssi_is_a_lower_bound_and_close() -> None:
    draw = torch.Generator().manual_seed(5)
    shape = (4, 96, 128)
    _, batch = scene()
    batch = replace(
        batch,
        label=torch.randn(shape, generator=draw, dtype=F64),
        label_valid=torch.rand(shape, generator=draw) < 0.7,
    )
    structure = batch.label + torch.randn(shape, generator=draw, dtype=F64)
    actual = value("structure_ssi", Prediction(structure=structure, log_depth=structure), batch)
    maps = Maps(Prediction(structure=structure, log_depth=structure), batch)
    for residual, m, result in zip(maps.label_residual(), batch.label_valid, actual, strict=True):
        ordered = residual[m].abs().sort().values
        exact = float(ordered[: len(ordered) - int(0.2 * len(ordered))].mean())
        assert 0 <= exact - result < 1e-4 * exact


def test_structure_ssi_knows_near_from_far() -> None:
    prediction, batch = scene()
    right = replace(prediction, structure=2.0 * batch.label)
    upside_down = replace(prediction, structure=-2.0 * batch.label)
    assert value("structure_ssi", right, batch) == pytest.approx([0.0, 0.0], abs=1e-6)
    assert min(value("structure_ssi", upside_down, batch, trim=0.0)) > 1.5


def test_structure_ssi_forgets_the_worst_pixels() -> None:
    prediction, batch = scene()
    structure = batch.label.clone()
    structure[0][batch.label_valid[0].nonzero(as_tuple=True)[0][0]] += 0.5  # one row of 13
    prediction = replace(prediction, structure=structure)
    trimmed = value("structure_ssi", prediction, batch, trim=0.2)[0]
    assert trimmed < 0.5 * value("structure_ssi", prediction, batch, trim=0.0)[0]


@pytest.mark.parametrize("scales", [1, 2, 4])
def test_structure_gradient_against_numpy(scales: int) -> None:
    prediction, batch = scene()
    expected = [
        gradient_of(n_of(s, m) - n_of(t, m), scales)
        for s, t, m in zip(
            prediction.structure.numpy(),
            batch.label.numpy(),
            batch.label_valid.numpy(),
            strict=True,
        )
    ]
    assert value("structure_gradient", prediction, batch, scales=scales) == pytest.approx(expected)


def test_structure_smooth_against_numpy() -> None:
    prediction, batch = scene()
    everywhere = np.ones((13, 17), dtype=bool)
    expected: dict[str, list[float]] = {"thermal": [], "teacher": [], "all": []}
    for i in range(2):
        s, m = prediction.structure[i].numpy(), batch.label_valid[i].numpy()
        thermal = n_of(batch.image[i, 0].numpy(), everywhere)
        expected["thermal"].append(smooth_of(n_of(s, m), thermal, 2.0))
        expected["teacher"].append(smooth_of(n_of(s, m), n_of(batch.label[i].numpy(), m), 2.0))
        expected["all"].append(smooth_of(n_of(s, everywhere), thermal, 2.0))
    name = "structure_smooth"
    assert value(name, prediction, batch) == pytest.approx(expected["thermal"])
    assert value(name, prediction, batch, guide="teacher") == pytest.approx(expected["teacher"])
    assert value(name, prediction, batch, pixels="all") == pytest.approx(expected["all"])


def test_structure_smooth_pays_less_where_the_thermal_image_has_an_edge() -> None:
    _, batch = scene(8, 8)
    step = torch.zeros(2, 8, 8)
    step[:, :, 4:] = 1.0
    flat = torch.full((2, 1, 8, 8), 0.5)
    batch = replace(batch, label_valid=torch.ones(2, 8, 8, dtype=torch.bool))
    prediction = Prediction(structure=step, log_depth=step)
    # N of the step is 0 and 1/mean|.| = 0 and 2; one pair of seven crosses it.
    blind = value("structure_smooth", prediction, replace(batch, image=flat))
    observed = value("structure_smooth", prediction, replace(batch, image=step[:, None]))
    assert blind == pytest.approx([2 / 7] * 2)
    assert observed == pytest.approx([2 / 7 * math.exp(-2.0 * 2.0)] * 2)


def test_guides_average_the_channels_of_an_image() -> None:
    prediction, batch = scene()
    three = torch.cat([batch.image, 0.5 * batch.image, 0.0 * batch.image], 1)
    assert value("structure_smooth", prediction, replace(batch, image=three)) == pytest.approx(
        value("structure_smooth", prediction, batch)
    )


# --- metric depth --------------------------------------------------------------------------------


def test_metric_relative_against_numpy() -> None:
    prediction, batch = scene()
    expected = [
        float((np.abs(np.exp(p[m]) - g[m]) / g[m]).mean())
        for p, g, m in zip(
            prediction.log_depth.numpy(),
            batch.depth_m.numpy(),
            batch.depth_valid.numpy(),
            strict=True,
        )
    ]
    assert value("metric_relative", prediction, batch) == pytest.approx(expected)


#: The forms of `metric_relative` as depths, p the prediction.
AS_DEPTHS: dict[str, Callable[[Array, Array], Array]] = {
    "relative": lambda p, g: np.abs(p - g) / g,
    "log": lambda p, g: np.abs(np.log(p) - np.log(g)),
    "max": lambda p, g: np.abs(p - g) / np.maximum(p, g),
    "symmetric": lambda p, g: 2 * np.abs(p - g) / (p + g),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_metric_relative_against_numpy(form: str) -> None:
    prediction, batch = scene()
    expected = [
        float(AS_DEPTHS[form](np.exp(p[m]), g[m]).mean())
        for p, g, m in zip(
            prediction.log_depth.numpy(),
            batch.depth_m.numpy(),
            batch.depth_valid.numpy(),
            strict=True,
        )
    ]
    assert value("metric_relative", prediction, batch, form=form) == pytest.approx(expected)
    assert 10 < len(FORMS[form].summary) < 60  # type: ignore[index]


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("form", FORMS)
def test_where_an_uncertain_network_pays_least(form: str, sigma: float) -> None:
    """Of one depth for a log-normal truth: exp(-sigma^2) of its median for `relative`, else the median."""
    quantiles = (np.arange(4001) + 0.5) / 4001
    truth = 7.0 * np.exp(sigma * np.array([NormalDist().inv_cdf(q) for q in quantiles]))
    factors = np.exp(np.arange(-0.7, 0.2, 0.005))
    count = len(factors)
    depth = torch.from_numpy(truth).expand(count, 1, -1).contiguous()
    batch = Batch(
        image=torch.zeros(count, 1, 1, len(truth)),
        depth_m=depth,
        depth_valid=torch.ones_like(depth, dtype=torch.bool),
        label=depth,
        label_valid=torch.ones_like(depth, dtype=torch.bool),
        intrinsics=torch.eye(3).expand(count, 3, 3),
        sample_ids=tuple(map(str, range(count))),
    )
    log_depth = torch.from_numpy(np.log(7.0 * factors))[:, None, None].expand_as(depth)
    costs = value(
        "metric_relative", Prediction(structure=depth, log_depth=log_depth), batch, form=form
    )
    least = factors[int(np.argmin(costs))]
    target = math.exp(-(sigma**2)) if form == "relative" else 1.0
    assert least == pytest.approx(target, abs=0.006)
    assert FORMS[form].unbiased == (form != "relative")  # type: ignore[index]


def test_bounded_forms_cost_at_most_their_bound() -> None:
    prediction, batch = scene()
    for factor in (1e-9, 1e9):
        far = replace(prediction, log_depth=(factor * batch.depth_m).log())
        assert value("metric_relative", far, batch, form="max") == pytest.approx([1.0] * 2)
        assert value("metric_relative", far, batch, form="symmetric") == pytest.approx([2.0] * 2)


@pytest.mark.parametrize("scales", [1, 2, 4])
def test_metric_gradient_against_numpy(scales: int) -> None:
    prediction, batch = scene()
    expected = [
        gradient_of(np.where(m, p - np.log(g), np.nan), scales)
        for p, g, m in zip(
            prediction.log_depth.numpy(),
            batch.depth_m.numpy(),
            batch.depth_valid.numpy(),
            strict=True,
        )
    ]
    assert value("metric_gradient", prediction, batch, scales=scales) == pytest.approx(expected)


def test_metric_gradient_by_hand() -> None:
    """A step of the truth by a factor of 4 that the prediction has as 2, between 2 and 3 of 4 columns."""
    _, batch = scene(4, 4)
    factor = torch.tensor([1.0, 1.0, 4.0, 4.0], dtype=F64).expand(2, 4, 4)
    batch = replace(batch, depth_m=5 * factor, depth_valid=torch.ones(2, 4, 4, dtype=torch.bool))
    log_depth = 0.5 * factor.log() + 0.7  # another scale, which costs nothing
    prediction = Prediction(structure=log_depth, log_depth=log_depth)
    # At 1x1 one pair of three columns, at 2x2 the one pair there is, at 4x4 none.
    assert value("metric_gradient", prediction, batch) == pytest.approx([math.log(2) * 4 / 3] * 2)
    hidden = batch.depth_valid.clone()
    hidden[:, :, 1] = False  # no valid pair crosses the step; half of each block is left
    observed = value("metric_gradient", prediction, replace(batch, depth_valid=hidden), scales=1)
    assert observed == pytest.approx([0.0] * 2)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.2, 3.0])
@pytest.mark.parametrize("lam", [0.0, 0.85, 1.0])
def test_closed_forms_of_a_common_factor(factor: float, lam: float) -> None:
    prediction, batch = scene()
    prediction = replace(prediction, log_depth=(factor * batch.depth_m).log())
    expected = math.sqrt((1 - lam) * math.log(factor) ** 2 + 1e-6)
    assert value("metric_silog", prediction, batch, lam=lam) == pytest.approx([expected] * 2)
    assert value("metric_relative", prediction, batch) == pytest.approx([abs(factor - 1)] * 2)


def test_metric_silog_against_numpy() -> None:
    prediction, batch = scene()
    expected = []
    for p, g, m in zip(
        prediction.log_depth.numpy(), batch.depth_m.numpy(), batch.depth_valid.numpy(), strict=True
    ):
        error = p[m] - np.log(g[m])
        expected.append(math.sqrt(error.var() + 0.15 * error.mean() ** 2 + 0.01))
    assert value("metric_silog", prediction, batch, eps=0.01) == pytest.approx(expected)


def test_metric_silog_does_not_cancel_in_float32() -> None:
    # Spread 1e-3 around a factor e^3 on one pixel in fifty: mean(g^2) - mean(g)^2 would lose it.
    draw = torch.Generator().manual_seed(0)
    spread = 1e-3 * torch.randn(1, 50, 60, generator=draw, dtype=F64)
    valid = torch.rand(1, 50, 60, generator=draw) < 0.02
    _, batch = scene()
    batch = replace(batch, depth_m=torch.ones(1, 50, 60), depth_valid=valid)
    log_depth = (3.0 + spread).float()
    actual = value(
        "metric_silog",
        Prediction(structure=log_depth, log_depth=log_depth),
        batch,
        lam=1.0,
        eps=1e-12,
    )
    assert actual == pytest.approx([float(spread[valid].std(correction=0))], rel=1e-3)


# --- couplings -----------------------------------------------------------------------------------


def test_guided_smooth_against_numpy() -> None:
    prediction, batch = scene()
    everywhere = np.ones((13, 17), dtype=bool)
    expected: dict[str, list[float]] = {"structure": [], "thermal": [], "teacher": []}
    for i in range(2):
        d, m = prediction.log_depth[i].numpy(), batch.label_valid[i].numpy()
        guides = {
            "structure": n_of(prediction.structure[i].numpy(), everywhere),
            "thermal": n_of(batch.image[i, 0].numpy(), everywhere),
            "teacher": n_of(batch.label[i].numpy(), m),
        }
        for guide, g in guides.items():
            expected[guide].append(smooth_of(d, g, 2.0))
    for guide, values in expected.items():
        assert value("guided_smooth", prediction, batch, guide=guide) == pytest.approx(values)


def test_guided_smooth_with_a_teacher_ignores_what_the_teacher_does_not_see() -> None:
    prediction, batch = scene()
    clean = value("guided_smooth", prediction, batch, guide="teacher")
    nan = torch.tensor(torch.nan, dtype=F64)
    spoilt = replace(
        prediction, log_depth=torch.where(batch.label_valid, prediction.log_depth, nan)
    )
    label = torch.where(batch.label_valid, batch.label, nan)
    assert value("guided_smooth", spoilt, replace(batch, label=label), guide="teacher") == clean
    nothing = replace(batch, label_valid=torch.zeros_like(batch.label_valid))
    assert value("guided_smooth", prediction, nothing, guide="teacher") == [0.0, 0.0]


@pytest.mark.parametrize("guide", ["structure", "thermal", "teacher"])
def test_guided_smooth_never_moves_the_structure(guide: str) -> None:
    prediction, batch = scene()
    prediction = replace(
        prediction,
        structure=prediction.structure.requires_grad_(),
        log_depth=prediction.log_depth.requires_grad_(),
    )
    row = LOSSES["guided_smooth"]
    value = row.function(prediction, batch, row.settings().edit({"guide": guide})).sum()
    value.backward()  # type: ignore[no-untyped-call]
    assert prediction.structure.grad is None
    assert prediction.log_depth.grad is not None
    assert bool((prediction.log_depth.grad != 0).any())


@pytest.mark.parametrize("space", ["inverse", "log", "depth"])
@pytest.mark.parametrize("scales", [1, 4])
def test_gradient_consistency_against_numpy(space: str, scales: int) -> None:
    prediction, batch = scene()
    everywhere = np.ones((13, 17), dtype=bool)
    nearness = {"inverse": lambda d: 1 / d, "log": lambda d: -np.log(d), "depth": lambda d: -d}
    expected = [
        gradient_of(n_of(nearness[space](np.exp(d)), everywhere) - n_of(s, everywhere), scales)
        for s, d in zip(prediction.structure.numpy(), prediction.log_depth.numpy(), strict=True)
    ]
    actual = value("gradient_consistency", prediction, batch, space=space, scales=scales)
    assert actual == pytest.approx(expected)


@pytest.mark.parametrize("size", [(13, 17), (12, 16), (90, 70)])
def test_gradient_consistency_vanishes_only_where_the_depths_agree(size: tuple[int, int]) -> None:
    prediction, batch = scene(*size)
    nearness = (-prediction.log_depth).exp()
    agreed = {"inverse": nearness, "log": nearness.log(), "depth": -1 / nearness}
    for space, structure in agreed.items():
        pair = replace(prediction, structure=5.0 * structure + 2.0)
        for other in agreed:
            actual = value("gradient_consistency", pair, batch, space=other)
            if other == space:
                assert actual == pytest.approx([0.0, 0.0], abs=1e-9)
            else:
                assert min(actual) > 0.05


@pytest.mark.parametrize("detach", ["none", "structure", "metric"])
def test_gradient_consistency_moves_the_side_that_is_not_detached(detach: str) -> None:
    prediction, batch = scene()
    maps = {
        "structure": prediction.structure.requires_grad_(),
        "metric": prediction.log_depth.requires_grad_(),
    }
    row = LOSSES["gradient_consistency"]
    prediction = Prediction(structure=maps["structure"], log_depth=maps["metric"])
    value = row.function(prediction, batch, row.settings().edit({"detach": detach})).sum()
    value.backward()  # type: ignore[no-untyped-call]
    for side, leaf in maps.items():
        assert (leaf.grad is None) == (side == detach)


def test_a_nearly_constant_depth_is_not_blown_up() -> None:
    # A fresh network: 0.1 % of relief. Without the floor it would count as full contrast.
    prediction, batch = scene()
    fresh = 2.0 + 1e-3 * prediction.log_depth
    flat = replace(prediction, structure=torch.zeros_like(fresh), log_depth=fresh)
    relief = replace(flat, log_depth=prediction.log_depth)
    ratio = (
        value("gradient_consistency", flat, batch)[0]
        / value("gradient_consistency", relief, batch)[0]
    )
    assert 0.01 < ratio < 0.1


def test_sky_is_cross_entropy_and_a_ceiling_that_is_too_near() -> None:
    """Two pixels of sky, at 30 and 90 m, and one of a wall at 2 m; one more is not known."""
    logit = torch.tensor([[[2.0, -1.0, 0.5, 9.0]]])
    log_depth = torch.tensor([[[30.0, 90.0, 2.0, 1.0]]]).log()
    batch = replace(
        scene()[1],
        sky=torch.tensor([[[True, True, False, True]]]),
        sky_valid=torch.tensor([[[True, True, True, False]]]),
    )
    prediction = Prediction(structure=logit, log_depth=log_depth, sky_logit=logit)
    settings = LOSSES["sky"].settings().edit({"far_m": 60.0, "far_weight": 0.5})
    entropy = math.log1p(math.exp(-2)) + math.log1p(math.exp(1)) + math.log1p(math.exp(0.5))
    expected = (entropy + 0.5 * math.log(2)) / 3
    value = LOSSES["sky"].function(prediction, batch, settings)
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_the_expected_error_is_the_quantile_of_the_errors() -> None:
    """The minimum over a constant: the 68th and 90th of a hundred errors of 1 to 100 percent."""
    errors = torch.linspace(0.01, 1.0, 100).reshape(1, 10, 10)
    batch = replace(
        scene()[1], depth_m=torch.ones(1, 10, 10), depth_valid=torch.ones(1, 10, 10).bool()
    )
    settings = LOSSES["relative_error"].settings()

    def loss(low: float, high: float) -> float:
        level = torch.tensor([low, high]).log()[None, :, None, None].expand(1, 2, 10, 10)
        prediction = Prediction(structure=errors, log_depth=errors, log_error=level)
        return LOSSES["relative_error"].function(prediction, batch, settings).item()

    best = loss(0.685, 0.905)
    assert loss(0.66, 0.905) > best
    assert loss(0.71, 0.905) > best
    assert loss(0.685, 0.87) > best
    assert loss(0.685, 0.93) > best
