"""Claims, and what studies with a known answer make of them."""

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.metrics import METRICS
from thermodepth.statistics.claims import PAPER_CLAIMS, Claim, judge
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, compare
from thermodepth.statistics.findings import analyze
from thermodepth.statistics.measurements import Measurements
from thermodepth.statistics.questions import against

QUESTION = against("full", ["bare"])[0]
SEEDS, IMAGES = 4, 12


def study(change, *, noise=0.01, seeds=SEEDS, clusters=None, metric="rmse"):
    """The arm "bare" differs from "full", whose mean is 2, by a share `change`."""
    rng = np.random.default_rng(5)
    base = rng.normal(2.0, 0.3, (seeds, IMAGES))
    base += 2.0 - base.mean()
    wobble = rng.normal(size=(seeds, IMAGES))
    wobble -= wobble.mean()
    images = tuple(f"i{n}" for n in range(IMAGES))
    return {
        metric: Measurements(
            metric=metric,
            arms=("full", "bare"),
            seeds=tuple(range(seeds)),
            images=images,
            clusters=clusters or images,
            values=np.stack([base, base + 2.0 * (change + noise * wobble)]),
        )
    }


def claim(says, at_least=None, metric="rmse"):
    return Claim(
        name="c", text="So it is", question=QUESTION, metric=metric, says=says, at_least=at_least
    )


def outcome(made, measurements):
    return judge([made], measurements, reference="full")[0]


# The interval is about +-1 percentage point wide at noise .01, +-10 at .1.
@pytest.mark.parametrize(
    ("says", "at_least", "change", "noise", "expected", "why"),
    [
        ("rises", None, 0.2, 0.01, "replicates", "it rises"),
        ("falls", None, -0.2, 0.01, "replicates", "it falls"),
        ("rises", None, -0.2, 0.01, "contradicts", "it falls"),
        ("falls", None, 0.2, 0.01, "contradicts", "it rises"),
        ("rises", None, 0.0, 0.005, "equivalent", "smaller than the smallest effect"),
        ("falls", None, 0.005, 0.001, "equivalent", "smaller than the smallest effect"),
        ("rises", None, 0.01, 0.2, "cannot tell", "the noise is as large as the change"),
        ("rises", 0.1, 0.2, 0.01, "replicates", "and by 10 % or more"),
        ("falls", 0.1, -0.2, 0.01, "replicates", "and by 10 % or more"),
        ("rises", 0.3, 0.2, 0.01, "contradicts", "but by less than 30 %"),
        ("falls", 0.3, -0.2, 0.01, "contradicts", "but by less than 30 %"),
        ("rises", 0.2, 0.2, 0.01, "cannot tell", "whether by 20 % is open"),
        ("falls", 0.2, -0.2, 0.01, "cannot tell", "whether by 20 % is open"),
        # Neither up nor down for certain, and certainly not by 30 %.
        ("rises", 0.3, 0.01, 0.1, "contradicts", "no change of 30 % or more"),
        ("falls", 0.3, 0.01, 0.1, "contradicts", "no change of 30 % or more"),
        ("rises", 0.05, 0.01, 0.2, "cannot tell", "the noise is as large as the change"),
        ("stays", None, 0.0, 0.005, "replicates", "within the smallest effect"),
        ("stays", 0.02, 0.01, 0.005, "replicates", "within 2 %"),
        ("stays", 0.02, 0.2, 0.01, "contradicts", "beyond 2 %"),
        ("stays", 0.02, -0.2, 0.01, "contradicts", "beyond 2 %"),
        ("stays", 0.02, 0.02, 0.01, "cannot tell", "both sides of 2 %"),
    ],
)
def test_every_outcome(says, at_least, change, noise, expected, why):
    made = outcome(claim(says, at_least), study(change, noise=noise))
    assert made.result == expected
    assert why in made.sentence.lower()
    assert not made.sentence.lower().startswith(expected)  # a table has its own column for that


def test_the_sentence_gives_numbers_scope_and_interval():
    made = outcome(claim("rises", 0.1), study(0.2, noise=0.0))
    assert made.sentence == (
        "It rises, and by 10 % or more. RMSE: +20.0 % [+20.0, +20.0] (95 %, other seeds and "
        "scenes; 4 seeds, 12 recordings), p < .001 after Holm over 1."
    )


