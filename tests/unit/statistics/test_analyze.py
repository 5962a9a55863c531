"""From measurements to findings, their tables and the words for a paper."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.report.study.findings_tables import effects_table, findings_tables
from thermodepth.report.study.methods import methods_text
from thermodepth.report.study.readings import level_readings
from thermodepth.report.study.summary import summary_of
from thermodepth.statistics.claims import PAPER_CLAIMS
from thermodepth.statistics.default_questions import (
    ArmFactors,
    design_of,
    factors_by_name,
    questions_of,
)
from thermodepth.statistics.designs import (
    Design,
    assumptions_of,
    full_factorial,
    half_fraction,
)
from thermodepth.statistics.findings import analyze
from thermodepth.statistics.measurements import Codes, block
from thermodepth.statistics.simple_effects import LevelPair, SimpleEffects
from thermodepth.statistics.switched import MapShare, Shares, Switched

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
    kinds = [
        question.kind
        for question in questions_of(arms, "full", arm_factors=factors_by_name(arms, "full"))
    ]
    assert (kinds.count("main effect"), kinds.count("interaction")) == (5, 10)
    less = design_of(arms[:-1])
    assert less is not None
    assert less.kind == "list"


def test_no_question_is_asked_twice():
    asked = questions_of(list(ARMS), "full", arm_factors=factors_by_name(list(ARMS), "full"))
    assert len({q.name for q in asked}) == len(asked)
    assert {q.kind for q in asked} >= {"difference", "main effect", "interaction", "shapley"}


def test_the_effects_put_in_are_found_and_nothing_else():
    found = analyze({"rmse": measured()}, reference="full")
    verdicts = {
        s.comparison.question.title: s.verdict for s in found.tested if s.verdict is not None
    }
    assert verdicts["Main effect of silog"] == "better"
    assert verdicts["Main effect of consistency"] == "worse"
    assert verdicts["Main effect of smooth"] == "equivalent"
    assert {v for title, v in verdicts.items() if "Interaction" in title} == {"equivalent"}
    # Of a factorial only its effects are declared: 3 main effects and 3 interactions.
    assert {s.family for s in found.tested if s.verdict} == {6}
    main = next(s for s in found.tested if s.comparison.question.title == "Main effect of silog")
    assert main.comparison.value == pytest.approx(-1.0, abs=0.02)
    assert found.best["rmse"].best in ("no-consistency", "no-smooth-no-consistency")


def test_without_a_factorial_the_differences_are_declared():
    asked = questions_of(["full", "no-silog"], "full", arm_factors=ArmFactors())
    found = analyze({"rmse": measured()}, reference="full", questions=asked)
    assert [s.verdict for s in found.tested] == ["worse"]


def test_only_primary_metrics_get_verdicts():
    blocks = {name: measured(name) for name in ("rmse", "abs_rel")}
    found = analyze(blocks, reference="full", primary=["abs_rel"])
    assert {s.comparison.metric for s in found.tested if s.verdict} == {"abs_rel"}
    with pytest.raises(SettingsError, match="unknown primary metric 'rmsee'; did you mean 'rmse'"):
        analyze(blocks, reference="full", primary=["rmsee"])
    with pytest.raises(SettingsError, match="unknown reference arm 'ful'"):
        analyze(blocks, reference="ful")


def test_a_metric_with_an_optimum_is_compared_by_its_distance():
    found = analyze({"log_bias": measured("log_bias")}, reference="full")
    assert {s.comparison.metric for s in found.tested} == {"log_bias.distance"}


def test_a_primary_metric_with_an_optimum_is_declared_as_its_distance():
    blocks = {name: measured(name) for name in ("log_bias", "rmse")}
    found = analyze(blocks, reference="full", primary=["log_bias"])
    declared = {s.comparison.metric for s in found.tested if s.declared}
    assert declared == {"log_bias.distance"}
    # As many as of any other metric: three main effects and three interactions.
    assert {s.family for s in found.tested if s.declared} == {6}
    main = found.comparison_of("main effect: silog", "log_bias.distance")
    assert main.verdict == "better"
    # Distances to 0: what lies below counts as what lies above.
    turned = replace(blocks["log_bias"], values=-blocks["log_bias"].values)
    other = analyze(
        {"log_bias": turned, "rmse": blocks["rmse"]}, reference="full", primary=["log_bias"]
    )
    assert other.comparison_of("main effect: silog", "log_bias.distance").verdict == "better"


def test_one_seed_gives_no_verdict_and_says_why():
    found = analyze({"rmse": measured(seeds=1)}, reference="full", claims=PAPER_CLAIMS)
    assert {s.verdict for s in found.tested if s.verdict} == {"cannot tell"}
    tables = findings_tables(found)
    assert any("one run per configuration" in note for note in tables["effects"].notes)
    assert {row[1:3] for row in tables["claims"].rows} == {("not recorded", "cannot tell")}
    assert "1 seed (0)" in methods_text(found, pairing="They saw the same batches.")


def test_every_table_prints_and_parses():
    found = analyze({"rmse": measured(noise=3.0)}, reference="full", claims=PAPER_CLAIMS)
    tables = findings_tables(found)
    assert set(tables) == {"effects", "scopes", "best", "claims", "planner"}
    for table in tables.values():
        assert table.markdown()
        assert table.latex()
        lines = list(csv.reader(io.StringIO(table.csv())))
        assert len(lines) == len(table.rows) + 1


def test_a_compiler_takes_every_table_of_findings(latex_complaints):
    for noise in (0.1, 3.0):
        blocks = {"rmse": measured(noise=noise)}
        found = analyze(blocks, reference="full", claims=PAPER_CLAIMS, switched=long_readings())
        tables = {stem: table.latex() for stem, table in findings_tables(found).items()}
        assert latex_complaints(tables) == []


def two_metrics():
    """RMSE is least without consistency, AbsRel without silog; smooth changes neither."""
    return {
        "rmse": measured("rmse"),
        "abs_rel": measured("abs_rel", effects=(0.3, 0.0, -1.0)),
    }


def test_in_the_table_of_means_the_best_are_bold_in_the_column_of_their_metric():
    found = analyze(two_metrics(), reference="full")
    table = findings_tables(found)["best"]
    of_column = [{found.arms[row] for row, column in table.bold if column == c} for c in range(3)]
    assert of_column == [
        set(),
        {"no-consistency", "no-smooth-no-consistency"},
        {"no-silog", "no-silog-no-smooth"},
    ]
    means = found.measurements["abs_rel"].values.mean(axis=(1, 2))
    assert [row[2] for row in table.rows] == pytest.approx(list(means))


def test_nothing_is_bold_where_that_would_be_every_arm():
    found = analyze({"rmse": measured(effects=(0, 0, 0), noise=3.0)}, reference="full")
    assert set(found.best["rmse"].arms) == set(ARMS)
    assert findings_tables(found)["best"].bold == frozenset()


def test_each_scope_has_its_interval_in_its_own_column():
    found = analyze({"rmse": measured(noise=1.0)}, reference="full")
    table = findings_tables(found)["scopes"]
    labels = [column.label for column in table.columns]
    columns = {scope: [] for scope in ("seeds", "scenes", "both")}
    for settled, row in zip(found.tested, table.rows, strict=True):
        for scope, spans in columns.items():
            cell = row[labels.index(scope)]
            spans.append((cell.low, cell.high))
            assert spans[-1] == settled.comparison.percent_interval(scope=scope)
    seeds, scenes, both = columns.values()
    assert seeds != scenes != both != seeds


def test_the_least_that_a_study_could_find_is_in_percent_of_the_reference():
    found = analyze({"rmse": measured(noise=3.0)}, reference="full")
    table = findings_tables(found)["planner"]
    place = [column.label for column in table.columns].index("least detectable (%)")
    mean = found.measurements["rmse"].values[0].mean()
    assert found.arms[0] == "full"
    told = {row[0]: row[place] for row in table.rows}
    expected = {
        found.comparison_of(*key).comparison.question.title: 100 * made.least_detectable / mean
        for key, made in found.plans.items()
    }
    assert told == pytest.approx(expected)
    assert told


def test_methods_say_seeds_images_and_the_family():
    text = methods_text(analyze({"rmse": measured()}, reference="full"))
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
    found = analyze({"rmse": block}, reference="full", claims=PAPER_CLAIMS)
    asked = {s.comparison.question.name for s in found.tested}
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
    found = analyze(
        {"rmse": measured()}, reference="full", titles={"full": "All", "no-smooth": "No S"}
    )
    assert found.comparison_of("no-smooth", "rmse").comparison.question.title == "No S − All"
    best = findings_tables(found)["best"]
    assert [row[0] for row in best.rows][:2] == ["All", "no-consistency"]
    assert "“All”" in findings_tables(found)["effects"].notes[0]


def test_the_summary_counts_verdicts_and_names_the_clear_ones():
    found = analyze({"rmse": measured()}, reference="full", claims=PAPER_CLAIMS)
    told = summary_of(found)
    assert told.startswith("2 of 6 declared comparisons are clear, 4 equivalent to no change.")
    assert "Main effect of silog: RMSE −" in told
    assert "Main effect of smooth" not in told
    assert "Of 11 claims" in told
    assert (
        "this reading" not in told.partition("Of 11 claims")[0]
    )  # nobody knows these arms' settings
    assert summary_of(analyze({"rmse": measured(seeds=1)}, reference="full")) == ""


def readings():
    """What the paper's claims switch, as a study tells it."""
    shares = Shares(loss=0.02, maps={"metric": MapShare(whole=0.013, far=0.004, beyond="16 m")})
    questions = {claim.question.name: claim.question for claim in PAPER_CLAIMS}
    names = [*questions, "main effect: silog"]
    return {name: Switched(terms=f"{name} weight 0.1", base=shares) for name in names}


