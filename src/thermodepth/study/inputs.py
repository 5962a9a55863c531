"""What cells are trained on: data and labels opened from each cell's own settings, and from nowhere else.

What all arms share is what they are scored on: one split of the study's own data set, which
`settings.data.source` of the study names; the test frames, but where weights are searched. An arm that
edits `data.source` trains on other frames and is scored on these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermodepth.config import identity
from thermodepth.data import Dataset, Frames, open_dataset
from thermodepth.data.registry import absolute_spec
from thermodepth.errors import SettingsError, StudyError, UserError
from thermodepth.model import ModelSettings
from thermodepth.study.arm_edits import refuse_unread
from thermodepth.study.design import TEST_SPLIT, Arm, Study
from thermodepth.teacher import LabelStore
from thermodepth.thermal import check_compatible
from thermodepth.training.labels import make_labels, open_for_frames
from thermodepth.training.loop import check_device
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.train_state import check_first_weights, check_watched
from thermodepth.training.unread import unread_with

_COMPARED = 4  # frames of equal name that are looked at, where two data sets may hold the same


@dataclass(frozen=True, slots=True, kw_only=True)
class CellInputs:
    """What an arm's cells are trained on."""

    dataset: Dataset
    labels: LabelStore


TellLabels = Callable[[int, int], None]


