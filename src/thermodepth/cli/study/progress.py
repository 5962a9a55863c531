"""What a study's cells tell while they are computed: bars in a terminal, lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from thermodepth.cli.terminal import Bars, error_console, plain_report, term_line
from thermodepth.study.cell_job import CellNews, Tell
from thermodepth.study.design import Study


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
def cell_progress(study: Study) -> Iterator[Tell]:
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
