"""The study's tables: numbers against hand values and the analysis, best sets, notes, files."""

import csv
import io
import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rich.console import Console
from scipy import stats

from thermodepth.errors import DataError, StudyError
from thermodepth.report.study import tables as printed
from thermodepth.report.table import Number, write_tables
from thermodepth.statistics.comparison import ONE_RECORDING, ONE_RUN, best_set, compare
from thermodepth.statistics.paper_table import PAPER_TABLE
from thermodepth.statistics.pooled_df import compare_all
from thermodepth.statistics.questions import against
from thermodepth.statistics.two_way import estimate
from thermodepth.study.arm import ArmLabel
from thermodepth.study.results.entries import (
    COMPARED,
    TABLE_1_METRICS,
    TableEntries,
    condition_parts,
    parts_of,
    range_parts,
    seeds_of,
    table_entries,
)
from thermodepth.study.results.lines import lines_of, rows_of_lines
from thermodepth.study.results.result_rows import measurements_of

ONE_SEED = {
    "full": {0: {"a": 0.10, "b": 0.30}},
    "no-silog": {0: {"a": 0.15, "b": 0.29}},
    "no-smooth": {0: {"a": 0.10, "b": 0.20}},
    "constant depth": {0: {"a": 0.5, "b": 0.7}},
}
TWO_SEEDS = {
    "full": {0: {"a": 0.10, "b": 0.30}, 1: {"a": 0.20, "b": 0.40}},
    "no-silog": {0: {"a": 0.15, "b": 0.29}, 1: {"a": 0.30, "b": 0.40}},
    "no-smooth": {0: {"a": 0.10, "b": 0.20}, 1: {"a": 0.20, "b": 0.30}},
}
T1 = stats.t.ppf(0.975, 1)


def entries_of(rows, *, arms, reference, baselines=None, metrics=(), blocks=None):
    """The numbers of one table alone: the others would take their time in every test."""
    lines = lines_of(rows, arms=arms, reference=reference, baselines=baselines)
    own = rows_of_lines(rows, lines.names)
    return TableEntries(
        lines=lines,
        whole=parts_of(own, lines, metrics) if metrics else {},
        by_range=range_parts(own, lines) if blocks == "ranges" else {},
        by_condition=condition_parts(own, lines) if blocks == "conditions" else {},
        seeds=seeds_of(own, lines.arms),
    )


def study_table(rows, *, metrics=TABLE_1_METRICS, compared=COMPARED, **names):
    entries = entries_of(rows, metrics=metrics, **names)
    return printed.study_table(entries, metrics=metrics, compared=compared)


def range_table(rows, **names):
    return printed.range_table(entries_of(rows, blocks="ranges", **names))


def condition_table(rows, **names):
    return printed.condition_table(entries_of(rows, blocks="conditions", **names))


def paper_table(rows, **names):
    return printed.paper_table(entries_of(rows, metrics=COMPARED, **names))


def study_tables(rows, **names):
    return printed.study_tables(table_entries(rows, **names))


def column(table, label):
    place = [c.label for c in table.columns].index(label)
    return [row[place] for row in table.rows]


def percents(table, label):
    """Of cells with or without an interval."""
    return [None if cell is None else cell.value for cell in column(table, label)]


def bold(table, label):
    place = [c.label for c in table.columns].index(label)
    return {row for row, c in table.bold if c == place}


def with_column(rows, name, values):
    """The rows with a column of the frames' names replaced."""
    made = [values[frame] for frame in rows["sample_id"].to_pylist()]
    place = rows.column_names.index(name)
    return rows.set_column(place, rows.schema.field(name), pa.array(made).cast(rows[name].type))


def drawn(effects, *, seeds=4, frames=8, seed=0, noise=0.002):
    """`{arm: {seed: {frame: AbsRel}}}` with an effect of each arm, drawn seeds, frames and noise."""
    rng = np.random.default_rng(seed)
    of_seed, of_frame = 0.003 * rng.normal(size=seeds), 0.02 * rng.normal(size=frames)
    return {
        arm: {
            s: {
                f"f{i}": 0.2 + effect + of_seed[s] + of_frame[i] + noise * rng.normal()
                for i in range(frames)
            }
            for s in range(seeds)
        }
        for arm, effect in effects.items()
    }


def lines_of_csv(table):
    return list(csv.DictReader(io.StringIO(table.csv())))


# --- numbers --------------------------------------------------------------------------------------


