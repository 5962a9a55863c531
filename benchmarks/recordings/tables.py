"""Scores of many frames as tables: means, and differences with what other frames would do to them.

An interval is that of a paired bootstrap: recordings are drawn with replacement, each with all of its frames,
and the mean difference of two answerers over the frames that both have is taken, 2,000 times; its 2.5 and
97.5 percentiles. With fewer than 10 recordings there is none. Factors are compared as logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recordings.scores import Scores
from thermodepth.report.table import Cell, Column, Interval, Table

LEAST_RECORDINGS = 10
DRAWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreColumn:
    """How a score reads."""

    label: str
    digits: int
    better: Literal["lower", "higher", "closer"] | None = None
    optimum: float | None = None
    is_factor: bool = False  # means and differences are those of the logarithm


#: In the order of the tables.
COLUMNS: dict[str, ScoreColumn] = {
    "abs_rel": ScoreColumn(label="AbsRel", digits=3, better="lower"),
    "delta_1": ScoreColumn(label="δ<1.25", digits=3, better="higher"),
    "scale": ScoreColumn(label="scale", digits=2, better="closer", optimum=1.0, is_factor=True),
    "factor_off": ScoreColumn(label="factor off", digits=2, better="lower", is_factor=True),
    "scaled_abs_rel": ScoreColumn(label="AbsRel, median scaled", digits=3, better="lower"),
    "depth_rank": ScoreColumn(label="depth: rank", digits=3, better="higher"),
    "depth_partial": ScoreColumn(label="depth: partial", digits=3, better="higher"),
    "depth_beyond": ScoreColumn(label="depth: beyond the mean map", digits=3, better="higher"),
    "structure_rank": ScoreColumn(label="structure: rank", digits=3, better="higher"),
    "structure_partial": ScoreColumn(label="structure: partial", digits=3, better="higher"),
    "structure_beyond": ScoreColumn(
        label="structure: beyond the mean map", digits=3, better="higher"
    ),
    "aligned_abs_rel": ScoreColumn(label="structure: AbsRel aligned", digits=3, better="lower"),
    "boundary_f1": ScoreColumn(label="depth: boundary F1", digits=3, better="higher"),
    "structure_boundary_f1": ScoreColumn(label="structure: boundary F1", digits=3, better="higher"),
    "edge_sharpness": ScoreColumn(
        label="depth: edge sharpness", digits=3, better="closer", optimum=1.0
    ),
    "structure_edge_sharpness": ScoreColumn(
        label="structure: edge sharpness", digits=3, better="closer", optimum=1.0
    ),
    "step_share": ScoreColumn(label="depth: share of a step", digits=3, better="higher"),
    "structure_step_share": ScoreColumn(
        label="structure: share of a step", digits=3, better="higher"
    ),
    "sky_below_30": ScoreColumn(label="sky nearer than 30 m", digits=3, better="lower"),
    "solid_as_sky": ScoreColumn(label="solid called sky", digits=3, better="lower"),
    "sky_share": ScoreColumn(label="share called sky", digits=3),
    "median_m": ScoreColumn(label="median (m)", digits=1),
    "flicker": ScoreColumn(label="flicker (%)", digits=2, better="lower"),
}

#: By answerer, the scores of each frame; the first is compared with every other one.
FrameScores = Mapping[str, Sequence[Scores]]


def mean_of(frames: Sequence[Scores], name: str) -> float | None:
    """Over the frames that have it; of a factor the geometric one."""
    values = np.array([frame[name] for frame in frames if name in frame])
    if not values.size:
        return None
    if COLUMNS[name].is_factor:
        return float(np.exp(np.log(values).mean()))
    return float(values.mean())


def difference_of(
    first: Sequence[Scores], other: Sequence[Scores], name: str, recordings: Sequence[str]
) -> Interval | None:
    """First less other, of a factor first over other, over the frames that both have.

    Returns:
        With its interval; None with fewer than `LEAST_RECORDINGS` recordings.
    """
    both = [n for n, (a, b) in enumerate(zip(first, other, strict=True)) if name in a and name in b]
    names, group = np.unique([recordings[n] for n in both], return_inverse=True)
    if names.size < LEAST_RECORDINGS:
        return None
    a, b = (np.array([frames[n][name] for n in both]) for frames in (first, other))
    is_factor = COLUMNS[name].is_factor
    low, high = interval_of_mean(np.log(a / b) if is_factor else a - b, group)
    value = float(np.log(a / b).mean() if is_factor else (a - b).mean())
    if is_factor:
        value, low, high = (float(np.exp(each)) for each in (value, low, high))
    return Interval(low, high, COLUMNS[name].digits, value)


def interval_of_mean(values: NDArray[np.float64], group: NDArray[np.intp]) -> tuple[float, float]:
    """95 % of the mean of `[n]` values when their groups 0..k-1 are drawn anew."""
    sums, counts = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(0).integers(counts.size, size=(DRAWS, counts.size))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def table_by_kind(title: str, scores: FrameScores, kinds: Sequence[str]) -> Table:
    """Means of each kind of frame, a row for each answerer."""
    first = next(iter(scores.values()))
    names = [name for name in COLUMNS if any(name in frame for frame in first)]
    rows: list[tuple[Cell, ...]] = []
    for kind in sorted(set(kinds)):
        places = [place for place, each in enumerate(kinds) if each == kind]
        for who, frames in scores.items():
            of_kind = [frames[place] for place in places]
            rows.append((kind, who, len(places), *(mean_of(of_kind, name) for name in names)))
    heads = (
        Column(label="kind", align="left"),
        Column(label="maps", align="left"),
        Column(label="frames"),
    )
    return Table(title=title, columns=(*heads, *_columns(names)), rows=tuple(rows))


def _columns(names: Sequence[str]) -> list[Column]:
    return [
        Column(
            label=COLUMNS[name].label,
            digits=COLUMNS[name].digits,
            better=COLUMNS[name].better,
            optimum=COLUMNS[name].optimum,
        )
        for name in names
    ]


def tables_of(title: str, scores: FrameScores, recordings: Sequence[str]) -> list[Table]:
    """Means by answerer; then, where frames allow an interval, what the first differs by from each other."""
    first = next(iter(scores.values()))  # what it has no number of is not what is asked
    names = [name for name in COLUMNS if any(name in frame for frame in first)]
    count = f"{len(recordings)} frame" + "s" * (len(recordings) != 1)
    rows: list[tuple[Cell, ...]] = [
        (who, *(mean_of(frames, name) for name in names)) for who, frames in scores.items()
    ]
    maps = Column(label="maps", align="left")
    tables = [Table(title=f"{title}, {count}", columns=(maps, *_columns(names)), rows=tuple(rows))]
    table = _differences(title, scores, recordings, names)
    return tables if table is None else [*tables, table]


def _differences(
    title: str, scores: FrameScores, recordings: Sequence[str], names: Sequence[str]
) -> Table | None:
    """Of what can be better or worse; None where no interval can be said."""
    names = [name for name in names if COLUMNS[name].better in ("lower", "higher")]
    first, *others = scores
    rows: list[tuple[Cell, ...]] = [
        (
            other,
            *(difference_of(scores[first], scores[other], name, recordings) for name in names),
        )
        for other in others
    ]
    if not any(isinstance(cell, Interval) for row in rows for cell in row):
        return None
    columns = [
        Column(
            label=f"{COLUMNS[name].label}, ratio"
            if COLUMNS[name].is_factor
            else COLUMNS[name].label,
            signed=not COLUMNS[name].is_factor,
        )
        for name in names
    ]
    return Table(
        title=f"{title}: {first} less the others, with 95 % for other recordings",
        columns=(Column(label="less", align="left"), *columns),
        rows=tuple(rows),
    )
