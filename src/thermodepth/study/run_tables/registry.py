"""Which program wrote an export, by its own headers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from thermodepth.errors import DataError
from thermodepth.study.run_tables import lightning, mlflow, tensorboard, wandb
from thermodepth.study.run_tables.run import RunExport

#: In this order: a folder of Lightning may hold event files beside its CSV.
PROGRAMS: tuple[ModuleType, ...] = (wandb, mlflow, lightning, tensorboard)


def read_run_export(path: Path) -> RunExport | None:
    """The runs that a program logged; None for what none of them wrote.

    Args:
        path: a file, or a folder.

    Raises:
        DataError: for an export that is damaged, or holds no run.
        DependencyError: for one that needs a package to be read.
    """
    for program in PROGRAMS:
        if program.recognises(path):
            export: RunExport = program.read_runs(path)
            if not export.runs:
                raise DataError(f"{path}: {export.program} without a run")
            return export
    return None
