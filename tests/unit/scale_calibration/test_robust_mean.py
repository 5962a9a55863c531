"""The scale's mean and its interval: by hand, against t, and by how often it covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from thermodepth.scale_calibration.robust_mean import limited, robust_mean


def test_samples_of_one_frame_have_the_t_interval() -> None:
    values = np.log([1.1, 1.2, 1.15, 1.22, 1.12])
    estimate = robust_mean(values, ["a"] * 5)
    oracle = stats.t.interval(0.95, 4, values.mean(), values.std(ddof=1) / math.sqrt(5))
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.half_width == pytest.approx((oracle[1] - oracle[0]) / 2)
    assert robust_mean(values, list("abcde")).half_width == pytest.approx(estimate.half_width)


def test_one_and_two_values_have_no_interval() -> None:
    assert robust_mean(np.array([0.3]), ["a"]).half_width is None
    assert robust_mean(np.array([0.3, 0.4]), ["a", "b"]).half_width is None


def test_a_slip_of_the_tape_does_not_carry_the_scale_away() -> None:
    values = np.log([1.00, 1.02, 0.99, 1.01, 1.03, 10.0])
    assert np.expm1(values.mean()) > 0.4
    assert np.expm1(robust_mean(values, ["a"] * 6).value) < 0.05
    # Ten times or a hundred times wrong is the same slip.
    values[-1] = math.log(100)
    assert np.expm1(robust_mean(values, ["a"] * 6).value) < 0.05


def test_of_four_values_none_is_limited() -> None:
    values = np.array([0.0, 0.01, 0.02, 3.0])
    np.testing.assert_array_equal(limited(values), values)


def test_frames_by_hand() -> None:
    # Two frames of two: means 0 and 1, within 0.02 each. between = 2 (0.5^2 + 0.5^2) = 1, within = 0.04 / 2.
    values = np.array([-0.1, 0.1, 0.9, 1.1])
    estimate = robust_mean(values, ["a", "a", "b", "b"])
    assert estimate.value == pytest.approx(0.5)
    # sigma_b^2 = (1 - 0.02) / 2 = 0.49; variance = 0.49 * 2 / 4 + 0.02 / 4 = 0.25 = between / 4
    assert estimate.standard_error == pytest.approx(0.5)
    assert estimate.df == pytest.approx(1.0)


def test_frames_that_share_nothing_are_samples_like_others() -> None:
    values = np.array([0.0, 1.0, 0.0, 1.0, 0.1, 0.9])
    together = robust_mean(values, ["a"] * 6)
    apart = robust_mean(values, ["a", "a", "b", "b", "c", "c"])
    assert apart == together


@pytest.mark.parametrize(
    ("frames", "between", "least"),
    [
        ("aaaaa", 0.0, 0.93),
        ("abcde", 0.0, 0.93),
        ("aaabbbccc", 0.05, 0.92),
        ("aabbccdd", 0.03, 0.93),
    ],
)
def test_the_interval_covers(frames: str, between: float, least: float) -> None:
    random = np.random.default_rng(3)
    index = np.unique(list(frames), return_inverse=True)[1]
    covered = 0
    for _ in range(1000):
        values = 0.2 + 0.03 * random.standard_normal(len(frames))
        values += between * random.standard_normal(len(frames))[index]
        estimate = robust_mean(values, list(frames))
        assert estimate.half_width is not None
        covered += abs(estimate.value - 0.2) <= estimate.half_width
    assert least <= covered / 1000 <= 0.98
