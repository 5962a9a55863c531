"""OpenEXR files with one map, decoded by the package `OpenEXR` (BSD-3-Clause, extra `exr`).

The package is imported only when such a file is opened. It reads the header alone first, which takes no more
memory than the file has bytes; the pixels, which take whatever the header says, only after that was bounded.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import MAX_FILE_BYTES, MAX_PIXELS, byte_count, open_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXR_MAGIC = b"\x76\x2f\x31\x01"
#: Of several channels, the one that is depth by its name: the last part, as in `ViewLayer.Depth.Z`.
_DEPTH_NAMES = ("z", "depth")


def read_exr(path: Path) -> NDArray[Any]:
    """The map [h w] of an EXR file, float16 or float32 as stored.

    It is the only channel, or the only one called `Z` or `depth`, or grey stored as R, G and B.

    Raises:
        DataError: naming the file, when it is broken or too large, has several parts or resolutions or
            deep pixels, or when its channels leave open which one is depth.
        DependencyError: without the package `OpenEXR`.
    """
    file_bytes = byte_count(path)
    with open_file(path):  # a pipe or a device is refused, as everywhere
        pass
    if file_bytes > MAX_FILE_BYTES:
        raise DataError(f"{path}: larger than {MAX_FILE_BYTES // 10**6} MB, not a single frame")
    _require_package(path)
    size, channels = _checked_header(path)
    maps = _pixels(path, channels)
    first = maps[0]
    if first.dtype.kind != "f":
        raise DataError(
            f"{path}: channel {channels[0]} holds whole numbers (UINT); EXR depth is read as floating-point "
            "metres (HALF, FLOAT)"
        )
    if first.shape != size:
        raise DataError(f"{path}: {first.shape} pixels, but its header says {size}")
    if not all(np.array_equal(first, other, equal_nan=True) for other in maps[1:]):
        raise DataError(
            f"{path}: a colour picture (channels {', '.join(channels)} differ), expected one channel of "
            "depth, or one called Z or depth"
        )
    return first


def _require_package(path: Path) -> None:
    try:
        import OpenEXR  # noqa: F401
    except ImportError:
        raise DependencyError(
            f"{path}: an EXR file, which the package OpenEXR decodes: pip install 'thermodepth[exr]'"
        ) from None


def _checked_header(path: Path) -> tuple[tuple[int, int], list[str]]:
    """(rows, columns) and the channels that are depth, from the header alone.

    Raises:
        DataError: when it is damaged, promises too much, or describes something other than one picture.
    """
    import OpenEXR

    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            OpenEXR.File(str(path), separate_channels=True, header_only=True) as file,
        ):
            # What the header holds lives no longer than the file: all of it is copied out.
            parts, header = len(file.parts), file.header()
            is_deep = header.get("type") in (OpenEXR.deepscanline, OpenEXR.deeptile)
            levels = int(header["tiles"].mode) if "tiles" in header else 0
            sampling = {c.name: (c.xSampling, c.ySampling) for c in header["channels"]}
            window, display = (
                (*map(int, first), *map(int, last))
                for first, last in (header["dataWindow"], header["displayWindow"])
            )
    except Exception:  # whatever its reader stumbles on; it says "unable to open" for all of it
        raise DataError(f"{path}: damaged or truncated EXR header; copy it again") from None
    if parts != 1:
        raise DataError(
            f"{path}: an EXR file of several parts; save the depth as a file of its own"
        )
    if is_deep:
        raise DataError(f"{path}: an EXR file with deep pixels; flatten it to one depth a pixel")
    size = window[3] - window[1] + 1, window[2] - window[0] + 1
    # 4 bytes a value, or 2; a picture of many channels takes as much as one of many pixels.
    pixels = size[0] * size[1]
    if pixels > MAX_PIXELS or 4 * pixels * len(sampling) > MAX_FILE_BYTES:
        raise DataError(
            f"{path}: the header says {size[1]}x{size[0]} with {len(sampling)} channels, more than the "
            f"{MAX_PIXELS // 10**6} million pixels or {MAX_FILE_BYTES // 10**6} MB that a depth map may "
            "have; refused before memory is taken"
        )
    if levels:
        raise DataError(f"{path}: holds several resolutions; save the depth at one")
    if window != display:
        raise DataError(
            f"{path}: its pixels cover {window} of a frame that is {display} (first and last column and "
            "row): a crop, or more than the frame; save the whole frame"
        )
    return size, _depth_channels(sampling, str(path))


def _depth_channels(sampling: dict[str, tuple[int, int]], name: str) -> list[str]:
    """The channel that is depth, or all those that must then turn out to be equal.

    Args:
        sampling: channel -> every how many pixels across and down it has a value.
        name: what messages call the file.
    """
    visible = [channel for channel in sampling if _last_part(channel) != "a"] or list(sampling)
    depths = [channel for channel in visible if _last_part(channel) in _DEPTH_NAMES]
    if len(depths) != 1:
        depths = visible
        if len(visible) != 1 and sorted(visible) != ["B", "G", "R"]:
            raise DataError(
                f"{name}: channels {', '.join(sampling)}, of which none or several are called Z or depth; "
                "save the depth as the only channel"
            )
    for channel in depths:
        if sampling[channel] != (1, 1):
            raise DataError(
                f"{name}: channel {channel} has a value at every {sampling[channel]} pixels only; save it at "
                "full resolution"
            )
    return depths


def _last_part(channel: str) -> str:
    return channel.rpartition(".")[2].lower()


def _pixels(path: Path, channels: list[str]) -> list[NDArray[Any]]:
    import OpenEXR

    printed = io.StringIO()
    try:
        # The package prints why it failed and then raises something else.
        with (
            contextlib.redirect_stdout(printed),
            OpenEXR.File(str(path), separate_channels=True) as file,
        ):
            return [np.array(file.channels()[channel].pixels) for channel in channels]
    except Exception as error:  # the package lets through whatever its reader stumbles on
        reason = printed.getvalue().strip().rpartition(" - ")[2] or error
        raise DataError(
            f"{path}: damaged or truncated EXR file ({reason}); copy it again"
        ) from None
