"""A known distance at a pixel: the patch, the ray, and why a pixel is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.camera import pinhole
from thermodepth.errors import SettingsError
from thermodepth.scale_calibration.samples import (
    DistanceSample,
    PredictedFrame,
    RefusedSample,
    depths_of_ranges,
    point_sample,
)

SIZE = (128, 160)
CAMERA = pinhole(80.0, 160, 128).astype(np.float64)


def frame(depth_m: NDArray[np.float32] | None = None, **changes: object) -> PredictedFrame:
    depth_m = np.full(SIZE, 5.0, np.float32) if depth_m is None else depth_m
    fields: dict[str, object] = {"name": "a.png", "depth_m": depth_m, "intrinsics": CAMERA}
    return PredictedFrame(**{**fields, **changes})  # type: ignore[arg-type]


def sampled(*arguments: object, **options: object) -> DistanceSample:
    result = point_sample(*arguments, **options)  # type: ignore[arg-type]
    assert isinstance(result, DistanceSample)
    return result


def test_a_range_at_the_rim_is_a_shorter_depth() -> None:
    # The centre of pixel (159, 63) lies 79.5 px right and 0.5 px up of the axis, at a focal length of 80 px.
    sample = sampled(frame(), 159, 63, 10.0)
    assert sample.depth_m == pytest.approx(10 * 80 / math.sqrt(79.5**2 + 0.5**2 + 80**2))
    assert sampled(frame(), 159, 63, 10.0, kind="depth").depth_m == 10.0
    assert sampled(frame(), 80, 64, 10.0).depth_m == pytest.approx(10.0, rel=1e-4)


def test_a_map_of_ranges_is_turned_alike() -> None:
    depth_m = depths_of_ranges(np.full(SIZE, 10.0), frame().rays("ranges"))
    assert depth_m[63, 159] == pytest.approx(sampled(frame(), 159, 63, 10.0).depth_m, rel=1e-6)


def test_the_median_of_a_patch_counts_and_not_its_one_wrong_pixel() -> None:
    depth_m = np.full(SIZE, 5.0, np.float32)
    depth_m[40, 50] = 5.5
    assert sampled(frame(depth_m), 50, 40, 6.0).predicted_m == 5.0
    assert sampled(frame(depth_m), 50.9, 40.2, 6.0).place == ("a.png", 50, 40)


def test_corners_have_patches() -> None:
    for x, y in ((0, 0), (159, 127)):
        assert sampled(frame(), x, y, 6.0).predicted_m == 5.0


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (160, 10, "outside the frame of 160x128"),
        (10, 128, "outside the frame"),
        (50, 5, "sees sky"),
        (100, 80, "across an edge: the model's depth goes from 5 to 20 m within 3x3"),
    ],
)
def test_a_pixel_that_says_nothing_is_refused_with_its_reason(
    x: float, y: float, reason: str
) -> None:
    depth_m = np.full(SIZE, 5.0, np.float32)
    depth_m[:, 100:] = 20.0
    sky = np.zeros(SIZE, bool)
    sky[:20] = True
    result = point_sample(frame(depth_m, sky=sky), x, y, 5.0)
    assert isinstance(result, RefusedSample)
    assert reason in result.reason
    assert str(result).startswith(f"a.png,{x:g},{y:g},5: ")


def test_no_depth_is_no_sample() -> None:
    depth_m = np.full(SIZE, np.nan, np.float32)
    result = point_sample(frame(depth_m), 5, 5, 5.0)
    assert isinstance(result, RefusedSample)
    assert "no depth" in result.reason


def test_a_slope_is_no_edge() -> None:
    rows = np.arange(1, 129, dtype=np.float32)[:, None]
    ground = np.broadcast_to(300 / rows, SIZE).astype(np.float32)
    assert sampled(frame(ground), 80, 100, 3.0).predicted_m == pytest.approx(300 / 101)


def test_without_a_lens_a_range_is_refused_and_a_depth_is_not() -> None:
    unknown = frame(intrinsics=None)
    with pytest.raises(SettingsError, match="the lens is not known, and a distance along the ray"):
        point_sample(unknown, 5, 5, 5.0)
    assert sampled(unknown, 5, 5, 5.0, kind="depth").depth_m == 5.0
    # An assumed lens will do for the small difference between ray and axis, and not for angles.
    assumed = frame(lens_assumed=True)
    assert sampled(assumed, 5, 5, 5.0).depth_m < 5.0
    with pytest.raises(SettingsError, match="the lens is not known"):
        assumed.rays("angles are needed")


@pytest.mark.parametrize("metres", [0.0, -1.0, math.nan, math.inf])
def test_what_is_no_distance_is_refused(metres: float) -> None:
    with pytest.raises(SettingsError, match="expected a positive distance"):
        point_sample(frame(), 5, 5, metres)
