"""Coverage and sparsification by hand, by brute force, and where they have to be what they are."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from thermodepth.metrics import EXPECTED, Groups, PixelErrors, checked_expected
from thermodepth.metrics.expected_error import area


def errors_of(prediction: ArrayLike, truth: ArrayLike) -> PixelErrors:
    return PixelErrors(np.asarray(prediction, float), np.asarray(truth, float))


def value(name: str, errors: PixelErrors, expected: ArrayLike) -> float:
    return float(EXPECTED[name].compute(errors, np.asarray(expected, float))[0])


def test_coverage_is_of_the_factor_either_way_with_its_end() -> None:
    errors = errors_of([2.0, 2.0, 2.0, 2.0], [2.0, 2.5, 1.6, 3.0])  # off by 1, 1.25, 1.25, 1.5
    low, high = [0.0, 0.25, 0.24, 0.6], [0.1, 0.3, 0.25, 0.4]
    assert value("error_coverage_68", errors, [low, high]) == 0.75
    assert value("error_coverage_90", errors, [low, high]) == 0.75
    assert value("error_expected", errors, [low, high]) == pytest.approx(np.mean(low))
    assert EXPECTED["error_coverage_68"].optimum == 0.68
    assert EXPECTED["error_coverage_90"].optimum == 0.9


def test_coverage_of_groups_is_that_of_their_pixels() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(2, 20, 300)
    prediction = truth * np.exp(random.normal(0, 0.2, 300))
    expected = random.uniform(0, 0.4, (2, 300))
    group = random.integers(0, 3, 300)
    grouped = errors_of(prediction, truth).regrouped(Groups.from_index(group, 4))
    for name in ("error_coverage_68", "error_coverage_90", "error_expected"):
        row = EXPECTED[name]
        assert row.sliced
        values = row.compute(grouped, expected)
        for number in range(3):
            mask = group == number
            alone = value(name, errors_of(prediction[mask], truth[mask]), expected[:, mask])
            assert values[number] == pytest.approx(alone)
        assert np.isnan(values[3])


def test_normal_noise_of_a_known_size_is_covered_as_its_quantiles_say() -> None:
    """Noise of many sizes; expectations of the true size cover, of half the size do not."""
    random = np.random.default_rng(0)
    spread = random.uniform(0.02, 0.5, 20_000)
    truth = random.uniform(2, 20, 20_000)
    errors = errors_of(truth * np.exp(spread * random.normal(size=20_000)), truth)
    quantiles = np.array([0.99446, 1.64485])[:, None] * spread
    right, half = np.expm1(quantiles), np.expm1(quantiles / 2)
    assert value("error_coverage_68", errors, right) == pytest.approx(0.68, abs=0.01)
    assert value("error_coverage_90", errors, right) == pytest.approx(0.90, abs=0.01)
    assert value("error_coverage_68", errors, half) == pytest.approx(0.381, abs=0.01)
    # The order is what it was, and so is the sparsification.
    assert value("error_ause", errors, half) == value("error_ause", errors, right)


def test_sparsification_by_hand() -> None:
    """Errors .1 .2 .4: removed in the order .4 .2 .1 the means are .7/3, .15, .1."""
    error = np.array([0.1, 0.2, 0.4])
    assert area(error, np.array([1.0, 2.0, 3.0])) == pytest.approx((0.7 / 3 + 0.15 + 0.1) / 3)
    assert area(error, np.array([3.0, 2.0, 1.0])) == pytest.approx((0.7 / 3 + 0.3 + 0.4) / 3)
    assert area(error, np.zeros(3)) == pytest.approx(0.7 / 3)  # nothing is known of the order


def test_the_area_is_that_of_taking_pixels_away_one_after_the_other() -> None:
    random = np.random.default_rng(1)
    error, uncertainty = random.uniform(0, 1, 200), random.uniform(0, 1, 200)
    order = np.argsort(-uncertainty)
    left = [error[order[removed:]].mean() for removed in range(200)]
    assert area(error, uncertainty) == pytest.approx(np.mean(left))


def test_pixels_of_one_uncertainty_are_the_mean_over_all_their_orders() -> None:
    random = np.random.default_rng(2)
    error = random.uniform(0, 1, 12)
    uncertainty = np.repeat([1.0, 2.0, 3.0], 4)
    shuffled = [area(error, uncertainty + 1e-9 * random.permutation(12)) for _ in range(4000)]
    assert area(error, uncertainty) == pytest.approx(np.mean(shuffled), abs=0.002)


def test_ause_runs_from_the_best_order_to_the_random_one_and_beyond() -> None:
    random = np.random.default_rng(3)
    truth = random.uniform(2, 20, 500)
    errors = errors_of(truth * random.uniform(0.7, 1.5, 500), truth)
    blind = value("error_ause_random", errors, np.zeros((2, 500)))

    def ause(order: NDArray[np.float64]) -> float:
        return value("error_ause", errors, np.stack([order, order]))

    assert ause(errors.relative) == 0.0
    assert ause(np.full(500, 0.3)) == pytest.approx(blind, rel=1e-12)
    noisy = ause(errors.relative + random.uniform(0, 0.2, 500))
    assert 0.0 < noisy < blind < ause(-errors.relative + 1.0)
    assert ause(np.square(errors.relative)) == 0.0  # an order is all it looks at


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (np.ones((2, 3)), r"expected errors of \(2, 4\) are wanted, got \(2, 3\)"),
        (np.ones(4), "are wanted"),
        (np.full((2, 4), np.nan), "8 of 8 expected errors are not finite numbers from 0 on"),
        (np.array([[0, 1, np.inf, -0.1], [0, 0, 0, 0]]), "2 of 8"),
    ],
)
def test_what_is_no_expected_error_never_becomes_a_score(
    expected: NDArray[np.float64], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        checked_expected(expected, 4)
