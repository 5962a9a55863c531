"""Recordings for Rerun's viewer: thermal frame, depth map and points on one time line (extra `rerun`).

`recording.rrd` is a file that the viewer opens; without a path the viewer is started, and shows frames as
they come.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.errors import DependencyError
from thermodepth.files import writing
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import thermal_picture
from thermodepth.outputs.flying import flying_pixels
from thermodepth.outputs.settings import OutputSettings

PACKAGE = "rerun"
_APPLICATION = "thermodepth"


@dataclass(slots=True)
class RerunRecorder:
    """A file, or with `path=None` the viewer on this machine."""

    path: Path | None
    settings: OutputSettings
    _stream: Any = None
    _frames: int = 0

    def add(self, name: str, depth: Depth) -> None:
        """One more frame.

        Raises:
            DependencyError: without the package.
            OutputError: where the file cannot be written.
        """
        rerun = require_rerun()
        if self._stream is None:
            self._stream = self._opened(rerun)
        stream, settings = self._stream, self.settings
        stream.set_time("frame", sequence=self._frames)
        stream.log("name", rerun.TextLog(name))
        if depth.thermal is not None and depth.thermal_unit is not None:
            picture = thermal_picture(depth.thermal, depth.thermal_unit)
            stream.log("camera/thermal", rerun.Image(picture))
        metres = np.where(depth.has_depth, depth.depth_m, 0).astype(np.float32)
        stream.log("camera/depth", rerun.DepthImage(metres, meter=1.0))
        if depth.lens is not None and not depth.lens.assumed:
            rows, columns = depth.depth_m.shape
            stream.log(
                "camera",
                rerun.Pinhole(
                    image_from_camera=depth.lens.intrinsics,
                    resolution=[columns, rows],
                    camera_xyz=rerun.ViewCoordinates.RDF,
                ),
            )
            mask = ~flying_pixels(depth, step=settings.flying_step)
            colours = depth.point_colours(settings.cloud_colour, mask)
            stream.log("points", rerun.Points3D(depth.points(mask), colors=colours))
        self._frames += 1

    def close(self) -> None:
        """The file is whole and in its place; without frames there is none."""
        if self._stream is None:
            return
        self._stream.flush()
        self._stream.disconnect()
        self._stream = None
        if self.path is not None:
            with writing(self.path):
                self._temporary.replace(self.path)

    @property
    def _temporary(self) -> Path:
        assert self.path is not None
        return self.path.with_name(f".{self.path.stem}.{os.getpid()}.part{self.path.suffix}")

    def _opened(self, rerun: Any) -> Any:
        stream = rerun.RecordingStream(_APPLICATION)
        stream.log("/", rerun.ViewCoordinates.RDF, static=True)
        if self.path is None:
            stream.spawn()
            return stream
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stream.save(self._temporary)
        return stream


def require_rerun() -> Any:
    """The package.

    Raises:
        DependencyError: where it is not installed.
    """
    try:
        import rerun
    except ImportError:
        raise DependencyError(
            "Rerun's recordings and viewer need the package rerun-sdk: pip install 'thermodepth[rerun]'"
        ) from None
    return rerun
