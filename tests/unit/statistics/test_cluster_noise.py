"""The noise of a mean over unequal clusters: never too small on average, and quantiles that are met."""

import numpy as np
import pytest
from scipy import stats

from thermodepth.statistics.cluster_noise import scene_df, square_weights
from thermodepth.statistics.two_way import estimate

SIZES = {
    "equal": (50,) * 8,
    "two": (90, 10),
    "200 to 5": (200, 133, 88, 59, 39, 26, 17, 12, 8, 5),
    "400 to 3": (400, 150, 60, 20, 8, 3),
    "one of 78 %": (390, 28, 27, 28, 27),
    "few long ones": (100,) * 3 + (10,) * 20,
}


def shares(sizes):
    return np.asarray(sizes, dtype=float) / sum(sizes)


def expectation(weights, noise):
    """E[V] by matrices: c - D^ = (I - 1 w') c, of independent clusters with these variances."""
    residual = np.eye(weights.size) - np.outer(np.ones(weights.size), weights)
    return float(square_weights(weights) @ np.diag(residual @ np.diag(noise) @ residual.T))


@pytest.mark.parametrize("kind", SIZES)
def test_the_variance_is_never_too_small_whichever_cluster_is_noisy(kind):
    weights = shares(SIZES[kind])
    ratios = [
        expectation(weights, noise) / float(weights**2 @ noise) for noise in np.eye(weights.size)
    ]
    # The expectation is linear in the clusters' variances, so what holds for each holds for any of them.
    assert min(ratios) == pytest.approx(1.0, abs=1e-12)
    assert all(ratio >= 1.0 - 1e-12 for ratio in ratios)


def test_equal_clusters_have_the_usual_squares_and_degrees_of_freedom():
    weights = shares((30,) * 12)
    assert square_weights(weights) == pytest.approx(np.full(12, 1 / (12 * 11)))
    assert expectation(weights, np.ones(12)) == pytest.approx(1 / 12)
    assert scene_df(weights) == 11.0


@pytest.mark.parametrize("kind", SIZES)
def test_scenes_alone_are_covered_as_often_as_promised(kind):
    """At 95 %, and no less at the levels that equivalence and Holm ask for."""
    weights = shares(SIZES[kind])
    cells = np.random.default_rng(len(kind)).normal(size=(40_000, weights.size))
    mean = cells @ weights
    error = np.sqrt((square_weights(weights) * (cells - mean[:, None]) ** 2).sum(axis=1))
    df = scene_df(weights)
    for level in (0.1, 0.05, 0.00625):
        outside = float(np.mean(np.abs(mean) > stats.t.ppf(1 - level / 2, df) * error))
        assert level / 2 - 0.004 <= outside <= level + 4 * (level / 40_000) ** 0.5


def test_squares_are_what_an_estimate_is_made_of():
    sizes = SIZES["400 to 3"]
    names = [f"drive-{g}" for g, size in enumerate(sizes) for _ in range(size)]
    of_image = np.random.default_rng(1).normal(size=(1, len(names)))
    made = estimate(of_image, names)
    means = np.array(
        [of_image[0, [n == f"drive-{g}" for n in names]].mean() for g in range(len(sizes))]
    )
    weights = shares(sizes)
    expected = square_weights(weights) @ (means - weights @ means) ** 2
    assert made.variance_scene == pytest.approx(expected)
    assert made.spread("scenes").df == scene_df(weights)


def test_very_many_different_sizes_have_the_degrees_of_freedom_that_they_tend_to():
    sizes = np.arange(1, 400)  # more different sizes than are solved for
    weights = shares(sizes)
    assert scene_df(weights) == pytest.approx(1 / np.square(weights).sum() - 1)
    fewer = shares(np.arange(1, 180))
    assert 1.0 <= scene_df(fewer) <= 178.0
    assert scene_df(fewer) == pytest.approx(1 / np.square(fewer).sum() - 1, rel=0.25)
