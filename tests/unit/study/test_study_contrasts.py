"""Differences between arms against hand values."""

import pytest
from scipy import stats

from thermodepth.evaluation.results.summary import Group
from thermodepth.study.analysis.comparison import ONE_RUN
from thermodepth.study.analysis.crossed import mean_interval
from thermodepth.study.tables.contrasts import (
    difference,
    interval_text,
    percent_text,
    seeds_note,
)


def group(**seeds):
    values = {int(name[1:]): value for name, value in seeds.items()}
    return Group(
        key={"arm": "x"},
        values={"rmse": sum(values.values()) / len(values)},
        seed_values={"rmse": values},
        frames={"rmse": 4},
        pixels=10,
    )


def test_one_seed_gives_a_change_and_no_interval():
    made = difference(group(s0=0.2114), group(s0=0.1720), "rmse")
    assert made.percent == pytest.approx(22.907, abs=1e-3)
    assert made.interval_percent is None
    assert made.seeds == (0,)
    assert percent_text(made) == "+22.9 %"


def test_three_seeds_give_the_paired_t_interval():
    reference, arm = group(s0=1.0, s1=2.0, s2=3.0), group(s0=1.1, s1=2.3, s2=3.2)
    made = difference(arm, reference, "rmse")
    expected = stats.ttest_rel([1.1, 2.3, 3.2], [1.0, 2.0, 3.0]).confidence_interval(0.95)
    assert made.percent == pytest.approx(10.0)
    assert made.interval_percent == pytest.approx((50 * expected.low, 50 * expected.high))
    # By hand: differences .1 .3 .2, sd .1, t_2 = 4.3027, half width .2484 of a mean of 2.
    assert made.interval_percent[1] - made.percent == pytest.approx(12.42, abs=0.005)
    assert percent_text(made) == "+10.0 % [−2.4, +22.4]"


def test_pairing_takes_out_what_seeds_share():
    noisy = {"s0": 1.0, "s1": 5.0, "s2": 9.0}
    made = difference(group(**{k: v + 1 for k, v in noisy.items()}), group(**noisy), "rmse")
    assert made.interval_percent == pytest.approx((20.0, 20.0))


def test_only_common_seeds_are_compared():
    made = difference(group(s1=3.0, s2=100.0), group(s0=50.0, s1=2.0), "rmse")
    assert made.seeds == (1,)
    assert made.reference_value == 2.0
    assert made.percent == pytest.approx(50.0)
    assert made.value == pytest.approx(51.5)


def test_without_a_common_seed_there_is_nothing_to_say():
    made = difference(group(s1=3.0), group(s0=2.0), "rmse")
    assert (made.percent, made.interval_percent, made.seeds) == (None, None, ())
    assert percent_text(made) == "not comparable"


def test_a_baseline_is_set_against_the_mean_over_all_seeds():
    made = difference(group(s0=6.0), group(s0=1.0, s1=3.0), "rmse", paired=False)
    assert made.percent == pytest.approx(200.0)
    assert made.interval_percent is None


def test_a_reference_of_zero_gives_no_percentage():
    assert difference(group(s0=1.0), group(s0=0.0), "rmse").percent is None


def test_the_interval_of_a_mean_is_the_t_interval():
    low, high = stats.t.interval(0.95, 3, 2.5, stats.sem([1, 2, 3, 4]))
    assert mean_interval([1, 2, 3, 4]) == pytest.approx((low, high))


def test_words():
    assert seeds_note(1) == ONE_RUN == "one run per configuration: run-to-run noise unknown"
    assert "over 3 seeds, on this test set" in seeds_note(3)
    made = difference(group(s0=1.0, s1=1.0), group(s0=1.0, s1=1.0), "rmse")
    assert interval_text(made) == "[+0.0, +0.0]"
