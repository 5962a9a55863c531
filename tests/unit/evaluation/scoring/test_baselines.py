"""Baselines against brute force over all frames at once."""

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.protocols.protocol import PROTOCOLS
from thermodepth.evaluation.scoring.baselines import (
    BASELINES,
    ConstantDepth,
    MeanDepthMap,
    RowRamp,
    fit_baselines,
    unfitted_baselines,
)

SYNTHETIC = PROTOCOLS["synthetic"]


def truths(frames=7, size=(9, 13), holes=0.3):
    """Frames of 0.1-150 m, partly outside the protocol, with holes."""
    random = np.random.default_rng(0)
    depth = np.exp(random.uniform(np.log(0.1), np.log(150), (frames, *size))).astype(np.float32)
    depth[random.random(depth.shape) < holes] = np.nan
    return depth


@pytest.mark.parametrize("frames", [7, 8])
def test_the_constant_is_the_median_of_what_the_protocol_scores(make_sample, frames):
    depth = truths(frames)
    scored = depth[(depth > np.float32(0.3)) & (depth < np.float32(80.0))].astype(np.float64)
    fitted = ConstantDepth.fit((make_sample(d) for d in depth), protocol=SYNTHETIC)
    assert np.log(fitted.depth_m) == pytest.approx(np.median(np.log(scored)), abs=1e-4)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [([2.0, 3.0, 12.0], 3.0), ([2.0, 8.0], 4.0), ([5.0], 5.0), ([1.5, 1.5, 1.5, 15.9], 1.5)],
)
def test_the_constant_of_few_pixels(make_sample, protocol, depth, expected):
    fitted = ConstantDepth.fit([make_sample([depth])], protocol=protocol)
    assert fitted.depth_m == pytest.approx(expected, rel=1e-4)


def test_the_constant_at_both_ends_of_the_range(make_sample):
    for end, towards in ((0.3, 1.0), (80.0, 1.0)):
        depth = np.nextafter(np.float32(end), np.float32(towards))
        fitted = ConstantDepth.fit([make_sample([[depth]])], protocol=SYNTHETIC)
        assert fitted.depth_m == pytest.approx(end, rel=1e-4)


def test_no_other_constant_has_a_smaller_log_error(make_sample):
    depth = truths()
    scored = depth[SYNTHETIC.scored(depth)].astype(np.float64)
    best = ConstantDepth.fit([make_sample(d) for d in depth], protocol=SYNTHETIC).depth_m
    errors = [np.abs(np.log(c / scored)).mean() for c in (best, best * 1.1, best / 1.1)]
    assert errors[0] < min(errors[1:])


def test_the_mean_map_is_the_mean_of_valid_truth_and_holes_take_the_overall_mean(make_sample):
    depth = truths(holes=0.6)
    depth[:, 2, 3] = np.nan
    depth[:, 4, 5] = 100.0  # beyond the protocol
    fitted = MeanDepthMap.fit((make_sample(d) for d in depth), protocol=SYNTHETIC)
    expected = np.full(depth.shape[1:], np.nan)
    valid = np.isfinite(depth) & (depth > 0.3) & (depth < 80)
    for r in range(depth.shape[1]):
        for c in range(depth.shape[2]):
            values = depth[:, r, c][valid[:, r, c]].astype(np.float64)
            expected[r, c] = values.mean() if values.size else depth[valid].astype(float).mean()
    np.testing.assert_allclose(fitted.depth_m, expected, rtol=1e-12)
    assert fitted.depth_m[2, 3] == fitted.depth_m[4, 5]


def test_truth_of_another_size_is_brought_to_the_first_by_nearest_pixels(make_sample, protocol):
    first = make_sample([[2.0, 2.0], [2.0, 2.0]])
    larger = np.repeat(np.repeat([[4.0, 6.0], [8.0, np.nan]], 3, axis=0), 3, axis=1)
    fitted = MeanDepthMap.fit([first, make_sample(larger)], protocol=protocol)
    np.testing.assert_allclose(fitted.depth_m, [[3.0, 4.0], [5.0, 2.0]])
    narrow = MeanDepthMap.fit(
        [make_sample([[2.0]]), make_sample([[8.0, 4.0, 8.0]])], protocol=protocol
    )
    assert narrow.depth_m.tolist() == [[3.0]]  # the middle pixel holds the centre
    smaller = MeanDepthMap.fit([first, make_sample([[10.0]])], protocol=protocol)
    np.testing.assert_allclose(smaller.depth_m, 6.0)


