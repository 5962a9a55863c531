"""Rows to means: one value per arm and metric, with the frames it stands on.

Averaged per frame, the mean is taken over frames within each seed, then over seeds, so a frame weighs the
same as any other and so does a seed. Averaged pooled, the pixels of all frames of a seed count as one
large frame; with n_i pixels, value v_i and log bias b_i of frame i, and N = sum n_i:

    mean     sum n_i v_i / N
    square   sqrt(sum n_i v_i^2 / N)                                     RMSE, RMSElog
    spread   100 sqrt(sum n_i ((v_i/100)^2 + (b_i - b)^2) / N), b the pooled b_i    SILog

No interval is computed here: a summary describes, the contrasts of a study decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.errors import DataError, unknown
from thermodepth.evaluation.rows.keys import column_codes, row_keys
from thermodepth.evaluation.rows.rows import (
    TEACHER_ARM,
    WHOLE_FRAME,
    protocol_of,
    protocol_settings,
)
from thermodepth.metrics import ERRORS, METRICS, metric_rows

Averaging = Literal["per_frame", "pooled"]

#: Each is either one value for the whole summary or a column to group by.
_CHOICES = ("head", "against", "alignment", "slice")
_GROUPING = ("study", "arm", "sequence", "condition", *_CHOICES)
_KINDS = ("range", "edge", "contrast", "density")  # of slices, in the order they are listed
_BIAS = "log_bias"  # what pooling SILog needs beside it
_MEASUREMENT = ("slice", "metric", "arm", "seed", "sample_id")
_Codes = tuple[NDArray[np.int64], list[Any]]  # as `column_codes` gives them


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The means of one arm, or of one arm under one condition or in one range."""

    key: Mapping[str, str]  # the value of each column grouped by
    values: Mapping[str, float]  # metric -> mean over seeds of the seeds' values
    seed_values: Mapping[str, Mapping[int, float]]  # metric -> seed -> over its frames or pixels
    frames: Mapping[str, int]  # metric -> frames behind the value, in each seed
    pixels: int  # scored pixels of these frames, in each seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The groups in the order their names first appear in the rows; slices by kind, near to far."""

    protocol: str
    by: tuple[str, ...]
    metrics: tuple[str, ...]
    groups: tuple[Group, ...]
    averaging: Averaging = "per_frame"
    choices: Mapping[
        str, str
    ]  # what the summary is of: head, against, alignment, unless grouped by
    protocol_words: str = ""  # where the rows carry their protocol

    def group(self, **key: str) -> Group:
        """The group with this key, such as `group(arm="full")`.

        Raises:
            DataError: when there is none.
        """
        for group in self.groups:
            if group.key == key:
                return group
        names = ["/".join(group.key.values()) for group in self.groups]
        raise DataError(unknown("group", "/".join(key.values()), names))


def summarise(
    rows: pa.Table,
    *,
    by: Sequence[str] = ("arm",),
    metrics: Sequence[str],
    slice: str | None = WHOLE_FRAME,
    head: str | None = "depth",
    against: str | None = "truth",
    alignment: str | None = "none",
    averaging: Averaging | None = None,
) -> Summary:
    """Means per group of rows of one protocol.

    `by` names columns out of study, arm, sequence, condition, head, against, alignment and slice. Each of
    the last four is one value of the whole summary, or in `by`, and then it must be None here:
    `summarise(rows, by=("arm", "slice"), metrics=("abs_rel",), slice=None)`.

    Every arm and seed must have been scored on the same frames and pixels: a mean over other frames is
    another quantity, and comparing the two is the quietest way to a wrong table. The teacher alone is
    exempt, because it answers only where its labels are; its `pixels` say how much of the frames that is.

    `averaging=None` takes that of the protocol that the rows carry, and per frame where they carry none.

    Raises:
        DataError: for several protocols; a grouping that would mix studies or arms; a choice or metric
            that no row has; arms or seeds that were not scored on the same frames and pixels; SILog to be
            pooled without the rows of the log bias.
        SettingsError: for a metric that does not exist.
    """
    by = tuple(by)
    names = [row.name for row in metric_rows(metrics)]
    protocol = protocol_of(rows)
    carried = protocol_settings(rows)
    if averaging is None:
        averaging = "per_frame" if carried is None else carried.averaging
    _check_grouping(rows, by)
    choices = dict(zip(_CHOICES, (head, against, alignment, slice), strict=True))
    chosen = _chosen(rows, choices, by=by)
    needed = set(names)
    if averaging == "pooled" and any(METRICS[name].pooling == "spread" for name in names):
        needed.add(_BIAS)
    chosen = chosen.filter(pc.is_in(chosen["metric"], pa.array(sorted(needed))))
    absent = sorted(needed - set(column_codes(chosen["metric"])[1]))
    if absent:
        reason = "" if set(absent) <= set(names) else ", which pooling SILog needs"
        raise DataError(f"no row holds {', '.join(absent)}{reason}")
    _same_frames(chosen)
    return Summary(
        protocol=protocol,
        by=by,
        metrics=tuple(names),
        groups=_groups(chosen, by=by, metrics=names, averaging=averaging),
        averaging=averaging,
        choices={name: value for name, value in choices.items() if value is not None},
        protocol_words="" if carried is None else carried.words(headline=False),
    )


