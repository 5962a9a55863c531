"""Numbers of a calibration file: taken over one by one, or refused by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

#: OpenCV, Kalibr and Matlab's exports count from the centre of the first pixel, this project from its corner.
CENTRE_OF_FIRST_PIXEL = 0.5

LARGEST_SIDE = 65_536
SMALLEST_FOCAL_PX, LARGEST_PX = 1e-3, 1e7


def numbers(value: Any, where: str, *, limit: int = 64) -> list[float]:
    """All numbers of a value, a list or nested lists, row by row.

    Raises:
        DataError: naming `where` for anything that is not a finite number, or more of them than `limit`.
    """
    values: list[float] = []
    for leaf in _leaves(value, where):
        if len(values) == limit:
            raise DataError(f"{where}: more than {limit} numbers")
        values.append(_number(leaf, where))
    return values


def matrix(value: Any, shape: tuple[int, ...], where: str) -> Matrix:
    """As many numbers as `shape` has, nested or in one row, as an array of that shape.

    Raises:
        DataError: naming `where`.
    """
    size = math.prod(shape)
    values = numbers(value, where)
    if len(values) != size:
        raise DataError(f"{where}: {len(values)} numbers, expected {size} for {list(shape)}")
    return np.array(values, np.float64).reshape(shape)


def intrinsics(value: Any, where: str, *, first_pixel: float) -> Matrix:
    """A camera matrix `[3 3]` in this project's pixels; `first_pixel`: where the file has its centre.

    Raises:
        DataError: for what is no camera matrix.
    """
    camera_matrix = matrix(value, (3, 3), where)
    focal_px = min(camera_matrix[0, 0], camera_matrix[1, 1])
    if camera_matrix[2].tolist() != [0, 0, 1] or camera_matrix[1, 0] != 0 or focal_px <= 0:
        raise DataError(
            f"{where}: not a camera matrix; expected [[fx 0 cx] [0 fy cy] [0 0 1]] with fx, fy > 0"
        )
    if focal_px < SMALLEST_FOCAL_PX or np.abs(camera_matrix).max() > LARGEST_PX:
        raise DataError(
            f"{where}: no camera has such a matrix; fx, fy must lie within {SMALLEST_FOCAL_PX:g} to "
            f"{LARGEST_PX:g} px, cx, cy below {LARGEST_PX:g}"
        )
    camera_matrix[:2, 2] += CENTRE_OF_FIRST_PIXEL - first_pixel
    return camera_matrix


def moved(rotation: Any, translation: Any, where: str, *, unit_m: float = 1.0) -> Matrix:
    """`[4 4]` metres of a rotation [3 3] and a translation [3] in units of `unit_m`.

    The rotation is taken as it is; `check_calibration` says whether it is one.

    Raises:
        DataError: for numbers that are missing, or that no inverse exists for.
    """
    pose = np.eye(4)
    pose[:3, :3] = matrix(rotation, (3, 3), f"{where}: rotation")
    pose[:3, 3] = matrix(translation, (3,), f"{where}: translation") * unit_m
    return invertible(pose, where)


def rigid(value: Any, where: str) -> Matrix:
    """`[4 4]` metres from 16 numbers, or 12 without the last row.

    Raises:
        DataError: for another count, a last row other than 0 0 0 1, or no inverse.
    """
    values = numbers(value, where)
    if len(values) == 12:
        values += [0, 0, 0, 1]
    pose = matrix(values, (4, 4), where)
    if pose[3].tolist() != [0, 0, 0, 1]:
        raise DataError(f"{where}: the last row is {pose[3].tolist()}, expected 0 0 0 1")
    return invertible(pose, where)


def invertible(pose: Matrix, where: str) -> Matrix:
    """The matrix itself, where its inverse has only finite numbers of a sane size."""
    with np.errstate(all="ignore"):
        usable = bool(np.abs(pose).max() < 1e12 and abs(np.linalg.det(pose[:3, :3])) > 1e-9)
    if not usable:
        raise DataError(f"{where}: has no inverse, so it moves nothing from one camera to another")
    return pose


def pixels(value: Any, where: str) -> int:
    """A side of a picture.

    Raises:
        DataError: for anything but a whole number of 1 to 65536.
    """
    side = _number(value, where)
    if side != int(side) or not 1 <= side <= LARGEST_SIDE:
        raise DataError(f"{where}: {side:g}, expected whole pixels, 1 to {LARGEST_SIDE}")
    return int(side)


def _number(value: Any, where: str) -> float:
    try:
        # YAML readers leave 1e-3, without a dot, as text.
        number = math.nan if isinstance(value, bool | None) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: {_printable(value)} is not a finite number")
    return number


def _printable(value: Any) -> str:
    """Short and safe to print: only the type of what is not a plain value."""
    plain = isinstance(value, str | float | bool | None)
    return (
        repr(value if not isinstance(value, str) else value[:40])
        if plain
        else str(type(value).__name__)
    )


def _leaves(value: Any, where: str, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        yield from value.ravel().tolist()
    elif isinstance(value, list | tuple):
        if depth > 3:
            raise DataError(f"{where}: lists nested deeper than a matrix")
        for item in value:
            yield from _leaves(item, where, depth + 1)
    else:
        yield value
