"""Bags of ROS 1, ROS 2 and MCAP, written here by `rosbags`: counts bit for bit, header times, the lens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, DependencyError, SettingsError
from thermodepth.files import encode_png
from thermodepth.sources import FailedFrame, SourceFrame
from thermodepth.types import ThermalUnit

pytest.importorskip("rosbags", reason="bags need rosbags: pip install 'thermodepth[bags]'")
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Ros2Writer
from rosbags.typesys import Stores, get_typestore

KINDS = ("ros1", "sqlite", "mcap")
START_NS = 1_600_000_000_500_000_000
WriteBag = Callable[..., Path]


class Bag:
    """Messages of one bag, by its own definitions."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.is_ros1 = kind == "ros1"
        store = Stores.ROS1_NOETIC if self.is_ros1 else Stores.ROS2_HUMBLE
        self.store = get_typestore(store)
        self.path = folder / ("walk.bag" if self.is_ros1 else "walk")
        if self.is_ros1:
            self.writer: Any = Ros1Writer(self.path)
        else:
            plugin = StoragePlugin.MCAP if kind == "mcap" else StoragePlugin.SQLITE3
            self.writer = Ros2Writer(self.path, version=9, storage_plugin=plugin)
        self.connections: dict[str, Any] = {}

    def header(self, stamp_ns: int) -> Any:
        types = self.store.types
        stamp = types["builtin_interfaces/msg/Time"](
            sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9
        )
        sequence = {"seq": 0} if self.is_ros1 else {}
        return types["std_msgs/msg/Header"](stamp=stamp, frame_id="thermal", **sequence)

    def add(self, topic: str, kind: str, bag_ns: int, **fields: Any) -> None:
        if topic not in self.connections:
            self.connections[topic] = self.writer.add_connection(topic, kind, typestore=self.store)
        message = self.store.types[kind](**fields)
        serialise = self.store.serialize_ros1 if self.is_ros1 else self.store.serialize_cdr
        self.writer.write(self.connections[topic], bag_ns, serialise(message, kind))

    def image(
        self,
        topic: str,
        frame: NDArray[Any],
        stamp_ns: int,
        *,
        encoding: str = "mono16",
        padding: int = 0,
        big: bool = False,
    ) -> None:
        stored = frame.astype(frame.dtype.newbyteorder(">")) if big else frame
        lines = stored.reshape(len(frame), -1).view(np.uint8)
        lines = np.pad(lines, ((0, 0), (0, padding)))
        self.add(
            topic,
            "sensor_msgs/msg/Image",
            stamp_ns + 40_000_000,
            header=self.header(stamp_ns),
            height=frame.shape[0],
            width=frame.shape[1],
            encoding=encoding,
            is_bigendian=int(big),
            step=lines.shape[1],
            data=lines.ravel(),
        )

    def camera(self, topic: str, matrix: list[float], size: tuple[int, int]) -> None:
        types = self.store.types
        region = types["sensor_msgs/msg/RegionOfInterest"](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        names = "DKRP" if self.is_ros1 else "dkrp"
        values = (np.zeros(5), np.array(matrix), np.eye(3).ravel(), np.zeros(12))
        self.add(
            topic,
            "sensor_msgs/msg/CameraInfo",
            START_NS,
            header=self.header(START_NS),
            height=size[0],
            width=size[1],
            distortion_model="plumb_bob",
            binning_x=0,
            binning_y=0,
            roi=region,
            **dict(zip(names, values, strict=True)),
        )


@pytest.fixture(params=KINDS)
def bag(request: pytest.FixtureRequest, tmp_path: Path) -> Bag:
    return Bag(request.param, tmp_path)


def test_images_are_their_counts_with_header_times_and_lens(
    bag: Bag, clip: NDArray[np.uint16]
) -> None:
    with bag.writer:
        bag.camera("/thermal/camera_info", [40.0, 0, 15.5, 0, 41.0, 11.5, 0, 0, 1], (24, 32))
        for number, frame in enumerate(clip):
            stamp_ns = START_NS + number * 125_000_000
            bag.image("/thermal/image_raw", frame, stamp_ns, padding=6, big=number == 3)
    source = thermodepth.frames(bag.path)
    assert source.length == 5
    frames = list(source)
    for frame, expected in zip(frames, clip, strict=True):
        assert isinstance(frame, SourceFrame)
        np.testing.assert_array_equal(frame.raw, expected)
        assert frame.unit is ThermalUnit.COUNTS
        np.testing.assert_array_equal(frame.intrinsics, [[40, 0, 16], [0, 41, 12], [0, 0, 1]])
    times = np.array([f.time_s for f in frames], float)
    np.testing.assert_allclose(times, START_NS / 1e9 + np.arange(5) / 8, atol=1e-5)
    assert [f.name for f in frames] == [f"walk-{n:06d}" for n in range(5)]
    dropped = next(iter(thermodepth.frames(bag.path, drop="left=4,top=2")))
    assert isinstance(dropped, SourceFrame)
    assert dropped.intrinsics is not None
    np.testing.assert_array_equal(dropped.intrinsics[:2, 2], [12, 10])


def test_a_file_of_a_ros_2_bag_is_read_as_it_is(tmp_path: Path, clip: NDArray[np.uint16]) -> None:
    for kind, suffix in (("mcap", "mcap"), ("sqlite", "db3")):
        bag = Bag(kind, tmp_path / kind)
        (tmp_path / kind).mkdir()
        with bag.writer:
            bag.image("/image", clip[0], START_NS)
        (path,) = bag.path.glob(f"*.{suffix}")
        (frame,) = thermodepth.frames(path)
        np.testing.assert_array_equal(frame.raw, clip[0])


def test_compressed_images_of_sixteen_bits_stay(bag: Bag, clip: NDArray[np.uint16]) -> None:
    with bag.writer:
        for number, frame in enumerate(clip):
            bag.add(
                "/thermal/image_raw/compressed",
                "sensor_msgs/msg/CompressedImage",
                START_NS + number,
                header=bag.header(0),
                format="16UC1; png compressed ",
                data=np.frombuffer(encode_png(frame), np.uint8),
            )
    frames = list(thermodepth.frames(bag.path))
    np.testing.assert_array_equal([f.raw for f in frames], clip)
    assert frames[0].time_s == pytest.approx(START_NS / 1e9)  # the bag's, where the header has none


def test_of_several_topics_one_is_named(bag: Bag, clip: NDArray[np.uint16]) -> None:
    with bag.writer:
        bag.image("/rgb/image", (clip[0] % 256).astype(np.uint8), START_NS, encoding="mono8")
        bag.image("/thermal/image", clip[0], START_NS)
        bag.image("/thermal/image", clip[1], START_NS + 1)
    with pytest.raises(SettingsError, match=r"--topic.*: /rgb/image \(1\), /thermal/image \(2\)"):
        thermodepth.frames(bag.path)
    with pytest.raises(SettingsError, match=r"unknown topic .* did you mean '/thermal/image'"):
        thermodepth.frames(bag.path, topic="/thermal/imag")
    frames = list(thermodepth.frames(bag.path, topic="/thermal/image"))
    np.testing.assert_array_equal([f.raw for f in frames], clip[:2])


def test_images_that_cannot_be_are_listed(bag: Bag, clip: NDArray[np.uint16]) -> None:
    with bag.writer:
        bag.image("/image", clip[0], START_NS)
        bag.image("/image", clip[0], START_NS + 1, encoding="bayer_rggb16")
        bag.add(
            "/image",
            "sensor_msgs/msg/Image",
            START_NS + 40_000_002,
            header=bag.header(START_NS),
            height=50_000,
            width=50_000,
            encoding="mono16",
            is_bigendian=0,
            step=100_000,
            data=np.zeros(8, np.uint8),
        )
    good, *bad = thermodepth.frames(bag.path)
    assert isinstance(good, SourceFrame)
    reasons = [f.reason for f in bad if isinstance(f, FailedFrame)]
    assert "unknown encoding 'bayer_rggb16'" in reasons[0]
    assert "an image of 50000x50000" in reasons[1]


def test_a_matrix_of_another_size_or_of_nobody_is_no_lens(
    bag: Bag, clip: NDArray[np.uint16]
) -> None:
    with bag.writer:
        bag.camera("/a/camera_info", [40.0, 0, 15.5, 0, 41.0, 11.5, 0, 0, 1], (48, 64))
        bag.image("/a/image", clip[0], START_NS)
        bag.camera("/b/camera_info", [0.0] * 9, (24, 32))
        bag.image("/b/image", clip[0], START_NS)
    for topic in ("/a/image", "/b/image"):
        (frame,) = thermodepth.frames(bag.path, topic=topic)
        assert isinstance(frame, SourceFrame)
        assert frame.intrinsics is None


def test_bags_without_images_and_damaged_ones_are_refused(bag: Bag, tmp_path: Path) -> None:
    with bag.writer:
        bag.camera("/camera_info", [0.0] * 9, (24, 32))
    with pytest.raises(DataError, match="no topic with images"):
        thermodepth.frames(bag.path)
    for name, head in (("a.bag", b"#ROSBAG V2.0\n"), ("a.mcap", b"\x89MCAP0\r\n")):
        (tmp_path / name).write_bytes(head + bytes(300))
        with pytest.raises(DataError, match=rf"{name}: cannot be read as a bag"):
            thermodepth.frames(tmp_path / name)


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.bag").write_bytes(b"#ROSBAG V2.0\n")
    monkeypatch.setitem(__import__("sys").modules, "rosbags.rosbag1", None)
    with pytest.raises(DependencyError, match=r"pip install 'thermodepth\[bags\]'"):
        thermodepth.frames(tmp_path / "a.bag")
