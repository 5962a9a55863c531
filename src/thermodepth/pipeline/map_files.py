"""The writer of one file a map: `NAME_depth.png` and its kin, as `inference.outputs` lays them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from thermodepth.inference.depth import Depth
from thermodepth.inference.outputs import write_depth
from thermodepth.sources import SourceFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class MapFiles:
    """Maps of every frame as files of a folder."""

    folder: Path
    depth_format: str = "png"  # or npy
    view: bool = True  # also a picture for people
    is_resumable: bool = True

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        """The files, depth first; each is whole or absent."""
        return write_depth(
            self.folder,
            frame.name,
            depth,
            thermal=frame.raw,
            unit=frame.unit,
            depth_format=self.depth_format,
            view=self.view,
        )

    def close(self) -> None:
        """Every file is closed already."""
