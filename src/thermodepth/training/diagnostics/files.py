"""The files of gradient diagnostics, and how a resumed run makes them read as if nothing had happened.

gradients.csv     every step and term: loss, weighted loss; at a probe also norm and share
cosines.csv       every probe and pair of terms: cosine, magnitude similarity
step_cosines.csv  every probe and term: how far its gradient points along the step taken
conflict/         step-N.npz, the gradients at the output maps
diagnostics.json  what it cost, and why it stopped if it did
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.files import append_text, read_text, write_text

GRADIENTS, COSINES, STEP_COSINES, CONFLICT, FACTS = (
    "gradients.csv",
    "cosines.csv",
    "step_cosines.csv",
    "conflict",
    "diagnostics.json",
)
GRADIENT_COLUMNS = ("step", "term", "loss", "weighted_loss", "norm", "norm_share")
COSINE_COLUMNS = ("step", "parameters", "term_a", "term_b", "cosine", "magnitude_similarity")
STEP_COLUMNS = ("step", "parameters", "term", "step_cosine")

Line = Sequence[str | int | float | None]  # None: no value, an empty cell


class LineFile:
    """A CSV file of steps that grows by whole lines."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        *,
        first_step: int,
        contents: str = "gradient diagnostics",
        without: str = "runtime.diagnostics.on=false",
    ) -> None:
        """
        Args:
            path: made with the first line.
            columns: the heading; the first is `step`.
            first_step: lines after this step are from a stretch that is run again.
            contents: what messages call its lines.
            without: the setting that does without them.

        Raises:
            DataError: when something else stands there.
        """
        self._path, self._columns = path, tuple(columns)
        if path.is_file():
            lines = read_lines(path, columns, contents=contents, without=without)
            earlier = [line for line in lines if int(line["step"]) <= first_step]
            self._write_anew([[line[column] for column in columns] for line in earlier])

    def add(self, lines: Iterable[Line]) -> None:
        """Append; numbers with six digits."""
        text = _text(lines)
        if not self._path.is_file():
            self._write_anew([])
        append_text(self._path, text)

    def _write_anew(self, lines: Iterable[Line]) -> None:
        write_text(self._path, _text([self._columns]) + _text(lines))


def _text(lines: Iterable[Line]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(
        [f"{cell:.6g}" if isinstance(cell, float) else cell for cell in line] for line in lines
    )
    return stream.getvalue()


def read_lines(
    path: Path,
    columns: Sequence[str],
    *,
    contents: str = "gradient diagnostics",
    without: str = "runtime.diagnostics.on=false",
) -> list[dict[str, str]]:
    """The whole lines of a file; one that was cut off while being written is not.

    Raises:
        DataError: when the file cannot be read or has another heading.
    """
    try:
        text = read_text(path)
        lines = list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1])))
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    for number, line in enumerate(lines, start=2):
        complete = list(line) == list(columns) and None not in line.values()
        if not complete or not line["step"].isdecimal():
            raise DataError(
                f"{path}, line {number}: not of {contents}, expected {','.join(columns)}; delete the file, "
                f"or train with {without}"
            )
    return lines


def conflict_path(folder: Path, step: int) -> Path:
    """Where the maps of a step stand in a run's folder."""
    return folder / CONFLICT / f"step-{step}.npz"


def conflict_steps(folder: Path) -> list[int]:
    """The steps whose maps are there, in order."""
    names = (re.fullmatch(r"step-(\d+)\.npz", p.name) for p in (folder / CONFLICT).glob("*.npz"))
    return sorted(int(name[1]) for name in names if name)


def drop_conflict_maps(folder: Path, *, first_step: int) -> None:
    """Remove the maps of a stretch that is run again."""
    for step in conflict_steps(folder):
        if step > first_step:
            conflict_path(folder, step).unlink()
