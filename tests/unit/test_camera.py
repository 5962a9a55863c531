"""Intrinsics follow the image: a 3-D point meets the same content before and after."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.camera import cropped, mirrored, pinhole, resized


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
