"""`thermodepth study run`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import (
    OptionalData,
    Seeds,
    Set,
    Steps,
    StudyName,
    StudyOut,
    Tuned,
    Twin,
    With,
    load_with,
)
from thermodepth.cli.study.computing import HERE, ComputingOptions, compute_cells
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.data import Dataset
    from thermodepth.study.design import Study
    from thermodepth.study.run import StudyState

BudgetHours = Annotated[
    float | None,
    typer.Option(help="Of training, all cells together: no seed is begun that would not fit."),
]


def run(
    name: StudyName,
    data: OptionalData = None,
    seeds: Seeds = None,
    steps: Steps = None,
    twin: Twin = False,
    budget_hours: BudgetHours = None,
    out: StudyOut = None,
    tuned: Tuned = None,
    edits: Set = [],
    extensions: With = [],
    computing: ComputingOptions = HERE,
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
    from thermodepth.study.folder import study_folder_of
    from thermodepth.study.inputs import check_starts

    typed = {"data.source": ("--data", data), "steps": ("--steps", steps)}
    planned = planned_study(
        name,
        edits_of_options(typed, edits),
        seeds=seeds,
        twin=twin,
        budget_hours=budget_hours,
        tuned=tuned,
    )
    executor = computing.cell_executor(planned.settings)
    dataset = open_dataset(planned.settings.data.source)
    study = replace(planned, settings=planned.settings.resolved(dataset))
    check_starts(study)  # before labels are made, and before hours of other arms
    folder = out or study_folder_of(study, dataset)
    state = compute_cells(study, folder, dataset, executor, only_prints=computing.only_prints)
    if state is None:
        return
    if any(cell.arm.name == study.reference for cell in state.done):
        _write_results(study, state, dataset)
    state.require_complete()


def _write_results(study: Study, state: StudyState, dataset: Dataset) -> None:
    from thermodepth.cli.terminal import console
    from thermodepth.report.study.write import write_results

    results = write_results(study, state, dataset)
    console.print()
    console.print(results.table.rich())
    for table in (results.readings, results.beside):
        if table is not None:
            console.print(table.rich())
    for path in results.files:
        console.print(f"  {path}", soft_wrap=True)
