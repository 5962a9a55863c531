"""Running a study: labels, baselines, cells wherever an executor takes them, and what came of each.

Everything lies in one folder. What is done is skipped and what is not is continued, so running the same
command again is how a study is resumed, repaired, and extended by seeds and arms. `study.json` holds all
that a cell needs beside the data, so whoever sees the folder can compute one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import ConfigDict, Field

from thermodepth.config import Settings, flatten
from thermodepth.config import identity as identity_tree
from thermodepth.data import Dataset, samples_of
from thermodepth.errors import DataError, DivergedError, SettingsError, StudyError, unknown
from thermodepth.evaluation.results.rows import concatenate, read_rows, write_rows
from thermodepth.evaluation.scoring.answer import depth_answer
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.files import read_json, write_json
from thermodepth.study.cell import (
    FORMAT,
    ROWS,
    TEST_SPLIT,
    CellJob,
    CellKey,
    CellNews,
    Tell,
    cell_is_done,
    study_protocol,
)
from thermodepth.study.design import Cell, Study
from thermodepth.study.executors.failure import DIVERGED, Failure, read_failure
from thermodepth.study.executors.protocol import Executor
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_source, make_labels
from thermodepth.training.settings import TrainingSettings

BASELINE_SEED = 0  # baselines have no randomness; their rows stand under one seed

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
    def baseline_key(self) -> Path:
        """What the baselines' rows were made from."""
        return self.path / "baselines" / "key.json"

    @property
    def labels(self) -> Path:
        """Where the teacher's labels are kept."""
        return self.path / "labels"

    @property
    def record(self) -> Path:
        """What the study is."""
        return self.path / "study.json"


class ArmRecord(Settings):
    """An arm, as `study.json` keeps it."""

    name: str
    title: str
    edits: dict[str, Any]


class DesignRecord(Settings):
    """The study without its seeds; arms are added to it and never taken away."""

    model_config = ConfigDict(extra="ignore")  # what decides no number is not kept

    name: str
    title: str
    reference: str
    arms: tuple[ArmRecord, ...]
    settings: dict[str, Any]

    def base(self, runtime: Mapping[str, Any]) -> TrainingSettings:
        """The settings that arms are edits of."""
        return TrainingSettings.parse({**self.settings, "runtime": runtime})


class StudyRecord(Settings):
    """The content of `study.json`."""

    model_config = ConfigDict(extra="ignore")

    identity: str
    data: str  # spec
    data_fingerprint: str
    seeds: tuple[int, ...]  # every one that was ever asked for
    study: DesignRecord
    runtime: dict[str, Any] = Field(default_factory=dict)
    working_folder: str = ""  # what relative paths in settings and data spec start from
    labels: str = ""  # the store of this study, below `labels/`; empty until they are made


