"""Rows to means: one value per arm and metric, with the frames it stands on.

The mean is taken over frames within each seed, then over seeds, so a seed weighs the same as any other.
No interval is computed here: a summary describes, the contrasts of a study decide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from thermodepth.errors import DataError, unknown
from thermodepth.evaluation.rows import WHOLE_FRAME, protocol_of
from thermodepth.evaluation.tables import Cell, Column, Table
from thermodepth.metrics import metric_rows

_GROUPING = ("study", "arm", "sequence", "condition", "slice")
_Cell = tuple[str, int]  # (arm, seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The means of one arm, or of one arm under one condition or in one range."""

    key: Mapping[str, str]  # the value of each column grouped by
    values: Mapping[str, float]  # metric -> mean over seeds of the mean over frames
    seed_values: Mapping[str, Mapping[int, float]]  # metric -> seed -> mean over frames
    frames: Mapping[str, int]  # metric -> frames behind the value, in each seed
    pixels: int  # scored pixels of these frames, in each seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The groups in the order their names first appear in the rows; ranges from near to far."""

    protocol: str
    by: tuple[str, ...]
    metrics: tuple[str, ...]
    groups: tuple[Group, ...]

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

    def table(self, *, title: str) -> Table:
        """As a printed table. Nothing is bold: which arm is best is for the contrasts to say."""
        rows = metric_rows(self.metrics)
        columns = [Column(label=name, align="left") for name in self.by]
        columns += [
            Column(
                label=f"{row.label} ({row.unit})" if row.unit else row.label,
                digits=row.digits,
                better=row.better,
            )
            for row in rows
        ]
        columns += [Column(label="seeds"), Column(label="frames"), Column(label="pixels")]
        cells: list[tuple[Cell, ...]] = []
        for group in self.groups:
            seeds = {seed for values in group.seed_values.values() for seed in values}
            cells.append(
                (
                    *(group.key[name] or "(not given)" for name in self.by),
                    *(group.values.get(name) for name in self.metrics),
                    len(seeds),
                    max(group.frames.values()),
                    group.pixels,
                )
            )
        notes = [f"Protocol {self.protocol}; mean over frames, then over seeds."]
        if any(len(set(g.frames.values())) > 1 for g in self.groups):
            notes.append(
                "Some frames have too few pixels for some metrics; frames counts the most."
            )
        return Table(title=title, columns=tuple(columns), rows=tuple(cells), notes=tuple(notes))


def summarise(
    rows: pa.Table,
    *,
    by: Sequence[str] = ("arm",),
    metrics: Sequence[str],
    slice: str | None = WHOLE_FRAME,
) -> Summary:
    """Means per group of rows of one protocol.

    `by` names columns out of study, arm, sequence, condition and slice. With `"slice"` in it every depth
    range is a group and `slice` must be None:
    `summarise(rows, by=("arm", "slice"), metrics=("abs_rel",), slice=None)`.

    Every arm and seed must have been scored on the same frames and pixels: a mean over other frames is
    another quantity, and comparing the two is the quietest way to a wrong table.

    Raises:
        DataError: for several protocols; a grouping that would mix studies, arms or slices; a slice or
            metric that no row has; arms or seeds that were not scored on the same frames and pixels.
        SettingsError: for a metric that does not exist.
    """
    by = tuple(by)
    chosen = [row.name for row in metric_rows(metrics)]
    protocol = protocol_of(rows)
    for name in by:
        if name not in _GROUPING:
            raise DataError(unknown("column to group by", name, _GROUPING))
    if ("slice" in by) != (slice is None):
        raise DataError("group by 'slice' with slice=None, or name the one slice to summarise")
    for name in ("study", "arm"):
        found = pc.unique(rows[name]).to_pylist()
        if name not in by and len(found) > 1:
            listing = ", ".join(found)
            raise DataError(
                f"a mean over more than one {name} ({listing}): group by '{name}' as well"
            )
    kept = rows
    if slice is not None:
        kept = kept.filter(pc.equal(kept["slice"], slice))
        if kept.num_rows == 0:
            raise DataError(unknown("slice", slice, pc.unique(rows["slice"]).to_pylist()))
    kept = kept.filter(pc.is_in(kept["metric"], pa.array(chosen)))
    absent = sorted(set(chosen) - set(pc.unique(kept["metric"]).to_pylist()))
    if absent:
        raise DataError(f"no row holds {', '.join(absent)}")
    _same_frames(kept)
    groups = _groups(kept, by=by, metrics=chosen)
    return Summary(protocol=protocol, by=by, metrics=tuple(chosen), groups=groups)


