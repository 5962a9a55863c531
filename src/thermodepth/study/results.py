"""From a finished study folder to its tables, figures and report.

Everything is made from what lies in the folder, so the same cells give the same bytes, whenever and
however often they were interrupted on the way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thermodepth.config import difference
from thermodepth.data import Dataset
from thermodepth.data.loader import with_label
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.results.rows import write_rows
from thermodepth.evaluation.results.tables import Table
from thermodepth.evaluation.store import PredictionStore
from thermodepth.files import read_json, write_text
from thermodepth.study.cell import PREDICTIONS, TEST_SPLIT, cell_facts, study_protocol
from thermodepth.study.curves import read_curve
from thermodepth.study.design import Cell, Study
from thermodepth.study.figures import DrawnFigure, Scene, figure, write_figures
from thermodepth.study.frames import PickedFrame, pick_frames, rule_of, scores_of_frame
from thermodepth.study.lines import metric_depth_rows
from thermodepth.study.report import StudyReport, report_html
from thermodepth.study.run import StudyFolder, collect_rows
from thermodepth.study.table import ArmLabel, study_table, study_tables, write_tables
from thermodepth.teacher import LabelStore, open_store
from thermodepth.training.labels import open_for_frames
from thermodepth.training.log import FILE as LOG_FILE

IN_THE_TERMINAL = ("abs_rel", "rmse", "silog", "delta_1")  # what 80 columns hold

_ENVIRONMENT = ("thermodepth", "revision", "python", "packages", "device", "threads")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """What a person looks at."""

    table: Table  # the paper's columns and a few more, for a terminal; the files have all
    files: Sequence[Path]


def write_results(study: Study, folder: StudyFolder, dataset: Dataset) -> StudyResults:
    """Write rows, tables, figures and the report of a study whose cells are all done.

    Raises:
        StudyError: when arms of one seed did not share first weights and batches.
        DataError: when a cell's files are missing or damaged.
    """
    check_pairing(study, folder)
    rows = collect_rows(study, folder)
    write_rows(rows, folder.path / "rows.parquet")
    rows = metric_depth_rows(rows)
    arms = [ArmLabel(name=arm.name, title=arm.title) for arm in study.arms]
    tables = study_tables(rows, arms=arms, reference=study.reference)
    written = write_tables(folder.path, tables)
    picked = pick_frames(rows, reference=study.reference, arms=[arm.name for arm in arms])
    figures = draw_figures(study, folder, dataset, rows=rows, arms=arms, picked=picked)
    written += write_figures(folder.path, figures)
    report = StudyReport(
        title=study.title,
        setup=_setup(study, dataset, folder),
        protocol=study_protocol(dataset),
        arms=arms,
        reference=study.reference,
        rows=rows,
        figures=figures,
        picked=picked,
        curves=[
            read_curve(folder.cell(cell) / LOG_FILE, arm=cell.arm.name, seed=cell.seed)
            for cell in study.cells()
        ],
        edits={
            arm.name: difference(study.settings, study.settings.edit(arm.edits))
            for arm in study.arms
        },
        provenance=_provenance(study, folder, dataset),
        remarks=_remarks(study, folder),
    )
    page = folder.path / "report.html"
    write_text(page, report_html(report))
    shown = [p for p in written if p.name in ("table.md", "fig1_structure.png", "fig2_metric.png")]
    short = study_table(rows, arms=arms, reference=study.reference, metrics=IN_THE_TERMINAL)
    return StudyResults(table=short, files=[page, *shown])


def draw_figures(
    study: Study,
    folder: StudyFolder,
    dataset: Dataset,
    *,
    rows: pa.Table,
    arms: Sequence[ArmLabel],
    picked: Sequence[PickedFrame],
) -> list[DrawnFigure]:
    """Figures 1 and 2 from the stored predictions of the first seed."""
    seed = study.seeds[0]
    frames = dataset.split(TEST_SPLIT)
    place = {sample_id: index for index, sample_id in enumerate(frames.sample_ids)}
    stores = {
        arm.name: PredictionStore.open(
            folder.cell(Cell(arm=study.arm(arm.name), seed=seed)) / PREDICTIONS
        )
        for arm in arms
    }
    labels = _labels_of(study, folder, dataset, [place[frame.sample_id] for frame in picked])
    scenes = []
    for frame in picked:
        sample = frames.read(place[frame.sample_id])
        label = None if labels is None else labels.label(frame.sample_id)
        if label is not None and np.isfinite(label).any():  # a rejected frame has none to show
            sample = with_label(sample, label)
        scores = scores_of_frame(rows, frame.sample_id, seed=seed)
        scenes.append(
            Scene(
                sample=sample,
                predictions={name: s.read(frame.sample_id) for name, s in stores.items()},
                reason=frame.reason,
                scores={name: scores[name] for name in stores},
            )
        )
    rule = rule_of(study.arm(study.reference).title)
    return [
        figure("structure", scenes, arms=arms, seed=seed, rule=rule),
        figure("metric", scenes, arms=arms, seed=seed, rule=rule),
    ]


def _labels_of(
    study: Study, folder: StudyFolder, dataset: Dataset, places: Sequence[int]
) -> LabelStore | None:
    """The teacher's maps of the frames shown: for the eye only, no arm ever saw them."""
    frames = dataset.split(TEST_SPLIT)
    samples = [frames.read(place) for place in places]
    if any(sample.rgb is None for sample in samples):
        return None
    teacher = open_for_frames(study.settings.teacher, frames)
    store = open_store(folder.labels, teacher, dataset.fingerprint())
    store.fill(teacher, samples)
    return store


