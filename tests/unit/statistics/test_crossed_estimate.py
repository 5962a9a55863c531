"""The crossed interval against an analysis of variance written apart, and what it covers in simulation."""

import numpy as np
import pytest
from scipy import stats

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.two_way import blocks_of, clusters_of, estimate, variances


def anova(cells):
    """Two-way random effects by sums of squares over single cells, as in a textbook (Searle 1971)."""
    seeds, groups = cells.shape
    grand = cells.mean()
    rows = sum(groups * (cells[s].mean() - grand) ** 2 for s in range(seeds))
    columns = sum(seeds * (cells[:, g].mean() - grand) ** 2 for g in range(groups))
    total = sum((cells[s, g] - grand) ** 2 for s in range(seeds) for g in range(groups))
    ms_row = rows / (seeds - 1)
    ms_column = columns / (groups - 1)
    ms_rest = (total - rows - columns) / ((seeds - 1) * (groups - 1))
    # Var(mean) = var_row/S + var_column/G + var_rest/(SG) with the usual moment estimates.
    return (ms_row + ms_column - ms_rest) / (seeds * groups), (ms_row, ms_column, ms_rest)


@pytest.mark.parametrize(("seeds", "groups", "images"), [(3, 10, 4), (5, 7, 1), (2, 2, 30)])
def test_equal_clusters_give_the_two_way_analysis_of_variance(seeds, groups, images):
    rng = np.random.default_rng(seeds)
    rows, columns = 3 * rng.normal(size=(seeds, 1)), 3 * rng.normal(size=groups)
    cells = rows + columns + rng.normal(size=(seeds, groups))
    noise = rng.normal(size=(seeds, groups, images))
    data = (cells[..., None] + noise).reshape(seeds, -1)
    made = estimate(data, [f"drive-{g}" for g in range(groups) for _ in range(images)])
    squared, (row, column, rest) = anova(data.reshape(seeds, groups, images).mean(axis=2))
    assert made.value == pytest.approx(data.mean(), abs=1e-14)
    assert made.spread("both").standard_error ** 2 == pytest.approx(squared, rel=1e-12)
    size = seeds * groups
    parts = (made.variance_seed, made.variance_scene, made.variance_both)
    assert parts == pytest.approx((row / size, column / size, rest / size), rel=1e-10)
    # Satterthwaite of a sum of mean squares: (sum)^2 / sum(ms^2 / df).
    df = (row + column - rest) ** 2 / (
        row**2 / (seeds - 1) + column**2 / (groups - 1) + rest**2 / ((seeds - 1) * (groups - 1))
    )
    least = min(seeds, groups) - 1
    assert made.spread("both").df == pytest.approx(max(df, least), rel=1e-10)


def test_unequal_clusters_by_hand():
    # Two seeds; drive a has images 0 1 2, drive b image 3. Means: seed 0: 1, 5; seed 1: 3, 9.
    # r = .75*1 + .25*5 = 2, .75*3 + .25*9 = 4.5; mean 3.25; c = 2, 7; w = .75, .25.
    data = [[0.0, 1.0, 2.0, 5.0], [3.0, 3.0, 3.0, 9.0]]
    made = estimate(np.array(data), ["a", "a", "a", "b"])
    assert made.value == 3.25
    assert made.by_seed.tolist() == [2.0, 4.5]
    assert made.variance_seed == pytest.approx(2 * 1.25**2 / 2)
    # q = 9 and 1/9, the largest left out of the sum: a = 9/(1 + 1/9) = 8.1 and .1; 8.1 1.25^2 + .1 3.75^2
    assert made.variance_scene == pytest.approx(8.1 * 1.5625 + 0.1 * 14.0625)
    # rest: 1-2-2+3.25 = .25, 5-2-7+3.25 = -.75, and their mirrors; sum / 2
    assert made.variance_both == pytest.approx((2 * 8.1 * 0.0625 + 2 * 0.1 * 0.5625) / 2)
    assert made.effective_clusters == pytest.approx(1 / 0.625)
    assert (made.seeds, made.clusters, made.images) == (2, 2, 4)


def test_the_order_of_images_does_not_matter():
    rng = np.random.default_rng(0)
    data, names = rng.normal(size=(3, 40)), np.array([f"d{n % 7}" for n in range(40)])
    shuffled = rng.permutation(40)
    one, two = estimate(data, names), estimate(data[:, shuffled], names[shuffled])
    assert one.spread("both").standard_error == pytest.approx(
        two.spread("both").standard_error, rel=1e-13
    )


def test_each_scope_alone_is_a_t_interval():
    rng = np.random.default_rng(2)
    data = rng.normal(1.0, 1.0, (4, 6))
    made = estimate(data, list("abcdef"))
    for scope, means in (("seeds", data.mean(axis=1)), ("scenes", data.mean(axis=0))):
        expected = stats.ttest_1samp(means, 0.0)
        assert made.p_value(scope=scope) == pytest.approx(expected.pvalue, rel=1e-10)
        assert made.interval(scope=scope, level=0.9) == pytest.approx(
            tuple(expected.confidence_interval(0.9)), rel=1e-10
        )


