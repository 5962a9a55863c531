"""What models tell of their own errors: is the share right, and is the order?

Frames of a scene are wrong together, so a share that is covered wanders from set to set by more than its
pixels suggest. Beside each stands its standard error over scenes, with w the weight of a frame (1, or its
pixels), v its value, m the mean and C scenes c:

    SE = sqrt( C/(C-1) sum_c (sum_{i in c} w_i (v_i - m))^2 ) / sum w
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.keys import groups_of, row_keys
from thermodepth.evaluation.rows.rows import WHOLE_FRAME

_KEY = ("arm", "metric", "slice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """One metric of one arm over some frames."""

    value: float
    standard_error: float | None  # over scenes; None of a single one
    frames: int
    pixels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedErrors:
    """What the models that tell their relative error were measured to be worth."""

    protocol: Protocol
    arms: tuple[str, ...]
    conditions: tuple[str, ...]  # in alphabetical order
    means: Mapping[tuple[str, ...], Mean]  # (arm, metric, slice), and of whole frames a condition

    @classmethod
    def from_record(cls, record: EvaluationRecord) -> Self:
        """Compute them; without arms where no model tells."""
        rows = record.relative_errors
        pooled = record.protocol.averaging == "pooled"
        whole = rows.filter(pc.equal(rows["slice"], WHOLE_FRAME))
        return cls(
            protocol=record.protocol,
            arms=tuple(pc.unique(rows["arm"]).to_pylist()),
            conditions=tuple(sorted(pc.unique(rows["condition"]).to_pylist())),
            means=_means(rows, _KEY, pooled=pooled)
            | _means(whole, (*_KEY, "condition"), pooled=pooled),
        )

    def mean(
        self, arm: str, metric: str, *, slice: str = WHOLE_FRAME, condition: str | None = None
    ) -> Mean | None:
        """Over the frames of one condition, or all; None where nothing was measured."""
        more = () if condition is None else (condition,)
        return self.means.get((arm, metric, slice, *more))


def _means(rows: pa.Table, by: tuple[str, ...], *, pooled: bool) -> dict[tuple[str, ...], Mean]:
    """The value of each column grouped by -> the mean over its frames."""
    values, pixels = rows["value"].to_numpy(), rows["pixels"].to_numpy()
    scenes = [
        sequence or sample
        for sequence, sample in zip(
            rows["sequence"].to_pylist(), rows["sample_id"].to_pylist(), strict=True
        )
    ]
    means = {}
    for index in groups_of(row_keys(rows, by)):
        (key,) = rows.select(by).take(index[:1]).to_pylist()
        weights = pixels[index].astype(np.float64) if pooled else np.ones(index.size)
        mean = float((weights * values[index]).sum() / weights.sum())
        means[tuple(key.values())] = Mean(
            value=mean,
            standard_error=_standard_error(
                values[index] - mean, weights, [scenes[place] for place in index]
            ),
            frames=index.size,
            pixels=int(pixels[index].sum()),
        )
    return means


def _standard_error(
    off: NDArray[np.float64], weights: NDArray[np.float64], scenes: list[str]
) -> float | None:
    numbers = np.unique(scenes, return_inverse=True)[1]
    sums = np.bincount(numbers, weights=weights * off)
    if sums.size < 2:
        return None
    spread = float(np.sqrt(sums.size / (sums.size - 1) * np.square(sums).sum()))
    return spread / float(weights.sum())
