"""Answers that only remember: where they are as good as a network, the test frames were seen in training.

Of each training frame a thumbnail of 24 rows and 32 columns of the thermal picture is kept, and its truth on
a grid of at most 128 cells a side (means over the scored pixels of a cell). Where train and test share a
camera that does not move, the truth of the nearest frame is nearly the truth, whatever a network learnt.

    nearest training frame   d(argmin_i |t - t_i|)                         t in the picture's own unit
    ridge on thumbnails      ln d = m + sum_i w_i (ln d_i - m),  w = (K + lambda I)^-1 K(t)
                             K of thumbnails of zero mean and unit spread; lambda a tenth of its mean diagonal

m is the mean of ln d over training. A hole in a remembered truth counts as m. A frame that is itself
remembered is left out of its own answer (of the ridge by the closed form of leaving one out), so they may be
asked about the training split as well.

No sum here goes through BLAS: its last digits depend on how many threads the machine lends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from thermodepth.data.transform import thumbnail
from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.evaluation.scoring.training_frames import TrainingFrame, training_frames
from thermodepth.types import Sample

THUMBNAIL = (24, 32)  # rows, columns
_GRID = 128  # cells along the longer side of a remembered truth
#: Frames that are remembered at most: 52 MB at 128x96.
MEMORY_FRAMES = 1000
_RIDGE = 0.1  # of the kernel's mean diagonal

_Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class CachedFrames:
    """Thumbnails and truths of training frames."""

    sample_ids: tuple[str, ...]
    thumbnails: NDArray[np.float32]  # [n 768] in the unit of the pictures
    truths: NDArray[np.float32]  # [n r c] ln metres, NaN where a cell has no truth

    @cached_property
    def mean(self) -> _Array:
        """[r c] of ln metres; a cell without truth in any frame has the mean of all."""
        known = np.isfinite(self.truths)
        sums = np.where(known, self.truths, 0.0).sum(axis=0, dtype=np.float64)
        counts = known.sum(axis=0)
        overall = sums.sum() / counts.sum()
        mean: _Array = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
        return mean

    def index(self, sample: Sample) -> int | None:
        """Where a frame itself stands among them."""
        is_cached = sample.sample_id in self.sample_ids
        return self.sample_ids.index(sample.sample_id) if is_cached else None


@dataclass(slots=True, kw_only=True)
class Memory:
    """Takes frames as they come and holds at most `limit`: when full, every other one is let go."""

    limit: int = MEMORY_FRAMES
    frames: list[tuple[str, NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=list)
    _grid: tuple[int, int] = (0, 0)
    _stride: int = 1
    _offered: int = 0

    def add(self, frame: TrainingFrame) -> None:
        """The next frame of the split."""
        turn, self._offered = self._offered, self._offered + 1
        if turn % self._stride:
            return
        if len(self.frames) == self.limit:
            self.frames = self.frames[::2]
            self._stride *= 2
            if turn % self._stride:
                return
        if not self.frames:
            sides = frame.truth_m.shape
            shares = [max(round(side * min(_GRID / max(sides), 1.0)), 1) for side in sides]
            self._grid = shares[0], shares[1]
        small = _small_truth(frame.truth_m, frame.scored, self._grid)
        self.frames.append((frame.sample.sample_id, _thumbnail(frame.sample), small))

    def cached(self) -> CachedFrames:
        """What it holds, in the order it came."""
        ids, thumbnails, truths = zip(*self.frames, strict=True)
        return CachedFrames(
            sample_ids=ids, thumbnails=np.stack(thumbnails), truths=np.stack(truths)
        )


def _cached(samples: Iterable[Sample], protocol: Protocol) -> CachedFrames:
    memory = Memory()
    for frame in training_frames(samples, protocol):
        if frame.sample.has_thermal:
            memory.add(frame)
    if not memory.frames:
        raise DataError("no training frame has a thermal picture, so nothing can be remembered")
    return memory.cached()


@dataclass(frozen=True, eq=False)
class NearestFrame:
    """The truth of the training frame whose thumbnail is nearest; holes take the mean."""

    arm: ClassVar[str] = "nearest training frame"
    cache: CachedFrames

    @classmethod
    def fit(cls, samples: Iterable[Sample], *, protocol: Protocol) -> Self:
        """From the training split.

        Raises:
            DataError: when no frame has truth inside the protocol's range, or none a thermal picture.
        """
        return cls(_cached(samples, protocol))

    def predict(self, sample: Sample) -> _Array:
        """[h w] metres; the truth of the frame is not looked at."""
        distance = np.square(
            self.cache.thumbnails.astype(np.float64) - _thumbnail(sample).astype(np.float64)
        ).sum(axis=1)
        index = self.cache.index(sample)
        if index is not None:
            distance[index] = np.inf
        mean = self.cache.mean
        nearest = int(distance.argmin())
        if np.isinf(distance[nearest]):  # the only frame is this one
            return _enlarged(mean, sample)
        truth = self.cache.truths[nearest].astype(np.float64)
        return _enlarged(np.where(np.isfinite(truth), truth, mean), sample)


@dataclass(frozen=True, kw_only=True, eq=False)
class RidgeOnThumbnails:
    """Ridge regression from thumbnails to ln depth, every cell of the grid an output."""

    arm: ClassVar[str] = "ridge on thumbnails"
    cache: CachedFrames
    inputs: _Array  # [n 768] standard thumbnails less `centre`
    centre: _Array  # [768] their mean
    factor: _Array  # [n n] lower triangle: its product with its transpose is K + lambda I
    deviations: NDArray[np.float32]  # [n r c] of ln metres from the mean, 0 in a hole
    range_log_m: tuple[float, float]  # of the remembered truths

    @classmethod
    def fit(cls, samples: Iterable[Sample], *, protocol: Protocol) -> Self:
        """From the training split.

        Raises:
            DataError: when no frame has truth inside the protocol's range, or none a thermal picture.
        """
        return cls.from_cache(_cached(samples, protocol))

    @classmethod
    def from_cache(cls, cache: CachedFrames) -> Self:
        """Fitted to the frames that are cached."""
        inputs = np.stack([_standard(t) for t in cache.thumbnails])
        centre = inputs.mean(axis=0)
        inputs -= centre
        kernel = np.stack([(inputs * row).sum(axis=1) for row in inputs])
        diagonal = np.diag_indices(len(kernel))
        # A single frame, or equal ones, leave nothing to tell them by: any penalty gives the mean.
        kernel[diagonal] += _RIDGE * float(kernel[diagonal].mean()) or 1.0
        known = np.isfinite(cache.truths)
        deviations = np.where(known, cache.truths - cache.mean, 0.0).astype(np.float32)
        inside = cache.truths[known]
        return cls(
            cache=cache,
            inputs=inputs,
            centre=centre,
            factor=_triangle(kernel),
            deviations=deviations,
            range_log_m=(float(inside.min()), float(inside.max())),
        )

    def predict(self, sample: Sample) -> _Array:
        """[h w] metres, inside the range of the remembered truths; the frame's own is not looked at."""
        weights = self._weights(sample)
        log_depth = self.cache.mean + np.einsum("n,nrc->rc", weights, self.deviations)
        return _enlarged(log_depth.clip(*self.range_log_m), sample)

    def _weights(self, sample: Sample) -> _Array:
        """[n] how much of each frame's deviation is taken."""
        index = self.cache.index(sample)
        if index is None:
            thumbnail = _standard(_thumbnail(sample)) - self.centre
            return _solved(self.factor, (self.inputs * thumbnail).sum(axis=1))
        # With G = (K + lambda I)^-1, what is said of i without i is the sum over the others of -G_ij / G_ii.
        unit = np.zeros(len(self.factor))
        unit[index] = 1.0
        inverse = _solved(self.factor, unit)
        weights: _Array = -inverse / inverse[index]
        weights[index] = 0.0
        return weights


