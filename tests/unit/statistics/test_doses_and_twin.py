"""Curves over the levels of a weight, and the reference's twin."""

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.report.study.methods import methods_text
from thermodepth.statistics.comparison import ONE_RUN
from thermodepth.statistics.designs import dose_response
from thermodepth.statistics.dose_response import doses_of
from thermodepth.statistics.findings import analyze
from thermodepth.statistics.measurements import Codes, block
from thermodepth.statistics.twin import twin_sentence

LEVELS = {"no-smooth": 0.0, "smooth-x0p3": 0.3, "full": 1.0, "smooth-x3": 3.0, "smooth-x10": 10.0}


def measured(means, *, seeds=5, images=24, noise=0.01, metric="rmse"):
    """Each arm's mean, seeds and images that all arms share, and a little noise of its own."""
    random = np.random.default_rng(3)
    shared = random.normal(0, 0.1, (seeds, 1)) + random.normal(0, 1.0, (1, images))
    own = random.normal(0, noise, (len(means), seeds, images))
    values = np.array(list(means.values()))[:, None, None] + shared + own
    arm, seed, image = (index.ravel() for index in np.indices(values.shape))
    return block(
        metric=metric,
        arm=Codes(index=arm, names=list(means)),
        seed=Codes(index=seed, names=list(range(seeds))),
        image=Codes(index=image, names=[f"i{n}" for n in range(images)]),
        cluster=Codes(index=image // 3, names=[f"drive{n}" for n in range(images // 3)]),
        value=values.ravel(),
        arms=list(means),
    )


def curve_of(means, **how):
    (curve,) = analyze({"rmse": measured(means, **how)}, reference="full").doses
    return curve


# --- doses ---------------------------------------------------------------------------------------


def test_names_tell_the_levels():
    (dose,) = doses_of([*LEVELS, "other", "full-twin"])
    assert (dose.factor, dict(dose.arms)) == ("smooth", LEVELS)
    assert doses_of(["no-smooth", "smooth-x3"]) == ()  # nothing to be a multiple of
    assert doses_of(["full", "smooth-x03", "smooth-x1", "smooth-x0"]) == ()  # not our spelling


@pytest.mark.parametrize("levels", [(0.0, 1.0, 1e-5, 2.5e7), (0.125, 1.0, 12.0)])
def test_every_level_that_a_design_names_is_read_back(levels):
    made = dose_response("a-b", levels)
    (found,) = doses_of(["full", *made.arms])
    assert {**found.arms, "full": 1.0} == {**made.arms, "full": 1.0}


def test_a_curve_has_its_levels_in_order_and_the_best_of_them():
    means = {
        "full": 10.0,
        "smooth-x10": 11.0,
        "no-smooth": 10.5,
        "smooth-x3": 9.0,
        "smooth-x0p3": 10.2,
    }
    curve = curve_of(means)
    assert [point.level for point in curve.points] == [0.0, 0.3, 1.0, 3.0, 10.0]
    assert curve.best == 3.0
    assert curve.flat == (3.0,)
    percents = {point.level: point.percent for point in curve.points}
    assert percents[1.0] is None
    mean = next(point.value for point in curve.points if point.level == 1.0)
    assert percents[3.0] == pytest.approx(100 * -1.0 / mean, abs=0.2)
    low, high = next(point.percent_interval for point in curve.points if point.level == 3.0)
    assert low < percents[3.0] < high
    assert curve.margin_percent == pytest.approx(1.0)


def test_of_a_metric_below_zero_changes_and_margin_are_of_its_magnitude():
    curve = curve_of({"full": -10.0, "no-smooth": -9.0, "smooth-x3": -10.5})
    assert curve.margin_percent == pytest.approx(1.0)
    percents = [point.percent for point in curve.points]
    assert percents == [pytest.approx(10.0, abs=0.3), None, pytest.approx(-5.0, abs=0.3)]


def test_the_slope_at_the_weight_is_per_tenfold():
    """From .3 to 3 is one power of ten: the slope is the difference of the two."""
    curve = curve_of({**dict.fromkeys(LEVELS, 10.0), "smooth-x0p3": 10.4, "smooth-x3": 9.8})
    assert curve.slope is not None
    assert curve.slope.comparison.value == pytest.approx(-0.6, abs=0.02)
    assert curve.slope.verdict is None  # the levels have verdicts


def test_without_levels_on_both_sides_there_is_no_slope():
    assert curve_of({"full": 10.0, "smooth-x3": 9.0}).slope is None
    assert curve_of({"full": 10.0, "no-smooth": 9.0, "smooth-x3": 9.0}).slope is None


def test_levels_that_cannot_be_told_from_the_best_are_its_flat_range():
    means = {"full": 10.0, "no-smooth": 12.0, "smooth-x3": 10.0001, "smooth-x10": 9.9999}
    curve = curve_of(means, noise=0.5)
    assert 0.0 not in curve.flat
    assert set(curve.flat) == {1.0, 3.0, 10.0}
    assert curve.sentence == (
        f"smooth: RMSE is best at {curve.best:g} times the weight: 0 is worse; "
        + {1.0: "3 and 10", 3.0: "1 and 10", 10.0: "1 and 3"}[curve.best]
        + " cannot be told from it."
    )


def test_another_reference_has_no_curve():
    blocks = {"rmse": measured(dict.fromkeys(LEVELS, 10.0))}
    assert analyze(blocks, reference="no-smooth").doses == ()


def test_one_seed_still_draws_its_curve():
    curve = curve_of(dict.fromkeys(LEVELS, 10.0), seeds=1)
    assert curve.flat == tuple(LEVELS.values())  # one run can tell nothing from the best
    assert all(point.percent is not None for point in curve.points if point.level != 1.0)
    assert all(point.percent_interval is None for point in curve.points)
    assert curve.best_words.endswith(f"no level can be told from it ({ONE_RUN})")


# --- twin ----------------------------------------------------------------------------------------


def twinned(difference):
    made = measured({"full": 10.0, "no-a": 10.5, "full-twin": 10.0})
    values = made.values.copy()
    values[made.place("full-twin")] = values[made.place("full")] + difference
    return analyze({"rmse": replace(made, values=values)}, reference="full")


def test_a_twin_is_no_hypothesis():
    found = twinned(0.0)
    alone = analyze({"rmse": measured({"full": 10.0, "no-a": 10.5})}, reference="full")
    twin, other = found.comparison_of("full-twin", "rmse"), found.comparison_of("no-a", "rmse")
    assert (twin.declared, twin.verdict, twin.comparison.question.kind) == (False, None, "twin")
    assert other.family == alone.comparison_of("no-a", "rmse").family == 1
    assert "full-twin" not in found.best["rmse"].arms


def test_a_machine_that_repeats_itself_is_said():
    told = twin_sentence(twinned(0.0).tested)
    assert "to the last bit" in told
    assert told in methods_text(twinned(0.0))


def test_the_floor_of_another_is_its_largest_difference():
    noise = np.zeros((5, 1))
    noise[2] = 0.2
    told = twin_sentence(twinned(noise).tested)
    assert "at most under one seed: RMSE 2.0 %." in told


def test_no_twin_no_words():
    found = analyze({"rmse": measured({"full": 10.0, "no-a": 10.5})}, reference="full")
    assert twin_sentence(found.tested) == ""
