"""Readings of the paper's loss beside its table: signs, sizes and the verdict on each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.pattern_tables import pattern_sentences, pattern_tables
from thermodepth.report.study.summary import summary_of
from thermodepth.statistics.audit.noise import PUBLISHED_NOISE
from thermodepth.statistics.default_questions import ArmFactors
from thermodepth.statistics.findings import Findings, analyze
from thermodepth.statistics.measurements import Codes, Measurements, block
from thermodepth.statistics.paper_patterns import NO_EFFECT, Pattern
from thermodepth.statistics.paper_readings import PaperReading
from thermodepth.statistics.paper_table import CARRIED, PAPER_TABLE

ROLES = [row.arm for row in PAPER_TABLE]
#: The second plays without the coupling what the first plays.
FIRST = PaperReading(name="first", title="first form", arms={role: role for role in ROLES})
SECOND = PaperReading(
    name="second",
    title="second form",
    arms={role: role if "no-consistency" in role else f"second-{role}" for role in ROLES},
)
#: As published, and a reading in which the coupling, left out, changes nothing.
LIKE = {row.arm: (row.abs_rel, row.rmse) for row in PAPER_TABLE}
UNLIKE = {
    "second-full": LIKE["no-smooth-no-consistency"],
    "second-no-silog": (0.0895, 0.2330),
    "second-no-smooth": (0.0895, 0.2330),
}


def measured(
    means: Mapping[str, float], *, metric: str, seeds: int = 4, noise: float = 2e-4
) -> Measurements:
    """Each arm's mean, with seeds and images that all arms share and a little noise of its own."""
    random = np.random.default_rng(5)
    shared = random.normal(0, 0.001, (seeds, 1)) + random.normal(0, 0.01, (1, 16))
    own = random.normal(0, noise, (len(means), seeds, 16))
    own -= own.mean(axis=(1, 2), keepdims=True)
    values = np.array(list(means.values()))[:, None, None] + shared - shared.mean() + own
    arm, seed, image = (index.ravel() for index in np.indices(values.shape))
    return block(
        metric=metric,
        arm=Codes(index=arm, names=list(means)),
        seed=Codes(index=seed, names=list(range(seeds))),
        image=Codes(index=image, names=[f"i{n}" for n in range(16)]),
        cluster=Codes(index=image, names=[f"i{n}" for n in range(16)]),
        value=values.ravel(),
        arms=list(means),
    )


def lacking(measurements: Measurements, arm: str) -> Measurements:
    """With an arm of the study that has no results."""
    places = np.argwhere(np.isfinite(measurements.values))
    return block(
        metric=measurements.metric,
        arm=Codes(index=places[:, 0], names=list(measurements.arms)),
        seed=Codes(index=places[:, 1], names=list(measurements.seeds)),
        image=Codes(index=places[:, 2], names=list(measurements.images)),
        cluster=Codes(index=places[:, 2], names=list(measurements.images)),
        value=measurements.values[tuple(places.T)],
        arms=[*measurements.arms, arm],
    )


def findings_of(
    means: Mapping[str, tuple[float, float]], *readings: PaperReading, seeds: int = 4
) -> Findings:
    return analyze(
        {
            metric: measured(
                {arm: pair[n] for arm, pair in means.items()}, metric=metric, seeds=seeds
            )
            for n, metric in enumerate(("abs_rel", "rmse"))
        },
        reference="full",
        arm_factors=ArmFactors(readings=readings),
    )


@pytest.fixture(scope="module")
def findings() -> Findings:
    return findings_of({**LIKE, **UNLIKE}, FIRST, SECOND)


def test_what_single_runs_carry() -> None:
    # .003 of .0809 are 3.71 %, times 1.96
    assert pytest.approx(7.268, abs=1e-3) == CARRIED
    assert pytest.approx(196 * PUBLISHED_NOISE["abs_rel"].difference_sd / 0.0809) == CARRIED
    pattern = findings_of(LIKE, FIRST).patterns[0]
    assert [(e.row.arm, e.metric) for e in pattern.carried] == [
        ("no-consistency", "rmse"),
        ("no-smooth-no-consistency", "abs_rel"),
        ("no-smooth-no-consistency", "rmse"),
    ]


def test_a_study_like_the_table(findings: Findings) -> None:
    pattern = findings.patterns[0]
    assert pattern.verdict == "signs agree"
    # Its means are the published numbers, so that it is no further away than they are rounded.
    assert pattern.distance == pytest.approx(0.0, abs=1e-6)
    assert pattern.signs["contradicts"] == 0
    assert all(entry.sign == "agrees" for entry in pattern.carried)


