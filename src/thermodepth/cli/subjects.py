"""What `thermodepth evaluate` scores: models, stores, baselines, the teacher; checked before they cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.cli.terminal import console, counting
from thermodepth.data import Dataset, open_dataset
from thermodepth.data.frames import Frames
from thermodepth.errors import DataError, SettingsError, TeacherError, unknown
from thermodepth.evaluation.predict import predict_into
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.baselines import (
    BASELINES,
    Baseline,
    evenly,
    fit_baselines,
)
from thermodepth.evaluation.store import PredictionStore
from thermodepth.types import Geometry, Sample

if TYPE_CHECKING:
    from thermodepth.cli.lens import LensOptions
    from thermodepth.inference.lens import Lens
    from thermodepth.inference.predictor import Predictor
    from thermodepth.teacher import LabelStore, TeacherSettings
    from thermodepth.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something whose predictions are scored."""

    arm: str
    spec: str
    store: PredictionStore | None = None  # predictions that are there already
    data: str = ""  # what it was made from
    split: str = ""
    teacher: TeacherSettings | None = None  # that taught it


def subjects_of(specs: Sequence[str]) -> list[Subject]:
    """
    Raises:
        SettingsError: for two that would have one name in the tables, or a folder that holds stores.
    """
    subjects = [_subject(spec) for spec in specs]
    names = [subject.arm for subject in subjects]
    for name in names:
        if name in (TEACHER_ARM, *BASELINES) or names.count(name) > 1:
            raise SettingsError(
                f"two lines of the table would be called '{name}'; rename a folder, or score them apart"
            )
    return subjects


def _subject(spec: str) -> Subject:
    folder = Path(spec).expanduser()
    if (folder / "store.json").is_file():
        store = PredictionStore.open(folder)
        resolved = folder.resolve()
        name = resolved.parent.name if resolved.name == "predictions" else resolved.name
        about = store.about
        return Subject(
            arm=name,
            spec=spec,
            store=store,
            data=about.get("data", ""),
            split=about.get("split", ""),
        )
    inside = sorted(path.parent for path in folder.glob("predictions/*/store.json"))
    inside += sorted(path.parent for path in folder.glob("*/store.json"))
    if inside:
        raise SettingsError(
            f"{spec}: holds predictions but is none; name {' or '.join(map(str, inside[:3]))}"
        )
    arm = folder.resolve().name if folder.exists() else spec
    settings_file = folder / "settings.json"
    if not settings_file.is_file():
        return Subject(arm=arm, spec=spec)
    settings = _settings_of_run(settings_file)
    return Subject(arm=arm, spec=spec, data=settings.data.source, teacher=settings.teacher)


def _settings_of_run(path: Path) -> TrainingSettings:
    """A run's settings. Of one with extensions that were not given, data, model and teacher alone.

    Raises:
        SettingsError: for a damaged file, or where those three cannot do without the extensions.
    """
    from thermodepth.checksums import read_record, read_settings
    from thermodepth.extensions import check_loaded, extension_records
    from thermodepth.training.settings import TrainingSettings

    remedy = "delete it, and name --data and --teacher"
    try:
        tree = read_record(path, remedy=remedy)
    except DataError as error:
        raise SettingsError(str(error)) from None
    records = extension_records(tree.get("extensions", []), str(path))
    try:
        check_loaded(records, str(path))
    except SettingsError as not_loaded:
        sections = {name: tree[name] for name in tree.keys() & {"data", "model", "teacher"}}
        try:
            return TrainingSettings.parse(sections, where=str(path))
        except SettingsError:
            raise not_loaded from None
    return read_settings(TrainingSettings, path, remedy=remedy)


def open_models(
    subjects: Sequence[Subject], *, device: str, lens: Lens | None
) -> dict[str, Predictor]:
    """The models of those that bring no predictions, by the name of their line.

    Raises:
        WeightsError, SettingsError: for the first that cannot be loaded.
    """
    if all(subject.store is not None for subject in subjects):
        return {}
    from thermodepth.cli.metres import note_left_out
    from thermodepth.inference.predictor import Predictor
    from thermodepth.model import load_model, resolve_model

    folders = {s.arm: resolve_model(s.spec) for s in subjects if s.store is None}
    for arm, folder in folders.items():
        note_left_out(arm, folder)
    return {
        arm: Predictor(load_model(folder), device=device, lens=lens)
        for arm, folder in folders.items()
    }


