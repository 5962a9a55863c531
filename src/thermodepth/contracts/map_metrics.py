"""What every family of metrics that looks at a map as a picture promises, and every row in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from thermodepth.contracts.contract import Contract, require
from thermodepth.contracts.metrics import close, described
from thermodepth.metrics import MapFamily, Measured, TruthMap

Array = NDArray[np.float64]

SIZE = (96, 128)
CAMERA = np.array([[110.0, 0.0, 64.0], [0.0, 112.0, 47.0], [0.0, 0.0, 1.0]])


def room() -> Array:
    """`[h w]` metres: a floor, a bent wall and three boxes, nothing of it exactly flat."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    depth = np.minimum(14.0 + 2.0 * np.sin(x / 19.0), 112.0 * 1.6 / np.maximum(y - 47.0, 0.5))
    for top, left, side, metres in ((20, 10, 30, 4.0), (40, 60, 25, 2.6), (10, 90, 30, 8.0)):
        box = np.s_[top : top + side, left : left + side]
        depth[box] = metres + 0.01 * (x + 0.5 * y)[box]
    noisy: Array = depth * np.exp(1e-3 * np.random.default_rng(0).normal(size=SIZE))
    return noisy


def _holes() -> NDArray[np.bool_]:
    valid = np.random.default_rng(1).random(SIZE) > 0.01
    valid[:12] = False
    valid[50:60, 30:50] = False
    return valid


#: Where truths have values.
TRUTHS: dict[str, Callable[[], NDArray[np.bool_]]] = {
    "dense": lambda: np.ones(SIZE, np.bool_),
    "holes": _holes,
    "sparse": lambda: np.random.default_rng(2).random(SIZE) < 0.08,
}


def truth_map(which: str) -> TruthMap:
    """The room, where this truth has values."""
    depth = np.where(TRUTHS[which](), room(), np.nan)
    return TruthMap(sample_id="room", depth_m=depth, intrinsics=CAMERA)


def _blurred(depth: Array) -> Array:
    padded = np.pad(depth, 2, mode="edge")
    windows = [padded[i : i + SIZE[0], j : j + SIZE[1]] for i in range(5) for j in range(5)]
    return np.asarray(np.mean(windows, axis=0))


@cache
def _predictions() -> dict[str, Array]:
    noise = np.random.default_rng(3).normal(size=SIZE)
    return {
        "perfect": room(),
        "constant": np.full(SIZE, 7.3),
        "noisy": room() * np.exp(0.1 * noise),
        "blurred": _blurred(room()),
        "far from it": np.exp(noise),
    }


def predictions() -> dict[str, Array]:
    """Maps of the room, from perfect to far from it; copies."""
    return {name: values.copy() for name, values in _predictions().items()}


def rows_describe_themselves(family: MapFamily) -> None:
    """Each row has name, label, unit, digits, direction, definition and source, the label its own."""
    require(family.rows, "the family has no rows")
    for row in family.rows:
        described(row)
        require(row.unit == row.unit.strip(), f"{row.name}: unit = {row.unit!r}")


def every_row_measures_a_dense_frame(family: MapFamily) -> None:
    """On a dense frame of a known camera every row has a value, and nothing else has."""
    names = set(family.measure(room(), truth_map("dense")))
    require(names == {row.name for row in family.rows}, f"measured {sorted(names)}")


def values_are_finite_over_enough_pixels(family: MapFamily) -> None:
    """What comes back are `Measured`: finite floats over at least `least_pixels`."""
    least = {row.name: row.least_pixels for row in family.rows}
    for which in TRUTHS:
        for prediction in predictions().values():
            for name, measured in family.measure(prediction, truth_map(which)).items():
                ours = isinstance(measured, Measured)
                require(ours and type(measured.value) is float, f"{name}: {measured!r}")
                require(
                    type(measured.count) is int,
                    f"{name}: count {measured.count!r}, expected an int",
                )
                require(np.isfinite(measured.value), f"{name}: {measured.value} on {which} truth")
                require(measured.count >= least[name], f"{name}: over {measured.count} pixels")


def perfect_prediction_gives_the_optimum(family: MapFamily) -> None:
    """A perfect prediction gives each row's optimum exactly."""
    optimum = {row.name: row.optimum for row in family.rows}
    for which in TRUTHS:
        for name, measured in family.measure(room(), truth_map(which)).items():
            value = measured.value
            require(
                value == optimum[name], f"{name}: {value} for a perfect prediction of {which} truth"
            )


