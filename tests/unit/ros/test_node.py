"""The node against a stand-in of `rclpy`: what it subscribes to, what it publishes, what it survives."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from thermodepth.ros.messages import TOPICS
from thermodepth.ros.node import DepthNode

TYPES: dict[str, Any] = dict.fromkeys(
    (*set(TOPICS.values()), "sensor_msgs/msg/PointField"), SimpleNamespace
)


class Node:
    """What the node uses of `rclpy.node.Node`."""

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters
        self.published: dict[str, list[Any]] = {}
        self.callbacks: dict[str, Any] = {}
        self.errors: list[str] = []

    def declare_parameter(self, name: str, default: Any) -> Any:
        return SimpleNamespace(value=self.parameters.get(name, default))

    def create_publisher(self, _kind: Any, topic: str, _queue: int) -> Any:
        return SimpleNamespace(publish=self.published.setdefault(topic, []).append)

    def create_subscription(self, _kind: Any, topic: str, callback: Any, _queue: int) -> None:
        self.callbacks[topic] = callback

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append)


def image(**changes: Any) -> SimpleNamespace:
    pixels = np.random.default_rng(0).integers(7000, 7400, (96, 128)).astype("<u2")
    fields = {
        "header": "the header",
        "height": 96,
        "width": 128,
        "encoding": "mono16",
        "is_bigendian": 0,
        "step": 256,
        "data": array("B", pixels.tobytes()),
    }
    return SimpleNamespace(**{**fields, **changes})


def node(**parameters: Any) -> Node:
    stand_in = Node(model="thermal-any", **parameters)
    DepthNode(stand_in, TYPES)
    return stand_in


def test_an_image_becomes_five_messages_under_its_header() -> None:
    ros = node(fov_deg=45.0)
    ros.callbacks["image_raw"](image())
    assert {topic: len(sent) for topic, sent in ros.published.items()} == {
        f"~/{topic}": 1 for topic in TOPICS
    }
    assert all(sent[0].header == "the header" for sent in ros.published.values())
    (depth,) = ros.published["~/depth/image"]
    assert (depth.encoding, depth.width) == ("32FC1", 128)
    assert isinstance(depth.data, array)
    assert np.nanmedian(np.frombuffer(depth.data, "<f4")) > 0
    (camera,) = ros.published["~/depth/camera_info"]
    assert camera.k[0] == pytest.approx(64 / np.tan(np.radians(22.5)))
    (cloud,) = ros.published["~/depth/points"]
    assert [field.name for field in cloud.fields] == ["x", "y", "z", "intensity"]
    assert len(cloud.data) == cloud.row_step


def test_the_lens_comes_from_camera_info_where_no_parameter_states_it() -> None:
    ros = node()
    with pytest.warns(UserWarning, match="lens"):
        ros.callbacks["image_raw"](image())
    assert ros.published["~/depth/points"] == []
    matrix = [100.0, 0, 63.5, 0, 100.0, 47.5, 0, 0, 1]
    # of a camera that nobody calibrated
    ros.callbacks["camera_info"](SimpleNamespace(k=[0.0] * 9, height=96, width=128))
    ros.callbacks["camera_info"](SimpleNamespace(k=matrix, height=96, width=128))
    with pytest.warns(UserWarning, match="taken from the source"):
        ros.callbacks["image_raw"](image())
    (camera,) = ros.published["~/camera_info"]
    assert camera.k.tolist() == matrix


def test_a_broken_image_is_logged_and_the_next_one_comes() -> None:
    ros = node(fov_deg=45.0)
    ros.callbacks["image_raw"](image(encoding="yuv422"))
    ros.callbacks["image_raw"](image(step=3))
    assert len(ros.errors) == 2
    assert "yuv422" in ros.errors[0]
    ros.callbacks["image_raw"](image())
    assert len(ros.published["~/depth/image"]) == 1


def test_a_camera_info_of_another_size_is_not_the_lens_of_the_image() -> None:
    """As of a driver that bins: its matrix is of the full picture, and metres would be off by the binning."""
    ros = node()
    matrix = [200.0, 0, 127.5, 0, 200.0, 95.5, 0, 0, 1]
    ros.callbacks["camera_info"](SimpleNamespace(k=matrix, height=192, width=256))
    with pytest.warns(UserWarning, match="lens"):
        ros.callbacks["image_raw"](image())
    assert len(ros.published["~/depth/image"]) == 1
    assert ros.published["~/camera_info"] == ros.published["~/depth/points"] == []


def test_metres_that_the_folder_of_the_model_keeps_are_those_of_the_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Any] = {}

    def opened(model: str, **options: Any) -> Any:
        asked.update(model=model, **options)

    monkeypatch.setattr("thermodepth.ros.node.open_predictor", opened)
    node(device="cpu")
    assert asked == {"model": "thermal-any", "device": "cpu", "lens": None}
