"""The forms of `gradient_consistency` against plain numpy, and what each is for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from random_scene import F64, Array, gradient_of, scene, value
from torch import Tensor

from thermodepth.errors import SettingsError
from thermodepth.losses import LOSSES, LossesSettings
from thermodepth.losses.aligned import LEAST_TRUTH, AlignedStructure, align_structure
from thermodepth.losses.consistency_forms import FORMS
from thermodepth.types import Batch, Prediction

NAME = "gradient_consistency"
ALIGNED = [name for name, row in FORMS.items() if row.aligned]


def street(rows: int = 24, columns: int = 32) -> tuple[Prediction, Batch]:
    """A ground plane with a box on it, two images, both maps right; truth in every third row up to 15 m."""
    v = torch.arange(rows, dtype=F64)[:, None].expand(rows, columns)
    depth = 40.0 / (1.0 + 0.5 * v)
    depth[8:14, 10:16] = 5.0
    depth = torch.stack([depth, 1.3 * depth])
    sparse = (torch.arange(rows) % 3 == 0)[:, None].expand(rows, columns)
    k = torch.tensor([[30.0, 0, 16], [0, 30, 12], [0, 0, 1]])
    batch = Batch(
        image=torch.zeros(2, 1, rows, columns),
        depth_m=depth,
        depth_valid=sparse & (depth < 15.0),
        label=1 / depth,
        label_valid=torch.ones_like(depth, dtype=torch.bool),
        intrinsics=k.expand(2, 3, 3),
        sample_ids=("a", "b"),
    )
    return Prediction(structure=3.0 / depth - 0.4, log_depth=depth.log()), batch


def aligned_of(s: Array, truth: Array, valid: Array, reach: float = 10.0) -> Array:
    """S by numpy's own least squares."""
    a, b = np.polyfit(s[valid], 1 / truth[valid], 1)
    if a < 0:
        a, b = 0.0, (1 / truth[valid]).mean()
    far = max(reach * truth[valid].mean(), truth[valid].max())
    return np.asarray(1 / np.maximum(a * s + b, 1 / far))


def slopes_of(x: Array) -> tuple[Array, Array]:
    return np.diff(x, axis=1)[:-1], np.diff(x, axis=0)[:, :-1]


def normal_of(depth: Array, k: Array) -> Array:
    """Unit normals of the surface of triangles through a pixel and its right and lower neighbour."""
    v, u = np.indices(depth.shape)
    rays = np.stack([(u - k[0, 2]) / k[0, 0], (v - k[1, 2]) / k[1, 1], np.ones_like(depth)], -1)
    points = rays * depth[..., None]
    here = points[:-1, :-1]
    normal = np.cross(points[:-1, 1:] - here, points[1:, :-1] - here)
    return np.asarray(normal / np.linalg.norm(normal, axis=-1, keepdims=True))


def direction_of(log_depth: Array, log_s: Array, edge: float = 0.05) -> float:
    (x, y), (sx, sy) = slopes_of(log_depth), slopes_of(log_s)
    size = np.hypot(sx, sy)
    cost = 1 - (x * sx + y * sy) / (np.maximum(size, edge) * np.maximum(np.hypot(x, y), edge))
    return float(cost[size >= edge].mean())


def value_of(log_depth: Array, log_s: Array, trim: float = 0.2) -> float:
    error = np.sort(np.abs(log_depth - log_s).ravel())
    return float(error[: len(error) - int(trim * len(error) + 1e-3)].mean())


def mean_normalised_of(depth: Array, s: Array) -> float:
    farness = s.max() - s
    return float(gradient_of(depth / depth.mean() - farness / farness.mean(), 4))


def plain(form: str, d: Array, s: Array, aligned: Array, mean_m: float) -> float:
    """A form's value of depth, s, S and the mean truth."""
    if form == "aligned_log":
        return gradient_of(np.log(d) - np.log(aligned), 4)
    if form == "aligned_metres":
        return gradient_of(d - aligned, 4) / mean_m
    if form == "mean_normalised":
        return mean_normalised_of(d, s)
    if form == "value":
        return value_of(np.log(d), np.log(aligned))
    return direction_of(np.log(d), np.log(aligned))


