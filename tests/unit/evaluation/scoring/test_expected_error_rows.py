"""What a model tells of its errors becomes rows of their own, and nothing else changes by it."""

from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import DataError
from thermodepth.evaluation.head_maps import RELATIVE_ERROR, depth_head_maps, two_head_maps
from thermodepth.evaluation.scoring.score import score_frame
from thermodepth.metrics import EXPECTED, METRICS


@pytest.fixture
def relief():
    random = np.random.default_rng(0)
    truth = np.geomspace(14.0, 1.2, 40)[:, None] * np.ones(50)
    prediction = truth * np.exp(random.normal(0, 0.2, truth.shape))
    return truth, prediction, random.uniform(0.0, 0.5, (2, *truth.shape))


def rows_of(answer, sample, protocol, **options):
    scores = score_frame({"net": answer}, sample, protocol, frame=0, study="s", seed=0, **options)
    assert scores is not None
    return scores.rows


def test_they_are_rows_of_a_head_of_their_own(make_sample, protocol, relief):
    truth, prediction, expected = relief
    sample = make_sample(truth)
    plain = rows_of(two_head_maps(prediction, 1 / prediction), sample, protocol)
    answer = two_head_maps(prediction, 1 / prediction, relative_error=expected)
    rows = rows_of(answer, sample, protocol)
    own = [row for row in rows if row["head"] == RELATIVE_ERROR]
    assert [row for row in rows if row["head"] != RELATIVE_ERROR] == plain
    assert {row["metric"] for row in own} == set(EXPECTED)
    assert not {row["metric"] for row in plain} & set(EXPECTED)
    assert {(row["against"], row["alignment"]) for row in own} == {("truth", "none")}


def test_coverage_by_range_is_that_of_its_pixels(make_sample, protocol, relief):
    truth, prediction, expected = relief
    answer = depth_head_maps(prediction, relative_error=expected)
    rows = rows_of(answer, make_sample(truth), protocol)
    values = {(row["metric"], row["slice"]): row for row in rows}
    ratio = np.maximum(prediction / truth, truth / prediction)
    depth_m = truth.astype(np.float32)
    for slice_name, low, high in (("all", 1, 16), ("range:1-4", 1, 4), ("range:8-16", 8, 16)):
        mask = (depth_m >= low) & (depth_m < high)
        for level, metric in enumerate(("error_coverage_68", "error_coverage_90")):
            row = values[metric, slice_name]
            inside = ratio <= 1 + expected[level]
            assert row["value"] == pytest.approx(inside[mask].mean(), abs=1e-3)
            assert row["pixels"] == mask.sum()
    assert ("error_ause", "all") in values
    assert ("error_ause", "range:1-4") not in values  # an order of all pixels has no slices


def test_the_map_as_it_was_predicted_is_what_it_speaks_of(make_sample, protocol, relief):
    """Twice the depth beyond the protocol's range: limited to it, the far pixels would be inside."""
    truth, _, _ = relief
    expected = np.full((2, *truth.shape), 0.5)
    aligned = protocol.edit({"alignment": "median"})
    for each in (protocol, aligned):
        rows = rows_of(
            depth_head_maps(2 * truth, relative_error=expected), make_sample(truth), each
        )
        (row,) = [r for r in rows if (r["metric"], r["slice"]) == ("error_coverage_68", "all")]
        assert row["value"] == 0.0


def test_only_what_is_asked_for_is_computed(make_sample, protocol, relief):
    truth, prediction, expected = relief
    answer = depth_head_maps(prediction, relative_error=expected)
    asked = ("abs_rel", "error_ause")
    rows = rows_of(answer, make_sample(truth), protocol, metrics=asked)
    assert {row["metric"] for row in rows} == set(asked)
    without = tuple(name for name in METRICS if name not in EXPECTED)
    rows = rows_of(answer, make_sample(truth), protocol, metrics=without)
    assert RELATIVE_ERROR not in {row["head"] for row in rows}


def test_maps_of_another_size_are_brought_to_the_truth(make_sample, protocol):
    truth = np.full((8, 10), 5.0)
    answer = depth_head_maps(np.full((4, 5), 5.5), relative_error=np.full((2, 4, 5), 0.2))
    rows = rows_of(answer, make_sample(truth), protocol)
    values = {row["metric"]: row["value"] for row in rows if row["slice"] == "all"}
    assert values["error_coverage_68"] == 1.0
    assert values["error_expected"] == pytest.approx(0.2)
    assert values["error_ause"] == pytest.approx(0.0, abs=1e-12)


def test_expected_errors_that_are_none_name_frame_and_arm(make_sample, protocol, relief):
    truth, prediction, expected = relief
    broken = expected.copy()
    broken[0, 3, 4] = np.nan
    sample = replace(make_sample(truth), sample_id="f7")
    with pytest.raises(DataError, match=r"frame 'f7' \(arm 'net'.*1 of 4000 expected errors"):
        rows_of(depth_head_maps(prediction, relative_error=broken), sample, protocol)