def test_table_1_by_hand(make_rows, arms):
    table = study_table(make_rows(ONE_SEED), arms=arms[:3], reference="full")
    assert column(table, "Configuration") == [
        "All losses†",
        "No SiLog†",
        "No Smooth†",
        "Baseline: constant depth",
    ]
    assert column(table, "AbsRel") == pytest.approx([0.20, 0.22, 0.15, 0.60])
    assert column(table, "Δ AbsRel (%)")[0] is None
    assert percents(table, "Δ AbsRel (%)")[1:] == pytest.approx([10.0, -25.0, 200.0])
    assert column(table, "RMSE (m)") == pytest.approx([0.80, 0.88, 0.60, 2.40])
    assert [c.label for c in table.columns] == [
        "Configuration",
        "AbsRel",
        "RMSE (m)",
        "SqRel (m)",
        "RMSElog",
        "SILog",
        "δ<1.25",
        "δ<1.25²",
        "δ<1.25³",
        "Δ AbsRel (%)",
        "Δ RMSE (%)",
    ]


def test_one_seed_has_its_change_without_an_interval_and_its_stamp(make_rows, arms):
    table = study_table(make_rows(ONE_SEED), arms=arms[:3], reference="full")
    cell = column(table, "Δ AbsRel (%)")[1]
    assert isinstance(cell, Number)
    assert cell.value == pytest.approx(10.0)  # +.05 and -.01 on two frames whose mean is .2
    for text in (table.markdown(), table.latex(), *("|".join(row) for row in table.printed())):
        assert not re.search(r"\d, [+−-]\d", text), text  # the inside of an interval
    for line in lines_of_csv(table):
        unsaid = ("low", "high", "scope", "percent_low", "percent_high", "percent_scope")
        if line["kind"] != "baseline":
            assert {line[name] for name in unsaid} == {""}
    for made in study_tables(make_rows(ONE_SEED), arms=arms[:3], reference="full").values():
        assert any(ONE_RUN in note for note in made.notes)
        assert any("without an interval; `scopes` has" in note for note in made.notes)
        assert not made.bold
    assert f"† {ONE_RUN}" in table.notes
    assert any("with one run no arm can be told from the best" in note for note in table.notes)


def test_two_seeds_have_the_crossed_interval_by_hand(make_rows, arms):
    rows = make_rows(TWO_SEEDS)
    table = study_table(rows, arms=arms[:3], reference="full")
    # no-silog, D = [[.05, -.01], [.10, 0]]: r = .02, .05; c = .075, -.005; mean .035.
    v_s, v_g, v_i = 0.015**2, 0.04**2, 0.01**2
    error = math.sqrt(v_s + v_g - v_i)
    # no-smooth, D = [[0, -.1], [0, -.1]]: V_S = 0, V_G = .05^2, which is the noisier. Without it the seeds'
    # share is the larger one, .12 and not .05, and allows for more than the question's own 1.14.
    share = max(v_s / (v_s + v_g), v_s / (v_s + v_g + 0.05**2))
    bound = 1 / (share**2 + (1 - share) ** 2)  # S - 1 = G_e - 1 = 1
    freedom = error**4 / (v_s**2 + v_g**2 + v_i**2)
    assert freedom < bound
    half = stats.t.ppf(0.975, freedom) * error
    cell = column(table, "Δ AbsRel (%)")[1]
    assert cell.value == pytest.approx(14.0)  # of .25
    assert (cell.low, cell.high) == pytest.approx(((0.035 - half) * 400, (0.035 + half) * 400))
    assert not any("†" in note or ONE_RUN in note for note in table.notes)
    assert any("(crossed t: 2 seeds × 2 recordings)" in note for note in table.notes)
    assert any(
        "2 frames, each taken as a recording of its own, then over 2 seeds (0, 1)." in n
        for n in table.notes
    )


def test_every_change_is_the_analysis_s(make_rows, arms):
    conditions = {f"f{i}": "night" if i < 3 else "day" for i in range(8)}
    values = drawn({"full": 0, "no-silog": 0.02, "no-smooth": 0.001})
    rows = make_rows(values, conditions=conditions)
    night = rows.filter(pc.equal(rows["condition"], "night"))
    tables = study_tables(rows, arms=arms[:3], reference="full")
    for metric, label in (("abs_rel", "AbsRel"), ("rmse", "RMSE")):
        for name, first, of, part in (
            ("table", 0, rows, "all"),
            ("table_by_range", 0, rows, "range:0.3-1"),
            ("table_by_range", 3, rows, "range:1-2.5"),
            ("table_by_condition", 3, night, "all"),
        ):
            block = measurements_of(of, metric, slice=part)
            made = compare_all(block, against("full", block.arms), reference="full", better="lower")
            cells = column(tables[name], f"Δ {label} (%)")[first + 1 : first + 3]
            for cell, each in zip(cells, made, strict=True):
                assert each.scope == "both"
                assert (cell.low, cell.high) == each.percent_interval()
                assert cell.value == each.percent
    assert "table_beside_paper" not in tables  # these arms are not the paper's five
    ours = column(paper_table(rows, arms=arms[:3], reference="full"), "Our Δ RMSE (%)")
    assert ours[1:3] == column(tables["table"], "Δ RMSE (%)")[1:3]


