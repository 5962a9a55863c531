"""Reflection at a slant against closed forms and looked-up figures."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.synthetic.materials.fresnel import (
    CONSTANTS,
    ROW_OF_MATERIAL,
    band_reflectance,
    fresnel,
    measured_reflectance,
)
from thermodepth.synthetic.materials.registry import MATERIAL_INDEX, MATERIALS


def at(*degrees: float) -> np.ndarray:
    return np.cos(np.radians(np.array(degrees)))


def test_along_the_normal_and_at_grazing() -> None:
    index = np.array([1.5 + 0j, 0.7 + 0.8j, 2.0 + 0.5j])
    normal, grazing = fresnel(index, np.array([1.0, 0.0])).T
    np.testing.assert_allclose(normal, np.abs((index - 1) / (index + 1)) ** 2, rtol=1e-12)
    np.testing.assert_allclose(grazing, 1.0, rtol=1e-12)


def test_at_brewster_s_angle_only_one_polarisation_is_left() -> None:
    n = 1.5
    angle = np.arctan(n)
    across = np.sin(angle - np.arcsin(np.sin(angle) / n)) ** 2  # over sin(sum)^2 = 1
    np.testing.assert_allclose(
        fresnel(np.array([n + 0j]), np.array([np.cos(angle)]))[0, 0], across / 2, rtol=1e-9
    )


@pytest.mark.parametrize("n", [1.1, 1.5, 3.0])
def test_a_real_index_follows_snell(n: float) -> None:
    angle = np.radians(np.array([5.0, 30, 60, 85]))
    inner = np.arcsin(np.sin(angle) / n)
    across = (np.sin(angle - inner) / np.sin(angle + inner)) ** 2
    along = (np.tan(angle - inner) / np.tan(angle + inner)) ** 2
    reflectance = fresnel(np.array([n + 0j]), np.cos(angle))[0]
    np.testing.assert_allclose(reflectance, (across + along) / 2, rtol=1e-9)


def test_glass_and_water_emit_what_their_constants_say() -> None:
    """Band emissivities, computed apart from this code; another weight in the band moves them by .005."""
    glass = 1 - band_reflectance("soda-lime glass", at(45, 60, 70, 75, 80))
    np.testing.assert_allclose(glass, [0.849, 0.781, 0.681, 0.600, 0.481], atol=0.006)
    water = 1 - band_reflectance("water", at(0, 45, 60, 70, 80))
    np.testing.assert_allclose(water, [0.986, 0.979, 0.948, 0.876, 0.661], atol=0.002)


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_table_is_the_formula(name: str) -> None:
    cosine = np.linspace(0, 1, 1001)
    row = np.full(1001, list(CONSTANTS).index(name))
    reflectance = measured_reflectance(row, cosine.astype(np.float32))
    np.testing.assert_allclose(reflectance, band_reflectance(name, cosine), atol=5e-4)
    assert (np.diff(reflectance) <= 1e-6).all(), "it rises towards grazing"
    wavelength = [line[0] for line in CONSTANTS[name]]
    assert wavelength == sorted(wavelength)
    assert wavelength[0] <= 7.5
    assert wavelength[-1] >= 14.5


def test_measured_materials_agree_with_their_declared_emissivity() -> None:
    """Which the energy balance and what stands in a mirror still use."""
    measured = {name: row.constants for name, row in MATERIALS.items() if row.constants}
    assert measured == {"glass": "soda-lime glass", "water": "water"}
    for name, constants in measured.items():
        assert 1 - band_reflectance(constants, at(0))[0] == pytest.approx(
            MATERIALS[name].emissivity, abs=0.006
        )
        assert ROW_OF_MATERIAL[MATERIAL_INDEX[name]] == list(CONSTANTS).index(constants)
    assert (ROW_OF_MATERIAL >= 0).sum() == len(measured)
