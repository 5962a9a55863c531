"""Nowhere: the commands of the missing cells, for any scheduler that can run a command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from thermodepth.study.cell_job import CellJob, Tell
from thermodepth.study.executors.launch import PROGRAM, cell_command
from thermodepth.study.failure import read_failure


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintExecutor:
    """Writes a line of shell for each cell; a comment above it says how the last try failed."""

    write: Callable[[str], None]  # takes a line without its end
    gpus_per_cell: int = 0
    program: tuple[str, ...] = PROGRAM

    def run(self, jobs: Sequence[CellJob], tell: Tell) -> None:
        """As `Executor.run`: computes nothing, so every cell stays missing."""
        del tell
        for job in jobs:
            failure = read_failure(job.folder)
            if failure is not None:
                self.write(f"# {job.name} {' '.join(failure.line().split())}")
            command = cell_command(job, gpus=self.gpus_per_cell, program=self.program)
            self.write(shlex.join(command))