def test_one_arm_asked_alone_is_what_compare_says(make_rows, arms):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.01}))
    block = measurements_of(rows, "rmse")
    (question,) = against("full", block.arms)
    made = compare(block, question, reference="full", better="lower")
    cell = column(study_table(rows, arms=arms[:2], reference="full"), "Δ RMSE (%)")[1]
    assert (cell.low, cell.high) == made.percent_interval()


def test_one_recording_has_the_paired_t_interval_over_seeds_and_its_stamp(make_rows, arms):
    values = drawn({"full": 0, "no-silog": 0.01}, seeds=3, frames=4)
    rows = with_column(make_rows(values), "sequence", dict.fromkeys(values["full"][0], "drive"))
    table = study_table(rows, arms=arms[:2], reference="full")
    means = {a: [np.mean(list(of[s].values())) for s in range(3)] for a, of in values.items()}
    told = stats.ttest_rel(means["no-silog"], means["full"]).confidence_interval(0.95)
    cell = column(table, "Δ AbsRel (%)")[1]
    percent = 100 / np.mean(means["full"])
    assert (cell.low, cell.high) == pytest.approx((told.low * percent, told.high * percent))
    assert ONE_RECORDING in table.notes
    assert not table.bold
    assert any("with one recording no arm can be told" in note for note in table.notes)
    assert any("(t over 3 seeds)" in note for note in table.notes)
    assert any("4 frames of 1 recording, then over 3 seeds" in note for note in table.notes)


def test_one_seed_on_one_recording_has_no_interval(make_rows, arms):
    rows = with_column(make_rows(ONE_SEED), "sequence", {"a": "drive", "b": "drive"})
    table = study_table(rows, arms=arms[:2], reference="full")
    cell = column(table, "Δ AbsRel (%)")[1]
    assert isinstance(cell, Number)
    assert cell.value == pytest.approx(10.0)
    assert ONE_RECORDING in table.notes
    assert not any("95 %" in note for note in table.notes)


def test_a_condition_of_one_recording_says_which_scope_it_has(make_rows, arms):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.05}), conditions={"f0": "fog"})
    table = condition_table(rows, arms=arms[:2], reference="full")
    assert f"fog: {ONE_RECORDING}; intervals for other seeds on this test set." in table.notes
    assert "Nothing is bold in fog: with one recording no arm can be told from the best." in (
        table.notes
    )
    assert bold(table, "AbsRel") == {0}  # of "(not given)"; rows 2 and 3 are fog's
    assert column(table, "frames") == [7, 7, 1, 1]


def test_a_baseline_is_compared_as_if_it_were_the_same_under_every_seed(make_rows, arms):
    values = drawn({"full": 0}, seeds=3)
    constant = {f"f{i}": 0.5 + 0.01 * i for i in range(8)}
    rows = make_rows({**values, "constant depth": {0: constant}})
    cell = column(study_table(rows, arms=arms[:1], reference="full"), "Δ AbsRel (%)")[1]
    repeated = make_rows({**values, "no-silog": dict.fromkeys(range(3), constant)})
    other = column(study_table(repeated, arms=arms[:2], reference="full"), "Δ AbsRel (%)")[1]
    assert cell == other
    assert cell.low < cell.value < cell.high


def test_the_notes_say_which_guesses_win(make_rows, arms):
    frames = {f"f{i}": 0.01 * i for i in range(8)}
    values = {
        "full": {0: {f: 0.10 + v for f, v in frames.items()}},
        "no-silog": {0: {f: 0.40 + v for f, v in frames.items()}},
        "mean-depth map": {0: {f: 0.30 + v for f, v in frames.items()}},
        "nearest training frame": {0: {f: 0.05 + v for f, v in frames.items()}},
    }

    def told(names):
        rows = make_rows({name: values[name] for name in names})
        table = study_table(rows, arms=arms[: 1 + ("no-silog" in names)], reference="full")
        return [note for note in table.notes if note.startswith("In AbsRel")]

    assert told(["full", "no-silog", "mean-depth map"]) == [
        "In AbsRel No SiLog (0.4350): worse than the mean-depth map (0.3350)."
    ]
    assert told(["full", "mean-depth map"]) == []
    both = told(list(values))
    assert both == [
        "In AbsRel All losses (0.1350): worse than the nearest training frame (0.0850).",
        "In AbsRel No SiLog (0.4350): worse than the mean-depth map (0.3350) and the nearest training "
        "frame (0.0850).",
    ]
    assert told(["full", "no-silog", "nearest training frame"]) == [
        "In AbsRel every arm is worse than the nearest training frame (0.0850)."
    ]


