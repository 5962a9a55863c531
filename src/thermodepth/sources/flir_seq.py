"""SEQ and CSQ of FLIR: FFF files one behind another, each a frame with its camera's constants.

Frames are found by their own headers: a frame ends where the last of its records does, and the next one
begins at the next `FFF`. A damaged header costs its own frame. Raw frames are plain words, PNG or JPEG-LS
(CSQ); they come as kelvin where a record of the camera says how, else as counts.

Source: ExifTool's page on FLIR tags. Of the camera's record: at 0x1b4 the field of view, at 0x384 the time,
seconds since 1970 in 32 bits, and thousandths in the lower 16 bits of the next 32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from thermodepth.errors import DataError
from thermodepth.files import byte_count, open_file
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.lenses import centred_intrinsics
from thermodepth.sources.options import SourceOptions
from thermodepth.thermal.flir import CAMERA, RAW, decode_flir, decode_flir_counts, flir_records
from thermodepth.thermal.flir import record_order as order_of
from thermodepth.thermal.flir_lens import view_in
from thermodepth.types import ThermalUnit

MAGICS = (b"FFF\0", b"AFF\0")
SUFFIXES = (".seq", ".csq", ".fff")
MOST_FRAMES = 2_000_000
#: Of one frame: a raw frame of 4 million pixels in plain words has 8 million.
MOST_FRAME_BYTES = 32_000_000
_HEADER_BYTES, _ENTRY_BYTES, _MOST_ENTRIES = 64, 32, 256
_TIME_AT = 0x384
_PIECE_BYTES = 1 << 20  # of a search for the next header


@dataclass(frozen=True, slots=True, kw_only=True)
class FlirSequence:
    """Frames of one file."""

    path: Path
    label: str
    options: SourceOptions
    extents: tuple[tuple[int, int], ...]  # (first byte, bytes) of each frame
    camera: bytes  # record of the first frame that has one; empty: none has
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def sequence(self) -> str:
        """One recording."""
        return str(self.path)

    @property
    def length(self) -> int:
        """Headers in the file."""
        return len(self.extents)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """A frame is read for its time, and decoded when it is asked."""
        state = state_of(self.path)
        with open_file(self.path) as stream:
            for number, (first, size) in enumerate(self.extents):
                origin = f"{self.path}, frame {number}"
                stream.seek(first)
                payload = stream.read(size)
                yield StoredFrame(
                    decode=partial(self._decode, payload, origin),
                    origin=origin,
                    time_s=_time_s(payload),
                    file_state=state,
                )

    def _decode(self, payload: bytes, origin: str) -> DecodedFrame:
        expected = self.options.expected_unit
        if not self.camera or expected is ThermalUnit.COUNTS:
            raw, unit = self.options.frame_of(decode_flir_counts(payload, origin), origin)
            return DecodedFrame(raw=raw, unit=unit)
        kelvin = decode_flir(payload, origin, camera=self.camera)
        raw, unit = self.options.frame_of(kelvin, origin)
        view_deg = view_in(flir_records(payload, origin).get(CAMERA, self.camera))
        lens = None if view_deg is None else centred_intrinsics(view_deg, raw.shape)
        return DecodedFrame(raw=raw, unit=unit, intrinsics=lens)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_flir_sequence(path: Path, label: str, options: SourceOptions) -> FlirSequence:
    """
    Raises:
        DataError: for a file without a single raw frame, or with more than `MOST_FRAMES`.
    """
    with open_file(path) as stream:
        extents = tuple(_extents(stream, byte_count(path), str(path)))
        camera, has_raw = b"", False
        for first, size in extents:
            stream.seek(first)
            try:
                records = flir_records(stream.read(size), str(path))
            except DataError:
                continue
            has_raw |= RAW in records
            camera = camera or records.get(CAMERA, b"")
            if camera and has_raw:
                break
    if not has_raw:
        raise DataError(f"{path}: FLIR's FFF without a raw frame")
    return FlirSequence(path=path, label=label, options=options, extents=extents, camera=camera)


def _extents(stream: BinaryIO, size: int, name: str) -> Iterator[tuple[int, int]]:
    first = _next_magic(stream, 0, size)
    frames = 0
    while first < size:
        if frames == MOST_FRAMES:
            raise DataError(
                f"{name}: more than {MOST_FRAMES} frames; cut the recording into several files"
            )
        end = first + _record_end(stream, first)
        following = _next_magic(stream, end, size)
        yield first, min(following - first, MOST_FRAME_BYTES)
        first, frames = following, frames + 1


def _record_end(stream: BinaryIO, first: int) -> int:
    """Bytes from the header's first to behind its last record; a header's own where it is damaged."""
    stream.seek(first)
    header = stream.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return _HEADER_BYTES
    (version,) = struct.unpack_from("<I", header, 0x14)
    order = "<" if 100 <= version < 200 else ">"
    start, count = struct.unpack_from(f"{order}II", header, 0x18)
    end = int(start) + _ENTRY_BYTES * int(count)
    if count > _MOST_ENTRIES or end > MOST_FRAME_BYTES:
        return _HEADER_BYTES
    stream.seek(first + start)
    directory = stream.read(_ENTRY_BYTES * count)
    for at in range(0, len(directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        kind, offset, length = struct.unpack_from(f"{order}H10xII", directory, at)
        if kind and offset + length <= MOST_FRAME_BYTES:
            end = max(end, int(offset) + int(length))
    return max(end, _HEADER_BYTES)


def _next_magic(stream: BinaryIO, at: int, size: int) -> int:
    """Where the next header begins, or the end of the file."""
    while at < size:
        stream.seek(at)
        piece = stream.read(_PIECE_BYTES)
        places = [place for magic in MAGICS if (place := piece.find(magic)) >= 0]
        if places:
            return at + min(places)
        if len(piece) < _PIECE_BYTES:
            break
        at += len(piece) - len(MAGICS[0]) + 1
    return size


def _time_s(payload: bytes) -> float | None:
    """When the frame was taken, in seconds since 1970."""
    try:
        record = flir_records(payload, "").get(CAMERA, b"")
        seconds, parts = struct.unpack_from(f"{order_of(record)}II", record, _TIME_AT)
    except (DataError, struct.error):
        return None
    return seconds + (parts & 0xFFFF) / 1000 if seconds else None
