"""An RGB camera's inverse depth as the thermal camera would have it, and where that can be trusted.

Three passes, each for what it does well:

1. **splat**: every RGB pixel is moved as a point; the nearest of each thermal pixel stays (z-buffer). The
   RGB grid is refined first until its points lie closer than a thermal pixel, so surfaces have no pinholes.
2. **look back**: the splat says which surface a thermal pixel sees, but its depth is that of some point
   within the pixel. The exact place is where the pixel's ray meets the RGB camera's depth surface:
   `z <- (D(pixel of z * ray in RGB) - t) / a`, with `a z + t` the RGB depth of the ray at thermal depth z,
   repeated a few times. A ray that finds no steady place meets no surface there.
3. **look along**: a ray that passes *behind* a surface of the RGB camera on its way crosses space that
   RGB never saw. Something may stand there, so what lies beyond is not taken for visible.

Edges of depth are found in inverse depth, where a plane is linear however slanted it is: only its second
difference tells a step from a slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.camera import moved, nearest_of_pixel, project, rays, resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Points of the splat lie at most this far apart, in thermal pixels, on a surface that faces both cameras.
SPACING_PX = 0.6
#: The RGB grid is refined at most by this factor.
MOST_REFINED = 4
#: Looking back ends here: each pass leaves a tenth to a third of the error of the one before.
PASSES = 3
#: A ray whose last pass still moved its inverse depth by this share meets no surface.
UNSTEADY = 0.03
#: Inverse depth below which a step is measured against this and no longer against itself: 1 / 50 m.
FAR_INVERSE = 0.02
#: Pixels of the RGB picture between two places along a ray at which it is asked whether RGB saw the space
#: there, and how many such places a ray has at least and at most.
STEP_PX = 6
FEWEST_STATIONS, MOST_STATIONS = 24, 96
#: A place this much deeper than the RGB surface before it counts as behind it.
BEHIND = 1.08


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarpedView:
    """A depth map of the RGB camera, seen from the thermal camera. All maps are `[h w]` of its grid."""

    inverse: NDArray[np.float32]  # 1 / metres along the thermal axis, NaN where RGB saw no surface
    column: NDArray[np.float32]  # where RGB saw that point, pixels; NaN as above
    row: NDArray[np.float32]
    hidden: NDArray[np.bool_]  # the ray crosses space that RGB could not see
    outside: NDArray[np.bool_]  # nothing of the RGB picture lies here


def warp(
    inverse_rgb: NDArray[np.float32],
    *,
    rgb_intrinsics: NDArray[Any],
    thermal_intrinsics: NDArray[Any],
    rgb_from_thermal: NDArray[np.float64],
    size: tuple[int, int],
) -> WarpedView:
    """Move a dense map of inverse depth into the thermal view.

    Args:
        inverse_rgb: `[h' w']` 1 / metres along the RGB axis, above 0 everywhere.
        rgb_intrinsics: `[3 3]` of the map's grid.
        thermal_intrinsics: `[3 3]`.
        rgb_from_thermal: `[4 4]` moves points from thermal to RGB axes, metres.
        size: (rows, columns) of the thermal frame.
    """
    ahead = rays(thermal_intrinsics, size)
    front = _splat(inverse_rgb, rgb_intrinsics, thermal_intrinsics, rgb_from_thermal, size)
    covered = np.isfinite(front)
    start = np.float32(1) / _filled(front)
    inverse, column, row = _look_back(start, ahead, inverse_rgb, rgb_intrinsics, rgb_from_thermal)
    hidden = _look_along(inverse, ahead, inverse_rgb, rgb_intrinsics, rgb_from_thermal)
    return WarpedView(
        inverse=inverse,
        column=column,
        row=row,
        hidden=hidden,
        outside=~(covered | np.isfinite(inverse)),
    )


def edges(inverse: NDArray[np.float32], *, reach_px: int, step: float) -> NDArray[np.bool_]:
    """Where inverse depth `[h w]` has a step within `reach_px` pixels, to either side of it.

    A step is a second difference of more than `step` times the larger inverse depth nearby; NaN makes none.
    """
    import cv2

    padded = cv2.copyMakeBorder(
        inverse, reach_px, reach_px, reach_px, reach_px, cv2.BORDER_REPLICATE
    )
    height, width = inverse.shape
    middle = np.s_[reach_px : reach_px + height], np.s_[reach_px : reach_px + width]
    steps = np.zeros(inverse.shape, bool)
    for before, after in (
        (padded[:height, middle[1]], padded[2 * reach_px :, middle[1]]),
        (padded[middle[0], :width], padded[middle[0], 2 * reach_px :]),
    ):
        with np.errstate(invalid="ignore"):
            bend = np.abs(before + after - 2 * inverse)
            largest = np.maximum(np.maximum(before, after), np.maximum(inverse, FAR_INVERSE))
            steps |= bend > step * largest
    # The middle of a soft step is straight: what lies between its two bends belongs to it.
    across = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    closed: NDArray[np.uint8] = cv2.morphologyEx(steps.view(np.uint8), cv2.MORPH_CLOSE, across)
    return closed.view(np.bool_)


def _splat(
    inverse_rgb: NDArray[np.float32],
    rgb_intrinsics: NDArray[Any],
    thermal_intrinsics: NDArray[Any],
    rgb_from_thermal: NDArray[np.float64],
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """`[h w]` metres of the nearest point in each thermal pixel, NaN for none."""
    import cv2

    spacing = float(thermal_intrinsics[0, 0] / rgb_intrinsics[0, 0])  # thermal pixels per RGB pixel
    intrinsics = np.asarray(rgb_intrinsics, np.float32)
    if spacing > SPACING_PX:
        fine = min(math.ceil(spacing / SPACING_PX), MOST_REFINED)
        height, width = inverse_rgb.shape
        inverse_rgb = cv2.resize(inverse_rgb, (width * fine, height * fine))
        intrinsics = resized(intrinsics, scale_x=fine, scale_y=fine)
    shape = inverse_rgb.shape[0], inverse_rgb.shape[1]
    points = moved(rays(intrinsics, shape) / inverse_rgb, np.linalg.inv(rgb_from_thermal))
    column, row = project(points, thermal_intrinsics)
    return nearest_of_pixel(column, row, points[2], size)


def _filled(depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gaps of one or two pixels take the farthest neighbour's depth, as a start for looking back only.

    The farthest, because from a start too near the ray would be caught by the surface before the gap.
    """
    import cv2

    depth_or_zero = np.where(np.isfinite(depth_m), depth_m, np.float32(0))
    wider = cv2.dilate(depth_or_zero, np.ones((3, 3), np.uint8))
    filled = np.where(np.isfinite(depth_m), depth_m, wider)
    return np.where(filled > 0, filled, np.float32(np.nan)).astype(np.float32)


