"""The numbers of logged runs as measurements: one a run, so seeds can be told apart and scenes cannot."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.statistics.measurements import RUN_LEVEL, Codes, Measurements, block
from thermodepth.statistics.metric_names import Direction, direction_of
from thermodepth.study.run_tables.grouping import group_runs
from thermodepth.study.run_tables.run import LoggedRun, RunExport

_MOST_NAMED = 20  # in a sentence
#: What programs put around a metric's name: `val/abs_rel`, `test_rmse`, `train_loss_epoch`.
_AROUND = re.compile(
    r"^(?:(?:train|training|val|valid|validation|test|eval|evaluation|metrics|best|final)[/._-])+"
    r"|[/_](?:epoch|dataloader_idx_\d+)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMeasurements:
    """What an export says, ready to be compared."""

    blocks: Mapping[str, Measurements]  # by metric
    directions: Mapping[str, Direction]  # of those whose name tells it
    notes: tuple[str, ...]  # sentences: what was recognised, taken for granted and left out


def run_measurements(
    export: RunExport,
    *,
    metrics: Sequence[str] = (),
    stated: Mapping[str, Direction] | None = None,
    arm_columns: Sequence[str] = (),
    seed_column: str = "",
) -> RunMeasurements:
    """Every metric of the runs as a block of arms by seeds.

    Args:
        export: of `read_run_export`.
        metrics: which; none takes all that are known to be better one way.
        stated: which way a metric runs, where a person says it.
        arm_columns: as `group_runs` has them.
        seed_column: as `group_runs` has it.

    Raises:
        SettingsError: for a metric or column that does not exist.
        DataError: where no run ended, no metric has a direction, or as `group_runs`.
    """
    stated = stated or {}
    runs = _ended_runs(export)
    groups = group_runs(export, runs, arm_columns=arm_columns, seed_column=seed_column)
    cells = {seed_column, *arm_columns, groups.seed_column}
    available = list(dict.fromkeys(n for run in runs for n in run.metrics if n not in cells))
    for name in (*metrics, *stated):
        if name not in available:
            raise SettingsError(f"{export.path}: {unknown('metric', name, available)}")
    directions = {name: way for name in available if (way := logged_direction(name)) is not None}
    directions |= stated
    chosen = list(metrics) or [name for name in available if name in directions]
    if not chosen:
        raise DataError(
            f"{export.path}: no number of the runs is a metric whose name tells which way is better; "
            f"--lower or --higher names it ({_some(available)})"
        )
    blocks, notes = {}, []
    for name in chosen:
        numbers = [run.metrics.get(name, math.nan) for run in runs]
        blocks[name] = _block(name, numbers, groups.arms, groups.seeds, str(export.path))
        if lost := [r.name for r, v in zip(runs, numbers, strict=True) if not math.isfinite(v)]:
            notes.append(f"{name}: no finite number of {_some(lost)}; left out.")
    ignored = [name for name in available if name not in chosen]
    return RunMeasurements(
        blocks=blocks,
        directions={name: way for name, way in directions.items() if name in blocks},
        notes=(
            f"Recognised as {export.program}: {len(runs)} runs that ended; arms from {groups.arm_source}, "
            f"seeds from {groups.seed_source}; of each metric its last value.",
            "One number a run: intervals are over seeds, and nothing is called better or worse, for what "
            "other scenes would do cannot be told from run totals. A table with a row an image can tell it.",
            *_unfinished(export),
            *export.notes,
            *notes,
            *([f"Not compared: {_some(ignored)}; --metrics takes them."] if ignored else []),
        ),
    )


def _ended_runs(export: RunExport) -> list[LoggedRun]:
    runs = [run for run in export.runs if not run.unfinished]
    if not runs:
        states = ", ".join(sorted({run.unfinished for run in export.runs}))
        raise DataError(f"{export.path}: {export.program}: no run ended well ({states})")
    return runs


def logged_direction(name: str) -> Direction | None:
    """Which way a logged number is better, by its name without `val/`, `test_` and the like."""
    bare = name
    while (shorter := _AROUND.sub("", bare)) != bare:
        bare = shorter
    return direction_of(bare) or direction_of(re.split(r"[/.]", bare)[-1])


def _block(
    name: str, numbers: Sequence[float], arms: Sequence[str], seeds: Sequence[int], where: str
) -> Measurements:
    rows = [row for row, number in enumerate(numbers) if math.isfinite(number)]
    arm_names = list(dict.fromkeys(arms))
    seed_names = sorted(set(seeds))
    zeros = np.zeros(len(rows), np.int64)
    return block(
        metric=name,
        arm=Codes(
            index=np.array([arm_names.index(arms[r]) for r in rows], np.int64), names=arm_names
        ),
        seed=Codes(
            index=np.array([seed_names.index(seeds[r]) for r in rows], np.int64), names=seed_names
        ),
        image=Codes(index=zeros, names=[RUN_LEVEL]),
        cluster=Codes(index=zeros, names=[RUN_LEVEL]),
        value=np.array([numbers[row] for row in rows]),
        arms=arm_names,
        where=where,
    )


def _unfinished(export: RunExport) -> list[str]:
    states: dict[str, list[str]] = {}
    for run in export.runs:
        if run.unfinished:
            states.setdefault(run.unfinished, []).append(run.name)
    return [f"Left out, {state}: {_some(names)}." for state, names in states.items()]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
