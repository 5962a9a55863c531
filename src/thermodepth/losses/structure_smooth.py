"""The structural map is smooth where the guide, by default the thermal image, has no edge.

    order 1:  mean( |dx N(s)| exp(-b |dx N(G)|) ) + mean( |dy N(s)| exp(-b |dy N(G)|) )
    order 2:  mean( |dxx N(s)| w w' ) + the same in y,  w and w' the weights of its two first differences

Inverse depth of a plane is linear in the picture, so that the second order lets roads and walls be.
Source: the edge-aware smoothness of Godard et al. (2017), with a contrast-normalised guide; the second
order, Wang et al. (CVPR 2018). The structural map itself is no guide here: it cannot tell its own
boundaries from its own noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from thermodepth.geometry import Order, edge_aware_mean
from thermodepth.losses.guide import guide_map
from thermodepth.losses.maps import Maps
from thermodepth.losses.term import NonNegative, TermSettings


class StructureSmoothSettings(TermSettings):
    """Settings of `structure_smooth`."""

    later = frozenset({"order"})

    weight: NonNegative = 0.1
    guide: Literal["thermal", "teacher"] = "thermal"
    edge_sharpness: NonNegative = 2.0  # b: how much a guide edge of unit contrast relaxes the term
    pixels: Literal["label", "all"] = "label"  # where: as the other structure terms, or everywhere
    order: Order = 1

    def unread(self) -> Mapping[str, str]:
        """The guide without sharpness, where it does not choose the pixels; "all" pixels of the label's."""
        idle = {}
        if self.edge_sharpness == 0.0 and (self.guide != "teacher" or self.pixels == "label"):
            idle["guide"] = " while edge_sharpness is 0"
        if self.guide == "teacher":
            idle["pixels"] = ": guide=teacher is valid on the label's pixels only"
        return idle


def structure_smooth(maps: Maps, settings: StructureSmoothSettings) -> Tensor:
    """`[b]`, in units of the map's own mean deviation."""
    guide, valid = guide_map(settings.guide, maps)
    if settings.pixels == "all" and valid is None:
        structure = maps.structure_everywhere()
    else:
        structure, valid = maps.structure_on_label(), maps.batch.label_valid
    return edge_aware_mean(structure, guide, valid, settings.edge_sharpness, settings.order)
