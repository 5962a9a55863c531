"""What a TIFF says of its pixels, read from its first directory: Pillow drops bits and channels silently.

Pillow hands out 16-bit colour in separate planes as 8-bit, wraps unsigned 32-bit values, and takes several
kinds of numbers for no picture at all. The directory tells beforehand.

Source: TIFF 6.0 and the BigTIFF extension. Tags: 256, 257 size; 258 bits a sample; 277 samples a pixel; 339
sample format (1 unsigned, 2 signed, 3 floating point).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError
from thermodepth.pictures.orientation import ORIENTATION_TAG, UPRIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_ENTRIES = 4096
_SHORT, _LONG, _LONG8 = 3, 4, 16
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _FORMAT = 256, 257, 258, 277, 339
_READ = (_WIDTH, _HEIGHT, _BITS, _SAMPLES, _FORMAT, ORIENTATION_TAG)
_WORDS = {1: "whole", 2: "signed whole", 3: "floating-point", 5: "complex", 6: "complex"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffPixels:
    """What stands in one pixel."""

    size: tuple[int, int]  # rows, columns
    samples: int
    bits: int  # of the widest sample
    sample_format: int
    is_stack: bool  # further pictures follow
    orientation: int  # EXIF's
    orientation_at: int  # its place in the file, or 0

    @property
    def description(self) -> str:
        """`2 channels of 16-bit whole numbers`."""
        channels = "one channel" if self.samples == 1 else f"{self.samples} channels"
        kind = _WORDS.get(self.sample_format, "unknown")
        return f"{channels} of {self.bits}-bit {kind} numbers"


def tiff_pixels(content: bytes) -> TiffPixels | None:
    """What the first directory says; None for what is no TIFF, or too damaged to tell."""
    order = {b"II": "<", b"MM": ">"}.get(content[:2])
    if order is None:
        return None
    try:
        tags, following, orientation_at = _tags(content, order)
    except (struct.error, ValueError):
        return None
    if not tags.get(_WIDTH) or not tags.get(_HEIGHT):
        return None
    return TiffPixels(
        size=(tags[_HEIGHT][0], tags[_WIDTH][0]),
        samples=tags.get(_SAMPLES, (1,))[0],
        bits=max(tags.get(_BITS, (1,))),
        sample_format=max(tags.get(_FORMAT, (1,))),
        is_stack=following != 0,
        orientation=tags.get(ORIENTATION_TAG, (UPRIGHT,))[0],
        orientation_at=orientation_at,
    )


def refuse_many_deep_channels(pixels: TiffPixels, name: str) -> None:
    """Refuse several channels of more than 8 bits.

    Raises:
        DataError: with what it holds.
    """
    if pixels.samples > 1 and pixels.bits > 8:
        raise DataError(
            f"{name}: several channels of {pixels.bits} bits, which can only be read as 8; save one 16-bit "
            "grey channel, or 8-bit colour"
        )


def decode_float64(content: bytes, pixels: TiffPixels, name: str) -> NDArray[np.float64]:
    """`[h w]`, as stored, of a TIFF with one channel of 64-bit floating point whose size was bounded before.

    Raises:
        DataError: when it is damaged.
    """
    import cv2

    stored = np.frombuffer(content, np.uint8)
    if pixels.orientation_at:
        # OpenCV mirrors by this tag and does not turn: it is told that the picture is upright.
        stored = stored.copy()
        offset = pixels.orientation_at
        stored[offset : offset + 2] = (UPRIGHT, 0) if content[:2] == b"II" else (0, UPRIGHT)
    decoded: NDArray[Any] | None = None
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)  # what it stumbles on is said here, in one line
    try:
        decoded = cv2.imdecode(stored, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        decoded = None
    finally:
        log.setLogLevel(level)
    if decoded is not None and decoded.dtype == np.float64 and decoded.ndim == 2:
        return np.asarray(decoded, np.float64)
    raise DataError(
        f"{name}: damaged or truncated picture (TIFF of 64-bit floating point); copy it again"
    )


def _tags(content: bytes, order: str) -> tuple[dict[int, tuple[int, ...]], int, int]:
    """The tags above -> their values; where the next directory and the orientation lie, or 0."""
    (version,) = struct.unpack_from(f"{order}H", content, 2)
    is_big = version == 43
    if version not in (42, 43):
        raise ValueError("no TIFF")
    (offset,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", content, 8 if is_big else 4)
    (count,) = struct.unpack_from(f"{order}{'Q' if is_big else 'H'}", content, offset)
    offset += 8 if is_big else 2
    entry, room = (20, 8) if is_big else (12, 4)
    tags, orientation_at = {}, 0
    for number in range(min(count, _MAX_ENTRIES)):
        at = offset + entry * number
        tag, kind = struct.unpack_from(f"{order}HH", content, at)
        (values,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", content, at + 4)
        form = {_SHORT: "H", _LONG: "I", _LONG8: "Q"}.get(kind)
        if tag not in _READ or form is None or not values:
            continue
        if tag in tags:
            raise ValueError("which of the two another reader believes is anyone's guess")
        values = min(values, 16)
        at += 12 if is_big else 8
        if values * struct.calcsize(f"={form}") > room:
            (at,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", content, at)
        if tag == ORIENTATION_TAG and kind == _SHORT:
            orientation_at = at
        tags[tag] = struct.unpack_from(f"{order}{values}{form}", content, at)
    following = content[offset + entry * count :][: 8 if is_big else 4]
    return tags, int.from_bytes(following, "little" if order == "<" else "big"), orientation_at
