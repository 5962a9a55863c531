"""Cells of a study from nothing to their rows: train, predict the frames that are scored, score.

Every part is skipped when it is done and continued when it is not, so a cell can be killed at any moment.
A file lock keeps two processes off one cell. Whoever computes a cell, the folder says how it ended:

    rows.parquet and cell.json    done, when cell.json carries the fingerprint that is asked for
    failed.json                   failed, diverged or killed; the next try takes it away
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from thermodepth.checksums import read_record, write_record
from thermodepth.data import Dataset, open_dataset
from thermodepth.data.registry import absolute_spec
from thermodepth.errors import DataError, OutputError, StudyError, ThermodepthError
from thermodepth.evaluation.predict import predict_into, stored_pairs
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import write_rows
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.evaluation.store import PredictionStore
from thermodepth.inference.predictor import Predictor
from thermodepth.lock import holding
from thermodepth.model import load_model
from thermodepth.study.cell_facts import FACTS, known_seconds
from thermodepth.study.cell_job import CellJob, CellNews, Tell
from thermodepth.study.end_shares import SHARES, shares_at_end
from thermodepth.study.failure import FAILED, failure_of, write_failure
from thermodepth.study.inputs import check_labels
from thermodepth.training.labels import label_reader, label_source
from thermodepth.training.loop import Progress, train_in_held_folder
from thermodepth.training.run_folder import (
    run_facts,
    run_identity,
)
from thermodepth.training.settings import TrainingSettings

#: Raised when the same settings, data, labels and protocol would give a cell other numbers.
FORMAT = 1
ROWS = "rows.parquet"
PREDICTIONS = "predictions"
ELSEWHERE = "in progress elsewhere"
PATIENCE_S = 20.0  # for another process to leave a cell


def study_protocol(dataset: Dataset, split: str) -> Protocol:
    """The protocol of a data set over the frames of the split that a study scores."""
    return named_protocol(dataset.protocol).for_frames(dataset.split(split).sample_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellKey:
    """What decides the numbers of a cell."""

    run: str  # settings, data and labels, as `run_identity`
    labels: str
    protocol: str  # how it is scored, over which frames
    scored: str = (
        ""  # fingerprint of the data it is scored on; empty where it is trained on the same
    )

    @classmethod
    def for_cell(
        cls,
        settings: TrainingSettings,
        dataset: Dataset,
        *,
        labels: str,
        protocol: Protocol,
        scored: Dataset,
    ) -> CellKey:
        """The key of the cell with these settings.

        Args:
            settings: of the cell.
            dataset: that it trains on.
            labels: as `label_source` says it.
            protocol: that it is scored under.
            scored: that it is scored on.
        """
        trained, tested = dataset.fingerprint(), scored.fingerprint()
        return cls(
            run=run_identity(settings, dataset, labels),
            labels=labels,
            protocol=protocol.protocol_id(),
            scored="" if trained == tested else tested,
        )

    @property
    def fingerprint(self) -> str:
        """Sixteen digits of all of it and of `FORMAT`."""
        parts = {"run": self.run, "protocol": self.protocol, "format": FORMAT}
        if self.scored:
            parts["scored"] = self.scored
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
        facts = read_record(folder / FACTS)
    except DataError:
        return False
    if facts.get("fingerprint") == key.fingerprint:
        return True
    compared = {
        "labels": (facts.get("labels"), key.labels),
        "test frames": (facts.get("scored", ""), key.scored),
        "run": (facts.get("identity"), key.run),
        "format": (facts.get("format", FORMAT), FORMAT),
    }
    parted = next((f"{n}: {a} there, {b} now" for n, (a, b) in compared.items() if a != b), None)
    if parted is not None:
        raise StudyError(
            f"{folder}: holds results of other settings, data or labels ({parted}). Choose another --out, "
            "or delete this folder to compute the cell again"
        )
    return False


def compute_cell(job: CellJob, tell: Tell) -> ThermodepthError | None:
    """A whole cell under its lock; what goes wrong is kept in its folder.

    Where several processes train one cell, as under `accelerate launch`, all of them call this.

    Args:
        job: the cell.
        tell: hears how it goes on and ends.

    Returns:
        Why it has no results, also where another process is at it; None where it has.

    Raises:
        KeyboardInterrupt: after a checkpoint was written.
        Exception: of the cell, when it was no `ThermodepthError`.
    """
    if not is_first_process():
        train_cell(job, open_data(job)[0], _silent)
        return None
    with ExitStack() as lock:
        try:
            lock.enter_context(only_process(job.folder))
        except StudyError as error:  # the folder is another's, nothing is written into it
            tell(CellNews(name=job.name, stage="elsewhere", message=ELSEWHERE))
            return error
        try:
            finish_cell(job, tell)
        except Exception as error:
            failure = failure_of(error)
            with suppress(
                OutputError
            ):  # a full disk may be the failure; the error is raised all the same
                write_failure(job.folder, failure)
            tell(CellNews(name=job.name, stage="failed", message=failure.line()))
            if isinstance(error, ThermodepthError):
                return error
            raise
    tell(CellNews(name=job.name, stage="done"))
    return None


def is_first_process() -> bool:
    """Of those that train one network together."""
    return os.environ.get("RANK", "0") == "0"


def several_processes() -> bool:
    """Whether more than one trains this network."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def open_data(job: CellJob) -> tuple[Dataset, Dataset]:
    """What the cell is trained on, by its settings, and what it is scored on; most often one data set."""
    dataset = open_dataset(job.settings.data.source)
    same = absolute_spec(job.settings.data.source) == absolute_spec(job.scored_on)
    return dataset, dataset if same else open_dataset(job.scored_on)


