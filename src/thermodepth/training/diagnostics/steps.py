"""How far each term's gradient points along the step that the optimiser really took.

    step cosine of k    -g_k . delta / (|g_k| |delta|)        delta = parameters after the step - before

AdamW scales every weight's gradient by its own past, remembers the last steps and decays the weights, and
clipping shortens; so even the gradient of the total points only partly along -delta, and its step cosine
stands beside those of the terms. A negative one: this step made the term worse on this very batch, as far
as a straight line tells.

A step that is hardly larger than the rounding of the weights, as the last one of a schedule that ends at 0,
has no direction, and no value here: weights of float32 round by up to eps |w| / 2, evenly spread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from thermodepth.training.diagnostics.gradients import TermGradients

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOTAL = "total"  # the gradient of all terms together, as log.csv calls their sum
_LEAST = 10.0  # a step is known when it is so many times as long as its rounding error


class AwaitedStep:
    """A look at gradients that waits for the step made of them, with the weights before it."""

    def __init__(
        self,
        gradients: TermGradients,
        products: NDArray[np.float64],
        subsets: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        """
        Args:
            gradients: of k terms.
            products: their `gram()`, `[p k k]`.
            subsets: by its name, each set of parameters that is asked for, `[p]`.
        """
        self._gradients, self._products, self._subsets = gradients, products, subsets
        self._before = [p.detach().clone() for p in gradients.parameters]

    def cosines(self) -> dict[str, dict[str, float]]:
        """After the step: set of parameters -> term or `total` -> step cosine; NaN where there is none."""
        steps, lengths = [], []
        for before, after in zip(self._before, self._gradients.parameters, strict=True):
            step = before - after.detach()  # -delta
            rounding = torch.finfo(after.dtype).eps / math.sqrt(12.0) * before
            steps.append(step)
            lengths.append(
                torch.stack([step.double().square().sum(), rounding.double().square().sum()])
            )
        squares: NDArray[np.float64] = torch.stack(lengths).cpu().numpy()
        along = self._gradients.along(steps)
        return {
            where: self._at(among, along[among].sum(0), squares[among].sum(0))
            for where, among in self._subsets.items()
        }

    def _at(
        self, among: NDArray[np.bool_], along: NDArray[np.float64], squares: NDArray[np.float64]
    ) -> dict[str, float]:
        matrix = self._products[among].sum(0)
        dots = [*along, along.sum()]
        sizes = [*np.diagonal(matrix), matrix.sum()]
        step, rounding = squares
        measurable = step > _LEAST**2 * rounding
        return {
            name: _cosine(dot, math.sqrt(size * step)) if measurable and size > 0 else math.nan
            for name, dot, size in zip((*self._gradients.terms, TOTAL), dots, sizes, strict=True)
        }


def _cosine(dot: float, lengths: float) -> float:
    """NaN for what is not finite."""
    return max(-1.0, min(dot / lengths, 1.0)) if math.isfinite(dot) else math.nan
