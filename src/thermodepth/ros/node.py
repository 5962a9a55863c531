"""A node of ROS 2 that gives depth of the latest thermal image: `python -m thermodepth.ros.node`.

    subscribes    image_raw (sensor_msgs/Image: mono16, mono8, 32FC1), camera_info
    publishes     below ~/: image, camera_info, depth/image, depth/camera_info, depth/points

    python -m thermodepth.ros.node --ros-args -r image_raw:=/thermal/image_raw -p fov_deg:=45.0

A queue of one image: those that come while another one is predicted are dropped. Without `fov_deg` the lens
is that of `camera_info`, of images of its size; as long as neither is known, neither camera nor points are
published. `model` is all that `--model` may be, with the metres that its folder keeps.

It is as thin as it can be, for it is tested against a stand-in of `rclpy` and never ran under ROS.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from thermodepth.errors import UserError
from thermodepth.inference.lens import Lens
from thermodepth.ros.messages import TOPICS, depth_messages
from thermodepth.runtime.loading import open_predictor
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.sources.bags import image_of
from thermodepth.sources.frame import SourceFrame
from thermodepth.sources.options import SourceOptions

NODE = "thermodepth"


class DepthNode:
    """From images to depth, through the node that it is given."""

    def __init__(self, node: Any, types: dict[str, Any]) -> None:
        """
        Args:
            node: an `rclpy.node.Node`.
            types: name of a message, such as `sensor_msgs/msg/Image`, or of one inside -> its class.
        """
        self._node, self._types = node, types
        parameter = node.declare_parameter
        model = parameter("model", DEFAULT_MODEL).value
        fov_deg = float(parameter("fov_deg", 0.0).value)
        lens = Lens.from_options(fov_deg=fov_deg) if fov_deg else None
        self._predictor = open_predictor(model, device=parameter("device", "auto").value, lens=lens)
        self._states_lens = lens is not None
        self._intrinsics: np.ndarray[Any, np.dtype[np.float64]] | None = None
        self._size = (0, 0)  # (rows, columns) that they hold for
        self._count = 0
        self._publishers = {
            topic: node.create_publisher(types[kind], f"~/{topic}", 1)
            for topic, kind in TOPICS.items()
        }
        node.create_subscription(types["sensor_msgs/msg/Image"], "image_raw", self.take_image, 1)
        node.create_subscription(
            types["sensor_msgs/msg/CameraInfo"], "camera_info", self.take_camera, 1
        )

    def take_camera(self, message: Any) -> None:
        """The lens, where no parameter states it."""
        matrix = np.array(message.k, np.float64).reshape(3, 3)
        if np.isfinite(matrix).all() and min(matrix[0, 0], matrix[1, 1]) > 0:
            matrix[:2, 2] += 0.5
            self._intrinsics = matrix
            self._size = int(message.height), int(message.width)

    def take_image(self, message: Any) -> None:
        """Predict and publish; what is wrong with one image is logged, and the next one comes."""
        try:
            depth = self._predictor.predict_frame(self._frame(message))
            messages = depth_messages(depth)
        except UserError as error:
            self._node.get_logger().error(str(error))
            return
        for topic, fields in messages.items():
            self._publishers[topic].publish(self._message(TOPICS[topic], fields, message.header))

    def _frame(self, message: Any) -> SourceFrame:
        name = f"image {self._count}"
        self._count += 1
        raw, unit = SourceOptions().frame_of(image_of(_ImageBytes(message), name), name)
        is_known = not self._states_lens and raw.shape == self._size
        return SourceFrame(
            raw=raw,
            unit=unit,
            name=name,
            index=self._count - 1,
            origin=name,
            sequence=NODE,
            intrinsics=self._intrinsics if is_known else None,
        )

    def _message(self, kind: str, fields: dict[str, Any], header: Any) -> Any:
        message = self._types[kind]()
        message.header = header
        for key, value in fields.items():
            if key == "fields":
                value = [self._point_field(layout) for layout in value]
            elif key == "data":
                value = array("B", value.tobytes())
            setattr(message, key, value)
        return message

    def _point_field(self, layout: Any) -> Any:
        field = self._types["sensor_msgs/msg/PointField"]()
        for key in ("name", "offset", "datatype", "count"):
            setattr(field, key, getattr(layout, key))
        return field


class _ImageBytes:
    """A message whose `data` is an array of numpy, as those of bags are."""

    def __init__(self, message: Any) -> None:
        self.height, self.width, self.step = message.height, message.width, message.step
        self.encoding, self.is_bigendian = message.encoding, message.is_bigendian
        self.data = np.frombuffer(message.data, np.uint8)


def main() -> None:
    """Run until the node is shut down."""
    import rclpy
    from rclpy.node import Node
    from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField

    rclpy.init()
    node = Node(NODE)
    DepthNode(
        node,
        {
            "sensor_msgs/msg/Image": Image,
            "sensor_msgs/msg/CameraInfo": CameraInfo,
            "sensor_msgs/msg/PointCloud2": PointCloud2,
            "sensor_msgs/msg/PointField": PointField,
        },
    )
    try:
        rclpy.spin(node)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
