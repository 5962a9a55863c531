"""Metres from the height and the pitch of a camera over flat ground.

With the direction of down in camera axes (right, down, ahead), of a camera that looks p below the horizon and
is rolled by r, clockwise as seen from behind it,

    n = (sin r cos p, cos r cos p, sin p)
    a pixel with the ray v = (x, y, 1) that looks down, v.n > 0, sees ground at the depth  H / (v.n)

Which pixels are ground, the model's own depth D says: D (v.n) is how far below the camera it has each of
them, in its own unit. Ground is the lowest level with many pixels whose surface lies across n: whatever
stands on it is higher. H over that level is the scale, as in Xue et al. 2020, Toward Hierarchical
Self-Supervised Monocular Absolute Depth Estimation for Autonomous Driving Applications (DNet), whose camera
looks level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError
from thermodepth.scale_calibration.cells import cell_samples
from thermodepth.scale_calibration.samples import DistanceSample, PredictedFrame

#: Nearer to the horizon a degree of pitch is worth more than a third of the distance.
LEAST_BELOW_DEG = 3.0
#: Of the steepest ray of the frame: what lies flatter is far, and moves with every fault of the pitch.
LEAST_OF_STEEPEST = 1 / 3
MOST_TILT_DEG = 30.0  # of the model's surface against flat ground
LEVEL_WIDTH = 0.2  # in ln: a level is so thick
NEAR_LEVEL = 0.15  # in ln: what counts as on it
LOWEST_SHARE = 0.4  # of the fullest level's pixels, that a lower one needs to be the ground
#: In ln, between two pixels a step apart: through a narrow lens so little is no tilt, but the model's grain.
GRAIN = 0.03
LEAST_SHARE = 0.25  # of the pixels that look down enough
LEAST_PIXELS = 200
_STEP_SHARE = 1 / 40  # of the short side, over which the model's surface is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseOverGround:
    """Where a camera stands over flat ground."""

    height_m: float
    pitch_deg: float  # of its axis below the horizon: 0 looks level, 90 straight down
    roll_deg: float = 0.0  # clockwise as seen from behind the camera

    def __post_init__(self) -> None:
        """
        Raises:
            SettingsError: for a pose that sees no ground, or is none.
        """
        for name, value, least, most, unit in (
            ("height", self.height_m, 0.01, 1e5, "m above the ground"),
            ("pitch", self.pitch_deg, -60.0, 90.0, "degrees below the horizon"),
            ("roll", self.roll_deg, -180.0, 180.0, "degrees"),
        ):
            if not (math.isfinite(value) and least <= value <= most):
                raise SettingsError(f"{name} {value:g}: expected {least:g} to {most:g} {unit}")

    @property
    def down(self) -> NDArray[np.float64]:
        """`[3]` the direction of down in camera axes."""
        pitch, roll = math.radians(self.pitch_deg), math.radians(self.roll_deg)
        level = math.cos(pitch)
        return np.array([math.sin(roll) * level, math.cos(roll) * level, math.sin(pitch)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundSamples:
    """What the ground of one frame says."""

    samples: list[DistanceSample]
    ground: NDArray[np.bool_]  # [h w] the pixels that were taken for it
    share: float  # of the pixels that look down enough
    #: Of the model's ground against the given pitch; positive: it takes the camera to look lower.
    tilt_deg: float
    #: How many times larger the scale would be with the pitch one degree larger.
    per_degree: float


def ground_samples(frame: PredictedFrame, pose: PoseOverGround) -> GroundSamples:
    """Samples on the ground of one frame.

    Args:
        frame: raw depth, with its lens.
        pose: of the camera.

    Raises:
        SettingsError: where the lens is not known, or no pixel looks down far enough.
        DataError: where the model sees no flat ground under that pose.
    """
    why = "the ground's distance stands on the angle of every ray"
    ray = frame.rays(why).astype(np.float64)
    below = _sine_below(ray, pose)
    least = max(
        math.sin(math.radians(LEAST_BELOW_DEG)), LEAST_OF_STEEPEST * float(np.nanmax(below))
    )
    looks_down = below >= least
    if np.count_nonzero(looks_down) < LEAST_PIXELS:
        raise SettingsError(
            f"{frame.name}: with a pitch of {pose.pitch_deg:g} degrees below the horizon, "
            f"{np.count_nonzero(looks_down)} pixels look {LEAST_BELOW_DEG:g} degrees or more below it; "
            "ground has to be in the frame"
        )
    candidates = looks_down & frame.usable
    drop = np.tensordot(pose.down, ray, 1)  # v.n
    # Below the camera, in the model's unit.
    level = frame.depth_m.astype(np.float64) * np.where(looks_down, drop, np.nan)
    ground = candidates & _lies_flat(frame, ray, level, pose)
    ground &= _on_one_level(level, ground)
    share = float(np.count_nonzero(ground) / np.count_nonzero(looks_down))
    if share < LEAST_SHARE or np.count_nonzero(ground) < LEAST_PIXELS:
        raise DataError(
            f"{frame.name}: of what looks down, {share:.0%} lies on one level in the model's depth, less "
            f"than {LEAST_SHARE:.0%}: the ground is not flat there, not free, or the pitch is another than "
            f"{pose.pitch_deg:g} degrees below the horizon"
        )
    measured_m = np.where(ground, pose.height_m / np.where(looks_down, drop, 1.0), np.nan)
    steeper = PoseOverGround(
        height_m=pose.height_m, pitch_deg=min(pose.pitch_deg + 1, 90.0), roll_deg=pose.roll_deg
    )
    change = np.tensordot(steeper.down, ray, 1)[ground] / drop[ground]
    return GroundSamples(
        samples=cell_samples(frame, measured_m, source="ground"),
        ground=ground,
        share=share,
        tilt_deg=_tilt_deg(frame, ray, ground, pose),
        per_degree=float(1.0 / np.median(change)),
    )


def _sine_below(ray: NDArray[np.float64], pose: PoseOverGround) -> NDArray[np.float64]:
    """`[h w]` sine of the angle below the horizon."""
    sine: NDArray[np.float64] = np.tensordot(pose.down, ray, 1) / np.linalg.norm(ray, axis=0)
    return sine


def _lies_flat(
    frame: PredictedFrame,
    ray: NDArray[np.float64],
    level: NDArray[np.float64],
    pose: PoseOverGround,
) -> NDArray[np.bool_]:
    """`[h w]` where the model's surface is across the direction of down, or its level does not change."""
    step = max(round(min(frame.size) * _STEP_SHARE), 1)
    points = ray * frame.depth_m
    normal = np.cross(_difference(points, step, 2), _difference(points, step, 1), axis=0)
    length = np.linalg.norm(normal, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.abs(np.tensordot(pose.down, normal, 1)) / length
        log_level = np.log(level)[None]
        change = np.maximum(
            np.abs(_difference(log_level, step, 1)), np.abs(_difference(log_level, step, 2))
        )
        upright = cosine >= math.cos(math.radians(MOST_TILT_DEG))
        return np.asarray(upright | (change[0] <= GRAIN))


def _difference(points: NDArray[np.float64], step: int, axis: int) -> NDArray[np.float64]:
    """`[c h w]` from a step before to a step behind every pixel, one-sided at the rims."""
    count = points.shape[axis]
    index = np.arange(count)
    behind = points.take(np.minimum(index + step, count - 1), axis=axis)
    before = points.take(np.maximum(index - step, 0), axis=axis)
    return np.asarray(behind - before)


def _on_one_level(level: NDArray[np.float64], candidates: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`[h w]` what lies within `NEAR_LEVEL` of the lowest level that many of the candidates lie on.

    Not simply of the fullest: a bonnet, a table or roofs may be more of the frame than the ground below them.
    """
    values = np.sort(np.log(level[candidates]))
    if not values.size:
        return candidates
    counts = np.searchsorted(values, values + LEVEL_WIDTH, side="right") - np.arange(values.size)
    full = np.flatnonzero(counts >= LOWEST_SHARE * counts.max())
    near_lowest = full[values[full] >= values[full[-1]] - LEVEL_WIDTH]
    first = int(near_lowest[counts[near_lowest].argmax()])
    centre = float(np.median(values[first : first + counts[first]]))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(np.log(level) - centre) <= NEAR_LEVEL)


def _tilt_deg(
    frame: PredictedFrame, ray: NDArray[np.float64], ground: NDArray[np.bool_], pose: PoseOverGround
) -> float:
    """How much lower the plane through the model's ground takes the camera to look than was said."""
    points = (ray * frame.depth_m)[:, ground].T
    normal = np.linalg.lstsq(points, np.ones(len(points)), rcond=None)[0]  # n.X = 1 on the plane
    normal /= np.linalg.norm(normal)
    return math.degrees(math.asin(float(np.clip(normal[2], -1, 1)))) - pose.pitch_deg
