"""Alignments against numpy's least squares, and what each geometry allows."""

import numpy as np
import pytest

from thermodepth.evaluation.protocols.alignment import (
    ALIGNMENTS,
    Fit,
    alignments_of,
    apply_fit,
    fit_map,
    least_squares,
)
from thermodepth.types import Geometry

METRIC = Geometry.METRIC_DEPTH


def pixels(count: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """A truth of 1-60 m and a prediction that is off in scale, shift and noise."""
    random = np.random.default_rng(3)
    truth = np.exp(random.uniform(0.0, np.log(60.0), count))
    return 0.6 * truth**0.9 * np.exp(0.2 * random.normal(size=count)) + 0.3, truth


def by_numpy(x: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    scale, shift = np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), target)[0]
    return float(scale), float(shift)


@pytest.mark.parametrize(
    ("name", "there", "back"),
    [
        ("affine_depth", lambda x: x, lambda y: y),
        ("affine_inverse", lambda x: 1 / x, lambda y: np.where(y > 0, 1 / y, np.inf)),
        ("affine_log", np.log, np.exp),
    ],
)
def test_affine_fits_are_least_squares_in_their_own_space(name, there, back):
    p, d = pixels()
    fit = fit_map(ALIGNMENTS[name], METRIC, p, d)
    scale, shift = by_numpy(there(p), there(d))
    assert (fit.scale, fit.shift) == pytest.approx((scale, shift), rel=1e-9)
    np.testing.assert_allclose(apply_fit(fit, METRIC, p), back(scale * there(p) + shift), rtol=1e-9)


def test_scales_by_median_and_by_least_squares():
    p, d = pixels()
    assert fit_map(ALIGNMENTS["median"], METRIC, p, d).scale == np.median(d) / np.median(p)
    by_lstsq = np.linalg.lstsq(p[:, None], d)[0][0]
    assert fit_map(ALIGNMENTS["scale"], METRIC, p, d).scale == pytest.approx(by_lstsq, rel=1e-12)
    assert apply_fit(fit_map(ALIGNMENTS["none"], METRIC, p, d), METRIC, p) == pytest.approx(p)


def test_an_even_count_takes_the_mean_of_the_two_middle_values():
    p, d = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    assert fit_map(ALIGNMENTS["median"], METRIC, p, d).scale == 2.5 / 1.5  # not 2 / 1


def test_a_lower_median_is_that_of_torch():
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    for count in (1, 2, 5, 6, 501, 500):
        p, d = random.uniform(1, 9, (2, count))
        expected = float(torch.median(torch.tensor(d)) / torch.median(torch.tensor(p)))
        fit = fit_map(ALIGNMENTS["median"], METRIC, p, d, median="lower")
        assert fit.scale == pytest.approx(expected, rel=1e-12)
    p, d = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    assert fit_map(ALIGNMENTS["median"], METRIC, p, d, median="lower").scale == 2.0


@pytest.mark.parametrize("name", ["scale", "affine_depth"])
def test_least_squares_in_depth_take_metres_at_and_below_0(name):
    _, d = pixels()
    p = 0.5 * d - 3.0
    assert p.min() < 0.0
    columns = [p] if name == "scale" else [p, np.ones_like(p)]
    expected = np.linalg.lstsq(np.stack(columns, 1), d)[0]
    fit = fit_map(ALIGNMENTS[name], METRIC, p, d)
    assert [fit.scale, fit.shift][: len(columns)] == pytest.approx(list(expected), rel=1e-9)
    zeros = fit_map(ALIGNMENTS["scale"], METRIC, np.zeros(3), np.ones(3))
    assert zeros.scale == 0.0


@pytest.mark.parametrize("name", [name for name in ALIGNMENTS if name != "none"])
def test_a_scaled_truth_is_found_again(name):
    _, d = pixels()
    fit = fit_map(ALIGNMENTS[name], METRIC, 3.0 * d, d)
    np.testing.assert_allclose(apply_fit(fit, METRIC, 3.0 * d), d, rtol=1e-9)


def test_an_offset_that_dwarfs_the_spread_does_not_cancel():
    random = np.random.default_rng(0)
    x = 1e7 + random.normal(size=1000)
    scale, shift = least_squares(x, 2.0 * x - 5.0)
    assert scale == pytest.approx(2.0, rel=1e-9)
    assert scale * 1e7 + shift == pytest.approx(2e7 - 5, rel=1e-12)


def test_a_flat_prediction_becomes_the_mean_of_the_truth():
    _, d = pixels()
    flat = np.full_like(d, 7.0)
    for name in ("affine_depth", "affine_inverse", "affine_log"):
        fit = fit_map(ALIGNMENTS[name], METRIC, flat, d)
        assert fit.scale == 0.0
    fit = fit_map(ALIGNMENTS["affine_depth"], METRIC, flat, d)
    np.testing.assert_allclose(apply_fit(fit, METRIC, flat), d.mean())


def test_an_inverse_that_is_not_positive_lies_at_infinity():
    fit = Fit(1.0, -0.5, "inverse")
    np.testing.assert_array_equal(
        apply_fit(fit, Geometry.AFFINE_INVERSE, np.array([1.0, 0.5, 0.1])), [2.0, np.inf, np.inf]
    )


def test_an_affine_inverse_map_may_be_negative_and_is_fitted_as_it_is():
    _, d = pixels()
    structure = (1.0 / d - 0.4) * 12.0
    fit = fit_map(ALIGNMENTS["affine_inverse"], Geometry.AFFINE_INVERSE, structure, d)
    np.testing.assert_allclose(apply_fit(fit, Geometry.AFFINE_INVERSE, structure), d, rtol=1e-9)


@pytest.mark.parametrize("geometry", [Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH])
def test_depth_that_is_not_positive_is_refused(geometry):
    p, d = np.array([1.0, 0.0, 2.0]), np.array([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="1 of 3 scored pixels of the prediction are not positive"):
        fit_map(ALIGNMENTS["affine_log"], geometry, p, d)


def test_a_geometry_is_never_scored_under_less_than_it_needs():
    allowed = {geometry: [row.name for row in alignments_of(geometry)] for geometry in Geometry}
    assert allowed[Geometry.METRIC_DEPTH] == list(ALIGNMENTS)
    assert allowed[Geometry.METRIC_DEPTH][0] == "none"
    assert "none" not in allowed[Geometry.SCALE_DEPTH]
    assert allowed[Geometry.AFFINE_DEPTH] == ["affine_depth"]
    assert allowed[Geometry.AFFINE_INVERSE] == ["affine_inverse"]


def test_no_fit_turns_a_map_round():
    _, d = pixels()
    for name in ("affine_depth", "affine_inverse", "affine_log"):
        fit = fit_map(ALIGNMENTS[name], METRIC, 100.0 / d, d)
        assert fit.scale == 0.0
    fit = fit_map(ALIGNMENTS["affine_inverse"], Geometry.AFFINE_INVERSE, -1.0 / d, d)
    np.testing.assert_allclose(
        apply_fit(fit, Geometry.AFFINE_INVERSE, -1.0 / d), 1 / np.mean(1 / d)
    )
