"""What every row of the error family promises."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from thermodepth.contracts import Contract
from thermodepth.contracts.metrics import METRIC_CONTRACTS, pixels, score
from thermodepth.metrics import ERRORS, ErrorRow, PixelErrors

EVERY_METRIC = pytest.mark.parametrize("row", ERRORS.values(), ids=ERRORS)


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
ORACLES: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
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


@EVERY_METRIC
@pytest.mark.parametrize("contract", METRIC_CONTRACTS, ids=lambda contract: contract.name)
def test_a_row_keeps_the_contract(row: ErrorRow, contract: Contract[ErrorRow]) -> None:
    assert contract.applies(row)
    contract.check(row)


def test_every_metric_has_a_hand_value_and_an_oracle() -> None:
    assert set(BY_HAND) == set(ERRORS)
    assert set(ORACLES) == set(ERRORS)


@EVERY_METRIC
def test_hand_value(row: ErrorRow) -> None:
    assert score(row, PREDICTION, TRUTH) == pytest.approx(BY_HAND[row.name], rel=5e-6)


@EVERY_METRIC
@pytest.mark.parametrize("error", [0.01, 0.2, 1.5])
def test_oracle(row: ErrorRow, error: float) -> None:
    prediction, truth = pixels(1, error=error)
    assert score(row, prediction, truth) == pytest.approx(
        ORACLES[row.name](prediction, truth), rel=1e-10
    )


@EVERY_METRIC
@pytest.mark.parametrize("which", ["prediction", "truth"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_a_value_that_is_no_depth_raises_wherever_it_stands(
    row: ErrorRow, bad: float, which: str
) -> None:
    for place in (0, 2, 3):
        arrays = {"prediction": PREDICTION.copy(), "truth": TRUTH.copy()}
        arrays[which][place] = bad
        with pytest.raises(ValueError, match=f"1 of 4 scored pixels of the {which}"):
            score(row, arrays["prediction"], arrays["truth"])


@EVERY_METRIC
def test_no_pixel_at_all_is_never_a_score(row: ErrorRow) -> None:
    assert np.isfinite(score(row, PREDICTION[: row.least_pixels], TRUTH[: row.least_pixels]))
    with pytest.raises(ValueError, match="at least 1 scored pixel"):
        score(row, PREDICTION[:0], TRUTH[:0])


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
def test_other_shapes_raise(row: ErrorRow, prediction: np.ndarray, truth: np.ndarray) -> None:
    with pytest.raises(ValueError, match="two 1-D arrays of the same pixels"):
        score(row, prediction, truth)


def test_torchmetrics_agrees() -> None:
    import torch
    from torchmetrics import functional as reference

    prediction, truth = pixels(8, error=0.3, count=5000)
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
