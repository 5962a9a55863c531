"""Counts of true and predicted depth, and what is read from them."""

import math
import pickle

import numpy as np
import pytest

from thermodepth.evaluation.protocols.named import named_protocol
from thermodepth.evaluation.protocols.protocol import Protocol
from thermodepth.evaluation.scoring.density import BINS, QUANTILES, DepthDensity, density_of


@pytest.fixture
def wide():
    """0.3-80 m."""
    return named_protocol("synthetic")


def pixels(count, *, spread=0.2, low=0.31, high=79.0, seed=0):
    """Truth even in ln d, and a prediction off by a normal factor, inside 0.3-80 m."""
    rng = np.random.default_rng(seed)
    truth = np.exp(rng.uniform(math.log(low), math.log(high), count))
    return (truth * np.exp(rng.normal(0.0, spread, count))).clip(0.3, 80.0), truth


def test_counts_are_those_of_histogram2d(wide):
    prediction, truth = pixels(50_000)
    density = density_of(wide, prediction, truth)
    edges = np.linspace(math.log(0.3), math.log(80.0), BINS + 1)
    expected, _, _ = np.histogram2d(np.log(truth), np.log(prediction), bins=[edges, edges])
    np.testing.assert_array_equal(density.counts, expected)
    assert density.counts.dtype == np.int64
    assert density.pixels == 50_000
    np.testing.assert_allclose(np.log(density.edges_m), edges)


def test_a_pixel_by_hand(protocol):
    # 1-16 m in 96 bins: a bin is ln 16 / 96, so a factor of 2 is 24 bins.
    density = density_of(protocol, np.array([4.01]), np.array([2.01], dtype=np.float32))
    assert np.argwhere(density.counts).tolist() == [[24, 48]]
    assert density.width == pytest.approx(math.log(2) / 24)


def test_predictions_outside_the_range_are_at_its_ends(protocol):
    density = density_of(protocol, np.array([1e-3, 1.0, 16.0, 1e9, np.inf]), np.full(5, 2.01))
    assert density.counts[24, 0] == 2
    assert density.counts[24, 95] == 3


def test_what_is_no_depth_is_our_own_mistake(protocol):
    for bad in (np.nan, 0.0, -1.0):
        with pytest.raises(AssertionError, match="not positive"):
            density_of(protocol, np.array([2.0, bad]), np.array([2.0, 2.0]))


def test_sums_of_frames_are_the_frames_together(wide):
    prediction, truth = pixels(4_000)
    parts = [density_of(wide, prediction[n::4], truth[n::4]) for n in range(4)]
    total = sum(parts, DepthDensity.empty(wide))
    np.testing.assert_array_equal(total.counts, density_of(wide, prediction, truth).counts)
    assert parts[0].pixels == 1_000  # a sum leaves its parts as they are


def test_densities_of_two_ranges_do_not_add(wide, protocol):
    with pytest.raises(AssertionError, match="two ranges"):
        DepthDensity.empty(wide) + DepthDensity.empty(protocol)


def test_a_range_that_starts_at_a_millimetre_keeps_its_bins_for_what_is_measured():
    published = Protocol(
        name="far", min_depth_m=0.001, max_depth_m=80.0, range_bin_edges_m=(0.001, 80.0)
    )
    density = density_of(published, np.array([0.002]), np.array([0.01]))
    assert density.low_m == pytest.approx(0.2)
    assert density.counts[0, 0] == 1


def test_travels_between_processes(wide):
    density = density_of(wide, *pixels(100))
    again = pickle.loads(pickle.dumps(density))
    np.testing.assert_array_equal(again.counts, density.counts)
    assert (again.low_m, again.high_m) == (density.low_m, density.high_m)


@pytest.mark.parametrize("merged", [1, 4, 12])
def test_quantiles_and_abs_rel_are_those_of_the_pixels_to_a_bin(wide, merged):
    prediction, truth = pixels(400_000, spread=0.15)
    errors = density_of(wide, prediction, truth).by_range(merged=merged)
    assert errors.pixels.sum() == 400_000
    assert errors.ratio.shape == (BINS // merged, len(QUANTILES))
    bin_width = math.log(80.0 / 0.3) / BINS
    which = np.digitize(truth, errors.edges_m[1:-1])
    for k in range(BINS // merged):
        ratio = (prediction / truth)[which == k]
        assert errors.pixels[k] == ratio.size
        expected = np.log(np.quantile(ratio, QUANTILES))
        np.testing.assert_allclose(np.log(errors.ratio[k]), expected, atol=bin_width)
        assert errors.abs_rel[k] == pytest.approx(np.mean(np.abs(ratio - 1)), abs=bin_width / 2)


def test_from_bins_is_close_where_the_error_is_wide(wide):
    """Away from the ends, where clamping bends the distribution inside its bin."""
    prediction, truth = pixels(400_000, spread=0.3, low=3.0, high=8.0)
    density = density_of(wide, prediction, truth)
    errors = density.by_range(merged=4)
    total = np.nansum(errors.abs_rel * errors.pixels) / errors.pixels.sum()
    assert total == pytest.approx(np.mean(np.abs(prediction / truth - 1)), rel=0.01)
    within = np.mean(np.maximum(prediction / truth, truth / prediction) < 1.25)
    assert density.share_within(1.25) == pytest.approx(within, abs=0.01)


def test_a_constant_factor_is_found_everywhere(wide):
    _, truth = pixels(20_000, low=0.4, high=30.0)
    errors = density_of(wide, truth * 2.0, truth).by_range()
    there = errors.pixels > 50
    np.testing.assert_allclose(errors.ratio[there, 2], 2.0, rtol=0.04)
    np.testing.assert_allclose(errors.abs_rel[there], 1.0, rtol=0.06)


def test_no_pixels_have_no_error(protocol):
    none = density_of(protocol, np.zeros(0), np.zeros(0))
    assert none.pixels == 0
    assert math.isnan(none.share_within(1.25))
    errors = none.by_range()
    assert np.isnan(errors.ratio).all()
    assert np.isnan(errors.abs_rel).all()


def test_one_pixel_gives_one_interval(protocol):
    errors = density_of(protocol, np.array([4.0]), np.array([4.0])).by_range(merged=4)
    (k,) = np.flatnonzero(errors.pixels)
    assert errors.edges_m[k] <= 4.0 * (1 + 1e-12)
    assert errors.edges_m[k + 1] >= 4.0 * (1 - 1e-12)
    assert errors.ratio[k, 2] == pytest.approx(1.0)
    assert np.all(np.diff(errors.ratio[k]) > 0)
    assert errors.edges_m[k] < errors.centres_m[k] < errors.edges_m[k + 1]


def test_intervals_must_divide_the_bins(protocol):
    with pytest.raises(AssertionError, match="merged by 5"):
        DepthDensity.empty(protocol).by_range(merged=5)