def bad_predictions_are_on_the_declared_side(family: MapFamily) -> None:
    """A bad prediction is on the side of the optimum that `better` says."""
    for row in family.rows:
        values = [
            family.measure(predictions()[kind], truth_map("dense"))[row.name].value
            for kind in ("constant", "noisy", "far from it")
        ]
        holds = {
            "lower": max(values) > min(values) >= row.optimum,
            "higher": min(values) < max(values) <= row.optimum,
            "closer": any(value != row.optimum for value in values),
        }[row.better]
        require(holds, f"{row.name}: {values} with better = {row.better}, optimum {row.optimum}")


def scale_invariance_is_declared_rightly(family: MapFamily) -> None:
    """A row forgives a common factor if, and only if, it says so."""
    prediction, truth = predictions()["noisy"], truth_map("dense")
    plain, scaled = family.measure(prediction, truth), family.measure(3.7 * prediction, truth)
    for row in family.rows:
        value, other = plain[row.name].value, scaled[row.name].value
        require(
            close(other, value, relative=1e-9) is row.scale_invariant,
            f"{row.name}: {value} becomes {other} times 3.7, with scale_invariant = {row.scale_invariant}",
        )


def pixels_without_truth_change_nothing(family: MapFamily) -> None:
    """What the map says where there is no truth changes nothing."""
    for which in TRUTHS:
        for junk_m in (1e-6, 1.0, 1e6):
            truth, prediction = truth_map(which), predictions()["noisy"]
            elsewhere = np.where(truth.valid, prediction, junk_m)
            require(
                family.measure(elsewhere, truth) == family.measure(prediction, truth),
                f"{junk_m:g} m where {which} truth has no value changes a value",
            )


def counts_depend_on_the_truth_alone(family: MapFamily) -> None:
    """What is measured, and over how many pixels, is the same for every prediction."""
    for which in TRUTHS:
        truth = truth_map(which)
        counts = [
            {name: measured.count for name, measured in family.measure(prediction, truth).items()}
            for prediction in predictions().values()
        ]
        require(all(c == counts[0] for c in counts), f"{which} truth: {counts}")


def earlier_predictions_change_nothing(family: MapFamily) -> None:
    """What was measured before on the same truth changes nothing."""
    for which in TRUTHS:
        prediction, used = predictions()["noisy"], truth_map(which)
        first = family.measure(prediction, used)
        family.measure(predictions()["far from it"], used)
        same = (
            first
            == family.measure(prediction, used)
            == family.measure(prediction, truth_map(which))
        )
        require(same, f"{which} truth: another value after another prediction")


def arrays_are_left_alone(family: MapFamily) -> None:
    """Prediction, truth and camera are not written to."""
    truth, prediction, camera = truth_map("holes"), predictions()["noisy"], CAMERA.copy()
    family.measure(prediction, truth)
    same = np.array_equal(prediction, predictions()["noisy"]) and np.array_equal(camera, CAMERA)
    same &= np.array_equal(truth.depth_m, truth_map("holes").depth_m, equal_nan=True)
    require(same, "prediction, truth or camera are other values afterwards")


def little_frames_give_numbers_or_nothing(family: MapFamily) -> None:
    """A frame with next to nothing in it gives finite numbers or none; without truth none."""
    for size in ((1, 1), (1, 40), (40, 1), (2, 2), (24, 32)):
        for known in ("none", "one", "all"):
            # Constant depth, so that no boundary, no step and no slope is there to divide by.
            depth = np.full(size, 6.0 if known == "all" else np.nan)
            if known == "one":
                depth[-1, -1] = 6.0
            truth = TruthMap(sample_id="little", depth_m=depth, intrinsics=CAMERA)
            random = np.random.default_rng(0)
            for prediction in (np.full(size, 6.0), np.exp(random.normal(size=size))):
                measured = family.measure(prediction, truth)
                names = {row.name for row in family.rows}
                require(set(measured) <= names, f"measured {sorted(measured)}")
                finite = all(np.isfinite(each.value) for each in measured.values())
                require(finite, f"{measured} on {size[0]}x{size[1]}, truth at {known}")
                require(known != "none" or not measured, f"{measured} without any truth")


MAP_METRIC_CONTRACTS: tuple[Contract[MapFamily], ...] = (
    Contract(rows_describe_themselves),
    Contract(every_row_measures_a_dense_frame),
    Contract(values_are_finite_over_enough_pixels),
    Contract(perfect_prediction_gives_the_optimum),
    Contract(bad_predictions_are_on_the_declared_side),
    Contract(scale_invariance_is_declared_rightly),
    Contract(pixels_without_truth_change_nothing),
    Contract(counts_depend_on_the_truth_alone),
    Contract(earlier_predictions_change_nothing),
    Contract(arrays_are_left_alone),
    Contract(little_frames_give_numbers_or_nothing),
)
