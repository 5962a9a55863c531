"""Holm and sign flips by hand."""

from itertools import product

import numpy as np
import pytest

from thermodepth.statistics.multiple_testing import holm, least_sign_flip_p, sign_flip_p


def test_holm_by_hand():
    # Sorted .005 .01 .03 .04: x4 = .02, x3 = .03, x2 = .06, x1 = .04 -> .06, never decreasing.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_takes_nothing():
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


def test_sign_flips_by_hand():
    # 1 2 3: |sum| 6 only for +++ and ---: 2 of 8.
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 0.25 == least_sign_flip_p(3)
    # 1 2 -3: the sum 0 is the least far: every pattern is as far.
    assert sign_flip_p(np.array([1.0, 2.0, -3.0])) == 1.0
    # 1 1 1 -1: |sum| 2 or more for all but the six patterns of two and two: 10 of 16.
    assert sign_flip_p(np.array([1.0, 1.0, 1.0, -1.0])) == 0.625


def test_sign_flips_are_every_pattern():
    values = np.random.default_rng(0).normal(0.5, 1.0, 9)
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=9)
    ]
    expected = np.mean([s >= abs(values.sum()) - 1e-12 for s in sums])
    assert sign_flip_p(values) == pytest.approx(expected)


def test_rounding_does_not_part_a_pattern_from_its_mirror():
    assert sign_flip_p(np.full(6, 0.1)) == 2 / 64 == least_sign_flip_p(6)
    # Twelve values are added up in another order than one by one.
    for values in np.random.default_rng(2).uniform(0.1, 1.0, (50, 12)):
        assert sign_flip_p(values) == least_sign_flip_p(12)


@pytest.mark.parametrize("seeds", [1, 2, 5, 8])
def test_the_least_p_is_reached_by_equal_signs(seeds):
    assert sign_flip_p(np.arange(1.0, seeds + 1)) == least_sign_flip_p(seeds) == 2.0 ** (1 - seeds)


def test_nothing_at_all_is_no_finding():
    assert sign_flip_p(np.zeros(4)) == 1.0


def test_many_seeds_are_drawn_the_same_each_time():
    values = np.random.default_rng(1).normal(0.0, 1.0, 30) + 0.35
    first = sign_flip_p(values)
    assert first == sign_flip_p(values)
    # Near the normal approximation of the exact p-value.
    z = abs(values.sum()) / np.sqrt(np.square(values).sum())
    from scipy.stats import norm

    assert first == pytest.approx(2 * norm.sf(z), abs=0.01)
    assert sign_flip_p(np.ones(30)) == least_sign_flip_p(30)