def test_a_study_unlike_the_table(findings: Findings) -> None:
    pattern = findings.patterns[1]
    signs = {(entry.row.arm, entry.metric): entry.sign for entry in pattern.entries}
    # .2114 against .2328 is a fall of 9.2 %, where +22.9 % is published; without both nothing changes.
    assert signs["no-consistency", "rmse"] == "contradicts"
    assert signs["no-smooth-no-consistency", "rmse"] == "no change"
    assert pattern.verdict == "signs contradict"
    published = [
        *(1.3597, 0.6977, -1.8541, -1.1628),  # AbsRel and RMSE in turn
        *(0.8653, 22.907, 10.6304, 35.3488),
    ]
    ours = [0.0, 0.0859, 0.0, 0.0859, -8.8268, -9.1924, 0.0, 0.0]
    distance = np.sqrt(np.mean((np.array(ours) - np.array(published)) ** 2))
    assert pattern.distance == pytest.approx(distance, abs=1e-3)
    assert np.sqrt(np.mean(np.square(published))) == pytest.approx(NO_EFFECT, abs=1e-3)
    low, high = pattern.interval or (0.0, 0.0)
    assert low < distance < high
    assert high - low < 1.0  # the noise is small


def test_the_interval_is_that_of_the_readings_together(findings: Findings) -> None:
    def width(pattern: Pattern) -> float:
        low, high = pattern.interval or (0.0, 0.0)
        return high - low

    alone = findings_of({**LIKE, **UNLIKE}, SECOND).patterns[0]
    assert width(findings.patterns[1]) > width(alone)
    # Holm counts the changes of both readings in both metrics.
    assert {s.family for s in findings.tested if s.declared} == {16}
    assert {s.comparison.question.kind for s in findings.tested if s.declared} == {"reading"}


def test_noise_and_single_runs_tell_nothing() -> None:
    pattern = findings_of(LIKE, FIRST, seeds=1).patterns[0]
    assert (pattern.verdict, pattern.interval) == ("cannot tell", None)
    assert pattern.distance is not None
    assert "[" not in pattern.sentence


def test_an_arm_without_results_leaves_a_reading_open() -> None:
    lost = PaperReading(name="lost", title="lost", arms={**SECOND.arms, "no-consistency": "absent"})
    with_absent = {**LIKE, **UNLIKE}
    blocks = {
        metric: measured({arm: pair[n] for arm, pair in with_absent.items()}, metric=metric)
        for n, metric in enumerate(("abs_rel", "rmse"))
    }
    blocks = {name: lacking(each, "absent") for name, each in blocks.items()}
    findings = analyze(blocks, reference="full", arm_factors=ArmFactors(readings=(FIRST, lost)))
    first, second = findings.patterns
    assert first.verdict == "signs agree"
    assert (len(second.entries), second.distance) == (6, None)
    assert len(pattern_tables(findings)["paper_signs"].rows) == 7


def test_what_is_printed(findings: Findings) -> None:
    tables = pattern_tables(findings)
    verdicts, signs = tables["paper_readings"], tables["paper_signs"]
    assert [row[:3] for row in verdicts.rows] == [
        ("first form", "signs agree", "3 of 3"),
        ("second form", "signs contradict", "0 of 3"),
    ]
    assert len(signs.rows) == 8
    assert "one run per configuration" in verdicts.notes[0]
    assert "3 signs: RMSE of No Consistency, AbsRel of No Smooth" in verdicts.notes[0]
    sentences = pattern_sentences(findings)
    assert sentences[1].startswith(
        "The paper's loss read as second form: signs contradict (RMSE of No"
    )
    assert "published +22.9 %, here −9.2 % [" in sentences[1]
    assert sentences[2].startswith("Nearest to the published sizes is first form, 0.0 points")
    assert summary_of(findings).startswith(sentences[0])
    assert f"- {sentences[1]}" in methods_text(findings)


def test_studies_without_readings_have_none() -> None:
    findings = findings_of(LIKE)
    assert findings.patterns == ()
    assert pattern_tables(findings) == {}
    assert pattern_sentences(findings) == []
    assert "published table" not in methods_text(findings)


def test_a_reading_needs_all_configurations() -> None:
    with pytest.raises(
        SettingsError, match="reading 'r': configurations full, expected full, no-silog"
    ):
        PaperReading(name="r", title="r", arms={"full": "full"})
    with pytest.raises(SettingsError, match="reading name 'A b'"):
        PaperReading(name="A b", title="r", arms=FIRST.arms)
