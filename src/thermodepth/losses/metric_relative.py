"""The metric depth is right relative to the distance, so that near and far count alike.

    mean over valid of |D - D*| / D*  =  mean|exp(g) - 1|,  g = ln D - ln D*

Source: the absolute relative error of Eigen et al. (2014), used as a loss.
"""

from __future__ import annotations

from torch import Tensor

from thermodepth.geometry import count
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import TermSettings


class MetricRelativeSettings(TermSettings):
    """Settings of `metric_relative`."""


def metric_relative(
    maps: Maps,
    settings: MetricRelativeSettings,  # noqa: ARG001  (one signature for all terms)
) -> Tensor:
    """`[b]`, a share of the true depth."""
    valid = maps.batch.depth_valid
    # exp(g) - 1 and not expm1(g), which takes four times as long: the 1e-7 that it would save matters
    # to no error worth descending.
    relative = (maps.log_error().exp() - 1.0).abs()  # 0 at masked pixels, where g is 0
    return relative.sum((1, 2)) / count(relative, valid).clamp(min=1.0)
