"""What `evaluate` does: predict once, score as often as is asked, beside baselines and the teacher."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from thermodepth.cli.foreign_maps import ForeignMaps
from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.subjects import (
    Subject,
    check_lens,
    check_stored,
    data_of,
    fitted_baselines,
    open_models,
    protocol_for,
    stored_predictions,
    subjects_of,
    teacher_labels,
    teacher_settings,
    uncalibrated_notes,
)
from thermodepth.cli.terminal import console, counting
from thermodepth.data.registry import absolute_spec
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.picked_maps import picked_maps
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.rows import read_rows
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.chunks import score_into
from thermodepth.evaluation.scoring.placement_trial import placement_notes
from thermodepth.evaluation.scoring.sources import FolderSource, Source, SplitSource
from thermodepth.evaluation.scoring.truth_units import truth_unit_hint
from thermodepth.evaluation.store import PRECISIONS
from thermodepth.extensions import loaded_extensions
from thermodepth.report.evaluation.folder import FACTS, Evaluation, write_evaluation
from thermodepth.report.evaluation.overview import lead, terminal_tables
from thermodepth.report.evaluation.warnings import evaluation_warnings
from thermodepth.threads import available_cores


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringOptions:
    """How maps are scored and where the scores go, whatever the maps are of."""

    protocol: str = ""  # name, range or TOML file; empty takes the data set's own
    out: Path | None = None  # where predictions, rows, tables and the page stay; None keeps nothing
    processes: int | None = None  # that score; None for one a core
    baselines: bool = True  # whether the guessers are scored beside


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Models or stored predictions of a data set, as a person describes them."""

    specs: Sequence[
        str
    ]  # run folders, model folders, built-in names, folders of stored predictions
    data: str = ""  # spec of the data set; empty takes that of the first run or store
    split: str = ""  # empty takes the store's, or test
    teacher: str = "auto"  # auto, none, or KIND[:MODEL[:GEOMETRY]]
    precision: str = ""  # of stored predictions; empty takes the store's
    device: str = "auto"  # that predicts
    lens: LensOptions = NO_LENS  # of frames that come without one

    def named(self) -> list[str]:
        """The options that were given besides the models."""
        options = {
            "--data": self.data,
            "--split": self.split,
            "--teacher": self.teacher != "auto",
            "--precision": self.precision,
            "--device": self.device != "auto",
        }
        return [*(name for name, typed in options.items() if typed), *self.lens.named()]


def evaluate_models(models: ModelOptions, scoring: ScoringOptions) -> None:
    """Predict a split with each model (what is stored already is kept), score it, print the tables.

    Raises:
        SettingsError, DataError, WeightsError, TeacherError: for options that cannot be.
    """
    _check_models(models)
    named_teacher = teacher_settings(models.teacher)
    lens = models.lens.lens()
    subjects = subjects_of(models.specs)
    all_stored = all(subject.store is not None for subject in subjects)
    if models.device != "auto" and all_stored:
        raise SettingsError(
            f"--device {models.device}: has no effect, the predictions are stored already"
        )
    # First: what cannot be loaded costs nothing.
    predictors = open_models(subjects, device=models.device, lens=lens)
    dataset = data_of(subjects, models.data)
    split = models.split or next((s.split for s in subjects if s.split), "test")
    frames = dataset.split(split)
    protocol = protocol_for(scoring.protocol, dataset, frames)
    check_lens(models.lens, frames, dataset.spec, all_stored=all_stored)
    about = {"data": absolute_spec(dataset.spec), "split": split}
    for subject in subjects:
        check_stored(subject, frames, about, models.precision)
    with _folder(scoring.out) as folder:
        # What can go wrong goes wrong before hours of prediction.
        baselines = fitted_baselines(dataset, protocol) if scoring.baselines else {}
        labels, about_teacher = teacher_labels(
            models.teacher, named_teacher, subjects, dataset, split
        )
        if labels is not None:
            about |= {"labels": str(labels.folder.resolve()), "teacher": about_teacher}
        stores = {
            s.arm: stored_predictions(
                s,
                frames,
                folder,
                about,
                precision=models.precision,
                predictor=predictors.get(s.arm),
                lens=lens,
            )
            for s in subjects
        }
        source = SplitSource(frames=frames, stores=stores, baselines=baselines, labels=labels)
        title = f"{', '.join(stores)} on {dataset.spec}, {split}"
        facts = {
            "Data": f"{dataset.spec}, split {split}: {dataset.note}",
            "Models": _model_fingerprints(subjects, source),
            "Teacher": about_teacher,
        }
        notes = uncalibrated_notes(predictors)
        _score_and_print(source, protocol, folder, scoring, title=title, facts=facts, notes=notes)


