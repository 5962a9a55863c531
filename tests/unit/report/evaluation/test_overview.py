"""The tables of an evaluation, from rows that were really scored."""

import csv
import io

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.head_maps import GeometryMap, depth_head_maps, two_head_maps
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.rows import TEACHER_ARM, rows_from_records
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.metrics import ERRORS, METRICS
from thermodepth.report.evaluation.overview import (
    alignments_table,
    evaluation_tables,
    headline_table,
    lead,
)
from thermodepth.report.evaluation.warnings import against_truth_note, unit_hint
from thermodepth.types import Geometry


def relief(number: int) -> np.ndarray:
    depth = np.geomspace(14.0, 2.0, 48)[:, None] * np.ones(64)
    depth[10:30, 20 + number : 40 + number] = 3.0
    return depth


def rows_of(
    make_sample,
    protocol,
    *,
    answers_of=None,
    truth_of=lambda depth: depth,
    conditions=("day", "night", "day"),
):
    """Three frames: a model 10 % too far with a perfect structural head, a constant, the teacher."""
    records = []
    for number, condition in enumerate(conditions):
        depth = relief(number)
        label = GeometryMap(values=0.5 / depth, geometry=Geometry.AFFINE_INVERSE)
        answers = {
            "net": two_head_maps(1.1 * depth, 4.0 / depth - 1.0),
            "constant depth": depth_head_maps(np.full(depth.shape, 5.0)),
            TEACHER_ARM: {"structure": label},
        }
        if answers_of is not None:
            answers = answers_of(depth)
        sample = make_sample(truth_of(depth), sample_id=f"f{number}", condition=condition)
        frame = score_frame(answers, sample, protocol, frame=number, study="s", seed=0)
        assert frame is not None
        records += frame.rows
    return rows_from_records(records, protocol=protocol)


def scored(make_sample, protocol, **choices):
    """The findings of `rows_of`."""
    rows = rows_of(make_sample, protocol, **choices)
    return EvaluationFindings.from_record(EvaluationRecord.from_rows(rows, protocol))


def column(table, label):
    place = [c.label for c in table.columns].index(label)
    return [row[place] for row in table.rows]


def printed(table, label):
    """Name of the line as printed -> its cell under a heading as printed."""
    place = [c.label for c in table.columns].index(label)
    return {line[0]: line[place] for line in table.printed()}


def test_maps_are_metric_first_then_structural_and_the_teacher_last(make_sample, protocol):
    findings = scored(make_sample, protocol)
    assert [m.title for m in findings.maps] == [
        "net",
        "constant depth",
        "net, structure",
        "net, structure against teacher",
        "teacher",
    ]
    assert [findings.means.natural(m) for m in findings.maps] == ["none"] * 2 + [
        "affine_inverse"
    ] * 3


def test_the_headline_by_hand(make_sample, protocol):
    table = headline_table(scored(make_sample, protocol))
    values = printed(table, "net")
    assert values["AbsRel ↓"] == "0.1000"
    assert values["log bias → 0"] == "0.0953"  # ln 1.1
    assert values["SILog ↓"] == "0.00"
    assert len(table.rows) == len(ERRORS)
    assert protocol.protocol_id() in table.notes[0]
    assert "3 frames" in table.notes[0]


def test_the_headline_is_under_the_protocols_own_alignment(make_sample, protocol):
    own = protocol.edit({"alignment": "median"})
    table = headline_table(scored(make_sample, own))
    assert "median" in table.title
    assert printed(table, "net")["AbsRel ↓"] == "0.0000"


def test_slices_and_lead_say_their_alignment(make_sample, protocol):
    findings = scored(make_sample, protocol.edit({"alignment": "median"}))
    for name in ("by_range", "by_condition", "by_edge"):
        table = evaluation_tables(findings)[name]
        known = [v for v in column(table, "AbsRel, net") if v is not None]
        assert known == pytest.approx([0.0] * len(known), abs=1e-6)
        assert "alignment: median scale" in table.notes[0]
    assert "Before it is aligned, 100% of its squared log error is calibration" in lead(findings)