def open_study(study: Study, out: Path, dataset: Dataset) -> StudyFolder:
    """Make the folder, or recognise it as this study's, to which seeds and arms may be added.

    Raises:
        StudyError: when it belongs to another study or to something else, or when an arm of this name
            was another one there.
    """
    folder = StudyFolder(path=out)
    design = DesignRecord.parse(study.describe())
    runtime = study.settings.tree()["runtime"]
    known = None
    if folder.record.is_file():
        known = _read_record(folder)
        told = _parted(known, design, runtime, dataset.fingerprint())
        if told:
            raise StudyError(
                f"{out}: holds another study ({told}). Choose another --out, or delete the folder"
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StudyError(f"{out}: not empty and no study of ours; choose another --out")
    now = {arm.name for arm in design.arms}
    former = [arm for arm in known.study.arms if arm.name not in now] if known else []
    out.mkdir(parents=True, exist_ok=True)
    record = StudyRecord(
        identity=study.identity(dataset.fingerprint()),
        data=dataset.spec,
        data_fingerprint=dataset.fingerprint(),
        seeds=tuple(sorted({*study.seeds, *(known.seeds if known else ())})),
        study=design.model_copy(update={"arms": (*design.arms, *former)}),
        runtime=runtime,
        working_folder=str(Path.cwd()),
        labels=known.labels if known else "",
    )
    write_json(folder.record, record.tree())
    return folder


def _read_record(folder: StudyFolder) -> StudyRecord:
    try:
        return StudyRecord.parse(read_json(folder.record), where=str(folder.record))
    except DataError as error:
        raise StudyError(f"{error}; delete the folder to start again") from None
    except SettingsError as error:
        raise StudyError(
            f"{folder.path}: holds another study ({error}). Choose another --out, or delete the folder"
        ) from None


def _parted(known: StudyRecord, design: DesignRecord, runtime: Mapping[str, Any], data: str) -> str:
    """What keeps the two from being one study; empty when seeds, arms and titles are all there is."""
    if known.study.name != design.name:
        return f"name: {known.study.name} there, {design.name} now"
    try:
        old = known.study.base(known.runtime)
    except SettingsError as error:
        return str(error)
    there, here = (_deciding(settings) for settings in (old, design.base(runtime)))
    for key in sorted(there.keys() | here.keys()):
        if there.get(key) != here.get(key):
            return f"{key}: {json.dumps(there.get(key))} there, {json.dumps(here.get(key))} now"
    if known.data_fingerprint != data:
        return "its data changed"
    was = {arm.name: arm.edits for arm in known.study.arms}
    for arm in design.arms:
        edits = was.get(arm.name, arm.edits)
        for key in sorted(edits.keys() | arm.edits.keys()):
            if edits.get(key) != arm.edits.get(key):
                words = [json.dumps(e[key]) if key in e else "unedited" for e in (edits, arm.edits)]
                return f"arm {arm.name}: {key} {words[0]} there, {words[1]} now"
    return ""


def _deciding(settings: TrainingSettings) -> dict[str, Any]:
    """Dotted settings that decide numbers; the data are known by their fingerprint, not by their place."""
    flat = flatten(identity_tree(settings))
    return {key: value for key, value in flat.items() if key not in ("seed", "data.source")}


def prepared_job(out: Path, name: str) -> CellJob:
    """A cell of a study folder whose labels are made, known by its name `ARM/seed-N`.

    Raises:
        StudyError: for a folder without a study, without labels, or without this cell.
    """
    folder = StudyFolder(path=out)
    record = _read_record(folder)
    arms = {arm.name: arm for arm in record.study.arms}
    arm_name, _, seed_text = name.partition("/seed-")
    if arm_name not in arms:
        raise StudyError(f"{out}: {unknown('arm', arm_name, arms)}")
    if seed_text not in map(str, record.seeds):
        known = ", ".join(map(str, record.seeds))
        raise StudyError(f"{out}: cell '{name}', expected ARM/seed-N with N of {known}")
    if not record.labels:
        raise StudyError(f"{out}: not prepared yet; `thermodepth study run` makes its labels first")
    settings = record.study.base(record.runtime)
    return CellJob(
        study=record.study.name,
        name=name,
        arm=arm_name,
        seed=int(seed_text),
        settings=settings.edit({**arms[arm_name].edits, "seed": int(seed_text)}),
        data=record.data,
        folder=out / "cells" / name,
        labels=LabelStore.existing(folder.labels / record.labels),
        working_folder=record.working_folder,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """What became of every cell of a study."""

    folder: StudyFolder
    done: tuple[Cell, ...]
    failed: tuple[tuple[Cell, Failure], ...]
    open: tuple[tuple[Cell, str], ...]  # neither, and why so where it is known

    @property
    def complete(self) -> bool:
        """Whether every cell has its rows."""
        return not self.failed and not self.open

    def missing_lines(self) -> list[str]:
        """A line for each cell without results, such as `full/seed-3: diverged at step 412: ...`."""
        lines = [f"{cell.name}: {failure.line()}" for cell, failure in self.failed]
        return lines + [f"{cell.name}: {reason or 'not computed'}" for cell, reason in self.open]

    def require_complete(self) -> None:
        """
        Raises:
            DivergedError: when cells diverged, and nothing else went wrong.
            StudyError: when anything else did.
        """
        if self.complete:
            return
        lines = self.missing_lines()
        cells = len(self.done) + len(lines)
        only_diverged = not self.open and all(f.kind == DIVERGED for _, f in self.failed)
        message = (
            f"{len(lines)} of {cells} cells {'diverged' if only_diverged else 'failed'}; what is done is "
            "kept, and the same command tries them again.\n  " + "\n  ".join(lines)
        )
        raise DivergedError(message) if only_diverged else StudyError(message)


def run_study(
    study: Study,
    out: Path,
    *,
    dataset: Dataset,
    executor: Executor,
    tell: Tell,
    tell_labels: TellLabels,
) -> StudyState:
    """Bring every baseline and, as far as they can be, every cell of the study to its rows.

    Args:
        study: settings resolved against the data set.
        out: the study's folder.
        dataset: train and test splits.
        executor: computes the cells that are missing.
        tell: hears of every step of every cell.
        tell_labels: hears of the labelling, (done, total).

    Raises:
        StudyError: when the folder holds another study, or a cell of other settings, data or labels.
        KeyboardInterrupt: after the running cells wrote their checkpoints.
    """
    folder = open_study(study, out, dataset)
    store = make_labels(study.settings.teacher, dataset, folder.labels, progress=tell_labels)
    write_json(folder.record, {**read_json(folder.record), "labels": store.folder.name})
    keys = cell_keys(study, dataset, store)
    missing = [
        cell for cell in study.cells() if not cell_is_done(folder.cell(cell), keys[cell.name])
    ]
    score_baselines(study, folder, dataset)
    reasons: dict[str, str] = {}

    def tell_and_note(news: CellNews) -> None:
        if news.message:
            reasons[news.name] = news.message
        tell(news)

    if missing:
        jobs = [job_of(study, cell, folder, dataset, store) for cell in missing]
        executor.run(jobs, tell_and_note)
    return study_state(study, folder, keys, reasons=reasons)


def cell_keys(study: Study, dataset: Dataset, store: LabelStore) -> dict[str, CellKey]:
    """What decides the numbers of each cell, by its name."""
    protocol, labels = study_protocol(dataset), label_source(store)
    return {
        cell.name: CellKey.of(study.settings_of(cell), dataset, labels=labels, protocol=protocol)
        for cell in study.cells()
    }


def study_state(
    study: Study,
    folder: StudyFolder,
    keys: Mapping[str, CellKey],
    *,
    reasons: Mapping[str, str],
) -> StudyState:
    """What the folder says of every cell; `reasons` are what was last heard of those that it is silent of.

    Raises:
        StudyError: as `cell_is_done`.
    """
    done, failed, left = [], [], []
    for cell in study.cells():
        place = folder.cell(cell)
        if cell_is_done(place, keys[cell.name]):
            done.append(cell)
        elif (failure := read_failure(place)) is not None:
            failed.append((cell, failure))
        else:
            left.append((cell, reasons.get(cell.name, "")))
    return StudyState(folder=folder, done=tuple(done), failed=tuple(failed), open=tuple(left))


def score_baselines(study: Study, folder: StudyFolder, dataset: Dataset) -> None:
    """Fit the baselines on the training split and score them as every arm is scored."""
    protocol = study_protocol(dataset)
    key = {"data": dataset.fingerprint(), "protocol": protocol.protocol_id(), "format": FORMAT}
    if _key_there(folder.baseline_key) != key:
        for arm in BASELINES:
            folder.baseline(arm).unlink(missing_ok=True)
        write_json(folder.baseline_key, key)
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


def _key_there(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path)
    except DataError:
        return None


def job_of(
    study: Study, cell: Cell, folder: StudyFolder, dataset: Dataset, store: LabelStore
) -> CellJob:
    """What the computing of a cell is sent."""
    return CellJob(
        study=study.name,
        name=cell.name,
        arm=cell.arm.name,
        seed=cell.seed,
        settings=study.settings_of(cell),
        data=dataset.spec,
        folder=folder.cell(cell),
        labels=store,
        working_folder=str(Path.cwd()),
    )


def collect_rows(
    study: Study, folder: StudyFolder, cells: Sequence[Cell] | None = None
) -> pa.Table:
    """The rows of cells (None: all of the study) and of the baselines as one table.

    Raises:
        DataError: when one of them is missing or damaged.
    """
    tables = [read_rows(folder.cell(cell) / ROWS) for cell in cells or study.cells()]
    tables += [read_rows(folder.baseline(arm)) for arm in BASELINES]
    return concatenate(tables)