def _check_grouping(rows: pa.Table, by: tuple[str, ...]) -> None:
    for name in by:
        if name not in _GROUPING:
            raise DataError(unknown("column to group by", name, _GROUPING))
    for name in ("study", "arm"):
        values = pc.unique(rows[name]).to_pylist()
        if name not in by and len(values) > 1:
            listing = ", ".join(values)
            raise DataError(
                f"a mean over more than one {name} ({listing}): group by '{name}' as well"
            )


def _chosen(rows: pa.Table, choices: Mapping[str, str | None], *, by: tuple[str, ...]) -> pa.Table:
    """The rows of the one head, target, alignment and slice that are to be summarised."""
    for name, value in choices.items():
        if (name in by) != (value is None):
            raise DataError(
                f"group by '{name}' with {name}=None, or name the one {name} to summarise"
            )
        if value is not None:
            matching = rows.filter(pc.equal(rows[name], value))
            if matching.num_rows == 0:
                raise DataError(unknown(name, value, pc.unique(rows[name]).to_pylist()))
            rows = matching
    return rows


class _Frames(NamedTuple):
    """The values of one metric under one seed in one group."""

    values: list[float]
    pixels: list[int]


def _groups(
    rows: pa.Table, *, by: tuple[str, ...], metrics: Sequence[str], averaging: Averaging
) -> tuple[Group, ...]:
    pixels = _pixels(rows, by=by, metrics=metrics)
    # Threads would mix up which pixels a value is of.
    columns = rows.group_by((*by, "metric", "seed"), use_threads=False).aggregate(
        [("value", "list"), ("pixels", "list")]
    )
    parts: dict[tuple[str, ...], dict[str, dict[int, _Frames]]] = {}
    for row in columns.to_pylist():
        of_metrics = parts.setdefault(tuple(row[name] for name in by), {})
        frames = _Frames(row["value_list"], row["pixels_list"])
        of_metrics.setdefault(row["metric"], {})[row["seed"]] = frames
    rank = {name: _ranks(name, pc.unique(rows[name]).to_pylist()) for name in by}

    def standing(key: tuple[str, ...]) -> list[tuple[float, ...]]:
        return [rank[name][value] for name, value in zip(by, key, strict=True)]

    groups = []
    for values in sorted(parts, key=standing):
        of_metrics = parts[values]
        seed_values: dict[str, dict[int, float]] = {}
        for metric_name in (name for name in metrics if name in of_metrics):
            seed_values[metric_name] = {
                number: _mean(frames)
                if averaging == "per_frame"
                else _pooled(metric_name, frames, bias=of_metrics.get(_BIAS, {}).get(number))
                for number, frames in sorted(of_metrics[metric_name].items())
            }
        if not seed_values:
            continue  # rows of the log bias alone, which nobody asked for
        groups.append(
            Group(
                key=dict(zip(by, values, strict=True)),
                values={n: math.fsum(v.values()) / len(v) for n, v in seed_values.items()},
                seed_values=seed_values,
                frames={n: len(next(iter(of_metrics[n].values())).values) for n in seed_values},
                pixels=pixels[values],
            )
        )
    return tuple(groups)


def _mean(frames: _Frames) -> float:
    # fsum is exact, so the mean does not depend on the order of the rows.
    return math.fsum(frames.values) / len(frames.values)


def _pooled(metric: str, frames: _Frames, *, bias: _Frames | None) -> float:
    """As if the pixels of all frames were one frame's."""
    pooling = METRICS[metric].pooling
    if pooling == "spread":
        assert bias is not None, "the rows of the log bias were asked for"
        return _pooled_spread(metric, frames, bias)
    pairs = list(zip(frames.values, frames.pixels, strict=True))
    total = sum(frames.pixels)
    if pooling == "square":
        return math.sqrt(math.fsum(n * v * v for v, n in pairs) / total)
    return math.fsum(n * v for v, n in pairs) / total


def _pooled_spread(metric: str, frames: _Frames, bias: _Frames) -> float:
    total = sum(bias.pixels)
    pairs = list(zip(bias.values, bias.pixels, strict=True))
    middle = math.fsum(n * b for b, n in pairs) / total
    between = math.fsum(n * (b - middle) ** 2 for b, n in pairs)
    within = math.fsum(
        n * (v / 100) ** 2 for v, n in zip(frames.values, frames.pixels, strict=True)
    )
    # A frame of one pixel has no SILog and no spread of its own: it takes part by its bias.
    lone = METRICS[metric].least_pixels
    if sum(n for n in bias.pixels if n >= lone) != sum(frames.pixels):
        raise DataError(
            f"{metric} cannot be pooled: its rows and those of {_BIAS} are not of the same pixels"
        )
    return 100 * math.sqrt((within + between) / total)


