"""Moving a whole sample at once: resize, crop, flip, and the drift of raw counts.

Every map of a sample moves with the image, and so do the intrinsics. Depth and labels are picked, never
interpolated: an average across a depth edge or with a hole is a distance that nothing has.

A crop that is enlarged again shows the scene through a longer lens, and that is what its matrix says. A
network that is not told the focal length must read such a picture as the same lens nearer by
(`as_one_lens`): depth is divided by the zoom, and the matrix keeps its focal length while the principal point
moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from thermodepth.camera import cropped, mirrored, pinhole, resized, rolled
from thermodepth.config import Settings
from thermodepth.data.rgb_augmentation import RgbAugmentationSettings, vary_rgb
from thermodepth.data.thermal_augmentation import ThermalAugmentationSettings, vary_thermal
from thermodepth.thermal import HIGHEST
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AugmentationSettings(Settings):
    """How training frames are varied. Zero turns a part off."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"zoom_least", "roll_deg", "aspect", "size_least", "size_most", "rgb"}
    )

    flip_probability: float = Field(0.5, ge=0, le=1)
    #: Crops are enlarged by `zoom_least` to `zoom`; where they lie is drawn, so the horizon moves by up to
    #: (1 - 1/zoom) / 2 of the height.
    zoom: float = Field(1.15, ge=1, le=2)
    zoom_least: float = Field(1.0, ge=1, le=2)
    #: The camera is turned about its axis by up to so many degrees either way, and the corners that come to
    #: lie outside are cut away.
    roll_deg: float = Field(0.0, ge=0, le=30)
    #: Frames of another shape than `data.size` are stretched to it, or cut at their long side.
    aspect: Literal["stretch", "cut"] = "stretch"
    #: A batch's sides as shares of `data.size`, drawn anew for every step between these two.
    size_least: float = Field(1.0, ge=0.25, le=1)
    size_most: float = Field(1.0, ge=1, le=4)
    #: Contrast of the raw frame varies by this share, its level by this share of the span. For recipes
    #: that keep both (`fixed_range`, `temperature`, `raw_14bit`); the others undo them.
    gain: float = Field(0.0, ge=0, lt=1)
    offset: float = Field(0.0, ge=0, lt=1)
    colour: float = Field(0.25, ge=0, lt=1)  # each colour of an RGB input varies by this share
    thermal: ThermalAugmentationSettings = ThermalAugmentationSettings()
    rgb: RgbAugmentationSettings = RgbAugmentationSettings()

    @model_validator(mode="after")
    def _zoom_is_a_range(self) -> Self:
        if self.zoom_least > self.zoom:
            raise ValueError(f"zoom_least {self.zoom_least:g} must not be above zoom {self.zoom:g}")
        return self


def augment(
    sample: Sample,
    settings: AugmentationSettings,
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    knows_lens: bool = False,
) -> Sample:
    """A varied copy at `size` (rows, columns). The same generator state gives the same copy.

    Args:
        sample: any frame.
        settings: what may happen to it.
        size: (rows, columns) of the copy.
        rng: every draw comes from it, or from a child of it.
        knows_lens: the network is told the focal length, so a zoom changes that and not the depth.
    """
    # Always the same number of draws, so that one part switched off leaves the others as they were.
    flip, zoom, place_x, place_y, gain, offset, *colours = rng.random(9)
    thermal_rng, roll_rng, rgb_rng = rng.spawn(3)
    before = sample.size
    if settings.roll_deg:
        sample = roll(sample, degrees=settings.roll_deg * float(roll_rng.uniform(-1, 1)))
    factor = settings.zoom_least + (settings.zoom - settings.zoom_least) * float(zoom)
    full_window = (
        sample.size if settings.aspect == "stretch" else largest_of_shape(size, sample.size)
    )
    position = float(place_y), float(place_x)
    sample = crop_resize(sample, size, zoom=factor, position=position, full_window=full_window)
    if not knows_lens:
        # What roll and shape have cut away is a zoom too.
        cut = math.sqrt((before[0] * before[1]) / (full_window[0] * full_window[1]))
        sample = as_one_lens(sample, zoom=factor * cut)
    if flip < settings.flip_probability:
        sample = mirror(sample)
    if sample.rgb is not None:
        sample = tint(sample, [1 + settings.colour * (2 * float(c) - 1) for c in colours])
    if sample.rgb is not None and settings.rgb.is_on:
        sample = replace(sample, rgb=vary_rgb(sample.rgb, settings.rgb, rgb_rng))
    if settings.thermal.is_on:
        sample = vary_thermal(sample, settings.thermal, thermal_rng)
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
    position: tuple[float, float] = (0.5, 0.5),
    full_window: tuple[float, float] | None = None,
) -> Sample:
    """Cut a window of 1/zoom of the frame and bring it to `size`; the matrix says which lens that is.

    Args:
        sample: any frame.
        size: (rows, columns) of the result.
        zoom: 1 keeps the whole frame.
        position: where the window lies in the free room, (0, 0) top left to (1, 1) bottom right.
        full_window: (rows, columns) of the window at zoom 1; None: the frame.
    """
    height, width = sample.size
    full_h, full_w = full_window or sample.size
    window_h, window_w = max(round(full_h / zoom), 2), max(round(full_w / zoom), 2)
    top, left = round((height - window_h) * position[0]), round((width - window_w) * position[1])
    window = np.s_[top : top + window_h, left : left + window_w]
    sample = without_foreign_rgb(sample)
    depth_m, label, rgb = sample.depth_m, sample.label, sample.rgb
    if depth_m is not None:
        depth_m = pick(depth_m[window], size)
    intrinsics = cropped(sample.intrinsics, left=left, top=top)
    intrinsics = resized(intrinsics, scale_x=size[1] / window_w, scale_y=size[0] / window_h)
    return replace(
        sample,
        thermal=resize_image(sample.thermal[window], size),
        intrinsics=intrinsics,
        depth_m=depth_m,
        label=None if label is None else pick(label[window], size),
        sky=None if sample.sky is None else pick(sample.sky[window], size),
        rgb=None if rgb is None else resize_image(rgb[window], size),
    )


