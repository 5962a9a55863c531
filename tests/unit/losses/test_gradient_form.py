"""What the forms of the gradient terms cost, and what they are least at."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from thermodepth.geometry import step_mean
from thermodepth.losses.gradient_form import GradientForm, gradient_cost


def by_loops(residual: Tensor, valid: Tensor, scales: int, form: GradientForm) -> float:
    def cost(d: float) -> float:
        if form == "squared":
            return d * d
        return d * d / 2 if abs(d) <= 1 else abs(d) - 0.5

    rows, columns = residual.shape
    total = 0.0
    for span in (2**k for k in range(scales)):
        for down, across in ((0, span), (span, 0)):
            costs = [
                cost(float(residual[y + down, x + across] - residual[y, x]))
                for y in range(rows - down)
                for x in range(columns - across)
                if valid[y, x] and valid[y + down, x + across]
            ]
            total += sum(costs) / max(len(costs), 1)
    return total


@pytest.mark.parametrize("form", ["squared", "huber"])
@pytest.mark.parametrize("size", [(7, 9), (3, 12), (1, 5)])
def test_against_loops(form: GradientForm, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    valid = torch.rand(2, *size) < 0.8
    residual = 2 * torch.randn(2, *size) * valid
    cost = gradient_cost(residual, valid, scales=3, form=form)
    expected = [by_loops(r, v, 3, form) for r, v in zip(residual, valid, strict=True)]
    torch.testing.assert_close(cost, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_all_pixels_valid_is_no_mask() -> None:
    residual = torch.randn(2, 6, 8)
    masked = step_mean(residual, torch.ones(2, 6, 8, dtype=torch.bool), 3, torch.abs)
    torch.testing.assert_close(step_mean(residual, None, 3, torch.abs), masked)


@pytest.mark.parametrize(
    ("form", "expected"), [("absolute", 0.0), ("squared", 0.6), ("huber", 3 / 7)]
)
def test_what_is_drawn_of_a_step_that_is_likely_by_three_in_ten(
    form: GradientForm, expected: float
) -> None:
    """Ten pictures look alike; in three of them there is a step of 2: which step costs least?"""
    truths = torch.zeros(10, 1, 2)
    truths[:3, 0, 1] = 2.0
    valid = torch.ones(10, 1, 2, dtype=torch.bool)
    sizes = torch.linspace(0, 2, 1401)

    def cost(size: float) -> float:
        step = torch.tensor([0.0, size]).expand(10, 1, 2)
        return float(gradient_cost(step - truths, valid, scales=1, form=form).mean())

    least = sizes[int(torch.tensor([cost(float(s)) for s in sizes]).argmin())]
    assert float(least) == pytest.approx(expected, abs=0.01)


def test_a_masked_pixel_gets_no_gradient() -> None:
    residual = torch.randn(1, 4, 6, requires_grad=True)
    valid = torch.ones(1, 4, 6, dtype=torch.bool)
    valid[0, 2, 3] = False
    cost = gradient_cost(residual * valid, valid, scales=3, form="squared").sum()
    (gradient,) = torch.autograd.grad(cost, residual)
    assert gradient[0, 2, 3] == 0
    assert bool((gradient[valid] != 0).all())
