"""Batches as a function of the step: nothing to save, nothing to restore.

Position k of the stream is always the same sample with the same augmentation and the same sensor noise,
whatever came before it: shuffling derives from (seed, epoch), everything else from (seed, position). So
resuming is asking for the next position, arms of a study see the very same batches, and worker
processes cannot change a result.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from thermodepth.config import Settings
from thermodepth.data.frames import Dataset, Frames, SomeFrames
from thermodepth.data.transform import AugmentationSettings, augment
from thermodepth.data.truth import (
    TruthSettings,
    check_conditions,
    check_some_truth,
    frames_with_truth,
    limited,
)
from thermodepth.errors import DataError, SettingsError, UserError
from thermodepth.extensions import Carrier
from thermodepth.thermal import NORMALISERS, NormaliserSettings, normalise
from thermodepth.types import Batch, Geometry, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

LabelOf = Callable[[str], "NDArray[np.float32]"]

_SHUFFLE, _AUGMENT, _SIZE, _CHOICE = 1, 2, 3, 4  # streams of random numbers, kept apart
_SIZE_MULTIPLE = 32
_FRESH = 1 << 20  # sensor-noise realisations of training never meet the standing one, 0


class DataSettings(Settings):
    """What a training reads and how it is varied."""

    later: ClassVar[frozenset[str]] = frozenset({"most_frames", "truth"})

    source: str = "synthetic"  # a row of DATASETS, optionally `:PATH`
    split: str = "train"
    #: Of the split so many frames, drawn by the seed, the fewer among the more; None for all.
    most_frames: int | None = Field(None, ge=1)
    #: `rgb` trains an RGB network, which is how the built-in teacher is made; thermal is the product.
    modality: Literal["thermal", "rgb"] = "thermal"
    size: tuple[int, int] | None = None  # (rows, columns); None takes the data set's own suggestion
    batch_size: int = Field(16, ge=1, le=4096)
    augmentation: AugmentationSettings = AugmentationSettings()
    normaliser: NormaliserSettings = NormaliserSettings()
    #: Truth outside this range, as the network sees it (after any zoom), is not trained on; None takes the
    #: data set's range.
    min_truth_m: float | None = Field(None, gt=0)
    max_truth_m: float | None = Field(None, gt=0)
    #: What a sensor would have given of the truth of these frames.
    truth: TruthSettings = TruthSettings()

    @model_validator(mode="after")
    def _truth_can_exist(self) -> Self:
        near, far = self.min_truth_m, self.max_truth_m
        if near is not None and far is not None and near >= far:
            raise ValueError(f"min_truth_m {near:g} must be below max_truth_m {far:g}")
        reach = self.truth.max_m
        if near is not None and reach is not None and near >= reach:
            raise ValueError(f"min_truth_m {near:g} must be below truth.max_m {reach:g}")
        return self

    @model_validator(mode="after")
    def _drift_survives(self) -> Self:
        recipe = self.normaliser.name
        for part in ("gain", "offset"):
            if getattr(self.augmentation, part) and not NORMALISERS[recipe].keeps_level:
                warnings.warn(
                    f"data.augmentation.{part} has no effect: the '{recipe}' normaliser undoes it",
                    stacklevel=2,
                )
        return self


def trained_frames(dataset: Dataset, settings: DataSettings, *, seed: int) -> Frames:
    """The frames that a training reads: of its split all, or those that its seed draws.

    Raises:
        DataError: for a split that is not there, or is empty.
    """
    frames, limit = dataset.split(settings.split), settings.most_frames
    if limit is None or limit >= len(frames.sample_ids):
        return frames
    count = len(frames.sample_ids)
    order = np.random.default_rng([seed, _CHOICE]).permutation(count)
    return SomeFrames(frames, sorted(int(index) for index in order[:limit]))


def check_truth(dataset: Dataset, settings: DataSettings, *, seed: int) -> None:
    """Whether the frames of a training have what `data.truth` leaves of their truth.

    Args:
        dataset: that is trained on.
        settings: with their size.
        seed: of the training.

    Raises:
        SettingsError: for a condition that the frames do not have, or where no truth is left.
        DataError: for a frame that cannot be read.
    """
    assert settings.size is not None, "resolve the size first"
    check_conditions(dataset, settings.split, settings.truth)
    frames = trained_frames(dataset, settings, seed=seed)
    check_some_truth(frames, settings.truth, size=settings.size, seed=seed)


class BatchStream:
    """The endless, seeded stream of training batches of one process."""

    def __init__(
        self,
        frames: Frames,
        settings: DataSettings,
        *,
        size: tuple[int, int],
        seed: int,
        label_of: LabelOf | None,
        knows_lens: bool = False,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        """
        Args:
            frames: the training split.
            settings: how frames are varied and normalised.
            size: (rows, columns) of a batch.
            seed: of shuffling, augmentation and sensor noise.
            label_of: the teacher's map of a sample id, as affine-invariant inverse depth at the
                frame's native size; None trains without structure labels.
            knows_lens: the network is told each image's focal length, which every frame must give then.
            rank: this process among `processes`, which share every batch.

        Raises:
            SettingsError: when the batch cannot be shared evenly, which would weigh images unequally.
        """
        if settings.batch_size % processes:
            raise SettingsError(
                f"data.batch_size={settings.batch_size}: not a multiple of the {processes} processes "
                "that share it"
            )
        if not frames.sample_ids:
            raise DataError("the training split holds no frames")
        self._frames = frames
        self._settings = settings
        self._size = size
        self._seed = seed
        self._label_of = label_of
        self._knows_lens = knows_lens
        self._rank, self._processes = rank, processes
        self._with_truth = frames_with_truth(frames, settings.truth, seed=seed)

    def batch(self, step: int) -> Batch:
        """The batch of an optimiser step, `batch_size` samples over all processes together."""
        return collate([self.sample(position) for position in self.positions(step)], self._settings)

    def positions(self, step: int) -> range:
        """The positions of the stream that this process reads in a step."""
        size = self._settings.batch_size
        return range(step * size + self._rank, (step + 1) * size, self._processes)

    def sample(self, position: int) -> Sample:
        """The varied sample at a position of the stream."""
        index = self._frame_at(position)
        rng = np.random.default_rng([self._seed, _AUGMENT, position])
        wants_rgb = self._settings.modality == "rgb"
        sample = self._frames.read(index, draw=_FRESH + position, with_rgb=wants_rgb)
        if self._knows_lens:
            require_lens(sample)
        sample = limited(
            sample,
            self._settings.truth,
            size=self._size,
            seed=self._seed,
            with_truth=self._with_truth,
        )
        if self._label_of is not None:
            sample = with_label(sample, self._label_of(sample.sample_id))
        recipe, size = self._settings.augmentation, self.size_at(position)
        return augment(sample, recipe, size, rng, knows_lens=self._knows_lens)

    def size_at(self, position: int) -> tuple[int, int]:
        """(rows, columns) of the batch that a position belongs to."""
        recipe = self._settings.augmentation
        if recipe.size_least == recipe.size_most:
            return self._size
        step = position // self._settings.batch_size
        rng = np.random.default_rng([self._seed, _SIZE, step])
        # As likely between half and whole as between whole and double.
        share = math.exp(rng.uniform(math.log(recipe.size_least), math.log(recipe.size_most)))
        return scaled_size(self._size, share)

    def digest(self, steps: int) -> str:
        """A value for which sample stands where in the first steps: equal for paired arms."""
        ids = self._frames.sample_ids
        digest = hashlib.sha256(f"{self._seed} {self._size} {steps}".encode())
        for position in range(steps * self._settings.batch_size):
            digest.update(ids[self._frame_at(position)].encode())
        return digest.hexdigest()[:16]

    def _frame_at(self, position: int) -> int:
        epoch, index = divmod(position, len(self._frames.sample_ids))
        return int(_shuffled(self._seed, epoch, len(self._frames.sample_ids))[index])


def scaled_size(size: tuple[int, int], share: float) -> tuple[int, int]:
    """(rows, columns) of this share of a size, in multiples of 32, the stride of most encoders."""
    rows, columns = (max(round(side * share / _SIZE_MULTIPLE), 1) * _SIZE_MULTIPLE for side in size)
    return rows, columns


@lru_cache(maxsize=8)
def _shuffled(seed: int, epoch: int, count: int) -> NDArray[np.intp]:
    return np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(count)


class _Steps(torch.utils.data.Dataset[Batch | UserError]):
    """The stream as a map from step to batch, which is what torch's workers fetch."""

    def __init__(self, stream: BatchStream) -> None:
        self._stream = stream

    def __reduce__(self) -> tuple[Any, ...]:  # for a worker
        return _Steps, (Carrier(self._stream),)

    def __getitem__(self, step: int) -> Batch | UserError:
        try:
            return self._stream.batch(step)
        except UserError as error:  # as a value: torch would bury its one line under a traceback
            return error


