"""Running a study: labels, baselines, cells wherever an executor takes them, and what came of each.

Everything lies in one folder. What is done is skipped and what is not is continued, so running the same
command again is how a study is resumed, repaired, and extended by seeds and arms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from thermodepth.checksums import read_record, write_record
from thermodepth.data import Dataset, samples_of
from thermodepth.errors import DataError, DivergedError, StudyError
from thermodepth.evaluation.head_maps import depth_head_maps
from thermodepth.evaluation.rows.rows import concatenate, read_rows, write_rows
from thermodepth.evaluation.scoring.baselines import BASELINES, evenly, fit_baselines
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.study.cell import ELSEWHERE, FORMAT, ROWS, CellKey, cell_is_done, study_protocol
from thermodepth.study.cell_facts import known_seconds
from thermodepth.study.cell_job import CellJob, CellNews, Executor, Tell
from thermodepth.study.design import Cell, Study
from thermodepth.study.failure import DIVERGED, Failure, read_failure
from thermodepth.study.folder import StudyFolder, note_labels, open_study
from thermodepth.study.inputs import (
    CellInputs,
    TellLabels,
    arm_settings,
    label_key,
    make_all_labels,
    open_datasets,
)
from thermodepth.study.teachers import note_teachers
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_source
from thermodepth.training.run_folder import run_is_done

BASELINE_SEED = 0  # baselines have no randomness; their rows stand under one seed


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyState:
    """What became of every cell of a study."""

    folder: StudyFolder
    done: tuple[Cell, ...]
    failed: tuple[tuple[Cell, Failure], ...]
    open: tuple[tuple[Cell, str], ...]  # neither, and why so where it is known
    not_begun: tuple[Cell, ...] = ()  # of seeds that the budget has no room for

    @property
    def complete(self) -> bool:
        """Whether every cell that was to be computed has its rows."""
        return not self.failed and not self.open

    def missing_lines(self) -> list[str]:
        """A line for each cell without results, such as `full/seed-3: diverged at step 412: ...`."""
        lines = [f"{cell.name}: {failure.line()}" for cell, failure in self.failed]
        lines += [f"{cell.name}: {reason or 'not computed'}" for cell, reason in self.open]
        others = {cell.seed for cell in (*self.done, *(cell for cell, _ in self.failed))}
        lines += [
            f"{cell.name}: not computed, beyond the budget"
            for cell in self.not_begun
            if cell.seed in others
        ]
        if seeds := sorted({cell.seed for cell in self.not_begun} - others):
            words = ", ".join(map(str, seeds))
            lines.append(f"seed{'s' * (len(seeds) > 1)} {words}: not begun, beyond the budget")
        return lines

    def require_complete(self) -> None:
        """
        Raises:
            DivergedError: when cells diverged, and nothing else went wrong.
            StudyError: when anything else did.
        """
        if self.complete:
            return
        lines = replace(self, not_begun=()).missing_lines()
        cells = len(self.done) + len(lines)
        elsewhere = sum(reason == ELSEWHERE for _, reason in self.open)
        failed = len(lines) - elsewhere
        only_diverged = not self.open and all(f.kind == DIVERGED for _, f in self.failed)
        what = (
            [f"{failed} of {cells} cells {'diverged' if only_diverged else 'failed'}"]
            if failed
            else []
        )
        what += [f"{elsewhere} of {cells} cells {ELSEWHERE}"] if elsewhere else []
        message = (
            f"{', '.join(what)}; what is done is kept, and the same command "
            f"{'tries them again' if failed else 'goes on with what is left'}.\n  "
            + "\n  ".join(lines)
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
    datasets = open_datasets(study, dataset)
    folder = open_study(study, out, dataset)
    inputs = make_all_labels(study, datasets, folder.labels, progress=tell_labels)
    note_labels(folder, label_stores(study, inputs))
    note_teachers(study, inputs, folder)
    keys = cell_keys(study, dataset, inputs)
    missing = [
        cell for cell in study.cells() if not cell_is_done(folder.cell(cell), keys[cell.name])
    ]
    score_baselines(study, folder, dataset)
    reasons: dict[str, str] = {}

    def tell_and_note(news: CellNews) -> None:
        if news.message:
            reasons[news.name] = news.message
        tell(news)

    begun: set[int] = set()
    for cells in within_budget(study, missing, folder):
        begun |= {cell.seed for cell in cells}
        executor.run([job_of(study, cell, folder, inputs) for cell in cells], tell_and_note)
    state = study_state(study, folder, keys, reasons=reasons)
    late = tuple(cell for cell, _ in state.open if cell.seed not in begun)
    if study.budget_hours is None or not late:
        return state
    left = tuple((cell, why) for cell, why in state.open if cell.seed in begun)
    return replace(state, open=left, not_begun=late)


def within_budget(
    study: Study, missing: Sequence[Cell], folder: StudyFolder
) -> Iterator[tuple[Cell, ...]]:
    """What to compute next, until the budget has no room for more; all at once where there is none.

    Seeds are blocks: with a budget one is computed after the other, and none is begun that would go beyond
    it, with each cell taken to train as long as those of its arm that are trained, or else as all. All that
    was spent counts, also by cells that failed or were stopped. While none is trained, one block is begun
    and no second.
    """
    if study.budget_hours is None:
        if missing:
            yield tuple(missing)
        return
    for begun, seed in enumerate(dict.fromkeys(cell.seed for cell in missing)):
        block = tuple(cell for cell in missing if cell.seed == seed)
        spent = {cell.name: known_seconds(folder.cell(cell)) for cell in study.cells()}
        trained = {cell.name for cell in study.cells() if run_is_done(folder.cell(cell))}
        of_arm: dict[str, list[float]] = {}  # arms may differ in steps, networks and data
        for cell in study.cells():
            if cell.name in trained and (seconds := spent[cell.name]) is not None:
                of_arm.setdefault(cell.arm.name, []).append(seconds)
        whole = [seconds for own in of_arm.values() for seconds in own]
        if begun and not whole:
            return
        to_come = [
            max(_mean(of_arm.get(cell.arm.name, whole)) - (spent[cell.name] or 0.0), 0.0)
            for cell in block
            if cell.name not in trained
        ]
        forecast = math.fsum([*(s or 0.0 for s in spent.values()), *to_come])
        if forecast > 3600 * study.budget_hours:
            return
        yield block


def cell_keys(
    study: Study, scored: Dataset, inputs: Mapping[str, CellInputs]
) -> dict[str, CellKey]:
    """What decides the numbers of each cell, by its name.

    Args:
        study: settings resolved.
        scored: that all are scored on.
        inputs: of each arm.
    """
    protocol = study_protocol(scored, study.scored_split)
    return {
        cell.name: CellKey.for_cell(
            study.settings_of(cell),
            inputs[cell.arm.name].dataset,
            labels=label_source(inputs[cell.arm.name].labels),
            protocol=protocol,
            scored=scored,
        )
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
    protocol = study_protocol(dataset, study.scored_split)
    split = study.settings.data.split
    key = {
        "data": dataset.fingerprint(),
        "protocol": protocol.protocol_id(),
        "format": FORMAT,
        "baselines": list(BASELINES),
    }
    if split != "train":
        key["split"] = split
    if _key_there(folder.baseline_key) != key:
        for arm in BASELINES:
            folder.baseline(arm).unlink(missing_ok=True)
        write_record(folder.baseline_key, key)
    missing = [arm for arm in BASELINES if not folder.baseline(arm).is_file()]
    if not missing:
        return
    train = dataset.split(split)
    places = evenly(len(train.sample_ids))
    fitted = fit_baselines(
        (train.read(place, with_rgb=False) for place in places), protocol=protocol
    )
    for arm, baseline in fitted.items():
        if arm not in missing:
            continue
        scores = score_frames(
            (
                (depth_head_maps(baseline.predict(s)), s)
                for s in samples_of(dataset.split(study.scored_split))
            ),
            protocol,
            study=study.name,
            arm=arm,
            seed=BASELINE_SEED,
        )
        write_rows(scores.rows, folder.baseline(arm))


def _key_there(path: Path) -> dict[str, Any] | None:
    try:
        return read_record(path)
    except DataError:
        return None


def _mean(seconds: Sequence[float]) -> float:
    return math.fsum(seconds) / len(seconds) if seconds else 0.0


def label_stores(study: Study, inputs: Mapping[str, CellInputs]) -> dict[str, LabelStore]:
    """The stores by what is asked of a teacher, as the study's record keeps them."""
    return {label_key(arm_settings(study, arm)): inputs[arm.name].labels for arm in study.arms}


