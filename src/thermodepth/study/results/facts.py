"""What a finished study was: its data, how each arm was trained, what became of every cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from thermodepth.data import Dataset, open_dataset
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.model import load_model
from thermodepth.study.cell import study_protocol
from thermodepth.study.design import Study
from thermodepth.study.inputs import arm_settings
from thermodepth.study.pairing import alike_words
from thermodepth.study.results.cells import CellRecord, cell_records
from thermodepth.study.results.published import PublishedStudy, published_study
from thermodepth.study.run import StudyState
from thermodepth.study.teachers import teacher_notes
from thermodepth.training.labels import open_for_frames
from thermodepth.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """The data set that all arms are scored on."""

    name: str
    note: str
    licence: str
    fingerprint: str
    splits: Mapping[str, int]  # frames in each
    training_size: tuple[int, int]  # rows, columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTraining:
    """What one arm was trained on."""

    settings: TrainingSettings
    frames: int  # in its training split
    elsewhere: str  # the note of its data set, where that is not the one it is scored on
    size: tuple[int, int]  # rows, columns of the network's input
    teacher: str  # in words


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """All of a study but its numbers."""

    study: Study
    identity: str
    data: DataFacts
    protocol: Protocol  # that it is scored under
    trainings: Mapping[str, ArmTraining]  # by arm
    teacher: str  # of the study's own settings, in words
    parameters: int  # of the reference's network
    cells: tuple[CellRecord, ...]  # those with results first
    missing: tuple[str, ...]  # a line for each cell without results
    notes: tuple[str, ...]  # arms that ended alike, teachers that a blind map beats
    published: PublishedStudy | None = None  # a longer one of the same name on the same frames

    @property
    def finished(self) -> tuple[CellRecord, ...]:
        """The cells with results."""
        return tuple(cell for cell in self.cells if cell.state == "done")

    @property
    def seconds(self) -> float:
        """Of training, all finished cells together."""
        return sum(cell.seconds or 0.0 for cell in self.finished)


def read_facts(study: Study, state: StudyState, dataset: Dataset) -> StudyFacts:
    """Read what the folder and the data set say of the study.

    Raises:
        StudyError, DataError: when a finished cell's files are missing or damaged.
    """
    folder = state.folder
    reference = next((c for c in state.done if c.arm.name == study.reference), state.done[0])
    network = load_model(folder.cell(reference) / "model").network
    train = dataset.split(study.settings.data.split)
    protocol = study_protocol(dataset, study.scored_split)
    return StudyFacts(
        study=study,
        identity=study.identity(dataset.fingerprint()),
        data=DataFacts(
            name=dataset.name,
            note=dataset.note,
            licence=dataset.licence,
            fingerprint=dataset.fingerprint(),
            splits={name: len(frames.sample_ids) for name, frames in dataset.splits.items()},
            training_size=dataset.training_size,
        ),
        protocol=protocol,
        trainings={
            arm.name: _training(arm_settings(study, arm), study, dataset) for arm in study.arms
        },
        teacher=open_for_frames(study.settings.teacher, train).description,
        # A loaded model is frozen: all of it counts.
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        cells=cell_records(state),
        missing=tuple(state.missing_lines()),
        notes=(*alike_words(study, state.done, folder), *teacher_notes(study, folder)),
        published=published_study(study, protocol.protocol_id()),
    )


def _training(settings: TrainingSettings, study: Study, scored: Dataset) -> ArmTraining:
    elsewhere = settings.data.source != study.settings.data.source
    dataset = open_dataset(settings.data.source) if elsewhere else scored
    train = dataset.split(settings.data.split)
    return ArmTraining(
        settings=settings,
        frames=len(train.sample_ids),
        elsewhere=dataset.note if elsewhere else "",
        size=settings.data.size or dataset.training_size,
        teacher=open_for_frames(settings.teacher, train).description,
    )
