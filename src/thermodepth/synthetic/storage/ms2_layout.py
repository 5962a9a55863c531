"""The folders of MS2 (Shin et al., CVPR 2023), so that its loaders read rendered scenes unchanged.

    sync_data/SEQ/{thr,rgb}/img_left/000000.png     thr uint16 counts, rgb 8 bit
    sync_data/SEQ/{thr,rgb}/img_left_timestamp.txt  integer nanoseconds from the first frame
    sync_data/SEQ/calib.npy, calib.json             see `ms2_calibration`
    proj_depth/SEQ/{thr,rgb}/depth/000000.png       uint16 metres*256, 0 none: one sweep of the lidar
    proj_depth/SEQ/{thr,rgb}/depth_filtered/        the same, about 28 % of the pixels
    odom/SEQ/{thr,rgb}/000000.txt                   4x4: from this frame to the sequence's first one
    {train,val,test_day,test_night,test_rainy}_list.txt

Left views only; no NIR, no right cameras, no lidar points, no IMU. One scene is one sequence, and its name
begins with `_` as MS2's do.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.errors import SettingsError
from thermodepth.files import write_bytes, write_json, write_text
from thermodepth.synthetic.cameras.rig import Rig
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.csv_files import IndexRow
from thermodepth.synthetic.storage.encoding import depth_values, png
from thermodepth.synthetic.storage.layout import Rendered, copy_whole, thermal_png
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of
from thermodepth.synthetic.storage.thermal import frozen

LISTS = ("train", "val", "test_day", "test_night", "test_rainy")
_LIST_OF_CONDITION = {"night": "test_night", "dark": "test_night", "rain": "test_rainy"}
_PICTURE_LEVEL = 6  # of PNG compression

Depth = NDArray[np.float32]
Pose = NDArray[np.float64]

# The denser map: lines of equal elevation, so close that they take this share of the rows where
# something is near enough to return; MS2's covers 27 to 29 % of the thermal picture.
_LINE_SHARE = 0.36
_REACH_M = 60.0  # where every second return is lost
_SAME_SURFACE = 0.02  # a return that differs more from the other view's own depth is hidden there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ms2Layout:
    """Raises `SettingsError` for a rig whose RGB camera has no view of its own."""

    rig: Rig
    sensor: MicrobolometerSettings

    def __post_init__(self) -> None:
        if self.rig.coaxial:
            raise SettingsError(
                f"layout ms2 wants an RGB camera with its own view, which rig '{self.rig.name}' "
                "has not: give --rig ms2, or a calibration file"
            )

    def files(self, frame: Frame, done: Rendered) -> dict[str, bytes]:
        assert frame.rgb_view is not None, "the rig has two views"
        assert frame.lidar_m is not None, "depth maps want a lidar"
        view = frame.rgb_view
        assert view.depth_m is not None, "a rendered view has its depth"
        thermal_k, rgb_k = frame.intrinsics, view.intrinsics
        world_from_rgb = frame.world_from_camera @ np.linalg.inv(view.rgb_from_thermal)
        # One stream a camera: what one map loses tells nothing about the other.
        draws = [
            np.random.default_rng([zlib.crc32(frame.frame_id.encode()), band]) for band in (1, 2)
        ]
        dense = scanned(frame.depth_m, thermal_k, frame.world_from_camera, draws[0])
        dense_rgb = scanned(view.depth_m, rgb_k, world_from_rgb, draws[1])
        swept_rgb = seen_from(frame.lidar_m, thermal_k, view.rgb_from_thermal, view.depth_m, rgb_k)
        name = sequence_name(done.row)
        return {
            _picture(name, "thr", done.number): thermal_png(frame, done.row, self.sensor),
            _picture(name, "rgb", done.number): png(frame.rgb, level=_PICTURE_LEVEL),
            _depth(name, "thr", "depth", done.number): png(depth_values(frame.lidar_m)),
            _depth(name, "thr", "depth_filtered", done.number): png(depth_values(dense)),
            _depth(name, "rgb", "depth", done.number): png(depth_values(swept_rgb)),
            _depth(name, "rgb", "depth_filtered", done.number): png(depth_values(dense_rgb)),
        }

    def finish(self, root: Path, frames: Sequence[Rendered]) -> None:
        by_id = {frame.row.frame_id: frame for frame in frames}
        for frame_id, source_row in frozen([frame.row for frame in frames], self.sensor).items():
            name = sequence_name(source_row)
            source = root / _picture(name, "thr", by_id[source_row.frame_id].number)
            copy_whole(source, root / _picture(name, "thr", by_id[frame_id].number))
        sequences: dict[str, list[Rendered]] = {}
        for frame in frames:
            sequences.setdefault(sequence_name(frame.row), []).append(frame)
        for name, members in sequences.items():
            self._write_sequence(root, name, members)
        for title, names in _lists(sequences).items():
            write_text(root / f"{title}_list.txt", "".join(f"{name}\n" for name in names))

    def _write_sequence(self, root: Path, name: str, frames: Sequence[Rendered]) -> None:
        thermal_from_rgb = np.linalg.inv(self.rig.rgb_from_thermal)
        stamps = "".join(f"{round(frame.row.time_s * 1e9)}\n" for frame in frames)
        for band, thermal_from_band in (("thr", np.eye(4)), ("rgb", thermal_from_rgb)):
            write_text(root / "sync_data" / name / band / "img_left_timestamp.txt", stamps)
            poses = [frame.pose @ thermal_from_band for frame in frames]
            for frame, pose in zip(frames, poses, strict=True):
                moved = np.linalg.inv(poses[0]) @ pose
                text = "".join(" ".join(map(repr, row)) + "\n" for row in moved.tolist())
                write_text(root / "odom" / name / band / f"{frame.number:06d}.txt", text)
        calibration = ms2_calibration(self.rig)
        write_bytes(root / "sync_data" / name / "calib.npy", npy_of(calibration))
        plain = {key: matrix.tolist() for key, matrix in calibration.items()}
        write_json(root / "sync_data" / name / "calib.json", plain)


def sequence_name(row: IndexRow) -> str:
    """`_street-night-0000123`: the scene, whatever the frame."""
    return "_" + (row.sequence or re.sub(r"-[vt]\d+$", "", row.frame_id))


def _picture(name: str, band: str, number: int) -> str:
    return f"sync_data/{name}/{band}/img_left/{number:06d}.png"


def _depth(name: str, band: str, product: str, number: int) -> str:
    return f"proj_depth/{name}/{band}/{product}/{number:06d}.png"


def _lists(sequences: Mapping[str, Sequence[Rendered]]) -> dict[str, list[str]]:
    """Test scenes by their condition: night and dark rooms, rain, and all that is neither as day."""
    lists: dict[str, list[str]] = {title: [] for title in LISTS}
    for name, (first, *_) in sequences.items():
        split = first.row.split
        if split == "test":
            split = _LIST_OF_CONDITION.get(first.row.condition, "test_day")
        lists[split].append(name)
    return lists


def scanned(
    depth_m: Depth,
    intrinsics: NDArray[np.float32],
    world_from_camera: Pose,
    rng: np.random.Generator,
) -> Depth:
    """[h w] the exact depth on close lines of equal elevation, NaN between them.

    Stands for several sweeps of a lidar laid over each other: lines level with the world, a pixel belongs
    to one when it passes through it, and returns get fewer with distance as 1 / (1 + (d / 60 m)^2).
    """
    rows, columns = depth_m.shape
    (fx, _, cx), (_, fy, cy), _ = intrinsics.astype(float).tolist()
    across = (np.arange(columns) + 0.5 - cx) / fx
    down = (np.arange(rows + 1) - cy) / fy  # edges of the rows
    x, y = np.meshgrid(across, down)
    rays = np.stack([x, y, np.ones_like(x)], -1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    elevation = np.arcsin(rays @ world_from_camera[2, :3])
    line = np.floor(elevation * fy * _LINE_SHARE)
    crossed = line[:-1] != line[1:]
    reach = 1 / (1 + (depth_m / _REACH_M) ** 2)  # NaN for sky, which no draw is below
    returned = crossed & (rng.random(depth_m.shape) < reach)
    return np.where(returned, depth_m, np.nan).astype(np.float32)


def seen_from(
    depth_m: Depth,
    intrinsics: NDArray[np.float32],
    other_from_this: Pose,
    other_depth_m: Depth,
    other_intrinsics: NDArray[np.float32],
) -> Depth:
    """[h w] of another camera: its exact depth where it sees a point of the sparse `depth_m` as well."""
    row, column = np.nonzero(np.isfinite(depth_m))
    pixels = np.stack([column + 0.5, row + 0.5, np.ones(len(row))])
    points = np.linalg.inv(intrinsics.astype(float)) @ pixels * depth_m[row, column]
    moved = other_from_this[:3, :3] @ points + other_from_this[:3, 3:]
    moved = moved[:, moved[2] > 0]
    column, row = np.floor((other_intrinsics.astype(float) @ moved)[:2] / moved[2]).astype(int)
    rows, columns = other_depth_m.shape
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    row, column, ahead_m = row[inside], column[inside], moved[2][inside]
    met_m = other_depth_m[row, column]
    same = np.abs(met_m - ahead_m) <= _SAME_SURFACE * ahead_m  # False where there is sky
    transferred_m = np.full_like(other_depth_m, np.nan)
    transferred_m[row[same], column[same]] = met_m[same]
    return transferred_m
