"""OpenEXR files with one map: the header is read here and bounded, the pixels come from `OpenEXR`.

The package (BSD-3-Clause, extra `exr`) is imported only when such a file is opened, and gets a file only
after its sizes were found sound: it takes memory for whatever the header says.

Layout: "OpenEXR File Layout", openexr.com. After the magic number a version with flags; attributes, each
name 0, type 0, size, value; a byte 0; then the table of chunks and the pixels. All is little-endian.
A channel is name 0, pixel type, linear, 3 reserved, x and y sampling; an empty name ends the list.
"""

from __future__ import annotations

import contextlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import MAX_FILE_BYTES, MAX_PIXELS, byte_count, open_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXR_MAGIC = b"\x76\x2f\x31\x01"
MAX_HEADER_BYTES = 4_000_000  # previews and camera data lie in there; real ones have some kB
MAX_NAME_BYTES = 255
_VERSION = 2
_DEEP, _MULTIPART = 0x800, 0x1000
_PIXEL_TYPES = {0: "UINT", 1: "HALF", 2: "FLOAT"}
#: Of several channels, the one that is depth by its name: the last part, as in `ViewLayer.Depth.Z`.
_DEPTH_NAMES = ("z", "depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExrChannel:
    """One channel as the header describes it."""

    name: str
    pixel_type: str  # UINT, HALF, FLOAT
    sampling: tuple[int, int]  # every how many pixels across and down there is a value


@dataclass(frozen=True, slots=True, kw_only=True)
class ExrHeader:
    """What must be known before the pixels are read."""

    size: tuple[int, int]  # (rows, columns)
    channels: tuple[ExrChannel, ...]


def read_exr(path: Path) -> NDArray[Any]:
    """The map [h w] of an EXR file, float16 or float32 as stored.

    It is the only channel, or the only one called `Z` or `depth`, or grey stored as R, G and B.

    Raises:
        DataError: naming the file, when it is broken or too large, has several parts or resolutions or
            deep pixels, or when its channels leave open which one is depth.
        DependencyError: without the package `OpenEXR`.
    """
    file_bytes = byte_count(path)
    with open_file(path) as stream:
        head = stream.read(MAX_HEADER_BYTES)
    if file_bytes > MAX_FILE_BYTES:
        raise DataError(f"{path}: larger than {MAX_FILE_BYTES // 10**6} MB, not a single frame")
    header = exr_header(head, str(path))
    wanted = _depth_channels(header, str(path))
    try:
        import OpenEXR
    except ImportError:
        raise DependencyError(
            f"{path}: an EXR file, which the package OpenEXR decodes: pip install 'thermodepth[exr]'"
        ) from None
    said = io.StringIO()
    try:
        # The package prints why it failed and then raises something else.
        with (
            contextlib.redirect_stdout(said),
            OpenEXR.File(str(path), separate_channels=True) as file,
        ):
            maps = [np.array(file.channels()[channel].pixels) for channel in wanted]
    except Exception as error:  # the package lets through whatever its reader stumbles on
        reason = said.getvalue().strip().rpartition(" - ")[2] or error
        raise DataError(
            f"{path}: damaged or truncated EXR file ({reason}); copy it again"
        ) from None
    first = maps[0]
    if first.shape != header.size:
        raise DataError(f"{path}: {first.shape} pixels, but its header says {header.size}")
    if not all(np.array_equal(first, other, equal_nan=True) for other in maps[1:]):
        raise DataError(
            f"{path}: a colour picture (channels {', '.join(wanted)} differ), expected one channel of "
            "depth, or one called Z or depth"
        )
    return first


def exr_header(head: bytes, name: str) -> ExrHeader:
    """The header at the start of a file, which `name` is what messages call.

    Raises:
        DataError: when it is damaged, promises too much, or describes something other than one picture.
    """
    if len(head) < 8 or head[:4] != EXR_MAGIC:
        raise _damaged(name, "no header")
    (version,) = struct.unpack_from("<I", head, 4)
    if version & 0xFF != _VERSION:
        raise DataError(f"{name}: EXR version {version & 0xFF}, and only {_VERSION} is known")
    if version & _MULTIPART:
        raise DataError(
            f"{name}: an EXR file of several parts; save the depth as a file of its own"
        )
    if version & _DEEP:
        raise DataError(f"{name}: an EXR file with deep pixels; flatten it to one depth a pixel")
    attributes = _attributes(head, name)
    window = _window(attributes, "dataWindow", name)
    display = _window(attributes, "displayWindow", name)
    channels = _channels(_value(attributes, "channels", "chlist", name), name)
    width, height = window[2] - window[0] + 1, window[3] - window[1] + 1
    if min(width, height) < 1:
        raise DataError(f"{name}: its header says {width}x{height} pixels")
    # 4 bytes a value, or 2; a picture of many channels takes as much as one of many pixels.
    if width * height > MAX_PIXELS or 4 * width * height * len(channels) > MAX_FILE_BYTES:
        raise DataError(
            f"{name}: the header says {width}x{height} with {len(channels)} channels, more than the "
            f"{MAX_PIXELS // 10**6} million pixels or {MAX_FILE_BYTES // 10**6} MB that a depth map may "
            "have; refused before memory is taken"
        )
    if "tiles" in attributes:
        across, down, mode = _unpack("<IIB", _value(attributes, "tiles", "tiledesc", name), name)
        if not 0 < across * down <= MAX_PIXELS:
            raise _damaged(name, f"tiles of {across}x{down}")
        if mode & 0xF:
            raise DataError(f"{name}: holds several resolutions; save the depth at one")
    if window != display:
        raise DataError(
            f"{name}: its pixels cover {window} of a frame that is {display} (first and last column and "
            "row): a crop, or more than the frame; save the whole frame"
        )
    return ExrHeader(size=(height, width), channels=channels)


def _depth_channels(header: ExrHeader, name: str) -> list[str]:
    """The channel that is depth, or all those that must then turn out to be equal."""
    by_name = {c.name: c for c in header.channels}
    visible = [n for n in by_name if _last(n) != "a"] or list(by_name)
    called = [n for n in visible if _last(n) in _DEPTH_NAMES]
    if len(called) == 1:
        wanted = called
    elif len(visible) == 1 or sorted(visible) == ["B", "G", "R"]:
        wanted = visible
    else:
        raise DataError(
            f"{name}: channels {', '.join(by_name)}, of which none or several are called Z or depth; save "
            "the depth as the only channel"
        )
    for channel in (by_name[n] for n in wanted):
        if channel.pixel_type == "UINT":
            raise DataError(
                f"{name}: channel {channel.name} holds whole numbers (UINT); EXR depth is read as "
                "floating-point metres (HALF, FLOAT)"
            )
        if channel.sampling != (1, 1):
            raise DataError(
                f"{name}: channel {channel.name} has a value at every {channel.sampling} pixels only; "
                "save it at full resolution"
            )
    return wanted


def _last(channel: str) -> str:
    return channel.rpartition(".")[2].lower()


def _attributes(head: bytes, name: str) -> dict[str, tuple[str, bytes]]:
    """Attribute -> (type, value)."""
    found: dict[str, tuple[str, bytes]] = {}
    place = 8
    while True:
        attribute, place = _text(head, place, name)
        if not attribute:
            return found
        kind, place = _text(head, place, name)
        size = struct.unpack_from("<i", head, place)[0] if place + 4 <= len(head) else -1
        place += 4
        if not 0 <= size <= len(head) - place:
            raise _damaged(name, f"attribute {attribute} ends outside the header")
        if attribute in found:
            # Which of the two another reader believes is anyone's guess.
            raise _damaged(name, f"attribute {attribute} comes twice")
        found[attribute] = kind, head[place : place + size]
        place += size


def _text(head: bytes, place: int, name: str) -> tuple[str, int]:
    """The text up to the next byte 0, and the place after it."""
    end = head.find(b"\x00", place, place + MAX_NAME_BYTES + 1)
    if end < 0:
        raise _damaged(name, "it ends within a name, or the name is too long")
    return head[place:end].decode("utf-8", "replace"), end + 1


def _value(attributes: dict[str, tuple[str, bytes]], attribute: str, kind: str, name: str) -> bytes:
    if attribute not in attributes or attributes[attribute][0] != kind:
        raise _damaged(name, f"no attribute {attribute} of type {kind}")
    return attributes[attribute][1]


def _window(attributes: dict[str, tuple[str, bytes]], attribute: str, name: str) -> tuple[int, ...]:
    """(first column, first row, last column, last row)."""
    return _unpack("<4i", _value(attributes, attribute, "box2i", name), name)


def _unpack(form: str, value: bytes, name: str) -> tuple[int, ...]:
    if len(value) != struct.calcsize(form):
        raise _damaged(name, f"an attribute of {len(value)} bytes has another size")
    return struct.unpack(form, value)


def _channels(value: bytes, name: str) -> tuple[ExrChannel, ...]:
    found: dict[str, ExrChannel] = {}
    place = 0
    while True:
        channel, place = _text(value, place, name)
        if not channel:
            break
        if place + 16 > len(value):
            raise _damaged(name, "its list of channels is cut off")
        kind, across, down = struct.unpack_from("<i4x2i", value, place)
        place += 16
        if kind not in _PIXEL_TYPES or min(across, down) < 1 or channel in found:
            raise _damaged(name, f"channel {channel}")
        found[channel] = ExrChannel(
            name=channel, pixel_type=_PIXEL_TYPES[kind], sampling=(across, down)
        )
    if not found:
        raise _damaged(name, "no channels")
    return tuple(found.values())


def _damaged(name: str, reason: str) -> DataError:
    return DataError(f"{name}: damaged or truncated EXR header ({reason}); copy it again")
