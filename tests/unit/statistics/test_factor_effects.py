"""Effects of switches, and the designs that can tell them."""

from itertools import permutations

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.statistics import designs, shapley
from thermodepth.statistics.designs import estimable, full_factorial, half_fraction, listed

#: The published 2x2 of smooth and consistency, SiLog on.
PUBLISHED = {
    "rmse": {
        "full": 0.1720,
        "no-smooth": 0.1700,
        "no-consistency": 0.2114,
        "no-smooth-no-consistency": 0.2328,
    },
    "abs_rel": {
        "full": 0.0809,
        "no-smooth": 0.0794,
        "no-consistency": 0.0816,
        "no-smooth-no-consistency": 0.0895,
    },
}


def answered(weights, values):
    return sum(weight * values[arm] for arm, weight in weights.items())


@pytest.mark.parametrize(
    ("metric", "main", "both"), [("rmse", -0.0097, 0.0234), ("abs_rel", -0.0032, 0.0094)]
)
def test_the_published_table_read_as_a_factorial(metric, main, both):
    arms = full_factorial(("smooth", "consistency")).by_setting
    values = PUBLISHED[metric]
    assert answered(shapley.main_effect(arms, 0), values) == pytest.approx(main, abs=1e-12)
    assert answered(shapley.interaction(arms, 0, 1), values) == pytest.approx(both, abs=1e-12)


def test_each_effect_by_hand():
    arms = full_factorial(("smooth", "consistency")).by_setting
    values = PUBLISHED["rmse"]
    assert answered(shapley.leave_one_out(arms, 0), values) == pytest.approx(0.0020)
    assert answered(shapley.add_one_in(arms, 0), values) == pytest.approx(0.2114 - 0.2328)
    # Two factors: Shapley is the mean of the two ways in.
    assert answered(shapley.shapley(arms, 0), values) == pytest.approx((0.0020 - 0.0214) / 2)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_shapley_values_sum_to_all_on_minus_none(count):
    design = full_factorial([f"f{n}" for n in range(count)])
    rng = np.random.default_rng(count)
    values = dict(zip(design.arms, rng.normal(size=2**count), strict=True))
    arms = design.by_setting
    total = sum(answered(shapley.shapley(arms, j), values) for j in range(count))
    none = arms[(False,) * count]
    assert total == pytest.approx(values["full"] - values[none], abs=1e-12)


def test_shapley_is_the_mean_over_all_orders_of_joining():
    design = full_factorial(("a", "b", "c", "d"))
    values = dict(zip(design.arms, np.random.default_rng(0).normal(size=16), strict=True))
    arms = design.by_setting
    gains = []
    for order in permutations(range(4)):
        before = set(order[: order.index(2)])
        without = tuple(n in before for n in range(4))
        joined = tuple(n in before or n == 2 for n in range(4))
        gains.append(values[arms[joined]] - values[arms[without]])
    assert answered(shapley.shapley(arms, 2), values) == pytest.approx(np.mean(gains))


def test_effects_are_those_of_a_regression():
    design = full_factorial(("a", "b", "c"))
    values = np.random.default_rng(1).normal(size=8)
    x = np.array([[1 if on else -1 for on in setting] for setting in design.arms.values()])
    full = np.column_stack(
        [np.ones(8), x, x[:, 0] * x[:, 1], x[:, 0] * x[:, 2], x[:, 1] * x[:, 2], x.prod(axis=1)]
    )
    beta = np.linalg.solve(full, values)
    of = dict(zip(design.arms, values, strict=True))
    # From -1 to +1 is twice the coefficient; an interaction is a difference of such differences.
    assert answered(shapley.main_effect(design.by_setting, 1), of) == pytest.approx(2 * beta[2])
    assert answered(shapley.interaction(design.by_setting, 0, 2), of) == pytest.approx(4 * beta[5])


def test_every_question_is_a_contrast():
    for design in (full_factorial("abcd"), half_fraction("abcde"), designs.leave_one_out("abc")):
        for question in design.questions():
            assert sum(question.weights.values()) == pytest.approx(0.0, abs=1e-14)
            assert set(question.arms) <= set(design.arms)


def test_the_papers_arms_are_part_of_the_factorial():
    design = full_factorial(("silog", "smooth", "consistency"))
    assert len(design.arms) == 8
    assert next(iter(design.arms)) == "full"
    assert {"full", "no-silog", "no-smooth", "no-consistency", "no-smooth-no-consistency"} < set(
        design.arms
    )
    there = [
        design.arms[n]
        for n in ("full", "no-silog", "no-smooth", "no-consistency", "no-smooth-no-consistency")
    ]
    assert sorted(shapley.missing_settings(there)) == [
        (False, False, False),
        (False, False, True),
        (False, True, False),
    ]


@pytest.mark.parametrize(
    ("factors", "arms"),
    [("a", 2), ("ab", 4), ("abcd", 16), ("abcde", 16), ("abcdef", 32), ("abcdefg", 8)],
)
def test_default_designs_have_the_arms_they_say(factors, arms):
    assert len(designs.default_design(factors).arms) == arms
    assert "full" in designs.default_design(factors).arms


