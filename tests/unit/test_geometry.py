"""Tensor maths against plain numpy loops and closed forms."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from random_maps import Array, maps, per_image
from torch import Tensor

from thermodepth import geometry


def n_of(values: Array) -> Array:
    """N(x) of method.md over a flat array; the lower middle is the median."""
    centred = values - np.sort(values)[(len(values) - 1) // 2]
    return centred / np.abs(centred).mean()  # type: ignore[no-any-return]


# --- masks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_keep_replaces_what_is_masked(dtype: torch.dtype, fill: float) -> None:
    x = torch.tensor([[[1.5, float("nan"), float("inf"), -2.0, -0.0]]], dtype=dtype)
    valid = torch.tensor([[[True, False, False, True, True]]])
    filled = geometry.keep(x, valid, fill)
    assert filled.tolist() == [[[1.5, fill, fill, -2.0, 0.0]]]
    assert filled.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_keep_leaves_faults_at_valid_pixels() -> None:
    x = torch.tensor([[[float("nan"), float("inf"), 1.0]]])
    filled = geometry.keep(x, torch.ones(1, 1, 3, dtype=torch.bool), 1.0)
    assert filled[0, 0, 0].isnan()
    assert filled[0, 0, 1].isinf()


def test_keep_passes_no_gradient_to_masked_pixels() -> None:
    x = torch.tensor([[[2.0, 0.0, -1.0]]], requires_grad=True)
    valid = torch.tensor([[[True, False, False]]])
    geometry.keep(x, valid, 1.0).log().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0.5, 0.0, 0.0]]]


def test_keep_works_on_views_that_are_not_contiguous() -> None:
    x, valid = maps()
    wide = x.transpose(1, 2)
    mask = valid.transpose(1, 2)
    expected = torch.where(mask, wide, 0.0)
    assert torch.equal(geometry.keep(wide, mask), expected)


def test_counts_sums_and_means() -> None:
    x, valid = maps()
    assert geometry.count(x, valid).tolist() == per_image(len, x, valid)
    assert geometry.count(x, None).tolist() == [63.0] * 3
    assert geometry.masked_sum(x, valid).tolist() == pytest.approx(per_image(np.sum, x, valid))
    assert geometry.masked_mean(x, valid).tolist() == pytest.approx(per_image(np.mean, x, valid))
    assert geometry.masked_mean(x, None).tolist() == pytest.approx(x.mean((1, 2)).tolist())


def test_half_precision_sums_do_not_overflow() -> None:
    x = torch.full((1, 300, 300), 2.0, dtype=torch.float16)
    assert geometry.masked_sum(x, None).tolist() == [180000.0]


def test_masked_median_is_the_lower_middle_value() -> None:
    x, valid = maps()
    expected = per_image(lambda v: np.sort(v)[(len(v) - 1) // 2], x, valid)
    assert geometry.masked_median(x, valid).tolist() == expected
    four = torch.tensor([[[4.0, 1.0, 3.0, 2.0]]])
    assert geometry.masked_median(four, None).tolist() == [2.0]


def test_masked_median_sends_its_gradient_to_one_valid_pixel() -> None:
    x = torch.tensor([[[9.0, float("nan"), 5.0, 7.0]]], requires_grad=True)
    geometry.masked_median(x, torch.tensor([[[True, False, True, True]]])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[0.0, 0.0, 0.0, 1.0]]]


@pytest.mark.parametrize(
    "function", [geometry.masked_sum, geometry.masked_mean, geometry.masked_median]
)
def test_an_empty_mask_gives_a_connected_zero(function: Callable[..., Tensor]) -> None:
    x = torch.full((2, 3, 4), float("nan"), requires_grad=True)
    value = function(x, torch.zeros(2, 3, 4, dtype=torch.bool))
    assert value.tolist() == [0.0, 0.0]
    value.sum().backward()
    assert x.grad is not None
    assert bool((x.grad == 0).all())


# --- normalisation -------------------------------------------------------------------------------


def test_normalise_against_numpy() -> None:
    x, valid = maps()
    normal = geometry.normalise(x, valid)
    for i in range(3):
        expected = n_of(x[i][valid[i]].numpy())
        np.testing.assert_allclose(normal[i][valid[i]].numpy(), expected, rtol=1e-12)
    assert bool((normal[~valid] == 0).all())
    everywhere = geometry.normalise(x, None)
    np.testing.assert_allclose(everywhere[1].flatten().numpy(), n_of(x[1].flatten().numpy()))


def test_normalise_of_a_large_map_uses_a_grid_and_stays_close() -> None:
    # 97 x 131: sides that no stride divides.
    x, valid = maps(2, 97, 131)
    normal = geometry.normalise(x, valid)
    for i in range(2):
        expected = n_of(x[i][valid[i]].numpy())
        difference = normal[i][valid[i]].numpy() - expected
        assert 0 < np.abs(difference).max() < 0.15
        ratio = (
            np.abs(np.diff(normal[i][valid[i]].numpy())).mean() / np.abs(np.diff(expected)).mean()
        )
        assert ratio == pytest.approx(1.0, abs=5e-3)
    affine = geometry.normalise(3.0 * x - 2.0, valid)
    torch.testing.assert_close(affine, normal)


def test_normalise_falls_back_to_the_mean_where_the_grid_sees_nothing() -> None:
    x, _ = maps(1, 80, 80)
    valid = torch.zeros_like(x, dtype=torch.bool)
    valid[:, 1::2, 1::2] = True
    normal = geometry.normalise(x, valid)
    values = x[valid].numpy()
    centred = values - values.mean()
    np.testing.assert_allclose(normal[valid].numpy(), centred / np.abs(centred).mean())


def test_a_flat_map_stays_flat_with_a_bounded_gradient() -> None:
    x = torch.full((1, 4, 5), 3.0, requires_grad=True)
    normal = geometry.normalise(x, None)
    assert bool((normal == 0).all())
    normal[0, 1, 1].backward()
    assert x.grad is not None
    assert x.grad[0, 1, 1].item() == pytest.approx(1 / geometry.FLAT, rel=0.1)


def test_unit_contrast_divides_by_the_floor_below_it() -> None:
    x = torch.tensor([[[0.1, -0.1, 0.0, 0.0]]])
    two = torch.tensor([2.0])
    whole = geometry.unit_contrast(x, two)
    assert whole.flatten().tolist() == pytest.approx([1.0, -1.0, 0.0, 0.0])
    floored = geometry.unit_contrast(x, two, floor=0.5)
    assert floored.flatten().tolist() == pytest.approx([0.2, -0.2, 0.0, 0.0])


# --- alignment -----------------------------------------------------------------------------------


def test_align_affine_against_lstsq() -> None:
    (x, valid), (target, _) = maps(), maps(seed=1)
    alignment = geometry.align_affine(torch.where(valid, x, torch.inf), target, valid)
    for i in range(3):
        a = x[i][valid[i]].numpy()
        design = np.stack([a, np.ones_like(a)], 1)
        scale, offset = np.linalg.lstsq(design, target[i][valid[i]].numpy(), rcond=None)[0]
        assert alignment.scale[i].item() == pytest.approx(scale)
        assert alignment.offset[i].item() == pytest.approx(offset)
        expected = scale * x[i] + offset
        torch.testing.assert_close(alignment.apply(x)[i], expected)


def test_align_affine_does_not_cancel_in_float32() -> None:
    x = maps()[0].float() * 1e-3 + 100.0
    alignment = geometry.align_affine(x, 2.0 * x - 150.0, None)
    assert alignment.scale.tolist() == pytest.approx([2.0] * 3, rel=1e-2)


def test_an_upside_down_or_impossible_alignment_says_so() -> None:
    x, _ = maps()
    nothing = torch.zeros_like(x, dtype=torch.bool)
    assert geometry.align_affine(x, -x, None).positive.tolist() == [False] * 3
    assert geometry.align_affine(x, x + 5.0, None).positive.tolist() == [True] * 3
    flat = geometry.align_affine(torch.ones_like(x), x, None)
    assert flat.scale.tolist() == [0.0] * 3
    assert flat.offset.tolist() == pytest.approx(x.mean((1, 2)).tolist())
    assert flat.positive.tolist() == [False] * 3
    empty = geometry.align_affine(x, x, nothing)
    assert empty.scale.tolist() == [0.0] * 3
    assert empty.positive.tolist() == [False] * 3


# --- annotations ---------------------------------------------------------------------------------


def test_annotated_shapes_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every public function under a run-time check of its jaxtyping annotations."""
    beartype = pytest.importorskip("beartype")
    jaxtyping = pytest.importorskip("jaxtyping")
    names = {
        "Map": jaxtyping.Float[Tensor, "b h w"],
        "Mask": jaxtyping.Bool[Tensor, "b h w"],
        "Pairs": jaxtyping.Float[Tensor, "b _ _"],
        "PerImage": jaxtyping.Float[Tensor, "b"],
    }
    for name, kind in names.items():
        monkeypatch.setattr(geometry, name, kind, raising=False)

    def checked(function: Callable[..., Any]) -> Callable[..., Any]:
        return jaxtyping.jaxtyped(typechecker=beartype.beartype)(function)  # type: ignore[no-any-return]

    x, valid = maps()
    pixels = geometry.count(x, valid)
    calls: dict[str, tuple[Any, ...]] = {
        "keep": (x, valid),
        "count": (x, valid),
        "weights_of": (x, valid),
        "masked_sum": (x, valid),
        "masked_mean": (x, None),
        "masked_median": (x, valid),
        "unit_contrast": (x, pixels),
        "centre": (x,),
        "normalise": (x, valid),
        "horizontal": (x,),
        "vertical": (x,),
        "horizontal_pairs": (x,),
        "vertical_pairs": (x,),
        "gradient_mean": (x, valid, 2),
        "step_mean": (x, valid, 2, torch.abs),
        "edge_aware_mean": (x, x, valid, 1.0),
        "quantile_threshold": (x.abs(), pixels),
        "trimmed_mean": (x.abs(), valid, 0.2),
        "align_affine": (x, x, valid),
    }
    public = {
        name
        for name, value in vars(geometry).items()
        if getattr(value, "__module__", "") == geometry.__name__
        and callable(value)
        and not isinstance(value, type)
        and not name.startswith("_")
    }
    assert public - set(calls) == {"widen", "halve", "pair_weights"}  # shapes that vary
    for name, arguments in calls.items():
        function = checked(getattr(geometry, name))
        function(*arguments)
        with pytest.raises(jaxtyping.TypeCheckError):
            function(x[0], *arguments[1:])


def test_users_need_no_jaxtyping() -> None:
    assert importlib.util.find_spec("jaxtyping") is not None, "the check below would be empty"
    code = (
        "import sys; sys.modules['jaxtyping'] = None; "
        "import thermodepth.losses, thermodepth.geometry; print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "fine\n", done.stderr
