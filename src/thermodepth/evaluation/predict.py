"""The first of the two loops: every frame through a model once, into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from thermodepth.data.frames import Frames
from thermodepth.evaluation.store import PredictionStore
from thermodepth.types import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: (depth_m, structure) maps `[h w]` for each sample, at the sample's size or any other.
Predict = Callable[[Sequence[Sample]], "Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]"]


def predict_into(
    store: PredictionStore, frames: Frames, predict: Predict, *, batch_size: int = 8
) -> None:
    """Predict the frames that the store lacks; running it again goes on where it was cut off."""
    missing = set(store.missing(frames.sample_ids))
    waiting: list[Sample] = []
    with store:
        for index, sample_id in enumerate(frames.sample_ids):
            if sample_id not in missing:
                continue
            sample = frames.read(index, with_rgb=False)
            if waiting and (len(waiting) == batch_size or waiting[0].size != sample.size):
                _write(store, waiting, predict)
                waiting = []
            waiting.append(sample)
        _write(store, waiting, predict)


def stored_pairs(
    store: PredictionStore, frames: Frames
) -> Iterator[tuple[NDArray[np.float32], Sample]]:
    """(predicted depth, sample) for every frame, as scoring takes them."""
    for index, sample_id in enumerate(frames.sample_ids):
        yield store.read(sample_id).depth_m, frames.read(index, with_rgb=False)


def _write(store: PredictionStore, samples: Sequence[Sample], predict: Predict) -> None:
    if not samples:
        return
    for sample, (depth_m, structure) in zip(samples, predict(samples), strict=True):
        store.write(sample.sample_id, depth_m=depth_m, structure=structure)
