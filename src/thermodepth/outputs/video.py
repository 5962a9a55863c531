"""`video.mp4`: thermal, structure and metric depth side by side, with a bar of metres that stays as it is.

MPEG-4 Part 2 by OpenCV, which every installation has; players and editors open it, browsers do not. The file
is written beside its place and put there when it is closed, whatever ended the recording.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from thermodepth.colour import colour_thermal
from thermodepth.errors import DataError, OutputError
from thermodepth.files import writing
from thermodepth.inference.depth import Depth
from thermodepth.inference.view import structure_limits, structure_picture, view_sheet
from thermodepth.outputs.settings import OutputSettings
from thermodepth.thermal import NormaliserSettings, NormaliserState, normalise
from thermodepth.types import FrameEvent

PANEL_WIDTH = 400
_CODEC = "mp4v"
#: The weight of earlier frames in the grey levels of the thermal picture and the colours of structure.
_MEMORY = 0.9
_THERMAL = NormaliserSettings(name="moving_percentile", memory=_MEMORY)


@dataclass(slots=True)
class Mp4Recorder:
    """Frames of one size, one after another."""

    path: Path
    settings: OutputSettings
    _encoder: Any = None
    _frames: int = 0
    _frame_size: tuple[int, int] = (0, 0)
    _sheet_size: tuple[int, int] = (0, 0)  # columns, rows
    _thermal: NormaliserState = field(default_factory=NormaliserState)
    _structure: tuple[float, float] | None = None
    _event: FrameEvent | None = None  # of the frame before

    def add(self, name: str, depth: Depth) -> None:
        """One more frame.

        Raises:
            DataError: for a frame of another size than the ones before it.
            OutputError: where the file cannot be written.
        """
        rows, columns = depth.depth_m.shape
        if self._encoder is not None and (rows, columns) != self._frame_size:
            before = f"{self._frame_size[1]}x{self._frame_size[0]}"
            raise DataError(
                f"{self.path.name}: {name} is {columns}x{rows}, the frames before it {before}; a video "
                "has one size"
            )
        was_held = self._event is not None and self._event.is_held
        if depth.event is FrameEvent.CUT or (was_held and depth.event is None):
            self._thermal, self._structure = NormaliserState(), None  # another scene, or level
        self._event = depth.event
        sheet = self._drawn(depth)
        if self._encoder is None:
            self._frame_size = rows, columns
            self._sheet_size = sheet.shape[1], sheet.shape[0]
            self._encoder = self._opened()
        self._frames += 1
        self._encoder.write(
            np.ascontiguousarray(sheet[..., ::-1])
        )  # OpenCV's order is blue, green, red

    def close(self) -> None:
        """The file is whole and in its place; without frames there is none.

        Raises:
            OutputError: where the encoder could not write all of them, of which it says nothing itself.
        """
        import cv2

        if self._encoder is None:
            return
        self._encoder.release()
        self._encoder = None
        video = cv2.VideoCapture(str(self._temporary))
        frames = round(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        if frames != self._frames:
            self._temporary.unlink(missing_ok=True)
            raise OutputError(
                f"{self.path}: {frames} of {self._frames} frames could be written; is the disk full?"
            )
        with writing(self.path):
            self._temporary.replace(self.path)

    @property
    def _temporary(self) -> Path:
        """OpenCV goes by the suffix."""
        return self.path.with_name(f".{self.path.stem}.{os.getpid()}.part{self.path.suffix}")

    def _opened(self) -> Any:
        import cv2

        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        encoder = cv2.VideoWriter(
            str(self._temporary),
            cv2.CAP_FFMPEG,
            cv2.VideoWriter.fourcc(*_CODEC),
            self.settings.rate_hz,
            self._sheet_size,
        )
        if not encoder.isOpened():
            raise OutputError(
                f"{self.path}: OpenCV cannot write it: no permission, or an OpenCV without FFmpeg"
            )
        return encoder

    def _drawn(self, depth: Depth) -> Any:
        """`[rows columns 3]` RGB, both even, as video has it."""
        panels = {}
        if depth.thermal is not None and depth.thermal_unit is not None:
            grey = normalise(depth.thermal, depth.thermal_unit, _THERMAL, self._thermal)
            panels["thermal"] = colour_thermal(np.rint(grey * 255).astype(np.uint8))
        panels["structure"] = structure_picture(
            depth, limits=self._structure_limits(depth), colour_map=self.settings.colour_map
        )
        event = "" if depth.event is None else f" ({depth.event})"
        sheet = np.asarray(
            view_sheet(
                depth,
                panels,
                panel_width=PANEL_WIDTH,
                limits_m=self.settings.range_m,
                colour_map=self.settings.colour_map,
                depth_title=f"metric depth{event}",
            )
        )
        rows, columns = sheet.shape[0] // 2 * 2, sheet.shape[1] // 2 * 2
        return sheet[:rows, :columns]

    def _structure_limits(self, depth: Depth) -> tuple[float, float]:
        low, high = structure_limits(depth)
        if self._structure is not None:
            low += _MEMORY * (self._structure[0] - low)
            high += _MEMORY * (self._structure[1] - high)
        self._structure = low, high
        return self._structure
