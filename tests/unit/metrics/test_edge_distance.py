"""Edges: Canny, a distance transform and the authors' formula written out, and lines worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.feature import canny

from thermodepth.metrics import TruthMap
from thermodepth.metrics.edge_distance import EDGE_DISTANCE

Array = NDArray[np.float64]
NAMES = ("edge_accuracy_px", "edge_completeness_px", "edge_density_ratio")


def measure(prediction: Array, depth: Array) -> tuple[tuple[float, ...], int]:
    """The three values and their one count."""
    result = EDGE_DISTANCE.measure(prediction, TruthMap(sample_id="a", depth_m=depth))
    (count,) = {measured.count for measured in result.values()}
    return tuple(result[name].value for name in NAMES), count


def measured(depth: Array) -> bool:
    truth = TruthMap(sample_id="a", depth_m=depth)
    return bool(EDGE_DISTANCE.measure(np.ones_like(depth), truth))


def as_the_authors(prediction: Array, depth: Array) -> tuple[float, float, float]:
    """Their script's formula, on ln depth and behind a mask."""
    true, predicted = (
        canny(np.log(m), np.sqrt(2), 0.15, 0.3, mask=~np.isnan(depth)) for m in (depth, prediction)
    )
    d_gt = distance_transform_edt(1 - true)
    d_est = distance_transform_edt(1 - predicted)
    near = predicted * (d_gt < 10)
    accuracy = np.sum(d_gt * near) / np.sum(near)
    both = np.minimum(d_gt * predicted, 10) + np.minimum(d_est * true, 10)
    completeness = np.sum(both) / (np.sum(predicted) + np.sum(true))
    return accuracy, completeness, predicted.sum() / true.sum()


def scene(seed: int = 0) -> Array:
    """Cut-off hills: edges of all directions and heights, none of them exactly straight."""
    random = np.random.default_rng(seed)
    hills = gaussian_filter(random.normal(size=(80, 100)), 6)
    depth = 6.0 * np.exp(0.8 * (hills > 0.02) + 0.3 * (hills > 0.05) + hills)
    scattered: Array = depth * np.exp(0.002 * random.normal(size=depth.shape))
    return scattered


def line(at: int, *, metres: tuple[float, float] = (3.0, 6.0), columns: int = 60) -> Array:
    """A step to the right of a column which lies half-way in ln depth: one column of edge pixels."""
    depth = np.full((60, columns), metres[0])
    depth[:, at] = np.sqrt(metres[0] * metres[1])
    depth[:, at + 1 :] = metres[1]
    return depth


@pytest.mark.parametrize("with_holes", [False, True])
def test_the_authors_formula_gives_the_same(with_holes: bool) -> None:
    depth = scene()
    prediction = np.roll(depth, (1, 2), (0, 1)) * np.exp(0.1 * scene(1))
    if with_holes:
        depth[20:30, 40:55] = np.nan
        depth[np.random.default_rng(2).random(depth.shape) < 0.01] = np.nan
    values, _ = measure(prediction, depth)
    assert 0.5 < values[1] < 10.0
    assert values == pytest.approx(as_the_authors(prediction, depth), rel=1e-12)


@pytest.mark.parametrize("off", [1, 3, 9])
def test_a_line_that_is_off_by_so_many_pixels(off: int) -> None:
    # 58 of 60 rows: an edge needs a neighbour on every side.
    assert measure(line(20 + off), line(20)) == ((off, off, 1.0), 58)


@pytest.mark.parametrize("off", [10, 25])
def test_beyond_ten_pixels_an_edge_is_simply_missing(off: int) -> None:
    assert measure(line(20 + off), line(20)) == ((10.0, 10.0, 1.0), 58)


def test_one_line_too_many() -> None:
    # The true line is found at 0 px; the second, 6 px away, is one of three lots of 58 pixels.
    prediction = line(20) * line(26)
    assert measure(prediction, line(20)) == ((3.0, 2.0, 2.0), 58)


