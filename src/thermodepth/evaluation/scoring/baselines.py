"""What a score has to beat: answers that never look at the image, and answers that only remember.

    constant depth            one depth for every pixel
    mean-depth map            the mean depth of each pixel
    row ramp                  1/depth a straight line over the rows
    nearest training frame    the truth of the training frame whose thermal thumbnail is nearest
    ridge on thumbnails       a linear map from thumbnail to depth          (the last two: `cached_frames`)

Road below and distance above make the first three strong on most sets, and a camera that hardly moves the
last two, so a table without them cannot say what was learnt from the image. All are metres and so are scored
under every alignment, as the maps that they stand beside. They are fitted on the training split in one pass
over any iterable, in bounded memory, and give the same bits on one thread and on many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from thermodepth.evaluation.head_maps import GeometryMap, HeadMaps, depth_head_maps
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.evaluation.scoring.cached_frames import (
    MEMORY_FRAMES,
    Memory,
    NearestFrame,
    RidgeOnThumbnails,
)
from thermodepth.evaluation.scoring.training_frames import TrainingFrame, training_frames
from thermodepth.types import Geometry, Sample

_T = TypeVar("_T")
_BIN = 1e-4  # width of a histogram bin in ln metres: the median is exact to half of it, 0.005 %
#: A mean over more training frames than these is the same mean, and reading them takes minutes.
FITTED_FRAMES = MEMORY_FRAMES


class Baseline(Interface):
    """A fitted guess."""

    @property
    def arm(self) -> str:
        """Its name in every table."""
        ...

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres of a frame's size; its truth is not looked at."""
        ...


class _Fitting(Interface):
    """A baseline that is being fitted, frame by frame."""

    def add(self, frame: TrainingFrame) -> None: ...

    def fitted(self) -> Mapping[str, Baseline]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantDepth:
    """One depth for every pixel: the median, in log space, of all training truth the protocol scores.

    The median is the constant with the least mean |ln p - ln d| over pooled pixels, which the `log10`
    metric measures. It is not exactly the one with the least AbsRel: that is the median weighted by 1/d,
    which hides behind the nearest objects and is worse in every other metric.
    """

    arm: ClassVar[str] = "constant depth"
    depth_m: float

    @classmethod
    def fit(cls, samples: Iterable[Sample], *, protocol: Protocol) -> Self:
        """From the training split.

        Raises:
            DataError: when no frame has truth inside the protocol's range.
        """
        return _only(cls, _fit(samples, protocol, [_ConstantFit(protocol)]))

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres."""
        return np.full(sample.size, self.depth_m)


class _ConstantFit:
    def __init__(self, protocol: Protocol) -> None:
        self._low = np.log(protocol.min_depth_m)
        bins = int(np.ceil((np.log(protocol.max_depth_m) - self._low) / _BIN))
        self._counts = np.zeros(bins, dtype=np.int64)

    def add(self, frame: TrainingFrame) -> None:
        logs = np.log(frame.truth_m[frame.scored].astype(np.float64))
        index = ((logs - self._low) / _BIN).astype(np.int64)
        self._counts += np.bincount(index, minlength=self._counts.size)

    def fitted(self) -> Mapping[str, Baseline]:
        # The two middle values of an even count, the same one twice of an odd count.
        below = np.cumsum(self._counts)
        total = int(below[-1])
        middle = np.searchsorted(below, [(total - 1) // 2, total // 2], side="right")
        depth_m = float(np.exp(self._low + (middle.mean() + 0.5) * _BIN))
        return {ConstantDepth.arm: ConstantDepth(depth_m=depth_m)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanDepthMap:
    """The mean depth in metres of each pixel over the training split.

    A pixel that never had truth gets the mean over all pixels and frames. Truth of another size is brought
    to the first frame's by its nearest pixel: interpolation would mix depths across holes and edges.
    """

    arm: ClassVar[str] = "mean-depth map"
    depth_m: NDArray[np.float64]  # [h w], of the first training frame's size

    @classmethod
    def fit(cls, samples: Iterable[Sample], *, protocol: Protocol) -> Self:
        """From the training split.

        Raises:
            DataError: when no frame has truth inside the protocol's range.
        """
        return _only(cls, _fit(samples, protocol, [_MeanMapFit()]))

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres, the map brought to the frame's size."""
        return resize_depth(self.depth_m, size=sample.size).copy()


