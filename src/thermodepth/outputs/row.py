"""What one row of OUTPUTS is: a file of every frame, or one of a whole recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from thermodepth.inference.depth import Depth
from thermodepth.outputs.settings import OutputSettings


def _always(depth: Depth) -> bool:
    del depth
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOutput:
    """A file of every frame, `STEM_NAME`; written whole or not at all."""

    name: str  # as `--write` takes it and as the file ends: `depth.png`
    summary: str
    #: Writes the file; what could not be stored as it is comes back as a sentence, else an empty text.
    write: Callable[[Path, Depth, OutputSettings], str]
    #: Whether a result has what the file holds; what a model does not tell is not written.
    has: Callable[[Depth], bool] = _always
    wants_range: bool = False  # colours that mean the same in every frame of a recording
    package: str = ""  # that must be installed
    extra: str = ""  # of thermodepth, which brings it


class Recorder(Protocol):
    """Takes the frames of a recording in their order, and closes its one file."""

    def add(self, name: str, depth: Depth) -> None:
        """One more frame.

        Raises:
            DataError: for a frame that does not fit the ones before it.
            OutputError: where the file cannot be written.
        """

    def close(self) -> None:
        """The file is whole, and stands in its place, when this returns; without frames there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOutput:
    """One file of a recording, `NAME`."""

    name: str
    summary: str
    open: Callable[[Path, OutputSettings], Recorder]
    wants_range: bool = False
    package: str = ""
    extra: str = ""


OutputRow = FrameOutput | RecordingOutput
