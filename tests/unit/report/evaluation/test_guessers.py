"""Who wins, a map or a guess: after one alignment, in words and in a table."""

import numpy as np
import pytest

from thermodepth.evaluation.head_maps import GeometryMap, depth_head_maps, two_head_maps
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.rows import TEACHER_ARM, rows_from_records
from thermodepth.evaluation.scoring.baselines import BASELINES, unfitted_baselines
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.report.evaluation.guessers import beaten_notes, verdict
from thermodepth.report.evaluation.overview import evaluation_tables, lead
from thermodepth.types import Geometry

SIZE = (48, 64)


def scene(number):
    depth = np.geomspace(14.0, 2.0, SIZE[0])[:, None] * np.ones(SIZE[1])
    depth[10:30, 20 + number : 40 + number] = 3.0
    return depth


def findings_of(make_sample, protocol, answers_of):
    records = []
    for number in range(3):
        depth = scene(number)
        sample = make_sample(depth, sample_id=f"f{number}")
        frame = score_frame(answers_of(depth), sample, protocol, frame=number, study="s", seed=0)
        records += frame.rows
    rows = rows_from_records(records, protocol=protocol)
    return EvaluationFindings.from_record(EvaluationRecord.from_rows(rows, protocol))


def guesses(depth, *, near=1.02):
    """All five, the nearest frame 2 % off."""
    ramp = np.geomspace(14.0, 2.0, SIZE[0])[:, None] * np.ones(SIZE[1])
    maps = (np.full(SIZE, 5.0), 1.1 * ramp, ramp, near * depth, 1.05 * depth)
    return {arm: depth_head_maps(values) for arm, values in zip(BASELINES, maps, strict=True)}


def table_of(findings):
    table = evaluation_tables(findings)["guessers"]
    labels = [c.label for c in table.columns]
    return [dict(zip(labels, line, strict=True)) for line in table.printed()]


@pytest.mark.parametrize(
    ("value", "guesses", "words"),
    [
        (0.3, {}, ""),
        (0.3, {"row ramp": 0.3}, "worse than the row ramp (0.3000)"),
        (0.3, {"a": 0.1, "b": 0.4, "c": 0.2}, "worse than the a (0.1000) and the c (0.2000)"),
        (0.3, {"a": 0.5, "b": 0.4}, "better than every guesser (the best is the b, 0.4000)"),
    ],
)
def test_the_verdict_names_the_winners(value, guesses, words):
    assert verdict(value, guesses) == words


def test_the_lead_says_that_a_guess_wins_instead_of_what_the_error_is_made_of(
    make_sample, protocol
):
    def answers(depth):
        return {"net": two_head_maps(1.2 * depth, 1.0 / depth), **guesses(depth)}

    sentence = lead(findings_of(make_sample, protocol, answers))
    assert "Worse than" in sentence
    for arm in ("row ramp", "nearest training frame", "ridge on thumbnails"):
        assert f"the {arm} (" in sentence
    assert "constant depth" not in sentence
    assert "squared log error" not in sentence


def test_the_lead_of_a_good_map_names_the_best_guess_and_goes_on(make_sample, protocol):
    def answers(depth):
        return {"net": depth_head_maps(1.01 * depth), **guesses(depth)}

    sentence = lead(findings_of(make_sample, protocol, answers))
    assert "Better than every guesser (the best is the nearest training frame, 0.0200)." in sentence
    assert "of its squared log error is" in sentence


def test_each_map_beside_the_guesses_after_its_own_alignment(make_sample, protocol):
    def answers(depth):
        label = GeometryMap(values=1.0 / depth**2, geometry=Geometry.AFFINE_INVERSE)
        net = two_head_maps(1.1 * depth, 1.0 / depth)
        return {"net": net, TEACHER_ARM: {"structure": label}, **guesses(depth)}

    findings = findings_of(make_sample, protocol, answers)
    lines = table_of(findings)
    assert [(line["Map"], line["Alignment"]) for line in lines if "AbsRel" in line["Metric"]] == [
        ("net", "none"),
        ("net, structure", "scale+shift, 1/depth"),
        ("teacher", "scale+shift, 1/depth"),
    ]
    as_it_is, fitted, teacher = (line for line in lines if "AbsRel" in line["Metric"])
    assert (as_it_is["the map"], as_it_is["nearest training frame"]) == ("0.1000", "0.0200")
    # After the fit the memory of the very frame is perfect, and so is the structural head.
    assert (fitted["the map"], fitted["nearest training frame"]) == ("0.0000", "0.0000")
    assert fitted["row ramp"] != as_it_is["row ramp"]
    assert teacher["row ramp"] == fitted["row ramp"]
    partial = next(line for line in lines if "partial" in line["Metric"])
    assert (partial["the map"], partial["row ramp"], partial["constant depth"]) == (
        "1.0000",
        "0.0000",
        "0.0000",
    )
    assert {line["Alignment"] for line in lines if "partial" in line["Metric"]} == {"any"}
    (note,) = beaten_notes(findings)  # of the structural head none wins; of the net the lead tells
    assert note.startswith("teacher: AbsRel ")
    assert "worse than" in note


def test_guesses_without_a_training_split_stand_beside_after_a_fit(make_sample, protocol):
    def answers(depth):
        claim = GeometryMap(values=1.3 * depth, geometry=Geometry.METRIC_DEPTH)
        return {"maps": {"depth": claim}, **unfitted_baselines(SIZE)}

    findings = findings_of(make_sample, protocol, answers)
    assert "After median scale (0.0000) better than every guesser" in lead(findings)
    line = table_of(findings)[0]
    assert (line["Alignment"], line["the map"]) == ("median scale", "0.0000")
    for table in evaluation_tables(findings).values():
        assert table.markdown()
    assert "guessers" not in evaluation_tables(
        findings_of(make_sample, protocol, lambda depth: {"maps": depth_head_maps(depth)})
    )


@pytest.mark.parametrize("geometry", [Geometry.AFFINE_DEPTH, Geometry.AFFINE_INVERSE])
def test_maps_of_other_geometries_have_guesses_under_their_own_fit(make_sample, protocol, geometry):
    def answers(depth):
        inverse = geometry is Geometry.AFFINE_INVERSE
        values = 1.0 / depth if inverse else depth
        return {
            "maps": {"depth": GeometryMap(values=values, geometry=geometry)},
            **unfitted_baselines(SIZE),
        }

    findings = findings_of(make_sample, protocol, answers)
    assert "Better than every guesser" in lead(findings)
    for table in evaluation_tables(findings).values():
        assert table.csv()


def test_tables_of_boundaries_are_not_for_comparing_with_print(make_sample, protocol):
    findings = findings_of(make_sample, protocol, lambda depth: {"net": depth_head_maps(depth)})
    tables = evaluation_tables(findings)
    (note,) = (
        n for n in tables["structure"].notes if n.startswith("Not comparable with published")
    )
    for label in ("boundary F1", "edge accuracy", "edge completeness", "ordinal error"):
        assert label in note
    assert not any("published" in n for n in tables["variability"].notes)
