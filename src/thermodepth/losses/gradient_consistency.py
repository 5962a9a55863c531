"""The two depths have the same gradients once scale and offset are taken out.

    sum over scales k of mean|dx R_k| + mean|dy R_k|,  R = A - N(s),  R_k = R in means of 2^k x 2^k
    A = N(1/D) for `space` inverse, N(-ln D) for log, N(-D) for depth

In every space larger is nearer, as in s. Only `inverse` is the geometry of s; the other two compress
the near range and let far edges weigh more, at the price of a bend that no agreement removes.
N is unchanged by a factor, so D is first divided by its own median m: N(1/D) = N(m/D - 1). That keeps
the exponential near 1 whatever the unit. Source: the paper's gradient-consistency constraint; it
gives no formula, so this is ours.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from thermodepth.geometry import centre, count, gradient_mean, unit_contrast
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, Scales, TermSettings

Space = Literal["inverse", "log", "depth"]

#: Depth that varies by less than this share of its median counts as flat. A fresh network predicts
#: nearly constant depth, and stretching that to unit contrast would multiply its gradients by 1/contrast.
FLAT_DEPTH = 1e-2


class GradientConsistencySettings(TermSettings):
    """Settings of `gradient_consistency`."""

    weight: NonNegative = 0.1
    space: Space = "inverse"
    detach: Literal["none", "structure", "metric"] = "none"  # the side that is taken as given
    scales: Scales = 4


def gradient_consistency(maps: Maps, settings: GradientConsistencySettings) -> Tensor:
    """`[b]`, in units of each map's own mean deviation."""
    structure, log_depth = maps.structure_everywhere(), maps.log_depth
    if settings.detach == "structure":
        structure = structure.detach()
    if settings.detach == "metric":
        log_depth = log_depth.detach()
    residual = _normalised_depth(log_depth, settings.space) - structure
    return gradient_mean(residual, None, settings.scales)


def _normalised_depth(log_depth: Tensor, space: Space) -> Tensor:
    nearness = -log_depth
    relative = (
        nearness - centre(nearness)[:, None, None]
    )  # ln(m / D): 0 where N(s) is, if they agree
    # exp(x) - 1 and not expm1(x), which takes four times as long; the digits it would save are below
    # FLAT_DEPTH by far.
    if space == "inverse":
        relative = relative.exp() - 1.0
    elif space == "depth":
        relative = 1.0 - (-relative).exp()
    return unit_contrast(relative, count(relative, None), FLAT_DEPTH)
