"""Band radiance against printed values and an integral of its own; a black wall reads its temperature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import constants
from scipy.integrate import quad

from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.materials.radiance import (
    STEFAN_BOLTZMANN,
    TABLE_K,
    TABLE_RADIANCE,
    apparent_temperature_k,
    band_radiance,
    radiance_slope,
)
from thermodepth.synthetic.materials.registry import COLUMNS
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.sensors.microbolometer import (
    MicrobolometerSettings,
    counts,
    kelvin_of_counts,
)


def _planck(wavelength_um: float, kelvin: float) -> float:
    """Spectral radiance in W m^-2 sr^-1 um^-1, in SI from end to end."""
    metres = wavelength_um * 1e-6
    energy = constants.h * constants.c / (metres * constants.k * kelvin)
    per_metre = 2 * constants.h * constants.c**2 / metres**5 / np.expm1(energy)
    return float(per_metre * 1e-6)


def _response(wavelength_um: float) -> float:
    rise = 1 / (1 + np.exp(-(wavelength_um - 8.0) / 0.12))
    return float(rise / (1 + np.exp((wavelength_um - 13.9) / 0.25)))


@pytest.mark.parametrize(
    ("kelvin", "radiance"), [(273.0, 34.35), (293.0, 48.32), (300.0, 53.91), (310.0, 62.55)]
)
def test_known_values(kelvin: float, radiance: float) -> None:
    assert float(band_radiance(kelvin)) == pytest.approx(radiance, rel=0.0005)


@pytest.mark.parametrize("kelvin", [180.0, 240.0, 293.15, 330.0, 450.0])
def test_table_is_the_integral_of_planck_times_response(kelvin: float) -> None:
    integral, _ = quad(lambda um: _planck(um, kelvin) * _response(um), 7.5, 14.5)
    assert float(band_radiance(kelvin)) == pytest.approx(integral, rel=3e-4)


def test_soft_edges_cost_two_percent_of_an_ideal_box() -> None:
    ideal, _ = quad(_planck, 8.0, 14.0, args=(300.0,))
    assert ideal == pytest.approx(54.93, abs=0.01)
    assert float(band_radiance(300.0)) / ideal == pytest.approx(53.91 / 54.93, rel=1e-3)


def test_slope_and_share_of_all_radiation() -> None:
    assert radiance_slope(300.0) == pytest.approx(0.825, rel=0.005)
    share = float(band_radiance(300.0)) / (STEFAN_BOLTZMANN * 300.0**4 / np.pi)
    assert share == pytest.approx(0.369, rel=0.005)


def test_inverse() -> None:
    kelvin = np.linspace(200.0, 500.0, 999).astype(np.float32)
    assert np.abs(apparent_temperature_k(band_radiance(kelvin)) - kelvin).max() < 2e-3


def test_warmer_is_always_brighter() -> None:
    assert (np.diff(TABLE_RADIANCE) > 0).all()
    assert TABLE_K[0] == 150.0
    assert TABLE_K[-1] == 600.0


def test_held_outside_of_the_table() -> None:
    assert float(band_radiance(10.0)) == float(band_radiance(150.0))
    assert float(band_radiance(9999.0)) == float(band_radiance(600.0))


@pytest.mark.parametrize("wall_k", [275.0, 300.0, 335.0])
def test_a_black_wall_reads_its_temperature_through_optics_and_sensor(
    wall_k: float, wall_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a room 20 K from it, by a calibrated camera; only noise and the wall's mottling are left."""
    pytest.importorskip("embreex")
    monkeypatch.setattr(COLUMNS, "emissivity", np.ones_like(COLUMNS.emissivity))
    frame = render(wall_scene(wall_k, wall_k - 20), rig=coaxial_rig(64, 48), seed=(1,))
    netd_k = 0.05
    settings = MicrobolometerSettings(
        mode="radiometric", netd_low_k=netd_k, netd_high_k=netd_k, shading_k=0.0, tilt_k=0.0
    )
    raw = counts(frame.apparent_temperature_k, np.random.default_rng(2), settings)
    error_k = kelvin_of_counts(raw, settings) - wall_k
    assert abs(float(error_k.mean())) < netd_k
    assert float(error_k.std()) < 2 * netd_k
