"""How a cell ended without results, as its folder keeps it in `failed.json` until the next try."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, DivergedError, ThermodepthError

FAILED = "failed.json"

FAILED_KIND, DIVERGED, KILLED = "failed", "diverged", "killed"
_KINDS = (FAILED_KIND, DIVERGED, KILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a cell has no results."""

    kind: str  # failed, diverged or killed
    message: str
    step: int | None  # of the training, where it is known
    when: str  # UTC

    def words(self) -> str:
        """Such as `diverged at step 412`, without the message."""
        return self.kind if self.step is None else f"{self.kind} at step {self.step}"

    def line(self) -> str:
        """The words and the message."""
        return f"{self.words()}: {self.message}" if self.message else self.words()


def failure_of(error: Exception) -> Failure:
    """What an error says."""
    message = (
        str(error) if isinstance(error, ThermodepthError) else f"{type(error).__name__}: {error}"
    )
    if not isinstance(error, DivergedError):
        return Failure(kind=FAILED_KIND, message=message, step=None, when=_now())
    place = re.match(r"step (\d+): ", message)
    return Failure(
        kind=DIVERGED,
        message=message[place.end() :] if place else message,
        step=int(place[1]) if place else None,
        when=_now(),
    )


def killed(message: str) -> Failure:
    """Of a process that ended without a word."""
    return Failure(kind=KILLED, message=message, step=None, when=_now())


def write_failure(folder: Path, failure: Failure) -> None:
    """Into the cell's folder."""
    write_record(folder / FAILED, asdict(failure))


def read_failure(folder: Path) -> Failure | None:
    """What the cell's folder says; None without a failure. A damaged record is still a failure."""
    path = folder / FAILED
    if not path.is_file():
        return None
    try:
        record: dict[str, Any] = read_record(path)
    except DataError as error:
        record = {"message": str(error)}
    step, kind = record.get("step"), record.get("kind")
    return Failure(
        kind=kind if kind in _KINDS else FAILED_KIND,
        message=str(record.get("message", "")),
        step=step if isinstance(step, int) else None,
        when=str(record.get("when", "")),
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
