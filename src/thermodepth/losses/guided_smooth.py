"""The metric depth is smooth where the guide, by default the structural map, is smooth.

    mean( |dx ln D| exp(-b |dx N(G)|) ) + mean( |dy ln D| exp(-b |dy N(G)|) )

The guide is detached: the metric head learns from the structure, never the other way round. In
logarithms a jump counts by its ratio, so near and far are smoothed alike. Source: the paper's
"regulariser guided by the structural depth", written as the edge-aware term of Godard et al. (2017).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from thermodepth.geometry import edge_aware_mean, keep
from thermodepth.losses.guide import Guide, guide_map
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings


class GuidedSmoothSettings(TermSettings):
    """Settings of `guided_smooth`."""

    weight: NonNegative = 0.1
    guide: Guide = "structure"
    edge_sharpness: NonNegative = 2.0  # b: how much a guide edge of unit contrast relaxes the term

    def unread(self) -> Mapping[str, str]:
        """The guide without sharpness; the teacher still says on which pixels."""
        if self.edge_sharpness == 0.0 and self.guide != "teacher":
            return {"guide": " while edge_sharpness is 0"}
        return {}


def guided_smooth(maps: Maps, settings: GuidedSmoothSettings) -> Tensor:
    """`[b]`, in natural logarithms of depth per pixel."""
    guide, valid = guide_map(settings.guide, maps)
    log_depth = keep(maps.log_depth, valid)
    return edge_aware_mean(log_depth, guide, valid, settings.edge_sharpness)