class _MeanMapFit:
    def __init__(self) -> None:
        self._sums = self._counts = np.zeros((0, 0))

    def add(self, frame: TrainingFrame) -> None:
        if self._sums.size == 0:
            self._sums = np.zeros(frame.sample.size)
            self._counts = np.zeros(frame.sample.size, dtype=np.int64)
        sizes = zip(self._sums.shape, frame.truth_m.shape, strict=True)
        grid = np.ix_(*(_nearest(size, old) for size, old in sizes))
        self._sums += np.where(frame.scored, frame.truth_m, 0.0)[grid]
        self._counts += frame.scored[grid]

    def fitted(self) -> Mapping[str, Baseline]:
        overall = self._sums.sum() / self._counts.sum()
        means = self._sums / np.maximum(self._counts, 1)
        fitted = MeanDepthMap(depth_m=np.where(self._counts > 0, means, overall))
        return {MeanDepthMap.arm: fitted}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRamp:
    """1/depth as a straight line over the rows: what a flat ground under a level camera looks like.

    The line is the least-squares one through all training truth, every pixel weighing the same, with the row
    as a share of the height. Beyond the protocol's far end it bends, and stays below twice as far: a line
    that goes through 0 would end in infinity, and one that is cut off would have no ranks there.
    """

    arm: ClassVar[str] = "row ramp"
    above: float  # 1/m at the upper edge of the picture
    below: float  # 1/m at its lower edge
    farthest_m: float  # of the protocol

    @classmethod
    def fit(cls, samples: Iterable[Sample], *, protocol: Protocol) -> Self:
        """From the training split.

        Raises:
            DataError: when no frame has truth inside the protocol's range.
        """
        return _only(cls, _fit(samples, protocol, [_RampFit(protocol)]))

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres."""
        height, width = sample.size
        share = (self.above + (self.below - self.above) * _places(height)) * self.farthest_m
        beyond = 0.5 + 0.5 / (1.0 - 2.0 * np.minimum(share - 1.0, 0.0))  # as steep as the line at 1
        column = self.farthest_m / np.where(share < 1.0, beyond, share)
        return np.repeat(column[:, None], width, axis=1)


class _RampFit:
    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._sums = np.zeros(5)  # of 1, y, y^2, 1/d, y/d

    def add(self, frame: TrainingFrame) -> None:
        rows = np.count_nonzero(frame.scored, axis=1).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = np.where(frame.scored, 1.0 / frame.truth_m.astype(np.float64), 0.0).sum(
                axis=1
            )
        y = _places(frame.truth_m.shape[0])
        terms = (rows, y * rows, y * y * rows, inverse, y * inverse)
        self._sums += [term.sum() for term in terms]

    def fitted(self) -> Mapping[str, Baseline]:
        count, y, y_square, inverse, y_inverse = self._sums
        mean_y, mean = y / count, inverse / count
        spread = y_square / count - mean_y**2
        slope = (y_inverse / count - mean_y * mean) / spread if spread > 1e-9 else 0.0
        fitted = RowRamp(
            above=float(mean - slope * mean_y),
            below=float(mean + slope * (1.0 - mean_y)),
            farthest_m=self._protocol.max_depth_m,
        )
        return {RowRamp.arm: fitted}


class _MemoryFit:
    def __init__(self) -> None:
        self._memory = Memory()

    def add(self, frame: TrainingFrame) -> None:
        if frame.sample.has_thermal:
            self._memory.add(frame)

    def fitted(self) -> Mapping[str, Baseline]:
        if not self._memory.frames:
            return {}
        cache = self._memory.cached()
        return {
            NearestFrame.arm: NearestFrame(cache),
            RidgeOnThumbnails.arm: RidgeOnThumbnails.from_cache(cache),
        }


#: By the name that tables call them. Never ranked: what they are worth is the floor.
BASELINES: dict[
    str,
    type[ConstantDepth]
    | type[MeanDepthMap]
    | type[RowRamp]
    | type[NearestFrame]
    | type[RidgeOnThumbnails],
] = {
    kind.arm: kind
    for kind in (ConstantDepth, MeanDepthMap, RowRamp, NearestFrame, RidgeOnThumbnails)
}


def fit_baselines(samples: Iterable[Sample], *, protocol: Protocol) -> dict[str, Baseline]:
    """Every baseline by its name, from one pass over the training split, in the order of `BASELINES`.

    Those that remember are left out where no frame has a thermal picture.

    Raises:
        DataError: when no frame has truth inside the protocol's range.
    """
    fittings = (_ConstantFit(protocol), _MeanMapFit(), _RampFit(protocol), _MemoryFit())
    return dict(_fit(samples, protocol, fittings))


def fit_blind(samples: Iterable[Sample], *, protocol: Protocol) -> dict[str, Baseline]:
    """The mean-depth map and the row ramp, which look at no picture, from one pass.

    Raises:
        NoTruthError: when no frame has truth inside the protocol's range.
    """
    return dict(_fit(samples, protocol, (_MeanMapFit(), _RampFit(protocol))))


def evenly(count: int, limit: int = FITTED_FRAMES) -> list[int]:
    """At most `limit` of `count` positions, evenly spread."""
    frames = min(count, limit)
    return [number * count // frames for number in range(frames)]


def unfitted_baselines(size: tuple[int, int]) -> dict[str, HeadMaps]:
    """What can be guessed without a training split, of depth up to a factor: the flat map, and a row ramp.

    The ramp is 1/depth = row, the horizon at the upper edge; a fit of scale and shift in 1/depth makes any
    ramp of it.
    """
    height, width = size
    ramp = np.repeat(1.0 / _places(height)[:, None], width, axis=1)
    maps = {ConstantDepth.arm: np.ones(size), RowRamp.arm: ramp}
    return {
        arm: {"depth": GeometryMap(values=values, geometry=Geometry.SCALE_DEPTH)}
        for arm, values in maps.items()
    }


def baseline_head_maps(baselines: Mapping[str, Baseline], sample: Sample) -> dict[str, HeadMaps]:
    """What each of them says of a frame."""
    return {arm: depth_head_maps(baseline.predict(sample)) for arm, baseline in baselines.items()}


def _fit(
    samples: Iterable[Sample], protocol: Protocol, fittings: Sequence[_Fitting]
) -> Mapping[str, Baseline]:
    for frame in training_frames(samples, protocol):
        for fitting in fittings:
            fitting.add(frame)
    return {arm: baseline for fitting in fittings for arm, baseline in fitting.fitted().items()}


def _only(kind: type[_T], fitted: Mapping[str, Baseline]) -> _T:
    (baseline,) = fitted.values()
    assert isinstance(baseline, kind)
    return baseline


def _places(height: int) -> NDArray[np.float64]:
    """[height] of each row its middle as a share of the height."""
    return (np.arange(height) + 0.5) / height


def _nearest(size: int, old: int) -> NDArray[np.intp]:
    """[size] for each pixel of a row of `size` the pixel of a row of `old` that holds its centre."""
    return ((np.arange(size) + 0.5) * old / size).astype(np.intp)
