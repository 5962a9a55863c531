"""`thermodepth study run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from thermodepth.study.cell import CellNews
from thermodepth.study.design import Study
from thermodepth.study.results import write_results
from thermodepth.study.run import Tell, run_study
from thermodepth.training.loop import check_device


def run_named_study(
    name: str,
    *,
    data: str,
    seeds: int,
    steps: int | None,
    out: Path | None,
    processes: int | None,
    edits: list[str],
) -> None:
    """Run a study to its report and print its table."""
    own: dict[str, object] = {"data.source": data}
    if steps is not None:
        own["steps"] = steps
    settings = named_training("thermal").edit({**own, **dict(parse_edit(text) for text in edits)})
    check_device(settings.runtime, settings.precision)
    dataset = open_dataset(data)
    study = named_study(name, settings.resolved(dataset), seeds=seeds)
    out = out or Path("runs") / f"{name}-{dataset.name}"

    console.print(f"{study.title}: {len(study.arms)} arms x {seeds} seeds x {settings.steps} steps")
    console.print(f"{dataset.note}; results in {out}", soft_wrap=True)
    with counting(f"labels by {settings.teacher.kind}") as tell_labels, showing(study) as tell:
        folder = run_study(
            study, out, dataset=dataset, processes=processes, tell=tell, tell_labels=tell_labels
        )
    results = write_results(study, folder, dataset)
    console.print()
    console.print(results.table.rich())
    for path in results.files:
        console.print(f"  {path}", soft_wrap=True)


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