def test_arms_and_baselines_do_not_share_their_noise(make_rows, arms):
    """A baseline's noise is nearly all of scenes; an arm beside it must not be taken for as well known."""
    rng = np.random.default_rng(5)
    values = drawn({"full": 0, "no-silog": 0.01, "no-smooth": 0.02}, seeds=3, noise=0.001)
    for arm, size in (("no-silog", 0.01), ("no-smooth", 0.02)):
        values[arm] = {
            s: {frame: v + size * (s - 1) for frame, v in frames.items()}
            for s, frames in values[arm].items()
        }
    baselines = {
        name: {0: {f"f{i}": 0.5 + 0.2 * rng.normal() for i in range(8)}}
        for name in ("constant depth", "mean-depth map")
    }
    both = study_table(make_rows({**values, **baselines}), arms=arms[:3], reference="full")
    without = study_table(make_rows(values), arms=arms[:3], reference="full")
    alone = study_table(
        make_rows({"full": values["full"], **baselines}), arms=arms[:1], reference="full"
    )
    label = "Δ AbsRel (%)"
    assert column(both, label)[1:3] == column(without, label)[1:3]
    assert column(both, label)[3:] == column(alone, label)[1:]
    assert len(column(both, label)) == 5


def test_a_baseline_does_not_bring_its_seed_along(make_rows, arms):
    values = {
        "full": {3: TWO_SEEDS["full"][0], 4: TWO_SEEDS["full"][1]},
        "no-silog": {3: TWO_SEEDS["no-silog"][0], 4: TWO_SEEDS["no-silog"][1]},
    }
    rows = make_rows({**values, "constant depth": {0: {"a": 0.5, "b": 0.7}}})
    table = study_table(rows, arms=arms[:2], reference="full")
    assert any("2 seeds (3, 4)" in note for note in table.notes)
    assert not any("left out" in note or " has " in note for note in table.notes)
    assert [line["seeds"] for line in lines_of_csv(table)[::8]] == ["2", "2", "0"]


def test_a_metric_with_an_optimum_is_compared_by_its_distance(make_rows, arms):
    # Both arms are .1 off on average; only one is so on the side below.
    rows = make_rows({"full": {0: {"a": 0.1, "b": 0.2}}, "no-silog": {0: {"a": -0.2, "b": -0.1}}})
    table = study_table(
        rows, arms=arms[:2], reference="full", metrics=("log_bias",), compared=("log_bias",)
    )
    label = next(c.label for c in table.columns if c.label.startswith("Δ"))
    assert "distance" in label
    assert percents(table, label)[1] == pytest.approx(0.0)


# --- the set of best arms -------------------------------------------------------------------------


def test_bold_is_the_set_of_best_arms_by_direction(make_rows, arms):
    values = drawn({"full": 0, "no-silog": 0.02, "no-smooth": 0.0002, "no-consistency": -0.0001})
    rows = make_rows({**values, "constant depth": {0: {f"f{i}": 1e-6 for i in range(8)}}})
    table = study_table(rows, arms=arms[:4], reference="full")
    expected = best_set(measurements_of(rows, "abs_rel", arms=tuple(values)), better="lower").arms
    assert set(expected) == {"full", "no-smooth", "no-consistency"}
    assert bold(table, "AbsRel") == {0, 2, 3}
    assert bold(table, "δ<1.25") == {1}
    assert any("p > .05 after Holm over the other arms" in note for note in table.notes)


def test_bold_is_that_of_each_range_by_itself(make_rows, arms):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.02}))
    near = pc.and_(pc.equal(rows["slice"], "range:0.3-1"), pc.equal(rows["arm"], "no-silog"))
    values = pc.if_else(near, pc.multiply(rows["value"], 0.5), rows["value"])
    rows = rows.set_column(rows.column_names.index("value"), rows.schema.field("value"), values)
    table = range_table(rows, arms=arms[:2], reference="full")
    assert column(table, "Distance") == ["0.3–1 m"] * 2 + ["1–2.5 m"] * 2
    assert bold(table, "AbsRel") == {1, 2}
    assert any("not adjusted for the number of intervals" in note for note in table.notes)


def test_nothing_is_bold_where_that_would_be_every_arm(make_rows, arms):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.0, "no-smooth": 0.0}, noise=0.02))
    table = study_table(rows, arms=arms[:3], reference="full", metrics=("abs_rel",))
    assert not table.bold
    assert any("nothing where that is every arm" in note for note in table.notes)
    assert [line["best"] for line in lines_of_csv(table)] == ["1", "1", "1"]


