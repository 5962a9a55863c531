"""`thermodepth evaluate`: predict once, score as often as wanted, beside baselines and the teacher."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.commands.terminal import console, counting
from thermodepth.data import Dataset, open_dataset
from thermodepth.data.frames import Frames
from thermodepth.errors import DataError, SettingsError, TeacherError, unknown
from thermodepth.evaluation.predict import predict_into
from thermodepth.evaluation.protocols.protocol import Protocol, named_protocol
from thermodepth.evaluation.report import Evaluation, score_into, write_evaluation
from thermodepth.evaluation.results.overview import Overview
from thermodepth.evaluation.results.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.baselines import BASELINES, ConstantDepth, MeanDepthMap
from thermodepth.evaluation.scoring.sources import FolderSource, Source, SplitSource
from thermodepth.evaluation.store import PredictionStore
from thermodepth.threads import available_cores
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from thermodepth.inference.predictor import Predictor
    from thermodepth.teacher import LabelStore, TeacherSettings

#: A mean over more training frames than these is the same mean, and reading them takes minutes.
BASELINE_FRAMES = 512


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
) -> None:
    """Predict a split with each model (what is stored already is kept), score it, print the tables.

    Args:
        what: run folders, model folders, built-in names, or folders of stored predictions.
        data: spec of the data set; empty takes that of the first run or store.
        split: of the data set; empty takes the store's, or test.
        protocol: name, range or TOML file; empty takes the data set's own.
        out: where predictions, rows, tables and the page are kept; None keeps nothing.
        teacher: auto, none, or KIND[:MODEL].
        baselines: whether the two baselines are scored beside.
        precision: of stored predictions; empty takes the store's.
        processes: that score; None for one a core.
        device: that predicts.

    Raises:
        SettingsError, DataError, WeightsError, TeacherError: for whatever of these cannot be.
    """
    if not what:
        raise SettingsError(
            "nothing to evaluate: name a run, a model or stored predictions, or give --predictions and "
            "--truth"
        )
    subjects = _subjects(what)
    data = data or next((s.data for s in subjects if s.data), "synthetic")
    split = split or next((s.split for s in subjects if s.split), "test")
    dataset = open_dataset(data)
    frames = dataset.split(split)
    chosen = named_protocol(protocol or dataset.protocol).for_frames(frames.sample_ids)
    with _folder(out) as folder:
        stores = {
            s.arm: _stored(s, frames, dataset, split, folder, precision, device) for s in subjects
        }
        fitted = _baselines(dataset, chosen) if baselines else {}
        labels, about_teacher = _labels(teacher, subjects, dataset, split)
        source = SplitSource(frames=frames, stores=stores, baselines=fitted, labels=labels)
        models = {s.arm: stores[s.arm].made_by.get("model", "") for s in subjects}
        facts = {
            "Data": f"{dataset.spec}, split {split}: {dataset.note}",
            "Models": ", ".join(f"{arm} ({mark})" for arm, mark in models.items()),
            "Teacher": about_teacher,
        }
        title = f"{', '.join(stores)} on {dataset.spec}, {split}"
        _score_and_show(source, chosen, folder, out, processes, title=title, facts=facts)


def evaluate_maps(
    maps: ForeignMaps, *, protocol: str, out: Path | None, processes: int | None
) -> None:
    """Score a folder of depth maps against a folder of truth; no model of ours is loaded.

    Raises:
        SettingsError: without a protocol, or for a geometry or camera that cannot be.
        DataError: for folders that do not fit together, or files that cannot be read.
    """
    from thermodepth.evaluation.scoring.map_folders import MapFolders

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
    )
    chosen = named_protocol(protocol).for_frames(folders.sample_ids)
    source = FolderSource(folders=folders, arm=maps.predictions.resolve().name)
    facts = {
        "Predictions": f"{maps.predictions} ({maps.geometry})",
        "Truth": f"{maps.truth} ({folders.truth_fingerprint()})",
    }
    title = f"{maps.predictions} against {maps.truth}"
    with _folder(out) as folder:
        _score_and_show(
            source,
            chosen,
            folder,
            out,
            processes,
            title=title,
            facts=facts,
            notes=folders.notices,
            unit_hint=Geometry(maps.geometry) is Geometry.METRIC_DEPTH,
        )


# --- the subjects --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Something whose predictions are scored."""

    arm: str
    given: str
    store: PredictionStore | None = None  # predictions that are there already
    data: str = ""  # what it was made from
    split: str = ""
    teacher: TeacherSettings | None = None  # that taught it


def _subjects(what: Sequence[str]) -> list[_Subject]:
    found = [_subject(given) for given in what]
    names = [subject.arm for subject in found]
    for name in names:
        if name in (TEACHER_ARM, *BASELINES) or names.count(name) > 1:
            raise SettingsError(
                f"two lines of the table would be called '{name}'; rename a folder, or score them apart"
            )
    return found


