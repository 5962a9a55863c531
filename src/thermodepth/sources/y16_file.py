"""A file of raw 16-bit frames without a header, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from thermodepth.errors import DataError
from thermodepth.files import byte_count, open_file
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.options import SourceOptions, Y16Layout
from thermodepth.thermal import y16_bytes, y16_frame
from thermodepth.types import ThermalUnit

SUFFIXES = (".raw", ".y16", ".bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Y16File:
    """Frames of one size."""

    path: Path
    label: str
    options: SourceOptions
    layout: Y16Layout
    length: int
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def sequence(self) -> str:
        """One recording."""
        return str(self.path)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """A frame is read when it is decoded."""
        state = state_of(self.path)
        with open_file(self.path) as stream:
            for number in range(self.length):
                origin = f"{self.path}, frame {number}"
                decode = partial(self._decode, stream, number, origin)
                yield StoredFrame(decode=decode, origin=origin, file_state=state)

    def _decode(self, stream: BinaryIO, number: int, origin: str) -> DecodedFrame:
        frame_bytes = y16_bytes(self.layout.width, self.layout.height)
        stream.seek(number * frame_bytes)
        content = stream.read(frame_bytes)
        if len(content) < frame_bytes:
            raise DataError(f"{origin}: the file ends before it")
        raw = y16_frame(content, *self.layout, name=origin, drop=self.options.margins)
        self.options.check_counts(raw, origin)
        return DecodedFrame(raw=raw, unit=ThermalUnit.COUNTS)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_y16_file(path: Path, label: str, options: SourceOptions) -> Y16File | None:
    """The recording; None for one frame, and for what the reader of single frames has to refuse."""
    assert options.y16 is not None
    frame_bytes = y16_bytes(options.y16.width, options.y16.height)
    size = byte_count(path)
    if size < 2 * frame_bytes or size % frame_bytes:
        return None
    return Y16File(
        path=path, label=label, options=options, layout=options.y16, length=size // frame_bytes
    )