def test_rows_of_another_protocol_are_refused(make_sample, protocol):
    rows = rows_of(make_sample, protocol)
    other = protocol.edit({"max_depth_m": 20.0, "range_bin_edges_m": [1.0, 20.0]})
    with pytest.raises(DataError, match=r"toy-\w+ are not those of toy-\w+"):
        EvaluationRecord.from_rows(rows, other)


def test_every_alignment_stands_beside_every_other(make_sample, protocol):
    table = alignments_table(scored(make_sample, protocol))
    pairs = zip(column(table, "Alignment"), column(table, "Map"), strict=True)
    of_net = [alignment for alignment, scored_map in pairs if scored_map == "net"]
    assert of_net == [
        f"{a.label}{' (own)' if a.name == 'none' else ''}" for a in ALIGNMENTS.values()
    ]
    lines = list(zip(*(column(table, c) for c in ("Map", "AbsRel")), strict=True))
    assert [v for m, v in lines if m == "net, structure"] == [pytest.approx(0.0, abs=1e-6)]
    assert [v for m, v in lines if m == "teacher"] == [pytest.approx(0.0, abs=1e-6)]
    assert "against teacher" not in " ".join(m for m, _ in lines)  # another truth


def test_pictures_have_a_column_for_every_map(make_sample, protocol):
    table = evaluation_tables(scored(make_sample, protocol))["structure"]
    net = printed(table, "net")
    assert net["boundary F1 ↑"] == "1.0000"  # a factor moves no boundary
    assert "normal angle (°) ↓" in net  # as normals<30° are written
    assert printed(table, "constant depth")["boundary F1 ↑"] == "0.0000"
    assert set(column(table, "frames")) == {3}
    assert "dash" not in " ".join(table.notes)


def sparse(depth):
    """A lidar's points, that have no neighbours."""
    points = np.full(depth.shape, np.nan)
    points[::3, ::3] = depth[::3, ::3]
    return points


def test_sparse_truth_is_told_from_a_dense_teacher(make_sample, protocol):
    table = evaluation_tables(scored(make_sample, protocol, truth_of=sparse))["structure"]
    f1 = {c.label: cell for c, cell in zip(table.columns, table.printed()[2], strict=True)}
    assert f1["Metric"] == "boundary F1 ↑"
    assert (f1["frames, truth"], f1["net"], f1["teacher"]) == ("0", "–", "–")
    # The labels are dense, but known only where the truth is asked for.
    assert (f1["frames, teacher"], f1["net, structure against teacher"]) == ("3", "1.0000")
    assert "0 frames and a dash: the truth, or the teacher" in table.notes[0]


def test_a_map_on_fewer_frames_than_its_line_says_is_named(make_sample, protocol):
    def answers(depth):
        label = 1.0 / depth
        label[:, :60] = np.nan  # but for a strip too thin for 50 boundaries
        claim = GeometryMap(values=label, geometry=Geometry.AFFINE_INVERSE)
        return {"net": depth_head_maps(depth), TEACHER_ARM: {"structure": claim}}

    table = evaluation_tables(scored(make_sample, protocol, answers_of=answers))["structure"]
    assert printed(table, "teacher")["boundary F1 ↑"] == "–"
    assert set(column(table, "frames")) == {3}
    (note,) = (note for note in table.notes if "Fewer" in note)
    assert note.startswith("Fewer frames behind teacher: 0 frames for boundary precision, ")


def test_empty_slices_are_said_and_have_no_value(make_sample, protocol):
    table = evaluation_tables(scored(make_sample, protocol))["by_density"]
    lines = {row[0]: row[1:] for row in table.rows}
    assert lines["0.5 and more"][:2] == (3 * 48 * 64, 3)
    assert lines["0–0.02"][:2] == (0, 0)
    assert set(lines["0–0.02"][2:]) == {None}


