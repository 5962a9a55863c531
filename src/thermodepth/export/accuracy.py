"""What an export loses of a model's accuracy: AbsRel of both against the truth, on the same frames.

    AbsRel = mean over pixels of |p - d| / d, then over frames; metres as they are

Of frames without truth the loss is the mean difference from the network's own metres. That is stricter: a
difference that helps as often as it hurts counts in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.data import Dataset
    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.types import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Of an export, on some frames."""

    runtime: str
    frames: int
    #: Of AbsRel, as a share of the network's; of frames without truth, the mean difference of metres.
    lost: float
    mean_difference: float  # of metres, relative to the network's
    has_truth: bool


def accuracy_loss(
    network: FramePredictor, graph: FramePredictor, samples: Sequence[Sample], *, runtime: str
) -> Loss:
    """What the graph loses.

    Args:
        network: run by torch, at the graph's short side.
        graph: the export.
        samples: with truth, all of them, or without.
        runtime: its name.

    Raises:
        DataError: for frames of which some have truth.
    """
    has_truth = {sample.depth_m is not None for sample in samples}
    if len(has_truth) != 1:
        raise DataError(
            f"{len(samples)} frames to measure an export on: expected some, with truth for all or for none"
        )
    errors, differences = [], []
    for sample in samples:
        before, after = (predictor.maps_of([sample])[0][0] for predictor in (network, graph))
        differences.append(float(np.mean(np.abs(after / before - 1))))
        if sample.depth_m is not None:
            errors.append((_abs_rel(before, sample.depth_m), _abs_rel(after, sample.depth_m)))
    mean_difference = float(np.mean(differences))
    lost = mean_difference
    if errors:
        mean_before, mean_after = np.nanmean(np.array(errors), axis=0)
        lost = float(mean_after / mean_before - 1)
    return Loss(
        runtime=runtime,
        frames=len(samples),
        lost=lost,
        mean_difference=mean_difference,
        has_truth=has_truth == {True},
    )


def evenly(dataset: Dataset, split: str, count: int) -> list[Sample]:
    """At most so many frames of a split, evenly spread."""
    frames = dataset.split(split)
    total = len(frames.sample_ids)
    places = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
    return [frames.read(int(place), with_rgb=False) for place in places]


def _abs_rel(depth_m: NDArray[np.float32], truth_m: NDArray[np.float32]) -> float:
    valid = np.isfinite(truth_m) & (truth_m > 0)
    if not valid.any():
        return float("nan")
    return float(np.mean(np.abs(depth_m[valid] - truth_m[valid]) / truth_m[valid]))
