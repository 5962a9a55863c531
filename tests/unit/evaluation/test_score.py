"""Scoring: which pixels, which ranges, and what is refused."""

import logging

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.score import score_frame, score_frames
from thermodepth.metrics import METRICS

WHO = {"study": "paper", "arm": "full", "seed": 3}

# Ranges of the toy protocol: 1-4, 4-8, 8-16 m. Nothing lies in the middle one.
TRUTH = np.array([[2.0, 2.0, 10.0], [np.nan, 1.0, 20.0]])
PREDICTION = np.array([[3.0, 2.0, 5.0], [7.0, 7.0, 7.0]])


def by_slice(rows, metric="abs_rel"):
    return {r["slice"]: (r["value"], r["pixels"]) for r in rows if r["metric"] == metric}


def test_values_pixels_and_ranges_by_hand(make_sample, protocol):
    rows = score_frame(PREDICTION, make_sample(TRUTH), protocol, **WHO, metrics=("abs_rel", "mae"))
    assert by_slice(rows) == {
        "all": (pytest.approx(1 / 3), 3),
        "range:1-4": (0.25, 2),
        "range:8-16": (0.5, 1),
    }
    assert by_slice(rows, "mae")["all"] == (2.0, 3)


def test_ranges_are_cut_by_the_truth_not_by_the_prediction(make_sample, protocol):
    rows = score_frame(np.full((2, 3), 6.0), make_sample(TRUTH), protocol, **WHO)
    assert "range:4-8" not in by_slice(rows)


def test_rows_carry_where_they_come_from(make_sample, protocol):
    sample = make_sample(TRUTH, sample_id="a/7", sequence="s", condition="rain")
    row = score_frame(PREDICTION, sample, protocol, **WHO, metrics=("rmse",))[0]
    assert row == {
        "study": "paper",
        "arm": "full",
        "seed": 3,
        "sample_id": "a/7",
        "sequence": "s",
        "condition": "rain",
        "protocol": protocol.protocol_id(),
        "slice": "all",
        "metric": "rmse",
        "value": pytest.approx((26 / 3) ** 0.5),
        "pixels": 3,
    }


def test_every_metric_is_scored_and_agrees_with_the_table(make_sample, protocol):
    rows = score_frame(PREDICTION, make_sample(TRUTH), protocol, **WHO)
    p, d = np.array([3.0, 2.0, 5.0]), np.array([2.0, 2.0, 10.0])
    found = {r["metric"]: r["value"] for r in rows if r["slice"] == "all"}
    assert found == {name: row.function(p, d) for name, row in METRICS.items()}


def test_a_range_too_small_for_a_metric_has_no_row_of_it(make_sample, protocol):
    rows = score_frame(PREDICTION, make_sample(TRUTH), protocol, **WHO)
    assert set(by_slice(rows, "silog")) == {"all", "range:1-4"}  # one pixel lies in 8-16 m


def test_range_pixels_add_up_to_all(make_sample, protocol):
    truth = np.random.default_rng(0).uniform(0.0, 20.0, (30, 40))
    counts = by_slice(score_frame(truth + 0.1, make_sample(truth), protocol, **WHO))
    assert counts["all"][1] == sum(n for name, (_, n) in counts.items() if name != "all")
    assert len(counts) == 4


def test_what_lies_under_pixels_without_truth_does_not_matter(make_sample, protocol):
    junk = PREDICTION.copy()
    junk[1] = [np.nan, np.inf, -5.0]
    sample = make_sample(TRUTH)
    assert score_frame(junk, sample, protocol, **WHO) == score_frame(
        PREDICTION, sample, protocol, **WHO
    )