def data_of(subjects: Sequence[Subject], data: str) -> Dataset:
    """The data set that was named, else that of the first run or store, else the shipped one.

    Raises:
        DataError: when it cannot be opened, saying whose data set it is where nobody named one.
    """
    if data:
        return open_dataset(data)
    source = next((subject for subject in subjects if subject.data), None)
    if source is None:
        return open_dataset("synthetic")
    try:
        return open_dataset(source.data)
    except DataError as error:
        raise DataError(
            f"{source.spec}: was made on {source.data}, which cannot be opened from here ({error}); name "
            "the data set with --data"
        ) from None


def stored_predictions(
    subject: Subject,
    frames: Frames,
    folder: Path,
    about: Mapping[str, str],
    *,
    precision: str,
    predictor: Predictor | None,
    lens: Lens | None,
) -> PredictionStore:
    """The subject's predictions of these frames, made now by its model where they are missing."""
    if subject.store is not None:
        return subject.store
    assert predictor is not None, "a subject without stored predictions is a model"
    made_by = {"model": predictor.fingerprint, "data": frames.fingerprint()}
    if lens is not None:
        made_by["lens"] = lens.fingerprint()
    store = PredictionStore(
        folder / "predictions" / subject.arm,
        made_by=made_by,
        about=about,
        precision=precision or None,
        relative_error=predictor.tells_relative_error,
    )
    with counting(f"predicting with {subject.arm}") as tell:
        predict_into(
            store, frames, predictor.maps_of, made_at=predictor.network_size, progress=tell
        )
    return store


def uncalibrated_notes(predictors: Mapping[str, Predictor]) -> list[str]:
    """A line for each model that has learnt its relative error and does not tell it."""
    return [
        f"{arm}: its expected errors are not scored, because they are not calibrated; "
        "`python -m thermodepth.inference.error_calibration` does that on held-out scenes"
        for arm, predictor in predictors.items()
        if predictor.facts.relative_error and not predictor.tells_relative_error
    ]


def check_lens(options: LensOptions, frames: Frames, spec: str, *, all_stored: bool) -> None:
    """Whether options about the lens can have an effect.

    Raises:
        SettingsError: where the frames say it themselves, or everything is predicted already.
    """
    named = ", ".join(options.named())
    if named and all_stored:
        raise SettingsError(f"{named}: has no effect, the predictions are stored already")
    if named and frames.read(0, with_rgb=False).focal_px > 0:
        raise SettingsError(
            f"{named}: has no effect, the frames of {spec} come with their lens; say another in the data "
            "set's own description, or as mm5:FOLDER?fov=DEGREES"
        )


def check_stored(
    subject: Subject, frames: Frames, about: Mapping[str, str], precision: str
) -> None:
    """Whether stored predictions are of these very frames, and of all of them.

    Raises:
        SettingsError: for another precision than asked.
        DataError: for predictions of other frames, or too few.
    """
    store = subject.store
    if store is None:
        return
    if precision and precision != store.precision:
        raise SettingsError(
            f"--precision {precision}: {store.folder} holds {store.precision} predictions already"
        )
    made_of = store.made_by.get("data")
    if made_of not in (None, frames.fingerprint()):
        raise DataError(
            f"{store.folder}: predicts other frames, or frames with another truth, than {about['data']}, "
            f"split {about['split']} (made of {made_of}, these are {frames.fingerprint()}); name the right "
            "--data and --split, or predict again"
        )
    missing = store.missing(frames.sample_ids)
    if missing:
        raise DataError(
            f"{store.folder}: lacks {len(missing)} of {len(frames.sample_ids)} frames (first "
            f"'{missing[0]}'); finish predicting before scoring"
        )


