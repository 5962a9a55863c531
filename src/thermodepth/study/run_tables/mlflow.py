"""Runs of MLflow: the CSV of `mlflow.search_runs(...).to_csv()`, or the folder in which its file store lies.

    run_id,experiment_id,status,...,metrics.abs_rel,params.seed,tags.mlflow.runName      one row a run

    mlruns/EXPERIMENT/RUN/meta.yaml          run_name, status, lifecycle_stage
                          metrics/NAME       lines `timestamp value step`; NAME may have folders
                          params/NAME        the value

Of a metric the value of the last step counts, and of that the latest, as MLflow has it itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thermodepth.errors import DataError
from thermodepth.files import read_text
from thermodepth.study.run_tables.run import (
    MOST_BYTES,
    LoggedRun,
    RunExport,
    check_run_count,
    number_of,
    read_cells,
    read_header,
)
from thermodepth.yaml_files import read_yaml

CSV_PROGRAM, FOLDER_PROGRAM = "MLflow's search_runs", "MLflow's mlruns folder"
_COLUMNS = ("run_id", "experiment_id", "status")
_STATES = {1: "running", 2: "scheduled", 3: "finished", 4: "failed", 5: "killed"}
_META = "meta.yaml"
_SHORT = 100_000  # bytes of a parameter
_DEEPEST = 8  # folders that a metric's name may have


def recognises(path: Path) -> bool:
    """Whether it is a CSV with MLflow's columns, or a folder of experiments, or one of runs."""
    if path.is_dir():
        return any(True for _ in _run_folders(path))
    if not path.is_file() or path.suffix.lower() != ".csv":
        return False
    return set(_COLUMNS) <= set(read_header(path))


def read_runs(path: Path) -> RunExport:
    """Every run that was not deleted.

    Raises:
        DataError: for a file that is damaged, or more runs than `MOST_RUNS`.
    """
    return _read_folder(path) if path.is_dir() else _read_csv(path)


def _read_csv(path: Path) -> RunExport:
    header, rows = read_cells(path)
    runs = []
    for row in rows:
        cells = {name: cell for name, cell in zip(header, row, strict=True) if cell.strip()}
        settings = {n: c for n, c in cells.items() if n.startswith(("params.", "tags."))}
        numbers = {
            name.removeprefix("metrics."): value
            for name, cell in cells.items()
            if name.startswith("metrics.") and (value := number_of(cell)) is not None
        }
        state = cells.get("status", "").casefold()
        runs.append(
            LoggedRun(
                name=cells.get("tags.mlflow.runName") or cells["run_id"],
                settings={n: c for n, c in settings.items() if not n.startswith("tags.mlflow.")},
                metrics=numbers,
                unfinished="" if state in ("finished", "") else state,
            )
        )
    return RunExport(program=CSV_PROGRAM, path=path, runs=tuple(runs), settings_are_own=True)


def _read_folder(path: Path) -> RunExport:
    runs, deleted = [], 0
    for folder in _run_folders(path):
        meta = read_yaml(folder / _META)
        facts: dict[str, Any] = meta if isinstance(meta, dict) else {}
        if facts.get("lifecycle_stage") == "deleted":
            deleted += 1
            continue
        settings = {
            f"params.{name}": read_text(file, limit=_SHORT).strip()
            for name, file in _files(folder / "params")
        }
        state = facts.get("status")
        text = _STATES.get(state, "") if isinstance(state, int) else str(state or "").casefold()
        runs.append(
            LoggedRun(
                name=str(facts.get("run_name") or folder.name),
                settings=settings,
                metrics={name: _last(file) for name, file in _files(folder / "metrics")},
                unfinished="" if text in ("finished", "") else text,
            )
        )
        check_run_count(path, len(runs))
    notes = (f"{deleted} runs that MLflow holds as deleted were left out.",) if deleted else ()
    return RunExport(
        program=FOLDER_PROGRAM, path=path, runs=tuple(runs), settings_are_own=True, notes=notes
    )


def _run_folders(path: Path) -> Iterator[Path]:
    """Runs of a store (two levels down) or of one experiment (one level down).

    What was thrown away (`.trash`) and logged models (`models`) are none.
    """
    for pattern in (f"*/*/{_META}", f"*/{_META}"):
        for meta in sorted(path.glob(pattern)):
            folder = meta.parent
            is_run = (folder / "metrics").is_dir() or (folder / "params").is_dir()
            parts = folder.relative_to(path).parts
            if is_run and not any(part.startswith(".") or part == "models" for part in parts):
                yield folder


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(name, file) below a folder, which is no link out of it; a name's slashes are folders."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        if len(Path(root).relative_to(folder).parts) >= _DEEPEST:
            folders.clear()
        for name in sorted(names):
            file = Path(root) / name
            if not file.is_symlink():
                yield file.relative_to(folder).as_posix(), file


def _last(file: Path) -> float:
    best: tuple[int, int, float] | None = None
    for number, line in enumerate(read_text(file, limit=MOST_BYTES).splitlines(), start=1):
        fields = line.split()
        try:
            if len(fields) not in (2, 3):
                raise ValueError
            entry = (int(fields[2]) if len(fields) == 3 else 0, int(fields[0]), float(fields[1]))
        except ValueError:
            raise DataError(
                f"{file}: line {number}: expected 'timestamp value step', got '{line[:80]}'"
            ) from None
        best = entry if best is None else max(best, entry)
    if best is None:
        raise DataError(f"{file}: no line, expected 'timestamp value step'")
    return best[2]
