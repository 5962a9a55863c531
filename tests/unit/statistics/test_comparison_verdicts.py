"""Comparisons and their verdicts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from thermodepth.errors import DataError, SettingsError
from thermodepth.statistics.comparison import (
    ONE_RECORDING,
    ONE_RUN,
    compare,
    with_verdicts,
)
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.multiple_testing import holm
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import Question, against


def block(values, *, metric="rmse", clusters=None):
    """Measurements of `{arm: [s i]}`."""
    data = np.array(list(values.values()), dtype=np.float64)
    images = tuple(f"i{n}" for n in range(data.shape[2]))
    return Measurements(
        metric=metric,
        arms=tuple(values),
        seeds=tuple(range(data.shape[1])),
        images=images,
        clusters=tuple(clusters or images),
        values=data,
    )


def shifted(by, *, noise=0.0, seeds=4, images=12, metric="rmse"):
    """A reference near 1, and an arm that differs by this much."""
    rng = np.random.default_rng(7)
    base = rng.normal(1.0, 0.2, (seeds, images))
    base += 1.0 - base.mean()
    wobble = rng.normal(0.0, 1.0, (seeds, images)) * noise
    return block({"full": base, "bare": base + by + wobble - wobble.mean()}, metric=metric)


QUESTION = against("full", ["full", "bare"])[0]


def answered(measurements, **settings):
    return compare(measurements, QUESTION, **{"reference": "full", "better": "lower", **settings})


def verdict(measurements, **settings):
    return with_verdicts([answered(measurements, **settings)])[0].verdict


def test_a_comparison_by_hand():
    # Differences: seed 0: 1 3, seed 1: 2 -1; means 2, .5; mean 1.25 of a reference of 2.5.
    made = answered(block({"full": [[1, 2], [3, 4]], "bare": [[2, 5], [5, 3]]}))
    assert (made.value, made.reference_value, made.percent) == (1.25, 2.5, 50.0)
    assert made.margin == pytest.approx(0.025)
    assert made.d_z == pytest.approx(1.25 / np.std([2, 0.5], ddof=1))
    assert made.win_rate == 0.25  # lower is better: one of four
    assert made.seed_win_rate == 0.0
    assert (made.sign_flip, made.least_sign_flip) == (0.5, 0.5)
    assert made.seeds == (0, 1)
    t = stats.ttest_1samp([2, 0.5], 0)
    low, high = t.confidence_interval(0.95)
    assert made.interval(scope="seeds") == pytest.approx((low, high))
    assert made.percent_interval(scope="seeds") == pytest.approx((low / 0.025, high / 0.025))


def test_ties_count_half_and_higher_may_be_better():
    values = block({"full": [[1, 2, 3, 4]], "bare": [[1, 3, 4, 4]]})
    assert answered(values).win_rate == 0.25
    assert answered(values, better="higher").win_rate == 0.75


@pytest.mark.parametrize(
    ("by", "noise", "expected"),
    [
        (0.2, 0.02, "worse"),
        (-0.2, 0.02, "better"),
        (0.0, 0.002, "equivalent"),
        (0.1, 0.5, "cannot tell"),
    ],
)
def test_the_four_verdicts(by, noise, expected):
    assert verdict(shifted(by, noise=noise)) == expected
    turned = {"worse": "better", "better": "worse"}
    assert verdict(shifted(by, noise=noise), better="higher") == turned.get(expected, expected)


def test_a_difference_that_is_real_but_too_small_is_equivalent():
    values = shifted(0.004, noise=0.001)
    made = answered(values)
    assert made.p is not None
    assert made.p < 0.05
    assert verdict(values) == "equivalent"
    # The same difference matters to whoever says so.
    assert verdict(values, smallest_effect=0.001) == "worse"
    assert verdict(values, smallest_effect=0.001, absolute=True) == "worse"
    assert made.p_equivalence is not None
    assert made.p_equivalence < 0.05


def test_equivalence_takes_the_ninety_percent_interval():
    made = answered(shifted(0.0, noise=0.02))
    inner, outer = made.interval(level=0.9)[1], made.interval()[1]
    margin = (inner + outer) / 2
    assert inner < margin < outer
    assert verdict(shifted(0.0, noise=0.02), smallest_effect=margin, absolute=True) == "equivalent"
    tight = 0.99 * inner
    assert verdict(shifted(0.0, noise=0.02), smallest_effect=tight, absolute=True) == "cannot tell"


def test_a_margin_may_be_absolute():
    values = shifted(0.0, noise=0.002)
    assert answered(values, smallest_effect=0.3, absolute=True).margin == 0.3
    assert answered(values, smallest_effect=0.3).margin == pytest.approx(0.3)


def test_one_run_gives_no_verdict_however_large_the_difference():
    made = with_verdicts([answered(shifted(0.5, noise=0.001, seeds=1))])[0]
    assert made.verdict == "cannot tell"
    assert made.comparison.scope == "scenes"
    assert made.comparison.interval()[0] > 0.4
    assert made.comparison.d_z is None
    assert made.sentence.endswith(f": cannot tell ({ONE_RUN}).")
    assert "% (1 seed, 12 recordings: no interval)" in made.sentence
    assert (made.comparison.printed_scope, made.comparison.printed_interval()) == (None, None)


def test_one_recording_gives_no_verdict_either():
    values = shifted(0.5, noise=0.001)
    made = with_verdicts([answered(values.in_clusters(["drive"] * 12))])[0]
    assert (made.verdict, made.comparison.scope) == ("cannot tell", "seeds")
    assert made.comparison.notes == (ONE_RECORDING,)


def test_one_run_on_one_recording_has_no_interval():
    made = with_verdicts([answered(shifted(0.5, seeds=1).in_clusters(["drive"] * 12))])[0]
    assert (made.comparison.p, made.p_adjusted, made.verdict) == (None, None, "cannot tell")
    assert "1 seed, 1 recording: no interval" in made.sentence


def test_identical_arms_are_equivalent_and_nothing_else():
    made = with_verdicts([answered(shifted(0.0))])[0]
    assert (made.comparison.value, made.comparison.p, made.verdict) == (0.0, 1.0, "equivalent")
    assert made.comparison.sign_flip == 1.0
    assert made.comparison.win_rate == 0.5


def test_holm_counts_the_declared_and_spares_the_descriptive():
    made = answered(shifted(0.1, noise=0.1))
    assert made.p is not None
    others = [
        compare(shifted(0.1, noise=0.1, metric=name), QUESTION, reference="full", better="lower")
        for name in ("mae", "silog")
    ]
    settled = with_verdicts([made, *others], primary=("rmse", "mae"))
    assert [s.declared for s in settled] == [True, True, False]
    assert settled[0].p_adjusted == pytest.approx(2 * made.p)
    assert (settled[2].p_adjusted, settled[2].verdict) == (None, None)
    assert settled[2].sentence.endswith("; descriptive, not among the declared comparisons.")
    assert with_verdicts([made])[0].p_adjusted == made.p


def test_a_finding_can_be_lost_to_the_number_of_questions():
    values = shifted(0.1, noise=0.2)
    one = answered(values)
    assert one.p is not None
    assert 0.0125 < one.p < 0.05
    assert with_verdicts([one])[0].verdict == "worse"
    rest = [
        compare(shifted(0.0, noise=0.2, metric=f"m{n}"), QUESTION, reference="full", better="lower")
        for n in range(3)
    ]
    assert with_verdicts([one, *rest])[0].verdict == "cannot tell"


def test_one_question_is_asked_once():
    made = answered(shifted(0.1))
    with pytest.raises(SettingsError, match="'bare' is asked twice of rmse"):
        with_verdicts([made, made])


def test_a_failed_cell_is_left_out_and_said():
    values = shifted(0.2, noise=0.02)
    values.values[1, 2] = np.nan
    made = answered(values)
    assert made.seeds == (0, 1, 3)
    assert made.notes == ("seed 2 left out: no results of bare",)


def test_a_reference_of_zero_has_no_percentages():
    made = answered(block({"full": np.zeros((3, 4)), "bare": np.ones((3, 4))}))
    assert (made.percent, made.percent_interval(), made.margin) == (None, None, 0.0)
    assert with_verdicts([made])[0].verdict == "worse"
    assert "+1 [+1, +1]" in with_verdicts([made])[0].sentence


def test_of_a_reference_below_zero_more_is_still_more():
    """A log bias of -2.5 that goes up by 1.25 has risen by half of its size."""
    made = answered(block({"full": [[-4, -3], [-2, -1]], "bare": [[-3, 0], [0, -2]]}))
    assert (made.value, made.reference_value, made.percent) == (1.25, -2.5, 50.0)
    low, high = made.percent_interval(scope="seeds")
    assert low < made.percent < high
    assert made.margin == pytest.approx(0.025)


def test_equivalence_has_its_room_below_zero_too():
    values = shifted(0.0, noise=0.002)
    below = replace(values, values=values.values - 2.0)  # about -1
    assert verdict(values) == verdict(below) == "equivalent"


def test_words_of_a_verdict():
    # Every seed and image differs by .25 of a reference of 1: no noise at all.
    values = block({"full": np.ones((3, 4)), "bare": np.full((3, 4), 1.25)})
    assert with_verdicts([answered(values)])[0].sentence == (
        "bare − full, RMSE: +25.0 % [+25.0, +25.0] (95 %, other seeds and scenes; 3 seeds, 4 recordings), "
        "p < .001 after Holm over 1: worse."
    )


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"a": 1.0, "b": -0.5}, "sum to 0.5"), ({}, "not all 0"), ({"a": float("nan")}, "not all 0")],
)
def test_weights_that_are_no_contrast_are_refused(weights, message):
    with pytest.raises(SettingsError, match=message):
        Question(name="q", title="q", weights=weights)


def test_impossible_settings_are_refused():
    with pytest.raises(SettingsError, match="smallest effect -1"):
        answered(shifted(0.0), smallest_effect=-1.0)
    with pytest.raises(SettingsError, match="level 95"):
        answered(shifted(0.0), level=95.0)
    with pytest.raises(DataError, match="unknown arm 'base'"):
        answered(shifted(0.0), reference="base")


# --- a study in which nothing differs --------------------------------------------------------------


@pytest.mark.parametrize(("seeds", "groups"), [(3, 10), (4, 10), (5, 30), (10, 30)])
def test_a_study_of_equal_arms_finds_nothing_more_often_than_it_says(seeds, groups):
    """Four arms of one recipe against a fifth; seeds, scenes and both disturb each arm for itself.

    A difference of two arms has the noise of the coverage table: seeds 1.2, scenes 2.5, both 1 and frames 12.
    """
    rng = np.random.default_rng([11, seeds, groups])
    studies, arms, frames = 500, 5, 500 // groups
    names = ["full", "a", "b", "c", "d"]
    noise = (
        1.2 * rng.normal(size=(studies, arms, seeds, 1))
        + 2.5 * rng.normal(size=(studies, arms, 1, groups))
        + np.hypot(1.0, 12 / np.sqrt(frames)) * rng.normal(size=(studies, arms, seeds, groups))
    )
    shared = 9.0 * rng.normal(size=(studies, 1, 1, groups))
    values = 100 + shared + noise / np.sqrt(2)
    questions = against("full", names)
    found = 0
    for number in range(studies):
        each = block(dict(zip(names, values[number], strict=True)))
        made = with_verdicts(
            [compare(each, q, reference="full", better="lower") for q in questions]
        )
        found += any(s.verdict in ("better", "worse") for s in made)
    # At most 5 % of studies, and two standard errors of 500 of them.
    assert found / studies <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)


@pytest.mark.parametrize(("seeds", "groups", "share"), [(2, 10, 0.9), (3, 30, 0.7), (5, 30, 0.9)])
def test_together_they_find_nothing_where_seeds_make_most_of_the_noise(seeds, groups, share):
    """Alone, each question mistakes a lucky draw of few seeds for certainty; together they know better."""
    rng = np.random.default_rng([13, seeds, groups])
    studies, names = 600, ["full", "a", "b", "c", "d"]
    noise = (
        np.sqrt(share * seeds) * rng.normal(size=(studies, 5, seeds, 1))
        + np.sqrt((1 - share) * groups) * rng.normal(size=(studies, 5, 1, groups))
        + 0.2 * np.sqrt(seeds * groups) * rng.normal(size=(studies, 5, seeds, groups))
    )
    questions = against("full", names)
    found = {"alone": 0, "together": 0}
    for number in range(studies):
        each = block(dict(zip(names, 1000 + noise[number], strict=True)))
        alone = [compare(each, q, reference="full", better="lower") for q in questions]
        together = compare_all(each, questions, reference="full", better="lower")
        assert [c.value for c in together] == [c.value for c in alone]
        for name, made in (("alone", alone), ("together", together)):
            found[name] += min(holm([c.p for c in made])) <= 0.05
    assert found["together"] / studies <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)
    assert found["together"] < found["alone"]


def test_what_is_shared_is_the_sum_of_variances():
    """Two seeds of which one question shows nothing and the other much: both know the sum."""
    rng = np.random.default_rng(2)
    full, scenes = np.zeros((2, 10)), 0.3 * rng.normal(size=(1, 10))
    loud = np.array([[1.0], [-1.0]]) + scenes + 0.05 * rng.normal(size=(2, 10))
    still = scenes + 0.05 * rng.normal(size=(2, 10))
    each = block({"full": full, "loud": 5 + loud, "still": 5 + still})
    alone = [compare(each, q, reference="full", better="lower") for q in against("full", each.arms)]
    together = compare_all(each, against("full", each.arms), reference="full", better="lower")
    v_s = sum(c.estimate.variance_seed for c in alone)
    v_g = sum(c.estimate.variance_scene for c in alone)
    # Over both, and over the less noisy half: the larger share counts.
    still_alone = alone[1].estimate
    of_still = still_alone.variance_seed / (still_alone.variance_seed + still_alone.variance_scene)
    share = max(v_s / (v_s + v_g), of_still)
    bound = 1 / (share**2 / 1 + (1 - share) ** 2 / 9)
    freedoms = [c.estimate.spread().df for c in together]
    assert freedoms == pytest.approx([min(c.estimate.spread().df, bound) for c in alone])
    assert freedoms[1] < alone[1].estimate.spread().df  # the still one no longer boasts of nine
    assert together[1].p > alone[1].p


def test_a_question_asked_alone_has_its_own_degrees_of_freedom():
    rng = np.random.default_rng(3)
    each = block({"full": rng.normal(size=(3, 8)), "a": rng.normal(size=(3, 8))})
    (question,) = against("full", each.arms)
    (together,) = compare_all(each, [question], reference="full", better="lower")
    assert together.p == compare(each, question, reference="full", better="lower").p


def test_an_arm_that_collapsed_does_not_speak_for_the_others():
    """Much noise of its own, nearly all over scenes: the others' seeds would seem to make none."""
    rng = np.random.default_rng(17)
    studies, seeds, groups = 500, 3, 30
    names = ["full", "a", "b", "c", "collapsed"]
    share = np.array([0.9, 0.9, 0.9, 0.9, 0.05])[:, None, None]
    size = np.array([1, 1, 1, 1, 5.0])[:, None, None]
    questions, found = against("full", names), 0
    for _ in range(studies):
        noise = size * (
            np.sqrt(share * seeds) * rng.normal(size=(5, seeds, 1))
            + np.sqrt((1 - share) * groups) * rng.normal(size=(5, 1, groups))
            + 0.2 * np.sqrt(seeds * groups) * rng.normal(size=(5, seeds, groups))
        )
        each = block(dict(zip(names, 1000 + noise, strict=True)))
        made = compare_all(each, questions, reference="full", better="lower")
        found += min(holm([c.p for c in made])[:3]) <= 0.05
    assert found / studies <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)


