"""Claims, and what studies with a known answer make of them."""

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.metrics import METRICS
from thermodepth.study.analysis.claims import PAPER_CLAIMS, Claim, judge
from thermodepth.study.analysis.comparison import ONE_RECORDING, ONE_RUN
from thermodepth.study.analysis.measurements import Measurements
from thermodepth.study.analysis.questions import against

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
    assert made.sentence.startswith(f"{ONE_RUN.capitalize()}. RMSE: +50.0 % [")
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
