"""Running a study: labels, baselines, cells wherever an executor takes them, and what came of each.

Everything lies in one folder. What is done is skipped and what is not is continued, so running the same
command again is how a study is resumed, repaired, and extended by seeds and arms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from thermodepth.checksums import read_record, write_record
from thermodepth.data import Dataset, samples_of
from thermodepth.errors import DataError, DivergedError, StudyError
from thermodepth.evaluation.results.rows import concatenate, read_rows, write_rows
from thermodepth.evaluation.scoring.answer import depth_answer
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.score import score_frames
from thermodepth.study.cell import (
    FORMAT,
    ROWS,
    TEST_SPLIT,
    CellJob,
    CellKey,
    CellNews,
    Tell,
    cell_is_done,
    known_seconds,
    study_protocol,
)
from thermodepth.study.design import Cell, Study
from thermodepth.study.executors.failure import DIVERGED, Failure, read_failure
from thermodepth.study.executors.protocol import Executor
from thermodepth.study.folder import StudyFolder, note_labels, open_study
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_source, make_labels
from thermodepth.training.run_folder import run_is_done

BASELINE_SEED = 0  # baselines have no randomness; their rows stand under one seed

TellLabels = Callable[[int, int], None]


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
    note_labels(folder, store)
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

    begun: set[int] = set()
    for cells in within_budget(study, missing, folder):
        begun |= {cell.seed for cell in cells}
        executor.run([job_of(study, cell, folder, dataset, store) for cell in cells], tell_and_note)
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
    it, with each cell taken to train as long as those that are trained. All that was spent counts, also by
    cells that failed or were stopped. While none is trained, one block is begun and no second.
    """
    if study.budget_hours is None:
        if missing:
            yield tuple(missing)
        return
    for begun, seed in enumerate(dict.fromkeys(cell.seed for cell in missing)):
        block = tuple(cell for cell in missing if cell.seed == seed)
        spent = {cell.name: known_seconds(folder.cell(cell)) for cell in study.cells()}
        trained = {cell.name for cell in study.cells() if run_is_done(folder.cell(cell))}
        whole = [seconds for name in trained if (seconds := spent[name]) is not None]
        if begun and not whole:
            return
        each = math.fsum(whole) / len(whole) if whole else 0.0
        to_come = [
            max(each - (spent[cell.name] or 0.0), 0.0) for cell in block if cell.name not in trained
        ]
        forecast = math.fsum([*(s or 0.0 for s in spent.values()), *to_come])
        if forecast > 3600 * study.budget_hours:
            return
        yield block


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
        write_record(folder.baseline_key, key)
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
        return read_record(path)
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
    paths = [folder.cell(cell) / ROWS for cell in cells or study.cells()]
    paths += [folder.baseline(arm) for arm in BASELINES]
    return concatenate([_rows_of(path) for path in paths])


def _rows_of(path: Path) -> pa.Table:
    try:
        return read_rows(path)
    except DataError as error:
        raise DataError(f"{error}; delete this file and run again: it is scored again") from None
