"""The best mean, and the arms that cannot be told from it."""

from dataclasses import replace

import numpy as np

from thermodepth.statistics.comparison import ONE_RUN, best_set, compare
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.multiple_testing import holm
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import against


def block(values):
    """Measurements of `{arm: [s i]}`, each image a recording of its own."""
    data = np.array(list(values.values()), dtype=np.float64)
    images = tuple(f"i{n}" for n in range(data.shape[2]))
    return Measurements(
        metric="rmse",
        arms=tuple(values),
        seeds=tuple(range(data.shape[1])),
        images=images,
        clusters=images,
        values=data,
    )


def three_arms(noise):
    rng = np.random.default_rng(3)
    base = rng.normal(1.0, 0.2, (4, 12))
    return block(
        {
            "far": base + 0.5,
            "best": base,
            "near": base + 0.02 + noise * rng.normal(size=(4, 12)),
            "lost": np.full((4, 12), np.nan),
        }
    )


def test_the_best_set_holds_what_cannot_be_told_from_the_best():
    found = best_set(three_arms(0.05), better="lower")
    assert (found.best, found.arms) == ("best", ("best", "near"))
    assert found.p_adjusted["far"] < 1e-6 < 0.05 < found.p_adjusted["near"]
    assert found.notes == ("lost has no results",)
    assert best_set(three_arms(0.05), better="higher").arms == ("far",)


def test_a_small_but_certain_difference_leaves_the_best_alone():
    assert best_set(three_arms(0.0), better="lower").arms == ("best",)


def test_one_run_can_tell_no_arm_from_the_best():
    values = three_arms(0.0)
    single = Measurements(
        metric="rmse", arms=values.arms, seeds=(0,), images=values.images, clusters=values.clusters,
        values=values.values[:, :1],
    )  # fmt: skip
    found = best_set(single, better="lower")
    assert (found.best, found.arms) == ("best", ("far", "best", "near"))
    assert found.notes[0] == ONE_RUN


def test_the_best_is_that_of_the_seeds_that_all_arms_have():
    """Over all its seeds "often" has a mean of 4; under the two that both have it has 1, "seldom" 2."""
    often = np.array([[1.0] * 4, [1.0] * 4, [10.0] * 4])
    seldom = np.array([[2.0] * 4, [2.0] * 4, [np.nan] * 4])
    values = block({"seldom": seldom, "often": often})
    assert best_set(values, better="lower").best == "often"
    turned = replace(values, values=-values.values)
    assert best_set(turned, better="higher").best == "often"


def still_beside_loud():
    """Two seeds of which "loud" differs widely and "still", by luck, not at all."""
    rng = np.random.default_rng(2)
    scenes = 0.3 * rng.normal(size=(1, 10))
    rest = 0.05 * rng.normal(size=(3, 2, 10))
    swing = np.array([[1.0], [-1.0]])
    return block(
        {
            "best": rest[0],
            "still": 0.4 + scenes + rest[1],
            "loud": 1.0 + swing + scenes + rest[2],
            "louder": 1.0 - swing + scenes + rest[2],
        }
    )


def test_arms_are_told_from_the_best_with_the_noise_that_all_of_them_show():
    values = still_beside_loud()
    asked = against("best", values.arms)
    alone = holm([compare(values, q, reference="best", better="lower").p for q in asked])
    together = compare_all(values, asked, reference="best", better="lower")
    found = best_set(values, better="lower")
    assert list(found.p_adjusted.values()) == list(holm([each.p for each in together]))
    # By its own word "still" would be worse for certain.
    assert alone[0] <= 0.05 < found.p_adjusted["still"]
    assert "still" in found.arms
