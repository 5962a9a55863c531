"""Intrinsics follow the image: a 3-D point meets the same content before and after."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth import camera as cameras
from thermodepth.camera import (
    cropped,
    depth_in_view,
    mirrored,
    moved,
    nearest_of_pixel,
    pinhole,
    rays,
    resized,
    unproject,
)


def project(intrinsics: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[n 3] metres -> [n 2] pixels, the first pixel's centre at (0.5, 0.5)."""
    u, v, w = intrinsics.astype(np.float64) @ points.T
    return np.stack([u / w, v / w], axis=1)


POINTS = np.array([[0.0, 0.0, 2.0], [0.4, -0.3, 2.0], [-1.0, 0.5, 4.0]])
CAMERA = np.array([[100, 0, 33], [0, 110, 21], [0, 0, 1]], np.float32)


def test_the_axis_of_a_pinhole_meets_the_middle() -> None:
    camera = pinhole(100, 64, 48)
    assert camera.dtype == np.float32
    np.testing.assert_allclose(project(camera, POINTS), [[32, 24], [52, 9], [7, 36.5]])


def test_by_hand() -> None:
    half = resized(CAMERA, scale_x=0.5, scale_y=2)
    np.testing.assert_allclose(half, [[50, 0, 16.5], [0, 220, 42], [0, 0, 1]])
    np.testing.assert_allclose(cropped(CAMERA, left=3, top=5)[:2, 2], [30, 16])
    # 64 columns: what was 33 from the left edge is 31 from it after the flip, not 30.
    np.testing.assert_allclose(mirrored(CAMERA, width=64)[:2, 2], [31, 21])


def test_skew_moves_with_a_resize() -> None:
    skewed = CAMERA.copy()
    skewed[0, 1] = 4
    assert resized(skewed, scale_x=0.5, scale_y=3)[0, 1] == 2


def test_projected_points_follow_the_pixels() -> None:
    before = project(CAMERA, POINTS)
    after = project(resized(CAMERA, scale_x=0.5, scale_y=0.25), POINTS)
    np.testing.assert_allclose(after, before * [0.5, 0.25])
    after = project(cropped(CAMERA, left=7, top=2), POINTS)
    np.testing.assert_allclose(after, before - [7, 2])
    after = project(mirrored(CAMERA, width=64), POINTS * [-1, 1, 1])
    np.testing.assert_allclose(after, np.stack([64 - before[:, 0], before[:, 1]], axis=1))


def test_flipping_twice_is_nothing() -> None:
    np.testing.assert_array_equal(mirrored(mirrored(CAMERA, width=63), width=63), CAMERA)


@pytest.mark.parametrize("change", ["resized", "cropped", "mirrored"])
def test_the_matrix_given_is_left_alone(change: str) -> None:
    camera = CAMERA.copy()
    {
        "resized": lambda: resized(camera, scale_x=2, scale_y=2),
        "cropped": lambda: cropped(camera, left=1, top=1),
        "mirrored": lambda: mirrored(camera, width=64),
    }[change]()
    np.testing.assert_array_equal(camera, CAMERA)


# --- between two cameras -------------------------------------------------------------------------


def turned(degrees: float, shift_m: tuple[float, float, float]) -> np.ndarray:
    """[4 4] a turn about the vertical axis, then a shift."""
    angle = np.radians(degrees)
    pose = np.eye(4)
    pose[0, 0] = pose[2, 2] = np.cos(angle)
    pose[0, 2], pose[2, 0] = np.sin(angle), -np.sin(angle)
    pose[:3, 3] = shift_m
    return pose


def test_a_ray_ends_one_metre_ahead_and_is_seen_at_its_pixel() -> None:
    ahead = rays(CAMERA, (30, 40))
    assert ahead.shape == (3, 30, 40)
    np.testing.assert_array_equal(ahead[2], 1)
    column, row = cameras.project(7 * ahead, CAMERA)
    np.testing.assert_allclose(column, np.broadcast_to(np.arange(40) + 0.5, (30, 40)), atol=1e-4)
    np.testing.assert_allclose(
        row, np.broadcast_to(np.arange(30)[:, None] + 0.5, (30, 40)), atol=1e-4
    )
    skewed = CAMERA.copy()
    skewed[0, 1] = 9
    column, _ = cameras.project(rays(skewed, (30, 40)), skewed)
    np.testing.assert_allclose(column[3], np.arange(40) + 0.5, atol=1e-4)


def test_depth_is_along_the_axis() -> None:
    points = unproject(np.full((30, 40), 5, np.float32), CAMERA)
    np.testing.assert_array_equal(points[2], 5)
    # The pixel whose centre is 20.5 right of the principal point, at focal 100 px and 5 m.
    np.testing.assert_allclose(points[0, 0, 33], 5 * 0.5 / 100, rtol=1e-5)


def test_what_is_not_before_the_camera_is_not_seen() -> None:
    points = np.array([[0.1, 0.1, 0.1, 0.1], [0, 0, 0, 0], [2, 0, -2, np.nan]], np.float32)
    column, row = cameras.project(points, CAMERA)
    np.testing.assert_allclose(column, [38, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(row, [21, np.nan, np.nan, np.nan])


def test_points_move_there_and_back() -> None:
    other_from_this = turned(20, (0.3, -0.1, 0.5))
    by_hand = other_from_this[:3, :3] @ POINTS.T + other_from_this[:3, 3:]
    np.testing.assert_allclose(moved(POINTS.T, other_from_this), by_hand, rtol=1e-5, atol=1e-6)
    back = moved(moved(POINTS.T.reshape(3, 1, 3), other_from_this), np.linalg.inv(other_from_this))
    np.testing.assert_allclose(back[:, 0], POINTS.T, atol=1e-6)


def test_the_nearest_point_of_a_pixel_stays() -> None:
    column = np.array([0.2, 0.9, 1.0, 2.999, 3.0, -0.1, np.nan, 1.5, 1.5])
    row = np.array([0.5, 0.1, 1.9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    depth_m = np.array([5, 3, 4, 2, 1, 1, 1, 0, np.nan])
    nearest = nearest_of_pixel(column, row, depth_m, (2, 3))
    np.testing.assert_array_equal(nearest, [[3, np.nan, 2], [np.nan, 4, np.nan]])


def test_a_plane_in_another_view() -> None:
    """A wall across the first axis, sparse and dense, at the depth that plane geometry gives."""
    other_from_this = turned(8, (0.4, 0.1, -0.3))
    intrinsics, other = pinhole(60, 80, 60), pinhole(40, 40, 30)
    wall_m = np.full((60, 80), 6, np.float32)
    nearest = depth_in_view(
        wall_m,
        intrinsics=intrinsics,
        to_intrinsics=other,
        other_from_this=other_from_this,
        size=(30, 40),
    )
    normal, offset = other_from_this[:3, 2], 6 + other_from_this[:3, 2] @ other_from_this[:3, 3]
    exact = offset / np.tensordot(normal, rays(other, (30, 40)), 1)
    visible = np.isfinite(nearest)
    assert visible.mean() > 0.6
    np.testing.assert_allclose(nearest[visible], exact[visible], rtol=0.01)
    wall_m[:] = np.nan
    wall_m[30, 40], wall_m[31, 40], wall_m[32, 41] = 6, 0, -2
    nearest = depth_in_view(
        wall_m,
        intrinsics=intrinsics,
        to_intrinsics=other,
        other_from_this=other_from_this,
        size=(30, 40),
    )
    assert np.isfinite(nearest).sum() == 1
