"""From a finished study folder to its tables, figures and report.

Everything is made from what lies in the folder, so the same cells give the same bytes, whenever and
however often they were interrupted on the way.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from thermodepth.checksums import read_record
from thermodepth.config import difference
from thermodepth.data import Dataset, open_dataset
from thermodepth.data.loader import with_label
from thermodepth.errors import DataError, StudyError
from thermodepth.evaluation.results.rows import write_rows
from thermodepth.evaluation.results.tables import Table
from thermodepth.evaluation.store import PredictionStore
from thermodepth.files import write_text
from thermodepth.model import load_model
from thermodepth.study.analysis.labels import counted
from thermodepth.study.analysis.methods import methods_text
from thermodepth.study.analysis.questions import is_twin
from thermodepth.study.analysis.summary import summary_of
from thermodepth.study.analysis.twin import twin_sentence
from thermodepth.study.cell import PREDICTIONS, cell_facts, study_protocol
from thermodepth.study.design import Cell, Study
from thermodepth.study.figures.figures import FILES, Scene, figure, figure_arms, write_figures
from thermodepth.study.figures.frames import PickedFrame, pick_frames, rule_of, scores_of_frame
from thermodepth.study.figures.scenes import Shown, picked_scene
from thermodepth.study.folder import StudyFolder
from thermodepth.study.gradients import gradients_section, write_study_gradients
from thermodepth.study.inputs import TEST_SPLIT, arm_settings
from thermodepth.study.page.cells import cell_records, machines_of
from thermodepth.study.page.curves import read_curve
from thermodepth.study.page.effects import (
    answers,
    effects_tables,
    further_tables,
    study_findings,
    study_matrix,
)
from thermodepth.study.page.report import StudyReport, report_html
from thermodepth.study.page.training_methods import TrainingFacts, training_methods
from thermodepth.study.pairing import alike_words, check_pairing, pairing_words
from thermodepth.study.run import StudyState, collect_rows
from thermodepth.study.tables.lines import metric_depth_rows
from thermodepth.study.tables.table import ArmLabel, study_table, study_tables, write_tables
from thermodepth.study.teachers import teacher_notes
from thermodepth.teacher import LabelStore, open_store
from thermodepth.training.labels import open_for_frames
from thermodepth.training.log import FILE as LOG_FILE
from thermodepth.training.settings import TrainingSettings

IN_THE_TERMINAL = ("abs_rel", "rmse", "silog", "delta_1")  # what 80 columns hold

_ENVIRONMENT = ("thermodepth", "revision", "python", "packages", "device", "threads")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResults:
    """What a person looks at."""

    table: Table  # the paper's columns and a few more, for a terminal; the files have all
    files: Sequence[Path]


def write_results(study: Study, state: StudyState, dataset: Dataset) -> StudyResults:
    """Write rows, tables, figures and the report of the cells that are done; they name those that are not.

    Raises:
        StudyError: when arms of one seed did not share what they do not edit, or the reference has
            no results.
        DataError: when a cell's files are missing or damaged.
    """
    folder = state.folder
    check_pairing(study, state.done, folder)
    rows = collect_rows(study, folder, state.done)
    write_rows(rows, folder.path / "rows.parquet")
    found = study_findings(rows, study)
    matrix = study_matrix(found, rows)
    answered = effects_tables(found, matrix)
    rows = metric_depth_rows(rows)
    arms = [ArmLabel(name=arm.name, title=arm.title) for arm in study.arms]
    tables = study_tables(rows, arms=arms, reference=study.reference)
    notes = [*missing_notes(state), *alike_words(study, state.done, folder)]
    notes += teacher_notes(study, folder)
    tables["table"] = _with_notes(tables["table"], notes)
    written = write_tables(folder.path, {**tables, **answered})
    words = _training_words(study, state, dataset)
    methods = methods_text(found, pairing=pairing_words(study), training=words)
    write_text(folder.path / "METHODS.md", methods)
    there = {cell.arm.name for cell in state.done}
    # A twin has its line in every table; to look at, it is the reference once more.
    seen = [arm for arm in arms if not is_twin(arm.name, study.reference)]
    with_rows = [arm.name for arm in seen if arm.name in there]
    picked = pick_frames(rows, reference=study.reference, arms=with_rows)
    shown = read_scenes(study, state, dataset, rows=rows, arms=seen, picked=picked)
    rule = rule_of(study.arm(study.reference).title)
    drawn_arms = figure_arms(shown.arms, study.reference)
    figures = [
        figure(kind, shown.scenes, arms=drawn_arms, seed=shown.seed, rule=rule, of=len(shown.arms))
        for kind in FILES
        if len(drawn_arms) > 1
    ]
    written += write_figures(folder.path, figures)
    write_study_gradients(folder.path, arms)
    report = StudyReport(
        title=study.title,
        setup=_setup(study, dataset, state, twin=twin_sentence(found.settled)),
        protocol=study_protocol(dataset),
        arms=arms,
        reference=study.reference,
        rows=rows,
        figures=figures,
        picked=picked,
        curves=[
            read_curve(folder.cell(cell) / LOG_FILE, arm=cell.arm.name, seed=cell.seed)
            for cell in state.done
        ],
        edits={
            arm.name: difference(study.settings, study.settings.edit(arm.edits))
            for arm in study.arms
        },
        provenance=_provenance(study, state, dataset),
        remarks=[*notes, *_remarks(state)],
        summary=summary_of(found),
        answers=answers(found, answered, matrix),
        scenes=[picked_scene(scene, shown.arms) for scene in shown.scenes],
        scenes_words=f"Predictions of seed {shown.seed}. {rule}",
        further=further_tables(answered),
        gradients=gradients_section(folder.path, arms, reference=study.reference),
        methods=methods,
        cells=cell_records(state),
    )
    page = folder.path / "report.html"
    write_text(page, report_html(report))
    told = [p for p in written if p.name in ("table.md", "fig1_structure.png", "fig2_metric.png")]
    short = study_table(rows, arms=arms, reference=study.reference, metrics=IN_THE_TERMINAL)
    short = _with_notes(short, notes)
    return StudyResults(table=short, files=[page, *told])


def missing_notes(state: StudyState) -> list[str]:
    """What a reader must know of the cells that have no results; nothing where all have."""
    lines = state.missing_lines()
    return [f"No results: {'; '.join(lines)}."] if lines else []


def _with_notes(table: Table, notes: Sequence[str]) -> Table:
    return replace(table, notes=(*table.notes, *notes))


def read_scenes(
    study: Study,
    state: StudyState,
    dataset: Dataset,
    *,
    rows: pa.Table,
    arms: Sequence[ArmLabel],
    picked: Sequence[PickedFrame],
) -> Shown:
    """The picked frames with the stored predictions of the first seed that most arms have."""
    done = {(cell.arm.name, cell.seed) for cell in state.done}
    seed = max(study.seeds, key=lambda seed: sum((arm.name, seed) in done for arm in arms))
    arms = [arm for arm in arms if (arm.name, seed) in done]
    folder = state.folder
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
    return Shown(scenes=tuple(scenes), arms=tuple(arms), seed=seed)


def _labels_of(
    study: Study, folder: StudyFolder, dataset: Dataset, places: Sequence[int]
) -> LabelStore | None:
    """The reference's teacher's maps of the frames shown: for the eye only, no arm ever saw them."""
    frames = dataset.split(TEST_SPLIT)
    samples = [frames.read(place) for place in places]
    if any(sample.rgb is None for sample in samples):
        return None
    teacher = open_for_frames(arm_settings(study, study.arm(study.reference)).teacher, frames)
    store = open_store(folder.labels, teacher, dataset.fingerprint())
    store.fill(teacher, samples)
    return store


def _setup(study: Study, dataset: Dataset, state: StudyState, *, twin: str) -> dict[str, str]:
    """What was run: the reference's, and of other arms what parts from it."""
    test = len(dataset.split(TEST_SPLIT).sample_ids)
    scored = cell_facts(state.folder.cell(state.done[0]))["frames"]
    so: dict[str, dict[str, str]] = {}  # heading -> what is so -> titles of the arms
    ordered = sorted(study.arms, key=lambda arm: arm.name != study.reference)
    for arm in ordered:
        if is_twin(arm.name, study.reference):
            continue
        for heading, words in _trained_by(arm_settings(study, arm), study, dataset).items():
            titles = so.setdefault(heading, {})
            titles[words] = f"{titles[words]}, {arm.title}" if words in titles else arm.title
    setup = {}
    for heading, titles in so.items():
        (usual, _), *others = titles.items()
        setup[heading] = "; ".join([usual, *(f"{who}: {words}" for words, who in others)])
    data = {
        "Data": f"{dataset.note} ({dataset.licence})",
        "Tested on": f"{test} frames, {scored} scored",
    }
    return {
        **data,
        **setup,
        **({"A/A twin": twin.removeprefix("A/A twin: ").capitalize()} if twin else {}),
    }