def long_readings():
    """The longest that the paper's arms give: two smoothness terms and the coupling at both maps."""
    terms = (
        "structure_smooth, guide thermal, pixels label, weight 0.1; guided_smooth, log, guide structure, "
        "weight 0.1; gradient_consistency, aligned_metres, detach structure, weight 0.1"
    )
    maps = {n: MapShare(whole=0.24, far=0.18, beyond="16 m") for n in ("metric", "structure")}
    shares = Shares(loss=0.12, maps=maps)
    return dict.fromkeys(readings(), Switched(terms=terms, base=shares))


def test_no_claim_is_contradicted_without_its_reading_and_share():
    """The claims that the paper makes of RMSE, where consistency only hurts and SiLog is all."""
    blocks = {"rmse": measured(effects=(-3.0, 0.0, 0.5))}
    found = analyze(blocks, reference="full", claims=PAPER_CLAIMS, switched=readings())
    contradicted = [o.claim for o in found.outcomes if o.result == "contradicts"]
    assert {claim.name for claim in contradicted} >= {"i-rmse", "iv-rmse"}
    words = "weight 0.1; 2 % of the loss, 1.3 % of the metric gradient, 0.4 % beyond 16 m"
    told = summary_of(found)
    assert (
        f"This reading (no-silog {words}): contradicted in “The SiLog loss changes little” (RMSE)."
    ) in told
    text = methods_text(found)
    table = findings_tables(found)["claims"]
    for claim in contradicted:
        reading = f"{claim.question.name} {words}"
        assert f"{claim.text}: **this reading ({reading}): contradicted**." in text
        lines = [row for row in table.rows if row[0] == claim.text and row[2] == "contradicted"]
        assert reading in {row[1] for row in lines}
    # Nowhere does the word stand without one.
    for printed in (told, text, *(row[2] for row in table.rows)):
        assert "contradicts" not in printed
    assert table.columns[1].label == "This reading"
    assert "Main effect of silog: RMSE −" in told
    effects = findings_tables(found)["effects"]
    assert effects.columns[2].label == "This reading"
    by_question = {row[0]: row[2] for row in effects.rows}
    assert by_question["Main effect of silog"] == f"main effect: silog {words}"
    assert by_question["Main effect of smooth"] == "not recorded"


