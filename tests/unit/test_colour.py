"""Colours: near is bright, no value is grey, the scale means what it says."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from thermodepth.colour import (
    DEPTH_MAP,
    NO_VALUE,
    THERMAL_MAP,
    colour_depth,
    colour_inverse,
    colour_map,
    colour_thermal,
    depth_limits,
    paint,
)
from thermodepth.errors import DataError, SettingsError


def brightness(picture):
    return picture.astype(float) @ [0.2126, 0.7152, 0.0722]


def test_paint_takes_the_ends_of_the_map_and_clips_what_lies_outside() -> None:
    picture = paint(np.array([[0.0, 1.0, -5.0, 5.0]]))
    low, high = (np.rint(np.array(colour_map()(x)[:3]) * 255) for x in (0.0, 1.0))
    assert_array_equal(picture[0], [low, high, low, high])


def test_near_is_bright_in_metres_and_in_inverse_metres() -> None:
    depth = np.geomspace(1, 80, 50)[None]
    in_metres = brightness(colour_depth(depth, near_m=1, far_m=80))[0]
    in_inverse = brightness(colour_inverse(1 / depth, low=1 / 80, high=1))[0]
    assert in_metres[0] > 200 > 30 > in_metres[-1]
    assert np.all(np.diff(in_metres) <= 0)
    assert np.all(np.diff(in_inverse) <= 0)


def test_the_depth_scale_is_logarithmic() -> None:
    ends_and_middle = colour_depth(np.array([[1.0, 10.0, 100.0]]), near_m=1, far_m=100)
    assert_array_equal(ends_and_middle, paint(np.array([[1.0, 0.5, 0.0]])))


@pytest.mark.parametrize("nothing", [np.nan, np.inf, 0.0, -1.0])
def test_no_depth_is_grey(nothing) -> None:
    picture = colour_depth(np.array([[2.0, nothing]], np.float32), near_m=1, far_m=10)
    assert tuple(picture[0, 1]) == NO_VALUE
    assert tuple(picture[0, 0]) != NO_VALUE


def test_no_inverse_depth_is_grey_but_a_negative_one_is_the_far_end() -> None:
    picture = colour_inverse(np.array([[np.nan, -3.0, 0.0]]), low=0, high=1)
    assert tuple(picture[0, 0]) == NO_VALUE
    assert_array_equal(picture[0, 1], picture[0, 2])


def test_grey_is_no_colour_of_the_depth_map() -> None:
    colours = paint(np.linspace(0, 1, 256)[None])[0].astype(int)
    middle = colours[(colours.min(1) > 40) & (colours.max(1) < 235)]
    assert (middle.max(1) - middle.min(1)).min() > 30


def test_thermal_is_grey_and_hot_is_white() -> None:
    picture = colour_thermal(np.array([[0, 128, 255]], np.uint8))
    assert_array_equal(picture, [[[0] * 3, [128] * 3, [255] * 3]])


def test_limits_are_percentiles_of_what_is_a_depth() -> None:
    depth = np.concatenate([np.linspace(1, 2, 101), [np.nan, np.inf, -7, 0]])
    near, far = depth_limits([depth[:50], depth[50:]])
    assert (near, far) == pytest.approx((1.01, 1.99))


def test_limits_of_a_scene_at_one_distance_leave_room() -> None:
    near, far = depth_limits([np.full((4, 4), 3.0)])
    assert near < 3 < far


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(DataError, match="positive depth"):
        depth_limits([np.full((2, 2), np.nan)])
    with pytest.raises(DataError, match="positive depth"):
        depth_limits([])
    with pytest.raises(SettingsError, match="did you mean 'viridis'"):
        colour_map("viridus")
    with pytest.raises(SettingsError, match="near_m"):
        colour_depth(np.ones((2, 2)), near_m=3, far_m=3)
    with pytest.raises(SettingsError, match="low"):
        colour_inverse(np.ones((2, 2)), low=1, high=np.inf)


def test_our_own_maps_are_those_of_matplotlib() -> None:
    steps = np.linspace(0.0, 1.0, 256)
    for name in (DEPTH_MAP, THERMAL_MAP):
        sampled = np.rint(colour_map(name)(steps)[:, :3] * 255)
        assert_array_equal(paint(steps[None], name=name)[0], sampled)


def test_depth_and_thermal_are_painted_without_matplotlib() -> None:
    code = (
        "import sys, numpy as np, thermodepth.colour as c; c.colour_thermal(np.zeros((2, 2), np.uint8));"
        "c.colour_depth(np.ones((2, 2)), near_m=1, far_m=3); assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
