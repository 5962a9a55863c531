"""The microbolometer: slope, noise, range; and what importing it must not pull in."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.synthetic.sensors.microbolometer import (
    MicrobolometerSettings,
    apparent_temperature,
    counts,
)

QUIET = MicrobolometerSettings(
    drift_counts=0.0,
    netd_low_k=0.0,
    netd_high_k=0.0,
    gain_pixel=0.0,
    gain_column=0.0,
    shading_k=0.0,
    tilt_k=0.0,
)


def _even(kelvin: float, rows: int = 96, columns: int = 128) -> np.ndarray:
    return np.full((rows, columns), kelvin, np.float32)


def test_slope_is_45_counts_a_kelvin() -> None:
    rng = np.random.default_rng(0)
    above, below = (counts(_even(k), rng, QUIET).astype(float) for k in (305.0, 295.0))
    assert (above.mean() - below.mean()) / 10 == pytest.approx(45.0, rel=0.01)
    assert below.mean() == pytest.approx(7300, abs=1)


def test_without_noise_an_even_scene_is_even() -> None:
    assert np.ptp(counts(_even(301.3), np.random.default_rng(0), QUIET)) == 0


@pytest.mark.parametrize("netd_k", [0.04, 0.09])
def test_noise_is_as_large_as_the_settings_say(netd_k: float) -> None:
    settings = replace(QUIET, netd_low_k=netd_k, netd_high_k=netd_k)
    picture = counts(_even(300.0), np.random.default_rng(1), settings).astype(float)
    expected = 45 * netd_k * np.sqrt(1 + 0.55**2 + 0.40**2 + 0.45**2)
    assert picture.std() == pytest.approx(expected, rel=0.12)
    by_column = picture.mean(0).std()
    assert by_column == pytest.approx(45 * netd_k * 0.55, rel=0.3)


def test_default_noise_within_the_band_of_real_cores() -> None:
    rng = np.random.default_rng(2)
    frames = [counts(_even(300.0), rng).astype(float) for _ in range(40)]
    noise_k = [frame[1:, 1:].std() / 45 for frame in frames]
    assert 0.04 < np.median(noise_k) < 0.25
    assert 90 < np.std([frame.mean() for frame in frames]) < 220  # the drift: 150 counts


def test_same_generator_same_counts() -> None:
    first, second = (counts(_even(299.0), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.uint16
    assert not np.array_equal(first, counts(_even(299.0), np.random.default_rng(6)))


def test_range_is_14_bit() -> None:
    hot = counts(_even(590.0), np.random.default_rng(0))
    cold = counts(_even(151.0), np.random.default_rng(0), replace(QUIET, base_counts=100.0))
    assert hot.max() == 16383
    assert cold.min() == 0


def test_optics_keep_an_even_radiance_and_blur_a_point() -> None:
    even = np.full((16, 24), 50.0)
    kelvin = apparent_temperature(even, 2, np.random.default_rng(0))
    assert kelvin.shape == (8, 12)
    assert np.ptp(kelvin) < 1e-3
    point = even.copy()
    point[8, 12] += 30
    warm = apparent_temperature(point, 2, np.random.default_rng(0)) - kelvin
    assert (warm > 0.02).sum() > 4


def test_importing_the_sensor_pulls_in_no_ray_caster() -> None:
    program = (
        "import sys, thermodepth.synthetic.sensors.microbolometer, thermodepth.synthetic.storage.pack as p;"
        "heavy = {'scipy', 'embreex', 'torch', 'cv2'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
