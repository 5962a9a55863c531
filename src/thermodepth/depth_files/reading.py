"""One depth map file to [h w] float32, NaN where it says nothing.

    whole numbers       value / per_metre; 0 is no value     16-bit PNG and TIFF, integer NPY
    floating point      as stored, metres                    NPY, TIFF, EXR, PFM

`per_metre` is 256 in KITTI, MS2 and our own files, 1000 in millimetres. Files are known by their content,
bounded before memory is taken, and refused where they are pictures for the eye: 8 bits, or colour.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.depth_files.exr import EXR_MAGIC, read_exr
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import open_file, read_raster
from thermodepth.pictures import HEAD_BYTES, foreign_format

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_METRE = 256.0
DEPTH_SUFFIXES = (".png", ".npy", ".tif", ".tiff", ".exr", ".pfm")

_ZIP = b"PK\x03\x04"
_RASTERS = (
    b"\x89PNG",
    b"\x93NUM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",  # BigTIFF
    b"MM\x00+",
    b"\xff\xd8",  # JPEG and BMP are decoded only to be told from depth
    b"BM",
    b"Pf",  # PFM
    b"PF",
)


def read_depth_values(path: Path, *, per_metre: float = PER_METRE) -> NDArray[np.float32]:
    """The values [h w] of a map of any geometry; what is not finite, and 0 in whole numbers, is NaN.

    Values of 0 or less in a file of floating point stay: of an affine map they are as good as others,
    and of depth it is scoring that judges them.

    Args:
        path: a PNG, NPY, TIFF, EXR or PFM file with one channel.
        per_metre: what a metre is in files of whole numbers; those of floating point hold metres.

    Raises:
        DataError: naming the file, when it is broken, too large, of another format or no depth map.
        DependencyError: for an EXR file without the package that decodes it.
        SettingsError: for a scale that is not a positive number.
    """
    check_per_metre(per_metre)
    stored = read_exr(path) if _start_of(path).startswith(EXR_MAGIC) else _read_other(path)
    if stored.dtype.kind == "f":
        with np.errstate(over="ignore"):
            values = stored.astype(np.float32)
    else:
        values = np.divide(stored, per_metre, dtype=np.float64).astype(np.float32)
        values[stored == 0] = np.nan
    values[~np.isfinite(values)] = np.nan
    return values


def read_truth_m(path: Path, *, per_metre: float = PER_METRE) -> NDArray[np.float32]:
    """Measured depth in metres [h w]; what is not finite and above 0 is no measurement, hence NaN.

    Raises:
        DataError: as `read_depth_values`.
        DependencyError: as `read_depth_values`.
        SettingsError: as `read_depth_values`.
    """
    depth_m = read_depth_values(path, per_metre=per_metre)
    depth_m[~(depth_m > 0)] = np.nan
    return depth_m


def check_per_metre(per_metre: float, name: str = "per_metre") -> None:
    """Refuse a scale that divides into nothing.

    Raises:
        SettingsError: when it is not a positive number.
    """
    if not (math.isfinite(per_metre) and per_metre > 0):
        raise SettingsError(
            f"{name}: {per_metre:g}, expected what one metre is in a file of whole numbers, such as 256 "
            "(KITTI, MS2) or 1000 (millimetres)"
        )


def _read_other(path: Path) -> NDArray[Any]:
    start = _start_of(path)
    if start.startswith(_ZIP):
        raise DataError(
            f"{path}: an NPZ or ZIP archive, which may hold anything; save the one array with numpy.save"
        )
    if start and not start.startswith(_RASTERS):
        title, _, remedy = foreign_format(start).partition("; ")
        raise DataError(
            f"{path}: {f'{title}, ' if title else ''}not a PNG, NPY, TIFF, EXR or PFM file, judged by its "
            f"content; these are the formats of depth maps that are read{f': {remedy}' if remedy else ''}"
        )
    stored = read_raster(path)
    if stored.ndim != 2:
        raise DataError(
            f"{path}: a colour picture ({stored.dtype} {stored.shape}), expected one channel of depth. "
            "Colour maps are for the eye and cannot be undone; give the 16-bit or floating-point map"
        )
    if stored.dtype in (np.uint8, np.int8, np.bool_):
        raise DataError(
            f"{path}: {stored.dtype} has at most 256 levels: a picture of depth for the eye, stretched by "
            "whatever made it. Give the 16-bit PNG or the NPY, TIFF, EXR or PFM file with metres"
        )
    return stored


def _start_of(path: Path) -> bytes:
    try:
        with open_file(path) as stream:
            return stream.read(HEAD_BYTES)
    except DataError:
        return b""  # whoever opens it next says what is wrong
