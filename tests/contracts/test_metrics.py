"""What every row of METRICS promises."""

import numpy as np
import pytest

from thermodepth.metrics import METRICS, MetricRow

EVERY_METRIC = pytest.mark.parametrize("row", METRICS.values(), ids=METRICS)

# Worked on paper for d = 1, 2, 4, 10 and p = 1.2, 2.8, 7, 20 (ratios 1.2, 1.4, 1.75, 2;
# their logarithms 0.182322, 0.336472, 0.559616, 0.693147).
TRUTH = np.array([1.0, 2.0, 4.0, 10.0])
PREDICTION = np.array([1.2, 2.8, 7.0, 20.0])
BY_HAND = {
    "abs_rel": 0.5875,
    "sq_rel": 3.1525,
    "rmse": 5.236411,
    "rmse_log": 0.484788,
    "silog": 19.7152,
    "delta_1": 0.25,
    "delta_2": 0.5,
    "delta_3": 0.75,
    "mae": 3.5,
    "log10": 0.192344,
}

# Written from the papers, not from the code, and in another form where there is one.
ORACLES = {
    "abs_rel": lambda p, d: sum(abs(p / d - 1)) / len(d),
    "sq_rel": lambda p, d: np.dot((p - d) ** 2, 1 / d) / len(d),
    "rmse": lambda p, d: np.linalg.norm(p - d) / len(d) ** 0.5,
    "rmse_log": lambda p, d: np.linalg.norm(np.log(p / d)) / len(d) ** 0.5,
    "silog": lambda p, d: 100 * np.log(p / d).std(ddof=0),
    "delta_1": lambda p, d: np.count_nonzero(abs(np.log(p / d)) < np.log(1.25)) / len(d),
    "delta_2": lambda p, d: np.count_nonzero(abs(np.log(p / d)) < 2 * np.log(1.25)) / len(d),
    "delta_3": lambda p, d: np.count_nonzero(abs(np.log(p / d)) < 3 * np.log(1.25)) / len(d),
    "mae": lambda p, d: np.linalg.norm(p - d, ord=1) / len(d),
    "log10": lambda p, d: np.abs(np.log10(p / d)).mean(),
}


def frame(seed: int, *, error: float, pixels: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A truth log-uniform over 0.5-60 m and a prediction off by a factor of about exp(error)."""
    random = np.random.default_rng(seed)
    truth = np.exp(random.uniform(np.log(0.5), np.log(60.0), pixels))
    return truth * np.exp(error * random.normal(0.3, 1.0, pixels)), truth


def test_every_metric_has_a_hand_value_and_an_oracle():
    assert set(BY_HAND) == set(METRICS)
    assert set(ORACLES) == set(METRICS)


@EVERY_METRIC
def test_the_row_describes_itself(row: MetricRow):
    assert METRICS[row.name] is row
    assert row.name.isidentifier()
    assert row.name.islower()
    assert row.better in ("lower", "higher")
    assert row.digits >= 1
    assert row.least_pixels >= 1
    for text in (row.label, row.definition, row.source):
        assert text == text.strip() != ""
        assert "\n" not in text


def test_labels_are_told_apart():
    assert len({row.label for row in METRICS.values()}) == len(METRICS)


@EVERY_METRIC
def test_hand_value(row: MetricRow):
    assert row.function(PREDICTION, TRUTH) == pytest.approx(BY_HAND[row.name], rel=5e-6)


@EVERY_METRIC
@pytest.mark.parametrize("error", [0.01, 0.2, 1.5])
def test_oracle(row: MetricRow, error: float):
    prediction, truth = frame(1, error=error)
    assert row.function(prediction, truth) == pytest.approx(
        ORACLES[row.name](prediction, truth), rel=1e-10
    )


@EVERY_METRIC
def test_a_plain_float_comes_back(row: MetricRow):
    assert type(row.function(PREDICTION, TRUTH)) is float


@EVERY_METRIC
def test_a_perfect_prediction_gives_the_optimum_exactly(row: MetricRow):
    _, truth = frame(2, error=0.0)
    assert row.function(truth.copy(), truth) == row.optimum


@EVERY_METRIC
def test_the_order_of_pixels_does_not_matter(row: MetricRow):
    prediction, truth = frame(3, error=0.3)
    order = np.random.default_rng(0).permutation(truth.size)
    value = row.function(prediction, truth)
    assert row.function(prediction[order], truth[order]) == pytest.approx(value, rel=1e-12)


@EVERY_METRIC
def test_the_arrays_are_left_as_they_were(row: MetricRow):
    prediction, truth = frame(4, error=0.3)
    before = prediction.copy(), truth.copy()
    row.function(prediction, truth)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(truth, before[1])


@EVERY_METRIC
def test_half_precision_is_scored_in_double(row: MetricRow):
    # 40 000 squared, or summed, overflows float16.
    prediction, truth = np.full(9, 40_000, np.float16), np.full(9, 20_000, np.float16)
    expected = row.function(prediction.astype(np.float64), truth.astype(np.float64))
    assert np.isfinite(expected)
    assert row.function(prediction, truth) == expected


@EVERY_METRIC
def test_larger_errors_move_away_from_the_optimum_in_the_declared_direction(row: MetricRow):
    values = [row.function(*frame(5, error=error)) for error in (0.05, 0.3, 1.0)]
    sign = 1 if row.better == "lower" else -1
    near, middle, far = (sign * (value - row.optimum) for value in values)
    assert 0 <= near < middle < far


@EVERY_METRIC
def test_scale_invariance_is_declared_rightly(row: MetricRow):
    prediction, truth = frame(6, error=0.2)
    value = row.function(prediction, truth)
    scaled = row.function(3.7 * prediction, truth)
    assert (scaled == pytest.approx(value, rel=1e-9)) is row.scale_invariant


@EVERY_METRIC
@pytest.mark.parametrize("which", ["prediction", "truth"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_a_value_that_is_no_depth_raises_wherever_it_stands(row: MetricRow, bad: float, which: str):
    for place in (0, 2, 3):
        arrays = {"prediction": PREDICTION.copy(), "truth": TRUTH.copy()}
        arrays[which][place] = bad
        with pytest.raises(ValueError, match=f"1 of 4 scored pixels of the {which}"):
            row.function(arrays["prediction"], arrays["truth"])


@EVERY_METRIC
def test_too_few_pixels_are_never_a_score(row: MetricRow):
    assert np.isfinite(row.function(PREDICTION[: row.least_pixels], TRUTH[: row.least_pixels]))
    few = slice(0, row.least_pixels - 1)
    with pytest.raises(ValueError, match=f"at least {row.least_pixels} scored pixels"):
        row.function(PREDICTION[few], TRUTH[few])


@EVERY_METRIC
@pytest.mark.parametrize(
    ("prediction", "truth"),
    [
        (PREDICTION, TRUTH[:3]),
        (PREDICTION[:1], TRUTH),  # would broadcast
        (PREDICTION.reshape(2, 2), TRUTH.reshape(2, 2)),
    ],
    ids=["lengths differ", "one value", "a map"],
)
def test_other_shapes_raise(row: MetricRow, prediction: np.ndarray, truth: np.ndarray):
    with pytest.raises(ValueError, match="two 1-D arrays of the same pixels"):
        row.function(prediction, truth)