def test_without_settings_the_table_of_effects_has_no_column_for_readings():
    found = analyze({"rmse": measured()}, reference="full")
    labels = [column.label for column in findings_tables(found)["effects"].columns]
    assert "This reading" not in labels


def test_a_switch_at_levels_has_its_reading_with_what_it_weighs_at_each():
    pairs = (
        LevelPair(title="smooth", on="full", off="no-consistency"),
        LevelPair(title="plain", on="no-smooth", off="no-smooth-no-consistency"),
    )
    effects = SimpleEffects(factor="consistency", across="smoothness", pairs=pairs)
    switched = {
        effects.question(pair).name: Switched(
            terms="coupling, weight 0.1", other=Shares(loss=x, maps={})
        )
        for pair, x in zip(pairs, (0.02, 0.03), strict=True)
    }
    factors = ArmFactors(simple_effects=(effects,))
    blocks = {"rmse": measured()}
    found = analyze(blocks, reference="full", arm_factors=factors, switched=switched)
    sentence = (
        "This reading (coupling, weight 0.1): smooth: 2 % of the loss, no gradient at either map; plain: "
        "3 % of the loss, no gradient at either map."
    )
    assert level_readings(found) == [sentence]
    assert sentence in summary_of(found)


def test_a_terminal_has_the_readings_below_the_table():
    found = analyze({"rmse": measured()}, reference="full", switched=readings())
    table = effects_table(found, readings_below=True)
    assert "This reading" not in [column.label for column in table.columns]
    words = found.switched["main effect: silog"].words
    assert f"Main effect of silog: {words}." in table.notes


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("small", "large"), [("silog", "consistency"), ("consistency", "silog")])
def test_the_summary_names_the_largest_change_first_whichever_way_it_goes(small, large, sign):
    sizes = {"smooth": 0.0, small: 0.3 * sign, large: -1.0 * sign}
    found = analyze({"rmse": measured(effects=[sizes[term] for term in TERMS])}, reference="full")
    told = summary_of(found)
    assert told.index(f"Main effect of {large}") < told.index(f"Main effect of {small}")


