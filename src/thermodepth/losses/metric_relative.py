"""The metric depth is right relative to the distance, so that near and far count alike.

    mean over valid of f(g),  g = ln D - ln D*

    form        f                          as depths                        least at
    relative    |exp(g) - 1|               |D - D*| / D*                    exp(-sigma^2) of the median
    log         |g|                        |ln D - ln D*|                   the median
    max         1 - exp(-|g|)              |D - D*| / max(D, D*)            the median
    symmetric   2 tanh(|g| / 2)            2 |D - D*| / (D + D*)            the median

The last column is where a network that cannot tell D* better than log-normally, with deviation sigma,
pays least. `relative` divides by the truth alone: too far costs without limit and too near at most 1, so
it pulls depth near, to .914, .778 and .612 of the median at sigma .3, .5 and .7. The other three cost the
same for a factor and its inverse. `max` and `symmetric` grow no more once the factor is large: outliers of
the truth hardly steer, and pixels that are far off hardly learn.

Source: `relative` is the absolute relative error of Eigen et al. (2014), used as a loss; `log` the absolute
error in logarithms (Eigen's with a root, and the L1 of many); `symmetric` Makridakis' symmetric error
(1993); the weighted median that the first one ends at is Gneiting (2011), section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from torch import Tensor

from thermodepth.geometry import count
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import TermSettings

RelativeForm = Literal["relative", "log", "max", "symmetric"]


@dataclass(frozen=True, slots=True)
class FormRow:
    """One form of the term."""

    summary: str  # one line for the documentation
    cost: Callable[[Tensor], Tensor]  # of g, 0 where g is 0
    unbiased: bool  # least at the median of the truth, however uncertain it is


#: exp(g) - 1 and not expm1(g), which takes four times as long: the 1e-7 that it would save matters to no
#: error worth descending. The bounded forms add 0 g: infinite depth is a fault, and would cost 1.
FORMS: Mapping[RelativeForm, FormRow] = MappingProxyType(
    {
        "relative": FormRow(
            "share of the true depth; biased near", lambda g: (g.exp() - 1.0).abs(), False
        ),
        "log": FormRow("absolute difference of the logarithms", lambda g: g.abs(), True),
        "max": FormRow(
            "share of the larger depth, at most 1", lambda g: 1.0 - (-g.abs()).exp() + 0.0 * g, True
        ),
        "symmetric": FormRow(
            "share of the mean of both depths, at most 2",
            lambda g: 2.0 * (g.abs() / 2.0).tanh() + 0.0 * g,
            True,
        ),
    }
)


class MetricRelativeSettings(TermSettings):
    """Settings of `metric_relative`."""

    later = frozenset({"form"})

    form: RelativeForm = "relative"


def metric_relative(maps: Maps, settings: MetricRelativeSettings) -> Tensor:
    """`[b]`, a share of the depth that the form divides by."""
    cost = FORMS[settings.form].cost(maps.log_error())  # 0 at masked pixels, where g is 0
    return cost.sum((1, 2)) / count(cost, maps.batch.depth_valid).clamp(min=1.0)
