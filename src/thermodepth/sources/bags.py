"""ROS 1 and 2 bags, and MCAP with ROS 2 messages, without ROS (extra `bags`).

Images, compressed images and the camera's matrix are deserialised by the definitions that `rosbags` brings,
never by those in the file, from which it would make code. Times are those of the messages' headers.

Source: sensor_msgs/Image, CompressedImage and CameraInfo of ROS; sensor_msgs/image_encodings.hpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, DependencyError, SettingsError, unknown
from thermodepth.files import MAX_PIXELS, ask_folder, byte_count
from thermodepth.pictures import decode_raster
from thermodepth.sources.frame import MessageHeader
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.lenses import cut_intrinsics
from thermodepth.sources.options import SourceOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROS1, MCAP, SQLITE = b"#ROSBAG", b"\x89MCAP0", b"SQLite format 3\0"
SUFFIXES = (".bag", ".mcap", ".db3")
METADATA = "metadata.yaml"  # of the folder that a ROS 2 bag is
_IMAGE, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_CAMERA = "sensor_msgs/msg/CameraInfo"
#: encoding -> (number type, channels)
_ENCODINGS = {
    "mono8": ("u1", 1),
    "8UC1": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "16SC1": ("i2", 1),
    "32FC1": ("f4", 1),
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "8UC3": ("u1", 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BagTopic:
    """The images of one topic."""

    path: Path
    label: str
    options: SourceOptions
    topic: str
    length: int
    intrinsics: NDArray[np.float64] | None  # of the topic's camera
    size: tuple[int, int] | None  # (rows, columns) that they hold for
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The bag and the topic."""
        return f"{self.path}, {self.topic}"

    @property
    def sequence(self) -> str:
        """One recording."""
        return f"{self.path} {self.topic}"

    def stored_frames(self) -> Iterator[StoredFrame]:
        """In the order of the bag's own times.

        Raises:
            DataError: where the bag cannot be read any further.
        """
        state = state_of(self.path)
        with _opened(self.path) as bag:
            connections = [c for c in bag.connections if c.topic == self.topic]
            messages = bag.messages(connections=connections)
            for number, (connection, bag_ns, content) in enumerate(messages):
                origin = f"{self.path}, {self.topic}, message {number}"
                try:
                    message = bag.deserialised(content, connection.msgtype)
                except Exception as error:  # rosbags lets through whatever it stumbles on
                    message = DataError(f"{origin}: cannot be read ({error})")
                header = _header(message, bag_ns)
                yield StoredFrame(
                    decode=partial(self._decode, message, origin),
                    origin=origin,
                    time_s=header.stamp_ns / 1e9,
                    file_state=state,
                    header=header,
                )

    def _decode(self, message: Any, origin: str) -> DecodedFrame:
        if isinstance(message, DataError):
            raise message
        pixels = image_of(message, origin)
        raw, unit = self.options.frame_of(pixels, origin)
        lens = self.intrinsics if self.size == pixels.shape[:2] else None
        if lens is not None and self.options.margins is not None:
            lens = cut_intrinsics(lens, self.options.margins)
        return DecodedFrame(raw=raw, unit=unit, intrinsics=lens)

    def stop(self) -> None:
        """Nothing is waited for."""


def is_bag_folder(path: Path) -> bool:
    """Whether a folder is a ROS 2 bag."""
    return path.is_dir() and (path / METADATA).is_file()


def open_bag(path: Path, label: str, options: SourceOptions) -> BagTopic:
    """
    Raises:
        DependencyError: without `rosbags`.
        DataError: for a bag that is damaged or holds no images.
        SettingsError: for a topic that it does not have, and where several hold images and none is named.
    """
    with _opened(path) as bag:
        counts: dict[str, int] = {}
        for connection in bag.connections:
            if connection.msgtype in (_IMAGE, _COMPRESSED):
                counts[connection.topic] = counts.get(connection.topic, 0) + connection.msgcount
        topic = _chosen(counts, options.topic, path)
        intrinsics, size = _camera_of(bag, topic)
    return BagTopic(
        path=path,
        label=label,
        options=options,
        topic=topic,
        length=counts[topic],
        intrinsics=intrinsics,
        size=size,
    )