def _thumbnail(sample: Sample) -> NDArray[np.float32]:
    """[768] area means of the thermal picture, in its own unit."""
    return thumbnail(sample.thermal, THUMBNAIL)


def _standard(thumbnail: NDArray[np.float32]) -> _Array:
    """[768] of zero mean and unit spread; all 0 for a flat picture."""
    values = thumbnail.astype(np.float64)
    values -= values.mean()
    spread = float(np.sqrt(np.square(values).mean()))
    return values / spread if spread > 0.0 else values


def _small_truth(
    truth_m: NDArray[np.float32], scored: NDArray[np.bool_], grid: tuple[int, int]
) -> NDArray[np.float32]:
    """[r c] ln of the mean metres of the scored pixels of each cell; NaN without one."""
    import cv2

    def mean(values: NDArray[np.float32]) -> _Array:
        small = cv2.resize(values, grid[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.float64)

    metres = mean(np.where(scored, truth_m, np.float32(0.0)))
    share = mean(scored.astype(np.float32))
    small = np.full(grid, np.nan)
    np.divide(metres, share, out=small, where=share > 1e-6)
    logs: NDArray[np.float32] = np.log(small).astype(np.float32)
    return logs


def _enlarged(log_depth: _Array, sample: Sample) -> _Array:
    """[h w] metres of a frame's size, from ln metres on the grid."""
    return resize_depth(np.exp(log_depth), size=sample.size).copy()


def _triangle(matrix: _Array) -> _Array:
    """The Cholesky factor of a positive definite matrix, column by column."""
    remainder, factor = matrix.copy(), np.zeros_like(matrix)
    for k in range(len(matrix)):
        column = remainder[k:, k] / np.sqrt(remainder[k, k])
        factor[k:, k] = column
        remainder[k:, k:] -= column[:, None] * column
    return factor


def _solved(factor: _Array, target: _Array) -> _Array:
    """x with (factor factor') x = target."""
    x = target.copy()
    for k in range(len(x)):
        x[k] = (x[k] - (factor[k, :k] * x[:k]).sum()) / factor[k, k]
    for k in reversed(range(len(x))):
        x[k] = (x[k] - (factor[k + 1 :, k] * x[k + 1 :]).sum()) / factor[k, k]
    return x