def test_a_half_fraction_of_five_tells_every_pair():
    found = {e.effect: e for e in estimable(half_fraction("abcde"))}
    assert all(e.possible for e in found.values())
    assert len(found) == 15
    # Resolution five: a pair is mixed with the other three, a factor with the other four.
    assert found["a", "b"].aliases == (("c", "d", "e"),)
    assert found["c",].aliases == (("a", "b", "d", "e"),)
    assert found["a", "b"].sentence == "a x b: yes, if c x d x e is nothing"


def test_a_half_fraction_of_four_mixes_pairs_and_says_so():
    design = half_fraction("abcd")
    found = {e.effect: e for e in estimable(design)}
    assert found["a",].possible
    assert not found["a", "b"].possible
    assert found["a", "b"].sentence == "a x b: cannot be told (mixed with c x d)"
    assert not [q for q in design.questions() if q.kind in ("interaction", "shapley")]


def test_the_fraction_gives_the_effect_when_the_alias_is_nothing():
    full, half = full_factorial("abcde"), half_fraction("abcde")
    rng = np.random.default_rng(4)
    signs = {arm: np.array([1 if on else -1 for on in s]) for arm, s in full.arms.items()}
    pairs = rng.normal(size=(5, 5))
    values = {arm: float(x @ np.arange(5) + x @ np.triu(pairs, 1) @ x) for arm, x in signs.items()}
    for weights in (
        lambda arms: shapley.main_effect(arms, 3),
        lambda arms: shapley.interaction(arms, 1, 2),
    ):
        assert answered(weights(half.by_setting), values) == pytest.approx(
            answered(weights(full.by_setting), values)
        )


def test_leaving_one_out_tells_factors_but_no_pairs():
    design = designs.leave_one_out("abc")
    assert all(e.possible for e in estimable(design, order=1))
    assert not any(e.possible for e in estimable(design, order=2))
    assert [q.kind for q in design.questions()] == ["leave one out"] * 3
    assert (
        estimable(design, order=1)[0].sentence
        == "a: yes, if there is nothing of more than 1 factor together"
    )
    assert estimable(design)[0].sentence == "a: cannot be told (too few arms)"


def test_adding_one_in_starts_from_nothing():
    design = designs.add_one_in(("silog", "smooth"))
    assert list(design.arms) == ["no-silog-no-smooth", "no-smooth", "no-silog"]
    assert [q.kind for q in design.questions()] == ["add one in"] * 2


def test_the_papers_five_arms_tell_what_they_can():
    factors = ("silog", "smooth", "consistency")
    every = full_factorial(factors).arms
    names = ("full", "no-silog", "no-smooth", "no-consistency", "no-smooth-no-consistency")
    design = listed(factors, {n: every[n] for n in names})
    assert [q.name for q in design.questions()] == [f"leave one out: {f}" for f in factors]
    with pytest.raises(
        SettingsError, match="needs all 8 settings; 3 have no arm, such as off, on, off"
    ):
        shapley.shapley(design.by_setting, 0)
    with pytest.raises(SettingsError, match="4 of 5 arms are on one side"):
        shapley.main_effect(design.by_setting, 0)


def test_doses_share_the_arms_of_other_designs():
    dose = designs.dose_response("consistency")
    assert dose.arms == {
        "no-consistency": 0.0,
        "consistency-x0p1": 0.1,
        "consistency-x0p3": 0.3,
        "full": 1.0,
        "consistency-x3": 3.0,
        "consistency-x10": 10.0,
    }
    # A value that goes with the logarithm of the weight has the slope of one decade.
    values = {arm: np.log10(level) * 0.7 if level else 0.0 for arm, level in dose.arms.items()}
    assert answered(dose.slope().weights, values) == pytest.approx(0.7)
    # It is told by the neighbours of 1, not by the ends.
    assert set(dose.slope().arms) == {"consistency-x0p3", "consistency-x3"}
    assert dose.slope().title == "consistency: per tenfold weight, 0.3 to 3"
    with pytest.raises(SettingsError, match="a slope at 1 needs"):
        designs.dose_response("smooth", (0, 1, 3)).slope()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: full_factorial(()), "0 factors"),
        (lambda: full_factorial(["a", "a"]), "named twice"),
        (lambda: full_factorial(["A b"]), "expected a-z"),
        (lambda: half_fraction("ab"), "cannot tell them apart"),
        (lambda: listed("ab", {"x": (True,)}), "sets 1 switches"),
        (lambda: listed("a", {"x": (True,), "y": (True,)}), "one setting"),
        (lambda: designs.dose_response("a", (1.0,)), "two or more"),
        (lambda: designs.dose_response("a", (-1.0, 1.0)), "from 0"),
    ],
)
def test_impossible_designs_are_refused(make, message):
    with pytest.raises(SettingsError, match=message):
        make()
