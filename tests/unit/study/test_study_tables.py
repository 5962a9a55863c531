"""The study's tables: numbers against hand values, notes, files."""

import csv
import io
import re

import pytest

from thermodepth.errors import DataError, StudyError
from thermodepth.study.analysis.comparison import ONE_RUN
from thermodepth.study.tables.lines import ArmLabel
from thermodepth.study.tables.table import (
    PAPER_TABLE,
    condition_table,
    paper_table,
    range_table,
    study_table,
    study_tables,
    write_tables,
)

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


def column(table, label):
    place = [c.label for c in table.columns].index(label)
    return [row[place] for row in table.rows]


def bold(table, label):
    place = [c.label for c in table.columns].index(label)
    return {row for row, c in table.bold if c == place}


def test_table_1_by_hand(make_rows, arms):
    table = study_table(make_rows(ONE_SEED), arms=arms[:3], reference="full")
    assert column(table, "Configuration") == [
        "All losses",
        "No SiLog",
        "No Smooth",
        "Baseline: constant depth",
    ]
    assert column(table, "AbsRel") == pytest.approx([0.20, 0.22, 0.15, 0.60])
    assert column(table, "Δ AbsRel (%)")[0] is None
    assert column(table, "Δ AbsRel (%)")[1:] == pytest.approx([10.0, -25.0, 200.0])
    assert column(table, "RMSE (m)") == pytest.approx([0.80, 0.88, 0.60, 2.40])
    assert [c.label for c in table.columns] == [
        "Configuration",
        "AbsRel",
        "Δ AbsRel (%)",
        "RMSE (m)",
        "Δ RMSE (%)",
        "SqRel (m)",
        "RMSElog",
        "SILog",
        "δ<1.25",
        "δ<1.25²",
        "δ<1.25³",
    ]


def test_bold_is_the_best_arm_by_direction_and_never_a_baseline(make_rows, arms):
    values = {**ONE_SEED, "constant depth": {0: {"a": 0.001, "b": 0.001}}}
    table = study_table(make_rows(values), arms=arms[:3], reference="full")
    assert bold(table, "AbsRel") == {2}
    assert bold(table, "δ<1.25") == {1}


def test_what_prints_the_same_is_bold_together(make_rows, arms):
    values = {"full": {0: {"a": 0.1}}, "no-silog": {0: {"a": 0.100004}}}
    table = study_table(make_rows(values), arms=arms[:2], reference="full", metrics=("abs_rel",))
    assert bold(table, "AbsRel") == {0, 1}


def test_one_seed_is_stamped_and_has_no_interval(make_rows, arms):
    for table in study_tables(make_rows(ONE_SEED), arms=arms[:3], reference="full").values():
        assert any(ONE_RUN in note for note in table.notes)
        assert not any("95 %" in c.label for c in table.columns)
    table = study_table(make_rows(ONE_SEED), arms=arms[:3], reference="full")
    assert ONE_RUN in table.notes
    assert any("2 frames" in n and "1 seed (0)" in n and "synthetic-" in n for n in table.notes)
    assert any(n.startswith("Bold") and "one run cannot tell" in n for n in table.notes)


def test_two_seeds_have_an_interval_and_no_stamp(make_rows, arms):
    rows = make_rows(TWO_SEEDS)
    table = study_table(rows, arms=arms[:3], reference="full")
    assert not any(ONE_RUN in note for note in table.notes)
    assert any("over 2 seeds, on this test set" in note for note in table.notes)
    # no-silog: differences .02 and .05 of a mean of .25; t_1 = 12.706, sd/sqrt(2) = .015.
    assert column(table, "Δ AbsRel (%)")[1] == pytest.approx(14.0)
    assert column(table, "95 % of Δ AbsRel") == [None, "[−62.2, +90.2]", "[−20.0, −20.0]"]
    for other in (range_table, condition_table):
        made = other(rows, arms=arms[:3], reference="full")
        assert ONE_RUN not in made.notes
        assert "95 % of Δ RMSE" in [c.label for c in made.columns]


def test_ranges_run_from_near_to_far_with_their_pixels(make_rows, arms):
    rows = make_rows(ONE_SEED, ranges=("range:16-40", "range:1-2.5"))
    table = range_table(rows, arms=arms[:3], reference="full")
    assert column(table, "Distance") == ["1–2.5 m"] * 4 + ["16–40 m"] * 4
    assert column(table, "pixels") == [100] * 8
    assert column(table, "frames") == [2] * 8
    assert column(table, "AbsRel")[:4] == pytest.approx([0.40, 0.44, 0.30, 1.20])
    assert column(table, "Δ RMSE (%)")[5:] == pytest.approx([10.0, -25.0, 200.0])
    assert bold(table, "AbsRel") == {2, 6}


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
    assert column(table, "Our Δ AbsRel (%)")[1:3] == pytest.approx([10.0, -25.0])
    assert column(table, "Our Δ AbsRel (%)")[3:] == [None, None]
    # Absolute values of ours would invite a comparison across protocols.
    assert not any(c.label.startswith("Our") and "Δ" not in c.label for c in table.columns)