def _check_models(models: ModelOptions) -> None:
    if not models.specs:
        raise SettingsError(
            "nothing to evaluate: name a run, a model or stored predictions, or give --predictions and "
            "--truth"
        )
    if models.precision and models.precision not in PRECISIONS:
        raise SettingsError(f"--precision: {unknown('precision', models.precision, PRECISIONS)}")


def _model_fingerprints(subjects: Sequence[Subject], source: SplitSource) -> str:
    return ", ".join(f"{s.arm} ({source.stores[s.arm].made_by.get('model', '')})" for s in subjects)


def evaluate_maps(maps: ForeignMaps, scoring: ScoringOptions) -> None:
    """Score a folder of depth maps against a folder of truth; no model of ours is loaded.

    Of the baselines those stand beside that need no training split.

    Raises:
        SettingsError: without a protocol, or for a geometry, camera or placement that cannot be.
        DataError: for folders that do not fit together, or files that cannot be read.
    """
    if not scoring.protocol:
        raise SettingsError(
            "--protocol: which truth counts is not in the files; name one of docs/protocols.md, or give "
            "range:NEAR-FAR in metres"
        )
    folders = maps.folders()
    assert maps.predictions is not None
    protocol = named_protocol(scoring.protocol).for_frames(folders.sample_ids)
    source = FolderSource(
        folders=folders,
        arm=_free_name(maps.predictions.resolve().name),
        baselines=scoring.baselines,
    )
    placed = "" if maps.placement == "whole" else f", placed as {folders.placement.name}"
    facts = {
        "Predictions": f"{maps.predictions} ({maps.geometry}){placed}",
        "Truth": f"{maps.truth} ({folders.truth_fingerprint()})",
    }
    about_placement = placement_notes(folders, protocol)
    title = f"{maps.predictions} against {maps.truth}"
    hint = truth_unit_hint(folders, protocol)
    notes = [*folders.notices, *about_placement, *([hint] if hint else [])]
    with _folder(scoring.out) as folder:
        try:
            _score_and_print(
                source, protocol, folder, scoring, title=title, facts=facts, notes=notes
            )
        except DataError as error:
            raise DataError(f"{error}; {hint}" if hint else str(error)) from None


# --- scoring -------------------------------------------------------------------------------------


def _score_and_print(
    source: Source,
    protocol: Protocol,
    folder: Path,
    scoring: ScoringOptions,
    *,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str],
) -> None:
    if extensions := loaded_extensions():
        facts = {**facts, "Extensions": "; ".join(extension.words() for extension in extensions)}
    with counting("scoring") as tell:
        scored = score_into(
            folder / "rows.parquet",
            source,
            protocol,
            processes=scoring.processes or available_cores(),
            progress=tell,
        )
    record = EvaluationRecord.from_rows(read_rows(folder / "rows.parquet"), protocol)
    findings = EvaluationFindings.from_record(record)
    foreign = isinstance(source, FolderSource)
    notes = [*notes, *evaluation_warnings(findings, scored, foreign=foreign)]
    for table in terminal_tables(findings):
        console.print(table.rich())
    console.print(lead(findings), soft_wrap=True)
    for line in (*notes, f"Protocol {protocol.protocol_id()}: {protocol.words()}", scored.note()):
        console.print(line, soft_wrap=True)
    if scoring.out is not None:
        evaluation = Evaluation(
            title=title,
            findings=findings,
            scored=scored,
            facts=facts,
            notes=notes,
            maps=picked_maps(source, findings),
        )
        page = write_evaluation(evaluation, folder)
        console.print(f"page: {page}", soft_wrap=True)
        predictions = " and predictions/" if (folder / "predictions").is_dir() else ""
        console.print(
            f"rows.parquet, tables/ (md, csv, tex){predictions} in {scoring.out}", soft_wrap=True
        )


def _free_name(name: str) -> str:
    """A folder's name, where no guesser has it."""
    if name in BASELINES:
        raise SettingsError(
            f"two lines of the table would be called '{name}'; rename the folder of predictions"
        )
    return name


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Where files go: the folder asked for, or one that is gone afterwards."""
    if out is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    ours = any((out / name).exists() for name in (FACTS, "predictions", "rows.parquet"))
    if not ours and out.is_dir() and any(path.name[0] != "." for path in out.iterdir()):
        raise SettingsError(
            f"--out {out}: holds other files and no evaluation; give another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    yield out
