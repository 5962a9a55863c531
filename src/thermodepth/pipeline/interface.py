"""What can be attached between a source and the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from thermodepth.inference.depth import Depth
    from thermodepth.sources import SourceFrame
    from thermodepth.thermal import NormaliserState


class DepthEstimator(Protocol):
    """From a frame to depth, on any runtime; `thermodepth.Predictor` is one."""

    def predict_frame(self, frame: SourceFrame, *, state: NormaliserState | None = None) -> Depth:
        """Depth at the frame's own size.

        Args:
            frame: of a source.
            state: one for each sequence, for recipes that remember earlier frames; None for stills.

        Raises:
            DataError: for a frame that cannot be predicted; those behind it may.
        """


class Stage(Protocol):
    """What is done around the prediction of a frame, such as steadying a video or setting its scale."""

    def reset(self) -> None:
        """Before the first frame of every sequence: what is remembered of earlier ones is forgotten."""

    def prepare(self, frame: SourceFrame) -> NormaliserState | None:
        """Before the frame is predicted. Frames of a sequence come in the order of time.

        Returns:
            What the input's recipe is to remember of earlier frames, where this stage decides that.
        """

    def refine(self, frame: SourceFrame, depth: Depth) -> Depth:
        """After it: depth at the same size.

        Raises:
            DataError: for a frame that this cannot be done to; those behind it may.
        """


class Writer(Protocol):
    """What becomes of the depth of frames on disk."""

    @property
    def is_resumable(self) -> bool:
        """Whether frames have files of their own, so that a later run may leave written ones out."""

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        """Write a frame; whatever was written before stays readable if the program is killed meanwhile.

        Returns:
            The files of frames that are whole now; none as long as they wait for others, and none of a
            writer of one file for all.

        Raises:
            DataError: for a frame that does not fit the ones before it; those behind it may.
            OutputError: where a file cannot be written.
        """

    def close(self) -> None:
        """After the last frame, also where the source was stopped or something went wrong."""
