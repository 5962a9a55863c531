"""Rank correlation, plain and partial: on paper, by an independent regression, and what a ramp is worth."""

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.stats import spearmanr

from thermodepth.metrics import TruthMap, partial_correlation, rank_agreement
from thermodepth.metrics.rank import RANK


def measure(prediction: ArrayLike, depth: ArrayLike) -> dict[str, float]:
    measured = RANK.measure(
        np.asarray(prediction, float), TruthMap(sample_id="f", depth_m=np.asarray(depth, float))
    )
    return {name: one.value for name, one in measured.items()}


def scene(size: tuple[int, int] = (30, 40), seed: int = 0) -> NDArray[np.float64]:
    """A ground that is nearer below, with things standing on it."""
    random = np.random.default_rng(seed)
    depth = np.linspace(20.0, 2.0, size[0])[:, None] * np.ones(size[1])
    for _ in range(6):
        y, x = random.integers(0, size[0] - 8), random.integers(0, size[1] - 8)
        depth[y : y + 8, x : x + 8] = random.uniform(1.5, 6.0)
    scattered: NDArray[np.float64] = depth + 0.01 * random.random(size)
    return scattered


def test_plain_by_hand() -> None:
    """Ranks 1..4 against 1 2 4 3: 1 - 6 * 2 / (4 * 15) = .8, here in 13 copies side by side."""
    truth = np.tile([[1.0, 2.0, 3.0, 4.0]], (13, 1))
    prediction = np.tile([[10.0, 20.0, 40.0, 30.0]], (13, 1))
    assert measure(prediction, truth)["rank_correlation"] == pytest.approx(0.8, rel=1e-12)


def test_partial_by_hand() -> None:
    """On 8x8 pixels, with patterns of which the layout explains nothing, or a known share.

    f = +--++--+ sums to 0 over 1 and y, so T = f(row) f(column) is at right angles to all six terms, and so
    is U of h = ++----++, also to T. Of S, -1 in the upper and +1 in the lower half, y explains
    (S.y)^2 / |y|^2 = 32^2 / 21 and the others nothing. 2 T + U and 2 S + T have four values, each 16 times:
    their ranks are linear in them.
    """
    f, h = np.array([1, -1, -1, 1] * 2), np.array([1, 1, -1, -1, -1, -1, 1, 1])
    t, u = np.outer(f, f), np.outer(h, h)
    s = np.repeat([-1, 1], 4)[:, None] * np.ones(8)
    truth = 5.0 + t
    assert measure(truth, truth) == {"rank_correlation": 1.0, "partial_correlation": 1.0}
    beside = measure(9.0 + 2 * t + u, truth)  # 2 T.T / (|T| sqrt(5) |T|)
    assert beside == pytest.approx(dict.fromkeys(beside, 2 / 5**0.5), rel=1e-12)
    below = measure(9.0 + 2 * s + t, truth)
    assert below["rank_correlation"] == pytest.approx(1 / 5**0.5, rel=1e-12)
    left = 64 - 32**2 / 21
    assert below["partial_correlation"] == pytest.approx(8 / (64 + 4 * left) ** 0.5, rel=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.06])
def test_both_against_scipy_and_numpys_own_regression(share: float) -> None:
    random = np.random.default_rng(5)
    depth = scene()
    truth = np.where(random.random(depth.shape) < share, depth, np.nan)
    prediction = np.round(depth * np.exp(0.3 * random.normal(size=depth.shape)), 1)  # with ties
    measured = measure(prediction, truth)
    valid = np.isfinite(truth)
    p, d = prediction[valid], truth[valid]
    assert measured["rank_correlation"] == pytest.approx(spearmanr(p, d).statistic, rel=1e-10)
    y, x = np.nonzero(valid)
    design = np.stack([np.ones(x.size), x, y, x**2, y**2, x * y], axis=1).astype(float)

    def rest(values: NDArray[np.float64]) -> NDArray[np.float64]:
        order = np.argsort(np.argsort(values)).astype(float)
        ranks = np.array([order[values == v].mean() for v in values])
        residual: NDArray[np.float64] = (
            ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        )
        return residual

    expected = np.corrcoef(rest(p), rest(d))[0, 1]
    assert measured["partial_correlation"] == pytest.approx(expected, rel=1e-9)
    assert partial_correlation(prediction, depth, valid=valid) == measured["partial_correlation"]