def _trained_by(settings: TrainingSettings, study: Study, scored: Dataset) -> dict[str, str]:
    """Of one arm's settings what a reader asks first."""
    elsewhere = settings.data.source != study.settings.data.source
    dataset = open_dataset(settings.data.source) if elsewhere else scored
    rows, columns = settings.data.size or dataset.training_size
    train = dataset.split(settings.data.split)
    count, most = len(train.sample_ids), settings.data.most_frames
    drawn = f" of {count}, drawn anew by every seed" if most is not None and most < count else ""
    of = f" of {dataset.note}" if elsewhere else ""
    return {
        "Trained on": f"{counted(min(count, most or count), 'frame')}{drawn}{of}",
        "Teacher": open_for_frames(settings.teacher, train).description,
        "Training": f"{settings.steps} steps of {settings.data.batch_size} at {columns}x{rows}",
        "Encoder": f"{settings.model.encoder}, first weights {settings.model.weights}",
    }


def _training_words(study: Study, state: StudyState, dataset: Dataset) -> str:
    cells = [state.folder.cell(cell) for cell in state.done]
    facts = [cell_facts(cell) for cell in cells]
    reference = next((c for c in state.done if c.arm.name == study.reference), state.done[0])
    network = load_model(state.folder.cell(reference) / "model").network
    train = dataset.split(study.settings.data.split)
    return training_methods(
        study,
        dataset,
        TrainingFacts(
            teacher=open_for_frames(study.settings.teacher, train).description,
            # A loaded model is frozen: all of it counts.
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            frames_scored=facts[0]["frames"],
            seconds=sum(each["seconds"] for each in facts),
            environments=[_environment(cell) for cell in cells],
        ),
    )