def test_one_seed_knows_only_scenes_and_one_recording_only_seeds():
    one_seed = estimate(np.array([[1.0, 2.0, 4.0]]), list("abc"))
    assert (set(one_seed.spreads), one_seed.scope) == ({"scenes"}, "scenes")
    one_drive = estimate(np.array([[1.0, 2.0], [3.0, 1.0]]), ["a", "a"])
    assert (set(one_drive.spreads), one_drive.scope) == ({"seeds"}, "seeds")
    neither = estimate(np.array([[1.0, 2.0]]), ["a", "a"])
    assert (neither.value, neither.scope) == (1.5, None)
    with pytest.raises(DataError, match="scope 'both': 1 seed and 3 clusters"):
        one_seed.interval(scope="both")
    with pytest.raises(DataError, match="scope 'both': 1 seed and 1 cluster;"):
        neither.p_value()


def test_identical_arms_differ_by_exactly_nothing():
    made = estimate(np.zeros((3, 5)), list("aabbc"))
    assert (made.value, made.interval(), made.p_value()) == (0.0, (0.0, 0.0), 1.0)
    assert made.p_equivalence(0.0) == 0.0


def test_a_difference_without_noise_is_certain():
    made = estimate(np.full((3, 4), 0.5), list("aabb"))
    assert (made.interval(), made.p_value()) == ((0.5, 0.5), 0.0)
    assert (made.p_equivalence(0.4), made.p_equivalence(0.6)) == (1.0, 0.0)


def test_equivalence_has_the_p_value_of_the_interval_that_just_fits():
    made = estimate(np.random.default_rng(3).normal(0.2, 1.0, (5, 8)), list("abcdefgh"))
    low, high = made.interval(level=0.9)
    assert made.p_equivalence(max(-low, high)) == pytest.approx(0.05, rel=1e-9)
    below = estimate(np.random.default_rng(3).normal(0.2, 1.0, (5, 8)) * -1, list("abcdefgh"))
    assert below.p_equivalence(0.3) == made.p_equivalence(0.3)


def test_wrong_blocks_are_refused():
    with pytest.raises(DataError, match=r"differences \(2, 3\) with 2 clusters"):
        estimate(np.zeros((2, 3)), ["a", "b"])
    with pytest.raises(DataError, match="1 of 2 differences"):
        estimate(np.array([[1.0, np.nan]]), ["a", "b"])


def test_blocks_count_from_the_first_frame_of_each_sequence():
    frames = [10, 11, 12, 13, 14, 3, 4, 7]
    names = ["x"] * 5 + ["y"] * 3
    assert blocks_of(frames, 2, sequences=names) == (
        *("x#0", "x#0", "x#1", "x#1", "x#2"),
        *("y#0", "y#0", "y#2"),
    )
    assert blocks_of([5, 6, 7], 10) == ("#0", "#0", "#0")
    with pytest.raises(SettingsError, match="blocks of 0 frames"):
        blocks_of([1], 0)


# --- what it covers --------------------------------------------------------------------------------


def simulated(rng, reps, seeds, frames, *, heavy=False, growing=False):
    """[reps s g] cluster means of a paired difference whose truth is 0; AbsRel x 1000 as assumed.

    Seeds sd 1.2, sequences 2.5, seeds on sequences 1, frames 12; `growing` sequences have more the longer
    they are.
    """
    groups = len(frames)
    growth = np.sqrt(frames / np.mean(frames)) if growing else 1.0
    scene = (
        rng.standard_t(3, (reps, 1, groups)) / np.sqrt(3)
        if heavy
        else rng.normal(size=(reps, 1, groups))
    )
    return (
        1.2 * rng.normal(size=(reps, seeds, 1))
        + 2.5 * growth * scene
        + growth * rng.normal(size=(reps, seeds, groups))
        + 12.0 / np.sqrt(frames) * rng.normal(size=(reps, seeds, groups))
    )


def coverage(cells, frames):
    made = variances(cells, frames / frames.sum())
    half = stats.t.ppf(0.975, made.df) * made.standard_error
    return float(np.mean(np.abs(made.value) <= half))


@pytest.mark.parametrize("groups", [10, 30])
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("kind", ["equal", "unequal", "heavy"])
def test_the_interval_covers_what_it_says(seeds, groups, kind):
    rng = np.random.default_rng([seeds, groups, len(kind)])
    frames = rng.integers(10, 121, groups) if kind == "unequal" else np.full(groups, 500 // groups)
    cells = simulated(rng, 4000, seeds, frames, heavy=kind == "heavy")
    assert 0.92 <= coverage(cells, frames) <= 0.98


UNEQUAL = {
    "200 to 5": (200, 133, 88, 59, 39, 26, 17, 12, 8, 5),
    "400 to 3": (400, 150, 60, 20, 8, 3),
    "one of 78 %": (390, 28, 27, 28, 27),
}


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("kind", UNEQUAL)
def test_very_unequal_recordings_are_covered_too(seeds, growing, kind):
    rng = np.random.default_rng([seeds, growing, len(kind)])
    frames = np.array(UNEQUAL[kind])
    found = coverage(simulated(rng, 4000, seeds, frames, growing=growing), frames)
    # Where one recording has nearly all frames and all noise nothing can tell how much: too wide, not short.
    certain = growing and kind == "one of 78 %"
    assert 0.93 <= found <= (1.0 if certain else 0.98)


def test_many_at_once_are_the_single_ones():
    rng = np.random.default_rng(5)
    frames = np.array([1, 2, 3])
    names = ["a", "b", "b", "c", "c", "c"]
    data = rng.normal(size=(4, 5, 6))
    clusters = clusters_of(names)
    made = variances(clusters.means(data), frames / 6)
    for number in range(4):
        single = estimate(data[number], names)
        assert made.standard_error[number] == pytest.approx(
            single.spread("both").standard_error, rel=1e-13
        )
        assert made.df[number] == pytest.approx(single.spread("both").df, rel=1e-12)
