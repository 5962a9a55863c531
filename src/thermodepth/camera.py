"""Pinhole cameras: intrinsics in pixels, how cropping, resizing and mirroring move them, and what one
camera sees of another's points.

The centre of the top-left pixel lies at (0.5, 0.5), as in the area model of a pixel; then a resize by
a factor multiplies the whole first and second row of the matrix, principal point included. Camera axes point
right, down and ahead; depth is the distance along the axis, not along the ray.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pinhole(focal_px: float, width: int, height: int) -> NDArray[np.float32]:
    """The matrix `[3 3]` of a camera whose axis meets the middle of the image."""
    return np.array(
        [[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1]], dtype=np.float32
    )


def focal_of_view(degrees: float, width: int) -> float:
    """The focal length in pixels under which `width` pixels see so many degrees."""
    return width / 2 / math.tan(math.radians(degrees) / 2)


def view_of_focal(focal_px: float, width: int) -> float:
    """How many degrees `width` pixels see under a focal length in pixels."""
    return math.degrees(2 * math.atan(width / 2 / focal_px))


def resized(
    intrinsics: NDArray[np.float32], *, scale_x: float, scale_y: float
) -> NDArray[np.float32]:
    """The matrix after the image was resized by the two factors."""
    return (np.diag([scale_x, scale_y, 1.0]) @ intrinsics).astype(np.float32)


def cropped(intrinsics: NDArray[np.float32], *, left: float, top: float) -> NDArray[np.float32]:
    """The matrix after `left` columns and `top` rows were cut away."""
    moved = intrinsics.copy()
    moved[0, 2] -= left
    moved[1, 2] -= top
    return moved


def mirrored(intrinsics: NDArray[np.float32], *, width: int) -> NDArray[np.float32]:
    """The matrix after the image was flipped left to right."""
    moved = intrinsics.copy()
    moved[0, 2] = width - moved[0, 2]
    return moved


def rolled(
    intrinsics: NDArray[np.float32], *, degrees: float, size: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A camera turned about its own axis by so many degrees, clockwise as it looks.

    Depth along the axis does not change. The picture turns about its middle, so the principal point moves.

    Args:
        intrinsics: `[3 3]` of the picture.
        degrees: of the turn.
        size: (rows, columns).

    Returns:
        `[2 3]`, which moves a point (column, row) of the turned picture to its place in the old one, and the
        matrix `[3 3]` of the turned picture.
    """
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    k = np.asarray(intrinsics, np.float64)
    old_of_new = k[:2, :2] @ turn @ np.linalg.inv(k[:2, :2])
    middle = np.array([size[1] / 2, size[0] / 2])
    turned = intrinsics.copy()
    turned[:2, 2] = np.linalg.solve(old_of_new, k[:2, 2] - middle) + middle
    return np.column_stack([old_of_new, middle - old_of_new @ middle]), turned


def rays(intrinsics: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """`[3 h w]` the viewing ray of every pixel centre of a grid of (rows, columns), one metre ahead.

    A point at depth z lies at `z * ray`, in camera axes (right, down, ahead).
    """
    height, width = size
    inverse = np.linalg.inv(np.asarray(intrinsics, np.float64))
    columns = np.arange(width) + 0.5
    rows = np.arange(height) + 0.5
    directions = (
        inverse[:, 0, None, None] * columns
        + inverse[:, 1, None, None] * rows[:, None]
        + inverse[:, 2, None, None]
    )
    return np.asarray(directions, np.float32)


def unproject(depth_m: NDArray[Any], intrinsics: NDArray[Any]) -> NDArray[np.float32]:
    """`[3 h w]` metres in camera axes: the point that each pixel of a depth map `[h w]` sees."""
    return rays(intrinsics, (depth_m.shape[0], depth_m.shape[1])) * np.asarray(depth_m, np.float32)


def moved(points_m: NDArray[Any], b_from_a: NDArray[Any]) -> NDArray[np.float32]:
    """Points `[3 ...]` of axes a in axes b, by a `[4 4]` in metres."""
    turn = np.asarray(b_from_a[:3, :3], np.float32)
    shift = np.asarray(b_from_a[:3, 3], np.float32)
    flat = points_m.reshape(3, -1)
    result: NDArray[np.float32] = (turn @ flat + shift[:, None]).reshape(points_m.shape)
    return result


def project(
    points_m: NDArray[Any], intrinsics: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where points `[3 ...]` of camera axes are seen: columns and rows, `[...]` pixels.

    NaN for what is not before the camera. A pixel's number is the whole part: its centre is at .5.
    """
    x, y, z = np.asarray(points_m, np.float32)
    k = np.asarray(intrinsics, np.float32)
    inverse = np.full_like(z, np.nan)
    np.divide(1, z, out=inverse, where=z > 0)
    column = (k[0, 0] * x + k[0, 1] * y) * inverse + k[0, 2]
    row = (k[1, 1] * y) * inverse + k[1, 2]
    return column, row


def nearest_of_pixel(
    column: NDArray[Any], row: NDArray[Any], depth_m: NDArray[Any], size: tuple[int, int]
) -> NDArray[np.float32]:
    """A z-buffer: `[h w]` the smallest depth among the points that fall into each pixel, NaN for none.

    Args:
        column: where the points are seen, pixels; NaN and places outside are left out.
        row: as `column`.
        depth_m: how far they are; what is not above zero is left out.
        size: (rows, columns) of the picture.
    """
    height, width = size
    with np.errstate(invalid="ignore"):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (depth_m > 0)
    index = row[inside].astype(np.intp) * width + column[inside].astype(np.intp)
    nearest = np.full(height * width, np.inf, np.float32)
    np.minimum.at(nearest, index, np.asarray(depth_m, np.float32)[inside])
    nearest[np.isinf(nearest)] = np.nan
    return nearest.reshape(size)


def depth_in_view(
    depth_m: NDArray[Any],
    *,
    intrinsics: NDArray[Any],
    to_intrinsics: NDArray[Any],
    other_from_this: NDArray[Any],
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """A depth map, dense or sparse, as another camera would have it: every point moved, the nearest kept.

    Args:
        depth_m: `[h w]` metres along this camera's axis, NaN = none.
        intrinsics: `[3 3]` of this camera.
        to_intrinsics: `[3 3]` of the other.
        other_from_this: `[4 4]` moves points from these axes to the other's, metres.
        size: (rows, columns) of the other picture.

    Returns:
        `[rows columns]` metres along the other camera's axis, NaN where no point fell.
    """
    with np.errstate(invalid="ignore"):
        measured = np.nonzero(np.isfinite(depth_m) & (depth_m > 0))
    ahead = rays(intrinsics, (depth_m.shape[0], depth_m.shape[1]))[:, measured[0], measured[1]]
    points = moved(ahead * np.asarray(depth_m, np.float32)[measured], other_from_this)
    column, row = project(points, to_intrinsics)
    return nearest_of_pixel(column, row, points[2], size)
