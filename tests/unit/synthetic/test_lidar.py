"""The lidar says the exact depth where it says something, and is silent where a lidar is."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.synthetic.cameras.lidar import Surroundings, sweep
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.space.vectors import Array

WIDTH, HEIGHT = 320, 256
LEVEL = CameraPose(position=(0.0, 0.0, 1.5), yaw=0.4, pitch=0.0, roll=0.0)


def _view(pose: CameraPose = LEVEL) -> View:
    return View(coaxial_rig(WIDTH, HEIGHT).thermal, pose.matrix())


def _sweep(
    channels: int = 64, *, range_m: float = 5.0, albedo: float = 0.4, mirrors: bool = False
) -> Array:
    even = np.full((HEIGHT, WIDTH), range_m, np.float64)
    surroundings = Surroundings(
        range_m=even,
        cosine=np.ones_like(even),
        albedo=np.full_like(even, albedo),
        mirrors=np.full(even.shape, mirrors),
    )
    depth_m = np.random.default_rng(0).uniform(1, 50, even.shape).astype(np.float32)
    lidar_m = sweep(_view(), depth_m, surroundings, channels, np.random.default_rng(1))
    returned = np.isfinite(lidar_m)
    assert np.array_equal(lidar_m[returned], depth_m[returned])  # exact, or nothing
    return returned


def test_density_grows_with_the_channels() -> None:
    shares = [_sweep(channels).mean() for channels in (16, 64, 256)]
    assert 0.005 < shares[0] < 0.5 * shares[1] < 0.25 * shares[2] * 2
    assert shares[1] < 0.3


def test_beams_are_rows_of_equal_elevation() -> None:
    returned = _sweep(32)
    # Straight ahead a channel is a row: 40 degrees in 31 steps, in a lens of 43.3 degrees.
    rows = np.flatnonzero(returned[:, WIDTH // 2 - 3 : WIDTH // 2 + 3].any(1))
    elevation = np.degrees(np.arctan((HEIGHT / 2 - rows - 0.5) / _view().focal_px))
    spacing = -np.diff(elevation)
    assert np.median(spacing) == pytest.approx(40 / 31, rel=0.15)
    assert elevation.max() < 15.2


def test_what_a_lidar_does_not_see() -> None:
    near = _sweep().sum()
    assert _sweep(mirrors=True).sum() < 0.25 * near  # glass, car paint, water
    assert _sweep(range_m=100, albedo=0.05).sum() < 0.25 * near  # black and far
    assert _sweep(range_m=np.inf).sum() == 0  # sky
    assert 0.5 * near < _sweep(range_m=60).sum() < 0.95 * near


def test_beams_stay_level_when_the_camera_tilts() -> None:
    """A camera that looks down sees the outer channels higher up in its picture."""
    down = CameraPose(position=(0.0, 0.0, 1.5), yaw=0.0, pitch=-0.3, roll=0.0)
    even = np.full((HEIGHT, WIDTH), 5.0)
    surroundings = Surroundings(even, np.ones_like(even), even / 10, np.zeros(even.shape, bool))
    depth_m = even.astype(np.float32)
    highest = [
        np.flatnonzero(
            np.isfinite(
                sweep(_view(pose), depth_m, surroundings, 64, np.random.default_rng(0))
            ).any(1)
        ).min()
        for pose in (LEVEL, down)
    ]
    assert highest[1] == 0 or highest[1] < highest[0]


@pytest.mark.parametrize("channels", [0, -1, 2000])
def test_impossible_channels(channels: int) -> None:
    with pytest.raises(SettingsError, match="expected 1 to 1024"):
        _sweep(channels)