def key_of(job: CellJob, dataset: Dataset, scored: Dataset) -> CellKey:
    """What decides the cell's numbers; the data sets as `open_data` gives them."""
    return CellKey.for_cell(
        job.settings,
        dataset,
        labels=label_source(job.labels),
        protocol=study_protocol(scored, job.scored_split),
        scored=scored,
    )


def done_by_another(job: CellJob) -> bool:
    """Whether exactly this cell was finished by whoever had its lock before.

    Raises:
        StudyError: as `cell_is_done`.
    """
    if not (job.folder / ROWS).is_file():  # and the data need not be opened to know it
        return False
    return cell_is_done(job.folder, key_of(job, *open_data(job)))


def finish_cell(job: CellJob, tell: Tell) -> None:
    """Train, predict and score, from wherever the cell stands.

    Args:
        job: whose lock is held.
        tell: hears how it goes on.
    """
    if done_by_another(job):
        (job.folder / FAILED).unlink(missing_ok=True)
        if several_processes():  # the others wait for this one where a training begins
            train_cell(job, open_data(job)[0], _silent)
        return
    for name in (FAILED, ROWS):  # of an earlier try, or of another scoring
        (job.folder / name).unlink(missing_ok=True)
    dataset, scored = open_data(job)
    model = train_cell(job, dataset, tell)
    score_cell(job, dataset, scored, model, tell, seconds=known_seconds(job.folder) or 0.0)


def train_cell(job: CellJob, dataset: Dataset, tell: Tell) -> Path:
    """The folder of the cell's model.

    Args:
        job: whose lock is held, here or by the first of several processes.
        dataset: that it trains on.
        tell: hears of every step.
    """

    def report(progress: Progress) -> None:
        tell(CellNews(name=job.name, stage="training", progress=progress))

    check_labels(job.settings, dataset, job.labels)
    return train_in_held_folder(
        job.settings,
        job.folder,
        dataset=dataset,
        label_of=label_reader(job.labels, budget_bytes=job.settings.runtime.cache_mb * 2**20),
        label_source=label_source(job.labels),
        report=report,
    )


def score_cell(
    job: CellJob,
    dataset: Dataset,
    scored: Dataset,
    model_folder: Path,
    tell: Tell,
    *,
    seconds: float,
) -> None:
    """Predict and score the frames that the study scores; and note what each loss term pulls at in the end.

    Args:
        job: the cell.
        dataset: that it was trained on.
        scored: that they are of.
        model_folder: the trained model.
        tell: hears that it is predicting.
        seconds: what the training took.
    """
    tell(CellNews(name=job.name, stage="predicting"))
    model = load_model(model_folder)
    frames = scored.split(job.scored_split)
    predictor = Predictor(model, device=job.settings.runtime.device)
    store = PredictionStore(
        job.folder / PREDICTIONS,
        made_by={"model": model.fingerprint, "data": frames.fingerprint()},
        about={"data": job.scored_on, "split": job.scored_split},
        relative_error=predictor.tells_relative_error,
    )
    predict_into(store, frames, predictor.maps_of, made_at=predictor.network_size)

    protocol = study_protocol(scored, job.scored_split)
    scores = score_frames(
        stored_pairs(store, frames),
        protocol,
        study=job.study,
        arm=job.arm,
        seed=job.seed,
    )
    shares = shares_at_end(model.network, job.settings, dataset, job.labels, protocol)
    key = key_of(job, dataset, scored)
    facts = {
        **run_facts(job.folder),
        "fingerprint": key.fingerprint,
        "protocol": key.protocol,
        "format": FORMAT,
        **({"scored": key.scored} if key.scored else {}),
        "seconds": round(seconds, 1),
        "frames": scores.frames,
        "skipped": scores.skipped,
        SHARES: shares.tree(),
    }
    write_record(job.folder / FACTS, facts)
    write_rows(scores.rows, job.folder / ROWS)  # last: its presence says that the cell is done


def _silent(*_: object) -> None:
    """Beside the first process of a cell nobody is told anything."""


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold the cell for this process; the hold ends with the process, however it ends.

    Raises:
        StudyError: when another process keeps it.
    """
    with ExitStack() as lock:
        try:
            lock.enter_context(holding(folder, patience_s=PATIENCE_S))
        except TimeoutError:
            raise StudyError(
                f"{folder}: {ELSEWHERE}, another process holds it; wait for it or stop it"
            ) from None
        yield
