"""One cell of a study from nothing to its rows: train, predict the test frames, score.

Every part is skipped when it is done and continued when it is not, so a cell can be killed at any moment.
A file lock keeps two processes off one cell. Whoever computes it, the folder says how it ended:

    rows.parquet and cell.json    done, when cell.json carries the fingerprint that is asked for
    failed.json                   failed, diverged or killed; the next try takes it away
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from thermodepth.data import Dataset, open_dataset
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.predict import predict_into, stored_pairs
from thermodepth.evaluation.protocols.protocol import Protocol, named_protocol
from thermodepth.evaluation.results.rows import write_rows
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.evaluation.store import PredictionStore
from thermodepth.files import read_json, write_json
from thermodepth.inference.predictor import Predictor
from thermodepth.model import load_model
from thermodepth.study.executors.failure import FAILED, failure_of, write_failure
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_reader, label_source
from thermodepth.training.loop import Progress, train
from thermodepth.training.run_folder import run_facts, run_identity
from thermodepth.training.settings import TrainingSettings

#: Raised when the same settings, data, labels and protocol would give a cell other numbers.
FORMAT = 1
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
    """Everything that the computing of a cell needs; small enough to be sent to a process."""

    study: str
    name: str  # Cell.name
    arm: str
    seed: int
    settings: TrainingSettings
    data: str  # spec of the data set
    folder: Path
    labels: LabelStore
    working_folder: str  # what relative paths in settings and data spec start from

    @property
    def study_folder(self) -> Path:
        """Of which the cell's is `cells/ARM/seed-N`."""
        return self.folder.parents[2]


#: How the computing of a cell goes on and ends.
Stage = Literal["submitted", "training", "predicting", "done", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellNews:
    """What a cell tells its study."""

    name: str
    progress: Progress | None = None
    stage: Stage
    message: str = ""  # of a failure


Tell = Callable[[CellNews], None]


def study_protocol(dataset: Dataset) -> Protocol:
    """The protocol of a data set over the frames that studies score."""
    return named_protocol(dataset.protocol).for_frames(dataset.split(TEST_SPLIT).sample_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellKey:
    """What decides the numbers of a cell."""

    run: str  # settings, data and labels, as `run_identity`
    labels: str
    protocol: str  # how it is scored, over which frames

    @classmethod
    def of(
        cls, settings: TrainingSettings, dataset: Dataset, *, labels: str, protocol: Protocol
    ) -> CellKey:
        """The key of the cell with these settings; `labels` as `label_source` says it."""
        return cls(
            run=run_identity(settings, dataset, labels),
            labels=labels,
            protocol=protocol.protocol_id(),
        )

    @property
    def fingerprint(self) -> str:
        """Sixteen digits of all of it and of `FORMAT`."""
        parts = {"run": self.run, "protocol": self.protocol, "format": FORMAT}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def cell_is_done(folder: Path, key: CellKey) -> bool:
    """Whether the rows of exactly this cell are complete. Rows alone are not read.

    A cell that was only scored otherwise is not done and keeps its model: it is scored again.

    Raises:
        StudyError: for a finished cell of other settings, data or labels, or of another version.
    """
    if not (folder / ROWS).is_file():
        return False
    try:
        facts = read_json(folder / FACTS)
    except DataError:
        return False
    if facts.get("fingerprint") == key.fingerprint:
        return True
    told = {
        "labels": (facts.get("labels"), key.labels),
        "run": (facts.get("identity"), key.run),
        "format": (facts.get("format", FORMAT), FORMAT),
    }
    parted = next((f"{n}: {a} there, {b} now" for n, (a, b) in told.items() if a != b), None)
    if parted is not None:
        raise StudyError(
            f"{folder}: holds results of other settings, data or labels ({parted}). Choose another --out, "
            "or delete this folder to compute the cell again"
        )
    return False


def compute_cell(job: CellJob, tell: Callable[..., None]) -> None:
    """The whole cell under its lock; what goes wrong is written into its folder, and raised.

    Where several processes train one cell, as under `accelerate launch`, all of them call this.

    Args:
        job: the cell.
        tell: takes the fields of `CellNews` but for the name.

    Raises:
        StudyError: when another process is at this cell.
        KeyboardInterrupt: after a checkpoint was written.
        ThermodepthError: as training, prediction and scoring.
    """
    if not is_first_process():
        finish_cell(job, lambda **_: None)
        return
    with only_process(job.folder):
        (job.folder / FAILED).unlink(missing_ok=True)
        try:
            finish_cell(job, tell)
        except Exception as error:
            write_failure(job.folder, failure_of(error))
            raise


def is_first_process() -> bool:
    """Of those that train one network together."""
    return os.environ.get("RANK", "0") == "0"


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
    if not is_first_process():
        return

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

    protocol = study_protocol(dataset)
    scores = score_frames(
        stored_pairs(store, frames),
        protocol,
        study=job.study,
        arm=job.arm,
        seed=job.seed,
    )
    key = CellKey.of(job.settings, dataset, labels=label_source(job.labels), protocol=protocol)
    facts = {
        **run_facts(job.folder),
        "fingerprint": key.fingerprint,
        "protocol": key.protocol,
        "format": FORMAT,
        "seconds": round(seconds, 1),
        "frames": scores.frames,
        "skipped": scores.skipped,
    }
    (job.folder / ROWS).unlink(missing_ok=True)  # of an earlier scoring, which these facts are not
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
