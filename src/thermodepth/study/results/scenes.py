"""The frames that figures and page show, with the stored predictions of every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thermodepth.data import Dataset
from thermodepth.data.loader import with_label
from thermodepth.evaluation.store import PredictionStore, StoredPrediction
from thermodepth.study.arm import ArmLabel
from thermodepth.study.cell import PREDICTIONS
from thermodepth.study.design import Cell, Study
from thermodepth.study.folder import StudyFolder
from thermodepth.study.inputs import arm_settings
from thermodepth.study.results.frames import FrameErrors, PickedFrame
from thermodepth.study.run import StudyState
from thermodepth.teacher import LabelStore, open_store
from thermodepth.training.labels import open_for_frames
from thermodepth.types import Sample


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One frame, as data set and stores have it."""

    sample: Sample  # with truth; its label, if any, is the teacher's
    predictions: Mapping[str, StoredPrediction]  # arm -> both maps, of any size
    reason: str  # why the rule chose this frame
    scores: Mapping[str, float]  # arm -> AbsRel of the prediction shown; may be empty


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyScenes:
    """The frames of figures and page, all of one seed."""

    scenes: tuple[Scene, ...]
    arms: tuple[ArmLabel, ...]  # those that have results under this seed
    seed: int


def read_scenes(
    study: Study,
    state: StudyState,
    dataset: Dataset,
    *,
    errors: FrameErrors,
    arms: Sequence[ArmLabel],
    picked: Sequence[PickedFrame],
) -> StudyScenes:
    """The picked frames with the stored predictions of the first seed that most arms have."""
    done = {(cell.arm.name, cell.seed) for cell in state.done}
    seed = max(study.seeds, key=lambda seed: sum((arm.name, seed) in done for arm in arms))
    arms = [arm for arm in arms if (arm.name, seed) in done]
    folder = state.folder
    frames = dataset.split(study.scored_split)
    position = {sample_id: index for index, sample_id in enumerate(frames.sample_ids)}
    stores = {
        arm.name: PredictionStore.open(
            folder.cell(Cell(arm=study.arm(arm.name), seed=seed)) / PREDICTIONS
        )
        for arm in arms
    }
    labels = _labels_of(study, folder, dataset, [position[frame.sample_id] for frame in picked])
    scenes = []
    for frame in picked:
        sample = frames.read(position[frame.sample_id])
        label = None if labels is None else labels.label(frame.sample_id)
        if label is not None and np.isfinite(label).any():  # a rejected frame has none to show
            sample = with_label(sample, label)
        scores = errors.of_frame(frame.sample_id, seed=seed)
        scenes.append(
            Scene(
                sample=sample,
                predictions={name: s.read(frame.sample_id) for name, s in stores.items()},
                reason=frame.reason,
                scores={name: scores[name] for name in stores},
            )
        )
    return StudyScenes(scenes=tuple(scenes), arms=tuple(arms), seed=seed)


def _labels_of(
    study: Study, folder: StudyFolder, dataset: Dataset, positions: Sequence[int]
) -> LabelStore | None:
    """The reference's teacher's maps of these frames: for the eye only, no arm ever saw them."""
    frames = dataset.split(study.scored_split)
    samples = [frames.read(position) for position in positions]
    if any(sample.rgb is None for sample in samples):
        return None
    teacher = open_for_frames(arm_settings(study, study.arm(study.reference)).teacher, frames)
    store = open_store(folder.labels, teacher, dataset.fingerprint())
    store.fill(teacher, samples)
    return store