def _subject(given: str) -> _Subject:
    folder = Path(given).expanduser()
    if (folder / "store.json").is_file():
        store = PredictionStore.open(folder)
        named = folder.resolve()
        name = named.parent.name if named.name == "predictions" else named.name
        about = store.about
        return _Subject(
            arm=name,
            given=given,
            store=store,
            data=about.get("data", ""),
            split=about.get("split", ""),
        )
    arm = folder.resolve().name if folder.exists() else given
    settings_file = folder / "settings.json"
    if not settings_file.is_file():
        return _Subject(arm=arm, given=given)
    from thermodepth.config import read_settings
    from thermodepth.training.settings import TrainingSettings

    settings = read_settings(TrainingSettings, settings_file)
    return _Subject(arm=arm, given=given, data=settings.data.source, teacher=settings.teacher)


def _stored(
    subject: _Subject,
    frames: Frames,
    dataset: Dataset,
    split: str,
    folder: Path,
    precision: str,
    device: str,
) -> PredictionStore:
    """The subject's predictions of these frames, made now where they are missing."""
    if subject.store is not None:
        return _checked(subject.store, frames, dataset, split)
    from thermodepth.inference.predictor import load

    predictor: Predictor = load(subject.given, device=device)
    store = PredictionStore(
        folder / "predictions" / subject.arm,
        made_by={"model": predictor.model.fingerprint, "data": frames.fingerprint()},
        about={"data": dataset.spec, "split": split},
        precision=precision or None,
    )
    with counting(f"predicting with {subject.arm}") as tell:
        predict_into(store, frames, predictor.maps_of, progress=tell)
    return store


def _checked(
    store: PredictionStore, frames: Frames, dataset: Dataset, split: str
) -> PredictionStore:
    made_of = store.made_by.get("data")
    if made_of not in (None, frames.fingerprint()):
        raise DataError(
            f"{store.folder}: predicts other frames than {dataset.spec}, split {split} (made of {made_of}, "
            f"these are {frames.fingerprint()}); name the right --data and --split"
        )
    missing = store.missing(frames.sample_ids)
    if missing:
        raise DataError(
            f"{store.folder}: lacks {len(missing)} of {len(frames.sample_ids)} frames (first "
            f"'{missing[0]}'); finish predicting before scoring"
        )
    return store


def _baselines(dataset: Dataset, protocol: Protocol) -> Mapping[str, ConstantDepth | MeanDepthMap]:
    """Fitted on the training split, evenly thinned; none where there is no such split."""
    if "train" not in dataset.splits or not dataset.splits["train"].sample_ids:
        console.print("no baselines: the data set has no split 'train' to fit them on")
        return {}
    train = dataset.split("train")
    step = -(-len(train.sample_ids) // BASELINE_FRAMES)
    places = range(0, len(train.sample_ids), step)

    def samples() -> Iterator[Sample]:  # read again for each: they are too many to keep
        return (train.read(place, with_rgb=False) for place in places)

    return {arm: kind.fit(samples(), protocol=protocol) for arm, kind in BASELINES.items()}


# --- the teacher ---------------------------------------------------------------------------------


def _labels(
    teacher: str, subjects: Sequence[_Subject], dataset: Dataset, split: str
) -> tuple[LabelStore | None, str]:
    """The teacher's maps of these frames and a line about them; none where there can be none."""
    if teacher == "none":
        return None, "not asked for"
    from thermodepth.teacher import TeacherSettings
    from thermodepth.training.labels import default_label_root, make_labels

    if teacher == "auto":
        settings = next((s.teacher for s in subjects if s.teacher is not None), TeacherSettings())
    else:
        kind, _, model = teacher.partition(":")
        settings = TeacherSettings.parse({"kind": kind, "model": model}, where="--teacher")
    try:
        with counting(f"labels by {settings.kind}") as tell:
            store = make_labels(settings, dataset, default_label_root(), split=split, progress=tell)
    except (TeacherError, DataError) as error:
        if teacher != "auto":
            raise
        return None, f"none ({error})"
    return store, f"{settings.kind} {settings.model}".strip()


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
    unit_hint: bool = False,
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
    if unit_hint and (hint := overview.unit_hint()):
        notes = [*notes, hint]
    evaluation = Evaluation(
        title=title, source=source, protocol=protocol, scored=scored, facts=facts, notes=notes
    )
    for table in overview.for_terminal():
        console.print(table.rich())
    for line in (*notes, f"Protocol {protocol.protocol_id()}: {protocol.words()}", scored.note()):
        console.print(line, soft_wrap=True)
    if out is not None:
        page = write_evaluation(evaluation, overview, folder)
        console.print(f"page: {page}", soft_wrap=True)
        console.print(
            f"rows.parquet, tables/ (md, csv, tex) and predictions/ in {out}", soft_wrap=True
        )


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    """Where files go: the folder asked for, or one that is gone afterwards."""
    if out is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
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
