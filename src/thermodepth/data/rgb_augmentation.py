"""What photographs vary in and a rendered world does not: grey, inverted, blurred, strongly coloured ones.

A teacher that has seen one renderer's colours reads its materials and not its shapes. Everything works on
8-bit RGB; depth and labels stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from thermodepth.config import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_LONGEST_BLUR_SIGMAS = 3


class RgbAugmentationSettings(Settings):
    """How often (a probability) and how much at most."""

    grey_probability: float = Field(0.0, ge=0, le=1)
    invert_probability: float = Field(0.0, ge=0, le=1)
    mix_probability: float = Field(0.0, ge=0, le=1)  # colours become mixtures of the three
    mix_strength: float = Field(0.6, gt=0, le=1)
    tone_probability: float = Field(0.0, ge=0, le=1)  # value ** gamma
    tone_strength: float = Field(0.7, gt=0, le=2)  # gamma from exp(-this) to exp(this)
    blur_probability: float = Field(0.0, ge=0, le=1)
    blur_sigma_px: float = Field(1.5, gt=0, le=20)  # at the network's size
    noise_probability: float = Field(0.0, ge=0, le=1)
    noise_strength: float = Field(0.08, gt=0, le=1)  # sigma, as a share of full scale

    @property
    def is_on(self) -> bool:
        """Whether anything can happen."""
        return any(getattr(self, f"{name}_probability") > 0 for name in PARTS)


def vary_rgb(
    rgb: NDArray[np.uint8], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A varied picture `[h w 3]`.

    Every part draws from a stream of its own, so that one switched off leaves the others as they were.
    """
    picture: NDArray[np.float32] = np.multiply(rgb, np.float32(1 / 255), dtype=np.float32)
    for (name, part), stream in zip(PARTS.items(), rng.spawn(len(PARTS)), strict=True):
        if stream.random() < getattr(settings, f"{name}_probability"):
            picture = part(picture, settings, stream)
            np.clip(picture, 0, 1, out=picture)
    return np.rint(picture * 255).astype(np.uint8)


_Part = Callable[
    ["NDArray[np.float32]", RgbAugmentationSettings, np.random.Generator], "NDArray[np.float32]"
]


def _mix(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Each colour a mixture of all three, its weights summing to one: grey stays grey."""
    strength = rng.uniform(0, settings.mix_strength)
    mixture = (1 - strength) * np.eye(3) + strength * rng.dirichlet(np.ones(3), size=3)
    mixed: NDArray[np.float32] = picture @ mixture.T.astype(np.float32)
    return mixed


def _grey(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    del settings, rng
    return np.repeat((picture @ _LUMA)[..., None], 3, axis=2)


def _tone(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    gamma = np.float32(math.exp(rng.uniform(-settings.tone_strength, settings.tone_strength)))
    toned: NDArray[np.float32] = np.power(picture, gamma, dtype=np.float32)
    return toned


def _invert(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    del settings, rng
    return 1 - picture


def _blur(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    import cv2

    sigma_px = max(rng.uniform(0, settings.blur_sigma_px), 1e-3)  # OpenCV reads 0 as "choose"
    side = 2 * int(np.ceil(_LONGEST_BLUR_SIGMAS * sigma_px)) + 1
    blurred: NDArray[np.float32] = cv2.GaussianBlur(
        picture, (side, side), sigma_px, borderType=cv2.BORDER_REPLICATE
    )
    return blurred


def _noise(
    picture: NDArray[np.float32], settings: RgbAugmentationSettings, rng: np.random.Generator
) -> NDArray[np.float32]:
    sigma = np.float32(rng.uniform(0, settings.noise_strength))
    return picture + sigma * rng.standard_normal(picture.shape, np.float32)


#: In the order of a camera: colour, tone, focus, noise.
PARTS: dict[str, _Part] = {
    "mix": _mix,
    "grey": _grey,
    "tone": _tone,
    "invert": _invert,
    "blur": _blur,
    "noise": _noise,
}