def batches(stream: BatchStream, steps: range, *, workers: int) -> Iterator[Batch]:
    """The batches of these steps in order, prepared ahead by worker processes if there are any."""
    if workers == 0:
        for step in steps:
            yield stream.batch(step)
        return
    loader = torch.utils.data.DataLoader(
        _Steps(stream),  # which travels with the extensions that its frames may be of
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        multiprocessing_context="spawn",
        worker_init_fn=_one_thread,
        generator=torch.Generator(),  # else it draws from the one that the training draws from
    )
    for batch in loader:
        if isinstance(batch, UserError):
            raise batch
        yield batch


def _one_thread(worker: int) -> None:
    del worker
    torch.set_num_threads(1)


def with_label(sample: Sample, label: NDArray[np.float32]) -> Sample:
    """The sample with the teacher's map of it."""
    if label.shape != sample.size:
        raise DataError(
            f"{sample.sample_id}: its label is {label.shape[1]}x{label.shape[0]}, the frame "
            f"{sample.size[1]}x{sample.size[0]}; delete the label folder, labels are made again"
        )
    return replace(sample, label=label, label_geometry=Geometry.AFFINE_INVERSE)


def require_lens(sample: Sample) -> None:
    """
    Raises:
        DataError: for a frame whose focal length is not known.
    """
    if not sample.focal_px > 0:
        raise DataError(
            f"{sample.sample_id}: its lens is not known, and with model.focal_px metres are trained by the "
            "focal length. Give intrinsics, calibration, focal_px or field_of_view_deg in the description of "
            "the data (folder:FILE.yaml), or set model.focal_px=null"
        )


