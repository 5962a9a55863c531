"""The run's log: one CSV line every few steps, and TensorBoard where asked for.

A resumed run drops the lines that its checkpoint does not know, so the file reads as if nothing had
happened.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import append_text, read_text, write_text

FILE = "log.csv"
_REMEDY = "delete it to go on with a new log, or the folder to start this run again"


class RunLog:
    """Appends to `log.csv`; a reader sees whole lines only."""

    def __init__(self, folder: Path, *, first_step: int, tensorboard: bool) -> None:
        """
        Args:
            folder: the run's.
            first_step: lines at or after this step are from a stretch that is run again.
            tensorboard: also write event files into `folder/tensorboard`.
        """
        self._path = folder / FILE
        self._columns: list[str] = []
        self._board = _open_board(folder, first_step) if tensorboard else None
        if self._path.is_file():
            self._rewrite([line for line in self._lines() if int(line["step"]) <= first_step])

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One line: `step` optimiser steps are done, and these are the means since the last line."""
        line = {"step": str(step)} | {k: f"{v:.6g}" for k, v in values.items()}
        if line.keys() <= set(self._columns):
            append_text(self._path, _csv_text(self._columns, [line], heading=False))
        else:  # the first line, or a term whose schedule starts now: the header grows
            self._rewrite([*self._lines(), line])
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def _lines(self) -> list[dict[str, str]]:
        """What is there; a last line that was cut off while being written is not.

        Raises:
            DataError: naming the file, for one that is no log.
        """
        if not self._path.is_file():
            return []
        text = read_text(self._path)
        try:
            lines = list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1])))
        except csv.Error as error:
            raise DataError(f"{self._path}: not a training log ({error}); {_REMEDY}") from None
        for number, line in enumerate(lines, start=2):
            # The reader files what is too much under None, and what is missing as None.
            whole = None not in line and None not in line.values()
            if not whole or not line.get("step", "").isdecimal():
                raise DataError(f"{self._path}, line {number}: not of a training log; {_REMEDY}")
        return lines

    def _rewrite(self, lines: list[dict[str, str]]) -> None:
        self._columns = list(dict.fromkeys(key for line in lines for key in line))
        write_text(self._path, _csv_text(self._columns, lines, heading=True))

    def close(self) -> None:
        """Flush what is pending."""
        if self._board is not None:
            self._board.close()


def _csv_text(columns: list[str], lines: Sequence[Mapping[str, str]], *, heading: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if heading:
        writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _open_board(folder: Path, first_step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise DependencyError(
            "runtime.tensorboard=true needs TensorBoard: pip install 'thermodepth[track]'"
        ) from None
    return SummaryWriter(folder / "tensorboard", purge_step=first_step)
