"""What is computed of an evaluation, against the rows that it is computed from."""

import numpy as np
import pytest

from thermodepth.evaluation.head_maps import depth_head_maps, two_head_maps
from thermodepth.evaluation.results.findings import EvaluationFindings
from thermodepth.evaluation.results.map_means import ScoredMap
from thermodepth.evaluation.results.record import EvaluationRecord
from thermodepth.evaluation.rows.rows import rows_from_records
from thermodepth.evaluation.scoring.baselines import BASELINES
from thermodepth.evaluation.scoring.score import score_frame

NET = ScoredMap("net", "depth", "truth")
RAMP = next(arm for arm in BASELINES if "ramp" in arm)


@pytest.fixture
def rows(make_sample, protocol):
    """Four frames of two sequences: a model that tells its relative error, and a guesser."""
    random = np.random.default_rng(0)
    records = []
    for number in range(4):
        truth = np.geomspace(14.0, 1.2, 30)[:, None] * np.ones(40)
        depth = truth * np.exp(random.normal(0.1, 0.05 * (number + 1), truth.shape))
        error = np.stack([np.full(truth.shape, 0.2), np.full(truth.shape, 0.4)])
        head_maps = {
            "net": two_head_maps(depth, 1.0 / truth, relative_error=error),
            RAMP: depth_head_maps(1.3 * truth),
        }
        sample = make_sample(truth, sample_id=f"f{number}", sequence=f"s{number // 2}")
        scores = score_frame(head_maps, sample, protocol, frame=number, study="s", seed=0)
        records += scores.rows
    return rows_from_records(records, protocol=protocol)


@pytest.fixture
def findings(rows, protocol):
    return EvaluationFindings.from_record(EvaluationRecord.from_rows(rows, protocol))


def values_of(rows, arm, metric, *, head="depth", alignment="none"):
    """frame -> value over its whole, straight from the rows."""
    key = (arm, metric, head, alignment, "all")
    names = ("arm", "metric", "head", "alignment", "slice")
    return {
        row["sample_id"]: row["value"]
        for row in rows.to_pylist()
        if tuple(row[name] for name in names) == key
    }


def test_a_record_holds_what_models_tell_of_their_errors_apart(rows, protocol):
    record = EvaluationRecord.from_rows(rows, protocol)
    assert set(record.relative_errors["head"].to_pylist()) == {"relative_error"}
    assert set(record.maps["head"].to_pylist()) == {"depth", "structure"}
    assert record.relative_errors.num_rows + record.maps.num_rows == rows.num_rows
    assert record.pictured is record.maps  # the guesser has metres


def test_a_map_stands_beside_the_guesser_with_the_means_of_the_rows(rows, findings):
    comparison = findings.comparisons[NET]
    assert set(findings.comparisons) == {m for m in findings.maps if m.arm == "net"}
    for name in ("abs_rel", "rank_correlation"):
        own, guess = (list(values_of(rows, arm, name).values()) for arm in ("net", RAMP))
        assert comparison.values[name] == pytest.approx(np.mean(own), rel=1e-12)
        assert comparison.guesses[name] == {RAMP: pytest.approx(np.mean(guess), rel=1e-12)}
    assert comparison.alignment == "none"
    assert comparison.winners == {}
    structure = findings.comparisons[ScoredMap("net", "structure", "truth")]
    assert structure.alignment == "affine_inverse"
    assert structure.values["abs_rel"] == pytest.approx(0.0, abs=1e-6)


def test_the_parts_of_the_ledger_are_those_of_the_mean_square(rows, findings):
    squares = [value**2 for value in values_of(rows, "net", "rmse_log").values()]
    parts = findings.ledger_parts()["net"]
    assert sum(parts.values()) == pytest.approx(np.mean(squares), rel=1e-9)
    assert set(findings.ledger) == {("net", 0), (RAMP, 0)}
    assert findings.ledger.frames["net", 0] == 4
    assert set(findings.ledger.without(BASELINES)) == {("net", 0)}
    assert findings.stability["net", 0].median_scale == pytest.approx(
        np.median(list(values_of(rows, "net", "scale").values()))
    )


def test_the_frames_that_were_picked_have_the_scores_of_the_rows(rows, findings):
    errors = values_of(rows, "net", "abs_rel")
    assert findings.picked[0].sample_id == max(errors, key=lambda name: errors[name])
    assert set(findings.picked_scores) == {frame.sample_id for frame in findings.picked}
    for frame in findings.picked:
        scores = findings.picked_scores[frame.sample_id][NET]
        assert scores == {
            name: values_of(rows, "net", name)[frame.sample_id] for name in ("abs_rel", "rmse")
        }
