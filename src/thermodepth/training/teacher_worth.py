"""What a teacher's labels are worth beside maps that look at no picture, before a network learns from them.

A row ramp has a correlation of .94 with the inverse depth of real table tops, and the mean map of a camera
that does not move is better still. A teacher that is further from the truth than they are teaches a layout,
and less of it than could be had for nothing. All are compared in one way: on the pixels that have a label
and truth, after the best factor and offset of each frame in 1/depth (`teacher.agreement`).

Half of the frames fit the blind maps, the other half is what all are asked about, so that no map has met the
truth that it is held against.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

import numpy as np

from thermodepth.checksums import read_record, write_record
from thermodepth.config import Settings
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.scoring.baselines import Baseline, evenly, fit_blind
from thermodepth.evaluation.scoring.training_frames import NoTruthError
from thermodepth.teacher import agreement
from thermodepth.training.labels import label_source
from thermodepth.training.unread import unread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from thermodepth.data.frames import Dataset
    from thermodepth.teacher import LabelStore
    from thermodepth.training.settings import TrainingSettings
    from thermodepth.types import Sample

FILE = "teacher.json"  # in a run's folder
TEACHER = "teacher"
_FRAMES = 200  # that are read at most: half to fit, half to compare
_DENSE = 0.5  # share of pixels with truth from which the truth itself can teach structure


class Labelled(Protocol):
    """What gives a label by the sample's id."""

    def label(self, sample_id: str) -> NDArray[np.float32]: ...


class TeacherWorth(Settings):
    """The AbsRel of a teacher and of the blind maps over the same pixels, means over frames."""

    kind: str  # of the teacher, with its model where it has one
    labels: str  # as `label_source`
    data: str  # fingerprint of the data set
    frames: int
    truth_share: float  # of the pixels of these frames
    abs_rel: dict[str, float]  # `teacher`, then each blind map

    @property
    def warning(self) -> str:
        """A sentence where a blind map is better than the teacher; else empty."""
        own = self.abs_rel[TEACHER]
        blind = {name: value for name, value in self.abs_rel.items() if name != TEACHER}
        best = min(blind, key=lambda name: blind[name])
        if own <= blind[best]:
            return ""
        others = "".join(f", {n} {v:.4f}" for n, v in blind.items() if n != best)
        return (
            f"teacher '{self.kind}' is worse than a map that looks at no picture: AbsRel {own:.4f} against "
            f"{blind[best]:.4f} of the {best}{others} (on {self.frames} frames with truth, after the best "
            f"factor and offset in 1/depth of each). {self._remedy}"
        )

    @property
    def _remedy(self) -> str:
        share = f"{self.truth_share:.2%}" if self.truth_share < 0.01 else f"{self.truth_share:.0%}"
        if self.truth_share >= _DENSE:
            return f"Truth is dense ({share} of the pixels): set teacher.kind=truth, or take another teacher"
        return (
            "Take another teacher (docs/teachers.md); teacher.kind=truth is for dense truth, and this covers "
            f"{share} of the pixels"
        )

    def is_of(self, labels: LabelStore, dataset: Dataset) -> bool:
        """Whether it was these labels and frames that were compared."""
        return (self.labels, self.data) == (label_source(labels), dataset.fingerprint())


def teacher_worth(
    settings: TrainingSettings, dataset: Dataset, labels: LabelStore
) -> TeacherWorth | None:
    """Compare the labels that a training is to use with the truth of its frames.

    Args:
        settings: of the training.
        dataset: that it trains on.
        labels: made for its frames.

    Returns:
        None where there is nothing to compare: the teacher is the truth, no loss term reads a label, or no
        two frames have truth, one of them with a label.

    Raises:
        DataError: for a frame or label that cannot be read.
    """
    if settings.teacher.kind == "truth" or "teacher" in unread(settings):
        return None
    frames, protocol = dataset.split(settings.data.split), named_protocol(dataset.protocol)
    indices = evenly(len(frames.sample_ids), _FRAMES)
    try:
        blind = fit_blind(
            (frames.read(index, with_rgb=False) for index in indices[::2]), protocol=protocol
        )
    except NoTruthError:
        return None
    samples = (frames.read(index, with_rgb=False) for index in indices[1::2])
    values: dict[str, list[float]] = {}
    shares: list[float] = []
    for sample, maps in maps_beside_truth(labels, samples, blind):
        assert sample.depth_m is not None
        shares.append(float(np.mean(np.isfinite(sample.depth_m) & (sample.depth_m > 0))))
        for name, inverse in maps.items():
            values.setdefault(name, []).append(agreement(inverse, sample.depth_m).abs_rel)
    if not shares:
        return None
    return TeacherWorth(
        kind=f"{settings.teacher.kind} {settings.teacher.model}".strip(),
        labels=label_source(labels),
        data=dataset.fingerprint(),
        frames=len(shares),
        truth_share=fmean(shares),
        abs_rel={name: fmean(errors) for name, errors in values.items()},
    )


def maps_beside_truth(
    labels: Labelled, samples: Iterable[Sample], guessers: Mapping[str, Baseline]
) -> Iterator[tuple[Sample, dict[str, NDArray[np.float64]]]]:
    """Frames in which label and truth meet, each with inverse depth `[h w]` of teacher and guessers.

    All maps of a frame are NaN on the same pixels: where there is no label.
    """
    for sample in samples:
        if sample.depth_m is None:
            continue
        label = labels.label(sample.sample_id)
        labelled = np.isfinite(label)
        with np.errstate(invalid="ignore"):
            comparable = labelled & np.isfinite(sample.depth_m) & (sample.depth_m > 0)
        if not comparable.any():
            continue
        maps = {TEACHER: np.asarray(label, dtype=np.float64)}
        for name, guesser in guessers.items():
            maps[name] = np.where(labelled, 1.0 / guesser.predict(sample), np.nan)
        yield sample, maps


def warn_of_worth(worth: TeacherWorth | None) -> None:
    """Say it where a blind map is better."""
    if worth is not None and worth.warning:
        warnings.warn(worth.warning, stacklevel=2)


def write_worth(worth: TeacherWorth | None, out: Path) -> None:
    """Keep it in a run's folder, with its sentence; nothing where nothing was compared."""
    if worth is not None:
        write_record(out / FILE, {**worth.tree(), "warning": worth.warning})


def read_worth(out: Path) -> TeacherWorth | None:
    """What was kept there; None where nothing is, or it is damaged: it is then compared again."""
    try:
        tree = read_record(out / FILE)
        tree.pop("warning", None)
        return TeacherWorth.parse(tree)
    except (DataError, SettingsError):
        return None
