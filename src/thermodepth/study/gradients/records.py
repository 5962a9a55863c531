"""The diagnostics of finished runs, read back from their folders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from thermodepth.checksums import read_record
from thermodepth.errors import DataError
from thermodepth.losses import LOSSES
from thermodepth.training.diagnostics.files import (
    COSINE_COLUMNS,
    COSINES,
    FACTS,
    GRADIENT_COLUMNS,
    GRADIENTS,
    STEP_COLUMNS,
    STEP_COSINES,
    read_lines,
)
from thermodepth.training.run_folder import check_grown

Pair = tuple[str, str]
Series = tuple[tuple[int, float], ...]  # (step, value), steps ascending
CELLS = "cells"  # of a study's folder
_K = TypeVar("_K")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientRecord:
    """The diagnostics of one run."""

    run: str  # its folder
    losses: Mapping[str, Series]  # weighted, every step in which the term had a weight
    shares: Mapping[str, Series]  # of the gradient's norm, at probes
    cosines: Mapping[str, Mapping[Pair, Series]]  # parameters -> pair -> at probes
    similarities: Mapping[str, Mapping[Pair, Series]]  # of magnitude
    #: Parameters -> term or `total` -> at probes, with the step taken; empty for runs of earlier versions.
    step_cosines: Mapping[str, Mapping[str, Series]]
    not_finite: tuple[tuple[int, str], ...]  # (step, term) of gradients that were not
    missing: int  # steps without a line: the diagnostics were off or had ended
    overhead: float | None  # looking / training without it
    stops: tuple[str, ...]  # why the diagnostics ended early

    @property
    def name(self) -> str:
        """`ARM/seed-N` of a study's cell, else the folder's own name."""
        path = Path(self.run)
        in_study = path.parent.parent.name == CELLS
        return f"{path.parent.name}/{path.name}" if in_study else path.name

    @property
    def last_step(self) -> int:
        """The last step that was looked at."""
        return max((points[-1][0] for points in self.losses.values()), default=0)


def read_gradients(folder: Path) -> GradientRecord:
    """The diagnostics of a run's folder.

    Raises:
        DataError: when the run had none, or a file is damaged.
    """
    for name in (GRADIENTS, COSINES, STEP_COSINES):
        if (folder / name).is_file():
            check_grown(folder / name, folder)
    if not (folder / GRADIENTS).is_file():
        raise DataError(
            f"{folder}: no {GRADIENTS}; this run was trained without runtime.diagnostics.on=true"
        )
    losses: dict[str, list[tuple[int, float]]] = {}
    shares: dict[str, list[tuple[int, float]]] = {}
    not_finite, steps = [], set()
    for line in _numbers(folder / GRADIENTS, GRADIENT_COLUMNS, text=("term",)):
        step, term = int(line["step"] or 0), str(line["term"])
        steps.add(step)
        _append(losses, term, step, line["weighted_loss"])
        _append(shares, term, step, line["norm_share"])
        norm = line["norm"]
        if isinstance(norm, float) and not math.isfinite(norm):
            not_finite.append((step, term))
    cosines: dict[str, dict[Pair, list[tuple[int, float]]]] = {}
    similarities: dict[str, dict[Pair, list[tuple[int, float]]]] = {}
    texts = ("parameters", "term_a", "term_b")
    if (folder / COSINES).is_file():
        for line in _numbers(folder / COSINES, COSINE_COLUMNS, text=texts):
            where, pair = str(line["parameters"]), (str(line["term_a"]), str(line["term_b"]))
            step = int(line["step"] or 0)
            _append(cosines.setdefault(where, {}), pair, step, line["cosine"])
            _append(similarities.setdefault(where, {}), pair, step, line["magnitude_similarity"])
    along: dict[str, dict[str, list[tuple[int, float]]]] = {}
    if (folder / STEP_COSINES).is_file():
        for line in _numbers(folder / STEP_COSINES, STEP_COLUMNS, text=("parameters", "term")):
            of_terms = along.setdefault(str(line["parameters"]), {})
            _append(of_terms, str(line["term"]), int(line["step"] or 0), line["step_cosine"])
    overhead, stops = _facts(folder / FACTS)
    return GradientRecord(
        run=str(folder),
        losses={term: tuple(points) for term, points in losses.items()},
        shares={term: tuple(points) for term, points in shares.items()},
        cosines={w: {p: tuple(s) for p, s in pairs.items()} for w, pairs in cosines.items()},
        similarities={
            w: {p: tuple(s) for p, s in pairs.items()} for w, pairs in similarities.items()
        },
        step_cosines={w: {t: tuple(s) for t, s in terms.items()} for w, terms in along.items()},
        not_finite=tuple(not_finite),
        missing=max(steps, default=0) - len(steps),
        overhead=overhead,
        stops=stops,
    )


def watched_cells(study: Path, arm: str) -> list[Path]:
    """The folders of an arm's seeds that have diagnostics."""
    cells = sorted((study / CELLS / arm).glob("seed-*"), key=lambda p: (len(p.name), p.name))
    return [cell for cell in cells if (cell / GRADIENTS).is_file()]


def terms_of(records: Sequence[GradientRecord]) -> list[str]:
    """The terms that had a weight in any run, in the order of the loss table."""
    terms = dict.fromkeys(term for record in records for term in record.losses)
    return sorted(terms, key=place_of)


def place_of(term: str) -> int:
    """Where a term stands in the loss table; one of another version stands last."""
    return list(LOSSES).index(term) if term in LOSSES else len(LOSSES)


def values_of(runs: Sequence[Mapping[_K, Series]], key: _K) -> list[list[float]]:
    """The values of each run that has any."""
    return [[value for _, value in run[key]] for run in runs if run.get(key)]


def _numbers(
    path: Path, columns: Sequence[str], *, text: Sequence[str]
) -> list[dict[str, str | float | None]]:
    lines = read_lines(path, columns)
    try:
        return [
            {k: v if k in text else (float(v) if v else None) for k, v in line.items()}
            for line in lines
        ]
    except ValueError as error:
        raise DataError(f"{path}: not of gradient diagnostics ({error})") from None


def _append(
    series: dict[_K, list[tuple[int, float]]], key: _K, step: int, value: str | float | None
) -> None:
    if isinstance(value, float) and math.isfinite(value):
        series.setdefault(key, []).append((step, value))


def _facts(path: Path) -> tuple[float | None, tuple[str, ...]]:
    if not path.is_file():
        return None, ()
    facts = read_record(path, remedy="delete it, and only what the diagnostics cost is lost")
    try:
        return float(facts["overhead"]), tuple(str(stop) for stop in facts["stops"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not of gradient diagnostics ({error!r})") from None
