"""Which arm and which seed each run of an export is.

The seed stands in a setting called `seed` (`data.seed`, `params.random_seed`), or at the end of the run's
name (`full-seed3`, `full_s3`, `full/seed_3`). The arm stands in settings called `arm`, in W&B's `Group`, or
is what is left of the names without the seed; of programs that keep settings apart from all else, it is what
the runs' settings differ in. A person may name the columns instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.study.run_tables.run import LoggedRun, RunExport

_SEED_SETTINGS = frozenset({"seed", "random_seed", "rng_seed", "manual_seed", "global_seed"})
_SEED_AT_END = re.compile(
    r"^(?P<arm>.*?)[-_/. ]*(?:seed|(?<![A-Za-z0-9])s)[-_= ]?(?P<seed>\d{1,18})$"
)
_WHOLE = re.compile(r"-?\d{1,18}(?:\.0+)?")
_MOST_NAMED = 30  # columns in a message


class RunGroups(NamedTuple):
    """Of every run."""

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    arm_source: str  # in words
    seed_source: str
    seed_column: str  # empty: the seed is part of the names


def group_runs(
    export: RunExport, runs: Sequence[LoggedRun], *, arm_columns: Sequence[str], seed_column: str
) -> RunGroups:
    """The arm and the seed of every run.

    Args:
        export: what they are of.
        runs: those that count.
        arm_columns: settings whose values together name the arm; none: they are looked for.
        seed_column: the setting with the seed; empty: it is looked for.

    Raises:
        SettingsError: for a column that does not exist.
        DataError: where the seed or the arm stands nowhere, and for two runs of one arm and seed.
    """
    columns = list(dict.fromkeys(name for run in runs for name in run.settings))
    for name in (*arm_columns, *([seed_column] if seed_column else [])):
        if name not in columns:
            raise SettingsError(f"{export.path}: {unknown('column', name, columns)}")
    seeds, seed_column = _seeds(export, runs, columns, seed_column)
    seed_source = f"column '{seed_column}'" if seed_column else "the runs' names"
    arms, arm_source = _arms(export, runs, columns, arm_columns, seed_source)
    cells: dict[tuple[str, int], str] = {}
    for run, arm, seed in zip(runs, arms, seeds, strict=True):
        if (arm, seed) in cells:
            raise DataError(
                f"{export.path}: runs '{cells[arm, seed]}' and '{run.name}' are both arm '{arm}' with seed "
                f"{seed} (arm from {arm_source}, seed from {seed_source}); --arm-column and --seed-column "
                f"name others ({_some(columns)})"
            )
        cells[arm, seed] = run.name
    return RunGroups(arms, seeds, arm_source, seed_source, seed_column)


def _seeds(
    export: RunExport, runs: Sequence[LoggedRun], columns: Sequence[str], column: str
) -> tuple[tuple[int, ...], str]:
    """The seeds, and the column that tells them; an empty one where the names do."""
    candidates = [column] if column else [n for n in columns if _last_part(n) in _SEED_SETTINGS]
    for name in candidates:
        texts = [run.settings.get(name, "").strip() for run in runs]
        if all(_WHOLE.fullmatch(text) for text in texts):
            return tuple(int(float(text)) for text in texts), name
        if column:
            row = next(n for n, text in enumerate(texts) if not _WHOLE.fullmatch(text))
            raise DataError(
                f"{export.path}: run '{runs[row].name}', column {column}: '{texts[row]}' is no whole number"
            )
    matches = [_SEED_AT_END.match(run.name) for run in runs]
    if all(match is not None for match in matches):
        return tuple(int(match["seed"]) for match in matches if match), ""
    unnamed = next(run.name for run, match in zip(runs, matches, strict=True) if match is None)
    raise DataError(
        f"{export.path}: no column tells the seed of every run, and neither does a name such as '{unnamed}'; "
        f"--seed-column NAME says which does ({_some(columns)})"
    )


def _arms(
    export: RunExport,
    runs: Sequence[LoggedRun],
    columns: Sequence[str],
    arm_columns: Sequence[str],
    seed_source: str,
) -> tuple[tuple[str, ...], str]:
    if not arm_columns:
        candidates = [name for name in columns if _last_part(name) == "arm" or name == "Group"]
        complete = [name for name in candidates if all(name in run.settings for run in runs)]
        arm_columns = complete[:1]
    if len(arm_columns) == 1:
        (name,) = arm_columns
        return tuple(run.settings.get(name, "none") for run in runs), f"column '{name}'"
    if arm_columns:
        return _joined(runs, arm_columns), f"columns {', '.join(arm_columns)}"
    matches = [_SEED_AT_END.match(run.name) for run in runs]
    if all(match is not None and match["arm"] for match in matches):
        return tuple(match["arm"] for match in matches if match), "the runs' names"
    if export.settings_are_own and (differing := _differing(runs, columns)):
        return _joined(runs, differing), f"settings that differ ({', '.join(differing)})"
    raise DataError(
        f"{export.path}: nothing tells the arm of each run (seed from {seed_source}); --arm-column NAME,... "
        f"says which columns do ({_some(columns)})"
    )


def _differing(runs: Sequence[LoggedRun], columns: Sequence[str]) -> list[str]:
    """Settings with several values, but for seeds and what is another in every run, such as paths."""
    names = []
    for name in columns:
        values = {run.settings.get(name, "none") for run in runs}
        if 1 < len(values) < len(runs) and _last_part(name) not in _SEED_SETTINGS:
            names.append(name)
    return names


def _joined(runs: Sequence[LoggedRun], columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        ", ".join(f"{_last_part(name)}={run.settings.get(name, 'none')}" for name in columns)
        for run in runs
    )


def _last_part(name: str) -> str:
    return re.split(r"[./]", name)[-1].casefold()


def _some(columns: Sequence[str]) -> str:
    more = f", and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
    return f"columns: {', '.join(columns[:_MOST_NAMED]) or 'none'}{more}"
