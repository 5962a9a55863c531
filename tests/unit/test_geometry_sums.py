"""The sums that losses are made of, on neighbouring pixels and trimmed, against plain numpy loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from random_maps import Array, maps, per_image

from thermodepth import geometry

# --- neighbouring pixels -------------------------------------------------------------------------


def test_differences_and_pairs() -> None:
    x = torch.tensor([[[1.0, 4.0, 9.0], [2.0, 8.0, 1.0]]])
    w = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]])
    assert geometry.horizontal(x).tolist() == [[[3.0, 5.0], [6.0, -7.0]]]
    assert geometry.vertical(x).tolist() == [[[1.0, 4.0, -8.0]]]
    assert geometry.horizontal_pairs(w).tolist() == [[[1.0, 0.0], [0.0, 1.0]]]
    assert geometry.vertical_pairs(w).tolist() == [[[0.0, 1.0, 0.0]]]


def test_halve_leaves_out_what_makes_no_block() -> None:
    x = torch.arange(35.0).reshape(1, 5, 7)
    assert geometry.halve(x).tolist() == [[[4.0, 6.0, 8.0], [18.0, 20.0, 22.0]]]


def gradient_loop(x: Array, valid: NDArray[np.bool_], scales: int) -> float:
    """The sum of means, block by block; None where less than half of a block is valid."""
    total = 0.0
    for k in range(scales):
        rows, columns = x.shape[0] >> k, x.shape[1] >> k
        mean: dict[tuple[int, int], float | None] = {}
        for r, c in np.ndindex(rows, columns):
            block = slice(r << k, (r + 1) << k), slice(c << k, (c + 1) << k)
            mean[r, c] = (
                float(x[block][valid[block]].mean()) if valid[block].mean() >= 0.5 else None
            )
        for dr, dc in ((0, 1), (1, 0)):
            pairs = [(value, mean.get((r + dr, c + dc))) for (r, c), value in mean.items()]
            steps = [abs(b - a) for a, b in pairs if a is not None and b is not None]
            total += float(np.mean(steps)) if steps else 0.0
    return total


@pytest.mark.parametrize("size", [(7, 9), (16, 24), (1, 9), (6, 1)])
@pytest.mark.parametrize("scales", [1, 4])
@pytest.mark.parametrize("masked", [True, False])
def test_gradient_mean_against_a_loop(size: tuple[int, int], scales: int, masked: bool) -> None:
    x, valid = maps(3, *size)
    valid = valid if masked else torch.ones_like(valid)
    result = geometry.gradient_mean(geometry.keep(x, valid), valid if masked else None, scales)
    expected = [gradient_loop(x[i].numpy(), valid[i].numpy(), scales) for i in range(3)]
    assert result.tolist() == pytest.approx(expected)


def test_every_pixel_is_pulled_alike() -> None:
    """A strided pyramid pulls twice as hard at every fourth pixel, and networks print that grid."""
    x = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0)).requires_grad_()
    geometry.gradient_mean(x, None, 3).sum().backward()
    assert x.grad is not None
    places = x.grad.abs().reshape(64, 4, 64, 4).mean((0, 2))  # of a 4x4 cell
    assert places.max() < 1.1 * places.min()


def test_a_hole_has_no_border() -> None:
    x = torch.full((1, 8, 8), 10.0)
    valid = torch.ones_like(x, dtype=torch.bool)
    valid[:, 3:5, 3:6] = False
    assert geometry.gradient_mean(geometry.keep(x, valid), valid, 3).tolist() == [0.0]


@pytest.mark.parametrize("masked", [True, False])
def test_edge_aware_mean_against_a_loop(masked: bool) -> None:
    x, valid = maps()
    guide, _ = maps(seed=1)
    valid = valid if masked else torch.ones_like(valid)
    result = geometry.edge_aware_mean(
        geometry.keep(x, valid), guide, valid if masked else None, 1.5
    )
    for i in range(3):
        a, g, m, total = x[i].numpy(), guide[i].numpy(), valid[i].numpy(), 0.0
        for dr, dc in ((0, 1), (1, 0)):
            terms = [
                abs(a[r + dr, c + dc] - a[r, c]) * np.exp(-1.5 * abs(g[r + dr, c + dc] - g[r, c]))
                for r in range(7 - dr)
                for c in range(9 - dc)
                if m[r, c] and m[r + dr, c + dc]
            ]
            total += float(np.mean(terms))
        assert result[i].item() == pytest.approx(total)


def test_gradients_of_the_difference_sums() -> None:
    x, valid = maps(2, 9, 11)
    guide, _ = maps(2, 9, 11, seed=1)
    x = geometry.keep(x, valid).requires_grad_()
    for mask in (valid, None):
        assert torch.autograd.gradcheck(lambda a, m=mask: geometry.gradient_mean(a, m, 3), x)
        assert torch.autograd.gradcheck(
            lambda a, m=mask: geometry.edge_aware_mean(a, guide, m, 0.7), x
        )


def test_the_guide_gets_no_gradient() -> None:
    x, valid = maps()
    guide = x.clone().requires_grad_()
    value = geometry.edge_aware_mean(geometry.keep(x, valid).requires_grad_(), guide, valid, 1.0)
    value.sum().backward()
    assert guide.grad is None


# --- trimming ------------------------------------------------------------------------------------


def trimmed_loop(values: Array, trim: float) -> float:
    """Sort, drop the largest floor(trim n), average."""
    retained = np.sort(values)[: len(values) - int(np.floor(trim * len(values) + 1e-3))]
    return float(retained.mean())


@pytest.mark.parametrize(
    ("trim", "tail"),
    [
        (0.0, 1.0),
        (0.01, 1.0),
        (0.2, 1.0),
        (0.29, 1.0),
        (0.5, 1.0),
        (0.9, 1.0),
        (0.2, 4.0),
        (0.5, 4.0),
    ],
)
@pytest.mark.parametrize("masked", [True, False])
def test_trimmed_mean_against_a_sort(trim: float, tail: float, masked: bool) -> None:
    x, valid = maps(3, 20, 30)
    x = x.abs() ** tail  # 4: the largest is five hundred times the median
    valid = valid if masked else torch.ones_like(valid)
    retained = geometry.keep(x.float(), valid)
    result = geometry.trimmed_mean(retained, valid if masked else None, trim)
    expected = per_image(lambda v: trimmed_loop(v, trim), x, valid)
    assert result.tolist() == pytest.approx(expected, rel=2e-3)


def test_trimmed_mean_is_accurate_on_one_valid_pixel_of_many() -> None:
    x, valid = torch.zeros(1, 100, 100), torch.zeros(1, 100, 100, dtype=torch.bool)
    x[0, 50, 50], valid[0, 50, 50] = 0.37, True
    assert geometry.trimmed_mean(x, valid, 0.2).tolist() == pytest.approx([0.37], rel=1e-6)


@pytest.mark.parametrize("size", [4, 10, 100])
def test_trimmed_mean_of_equal_values_keeps_value_and_gradient(size: int) -> None:
    x = torch.full((1, 1, size), 0.25, requires_grad=True)
    value = geometry.trimmed_mean(x, None, 0.2)
    assert value.tolist() == pytest.approx([0.25], rel=5e-4)
    value.sum().backward()
    assert x.grad is not None
    assert bool((x.grad > 0).all()), "a tie must not lose the gradient of every pixel"


def test_trimmed_pixels_have_no_gradient_and_the_others_one_share() -> None:
    x = torch.arange(1.0, 11.0).reshape(1, 2, 5).requires_grad_()
    geometry.trimmed_mean(x, None, 0.2).sum().backward()
    assert x.grad is not None
    assert x.grad.flatten().tolist() == pytest.approx([1 / 8] * 8 + [0.0] * 2)


@pytest.mark.parametrize("smallest", [1.0, 30.0, 480.0, 599.0])
def test_quantile_threshold_separates_the_smallest(smallest: float) -> None:
    x = maps(3, 20, 30)[0].abs()
    threshold = geometry.quantile_threshold(x, torch.full((3,), smallest, dtype=x.dtype), passes=30)
    below = (x < threshold[:, None, None]).sum((1, 2))
    assert below.tolist() == [int(smallest)] * 3
