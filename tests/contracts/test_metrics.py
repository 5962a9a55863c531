"""What every row of the error family promises."""

import numpy as np
import pytest

from thermodepth.metrics import ERRORS, METRICS, ErrorRow, Groups, PixelErrors

EVERY_METRIC = pytest.mark.parametrize("row", ERRORS.values(), ids=ERRORS)


def score(row: ErrorRow, prediction: np.ndarray, truth: np.ndarray) -> float:
    """One metric over all pixels."""
    return float(row.compute(PixelErrors(prediction, truth))[0])


# Worked on paper for d = 1, 2, 4, 10 and p = 1.2, 2.8, 7, 20 (ratios 1.2, 1.4, 1.75, 2;
# their logarithms 0.182322, 0.336472, 0.559616, 0.693147).
TRUTH = np.array([1.0, 2.0, 4.0, 10.0])
PREDICTION = np.array([1.2, 2.8, 7.0, 20.0])
BY_HAND = {
    "abs_rel": 0.5875,
    "sq_rel": 3.1525,
    "sq_rel_kitti": 0.440625,  # (.04 + .16 + .5625 + 1) / 4
    "log_bias": 0.442889,
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
    "sq_rel_kitti": lambda p, d: np.dot(p / d - 1, p / d - 1) / len(d),
    "log_bias": lambda p, d: np.log(np.prod((p / d) ** (1 / len(d)))),
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
    assert set(BY_HAND) == set(ERRORS)
    assert set(ORACLES) == set(ERRORS)


@EVERY_METRIC
def test_the_row_describes_itself(row: ErrorRow):
    assert METRICS[row.name] is row
    assert row.name.isidentifier()
    assert row.name.islower()
    assert row.better in ("lower", "higher", "closer")
    assert row.digits >= 1
    assert row.least_pixels >= 1
    for text in (row.label, row.definition, row.source):
        assert text == text.strip() != ""
        assert "\n" not in text


def test_labels_are_told_apart():
    assert len({row.label for row in METRICS.values()}) == len(METRICS)


@EVERY_METRIC
def test_hand_value(row: ErrorRow):
    assert score(row, PREDICTION, TRUTH) == pytest.approx(BY_HAND[row.name], rel=5e-6)


@EVERY_METRIC
@pytest.mark.parametrize("error", [0.01, 0.2, 1.5])
def test_oracle(row: ErrorRow, error: float):
    prediction, truth = frame(1, error=error)
    assert score(row, prediction, truth) == pytest.approx(
        ORACLES[row.name](prediction, truth), rel=1e-10
    )


@EVERY_METRIC
def test_a_perfect_prediction_gives_the_optimum_exactly(row: ErrorRow):
    _, truth = frame(2, error=0.0)
    assert score(row, truth.copy(), truth) == row.optimum


@EVERY_METRIC
def test_the_order_of_pixels_does_not_matter(row: ErrorRow):
    prediction, truth = frame(3, error=0.3)
    order = np.random.default_rng(0).permutation(truth.size)
    value = score(row, prediction, truth)
    assert score(row, prediction[order], truth[order]) == pytest.approx(value, rel=1e-12)


@EVERY_METRIC
def test_the_arrays_are_left_as_they_were(row: ErrorRow):
    prediction, truth = frame(4, error=0.3)
    before = prediction.copy(), truth.copy()
    score(row, prediction, truth)
    np.testing.assert_array_equal(prediction, before[0])
    np.testing.assert_array_equal(truth, before[1])


@EVERY_METRIC
def test_half_precision_is_scored_in_double(row: ErrorRow):
    # 40 000 squared, or summed, overflows float16.
    prediction, truth = np.full(9, 40_000, np.float16), np.full(9, 20_000, np.float16)
    expected = score(row, prediction.astype(np.float64), truth.astype(np.float64))
    assert np.isfinite(expected)
    assert score(row, prediction, truth) == expected


@EVERY_METRIC
def test_larger_errors_move_away_from_the_optimum_in_the_declared_direction(row: ErrorRow):
    values = [score(row, *frame(5, error=error)) for error in (0.05, 0.3, 1.0)]
    sign = -1 if row.better == "higher" else 1
    near, middle, far = (sign * (value - row.optimum) for value in values)
    assert 0 <= near < middle < far


@EVERY_METRIC
def test_scale_invariance_is_declared_rightly(row: ErrorRow):
    prediction, truth = frame(6, error=0.2)
    value = score(row, prediction, truth)
    scaled = score(row, 3.7 * prediction, truth)
    assert (scaled == pytest.approx(value, rel=1e-9)) is row.scale_invariant


@EVERY_METRIC
@pytest.mark.parametrize("which", ["prediction", "truth"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_a_value_that_is_no_depth_raises_wherever_it_stands(row: ErrorRow, bad: float, which: str):
    for place in (0, 2, 3):
        arrays = {"prediction": PREDICTION.copy(), "truth": TRUTH.copy()}
        arrays[which][place] = bad
        with pytest.raises(ValueError, match=f"1 of 4 scored pixels of the {which}"):
            score(row, arrays["prediction"], arrays["truth"])


@EVERY_METRIC
def test_no_pixel_at_all_is_never_a_score(row: ErrorRow):
    assert np.isfinite(score(row, PREDICTION[: row.least_pixels], TRUTH[: row.least_pixels]))
    with pytest.raises(ValueError, match="at least 1 scored pixel"):
        score(row, PREDICTION[:0], TRUTH[:0])


@EVERY_METRIC
def test_groups_are_scored_as_if_each_stood_alone(row: ErrorRow):
    prediction, truth = frame(7, error=0.4)
    index = np.random.default_rng(1).integers(-1, 5, truth.size)  # -1: in no group
    index[index == 3] = 0  # an empty group
    groups = Groups.from_index(index, 5)
    errors = PixelErrors(prediction, truth)
    values = row.compute(errors.regrouped(groups))
    assert values.shape == groups.sizes.shape == (5,)
    assert groups.sizes.tolist() == [np.count_nonzero(index == g) for g in range(5)]
    assert np.isnan(values[3])
    for group in (0, 1, 2, 4):
        inside = index == group
        assert values[group] == pytest.approx(score(row, prediction[inside], truth[inside]))
    assert float(row.compute(errors)[0]) == score(row, prediction, truth)  # as before


@EVERY_METRIC
def test_several_partitions_at_once_are_scored_as_each_alone(row: ErrorRow):
    prediction, truth = frame(9, error=0.4, pixels=3000)
    random = np.random.default_rng(2)
    partitions = [Groups.from_index(random.integers(0, k + 1, truth.size), k) for k in (3, 1, 4)]
    errors = PixelErrors(prediction, truth)
    together = Groups.joined(partitions)
    alone = np.concatenate([row.compute(errors.regrouped(groups)) for groups in partitions])
    np.testing.assert_allclose(row.compute(errors.regrouped(together)), alone, rtol=1e-9)
    np.testing.assert_array_equal(together.sizes, np.concatenate([g.sizes for g in partitions]))


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
def test_other_shapes_raise(row: ErrorRow, prediction: np.ndarray, truth: np.ndarray):
    with pytest.raises(ValueError, match="two 1-D arrays of the same pixels"):
        score(row, prediction, truth)


def test_torchmetrics_agrees():
    import torch
    from torchmetrics import functional as reference

    prediction, truth = frame(8, error=0.3, pixels=5000)
    errors = PixelErrors(prediction, truth)
    p, d = torch.from_numpy(prediction), torch.from_numpy(truth)
    theirs = {
        "abs_rel": reference.mean_absolute_percentage_error(p, d),
        "mae": reference.mean_absolute_error(p, d),
        "rmse": reference.mean_squared_error(p, d, squared=False),
        "rmse_log": reference.mean_squared_error(p.log(), d.log(), squared=False),
        "log10": reference.mean_absolute_error(p.log10(), d.log10()),
        "sq_rel_kitti": reference.mean_squared_error(p / d, torch.ones_like(d)),
    }
    for name, value in theirs.items():
        assert float(ERRORS[name].compute(errors)[0]) == pytest.approx(float(value), rel=1e-6), name
