"""What an arm has to beat: answers that never look at the image.

On most driving sets the mean-depth map alone is a strong guess (road below, distance above), so a table
without it cannot say what was learnt from the image. Both are fitted on the training split in one pass
over any iterable, in memory of one map.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.types import Sample

_BIN = 1e-4  # width of a histogram bin in ln metres: the median is exact to half of it, 0.005 %


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
        low = np.log(protocol.min_depth_m)
        counts = np.zeros(int(np.ceil((np.log(protocol.max_depth_m) - low) / _BIN)), dtype=np.int64)
        for _, truth, scored in _truths(samples, protocol):
            index = ((np.log(truth[scored].astype(np.float64)) - low) / _BIN).astype(np.int64)
            counts += np.bincount(index, minlength=counts.size)
        total = int(counts.sum())
        if total == 0:
            raise _no_truth(protocol)
        # The two middle values of an even count, the same one twice of an odd count.
        below = np.cumsum(counts)
        middle = np.searchsorted(below, [(total - 1) // 2, total // 2], side="right")
        return cls(depth_m=float(np.exp(low + (middle.mean() + 0.5) * _BIN)))

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres."""
        return np.full(sample.size, self.depth_m)


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
        sums = counts = np.zeros((0, 0))
        for size, truth, scored in _truths(samples, protocol):
            if sums.size == 0:
                sums, counts = np.zeros(size), np.zeros(size, dtype=np.int64)
            grid = np.ix_(
                *(_nearest(n, old) for n, old in zip(sums.shape, truth.shape, strict=True))
            )
            sums += np.where(scored, truth, 0.0)[grid]
            counts += scored[grid]
        if not counts.any():
            raise _no_truth(protocol)
        overall = sums.sum() / counts.sum()
        return cls(depth_m=np.where(counts > 0, sums / np.maximum(counts, 1), overall))

    def predict(self, sample: Sample) -> NDArray[np.float64]:
        """[h w] metres, the map brought to the frame's size."""
        return resize_depth(self.depth_m, size=sample.size).copy()


BASELINES: dict[str, type[ConstantDepth] | type[MeanDepthMap]] = {
    baseline.arm: baseline for baseline in (ConstantDepth, MeanDepthMap)
}


def _truths(
    samples: Iterable[Sample], protocol: Protocol
) -> Iterable[tuple[tuple[int, int], NDArray[np.float32], NDArray[np.bool_]]]:
    """(frame size, truth [h w], which pixels the protocol scores) of each frame that has truth."""
    for sample in samples:
        if sample.depth_m is not None:
            yield sample.size, sample.depth_m, protocol.scored(sample.depth_m)


def _nearest(size: int, old: int) -> NDArray[np.intp]:
    """[size] for each pixel of a row of `size` the pixel of a row of `old` that holds its centre."""
    return ((np.arange(size) + 0.5) * old / size).astype(np.intp)


def _no_truth(protocol: Protocol) -> DataError:
    return DataError(
        f"no training frame has truth between {protocol.min_depth_m:g} and {protocol.max_depth_m:g} m "
        f"(protocol '{protocol.name}'), so a baseline cannot be fitted"
    )
