"""Steps of ln depth: plain loops, and a tilt worked by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from thermodepth.metrics import TruthMap
from thermodepth.metrics.gradient_error import GRADIENT_ERROR

Array = NDArray[np.float64]
SPANS = (1, 2, 4, 8)


def measure(prediction: Array, depth: Array) -> dict[int, tuple[float, int]]:
    found = GRADIENT_ERROR.measure(prediction, TruthMap(sample_id="a", depth_m=depth))
    return {
        int(name.rsplit("_", 1)[1]): (measured.value, measured.count)
        for name, measured in found.items()
    }


def by_loops(prediction: Array, depth: Array, span: int) -> tuple[float, int]:
    height, width = depth.shape
    errors = []
    for y in range(height):
        for x in range(width):
            for v, u in ((y + span, x), (y, x + span)):
                if v < height and u < width and not math.isnan(depth[y, x] * depth[v, u]):
                    predicted = math.log(prediction[v, u]) - math.log(prediction[y, x])
                    errors.append(abs(predicted - (math.log(depth[v, u]) - math.log(depth[y, x]))))
    return math.fsum(errors) / len(errors), len(errors)


def scene(share: float = 1.0) -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    depth = 8.0 * np.exp(0.3 * gaussian_filter(random.normal(size=(21, 26)), 1.0))
    prediction = depth * np.exp(0.1 * random.normal(size=depth.shape))
    depth[random.random(depth.shape) > share] = np.nan
    return prediction, depth


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5])
def test_plain_loops_give_the_same(share: float) -> None:
    prediction, depth = scene(share)
    values = measure(prediction, depth)
    assert set(values) == set(SPANS)
    for span in SPANS:
        assert values[span] == pytest.approx(by_loops(prediction, depth, span), rel=1e-12)


def test_a_tilt_of_one_per_cent_per_column() -> None:
    # Pairs in a row are off by 0.01 h, pairs in a column by nothing: of 12 x 20 pixels there are
    # 12 (20 - h) of the first and 20 (12 - h) of the second.
    depth = np.full((12, 20), 5.0)
    prediction = depth * np.exp(0.01 * np.arange(20))
    for span, (value, count) in measure(prediction, depth).items():
        rows, columns = 12 * (20 - span), 20 * (12 - span)
        assert count == rows + columns
        assert value == pytest.approx(0.01 * span * rows / (rows + columns))


def test_scale_is_no_matter_and_perfection_is_0() -> None:
    prediction, depth = scene()
    for span, (value, _) in measure(3.0 * prediction, depth).items():
        assert value == pytest.approx(measure(prediction, depth)[span][0], rel=1e-12)
    assert {value for value, _ in measure(depth.copy(), depth).values()} == {0.0}


def test_junk_under_a_hole_is_not_looked_at() -> None:
    prediction, depth = scene(0.7)
    junk = np.where(np.isnan(depth), 1e300, prediction)
    assert measure(junk, depth) == measure(prediction, depth)


def test_sparse_truth_is_measured_at_the_spans_that_have_fifty_pairs() -> None:
    # Every fourth pixel of every fourth row: neighbours at 4 and 8 pixels only. Of 6 x 7 such pixels,
    # 6 x 6 + 5 x 7 = 71 pairs are 4 apart, 6 x 5 + 4 x 7 = 58 are 8 apart.
    prediction, depth = scene()
    retained = np.full(depth.shape, np.nan)
    retained[::4, ::4] = depth[::4, ::4]
    assert {span: count for span, (_, count) in measure(prediction, retained).items()} == {
        4: 71,
        8: 58,
    }


def test_forty_nine_pairs_are_too_few() -> None:
    row = np.exp(0.1 * np.random.default_rng(0).normal(size=(1, 51)))
    assert {span: n for span, (_, n) in measure(np.ones_like(row), row).items()} == {1: 50}
    assert measure(np.ones((1, 50)), row[:, :50]) == {}


def test_a_map_smaller_than_a_span_is_not_measured_over_it() -> None:
    # 71 pairs 1 apart, 58 pairs 2 apart, 32 pairs 4 apart, none 8 apart.
    depth = np.exp(0.1 * np.random.default_rng(0).normal(size=(6, 7)))
    assert set(measure(np.ones_like(depth), depth)) == {1, 2}


def test_blur_raises_every_span() -> None:
    _, depth = scene()
    blurred = [measure(gaussian_filter(depth, s), depth) for s in (0.4, 0.8, 1.6)]
    for span in SPANS:
        near, middle, far = (values[span][0] for values in blurred)
        assert 0.0 < near < middle < far