def test_an_arm_with_fewer_seeds_is_bounded_for_its_own():
    """Two of six seeds have three times the noise of seeds that six have: the share is not the others'."""
    rng = np.random.default_rng(5)
    values = {
        name: rng.normal(size=(6, 1)) + rng.normal(size=(6, 20))
        for name in ("full", "a", "b", "few")
    }
    each = block({name: np.array(v) for name, v in values.items()})
    each.values[3, 2:] = np.nan
    full = compare_all(
        each, against("full", ["full", "a", "b", "few"]), reference="full", better="lower"
    )
    few, share = full[2].estimate, full[0].estimate.seed_share
    assert few.seeds == 2
    of_seeds = share * 6 / 2
    assert few.seed_share == pytest.approx(of_seeds / (of_seeds + 1 - share))
    assert few.seed_share > share


# --- p-values that no verdict can stand on ---------------------------------------------------------


def test_a_comparison_of_one_seed_makes_no_room_for_the_others():
    """Its p-value, however small, is of these weights alone: Holm must not give it the first rank."""
    rng = np.random.default_rng(11)
    base = rng.normal(size=(4, 12))
    each = block(
        {"full": base, "one": base + 5, "two": base + 0.3 * rng.normal(size=(4, 12)) + 0.1}
    )
    each.values[1, 1:] = np.nan
    one, two = with_verdicts(
        compare_all(each, against("full", each.arms), reference="full", better="lower")
    )
    assert one.comparison.scope == "scenes"
    assert (one.p_adjusted, one.verdict, one.family) == (None, "cannot tell", 2)
    assert two.p_adjusted == pytest.approx(min(1.0, 2 * two.comparison.p))


def test_what_was_declared_and_lost_counts():
    made = answered(shifted(0.01, noise=0.02))
    alone, beside = (with_verdicts([made], lost=count)[0] for count in (0, 3))
    assert beside.p_adjusted == pytest.approx(min(1.0, 4 * alone.p_adjusted))
    assert (alone.family, beside.family) == (1, 4)
