"""`cameras.csv`: the size and the lens of every frame, in packs whose frames have a camera each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.synthetic.frame import Frame
from thermodepth.synthetic.storage.header import LARGEST_SIDE_PX
from thermodepth.synthetic.storage.tables import IndexRow, csv_lines, csv_text

_COLUMNS = ["frame_id", "width", "height", "fx", "fy", "cx", "cy"]
_DECIMALS = 6  # give back every float32 below 8192 that a camera matrix holds


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCamera:
    """One line of `cameras.csv`: pixels; the centre of the first pixel is at (0.5, 0.5)."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def intrinsics(self) -> NDArray[np.float32]:
        """[3 3] pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float32)


def camera_of(frame: Frame) -> FrameCamera:
    """The line of a rendered frame."""
    height, width = frame.depth_m.shape
    fx, fy, cx, cy = (
        round(float(frame.intrinsics[place]), _DECIMALS)
        for place in ((0, 0), (1, 1), (0, 2), (1, 2))
    )
    return FrameCamera(width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)


def cameras_text(cameras: Mapping[str, FrameCamera]) -> str:
    """The content of `cameras.csv`."""
    return csv_text(
        _COLUMNS,
        ([frame_id, c.width, c.height, c.fx, c.fy, c.cx, c.cy] for frame_id, c in cameras.items()),
    )


def parse_cameras(where: str, text: str, rows: Iterable[IndexRow]) -> dict[str, FrameCamera]:
    """`{frame id: camera}` for every row. Raises `DataError` with the line that is wrong."""
    cameras: dict[str, FrameCamera] = {}
    for number, (frame_id, *words) in csv_lines(where, "cameras.csv", text, _COLUMNS):
        place = f"{where}: 'cameras.csv' line {number}"
        try:
            width, height = int(words[0]), int(words[1])
            fx, fy, cx, cy = (float(word) for word in words[2:])
        except ValueError as error:
            raise DataError(f"{place}: {error}") from None
        if not (1 <= width <= LARGEST_SIDE_PX and 1 <= height <= LARGEST_SIDE_PX):
            raise DataError(f"{place}: size {width}x{height} is not within 1..{LARGEST_SIDE_PX}")
        if not all(math.isfinite(value) for value in (fx, fy, cx, cy)) or min(fx, fy) <= 0:
            raise DataError(
                f"{place}: a focal length must be above 0 and every number finite, not "
                f"{','.join(words[2:])}"
            )
        cameras[frame_id] = FrameCamera(width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)
    for row in rows:
        if row.frame_id not in cameras:
            raise DataError(f"{where}: 'cameras.csv' has no line for '{row.frame_id}'")
    return cameras
