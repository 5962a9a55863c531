"""The metric depth steps by the truth's factors, fine and coarse: its edges and slopes are the truth's.

    sum over scales k of mean|dx R_k| + mean|dy R_k|,  R = ln D - ln D*,  R_k = R in means of 2^k x 2^k

that is `form=absolute`; `gradient_form` has the others, whose price of a step that is only likely is fair.
Only pairs count whose blocks have truth (in half of their pixels or more), each mean over its own pairs.
A common factor costs nothing, so the term sharpens and does not scale. It needs dense truth: of a lidar's
rows hardly a pair is left. Off unless a weight is given. Source: the gradient term of MegaDepth (Li and
Snavely, 2018), which takes every 2^k-th pixel; blocks for the reason given in `structure_gradient`.
"""

from __future__ import annotations

from torch import Tensor

from thermodepth.losses.gradient_form import GradientForm, gradient_cost
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Scales, TermSettings


class MetricGradientSettings(TermSettings):
    """Settings of `metric_gradient`."""

    later = frozenset({"form"})

    weight: NonNegative = 0.0
    scales: Scales = 4
    form: GradientForm = "absolute"


def metric_gradient(maps: Maps, settings: MetricGradientSettings) -> Tensor:
    """`[b]`, in natural logarithms of depth per pair."""
    return gradient_cost(
        maps.log_error(), maps.batch.depth_valid, scales=settings.scales, form=settings.form
    )
