"""The scale of a frame."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from thermodepth.metrics import TruthMap
from thermodepth.metrics.scale import SCALE


def scale(prediction: ArrayLike, depth: ArrayLike) -> tuple[float, int]:
    truth = TruthMap(sample_id="f0", depth_m=np.asarray(depth, dtype=np.float64))
    measured = SCALE.measure(np.asarray(prediction, dtype=np.float64), truth)["scale"]
    return measured.value, measured.count


def test_an_even_count_takes_the_mean_of_the_two_middle_ratios() -> None:
    # Ratios 2, 1, 4, 0.5: the middle ones are 1 and 2. The quotient of the medians would be 3 / 2.5.
    assert scale([[1.0, 2.0, 1.0, 8.0]], [[2.0, 2.0, 4.0, 4.0]]) == (1.5, 4)


@pytest.mark.parametrize("factor", [0.25, 1.0, 8.0])
def test_a_factor_is_found_exactly(factor: float) -> None:
    depth = np.exp(np.random.default_rng(0).normal(2, 1, (9, 11)))
    assert scale(factor * depth, depth) == (1 / factor, 99)


def test_the_metres_of_the_prediction_times_it_have_the_truths_middle() -> None:
    random = np.random.default_rng(1)
    depth, prediction = np.exp(random.normal(2, 1, (2, 9, 11)))
    value, _ = scale(prediction, depth)
    assert np.median(depth / (value * prediction)) == pytest.approx(1.0)


def test_only_pixels_with_truth_count() -> None:
    assert scale([[1.0, np.nan, 5.0]], [[3.0, np.nan, np.nan]]) == (3.0, 1)


def test_no_truth_is_not_measured() -> None:
    truth = TruthMap(sample_id="f0", depth_m=np.full((2, 2), np.nan))
    assert SCALE.measure(np.ones((2, 2)), truth) == {}
