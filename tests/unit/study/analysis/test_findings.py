"""From measurements to findings, their tables, the forest plot and the words for a paper."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.study.analysis.claims import PAPER_CLAIMS
from thermodepth.study.analysis.designs import full_factorial, half_fraction
from thermodepth.study.analysis.findings import design_of, findings, questions_of
from thermodepth.study.analysis.measurements import Codes, block
from thermodepth.study.analysis.methods import methods_text
from thermodepth.study.analysis.summary import summary_of
from thermodepth.study.analysis.tables import findings_tables
from thermodepth.study.page.forest import forest_svg

TERMS = ("silog", "smooth", "consistency")
ARMS = full_factorial(TERMS).arms


def measured(metric="rmse", *, seeds=5, images=24, effects=(-1.0, 0.0, 0.3), noise=0.02):
    """All eight arms; each term changes the mean 10 by its effect, seeds and images add noise."""
    random = np.random.default_rng(4)
    of_seed, of_image = random.normal(0, 0.1, (seeds, 1)), random.normal(0, 2.0, (1, images))
    values = [
        10.0
        + sum(effect for effect, on in zip(effects, switches, strict=True) if on)
        + of_seed
        + of_image
        + noise * random.normal(size=(seeds, images))
        for switches in ARMS.values()
    ]
    shape = (len(ARMS), seeds, images)
    arm, seed, image = (index.ravel() for index in np.indices(shape))
    return block(
        metric=metric,
        arm=Codes(index=arm, names=list(ARMS)),
        seed=Codes(index=seed, names=list(range(seeds))),
        image=Codes(index=image, names=[f"i{n}" for n in range(images)]),
        cluster=Codes(index=image // 4, names=[f"drive{n}" for n in range(images // 4)]),
        value=np.stack(values).ravel(),
        arms=list(ARMS),
    )


def test_arms_of_these_names_are_a_design_and_others_are_not():
    design = design_of(list(ARMS))
    assert design is not None
    assert design.kind == "full factorial"
    assert set(design.factors) == set(TERMS)
    five = design_of(["full", "no-a", "no-b", "no-a-no-b", "full-twin"])
    assert five is not None
    assert (five.kind, five.factors) == ("full factorial", ("a", "b"))
    some = design_of(["full", "no-a", "no-b"])
    assert some is not None
    assert some.kind == "list"
    assert design_of(["baseline", "ours"]) is None
    assert design_of(["full", "half"]) is None


def test_a_half_fraction_is_known_by_its_arms_and_asked_for_its_effects():
    arms = list(half_fraction(("a", "b", "c", "d", "e")).arms)
    design = design_of(arms)
    assert design is not None
    assert design.kind == "half fraction"
    kinds = [question.kind for question in questions_of(arms, "full")]
    assert (kinds.count("main effect"), kinds.count("interaction")) == (5, 10)
    less = design_of(arms[:-1])
    assert less is not None
    assert less.kind == "list"


def test_no_question_is_asked_twice():
    asked = questions_of(list(ARMS), "full")
    assert len({q.name for q in asked}) == len(asked)
    assert {q.kind for q in asked} >= {"difference", "main effect", "interaction", "shapley"}


def test_the_effects_put_in_are_found_and_nothing_else():
    found = findings({"rmse": measured()}, reference="full")
    verdicts = {
        s.comparison.question.title: s.verdict for s in found.settled if s.verdict is not None
    }
    assert verdicts["Main effect of silog"] == "better"
    assert verdicts["Main effect of consistency"] == "worse"
    assert verdicts["Main effect of smooth"] == "equivalent"
    assert {v for title, v in verdicts.items() if "Interaction" in title} == {"equivalent"}
    # Of a factorial only its effects are declared: 3 main effects and 3 interactions.
    assert {s.family for s in found.settled if s.verdict} == {6}
    main = next(s for s in found.settled if s.comparison.question.title == "Main effect of silog")
    assert main.comparison.value == pytest.approx(-1.0, abs=0.02)
    assert found.best["rmse"].best in ("no-consistency", "no-smooth-no-consistency")


def test_without_a_factorial_the_differences_are_declared():
    asked = questions_of(["full", "no-silog"], "full")
    found = findings({"rmse": measured()}, reference="full", questions=asked)
    assert [s.verdict for s in found.settled] == ["worse"]


def test_only_primary_metrics_get_verdicts():
    blocks = {name: measured(name) for name in ("rmse", "abs_rel")}
    found = findings(blocks, reference="full", primary=["abs_rel"])
    assert {s.comparison.metric for s in found.settled if s.verdict} == {"abs_rel"}
    with pytest.raises(SettingsError, match="unknown primary metric 'rmsee'; did you mean 'rmse'"):
        findings(blocks, reference="full", primary=["rmsee"])
    with pytest.raises(SettingsError, match="unknown reference arm 'ful'"):
        findings(blocks, reference="ful")


def test_a_metric_with_an_optimum_is_compared_by_its_distance():
    found = findings({"log_bias": measured("log_bias")}, reference="full")
    assert {s.comparison.metric for s in found.settled} == {"log_bias.distance"}


def test_one_seed_gives_no_verdict_and_says_why():
    found = findings({"rmse": measured(seeds=1)}, reference="full", claims=PAPER_CLAIMS)
    assert {s.verdict for s in found.settled if s.verdict} == {"cannot tell"}
    tables = findings_tables(found)
    assert any("one run per configuration" in note for note in tables["effects"].notes)
    assert {row[2] for row in tables["claims"].rows} == {"cannot tell"}
    assert "1 seed (0)" in methods_text(found)


def test_every_table_prints_and_parses():
    found = findings({"rmse": measured(noise=3.0)}, reference="full", claims=PAPER_CLAIMS)
    tables = findings_tables(found)
    assert set(tables) == {"effects", "scopes", "best", "claims", "planner"}
    for table in tables.values():
        assert table.markdown()
        assert table.latex()
        lines = list(csv.reader(io.StringIO(table.csv())))
        assert len(lines) == len(table.rows) + 1


def test_the_forest_has_a_line_a_question_and_escapes():
    found = findings({"rmse": measured()}, reference="full")
    svg = forest_svg(found.settled, label="RMSE <m>")
    assert svg.count("<circle") == len(found.settled)
    assert "RMSE &lt;m&gt;" in svg
    assert "<m>" not in svg
    numbers = [float(n) for n in re.findall(r'cx="([0-9.]+)"', svg)]
    assert all(300 <= n <= 750 for n in numbers)
    assert forest_svg([], label="RMSE") == ""


def test_methods_say_seeds_images_and_the_family():
    text = methods_text(findings({"rmse": measured()}, reference="full"))
    assert "5 seeds (0, 1, 2, 3, 4)" in text
    assert "24 images of 6 recordings" in text
    assert "over 6 declared comparisons" in text
    assert "0.0625" in text  # the least sign-flip p of five seeds


def test_cells_that_failed_all_over_leave_answers_open_and_are_said():
    """full has seeds 0 to 4, one arm lost all but the last, another the last: together they have none."""
    values = measured().values.copy()
    lost, other = (measured().place(arm) for arm in ("no-smooth", "no-silog"))
    values[lost, :4], values[other, 4] = np.nan, np.nan
    block = replace(measured(), values=values)
    found = findings({"rmse": block}, reference="full", claims=PAPER_CLAIMS)
    asked = {s.comparison.question.name for s in found.settled}
    assert {"no-smooth", "no-silog"} <= asked  # each shares seeds with full
    assert "main effect: smooth" not in asked
    assert found.best == {}
    assert (
        "Not answered: Main effect of smooth; no seed has results of all its arms."
        in found.unanswered
    )
    assert "No best set: no seed has results of every arm." in found.unanswered
    notes = findings_tables(found)["effects"].notes
    assert set(found.unanswered) <= set(notes)


def test_arms_go_by_their_titles():
    found = findings(
        {"rmse": measured()}, reference="full", titles={"full": "All", "no-smooth": "No S"}
    )
    assert found.of("no-smooth", "rmse").comparison.question.title == "No S − All"
    best = findings_tables(found)["best"]
    assert [row[0] for row in best.rows][:2] == ["All", "no-consistency"]
    assert "“All”" in findings_tables(found)["effects"].notes[0]


def test_the_summary_counts_verdicts_and_names_the_clear_ones():
    found = findings({"rmse": measured()}, reference="full", claims=PAPER_CLAIMS)
    told = summary_of(found)
    assert told.startswith("2 of 6 declared comparisons are clear, 4 equivalent to no change.")
    assert "Main effect of silog: RMSE −" in told
    assert "Main effect of smooth" not in told
    assert "Of 11 claims" in told
    assert summary_of(findings({"rmse": measured(seeds=1)}, reference="full")) == ""


def test_a_study_without_clear_findings_says_how_many_are_open():
    found = findings({"rmse": measured(effects=(0, 0, 0), noise=3.0)}, reference="full")
    assert summary_of(found) == "0 of 6 declared comparisons are clear, 6 cannot be told."
