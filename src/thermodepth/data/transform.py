"""Moving a whole sample at once: resize, crop, flip, and the drift of raw counts.

Every map of a sample moves with the image, and so do the intrinsics. Depth and labels are picked, never
interpolated: an average across a depth edge or with a hole is a distance that nothing has.

A crop that is enlarged again shows the scene through a longer lens. The network is not told the focal
length, so it must read such a picture as the same lens nearer by: depth is divided by the zoom, and the
matrix keeps its focal length while the principal point moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from thermodepth.camera import cropped, mirrored, resized
from thermodepth.config import Settings
from thermodepth.data.thermal_augmentation import ThermalAugmentationSettings, vary_thermal
from thermodepth.thermal import HIGHEST
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AugmentationSettings(Settings):
    """How training frames are varied. Zero turns a part off."""

    flip_probability: float = Field(0.5, ge=0, le=1)
    zoom: float = Field(1.15, ge=1, le=2)  # crops are enlarged by 1 to this factor
    #: Contrast of the raw frame varies by this share, its level by this share of the span. For recipes
    #: that keep both (`fixed_range`, `temperature`, `raw_14bit`); the others undo them.
    gain: float = Field(0.0, ge=0, lt=1)
    offset: float = Field(0.0, ge=0, lt=1)
    colour: float = Field(0.25, ge=0, lt=1)  # each colour of an RGB input varies by this share
    thermal: ThermalAugmentationSettings = ThermalAugmentationSettings()


def augment(
    sample: Sample,
    settings: AugmentationSettings,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Sample:
    """A varied copy at `size` (rows, columns). The same generator state gives the same copy."""
    # Always the same number of draws, so that one part switched off leaves the others as they were.
    flip, zoom, place_x, place_y, gain, offset, *colours = rng.random(9)
    factor = 1 + (settings.zoom - 1) * float(zoom)
    sample = crop_resize(sample, size, zoom=factor, place=(float(place_y), float(place_x)))
    if flip < settings.flip_probability:
        sample = mirror(sample)
    if sample.rgb is not None:
        sample = tint(sample, [1 + settings.colour * (2 * float(c) - 1) for c in colours])
    if settings.thermal.is_on:
        sample = vary_thermal(sample, settings.thermal, rng.spawn(1)[0])
    return drift(
        sample,
        gain=1 + settings.gain * (2 * float(gain) - 1),
        offset=settings.offset * (2 * float(offset) - 1),
    )


def crop_resize(
    sample: Sample,
    size: tuple[int, int],
    *,
    zoom: float = 1.0,
    place: tuple[float, float] = (0.5, 0.5),
) -> Sample:
    """Cut a window of 1/zoom of the frame and bring it to `size`.

    Args:
        sample: any frame.
        size: (rows, columns) of the result.
        zoom: 1 keeps the whole frame.
        place: where the window lies in the free room, (0, 0) top left to (1, 1) bottom right.
    """
    height, width = sample.size
    window_h, window_w = max(round(height / zoom), 2), max(round(width / zoom), 2)
    top, left = round((height - window_h) * place[0]), round((width - window_w) * place[1])
    window = np.s_[top : top + window_h, left : left + window_w]
    sample = without_foreign_rgb(sample)
    depth_m, label, rgb = sample.depth_m, sample.label, sample.rgb
    if depth_m is not None:
        depth_m = pick(depth_m[window], size) * np.float32(1 / zoom)
    intrinsics = cropped(sample.intrinsics, left=left, top=top)
    intrinsics = resized(intrinsics, scale_x=size[1] / window_w, scale_y=size[0] / window_h)
    # The zoom went into the depth, so the lens stays as it was, but for the window's whole pixels.
    intrinsics[0, 0] /= np.float32(zoom)
    intrinsics[1, 1] /= np.float32(zoom)
    return replace(
        sample,
        thermal=resize_image(sample.thermal[window], size),
        intrinsics=intrinsics,
        depth_m=depth_m,
        sky=None if sample.sky is None else pick(sample.sky[window], size),
        label=None if label is None else pick(label[window], size),
        rgb=None if rgb is None else resize_image(rgb[window], size),
    )


def mirror(sample: Sample) -> Sample:
    """The frame left to right."""

    def flip(array: NDArray[Any] | None) -> Any:
        return None if array is None else np.ascontiguousarray(array[:, ::-1])

    sample = without_foreign_rgb(sample)
    return replace(
        sample,
        thermal=flip(sample.thermal),
        depth_m=flip(sample.depth_m),
        sky=flip(sample.sky),
        label=flip(sample.label),
        rgb=flip(sample.rgb),
        intrinsics=mirrored(sample.intrinsics, width=sample.size[1]),
    )


def without_foreign_rgb(sample: Sample) -> Sample:
    """The frame without an RGB image of another view, which no window of this one is a window of."""
    return sample if sample.rgb_view is None else replace(sample, rgb=None, rgb_view=None)


def drift(sample: Sample, *, gain: float, offset: float) -> Sample:
    """The raw frame as the same camera would give it warmer or colder.

    Args:
        sample: any frame.
        gain: factor on the contrast about the frame's mean.
        offset: shift as a share of the frame's span.
    """
    raw = sample.thermal.astype(np.float32)
    mean, span = raw.mean(), raw.max() - raw.min()
    moved = (raw - mean) * np.float32(gain) + (mean + np.float32(offset) * span)
    return replace(sample, thermal=np.clip(moved, 0, HIGHEST[sample.thermal_unit]))


def tint(sample: Sample, gains: Sequence[float]) -> Sample:
    """The RGB image under other light: each colour times its gain."""
    assert sample.rgb is not None
    light = sample.rgb * np.asarray(gains, np.float32)
    return replace(sample, rgb=np.clip(np.rint(light), 0, 255).astype(np.uint8))


def resize_image(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """An image `[h w]` or `[h w 3]` at `size`: area mean when shrinking, bilinear when enlarging."""
    import cv2

    if image.shape[:2] == size:
        return image
    if image.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        image = image.astype(np.float32)  # cv2 resizes no other type; 16-bit counts stay exact
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    result: NDArray[Any] = cv2.resize(image, (size[1], size[0]), interpolation=method)
    return result


def pick(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map `[h w]` at `size` by the nearest pixel centre: no value is made that was not there."""
    height, width = values.shape
    if (height, width) == size:
        return values
    rows = np.floor((np.arange(size[0]) + 0.5) * (height / size[0])).astype(np.intp)
    columns = np.floor((np.arange(size[1]) + 0.5) * (width / size[1])).astype(np.intp)
    picked: NDArray[Any] = values[rows[:, None], columns[None, :]]
    return picked
