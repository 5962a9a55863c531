"""Height and pitch over flat ground, on worlds made of planes and boxes whose depth is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.camera import focal_of_view, pinhole, rays
from thermodepth.errors import DataError, SettingsError
from thermodepth.scale_calibration.ground import PoseOverGround, ground_samples
from thermodepth.scale_calibration.samples import PredictedFrame

SIZE = (96, 128)
SKY_M = 300.0


def scene(
    pose: PoseOverGround, view_deg: float = 50.0, *, scale: float = 1.0, boxes: int = 0
) -> PredictedFrame:
    """What a model that is off by 1/scale says of flat ground and of boxes a fifth as high as the camera."""
    camera = pinhole(focal_of_view(view_deg, SIZE[1]), SIZE[1], SIZE[0]).astype(np.float64)
    below = np.tensordot(pose.down, rays(camera, SIZE), 1)
    with np.errstate(divide="ignore"):
        depth_m = np.where(below > 1e-3, pose.height_m / below, SKY_M)
    random = np.random.default_rng(0)
    for _ in range(boxes):
        top, left = random.integers(20, 80), random.integers(0, 100)
        depth_m[top : top + 12, left : left + 20] *= 0.8  # their tops and sides are nearer
    sky = depth_m >= SKY_M
    return PredictedFrame(
        name="a.png",
        depth_m=(np.minimum(depth_m, SKY_M) / scale).astype(np.float32),
        sky=sky,
        intrinsics=camera,
    )


def median_scale(samples: list[Any]) -> float:
    return math.exp(float(np.median([math.log(s.depth_m / s.predicted_m) for s in samples])))


@pytest.mark.parametrize(
    ("pitch_deg", "roll_deg", "view_deg"),
    [(0, 0, 60), (10, 5, 50), (30, -8, 18), (60, 0, 45), (90, 0, 18), (-3, 2, 70)],
)
@pytest.mark.parametrize("boxes", [0, 12])
def test_the_scale_of_flat_ground(
    pitch_deg: float, roll_deg: float, view_deg: float, boxes: int
) -> None:
    pose = PoseOverGround(height_m=12.0, pitch_deg=pitch_deg, roll_deg=roll_deg)
    ground = ground_samples(scene(pose, view_deg, scale=1.7, boxes=boxes), pose)
    assert median_scale(ground.samples) == pytest.approx(1.7, rel=0.01)
    assert abs(ground.tilt_deg) < 1.0
    assert {sample.source for sample in ground.samples} == {"ground"}


def test_the_direction_of_down() -> None:
    np.testing.assert_allclose(PoseOverGround(height_m=1, pitch_deg=0).down, [0, 1, 0])
    np.testing.assert_allclose(PoseOverGround(height_m=1, pitch_deg=90).down, [0, 0, 1], atol=1e-12)
    # A camera that is rolled clockwise has the ground to its right.
    down = PoseOverGround(height_m=1, pitch_deg=0, roll_deg=90).down
    np.testing.assert_allclose(down, [1, 0, 0], atol=1e-12)


def test_a_platform_that_fills_more_of_the_frame_than_the_ground_is_not_the_ground() -> None:
    pose = PoseOverGround(height_m=10.0, pitch_deg=90.0)
    frame = scene(pose, 40.0)
    roofs = frame.depth_m.copy()
    roofs[:, :80] = 6.0
    seen = PredictedFrame(name="a", depth_m=roofs, intrinsics=frame.intrinsics)
    ground = ground_samples(seen, pose)
    assert median_scale(ground.samples) == pytest.approx(1.0, rel=0.01)
    assert not ground.ground[:, :70].any()


def test_what_a_degree_of_pitch_is_worth() -> None:
    pose = PoseOverGround(height_m=10.0, pitch_deg=20.0)
    frame = scene(pose, 30.0)
    ground = ground_samples(frame, pose)
    steeper = PoseOverGround(height_m=10.0, pitch_deg=21.0)
    change = median_scale(ground_samples(frame, steeper).samples) / median_scale(ground.samples)
    assert ground.per_degree == pytest.approx(change, rel=5e-3)
    assert ground.per_degree < 1.0


def test_a_wrong_pitch_shows_as_a_tilt() -> None:
    truth = PoseOverGround(height_m=10.0, pitch_deg=35.0)
    guess = PoseOverGround(height_m=10.0, pitch_deg=30.0)
    assert ground_samples(scene(truth, 40.0), guess).tilt_deg == pytest.approx(5.0, abs=1.0)


def test_no_flat_ground_is_refused() -> None:
    pose = PoseOverGround(height_m=10.0, pitch_deg=30.0)
    frame = scene(pose)
    wall: NDArray[np.float32] = np.full(SIZE, 8.0, np.float32)
    seen = PredictedFrame(name="a", depth_m=wall, intrinsics=frame.intrinsics)
    with pytest.raises(DataError, match="lies on one level"):
        ground_samples(seen, pose)


def test_ground_out_of_the_frame_and_an_unknown_lens_are_refused() -> None:
    up = PoseOverGround(height_m=10.0, pitch_deg=-40.0)
    with pytest.raises(SettingsError, match="ground has to be in the frame"):
        ground_samples(scene(PoseOverGround(height_m=10.0, pitch_deg=20.0)), up)
    frame = scene(PoseOverGround(height_m=10.0, pitch_deg=20.0))
    unknown = PredictedFrame(name="a", depth_m=frame.depth_m)
    with pytest.raises(SettingsError, match="the lens is not known"):
        ground_samples(unknown, PoseOverGround(height_m=10.0, pitch_deg=20.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height_m": 0.0}, "height 0: expected 0.01 to 100000 m"),
        ({"height_m": math.nan}, "height nan"),
        ({"pitch_deg": 95.0}, "pitch 95: expected -60 to 90 degrees below"),
        ({"roll_deg": 200.0}, "roll 200"),
    ],
)
def test_a_pose_that_cannot_be(change: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PoseOverGround(**{"height_m": 1.0, "pitch_deg": 10.0, **change})
