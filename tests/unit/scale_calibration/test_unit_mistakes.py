"""Millimetres, disparities and other numbers that are no metres are refused by what they look like."""

from __future__ import annotations

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.scale_calibration.unit_mistakes import likely_per_metre, refuse_unit_mistakes

RAW_M = np.array([2.0, 3.5, 6.0, 9.0, 15.0])
TRUE_M = RAW_M * np.array([1.3, 1.1, 1.2, 1.5, 1.0])


def test_metres_pass_however_far_off_a_model_is() -> None:
    for factor in (1 / 25, 0.2, 1.0, 5.0, 25.0):
        refuse_unit_mistakes(RAW_M, factor * TRUE_M)


@pytest.mark.parametrize(
    ("factor", "word"),
    [(1000.0, "millimetres"), (100.0, "centimetres"), (0.001, "kilometres")],
)
@pytest.mark.parametrize("count", [1, 5])
def test_another_unit(factor: float, word: str, count: int) -> None:
    for off in (0.5, 1.0, 2.0):
        with pytest.raises(DataError, match=f"these look like {word}"):
            refuse_unit_mistakes(RAW_M[:count], factor * off * TRUE_M[:count])


@pytest.mark.parametrize("factor", [4000.0, 1e5, 1 / 270, 1e-6])
def test_what_is_further_off_than_any_model(factor: float) -> None:
    with pytest.raises(DataError, match="more than any lens or scene"):
        refuse_unit_mistakes(RAW_M, factor * RAW_M)


@pytest.mark.parametrize("baseline", [0.01, 1.0, 20.0])
def test_disparities(baseline: float) -> None:
    with pytest.raises(DataError, match="these look like disparities"):
        refuse_unit_mistakes(RAW_M, baseline / TRUE_M)


def test_maps_that_were_turned_to_disparity_and_stretched() -> None:
    disparity = 1 / TRUE_M
    stretched = (disparity - disparity.min() + 0.01) / np.ptp(disparity)
    with pytest.raises(DataError, match="these look like disparities"):
        refuse_unit_mistakes(RAW_M, stretched)


def test_a_model_that_sees_nothing_is_no_disparity() -> None:
    refuse_unit_mistakes(RAW_M, np.array([5.0, 9.0, 3.0, 8.0, 4.0]))
    refuse_unit_mistakes(np.array([4.0, 4.1, 3.9, 4.05]), np.array([5.0, 4.9, 5.1, 4.95]))


def test_a_few_samples_that_run_against_the_model_by_chance_are_no_disparity() -> None:
    """Of four in random order, one in 24 is reversed; only one that also fits 1/depth closely is refused."""
    random, refused = np.random.default_rng(0), 0
    for _ in range(500):
        raw_m, true_m = np.exp(0.5 * random.standard_normal((2, 5)))
        try:
            refuse_unit_mistakes(raw_m, true_m)
        except DataError:
            refused += 1
    assert refused <= 5


def test_a_factor_of_two_ways_to_store_metres_is_named() -> None:
    assert "--per-metre 1000" in likely_per_metre(1000 / 256)
    assert "--per-metre 256" in likely_per_metre(0.256)
    assert likely_per_metre(1.2) == ""
