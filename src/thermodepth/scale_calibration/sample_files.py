"""Distances as a person types them, or as a file lists them.

--at yard.png,312,220,7.45        frame, x, y, metres
CSV    a heading with frame, x, y, metres; a column `kind` (range, depth) where they differ
JSON   {"samples": [{"frame": "yard.png", "x": 312, "y": 220, "metres": 7.45}, ...]}
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.files import json_object, read_text
from thermodepth.scale_calibration.samples import KINDS, LONGEST_NAME, Kind

MOST_SAMPLES = 10_000  # far more than anybody measures by hand
MAX_BYTES = 4_000_000
COLUMNS = ("frame", "x", "y", "metres")
_OPTIONAL = ("kind",)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedDistance:
    """A distance before the model was asked: what, where, and who says so."""

    frame: str  # name of the frame; empty: the only one there is
    x: float
    y: float
    metres: float
    kind: Kind | None = None  # None: as the command says
    where: str = ""  # the option or the line of the file


def typed_distance(text: str) -> TypedDistance:
    """Of `FRAME,X,Y,METRES`, or `X,Y,METRES` where there is one frame.

    Raises:
        SettingsError: for anything else.
    """
    where = f"--at {text}"
    parts = text.rsplit(",", 3)
    if len(parts) == 3:
        parts = ["", *parts]
    if len(parts) != 4:
        raise SettingsError(f"{where}: expected FRAME,X,Y,METRES such as yard.png,312,220,7.45")
    frame, *numbers = (part.strip() for part in parts)
    try:
        x, y, metres = (_number(part) for part in numbers)
    except ValueError as error:
        raise SettingsError(
            f"{where}: {error}; expected FRAME,X,Y,METRES such as yard.png,312,220,7.45"
        ) from None
    _check(x, y, metres, where, SettingsError)
    return TypedDistance(frame=frame, x=x, y=y, metres=metres, where=where)


def read_distances(path: Path) -> list[TypedDistance]:
    """The distances of a CSV or JSON file.

    Raises:
        DataError: naming the file and the line or entry, when one of them is none.
    """
    text = read_text(path, limit=MAX_BYTES)
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{"):
        rows = _json_rows(text, path)
    else:
        rows = _csv_rows(text, path)
    if not rows:
        raise DataError(f"{path}: lists no distances")
    if len(rows) > MOST_SAMPLES:
        raise DataError(f"{path}: {len(rows)} distances, at most {MOST_SAMPLES}")
    return [_distance(row, where) for where, row in rows]


def _csv_rows(text: str, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        reader = csv.DictReader(text.splitlines(), skipinitialspace=True, strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        _check_names(names, str(path), "columns")
        reader.fieldnames = names
        return [
            (f"{path}, line {reader.line_num}", row)
            for row in reader
            if any(isinstance(value, str) and value.strip() for value in row.values())
        ]
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None


def _json_rows(text: str, path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    rows = json_object(text, str(path)).get("samples")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(
            f'{path}: expected {{"samples": [{{"frame": ..., "x": ..., "y": ..., "metres": ...}}]}}'
        )
    for number, row in enumerate(rows, start=1):
        _check_names(list(row), f"{path}, sample {number}", "names")
    return [(f"{path}, sample {number}", row) for number, row in enumerate(rows, start=1)]


def _check_names(names: list[str], where: str, what: str) -> None:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise DataError(
            f"{where}: {what} {', '.join(names) or 'none'}; missing {', '.join(missing)} (expected "
            f"{', '.join(COLUMNS)} and, where they differ, kind)"
        )
    for name in names:
        if name not in (*COLUMNS, *_OPTIONAL):
            raise DataError(f"{where}: {unknown('column', name, (*COLUMNS, *_OPTIONAL))}")


def _distance(row: Mapping[str, Any], where: str) -> TypedDistance:
    if None in row or any(row.get(name) is None for name in COLUMNS):  # of csv: too many, too few
        raise DataError(f"{where}: expected {len(row) - (None in row)} values, one a column")
    frame = row["frame"]
    if not isinstance(frame, str) or len(frame) > LONGEST_NAME:
        raise DataError(f"{where}: frame {str(frame)[:60]!r}, expected the name of a file")
    frame = frame.strip()
    _check_name(frame, where)
    try:
        x, y, metres = (_number(row[name]) for name in COLUMNS[1:])
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    _check(x, y, metres, where, DataError)
    kind = row.get("kind") or None
    kind = kind.strip() if isinstance(kind, str) else kind
    if kind is not None and kind not in KINDS:
        raise DataError(f"{where}: {unknown('kind', str(kind), KINDS)}")
    return TypedDistance(frame=frame, x=x, y=y, metres=metres, kind=kind, where=where)


def _check_name(frame: str, where: str) -> None:
    """Files are passed on: what they name lies beside the frames that the command names."""
    parts = PurePosixPath(frame.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or frame[1:2] == ":" or "\0" in frame:
        raise DataError(f"{where}: frame {frame!r} leads out of the folder of the frames")


def _number(value: Any) -> float:
    text = value.strip() if isinstance(value, str) else value
    try:
        number = float("nan") if isinstance(text, bool) else float(text)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not math.isfinite(number):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return number


def _check(
    x: float, y: float, metres: float, where: str, error: type[DataError] | type[SettingsError]
) -> None:
    if min(x, y) < 0:
        raise error(f"{where}: pixel ({x:g}, {y:g}), expected numbers from 0 on")
    if not 0 < metres < 1e7:
        raise error(f"{where}: {metres:g} m, expected a positive distance")
