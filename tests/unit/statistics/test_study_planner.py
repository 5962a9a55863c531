"""What more seeds and scenes would buy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.comparison import compare
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.power import Components, components, least_detectable, plan
from thermodepth.statistics.questions import against
from thermodepth.statistics.two_way import Spread, estimate, variances


def cells(seed_sd, scene_sd, rest_sd, *, seeds, groups, random_seed=0):
    rng = np.random.default_rng(random_seed)
    return (
        seed_sd * rng.normal(size=(seeds, 1))
        + scene_sd * rng.normal(size=groups)
        + rest_sd * rng.normal(size=(seeds, groups))
    )


def compared(difference, *, margin=0.01):
    images = tuple(f"i{n:03}" for n in range(difference.shape[1]))
    values = Measurements(
        metric="rmse", arms=("full", "bare"), seeds=tuple(range(difference.shape[0])), images=images,
        clusters=images, values=np.stack([np.full_like(difference, 2.0), 2.0 + difference]),
    )  # fmt: skip
    question = against("full", ["bare"])[0]
    return compare(
        values, question, reference="full", better="lower", smallest_effect=margin, absolute=True
    )


def times_its_error(factor, difference):
    """The same noise about a mean of so many standard errors."""
    error = compared(difference).estimate.spread("both").standard_error
    return difference - difference.mean() + factor * error


@pytest.mark.parametrize("random_seed", range(12))
def test_the_present_size_has_the_present_error(random_seed):
    # Small samples, so that parts come out below 0 in some of these.
    made = estimate(cells(0.3, 0.3, 1.0, seeds=3, groups=4, random_seed=random_seed), list("abcd"))
    parts = components(made)
    spread = parts.predict(seeds=3, clusters=4)
    assert spread.standard_error == pytest.approx(made.spread("both").standard_error, rel=1e-9)
    assert min(parts.seed, parts.cluster, parts.rest) >= 0.0


def test_clusters_to_come_are_as_unequal_as_those_at_hand():
    rng = np.random.default_rng(4)
    names = [name for name, size in zip("abcd", (1, 2, 3, 20), strict=True) for _ in range(size)]
    made = estimate(rng.normal(size=(3, 26)) + 2.0 * rng.normal(size=26), names)
    parts = components(made)
    now = parts.predict(seeds=3, clusters=4)
    assert now.standard_error == pytest.approx(made.spread("both").standard_error, rel=1e-9)
    assert now.df == pytest.approx(made.spread("both").df, rel=1e-9)


def test_the_parts_are_those_that_made_the_noise():
    parts = components(estimate(cells(2.0, 3.0, 1.0, seeds=400, groups=400), range(400)))
    assert (parts.seed, parts.cluster, parts.rest) == pytest.approx((4.0, 9.0, 1.0), rel=0.2)


def test_unequal_clusters_too_have_the_parts_they_were_made_with():
    rng = np.random.default_rng(1)
    weights = rng.integers(1, 20, 30).astype(float)
    weights /= weights.sum()
    table = np.stack([cells(2.0, 3.0, 1.0, seeds=6, groups=30, random_seed=n) for n in range(3000)])
    made = variances(table, weights)
    effective = 1 / np.square(weights).sum()
    # As a mean over many studies, where no part is cut at 0. That of scenes is never too small and may be a
    # few percent too large.
    assert 6 * np.mean(made.seed - made.both) == pytest.approx(4.0, rel=0.08)
    assert effective * np.mean(made.scene - made.both) == pytest.approx(9.0, rel=0.08)
    assert 6 * effective * np.mean(made.both) == pytest.approx(1.0, rel=0.08)


def test_what_is_predicted_is_what_a_larger_study_has():
    parts = components(estimate(cells(2.0, 3.0, 1.0, seeds=300, groups=300), range(300)))
    large = np.stack([cells(2.0, 3.0, 1.0, seeds=8, groups=25, random_seed=n) for n in range(4000)])
    expected = large.mean(axis=(1, 2)).std()
    assert parts.predict(seeds=8, clusters=25).standard_error == pytest.approx(expected, rel=0.1)


def test_more_of_either_is_never_worse():
    parts = components(estimate(cells(1.0, 1.0, 1.0, seeds=3, groups=8), range(8)))
    now = parts.predict(seeds=3, clusters=8).standard_error
    assert parts.predict(seeds=5, clusters=8).standard_error < now
    assert parts.predict(seeds=3, clusters=18).standard_error < now
    with pytest.raises(SettingsError, match="no interval below two"):
        parts.predict(seeds=1, clusters=8)


@pytest.mark.parametrize(("seeds", "clusters"), [(4, 6), (8, 6), (4, 18), (8, 18)])
def test_what_other_questions_say_of_the_noise_holds_for_other_sizes_too(seeds, clusters):
    """Nine tenths of the noise are of seeds; V_S goes with 1/S and V_G with 1/G."""
    parts = Components(
        seed=1.0, cluster=1.0, rest=0.0, seeds=4, clusters=6, evenness=1.0, scene_df=5.0
    )
    free = parts.predict(seeds=seeds, clusters=clusters)
    bound = replace(parts, seed_share=0.9).predict(seeds=seeds, clusters=clusters)
    of_seeds, of_scenes = 0.9 * 4 / seeds, 0.1 * 6 / clusters
    share = of_seeds / (of_seeds + of_scenes)
    expected = 1 / (share**2 / (seeds - 1) + (1 - share) ** 2 / (clusters - 1))
    assert bound.df == pytest.approx(expected)
    assert bound.df < free.df
    assert bound.standard_error == free.standard_error


def test_the_least_detectable_difference_is_found_four_times_in_five():
    # With a known error the power at that difference is the textbook's.
    least = least_detectable(Spread(standard_error=1.0, df=1e9))
    assert least == pytest.approx(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    rng = np.random.default_rng(0)
    df = 9
    samples = rng.normal(least_detectable(Spread(standard_error=1.0, df=df)), 10**0.5, (20_000, 10))
    found = stats.ttest_1samp(samples, 0.0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_seeds_that_would_settle_it():
    # Nearly all noise is of seeds: these help, scenes do not.
    difference = times_its_error(2.0, cells(1.0, 0.05, 0.05, seeds=4, groups=10))
    made = plan(compared(difference))
    assert (made.settled, made.settles, made.clusters) == (False, "difference", None)
    assert made.seeds is not None
    assert 4 < made.seeds <= 30
    # It is the least number that does: one fewer would not.
    parts, value = components(compared(difference).estimate), difference.mean()
    for count, settles in ((made.seeds, True), (made.seeds - 1, False)):
        spread = parts.predict(seeds=count, clusters=10)
        assert (stats.t.ppf(0.975, spread.df) * spread.standard_error < value) == settles


def test_scenes_that_would_settle_it():
    difference = times_its_error(1.5, cells(0.02, 1.0, 0.05, seeds=4, groups=6))
    made = plan(compared(difference))
    assert made.seeds is None
    assert made.clusters is not None
    assert 6 < made.clusters < 100


def test_more_may_show_that_nothing_matters():
    difference = times_its_error(0.0, cells(0.1, 0.1, 0.1, seeds=4, groups=6))
    made = plan(
        compared(difference, margin=1.2 * compared(difference).estimate.spread().standard_error)
    )
    assert (made.settled, made.settles) == (False, "equivalence")
    assert made.seeds is not None or made.clusters is not None


def test_what_is_settled_stays_as_it_is():
    difference = 5.0 + cells(0.1, 0.1, 0.1, seeds=4, groups=6)
    made = plan(compared(difference))
    assert (made.settled, made.settles, made.seeds, made.clusters) == (True, "difference", 4, 6)


def test_a_large_family_asks_for_more():
    difference = times_its_error(2.0, cells(1.0, 0.05, 0.05, seeds=4, groups=10))
    one, ten = plan(compared(difference)), plan(compared(difference), family=10)
    assert one.seeds is not None
    assert ten.seeds is not None
    assert ten.seeds > one.seeds


def test_the_sentence_compares_seeds_with_scenes():
    # Seeds alone disturb: SE goes with 1/sqrt(S); from 3 to 5 seeds sqrt(3/5) = .775.
    difference = np.array([[-1.0], [0.0], [1.0]]) * np.ones(8)
    made = plan(compared(difference))
    assert made.sentence == "Standard error with 2 more seeds: −23 %, 10 more sequences: +0 %."
    same = plan(compared(np.ones((3, 8))))
    assert (
        same.sentence
        == "Standard error with 2 more seeds: none to lose, 10 more sequences: none to lose."
    )


def test_one_run_has_nothing_to_plan_with():
    with pytest.raises(DataError, match="one run per configuration"):
        plan(compared(np.ones((1, 8))))
    with pytest.raises(SettingsError, match="numbers from 1"):
        plan(compared(np.ones((3, 8))), more_seeds=0)