def test_a_twin_is_listed_and_told_and_never_ranked(make_rows):
    labels = [ArmLabel(name=n, title=n) for n in ("full", "full-twin", "other")]
    values = drawn({"full": 0, "full-twin": 0, "other": 0.05})
    values["full-twin"] = {
        seed: {frame: value - 0.01 for frame, value in frames.items()}
        for seed, frames in values["full"].items()
    }
    table = study_table(make_rows(values), arms=labels, reference="full", metrics=("abs_rel",))
    assert bold(table, "AbsRel") == {0}  # though the twin's mean is better
    assert percents(table, "Δ AbsRel (%)")[1] == pytest.approx(-1 / column(table, "AbsRel")[0])
    assert any(n.startswith("full-twin: ") and "noise floor" in n for n in table.notes)
    lines = lines_of_csv(table)
    assert [line["kind"] for line in lines] == ["reference", "twin", "arm"]
    assert [line["best"] for line in lines] == ["1", "", "0"]


def test_a_single_arm_is_not_the_best_of_anything(make_rows, arms):
    table = study_table(make_rows(drawn({"full": 0})), arms=arms[:1], reference="full")
    assert not table.bold
    assert not any("bold" in note.lower() for note in table.notes)


# --- what is missing ------------------------------------------------------------------------------


def test_an_arm_without_results_keeps_its_line_and_says_so(make_rows, arms):
    tables = study_tables(make_rows(ONE_SEED), arms=arms[:4], reference="full")
    table = tables["table"]
    assert table.rows[3][:3] == ("No Consistency", None, None)
    assert any("No results" in n and "No Consistency" in n for n in table.notes)
    assert any("No Consistency" in n for n in tables["table_by_range"].notes)
    line = lines_of_csv(table)[3 * 8]
    assert (line["arm"], line["value"], line["seeds"]) == ("no-consistency", "", "")


def test_an_arm_with_one_of_two_seeds_gets_the_dagger_and_the_narrower_scope(make_rows, arms):
    values = {**TWO_SEEDS, "no-silog": {1: TWO_SEEDS["no-silog"][1]}}
    table = study_table(make_rows(values), arms=arms[:3], reference="full")
    assert column(table, "Configuration") == ["All losses", "No SiLog†", "No Smooth"]
    assert "No SiLog has 1 seed (1)." in table.notes
    assert any(n.startswith("† one run") and "no interval" in n for n in table.notes)
    scopes = [line["percent_scope"] for line in lines_of_csv(table)[::8]]
    assert scopes == ["", "", "both"]
    # The seeds that all three arms have are one: the best of them cannot be told.
    assert not table.bold
    assert any("with one seed that all arms have" in note for note in table.notes)


def test_an_arm_without_a_common_seed_has_a_mean_and_no_change(make_rows, arms):
    values = {**TWO_SEEDS, "no-silog": {7: TWO_SEEDS["no-silog"][1], 8: TWO_SEEDS["full"][0]}}
    table = study_table(make_rows(values), arms=arms[:3], reference="full")
    assert column(table, "AbsRel")[1] == pytest.approx(0.275)
    assert column(table, "Δ AbsRel (%)")[1] is None
    assert "No SiLog has 2 seeds (7, 8), none of them the reference's: no Δ." in table.notes
    assert any("there is no seed that all arms have" in note for note in table.notes)


def test_frames_that_an_arm_lacks_in_a_range_are_left_out_of_all_and_counted(make_rows, arms):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.01}))
    lacks = pc.and_(pc.equal(rows["slice"], "range:0.3-1"), pc.equal(rows["sample_id"], "f3"))
    kept = rows.filter(pc.invert(pc.and_(lacks, pc.equal(rows["arm"], "no-silog"))))
    table = range_table(kept, arms=arms[:2], reference="full")
    told = [note for note in table.notes if note.startswith("0.3–1 m: 1 of 8 images left out")]
    assert ["no abs_rel of them" in note for note in told] == [True, False]
    assert "no rmse of them" in told[1]
    assert column(table, "frames") == [7, 7, 8, 8]


def test_a_reference_of_zero_gives_no_percentage(make_rows, arms):
    rows = make_rows({"full": {0: {"a": 0.0, "b": 0.0}}, "no-silog": {0: {"a": 0.1, "b": 0.2}}})
    table = study_table(rows, arms=arms[:2], reference="full")
    assert column(table, "Δ AbsRel (%)") == [None, None]


def test_wrong_arms_are_refused(make_rows, arms):
    rows = make_rows(ONE_SEED)
    with pytest.raises(StudyError, match="did you mean 'full'"):
        study_table(rows, arms=arms[:3], reference="ful")
    with pytest.raises(StudyError, match="no results"):
        study_table(rows, arms=arms, reference="no-consistency")
    with pytest.raises(StudyError, match="named twice"):
        study_table(rows, arms=[arms[0], arms[0]], reference="full")
    uneven = make_rows({**ONE_SEED, "no-silog": {0: {"a": 0.1}}})
    with pytest.raises(DataError, match="has no value for image 'b'"):
        study_table(uneven, arms=arms[:3], reference="full")
    with pytest.raises(DataError, match="range of distance"):
        range_table(make_rows(ONE_SEED, ranges=()), arms=arms[:3], reference="full")


