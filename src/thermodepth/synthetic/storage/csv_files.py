"""The lists of a pack, one line a frame: `index.csv`, `poses.csv`, and with many cameras `cameras.csv`."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.storage.header import LARGEST_SIDE_PX

_INDEX = ["frame_id", "split", "kind", "condition", "seed", "sequence", "time_s"]
#: The upper three rows of world_from_camera, row by row; the last of each is the translation in metres.
_POSES = ["frame_id", *(f"m{row}{column}" for row in range(3) for column in range(4))]
_CAMERAS = ["frame_id", "width", "height", "fx", "fy", "cx", "cy"]
_DECIMALS = 6  # give back every float32 below 8192 that a camera matrix holds
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")

Pose = NDArray[np.float64]  # [4 4]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One line of `index.csv`."""

    frame_id: str
    split: str
    kind: str
    condition: str
    seed: int
    sequence: str = ""
    time_s: float = 0.0


def row_of(frame: Frame, split: str) -> IndexRow:
    """The line of a rendered frame. Raises `DataError` for an id or split that is not a plain name."""
    for word in (frame.frame_id, split):
        if not _NAME.fullmatch(word):
            raise DataError(f"'{frame.frame_id}' ({split}) is not a frame id and a split")
    return IndexRow(
        frame_id=frame.frame_id,
        split=split,
        kind=frame.kind,
        condition=frame.condition,
        seed=frame.seed,
        sequence=frame.sequence,
        time_s=float(frame.time_s),
    )


def index_text(rows: Iterable[IndexRow]) -> str:
    """The content of `index.csv`."""
    return _csv_text(_INDEX, ([getattr(row, column) for column in _INDEX] for row in rows))


def poses_text(poses: Mapping[str, Pose]) -> str:
    """The content of `poses.csv`, every number with all its digits."""
    return _csv_text(
        _POSES,
        ([frame_id, *map(float, pose[:3].flat)] for frame_id, pose in poses.items()),
    )


def _csv_text(columns: list[str], lines: Iterable[list[object]]) -> str:
    """A file with a head line, lines ended by a bare newline."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def parse_index(where: str, text: str) -> tuple[IndexRow, ...]:
    """Check and take over `index.csv`. Raises `DataError` with the line that is wrong."""
    rows = tuple(
        _index_row(f"{where}: 'index.csv' line {number}", line)
        for number, line in _csv_lines(where, "index.csv", text, _INDEX)
    )
    if len({row.frame_id for row in rows}) != len(rows):
        raise DataError(f"{where}: 'index.csv' names a frame twice")
    split_of: dict[str, str] = {}
    for row in rows:
        if row.sequence and split_of.setdefault(row.sequence, row.split) != row.split:
            raise DataError(f"{where}: 'index.csv': sequence '{row.sequence}' is in two splits")
    return rows


def parse_poses(where: str, text: str, rows: Iterable[IndexRow]) -> dict[str, Pose]:
    """`{frame id: [4 4]}` for every row. Raises `DataError` with the line that is wrong."""
    poses: dict[str, Pose] = {}
    for number, (frame_id, *cells) in _csv_lines(where, "poses.csv", text, _POSES):
        pose = np.eye(4)
        try:
            pose[:3] = np.array([float(cell) for cell in cells]).reshape(3, 4)
        except ValueError as error:
            raise DataError(f"{where}: 'poses.csv' line {number}: {error}") from None
        if not np.isfinite(pose).all():
            raise DataError(f"{where}: 'poses.csv' line {number} has a number that is not finite")
        poses[frame_id] = pose
    for row in rows:
        if row.frame_id not in poses:
            raise DataError(f"{where}: 'poses.csv' has no line for '{row.frame_id}'")
    return poses


def _csv_lines(
    where: str, name: str, text: str, columns: list[str]
) -> Iterable[tuple[int, list[str]]]:
    """(line number, cells) after the head. Raises `DataError` for other columns or a broken file."""
    lines = csv.reader(io.StringIO(text))
    try:
        if next(lines, []) != columns:
            raise DataError(f"{where}: '{name}' must begin with {','.join(columns)}")
        for line in lines:
            if len(line) != len(columns):
                raise DataError(
                    f"{where}: '{name}' line {lines.line_num} has {len(line)} columns, "
                    f"not {len(columns)}"
                )
            yield lines.line_num, line
    except csv.Error as error:
        raise DataError(f"{where}: '{name}' is broken: {error}") from error


def _index_row(where: str, line: list[str]) -> IndexRow:
    frame_id, split, kind, condition, seed, sequence, time_text = line
    for word in (frame_id, split, kind, condition, *([sequence] if sequence else [])):
        if not _NAME.fullmatch(word):
            raise DataError(f"{where}: '{word}' is not a plain name (a-z, 0-9, - and _)")
    if not re.fullmatch(r"[0-9]{1,18}", seed):
        raise DataError(f"{where}: seed '{seed}' is not a number")
    try:
        time_s = float(time_text)
    except ValueError:
        time_s = math.nan
    if not (math.isfinite(time_s) and time_s >= 0):
        raise DataError(f"{where}: time_s '{time_text}' is not a time of 0 or later")
    return IndexRow(
        frame_id=frame_id,
        split=split,
        kind=kind,
        condition=condition,
        seed=int(seed),
        sequence=sequence,
        time_s=time_s,
    )


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
        round(float(frame.intrinsics[entry]), _DECIMALS)
        for entry in ((0, 0), (1, 1), (0, 2), (1, 2))
    )
    return FrameCamera(width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)


def cameras_text(cameras: Mapping[str, FrameCamera]) -> str:
    """The content of `cameras.csv`."""
    return _csv_text(
        _CAMERAS,
        ([frame_id, c.width, c.height, c.fx, c.fy, c.cx, c.cy] for frame_id, c in cameras.items()),
    )


def parse_cameras(where: str, text: str, rows: Iterable[IndexRow]) -> dict[str, FrameCamera]:
    """`{frame id: camera}` for every row. Raises `DataError` with the line that is wrong."""
    cameras: dict[str, FrameCamera] = {}
    for number, (frame_id, *cells) in _csv_lines(where, "cameras.csv", text, _CAMERAS):
        line = f"{where}: 'cameras.csv' line {number}"
        try:
            width, height = int(cells[0]), int(cells[1])
            fx, fy, cx, cy = (float(cell) for cell in cells[2:])
        except ValueError as error:
            raise DataError(f"{line}: {error}") from None
        if not (1 <= width <= LARGEST_SIDE_PX and 1 <= height <= LARGEST_SIDE_PX):
            raise DataError(f"{line}: size {width}x{height} is not within 1..{LARGEST_SIDE_PX}")
        if not all(math.isfinite(value) for value in (fx, fy, cx, cy)) or min(fx, fy) <= 0:
            raise DataError(
                f"{line}: a focal length must be above 0 and every number finite, not "
                f"{','.join(cells[2:])}"
            )
        cameras[frame_id] = FrameCamera(width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)
    for row in rows:
        if row.frame_id not in cameras:
            raise DataError(f"{where}: 'cameras.csv' has no line for '{row.frame_id}'")
    return cameras
