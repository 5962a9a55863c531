"""What every metric of the error family promises: one that sees pixels in any order, in groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from thermodepth.contracts.contract import Contract, require
from thermodepth.metrics import METRICS, ErrorRow, Groups, MetricRow, PixelErrors

Array = NDArray[np.float64]


def score(row: ErrorRow, prediction: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """The metric over all pixels `[n]`."""
    return float(row.compute(PixelErrors(prediction, truth))[0])


def pixels(seed: int, *, error: float, count: int = 400) -> tuple[Array, Array]:
    """A truth log-uniform over 0.5 to 60 m and a prediction off by a factor of about exp(error), `[n]`."""
    random = np.random.default_rng(seed)
    truth = np.exp(random.uniform(np.log(0.5), np.log(60.0), count))
    return truth * np.exp(error * random.normal(0.3, 1.0, count)), truth


def close(value: float, other: float, *, relative: float, absolute: float = 1e-12) -> bool:
    """Whether two values are the same but for the order of sums."""
    return abs(value - other) <= max(relative * abs(other), absolute)


def described(row: MetricRow) -> None:
    """Whether the row says what a table needs."""
    require(METRICS.get(row.name) is row, f"{row.name} is not in METRICS")
    require(
        row.name.isidentifier() and row.name.islower(), f"name '{row.name}', expected a-z, 0-9, _"
    )
    require(row.better in ("lower", "higher", "closer"), f"better = {row.better!r}")
    require(row.digits >= 1 and row.least_pixels >= 1, "digits and least_pixels are at least 1")
    require(np.isfinite(row.optimum), f"optimum = {row.optimum}")
    same = [other.name for other in METRICS.values() if other.label == row.label]
    require(same == [row.name], f"its label '{row.label}' is that of {', '.join(same)}")
    for name in ("label", "definition", "source"):
        text = getattr(row, name)
        require(
            text == text.strip() != "" and "\n" not in text, f"{name} = {text!r}, expected a line"
        )


def describes_itself(row: ErrorRow) -> None:
    """Name, label, unit, digits, direction, definition and source are all there, the label its own."""
    described(row)


def perfect_prediction_gives_the_optimum(row: ErrorRow) -> None:
    """A perfect prediction gives its optimum exactly."""
    _, truth = pixels(2, error=0.0)
    value = score(row, truth.copy(), truth)
    require(value == row.optimum, f"{value} for a perfect prediction, expected {row.optimum}")


def order_of_pixels_does_not_matter(row: ErrorRow) -> None:
    """The order of the pixels changes nothing."""
    prediction, truth = pixels(3, error=0.3)
    order = np.random.default_rng(0).permutation(truth.size)
    value, other = score(row, prediction, truth), score(row, prediction[order], truth[order])
    require(close(other, value, relative=1e-12), f"{value} becomes {other} in another order")


def arrays_are_left_alone(row: ErrorRow) -> None:
    """Prediction and truth are not written to."""
    prediction, truth = pixels(4, error=0.3)
    before = prediction.copy(), truth.copy()
    score(row, prediction, truth)
    require(
        np.array_equal(prediction, before[0]) and np.array_equal(truth, before[1]),
        "prediction or truth are other values afterwards",
    )


def half_precision_is_scored_in_double(row: ErrorRow) -> None:
    """Depths in float16 are scored as in float64."""
    # 40 000 squared, or summed, overflows float16.
    prediction, truth = np.full(9, 40_000, np.float16), np.full(9, 20_000, np.float16)
    expected = score(row, prediction.astype(np.float64), truth.astype(np.float64))
    value = score(row, prediction, truth)
    require(np.isfinite(expected), f"{expected} for 40 and 20 km")
    require(value == expected, f"{value} in float16, {expected} in float64")


def larger_errors_are_worse(row: ErrorRow) -> None:
    """Larger errors move it away from the optimum, in the direction that it declares."""
    values = [score(row, *pixels(5, error=error)) for error in (0.05, 0.3, 1.0)]
    sign = -1 if row.better == "higher" else 1
    near, middle, far = (sign * (value - row.optimum) for value in values)
    require(
        0 <= near < middle < far,
        f"{values} for errors that grow, with better = {row.better} and optimum {row.optimum}",
    )


def scale_invariance_is_declared_rightly(row: ErrorRow) -> None:
    """It forgives a common factor if, and only if, it says so."""
    prediction, truth = pixels(6, error=0.2)
    value, scaled = score(row, prediction, truth), score(row, 3.7 * prediction, truth)
    forgives = close(scaled, value, relative=1e-9)
    require(
        forgives is row.scale_invariant,
        f"{value} becomes {scaled} times 3.7, with scale_invariant = {row.scale_invariant}",
    )


def groups_are_scored_as_if_alone(row: ErrorRow) -> None:
    """A group of pixels has the value that it has alone, an empty one NaN, however many there are."""
    prediction, truth = pixels(7, error=0.4)
    index = np.random.default_rng(1).integers(-1, 5, truth.size)  # -1: in no group
    index[index == 3] = 0  # an empty group
    errors = PixelErrors(prediction, truth)
    values = row.compute(errors.regrouped(Groups.from_index(index, 5)))
    require(values.shape == (5,), f"{list(values.shape)} for 5 groups, expected [5]")
    require(np.isnan(values[3]), f"{values[3]} for an empty group, expected NaN")
    for group in (0, 1, 2, 4):
        inside = index == group
        alone = score(row, prediction[inside], truth[inside])
        require(
            close(values[group], alone, relative=1e-6), f"{values[group]} as a group, {alone} alone"
        )
    require(
        float(row.compute(errors)[0]) == score(row, prediction, truth),
        "groups change what comes after them",
    )


def partitions_are_scored_as_if_alone(row: ErrorRow) -> None:
    """Several partitions at once give what each gives alone."""
    prediction, truth = pixels(9, error=0.4, count=3000)
    random = np.random.default_rng(2)
    partitions = [Groups.from_index(random.integers(0, k + 1, truth.size), k) for k in (3, 1, 4)]
    errors = PixelErrors(prediction, truth)
    alone = np.concatenate([row.compute(errors.regrouped(groups)) for groups in partitions])
    values = row.compute(errors.regrouped(Groups.joined(partitions)))
    require(np.allclose(values, alone, rtol=1e-9, atol=0), f"{values} at once, {alone} alone")


METRIC_CONTRACTS: tuple[Contract[ErrorRow], ...] = (
    Contract(describes_itself),
    Contract(perfect_prediction_gives_the_optimum),
    Contract(order_of_pixels_does_not_matter),
    Contract(arrays_are_left_alone),
    Contract(half_precision_is_scored_in_double),
    Contract(larger_errors_are_worse),
    Contract(scale_invariance_is_declared_rightly),
    Contract(groups_are_scored_as_if_alone),
    Contract(partitions_are_scored_as_if_alone),
)