# --- parts of frames, the paper -------------------------------------------------------------------


def test_ranges_run_from_near_to_far_with_their_counts(make_rows, arms):
    rows = make_rows(ONE_SEED, ranges=("range:16-40", "range:1-2.5"))
    table = range_table(rows, arms=arms[:3], reference="full")
    assert column(table, "Distance") == ["1–2.5 m"] * 4 + ["16–40 m"] * 4
    assert column(table, "pixels") == [100] * 8
    assert column(table, "frames") == [2] * 8
    # Each frame is a recording here, and that is said; in drives it is counted.
    assert any("each taken as a recording of its own" in note for note in table.notes)
    driven = with_column(rows, "sequence", {"a": "drive", "b": "drive"})
    table = range_table(driven, arms=arms[:3], reference="full")
    assert column(table, "recordings") == [1] * 8
    assert any("pixels, frames and recordings are" in note for note in table.notes)
    assert column(table, "AbsRel")[:4] == pytest.approx([0.40, 0.44, 0.30, 1.20])
    assert percents(table, "Δ RMSE (%)")[5:] == pytest.approx([10.0, -25.0, 200.0])


def test_conditions_in_alphabetical_order(make_rows, arms):
    rows = make_rows(ONE_SEED, conditions={"a": "night"})
    table = condition_table(rows, arms=arms[:2], reference="full", baselines=())
    assert column(table, "Condition") == ["(not given)"] * 2 + ["night"] * 2
    assert column(table, "AbsRel") == pytest.approx([0.30, 0.29, 0.10, 0.15])


def test_the_paper_beside_our_differences(make_rows, arms):
    table = paper_table(make_rows(ONE_SEED), arms=arms[:3], reference="full")
    assert column(table, "Published AbsRel") == [0.0809, 0.0820, 0.0794, 0.0816, 0.0895]
    assert column(table, "Published Δ RMSE (%)")[1:] == pytest.approx(
        [0.70, -1.16, 22.91, 35.35], abs=0.005
    )
    assert percents(table, "Our Δ AbsRel (%)")[1:3] == pytest.approx([10.0, -25.0])
    assert percents(table, "Our Δ AbsRel (%)")[3:] == [None, None]
    # Absolute values of ours would invite a comparison across protocols.
    assert not any(c.label.startswith("Our") and "Δ" not in c.label for c in table.columns)
    assert not any("value" in name for name in lines_of_csv(table)[0])


def test_another_reference_is_not_set_beside_the_paper(make_rows, arms):
    table = paper_table(make_rows(ONE_SEED), arms=arms[:3], reference="no-smooth")
    assert column(table, "Our Δ AbsRel (%)") == [None] * 5


def test_the_paper_s_rows_are_our_recipe_s_arms():
    from thermodepth.recipes.paper import ARMS

    assert [row.arm for row in PAPER_TABLE] == [arm.name for arm in ARMS]


# --- files and the terminal -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 8])
def test_any_number_of_arms(make_rows, count):
    labels = [ArmLabel(name=f"arm-{n}", title=f"Arm {n}") for n in range(count)]
    rows = make_rows({label.name: {0: {"a": 0.1 + n / 10}} for n, label in enumerate(labels)})
    for table in study_tables(rows, arms=labels, reference="arm-0").values():
        assert table.markdown()
        assert table.latex()
        assert table.csv()


def test_files_are_the_same_again_in_whatever_order_rows_come(make_rows, arms, tmp_path):
    rows = make_rows(drawn({"full": 0, "no-silog": 0.02, "no-smooth": 0.001}))
    shuffled = rows.take(np.random.default_rng(3).permutation(rows.num_rows))
    for name, table in (("one", rows), ("two", shuffled)):
        written = write_tables(tmp_path / name, study_tables(table, arms=arms, reference="full"))
    names = sorted(path.name for path in written)
    assert names == sorted(
        f"table{stem}.{suffix}"
        for stem in ("", "_by_range", "_by_condition", "_beside_paper")
        for suffix in ("csv", "md", "tex")
    )
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def tabulars(text):
    """[(number of columns, rows of cells, places of rules)] of each tabular, cells split outside braces."""
    found = []
    for body in re.findall(r"\\begin\{tabular\}(.*?)\\end\{tabular\}", text, re.S):
        lines = body.strip().splitlines()
        spec = re.sub(r"p\{0\.\d+\\linewidth\}", "p", lines[0]).replace("@{}", "").strip("{}")
        assert re.fullmatch("[lrp]+", spec), lines[0]
        assert [lines[1], lines[-1]] == [r"\toprule", r"\bottomrule"]
        rows, rules = [], []
        for line in lines[2:-1]:
            if line == r"\midrule":
                rules.append(len(rows))
            elif line.startswith(r"\addlinespace"):
                continue
            else:
                rows.append(_cells(re.sub(r" (\\\\|\\tabularnewline)$", "", line)))
        found.append((len(spec), rows, rules))
    return found