def test_one_run_or_one_recording_cannot_tell():
    made = outcome(claim("rises"), study(0.5, seeds=1))
    assert (made.result, made.comparison.scope) == ("cannot tell", "scenes")
    assert made.sentence == (
        f"{ONE_RUN.capitalize()}. RMSE: +50.0 % (1 seed, 12 recordings: no interval)."
    )
    made = outcome(claim("stays"), study(0.0, clusters=("drive",) * IMAGES))
    assert made.sentence.startswith(f"{ONE_RECORDING.capitalize()}.")


def test_a_size_out_of_reach_is_judged_for_all_claims_together():
    """The 95 % interval of one claim is short of the size; that of three together is not."""
    values = study(0.0, noise=0.1)
    (alone,) = judge([claim("rises")], values, reference="full")
    ends = {count: alone.comparison.percent_interval(level=1 - 0.05 / count)[1] for count in (1, 3)}
    share = sum(ends.values()) / 2 / 100
    assert outcome(claim("rises", share), values).result == "contradicts"
    three = {
        **values,
        **study(0.0, noise=0.1, metric="mae"),
        **study(0.0, noise=0.1, metric="log10"),
    }
    claims = [claim("rises", share, metric=name) for name in three]
    assert {each.result for each in judge(claims, three, reference="full")} == {"cannot tell"}


@pytest.mark.parametrize(
    ("says", "at_least", "change", "expected"),
    [
        ("rises", 0.1, 0.2, "replicates"),
        ("rises", 0.3, 0.2, "contradicts"),
        ("falls", 0.3, -0.2, "contradicts"),
        ("stays", 0.02, 0.01, "replicates"),
        ("stays", 0.02, 0.2, "contradicts"),
    ],
)
def test_a_size_is_of_the_magnitude_of_a_reference_below_zero(says, at_least, change, expected):
    (values,) = study(change, noise=0.005).values()
    below = replace(values, values=values.values - 4.0)  # a mean of -2
    assert outcome(claim(says, at_least), {"rmse": below}).result == expected


def test_a_change_beyond_what_stays_is_certain_for_all_claims_together_or_open():
    """The 95 % interval leaves out the size; of three claims p after Holm is above .05."""
    values = study(0.02, noise=0.028)
    (alone,) = judge([claim("stays", 1e-4)], values, reference="full")
    low, _ = alone.comparison.percent_interval()
    assert low > 0.01
    assert 0.05 / 3 < alone.comparison.p < 0.05
    assert alone.result == "contradicts"
    others = {
        **study(0.0, noise=0.1, metric="mae"),
        **study(0.0, noise=0.1, metric="log10"),
    }
    claims = [claim("stays", 1e-4, metric=name) for name in ("rmse", *others)]
    first, *_ = judge(claims, {**values, **others}, reference="full")
    assert (first.result, first.p_adjusted > 0.05) == ("cannot tell", True)


def test_how_far_it_stays_is_judged_for_all_claims_together():
    """The change is certain, and its 95 % interval beyond the size; that of three claims is not."""
    values = study(0.2, noise=0.1)
    (alone,) = judge([claim("stays")], values, reference="full")
    ends = [alone.comparison.percent_interval(level=1 - 0.05 / count)[0] for count in (1, 3)]
    share = sum(ends) / 2 / 100
    assert outcome(claim("stays", share), values).result == "contradicts"
    three = {
        name: block
        for m in ("rmse", "mae", "log10")
        for name, block in study(0.2, noise=0.1, metric=m).items()
    }
    found = judge([claim("stays", share, metric=name) for name in three], three, reference="full")
    assert {each.result for each in found} == {"cannot tell"}
    assert all(each.p_adjusted < 0.05 for each in found)


def test_claims_of_one_metric_know_the_noise_that_all_of_them_show():
    """Two seeds under which two arms differ widely and one, by luck, not at all, as if it were certain."""
    rng = np.random.default_rng(2)
    scenes = 0.3 * rng.normal(size=(1, 10))
    rest = 0.05 * rng.normal(size=(3, 2, 10))
    swing = np.array([[1.0], [-1.0]])
    images = tuple(f"i{n}" for n in range(10))
    arms = {
        "full": 10.0 + rest[0],
        "still": 10.4 + scenes + rest[1],
        "loud": 11.0 + swing + scenes + rest[2],
        "louder": 11.0 - swing + scenes + rest[2],
    }
    block = Measurements(
        metric="rmse", arms=tuple(arms), seeds=(0, 1), images=images, clusters=images,
        values=np.stack(list(arms.values())),
    )  # fmt: skip
    questions = against("full", block.arms)
    claims = [
        Claim(name=q.name, text="So it is", question=q, metric="rmse", says="rises")
        for q in questions
    ]
    alone = compare(block, questions[0], reference="full", better="lower")
    (lone,) = judge(claims[:1], {"rmse": block}, reference="full")
    assert lone.comparison.p == alone.p
    assert lone.result == "replicates"
    first, *_ = judge(claims, {"rmse": block}, reference="full")
    assert first.comparison.value == alone.value
    assert alone.p < 0.05 / 3 < first.comparison.p
    assert first.result == "cannot tell"
    # A claim has the numbers of what the study found, whoever else claims something.
    found = analyze({"rmse": block}, reference="full", questions=questions, claims=claims[:1])
    of_study = found.comparison_of("still", "rmse").comparison
    assert found.outcomes[0].comparison.p == of_study.p == first.comparison.p


