"""Depth and colour files of recordings as the arrays of a `Sample`, and whether they fit together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import read_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RIM = 0.1  # of the picture; the principal points of published rigs lie at 0.4 to 0.6
Stored = Literal["16-bit", "float", "any"]


def read_depth_m(
    path: Path, *, metres: float, no_value: float = 0.0, stored: Stored = "any"
) -> NDArray[np.float32]:
    """[h w] depth in metres, NaN where the file has none.

    Args:
        path: a picture or an NPY file with one channel.
        metres: how many a value of 1 stands for.
        no_value: what the file writes where nothing was measured; what is not finite or not positive
            is no measurement either.
        stored: the number type that the data set writes; another one means other units.

    Raises:
        DataError: naming the file when it is broken, or not such a map.
    """
    values = read_raster(path)
    kind = values.dtype.kind
    fits = values.ndim == 2 and (
        kind in "uif"
        if stored == "any"
        else kind == "f"
        if stored == "float"
        else values.dtype in (np.uint16, np.int32)  # Pillow opens some 16-bit files as the latter
    )
    if not fits:
        descriptions = {"any": "one channel of numbers", "float": "floating-point metres"}
        raise DataError(
            f"{path}: {values.dtype} {values.shape}, expected "
            f"{descriptions.get(stored, f'16-bit values of {metres:g} m')} [h w]"
        )
    valid = np.isfinite(values) & (values != no_value) & (values > 0)
    depth_m = np.full(values.shape, np.nan, np.float32)
    depth_m[valid] = values[valid] * metres
    return depth_m


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """[h w 3] an 8-bit picture; grey becomes three equal channels.

    Raises:
        DataError: naming the file when it is broken or not 8-bit.
    """
    rgb = read_raster(path)
    if rgb.dtype != np.uint8:
        raise DataError(f"{path}: {rgb.dtype}, expected an 8-bit picture")
    if rgb.ndim == 2:
        rgb = np.repeat(rgb[..., None], 3, axis=2)
    return rgb


def check_same_size(path: Path, values: NDArray[Any], other: Path, like: NDArray[Any]) -> None:
    """Maps of one view share one pixel grid.

    Raises:
        DataError: naming both files when `values` of `path` and `like` of `other` differ in size.
    """
    if values.shape[:2] != like.shape[:2]:
        raise DataError(
            f"{path}: {_pixels(values)}, but {other} is {_pixels(like)}, and both are on one pixel grid"
        )


def check_looks_into(
    intrinsics: NDArray[np.floating], like: NDArray[Any], *, calibration: Path | str, other: Path
) -> None:
    """The axis of a camera meets its picture, and not its rim.

    Raises:
        DataError: when it does not. A lens of twice the size has its principal point in a corner.
    """
    height, width = like.shape[:2]
    x, y = float(intrinsics[0, 2]), float(intrinsics[1, 2])
    if not (_RIM < x / width < 1 - _RIM and _RIM < y / height < 1 - _RIM):
        raise DataError(
            f"{calibration}: principal point ({x:.1f}, {y:.1f}) far off the middle of {other}, "
            f"which is {width}x{height}: the calibration is of another size or part of these frames"
        )


def at_size(depth_m: NDArray[np.float32], size: tuple[int, int], path: Path) -> NDArray[np.float32]:
    """A depth map of a camera at a smaller size of its pictures: of each block, the nearest measurement.

    That is what a z-buffer of the smaller size keeps of the points behind the map.

    Raises:
        DataError: when it is not a whole number of times as large.
    """
    rows, columns = size
    height, width = depth_m.shape
    down, across = max(height // rows, 1), max(width // columns, 1)
    if (height, width) != (rows * down, columns * across):
        raise DataError(
            f"{path}: {width}x{height}, which is not a whole number of times the picture's {columns}x{rows}"
        )
    if (down, across) == (1, 1):
        return depth_m
    blocks = depth_m.reshape(rows, down, columns, across)
    nearest: NDArray[np.float32] = np.fmin.reduce(np.fmin.reduce(blocks, axis=3), axis=1)
    return nearest


def _pixels(values: NDArray[Any]) -> str:
    return f"{values.shape[1]}x{values.shape[0]}"
