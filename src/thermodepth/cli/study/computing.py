"""Where cells are computed, as options, and the computing itself as a person watches it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from thermodepth.data import Dataset
    from thermodepth.study.cell_job import Executor
    from thermodepth.study.design import Study
    from thermodepth.study.run import StudyState
    from thermodepth.training.settings import TrainingSettings

ExecutorName = Annotated[
    str,
    typer.Option(
        help="Where cells are computed: local, ray, slurm, or print, which writes a command for each."
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(min=1, help="The most cells at once. Default: one a core or GPU; slurm: all."),
]
GpusPerCell = Annotated[
    int | None,
    typer.Option(
        min=0, help="GPUs that train one cell together. Default: one where there are any."
    ),
]
SlotsPerGpu = Annotated[int, typer.Option(min=1, help="Processes that share one GPU.")]
ExecutorOption = Annotated[
    list[str],
    typer.Option(
        help="KEY=VALUE of the executor, such as partition=gpu or address=HOST:PORT. Repeatable."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputingOptions:
    """Where cells are computed, and how many at once."""

    executor: ExecutorName = "local"
    processes: Processes = None
    gpus_per_cell: GpusPerCell = None
    slots_per_gpu: SlotsPerGpu = 1
    executor_option: ExecutorOption = field(default_factory=list)

    @property
    def only_prints(self) -> bool:
        """Whether commands are written and nothing is computed."""
        return self.executor == "print"

    def cell_executor(self, settings: TrainingSettings) -> Executor:
        """What computes the cells of a study with these settings.

        Raises:
            SettingsError: for an executor or an option of it that does not exist or is not possible.
            DependencyError: for one whose package is not installed.
        """
        from thermodepth.study.executors.registry import Placement, make_executor, parse_options

        return make_executor(
            Placement(
                executor=self.executor,
                processes=self.processes,
                gpus_per_cell=self.gpus_per_cell,
                slots_per_gpu=self.slots_per_gpu,
                options=parse_options(self.executor_option),
                device=settings.runtime.device,
                write=lambda line: print(line, flush=True),
            )
        )


#: Where a command says nothing of it.
HERE = ComputingOptions()


def compute_cells(
    study: Study, out: Path, dataset: Dataset, executor: Executor, *, only_prints: bool
) -> StudyState | None:
    """Bring the cells to their rows, with what they tell on the terminal; None where they were only printed.

    Raises:
        StudyError: as `run_study`.
        KeyboardInterrupt: after the running cells wrote their checkpoints.
    """
    from thermodepth.cli.study.progress import cell_progress
    from thermodepth.cli.terminal import console, counting, error_console
    from thermodepth.study.design import steps_words
    from thermodepth.study.run import run_study

    # The commands alone stand on stdout, so that they can be handed to a shell.
    text_console = error_console if only_prints else console
    text_console.print(
        f"{study.title}: {len(study.arms)} arms x {len(study.seeds)} seeds x {steps_words(study)} steps"
    )
    text_console.print(f"{dataset.note}; results in {out}", soft_wrap=True)
    with counting("labels") as tell_labels, cell_progress(study) as tell:
        try:
            state = run_study(
                study, out, dataset=dataset, executor=executor, tell=tell, tell_labels=tell_labels
            )
        except KeyboardInterrupt as stopped:
            if stopped.args:  # what goes on without this process
                error_console.print(str(stopped), soft_wrap=True)
            raise
    if only_prints and not state.complete:
        text_console.print(
            f"{len(state.missing_lines())} cells to compute; when they are done, the same command writes "
            "the report"
        )
        return None
    return state