def test_the_prediction_is_clamped_only_when_the_protocol_says_so(make_sample, protocol):
    sample, prediction = make_sample([[2.0, 8.0]]), np.array([[0.5, 32.0]])
    clamped = score_frame(prediction, sample, protocol, **WHO, metrics=("abs_rel",))
    assert by_slice(clamped)["all"][0] == pytest.approx((0.5 + 1.0) / 2)
    free = protocol.edit({"clamp_prediction": False})
    as_said = score_frame(prediction, sample, free, **WHO, metrics=("abs_rel",))
    assert by_slice(as_said)["all"][0] == pytest.approx((0.75 + 3.0) / 2)
    assert clamped[0]["protocol"] != as_said[0]["protocol"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_named_even_under_a_clamp(make_sample, protocol, bad):
    prediction = PREDICTION.copy()
    prediction[0, 1] = bad
    with pytest.raises(
        DataError, match=r"frame 'f9' \(arm 'full', seed 3\): 1 of 3 scored pixels.*not finite"
    ):
        score_frame(prediction, make_sample(TRUTH, sample_id="f9"), protocol, **WHO)


def test_depth_that_is_not_positive_needs_a_clamp(make_sample, protocol):
    prediction, sample = np.array([[0.0, 4.0]]), make_sample([[2.0, 4.0]])
    rows = score_frame(prediction, sample, protocol, **WHO, metrics=("abs_rel",))
    assert by_slice(rows)["all"][0] == 0.25
    with pytest.raises(DataError, match=r"frame 'f0'.*not finite positive metres"):
        score_frame(prediction, sample, protocol.edit({"clamp_prediction": False}), **WHO)


def test_a_prediction_of_another_size_is_brought_to_the_truth(make_sample, protocol):
    sample = make_sample(np.full((4, 6), 3.0))
    rows = score_frame(np.full((2, 3), 6.0), sample, protocol, **WHO, metrics=("abs_rel",))
    assert by_slice(rows)["all"] == (pytest.approx(1.0), 24)
    halves = score_frame(
        np.array([[2.0, 8.0]]), make_sample([[2.0, 2.83, 5.66, 8.0]]), protocol, **WHO
    )
    assert by_slice(halves)["all"][0] < 1e-3


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.ones(6), r"a depth map is \[h w\]"),
        (np.ones((1, 2, 3)), r"a depth map is \[h w\]"),
        (np.full((4, 6), np.nan), "cannot be resized from"),
    ],
)
def test_a_prediction_that_is_no_map_names_the_frame(make_sample, protocol, prediction, message):
    with pytest.raises(DataError, match=f"frame 'f0'.*{message}"):
        score_frame(prediction, make_sample(TRUTH), protocol, **WHO)


def test_an_unknown_metric_is_named(make_sample, protocol):
    with pytest.raises(SettingsError, match="unknown metric 'silogg'; did you mean 'silog'"):
        score_frame(PREDICTION, make_sample(TRUTH), protocol, **WHO, metrics=("silogg",))


@pytest.mark.parametrize("truth", [None, np.full((2, 3), np.nan), np.full((2, 3), 16.0)])
def test_a_frame_without_truth_in_the_range_has_no_rows(make_sample, protocol, truth):
    assert score_frame(PREDICTION, make_sample(truth), protocol, **WHO) == []
    # Nothing is asked of a prediction where nothing is scored.
    assert score_frame(np.full((4, 6), np.nan), make_sample(truth), protocol, **WHO) == []


def test_many_frames_are_counted_and_the_skipped_are_said(make_sample, protocol, caplog):
    pairs = [
        (PREDICTION, make_sample(TRUTH, sample_id="a")),
        (PREDICTION, make_sample(None, sample_id="dark")),
        (PREDICTION, make_sample(TRUTH, sample_id="b")),
    ]
    with caplog.at_level(logging.WARNING):
        scores = score_frames(iter(pairs), protocol, **WHO, metrics=("abs_rel",))
    assert (scores.frames, scores.skipped) == (2, ("dark",))
    assert scores.rows["sample_id"].to_pylist() == ["a"] * 3 + ["b"] * 3
    note = "2 frames scored; 1 skipped, having too little truth inside the range (dark)"
    assert scores.note() == note
    assert f"arm 'full', seed 3: {note}" in caplog.text


def test_nothing_is_said_when_nothing_is_skipped(make_sample, protocol, caplog):
    scores = score_frames([(PREDICTION, make_sample(TRUTH))], protocol, **WHO)
    assert scores.note() == "1 frames scored"
    assert caplog.text == ""


def test_a_long_list_of_skipped_frames_is_cut_in_the_note(make_sample, protocol):
    pairs = [(PREDICTION, make_sample(None, sample_id=f"d{i}")) for i in range(5)]
    scores = score_frames([*pairs, (PREDICTION, make_sample(TRUTH))], protocol, **WHO)
    assert scores.note().endswith("(d0, d1, d2, ...)")
    assert len(scores.skipped) == 5


def test_no_scored_frame_at_all_is_an_error(make_sample, protocol):
    with pytest.raises(
        DataError, match=r"between 1 and 16 m .protocol 'toy'.; 1 frames were given"
    ):
        score_frames([(PREDICTION, make_sample(None))], protocol, **WHO)
    with pytest.raises(DataError, match="0 frames were given"):
        score_frames([], protocol, **WHO)


def test_a_frame_that_comes_twice_is_refused(make_sample, protocol):
    with pytest.raises(DataError, match="there 2 times"):
        score_frames([(PREDICTION, make_sample(TRUTH))] * 2, protocol, **WHO)