def _provenance(study: Study, state: StudyState, dataset: Dataset) -> dict[str, str]:
    cells, folder = state.done, state.folder
    first = folder.cell(cells[0])
    environment = _environment(first)
    seconds = [cell_facts(folder.cell(cell))["seconds"] for cell in cells]
    packages = ", ".join(f"{k} {v}" for k, v in environment["packages"].items())
    return {
        "Study": study.identity(dataset.fingerprint()),
        "Settings": study.settings.fingerprint(),
        **_extensions(study),
        "Data fingerprint": dataset.fingerprint(),
        "Labels": _of_seed(cells, folder, "labels"),
        "First weights": _of_seed(cells, folder, "first_weights"),
        "Batches": _of_seed(cells, folder, "batches"),
        "thermodepth": f"{environment['thermodepth']} ({environment['revision'] or 'installed package'})",
        "Python": str(environment["python"]),
        "Packages": packages,
        **machines_of([_environment(folder.cell(cell)) for cell in cells]),
        "Command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "Training time": f"{sum(seconds):.0f} s over {len(cells)} cells",
    }


def _extensions(study: Study) -> dict[str, str]:
    """What is no part of thermodepth; nothing where nothing is."""
    words = [f"{record.name} (sha256 {record.sha256})" for record in study.settings.extensions]
    return {"Extensions": ", ".join(words)} if words else {}


def _of_seed(cells: Sequence[Cell], folder: StudyFolder, name: str) -> str:
    """A fact of the first seed's cells: most often one for all arms."""
    values: dict[str, list[str]] = {}
    for cell in cells:
        if cell.seed == cells[0].seed:
            values.setdefault(str(cell_facts(folder.cell(cell))[name]), []).append(cell.arm.name)
    (usual, _), *others = values.items()
    return "; ".join([usual, *(f"{', '.join(arms)}: {fact}" for fact, arms in others)])


def _environment(cell: Path) -> dict[str, Any]:
    path = cell / "environment.json"
    try:
        found = read_record(path)
    except DataError as error:
        raise StudyError(f"{error}; delete {cell} and run again") from None
    missing = [name for name in _ENVIRONMENT if name not in found]
    if missing or not isinstance(found["packages"], dict):
        raise StudyError(
            f"{path}: damaged, without {', '.join(missing or ['packages'])}; delete {cell} and run again"
        )
    return found


def _remarks(state: StudyState) -> list[str]:
    skipped: dict[str, Any] = {}
    for cell in state.done:
        for sample_id in cell_facts(state.folder.cell(cell))["skipped"]:
            skipped[sample_id] = None
    if not skipped:
        return []
    return [f"{len(skipped)} test frames have too little truth in range: {', '.join(skipped)}."]
