"""One cell of a study from nothing to its rows: train, predict the test frames, score.

Every part is skipped when it is done and continued when it is not, so a cell can be killed at any moment.
Cells run in processes of their own; a file lock keeps two processes off one cell, and a process whose
parent has died stops by itself, so that a study that was killed and started again does not meet its own
leftovers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.data import Dataset, open_dataset
from thermodepth.errors import DataError, StudyError, ThermodepthError
from thermodepth.evaluation.predict import predict_into, stored_pairs
from thermodepth.evaluation.protocols.protocol import Protocol, named_protocol
from thermodepth.evaluation.results.rows import write_rows
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.evaluation.store import PredictionStore
from thermodepth.files import read_json, write_json
from thermodepth.inference.predictor import Predictor
from thermodepth.model import load_model
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_reader, label_source
from thermodepth.training.loop import Progress, train
from thermodepth.training.run_folder import run_facts
from thermodepth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


ROWS = "rows.parquet"
FACTS = "cell.json"
PREDICTIONS = "predictions"
TEST_SPLIT = "test"
_FACT_KINDS: dict[str, type | tuple[type, ...]] = {
    "labels": str,
    "first_weights": str,
    "batches": str,
    "seconds": (int, float),
    "frames": int,
    "skipped": list,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellJob:
    """Everything a cell's process needs; small enough to be sent to it."""

    study: str
    name: str  # Cell.name
    arm: str
    seed: int
    settings: TrainingSettings
    data: str  # spec of the data set
    folder: Path
    labels: LabelStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNews:
    """What a cell tells its study."""

    name: str
    progress: Progress | None = None
    stage: str  # training, predicting, done, failed, interrupted
    message: str = ""  # of a failure


def study_protocol(dataset: Dataset) -> Protocol:
    """The protocol of a data set over the frames that studies score."""
    return named_protocol(dataset.protocol).for_frames(dataset.split(TEST_SPLIT).sample_ids)


def cell_is_done(folder: Path) -> bool:
    """Whether the rows of this cell are complete."""
    return (folder / ROWS).is_file()


def run_cell(job: CellJob, news: Connection[CellNews, None]) -> None:
    """The entry of a cell's process: the whole cell, and word of it through the pipe."""

    def tell(**words: Any) -> None:
        try:
            news.send(CellNews(name=job.name, **words))
        except OSError:  # the study was killed: its cells must not live on
            os._exit(1)

    try:
        with only_process(job.folder):
            finish_cell(job, tell)
        tell(stage="done")
    except KeyboardInterrupt:
        tell(stage="interrupted")
    except ThermodepthError as error:
        tell(stage="failed", message=str(error))


def finish_cell(job: CellJob, tell: Callable[..., None]) -> None:
    """Train, predict and score, from wherever the cell stands."""
    dataset = open_dataset(job.data)
    began = time.perf_counter()
    model_folder = train(
        job.settings,
        job.folder,
        dataset=dataset,
        label_of=label_reader(job.labels, budget_bytes=job.settings.runtime.cache_mb * 2**20),
        label_source=label_source(job.labels),
        report=lambda progress: tell(stage="training", progress=progress),
    )
    seconds = time.perf_counter() - began

    tell(stage="predicting")
    model = load_model(model_folder)
    frames = dataset.split(TEST_SPLIT)
    store = PredictionStore(
        job.folder / PREDICTIONS,
        made_by={"model": model.fingerprint, "data": frames.fingerprint()},
        about={"data": job.data, "split": TEST_SPLIT},
    )
    predictor = Predictor(model, device=job.settings.runtime.device)
    predict_into(store, frames, predictor.maps_of)

    scores = score_frames(
        stored_pairs(store, frames),
        study_protocol(dataset),
        study=job.study,
        arm=job.arm,
        seed=job.seed,
    )
    facts = {
        **run_facts(job.folder),
        "seconds": round(seconds, 1),
        "frames": scores.frames,
        "skipped": scores.skipped,
    }
    write_json(job.folder / FACTS, facts)
    write_rows(scores.rows, job.folder / ROWS)  # last: its presence says that the cell is done


@contextmanager
def only_process(folder: Path, *, patience_s: float = 20.0) -> Iterator[None]:
    """Hold the cell for this process; the hold ends with the process, however it ends.

    Raises:
        StudyError: when another process keeps it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks here; folders still refuse to be another run's
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        waited = 0.0
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if waited >= patience_s:
                    raise StudyError(
                        f"{folder}: another process is training this cell; wait for it or stop it"
                    ) from None
                time.sleep(0.25)
                waited += 0.25
        yield


def cell_facts(folder: Path) -> dict[str, Any]:
    """What a finished cell says of itself: seconds, frames, skipped, labels, first weights, batches.

    Raises:
        StudyError: when the file is missing or damaged.
    """
    path = folder / FACTS
    try:
        facts = read_json(path)
    except DataError as error:
        raise StudyError(f"{error}; delete {folder} and run again") from None
    for name, kind in _FACT_KINDS.items():
        if not isinstance(facts.get(name), kind):
            raise StudyError(
                f"{path}: damaged, {name} is {facts.get(name)!r:.80}; delete {folder} and run again"
            )
    return facts
