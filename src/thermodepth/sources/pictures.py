"""Pictures of one frame each: PNG, TIFF, JPEG, BMP, PFM, NPY, radiometric JPEG, or Y16 without a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.lenses import centred_intrinsics
from thermodepth.sources.options import SourceOptions
from thermodepth.thermal import read_thermal, read_y16
from thermodepth.thermal.flir_lens import stated_view_deg
from thermodepth.types import ThermalUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Files of one frame each, in their order."""

    paths: Sequence[Path]
    labels: Sequence[str]  # of each
    options: SourceOptions
    sequence: str
    label: str = ""
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The folder, or the one file."""
        return str(self.paths[0] if len(self.paths) == 1 else self.paths[0].parent)

    @property
    def length(self) -> int:
        """A frame a file."""
        return len(self.paths)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """File by file; each is opened when it is decoded."""
        for path, label in zip(self.paths, self.labels, strict=True):
            decode = partial(decode_picture, path, self.options)
            yield StoredFrame(
                decode=decode, origin=str(path), label=label, file_state=_state_or_none(path)
            )

    def stop(self) -> None:
        """Nothing is waited for."""


def decode_picture(path: Path, options: SourceOptions) -> DecodedFrame:
    """
    Raises:
        DataError: for a file that holds no frame, or not one of the kind that the options ask for.
    """
    if options.y16 is not None:
        raw = read_y16(path, *options.y16, drop=options.margins)
        options.check_counts(raw, str(path))
        return DecodedFrame(raw=raw, unit=ThermalUnit.COUNTS)
    raw, unit = read_thermal(path, expect=options.expected_unit, drop=options.margins)
    view_deg = stated_view_deg(path)
    lens = None if view_deg is None else centred_intrinsics(view_deg, raw.shape)
    return DecodedFrame(raw=raw, unit=unit, intrinsics=lens)


def _state_or_none(path: Path) -> str:
    """Of a file that is gone, decoding says so."""
    try:
        return state_of(path)
    except DataError:
        return ""
