"""`thermodepth evaluate`: predict once, score as often as wanted, beside baselines and the teacher."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from thermodepth.commands.evaluate_subjects import (
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
from thermodepth.commands.lens import NOTHING_SAID, LensOptions
from thermodepth.commands.terminal import console, counting
from thermodepth.data.table import absolute_spec
from thermodepth.errors import DataError, SettingsError, unknown
from thermodepth.evaluation.protocols.protocol import Protocol, named_protocol
from thermodepth.evaluation.report import FACTS, Evaluation, score_into, write_evaluation
from thermodepth.evaluation.results.overview import Overview
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.sources import FolderSource, Source, SplitSource
from thermodepth.evaluation.store import PRECISIONS
from thermodepth.extensions import loaded_extensions
from thermodepth.threads import available_cores
from thermodepth.types import Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignMaps:
    """Depth maps of any tool, as a person describes them."""

    predictions: Path
    truth: Path
    geometry: str = "metric_depth"
    png_scale: float = 256.0
    truth_scale: float = 256.0
    thermal: Path | None = None
    intrinsics: str = ""
    prediction_ending: str = ""
    truth_ending: str = ""
    thermal_ending: str = ""
    placement: str = "whole"


def evaluate_models(
    what: Sequence[str],
    *,
    data: str,
    split: str,
    protocol: str,
    out: Path | None,
    teacher: str,
    baselines: bool,
    precision: str,
    processes: int | None,
    device: str,
    options: LensOptions = NOTHING_SAID,
) -> None:
    """Predict a split with each model (what is stored already is kept), score it, print the tables.

    Args:
        what: run folders, model folders, built-in names, or folders of stored predictions.
        data: spec of the data set; empty takes that of the first run or store.
        split: of the data set; empty takes the store's, or test.
        protocol: name, range or TOML file; empty takes the data set's own.
        out: where predictions, rows, tables and the page are kept; None keeps nothing.
        teacher: auto, none, or KIND[:MODEL[:GEOMETRY]].
        baselines: whether the guessers are scored beside.
        precision: of stored predictions; empty takes the store's.
        processes: that score; None for one a core.
        device: that predicts.
        options: what the lens is, for frames that come without one.

    Raises:
        SettingsError, DataError, WeightsError, TeacherError: for whatever of these cannot be.
    """
    if not what:
        raise SettingsError(
            "nothing to evaluate: name a run, a model or stored predictions, or give --predictions and "
            "--truth"
        )
    if precision and precision not in PRECISIONS:
        raise SettingsError(f"--precision: {unknown('precision', precision, PRECISIONS)}")
    asked = teacher_settings(teacher)
    lens = options.lens()
    subjects = subjects_of(what)
    if device != "auto" and all(s.store is not None for s in subjects):
        raise SettingsError(f"--device {device}: has no effect, the predictions are stored already")
    predictors = open_models(
        subjects, device=device, lens=lens
    )  # first: what cannot be loaded costs nothing
    dataset = data_of(subjects, data)
    split = split or next((s.split for s in subjects if s.split), "test")
    frames = dataset.split(split)
    chosen = protocol_for(protocol, dataset, frames)
    check_lens(options, frames, dataset.spec, all_stored=all(s.store is not None for s in subjects))
    about = {"data": absolute_spec(dataset.spec), "split": split}
    for subject in subjects:
        check_stored(subject, frames, about, precision)
    with _folder(out) as folder:
        # What can go wrong goes wrong before hours of prediction.
        fitted = fitted_baselines(dataset, chosen) if baselines else {}
        labels, about_teacher = teacher_labels(teacher, asked, subjects, dataset, split)
        if labels is not None:
            about |= {"labels": str(labels.folder.resolve()), "teacher": about_teacher}
        stores = {
            s.arm: stored_predictions(
                s,
                frames,
                folder,
                about,
                precision=precision,
                predictor=predictors.get(s.arm),
                lens=lens,
            )
            for s in subjects
        }
        source = SplitSource(frames=frames, stores=stores, baselines=fitted, labels=labels)
        models = {s.arm: stores[s.arm].made_by.get("model", "") for s in subjects}
        facts = {
            "Data": f"{dataset.spec}, split {split}: {dataset.note}",
            "Models": ", ".join(f"{arm} ({mark})" for arm, mark in models.items()),
            "Teacher": about_teacher,
        }
        title = f"{', '.join(stores)} on {dataset.spec}, {split}"
        notes = uncalibrated_notes(predictors)
        _score_and_show(
            source, chosen, folder, out, processes, title=title, facts=facts, notes=notes
        )


def evaluate_maps(
    maps: ForeignMaps,
    *,
    protocol: str,
    out: Path | None,
    processes: int | None,
    baselines: bool = True,
) -> None:
    """Score a folder of depth maps against a folder of truth; no model of ours is loaded.

    Of the baselines those stand beside that need no training split.

    Raises:
        SettingsError: without a protocol, or for a geometry, camera or placement that cannot be.
        DataError: for folders that do not fit together, or files that cannot be read.
    """
    from thermodepth.evaluation.scoring.map_folders import MapFolders
    from thermodepth.evaluation.scoring.placement import Placement
    from thermodepth.evaluation.scoring.placement_trial import placement_notes
    from thermodepth.evaluation.scoring.truth_units import truth_unit_hint

    if not protocol:
        raise SettingsError(
            "--protocol: which truth counts is not in the files; name one of docs/protocols.md, or give "
            "range:NEAR-FAR in metres"
        )
    if maps.geometry not in list(Geometry):
        raise SettingsError(f"--geometry: {unknown('geometry', maps.geometry, list(Geometry))}")
    folders = MapFolders(
        maps.predictions,
        maps.truth,
        geometry=Geometry(maps.geometry),
        png_scale=maps.png_scale,
        truth_scale=maps.truth_scale,
        thermal=maps.thermal,
        intrinsics=_intrinsics(maps.intrinsics),
        prediction_ending=maps.prediction_ending,
        truth_ending=maps.truth_ending,
        thermal_ending=maps.thermal_ending,
        placement=Placement.of(maps.placement),
    )
    chosen = named_protocol(protocol).for_frames(folders.sample_ids)
    source = FolderSource(
        folders=folders, arm=_free_name(maps.predictions.resolve().name), baselines=baselines
    )
    placed = "" if maps.placement == "whole" else f", placed as {folders.placement.name}"
    facts = {
        "Predictions": f"{maps.predictions} ({maps.geometry}){placed}",
        "Truth": f"{maps.truth} ({folders.truth_fingerprint()})",
    }
    about_places = placement_notes(folders, chosen)
    title = f"{maps.predictions} against {maps.truth}"
    hint = truth_unit_hint(folders, chosen)
    notes = [*folders.notices, *about_places, *([hint] if hint else [])]
    with _folder(out) as folder:
        try:
            _score_and_show(
                source, chosen, folder, out, processes, title=title, facts=facts, notes=notes
            )
        except DataError as error:
            raise DataError(f"{error}; {hint}" if hint else str(error)) from None


# --- scoring -------------------------------------------------------------------------------------


def _score_and_show(
    source: Source,
    protocol: Protocol,
    folder: Path,
    out: Path | None,
    processes: int | None,
    *,
    title: str,
    facts: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    with counting("scoring") as tell:
        scored = score_into(
            folder / "rows.parquet",
            source,
            protocol,
            processes=processes or available_cores(),
            progress=tell,
        )
    overview = Overview(scored.rows, protocol)
    foreign = isinstance(source, FolderSource)
    hints = (overview.unit_hint(foreign=foreign), overview.against_truth_note(foreign=foreign))
    notes = [
        *notes,
        *(
            f"{arm}: {count} scored pixels are at or below 0 m and count as {protocol.min_depth_m:g} m; in "
            "float files 0 is a depth, NaN is none"
            for arm, count in scored.floored.items()
        ),
        *(hint for hint in hints if hint),
        *overview.beaten_notes(),
        *scored.limited_notes(protocol),
    ]
    if extensions := loaded_extensions():
        facts = {**facts, "Extensions": "; ".join(extension.words() for extension in extensions)}
    evaluation = Evaluation(
        title=title, source=source, protocol=protocol, scored=scored, facts=facts, notes=notes
    )
    for table in overview.for_terminal():
        console.print(table.rich())
    console.print(overview.lead(), soft_wrap=True)
    for line in (*notes, f"Protocol {protocol.protocol_id()}: {protocol.words()}", scored.note()):
        console.print(line, soft_wrap=True)
    if out is not None:
        page = write_evaluation(evaluation, overview, folder)
        console.print(f"page: {page}", soft_wrap=True)
        predictions = " and predictions/" if (folder / "predictions").is_dir() else ""
        console.print(f"rows.parquet, tables/ (md, csv, tex){predictions} in {out}", soft_wrap=True)


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


def _intrinsics(text: str) -> tuple[float, float, float, float] | None:
    """fx,fy,cx,cy of the command line."""
    if not text:
        return None
    try:
        fx, fy, cx, cy = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(
            f"--intrinsics {text}: expected four numbers fx,fy,cx,cy in pixels"
        ) from None
    if not (fx > 0 and fy > 0):
        raise SettingsError(f"--intrinsics {text}: the focal lengths fx and fy must be positive")
    return fx, fy, cx, cy