def test_a_study_without_clear_findings_says_how_many_are_open():
    found = analyze({"rmse": measured(effects=(0, 0, 0), noise=3.0)}, reference="full")
    assert summary_of(found) == "0 of 6 declared comparisons are clear, 6 cannot be told."


# --- what is asked is what was declared ------------------------------------------------------------


def test_a_design_that_is_given_counts_and_not_what_names_look_like():
    """Arms under names that say the opposite of what they switch."""
    turned = Design(
        kind="full factorial",
        factors=("a", "b"),
        arms={
            "full": (True, True),
            "no-a": (True, False),
            "no-b": (False, True),
            "bare": (False, False),
        },
    )
    asked = {
        q.name: q
        for q in questions_of(list(turned.arms), "full", arm_factors=ArmFactors(design=turned))
    }
    assert asked["main effect: a"].weights == {"full": 0.5, "no-a": 0.5, "no-b": -0.5, "bare": -0.5}
    kinds = {q.kind for q in questions_of(list(ARMS), "full", arm_factors=ArmFactors())}
    assert kinds == {"difference"}


def test_a_twin_changes_no_hypothesis():
    arms = ["full", "no-a", "no-b", "no-a-no-b"]
    for reference in ("full", "no-a"):
        both = [*arms, f"{reference}-twin"]
        plain = questions_of(arms, reference, arm_factors=factors_by_name(arms, reference))
        twinned = questions_of(both, reference, arm_factors=factors_by_name(both, reference))
        assert [q for q in twinned if q.kind != "twin"] == list(plain)


def test_a_lost_arm_makes_no_family_smaller():
    lost = measured().values.copy()
    lost[measured().place("no-smooth")] = np.nan
    block = replace(measured(), values=lost)
    found = analyze({"rmse": block}, reference="full", arm_factors=ArmFactors())
    assert {s.family for s in found.tested} == {7}
    assert len(found.tested) == 6
    found = analyze({"rmse": block}, reference="full")
    assert [s.comparison.question.name for s in found.tested if s.declared] == []
    assert any("Main effect of silog" in words for words in found.unanswered)


def test_forms_of_a_metric_run_lower_and_stand_once():
    delta = measured("delta_1", effects=(0.5, 0.0, 0.0))
    found = analyze({"delta_1": delta, "delta_1.spread": delta.form("spread")}, reference="full")
    assert found.comparison_of("main effect: silog", "delta_1").verdict == "better"
    assert found.comparison_of("main effect: silog", "delta_1.spread").comparison.better == "lower"
    bias = measured("log_bias")
    twice = {"log_bias.distance": bias.form("distance", optimum=0.0), "log_bias": bias}
    found = analyze(twice, reference="full", primary=["log_bias.distance"])
    assert list(found.measurements) == ["log_bias.distance"]


def test_no_primary_metric_is_no_verdict():
    found = analyze({"rmse": measured()}, reference="full", primary=[])
    assert {s.verdict for s in found.tested} == {None}


def test_a_claim_stands_in_the_numbers_of_the_study():
    found = analyze({"rmse": measured()}, reference="full", claims=PAPER_CLAIMS)
    (claimed,) = [o.comparison for o in found.outcomes if o.claim.name == "iv-rmse"]
    assert claimed.interval() == found.comparison_of("no-silog", "rmse").comparison.interval()


def test_a_half_fraction_says_what_it_stands_on():
    found = analyze({"rmse": measured()}, reference="full")
    assert [told.partition(":")[0] for told in found.assumptions] == [
        "Read from the names of the arms, for nothing else tells of them"
    ]
    assert (
        analyze({"rmse": measured()}, reference="full", arm_factors=ArmFactors()).assumptions == ()
    )
    assert "mixed" in assumptions_of(half_fraction(("a", "b", "c")))[0] or (
        "if b x c is nothing" in assumptions_of(half_fraction(("a", "b", "c")))[0]
    )


def test_methods_claim_no_pairing_that_nobody_saw():
    found = analyze({"rmse": measured(seeds=1)}, reference="full")
    assert "same batches" in methods_text(found, pairing="They saw the same batches.")
    text = methods_text(found)
    assert "same batches" not in text
    assert "differences stand without intervals" in text
    assert "Of single runs nothing is called better, worse or equivalent." in text
    assert "Holm" not in text
    assert "crossed" not in text
