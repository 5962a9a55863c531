"""Teacher labels for a training: made once, kept on disk, then read by sample id."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from thermodepth.data.frames import Dataset, Frames
from thermodepth.data.loader import LabelOf
from thermodepth.errors import TeacherError
from thermodepth.model import load_model
from thermodepth.teacher import (
    TEACHERS,
    LabelStore,
    RefittedTeacher,
    Teacher,
    TeacherSettings,
    TransferringTeacher,
    TransferSettings,
    open_store,
    open_teacher,
)
from thermodepth.teacher.interface import ChecksFrames
from thermodepth.teacher.rgb_small import TrainedNetwork
from thermodepth.teacher.sight import blindness
from thermodepth.teacher.transfer import as_rgb_sees

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CACHE = "THERMODEPTH_CACHE"


def default_label_root() -> Path:
    """Where labels live unless said otherwise: shared by all runs, because they are keyed."""
    folder = os.environ.get(CACHE)
    cache = Path(folder) if folder else Path.home() / ".cache" / "thermodepth"
    return cache / "labels"


def make_labels(
    settings: TeacherSettings,
    dataset: Dataset,
    root: Path,
    *,
    split: str = "train",
    progress: Callable[[int, int], None] | None = None,
    verify: bool = False,
    before: Callable[[LabelStore], None] | None = None,
) -> LabelStore:
    """Label what has no label yet; running it again goes on where it was cut off.

    Args:
        settings: which teacher.
        dataset: whose frames.
        root: folder of all label stores.
        split: which frames.
        progress: called with (labelled now, all of the split).
        verify: read what is there first; damaged labels are made again, with a warning for each.
        before: called with the store before any label is made, to refuse what hours of labelling are not
            to precede.

    Raises:
        TeacherError: when the teacher cannot be opened, a frame lacks what it reads, or no frame gets
            a label.
    """
    frames = dataset.split(split)
    teacher = open_for_frames(settings, frames)
    store = open_store(root, teacher, dataset.fingerprint())
    if before is not None:
        before(store)
    if verify:
        for problem in store.drop_damaged(frames.sample_ids):
            warnings.warn(f"{problem}; this label is made again", stacklevel=2)
    missing = set(store.missing(frames.sample_ids))
    network = teacher.teacher if isinstance(teacher, TransferringTeacher) else teacher
    if missing and isinstance(network, ChecksFrames):
        network.check_frames([name for name in frames.sample_ids if name in missing])
    if missing and TEACHERS[settings.kind].looks:
        _tell_of_blindness(teacher, frames, missing)
    total = len(frames.sample_ids)
    if missing:
        done_before = total - len(missing)
        store.fill(
            teacher,
            (frames.read(i) for i, name in enumerate(frames.sample_ids) if name in missing),
            batch_size=settings.runtime.batch_size,
            progress=None if progress is None else lambda n: progress(done_before + n, total),
        )
    _tell_of_rejected(store, frames.sample_ids, dataset.spec)
    return store


def _tell_of_blindness(teacher: Teacher, frames: Frames, missing: Set[str]) -> None:
    first = next(i for i, name in enumerate(frames.sample_ids) if name in missing)
    sample = frames.read(first)
    if isinstance(teacher, TransferringTeacher):
        teacher, sample = teacher.teacher, as_rgb_sees(sample)
    if sample.rgb is not None and (problem := blindness(teacher, sample)):
        warnings.warn(problem, stacklevel=3)


def _tell_of_rejected(store: LabelStore, ids: Sequence[str], spec: str) -> None:
    rejected = store.rejected(ids)
    lost = sum(rejected.values())
    if lost * 2 <= len(ids):
        return
    reasons = "; ".join(f"{frames} {reason}" for reason, frames in rejected.most_common(3))
    message = (
        f"{spec}: {len(ids) - lost} of {len(ids)} frames have a structure label, the others were rejected "
        f"({reasons}). `thermodepth label --qa DIR` draws them, teacher.transfer.quality.* sets the limits"
    )
    if lost == len(ids):
        raise TeacherError(message)
    warnings.warn(message, stacklevel=3)


def open_for_frames(settings: TeacherSettings, frames: Frames) -> Teacher:
    """The teacher that labels these frames: one that moves its maps, where RGB has a view of its own.

    Raises:
        TeacherError: when it cannot be opened.
        DataError: when the first frame cannot be read.
    """
    teacher = open_built_in(settings)
    if settings.field_of_view_deg is not None:
        teacher = RefittedTeacher(teacher, settings.field_of_view_deg)
    apart = TEACHERS[settings.kind].reads_rgb and frames.read(0).rgb_view is not None
    if apart:
        return TransferringTeacher(teacher, settings.transfer)
    if settings.transfer != TransferSettings():
        warnings.warn(
            f"teacher '{settings.kind}': teacher.transfer has no effect, no map is moved here",
            stacklevel=2,
        )
    return teacher


def open_built_in(settings: TeacherSettings) -> Teacher:
    """`open_teacher`, knowing how the networks of this package are loaded."""
    return open_teacher(settings, network_loader=_structure_of)


def _structure_of(folder: Path) -> TrainedNetwork:
    """The structural head of one of our own RGB models."""
    import torch

    model = load_model(folder)
    if model.recipe.modality != "rgb":
        raise TeacherError(f"{folder}: a thermal model; a teacher reads RGB")

    class Structure(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = model.network

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            # The lens enters the metres alone, which no teacher is asked for, so any will do.
            any_lens = torch.ones(len(image), device=image.device)
            structure: torch.Tensor = self.network(image, any_lens).structure
            return structure

    return TrainedNetwork(Structure(), model.recipe.trained_short_sides[1])


def label_reader(store: LabelStore, *, budget_bytes: int) -> LabelOf:
    """Reads labels by sample id and keeps them in memory until a budget is used up."""
    return _LabelReader(store, budget_bytes)


class _LabelReader:
    """A class and not a closure, because it is sent to the processes that prepare batches."""

    def __init__(self, store: LabelStore, budget_bytes: int) -> None:
        self._store = store
        self._left = budget_bytes
        self._cached: dict[str, NDArray[np.float32]] = {}

    def __call__(self, sample_id: str) -> NDArray[np.float32]:
        if sample_id in self._cached:
            return self._cached[sample_id]
        label = self._store.label(sample_id)
        if label.nbytes <= self._left:
            self._left -= label.nbytes
            self._cached[sample_id] = label
        return label


def label_source(store: LabelStore) -> str:
    """What a run's identity says of its labels."""
    return f"{store.teacher_fingerprint}/{store.geometry}"