def _cells(line):
    cells, depth = [""], 0
    for piece in re.findall(r"\\.|.", line):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        assert depth >= 0, line
        if piece == "&" and depth == 0:
            cells.append("")
        else:
            cells[-1] += piece
    assert depth == 0, line
    return [cell.replace(r"\raggedright\hspace{0pt}", "").strip() for cell in cells]


def test_latex_is_what_an_author_pastes(make_rows, arms):
    rows = make_rows({**TWO_SEEDS, "constant depth": {0: {"a": 0.5, "b": 0.7}}})
    text = study_table(rows, arms=arms[:3], reference="full").latex()
    assert text.splitlines()[0] == r"% \usepackage{booktabs}"
    parts = tabulars(text)
    assert sum(columns - 1 for columns, _, _ in parts) == 10
    for columns, lines, rules in parts:
        assert {len(line) for line in lines} == {columns}
        assert [line[0] for line in lines[1:4]] == ["All losses", "No SiLog", "No Smooth"]
        assert rules == [1, 4]  # under the headings, above the baseline
    headings = [cell for _, lines, _ in parts for cell in lines[0]]
    assert any("RMSE" in cell and r"$\downarrow$" in cell for cell in headings)
    first, last = [cell for _, lines, _ in parts for cell in lines[1][1:]], parts[-1][1]
    assert (first[0], first[-2:]) == ("0.2500", ["--", "--"])
    assert re.fullmatch(
        r"\+14\.0 \{\\scriptsize \[\$-\$\d+(\.\d)?, \+\d+(\.\d)?\]\}|"
        r"\+14 \{\\scriptsize \[\$-\$\d+, \+\d+\]\}",
        last[2][-2],
    )
    (caption,) = re.findall(r"\\caption\{(.*)\}\n", text)
    for words in (
        "2 seeds (0, 1)",
        "2 frames, each taken as a recording of its own",
        "no alignment",
        r"crossed t: 2 seeds $\times$ 2 recordings",
        "Holm",
    ):
        assert words in caption
    assert text.count(r"\label{tab:study}") == 1
    assert text.index(r"\caption") < text.index(r"\label") < text.index(r"\begin{tabular}")
    assert "table*" in text  # eleven columns
    assert text.isascii()


def test_latex_says_a_block_s_distance_once_and_marks_single_runs(make_rows, arms):
    text = range_table(make_rows(ONE_SEED), arms=arms[:3], reference="full").latex()
    ((columns, lines, rules),) = tabulars(text)
    assert rules == [1, 6]
    heads = [line for line in lines if len(line) == 1]
    assert [r"\textit{0.3--1 m} (pixels 100, frames 2)" in head[0] for head in heads] == [
        True,
        False,
    ]
    assert {len(line) for line in lines if len(line) > 1} == {columns}
    assert [r"$^\dagger$" in line[0] for line in lines[2:6]] == [True, True, True, False]


def test_latex_is_balanced_and_escaped(make_rows):
    labels = [
        ArmLabel(name="full", title=r"100 % & $x_1$ \input{/etc/passwd} #~^"),
        ArmLabel(name="b", title="[b] {c} <d>"),
    ]
    rows = make_rows({"full": {0: {"a": 0.1}}, "b": {0: {"a": 0.2}}})
    for table in study_tables(rows, arms=labels, reference="full").values():
        text = table.latex()
        assert text.count(r"\begin{") == text.count(r"\end{")
        bare = re.sub(r"\\[\\{}$&#%_]", "", text)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0
        assert r"\input{" not in text
        for columns, lines, _ in tabulars(text):
            assert {len(line) for line in lines if len(line) > 1} == {columns}


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_compiler_takes_every_table_of_a_study(make_rows, arms, latex_complaints, seeds):
    random = np.random.default_rng(seeds)
    names = [*(arm.name for arm in arms), "constant depth", "mean-depth map"]
    values = {
        name: {seed: {f"f{n}": random.uniform(0.1, 0.9) for n in range(4)} for seed in range(seeds)}
        for name in names
    }
    ranges = [f"range:{low}-{2 * low}" for low in (0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4)]
    conditions = {f"f{n}": f"street at night in heavy rain {n}" for n in range(4)}
    rows = make_rows(values, ranges=ranges, conditions=conditions, pixels=1_234_567)
    tables = study_tables(rows, arms=arms, reference="full")
    assert set(tables) == {"table", "table_by_range", "table_by_condition", "table_beside_paper"}
    texts = {stem: table.latex() for stem, table in tables.items()}
    assert not any(
        re.search(r"[0-9a-f]{12}", line)
        for text in texts.values()
        for line in text.splitlines()
        if not line.startswith("%")
    )
    assert latex_complaints(texts) == []


