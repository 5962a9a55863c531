"""The room of the sensors as a whole: what it must not pull in, and how it meets a rendered map."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from thermodepth.synthetic.materials.radiance import band_radiance
from thermodepth.synthetic.sensors.microbolometer import (
    MicrobolometerSettings,
    counts,
    kelvin_of_counts,
)
from thermodepth.synthetic.sensors.optics import apparent_temperature


@pytest.mark.parametrize("module", ["microbolometer", "sequence", "optics", "rgb_camera"])
def test_importing_the_sensors_pulls_in_no_ray_caster(module: str) -> None:
    program = (
        f"import sys, thermodepth.synthetic.sensors.{module}, thermodepth.synthetic.storage.pack as p;"
        "heavy = {'scipy', 'embreex', 'torch', 'cv2'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("wall_k", [260.0, 300.0, 340.0])
def test_a_black_wall_reads_its_temperature_through_optics_and_electronics(wall_k: float) -> None:
    settings = MicrobolometerSettings(mode="radiometric")
    radiance = np.full((192, 256), float(band_radiance(wall_k)))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        map_k = apparent_temperature(radiance, 2, rng)
        read_k = kelvin_of_counts(counts(map_k, rng, settings), settings)
        assert read_k.mean() == pytest.approx(wall_k, abs=settings.netd_high_k)