def job_of(
    study: Study, cell: Cell, folder: StudyFolder, inputs: Mapping[str, CellInputs]
) -> CellJob:
    """What the computing of a cell is sent."""
    return CellJob(
        study=study.name,
        name=cell.name,
        arm=cell.arm.name,
        seed=cell.seed,
        settings=study.settings_of(cell),
        scored_on=study.settings.data.source,
        scored_split=study.scored_split,
        folder=folder.cell(cell),
        labels=inputs[cell.arm.name].labels,
        working_folder=str(Path.cwd()),
    )


def collect_rows(
    study: Study, folder: StudyFolder, cells: Sequence[Cell] | None = None
) -> pa.Table:
    """The rows of cells (None: all of the study) and of the baselines that were scored as one table.

    Raises:
        DataError: when one of them is missing or damaged.
    """
    paths = [folder.cell(cell) / ROWS for cell in cells or study.cells()]
    # A guesser that nobody could fit has no rows.
    paths += [path for arm in BASELINES if (path := folder.baseline(arm)).is_file()]
    return concatenate([_rows_of(path) for path in paths])


def _rows_of(path: Path) -> pa.Table:
    try:
        return read_rows(path)
    except DataError as error:
        raise DataError(f"{error}; delete this file and run again: it is scored again") from None
