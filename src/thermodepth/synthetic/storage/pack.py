"""The data set format: a folder, or the same in one zip file, that a person can open and look at.

pack.json            format version, size, intrinsics, rig, encodings, sensor, the RGB camera's own view
index.csv            frame_id,split,kind,condition,seed,sequence,time_s
poses.csv            frame_id and the upper rows of world_from_camera (thermal camera)
rgb/ID.jpg           quality 90
temperature/ID.png   uint16: kelvin = offset_k + step_k * value; noise-free apparent temperature
depth/ID.png         uint16: metres = step_m * value, 0 = no value (sky, or beyond 255.99 m)
lidar/ID.png         as depth, where a beam came back                 (with a lidar)
rgb_depth/ID.png     as depth, in the RGB camera's view               (where that is another view)
thermal/ID.png       uint16 raw counts, one draw of the sensor noise  (in a folder only)

and, in a pack of several or many cameras (format 3), where `pack.json` tells the size and lens of the
default camera:

cameras.csv          frame_id,width,height,fx,fy,cx,cy
sky/ID.png           8 bit: 255 where the ray meets nothing, else 0
thermal/ID.png       of many, uint8 where that frame's camera gives a picture after gain control
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.files import write_bytes
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.storage.container import Container, open_container, write_zip
from thermodepth.synthetic.storage.csv_files import (
    FrameCamera,
    IndexRow,
    Pose,
    parse_cameras,
    parse_index,
    parse_poses,
)
from thermodepth.synthetic.storage.encoding import (
    decode,
    kelvin_of,
    largest_bytes,
    member,
    metres_of,
)
from thermodepth.synthetic.storage.header import Header, RgbCamera, parse_header
from thermodepth.synthetic.storage.layout import PackLayout, Rendered, rendered
from thermodepth.types import RgbView

_LARGEST_TEXT_BYTES = 64 << 20
_SKY_VALUE = 255
RENDERING = "rendering.json"  # what an unfinished folder holds, see `building`
_TABLES = ("pack.json", "index.csv", "poses.csv")
_DEFAULT_SENSOR = MicrobolometerSettings()

__all__ = ["IndexRow", "Pack", "write_pack"]


def write_pack(
    path: Path | str,
    frames_by_split: Mapping[str, Iterable[Frame]],
    *,
    sensor: MicrobolometerSettings = _DEFAULT_SENSOR,
    rig: str = "coaxial",
    cameras: str = "one",
) -> None:
    """Write a pack, one frame at a time: a zip file for `.zip`, else a folder. Whole or not at all.

    Raises:
        DataError: for no frames, frames of different cameras, an id used twice, or a folder that is
            there already and not empty; of frames with lenses of their own for one without a sky map.
    """
    path = Path(path)
    zipped = path.suffix == ".zip"
    intake = _Intake(path, sensor, rig, with_thermal=not zipped, cameras=cameras)
    frames = ((split, frame) for split, part in frames_by_split.items() for frame in part)
    if path.suffix == ".zip":
        write_zip(path, _members(intake, frames))
        return
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(f"{path}: is there already; give another place")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        for split, frame in frames:
            for name, content in intake.files(split, frame).items():
                write_bytes(unfinished / name, content)
        intake.layout().finish(unfinished, intake.done)
        unfinished.replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _members(intake: _Intake, frames: Iterable[tuple[str, Frame]]) -> Iterator[tuple[str, bytes]]:
    for split, frame in frames:
        yield from intake.files(split, frame).items()
    for name, text in intake.layout().tables(intake.done):
        yield name, text.encode()


class _Intake:
    """Frames on their way into a pack, each held against the first."""

    def __init__(
        self,
        path: Path,
        sensor: MicrobolometerSettings,
        rig: str,
        *,
        with_thermal: bool,
        cameras: str,
    ) -> None:
        self._path, self._sensor, self._rig = path, sensor, rig
        self._with_thermal, self._cameras = with_thermal, cameras
        self._ids: set[str] = set()
        self._layout: PackLayout | None = None
        self.done: list[Rendered] = []

    def files(self, split: str, frame: Frame) -> dict[str, bytes]:
        """The members of one frame. Raises `DataError` for one that does not fit the others."""
        header = header_of(frame, self._sensor, self._rig, cameras=self._cameras)
        if header.own_lenses and frame.sky is None:
            raise DataError(f"{self._path}: frame '{frame.frame_id}' has no sky map")
        if self._layout is None:
            self._layout = PackLayout(header=header, with_thermal=self._with_thermal)
        name = frame.frame_id
        if name in self._ids:
            raise DataError(f"{self._path}: frame id '{name}' is used twice")
        if not header.same_cameras(self._layout.header):
            raise DataError(
                f"{self._path}: frame '{name}' differs in size, cameras or maps from the first"
            )
        self._ids.add(name)
        self.done.append(rendered(frame, split, len(self.done)))
        return self._layout.files(frame, self.done[-1])

    def layout(self) -> PackLayout:
        """The layout that the first frame decided. Raises `DataError` when there was none."""
        if self._layout is None:
            raise DataError(f"{self._path}: a pack needs at least one frame")
        return self._layout


def header_of(
    frame: Frame, sensor: MicrobolometerSettings, rig: str, *, cameras: str = "one"
) -> Header:
    """What a pack of frames like this one says of itself."""
    from thermodepth.synthetic.worlds.world import generator_version

    height, width = frame.depth_m.shape
    view = frame.rgb_view
    rows, columns = frame.rgb.shape[:2]
    return Header(
        width=width,
        height=height,
        intrinsics=frame.intrinsics,
        rig=rig,
        generator_version=generator_version(cameras),
        sensor=sensor,
        lidar=frame.lidar_m is not None,
        cameras=cameras,
        rgb=None
        if view is None
        else RgbCamera(
            width=columns,
            height=rows,
            intrinsics=view.intrinsics,
            rgb_from_thermal=view.rgb_from_thermal,
        ),
    )


class Pack:
    """A pack opened for reading. Safe to copy into worker processes."""

    def __init__(
        self,
        path: Path,
        container: Container,
        header: Header,
        rows: tuple[IndexRow, ...],
        poses: Mapping[str, Pose],
        cameras: Mapping[str, FrameCamera],
        *,
        with_thermal: bool,
    ) -> None:
        """Use `Pack.open`."""
        self.path = path
        self.header = header
        self.rows = rows
        self._container = container
        self._poses = poses
        self._cameras = cameras  # empty where all frames have the header's
        self._row_of = {row.frame_id: row for row in rows}
        self._with_thermal = with_thermal
        self._fingerprint = ""

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Check header, tables and names. Raises `DataError` naming the pack and what is wrong."""
        path = Path(path)
        container = open_container(path)
        try:
            present = container.names()
            if "pack.json" not in present and RENDERING in present:
                raise DataError(f"{path}: {_why_no_pack(container)}")
            header = parse_header(str(path), _text(container, path, "pack.json"))
            rows = parse_index(str(path), _text(container, path, "index.csv"))
            poses = parse_poses(str(path), _text(container, path, "poses.csv"), rows)
            cameras = {}
            if header.own_lenses:
                text = _text(container, path, "cameras.csv")
                cameras = parse_cameras(str(path), text, rows)
        finally:
            container.close()
        for row in rows:
            for folder in header.folders:
                if member(folder, row.frame_id) not in present:
                    raise DataError(f"{path}: member '{member(folder, row.frame_id)}' is missing")
        with_thermal = any(name.startswith("thermal/") for name in present)
        return cls(path, container, header, rows, poses, cameras, with_thermal=with_thermal)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the thermal camera's maps; of many cameras those of the default one."""
        return self.header.height, self.header.width

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, in the order of the index."""
        return tuple(dict.fromkeys(row.split for row in self.rows))

    def rows_of(self, split: str) -> tuple[IndexRow, ...]:
        """The rows of one split."""
        return tuple(row for row in self.rows if row.split == split)

    def row(self, frame_id: str) -> IndexRow:
        """The line of a frame. Raises `DataError` for an id that is not in the index."""
        if frame_id not in self._row_of:
            raise DataError(f"{self.path}: no frame '{frame_id}' in index.csv")
        return self._row_of[frame_id]

    def size_of(self, frame_id: str) -> tuple[int, int]:
        """(rows, columns) of a frame's maps. Raises `DataError` for an unknown id."""
        self.row(frame_id)
        camera = self._cameras.get(frame_id)
        return self.size if camera is None else (camera.height, camera.width)

    def intrinsics(self, frame_id: str) -> NDArray[np.float32]:
        """[3 3] pixels of a frame's thermal camera. Raises `DataError` for an unknown id."""
        self.row(frame_id)
        camera = self._cameras.get(frame_id)
        return self.header.intrinsics.copy() if camera is None else camera.intrinsics

    def sky(self, frame_id: str) -> NDArray[np.bool_] | None:
        """[h w] True where the ray meets nothing; None in packs of one camera, which keep no such map.

        Raises `DataError` as `read` does.
        """
        if not self.header.own_lenses:
            return None
        return self._picture("sky", frame_id, "L") > _SKY_VALUE // 2

    def kelvin(self, frame_id: str) -> NDArray[np.float32]:
        """[h w] noise-free apparent temperature. Raises `DataError` as `read` does."""
        return kelvin_of(self._picture("temperature", frame_id), self.header)

    def depth_m(self, frame_id: str) -> NDArray[np.float32]:
        """[h w] exact depth, NaN where there is none. Raises `DataError` as `read` does."""
        return metres_of(self._picture("depth", frame_id), self.header)

    def rgb(self, frame_id: str) -> NDArray[np.uint8]:
        """[h w 3] in the RGB camera's own size. Raises `DataError` as `read` does."""
        return self._picture("rgb", frame_id, "RGB")

    def rgb_view(self, frame_id: str) -> RgbView | None:
        """The RGB camera's own view, with its exact depth; None where it is the thermal camera's."""
        camera = self.header.rgb
        if camera is None:
            return None
        return RgbView(
            depth_m=metres_of(self._picture("rgb_depth", frame_id), self.header),
            intrinsics=camera.intrinsics.copy(),
            rgb_from_thermal=camera.rgb_from_thermal.copy(),
        )

    def read(self, frame_id: str) -> Frame:
        """Decode one frame. Raises `DataError` for an id that is not in the index or a broken member."""
        row, header = self.row(frame_id), self.header
        lidar_m = metres_of(self._picture("lidar", frame_id), header) if header.lidar else None
        return Frame(
            frame_id=frame_id,
            kind=row.kind,
            condition=row.condition,
            seed=row.seed,
            rgb=self.rgb(frame_id),
            apparent_temperature_k=self.kelvin(frame_id),
            depth_m=self.depth_m(frame_id),
            intrinsics=self.intrinsics(frame_id),
            sequence=row.sequence,
            time_s=row.time_s,
            world_from_camera=self._poses[frame_id].copy(),
            rgb_view=self.rgb_view(frame_id),
            sky=self.sky(frame_id),
            lidar_m=lidar_m,
        )

    def check_beside(self, frame_id: str) -> None:
        """Decode what belongs to a frame and nobody here reads: raw counts for other tools, lidar.

        Raises:
            DataError: as `read`.
        """
        if self._with_thermal:  # every frame has it, or the folder would have none
            self._picture("thermal", frame_id)
        if self.header.lidar:
            self._picture("lidar", frame_id)

    def fingerprint(self) -> str:
        """Changes when the frames, their order or their content do; the same wherever the pack lies."""
        if not self._fingerprint:
            maps = (member(f, row.frame_id) for row in self.rows for f in self.header.folders)
            tables = [*_TABLES, *(["cameras.csv"] if self.header.own_lenses else [])]
            self._fingerprint = self._container.fingerprint([*tables, *maps])
        return self._fingerprint

    def close(self) -> None:
        """Release the file; the next `read` opens it again."""
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _picture(self, folder: str, frame_id: str, mode: str = "I;16") -> Array:
        self.row(frame_id)
        camera = self._cameras.get(frame_id)
        size = self.header.size_of(folder) if camera is None else (camera.width, camera.height)
        name = member(folder, frame_id)
        content = self._container.read(name, largest_bytes(size))
        return decode(f"{self.path}: '{name}'", content, size, mode)


def _why_no_pack(container: Container) -> str:
    """What a rendering without `pack.json` is."""
    try:
        about = json.loads(container.read(RENDERING, _LARGEST_TEXT_BYTES))
        layout, finished = str(about["layout"]), bool(about["finished"])
    except (DataError, ValueError, KeyError, TypeError, RecursionError):
        layout, finished = "", False
    if finished and layout == "ms2":
        return "is laid out as MS2; name it ms2:PATH"
    return (
        "its rendering is not finished; run the same `thermodepth data render` again and it goes on"
    )


def _text(container: Container, path: Path, name: str) -> str:
    try:
        return container.read(name, _LARGEST_TEXT_BYTES).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: '{name}' is not UTF-8 text: {error}") from error