@pytest.mark.parametrize("upside_down", [False, True])
@pytest.mark.parametrize(
    "form", ["aligned_log", "aligned_metres", "mean_normalised", "value", "direction"]
)
def test_against_numpy(form: str, upside_down: bool) -> None:
    prediction, batch = scene()
    nearness = (0.8 - batch.depth_m.log()).exp()  # something that the structure knows of the truth
    sign = -1.0 if upside_down else 1.0
    structure = sign * (0.3 * prediction.structure + nearness)
    prediction = replace(prediction, structure=structure)
    expected = []
    for i in range(2):
        s, d = structure[i].numpy(), np.exp(prediction.log_depth[i].numpy())
        truth, valid = batch.depth_m[i].numpy(), batch.depth_valid[i].numpy()
        aligned = aligned_of(s, truth, valid)
        if form == "direction" and upside_down:
            expected.append(0.0)  # a flat S has no edge
        else:
            expected.append(plain(form, d, s, aligned, float(truth[valid].mean())))
    assert value(NAME, prediction, batch, form=form) == pytest.approx(expected, rel=1e-4)


def test_normals_are_those_of_the_surfaces_in_space() -> None:
    prediction, batch = street()
    draw = torch.Generator().manual_seed(2)
    noise = 0.02 * torch.randn(prediction.log_depth.shape, generator=draw, dtype=F64)
    prediction = replace(prediction, log_depth=prediction.log_depth + noise)
    k = batch.intrinsics[0].numpy()
    expected = []
    for i in range(2):
        truth, valid = batch.depth_m[i].numpy(), batch.depth_valid[i].numpy()
        aligned = aligned_of(prediction.structure[i].numpy(), truth, valid)
        one = normal_of(np.exp(prediction.log_depth[i].numpy()), k)
        expected.append(float((1 - (one * normal_of(aligned, k)).sum(-1)).mean()))
    # Differences of logarithms for those of depths: the same to the second order of a step.
    actual = value(NAME, prediction, batch, form="normals")
    assert actual == pytest.approx(expected, rel=0.05)
    assert min(actual) > 0.01


def test_a_wall_has_one_normal_everywhere() -> None:
    """D = 1 / (0.1 + 0.002 u): tilted by arctan(0.002 f / (0.1 + 0.002 cx)) to the picture."""
    from thermodepth.losses.consistency_forms import _normal

    focal, cx, cy = 30.0, 16.0, 12.0
    u = torch.arange(32, dtype=F64).expand(1, 24, 32)
    lens = tuple(torch.tensor([[[x]]], dtype=F64) for x in (focal, focal, cx, cy))
    normal = _normal(-(0.1 + 0.002 * u).log(), lens)
    expected = torch.tensor([0.002 * focal, 0.0, 0.1 + 0.002 * cx], dtype=F64)
    expected = expected / expected.norm()
    torch.testing.assert_close(
        normal, expected[None, :, None, None].expand_as(normal), atol=1e-3, rtol=0
    )


def test_a_lens_that_is_not_known_is_taken_for_one_of_the_diagonal() -> None:
    prediction, batch = street()
    wrong = replace(prediction, log_depth=prediction.log_depth * 0.9)
    diagonal = torch.tensor([[40.0, 0, 15.5], [0, 40, 11.5], [0, 0, 1]]).expand(2, 3, 3)
    unknown = torch.full((2, 3, 3), torch.nan)
    assert value(NAME, wrong, replace(batch, intrinsics=unknown), form="normals") == pytest.approx(
        value(NAME, wrong, replace(batch, intrinsics=diagonal), form="normals")
    )


# --- what they are for ---------------------------------------------------------------------------


@pytest.mark.parametrize("form", ALIGNED)
def test_sparse_truth_that_ends_early_still_gives_the_whole_of_depth(form: str) -> None:
    """Truth in a third of the rows, up to 15 m; structure is right, and depth is right to 40 m and beyond."""
    prediction, batch = street()
    assert float(batch.depth_m[batch.depth_valid].max()) < 15.0 < float(batch.depth_m.max()) / 2
    assert value(NAME, prediction, batch, form=form) == pytest.approx([0.0, 0.0], abs=1e-6)
    beyond = batch.depth_m > 15.0
    short = torch.where(beyond, prediction.log_depth - 0.5, prediction.log_depth)
    if form != "direction":  # the ground still rises upwards
        edits = {"form": form, **({"trim": 0.0} if form == "value" else {})}  # those are the worst
        assert min(value(NAME, replace(prediction, log_depth=short), batch, **edits)) > 1e-3


