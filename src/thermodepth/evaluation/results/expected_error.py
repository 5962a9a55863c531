"""What models tell of their own errors: is the share right, and is the order?

Frames of a scene are wrong together, so a share that is covered wanders from set to set by more than its
pixels suggest. Beside each stands its standard error over scenes, with w the weight of a frame (1, or its
pixels), v its value, m the mean and C scenes c:

    SE = sqrt( C/(C-1) sum_c (sum_{i in c} w_i (v_i - m))^2 ) / sum w
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.evaluation.head_maps import RELATIVE_ERROR
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.rows.rows import WHOLE_FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """One metric of one arm over some frames."""

    value: float
    standard_error: float | None  # over scenes; None of a single one
    frames: int
    pixels: int


class ExpectedErrors:
    """The rows of models that tell their relative error."""

    def __init__(self, rows: pa.Table, protocol: Protocol) -> None:
        self.protocol = protocol
        own = rows.filter(pc.equal(rows["head"], RELATIVE_ERROR))
        names = ("arm", "metric", "slice", "condition", "sequence", "sample_id")
        self._texts = {name: np.array(own[name].to_pylist(), dtype=object) for name in names}
        self._values = own["value"].to_numpy()
        self._pixels = own["pixels"].to_numpy()
        self.arms = tuple(dict.fromkeys(self._texts["arm"].tolist()))
        self.conditions = tuple(sorted(set(self._texts["condition"].tolist())))

    def mean(
        self, arm: str, metric: str, *, slice: str = WHOLE_FRAME, condition: str | None = None
    ) -> Mean | None:
        """Over the frames of one condition, or all; None where nothing was measured."""
        inside = self._texts["arm"] == arm
        inside &= self._texts["metric"] == metric
        inside &= self._texts["slice"] == slice
        if condition is not None:
            inside &= self._texts["condition"] == condition
        values = self._values[inside]
        if not values.size:
            return None
        pixels = self._pixels[inside]
        pooled = self.protocol.averaging == "pooled"
        weights = pixels.astype(np.float64) if pooled else np.ones(values.size)
        mean = float((weights * values).sum() / weights.sum())
        scenes = [
            sequence or sample
            for sequence, sample in zip(
                self._texts["sequence"][inside], self._texts["sample_id"][inside], strict=True
            )
        ]
        return Mean(
            value=mean,
            standard_error=_standard_error(values - mean, weights, scenes),
            frames=values.size,
            pixels=int(pixels.sum()),
        )


def _standard_error(
    off: NDArray[np.float64], weights: NDArray[np.float64], scenes: list[str]
) -> float | None:
    numbers = np.unique(scenes, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=weights * off)
    if sums.size < 2:
        return None
    spread = float(np.sqrt(sums.size / (sums.size - 1) * np.square(sums).sum()))
    return spread / float(weights.sum())