def largest_of_shape(shape: tuple[int, int], size: tuple[int, int]) -> tuple[float, float]:
    """(rows, columns) of the largest window with the aspect of `shape` in a frame of `size`."""
    height, width = size
    return min(height, width * shape[0] / shape[1]), min(width, height * shape[1] / shape[0])


def as_one_lens(sample: Sample, *, zoom: float) -> Sample:
    """A frame that was enlarged, as the lens before would have shown it from nearer by.

    Depth is divided by the zoom, and so is the focal length; it stays as it was but for the window's whole
    pixels.
    """
    intrinsics = sample.intrinsics.copy()
    intrinsics[0, 0] /= np.float32(zoom)
    intrinsics[1, 1] /= np.float32(zoom)
    depth_m = None if sample.depth_m is None else sample.depth_m * np.float32(1 / zoom)
    return replace(sample, depth_m=depth_m, intrinsics=intrinsics)


def roll(sample: Sample, *, degrees: float) -> Sample:
    """The frame of a camera turned about its own axis, cut to the largest window that it fills.

    The window has the shape of the frame. Depth along the axis stays what it was. Of a lens that is not known
    square pixels are taken.

    Args:
        sample: any frame.
        degrees: of the turn, clockwise as the camera looks.
    """
    import cv2

    sample = without_foreign_rgb(sample)
    height, width = sample.size
    lens_known = bool(np.isfinite(sample.intrinsics).all())
    lens = sample.intrinsics if lens_known else pinhole(1.0, width, height)
    old_of_new, intrinsics = rolled(lens, degrees=degrees, size=(height, width))
    # Of pixel numbers, whose centres lie half a pixel on, as cv2 counts.
    half = np.array([0.5, 0.5])
    affine = old_of_new.copy()
    affine[:, 2] += old_of_new[:, :2] @ half - half

    def turned(array: NDArray[Any] | None, method: int) -> Any:
        if array is None:
            return None
        return cv2.warpAffine(
            array,
            affine,
            (width, height),
            flags=method | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    # cv2 turns no truth values.
    sky = turned(None if sample.sky is None else sample.sky.view(np.uint8), cv2.INTER_NEAREST)
    sample = replace(
        sample,
        thermal=turned(_for_cv2(sample.thermal), cv2.INTER_LINEAR),
        intrinsics=intrinsics if lens_known else sample.intrinsics,
        depth_m=turned(sample.depth_m, cv2.INTER_NEAREST),
        label=turned(sample.label, cv2.INTER_NEAREST),
        sky=None if sky is None else sky.astype(np.bool_),
        rgb=turned(sample.rgb, cv2.INTER_LINEAR),
    )
    # A window of this share reaches the frame's sides with its corners.
    reach = np.abs(old_of_new[:, :2]) @ [width, height]
    share = min(width / reach[0], height / reach[1])
    rows, columns = max(int(height * share), 2), max(int(width * share), 2)
    top, left = (height - rows) // 2, (width - columns) // 2
    return _window(sample, top=top, left=left, size=(rows, columns))


def _window(sample: Sample, *, top: int, left: int, size: tuple[int, int]) -> Sample:
    """The part of a frame that begins `top` rows down and `left` columns in."""
    part = np.s_[top : top + size[0], left : left + size[1]]

    def cut(array: NDArray[Any] | None) -> Any:
        return None if array is None else array[part]

    return replace(
        sample,
        thermal=cut(sample.thermal),
        depth_m=cut(sample.depth_m),
        label=cut(sample.label),
        sky=cut(sample.sky),
        rgb=cut(sample.rgb),
        intrinsics=cropped(sample.intrinsics, left=left, top=top),
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
        label=flip(sample.label),
        sky=flip(sample.sky),
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
    image = _for_cv2(image)
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    result: NDArray[Any] = cv2.resize(image, (size[1], size[0]), interpolation=method)
    return result


def thumbnail(picture: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """[rows * columns] area means of a picture `[h w]` or `[h w 3]`; what is not finite takes the median."""
    import cv2

    grey = picture.mean(axis=2, dtype=np.float32) if picture.ndim == 3 else picture
    grey = grey.astype(np.float32)
    valid = np.isfinite(grey)
    if not valid.all():
        grey = np.where(valid, grey, np.median(grey[valid]) if valid.any() else np.float32(0))
    small = cv2.resize(grey, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32).ravel()


def _for_cv2(image: NDArray[Any]) -> NDArray[Any]:
    """A type that cv2 can resize and turn; 16-bit counts stay exact."""
    if image.dtype in (np.uint8, np.uint16, np.float32, np.float64):
        return image
    return image.astype(np.float32)


def pick(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map `[h w]` at `size` by the nearest pixel centre: no value is made that was not there."""
    height, width = values.shape
    if (height, width) == size:
        return values
    rows = np.floor((np.arange(size[0]) + 0.5) * (height / size[0])).astype(np.intp)
    columns = np.floor((np.arange(size[1]) + 0.5) * (width / size[1])).astype(np.intp)
    nearest: NDArray[Any] = values[rows[:, None], columns[None, :]]
    return nearest