def protocol_for(name: str, dataset: Dataset, frames: Frames) -> Protocol:
    """The protocol for these frames, tried on the first of them."""
    protocol = named_protocol(name or dataset.protocol).for_frames(frames.sample_ids)
    if protocol.truth and protocol.truth != dataset.truth:
        own_truth = f"reads '{dataset.truth}'" if dataset.truth else "has no such truth"
        raise SettingsError(
            f"protocol '{protocol.name}' is over the truth '{protocol.truth}', and {dataset.spec} "
            f"{own_truth}: its numbers would not be what the name says. Name another protocol, "
            f'range:NEAR-FAR, or a TOML file with base = "{protocol.name}" and truth = ""'
        )
    first = frames.read(0, with_rgb=False)
    if first.depth_m is not None:
        try:
            protocol.scored(first.depth_m)
        except DataError as error:
            raise DataError(f"frame '{first.sample_id}' of {dataset.spec}: {error}") from None
    return protocol


def fitted_baselines(dataset: Dataset, protocol: Protocol) -> Mapping[str, Baseline]:
    """Fitted on the training split, evenly thinned; none where there is no such split."""
    if "train" not in dataset.splits or not dataset.splits["train"].sample_ids:
        console.print("no baselines: the data set has no split 'train' to fit them on")
        return {}
    train = dataset.split("train")
    indices = evenly(len(train.sample_ids))
    with counting("baselines") as tell:

        def samples() -> Iterator[Sample]:
            for number, index in enumerate(indices):
                yield train.read(index, with_rgb=False)
                tell(number + 1, len(indices))

        return fit_baselines(samples(), protocol=protocol)


# --- the teacher ---------------------------------------------------------------------------------


def teacher_settings(teacher: str) -> TeacherSettings | None:
    """Of KIND[:MODEL[:GEOMETRY]]; None for auto and none."""
    if teacher in ("auto", "none"):
        return None
    from thermodepth.teacher import TEACHERS, TeacherSettings

    kind, _, model = teacher.partition(":")
    if kind not in TEACHERS:
        allowed = ("auto", "none", *TEACHERS)
        raise SettingsError(f"--teacher: {unknown('teacher', kind, allowed)}")
    tree: dict[str, str] = {"kind": kind, "model": model}
    front, _, last = model.rpartition(":")
    if front and last in list(Geometry):
        tree |= {"model": front, "geometry": last}
    if kind == "maps" and "geometry" not in tree:
        raise SettingsError(
            f"--teacher {teacher}: what the maps mean is not in the files; add one of "
            f"{', '.join(Geometry)}, as in maps:FOLDER:affine_inverse"
        )
    return TeacherSettings.parse(tree, where=f"--teacher {teacher}")


def teacher_labels(
    teacher: str,
    named: TeacherSettings | None,
    subjects: Sequence[Subject],
    dataset: Dataset,
    split: str,
) -> tuple[LabelStore | None, str]:
    """The teacher's maps of these frames and a line about them; none where there can be none."""
    if teacher == "none":
        return None, "not asked for"
    ids = dataset.split(split).sample_ids
    if teacher == "auto" and (earlier := _labels_of_before(subjects, dataset, ids)) is not None:
        return earlier
    from thermodepth.teacher import TeacherSettings
    from thermodepth.training.labels import default_label_root, make_labels

    settings = named or next(
        (s.teacher for s in subjects if s.teacher is not None), TeacherSettings()
    )
    try:
        with counting(f"labels by {settings.kind}") as tell:
            store = make_labels(settings, dataset, default_label_root(), split=split, progress=tell)
    except (TeacherError, DataError) as error:
        if teacher != "auto":
            raise
        return None, f"none ({error})"
    return store, f"{settings.kind} {settings.model}".strip()


def _labels_of_before(
    subjects: Sequence[Subject], dataset: Dataset, ids: Sequence[str]
) -> tuple[LabelStore, str] | None:
    """The labels that the stored predictions were scored beside: no teacher is loaded to find them."""
    from thermodepth.teacher import LabelStore

    for subject in subjects:
        folder = "" if subject.store is None else subject.store.about.get("labels", "")
        if folder and Path(folder).is_dir():
            try:
                labels = LabelStore.existing(Path(folder))
            except TeacherError:
                continue
            if labels.data_fingerprint == dataset.fingerprint() and not labels.missing(ids):
                assert subject.store is not None
                return labels, subject.store.about.get("teacher", "as before")
    return None