def test_one_line_too_few_is_seen_by_completeness_and_density_alone() -> None:
    depth = line(20) * line(26)
    assert measure(line(20), depth) == ((0.0, 2.0, 0.5), 2 * 58)


def test_a_map_without_edges_gets_the_worst_values_rather_than_no_row() -> None:
    assert measure(np.full((60, 60), 4.0), line(20)) == ((10.0, 10.0, 0.0), 58)


def test_an_edge_starts_at_a_step_of_sixteen_per_cent() -> None:
    sharp = np.ones((60, 60))
    for step, is_edge in ((1.160, False), (1.1625, True)):
        sharp[:, 30:] = step
        assert measured(sharp) is is_edge
        assert measured(sharp.T) is is_edge
    y, x = np.mgrid[:60, :60]
    for step, is_edge in ((1.159, False), (1.162, True)):
        assert measured(np.where(x + y > 60, step, 1.0)) is is_edge


def test_an_edge_goes_on_down_to_a_step_of_eight_per_cent() -> None:
    # The step shrinks by 0.001 in ln depth per row from 0.3 on: 225 rows are above 0.0747.
    depth = np.ones((300, 40))
    depth[:, 20:] = np.exp(0.3 - 0.001 * np.arange(300))[:, None]
    _, count = measure(depth, depth)
    assert count == pytest.approx(225, abs=2)


def test_a_slope_starts_an_edge_where_it_exceeds_a_thirtieth_or_so_per_pixel() -> None:
    x = np.arange(160.0) - 80.0
    for slope, is_edge in ((0.036, False), (0.039, True)):
        wave = 40.0 * slope * np.tanh(x / 40.0) * np.ones((60, 1))
        assert measured(np.exp(wave)) is is_edge


@pytest.mark.parametrize("scale", [1 / 3, 0.7, 3.0, 1e3])
def test_scale_is_no_matter_even_where_both_sides_of_a_step_answer_alike(scale: float) -> None:
    boxes = np.full((80, 80), 11.0)
    boxes[10:40, 20:50], boxes[30:70, 35:75] = 3.0, 7.0
    assert measure(scale * boxes, boxes)[0] == (0.0, 0.0, 1.0)
    assert measure(scale * scene(1), scene()) == measure(scene(1), scene())


def test_junk_under_a_hole_is_not_looked_at() -> None:
    depth = scene()
    depth[30:50, 30:60] = np.nan
    prediction = scene(1)
    junk = np.where(np.isnan(depth), 1e300, prediction)
    assert measure(junk, depth) == measure(prediction, depth)


def test_the_rim_of_a_hole_is_no_edge() -> None:
    depth = line(20)
    depth[20:40, 40:55] = np.nan
    assert measure(line(20), depth) == ((0.0, 0.0, 1.0), 58)


def test_fifty_edge_pixels_are_needed() -> None:
    assert not measured(line(20)[:51])
    assert measured(line(20)[:52])


def test_sparse_truth_is_not_measured() -> None:
    depth = scene()
    depth[np.random.default_rng(0).random(depth.shape) > 0.3] = np.nan
    assert not measured(depth)


def test_a_smooth_map_gains_accuracy_and_pays_in_density_and_completeness() -> None:
    depth = scene()
    values = [measure(gaussian_filter(depth, s), depth)[0] for s in (0.5, 3.0, 6.0)]
    densities = [value[2] for value in values]
    completenesses = [value[1] for value in values]
    assert densities[0] > densities[1] > densities[2]
    assert completenesses[0] < completenesses[1] < completenesses[2]


def test_one_far_pixel_does_not_hide_the_other_edges() -> None:
    depth, far = scene(), scene()
    far[5, 5] = 1e4
    values, _ = measure(far, depth)
    assert values[1] < 1.0
    # On depth scaled to [0, 1], as in the script, it hides nearly all.
    scaled = (far - far.min()) / (far.max() - far.min())
    assert canny(scaled, np.sqrt(2), 0.15, 0.3).sum() < 60
