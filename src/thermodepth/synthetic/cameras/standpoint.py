"""Where a camera of any kind may stand and look: drawn widely, kept when something is to be seen.

Pitch and roll are wide on purpose: were every horizon in the middle, the row of a pixel would tell its depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.cameras.lens import log_uniform
from thermodepth.synthetic.cameras.pose import CameraPose, free_around_m
from thermodepth.synthetic.cameras.rig import Rig, RigCamera
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.space.rays import MISS_M, RayCaster
from thermodepth.synthetic.space.vectors import Array, Vec

PITCH_DEG = (-90.0, 15.0)
ROLL_DEG = 10.0
GROUND_HEIGHT_M = (0.3, 3.0)  # log-uniform
DRONE_HEIGHT_M = (4.0, 130.0)
_HIGH_M, _HIGH_SHARE = 30.0, 0.5  # of the drones fly above; log-uniform below and above it
_DRONE_PITCH_DEG, _DRONE_DOWN_SHARE = (-90.0, -28.0), 0.88
_FARTHEST_BACK_M = 110.0  # from below a drone to what it looks at
RIDE_HEIGHT_M = (0.9, 2.2)
NEAR_DISTANCE_M = (0.32, 1.5)  # to a thing on a table, log-uniform
_LEVEL_SHARE = 0.7  # of the cameras near the ground look about level
_UPRIGHT_SHARE, _UPRIGHT_ROLL_DEG = 0.5, 2.0  # of all cameras are mounted or held upright
_AT_SOMETHING = 0.65
_LOOK_COLUMNS = 24
_TRIES = 24
_LEAST_RELIEF, _BARE_SHARE = 0.06, 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The space that a view must have."""

    around_m: float  # free at the height of the camera, on every side
    nearest_m: float  # 5th percentile of the distances seen
    above_m: float = 0.0  # free straight up
    below_m: float = 0.0  # free straight down
    roofed: bool = False  # something must be above: else the camera left the room
    most_sky: float = 0.75  # share of the view


Propose = Callable[[np.random.Generator], CameraPose]


def towards(start: Vec, end: Vec) -> tuple[float, float]:
    """(yaw, pitch) of the direction from one point to another."""
    dx, dy, dz = end[0] - start[0], end[1] - start[1], end[2] - start[2]
    return math.atan2(dx, dy), math.atan2(dz, math.hypot(dx, dy))


def _tilt(rng: np.random.Generator) -> float:
    roll = float(rng.uniform(-ROLL_DEG, ROLL_DEG))
    if rng.random() < _UPRIGHT_SHARE:
        roll = float(np.clip(rng.normal(0, _UPRIGHT_ROLL_DEG), -ROLL_DEG, ROLL_DEG))
    return math.radians(roll)


def _within_pitch(pitch: float) -> float:
    low, high = (math.radians(end) for end in PITCH_DEG)
    return min(max(pitch, low), high)


def near_ground(
    rng: np.random.Generator,
    location: tuple[float, float],
    ground_m: float,
    looks: Sequence[tuple[float, float]],
) -> CameraPose:
    """In a hand, on a tripod or a vehicle: level for more than half, else at any pitch."""
    position = (*location, ground_m + log_uniform(rng, GROUND_HEIGHT_M))
    yaw = float(rng.uniform(0, 2 * math.pi))
    if looks and rng.random() < _AT_SOMETHING:
        x, y = looks[int(rng.integers(len(looks)))]
        yaw = towards(position, (x, y, ground_m))[0] + float(rng.normal(0, 0.2))
    pitch = float(rng.uniform(*PITCH_DEG))
    if rng.random() < _LEVEL_SHARE:
        pitch = float(rng.normal(-4, 7))
    return CameraPose(
        position=position, yaw=yaw, pitch=_within_pitch(math.radians(pitch)), roll=_tilt(rng)
    )


def along_road(
    rng: np.random.Generator, location: tuple[float, float], ground_m: float, yaw: float
) -> CameraPose:
    """From a car, a bicycle or a walker: about level, now and then at any pitch."""
    position = (*location, ground_m + float(rng.uniform(*RIDE_HEIGHT_M)))
    pitch = float(rng.normal(-1.5, 3.0)) if rng.random() < 0.85 else float(rng.uniform(-30, 14))
    roll = _tilt(rng) * (1.0 if rng.random() < 0.3 else 0.2)
    return CameraPose(
        position=position, yaw=yaw, pitch=_within_pitch(math.radians(pitch)), roll=roll
    )


