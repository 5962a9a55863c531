"""What a surface reflects of the long-wave band at a slant: Fresnel where its n and k are measured.

    R(cos) = int R_band(lam) B(lam, 288 K) (|r_s|^2 + |r_p|^2) / 2 dlam / int R_band B dlam

    r_s = (cos - q) / (cos + q),  r_p = (N^2 cos - q) / (N^2 cos + q),  q = sqrt(N^2 - sin^2),  N = n + i k

Schlick's approximation, r0 + (1 - r0)(1 - cos)^5, belongs to glass in visible light. In this band the
index of glass runs through .6 to 2 within a few micrometres, and by 60 to 75 degrees glass reflects up to .09
more than Schlick has it: 2 to 3 K under a clear sky. So materials name their `constants`; those without
keep Schlick with their declared emissivity.
"""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.materials.radiance import band_response, planck
from thermodepth.synthetic.materials.registry import MATERIALS
from thermodepth.synthetic.space.vectors import Array

#: Wavelength in um, n, k; linear in between.
#: Soda-lime window glass: Rubin, Sol. Energy Mater. 12, 275 (1985), the same for clear and coloured glass.
#: Water at 25 C: Hale and Querry, Appl. Opt. 12, 555 (1973). Both as refractiveindex.info gives them (CC0).
CONSTANTS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "soda-lime glass": (
        (7.0, 1.152, 0.008),
        (8.0, 0.939, 0.028),
        (8.2, 0.822, 0.061),
        (8.4, 0.624, 0.216),
        (8.5, 0.613, 0.354),
        (8.7, 0.684, 0.543),
        (9.0, 0.736, 0.759),
        (9.2, 0.812, 0.938),
        (9.4, 0.971, 1.123),
        (9.5, 1.085, 1.187),
        (9.6, 1.209, 1.232),
        (9.8, 1.479, 1.240),
        (10.0, 1.707, 1.123),
        (10.5, 1.956, 0.809),
        (11.0, 1.994, 0.485),
        (11.5, 1.864, 0.286),
        (12.0, 1.733, 0.222),
        (12.5, 1.612, 0.244),
        (13.0, 1.606, 0.306),
        (13.5, 1.615, 0.304),
        (14.0, 1.615, 0.280),
        (14.5, 1.558, 0.269),
    ),
    "water": (
        (7.0, 1.317, 0.0320),
        (8.0, 1.291, 0.0343),
        (8.6, 1.275, 0.0372),
        (9.0, 1.262, 0.0399),
        (9.4, 1.247, 0.0433),
        (9.8, 1.229, 0.0479),
        (10.0, 1.218, 0.0508),
        (10.5, 1.185, 0.0662),
        (11.0, 1.153, 0.0968),
        (11.5, 1.126, 0.142),
        (12.0, 1.111, 0.199),
        (12.5, 1.123, 0.259),
        (13.0, 1.146, 0.305),
        (13.5, 1.177, 0.343),
        (14.0, 1.210, 0.370),
        (14.5, 1.241, 0.388),
    ),
}

_WEIGHED_AT_K = 288.0
_STEPS = 256  # of the cosine, from grazing to normal


def fresnel(index: Array, cosine: Array) -> Array:
    """Reflectance of unpolarised light, from air onto an absorbing medium.

    Args:
        index: [n] complex, n + i k.
        cosine: [m] of the angle of incidence, 0 to 1.

    Returns:
        [n m].
    """
    squared = np.asarray(index, np.complex128)[:, None] ** 2
    mu = np.asarray(cosine, np.float64)
    inner = np.sqrt(squared - (1 - mu**2))
    across = (mu - inner) / (mu + inner)
    along = (squared * mu - inner) / (squared * mu + inner)
    reflectance: Array = (np.abs(across) ** 2 + np.abs(along) ** 2) / 2
    return reflectance


def band_reflectance(constants: str, cosine: Array) -> Array:
    """[m] what a body of these `CONSTANTS` reflects of the band at [m] cosines of incidence."""
    wavelength = np.linspace(7.5, 14.5, 281)
    known, n, k = np.array(CONSTANTS[constants]).T
    index = np.interp(wavelength, known, n) + 1j * np.interp(wavelength, known, k)
    weight = band_response(wavelength) * planck(wavelength, _WEIGHED_AT_K)
    averaged: Array = weight @ fresnel(index, cosine) / weight.sum()
    return averaged


def _table() -> Array:
    """[rows, steps + 1] of the constants in order, over evenly spaced cosines."""
    cosine = np.linspace(0.0, 1.0, _STEPS + 1)
    return np.stack([band_reflectance(name, cosine) for name in CONSTANTS]).astype(np.float32)


_REFLECTANCE = _table()
_ROW = {name: row for row, name in enumerate(CONSTANTS)}
WATER = _ROW["water"]
#: [materials] the row of each material's constants; -1: not measured.
ROW_OF_MATERIAL = np.array([_ROW.get(material.constants, -1) for material in MATERIALS.values()])


def measured_reflectance(row: Array, cosine: Array) -> Array:
    """[k] the band's reflectance for rows of `CONSTANTS` at cosines, both [k], linear in an even table."""
    position = np.clip(cosine, 0, 1) * np.float32(_STEPS)
    lower = np.minimum(position.astype(np.int32), _STEPS - 1)
    low, high = _REFLECTANCE[row, lower], _REFLECTANCE[row, lower + 1]
    interpolated: Array = low + (position - lower) * (high - low)
    return interpolated