def test_csv_has_a_number_a_cell_and_all_digits(make_rows, arms):
    rows = make_rows({**TWO_SEEDS, "constant depth": {0: {"a": 0.5, "b": 0.7}}})
    table = study_table(rows, arms=arms[:3], reference="full")
    lines = lines_of_csv(table)
    assert len(lines) == 4 * 8
    assert list(lines[0]) == [
        *("configuration", "arm", "kind", "metric", "value", "low", "high", "scope"),
        *("percent", "percent_low", "percent_high", "percent_scope"),
        *("best", "seeds", "frames", "recordings", "pixels"),
    ]
    of = {(line["arm"], line["metric"]): line for line in lines}
    block = measurements_of(rows, "abs_rel", arms=("full", "no-silog", "no-smooth"))
    line = of["no-silog", "abs_rel"]
    mean = estimate(block.values[1], block.groups)
    assert float(line["value"]) == mean.value
    assert (float(line["low"]), float(line["high"])) == mean.interval()
    cell = column(table, "Δ AbsRel (%)")[1]
    names = ("percent", "percent_low", "percent_high")
    assert tuple(float(line[name]) for name in names) == (cell.value, cell.low, cell.high)
    assert line["scope"] == line["percent_scope"] == "both"
    assert of["full", "abs_rel"]["percent"] == ""
    baseline = of["constant depth", "abs_rel"]
    assert (baseline["scope"], baseline["percent_scope"]) == ("scenes", "both")
    assert (baseline["best"], baseline["seeds"], baseline["frames"]) == ("", "0", "2")


def test_csv_by_part_names_the_part(make_rows, arms):
    rows = make_rows(TWO_SEEDS, conditions={"a": "night"})
    tables = study_tables(rows, arms=arms[:3], reference="full")
    for stem, heading, first in (
        ("table_by_range", "distance", "0.3–1 m"),
        ("table_by_condition", "condition", "(not given)"),
    ):
        lines = lines_of_csv(tables[stem])
        assert lines[0][heading] == first
        assert len(lines) == 2 * 3 * 2


def test_changes_of_a_hundred_percent_lose_their_decimals(make_rows, arms):
    values = {"full": {0: {"a": 0.1, "b": 0.1}}, "no-silog": {0: {"a": 0.31, "b": 0.33}}}
    two = {arm: {0: seeds[0], 1: seeds[0]} for arm, seeds in values.items()}
    for seeds, text in ((values, "+220"), (two, "+220 [")):
        table = study_table(make_rows(seeds), arms=arms[:2], reference="full")
        cell = column(table, "Δ AbsRel (%)")[1]
        assert cell.digits == 0
        assert text in " ".join(table.printed()[1])


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_terminal_s_table_is_readable_in_80_columns(make_rows, arms, seeds):
    from thermodepth.report.study.write import IN_THE_TERMINAL

    effects = {arm.name: 0.05 * n for n, arm in enumerate(arms)}
    rows = make_rows(
        {**drawn(effects, seeds=seeds), "mean-depth map": {0: {f"f{i}": 0.9 for i in range(8)}}}
    )
    table = study_table(rows, arms=arms, reference="full", metrics=IN_THE_TERMINAL)
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table.rich())
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    printed = [cell for row in table.printed() for cell in row[1:]]
    assert all(cell in text for cell in printed)  # none is broken
    assert all(f"\n{title[:9]}" in text for title in column(table, "Configuration"))
    assert [c.label for c in table.columns[-2:]] == ["Δ AbsRel (%)", "Δ RMSE (%)"]


def test_the_opening_of_the_page_tells_the_largest_change_with_its_interval(make_rows, arms):
    from thermodepth.report.study.page import _largest_change

    rows = make_rows(drawn({"full": 0, "no-silog": 0.05, "full-twin": 0.3}))
    labels = [*arms[:2], ArmLabel(name="full-twin", title="Twin")]
    entries = entries_of(rows, arms=labels, reference="full", metrics=COMPARED)
    sentence = _largest_change(entries.lines, entries.whole)
    cell = column(study_table(rows, arms=labels, reference="full"), "Δ AbsRel (%)")[1]
    assert f"No SiLog, AbsRel +{cell.value:.1f} % [+{cell.low:.1f}, +{cell.high:.1f}]" in sentence
    assert "other seeds and scenes; 4 seeds, 8 recordings" in sentence
    assert "Twin, " not in sentence
    assert ONE_RUN not in sentence
