"""The writer of everything that OUTPUTS has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.inference.depth import Depth
from thermodepth.outputs import Outputs
from thermodepth.sources import SourceFrame


@dataclass(slots=True)
class OutputFiles:
    """Files of frames, and of the recording."""

    outputs: Outputs
    #: Files that became whole at the end: those of a recording, and what waited for more frames.
    late: list[Path] = field(default_factory=list)

    @property
    def is_resumable(self) -> bool:
        """Not with a file of the whole recording, which wants every frame."""
        return not self.outputs.has_recording

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        """The files that are whole now."""
        return self.outputs.write(frame.name, depth)

    def close(self) -> None:
        """The rest."""
        self.late += self.outputs.close()
