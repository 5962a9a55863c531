"""The first of the two loops: every frame through a model once, into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from thermodepth.data.frames import Frames
from thermodepth.evaluation.head_maps import HeadMaps, two_head_maps
from thermodepth.evaluation.store import PredictionStore
from thermodepth.types import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: (depth_m, structure) maps `[h w]` for each of several samples of one size and unit, at that size or any
#: other; for a store that has it the relative error `[2 h w]` is third.
Predict = Callable[[Sequence[Sample]], "Sequence[tuple[NDArray[np.float32], ...]]"]


def predict_into(
    store: PredictionStore,
    frames: Frames,
    predict: Predict,
    *,
    batch_size: int = 8,
    made_at: Callable[[tuple[int, int]], tuple[int, int]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Predict the frames that the store lacks; running it again goes on where it was cut off.

    `made_at(size)` says at which (rows, columns) the network works on frames of a size, which the store
    notes; `progress(done, total)` counts frames, those that were there already too.
    """
    total = len(frames.sample_ids)
    missing = set(store.missing(frames.sample_ids))
    done = total - len(missing)
    waiting: list[Sample] = []

    def finish() -> None:
        nonlocal done, waiting
        if waiting and made_at is not None:
            store.note_made_at(waiting[0].size, made_at(waiting[0].size))
        for sample, maps in zip(waiting, predict(waiting) if waiting else (), strict=True):
            depth_m, structure, *rest = maps
            store.write(
                sample.sample_id,
                depth_m=depth_m,
                structure=structure,
                relative_error=rest[0] if rest else None,
            )
        done += len(waiting)
        waiting = []
        if progress is not None:
            progress(done, total)

    with store:
        for index, sample_id in enumerate(frames.sample_ids):
            if sample_id not in missing:
                continue
            sample = frames.read(index, with_rgb=False)
            if waiting and (len(waiting) == batch_size or not _alike(waiting[0], sample)):
                finish()
            waiting.append(sample)
        finish()


def _alike(one: Sample, other: Sample) -> bool:
    """Whether they can be predicted together: cameras of one data set may differ in what they give."""
    return one.size == other.size and one.thermal_unit is other.thermal_unit


def stored_pairs(store: PredictionStore, frames: Frames) -> Iterator[tuple[HeadMaps, Sample]]:
    """(answer of both heads, sample) for every frame, as scoring takes them."""
    for index, sample_id in enumerate(frames.sample_ids):
        yield stored_head_maps(store, sample_id), frames.read(index, with_rgb=False)


def stored_head_maps(store: PredictionStore, sample_id: str) -> HeadMaps:
    """Both heads of a stored frame, with the size that they were made at.

    Raises:
        DataError: as `PredictionStore.read`.
    """
    stored = store.read(sample_id)
    rows, columns = stored.depth_m.shape
    return two_head_maps(
        stored.depth_m,
        stored.structure,
        made_at=store.made_at((rows, columns)),
        relative_error=stored.relative_error,
    )