def label_key(settings: TrainingSettings) -> str:
    """Twelve digits that change when, and only when, other labels may be asked for."""
    parts = {
        "teacher": identity(settings.teacher),
        "source": settings.data.source,
        "split": settings.data.split,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def arm_settings(study: Study, arm: Arm) -> TrainingSettings:
    """Of any seed: what the arm's cells are trained by."""
    return study.settings.edit(arm.edits)


def check_starts(study: Study) -> None:
    """Whether every arm can begin on this machine: its device, precision and first weights.

    Raises:
        SettingsError, WeightsError: naming the arm, as `check_device` and `check_first_weights`.
    """
    started: list[ModelSettings] = []  # whose first weights could be had
    for arm in study.arms:
        settings = arm_settings(study, arm)
        try:
            check_device(settings.runtime, settings.precision)
            if settings.model not in started:
                check_first_weights(settings)
                started.append(settings.model)
        except UserError as error:
            raise type(error)(f"study {study.name}: arm '{arm.name}': {error}") from None


def open_datasets(study: Study, scored: Dataset) -> dict[str, Dataset]:
    """The data set of every `data.source` that arms train on, each opened once, and every arm tried on its.

    Args:
        study: settings resolved against `scored`.
        scored: the study's own data set.

    Raises:
        StudyError: when `scored` is not what the study's settings name.
        SettingsError, DataError: naming the arm, for what cannot be trained, scored or watched: before labels
            are made.
    """
    if absolute_spec(scored.spec) != absolute_spec(study.settings.data.source):
        raise StudyError(
            f"study {study.name}: is to be scored on {scored.spec}, and its settings say data.source = "
            f"{study.settings.data.source}"
        )
    datasets = {study.settings.data.source: scored}
    _refuse_test_frames(scored, study.scored_split)
    held_out_splits = [study.scored_split]
    if study.scored_split != TEST_SPLIT and _holds(scored, TEST_SPLIT):
        held_out_splits.append(TEST_SPLIT)
    free: set[tuple[str, str]] = set()  # (source, split) without a frame that is held out
    watchable: set[tuple[str, str]] = set()  # (source, normaliser) that the frames to watch fit
    for arm in study.arms:
        where = f"study {study.name}: arm '{arm.name}'"
        settings = arm_settings(study, arm)
        source, split = settings.data.source, settings.data.split
        try:
            if source not in datasets:
                datasets[source] = open_dataset(source)
            resolved = settings.resolved(datasets[source])
            watcher = (source, json.dumps(identity(settings.data.normaliser), sort_keys=True))
            if watcher not in watchable:  # what is watched, and in which modality, all arms share
                check_watched(resolved, datasets[source])
                watchable.add(watcher)
            if (source, split) not in free:
                for held_out in held_out_splits:
                    _refuse_held_out_frames(datasets[source], split, scored, held_out)
                free.add((source, split))
            _check_units(settings, datasets[source], scored.split(study.scored_split), scored)
        except UserError as error:
            raise type(error)(f"{where}: {error}") from None
    return datasets


def make_all_labels(
    study: Study, datasets: Mapping[str, Dataset], root: Path, *, progress: TellLabels
) -> dict[str, CellInputs]:
    """The inputs of every arm by its name; arms that ask for the same labels share a store.

    Raises:
        SettingsError: naming the arm, for an edit that has no effect on its data.
        TeacherError, DataError: as `make_labels`.
    """
    inputs: dict[str, CellInputs] = {}
    stores: dict[str, LabelStore] = {}
    for arm in study.arms:
        settings = arm_settings(study, arm)
        dataset, key = datasets[settings.data.source], label_key(settings)
        where = f"study {study.name}: arm '{arm.name}'"
        teacher = open_for_frames(settings.teacher, dataset.split(settings.data.split))
        refuse_unread(study.settings, arm.edits, unread_with(settings, dataset, teacher), where)
        if key not in stores:
            stores[key] = make_labels(
                settings.teacher,
                dataset,
                root,
                split=settings.data.split,
                progress=progress,
            )
        inputs[arm.name] = CellInputs(dataset=dataset, labels=stores[key])
    return inputs


def check_labels(settings: TrainingSettings, dataset: Dataset, labels: LabelStore) -> None:
    """Whether these labels are of the frames that the settings train on.

    Raises:
        StudyError: naming the store.
    """
    if labels.data_fingerprint != dataset.fingerprint():
        raise StudyError(
            f"{labels.folder}: holds labels of other frames than data.source = {settings.data.source} has "
            "now; the study's own command makes them again"
        )


def _refuse_test_frames(scored: Dataset, split: str) -> None:
    """What weights are chosen on may not be what the chosen ones are tested on."""
    if split == TEST_SPLIT or not _holds(scored, TEST_SPLIT):
        return
    test = set(scored.split(TEST_SPLIT).sample_ids)
    both = [name for name in scored.split(split).sample_ids if name in test]
    if both:
        raise SettingsError(
            f"{scored.spec}: {len(both)} frames of the split '{split}' are test frames as well (first "
            f"'{both[0]}'), so weights that are chosen on it are chosen on what they will be tested on"
        )


def _refuse_held_out_frames(dataset: Dataset, split: str, scored: Dataset, held_out: str) -> None:
    """No frame of a split that is scored, now or later, may be trained on, whatever the data set's name."""
    reserved, train = scored.split(held_out), dataset.split(split)
    place = {name: number for number, name in enumerate(reserved.sample_ids)}
    both = [(n, place[name]) for n, name in enumerate(train.sample_ids) if name in place]
    if not both:
        return
    if dataset is not scored:  # names such as 000001 are no proof
        some = [both[number * len(both) // _COMPARED] for number in range(_COMPARED)]
        same = [
            np.array_equal(
                train.read(in_train, with_rgb=False).thermal,
                reserved.read(in_reserved, with_rgb=False).thermal,
            )
            for in_train, in_reserved in dict.fromkeys(some)
        ]
        if not any(same):
            return
    frames = "test frames" if held_out == TEST_SPLIT else f"frames of the split '{held_out}'"
    raise SettingsError(
        f"data.source = {dataset.spec}, data.split = {split}: {len(both)} of its frames are {frames} of "
        f"{scored.spec}, which every arm is scored on (first '{train.sample_ids[both[0][0]]}')"
    )


def _check_units(
    settings: TrainingSettings, dataset: Dataset, scored_frames: Frames, scored: Dataset
) -> None:
    """Whether what is trained on the one can read the frames of the other."""
    if dataset is scored:
        return
    trained_unit = dataset.split(settings.data.split).read(0, with_rgb=False).thermal_unit
    scored_unit = scored_frames.read(0, with_rgb=False).thermal_unit
    check_compatible(settings.data.normaliser, scored_unit, trained_on=trained_unit)


def _holds(dataset: Dataset, split: str) -> bool:
    return split in dataset.splits and bool(dataset.splits[split].sample_ids)