def test_conditions_in_alphabetical_order_with_their_frames(make_sample, protocol):
    table = evaluation_tables(scored(make_sample, protocol, conditions=("night", "day", "")))[
        "by_condition"
    ]
    assert column(table, "Condition") == ["(not given)", "day", "night"]
    assert column(table, "frames") == [1, 1, 1]


def test_the_ledgers_name_the_factor(make_sample, protocol):
    findings = scored(make_sample, protocol)
    parts = findings.ledger_parts()["net"]
    assert parts["calibration"] == pytest.approx(np.log(1.1) ** 2, rel=1e-6)
    assert sum(parts.values()) == pytest.approx(parts["calibration"], rel=1e-6)
    assert "100% of its squared log error is calibration" in lead(findings)


def test_a_partly_silent_teacher_is_said(make_sample, protocol):
    def answers(depth):
        label = 1.0 / depth
        label[:, :16] = np.nan
        claim = GeometryMap(values=label, geometry=Geometry.AFFINE_INVERSE)
        return {"net": depth_head_maps(depth), TEACHER_ARM: {"structure": claim}}

    findings = scored(make_sample, protocol, answers_of=answers)
    assert any("75% of the scored pixels" in note for note in alignments_table(findings).notes)


@pytest.mark.parametrize("geometry", list(Geometry))
def test_a_lone_map_of_any_geometry_has_all_tables(make_sample, protocol, geometry):
    def answers(depth):
        inverse = geometry is Geometry.AFFINE_INVERSE
        values = 2.0 / depth if inverse else 2.0 * depth
        return {"maps": {"depth": GeometryMap(values=values, geometry=geometry)}}

    findings = scored(make_sample, protocol, answers_of=answers)
    tables = evaluation_tables(findings)
    assert "ledger_structure" not in tables
    for table in tables.values():
        assert table.markdown()
        assert table.csv()
        assert table.latex()
    natural = {
        Geometry.METRIC_DEPTH: "none",
        Geometry.SCALE_DEPTH: "median",
        Geometry.AFFINE_DEPTH: "affine_depth",
        Geometry.AFFINE_INVERSE: "affine_inverse",
    }
    assert findings.means.natural(findings.maps[0]) == natural[geometry]
    assert ALIGNMENTS[natural[geometry]].label in tables["headline"].title


# --- what a machine reads ------------------------------------------------------------------------


def frame_means(rows):
    """(arm, head, against, alignment, slice, metric) -> mean over frames, straight from the rows."""
    keys = ("arm", "head", "against", "alignment", "slice", "metric")
    values = {}
    for row in rows.to_pylist():
        values.setdefault(tuple(row[key] for key in keys), []).append(row["value"])
    return {key: np.mean(of) for key, of in values.items()}


def test_every_csv_is_numbers_with_all_digits(make_sample, protocol):
    findings = scored(make_sample, protocol)
    for stem, table in evaluation_tables(findings).items():
        text = table.csv()
        assert not set("−↓↑→") & set(text), stem
        lines = list(csv.DictReader(io.StringIO(text)))
        assert len(lines) == len(table.rows)
        numeric = [c.label for c in table.columns if c.align == "right"]
        assert numeric
        for line in lines:
            values = [float(line[label]) for label in numeric if line[label]]
            assert all(np.isfinite(values))
            assert "" not in line  # every column has a name


@pytest.mark.parametrize("stem", ["headline", "structure", "variability"])
def test_a_csv_holds_what_the_rows_hold(make_sample, protocol, stem):
    findings = scored(make_sample, protocol)
    means = frame_means(rows_of(make_sample, protocol))
    lines = list(csv.DictReader(io.StringIO(evaluation_tables(findings)[stem].csv())))
    compared = 0
    for line in lines:
        names = [n for n, row in METRICS.items() if line["Metric"].partition(" (")[0] == row.label]
        for scored_map in findings.maps:
            if scored_map.title in line:
                natural = findings.means.natural(scored_map)
                own = (scored_map.arm, scored_map.head, scored_map.against, natural, "all", *names)
                assert float(line[scored_map.title]) == pytest.approx(means[own], rel=1e-13)
                compared += 1
    assert compared == len(lines) * (2 if stem == "headline" else 5)


