"""A writer of bags: depth, camera and points of every frame, under the header of the frame's own message.

A bag is written beside its place and moved there at the end, whole or not at all, also where the source was
stopped; where a message could not be written there is none. One that a kill cut off stays in the folder
`<name>.part`, which the next run clears.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DataError, DependencyError, OutputError, SettingsError, unknown
from thermodepth.outputs.flying import STEP
from thermodepth.ros.messages import CLOUD, TOPICS, depth_messages

if TYPE_CHECKING:
    from thermodepth.inference.depth import Depth
    from thermodepth.sources import SourceFrame

#: How a bag is stored, by name: `ros1` is one file, the others are folders of ROS 2.
STORAGES = ("mcap", "sqlite3", "ros1")
ROS1_SUFFIX = ".bag"
NAME = "/thermal"  # of the camera: the topics lie below
FRAME_ID = "thermal_optical_frame"  # of frames whose message has none
_NS = 10**9
_FAILURES = (OSError, sqlite3.Error)  # of a disk
_LAST_S = 2**31  # seconds of a message are a signed number of 32 bits in ROS 2
#: Names of ROS: letters, digits and single underscores between slashes.
_NAME = re.compile(r"(?:/(?!\w*__)[a-z]\w*)+/?", re.ASCII | re.IGNORECASE)


class BagWriter:
    """A `pipeline.Writer` of one bag."""

    is_resumable = False  # one file for all

    def __init__(
        self,
        path: Path,
        *,
        storage: str = "mcap",
        name: str = NAME,
        frame_id: str = "",
        flying_step: float = STEP,
    ) -> None:
        """
        Args:
            path: of the bag, which must not exist: a folder, or a file that ends in `.bag`.
            storage: one of `STORAGES`.
            name: of the camera, which the topics begin with.
            frame_id: in place of that of the frames' messages; empty: theirs, or `FRAME_ID`.
            flying_step: as `outputs.flying_pixels` has it.

        Raises:
            SettingsError: for a path that exists or does not fit the storage, and for a name that is none.
            DependencyError: without `rosbags`.
            OutputError: where the bag cannot be written.
        """
        _check(path, storage, name)
        # Of the name that it will have: files in the folder of a bag are named after it.
        self.path, self._part = path, path.with_name(f"{path.name}.part") / path.name
        self._name, self._frame_id, self._flying_step = name.rstrip("/"), frame_id, flying_step
        self._is_ros1 = storage == "ros1"
        self._writer, self._store = _open(self._part, storage)
        self._connections: dict[str, Any] = {}
        self.frames = 0
        self.frames_without_lens = 0
        self._is_broken = False

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        """Add the messages of a frame.

        Raises:
            DataError: for a frame whose time no message can have.
            SettingsError: for one without a time.
            OutputError: where the bag cannot be written.
        """
        messages = depth_messages(depth, flying_step=self._flying_step)
        stamp_ns, frame_id = self._header_of(frame)
        for topic, fields in messages.items():
            kind = TOPICS[topic]
            message = self._message(kind, fields, stamp_ns, frame_id)
            serialise = self._store.serialize_ros1 if self._is_ros1 else self._store.serialize_cdr
            try:
                self._writer.write(
                    self._connection(f"{self._name}/{topic}", kind),
                    stamp_ns,
                    serialise(message, kind),
                )
            except _FAILURES as error:
                self._is_broken = True
                raise _not_written(self.path, error) from None
        self.frames += 1
        self.frames_without_lens += CLOUD not in {TOPICS[topic] for topic in messages}
        return ()

    def close(self) -> None:
        """The bag is whole; there is none without a frame, or where a message could not be written.

        Raises:
            OutputError: where it cannot be written.
        """
        try:
            with suppress(*(_FAILURES if self._is_broken else ())):
                self._writer.close()
            if self.frames and not self._is_broken:
                self._part.replace(self.path)
            shutil.rmtree(self._part.parent)
        except _FAILURES as error:
            raise _not_written(self.path, error) from None

    def _header_of(self, frame: SourceFrame) -> tuple[int, str]:
        """(nanoseconds, coordinate frame): of the message that the frame came in, where it did."""
        frame_id = FRAME_ID
        if frame.header is not None:
            stamp_ns, frame_id = frame.header.stamp_ns, frame.header.frame_id or FRAME_ID
        elif frame.time_s is not None:
            stamp_ns = round(frame.time_s * _NS)
        else:
            raise SettingsError(
                f"{frame.origin}: has no time, and messages need one; --rate says how many come a second"
            )
        if not 0 <= stamp_ns < _LAST_S * _NS:
            raise DataError(
                f"a time of {stamp_ns / _NS:g} s, expected 0 to {_LAST_S - 1}, which messages of ROS can have"
            )
        return stamp_ns, self._frame_id or frame_id

    def _connection(self, topic: str, kind: str) -> Any:
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._store
            )
        return self._connections[topic]

    def _message(self, kind: str, fields: dict[str, Any], stamp_ns: int, frame_id: str) -> Any:
        types = self._store.types
        stamp = types["builtin_interfaces/msg/Time"](sec=stamp_ns // _NS, nanosec=stamp_ns % _NS)
        sequence = {"seq": self.frames} if self._is_ros1 else {}
        header = types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id, **sequence)
        fields = dict(fields)
        if "fields" in fields:
            point_field = types["sensor_msgs/msg/PointField"]
            fields["fields"] = [
                point_field(name=f.name, offset=f.offset, datatype=f.datatype, count=f.count)
                for f in fields["fields"]
            ]
        if "k" in fields:
            fields["roi"] = types["sensor_msgs/msg/RegionOfInterest"](
                x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
            )
            if self._is_ros1:
                fields = {key.upper() if key in "dkrp" else key: v for key, v in fields.items()}
        return types[kind](header=header, **fields)


def _check(path: Path, storage: str, name: str) -> None:
    if storage not in STORAGES:
        raise SettingsError(f"--storage: {unknown('storage', storage, STORAGES)}")
    if (storage == "ros1") != (path.suffix.lower() == ROS1_SUFFIX):
        raise SettingsError(
            f"--out {path}: a bag of ROS 1 is a file that ends in {ROS1_SUFFIX} (--storage ros1); one of "
            "ROS 2 is a folder"
        )
    if path.exists():
        raise SettingsError(f"--out {path}: exists already, and a bag is not written over")
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"--name {name}: expected a name of ROS, such as {NAME} or /front/thermal"
        )


def _open(part: Path, storage: str) -> tuple[Any, Any]:
    """(writer, types) of `rosbags`."""
    try:
        from rosbags.rosbag1 import Writer as Ros1Writer
        from rosbags.rosbag2 import StoragePlugin
        from rosbags.rosbag2 import Writer as Ros2Writer
        from rosbags.typesys import Stores, get_typestore
    except ModuleNotFoundError as error:
        raise DependencyError(
            f"bags need a package that is not installed ({error.name}): pip install "
            "'thermodepth[bags]'"
        ) from None
    is_ros1 = storage == "ros1"
    try:
        _clear(part)
        part.parent.mkdir(parents=True)
        if is_ros1:
            writer: Any = Ros1Writer(part)
        else:
            writer = Ros2Writer(part, version=9, storage_plugin=StoragePlugin[storage.upper()])
        writer.open()
    except _FAILURES as error:
        raise _not_written(part, error) from None
    return writer, get_typestore(Stores.ROS1_NOETIC if is_ros1 else Stores.ROS2_HUMBLE)


def _clear(part: Path) -> None:
    """Remove what a run that was killed left, and nothing else.

    Raises:
        SettingsError: for a folder of that name which holds other things.
    """
    folder = part.parent
    if not folder.exists():
        return
    if not folder.is_dir() or any(file.name != part.name for file in folder.iterdir()):
        raise SettingsError(
            f"{folder}: stands where the bag is written until it is whole, and is not ours; move it, or "
            "name another --out"
        )
    shutil.rmtree(folder)


def _not_written(path: Path, error: Exception) -> OutputError:
    return OutputError(f"{path}: {getattr(error, 'strerror', None) or error}")
