"""Time stamps beside the pictures: `timestamps.txt`, `img_left_timestamp.txt`, a table's time column.

Nothing says their unit, so it is told from the numbers: seconds since 1970 have ten digits, milliseconds
thirteen, microseconds sixteen, nanoseconds nineteen; stamps from 0 are judged by their median step.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.doctor.facts import Band
from thermodepth.errors import DataError
from thermodepth.files import PICTURE_SUFFIXES, read_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 64_000_000
_NAME = re.compile(r"time_?stamps?|^times$", re.IGNORECASE)
_COLUMN = re.compile(r"#?\s*(?:time_?stamps?|times?)(?:_(?:s|ms|us|ns))?", re.IGNORECASE)
_CAMERA = {
    **dict.fromkeys(("thermal", "thr", "ther", "lwir", "ir", "infrared"), Band.THERMAL),
    **dict.fromkeys(("rgb", "color", "colour", "visible", "vis"), Band.RGB),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StampList:
    """The times of one camera in one recording."""

    name: str  # the file below the root, and the sequence in a table
    time_s: NDArray[np.float64]  # since `origin_s`, in the order of the file
    origin_s: Decimal  # the first stamp
    camera: Band  # THERMAL, RGB, or OTHER where the path does not say
    group: str  # equal for the cameras of one recording
    pictures: int | None  # in the folder that they belong to, if it is there


def is_stamps(path: Path) -> bool:
    """By its name."""
    return path.suffix.lower() in (".txt", ".csv") and bool(_NAME.search(path.stem))


def read_stamps(path: Path, root: Path) -> list[StampList]:
    """The one list of a stamp file, or one for each sequence of a table; empty when there are none."""
    try:
        text = read_bytes(path, limit=MAX_BYTES).decode("utf-8-sig", errors="replace")
    except DataError:
        return []
    name = path.relative_to(root).as_posix()
    return [
        _stamp_list(f"{name}{f' ({sequence})' if sequence else ''}", name, path, numbers)
        for sequence, numbers in _columns(text, needs_header=not is_stamps(path))
        if len(numbers) > 1
    ]


def _columns(text: str, *, needs_header: bool) -> Iterable[tuple[str, list[Decimal]]]:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return
    header = next(csv.reader(lines[:1]))
    column = next((i for i, title in enumerate(header) if _COLUMN.fullmatch(title.strip())), None)
    if column is not None:
        sequence = header.index("sequence") if "sequence" in header else None
        by_sequence: dict[str, list[Decimal]] = {}
        for row in csv.reader(lines[1:]):
            if len(row) <= max(column, sequence or 0):
                continue
            key = row[sequence] if sequence is not None else ""
            value = _number(row[column])
            # A table without recordings has nothing to order.
            if value is not None and (key or sequence is None):
                by_sequence.setdefault(key, []).append(value)
        yield from by_sequence.items()
        return
    if needs_header:
        return
    rows = [re.split(r"[\s,;]+", line.strip()) for line in lines if not line.startswith("#")]
    values = [[_number(token) for token in row[:2]] for row in rows]
    first = [row[0] for row in values]
    # A running number before the stamp.
    if all(len(row) == 2 and row[1] is not None for row in values) and _counts_up(first):
        first = [row[1] for row in values]
    numbers = [value for value in first if value is not None]
    if len(numbers) == len(first):
        yield "", numbers


def _counts_up(numbers: list[Decimal | None]) -> bool:
    return all(n is not None and n - (numbers[0] or 0) == i for i, n in enumerate(numbers))


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _stamp_list(title: str, name: str, path: Path, numbers: list[Decimal]) -> StampList:
    origin = numbers[0]
    # Nineteen digits do not fit a float: the origin is taken off first.
    since = np.array([float(value - origin) for value in numbers])
    unit = _unit_s(float(origin), since)
    parts = re.split(r"([^A-Za-z0-9]+)", name)
    cameras = [_CAMERA[part.lower()] for part in parts if part.lower() in _CAMERA]
    return StampList(
        name=title,
        time_s=since * unit,
        origin_s=origin * Decimal(repr(unit)),
        camera=cameras[-1] if cameras else Band.OTHER,
        group="".join("*" if part.lower() in _CAMERA else part for part in parts),
        pictures=_pictures_of(path),
    )


def _unit_s(origin: float, since: NDArray[np.float64]) -> float:
    for threshold, unit in ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0)):
        if abs(origin) >= threshold:
            return unit
    step = float(np.median(np.abs(np.diff(since))))
    for threshold, unit in ((1e6, 1e-9), (2e3, 1e-6), (10, 1e-3)):
        if step >= threshold:
            return unit
    return 1.0


def _pictures_of(path: Path) -> int | None:
    """How many pictures stand in the folder that a stamp file is named after, beside or inside it."""
    stem = _NAME.sub("", path.stem).strip("_-. ")
    for folder in (path.with_name(stem) if stem else path.with_name("data"), path.parent):
        if folder.is_dir():
            count = sum(p.suffix.lower() in PICTURE_SUFFIXES for p in folder.iterdir())
            if count:
                return count
    return None
