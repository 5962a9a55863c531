"""An RGB camera: lens, automatic exposure, photon and read noise, film curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.sensors.optics import box_mean, gaussian_blur
from thermodepth.synthetic.space.vectors import Array

_LENS_SIGMA_PX = 0.45
_LARGEST_GAIN = 7.0  # caps automatic exposure, so that night stays dark


def rgb_picture(light: Array, samples: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """[h*samples w*samples 3] linear light -> [h w 3]: lens, automatic exposure, noise, film curve."""
    picture = box_mean(gaussian_blur(light, _LENS_SIGMA_PX * samples), samples)
    rows, columns = picture.shape[:2]
    luminance = picture.mean(2)
    metered = np.percentile(luminance, 60) + 0.35 * luminance.mean() + 1e-4
    gain = min(0.40 / float(metered), _LARGEST_GAIN)
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None, :]
    vignette = 1 - 0.16 * (x * x + y * y)
    exposed = np.clip(picture * gain * vignette[..., None], 0, 4)
    full_well = 4000.0 / max(gain, 0.5)
    noisy = rng.poisson(exposed * full_well) / full_well
    noisy = noisy + rng.normal(0, 0.0025 * max(1.0, gain), exposed.shape)
    noisy = np.clip(noisy, 0, None)
    film = noisy * (1 + noisy / 6) / (1 + noisy)
    display = np.clip(film * 1.25, 0, 1) ** (1 / 2.2)
    return (display * 255 + rng.random(display.shape)).clip(0, 255).astype(np.uint8)
