"""The metric depth is smooth where the guide, by default the structural map, is smooth.

    order 1:  mean( |dx X| exp(-b |dx N(G)|) ) + mean( |dy X| exp(-b |dy N(G)|) )
    order 2:  mean( |dxx X| w w' ) + the same in y,  w and w' the weights of its two first differences

    space     X                     a road or a wall, under order 2
    log       ln D                  costs: its logarithm bends
    inverse   D^-1 / mean D^-1      costs nothing: inverse depth of a plane is linear in the picture
    depth     D / mean D            costs, most of all far away

The guide is detached: the metric head learns from the structure, never the other way round. In
logarithms a jump counts by its ratio, so near and far are smoothed alike; `inverse` smooths what is near,
`depth` what is far. The means run over the pixels that the guide covers, so that no unit of length is left.
Source: the paper's "regulariser guided by the structural depth", written as the edge-aware term of Godard
et al. (2017); the means, monodepth2 (Godard et al., 2019); the second order, Wang et al. (CVPR 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from thermodepth.geometry import Order, edge_aware_mean, keep, masked_mean
from thermodepth.losses.guide import Guide, guide_map
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings

SmoothSpace = Literal["log", "inverse", "depth"]


class GuidedSmoothSettings(TermSettings):
    """Settings of `guided_smooth`."""

    later = frozenset({"order", "space"})

    weight: NonNegative = 0.1
    guide: Guide = "structure"
    edge_sharpness: NonNegative = 2.0  # b: how much a guide edge of unit contrast relaxes the term
    order: Order = 1
    space: SmoothSpace = "log"

    def unread(self) -> Mapping[str, str]:
        """The guide without sharpness; the teacher still says on which pixels."""
        if self.edge_sharpness == 0.0 and self.guide != "teacher":
            return {"guide": " while edge_sharpness is 0"}
        return {}

    def also_reads(self) -> Literal["label", "depth"] | None:
        """The label, as a guide."""
        return "label" if self.guide == "teacher" else None


def guided_smooth(maps: Maps, settings: GuidedSmoothSettings) -> Tensor:
    """`[b]`, in natural logarithms of depth per pixel, or in shares of the mean of the other spaces."""
    guide, valid = guide_map(settings.guide, maps)
    depth = keep(maps.log_depth, valid)
    if settings.space != "log":
        depth = keep(_over_mean(depth, valid, settings.space), valid)
    return edge_aware_mean(depth, guide, valid, settings.edge_sharpness, settings.order)


def _over_mean(log_depth: Tensor, valid: Tensor | None, space: SmoothSpace) -> Tensor:
    """`D / mean D` or the same of 1/D, 0 in `log_depth` where masked."""
    # Less its mean first: then no unit of D overflows, and the mean of the powers is 1 or more (Jensen),
    # but for an image without a valid pixel.
    relative = log_depth - masked_mean(log_depth, valid)[:, None, None]
    power = relative.exp() if space == "depth" else (-relative).exp()
    return power / masked_mean(power, valid).clamp(min=1.0)[:, None, None]
