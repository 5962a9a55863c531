"""What cameras make of radiance: an RGB sensor, thermal optics, and the noise of a microbolometer.

The thermal path is cut in two. `apparent_temperature` belongs to the renderer: optics and detector area,
no noise. `counts` belongs to the training loader: it makes fresh raw counts from the stored noise-free
map, in well under a millisecond, and needs nothing but numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.matter.radiance import (
    apparent_temperature_k,
    band_radiance,
    radiance_slope,
)
from thermodepth.synthetic.vectors import Array

_OPTICS_SIGMA_PX = 0.65  # diffraction and defocus of a thermal lens, in output pixels
_LENS_SIGMA_PX = 0.45  # of an RGB lens
_LARGEST_SMEAR_PX = 0.8
_LARGEST_GAIN = 7.0  # caps automatic exposure, so that night stays dark
_COUNTS_TEMPERATURE_K = 300.0  # where counts_per_k holds


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrobolometerSettings:
    """An uncooled core without radiometric calibration.

    The noise terms follow the three-dimensional noise split (D'Agostino and Webb 1991) for one frame:
    each is a share of the noise-equivalent temperature difference (NETD). Gain unevenness and drift
    after Wolf et al., Sensors 2016, 16(7) 1121.
    """

    counts_per_k: float = 45.0  # at 300 K
    base_counts: float = 7300.0  # for a scene at reference_k
    reference_k: float = 295.0
    drift_counts: float = 150.0  # sigma, one draw a frame: absolute counts mean little
    netd_low_k: float = 0.04  # one uniform draw a frame between these
    netd_high_k: float = 0.09
    column_share: float = 0.55
    row_share: float = 0.40
    pixel_share: float = 0.45  # fixed pattern left after the last shutter event
    gain_pixel: float = 0.0015  # sigma of the relative gain
    gain_column: float = 0.001
    shading_k: float = 0.12  # sigma of the radial lens and narcissus shading at mid-edge
    tilt_k: float = 0.06
    bits: int = 14


_DEFAULT = MicrobolometerSettings()
_SLOPE = radiance_slope(_COUNTS_TEMPERATURE_K)


def counts(
    apparent_temperature: Array,
    rng: np.random.Generator,
    settings: MicrobolometerSettings = _DEFAULT,
) -> NDArray[np.uint16]:
    """[h w] kelvin -> [h w] raw counts; the same generator state gives the same counts.

    counts = base + drift + counts_per_k ((L - L_ref) gain / (dL/dT at 300 K) + noise_k): linear in
    radiance, so a sky 60 K below the scene is worth fewer counts a kelvin, as it is to a real core.
    """
    s = settings
    rows, columns = apparent_temperature.shape
    reference = float(band_radiance(s.reference_k))
    netd_k = float(rng.uniform(s.netd_low_k, s.netd_high_k))
    drift, radial, tilt_x, tilt_y = rng.standard_normal(4).tolist()

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=np.float32)

    signal_k = band_radiance(apparent_temperature)
    signal_k -= np.float32(reference)
    signal_k *= np.float32(1 / _SLOPE)
    uneven = normal(rows, columns) * np.float32(s.gain_pixel)
    uneven += normal(1, columns) * np.float32(s.gain_column) + np.float32(1)
    signal_k *= uneven
    # In a single frame a pixel's temporal and fixed noise cannot be told apart: one draw for both.
    signal_k += normal(rows, columns) * np.float32(netd_k * (1 + s.pixel_share**2) ** 0.5)
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    shading, tilt = s.shading_k * radial, s.tilt_k
    by_row = normal(rows, 1) * np.float32(netd_k * s.row_share)
    by_column = normal(1, columns) * np.float32(netd_k * s.column_share)
    signal_k += by_row + y * y * np.float32(shading) + y * np.float32(tilt * tilt_y)
    signal_k += by_column + x * x * np.float32(shading) + x * np.float32(tilt * tilt_x)
    signal_k *= np.float32(s.counts_per_k)
    signal_k += np.float32(s.base_counts + s.drift_counts * drift)
    return np.rint(signal_k, out=signal_k).clip(0, 2**s.bits - 1).astype(np.uint16)


def apparent_temperature(
    radiance: Array, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """[h*samples w*samples] radiance -> [h w] kelvin: lens blur, time constant, detector area.

    The time constant of the detector smears a moving scene to one side, exp(-x / reach), reach up to
    0.8 px; how much is one draw a frame.
    """
    blurred = _gaussian_blur(radiance.astype(np.float64), _OPTICS_SIGMA_PX * samples)
    reach = float(rng.uniform(0, _LARGEST_SMEAR_PX)) * samples
    to_the_left = rng.random() < 0.5
    if reach > 0.3:
        blurred = (
            _smear(blurred[:, ::-1], reach)[:, ::-1] if to_the_left else _smear(blurred, reach)
        )
    return apparent_temperature_k(_box_mean(blurred, samples))


def rgb_picture(light: Array, samples: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """[h*samples w*samples 3] linear light -> [h w 3]: lens, automatic exposure, noise, film curve."""
    picture = _box_mean(_gaussian_blur(light, _LENS_SIGMA_PX * samples), samples)
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


def _gaussian_blur(image: Array, sigma: float) -> Array:
    """Along rows and columns; the border is repeated."""
    radius = int(4 * sigma + 0.5)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if a == axis else (0, 0) for a in range(image.ndim)]
        padded = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        image = sum(
            tap * np.take(padded, range(i, i + length), axis) for i, tap in enumerate(taps.tolist())
        )
    return image


def _smear(image: Array, reach: float) -> Array:
    """One-sided exponential along the columns."""
    taps = np.exp(-np.arange(int(4 * reach) + 1) / reach)
    taps /= taps.sum()
    size, columns = len(taps), image.shape[1]
    padded = np.pad(image, ((0, 0), (size, 0)), mode="edge")
    smeared: Array = np.zeros_like(image)
    for i, tap in enumerate(taps.tolist()):
        smeared += tap * padded[:, size - i : size - i + columns]
    return smeared


def _box_mean(image: Array, samples: int) -> Array:
    """Mean over samples x samples blocks: the area of a detector."""
    rows, columns = image.shape[0] // samples, image.shape[1] // samples
    blocks = image.reshape(rows, samples, columns, samples, *image.shape[2:])
    mean: Array = blocks.mean((1, 3))
    return mean
