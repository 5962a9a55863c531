"""The logs of a study's trainings, and each column of them as a curve over the seeds of an arm."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from thermodepth.errors import DataError, StudyError
from thermodepth.files import read_text
from thermodepth.training.run_folder import check_grown

Points = tuple[tuple[float, float], ...]  # (step, value)
Reach = tuple[float, float, float, float]  # step, mean, least and largest over seeds

_MOST_POINTS = 120  # more than this is finer than a drawing
_NOT_A_CURVE = ("step", "learning_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The log of one cell."""

    arm: str
    seed: int
    columns: Mapping[str, Points]  # total, each term, gradient_norm; steps without a value left out


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedColumn:
    """One column of the logs: for each arm that has it, mean and range over its seeds."""

    name: str
    reaches: Mapping[str, tuple[Reach, ...]]  # by arm, in the order of the arms


def read_curve(path: Path, *, arm: str, seed: int) -> Curve:
    """A cell's `log.csv`.

    Raises:
        StudyError: naming the file, when it is missing or no such log.
    """
    columns: dict[str, list[tuple[float, float]]] = {}
    try:
        check_grown(path, path.parent)
        for line in csv.DictReader(io.StringIO(read_text(path))):
            step = float(line["step"])
            for name, text in line.items():
                if name not in _NOT_A_CURVE and text:
                    columns.setdefault(name, []).append((step, float(text)))
    except DataError as error:
        raise StudyError(f"the log of a training: {error}") from None
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise StudyError(f"{path}: not a training log ({error})") from None
    return Curve(arm=arm, seed=seed, columns={name: tuple(p) for name, p in columns.items()})


def logged_columns(curves: Sequence[Curve], *, arms: Sequence[str]) -> tuple[LoggedColumn, ...]:
    """Every column that any cell has, in the order they first appear; `gradient_norm` last."""
    names = list(dict.fromkeys(name for curve in curves for name in curve.columns))
    names.sort(key=lambda name: name == "gradient_norm")
    columns = []
    for name in names:
        reaches = {}
        for arm in arms:
            own = [c.columns[name] for c in curves if c.arm == arm and name in c.columns]
            if reach := over_seeds(own):
                reaches[arm] = reach
        if reaches:
            columns.append(LoggedColumn(name=name, reaches=reaches))
    return tuple(columns)


def over_seeds(curves: Sequence[Points]) -> tuple[Reach, ...]:
    """Mean and range at every step, over the seeds that have a finite value there, thinned."""
    at: dict[float, list[float]] = {}
    for points in curves:
        for step, value in points:
            if math.isfinite(value):
                at.setdefault(step, []).append(value)
    whole = [(step, _mean(v), min(v), max(v)) for step, v in sorted(at.items())]
    size = math.ceil(len(whole) / _MOST_POINTS)
    if size < 2:
        return tuple(whole)
    chunks = [whole[n : n + size] for n in range(0, len(whole), size)]
    return tuple(
        (
            _mean(x for x, *_ in c),
            _mean(y for _, y, *_ in c),
            min(v[2] for v in c),
            max(v[3] for v in c),
        )
        for c in chunks
    )


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)
