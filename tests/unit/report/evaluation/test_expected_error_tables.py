"""Tables of the expected error: there when a model tells it, with standard errors by hand."""

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.evaluation.head_maps import depth_head_maps
from thermodepth.evaluation.results.expected_error import ExpectedErrors
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.report.evaluation.overview import evaluation_tables, lead

SCENES = ("a", "a", "b", "c")  # of the frames
CONDITIONS = ("day", "night", "day", "day")


@pytest.fixture
def rows_of(make_sample, protocol):
    def rows(*, tells=("net",), arms=("net", "other")):
        random = np.random.default_rng(0)
        records = []
        for number, (scene, condition) in enumerate(zip(SCENES, CONDITIONS, strict=True)):
            truth = np.geomspace(14.0, 1.2, 30)[:, None] * np.ones(40)
            off = np.exp(random.normal(0, 0.1 * (number + 1), truth.shape))
            sample = make_sample(truth, sample_id=f"f{number}", sequence=scene, condition=condition)
            error = np.stack([np.full(truth.shape, 0.2), np.full(truth.shape, 0.4)])
            answers = {
                arm: depth_head_maps(truth * off, relative_error=error if arm in tells else None)
                for arm in arms
            }
            scores = score_frame(answers, sample, protocol, frame=number, study="s", seed=0)
            assert scores is not None
            records += scores.rows
        return rows_from_records(records, protocol=protocol)

    return rows


def findings_of(rows, protocol):
    return EvaluationFindings.from_record(EvaluationRecord.from_rows(rows, protocol))


def test_tables_of_models_that_do_not_tell_are_as_they_were(rows_of, protocol):
    without = findings_of(rows_of(tells=()), protocol)
    having = findings_of(rows_of(), protocol)
    assert set(evaluation_tables(having)) - set(evaluation_tables(without)) == {
        "expected_error",
        "expected_error_by_slice",
    }
    assert having.maps == without.maps
    assert lead(having) == lead(without)
    for name, table in evaluation_tables(without).items():
        assert evaluation_tables(having)[name] == table, name


def test_a_mean_and_its_standard_error_by_hand(rows_of, protocol):
    rows = rows_of()
    values = {
        row["sample_id"]: row["value"]
        for row in rows.to_pylist()
        if (row["metric"], row["slice"]) == ("error_coverage_68", "all")
    }
    found = np.array([values[f"f{number}"] for number in range(4)])
    errors = ExpectedErrors.from_record(EvaluationRecord.from_rows(rows, protocol))
    mean = errors.mean("net", "error_coverage_68")
    assert mean is not None
    assert mean.value == pytest.approx(found.mean())
    assert mean.frames == 4
    off = found - found.mean()
    sums = np.array([off[0] + off[1], off[2], off[3]])  # by scene
    assert mean.standard_error == pytest.approx(np.sqrt(3 / 2 * (sums**2).sum()) / 4)
    of_night = errors.mean("net", "error_coverage_68", condition="night")
    assert of_night is not None
    assert (of_night.value, of_night.standard_error) == (pytest.approx(found[1]), None)
    assert errors.mean("net", "error_coverage_68", slice="range:0-1") is None


def test_pooled_pixels_weigh_by_their_number(rows_of, protocol):
    pooled = protocol.edit({"averaging": "pooled"})
    record = EvaluationRecord.from_rows(rows_of(), protocol)
    one = ExpectedErrors.from_record(record).mean("net", "error_ause")
    other = ExpectedErrors.from_record(replace(record, protocol=pooled)).mean("net", "error_ause")
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value)  # all frames have as many


def test_every_slice_and_condition_stands_in_its_table(rows_of, protocol):
    tables = evaluation_tables(findings_of(rows_of(), protocol))
    table = tables["expected_error_by_slice"]
    names = [line[0] for line in table.rows]
    assert names[:3] == ["1–4 m away", "4–8 m away", "8–16 m away"]
    assert names[-2:] == ["day", "night"]
    (day,) = [line for line in table.rows if line[0] == "day"]
    assert day[2] == 3
    empty = [line for line in table.rows if line[1] == 0]
    assert empty
    assert all(cell is None for line in empty for cell in line[3:])
    whole = tables["expected_error"].markdown()
    for words in ("coverage of 68 % → 0.68", "coverage of 90 % → 0.9", "AUSE ↓", "larger"):
        assert words in whole
    assert [column.label for column in tables["expected_error"].columns] == ["Metric", "net"]
