"""The tables of an evaluation, from rows that were really scored."""

import numpy as np
import pytest

from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.results.overview import Overview
from thermodepth.evaluation.results.rows import TEACHER_ARM, rows_from_records
from thermodepth.evaluation.scoring.answer import GeometryMap, depth_answer, two_head_answer
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.metrics import ERRORS
from thermodepth.types import Geometry


def relief(number: int) -> np.ndarray:
    depth = np.geomspace(14.0, 2.0, 48)[:, None] * np.ones(64)
    depth[10:30, 20 + number : 40 + number] = 3.0
    return depth


def scored(make_sample, protocol, *, answers_of=None, conditions=("day", "night", "day")):
    """Three frames: a model 10 % too far with a perfect structural head, a constant, the teacher."""
    records = []
    for number, condition in enumerate(conditions):
        depth = relief(number)
        label = GeometryMap(values=0.5 / depth, geometry=Geometry.AFFINE_INVERSE)
        answers = {
            "net": two_head_answer(1.1 * depth, 4.0 / depth - 1.0),
            "constant depth": depth_answer(np.full(depth.shape, 5.0)),
            TEACHER_ARM: {"structure": label},
        }
        if answers_of is not None:
            answers = answers_of(depth)
        sample = make_sample(depth, sample_id=f"f{number}", condition=condition)
        frame = score_frame(answers, sample, protocol, frame=number, study="s", seed=0)
        assert frame is not None
        records += frame.rows
    return Overview(rows_from_records(records, protocol=protocol), protocol)


def column(table, label):
    place = [c.label for c in table.columns].index(label)
    return [row[place] for row in table.rows]


def test_maps_are_metric_first_then_structural_and_the_teacher_last(make_sample, protocol):
    overview = scored(make_sample, protocol)
    assert [m.title for m in overview.maps] == [
        "net",
        "constant depth",
        "net, structure",
        "net, structure against teacher",
        "teacher",
    ]
    assert [overview.natural(m) for m in overview.maps] == ["none"] * 2 + ["affine_inverse"] * 3


def test_the_headline_by_hand(make_sample, protocol):
    table = scored(make_sample, protocol).headline()
    values = dict(zip(column(table, ""), column(table, "net"), strict=True))
    assert values["AbsRel ↓"] == "0.1000"
    assert values["log bias → 0"] == "0.0953"  # ln 1.1
    assert values["SILog ↓"] == "0.00"
    assert len(table.rows) == len(ERRORS)
    assert protocol.protocol_id() in table.notes[0]
    assert "3 frames" in table.notes[0]


def test_the_headline_is_under_the_protocols_own_alignment(make_sample, protocol):
    own = protocol.edit({"alignment": "median"})
    table = scored(make_sample, own).headline()
    assert "median" in table.title
    assert column(table, "net")[0] == "0.0000"


def test_every_alignment_stands_beside_every_other(make_sample, protocol):
    table = scored(make_sample, protocol).alignments()
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
    table = scored(make_sample, protocol).tables()["structure"]
    net = dict(zip(column(table, ""), column(table, "net"), strict=True))
    assert net["boundary F1 ↑"] == "1.0000"  # a factor moves no boundary
    constant = dict(zip(column(table, ""), column(table, "constant depth"), strict=True))
    assert constant["boundary F1 ↑"] == "0.0000"
    assert set(column(table, "frames")) == {3}


def test_empty_slices_are_said_and_have_no_value(make_sample, protocol):
    table = scored(make_sample, protocol).tables()["by_density"]
    lines = {row[0]: row[1:] for row in table.rows}
    assert lines["0.5 and more"][:2] == (3 * 48 * 64, 3)
    assert lines["0–0.02"][:2] == (0, 0)
    assert set(lines["0–0.02"][2:]) == {None}


def test_conditions_in_alphabetical_order_with_their_frames(make_sample, protocol):
    table = scored(make_sample, protocol, conditions=("night", "day", "")).tables()["by_condition"]
    assert column(table, "Condition") == ["(not given)", "day", "night"]
    assert column(table, "frames") == [1, 1, 1]


def test_the_ledgers_name_the_factor(make_sample, protocol):
    overview = scored(make_sample, protocol)
    parts = overview.ledger_parts()["net"]
    assert parts["calibration"] == pytest.approx(np.log(1.1) ** 2, rel=1e-6)
    assert sum(parts.values()) == pytest.approx(parts["calibration"], rel=1e-6)
    assert "100% of its squared log error is calibration" in overview.lead()


def test_a_partly_silent_teacher_is_said(make_sample, protocol):
    def answers(depth):
        label = 1.0 / depth
        label[:, :16] = np.nan
        claim = GeometryMap(values=label, geometry=Geometry.AFFINE_INVERSE)
        return {"net": depth_answer(depth), TEACHER_ARM: {"structure": claim}}

    overview = scored(make_sample, protocol, answers_of=answers)
    assert any("75% of the scored pixels" in note for note in overview.alignments().notes)


@pytest.mark.parametrize("geometry", list(Geometry))
def test_a_lone_map_of_any_geometry_has_all_tables(make_sample, protocol, geometry):
    def answers(depth):
        inverse = geometry is Geometry.AFFINE_INVERSE
        values = 2.0 / depth if inverse else 2.0 * depth
        return {"maps": {"depth": GeometryMap(values=values, geometry=geometry)}}

    overview = scored(make_sample, protocol, answers_of=answers)
    tables = overview.tables()
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
    assert overview.natural(overview.maps[0]) == natural[geometry]
    assert ALIGNMENTS[natural[geometry]].label in tables["headline"].title
