"""What the RGB camera sees of the thermal view, where the scene is a plane at one distance.

A thermal pixel (u, v) at distance z is the point `z inv(K_thermal) [u v 1]`; moved by `rgb_from_thermal` and
divided by its own z it is `K_rgb X / X_z` in the RGB picture. Lens distortion is not applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.calibration.types import Calibration, Camera
from thermodepth.errors import DataError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

#: Metres at which the two views are compared, as the field's papers do.
DISTANCES_M = (5.0, 10.0, 20.0, 80.0)
FARTHEST_M = 10_000.0
_MOST_SAMPLES = 256  # along each side of the thermal view; a share needs no more


def check_distance(distance_m: float) -> None:
    """`SettingsError` for a distance that is not within 0..10 km."""
    if not 0 < distance_m <= FARTHEST_M:
        raise SettingsError(
            f"distance {distance_m:g} m: expected more than 0, up to {FARTHEST_M:g}"
        )


def size_of(camera: Camera) -> tuple[int, int]:
    """(width, height); `DataError` where the calibration does not say."""
    if camera.size is None:
        raise DataError(f"the size of camera '{camera.name}' is not known; give a frame of it")
    return camera.size


def field_of_view_deg(camera: Camera) -> tuple[float, float]:
    """Across and down, as far as the picture reaches to either side of the principal point."""
    k = camera.intrinsics
    angles = []
    for axis, side in enumerate(size_of(camera)):
        focal_px, centre_px = k[axis, axis], k[axis, 2]
        radians = np.arctan(centre_px / focal_px) + np.arctan((side - centre_px) / focal_px)
        angles.append(float(np.degrees(radians)))
    return angles[0], angles[1]


def angle_deg(moved: Matrix) -> float:
    """How far a rotation turns: `arccos((trace - 1) / 2)`."""
    return float(np.degrees(np.arccos(np.clip((np.trace(moved[:3, :3]) - 1) / 2, -1, 1))))


def project_plane(
    thermal: Camera,
    rgb: Camera,
    rgb_from_thermal: Matrix,
    *,
    distance_m: float,
    grid: tuple[int, int],
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Where the points of a plane lie in the RGB picture.

    Args:
        thermal, rgb: the cameras, with their sizes.
        rgb_from_thermal: [4 4] metres.
        distance_m: of the plane, along the thermal camera's axis.
        grid: rows, columns of points spread evenly over the thermal picture; its own size gives the
            centres of its pixels.

    Returns:
        `[rows columns 2]` RGB pixels (x, y) and `[rows columns]`: within the picture and before it.
    """
    width, height = size_of(thermal)
    rows, columns = grid
    x = (np.arange(columns) + 0.5) * width / columns
    y = (np.arange(rows) + 0.5) * height / rows
    corner = np.stack([*np.meshgrid(x, y), np.ones((rows, columns))], axis=-1)
    points = corner @ np.linalg.inv(thermal.intrinsics).T * distance_m
    points = points @ rgb_from_thermal[:3, :3].T + rgb_from_thermal[:3, 3]
    before = points[..., 2] > 0
    projected = points @ rgb.intrinsics.T
    pixels = projected[..., :2] / np.where(before, projected[..., 2], 1.0)[..., None]
    inside = (pixels >= 0) & (pixels <= np.array(size_of(rgb)))
    return pixels, before & inside.all(-1)


def overlap(thermal: Camera, rgb: Camera, rgb_from_thermal: Matrix, *, distance_m: float) -> float:
    """The share of the thermal picture that RGB sees, occlusion aside, 0..1."""
    width, height = size_of(thermal)
    grid = min(height, _MOST_SAMPLES), min(width, _MOST_SAMPLES)
    _, visible = project_plane(thermal, rgb, rgb_from_thermal, distance_m=distance_m, grid=grid)
    return float(visible.mean())


def rgb_in_thermal_view(
    rgb: NDArray[np.uint8], calibration: Calibration, *, distance_m: float, grid: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An RGB picture `[h w 3]` as the thermal camera would see it, were the scene a plane.

    Returns:
        `[rows columns 3]`, bilinear, and `[rows columns]`: where RGB has a pixel.
    """
    at, visible = project_plane(
        calibration.thermal,
        calibration.rgb,
        calibration.rgb_from_thermal,
        distance_m=distance_m,
        grid=grid,
    )
    height, width = rgb.shape[:2]
    # Indices count from the centre of the first pixel; a place outside is any place, `seen` says so.
    last = np.array([width, height]) - 1
    position = np.clip(np.where(visible[..., None], at, 0.5) - 0.5, 0, last)
    first = np.minimum(position.astype(np.intp), np.maximum(last - 1, 0))
    share_x, share_y = np.moveaxis((position - first)[..., None], 2, 0)
    left, top = first[..., 0], first[..., 1]
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    upper = rgb[top, left] * (1 - share_x) + rgb[top, right] * share_x
    lower = rgb[bottom, left] * (1 - share_x) + rgb[bottom, right] * share_x
    mixed = np.rint(upper * (1 - share_y) + lower * share_y)
    return mixed.astype(np.uint8), visible
