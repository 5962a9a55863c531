"""Cameras: what cannot be in their matrices, and whether two depth maps agree across two views.

A point of the thermal depth map, moved into the RGB camera, lies where that camera's own depth map says
- if lenses, pose and the scale of depth are right. The distance between the cameras is in metres and
known, so a depth scale that is wrong in both maps alike shows as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.calibration import (
    RGB,
    THERMAL,
    Calibration,
    Camera,
    check_calibration,
    read_calibration,
)
from thermodepth.calibration import Severity as CalibrationSeverity
from thermodepth.doctor.facts import Fault, ViewFacts
from thermodepth.doctor.tree import hash_file
from thermodepth.errors import DataError
from thermodepth.types import RgbView, Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Depth read at a wrong scale: /256 for /1000, the reverse, and forgotten metres.
SCALE_FACTORS = {
    "stored as millimetres and read as metres*256": 256 / 1000,
    "stored as metres*256 and read as millimetres": 1000 / 256,
    "stored as millimetres and read as metres": 1 / 1000,
    "stored as metres and read as millimetres": 1000.0,
    "stored as metres*256 and read as metres": 1 / 256,
}
_UNKNOWN = (
    "thermal: nothing says what the lens is; metres of a model that is told the lens are then those of the "
    "lens that it was trained with"
)
POINTS = 2000  # of a frame: a mean over them is good to a percent
CLIP = 0.5  # what one view hides from the other is no matter of degree
MIN_POINTS = 50
MOST_FILES = 64  # calibrations that differ: one for each recording, at most


def camera_faults(sample: Sample) -> tuple[Fault, ...]:
    """What `check_calibration` says of the cameras that a frame comes with, its notes left out."""
    view = sample.rgb_view
    rgb_size = None if sample.rgb is None else sample.rgb.shape[:2]
    if view is not None and view.depth_m is not None and rgb_size is None:
        rgb_size = view.depth_m.shape
    return _judged(
        _plain(sample.intrinsics),
        sample.size,
        None if view is None else _plain(view.intrinsics),
        rgb_size,
        None if view is None else _plain(view.rgb_from_thermal),
    )


Matrix = tuple[tuple[float, ...], ...]  # hashable: most sets have one calibration for all frames


def _plain(matrix: NDArray[Any]) -> Matrix:
    return tuple(tuple(map(float, row)) for row in np.atleast_2d(matrix).tolist())


@lru_cache(maxsize=256)
def _judged(
    thermal: Matrix,
    size: tuple[int, int],
    rgb: Matrix | None,
    rgb_size: tuple[int, ...] | None,
    rgb_from_thermal: Matrix | None,
) -> tuple[Fault, ...]:
    cameras = {THERMAL: _camera(THERMAL, thermal, size)}
    moves: dict[str, NDArray[np.float64]] = {}
    if rgb is not None and rgb_from_thermal is not None:
        cameras[RGB] = _camera(RGB, rgb, rgb_size)
        moves = {THERMAL: np.eye(4), RGB: np.array(rgb_from_thermal)}
    shapes = [(f"{c.name} intrinsics", c.intrinsics, (3, 3)) for c in cameras.values()]
    shapes += [(f"rgb_from_thermal ({name})", m, (4, 4)) for name, m in moves.items()]
    if rgb is None and np.isnan(cameras[THERMAL].intrinsics).all():
        return ((CalibrationSeverity.NOTE, _UNKNOWN),)
    for name, matrix, shape in shapes:
        if matrix.shape != shape or not np.isfinite(matrix).all():
            text = f"{name}: not a finite {shape[0]} x {shape[1]} matrix"
            return ((CalibrationSeverity.ERROR, text),)
        if shape == (3, 3) and min(matrix[0, 0], matrix[1, 1]) <= 0:
            return ((CalibrationSeverity.ERROR, f"{name}: a focal length is not positive"),)
    problems = check_calibration(Calibration(cameras=cameras, from_reference=moves, source=""))
    return tuple(
        (one.severity, f"{one.about}: {one.text}")
        for one in problems
        if one.severity is not CalibrationSeverity.NOTE
    )


def file_faults(files: Sequence[Path], root: Path) -> tuple[tuple[str, tuple[Fault, ...]], ...]:
    """(name, faults) of calibration files; of equal ones the first, and at most `MOST_FILES`."""
    faults_by_digest: dict[bytes, tuple[str, tuple[Fault, ...]]] = {}
    for path in files:
        digest = hash_file(path, root).digest
        if digest in faults_by_digest or len(faults_by_digest) == MOST_FILES:
            continue
        try:
            problems = check_calibration(read_calibration(path))
            faults = tuple((one.severity, f"{one.about}: {one.text}") for one in problems)
        except DataError as error:
            # Many formats are about, and not all of them are read here.
            faults = ((CalibrationSeverity.NOTE, str(error)),)
        faults_by_digest[digest] = (path.relative_to(root).as_posix(), faults)
    return tuple(faults_by_digest.values())


def _camera(name: str, intrinsics: Matrix, size: tuple[int, ...] | None) -> Camera:
    height, width = size or (None, None)
    return Camera(name=name, width=width, height=height, intrinsics=np.array(intrinsics))


def view_facts(
    view: RgbView, *, depth_m: NDArray[np.float32] | None, intrinsics: NDArray[np.float32]
) -> ViewFacts:
    """The RGB camera's view, held against the thermal camera's depth [h w] and intrinsics [3 3]."""
    compared = depth_m is not None and view.depth_m is not None
    return ViewFacts(
        later_s=float(view.later_s),
        disagreement=_disagreement(view, depth_m, intrinsics) if compared else {},
    )


def _disagreement(
    view: RgbView, depth_m: NDArray[np.float32] | None, intrinsics: NDArray[np.float32]
) -> dict[float, float]:
    """{factor on both maps: mean of |moved depth - other depth| / other depth, each at most 0.5}.

    A median would pass over the edges, and beside each other cameras see a scale at edges only.
    """
    assert depth_m is not None
    assert view.depth_m is not None
    row, column = np.nonzero(np.isfinite(depth_m))
    step = max(len(row) // POINTS, 1)
    row, column = row[::step], column[::step]
    pixels = np.stack([column + 0.5, row + 0.5, np.ones(len(row))])
    rays = np.linalg.inv(intrinsics.astype(np.float64)) @ pixels
    other_depth_m = view.depth_m
    errors_by_factor = {}
    for factor in (1.0, *SCALE_FACTORS.values()):
        moved = view.rgb_from_thermal[:3, :3] @ (rays * depth_m[row, column] * factor)
        moved = moved + view.rgb_from_thermal[:3, 3:]
        moved = moved[:, moved[2] > 0]
        at = view.intrinsics.astype(np.float64) @ moved
        x, y = (at[:2] / at[2]).clip(-1, 1e6).astype(int)
        inside = (x >= 0) & (y >= 0) & (x < other_depth_m.shape[1]) & (y < other_depth_m.shape[0])
        expected_m = other_depth_m[y[inside], x[inside]] * factor
        error = np.abs(moved[2][inside] - expected_m) / expected_m
        error = error[np.isfinite(error)]
        if len(error) >= MIN_POINTS:
            errors_by_factor[factor] = float(np.minimum(error, CLIP).mean())
    return errors_by_factor
