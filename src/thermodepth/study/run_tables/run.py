"""A run as a program logged it, and all runs of an export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.files import open_file, read_text

MOST_RUNS = 100_000
MOST_BYTES = 200_000_000  # of one file of an export
_LONGEST_CELL = 1_000_000  # W&B writes whole configurations into cells


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRun:
    """One training as its program remembers it."""

    name: str  # what people call it
    settings: Mapping[str, str]  # by the names that the program writes
    metrics: Mapping[str, float]  # the final value of each; NaN and infinity as logged
    unfinished: str = ""  # such as "failed"; empty: it ended well, or nobody says


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExport:
    """Every run of an export."""

    program: str  # what it was recognised as
    path: Path
    runs: tuple[LoggedRun, ...]
    #: Whether `settings` are the person's own and nothing else, so that those that differ name the arms.
    settings_are_own: bool
    notes: tuple[str, ...] = field(default=())  # sentences on what was left out


def check_run_count(path: Path, count: int) -> None:
    """Whether so many runs are taken into memory.

    Raises:
        DataError: for more than `MOST_RUNS`.
    """
    if count > MOST_RUNS:
        raise DataError(f"{path}: more than {MOST_RUNS} runs")


def read_header(path: Path) -> tuple[str, ...]:
    """The first line of a CSV file, without reading the others; empty where it has none.

    Raises:
        DataError: for a file that cannot be read.
    """
    with open_file(path) as stream:
        start = stream.read(_LONGEST_CELL)
    text = start.decode("utf-8-sig", errors="replace")
    try:
        return next(_reader(text, path), ())
    except DataError:
        return ()  # no CSV; whoever reads the whole says what is wrong


def read_cells(path: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(header, rows) of a CSV file, all as text; rows as long as the header.

    Raises:
        DataError: naming file and row.
    """
    rows = _reader(read_text(path, limit=MOST_BYTES), path)
    header = next(rows, ())
    doubles = [name for name in header if header.count(name) > 1]
    if doubles:
        raise DataError(f"{path}: column '{doubles[0]}' comes twice")
    body = []
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(row)} cells, and the header has {len(header)}"
            )
        body.append(row)
    return header, body


def _reader(text: str, path: Path) -> Iterator[tuple[str, ...]]:
    before = csv.field_size_limit(_LONGEST_CELL)  # of the whole process, so it is put back
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True)]
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as CSV ({error})") from None
    finally:
        csv.field_size_limit(before)
    yield from rows


def number_of(text: str) -> float | None:
    """A cell as a number, `NaN` and `Infinity` included; None for text and for nothing."""
    word = text.strip()
    if not word or "_" in word:
        return None
    try:
        return float(word)
    except ValueError:
        return None