def _groups(rows: pa.Table, *, by: tuple[str, ...], metrics: Sequence[str]) -> tuple[Group, ...]:
    values: dict[tuple[str, ...], dict[str, dict[int, list[float]]]] = {}
    pixels: dict[tuple[str, ...], dict[str, int]] = {}
    order: dict[str, dict[str, int]] = {name: {} for name in by}
    keys = list(zip(*_columns(rows, by), strict=True)) if by else [()] * rows.num_rows
    rest = zip(*_columns(rows, ("metric", "seed", "sample_id", "value", "pixels")), strict=True)
    for key, (metric, seed, sample_id, value, count) in zip(keys, rest, strict=True):
        values.setdefault(key, {}).setdefault(metric, {}).setdefault(seed, []).append(value)
        # The same pixels stand behind every metric and seed: each frame is counted once.
        pixels.setdefault(key, {})[sample_id] = count
        for name, part in zip(by, key, strict=True):
            order[name].setdefault(part, len(order[name]))

    def rank(key: tuple[str, ...]) -> tuple[float, ...]:
        parts = zip(by, key, strict=True)
        return tuple(_near_to_far(p) if name == "slice" else order[name][p] for name, p in parts)

    groups = []
    for key in sorted(values, key=rank):
        of = {name: values[key][name] for name in metrics if name in values[key]}
        # fsum is exact, so the mean does not depend on the order of the rows.
        seed_values = {
            name: {seed: math.fsum(v) / len(v) for seed, v in sorted(seeds.items())}
            for name, seeds in of.items()
        }
        groups.append(
            Group(
                key=dict(zip(by, key, strict=True)),
                values={n: math.fsum(v.values()) / len(v) for n, v in seed_values.items()},
                seed_values=seed_values,
                frames={name: len(next(iter(seeds.values()))) for name, seeds in of.items()},
                pixels=sum(pixels[key].values()),
            )
        )
    return tuple(groups)


def _same_frames(rows: pa.Table) -> None:
    """Refuse cells of one study that were not scored on the same frames and pixels."""
    names = ("study", "slice", "metric", "arm", "seed", "sample_id", "pixels")
    frames: dict[tuple[str, str, str], dict[_Cell, dict[str, int]]] = {}
    cells: dict[str, dict[_Cell, None]] = {}
    for study, part, metric, arm, seed, sample_id, count in zip(
        *_columns(rows, names), strict=True
    ):
        cells.setdefault(study, {})[arm, seed] = None
        of = frames.setdefault((study, part, metric), {}).setdefault((arm, seed), {})
        if sample_id in of:
            raise DataError(
                f"frame '{sample_id}' is there twice (arm '{arm}', seed {seed}, {metric})"
            )
        of[sample_id] = count
    for (study, part, metric), found in frames.items():
        first, *others = cells[study]
        for other in others:
            a, b = found.get(first, {}), found.get(other, {})
            if a != b:
                differing = sorted(a.items() ^ b.items())
                raise DataError(
                    f"{metric} ({part}): arm '{first[0]}', seed {first[1]} has {len(a)} frames and arm "
                    f"'{other[0]}', seed {other[1]} has {len(b)}, not all the same (first at frame "
                    f"'{differing[0][0]}'). Score both on the same frames"
                )


def _columns(rows: pa.Table, names: Iterable[str]) -> list[list[object]]:
    return [rows[name].to_pylist() for name in names]


def _near_to_far(slice: str) -> float:
    """The lower edge of `range:2.5-6`; the whole frame comes before all ranges."""
    return -1.0 if slice == WHOLE_FRAME else float(slice.partition(":")[2].partition("-")[0])
