"""Thermal optics: what the lens, the time constant and the area of a detector make of radiance.

This belongs to the renderer and has no noise. The electronics behind it are `sensors.microbolometer`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.synthetic.materials.radiance import apparent_temperature_k
from thermodepth.synthetic.space.vectors import Array

OPTICS_SIGMA_PX = 0.65  # diffraction and defocus of a thermal lens, in output pixels
_LARGEST_SMEAR_PX = 0.8


def apparent_temperature(
    radiance: Array,
    samples: int,
    rng: np.random.Generator,
    *,
    sigma_px: float = OPTICS_SIGMA_PX,
) -> NDArray[np.float32]:
    """[h*samples w*samples] radiance -> [h w] kelvin: lens blur, time constant, detector area.

    The time constant of the detector smears a moving scene to one side, exp(-x / reach), reach up to
    0.8 px; how much is one draw a frame.
    """
    blurred = gaussian_blur(radiance.astype(np.float64), sigma_px * samples)
    reach = float(rng.uniform(0, _LARGEST_SMEAR_PX)) * samples
    to_the_left = rng.random() < 0.5
    if reach > 0.3:
        blurred = smear(blurred[:, ::-1], reach)[:, ::-1] if to_the_left else smear(blurred, reach)
    return apparent_temperature_k(box_mean(blurred, samples))


def gaussian_blur(image: Array, sigma: float) -> Array:
    """[h w ...] blurred along rows and columns, sigma in samples; the border is repeated."""
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


def smear(image: Array, reach: float) -> Array:
    """[h w] smeared to the right by a one-sided exponential, which moves the centroid by `reach`."""
    # Each tap is the integral of the exponential over the sample it stands for.
    edges = np.maximum(np.arange(int(6 * reach) + 3) - 0.5, 0.0)
    taps = -np.diff(np.exp(-edges / reach))
    taps /= taps.sum()
    size, columns = len(taps), image.shape[1]
    padded = np.pad(image, ((0, 0), (size, 0)), mode="edge")
    smeared: Array = np.zeros_like(image)
    for i, tap in enumerate(taps.tolist()):
        smeared += tap * padded[:, size - i : size - i + columns]
    return smeared


def box_mean(image: Array, samples: int) -> Array:
    """[h*samples w*samples ...] -> [h w ...], the mean of each block: the area of a detector."""
    rows, columns = image.shape[0] // samples, image.shape[1] // samples
    blocks = image.reshape(rows, samples, columns, samples, *image.shape[2:])
    mean: Array = blocks.mean((1, 3))
    return mean
