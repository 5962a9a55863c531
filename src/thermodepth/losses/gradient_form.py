"""What a wrong step of a map costs: the forms that the gradient terms share.

With d the difference of a residual between two pixels:

    form       cost, summed over scales                      a step that is likely by p comes out as
    absolute   mean |d| of neighbours, in 2^k x 2^k means    0 below p = 1/2, then whole
    squared    mean d^2 over pixels 2^k apart                p times the step
    huber      mean of d^2 / 2, of |d| - 1/2 from 1 on       p / (1 - p), at most 1, then whole

Most pairs of neighbours have no step, so where a network is unsure whether and where there is one, the
`absolute` form is least for a map without it: a median. It sharpens what is certain and smooths the rest,
which a short training mostly has. The other two pay for the chance of a step. Sources: `absolute`, MiDaS
(Ranftl et al., 2020); `squared`, the gradient term of Eigen and Fergus (ICCV 2015); `huber`, Huber (1964).
The last column is the minimum of p f(s - x) + (1 - p) f(x) over x, for a step s above 1 in the third row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from torch import Tensor

from thermodepth.geometry import gradient_mean, step_mean

GradientForm = Literal["absolute", "squared", "huber"]


def _squared(step: Tensor) -> Tensor:
    return step * step


def _huber(step: Tensor) -> Tensor:
    size = step.abs()
    least = size.clamp(max=1.0)
    return least * (size - 0.5 * least)


_COSTS: Mapping[GradientForm, Callable[[Tensor], Tensor]] = MappingProxyType(
    {"squared": _squared, "huber": _huber}
)


def gradient_cost(residual: Tensor, valid: Tensor, *, scales: int, form: GradientForm) -> Tensor:
    """`[b]` of `[b h w]` residuals, 0 where masked."""
    if form == "absolute":
        return gradient_mean(residual, valid, scales)
    return step_mean(residual, valid, scales, _COSTS[form])
