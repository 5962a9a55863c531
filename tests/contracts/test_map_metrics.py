"""What every family that looks at a map as a picture promises, and every row in it."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.metrics import MAP_FAMILIES, METRICS, MapFamily, Measured, MetricRow, TruthMap

Array = NDArray[np.float64]

ROWS = [(family, row) for family in MAP_FAMILIES for row in family.rows]
EVERY_FAMILY = pytest.mark.parametrize("family", MAP_FAMILIES, ids=lambda family: family.name)
EVERY_ROW = pytest.mark.parametrize(("family", "row"), ROWS, ids=[row.name for _, row in ROWS])

SIZE = (96, 128)
CAMERA = np.array([[110.0, 0.0, 64.0], [0.0, 112.0, 47.0], [0.0, 0.0, 1.0]])


def room() -> Array:
    """[h w] metres: a floor, a bent wall and three boxes, nothing of it exactly flat."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    depth = np.minimum(14.0 + 2.0 * np.sin(x / 19.0), 112.0 * 1.6 / np.maximum(y - 47.0, 0.5))
    for top, left, side, metres in ((20, 10, 30, 4.0), (40, 60, 25, 2.6), (10, 90, 30, 8.0)):
        box = np.s_[top : top + side, left : left + side]
        depth[box] = metres + 0.01 * (x + 0.5 * y)[box]
    return depth * np.exp(1e-3 * np.random.default_rng(0).normal(size=SIZE))


def holes() -> NDArray[np.bool_]:
    known = np.random.default_rng(1).random(SIZE) > 0.01
    known[:12] = False
    known[50:60, 30:50] = False
    return known


KNOWN: dict[str, Callable[[], NDArray[np.bool_]]] = {
    "dense": lambda: np.ones(SIZE, np.bool_),
    "holes": holes,
    "sparse": lambda: np.random.default_rng(2).random(SIZE) < 0.08,
}
EVERY_TRUTH = pytest.mark.parametrize("which", KNOWN)


def truth_map(which: str) -> TruthMap:
    depth = np.where(KNOWN[which](), room(), np.nan)
    return TruthMap(sample_id="room", depth_m=depth, intrinsics=CAMERA)


def blurred(depth: Array) -> Array:
    padded = np.pad(depth, 2, mode="edge")
    return np.mean(
        [padded[i : i + SIZE[0], j : j + SIZE[1]] for i in range(5) for j in range(5)], axis=0
    )


def predictions() -> dict[str, Array]:
    noise = np.random.default_rng(3).normal(size=SIZE)
    return {
        "perfect": room(),
        "constant": np.full(SIZE, 7.3),
        "noisy": room() * np.exp(0.1 * noise),
        "blurred": blurred(room()),
        "far from it": np.exp(noise),
    }


def test_the_table_is_rich_enough_to_need_this():
    assert len({family.name for family in MAP_FAMILIES}) == len(MAP_FAMILIES)
    assert all(family.rows for family in MAP_FAMILIES)


@EVERY_ROW
def test_the_row_describes_itself(family: MapFamily, row: MetricRow):
    assert row in family.rows
    assert METRICS[row.name] is row
    assert row.name.isidentifier()
    assert row.name == row.name.lower()
    assert [other.label for other in METRICS.values()].count(row.label) == 1
    assert row.digits >= 1
    assert row.least_pixels >= 1
    assert np.isfinite(row.optimum)
    for text in (row.label, row.definition, row.source):
        assert text == text.strip() != ""
        assert "\n" not in text
    assert row.unit == row.unit.strip()


@EVERY_FAMILY
def test_a_dense_frame_of_a_known_camera_is_measured_by_every_row(family: MapFamily):
    assert set(family.measure(room(), truth_map("dense"))) == {row.name for row in family.rows}


@EVERY_FAMILY
@EVERY_TRUTH
def test_what_comes_back_are_finite_floats_over_enough_pixels(family: MapFamily, which: str):
    least = {row.name: row.least_pixels for row in family.rows}
    for prediction in predictions().values():
        for name, measured in family.measure(prediction, truth_map(which)).items():
            assert isinstance(measured, Measured)
            assert type(measured.value) is float
            assert type(measured.count) is int
            assert np.isfinite(measured.value)
            assert measured.count >= least[name]


