"""The lenses that a training sees: what its metric head must be able to say, and what travels with the model.

A canonical depth is D focal_px / f for a depth D seen under a focal length f, so the wider the lenses of a
model differ, the wider its range of canonical depths.
"""

from __future__ import annotations

import math
from statistics import median

from thermodepth.camera import focal_of_view, view_of_focal
from thermodepth.data.frames import Dataset
from thermodepth.data.loader import DataSettings, require_lens, trained_frames
from thermodepth.data.transform import crop_resize, largest_of_shape
from thermodepth.model import TrainingLens
from thermodepth.types import Sample

#: Fields of view across that a model is ready for whatever it was trained with.
NARROWEST_DEG, WIDEST_DEG = 20.0, 110.0
_LOOKED_AT = 64  # frames of a split, evenly spread


def canonical_range_m(
    depth_range_m: tuple[float, float], focal_px: float, data: DataSettings, dataset: Dataset
) -> tuple[float, float]:
    """The canonical depths that the metric head must reach for true depths of a range under every lens.

    Lenses from 20 to 110 degrees across, those of the training's first frame, and their zooms.

    Args:
        depth_range_m: (nearest, farthest) true depth.
        focal_px: canonical.
        data: with its size.
        dataset: that is trained on.

    Raises:
        DataError: for a first frame whose lens is not known.
    """
    assert data.size is not None, "resolve the size first"
    first = dataset.split(data.split).read(0, with_rgb=False)
    require_lens(first)
    width = data.size[1]
    focal = _network_view(first, data).focal_px
    turn, shape = math.radians(data.augmentation.roll_deg), max(first.size) / min(first.size)
    zoom = data.augmentation.zoom * (math.cos(turn) + shape * math.sin(turn))
    shortest = min(focal_of_view(WIDEST_DEG, width), focal)
    longest = max(focal_of_view(NARROWEST_DEG, width), focal) * zoom
    near, far = depth_range_m
    return near * focal_px / longest, far * focal_px / shortest


def training_lens(data: DataSettings, dataset: Dataset, *, seed: int = 0) -> TrainingLens:
    """The lens in the middle of those that the training's frames have, before any zoom.

    Args:
        data: with its size.
        dataset: that is trained on.
        seed: of the training, which draws its frames where `data.most_frames` limits them.

    Raises:
        DataError: for a frame whose lens is not known.
    """
    assert data.size is not None, "resolve the size first"
    frames = trained_frames(dataset, data, seed=seed)
    total = len(frames.sample_ids)
    count = min(total, _LOOKED_AT)
    focals, views = [], []
    for number in range(count):
        sample = frames.read(number * total // count, with_rgb=False)
        require_lens(sample)
        focals.append(_network_view(sample, data).focal_px)
        views.append(_view_along_long_side(sample))
    return TrainingLens(focal_px=median(focals), field_of_view_deg=median(views))


def _view_along_long_side(sample: Sample) -> float:
    """As prediction takes it where nobody says a lens: a camera held upright is the same camera."""
    height, width = sample.size
    axis = 0 if width >= height else 1
    return view_of_focal(float(sample.intrinsics[axis, axis]), max(height, width))


def _network_view(sample: Sample, data: DataSettings) -> Sample:
    """A frame as the network sees it, without variation."""
    assert data.size is not None
    cut = data.augmentation.aspect == "cut"
    window = largest_of_shape(data.size, sample.size) if cut else None
    return crop_resize(sample, data.size, full_window=window)