def test_what_is_measured_is_said_with_its_size():
    assert claim("rises", 0.05).measured_as.endswith("RMSE rises by 5 % or more")
    assert claim("stays", 0.02).measured_as.endswith("RMSE stays within 2 %")
    assert claim("falls", metric="log_bias.spread").measured_as.endswith("log bias, spread falls")


def test_what_was_not_measured_is_said():
    made = outcome(claim("rises", metric="boundary_f1"), study(0.5))
    assert (made.result, made.comparison) == ("cannot tell", None)
    assert made.sentence == "Not measured (boundary_f1)."
    values = study(0.5)
    values["rmse"].values[1] = np.nan
    assert outcome(claim("rises"), values).sentence == "Not measured (bare)."


def test_claims_share_one_family_and_a_twice_told_one_counts_once():
    both = {**study(0.2), **study(0.2, metric="mae")}
    one, two, again = judge(
        [claim("rises"), claim("rises", metric="mae"), claim("falls")], both, reference="full"
    )
    assert one.comparison.p is not None
    assert one.p_adjusted == pytest.approx(2 * one.comparison.p)
    assert "Holm over 2" in two.sentence
    assert (again.result, again.p_adjusted) == ("contradicts", one.p_adjusted)


def test_a_lost_seed_stands_in_the_sentence():
    values = study(0.2)
    values["rmse"].values[1, 3] = np.nan
    made = outcome(claim("rises"), values)
    assert made.result == "replicates"
    assert made.sentence.endswith("Seed 3 left out: no results of bare.")


def test_a_size_is_a_share_above_nothing():
    with pytest.raises(SettingsError, match=r"a size of 0\.0"):
        claim("rises", 0.0)


# --- the paper's -----------------------------------------------------------------------------------


def test_the_papers_claims_are_of_its_arms_and_our_metrics():
    arms = {"full", "no-silog", "no-smooth", "no-consistency", "no-smooth-no-consistency"}
    for each in PAPER_CLAIMS:
        assert set(each.question.arms) <= arms
        assert each.metric.partition(".")[0] in METRICS
    assert {each.name.partition("-")[0] for each in PAPER_CLAIMS} == {"i", "ii", "iii", "iv", "v"}
    assert len({each.name for each in PAPER_CLAIMS}) == len(PAPER_CLAIMS)


def test_the_papers_own_numbers_taken_as_certain_bear_its_claims_out():
    """Its table as a study of three runs and four scenes without any noise."""
    table = {
        "full": (0.0809, 0.1720),
        "no-silog": (0.0820, 0.1732),
        "no-smooth": (0.0794, 0.1700),
        "no-consistency": (0.0816, 0.2114),
        "no-smooth-no-consistency": (0.0895, 0.2328),
    }
    blocks = {
        metric: Measurements(
            metric=metric, arms=tuple(table), seeds=(0, 1, 2), images=tuple("wxyz"), clusters=tuple("wxyz"),
            values=np.stack([np.full((3, 4), numbers[place]) for numbers in table.values()]),
        )
        for place, metric in enumerate(("abs_rel", "rmse"))
    }  # fmt: skip
    found = {o.claim.name: o.result for o in judge(PAPER_CLAIMS, blocks, reference="full")}
    assert found == {
        "i-rmse": "replicates",
        "i-scale": "cannot tell",
        "ii-abs-rel": "replicates",
        "ii-rmse": "replicates",
        "iii-abs-rel": "replicates",
        "iii-rmse": "replicates",
        "iii-ordinal": "cannot tell",
        "iii-boundaries": "cannot tell",
        "iv-abs-rel": "replicates",
        "iv-rmse": "replicates",
        "v-variability": "cannot tell",
    }
