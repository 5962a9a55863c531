"""Skies and weather of a world with many cameras: layers of cloud, cold mornings, wet roads under any sky.

So that sky is not whatever is cold: a low cloud is within a few kelvin of the air, and warmer in an
inversion, while a wall, a car or a road that lost its heat overnight lies below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from thermodepth.synthetic.weather.conditions import CloudLayer, Conditions

_AIR_K = (258.0, 308.0)
_STORED_K = (-6.0, 6.0)  # below 0: what is heavy is still cold from the night
_CLEAR_ZENITH = (0.02, 0.8)
_WET_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One kind of cloud: ranges of a uniform draw."""

    share: float  # how often a sky that is not rainy has it
    below_air_k: tuple[float, float]
    opacity: tuple[float, float]
    softness: tuple[float, float]  # of its edges, in sigmas of the texture
    per_plane: tuple[float, float]  # texels on the plane overhead: larger is finer
    stretch: tuple[float, float]


LAYERS: dict[str, LayerRow] = {
    "thin and high": LayerRow(
        share=0.4,
        below_air_k=(28, 60),
        opacity=(0.1, 0.55),
        softness=(0.6, 1.5),
        per_plane=(12, 60),
        stretch=(1, 5),
    ),
    "middle": LayerRow(
        share=0.35,
        below_air_k=(8, 28),
        opacity=(0.5, 0.95),
        softness=(0.15, 0.9),
        per_plane=(20, 110),
        stretch=(1, 2),
    ),
    "low": LayerRow(
        share=0.45,
        below_air_k=(-3, 10),
        opacity=(0.85, 1),
        softness=(0.05, 0.5),
        per_plane=(10, 70),
        stretch=(1, 1.4),
    ),
}


def vary_conditions(rng: np.random.Generator, conditions: Conditions) -> Conditions:
    """Another draw of what a world with many cameras varies more widely. Rooms keep theirs."""
    draws = rng.random(4)
    layers = draw_layers(rng, rainy=conditions.name == "rain")
    if conditions.indoors:
        return conditions

    def between(ends: tuple[float, float], share: float) -> float:
        return ends[0] + (ends[1] - ends[0]) * float(share)

    warmest = _AIR_K[1] - (18.0 if conditions.name in ("night", "dusk") else 0.0)
    air_k = between((_AIR_K[0], warmest), draws[0])
    covered = 1 - math.prod(1 - layer.mean_cover for layer in layers)
    rainy = conditions.name == "rain"
    return replace(
        conditions,
        air_k=air_k,
        outside_k=air_k,
        stored_k=between(_STORED_K, draws[1]),
        clear_zenith=conditions.clear_zenith if rainy else between(_CLEAR_ZENITH, draws[2]),
        sky_deficit_w_m2=conditions.sky_deficit_w_m2 * (1 - 0.8 * covered),
        cloud=covered,
        wet=conditions.wet or bool(draws[3] < _WET_SHARE),
        layers=layers,
    )


def draw_layers(rng: np.random.Generator, *, rainy: bool) -> tuple[CloudLayer, ...]:
    """None to three layers, the highest first; rain has a closed low one."""
    layers = []
    for name, row in LAYERS.items():
        draws, offset = rng.random(6), rng.random(2)
        closed = rainy and name == "low"
        if not (closed or rng.random() < row.share):
            continue
        cover = 0.98 if closed else float(draws[5]) * 1.06 - 0.03
        below, opacity, softness, per_plane, stretch = (
            low + (high - low) * float(share)
            for (low, high), share in zip(
                (row.below_air_k, row.opacity, row.softness, row.per_plane, row.stretch),
                draws[:5],
                strict=True,
            )
        )
        layers.append(
            CloudLayer(
                below_air_k=below,
                opacity=opacity,
                threshold=-NormalDist().inv_cdf(min(max(cover, 0.01), 0.99)),
                softness=softness,
                per_plane=per_plane,
                stretch=stretch,
                offset=(float(offset[0]), float(offset[1])),
                mean_cover=min(max(cover, 0.0), 1.0) * opacity,
            )
        )
    return tuple(layers)