@pytest.mark.parametrize("form", FORMS)
def test_zero_where_both_maps_are_right_as_it_claims(form: str) -> None:
    prediction, batch = street()
    row, costs = FORMS[form], value(NAME, prediction, batch, form=form)  # type: ignore[index]
    assert (max(costs) < 1e-6) == row.least_at_truth
    assert 10 < len(row.summary) < 80
    assert row.formula
    assert row.source


def test_what_a_factor_of_depth_costs() -> None:
    """Nothing, but in the two forms that are to hold the scale."""
    prediction, batch = street()
    scaled = replace(prediction, log_depth=prediction.log_depth + math.log(1.2))
    holds = {form for form in FORMS if max(value(NAME, scaled, batch, form=form)) > 1e-6}
    assert holds - {"mean_normalised"} == {"aligned_metres", "value"}
    assert value(NAME, scaled, batch, form="value") == pytest.approx([math.log(1.2)] * 2, rel=1e-3)
    assert {form for form, row in FORMS.items() if "depth_scale" not in row.unchanged_by} == {
        "aligned_metres",
        "value",
    }


@pytest.mark.parametrize("form", ALIGNED)
@pytest.mark.parametrize("pixels", [0, 1, 2, LEAST_TRUTH - 1, LEAST_TRUTH])
def test_too_little_truth_is_no_alignment(form: str, pixels: int) -> None:
    prediction, batch = scene()
    prediction = replace(prediction, structure=0.1 * prediction.structure + 1.0 / batch.depth_m)
    valid = torch.zeros_like(batch.depth_valid).flatten(1)
    valid[:, ::7] = True
    valid[0] &= valid[0].cumsum(0) <= pixels
    log_depth = prediction.log_depth.requires_grad_()
    row = LOSSES[NAME]
    cost = row.function(
        replace(prediction, log_depth=log_depth),
        replace(batch, depth_valid=valid.reshape(batch.depth_valid.shape)),
        row.settings().edit({"form": form}),
    )
    (gradient,) = torch.autograd.grad(cost.sum(), log_depth)
    assert bool(gradient.isfinite().all())
    assert float(cost[1].detach()) > 0
    if pixels < LEAST_TRUTH:
        assert float(cost[0].detach()) == 0.0
        assert bool((gradient[0] == 0).all())


def test_an_upside_down_or_flat_structure_is_a_flat_one() -> None:
    prediction, batch = street()
    mean = [float((1 / d[m]).mean()) for d, m in zip(batch.depth_m, batch.depth_valid, strict=True)]
    for structure in (-prediction.structure, 0.0 * prediction.structure):
        aligned = align_structure(structure, batch, 10.0)
        for log_depth, inverse in zip(aligned.log_depth, mean, strict=True):
            torch.testing.assert_close(log_depth, torch.full_like(log_depth, -math.log(inverse)))


def test_the_structure_reaches_so_far_and_no_farther() -> None:
    """Ten times the mean truth, or the farthest truth where that is farther."""
    prediction, batch = street()
    structure = prediction.structure.clone()
    structure[:, 0, 0] -= 3.0  # behind infinity
    aligned = align_structure(structure, batch, 10.0)
    torch.testing.assert_close(aligned.log_depth[:, 0, 0].exp(), 10.0 * aligned.mean_truth_m)
    truth = batch.depth_m.clone()
    truth[:, 6, 5] = 900.0
    aligned = align_structure(structure, replace(batch, depth_m=truth), 1.0)
    torch.testing.assert_close(aligned.log_depth[:, 0, 0].exp(), torch.full((2,), 900.0, dtype=F64))


