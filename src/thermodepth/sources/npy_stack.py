"""An NPY file of many frames, `[n h w]`, read frame by frame.

Source: NEP 1, a simple file format for NumPy arrays: magic, version, header, then the values in C order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import MAX_PIXELS, byte_count, open_file
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.options import SourceOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
_COLOURS = (3, 4)  # of a last axis that holds channels of one picture, rather than columns of many


@dataclass(frozen=True, slots=True, kw_only=True)
class NpyStack:
    """`[n h w]` of a file, `[n 1 h w]` and `[n h w 1]` as networks save them."""

    path: Path
    label: str
    options: SourceOptions
    shape: tuple[int, int, int]  # frames, rows, columns
    dtype: np.dtype[Any]
    first_byte: int
    missing: int  # frames that the header says and the file does not hold
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
        """Of those that the file holds."""
        return self.shape[0] - self.missing

    def stored_frames(self) -> Iterator[StoredFrame]:
        """A frame is read when it is decoded.

        Raises:
            DataError: at the end, for a file that is cut off.
        """
        state = state_of(self.path)
        with open_file(self.path) as stream:
            for number in range(self.length):
                origin = f"{self.path}, frame {number}"
                decode = partial(self._decode, stream, number, origin)
                yield StoredFrame(decode=decode, origin=origin, file_state=state)
        if self.missing:
            raise DataError(
                f"{self.path}: the header says {self.shape[0]} frames, and the file ends after "
                f"{self.length}; copy it again"
            )

    def _decode(self, stream: BinaryIO, number: int, origin: str) -> DecodedFrame:
        _, rows, columns = self.shape
        frame_bytes = rows * columns * self.dtype.itemsize
        stream.seek(self.first_byte + number * frame_bytes)
        content = stream.read(frame_bytes)
        if len(content) < frame_bytes:
            raise DataError(f"{origin}: the file ends before it; copy it again")
        stored: NDArray[Any] = np.frombuffer(content, self.dtype).reshape(rows, columns)
        raw, unit = self.options.frame_of(stored.astype(self.dtype.newbyteorder("=")), origin)
        return DecodedFrame(raw=raw, unit=unit)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_npy_stack(path: Path, label: str, options: SourceOptions) -> NpyStack | None:
    """The stack, or None for a file of one frame, and for what the reader of single frames has to refuse.

    Raises:
        DataError: for a stack that is damaged, or whose frames are larger than any camera's.
    """
    with open_file(path) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, is_fortran, dtype = read_header(stream)
        except Exception:  # numpy lets through whatever its header's parser stumbles on
            return None
        first_byte = stream.tell()
    frames = _stack_shape(shape)
    if frames is None or dtype.kind not in "biuf":
        return None
    if is_fortran:
        raise DataError(
            f"{path}: {shape[0]} frames in Fortran order, of which none lies in one piece; save "
            "numpy.ascontiguousarray(frames)"
        )
    if frames[1] * frames[2] > MAX_PIXELS:
        raise DataError(
            f"{path}: the header says frames of {frames[2]}x{frames[1]}, more than the "
            f"{MAX_PIXELS // 10**6} million pixels that any camera here has"
        )
    frame_bytes = frames[1] * frames[2] * dtype.itemsize
    present = (byte_count(path) - first_byte) // frame_bytes
    return NpyStack(
        path=path,
        label=label,
        options=options,
        shape=frames,
        dtype=dtype,
        first_byte=first_byte,
        missing=max(frames[0] - present, 0),
    )


def _stack_shape(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """(frames, rows, columns) of an array of several; None for one picture, and for what is no pictures."""
    if len(shape) == 4 and 1 in (shape[1], shape[3]):
        shape = (shape[0], shape[2], shape[3]) if shape[1] == 1 else shape[:3]
    if len(shape) != 3 or shape[0] < 2 or shape[2] in (1, *_COLOURS) or 0 in shape:
        return None
    return shape
