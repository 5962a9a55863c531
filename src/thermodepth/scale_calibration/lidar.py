"""What a lidar or another depth sensor measured, on the pixels of a thermal frame.

    a depth map     PNG, NPY, TIFF, EXR or PFM of the frame's size; whole numbers are metres x per_metre
    a point list    NPY [n 3], or CSV with x, y, z: metres right, down and ahead of the thermal camera; with
                    the lidar's pose, of the lidar

Points are projected with the frame's lens, and of those that fall into one pixel the nearest counts.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from thermodepth.calibration.undistortion import distort, undistort
from thermodepth.camera import moved, nearest_of_pixel, project
from thermodepth.depth_files import DEPTH_SUFFIXES, PER_METRE, read_truth_m
from thermodepth.errors import DataError
from thermodepth.files import read_raster, read_text
from thermodepth.scale_calibration.samples import Kind, PredictedFrame, depths_of_ranges

#: Of depth maps and point lists, in the order in which a folder is asked for them.
SUFFIXES = (*DEPTH_SUFFIXES, ".csv", ".txt", ".xyz")
MAX_POINT_BYTES = 32_000_000  # of text; a sweep of 128 channels has 10
MAX_POSE_BYTES = 10_000
_AXES = ("x", "y", "z")
_RIGID = 1e-3
SAME_RAY = 1e-3  # of a focal length


def measured_map(
    path: Path,
    frame: PredictedFrame,
    *,
    kind: Kind = "depth",
    per_metre: float = PER_METRE,
    camera_from_lidar: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """`[h w]` metres along the axis on the frame's pixels, NaN where nothing was measured.

    Args:
        path: of a depth map or a point list.
        frame: the frame that it belongs to.
        kind: what a depth map holds: `depth` along the axis, or `range` along the rays.
        per_metre: what a metre is in a map of whole numbers.
        camera_from_lidar: `[4 4]` brings points of the lidar into camera axes; None: they are there.

    Raises:
        DataError: naming the file, when it is neither, of another size than the frame, or a depth map with a
            pose.
        SettingsError: where the lens is needed and not known.
    """
    points = _points_in(path)
    if points is not None:
        return _projected(points, path, frame, camera_from_lidar)
    if camera_from_lidar is not None:
        raise DataError(
            f"{path}: a depth map lies on the frame's pixels already; only a point list takes a pose"
        )
    depth_m = read_truth_m(path, per_metre=per_metre)
    if depth_m.shape != frame.depth_m.shape:
        rows, columns = frame.size
        raise DataError(
            f"{path}: {depth_m.shape[1]}x{depth_m.shape[0]}, and {frame.name} is {columns}x{rows}; a depth "
            "map must lie on the frame's own pixels, and a point list is [n 3]"
        )
    if kind == "range":
        return depths_of_ranges(depth_m, frame.rays("ranges are no depths without it"))
    return depth_m


def read_pose(path: Path) -> NDArray[np.float64]:
    """`[4 4]` of a text file with the 16 (or the first 12) numbers of a pose, row by row.

    Raises:
        DataError: naming the file, when it is no rigid pose in metres.
    """
    text = read_text(path, limit=MAX_POSE_BYTES)
    parts = [part for part in re.split(r"[\s,;\[\]]+", text) if part]
    try:
        values = np.array([float(part) for part in parts])
    except ValueError:
        values = np.empty(0)
    if values.size == 12:
        values = np.append(values, (0.0, 0.0, 0.0, 1.0))
    pose = values.reshape(4, 4) if values.size == 16 else np.full((4, 4), np.nan)
    turn = pose[:3, :3]
    rigid = bool(np.isfinite(pose).all()) and np.allclose(turn @ turn.T, np.eye(3), atol=_RIGID)
    if not rigid or np.linalg.det(turn) < 0 or not np.allclose(pose[3], (0, 0, 0, 1)):
        raise DataError(
            f"{path}: expected the 12 or 16 numbers of a pose [R t; 0 0 0 1], row by row, which brings "
            "points of the lidar into the camera's axes (right, down, ahead), metres"
        )
    return pose


def _points_in(path: Path) -> NDArray[np.float64] | None:
    """`[n 3]` of a point list; None for what may be a depth map."""
    if path.suffix.lower() in (".csv", ".txt", ".xyz"):
        return _points_of_text(path)
    if path.suffix.lower() != ".npy":
        return None
    array = read_raster(path)
    if array.ndim != 2 or array.shape[1] != 3:
        return None
    points = array.astype(np.float64)
    return points[np.isfinite(points).all(1)]


def _points_of_text(path: Path) -> NDArray[np.float64]:
    lines = read_text(path, limit=MAX_POINT_BYTES).splitlines()
    heading = (
        [name.strip().lower() for name in re.split(r"[,;\s]+", lines[0].strip())] if lines else []
    )
    columns, first = [0, 1, 2], 0
    if heading and not _is_number(heading[0]):
        missing = [axis for axis in _AXES if axis not in heading]
        if missing:
            raise DataError(
                f"{path}: columns {', '.join(heading)}; missing {', '.join(missing)} (expected x, y, z: "
                "metres right, down and ahead)"
            )
        columns, first = [heading.index(axis) for axis in _AXES], 1
    rows = []
    for number, line in enumerate(lines[first:], start=first + 1):
        values = re.split(r"[,;\s]+", line.strip())
        if values == [""]:
            continue
        try:
            rows.append([float(values[column]) for column in columns])
        except (ValueError, IndexError):
            raise DataError(
                f"{path}, line {number}: {line[:60]!r}, expected x, y, z in metres"
            ) from None
    points = np.array(rows, np.float64).reshape(-1, 3)
    return points[np.isfinite(points).all(1)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _projected(
    points: NDArray[np.float64],
    path: Path,
    frame: PredictedFrame,
    camera_from_lidar: NDArray[np.float64] | None,
) -> NDArray[np.float32]:
    frame.rays("points cannot be projected without it")  # refuses where there is no lens
    assert frame.intrinsics is not None
    if camera_from_lidar is None:
        in_camera = points.T.astype(np.float32)
    else:
        in_camera = moved(points.T, camera_from_lidar)
    column, row = project(_through_lens(in_camera, frame), frame.intrinsics)
    depth_m = nearest_of_pixel(column, row, in_camera[2], frame.size)
    if not np.isfinite(depth_m).any():
        raise DataError(
            f"{path}: none of its {len(points)} points is seen by {frame.name}: expected metres right, down "
            "and ahead of the camera (z is the depth), or the lidar's own with --camera-from-lidar"
        )
    return depth_m


def _through_lens(points_m: NDArray[np.float32], frame: PredictedFrame) -> NDArray[np.float32]:
    """Points `[3 n]` moved to where a pinhole sees them as the lens does; NaN for what it does not see."""
    if frame.distortion is None:
        return points_m
    x, y, z = points_m.astype(np.float64)
    ahead = np.where(z > 0, z, np.nan)
    across, down = distort(x / ahead, y / ahead, frame.distortion)
    # Beyond the fold of a polynomial rays come back into the picture, where no such ray is seen.
    back_x, back_y = undistort(across, down, frame.distortion)
    with np.errstate(invalid="ignore"):
        is_same = np.hypot(back_x - x / ahead, back_y - y / ahead) < SAME_RAY
    ahead = np.where(is_same, ahead, np.nan)
    return np.stack([across * ahead, down * ahead, ahead]).astype(np.float32)
