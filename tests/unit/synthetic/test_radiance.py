"""Band radiance against the values of the fact sheet."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.synthetic.matter.radiance import (
    STEFAN_BOLTZMANN,
    apparent_temperature_k,
    band_radiance,
    radiance_slope,
)


@pytest.mark.parametrize(
    ("kelvin", "radiance"), [(273.0, 34.35), (293.0, 48.32), (300.0, 53.91), (310.0, 62.55)]
)
def test_known_values(kelvin: float, radiance: float) -> None:
    assert float(band_radiance(kelvin)) == pytest.approx(radiance, rel=0.005)


def test_slope_and_share_of_all_radiation() -> None:
    assert radiance_slope(300.0) == pytest.approx(0.825, rel=0.005)
    share = float(band_radiance(300.0)) / (STEFAN_BOLTZMANN * 300.0**4 / np.pi)
    assert share == pytest.approx(0.369, rel=0.005)


def test_inverse() -> None:
    kelvin = np.linspace(200.0, 500.0, 999).astype(np.float32)
    assert np.abs(apparent_temperature_k(band_radiance(kelvin)) - kelvin).max() < 2e-3


def test_held_outside_of_the_table() -> None:
    assert float(band_radiance(10.0)) == float(band_radiance(150.0))
    assert float(band_radiance(9999.0)) == float(band_radiance(600.0))