# --- words ---------------------------------------------------------------------------------------


def test_one_frame_is_no_frames(make_sample, protocol):
    findings = scored(make_sample, protocol, conditions=("day",))
    assert "mean over 1 frame." in headline_table(findings).notes[0]
    assert "on 1 frame (" in lead(findings)


def test_the_two_ledgers_in_logarithms_have_their_own_titles(make_sample, protocol):
    tables = evaluation_tables(scored(make_sample, protocol))
    assert tables["ledger"].title == "Where the error in ln depth comes from"
    assert "structural head" in tables["ledger_structure"].title


def test_a_wrong_unit_is_at_least_so_wrong_where_predictions_are_limited(make_sample, protocol):
    def millimetres(depth):
        return {"maps": depth_head_maps(1000.0 * depth)}

    findings = scored(make_sample, protocol, answers_of=millimetres)
    limited = unit_hint(findings)
    assert against_truth_note(findings) == ""  # flat by the limit, not by itself
    # All at 16 m, the end of the range: the truth's log mean is what is left of it.
    mean = np.mean(
        [np.log(16.0 / relief(number)[relief(number) < 16.0]).mean() for number in range(3)]
    )
    assert f"maps is off by a factor of at least {np.exp(mean):.1f} (too far)" in limited
    assert "--png-scale / --truth-scale" in limited
    of_ours = unit_hint(findings, foreign=False)
    assert "--" not in of_ours  # no option of the command says in which unit a model answers
    assert "is the lens another than that of its training" in of_ours
    assert "float files hold metres" in limited

    free = protocol.edit({"clamp_prediction": False})
    assert "by a factor of 1000.0 (too far)" in unit_hint(
        scored(make_sample, free, answers_of=millimetres)
    )
    assert unit_hint(scored(make_sample, protocol)) == ""


@pytest.mark.parametrize("geometry", [Geometry.AFFINE_DEPTH, Geometry.AFFINE_INVERSE])
def test_a_map_that_runs_against_the_truth_is_said(make_sample, protocol, geometry):
    def against(depth):
        inverse = geometry is Geometry.AFFINE_INVERSE
        values = depth if inverse else 1.0 / depth
        return {"maps": {"depth": GeometryMap(values=values, geometry=geometry)}}

    def along(depth):
        inverse = geometry is Geometry.AFFINE_INVERSE
        values = 1.0 / depth if inverse else depth
        return {"maps": {"depth": GeometryMap(values=values, geometry=geometry)}}

    note = against_truth_note(scored(make_sample, protocol, answers_of=against))
    assert note == (
        "maps says nothing of the depth after its fit (flat, or near and far exchanged): is --geometry right?"
    )
    assert against_truth_note(scored(make_sample, protocol, answers_of=along)) == ""


def test_metres_that_run_against_the_truth_are_said_and_baselines_are_not(make_sample, protocol):
    def inverse_as_metres(depth):
        return {
            "maps": depth_head_maps(20.0 / depth),
            "constant depth": depth_head_maps(0 * depth + 5.0),
        }

    note = against_truth_note(scored(make_sample, protocol, answers_of=inverse_as_metres))
    assert note == "maps has near and far exchanged: is --geometry right?"
    findings = scored(make_sample, protocol, answers_of=inverse_as_metres)
    assert against_truth_note(findings, foreign=False) == "maps has near and far exchanged."
    assert against_truth_note(scored(make_sample, protocol)) == ""


def test_a_compiler_takes_every_table_of_an_evaluation(make_sample, protocol, latex_complaints):
    tables = evaluation_tables(scored(make_sample, protocol))
    assert latex_complaints({stem: table.latex() for stem, table in tables.items()}) == []
