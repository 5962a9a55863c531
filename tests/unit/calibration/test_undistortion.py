"""Rays through a lens that distorts, beside OpenCV's own inverse and formulas by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from thermodepth.calibration import Distortion
from thermodepth.calibration.undistortion import applies, undistort, undistorted_rays
from thermodepth.camera import rays

INTRINSICS = np.array([[52.0, 0, 40], [0, 53.0, 33], [0, 0, 1]])
SIZE = (64, 80)


def distortion(model: str, *coefficients: float) -> Distortion:
    return Distortion(model=model, coefficients=coefficients)


def by_opencv(bent: Distortion) -> np.ndarray:
    landed = rays(INTRINSICS, SIZE)[:2].reshape(2, -1).T[:, None].astype(np.float64)
    if bent.model == "equidistant":
        straight = cv2.fisheye.undistortPoints(
            landed, np.eye(3), np.array(bent.coefficients or [0.0] * 4)
        )
    else:
        many = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-12)
        straight = cv2.undistortPoints(
            landed, np.eye(3), np.array(bent.coefficients), None, None, None, many
        )
    return straight[:, 0].T.reshape(2, *SIZE)


@pytest.mark.parametrize(
    "bent",
    [
        distortion("radtan", -0.25, 0.08, 0.001, -0.0005),
        distortion("radtan", 0.2, -0.05, 0.001, -0.0005, 0.01),
        distortion("rational", 0.2, -0.1, 0.001, 0.0005, 0.01, 0.3, -0.05, 0.02),
        distortion("rational", 0.2, -0.1, 0, 0, 0.01, 0.3, -0.05, 0.02, 0.001, 0.002, -0.001, 5e-4),
        distortion("equidistant", 0.01, -0.02, 0.003, -0.001),
        distortion("equidistant"),
    ],
    ids=lambda bent: f"{bent.model}-{len(bent.coefficients)}",
)
def test_rays_are_those_of_opencv(bent: Distortion) -> None:
    directions = undistorted_rays(INTRINSICS, SIZE, bent)
    assert directions.shape == (3, *SIZE)
    reached = np.isfinite(directions[0])
    assert reached.mean() > 0.95
    off = np.abs(directions[:2] - by_opencv(bent))[:, reached]
    assert off.max() < 2e-5  # a thousandth of a pixel


def test_the_fov_model_by_hand() -> None:
    """tan(r w) / (2 tan(w / 2)) is its inverse in closed form."""
    w, landed = 0.9, np.array([0.0, 0.3, -0.6])
    x, y = undistort(landed, np.zeros(3), distortion("fov", w))
    expected = [math.tan(r * w) / (2 * math.tan(w / 2)) for r in landed]
    np.testing.assert_allclose(x, expected, atol=1e-8)
    np.testing.assert_allclose(y, 0, atol=1e-9)


def test_beyond_the_fold_of_a_polynomial_a_pixel_has_no_ray() -> None:
    """x (1 - .4 x2) turns back at x = sqrt(1 / 1.2) = .913, where it is .6086: nothing lands farther out."""
    bent = distortion("radtan", -0.4, 0.0, 0.0, 0.0)
    x, _ = undistort(np.array([0.5, 0.6, 0.62, -0.7]), np.zeros(4), bent)
    np.testing.assert_array_equal(np.isnan(x), [False, False, True, True])
    assert x[0] * (1 - 0.4 * x[0] ** 2) == pytest.approx(0.5)
    assert x[:2].max() < 0.913


def test_what_is_not_known_here() -> None:
    assert applies(distortion("radtan", 0, 0, 0, 0))
    assert not applies(distortion("radtan", 0, 0, 0))
    assert not applies(distortion("rational", *[0.1] * 14))  # ends in a tilted sensor
    assert not applies(distortion("division", 0.1))
