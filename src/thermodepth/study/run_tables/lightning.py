"""Folders of Lightning's CSVLogger: NAME/version_N/metrics.csv, with the run's hparams.yaml beside it.

    epoch,step,train_loss,val_abs_rel
    0,9,0.81,
    0,9,,0.35

Rows hold what was logged together, the other cells are empty; the last number of each column counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError
from thermodepth.study.run_tables.run import (
    LoggedRun,
    RunExport,
    check_run_count,
    number_of,
    read_cells,
    read_header,
)
from thermodepth.yaml_files import read_yaml

PROGRAM = "Lightning's CSVLogger"
METRICS, HPARAMS = "metrics.csv", "hparams.yaml"
_COUNTERS = ("step", "epoch")
_PATTERNS = (METRICS, f"*/{METRICS}", f"*/*/{METRICS}", f"*/*/*/{METRICS}")


def recognises(path: Path) -> bool:
    """Whether metrics.csv with a column `step` lies there or up to three folders below."""
    return path.is_dir() and any(True for _ in _logs(path))


def read_runs(path: Path) -> RunExport:
    """Every run below the folder.

    Raises:
        DataError: for a file that is damaged, or more runs than `MOST_RUNS`.
    """
    runs, unread = [], 0
    for file in _logs(path):
        header, rows = read_cells(file)
        metrics: dict[str, float] = {}
        for row in rows:
            for name, cell in zip(header, row, strict=True):
                if name not in _COUNTERS and (value := number_of(cell)) is not None:
                    metrics[name] = value
        settings: dict[str, str] = {}
        if (file.parent / HPARAMS).is_file():
            try:
                settings = dict(_flat(read_yaml(file.parent / HPARAMS) or {}))
            except DataError:  # it may hold Python objects, which are not made
                unread += 1
        name = file.parent.relative_to(path).as_posix()
        runs.append(
            LoggedRun(
                name=path.resolve().name if name == "." else name,
                settings=settings,
                metrics=metrics,
            )
        )
        check_run_count(path, len(runs))
    notes = (f"{unread} {HPARAMS} could not be read as plain YAML.",) if unread else ()
    return RunExport(
        program=PROGRAM, path=path, runs=tuple(runs), settings_are_own=True, notes=notes
    )


def _logs(path: Path) -> Iterator[Path]:
    for pattern in _PATTERNS:
        for file in sorted(path.glob(pattern)):
            if file.is_file() and "step" in read_header(file):
                yield file


def _flat(tree: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Settings by dotted name, as text."""
    if isinstance(tree, Mapping):
        for name, inner in tree.items():
            yield from _flat(inner, f"{before}.{name}" if before else str(name))
    elif before:
        yield before, str(tree)
