"""Lens, time constant and detector area: energy kept, the smear's centroid, even scenes left even."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thermodepth.synthetic.materials.radiance import band_radiance
from thermodepth.synthetic.sensors.optics import (
    apparent_temperature,
    box_mean,
    gaussian_blur,
    smear,
)
from thermodepth.synthetic.sensors.rgb_camera import rgb_picture


def _point(rows: int = 48, columns: int = 64) -> np.ndarray:
    """A point of 30 in the dark, far from the border."""
    image = np.zeros((rows, columns))
    image[rows // 2, columns // 3] = 30.0
    return image


def _centroid(image: np.ndarray, axis: int) -> float:
    profile = image.sum(1 - axis)
    return float((np.arange(len(profile)) * profile).sum() / profile.sum())


def test_an_even_radiance_stays_even_and_a_point_is_spread() -> None:
    even = np.full((16, 24), 50.0)
    kelvin = apparent_temperature(even, 2, np.random.default_rng(0))
    assert kelvin.shape == (8, 12)
    assert np.ptp(kelvin) < 1e-3
    point = even.copy()
    point[8, 12] += 30
    warm = apparent_temperature(point, 2, np.random.default_rng(0)) - kelvin
    assert (warm > 0.02).sum() > 4


def test_every_stage_keeps_the_energy() -> None:
    point = _point()
    assert gaussian_blur(point, 1.3).sum() == pytest.approx(30.0, rel=1e-12)
    assert smear(point, 1.6).sum() == pytest.approx(30.0, rel=1e-12)
    assert box_mean(point, 2).sum() * 4 == pytest.approx(30.0, rel=1e-12)


@pytest.mark.parametrize("samples", [1, 2, 4])
def test_the_whole_optics_keep_the_energy(samples: int) -> None:
    background = 50.0
    radiance = background + _point(24 * samples, 32 * samples)
    kelvin = apparent_temperature(radiance, samples, np.random.default_rng(3))
    excess = band_radiance(kelvin).astype(np.float64) - background
    assert excess.sum() * samples**2 == pytest.approx(30.0, rel=0.01)


def test_blur_has_the_asked_width_and_no_preferred_side() -> None:
    blurred = gaussian_blur(_point(), 1.3)
    row = blurred.sum(0) / 30
    place = np.arange(len(row))
    centre = (place * row).sum()
    assert centre == pytest.approx(64 // 3, abs=1e-9)
    assert math.sqrt(((place - centre) ** 2 * row).sum()) == pytest.approx(1.3, rel=0.01)


@pytest.mark.parametrize("reach", [0.5, 1.6, 3.2, 8.0])
def test_smear_moves_the_centroid_by_its_reach(reach: float) -> None:
    """To the right, by the mean of an exponential that is sampled at 0, 1, 2... and cut at 4 reaches.

    Cutting takes 4 / (e^4 - 1) = 7.5 % of the reach, sampling half a sample.
    """
    point = _point()
    smeared = smear(point, reach)
    shift = _centroid(smeared, 1) - _centroid(point, 1)
    edge = math.exp(-0.5 / reach)
    assert shift == pytest.approx(edge / (1 - edge**2), rel=0.03)  # the sum of i times tap i
    assert shift == pytest.approx(reach, abs=0.09, rel=0.03)
    assert _centroid(smeared, 0) == pytest.approx(_centroid(point, 0), abs=1e-9)
    assert (smeared[:, : 64 // 3] == 0).all()  # one-sided


def test_smear_goes_to_both_sides_over_frames_and_never_beyond_its_largest() -> None:
    radiance = 50.0 + _point(48, 128)
    shifts = []
    for seed in range(60):
        kelvin = apparent_temperature(radiance, 2, np.random.default_rng(seed))
        excess = band_radiance(kelvin).astype(np.float64) - 50.0
        shifts.append(_centroid(excess, 1) - (128 // 3 - 0.5) / 2)
    assert min(shifts) < -0.2
    assert max(shifts) > 0.2
    assert max(np.abs(shifts)) < 0.8


def test_rgb_exposes_bright_scenes_down_and_leaves_the_night_dark() -> None:
    def mean(light: float) -> float:
        picture = rgb_picture(np.full((32, 48, 3), light), 2, np.random.default_rng(0))
        assert picture.shape == (16, 24, 3)
        assert picture.dtype == np.uint8
        return float(picture.mean())

    assert mean(2.0) == pytest.approx(mean(0.5), rel=0.02)
    assert mean(0.002) < 0.5 * mean(0.5)
