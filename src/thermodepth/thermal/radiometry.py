"""Counts to kelvin and back, for a camera whose Planck constants are known.

FLIR's formula, T = B / ln(R1 / (R2 (S + O)) + F), with S the counts and T the apparent temperature: that
of a black body which gives the same signal. Emissivity, reflections and the air in between are not in
it; they belong to a scene, not to a camera.

Source: the constants stand in every FLIR radiometric file (ExifTool, tags PlanckR1 ... PlanckO), and
for the A65 of MS2 and ViViD in their published code (R1 380747, R2 1, B 1428, F 1, O 88.539).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from thermodepth.config import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PlanckConstants(Settings):
    """The five constants of a calibrated camera, in FLIR's notation."""

    r1: float = Field(gt=0)
    r2: float = Field(1.0, gt=0)
    b: float = Field(gt=0)  # kelvin
    f: float = Field(1.0, gt=0)
    o: float = 0.0  # counts, added to the signal


def kelvin_of_counts(counts: NDArray[Any], constants: PlanckConstants) -> NDArray[np.float32]:
    """Apparent temperature in kelvin, any shape; NaN where the signal is none (S + O <= 0)."""
    signal = counts.astype(np.float64) + constants.o
    signal[signal <= 0] = np.nan
    with np.errstate(divide="ignore"):  # below F = 1 a signal can be beyond every temperature
        logarithm = np.log(constants.r1 / (constants.r2 * signal) + constants.f)
    logarithm[logarithm <= 0] = np.nan
    return (constants.b / logarithm).astype(np.float32)


def counts_of_kelvin(kelvin: NDArray[Any], constants: PlanckConstants) -> NDArray[np.float32]:
    """Counts, not rounded, any shape; the inverse of `kelvin_of_counts`."""
    radiance = np.exp(constants.b / kelvin.astype(np.float64)) - constants.f
    return (constants.r1 / (constants.r2 * radiance) - constants.o).astype(np.float32)
