"""`thermodepth study run` and `thermodepth study cell`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from thermodepth.commands.option_edits import edits_of_options
from thermodepth.commands.terminal import (
    Bars,
    console,
    counting,
    error_console,
    plain_report,
    term_line,
)
from thermodepth.data import open_dataset
from thermodepth.errors import DivergedError, StudyError
from thermodepth.recipes.planned import planned_study
from thermodepth.report.study.write import write_results
from thermodepth.study.cell import CellNews, Tell
from thermodepth.study.design import Study, steps_words
from thermodepth.study.executors.launch import compute, enter_working_folder
from thermodepth.study.executors.registry import Placement, make_executor, parse_options
from thermodepth.study.folder import prepared_job, study_folder_of
from thermodepth.study.inputs import check_starts
from thermodepth.study.run import run_study


def run_named_study(
    name: str,
    *,
    data: str | None,
    seeds: int | None,
    steps: int | None,
    twin: bool,
    budget_hours: float | None,
    out: Path | None,
    edits: list[str],
    executor: str,
    processes: int | None,
    gpus_per_cell: int | None,
    slots_per_gpu: int,
    options: list[str],
) -> None:
    """Run a study, a recipe or a file, to its report and print its table."""
    typed = {"data.source": ("--data", data), "steps": ("--steps", steps)}
    own = edits_of_options(typed, edits)
    planned = planned_study(name, own, seeds=seeds, twin=twin, budget_hours=budget_hours)
    settings = planned.settings
    only_prints = executor == "print"
    # The commands alone stand on stdout, so that they can be handed to a shell.
    words = error_console if only_prints else console
    made = make_executor(
        Placement(
            executor=executor,
            processes=processes,
            gpus_per_cell=gpus_per_cell,
            slots_per_gpu=slots_per_gpu,
            options=parse_options(options),
            device=settings.runtime.device,
            write=lambda line: print(line, flush=True),
        )
    )
    dataset = open_dataset(settings.data.source)
    study = replace(planned, settings=settings.resolved(dataset))
    check_starts(study)  # before labels are made, and before hours of other arms
    out = out or study_folder_of(study, dataset)

    words.print(
        f"{study.title}: {len(study.arms)} arms x {len(study.seeds)} seeds x {steps_words(study)} steps"
    )
    words.print(f"{dataset.note}; results in {out}", soft_wrap=True)
    with counting("labels") as tell_labels, showing(study) as tell:
        try:
            state = run_study(
                study, out, dataset=dataset, executor=made, tell=tell, tell_labels=tell_labels
            )
        except KeyboardInterrupt as stopped:
            if stopped.args:  # what goes on without this process
                error_console.print(str(stopped), soft_wrap=True)
            raise
    if only_prints and not state.complete:
        left = len(state.missing_lines())
        words.print(
            f"{left} cells to compute; when they are done, the same command writes the report"
        )
        return
    if any(cell.arm.name == study.reference for cell in state.done):
        results = write_results(study, state, dataset)
        console.print()
        console.print(results.table.rich())
        for path in results.files:
            console.print(f"  {path}", soft_wrap=True)
    state.require_complete()


def compute_named_cells(out: Path, names: list[str]) -> None:
    """Compute cells of a study folder that `study run` has prepared, one after the other.

    Raises:
        ThermodepthError: of the cell that failed; `StudyError` where several did, or `DivergedError` where
            all that failed diverged.
    """
    names = list(dict.fromkeys(names))
    jobs = [prepared_job(out.absolute(), name) for name in names]
    enter_working_folder(jobs[0])
    # Several GPUs are this command several times: who starts it knows how many.
    tell = plain_news({job.name: job.settings.steps for job in jobs})
    errors = {job.name: error for job in jobs if (error := compute(job, tell, gpus=1))}
    if len(errors) == 1:
        raise next(iter(errors.values()))
    if errors:
        lines = "".join(f"\n  {name}: {error}" for name, error in errors.items())
        message = f"{len(errors)} of {len(jobs)} cells failed; what is done is kept.{lines}"
        only_diverged = all(isinstance(error, DivergedError) for error in errors.values())
        raise DivergedError(message) if only_diverged else StudyError(message)


def plain_news(steps: Mapping[str, int]) -> Tell:
    """Lines for logs: a line at every tenth of a training, and at every other stage of a cell.

    Args:
        steps: of each cell, by its name.
    """
    reports = {name: plain_report(count, name) for name, count in steps.items()}

    def tell(news: CellNews) -> None:
        if news.progress is not None:
            reports[news.name](news.progress)
        else:
            line = f"{news.name}: {news.stage} {news.message}".rstrip()
            print(line, file=sys.stderr, flush=True)

    return tell


@contextmanager
def showing(study: Study) -> Iterator[Tell]:
    """One bar for every cell that is at work; a line at every tenth where there is no terminal."""
    steps_of = {cell.name: study.settings_of(cell).steps for cell in study.cells()}
    if not error_console.is_terminal:
        yield plain_news(steps_of)
        return

    bars = Bars()

    def tell(news: CellNews) -> None:
        now, steps = news.progress, steps_of[news.name]
        if now is None:
            done = steps if news.stage in ("predicting", "done") else None
            bars.step(news.name, done, steps, note=news.stage)
            bars.line(news.name, news.message)
            return
        note = f"{now.images_per_s:.0f} images/s" if now.terms else ""
        bars.step(news.name, now.step, steps, note=note)
        if now.terms:
            bars.line(news.name, term_line(now.terms))

    with bars:
        yield tell
