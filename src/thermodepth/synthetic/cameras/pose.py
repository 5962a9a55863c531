"""Where the camera stands, its pinhole model and its rays.

Pixel convention: the centre of the first pixel is at (0.5, 0.5), so the principal point of a W x H image
is (W / 2, H / 2) and a pixel (row, column) sees x = (column + 0.5 - W / 2) / focal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.rays import RayCaster
from thermodepth.synthetic.vectors import Array, Vec

FIELD_OF_VIEW_DEG = 60.0  # across the width
_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPose:
    """`yaw` turns right of +Y, `pitch` up, `roll` clockwise; radians."""

    position: Vec
    yaw: float
    pitch: float
    roll: float

    def axes(self) -> tuple[Array, Array, Array]:
        """Unit vectors right, up, ahead in the world."""
        ca, sa = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        ahead = np.array([sa * cp, ca * cp, sp])
        right = np.array([ca, -sa, 0.0])
        up = np.cross(right, ahead)
        cr, sr = math.cos(self.roll), math.sin(self.roll)
        return cr * right + sr * up, cr * up - sr * right, ahead


def focal_px(width: int) -> float:
    """Focal length in pixels of the output image."""
    return width / 2 / math.tan(math.radians(FIELD_OF_VIEW_DEG) / 2)


def intrinsics(width: int, height: int) -> NDArray[np.float32]:
    """[3 3] pinhole matrix, pixel centres at +0.5."""
    f = focal_px(width)
    return np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1]], np.float32)


def primary_rays(
    pose: CameraPose, width: int, height: int, samples: int
) -> tuple[Array, Array, Array]:
    """Origin [3], unit directions [n 3], and how far a ray runs per metre of depth [n].

    n = height * samples * width * samples, row by row; samples lie on an even grid inside each pixel.
    """
    right, up, ahead = pose.axes()
    f = focal_px(width)
    x = ((np.arange(width * samples) + 0.5) / samples - width / 2) / f
    y = ((np.arange(height * samples) + 0.5) / samples - height / 2) / f
    across, down = np.meshgrid(x, y)
    rays = across[..., None] * right - down[..., None] * up + ahead
    stretch = np.linalg.norm(rays, axis=-1)
    directions = (rays / stretch[..., None]).reshape(-1, 3).astype(np.float32)
    return np.array(pose.position, np.float32), directions, stretch.reshape(-1).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leeway:
    """How far a camera may move for another view of a kind of scene, and the room it needs."""

    advance_m: tuple[float, float]
    yaw_sd: float
    pitch_mean: float
    pitch_sd: float
    nearest_m: float  # the 3rd percentile of depth
    median_m: float
    around_m: float  # free space on every side


LEEWAY: dict[str, Leeway] = {
    "street": Leeway(
        advance_m=(4, 22),
        yaw_sd=0.2,
        pitch_mean=-0.01,
        pitch_sd=0.015,
        nearest_m=1.5,
        median_m=2.5,
        around_m=0.35,
    ),
    "room": Leeway(
        advance_m=(0.5, 3.0),
        yaw_sd=0.4,
        pitch_mean=-0.04,
        pitch_sd=0.05,
        nearest_m=0.7,
        median_m=1.5,
        around_m=0.35,
    ),
}


def is_clear(pose: CameraPose, caster: RayCaster, leeway: Leeway) -> bool:
    """Nothing hides the view and the camera stands inside nothing."""
    origin, directions, _ = primary_rays(pose, 20, 16, 1)
    metres = caster.distance(np.broadcast_to(origin, directions.shape), directions)
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros(16)], -1)
    around = caster.distance(np.broadcast_to(origin, ring.shape), ring)
    return bool(
        np.percentile(metres, 3) > leeway.nearest_m
        and np.median(metres) > leeway.median_m
        and around.min() > leeway.around_m
    )


def view_of(
    pose: CameraPose, kind: str, caster: RayCaster, rng: np.random.Generator, view: int
) -> CameraPose:
    """View 0 is the scene's own pose; later views stand further on. Blocked ones are drawn again."""
    leeway = LEEWAY[kind]
    candidate = pose
    for attempt in range(_TRIES):
        if view or attempt:
            advance = rng.uniform(*leeway.advance_m) * view if view else rng.uniform(-0.6, 1.5)
            x, y, z = pose.position
            candidate = replace(
                pose,
                position=(x + float(rng.normal(0, 0.3)), y + float(advance), z),
                yaw=float(rng.normal(0, leeway.yaw_sd)),
                pitch=float(rng.normal(leeway.pitch_mean, leeway.pitch_sd)),
            )
        if is_clear(candidate, caster, leeway):
            return candidate
    return replace(pose, yaw=pose.yaw + float(rng.normal(0, 0.1)))
