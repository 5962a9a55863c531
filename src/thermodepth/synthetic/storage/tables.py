"""`index.csv` and `poses.csv`: one line a frame."""

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
from thermodepth.synthetic.frame import Frame

_INDEX = ["frame_id", "split", "kind", "condition", "seed", "sequence", "time_s"]
#: The upper three rows of world_from_camera, row by row; the last of each is the translation in metres.
_POSES = ["frame_id", *(f"m{row}{column}" for row in range(3) for column in range(4))]
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
    return csv_text(_INDEX, ([getattr(row, column) for column in _INDEX] for row in rows))


def poses_text(poses: Mapping[str, Pose]) -> str:
    """The content of `poses.csv`, every number with all its digits."""
    return csv_text(
        _POSES,
        ([frame_id, *map(float, pose[:3].flat)] for frame_id, pose in poses.items()),
    )


def csv_text(columns: list[str], lines: Iterable[list[object]]) -> str:
    """A table with a head line, lines ended by a bare newline."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return table.getvalue()


def parse_index(where: str, text: str) -> tuple[IndexRow, ...]:
    """Check and take over `index.csv`. Raises `DataError` with the line that is wrong."""
    rows = tuple(
        _index_row(f"{where}: 'index.csv' line {number}", line)
        for number, line in csv_lines(where, "index.csv", text, _INDEX)
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
    for number, (frame_id, *words) in csv_lines(where, "poses.csv", text, _POSES):
        pose = np.eye(4)
        try:
            pose[:3] = np.array([float(word) for word in words]).reshape(3, 4)
        except ValueError as error:
            raise DataError(f"{where}: 'poses.csv' line {number}: {error}") from None
        if not np.isfinite(pose).all():
            raise DataError(f"{where}: 'poses.csv' line {number} has a number that is not finite")
        poses[frame_id] = pose
    for row in rows:
        if row.frame_id not in poses:
            raise DataError(f"{where}: 'poses.csv' has no line for '{row.frame_id}'")
    return poses


def csv_lines(
    where: str, name: str, text: str, columns: list[str]
) -> Iterable[tuple[int, list[str]]]:
    """(line number, words) after the head. Raises `DataError` for other columns or a broken table."""
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