def check_pairing(study: Study, folder: StudyFolder) -> None:
    """All arms of a seed must have started from the same weights and seen the same batches.

    Raises:
        StudyError: naming the cells that part.
    """
    for seed in study.seeds:
        seen: dict[str, str] = {}
        for arm in study.arms:
            cell = Cell(arm=arm, seed=seed)
            facts = cell_facts(folder.cell(cell))
            for key in ("first_weights", "batches"):
                if seen.setdefault(key, facts[key]) != facts[key]:
                    raise StudyError(
                        f"{folder.cell(cell)}: its {key.replace('_', ' ')} differ from those of the other "
                        f"arms of seed {seed}, so they cannot be compared; delete this folder and run again"
                    )


def _setup(study: Study, dataset: Dataset, folder: StudyFolder) -> dict[str, str]:
    settings = study.settings
    rows, columns = settings.data.size or dataset.training_size
    train, test = dataset.split(settings.data.split), dataset.split(TEST_SPLIT)
    teacher = open_for_frames(settings.teacher, train).description
    frames = cell_facts(folder.cell(study.cells()[0]))["frames"]
    return {
        "Data": f"{dataset.note} ({dataset.licence})",
        "Frames": f"{len(train.sample_ids)} to train, {len(test.sample_ids)} to test, {frames} scored",
        "Teacher": teacher,
        "Training": f"{settings.steps} steps of {settings.data.batch_size} at {columns}x{rows}",
        "Encoder": f"{settings.model.encoder}, first weights {settings.model.weights}",
    }


def _provenance(study: Study, folder: StudyFolder, dataset: Dataset) -> dict[str, str]:
    cells = study.cells()
    first = folder.cell(cells[0])
    environment = _environment(first)
    seconds = [cell_facts(folder.cell(cell))["seconds"] for cell in cells]
    facts = cell_facts(first)
    packages = ", ".join(f"{k} {v}" for k, v in environment["packages"].items())
    return {
        "Study": study.identity(dataset.fingerprint()),
        "Data fingerprint": dataset.fingerprint(),
        "Labels": str(facts["labels"]),
        "First weights": str(facts["first_weights"]),
        "Batches": str(facts["batches"]),
        "thermodepth": f"{environment['thermodepth']} ({environment['revision'] or 'installed package'})",
        "Python": str(environment["python"]),
        "Packages": packages,
        "Device": f"{environment['device']}, {environment['threads']} thread(s) a cell",
        "Command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "Training time": f"{sum(seconds):.0f} s over {len(cells)} cells, last stretches only",
    }


def _environment(cell: Path) -> dict[str, Any]:
    path = cell / "environment.json"
    try:
        found = read_json(path)
    except DataError as error:
        raise StudyError(f"{error}; delete {cell} and run again") from None
    missing = [name for name in _ENVIRONMENT if name not in found]
    if missing or not isinstance(found["packages"], dict):
        raise StudyError(
            f"{path}: damaged, without {', '.join(missing or ['packages'])}; delete {cell} and run again"
        )
    return found


def _remarks(study: Study, folder: StudyFolder) -> list[str]:
    skipped: dict[str, Any] = {}
    for cell in study.cells():
        for sample_id in cell_facts(folder.cell(cell))["skipped"]:
            skipped[sample_id] = None
    if not skipped:
        return []
    return [f"{len(skipped)} test frames have too little truth in range: {', '.join(skipped)}."]
