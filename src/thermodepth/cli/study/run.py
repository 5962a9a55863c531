"""`thermodepth study run`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import (
    OptionalData,
    Seeds,
    Set,
    Steps,
    StudyName,
    StudyOut,
    Twin,
    With,
    load_with,
)
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from rich.console import Console

    from thermodepth.data import Dataset
    from thermodepth.study.cell_job import Executor
    from thermodepth.study.design import Study
    from thermodepth.study.run import StudyState

BudgetHours = Annotated[
    float | None,
    typer.Option(help="Of training, all cells together: no seed is begun that would not fit."),
]
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


def run(
    name: StudyName,
    data: OptionalData = None,
    seeds: Seeds = None,
    steps: Steps = None,
    twin: Twin = False,
    budget_hours: BudgetHours = None,
    out: StudyOut = None,
    edits: Set = [],
    extensions: With = [],
    executor: ExecutorName = "local",
    processes: Processes = None,
    gpus_per_cell: GpusPerCell = None,
    slots_per_gpu: SlotsPerGpu = 1,
    executor_option: ExecutorOption = [],
) -> None:
    """Train every arm of a study under the same conditions, then write its table, figures and report.

    Running the same command again skips what is done, continues what is not and tries again what failed;
    more --seeds, or arms that a recipe gained, are added to what is there.
    """
    set_thread_policy(1)
    load_with(extensions)
    from thermodepth.cli.edits import edits_of_options
    from thermodepth.data import open_dataset
    from thermodepth.recipes.planned import planned_study
    from thermodepth.study.executors.registry import Placement, make_executor, parse_options
    from thermodepth.study.folder import study_folder_of
    from thermodepth.study.inputs import check_starts

    typed = {"data.source": ("--data", data), "steps": ("--steps", steps)}
    settings_edits = edits_of_options(typed, edits)
    planned = planned_study(name, settings_edits, seeds=seeds, twin=twin, budget_hours=budget_hours)
    settings = planned.settings
    placement = Placement(
        executor=executor,
        processes=processes,
        gpus_per_cell=gpus_per_cell,
        slots_per_gpu=slots_per_gpu,
        options=parse_options(executor_option),
        device=settings.runtime.device,
        write=lambda line: print(line, flush=True),
    )
    cell_executor = make_executor(placement)
    dataset = open_dataset(settings.data.source)
    study = replace(planned, settings=settings.resolved(dataset))
    check_starts(study)  # before labels are made, and before hours of other arms
    _run(
        study,
        out or study_folder_of(study, dataset),
        dataset,
        cell_executor,
        only_prints=executor == "print",
    )


def _run(
    study: Study, out: Path, dataset: Dataset, executor: Executor, *, only_prints: bool
) -> None:
    """Compute the cells, then write and print the results of those that are done."""
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
        return
    if any(cell.arm.name == study.reference for cell in state.done):
        _write_results(study, state, dataset, console)
    state.require_complete()


def _write_results(study: Study, state: StudyState, dataset: Dataset, console: Console) -> None:
    from thermodepth.report.study.write import write_results

    results = write_results(study, state, dataset)
    console.print()
    console.print(results.table.rich())
    for path in results.files:
        console.print(f"  {path}", soft_wrap=True)
