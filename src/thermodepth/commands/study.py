"""`thermodepth study run` and `thermodepth study cell`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from thermodepth.commands.terminal import (
    Bars,
    console,
    counting,
    error_console,
    plain_report,
    term_line,
)
from thermodepth.config import parse_edit
from thermodepth.data import open_dataset
from thermodepth.recipes import named_study, named_training
from thermodepth.study.cell import CellNews, Tell
from thermodepth.study.design import Study
from thermodepth.study.executors.launch import compute, enter_working_folder
from thermodepth.study.executors.table import Placement, make_executor, parse_options
from thermodepth.study.files import read_study, study_of
from thermodepth.study.results import write_results
from thermodepth.study.run import prepared_job, run_study
from thermodepth.training.loop import Progress, check_device


def run_named_study(
    name: str,
    *,
    data: str,
    seeds: int | None,
    steps: int | None,
    out: Path | None,
    edits: list[str],
    executor: str,
    processes: int | None,
    gpus_per_cell: int | None,
    slots_per_gpu: int,
    options: list[str],
) -> None:
    """Run a study, a recipe or a file, to its report and print its table."""
    own: dict[str, object] = {"data.source": data}
    if steps is not None:
        own["steps"] = steps
    own |= dict(parse_edit(text) for text in edits)
    planned = _planned(name, own, seeds)
    settings = planned.settings
    check_device(settings.runtime, settings.precision)
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
    dataset = open_dataset(data)
    study = replace(planned, settings=settings.resolved(dataset))
    out = out or Path("runs") / f"{study.name}-{dataset.name}"

    words.print(
        f"{study.title}: {len(study.arms)} arms x {len(study.seeds)} seeds x {settings.steps} steps"
    )
    words.print(f"{dataset.note}; results in {out}", soft_wrap=True)
    with counting(f"labels by {settings.teacher.kind}") as tell_labels, showing(study) as tell:
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


def _planned(name: str, own: Mapping[str, object], seeds: int | None) -> Study:
    """A recipe by its name, or a study file by its path; what the command line says comes last."""
    if Path(name).suffix not in (".toml", ".py"):
        settings = named_training("thermal").edit(own)
        return named_study(name, settings, seeds=seeds or 1)
    file = read_study(Path(name))
    study = study_of(file, named_training(file.recipe))
    wanted = study.seeds if seeds is None else tuple(range(seeds))
    return replace(study, settings=study.settings.edit(own), seeds=wanted)


def compute_one_cell(out: Path, name: str) -> None:
    """Compute one cell of a study folder that `study run` has prepared."""
    job = prepared_job(out.absolute(), name)
    enter_working_folder(job)
    report = plain_report(job.settings.steps, name)

    def tell(*, stage: str, progress: Progress | None = None) -> None:
        if progress is not None:
            report(progress)
        else:
            print(f"{name}: {stage}", file=sys.stderr, flush=True)

    # Several GPUs are this command several times: who starts it knows how many.
    compute(job, tell, gpus=1)
    tell(stage="done")


@contextmanager
def showing(study: Study) -> Iterator[Tell]:
    """One bar for every cell that is at work; a line at every tenth where there is no terminal."""
    if not error_console.is_terminal:
        reports = {
            cell.name: plain_report(study.settings.steps, cell.name) for cell in study.cells()
        }

        def tell_plain(news: CellNews) -> None:
            if news.progress is not None:
                reports[news.name](news.progress)
            else:
                print(
                    f"{news.name}: {news.stage} {news.message}".rstrip(),
                    file=sys.stderr,
                    flush=True,
                )

        yield tell_plain
        return

    bars = Bars()
    steps = study.settings.steps

    def tell(news: CellNews) -> None:
        now = news.progress
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