def image_of(message: Any, name: str) -> NDArray[Any]:
    """`[h w]` or `[h w 3]` of an Image or CompressedImage.

    Raises:
        DataError: for an encoding that is no picture of one channel, or data that do not fit their size.
    """
    if not hasattr(message, "encoding"):
        return decode_raster(message.data.tobytes(), name)
    if message.encoding not in _ENCODINGS:
        raise DataError(f"{name}: {unknown('encoding', message.encoding, _ENCODINGS)}")
    kind, channels = _ENCODINGS[message.encoding]
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    rows, columns, step = int(message.height), int(message.width), int(message.step)
    if not 0 < rows * columns <= MAX_PIXELS:
        raise DataError(f"{name}: an image of {columns}x{rows}")
    if step < columns * channels * dtype.itemsize or len(message.data) < rows * step:
        raise DataError(
            f"{name}: {len(message.data)} bytes, {step} a row, of an image {message.encoding} of "
            f"{columns}x{rows}"
        )
    lines = np.frombuffer(message.data.tobytes(), np.uint8, count=rows * step).reshape(rows, step)
    pixels = np.ascontiguousarray(lines[:, : columns * channels * dtype.itemsize]).view(dtype)
    native = pixels.astype(dtype.newbyteorder("="))
    return native if channels == 1 else native.reshape(rows, columns, channels)


class _Bag:
    """A reader of `rosbags` of either version."""

    def __init__(self, reader: Any, *, is_ros1: bool) -> None:
        from rosbags.typesys import Stores, get_typestore

        self.connections = reader.connections
        self.messages = reader.messages
        store = get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)
        self.deserialised = store.deserialize_ros1 if is_ros1 else store.deserialize_cdr


@contextmanager
def _opened(path: Path) -> Iterator[_Bag]:
    try:
        from rosbags.rosbag1 import Reader as Ros1Reader
        from rosbags.rosbag2 import Reader as Ros2Reader
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"{path}: bags need a package that is not installed ({error.name}): pip install "
            "'thermodepth[bags]'"
        ) from None
    if path.is_dir():
        ask_folder(path)
    else:
        byte_count(path)
    is_ros1 = path.suffix.lower() == ".bag"
    try:
        with (Ros1Reader if is_ros1 else Ros2Reader)(path) as reader:
            yield _Bag(reader, is_ros1=is_ros1)
    except (DataError, SettingsError, GeneratorExit):
        raise
    except Exception as error:  # rosbags lets through whatever it stumbles on
        raise DataError(f"{path}: cannot be read as a bag ({error})") from None


def _chosen(counts: dict[str, int], topic: str, path: Path) -> str:
    listing = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
    if not counts:
        raise DataError(f"{path}: no topic with images (sensor_msgs Image or CompressedImage)")
    if topic and topic not in counts:
        raise SettingsError(f"{path}: {unknown('topic with images', topic, counts)}")
    if not topic and len(counts) > 1:
        raise SettingsError(
            f"{path}: {len(counts)} topics hold images; say which (--topic, topic=): {listing}"
        )
    return topic or next(iter(counts))


def _camera_of(bag: _Bag, topic: str) -> tuple[NDArray[np.float64] | None, tuple[int, int] | None]:
    """The matrix of the topic's camera and its size, by the first CameraInfo of the same name space."""
    above = topic.removesuffix("/compressed").rpartition("/")[0]
    infos = [
        c for c in bag.connections if c.msgtype == _CAMERA and c.topic == f"{above}/camera_info"
    ]
    if not infos:
        return None, None
    for connection, _, content in bag.messages(connections=infos):
        info = bag.deserialised(content, connection.msgtype)
        matrix = np.array(info.K if hasattr(info, "K") else info.k, np.float64).reshape(3, 3)
        if not (np.isfinite(matrix).all() and min(matrix[0, 0], matrix[1, 1]) > 0):
            return None, None  # of a camera that nobody calibrated it is 0
        # The centre of the first pixel is at (0, 0) in ROS, and at (.5, .5) here.
        matrix[:2, 2] += 0.5
        return matrix, (int(info.height), int(info.width))
    return None, None


def _header(message: Any, bag_ns: int) -> MessageHeader:
    """The message's own; with the bag's time where it has none."""
    header = getattr(message, "header", None)
    if header is None:
        return MessageHeader(stamp_ns=bag_ns, frame_id="")
    stamp_ns = int(header.stamp.sec) * 10**9 + int(header.stamp.nanosec)
    return MessageHeader(stamp_ns=stamp_ns or bag_ns, frame_id=str(header.frame_id))