def from_above(
    rng: np.random.Generator, looks: Sequence[tuple[float, float]], spread_m: float
) -> CameraPose:
    """From a drone, mostly down at something."""
    x, y = looks[int(rng.integers(len(looks)))]
    low, high = DRONE_HEIGHT_M
    height = log_uniform(rng, (_HIGH_M, high) if rng.random() < _HIGH_SHARE else (low, _HIGH_M))
    steep = rng.random() < _DRONE_DOWN_SHARE
    degrees = float(rng.uniform(*(_DRONE_PITCH_DEG if steep else (_DRONE_PITCH_DEG[1], 2.0))))
    pitch = _within_pitch(math.radians(degrees))
    yaw = float(rng.uniform(0, 2 * math.pi))
    # Far enough back that what is looked at lies on the axis, but for the spread.
    back = min(height / math.tan(max(-pitch, 0.15)), _FARTHEST_BACK_M)
    dx, dy = (spread_m * rng.standard_normal(2)).tolist()
    position = (x - back * math.sin(yaw) + dx, y - back * math.cos(yaw) + dy, height)
    return CameraPose(position=position, yaw=yaw, pitch=pitch, roll=_tilt(rng))


def at_arms_length(
    rng: np.random.Generator, targets: Sequence[Vec], facing: float | None
) -> CameraPose:
    """Over a table from any side, or before a shelf that faces one way (yaw of looking out of it)."""
    target = targets[int(rng.integers(len(targets)))]
    if facing is None:
        pitch, yaw = float(rng.uniform(-80, -8)), float(rng.uniform(0, 2 * math.pi))
    else:
        pitch, yaw = float(rng.uniform(-40, 15)), float(rng.normal(0, 0.4))
    pitch = math.radians(pitch)
    distance = log_uniform(rng, NEAR_DISTANCE_M)
    ahead = (math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), math.sin(pitch))
    x, y, z = (t - distance * a for t, a in zip(target, ahead, strict=True))
    yaw, pitch = yaw + float(rng.normal(0, 0.12)), pitch + float(rng.normal(0, 0.08))
    return CameraPose(position=(x, y, z), yaw=yaw, pitch=_within_pitch(pitch), roll=_tilt(rng))


def choose_pose(
    propose: Propose,
    room: Room,
    rig: Rig,
    caster: RayCaster,
    rng: np.random.Generator,
) -> CameraPose:
    """The first proposal with room and something to see, else the best of all.

    A few views may show one bare surface and nothing else.
    """
    least_relief = 0.0 if rng.random() < _BARE_SHARE else _LEAST_RELIEF
    best, best_score = None, -1.0
    for _ in range(_TRIES):
        pose = propose(rng)
        if not has_room(pose, room, caster):
            best = best or pose
            continue
        depth_m, plane = _seen(pose, rig, caster)
        nearest = float(np.percentile(np.minimum(depth_m, 1e3), 5))
        sky = float((depth_m > MISS_M).mean())
        relief = _relief(depth_m, plane)
        if nearest > room.nearest_m and sky < room.most_sky and relief >= least_relief:
            return pose
        score = min(nearest / room.nearest_m, 1.0) + min(relief / _LEAST_RELIEF, 1.0) - sky
        if score > best_score:
            best, best_score = pose, score
    assert best is not None
    return best


def _relief(depth_m: Array, plane: Array) -> float:
    """How far a view is from one flat surface, whose inverse depth is linear over the picture.

    The spread of what a plane leaves of the inverse depth, as a share of its mean.
    """
    inverse = np.where(depth_m < MISS_M, 1 / np.minimum(depth_m, MISS_M), 0.0)
    residual = inverse - plane @ np.linalg.lstsq(plane, inverse, rcond=None)[0]
    return float(residual.std() / max(float(inverse.mean()), 1e-9))


def has_room(pose: CameraPose, room: Room, caster: RayCaster) -> bool:
    """Does the camera stand inside nothing?"""
    upright = np.array([[0, 0, 1], [0, 0, -1]], np.float32)
    origin = np.broadcast_to(np.array(pose.position, np.float32), (2, 3))
    above, below = caster.distance(np.ascontiguousarray(origin), upright).tolist()
    return (
        above > room.above_m
        and below > room.below_m
        and below < MISS_M
        and (above < MISS_M or not room.roofed)
        and free_around_m(pose, caster) > room.around_m
    )


def _seen(pose: CameraPose, rig: Rig, caster: RayCaster) -> tuple[Array, Array]:
    """[n] depth along a coarse grid of the lens's own rays, and [n 3] what planes are linear in."""
    camera = rig.thermal
    share = _LOOK_COLUMNS / camera.width
    height = max(round(camera.height * share), 6)
    small = np.diag([share, height / camera.height, 1.0]) @ camera.intrinsics
    look = RigCamera(
        width=_LOOK_COLUMNS, height=height, intrinsics=small, body_from_camera=np.eye(4)
    )
    origin, directions, stretch = View(look, pose.matrix()).rays(1)
    metres = caster.distance(np.broadcast_to(origin, directions.shape), directions)
    row, column = np.divmod(np.arange(len(metres)), _LOOK_COLUMNS)
    plane = np.stack([np.ones(len(metres)), row / height, column / _LOOK_COLUMNS], -1)
    return np.where(metres > MISS_M, np.float32(np.inf), metres / stretch), plane
