"""Is an RGB frame good enough to teach from? Some nights RGB sees nothing, and its depth is a guess.

Two gates, each with numbers that are kept and a reason that is counted:

- the *picture*, before a teacher spends time on it: light, saturation, sharpness, noise;
- the *agreement* of the teacher's map with what truth there is (see `metric_fit`).

Sharpness is the spread of the Laplacian of the picture, smoothed by one pixel, over that of the picture, so
that it does not depend on exposure: 0.07 to 0.16 for pictures in focus, below 0.015 under a blur of some
4 of 640 pixels. Noise is the same without the smoothing: below 1 for pictures, 4.5 for noise alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from thermodepth.config import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.teacher.metric_fit import MetricFit

#: Pictures are judged at this many pixels of the long side, about what depth models read.
JUDGED_AT_PX = 640
#: From this value of 255 a colour counts as saturated.
SATURATED = 250


class Rejection(StrEnum):
    """Why a frame got no label."""

    DARK = "RGB too dark"
    SATURATED = "RGB saturated"
    BLURRED = "RGB blurred"
    NOISY = "RGB noisy"
    SKEWED = "RGB and thermal exposed too far apart in time"
    NO_TRUTH = "too little truth to place the teacher's map in metres"
    WRONG_SIGN = "the teacher's map does not grow where the truth is nearer"
    DISAGREES = "the teacher's map disagrees with the truth"
    NO_TRUSTED_PIXEL = "no pixel of the thermal frame is trusted"


class QualitySettings(Settings):
    """What an RGB frame must have to teach. The defaults refuse only what a person would refuse."""

    min_brightness: float = Field(default=0.06, ge=0, le=1)  # mean, of 1
    max_saturated: float = Field(
        default=0.25, ge=0, le=1
    )  # share of the pixels, all colours at once
    min_sharpness: float = Field(default=0.015, ge=0)
    max_noise: float = Field(default=1.6, gt=0)
    #: Between the two exposures, where the motion in between is not known.
    max_skew_s: float = Field(default=0.1, ge=0)
    min_truth_points: int = Field(default=100, ge=8)
    min_inliers: float = Field(default=0.35, ge=0, le=1)  # share of truth within 10 % of the map
    max_residual: float = Field(default=0.2, gt=0, le=1)  # median relative error


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureQuality:
    """What the picture gate measured; shares and means of 1."""

    brightness: float
    saturated: float
    sharpness: float
    noise: float

    def rejection(self, settings: QualitySettings) -> Rejection | None:
        """The first gate that the picture does not pass."""
        if self.brightness < settings.min_brightness:
            return Rejection.DARK
        if self.saturated > settings.max_saturated:
            return Rejection.SATURATED
        if self.noise > settings.max_noise:
            return Rejection.NOISY
        if self.sharpness < settings.min_sharpness:
            return Rejection.BLURRED
        return None


def picture_quality(rgb: NDArray[np.uint8]) -> PictureQuality:
    """Measure an RGB picture `[h w 3]`."""
    import cv2

    shrink = min(1.0, JUDGED_AT_PX / max(rgb.shape[:2]))
    if shrink < 1:
        size = (max(round(rgb.shape[1] * shrink), 1), max(round(rgb.shape[0] * shrink), 1))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    # A picture of one grey has no detail to be sharp: its rounding must not count as such.
    contrast = max(float(grey.std()), 1 / 255)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1)
    sharpness, noise = (
        float(cv2.Laplacian(m, cv2.CV_32F, ksize=1).std()) / contrast for m in (smooth, grey)
    )
    return PictureQuality(
        brightness=float(grey.mean()),
        saturated=float((rgb.min(axis=2) >= SATURATED).mean()),
        sharpness=sharpness,
        noise=noise,
    )


def agreement_rejection(
    fit: MetricFit, settings: QualitySettings, *, needs_truth: bool
) -> Rejection | None:
    """The first gate that the fit does not pass; a map in metres may do without truth."""
    if fit.points < settings.min_truth_points:
        return Rejection.NO_TRUTH if needs_truth else None
    if not fit.scale > 0:
        return Rejection.WRONG_SIGN
    if fit.inliers < settings.min_inliers or fit.residual > settings.max_residual:
        return Rejection.DISAGREES
    return None