def test_a_ramp_ranks_well_and_has_seen_nothing() -> None:
    depth = scene()
    ramp = np.linspace(20.0, 2.0, 30)[:, None] * np.ones(40)
    for blind in (ramp, np.full_like(depth, 3.0)):
        assert measure(blind, depth)["partial_correlation"] == 0.0
    assert measure(ramp, depth)["rank_correlation"] > 0.6
    assert measure(np.full_like(depth, 3.0), depth)["rank_correlation"] == 0.0


def test_a_ramp_has_seen_nothing_where_truth_has_holes_either() -> None:
    """Rows with fewer scored pixels bend the ranks of a ramp: a little is left, and correlates by .5."""
    depth, random = scene((60, 80)), np.random.default_rng(4)
    depth[:25, :50] = np.nan  # sky, a bush, and a sensor that is sparse above
    depth[30:50, 60:] = np.nan
    depth[random.random(depth.shape) > np.linspace(0.2, 1.0, 60)[:, None]] = np.nan
    rows = (np.arange(60) + 0.5)[:, None] * np.ones(80)
    for ramp in (1.0 / rows, 80.0 - rows, (1.0 / rows).clip(1 / 57, 1 / 3)):
        assert measure(ramp, depth)["partial_correlation"] == 0.0


def test_any_rising_curve_gives_the_same_and_a_falling_one_the_opposite() -> None:
    depth = scene()
    prediction = depth * np.exp(0.2 * np.random.default_rng(1).normal(size=depth.shape))
    measured = measure(prediction, depth)
    assert measure(np.sqrt(prediction), depth) == measured
    turned = measure(1.0 / prediction, depth)
    assert all(turned[name] == pytest.approx(-value) for name, value in measured.items())


def test_truth_without_anything_to_see_is_not_measured() -> None:
    ramp = np.linspace(20.0, 2.0, 30)[:, None] * np.ones(40)
    assert set(measure(scene(), ramp)) == {"rank_correlation"}
    assert measure(scene(), np.full((30, 40), 4.0)) == {}
    few = np.full((30, 40), np.nan)
    few[:7, :7] = scene()[:7, :7]
    assert measure(scene(), few) == {}  # 49 pixels


def test_one_line_of_truth_has_no_second_direction() -> None:
    line = np.full((30, 40), np.nan)
    line[12] = np.random.default_rng(2).uniform(1, 9, 40)
    line[13, :20] = line[12, :20] + 1.0
    measured = measure(np.nan_to_num(line, nan=1.0), line)
    assert measured["partial_correlation"] == pytest.approx(1.0, rel=1e-12)


def test_maps_of_two_sizes_agree_by_the_area_under_each_pixel() -> None:
    """Every pixel of the coarse map is the mean of four of the fine one: their ranks are the same."""
    coarse = scene()
    fine = np.kron(coarse, np.ones((2, 2))) + np.tile([[0.1, -0.1], [-0.1, 0.1]], coarse.shape)
    assert rank_agreement(fine, 5 * coarse - 3) == pytest.approx((1.0, 1.0))
    assert rank_agreement(-fine, coarse) == pytest.approx((-1.0, -1.0))


def test_agreement_is_that_of_the_metric_rows() -> None:
    depth, other = scene(seed=0), scene(seed=1)
    expected = measure(other, depth)
    assert rank_agreement(other, depth) == pytest.approx(tuple(expected.values()), rel=1e-12)


def test_beyond_a_guess_nothing_of_the_guess_counts() -> None:
    reference, guess = scene(seed=0), scene(seed=1)
    ramp = np.arange(30.0)[:, None] * np.ones(40)
    assert rank_agreement(guess, reference).partial != 0.0
    assert rank_agreement(guess**3, reference, prior=guess).partial == 0.0
    assert rank_agreement(ramp, reference, prior=guess).partial == 0.0
    assert rank_agreement(reference, reference, prior=guess).partial == pytest.approx(1.0)
    assert rank_agreement(guess, reference, prior=guess).rank == pytest.approx(
        rank_agreement(guess, reference).rank
    )


def test_a_reference_in_which_nothing_is_left_is_not_measured() -> None:
    flat, few = np.ones((30, 40)), np.full((30, 40), np.nan)
    few[0, :40] = np.arange(40)
    assert np.isnan(rank_agreement(scene(), flat)).all()
    assert np.isnan(rank_agreement(scene(), few)).all()
    ramp = rank_agreement(scene(), np.arange(30.0)[:, None] * np.ones(40))
    assert ramp.rank > 0.3 or ramp.rank < -0.3
    assert np.isnan(ramp.partial)
