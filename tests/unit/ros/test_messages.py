"""Fields of messages, worked out by hand: bytes, conventions, what has no depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.calibration import Distortion
from thermodepth.errors import SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.ros.messages import TOPICS, camera_fields, depth_messages, image_fields


def test_the_depth_image_is_float_metres_with_nan_for_none_and_infinity_for_sky(
    depth: Depth,
) -> None:
    image = depth_messages(depth)["depth/image"]
    assert (image["height"], image["width"], image["step"]) == (3, 4, 16)
    assert (image["encoding"], image["is_bigendian"]) == ("32FC1", 0)
    metres = image["data"].view("<f4").reshape(3, 4)
    assert metres[0, 0] == np.inf
    assert np.isnan(metres[2, 3])
    assert metres[1, 2] == 5.0


def test_the_thermal_image_is_its_counts(depth: Depth) -> None:
    image = depth_messages(depth)["image"]
    assert (image["encoding"], image["step"]) == ("mono16", 8)
    assert image["data"][:4].tolist() == [7000 % 256, 7000 // 256, 7001 % 256, 7001 // 256]


@pytest.mark.parametrize(
    ("dtype", "encoding"), [("u1", "mono8"), (">u2", "mono16"), ("<f4", "32FC1")]
)
def test_images_are_little_endian_whatever_the_array_is(dtype: str, encoding: str) -> None:
    pixels = np.array([[1, 258]], "u2").astype(dtype)
    fields = image_fields(pixels)
    assert fields["encoding"] == encoding
    assert fields["data"].view(pixels.dtype.newbyteorder("<")).tolist() == pixels.ravel().tolist()


def test_other_numbers_are_refused() -> None:
    with pytest.raises(SettingsError, match="float64, expected uint8, uint16 or float32"):
        image_fields(np.zeros((2, 2)))


def test_the_camera_counts_from_the_centre_of_the_first_pixel(depth: Depth) -> None:
    messages = depth_messages(depth)
    camera = messages["depth/camera_info"]
    assert camera["k"].tolist() == [10, 0, 1.5, 0, 20, 1.0, 0, 0, 1]
    assert camera["p"].tolist() == [10, 0, 1.5, 0, 0, 20, 1.0, 0, 0, 0, 1, 0]
    assert camera["r"].tolist() == np.eye(3).ravel().tolist()
    assert messages["camera_info"] is camera


def test_points_are_what_ros_computes_from_image_and_camera(depth: Depth) -> None:
    """x = (u - cx) z / fx with ROS' own pixel numbers, as depth_image_proc has it."""
    messages = depth_messages(depth, flying_step=0)
    cloud, camera = messages["depth/points"], messages["depth/camera_info"]
    assert [(f.name, f.offset, f.datatype, f.count) for f in cloud["fields"]] == [
        ("x", 0, 7, 1),
        ("y", 4, 7, 1),
        ("z", 8, 7, 1),
        ("intensity", 12, 7, 1),
    ]
    assert (cloud["height"], cloud["width"], cloud["point_step"]) == (1, 10, 16)
    assert cloud["row_step"] == len(cloud["data"]) == 160
    assert cloud["is_dense"] is True
    metres = messages["depth/image"]["data"].view("<f4").reshape(3, 4)
    v, u = np.nonzero(np.isfinite(metres))
    z = metres[v, u]
    k = camera["k"].reshape(3, 3)
    counts = messages["image"]["data"].view("<u2").reshape(3, 4)
    by_ros = np.column_stack(
        [(u - k[0, 2]) * z / k[0, 0], (v - k[1, 2]) * z / k[1, 1], z, counts[v, u]]
    )
    np.testing.assert_allclose(cloud["data"].view("<f4").reshape(-1, 4), by_ros, rtol=1e-6)


def test_what_flies_is_in_the_image_and_not_among_the_points(depth: Depth) -> None:
    step = np.where(np.arange(24) < 12, 3.0, 9.0)
    wide = replace(
        depth,
        depth_m=np.tile(step, (24, 1)).astype(np.float32),
        sky=None,
        thermal=np.zeros((24, 24), np.uint16),
    )
    assert depth_messages(wide, flying_step=0)["depth/points"]["width"] == 24 * 24
    assert depth_messages(wide)["depth/points"]["width"] == 24 * 22
    assert np.isfinite(depth_messages(wide)["depth/image"]["data"].view("<f4")).all()


def test_without_a_stated_lens_there_are_images_only(depth: Depth) -> None:
    assert set(depth_messages(depth)) == set(TOPICS)
    assert depth.lens is not None
    for lens in (None, replace(depth.lens, assumed=True)):
        assert set(depth_messages(replace(depth, lens=lens))) == {"image", "depth/image"}


def test_a_result_without_its_frame_is_refused(depth: Depth) -> None:
    with pytest.raises(SettingsError, match="does not carry its thermal frame"):
        depth_messages(replace(depth, thermal=None))


@pytest.mark.parametrize(
    ("model", "coefficients", "name", "expected"),
    [
        ("radtan", (0.1, 0.2, 0.3, 0.4), "plumb_bob", [0.1, 0.2, 0.3, 0.4, 0]),
        ("rational", (1, 2, 3, 4, 5, 6, 7, 8), "rational_polynomial", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("equidistant", (1, 2, 3, 4), "equidistant", [1, 2, 3, 4]),
        ("equidistant", (), "plumb_bob", [0, 0, 0, 0, 0]),
        ("fov", (0.9,), "fov", [0.9]),
    ],
)
def test_the_camera_says_the_distortion_that_the_points_follow(
    model: str, coefficients: tuple[float, ...], name: str, expected: list[float], depth: Depth
) -> None:
    assert depth.lens is not None
    distortion = Distortion(model=model, coefficients=coefficients)
    camera = camera_fields(replace(depth, lens=replace(depth.lens, distortion=distortion)))
    assert camera["distortion_model"] == name
    assert camera["d"].dtype == np.float64
    assert camera["d"].tolist() == expected
