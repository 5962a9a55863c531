"""A spinning lidar beside the camera, as its points look in the thermal image.

Beams are rows of equal elevation; each takes the exact depth of the pixel it falls into, so that what
the lidar says is true wherever it says something, and only its density and its gaps are a lidar's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import SettingsError
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.space.vectors import Array

MOST_CHANNELS = 1024
_LOWEST_DEG, _HIGHEST_DEG = -25.0, 15.0  # elevation of the outer channels, as of a car's roof lidar
_AZIMUTH_STEP_DEG = 0.2  # 10 turns a second
_REACH_M = 80.0  # where a surface of albedo 0.3, met square on, is lost every second time
_FAULTS = 0.03  # beams that come back with nothing, for no visible reason


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a beam through each pixel meets, all [h w]."""

    range_m: Array  # along the ray, infinite for sky
    cosine: Array  # between ray and normal
    albedo: Array  # visible; stands for the one at 905 nm
    mirrors: Array  # bool: glass, car paint, bare metal, tiles, water


def sweep(
    view: View,
    depth_m: NDArray[np.float32],
    surroundings: Surroundings,
    channels: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """[h w] depth where a beam came back, NaN elsewhere.

    Elevations are level with the world (the lidar does not tilt with the camera). A return is lost by
    chance: more likely far away, on dark surfaces and at grazing angles (the light that returns goes with
    albedo cos / range^2), and mostly on mirrors, which send it elsewhere.

    Raises:
        SettingsError: for a number of channels out of 1..1024.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        raise SettingsError(f"lidar channels {channels}: expected 1 to {MOST_CHANNELS}")
    rows, columns = _beams(view, channels)
    range_m = surroundings.range_m[rows, columns]
    light = surroundings.albedo[rows, columns] / 0.3 * surroundings.cosine[rows, columns]
    light = light * (_REACH_M / np.maximum(range_m, 0.1)) ** 2
    # Half are lost where the light equals the threshold; a decade more or less decides.
    return_share = light / (1 + light) * (1 - _FAULTS)
    mirrored = surroundings.mirrors[rows, columns]
    return_share = np.where(mirrored, 0.15 * return_share, return_share)
    returned = rng.random(len(rows)) < np.where(np.isfinite(range_m), return_share, 0.0)
    lidar_m = np.full_like(depth_m, np.nan)
    rows, columns = rows[returned], columns[returned]
    lidar_m[rows, columns] = depth_m[rows, columns]
    return lidar_m


def _beams(view: View, channels: int) -> tuple[Array, Array]:
    """Row and column of the pixel that each beam of one turn falls into."""
    (fx, _, cx), (_, fy, cy), _ = view.camera.intrinsics.tolist()
    world_from_camera = view.world_from_camera[:3, :3]
    heading = np.arctan2(world_from_camera[0, 2], world_from_camera[1, 2])
    reach = np.arctan(max(cx, view.camera.width - cx) / fx) + 0.2
    azimuth = heading + np.arange(-reach, reach, np.radians(_AZIMUTH_STEP_DEG))
    elevation = np.radians(np.linspace(_LOWEST_DEG, _HIGHEST_DEG, channels))[:, None]
    flat = np.cos(elevation)
    beams = np.stack(
        np.broadcast_arrays(flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation)), -1
    ).reshape(-1, 3)
    x, y, z = (beams @ world_from_camera).T  # right, down, ahead
    ahead = z > 0.05
    column = np.floor(fx * x[ahead] / z[ahead] + cx).astype(int)
    row = np.floor(fy * y[ahead] / z[ahead] + cy).astype(int)
    inside = (row >= 0) & (row < view.camera.height) & (column >= 0) & (column < view.camera.width)
    # Two beams in one pixel are one return.
    pixels = np.unique(row[inside] * view.camera.width + column[inside])
    return pixels // view.camera.width, pixels % view.camera.width