@EVERY_FAMILY
@EVERY_TRUTH
def test_a_perfect_prediction_gives_the_optimum(family: MapFamily, which: str):
    optimum = {row.name: row.optimum for row in family.rows}
    measured = family.measure(room(), truth_map(which))
    assert {name: result.value for name, result in measured.items()} == {
        name: optimum[name] for name in measured
    }


@EVERY_ROW
def test_a_bad_prediction_is_on_the_declared_side_of_the_optimum(family: MapFamily, row: MetricRow):
    values = [
        family.measure(predictions()[kind], truth_map("dense"))[row.name].value
        for kind in ("constant", "noisy", "far from it")
    ]
    if row.better == "lower":
        assert max(values) > min(values) >= row.optimum
    elif row.better == "higher":
        assert min(values) < max(values) <= row.optimum
    else:
        assert any(value != row.optimum for value in values)


@EVERY_ROW
def test_scale_invariance_is_declared_rightly(family: MapFamily, row: MetricRow):
    prediction, truth = predictions()["noisy"], truth_map("dense")
    value = family.measure(prediction, truth)[row.name].value
    scaled = family.measure(3.7 * prediction, truth)[row.name].value
    assert (scaled == pytest.approx(value, rel=1e-9, abs=1e-12)) is row.scale_invariant


@EVERY_FAMILY
@EVERY_TRUTH
@pytest.mark.parametrize("junk_m", [1e-6, 1.0, 1e6])
def test_what_is_said_where_there_is_no_truth_changes_nothing(
    family: MapFamily, which: str, junk_m: float
):
    truth = truth_map(which)
    prediction = predictions()["noisy"]
    elsewhere = np.where(truth.valid, prediction, junk_m)
    assert family.measure(elsewhere, truth) == family.measure(prediction, truth)


@EVERY_FAMILY
@EVERY_TRUTH
def test_what_is_measured_and_how_often_depends_on_the_truth_alone(family: MapFamily, which: str):
    truth = truth_map(which)
    counts = [
        {name: measured.count for name, measured in family.measure(prediction, truth).items()}
        for prediction in predictions().values()
    ]
    assert all(other == counts[0] for other in counts)


@EVERY_FAMILY
@EVERY_TRUTH
def test_the_same_is_answered_whoever_was_measured_before(family: MapFamily, which: str):
    prediction, used = predictions()["noisy"], truth_map(which)
    first = family.measure(prediction, used)
    family.measure(predictions()["far from it"], used)
    assert family.measure(prediction, used) == first
    assert family.measure(prediction, truth_map(which)) == first


@EVERY_FAMILY
def test_the_arrays_are_left_as_they_were(family: MapFamily):
    truth, prediction = truth_map("holes"), predictions()["noisy"]
    camera = CAMERA.copy()
    family.measure(prediction, truth)
    np.testing.assert_array_equal(prediction, predictions()["noisy"])
    np.testing.assert_array_equal(truth.depth_m, truth_map("holes").depth_m)
    np.testing.assert_array_equal(camera, CAMERA)


@EVERY_FAMILY
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2), (24, 32)])
@pytest.mark.parametrize("known", ["none", "one", "all"])
def test_a_frame_with_next_to_nothing_in_it_gives_numbers_or_nothing(
    family: MapFamily, size: tuple[int, int], known: str
):
    # Constant depth, so that no boundary, no step and no slope is there to divide by.
    depth = np.full(size, 6.0 if known == "all" else np.nan)
    if known == "one":
        depth[-1, -1] = 6.0
    truth = TruthMap(sample_id="little", depth_m=depth, intrinsics=CAMERA)
    random = np.random.default_rng(0)
    for prediction in (np.full(size, 6.0), np.exp(random.normal(size=size))):
        measured = family.measure(prediction, truth)
        assert set(measured) <= {row.name for row in family.rows}
        assert all(np.isfinite(result.value) for result in measured.values())
        assert known != "none" or not measured
