"""Running a study: labels, baselines, cells in processes of their own, then tables, figures and report.

Everything lies in one folder. What is done is skipped and what is not is continued, so running the same
command again is how a study is resumed, repaired, and extended by seeds.
"""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import Any

from thermodepth.data import Dataset, samples_of
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.results.rows import read_rows, write_rows
from thermodepth.evaluation.scoring.answer import depth_answer
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.files import read_json, write_json
from thermodepth.study.cell import (
    ROWS,
    TEST_SPLIT,
    CellJob,
    CellNews,
    cell_is_done,
    run_cell,
    study_protocol,
)
from thermodepth.study.design import Cell, Study
from thermodepth.teacher import LabelStore
from thermodepth.threads import available_cores
from thermodepth.training.labels import make_labels

BASELINE_SEED = 0  # baselines have no randomness; their rows stand under one seed

Tell = Callable[[CellNews], None]
TellLabels = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFolder:
    """The places of a study."""

    path: Path

    def cell(self, cell: Cell) -> Path:
        """A cell's own folder."""
        return self.path / "cells" / cell.name

    def baseline(self, arm: str) -> Path:
        """The rows of a baseline."""
        return self.path / "baselines" / f"{arm.replace(' ', '-')}.parquet"

    @property
    def labels(self) -> Path:
        """Where the teacher's labels are kept."""
        return self.path / "labels"


def open_study(study: Study, out: Path, dataset: Dataset) -> StudyFolder:
    """Make the folder, or recognise it as this study's.

    Raises:
        StudyError: when it belongs to another study or to something else.
    """
    record = out / "study.json"
    identity = study.identity(dataset.fingerprint())
    if record.is_file():
        try:
            known = read_json(record)
        except DataError as error:
            raise StudyError(f"{error}; delete the folder to start again") from None
        if known.get("identity") != identity:
            told = _first_difference(known.get("study", {}), dict(study.describe()))
            raise StudyError(
                f"{out}: holds another study ({told or 'its data changed'}). Choose another --out, or "
                "delete the folder"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StudyError(f"{out}: not empty and no study of ours; choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_json(
        record,
        {
            "identity": identity,
            "data": dataset.spec,
            "data_fingerprint": dataset.fingerprint(),
            "seeds": study.seeds,
            "study": study.describe(),
        },
    )
    return StudyFolder(path=out)


def run_study(
    study: Study,
    out: Path,
    *,
    dataset: Dataset,
    processes: int | None = None,
    tell: Tell,
    tell_labels: TellLabels,
) -> StudyFolder:
    """Bring every cell and baseline of the study to its rows.

    Args:
        study: settings resolved against the data set.
        out: the study's folder.
        dataset: train and test splits.
        processes: cells trained side by side, one thread each; None takes one a core.
        tell: hears of every step of every cell.
        tell_labels: hears of the labelling, (done, total).

    Raises:
        StudyError: naming the cells that failed, after the others were finished.
        KeyboardInterrupt: after the running cells wrote their checkpoints.
    """
    folder = open_study(study, out, dataset)
    store = make_labels(study.settings.teacher, dataset, folder.labels, progress=tell_labels)
    score_baselines(study, folder, dataset)
    open_cells = [cell for cell in study.cells() if not cell_is_done(folder.cell(cell))]
    jobs = [job_of(study, cell, folder, dataset, store) for cell in open_cells]
    if jobs:
        run_cells(jobs, processes or available_cores(), tell)
    return folder


def score_baselines(study: Study, folder: StudyFolder, dataset: Dataset) -> None:
    """Fit the baselines on the training split and score them as every arm is scored."""
    protocol = study_protocol(dataset)
    for arm, kind in BASELINES.items():
        path = folder.baseline(arm)
        if path.is_file():
            continue
        baseline = kind.fit(samples_of(dataset.split("train")), protocol=protocol)
        scores = score_frames(
            ((depth_answer(baseline.predict(s)), s) for s in samples_of(dataset.split(TEST_SPLIT))),
            protocol,
            study=study.name,
            arm=arm,
            seed=BASELINE_SEED,
        )
        write_rows(scores.rows, path)


def job_of(
    study: Study, cell: Cell, folder: StudyFolder, dataset: Dataset, store: LabelStore
) -> CellJob:
    """What the cell's process is sent."""
    return CellJob(
        study=study.name,
        name=cell.name,
        arm=cell.arm.name,
        seed=cell.seed,
        settings=study.settings_of(cell),
        data=dataset.spec,
        folder=folder.cell(cell),
        labels=store,
    )


def run_cells(jobs: Sequence[CellJob], processes: int, tell: Tell) -> None:
    """Run the jobs, at most so many at once, each in a fresh process with one thread.

    Every process has a pipe of its own: one that is killed in the middle of a message takes nothing
    with it, and when this process dies the others meet a broken pipe and stop.

    Raises:
        StudyError, KeyboardInterrupt: as `run_study`.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(jobs)
    running: dict[Any, _Running] = {}  # by the end of the pipe that is read
    failed: list[CellNews] = []
    with _stopping(running) as asked_to_stop:
        while running or (waiting and not asked_to_stop()):
            while waiting and len(running) < processes and not asked_to_stop():
                job = waiting.pop(0)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=run_cell, args=(job, theirs), name=job.name)
                process.start()
                theirs.close()
                running[ours] = _Running(name=job.name, process=process)
            ready: list[Any] = connection.wait(list(running), timeout=1.0)
            for pipe in ready:
                cell = running[pipe]
                try:
                    news: CellNews = pipe.recv()
                    cell.last = news.stage
                except (EOFError, OSError):  # the process has ended
                    cell.process.join()
                    del running[pipe]
                    if cell.last in ("done", "failed", "interrupted"):
                        continue
                    news = CellNews(
                        name=cell.name,
                        stage="failed",
                        message=f"its process ended with code {cell.process.exitcode}",
                    )
                if news.stage == "failed":
                    failed.append(news)
                tell(news)
        interrupted = asked_to_stop()
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise StudyError(
            f"{len(failed)} of {len(jobs)} cells failed; what is done is kept, and the same command goes "
            "on from there.\n  " + "\n  ".join(f"{n.name}: {n.message}" for n in failed)
        )


@dataclass(slots=True, kw_only=True)
class _Running:
    """A cell's process and the last thing heard of it."""

    name: str
    process: Any
    last: str = ""


@contextmanager
def _stopping(running: Mapping[Any, _Running]) -> Iterator[Callable[[], bool]]:
    """Ctrl-C or a polite kill of the study becomes one of each running cell, which then saves."""
    asked = False

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        del frame
        asked = True
        for cell in running.values():
            # A terminal's Ctrl-C has reached the cells already, and twice means at once.
            if number == signal.SIGTERM and cell.process.is_alive():
                cell.process.terminate()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for cell in running.values():
            cell.process.terminate()


def collect_rows(study: Study, folder: StudyFolder) -> Any:
    """The rows of all cells and baselines as one table.

    Raises:
        DataError: when one of them is missing or damaged.
    """
    from thermodepth.evaluation.results.rows import concatenate

    tables = [read_rows(folder.cell(cell) / ROWS) for cell in study.cells()]
    tables += [read_rows(folder.baseline(arm)) for arm in BASELINES]
    return concatenate(tables)


def _first_difference(old: Any, new: Any, path: str = "") -> str:
    """Where two descriptions part, as `path: old -> new`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            told = _first_difference(old.get(key), new.get(key), f"{path}.{key}".lstrip("."))
            if told:
                return told
        return ""
    if json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True):
        return ""
    return f"{path}: {json.dumps(old)} there, {json.dumps(new)} now"
