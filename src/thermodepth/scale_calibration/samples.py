"""Known distances beside what a model predicts there, before any calibration.

    patch    the median of the raw depth over a few pixels around the one that was measured
    range    from the camera to the thing, as tape and laser give it;  depth = range / |ray|, ray = (x, y, 1)

A pixel is refused with its reason where the model's depth there says nothing of the thing that was measured:
outside the frame, in the sky, or across the edge of a thing, where a pixel to one side is another distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from thermodepth.calibration.types import Distortion
from thermodepth.calibration.undistortion import undistorted_rays
from thermodepth.camera import rays
from thermodepth.config import Settings
from thermodepth.errors import SettingsError

Kind = Literal["range", "depth"]
KINDS: tuple[Kind, ...] = ("range", "depth")
Source = Literal["point", "laser", "lidar", "ground"]
#: Of these the samples of one frame are one measurement: wrong together, whatever their number.
WHOLE_FRAMES: frozenset[Source] = frozenset({"lidar", "ground"})
LONGEST_NAME = 1024

PATCH_SHARE = 1 / 64  # of the frame's short side, that a patch is wide
LEAST_PATCH_RADIUS = 1
#: From the 5 to the 95 % quantile of a patch; a street near the horizon does not reach it, an outline does.
EDGE_RATIO = 1.3

_Metres = Annotated[float, Field(gt=0, lt=1e7)]


class DistanceSample(Settings):
    """One known distance and the model's raw depth there."""

    frame: str = Field(max_length=LONGEST_NAME)
    #: Pixels of the frame from its left edge; the whole part is the pixel's number.
    x: float = Field(ge=0)
    y: float = Field(ge=0)  # from its top
    source: Source = "point"
    kind: Kind
    distance_m: _Metres  # as measured
    depth_m: _Metres  # the same along the optical axis
    predicted_m: _Metres  # raw

    @model_validator(mode="after")
    def _depth_is_no_longer_than_its_range(self) -> Self:
        if self.depth_m > self.distance_m * (1 + 1e-6):
            raise ValueError(
                f"depth_m {self.depth_m:g} is more than distance_m {self.distance_m:g}"
            )
        return self

    @property
    def place(self) -> tuple[str, int, int]:
        """Frame and pixel: a second sample there takes the place of the first."""
        return self.frame, int(self.x), int(self.y)

    def __str__(self) -> str:
        return f"{self.frame},{self.x:g},{self.y:g},{self.distance_m:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSample:
    """A distance that cannot be used, and why."""

    frame: str
    x: float
    y: float
    distance_m: float
    reason: str

    def __str__(self) -> str:
        return f"{self.frame},{self.x:g},{self.y:g},{self.distance_m:g}: {self.reason}"


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedFrame:
    """What a model says of one frame, uncalibrated."""

    name: str
    depth_m: NDArray[np.float32]  # [h w] raw
    sky: NDArray[np.bool_] | None = None  # [h w]
    intrinsics: NDArray[np.float64] | None = None  # [3 3] pixels of the frame; None: not known
    distortion: Distortion | None = None  # None: the rays of a pinhole
    lens_assumed: bool = False  # nobody stated it: it is that of the model's training

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.depth_m.shape[0], self.depth_m.shape[1]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """`[h w]` where the model has a depth that is not sky's."""
        valid = np.isfinite(self.depth_m) & (self.depth_m > 0)
        return valid if self.sky is None else valid & ~self.sky

    @cached_property
    def _rays(self) -> NDArray[np.float32]:
        assert self.intrinsics is not None, "asked for without a lens"
        if self.distortion is None:
            return rays(self.intrinsics, self.size)
        return undistorted_rays(self.intrinsics, self.size, self.distortion)

    def rays(self, what: str, *, stated: bool = True) -> NDArray[np.float32]:
        """`[3 h w]` the viewing ray of every pixel, one metre ahead; NaN where the lens lets none through.

        Args:
            what: that it is needed for, in words.
            stated: whether an assumed one is refused too.

        Raises:
            SettingsError: where it is not known.
        """
        if self.intrinsics is None or (stated and self.lens_assumed):
            raise SettingsError(
                f"{self.name}: the lens is not known, and {what}; say what it is (--fov, --focal-px or "
                "--calibration)"
            )
        return self._rays


def depths_of_ranges(
    range_m: NDArray[np.floating], rays: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`[h w]` metres along the axis of a map `[h w]` of metres along rays `[3 h w]`."""
    return np.asarray(range_m / np.linalg.norm(rays, axis=0), np.float32)


def point_sample(
    frame: PredictedFrame,
    x: float,
    y: float,
    metres: float,
    *,
    kind: Kind = "range",
    source: Source = "point",
) -> DistanceSample | RefusedSample:
    """A distance that was measured to what one pixel sees.

    Args:
        frame: raw depth of the frame.
        x: of the pixel, from the left; its number or a place within it.
        y: from the top.
        metres: the distance.
        kind: `range` along the ray, as tape and laser give it, or `depth` along the optical axis.
        source: who measured.

    Raises:
        SettingsError: for a distance that is none, or a range where the lens is not known.
    """
    if not (math.isfinite(metres) and 0 < metres < 1e7):
        raise SettingsError(f"{frame.name},{x:g},{y:g}: {metres:g} m, expected a positive distance")
    reason = _reason_against(frame, x, y)
    if reason:
        return RefusedSample(frame=frame.name, x=x, y=y, distance_m=metres, reason=reason)
    length = 1.0
    if kind == "range":
        why = "a distance along the ray is no depth without it (--kind depth is along the optical axis)"
        length = float(np.linalg.norm(frame.rays(why, stated=False)[:, int(y), int(x)]))
        if not math.isfinite(length):
            reason = "no ray reaches this pixel through the distortion of the lens"
            return RefusedSample(frame=frame.name, x=x, y=y, distance_m=metres, reason=reason)
    patch = frame.depth_m[patch_around(frame.size, x, y)][
        frame.usable[patch_around(frame.size, x, y)]
    ]
    return DistanceSample(
        frame=frame.name,
        x=float(x),
        y=float(y),
        source=source,
        kind=kind,
        distance_m=float(metres),
        depth_m=float(metres) / length,
        predicted_m=float(np.median(patch)),
    )


def patch_around(size: tuple[int, int], x: float, y: float) -> tuple[slice, slice]:
    """Rows and columns of the patch around a pixel within a frame of (rows, columns)."""
    radius = max(round(min(size) * PATCH_SHARE / 2), LEAST_PATCH_RADIUS)
    row, column = int(y), int(x)
    return (
        slice(max(row - radius, 0), row + radius + 1),
        slice(max(column - radius, 0), column + radius + 1),
    )


def _reason_against(frame: PredictedFrame, x: float, y: float) -> str:
    """Why nothing can be measured at this pixel; empty where it can."""
    rows, columns = frame.size
    if not (0 <= x < columns and 0 <= y < rows):
        return f"outside the frame of {columns}x{rows} pixels"
    patch = patch_around(frame.size, x, y)
    usable = frame.usable[patch]
    if frame.sky is not None and frame.sky[patch].mean() > 0.5:
        return "the model sees sky there, which has no distance"
    if usable.mean() <= 0.5:
        return "the model has no depth there"
    near, far = np.quantile(frame.depth_m[patch][usable], (0.05, 0.95))
    if far > EDGE_RATIO * near:
        return (
            f"across an edge: the model's depth goes from {near:.3g} to {far:.3g} m within "
            f"{usable.shape[1]}x{usable.shape[0]} pixels; take a pixel in the middle of the thing"
        )
    return ""