@pytest.mark.parametrize("fault", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("form", ALIGNED)
def test_a_fault_of_the_structure_stays_visible_where_there_is_no_truth(
    form: str, fault: float
) -> None:
    prediction, batch = street()
    structure = prediction.structure.clone()
    structure[1, 1, 1] = fault
    assert not batch.depth_valid[1, 1, 1]
    costs = value(NAME, replace(prediction, structure=structure), batch, form=form)
    assert math.isfinite(costs[0])
    assert not math.isfinite(costs[1])


# --- gradients -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ALIGNED)
def test_the_fit_is_a_constant_and_the_rest_of_the_gradient_is_exact(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction, batch = scene(5, 6)
    row = LOSSES[NAME]
    settings = row.settings().edit({"form": form})
    nearness = 1.0 / batch.depth_m
    structure = (nearness + 0.02 * prediction.structure).requires_grad_()

    def cost(s: Tensor) -> Tensor:
        return row.function(replace(prediction, structure=s), batch, settings)

    (gradient,) = torch.autograd.grad(cost(structure).sum(), structure)

    given = structure.detach().clone()  # gradcheck moves the other one
    fit = align_structure(given, batch, 10.0)
    inverse = (-fit.log_depth).exp()
    slope = inverse.std((1, 2)) / given.std((1, 2))
    offset = inverse.mean((1, 2)) - slope * given.mean((1, 2))
    line = slope[:, None, None] * given + offset[:, None, None]
    torch.testing.assert_close(line, inverse)  # nothing is floored

    def with_this_fit(s: Tensor, *_: object) -> AlignedStructure:
        return fit._replace(log_depth=-(slope[:, None, None] * s + offset[:, None, None]).log())

    monkeypatch.setattr("thermodepth.losses.consistency_forms.align_structure", with_this_fit)
    torch.autograd.gradcheck(cost, (structure,), eps=1e-7)
    (expected,) = torch.autograd.grad(cost(structure).sum(), structure)
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("detach", ["structure", "metric"])
@pytest.mark.parametrize("form", FORMS)
def test_a_detached_side_is_not_moved(form: str, detach: str) -> None:
    prediction, batch = scene()
    sides = {
        "structure": (1.0 / batch.depth_m + 0.1 * prediction.structure).requires_grad_(),
        "metric": prediction.log_depth.requires_grad_(),
    }
    row = LOSSES[NAME]
    prediction = Prediction(structure=sides["structure"], log_depth=sides["metric"])
    settings = row.settings().edit({"form": form, "detach": detach})
    torch.autograd.backward(row.function(prediction, batch, settings).sum())
    for side, leaf in sides.items():
        assert (leaf.grad is None or not bool(leaf.grad.any())) == (side == detach)


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"form": "aligned_log", "space": "log"}, "space=log has no effect while form is aligned_"),
        ({"reach": 5.0}, r"reach=5\.0 has no effect while form is normalised"),
        ({"form": "value", "scales": 2}, "scales=2 has no effect while form is value"),
        ({"form": "normals", "edge": 0.1}, r"edge=0\.1 has no effect while form is normals"),
    ],
)
def test_a_setting_that_the_form_leaves_alone_warns(edits: dict[str, Any], words: str) -> None:
    with pytest.warns(UserWarning, match=words):
        LossesSettings().edit({f"{NAME}.{key}": each for key, each in edits.items()})


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"gradient_consistency\.form.*'aligned_metres'"):
        LossesSettings().edit({f"{NAME}.form": "aligned"})


def test_the_forms_leave_the_identity_of_earlier_runs_alone() -> None:
    before = LossesSettings().fingerprint()
    known = {before}
    for edits in (
        {f"{NAME}.form": "value"},
        {"structure_ssi.form": "median_mad"},
        {"guided_smooth.order": 2},
        {"guided_smooth.space": "inverse"},
        {"structure_smooth.order": 2},
    ):
        known.add(LossesSettings().edit(edits).fingerprint())
    assert len(known) == 6
    tree = {name: dict(part) for name, part in LossesSettings().tree().items()}
    for name in ("form", "reach", "trim", "edge"):
        del tree[NAME][name]
    del tree["structure_ssi"]["form"], tree["structure_smooth"]["order"]
    del tree["guided_smooth"]["order"], tree["guided_smooth"]["space"]
    assert LossesSettings.parse(tree).fingerprint() == before
