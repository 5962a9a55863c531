"""Clouds in layers on planes overhead, the same in both bands."""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.materials.noise import bilinear, rough, smooth
from thermodepth.synthetic.materials.radiance import band_radiance
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.weather.conditions import CloudLayer, Conditions

_RELIEF_K = 2.5  # how much colder the thick parts are at their tops and warmer at their folds


def layered_radiance(clear: Array, directions: Array, haze: float, conditions: Conditions) -> Array:
    """[n] band radiance of a clear sky [n] with the layers of `conditions` drawn over it.

    Each layer is seen through the air before it, which hides it towards the horizon.
    """
    radiance = clear
    elevation = np.maximum(directions[:, 2], 0.0)
    through = 0.85 ** (1 / (elevation + 0.06))
    for layer in conditions.layers:
        texture, cover = _layer(layer, directions)
        kelvin = conditions.air_k - layer.below_air_k + _RELIEF_K * np.tanh(0.5 * texture)
        behind_air = (1 - through) * haze + through * band_radiance(kelvin)
        radiance = radiance * (1 - cover) + cover * behind_air
    return radiance


def layered_cover(directions: Array, conditions: Conditions) -> Array:
    """[n] 0..1 how much of the clear sky the layers hide."""
    free: Array = np.ones(len(directions), np.float32)
    for layer in conditions.layers:
        free = free * (1 - _layer(layer, directions)[1])
    return 1 - free


def _layer(layer: CloudLayer, directions: Array) -> tuple[Array, Array]:
    """Texture of about unit spread, and cover, at [n] directions."""
    elevation = np.maximum(directions[:, 2], 0.0)
    plane = directions[:, :2] / (elevation[:, None] + 0.12)
    a, b = plane[:, 0] * layer.stretch + layer.offset[0] * 7, plane[:, 1] + layer.offset[1] * 7
    texture = 0.85 * bilinear(smooth(), a, b, layer.per_plane, layer.offset[0])
    texture += 0.5 * bilinear(rough(), a, b, layer.per_plane * 1.7, layer.offset[1])
    above = ((texture - layer.threshold) * 3 / layer.softness).clip(-30, 30)
    cover = layer.opacity / (1 + np.exp(-above))
    return texture, cover.astype(np.float32)
