"""What rendered frames become on disk: the pack's own layout, and what every layout can do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from thermodepth.files import replacing, write_text
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.csv_files import (
    FrameCamera,
    IndexRow,
    Pose,
    camera_of,
    cameras_text,
    index_text,
    poses_text,
    row_of,
)
from thermodepth.synthetic.storage.encoding import (
    encode,
    kelvin_of,
    member,
    png,
    temperature_values,
)
from thermodepth.synthetic.storage.header import Header
from thermodepth.synthetic.storage.thermal import frozen, raw_frame

_NOISE_LEVEL = 6  # of PNG compression


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """A frame whose files are written: what the tables at the end say of it."""

    row: IndexRow
    number: int  # place in its sequence, from 0
    pose: Pose  # world_from_camera
    camera: FrameCamera


class Layout(Protocol):
    """One way of laying out files. Knows no frame but the one that it is given."""

    def files(self, frame: Frame, done: Rendered) -> dict[str, bytes]:
        """{path below the root: content} of one frame."""
        ...

    def finish(self, root: Path, frames: Sequence[Rendered]) -> None:
        """Once all frames are there: the tables, and whatever spans several frames."""
        ...


def rendered(frame: Frame, split: str, number: int) -> Rendered:
    """What is kept of a frame until the end."""
    pose = np.array(frame.world_from_camera, np.float64)
    return Rendered(row=row_of(frame, split), number=number, pose=pose, camera=camera_of(frame))


def thermal_png(
    frame: Frame, row: IndexRow, sensor: MicrobolometerSettings, *, any_core: bool = False
) -> bytes:
    """Raw counts, the standing draw; of many cameras some have an 8-bit picture.

    Drawn over the temperature as a pack stores it, so that a reader of the pack gets the same counts.
    """
    kelvin = kelvin_of(temperature_values(frame.apparent_temperature_k))
    return png(raw_frame(kelvin, row, sensor, any_core=any_core), level=_NOISE_LEVEL)


def copy_whole(source: Path, target: Path) -> None:
    """Replace `target` by a copy, whole or not at all."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PackLayout:
    """The pack: `rgb/`, `temperature/`, `depth/`, where there are any `lidar/` and `rgb_depth/`, tables.

    `with_thermal` adds raw counts for people and tools that do not draw the noise themselves.
    """

    header: Header
    with_thermal: bool

    def files(self, frame: Frame, done: Rendered) -> dict[str, bytes]:
        files = encode(frame)
        if self.with_thermal:
            name = member("thermal", frame.frame_id)
            files[name] = thermal_png(
                frame, done.row, self.header.sensor, any_core=self.header.any_core
            )
        return files

    def finish(self, root: Path, frames: Sequence[Rendered]) -> None:
        if self.with_thermal:
            for frame_id, source_row in frozen([f.row for f in frames], self.header.sensor).items():
                source = root / member("thermal", source_row.frame_id)
                copy_whole(source, root / member("thermal", frame_id))
        for name, text in self.tables(frames):
            write_text(root / name, text)

    def tables(self, frames: Sequence[Rendered]) -> Iterator[tuple[str, str]]:
        """Names and contents of the tables; `pack.json` last, for with it a pack is complete."""
        yield "index.csv", index_text(f.row for f in frames)
        yield "poses.csv", poses_text({f.row.frame_id: f.pose for f in frames})
        if self.header.own_lenses:
            yield "cameras.csv", cameras_text({f.row.frame_id: f.camera for f in frames})
        yield "pack.json", self.header.text()
