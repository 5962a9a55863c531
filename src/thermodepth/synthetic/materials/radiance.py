"""Planck radiance in the long-wave band, and its inverse: what a microbolometer answers to.

    L(T) = int R(lam) c1 lam^-5 / (exp(c2 / (lam T)) - 1) dlam      [W m^-2 sr^-1]

with c1 = 2 h c^2, c2 = h c / k (CODATA) and R a smooth-edged 8-14 um box, the usual response of an
uncooled core. L(273) = 34.35, L(300) = 53.91, L(310) = 62.55.
"""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.space.vectors import Array

STEFAN_BOLTZMANN = 5.670374e-8  # W m^-2 K^-4
_C1 = 1.191042972e8  # W um^4 m^-2 sr^-1
_C2 = 1.4387768775e4  # um K

COLDEST_K = 150.0
HOTTEST_K = 600.0
STEP_K = 0.25


def band_response(wavelength: Array) -> Array:
    """[n] R at wavelengths in um, 0 to 1."""
    return np.asarray(
        1 / (1 + np.exp(-(wavelength - 8.0) / 0.12)) / (1 + np.exp((wavelength - 13.9) / 0.25))
    )


def planck(wavelength: Array, temperature_k: Array | float) -> Array:
    """Spectral radiance of a black body, W m^-2 sr^-1 um^-1, at wavelengths in um."""
    return np.asarray(_C1 / wavelength**5 / np.expm1(_C2 / (wavelength * temperature_k)))


def _band_table() -> tuple[Array, Array]:
    """Temperatures [n] and the radiance of a black body at each [n], both float64."""
    wavelength = np.linspace(7.5, 14.5, 141)
    temperature = np.arange(COLDEST_K, HOTTEST_K + STEP_K / 2, STEP_K)
    weighted = band_response(wavelength) * planck(wavelength, temperature[:, None])
    step = wavelength[1] - wavelength[0]
    return temperature, (weighted[:, 1:] + weighted[:, :-1]).sum(1) * step / 2


TABLE_K, TABLE_RADIANCE = _band_table()
_RADIANCE = TABLE_RADIANCE.astype(np.float32)
_RISE = np.append(np.diff(_RADIANCE), np.float32(0.0))


def band_radiance(temperature_k: Array | float) -> Array:
    """Radiance of a black body, by linear interpolation in the even table; 150..600 K, held outside."""
    position = (np.asarray(temperature_k, np.float32) - np.float32(COLDEST_K)) * np.float32(
        1 / STEP_K
    )
    position = np.clip(position, 0, len(_RADIANCE) - 1)
    index = position.astype(np.int32)
    radiance: Array = _RADIANCE[index] + (position - index) * _RISE[index]
    return radiance


def apparent_temperature_k(radiance: Array | float) -> Array:
    """The black body temperature with this radiance: the inverse of `band_radiance`."""
    kelvin: Array = np.interp(np.asarray(radiance), TABLE_RADIANCE, TABLE_K).astype(np.float32)
    return kelvin


def radiance_slope(temperature_k: float) -> float:
    """dL/dT in W m^-2 sr^-1 K^-1; 0.825 at 300 K."""
    above, below = band_radiance(temperature_k + 0.5), band_radiance(temperature_k - 0.5)
    return float(above - below)
