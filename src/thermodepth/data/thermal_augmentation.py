"""What thermal cameras do to a frame, drawn at random: stripes, shutter events, saturation, blur, noise.

Everything works on raw values in their own unit, before the normaliser, in the order in which light and
signal pass the camera. Strengths are shares of the frame's 1 to 99 percentile span, so that one setting
serves counts, kelvin and 8-bit pictures. Depth, label and RGB stay as they are: a hot object here is a
surface that was heated, not one that was put in front.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from thermodepth.config import Settings
from thermodepth.thermal import HIGHEST, MIN_SPAN
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rows and columns of the coarse grid from which a smooth shutter residue is interpolated.
RESIDUE_GRID = (4, 5)
#: Semi-axes of a hot object as shares of the frame's short side.
HOT_OBJECT_SIZE = (0.05, 0.25)


class ThermalAugmentationSettings(Settings):
    """How often (a probability) and how much at most (a share of the span, where nothing else is said)."""

    hot_object_probability: float = Field(0.0, ge=0, le=1)  # one part so hot that it saturates
    hot_object_strength: float = Field(2.0, gt=0, le=100)
    blur_probability: float = Field(0.0, ge=0, le=1)  # optics out of focus
    blur_sigma_px: float = Field(1.0, gt=0, le=20)  # at the network's size
    stripes_probability: float = Field(0.0, ge=0, le=1)  # fixed pattern of columns or of rows
    stripes_strength: float = Field(0.05, gt=0, le=10)
    shutter_probability: float = Field(0.0, ge=0, le=1)  # an offset and a new smooth pattern
    shutter_strength: float = Field(0.1, gt=0, le=10)
    noise_probability: float = Field(0.0, ge=0, le=1)
    noise_strength: float = Field(0.03, gt=0, le=10)
    dead_pixels_probability: float = Field(0.0, ge=0, le=1)
    dead_pixels_share: float = Field(0.005, gt=0, le=0.5)  # of the pixels
    polarity_probability: float = Field(0.0, ge=0, le=1)  # hot becomes cold

    @property
    def is_on(self) -> bool:
        """Whether anything can happen."""
        return any(getattr(self, f"{name}_probability") > 0 for name in PARTS)


def vary_thermal(
    sample: Sample, settings: ThermalAugmentationSettings, rng: np.random.Generator
) -> Sample:
    """The sample with a varied thermal frame, float32 in its own unit.

    Every part draws from a stream of its own, so that one switched off leaves the others as they were.
    """
    raw = sample.thermal.astype(np.float32)
    low, high = (float(value) for value in np.percentile(raw, (1, 99)))
    span = max(high - low, MIN_SPAN[sample.thermal_unit])
    for (name, part), stream in zip(PARTS.items(), rng.spawn(len(PARTS)), strict=True):
        if stream.random() < getattr(settings, f"{name}_probability"):
            raw = part(raw, settings, span, stream)
    return replace(sample, thermal=np.clip(raw, 0, np.float32(HIGHEST[sample.thermal_unit])))


_Part = Callable[
    ["NDArray[np.float32]", ThermalAugmentationSettings, float, np.random.Generator],
    "NDArray[np.float32]",
]


def _hot_object(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """An ellipse at one value above the rest: what has saturated has no texture."""
    height, width = raw.shape
    centre, semi = rng.random(2), rng.uniform(*HOT_OBJECT_SIZE, 2) * min(height, width)
    rows = (np.arange(height) + 0.5 - centre[0] * height) / semi[0]
    columns = (np.arange(width) + 0.5 - centre[1] * width) / semi[1]
    inside = rows[:, None] ** 2 + columns[None, :] ** 2 < 1
    ceiling = np.float32(raw.max() + rng.uniform(0, settings.hot_object_strength) * span)
    return np.where(inside, ceiling, raw)


def _blur(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    import cv2

    del span
    sigma_px = max(rng.uniform(0, settings.blur_sigma_px), 1e-3)  # OpenCV reads 0 as "choose"
    blurred: NDArray[np.float32] = cv2.GaussianBlur(
        raw, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101
    )
    return blurred


def _stripes(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Every column, or every row, off by an amount of its own, as from amplifiers that differ."""
    across = bool(rng.random() < 0.5)
    sigma = rng.uniform(0, settings.stripes_strength) * span
    shape = (1, raw.shape[1]) if across else (raw.shape[0], 1)
    striped: NDArray[np.float32] = raw + rng.normal(0, sigma, shape).astype(np.float32)
    return striped


def _shutter(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """The frame after another shutter event: another offset, another smooth residue of the correction."""
    import cv2

    strength = settings.shutter_strength * span
    offset = rng.uniform(-strength, strength)
    grid = rng.normal(0, 0.5 * strength, RESIDUE_GRID).astype(np.float32)
    residue = cv2.resize(grid, raw.shape[::-1], interpolation=cv2.INTER_CUBIC)
    shifted: NDArray[np.float32] = raw + (residue + np.float32(offset))
    return shifted


def _noise(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    sigma = np.float32(rng.uniform(0, settings.noise_strength) * span)
    noisy: NDArray[np.float32] = raw + sigma * rng.standard_normal(raw.shape, dtype=np.float32)
    return noisy


def _dead_pixels(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Some pixels stand a span below or above everything else."""
    share = rng.uniform(0, settings.dead_pixels_share)
    draws = rng.random(raw.shape, dtype=np.float32)
    stuck = np.where(draws < share / 2, raw.min() - span, raw.max() + span)
    return np.where(draws < share, stuck, raw).astype(np.float32)


def _polarity(
    raw: NDArray[np.float32],
    settings: ThermalAugmentationSettings,
    span: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Mirrored about the middle of its range, so that the values stay ones the unit can have."""
    del settings, span, rng
    mirrored: NDArray[np.float32] = (raw.min() + raw.max()) - raw
    return mirrored


#: In the order of the signal: scene, optics, sensor, electronics, picture.
PARTS: dict[str, _Part] = {
    "hot_object": _hot_object,
    "blur": _blur,
    "stripes": _stripes,
    "shutter": _shutter,
    "noise": _noise,
    "dead_pixels": _dead_pixels,
    "polarity": _polarity,
}
