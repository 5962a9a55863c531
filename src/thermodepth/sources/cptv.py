"""CPTV, the recordings of the Cacophony Project's cameras (Lepton): counts as differences, packed and zipped.

    gzip( "CPTV", version, sections... )   section: a letter, how many fields, fields: length, letter, value
    H   X, Y columns and rows (u32), T start (u64, microseconds since 1970), C compression (1), J frames (u16)
    F   w bits of a value, f bytes of the frame (u32), t milliseconds since it was on (u32), g background

A frame is added to the one before it: an int32, then values of w bits, the highest first, in two's
complement; their running sum lies along a line that goes right in even rows and left in odd ones. All numbers
but the packed ones have their low byte first. Frames marked as background are what the camera believes to be
empty, and no frames.

Source: the project's specification of CPTV, versions 1 and 2. Its Python package (Apache-2.0) is not used: it
believes every size that a file states, and prints.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import open_file
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.options import SourceOptions
from thermodepth.thermal.flir import MAX_THERMAL_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP = b"\x1f\x8b"
SUFFIXES = (".cptv",)
_VERSIONS = (1, 2)
_HEADER, _FRAME = b"H", b"F"
_MOST_BITS = 24
#: Of the values that are read; others are passed over.
_NUMBERS = {b"X": "<I", b"Y": "<I", b"T": "<Q", b"C": "<B", b"J": "<H"}
_FRAME_NUMBERS = {b"w": "<B", b"f": "<I", b"t": "<I", b"g": "<B"}
_BROKEN = (EOFError, OSError, zlib.error, struct.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What the file says of all its frames."""

    columns: int
    rows: int
    start_s: float
    frames: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CptvRecording:
    """Frames of one file."""

    path: Path
    label: str
    options: SourceOptions
    header: _Header
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
    def length(self) -> int | None:
        """As newer headers say; None: nobody knows before the end."""
        return self.header.frames

    def stored_frames(self) -> Iterator[StoredFrame]:
        """Each stands on the one before it, so all are unpacked.

        Raises:
            DataError: where the file is cut off or damaged: what lies behind stands on what is missing.
        """
        header, state = self.header, state_of(self.path)
        line = np.zeros(header.rows * header.columns, np.int32)
        number, first_ms = 0, None
        with open_file(self.path) as file, gzip.GzipFile(fileobj=file) as stream:
            try:
                _read_header(stream, str(self.path))
                while (fields := _section(stream, _FRAME, _FRAME_NUMBERS)) is not None:
                    line = line + _differences(stream, fields, line.size)
                    if fields.get(b"g"):
                        continue
                    time_ms = fields.get(b"t", 0)
                    first_ms = time_ms if first_ms is None else first_ms
                    origin = f"{self.path}, frame {number}"
                    yield StoredFrame(
                        decode=partial(self._decode, line, origin),
                        origin=origin,
                        time_s=header.start_s + (time_ms - first_ms) / 1000 if time_ms else None,
                        file_state=state,
                    )
                    number += 1
            except _BROKEN as error:
                raise DataError(
                    f"{self.path}: cut off or damaged behind frame {number} ({error}); copy it again"
                ) from None

    def _decode(self, line: NDArray[np.int32], origin: str) -> DecodedFrame:
        frame = line.reshape(self.header.rows, self.header.columns).copy()
        frame[1::2] = frame[1::2, ::-1]
        raw, unit = self.options.frame_of(frame, origin)
        return DecodedFrame(raw=raw, unit=unit)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_cptv(path: Path, label: str, options: SourceOptions) -> CptvRecording:
    """
    Raises:
        DataError: for a file that is none, or whose frames are larger than any camera's.
    """
    with open_file(path) as file, gzip.GzipFile(fileobj=file) as stream:
        try:
            header = _read_header(stream, str(path))
        except _BROKEN as error:
            raise DataError(f"{path}: no CPTV recording, or damaged ({error})") from None
    return CptvRecording(path=path, label=label, options=options, header=header)


def _read_header(stream: BinaryIO | gzip.GzipFile, name: str) -> _Header:
    if stream.read(4) != b"CPTV" or stream.read(1)[:1] not in (bytes([v]) for v in _VERSIONS):
        raise DataError(f"{name}: no CPTV recording of version 1 or 2")
    fields = _section(stream, _HEADER, _NUMBERS)
    if fields is None or not {b"X", b"Y"} <= set(fields) or fields.get(b"C") != 1:
        raise DataError(f"{name}: a CPTV recording without size, or of another compression than 1")
    columns, rows = fields[b"X"], fields[b"Y"]
    if not 0 < rows * columns <= MAX_THERMAL_PIXELS:
        raise DataError(
            f"{name}: its header says frames of {columns}x{rows}, expected up to "
            f"{MAX_THERMAL_PIXELS // 10**6} million pixels; refused before memory is taken"
        )
    return _Header(
        columns=columns,
        rows=rows,
        start_s=fields.get(b"T", 0) / 1e6,
        frames=fields.get(b"J") or None,
    )


def _section(
    stream: BinaryIO | gzip.GzipFile, kind: bytes, numbers: dict[bytes, str]
) -> dict[bytes, int] | None:
    """The fields of a section that are `numbers`; None at the end of the file."""
    letter = stream.read(1)
    if not letter:
        return None
    if letter != kind:
        raise OSError(f"a section {letter!r} where {kind!r} is expected")
    fields: dict[bytes, int] = {}
    for _ in range(_whole(stream, 1)[0]):
        length, name = _whole(stream, 1)[0], _whole(stream, 1)
        value = _whole(stream, length)
        if name in numbers:
            (fields[name],) = struct.unpack(numbers[name], value)
    return fields


def _differences(
    stream: BinaryIO | gzip.GzipFile, fields: dict[bytes, int], pixels: int
) -> NDArray[np.int32]:
    """`[h * w]` what is added to the frame before, along the line of pixels."""
    bits, size = fields.get(b"w", 0), fields.get(b"f", 0)
    if not 1 <= bits <= _MOST_BITS:
        raise OSError(f"values of {bits} bits")
    needed = 4 + -(-(pixels - 1) * bits // 8)
    if not needed <= size <= needed + 8:
        raise OSError(f"{size} bytes of a frame that has {needed}")
    content = _whole(stream, size)
    packed = np.unpackbits(np.frombuffer(content, np.uint8, offset=4), count=(pixels - 1) * bits)
    values = packed.reshape(-1, bits) @ (1 << np.arange(bits - 1, -1, -1, dtype=np.int32))
    values -= (values >> (bits - 1)) << bits  # the highest bit counts negative
    steps = np.concatenate([np.frombuffer(content[:4], "<i4"), values])
    return np.cumsum(steps, dtype=np.int32)


def _whole(stream: BinaryIO | gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise EOFError("the file ends here")
    return content