def collate(samples: Sequence[Sample], settings: DataSettings) -> Batch:
    """Samples of one size as tensors; NaN becomes 0 under a False mask."""
    depth = [_or_nan(s.depth_m, s) for s in samples]
    label = [_or_nan(s.label, s) for s in samples]
    depth_m, depth_valid = _masked(np.stack(depth))
    assert settings.min_truth_m is not None
    assert settings.max_truth_m is not None
    depth_valid &= (depth_m > settings.min_truth_m) & (depth_m < settings.max_truth_m)
    label_map, label_valid = _masked(np.stack(label))
    sky = np.stack([np.zeros(s.size, np.bool_) if s.sky is None else s.sky for s in samples])
    # Where a distance was measured there is no sky, whoever else knows about it.
    sky_valid = np.array([s.sky is not None for s in samples])[:, None, None] | depth_valid
    image = np.stack([network_input(s, settings.modality, settings.normaliser) for s in samples])
    return Batch(
        image=torch.from_numpy(image),
        depth_m=torch.from_numpy(np.where(depth_valid, depth_m, np.float32(0))),
        depth_valid=torch.from_numpy(depth_valid),
        label=torch.from_numpy(label_map),
        label_valid=torch.from_numpy(label_valid),
        sky=torch.from_numpy(sky & ~depth_valid),
        sky_valid=torch.from_numpy(sky_valid),
        intrinsics=torch.from_numpy(np.stack([s.intrinsics for s in samples])),
        sample_ids=tuple(s.sample_id for s in samples),
    )


def network_input(
    sample: Sample, modality: str, normaliser: NormaliserSettings
) -> NDArray[np.float32]:
    """What the network reads of a sample: `[1 h w]` thermal or `[3 h w]` RGB, in [0, 1].

    Raises:
        DataError: when the RGB image is wanted and there is none.
    """
    if modality == "rgb":
        if sample.rgb is None or sample.rgb_view is not None:
            raise DataError(
                f"{sample.sample_id}: no RGB image on the thermal pixel grid, which training on RGB needs"
            )
        return np.ascontiguousarray(sample.rgb.transpose(2, 0, 1), np.float32) * np.float32(1 / 255)
    return normalise(sample.thermal, sample.thermal_unit, normaliser)[None]


def _or_nan(values: NDArray[np.float32] | None, sample: Sample) -> NDArray[np.float32]:
    return np.full(sample.size, np.nan, np.float32) if values is None else values


def _masked(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    valid = np.isfinite(values)
    return np.where(valid, values, np.float32(0)), valid
