"""A switch at levels of something else: its effect at each, and whether that depends on the level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.report.study.findings_tables import effects_table, verdict_words
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.summary import summary_of
from thermodepth.statistics.default_questions import ArmFactors, declared_kinds, questions_of
from thermodepth.statistics.findings import Findings, analyze
from thermodepth.statistics.measurements import Codes, Measurements, block
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects

EFFECTS = SimpleEffects(
    factor="coupling",
    across="reach",
    pairs=(
        LevelPair(title="2 m", on="near", off="near-no", level=2.0),
        LevelPair(title="4 m", on="mid", off="mid-no", level=4.0),
        LevelPair(title="8 m", on="full", off="no", level=8.0),
    ),
)
MEANS = {"full": 5.0, "no": 5.0, "near": 9.0, "near-no": 10.0, "mid": 7.6, "mid-no": 8.0}


def measured(means: Mapping[str, float], *, seeds: int = 5, noise: float = 0.01) -> Measurements:
    """Each arm's mean, seeds and images that all arms share, and a little noise of its own."""
    random = np.random.default_rng(3)
    shared = random.normal(0, 0.1, (seeds, 1)) + random.normal(0, 0.5, (1, 24))
    shared -= shared.mean()
    own = random.normal(0, noise, (len(means), seeds, 24))
    values = np.array(list(means.values()))[:, None, None] + shared + own
    arm, seed, image = (index.ravel() for index in np.indices(values.shape))
    return block(
        metric="rmse",
        arm=Codes(index=arm, names=list(means)),
        seed=Codes(index=seed, names=list(range(seeds))),
        image=Codes(index=image, names=[f"i{n}" for n in range(24)]),
        cluster=Codes(index=image, names=[f"i{n}" for n in range(24)]),
        value=values.ravel(),
        arms=list(means),
    )


def findings_of(means: Mapping[str, float] = MEANS, **how: int) -> Findings:
    return analyze(
        {"rmse": measured(means, **how)},
        reference="full",
        arm_factors=ArmFactors(simple_effects=(EFFECTS,)),
    )


def test_the_questions() -> None:
    *effects, trend = EFFECTS.questions()
    assert [dict(q.weights) for q in effects] == [
        {"near": 1.0, "near-no": -1.0},
        {"mid": 1.0, "mid-no": -1.0},
        {"full": 1.0, "no": -1.0},
    ]
    assert [q.base for q in effects] == ["near-no", "mid-no", "no"]
    assert [q.title for q in effects] == ["Coupling, 2 m", "Coupling, 4 m", "Coupling, 8 m"]
    # x = 1, 2, 3: the slope is half of the last effect minus half of the first.
    assert trend.weights == pytest.approx(
        {"near": -0.5, "near-no": 0.5, "mid": 0.0, "mid-no": 0.0, "full": 0.5, "no": -0.5}
    )
    assert (trend.kind, trend.base) == ("trend", "")


def test_a_trend_takes_three_numbers() -> None:
    two = SimpleEffects(
        factor="coupling",
        across="frames",
        pairs=(
            LevelPair(title="50", on="a", off="b", level=50.0),
            LevelPair(title="200", on="c", off="d", level=200.0),
            LevelPair(title="by day", on="e", off="f"),
        ),
    )
    assert two.trend is None
    assert [q.kind for q in two.questions()] == ["simple effect"] * 3


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", "a", None)], "expected two for each level"),
        ([], "arms none"),
        ([("a", "b", 1.0), ("c", "d", 1.0)], "distinct numbers above 0"),
        ([("a", "b", 0.0)], "distinct numbers above 0"),
        ([("a", "b", float("inf"))], "distinct numbers above 0"),
    ],
)
def test_levels_that_are_none_are_refused(
    pairs: list[tuple[str, str, float | None]], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        SimpleEffects(
            factor="coupling",
            across="reach",
            pairs=tuple(LevelPair(title=on, on=on, off=off, level=x) for on, off, x in pairs),
        )


def test_they_are_what_is_declared_beside_the_differences() -> None:
    questions = questions_of(list(MEANS), "full", arm_factors=ArmFactors(simple_effects=(EFFECTS,)))
    kinds = [q.kind for q in questions]
    assert kinds == ["difference"] * 5 + ["simple effect"] * 3 + ["trend"]
    assert declared_kinds(kinds) == {"simple effect", "trend"}


def test_percentages_are_of_the_same_level_without_the_switch() -> None:
    findings = findings_of()
    (curve,) = findings.levels
    percents = [point.tested.comparison.percent for point in curve.points]
    assert percents == pytest.approx([-10.0, -5.0, 0.0], abs=0.1)
    assert [point.tested.verdict for point in curve.points] == ["better", "better", "equivalent"]
    assert {point.tested.family for point in curve.points} == {4}  # three levels and their trend
    margins = [point.tested.comparison.margin for point in curve.points]
    assert margins == pytest.approx([0.1, 0.08, 0.05], rel=0.01)
    # From -1 over -.4 to 0 the slope is .5 per doubling, in percent of the reference.
    assert curve.trend is not None
    assert curve.trend.comparison.value == pytest.approx(0.5, abs=0.01)
    assert curve.trend.comparison.percent == pytest.approx(10.0, abs=0.2)
    assert verdict_words(curve.trend) == "changes"
    difference = findings.comparison_of("no", "rmse").comparison
    assert difference.reference == "full"


def test_the_sentence_names_levels_by_their_verdict() -> None:
    findings = findings_of()
    (curve,) = findings.levels
    start = "Coupling, RMSE: better with 2 m (−10.0 % ["
    assert curve.sentence.startswith(start)
    assert "; too small to matter with 8 m (" in curve.sentence
    assert " Per doubling of the reach: +10" in curve.sentence
    assert summary_of(findings).startswith(start)
    assert curve.sentence in methods_text(findings)
    (note, *_) = effects_table(findings).notes
    assert "of a simple effect of the same level's arm without the switch" in note


def test_single_runs_say_that_nothing_can_be_told() -> None:
    (curve,) = findings_of(seeds=1).levels
    assert "cannot be told with 2 m (−" in curve.sentence
    assert "better" not in curve.sentence


def test_a_level_without_results_is_left_out_and_said() -> None:
    blocks = measured(MEANS)
    values = blocks.values.copy()
    values[blocks.place("near")] = np.nan
    findings = analyze(
        {"rmse": replace(blocks, values=values)},
        reference="full",
        arm_factors=ArmFactors(simple_effects=(EFFECTS,)),
    )
    (curve,) = findings.levels
    assert [point.pair.title for point in curve.points] == ["4 m", "8 m"]
    assert curve.trend is None
    assert any("Coupling, 2 m" in sentence for sentence in findings.unanswered)
