"""What the teachers of a study are worth beside blind maps: compared before any cell uses their labels."""

from __future__ import annotations

from collections.abc import Mapping

from thermodepth.checksums import read_record, write_record
from thermodepth.errors import DataError, SettingsError
from thermodepth.study.design import Arm, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.inputs import CellInputs, arm_settings, label_key
from thermodepth.training.teacher_worth import TeacherWorth, teacher_worth, warn_of_worth


def note_teachers(study: Study, inputs: Mapping[str, CellInputs], folder: StudyFolder) -> None:
    """Hold the labels of every teacher against the truth; one that a blind map beats is warned of, once.

    Raises:
        DataError: for a frame or label that cannot be read.
    """
    before = _worths(folder)
    worths: dict[str, TeacherWorth] = {}
    for key, arms in _arms_by_labels(study).items():
        own = inputs[arms[0].name]
        worth = before.get(key)
        if worth is None or not worth.is_of(own.labels, own.dataset):
            # Of the arms that share labels one may read them and another not.
            each = (teacher_worth(arm_settings(study, a), own.dataset, own.labels) for a in arms)
            worth = next((w for w in each if w is not None), None)
        if worth is not None:
            worths[key] = worth
            warn_of_worth(worth)
    if worths:
        all_worths = {**before, **worths}
        write_record(folder.teachers, {key: worth.tree() for key, worth in all_worths.items()})


def teacher_notes(study: Study, folder: StudyFolder) -> list[str]:
    """A sentence for each teacher of the study that a blind map beats."""
    worths, by_labels = _worths(folder), _arms_by_labels(study)
    notes = []
    for key, arms in by_labels.items():
        worth = worths.get(key)
        if worth is None or not worth.warning:
            continue
        titles = "" if len(by_labels) == 1 else f"{', '.join(arm.title for arm in arms)}: "
        notes.append(f"{titles}The {worth.warning}.")
    return notes


def _arms_by_labels(study: Study) -> dict[str, list[Arm]]:
    """Arms that are taught by the same labels, by `label_key`."""
    together: dict[str, list[Arm]] = {}
    for arm in study.arms:
        together.setdefault(label_key(arm_settings(study, arm)), []).append(arm)
    return together


def _worths(folder: StudyFolder) -> dict[str, TeacherWorth]:
    """What is kept; what cannot be read is compared again."""
    try:
        record = read_record(folder.teachers)
        return {key: TeacherWorth.parse(tree) for key, tree in record.items()}
    except (DataError, SettingsError):
        return {}
