"""Raw thermal frames from files, and what their values mean.

Files are opened by content: a PNG may be named `.tiff`, and a JPEG may carry a radiometric frame. Only
Y16, bytes without a header, must be told its size.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import MAX_PIXELS, byte_count, read_bytes, read_raster
from thermodepth.thermal.flir import decode_flir, flir_segments
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: No more levels than 8 bits have, this far apart on average: no analogue signal with its noise is so.
AGC_LEVELS = 256
AGC_STEP = 8
#: With fewer pixels than this a level, a frame may have few levels because it is small.
AGC_PIXELS_A_LEVEL = 8
#: Neighbouring pixels differ this many times more than after swapping: the bytes are swapped.
SWAPPED_RATIO = 8


def read_thermal(
    path: Path, *, expect: ThermalUnit | None = None
) -> tuple[NDArray[Any], ThermalUnit]:
    """A raw thermal frame `[h w]` and what its values mean, judged by its number type.

    8-bit is a picture after gain control, wider whole numbers are counts (returned as uint16),
    floating point is kelvin (returned as float32), and so is a FLIR radiometric JPEG.

    Raises:
        DataError: naming the file when it is broken, in colour, flat, not finite, or not in the unit
            that `expect` asks for.
        DependencyError: for a FLIR radiometric JPEG without the package that decodes it.
    """
    segments = flir_segments(path)
    raw = decode_flir(segments, str(path)) if segments else read_raster(path)
    if raw.ndim == 3:
        if (raw == raw[..., :1]).all():
            raw = raw[..., 0]  # grey stored as three equal channels
        else:
            raise DataError(
                f"{path}: a colour picture, expected one thermal channel. False-colour pictures have "
                "lost the temperature order; export the raw 14/16-bit frame"
            )
    unit = thermal_unit(raw, str(path))
    if expect is ThermalUnit.COUNTS:
        refuse_agc(raw, str(path))
    if expect is not None and unit is not expect:
        raise DataError(f"{path}: {raw.dtype} is read as {unit}, where {expect} is meant")
    native = {ThermalUnit.COUNTS: np.uint16, ThermalUnit.KELVIN: np.float32}
    return raw.astype(native.get(unit, raw.dtype), copy=False), unit


def read_y16(
    path: Path, width: int, height: int, byte_order: Literal["little", "big"] = "little"
) -> NDArray[np.uint16]:
    """One frame of raw 16-bit counts `[height width]` from a file that holds nothing else.

    Args:
        path: rows from the top, pixels from the left, two bytes each, no header.
        width: pixels a row.
        height: rows.
        byte_order: `little` as cameras on USB give it, `big` as some network cameras do.

    Raises:
        SettingsError: for an impossible size.
        DataError: naming the file, when it has another number of bytes, one value throughout, or
            evidently the other byte order.
    """
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise SettingsError(
            f"Y16 frames of {width}x{height}: expected 1 to {MAX_PIXELS // 10**6} million pixels"
        )
    wanted = 2 * width * height
    size = byte_count(path)
    content = read_bytes(path, limit=wanted) if size == wanted else b""
    if len(content) != wanted:
        raise DataError(
            f"{path}: {size} bytes, but a {width}x{height} frame of 16 bits has {wanted}"
            + _size_hint(size, wanted, width)
        )
    stored = np.frombuffer(content, "<u2" if byte_order == "little" else ">u2")
    raw = stored.astype(np.uint16).reshape(height, width)
    thermal_unit(raw, str(path))
    if _roughness(raw) > SWAPPED_RATIO * _roughness(raw.byteswap()):
        other = "big" if byte_order == "little" else "little"
        raise DataError(f"{path}: noise when read as {byte_order}-endian; it is {other}-endian")
    return raw


def _size_hint(size: int, wanted: int, width: int) -> str:
    if size and size % wanted == 0:
        return f": it holds {size // wanted} frames; save each as a file of its own"
    if size and size % (2 * width) == 0:
        return f"; at that width it has {size // (2 * width)} rows (some cameras add rows of telemetry)"
    return "; a header, another size or not 16 bits?"


def _roughness(raw: NDArray[np.uint16]) -> float:
    return float(np.abs(np.diff(raw.astype(np.int32), axis=1)).mean()) if raw.shape[1] > 1 else 0.0


def looks_like_agc(raw: NDArray[Any]) -> str | None:
    """Why a frame `[h w]` that `thermal_unit` accepts has been through a camera's gain control, or None.

    8 bits are stored as 16 by doubling the byte (times 257), shifting it (times 256) or stretching it;
    each leaves at most 256 levels with wide gaps, which no 14-bit signal with its noise does.
    """
    if raw.dtype == np.uint8:
        return "8-bit"
    if raw.dtype.kind not in "ui":
        return None
    levels = np.flatnonzero(np.bincount(raw.ravel().astype(np.intp)))
    if len(levels) < 2:
        return None
    for factor in (257, 256):
        if not (levels % factor).any():
            return f"8-bit stored as 16 (every value is a multiple of {factor})"
    wide = levels[-1] - levels[0] >= AGC_STEP * AGC_LEVELS
    if wide and len(levels) <= min(AGC_LEVELS, raw.size // AGC_PIXELS_A_LEVEL):
        span = f"{levels[0]}..{levels[-1]}"
        return f"8-bit stretched to 16 ({len(levels)} levels between {span})"
    return None


def refuse_agc(raw: NDArray[Any], name: str) -> None:
    """Refuse what `looks_like_agc`.

    Raises:
        DataError: with the reason and the remedy.
    """
    reason = looks_like_agc(raw)
    if reason is not None:
        raise DataError(
            f"{name}: {reason} where raw counts are meant. This is a picture after the camera's gain "
            "control; record the 14/16-bit stream instead"
        )


def thermal_unit(raw: NDArray[Any], name: str) -> ThermalUnit:
    """What an array's number type says its values are.

    Raises:
        DataError: for a type or content that no thermal camera writes.
    """
    if raw.ndim != 2 or raw.size == 0:
        raise DataError(f"{name}: shape {raw.shape}, expected one thermal frame [h w]")
    if raw.dtype.kind in "uif" and raw.max() == raw.min():
        raise DataError(f"{name}: every pixel is {raw.max():g}: a closed shutter or a dead frame")
    if raw.dtype == np.uint8:
        return ThermalUnit.DISPLAY
    if raw.dtype.kind in "ui":
        if raw.min() < 0 or raw.max() > 65535:
            raise DataError(
                f"{name}: values {raw.min()}..{raw.max()}, expected 16-bit counts 0..65535"
            )
        return ThermalUnit.COUNTS
    if raw.dtype.kind == "f":
        if not np.isfinite(raw).all():
            raise DataError(f"{name}: holds values that are not finite")
        if raw.min() < 100 or raw.max() > 3000:
            raise DataError(
                f"{name}: values {raw.min():g}..{raw.max():g}; floating-point frames are read as "
                "kelvin (100..3000). Add 273.15 to degrees Celsius, or store counts as uint16"
            )
        return ThermalUnit.KELVIN
    raise DataError(f"{name}: number type {raw.dtype}, expected uint8, uint16 or float32")
