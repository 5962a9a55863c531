"""Pooled numbers and their bootstrap."""

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.bootstrap import pooled_contrast, ratio
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.two_way import clusters_of, estimate


def study(*, seeds=4, groups=6, images=5, change=0.0, random_seed=0):
    rng = np.random.default_rng(random_seed)
    count = groups * images
    clusters = tuple(f"g{n // images}" for n in range(count))
    scene = np.repeat(rng.normal(2.0, 0.3, groups), images)
    base = np.abs(scene + 0.1 * rng.normal(size=(seeds, count)))
    other = base * (
        1.0 + change + 0.03 * rng.normal(size=(seeds, 1)) + 0.02 * rng.normal(size=(seeds, count))
    )
    pixels = rng.integers(50, 500, count).astype(float)
    return Measurements(
        metric="rmse", arms=("full", "bare"), seeds=tuple(range(seeds)),
        images=tuple(map(str, range(count))), clusters=clusters, values=np.stack([base, other]),
        pixels=np.broadcast_to(pixels, (2, seeds, count)),
    )  # fmt: skip


WEIGHTS = {"bare": 1.0, "full": -1.0}


def pooled_difference(made, weights, pooling, **settings):
    """All pixels of a seed as one large image: their mean, or the root of their mean square, as for RMSE."""
    values = np.square(made.values) if pooling == "square" else made.values
    sums = np.stack([made.pixels * values, made.pixels], axis=-1)
    number_of = (lambda sums: np.sqrt(ratio(sums))) if pooling == "square" else ratio
    ordered = [weights[arm] for arm in made.arms]
    return pooled_contrast(sums, made.groups, ordered, number_of, **settings)


def test_the_value_is_that_of_all_pixels_together():
    made = study()
    pixels = made.pixels
    assert pixels is not None
    by_seed = []
    for seed in range(4):
        one, two = (
            np.sqrt(np.average(np.square(made.values[a, seed]), weights=pixels[a, seed]))
            for a in (0, 1)
        )
        by_seed.append(two - one)
    found = pooled_difference(made, WEIGHTS, "square", draws=100)
    assert found.by_seed == pytest.approx(by_seed)
    assert found.value == pytest.approx(np.mean(by_seed))
    mean = pooled_difference(made, WEIGHTS, "mean", draws=100)
    expected = [
        np.average(made.values[1, s], weights=pixels[1, s])
        - np.average(made.values[0, s], weights=pixels[0, s])
        for s in range(4)
    ]
    assert mean.by_seed == pytest.approx(expected)


def test_each_draw_is_a_study_of_the_seeds_and_clusters_drawn():
    """The same random numbers, seeds and clusters stacked up one by one."""
    made = study(seeds=3, groups=4)
    found = pooled_difference(made, WEIGHTS, "square", draws=200)
    generator = np.random.default_rng(0)
    m_s = generator.multinomial(3, [1 / 3] * 3, size=200)
    m_g = generator.multinomial(4, [0.25] * 4, size=200)
    pixels = made.pixels
    assert pixels is not None
    expected = []
    for times_s, times_g in zip(m_s, m_g, strict=True):
        chosen = np.concatenate(
            [np.tile(np.arange(5 * g, 5 * g + 5), times) for g, times in enumerate(times_g)]
        )
        changes = []
        for seed, times in enumerate(times_s):
            one, two = (
                np.sqrt(
                    np.average(made.values[a, seed, chosen] ** 2, weights=pixels[a, seed, chosen])
                )
                for a in (0, 1)
            )
            changes += [two - one] * times
        expected.append(np.mean(changes))
    assert found.drawn == pytest.approx(np.sort(expected))
    assert found.interval == pytest.approx(tuple(np.quantile(expected, [0.025, 0.975])))


def test_the_same_seed_gives_the_same_digits_and_chunks_leave_no_trace(monkeypatch):
    made = study()
    one = pooled_difference(made, WEIGHTS, "square", draws=300)
    monkeypatch.setattr("thermodepth.statistics.bootstrap._CHUNK", 7)
    two = pooled_difference(made, WEIGHTS, "square", draws=300)
    assert np.array_equal(one.drawn, two.drawn)
    assert not np.array_equal(
        one.drawn, pooled_difference(made, WEIGHTS, "square", draws=300, random_seed=1).drawn
    )


def test_equal_clusters_of_equal_pixels_come_near_the_crossed_error():
    # Where the pooled number is a plain mean, both estimate the same error; the bootstrap's is the larger,
    # for it counts V_I too, and (n - 1)/n smaller in each factor.
    rng = np.random.default_rng(3)
    difference = (
        rng.normal(size=(20, 1)) + 2 * rng.normal(size=40) + 0.2 * rng.normal(size=(20, 40))
    )
    sums = np.stack([difference, np.ones_like(difference)], axis=-1)[None]
    names = [str(n) for n in range(40)]
    found = pooled_contrast(sums, clusters_of(names), [1.0], ratio, draws=4000)
    expected = estimate(difference, names).spread("both").standard_error
    assert found.standard_error == pytest.approx(expected, rel=0.08)


def test_a_clear_change_is_found_and_none_is_not():
    found = pooled_difference(study(change=0.3), WEIGHTS, "square")
    assert found.interval[0] > 0.0
    assert found.p == pytest.approx(1 / 2001)
    same = study()
    same.values[1] = same.values[0]
    nothing = pooled_difference(same, WEIGHTS, "square", draws=200)
    assert (nothing.value, nothing.interval, nothing.p) == (0.0, (0.0, 0.0), 1.0)


def test_with_one_seed_or_recording_only_the_other_is_drawn():
    assert pooled_difference(study(seeds=1), WEIGHTS, "square", draws=100).notes == (ONE_RUN,)
    one = study(groups=1)
    assert pooled_difference(one, WEIGHTS, "square", draws=100).notes == (ONE_RECORDING,)
    with pytest.raises(DataError, match="nothing to draw from"):
        pooled_difference(study(seeds=1, groups=1), WEIGHTS, "square")


def test_wrong_sums_are_refused():
    clusters = clusters_of(["a", "b"])
    with pytest.raises(DataError, match=r"sums \(1, 2, 3, 2\) with 1 weights and 2 images"):
        pooled_contrast(np.ones((1, 2, 3, 2)), clusters, [1.0], ratio)
    with pytest.raises(DataError, match="not finite"):
        pooled_contrast(np.full((1, 2, 2, 2), np.nan), clusters, [1.0], ratio)
    with pytest.raises(SettingsError, match="5 draws"):
        pooled_contrast(np.ones((1, 2, 2, 2)), clusters, [1.0], ratio, draws=5)
