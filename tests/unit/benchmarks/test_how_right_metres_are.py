"""The bars of `calibrate` in small: five points on rendered streets, height and pitch over their ground."""

import math

import numpy as np
import pytest

import metres
from thermodepth.scale_calibration import ground_samples


@pytest.fixture(scope="module")
def rendered() -> list[tuple]:
    """(sample, pose) of a few streets."""
    pytest.importorskip("embreex")
    return list(metres.streets(range(620, 626)))


@pytest.fixture(scope="module")
def streets(rendered: list[tuple]) -> list[tuple]:
    """(depth that is wrong by one factor, truth)."""
    return [(metres.oracle_frame(sample), metres.truth_m(sample)) for sample, _ in rendered]


@pytest.mark.parametrize("frames", [1, 5])
def test_five_points_with_three_percent_of_noise(streets: list[tuple], frames: int) -> None:
    errors, held = metres._draws(streets, 400, frames=frames, scales=None)
    assert math.sqrt(np.mean(errors**2)) < 0.02
    assert abs(float(np.median(errors))) < 0.003
    assert 0.93 <= held <= 0.97


def test_height_and_pitch_of_rendered_streets(rendered: list[tuple]) -> None:
    """Flat ground to the per cent; kerbs and pavements are a twelfth of the height of a camera at 1.5 m."""
    errors = {}
    for sample, pose in rendered:
        ground = ground_samples(metres.oracle_frame(sample), pose)
        scale = np.median([point.depth_m / point.predicted_m for point in ground.samples])
        flat = (
            metres.flat_share(metres.truth_m(sample), sample.intrinsics, pose) >= metres.FLAT_SHARE
        )
        errors.setdefault(flat, []).append(abs(scale * metres.FACTOR - 1))
    assert max(errors[True]) < 0.01
    assert max(errors[False]) < 0.09


def test_the_pose_of_a_camera_in_the_world() -> None:
    down = np.eye(4)
    down[:3, :3] = np.array([[1, 0, 0], [0, -1, 0], [0, 0, -1.0]])  # right, down, ahead: looks down
    down[2, 3] = 30.0
    pose = metres.pose_of(down)
    assert (pose.height_m, pose.pitch_deg) == (30.0, pytest.approx(90.0))