def _pixels(
    rows: pa.Table, *, by: tuple[str, ...], metrics: Sequence[str]
) -> dict[tuple[str, ...], int]:
    """The scored pixels of each group's frames, in one seed."""
    # Metrics of the picture count pairs or edges, so a frame's pixels are told by a metric of pixels.
    order = sorted(metrics, key=lambda name: name not in ERRORS)
    codes, names = column_codes(rows["metric"])
    rank = np.array([order.index(n) if n in order else len(order) for n in names])[codes]
    ordered = rows.take(np.argsort(rank, kind="stable"))
    of_frames = ordered.group_by((*by, "sample_id"), use_threads=False).aggregate(
        [("pixels", "first")]
    )
    sums = of_frames.group_by(by).aggregate([("pixels_first", "sum")])
    return {tuple(row[name] for name in by): row["pixels_first_sum"] for row in sums.to_pylist()}


def _ranks(name: str, values: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Where each value stands: slices by kind, near to far; anything else as it first appears."""
    if name == "slice":
        return {value: _slice_rank(value) for value in values}
    return {value: (float(number),) for number, value in enumerate(values)}


def _slice_rank(name: str) -> tuple[float, ...]:
    """The whole frame first, then kinds in their order, each by its lower edge."""
    kind, _, span = name.partition(":")
    if name == WHOLE_FRAME:
        return (-1.0, 0.0)
    return (
        float(_KINDS.index(kind)) if kind in _KINDS else len(_KINDS),
        float(span.partition("-")[0]),
    )


def _same_frames(rows: pa.Table) -> None:
    """Refuse arms and seeds of one study that were not scored on the same frames and pixels."""
    scope_names = ("study", "head", "against", "alignment")
    columns = {name: column_codes(rows[name]) for name in (*scope_names, *_MEASUREMENT)}
    order = _without_doubles(rows, (*scope_names, *_MEASUREMENT), columns)
    samples = columns["sample_id"][0]
    # What a metric of the picture counts, such as edges, may depend on the prediction.
    of_pixels = np.array([name in ERRORS for name in columns["metric"][1]])[columns["metric"][0]]
    counts = np.where(of_pixels, rows["pixels"].to_numpy(), 0)
    compared = order[_is_not_teacher(*columns["arm"])[order]]
    scopes, runs = row_keys(rows, scope_names), row_keys(rows, ("study", "arm", "seed"))
    contexts = row_keys(rows, (*scope_names, "slice", "metric"))
    by_context: dict[int, dict[int, NDArray[np.intp]]] = {}
    first_row: dict[int, dict[int, np.intp]] = {}
    parts = np.stack([contexts[compared], runs[compared]])
    for inside in np.split(compared, np.flatnonzero(np.diff(parts).any(axis=0)) + 1):
        if inside.size:
            row, run = inside[0], int(runs[inside[0]])
            by_context.setdefault(int(contexts[row]), {})[run] = inside
            earliest = first_row.setdefault(int(scopes[row]), {})
            earliest[run] = min(earliest.get(run, row), inside.min())
    for by_run in by_context.values():
        row = next(iter(by_run.values()))[0]
        earliest = first_row[int(scopes[row])]
        first, *others = sorted(earliest, key=lambda run: earliest[run])
        for other in others:
            a, b = by_run.get(first, compared[:0]), by_run.get(other, compared[:0])
            if np.array_equal(samples[a], samples[b]) and np.array_equal(counts[a], counts[b]):
                continue
            one, two = (set(zip(samples[n], counts[n], strict=True)) for n in (a, b))
            frame = columns["sample_id"][1][min(one ^ two)[0]]
            x, y = (_described(columns, earliest[run]) for run in (first, other))
            context = _described(columns, row)
            raise DataError(
                f"{context['metric']} ({context['slice']}): arm '{x['arm']}', seed {x['seed']} has "
                f"{a.size} frames and arm '{y['arm']}', seed {y['seed']} has {b.size}, not all the same "
                f"(first at frame '{frame}'). Score both on the same frames"
            )


def _without_doubles(
    rows: pa.Table, names: Sequence[str], columns: Mapping[str, _Codes]
) -> NDArray[np.intp]:
    """The order of the rows by these columns, when none is there twice."""
    keys = row_keys(rows, names)
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(np.diff(keys[order]) == 0)
    if again.size:
        row = _described(columns, order[again[0]])
        raise DataError(
            f"frame '{row['sample_id']}' is there twice (arm '{row['arm']}', seed {row['seed']}, "
            f"{row['metric']})"
        )
    return order


def _described(columns: Mapping[str, _Codes], row: np.intp) -> dict[str, str]:
    """Column -> its value in one row."""
    return {name: str(values[codes[row]]) for name, (codes, values) in columns.items()}


def _is_not_teacher(codes: NDArray[np.int64], arms: list[str]) -> NDArray[np.bool_]:
    return np.array([arm != TEACHER_ARM for arm in arms])[codes]
