"""Boundaries: a plain double loop over ratios, and cases worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from thermodepth.metrics import TruthMap
from thermodepth.metrics.boundary import BOUNDARY

Array = NDArray[np.float64]
RATIOS = [1.05 + 0.2 * k / 9 for k in range(10)]


def measure(prediction: Array, depth: Array) -> dict[str, float]:
    result = BOUNDARY.measure(prediction, TruthMap(sample_id="a", depth_m=depth))
    return {name.removeprefix("boundary_"): value for name, (value, _) in result.items()}


def by_loops(prediction: Array, depth: Array) -> dict[str, float]:
    """From the paper: ratios of neighbours in four directions, one threshold after the other."""
    height, width = depth.shape
    sums = np.zeros(3)
    weight = 0.0
    for ratio in RATIOS:
        true = predicted = both = 0
        for y in range(height):
            for x in range(width):
                for v, u in ((y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)):
                    if not (0 <= v < height and 0 <= u < width):
                        continue
                    if np.isnan(depth[y, x]) or np.isnan(depth[v, u]):
                        continue
                    c_d = depth[v, u] / depth[y, x] > ratio
                    c_p = prediction[v, u] / prediction[y, x] > ratio
                    true, predicted, both = true + c_d, predicted + c_p, both + (c_d and c_p)
        if true:
            precision = both / predicted if predicted else 0.0
            recall = both / true
            f1 = 2 * precision * recall / (precision + recall) if both else 0.0
            sums += ratio * np.array([precision, recall, f1])
            weight += ratio
    return dict(zip(("precision", "recall", "f1"), sums / weight, strict=True))


def steps(ratio: float, *, rows: int = 60, at: int = 3, columns: int = 8) -> Array:
    """2 m to the left of a column, `ratio` times as far from it on."""
    depth = np.full((rows, columns), 2.0)
    depth[:, at:] *= ratio
    return depth


@pytest.mark.parametrize("share", [1.0, 0.8])
@pytest.mark.parametrize("error", [0.02, 0.1, 0.5])
def test_plain_loops_give_the_same(error: float, share: float) -> None:
    random = np.random.default_rng(0)
    depth = 5.0 * np.exp(0.1 * random.normal(size=(14, 17)))
    prediction = 2.0 * depth * np.exp(error * random.normal(size=depth.shape))
    depth[random.random(depth.shape) > share] = np.nan
    values = measure(prediction, depth)
    assert 0.0 < values["f1"] < 1.0
    assert values == pytest.approx(by_loops(prediction, depth), rel=1e-12)


def test_half_of_the_boundary_in_its_place() -> None:
    # 60 true boundaries; the lower 30 of the predicted ones stand one column off, which makes one more
    # where the line is broken: 30 hits of 60 and of 61.
    prediction = steps(2.0)
    prediction[30:] = steps(2.0, at=4)[30:]
    values = measure(prediction, steps(2.0))
    assert values == pytest.approx({"precision": 30 / 61, "recall": 30 / 60, "f1": 60 / 121})


def test_a_low_step_is_found_at_the_low_ratios_only() -> None:
    # 1.15 exceeds 1.05, 1.0722, 1.0944, 1.1167, 1.1389; 1.08 the first two of them. Every ratio found is
    # found wholly, every other not at all: 2.1222 / 5.4722.
    values = measure(steps(1.08), steps(1.15))
    assert values["recall"] == pytest.approx(0.387817, abs=1e-6)
    assert values["precision"] == values["f1"] == pytest.approx(values["recall"])


def test_ratios_without_a_true_boundary_are_left_out() -> None:
    # The truth exceeds three ratios; that the prediction exceeds seven more is not an invented boundary.
    assert measure(steps(2.0), steps(1.1)) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_jump_the_other_way_is_no_hit() -> None:
    assert measure(1.0 / steps(2.0), steps(2.0)) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_perfection_is_1_even_where_only_one_direction_has_boundaries() -> None:
    assert measure(steps(1.5), steps(1.5)) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_a_map_without_boundaries_gets_nothing_rather_than_no_row() -> None:
    truth = TruthMap(sample_id="a", depth_m=steps(2.0))
    measured = BOUNDARY.measure(np.full((60, 8), 3.0), truth)
    assert {name: tuple(result) for name, result in measured.items()} == {
        "boundary_precision": (0.0, 60),
        "boundary_recall": (0.0, 60),
        "boundary_f1": (0.0, 60),
    }


@pytest.mark.parametrize("scale", [1 / 3, 0.7, 3.0, 1e3])
def test_scale_is_no_matter_even_where_a_step_meets_a_ratio_exactly(scale: float) -> None:
    # 8 m before 10 m is 1.25 to the last bit, and a step must be more than that.
    random = np.random.default_rng(0)
    depth = random.choice([8.0, 8.4, 10.0], size=(20, 20))
    assert measure(scale * depth, depth) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    prediction = random.choice([8.0, 8.4, 10.0], size=(20, 20))
    assert measure(scale * prediction, depth) == measure(prediction, depth)


def test_a_step_hardly_above_a_ratio_is_one() -> None:
    # 1e-7 above 1.05 is far more than rounding; 60 boundaries, or none would be measured.
    hardly = steps(1.05 * (1 + 1e-7))
    assert measure(hardly, hardly) == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert measure(hardly, steps(1.05)) == {}


def test_fifty_boundaries_are_needed() -> None:
    assert measure(steps(2.0, rows=49), steps(2.0, rows=49)) == {}
    assert measure(steps(2.0, rows=50), steps(2.0, rows=50))["f1"] == 1.0


def test_a_boundary_with_a_hole_on_it_is_none() -> None:
    depth, prediction = steps(2.0, rows=70), steps(2.0, rows=70)
    depth[:10, 3] = np.nan
    prediction[:20, 3] = 2.0
    result = BOUNDARY.measure(prediction, TruthMap(sample_id="a", depth_m=depth))
    # Of 60 true boundaries 10 are missed. Of the 20 that come one column late, 10 are beside the hole and
    # 10 are invented, with one more where the line is broken.
    assert result["boundary_recall"] == pytest.approx((5 / 6, 60))
    assert result["boundary_precision"] == pytest.approx((50 / 61, 60))


def test_scattered_truth_has_no_neighbours_and_is_not_measured() -> None:
    depth = np.full((60, 60), np.nan)
    depth[::2, ::2] = np.random.default_rng(0).uniform(2.0, 20.0, (30, 30))
    assert measure(np.full((60, 60), 4.0), depth) == {}


def test_blur_loses_boundaries_and_noise_invents_them() -> None:
    depth = np.full((60, 60), 9.0)
    depth[15:45, 15:45] = 4.0
    recalls = [measure(gaussian_filter(depth, s), depth)["recall"] for s in (1.0, 2.0, 3.0, 6.0)]
    assert 1.0 >= recalls[0] > recalls[1] > recalls[2] > recalls[3]
    noise = np.random.default_rng(0).normal(size=depth.shape)
    noisy = [measure(depth * np.exp(s * noise), depth) for s in (0.01, 0.05, 0.2)]
    precisions = [values["precision"] for values in noisy]
    assert precisions[0] > precisions[1] > precisions[2]
    assert noisy[1]["recall"] > 0.9