def _look_back(
    start: NDArray[np.float32],
    ahead: NDArray[np.float32],
    inverse_rgb: NDArray[np.float32],
    rgb_intrinsics: NDArray[Any],
    rgb_from_thermal: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Inverse depth at which each thermal ray meets the RGB surface, and where RGB sees that point."""
    import cv2

    depth_of_ray = np.tensordot(rgb_from_thermal[2, :3].astype(np.float32), ahead, 1)  # a
    ahead_m = np.float32(rgb_from_thermal[2, 3])  # t
    inverse, change = start, np.zeros_like(start)
    for _ in range(PASSES):
        column, row = project(moved(ahead / inverse, rgb_from_thermal), rgb_intrinsics)
        surface = cv2.remap(
            inverse_rgb, column - 0.5, row - 0.5, cv2.INTER_LINEAR, borderValue=float("nan")
        )
        surface[np.isnan(column)] = np.nan  # behind the camera: remap would make a pixel of it
        with np.errstate(invalid="ignore", divide="ignore"):
            next_inverse = depth_of_ray / (1 / surface - ahead_m)
            next_inverse[~(next_inverse > 0)] = np.nan
            change = np.abs(next_inverse - inverse) / np.maximum(next_inverse, FAR_INVERSE)
        inverse = next_inverse
    met = change < UNSTEADY
    nothing = np.float32(np.nan)
    return (
        np.where(met, inverse, nothing),
        np.where(met, column, nothing),
        np.where(met, row, nothing),
    )


def _look_along(
    inverse: NDArray[np.float32],
    ahead: NDArray[np.float32],
    inverse_rgb: NDArray[np.float32],
    rgb_intrinsics: NDArray[Any],
    rgb_from_thermal: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Does the ray pass behind something that RGB saw, before it reaches its surface?"""
    import cv2

    hidden = np.zeros(inverse.shape, bool)
    if not np.isfinite(inverse).any():
        return hidden
    finite = inverse[np.isfinite(inverse)]
    nearest = np.float32(finite.max())
    # Equal steps of inverse depth are about equal steps of pixels in the RGB picture: a far ray's way
    # there, up to the nearest surface of the frame.
    baseline_m = float(np.linalg.norm(rgb_from_thermal[:3, 3]))
    way_px = float(rgb_intrinsics[0, 0]) * baseline_m * float(nearest - np.quantile(finite, 0.01))
    stations = min(max(math.ceil(way_px / STEP_PX), FEWEST_STATIONS), MOST_STATIONS)
    for station in range(1, stations + 1):
        on_way = inverse + (nearest - inverse) * np.float32(station / stations)
        points = moved(ahead / on_way, rgb_from_thermal)
        column, row = project(points, rgb_intrinsics)
        # What the border of the picture cuts is taken to go on outside.
        surface = cv2.remap(
            inverse_rgb,
            *(column - np.float32(0.5), row - np.float32(0.5)),
            cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_REPLICATE,
        )
        with np.errstate(invalid="ignore"):
            hidden |= points[2] * surface > BEHIND
    return hidden