def test_another_reference_is_not_set_beside_the_paper(make_rows, arms):
    table = paper_table(make_rows(ONE_SEED), arms=arms[:3], reference="no-smooth")
    assert column(table, "Our Δ AbsRel (%)") == [None] * 5


def test_the_paper_s_rows_are_our_recipe_s_arms():
    from thermodepth.recipes.paper import ARMS

    assert [row.arm for row in PAPER_TABLE] == [arm.name for arm in ARMS]


def test_an_arm_without_results_keeps_its_line_and_says_so(make_rows, arms):
    tables = study_tables(make_rows(ONE_SEED), arms=arms[:4], reference="full")
    table = tables["table"]
    assert table.rows[3][:3] == ("No Consistency", None, None)
    assert any("No results" in n and "No Consistency" in n for n in table.notes)
    assert any("No Consistency" in n for n in tables["table_by_range"].notes)


def test_an_arm_with_fewer_seeds_says_so(make_rows, arms):
    values = {**TWO_SEEDS, "no-silog": {1: TWO_SEEDS["no-silog"][1]}}
    table = study_table(make_rows(values), arms=arms[:3], reference="full")
    assert any("No SiLog has 1 seed (1)" in note for note in table.notes)
    assert column(table, "95 % of Δ AbsRel")[1] is None


def test_wrong_arms_are_refused(make_rows, arms):
    rows = make_rows(ONE_SEED)
    with pytest.raises(StudyError, match="did you mean 'full'"):
        study_table(rows, arms=arms[:3], reference="ful")
    with pytest.raises(StudyError, match="no results"):
        study_table(rows, arms=arms, reference="no-consistency")
    with pytest.raises(StudyError, match="named twice"):
        study_table(rows, arms=[arms[0], arms[0]], reference="full")
    uneven = make_rows({**ONE_SEED, "no-silog": {0: {"a": 0.1}}})
    with pytest.raises(DataError, match="not all the same"):
        study_table(uneven, arms=arms[:3], reference="full")


@pytest.mark.parametrize("count", [1, 2, 8])
def test_any_number_of_arms(make_rows, count):
    labels = [ArmLabel(name=f"arm-{n}", title=f"Arm {n}") for n in range(count)]
    rows = make_rows({label.name: {0: {"a": 0.1 + n / 10}} for n, label in enumerate(labels)})
    for table in study_tables(rows, arms=labels, reference="arm-0").values():
        assert table.markdown()
        assert table.latex()


def test_files_are_the_same_again_in_whatever_order_rows_come(make_rows, arms, tmp_path):
    rows = make_rows(TWO_SEEDS)
    shuffled = rows.take(list(range(rows.num_rows))[::-1])
    for name, table in (("one", rows), ("two", shuffled)):
        written = write_tables(
            tmp_path / name, study_tables(table, arms=arms[:3], reference="full")
        )
    names = sorted(path.name for path in written)
    assert names == sorted(
        f"table{stem}.{suffix}"
        for stem in ("", "_by_range", "_by_condition", "_beside_paper")
        for suffix in ("csv", "md", "tex")
    )
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_latex_is_balanced_and_escaped(make_rows):
    labels = [
        ArmLabel(name="full", title=r"100 % & $x_1$ \input{/etc/passwd} #~^"),
        ArmLabel(name="b", title="[b] {c} <d>"),
    ]
    rows = make_rows({"full": {0: {"a": 0.1}}, "b": {0: {"a": 0.2}}})
    for table in study_tables(rows, arms=labels, reference="full").values():
        text = table.latex()
        assert text.count(r"\begin{") == text.count(r"\end{") == 2
        bare = re.sub(r"\\[\\{}$&#%_]", "", text)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0
        assert r"\input{" not in text
        cells = {line.count("&") for line in bare.splitlines() if " & " in line}
        assert cells == {len(table.columns) - 1}


def test_csv_keeps_all_digits(make_rows, arms):
    text = study_table(make_rows(ONE_SEED), arms=arms[:3], reference="full").csv()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert float(lines[1]["AbsRel"]) == (0.15 + 0.29) / 2
    assert lines[0]["Δ AbsRel (%)"] == ""
