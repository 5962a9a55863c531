"""The parts of a transfer: the picture gate, the fit to truth, edges, trust."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from thermodepth.teacher import Rejection
from thermodepth.teacher.metric_fit import fit_metric
from thermodepth.teacher.quality import (
    QualitySettings,
    agreement_rejection,
    picture_quality,
)
from thermodepth.teacher.warp import edges
from thermodepth.types import Geometry

QUALITY = QualitySettings()
RNG = np.random.default_rng(5)
DEPTH_M = np.exp(RNG.uniform(np.log(2), np.log(60), (60, 80))).astype(np.float32)
INVERSE = 1 / DEPTH_M


def picture() -> np.ndarray:
    """Patches with sharp borders, [240 320 3]."""
    rng = np.random.default_rng(0)
    return rng.integers(40, 220, (6, 8, 3), dtype=np.uint8).repeat(40, 0).repeat(40, 1)


# --- the picture ---------------------------------------------------------------------------------


def test_a_good_picture_passes() -> None:
    assert picture_quality(picture()).rejection(QUALITY) is None


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (picture() // 20, Rejection.DARK),
        (np.maximum(picture(), (picture()[..., :1] > 120) * np.uint8(255)), Rejection.SATURATED),
        (cv2.GaussianBlur(picture(), (0, 0), 6), Rejection.BLURRED),
        (np.full((240, 320, 3), 128, np.uint8), Rejection.BLURRED),
        (
            np.random.default_rng(1).integers(60, 200, (240, 320, 3), dtype=np.uint8),
            Rejection.NOISY,
        ),
    ],
)
def test_a_spoilt_picture_is_refused_for_its_fault(spoilt: np.ndarray, reason: Rejection) -> None:
    assert picture_quality(spoilt).rejection(QUALITY) is reason


def test_sharpness_does_not_depend_on_exposure_or_size() -> None:
    bright = picture_quality(picture()).sharpness
    assert picture_quality(picture() // 3).sharpness == pytest.approx(bright, rel=0.05)
    large = picture().repeat(2, 0).repeat(2, 1)  # judged as it is: half as many borders
    assert 0.5 * bright < picture_quality(large).sharpness < bright
    huge = large.repeat(3, 0).repeat(3, 1)  # judged at 640 pixels, like the large one
    assert picture_quality(huge).sharpness == pytest.approx(
        picture_quality(large).sharpness, rel=0.02
    )


# --- the fit -------------------------------------------------------------------------------------


def sparse(share: float = 0.2) -> np.ndarray:
    keep = np.random.default_rng(1).random(DEPTH_M.shape) < share
    return np.where(keep, DEPTH_M, np.float32(np.nan))


@pytest.mark.parametrize(
    ("geometry", "values", "scale", "shift"),
    [
        (Geometry.AFFINE_INVERSE, (INVERSE - 0.3) / 4, 4, 0.3),
        (Geometry.AFFINE_DEPTH, (DEPTH_M + 2) / 3, 3, -2),
        (Geometry.SCALE_DEPTH, DEPTH_M / 7, 7, 0),
        (Geometry.METRIC_DEPTH, DEPTH_M, 1, 0),
    ],
)
def test_every_geometry_is_brought_to_metres(
    geometry: Geometry, values: np.ndarray, scale: float, shift: float
) -> None:
    fit = fit_metric(values.astype(np.float32), geometry, sparse(), refit_metric=False)
    assert fit.scale == pytest.approx(scale, rel=1e-3)
    assert fit.shift == pytest.approx(shift, abs=1e-3)
    assert fit.inliers == 1
    assert fit.residual < 1e-3
    np.testing.assert_allclose(fit.inverse(values), INVERSE, rtol=2e-3)
    assert agreement_rejection(fit, QUALITY, needs_truth=True) is None


@pytest.mark.parametrize("share", [0.2, 0.35])
def test_a_crowd_of_false_truth_does_not_pull_the_fit(share: float) -> None:
    """A far wall seen past near things: wrong all in the same way, and at one end of the map."""
    truth = sparse(0.5)
    near = truth < np.nanquantile(truth, share)
    truth[near] = 55
    values = (5 * INVERSE - 1).astype(np.float32)
    fit = fit_metric(values, Geometry.AFFINE_INVERSE, truth, refit_metric=False)
    assert fit.scale == pytest.approx(0.2, rel=0.01)
    assert fit.shift == pytest.approx(0.2, rel=0.01)
    assert fit.inliers == pytest.approx(1 - share, abs=0.03)


def test_a_metric_map_keeps_its_metres_unless_told() -> None:
    values = 1.2 * DEPTH_M
    unchanged = fit_metric(values, Geometry.METRIC_DEPTH, sparse(), refit_metric=False)
    assert (unchanged.scale, unchanged.shift) == (1, 0)
    assert unchanged.residual == pytest.approx(1 / 6, abs=0.02)
    assert agreement_rejection(unchanged, QUALITY, needs_truth=False) is Rejection.DISAGREES
    refitted = fit_metric(values, Geometry.METRIC_DEPTH, sparse(), refit_metric=True)
    assert refitted.scale == pytest.approx(1 / 1.2, rel=1e-3)


@pytest.mark.parametrize("truth", [None, np.full(DEPTH_M.shape, np.nan, np.float32)])
def test_without_truth_only_metres_can_be_moved(truth: np.ndarray | None) -> None:
    metric = fit_metric(DEPTH_M, Geometry.METRIC_DEPTH, truth, refit_metric=False)
    assert agreement_rejection(metric, QUALITY, needs_truth=False) is None
    relative = fit_metric(INVERSE, Geometry.AFFINE_INVERSE, truth, refit_metric=False)
    assert agreement_rejection(relative, QUALITY, needs_truth=True) is Rejection.NO_TRUTH


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (-INVERSE, Rejection.WRONG_SIGN),
        (np.full(DEPTH_M.shape, 3, np.float32), Rejection.WRONG_SIGN),
        (RNG.normal(size=DEPTH_M.shape).astype(np.float32), None),
    ],
)
def test_maps_that_say_something_else_are_refused(
    values: np.ndarray, reason: Rejection | None
) -> None:
    fit = fit_metric(values, Geometry.AFFINE_INVERSE, sparse(), refit_metric=False)
    rejection = agreement_rejection(fit, QUALITY, needs_truth=True)
    # Noise may be fitted with either sign, but never well.
    assert rejection in ((reason,) if reason else (Rejection.WRONG_SIGN, Rejection.DISAGREES))


def test_values_without_a_place_stay_without() -> None:
    values = INVERSE.copy()
    values[:10] = np.nan
    fit = fit_metric(values, Geometry.AFFINE_INVERSE, sparse(), refit_metric=False)
    np.testing.assert_array_equal(np.isnan(fit.inverse(values)), np.isnan(values))
    # Behind the horizon of an affine depth there is nothing.
    fit = fit_metric(DEPTH_M + 2, Geometry.AFFINE_DEPTH, sparse(), refit_metric=False)
    assert np.isnan(fit.inverse(np.array([[1.0]]))).all()


# --- edges ---------------------------------------------------------------------------------------


def test_a_slope_is_no_edge_and_a_step_is() -> None:
    rows = np.arange(40, dtype=np.float32)[:, None]
    ground = np.broadcast_to((rows + 1) / 80, (40, 60)).copy()  # a plane from 80 m to 2 m
    assert not edges(ground, reach_px=3, step=0.1)[3:-3].any()
    step = ground.copy()
    step[:, 30:] = 0.8
    edge_mask = edges(step, reach_px=3, step=0.1)
    assert edge_mask[10, 27:33].all()
    assert not edge_mask[10, :27].any()
    assert not edge_mask[10, 33:].any()


def test_a_soft_step_is_an_edge_through_its_middle() -> None:
    soft = np.full((40, 60), 0.1, np.float32)
    soft[:, 30:] = 0.4
    soft = cv2.GaussianBlur(soft, (0, 0), 1.5)
    assert edges(soft, reach_px=3, step=0.1)[20, 27:33].all()


def test_gaps_are_no_edges() -> None:
    flat = np.full((40, 60), 0.1, np.float32)
    flat[10:20, 10:20] = np.nan
    assert not edges(flat, reach_px=2, step=0.1).any()
