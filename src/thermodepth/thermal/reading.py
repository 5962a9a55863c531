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
from thermodepth.pictures import bytes_are_swapped
from thermodepth.thermal.radiometric import lost_raw_frame, read_radiometric
from thermodepth.thermal.telemetry import MOST_ROWS, Margins, refuse_telemetry
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What is wrong with a picture of several channels.
COLOUR = (
    "a colour picture, expected one thermal channel. False-colour pictures have lost the temperature order; "
    "export the raw 14/16-bit frame"
)
#: No more levels than 8 bits have, this far apart on average: no analogue signal with its noise is so.
AGC_LEVELS = 256
AGC_STEP = 8
#: With fewer pixels than this a level, a frame may have few levels because it is small.
AGC_PIXELS_A_LEVEL = 8


def read_thermal(
    path: Path, *, expect: ThermalUnit | None = None, drop: Margins | None = None
) -> tuple[NDArray[Any], ThermalUnit]:
    """A raw thermal frame `[h w]` and what its values mean, judged by its number type.

    8-bit is a picture after gain control, wider whole numbers are counts (returned as uint16),
    floating point is kelvin (returned as float32). Of a radiometric JPEG it is what was measured, never the
    picture: kelvin of FLIR's, counts of DJI's.

    Args:
        path: the file.
        expect: the unit that is meant; another one is refused.
        drop: rows and columns that are no picture. None: there are none, and a frame that evidently has
            some is refused; `Margins()` takes every frame whole.

    Raises:
        DataError: naming the file when it is broken, in colour, flat, not finite, has rows of telemetry,
            or is not in the unit that `expect` asks for.
    """
    frame = read_radiometric(path)
    raw = read_raster(path) if frame is None else frame.values
    if is_colour(raw):
        raise DataError(f"{path}: {COLOUR}{lost_raw_frame(path)}")
    return thermal_frame(raw if raw.ndim == 2 else raw[..., 0], str(path), expect=expect, drop=drop)


def thermal_frame(
    raw: NDArray[Any], name: str, *, expect: ThermalUnit | None = None, drop: Margins | None = None
) -> tuple[NDArray[Any], ThermalUnit]:
    """As `read_thermal`, of pixels `[h w]` or `[h w c]` that were decoded already.

    Args:
        raw: in its own number type.
        name: what messages call the frame.
        expect: as of `read_thermal`.
        drop: as of `read_thermal`.

    Raises:
        DataError: as `read_thermal`.
    """
    if is_colour(raw):
        raise DataError(f"{name}: {COLOUR}")
    if raw.ndim == 3:
        raw = raw[..., 0]  # grey stored as equal channels
    raw = picture_of(raw, drop, name)
    unit = thermal_unit(raw, name)
    if expect is ThermalUnit.COUNTS:
        refuse_agc(raw, name)
    if expect is not None and unit is not expect:
        raise DataError(f"{name}: {raw.dtype} is read as {unit}, where {expect} is meant")
    native = {ThermalUnit.COUNTS: np.uint16, ThermalUnit.KELVIN: np.float32}
    return raw.astype(native.get(unit, raw.dtype), copy=False), unit


def is_colour(raw: NDArray[Any]) -> bool:
    """Whether pixels `[h w c]` have channels that differ; grey is often stored as three equal ones."""
    return raw.ndim == 3 and not bool((raw == raw[..., :1]).all())


def picture_of(raw: NDArray[Any], drop: Margins | None, name: str) -> NDArray[Any]:
    """A frame `[h w]` without what is to be dropped; None drops nothing and refuses `telemetry_rows`.

    Raises:
        DataError: for rows of telemetry that nobody said to drop, or when nothing is left.
    """
    if drop is None:
        refuse_telemetry(raw, name)
        return raw
    return drop.cut(raw, name)


def read_y16(
    path: Path,
    width: int,
    height: int,
    byte_order: Literal["little", "big"] = "little",
    *,
    drop: Margins | None = None,
) -> NDArray[np.uint16]:
    """One frame of raw 16-bit counts `[height width]`, less what is dropped, of a file without a header.

    Args:
        path: rows from the top, pixels from the left, two bytes each, no header.
        width: pixels a row.
        height: rows.
        byte_order: `little` as cameras on USB give it, `big` as some network cameras do.
        drop: as of `read_thermal`.

    Raises:
        SettingsError: for an impossible size.
        DataError: naming the file, when it has another number of bytes, one value throughout, rows of
            telemetry, or evidently the other byte order.
    """
    frame_bytes = y16_bytes(width, height)
    size = byte_count(path)
    content = read_bytes(path, limit=frame_bytes) if size == frame_bytes else b""
    if len(content) != frame_bytes:
        raise DataError(
            f"{path}: {size} bytes, but a {width}x{height} frame of 16 bits has {frame_bytes}"
            + y16_size_hint(size, width, height)
        )
    return y16_frame(content, width, height, byte_order, name=str(path), drop=drop)


def y16_bytes(width: int, height: int) -> int:
    """Of one frame.

    Raises:
        SettingsError: for an impossible size.
    """
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise SettingsError(
            f"Y16 frames of {width}x{height}: expected 1 to {MAX_PIXELS // 10**6} million pixels"
        )
    return 2 * width * height


def y16_frame(
    content: bytes,
    width: int,
    height: int,
    byte_order: Literal["little", "big"] = "little",
    *,
    name: str,
    drop: Margins | None = None,
) -> NDArray[np.uint16]:
    """As `read_y16`, of the bytes of one frame.

    Raises:
        DataError: as `read_y16`.
    """
    stored = np.frombuffer(content, "<u2" if byte_order == "little" else ">u2")
    raw = stored.astype(np.uint16).reshape(height, width)
    if bytes_are_swapped(raw):
        other = "big" if byte_order == "little" else "little"
        raise DataError(f"{name}: noise when read as {byte_order}-endian; it is {other}-endian")
    raw = picture_of(raw, drop, name)
    thermal_unit(raw, name)
    return raw


def y16_size_hint(size: int, width: int, height: int) -> str:
    """What a file without a header may be whose `size` in bytes is not that of one frame."""
    frame_bytes = 2 * width * height
    if size and size % frame_bytes == 0:
        return f": it holds {size // frame_bytes} frames; thermodepth.frames reads them one by one"
    if size and size % (2 * width) == 0:
        rows = size // (2 * width)
        extra = rows - height
        hint = f"; at that width it has {rows} rows"
        if 0 < extra <= MOST_ROWS:
            hint += (
                f": {extra} of telemetry? Then say --y16 {width}x{rows} --drop bottom={extra} "
                f"(or top={extra})"
            )
        return hint
    return "; a header, another size or not 16 bits?"


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
