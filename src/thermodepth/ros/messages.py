"""Depth as the fields of ROS messages, whichever library makes messages of them.

    <name>/image                 sensor_msgs/Image        the thermal frame, as it came
    <name>/depth/image           sensor_msgs/Image        32FC1, metres along the optical axis
    <name>/[depth/]camera_info   sensor_msgs/CameraInfo   of either image, and the same
    <name>/depth/points          sensor_msgs/PointCloud2  x y z in metres, and the thermal value

Axes are those of an optical frame: x right, y down, z ahead (REP 103). A pixel without depth is NaN, sky is
+Inf: too far to be measured (REP 117, REP 118). The centre of the first pixel is at (0, 0) in ROS, and at
(.5, .5) here.

Source: sensor_msgs of ROS 1 Noetic and ROS 2 Humble, the same but for the case of D, K, R, P.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import SettingsError
from thermodepth.outputs import flying_pixels
from thermodepth.outputs.flying import STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.depth import Depth

IMAGE, CAMERA_INFO, CLOUD = (
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CameraInfo",
    "sensor_msgs/msg/PointCloud2",
)
#: Topic below the name -> message.
TOPICS = {
    "image": IMAGE,
    "camera_info": CAMERA_INFO,
    "depth/image": IMAGE,
    "depth/camera_info": CAMERA_INFO,
    "depth/points": CLOUD,
}

_FLOAT32 = 7  # sensor_msgs/PointField
_POINT = ("x", "y", "z", "intensity")
#: Of `calibration.Distortion` -> as `image_geometry` knows them; it leaves another alone, by its name.
_DISTORTIONS = {
    "radtan": "plumb_bob",
    "rational": "rational_polynomial",
    "equidistant": "equidistant",
}
_ENCODINGS = {"u1": "mono8", "u2": "mono16", "f4": "32FC1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLayout:
    """A field of `PointCloud2.fields`."""

    name: str
    offset: int
    datatype: int = _FLOAT32
    count: int = 1


def depth_messages(depth: Depth, *, flying_step: float = STEP) -> dict[str, dict[str, Any]]:
    """Topic below the name -> fields of its message, all but the header.

    Args:
        depth: a result that carries its thermal frame. Without a stated lens there are neither cameras nor
            points.
        flying_step: as `outputs.flying_pixels` has it; 0 keeps all points.

    Returns:
        The topics of `TOPICS`. Byte strings are `[n]` uint8 arrays.

    Raises:
        SettingsError: for a result without its thermal frame.
    """
    if depth.thermal is None:
        raise SettingsError("ROS messages: this result does not carry its thermal frame")
    messages = {
        "image": image_fields(depth.thermal),
        "depth/image": image_fields(ranges_m(depth)),
    }
    if depth.lens is not None and not depth.lens.assumed:
        messages["camera_info"] = messages["depth/camera_info"] = camera_fields(depth)
        messages["depth/points"] = cloud_fields(depth, flying_step=flying_step)
    return messages


def ranges_m(depth: Depth) -> NDArray[np.float32]:
    """`[h w]` metres; NaN: none, +Inf: sky."""
    metres = np.where(depth.has_depth, depth.depth_m, np.float32(np.nan))
    return metres if depth.sky is None else np.where(depth.sky, np.float32(np.inf), metres)


def image_fields(image: NDArray[Any]) -> dict[str, Any]:
    """Of an Image: `[h w]` uint8, uint16 or float32.

    Raises:
        SettingsError: for numbers of another kind.
    """
    kind = f"{image.dtype.kind}{image.dtype.itemsize}"
    if kind not in _ENCODINGS:
        raise SettingsError(
            f"ROS messages: an image of {image.dtype}, expected uint8, uint16 or float32"
        )
    little = np.ascontiguousarray(image, image.dtype.newbyteorder("<"))
    rows, columns = image.shape
    return {
        "height": rows,
        "width": columns,
        "encoding": _ENCODINGS[kind],
        "is_bigendian": 0,
        "step": columns * image.dtype.itemsize,
        "data": little.reshape(-1).view(np.uint8),
    }


def camera_fields(depth: Depth) -> dict[str, Any]:
    """Of a CameraInfo, with the keys of ROS 2 and without the region of interest, which is the whole image.

    Images and maps are as the lens draws them, so D is the distortion that a calibration states, which the
    points follow too, and P is K.
    """
    assert depth.lens is not None, "ask first"
    model, coefficients = "plumb_bob", np.zeros(5)
    if (distortion := depth.lens.distortion) is not None and distortion.coefficients:
        model = _DISTORTIONS.get(distortion.model, distortion.model)
        coefficients = np.array(distortion.coefficients, np.float64)
        if model == "plumb_bob":  # of which ROS has five
            coefficients = np.pad(coefficients, (0, 5 - len(coefficients)))
    matrix = depth.lens.intrinsics.astype(np.float64)
    matrix[:2, 2] -= 0.5
    rows, columns = depth.depth_m.shape
    return {
        "height": rows,
        "width": columns,
        "distortion_model": model,
        "d": coefficients,
        "k": matrix.reshape(-1),
        "r": np.eye(3).reshape(-1),
        "p": np.hstack([matrix, np.zeros((3, 1))]).reshape(-1),
        "binning_x": 0,
        "binning_y": 0,
    }


def cloud_fields(depth: Depth, *, flying_step: float = STEP) -> dict[str, Any]:
    """Of a PointCloud2: one row of points, without sky and what flies; `intensity` is the thermal value."""
    assert depth.lens is not None, "ask first"
    assert depth.thermal is not None, "ask first"
    mask = ~flying_pixels(depth, step=flying_step)
    points = depth.points(mask)
    values = depth.thermal[depth.gives_point(mask)].astype(np.float32)
    cloud = np.column_stack([points, values]).astype("<f4")
    width = 4 * len(_POINT)
    return {
        "height": 1,
        "width": len(cloud),
        "fields": [PointLayout(name=name, offset=4 * n) for n, name in enumerate(_POINT)],
        "is_bigendian": False,
        "point_step": width,
        "row_step": width * len(cloud),
        "data": cloud.reshape(-1).view(np.uint8),
        "is_dense": True,
    }
