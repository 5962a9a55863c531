"""How much of the pull at the output maps each loss term has, by distance, once a network is trained.

    share of term k in a band = mean over its pixels of |m_k| / sum_j |m_j|
    m_k = d(w_k mean(L_k)) / d(map)      as in `maps`: weighted, on a few fixed frames

Every pixel counts alike, whatever the size of its gradient. A pixel at which no term pulls is in no mean, and
neither is one whose truth lies outside the bands. Pixels without truth are a band of their own: what pulls
there is what no measurement corrects.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import Field, model_validator
from torch import nn

from thermodepth.config import Settings
from thermodepth.losses import LossesSettings
from thermodepth.training.diagnostics.maps import HEADS, ConflictMaps, conflict_maps
from thermodepth.types import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MapShares(Settings):
    """The shares at one output map: one number a band, near to far, then one where there is no truth."""

    pixels: tuple[int, ...] = Field(min_length=1)  # at which any term pulls
    terms: dict[str, tuple[float, ...]]  # 0 in a band without such pixels

    @model_validator(mode="after")
    def _is_a_share_a_band(self) -> Self:
        if min(self.pixels) < 0:
            raise ValueError(f"pixels {self.pixels}, expected counts")
        for term, shares in self.terms.items():
            if len(shares) != len(self.pixels) or not all(0.0 <= s <= 1.0 for s in shares):
                raise ValueError(f"{term}: {shares}, expected {len(self.pixels)} shares of 0 to 1")
        return self


class GradientShares(Settings):
    """What the terms of one trained network pull at."""

    frames: int = Field(ge=1)
    edges_m: tuple[float, ...] = Field(min_length=2)  # of the bands
    maps: dict[str, MapShares]  # by `HEADS`; a map at which nothing pulls is left out

    @model_validator(mode="after")
    def _has_the_bands_of_its_maps(self) -> Self:
        if any(low >= high for low, high in pairwise(self.edges_m)):
            raise ValueError(f"edges_m {self.edges_m}, expected rising distances")
        for head, shares in self.maps.items():
            if head not in HEADS or len(shares.pixels) != len(self.edges_m):
                raise ValueError(f"{head}: {len(shares.pixels)} bands of {len(self.edges_m)}")
        return self


def gradient_shares(
    network: nn.Module,
    batch: Batch,
    losses: LossesSettings,
    *,
    edges_m: Sequence[float],
    progress: float,
) -> GradientShares:
    """Look at the maps of these frames; the network is as it was afterwards.

    Args:
        network: trained, on the device of the batch.
        batch: whose truth says which band a pixel is in.
        losses: with the weights of `progress`, from 0 to 1 of the training.
        edges_m: of the bands, near to far.
    """
    maps = conflict_maps(network, batch, losses, step=0, progress=progress)
    bands = band_of(batch.depth_m.cpu().numpy(), batch.depth_valid.cpu().numpy(), edges_m)
    by_head = {head: _map_shares(maps, head, bands, len(edges_m)) for head in HEADS}
    return GradientShares(
        frames=len(batch.sample_ids),
        edges_m=tuple(float(edge) for edge in edges_m),
        maps={head: shares for head, shares in by_head.items() if shares is not None},
    )


def band_of(
    depth_m: NDArray[np.float32], valid: NDArray[np.bool_], edges_m: Sequence[float]
) -> NDArray[np.intp]:
    """`[n h w]` the number of each pixel's band, the one after the last without truth, -1 outside of all."""
    edges = np.asarray(edges_m, dtype=np.float32)
    number = np.searchsorted(edges, depth_m, side="right") - 1
    number[(number < 0) | (number >= edges.size - 1)] = -1
    number[~valid] = edges.size - 1
    return number


def _map_shares(
    maps: ConflictMaps, head: str, bands: NDArray[np.intp], count: int
) -> MapShares | None:
    places = [n for n, name in enumerate(maps.heads) if name == head]
    pulls = {
        maps.terms[n]: np.abs(maps.gradients[n].astype(np.float64)) * maps.largest[n]
        for n in places
        if np.isfinite(maps.largest[n])
    }
    total = np.sum(list(pulls.values()), axis=0) if pulls else np.zeros(bands.shape)
    counted = (total > 0) & (bands >= 0)
    if not counted.any():
        return None
    number = bands[counted]
    pixels = np.bincount(number, minlength=count)
    terms = {}
    for term, pull in pulls.items():
        sums = np.bincount(number, weights=pull[counted] / total[counted], minlength=count)
        shares = np.minimum(sums / np.maximum(pixels, 1), 1.0)  # what rounding leaves above 1
        terms[term] = tuple(float(format(share, ".6g")) for share in shares)
    return MapShares(pixels=tuple(pixels.tolist()), terms=terms)
