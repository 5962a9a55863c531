"""What a cell's folder tells of its progress, for those who only see the folder: the lines of `log.csv`."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable
from dataclasses import dataclass

from thermodepth.files import read_text
from thermodepth.study.cell_job import CellJob, CellNews, Tell
from thermodepth.training.log import FILE as LOG_FILE
from thermodepth.training.loop import Progress


@dataclass(slots=True, kw_only=True)
class _LastLook:
    """Of a log, when it was last looked at."""

    size: int = 0
    step: int = 0
    at: float = 0.0  # seconds of a clock


class LogWatch:
    """Looks into the logs of cells, again and again; a log that has not grown is not opened."""

    def __init__(self, jobs: Iterable[CellJob]) -> None:
        """
        Args:
            jobs: the cells; what their logs hold already is no news.
        """
        self._jobs = {job.name: job for job in jobs}
        self._looks = {job.name: _LastLook(size=_size(job)) for job in self._jobs.values()}

    def forget(self, name: str) -> None:
        """This cell has ended."""
        del self._jobs[name]

    def tell_progress(self, tell: Tell) -> None:
        """Of every cell whose log has grown since the last look."""
        for job in self._jobs.values():
            last, size = self._looks[job.name], _size(job)
            if size == last.size:
                continue
            last.size = size
            last_line = _last_line(job)
            if last_line is None:
                continue
            step, terms = last_line
            now = time.monotonic()
            images = (step - last.step) * job.settings.data.batch_size
            rate = images / (now - last.at) if last.at and images > 0 else 0.0
            last.step, last.at = step, now
            progress = Progress(step=step, steps=job.settings.steps, images_per_s=rate, terms=terms)
            tell(CellNews(name=job.name, stage="training", progress=progress))


def _size(job: CellJob) -> int:
    try:
        return (job.folder / LOG_FILE).stat().st_size
    except OSError:
        return 0


def _last_line(job: CellJob) -> tuple[int, dict[str, float]] | None:
    """Step and terms of the last whole line; None while there is none.

    Also of a file that another machine is writing, or that is no log: progress is not worth an error.
    """
    try:
        text = read_text(job.folder / LOG_FILE)
        lines = list(csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1])))
        if not lines:
            return None
        step = int(lines[-1].pop("step"))
        return step, {name: float(text) for name, text in lines[-1].items() if text}
    except (KeyError, TypeError, ValueError, csv.Error):  # a DataError is a ValueError
        return None
