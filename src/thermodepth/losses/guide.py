"""The map that tells a smoothness term where edges are allowed.

Every guide is normalised to unit contrast within its image. A thermal image is low in contrast, and
`exp(-b |dG|)` of its raw values is about 1 everywhere: the term would be plain total variation.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from thermodepth.losses.maps import Maps

Guide = Literal["thermal", "teacher", "structure"]


def guide_map(guide: Guide, maps: Maps) -> tuple[Tensor, Tensor | None]:
    """The normalised guide `[b h w]` and the pixels where it is known (None: all).

    For `edge_aware_mean`, which sends no gradient to its guide.
    """
    if guide == "thermal":
        return maps.thermal(), None
    if guide == "teacher":
        return maps.label(), maps.batch.label_valid
    return maps.structure_everywhere(), None
