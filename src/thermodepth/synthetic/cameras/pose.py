"""Where a camera stands, and finding a place where it may.

World axes are right, ahead, up; camera axes right, down, ahead, as everywhere in computer vision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.space.rays import RayCaster
from thermodepth.synthetic.space.vectors import Array, Vec

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

    def matrix(self) -> NDArray[np.float64]:
        """[4 4] world from camera axes (right, down, ahead)."""
        right, up, ahead = self.axes()
        moved = np.eye(4)
        moved[:3, :3] = np.stack([right, -up, ahead], -1)
        moved[:3, 3] = self.position
        return moved


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
    look = View.ahead_of(pose.matrix())
    origin, directions, _ = look.rays(1)
    metres = caster.distance(np.broadcast_to(origin, directions.shape), directions)
    return bool(
        np.percentile(metres, 3) > leeway.nearest_m
        and np.median(metres) > leeway.median_m
        and free_around_m(pose, caster) > leeway.around_m
    )


def free_around_m(pose: CameraPose, caster: RayCaster) -> float:
    """The nearest thing at the height of the camera, on any side."""
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros(16)], -1).astype(np.float32)
    origin = np.array(pose.position, np.float32)
    return float(caster.distance(np.broadcast_to(origin, ring.shape), ring).min())


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
