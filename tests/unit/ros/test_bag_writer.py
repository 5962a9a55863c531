"""Bags that are written are read back: headers to the nanosecond, maps bit for bit, whole or not at all."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import thermodepth
from thermodepth.errors import DataError, DependencyError, OutputError, SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.ros import STORAGES, BagWriter
from thermodepth.sources import SourceFrame
from thermodepth.sources.frame import MessageHeader

pytest.importorskip("rosbags", reason="bags need rosbags: pip install 'thermodepth[bags]'")
from rosbags.rosbag1 import Reader as Ros1Reader
from rosbags.rosbag2 import Reader as Ros2Reader
from rosbags.typesys import Stores, get_typestore

STAMP_NS = 1_700_000_000_123_456_789  # no float64 of seconds has it


def frame_of(depth: Depth, number: int, **changes: Any) -> SourceFrame:
    assert depth.thermal is not None
    assert depth.thermal_unit is not None
    frame = SourceFrame(
        raw=depth.thermal,
        unit=depth.thermal_unit,
        name=f"f{number}",
        index=number,
        origin=f"frame {number}",
        sequence="walk",
        header=MessageHeader(stamp_ns=STAMP_NS + number, frame_id="boson"),
    )
    return replace(frame, **changes)


def path_of(storage: str, folder: Path) -> Path:
    return folder / ("out.bag" if storage == "ros1" else "out")


def messages(path: Path) -> Iterator[tuple[str, int, Any]]:
    """(topic, nanoseconds of the bag, message), by rosbags itself."""
    is_ros1 = path.suffix == ".bag"
    store = get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)
    deserialise = store.deserialize_ros1 if is_ros1 else store.deserialize_cdr
    with (Ros1Reader if is_ros1 else Ros2Reader)(path) as reader:
        for connection, stamp_ns, content in reader.messages():
            yield connection.topic, stamp_ns, deserialise(content, connection.msgtype)


@pytest.mark.parametrize("storage", STORAGES)
def test_every_message_has_the_header_of_its_image(
    storage: str, depth: Depth, tmp_path: Path
) -> None:
    writer = BagWriter(path_of(storage, tmp_path), storage=storage)
    for number in range(3):
        writer.write(frame_of(depth, number), depth)
    assert not writer.path.exists()
    writer.close()
    assert list(tmp_path.iterdir()) == [writer.path]
    written = list(messages(writer.path))
    topics = [
        f"/thermal/{topic}"
        for topic in ("image", "camera_info", "depth/image", "depth/camera_info", "depth/points")
    ]
    assert sorted(topic for topic, _, _ in written) == sorted(3 * topics)
    for topic in topics:
        own = [(bag_ns, message) for each, bag_ns, message in written if each == topic]
        for number, (bag_ns, message) in enumerate(own):
            stamp = message.header.stamp
            assert stamp.sec * 10**9 + stamp.nanosec == bag_ns == STAMP_NS + number
            assert message.header.frame_id == "boson"
    metres = next(m for topic, _, m in written if topic == "/thermal/depth/image")
    assert metres.encoding == "32FC1"
    assert metres.data.view("<f4").reshape(3, 4)[1, 1] == 5.0


@pytest.mark.parametrize("storage", STORAGES)
def test_it_is_a_source_again(storage: str, depth: Depth, tmp_path: Path) -> None:
    with_lens = frame_of(depth, 0)
    writer = BagWriter(path_of(storage, tmp_path), storage=storage, name="/front/thermal")
    writer.write(with_lens, depth)
    writer.close()
    (again,) = thermodepth.frames(writer.path, topic="/front/thermal/image")
    assert isinstance(again, SourceFrame)
    assert np.array_equal(again.raw, with_lens.raw)
    assert again.header == with_lens.header
    assert depth.lens is not None
    assert again.intrinsics is not None
    np.testing.assert_allclose(again.intrinsics, depth.lens.intrinsics)


def test_frames_of_other_recordings_have_their_times_and_a_frame_of_ours(
    depth: Depth, tmp_path: Path
) -> None:
    writer = BagWriter(tmp_path / "out", frame_id="")
    writer.write(frame_of(depth, 0, header=None, time_s=1.5), depth)
    writer.close()
    ((_, stamp_ns, message), *_) = messages(writer.path)
    assert stamp_ns == 1_500_000_000
    assert message.header.frame_id == "thermal_optical_frame"


def test_a_frame_id_can_be_said(depth: Depth, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "out", frame_id="mast")
    writer.write(frame_of(depth, 0), depth)
    writer.close()
    assert {message.header.frame_id for _, _, message in messages(writer.path)} == {"mast"}


def test_a_frame_without_a_time_is_refused_and_no_bag_is_left(depth: Depth, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / "out")
    with pytest.raises(SettingsError, match=r"frame 0: has no time.*--rate"):
        writer.write(frame_of(depth, 0, header=None), depth)
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_makes_room(depth: Depth, tmp_path: Path) -> None:
    (tmp_path / "out.part" / "out").mkdir(parents=True)
    (tmp_path / "out.part" / "out" / "out.mcap").write_bytes(b"cut off")
    writer = BagWriter(tmp_path / "out")
    writer.write(frame_of(depth, 1), depth)
    writer.close()
    assert {stamp_ns for _, stamp_ns, _ in messages(writer.path)} == {STAMP_NS + 1}


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        ("out", {"storage": "mcpa"}, "mcap"),
        ("out.bag", {"storage": "mcap"}, "a bag of ROS 1 is a file"),
        ("out", {"storage": "ros1"}, "a bag of ROS 1 is a file"),
        ("out", {"name": "thermal"}, "expected a name of ROS"),
        ("out", {"name": "/a b"}, "expected a name of ROS"),
        ("out", {"name": "/"}, "expected a name of ROS"),
        ("out", {"name": "//thermal"}, "expected a name of ROS"),
        ("out", {"name": "/front__left"}, "expected a name of ROS"),
        ("out", {"name": "/wärme"}, "expected a name of ROS"),
    ],
)
def test_what_cannot_be_is_refused(
    name: str, options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=problem):
        BagWriter(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_bag_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(SettingsError, match="exists already"):
        BagWriter(tmp_path / "out")


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rosbags.rosbag1", None)
    with pytest.raises(DependencyError, match=r"thermodepth\[bags\]"):
        BagWriter(tmp_path / "out")


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("problem", [OSError(28, "disk full"), sqlite3.Error("disk full")])
def test_of_a_disk_that_fills_no_bag_is_left(
    storage: str,
    problem: Exception,
    depth: Depth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = BagWriter(path_of(storage, tmp_path), storage=storage)
    writer.write(frame_of(depth, 0), depth)

    def fails(*_: Any) -> None:
        raise problem

    monkeypatch.setattr(writer._writer, "write", fails)
    with pytest.raises(OutputError, match="disk full"):
        writer.write(frame_of(depth, 1), depth)
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "out.part" / "notes.txt"
    other.parent.mkdir()
    other.write_text("mine")
    with pytest.raises(SettingsError, match=r"out\.part: .* is not ours"):
        BagWriter(tmp_path / "out")
    assert other.read_text() == "mine"


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("stamp_ns", [-1, 2**31 * 10**9])
def test_a_time_that_no_message_has_is_an_error_of_its_frame(
    storage: str, stamp_ns: int, depth: Depth, tmp_path: Path
) -> None:
    writer = BagWriter(path_of(storage, tmp_path), storage=storage)
    header = MessageHeader(stamp_ns=stamp_ns, frame_id="")
    with pytest.raises(DataError, match="expected 0 to 2147483647"):
        writer.write(frame_of(depth, 0, header=header), depth)
    writer.write(frame_of(depth, 1), depth)
    writer.close()
    assert {stamp for _, stamp, _ in messages(writer.path)} == {STAMP_NS + 1}