def test_frames_without_truth_are_passed_over(make_sample, protocol):
    frames = [make_sample(None, size=(5, 5)), make_sample([[2.0, 4.0]]), make_sample(None)]
    assert MeanDepthMap.fit(frames, protocol=protocol).depth_m.tolist() == [[2.0, 4.0]]
    assert ConstantDepth.fit(frames, protocol=protocol).depth_m == pytest.approx(8**0.5, rel=1e-4)


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
@pytest.mark.parametrize("empty", ["no frames", "no truth", "nothing in range"])
def test_nothing_to_fit_on(make_sample, protocol, baseline, empty):
    frames = {
        "no frames": [],
        "no truth": [make_sample(None)],
        "nothing in range": [make_sample([[np.nan, 99.0]])],
    }[empty]
    with pytest.raises(DataError, match=r"no training frame has truth between 1 and 16 m.*'toy'"):
        baseline.fit(frames, protocol=protocol)


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_one_pass_and_predictions_of_the_frames_size(make_sample, protocol, baseline):
    depth = np.random.default_rng(1).uniform(2, 9, (4, 6, 8))
    once = iter([make_sample(d) for d in depth])
    fitted = baseline.fit(once, protocol=protocol)
    assert next(once, None) is None
    for size in ((6, 8), (12, 5)):
        prediction = fitted.predict(make_sample(None, size=size))
        assert prediction.shape == size
        assert ((prediction > 2) & (prediction < 9)).all()


def test_predictions_are_what_was_fitted_and_may_be_written_over(make_sample, protocol):
    constant = ConstantDepth(depth_m=3.0)
    np.testing.assert_array_equal(constant.predict(make_sample(None)), np.full((2, 3), 3.0))
    fitted = MeanDepthMap.fit([make_sample([[2.0, 4.0]])], protocol=protocol)
    prediction = fitted.predict(make_sample(None, size=(1, 2)))
    assert prediction.tolist() == [[2.0, 4.0]]
    prediction[:] = 0.0
    assert fitted.depth_m.tolist() == [[2.0, 4.0]]


def test_the_ramp_is_the_line_through_all_inverse_depths(make_sample):
    depth = truths(holes=0.4)
    fitted = RowRamp.fit((make_sample(d) for d in depth), protocol=SYNTHETIC)
    valid = np.isfinite(depth) & (depth > 0.3) & (depth < 80)
    _, rows, _ = np.nonzero(valid)
    slope, start = np.polyfit((rows + 0.5) / 9, 1.0 / depth[valid].astype(np.float64), 1)
    assert (fitted.above, fitted.below) == pytest.approx((start, start + slope), rel=1e-9)


def test_a_plane_below_the_camera_is_a_ramp(make_sample, protocol):
    rows = (np.arange(6) + 0.5) / 6
    depth = np.repeat((1.0 / (0.1 + 0.6 * rows))[:, None], 8, axis=1)
    fitted = RowRamp.fit([make_sample(depth)], protocol=protocol)
    np.testing.assert_allclose(fitted.predict(make_sample(depth)), depth, rtol=1e-6)
    twice = fitted.predict(make_sample(None, size=(12, 3)))
    np.testing.assert_allclose(1.0 / twice[:, 0], 0.1 + 0.6 * (np.arange(12) + 0.5) / 12, rtol=1e-6)


def test_a_ramp_that_goes_through_0_bends_and_keeps_its_ranks(make_sample):
    steep = RowRamp(above=-1.0, below=3.0, farthest_m=16.0)
    predicted = steep.predict(make_sample(None, size=(800, 2)))[:, 0]
    line = -1.0 + 4.0 * (np.arange(800) + 0.5) / 800
    inside = line > 1 / 16
    np.testing.assert_allclose(predicted[inside], 1 / line[inside])
    assert (np.diff(predicted) < 0).all()
    assert 16 <= predicted[~inside].min() < predicted.max() < 32
    steps = np.diff(1 / predicted)[np.flatnonzero(inside)[0] - 2 :]
    assert steps[0] > 0.6 * steps[-1]  # no kink where it bends


def test_a_single_row_has_no_slope(make_sample, protocol):
    flat = RowRamp.fit([make_sample([[2.0, 4.0]])], protocol=protocol)
    np.testing.assert_allclose(flat.predict(make_sample(None)), 1.0 / 0.375)


def test_all_of_them_in_one_pass_and_under_the_names_of_the_tables(make_sample, protocol):
    depth = truths(4)
    once = iter([make_sample(d, sample_id=f"f{n}") for n, d in enumerate(depth)])
    fitted = fit_baselines(once, protocol=protocol)
    assert tuple(fitted) == tuple(BASELINES)
    samples = [make_sample(d, sample_id=f"f{n}") for n, d in enumerate(depth)]
    alone = {arm: kind.fit(samples, protocol=protocol) for arm, kind in BASELINES.items()}
    sample = make_sample(None, size=(9, 13), sample_id="new")
    for arm, baseline in alone.items():
        np.testing.assert_array_equal(fitted[arm].predict(sample), baseline.predict(sample))
    for baseline in fitted.values():
        assert np.isfinite(baseline.predict(sample)).all()


def test_without_a_training_split_two_guesses_are_left():
    answers = unfitted_baselines((4, 3))
    assert set(answers) == {"constant depth", "row ramp"}
    ramp = answers["row ramp"]["depth"].values
    np.testing.assert_allclose(1.0 / ramp[:, 1], [0.125, 0.375, 0.625, 0.875])
