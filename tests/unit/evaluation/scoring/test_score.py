"""Scoring: which pixels, which ranges, which alignments, and what is refused."""

import logging

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.head_maps import GeometryMap, depth_head_maps, two_head_maps
from thermodepth.evaluation.protocols.alignment import ALIGNMENTS
from thermodepth.evaluation.protocols.resize import resize_depth
from thermodepth.evaluation.rows.rows import TEACHER_ARM
from thermodepth.evaluation.scoring.frame_truth import FrameTruth
from thermodepth.evaluation.scoring.score import SLICED, metres_of, score_frame, score_frames
from thermodepth.metrics import ERRORS, METRICS, PixelErrors
from thermodepth.types import Geometry

# Ranges of the toy protocol: 1-4, 4-8, 8-16 m. Nothing lies in the middle one.
TRUTH = np.array([[2.0, 2.0, 10.0], [np.nan, 1.0, 20.0]])
PREDICTION = np.array([[3.0, 2.0, 5.0], [7.0, 7.0, 7.0]])


def score(prediction, sample, protocol, *, metrics=tuple(ERRORS)):
    """The rows of one arm that answers with metres."""
    answers = {"full": depth_head_maps(np.asarray(prediction))}
    scored = score_frame(answers, sample, protocol, frame=4, study="paper", seed=3, metrics=metrics)
    return None if scored is None else scored.rows


def by_slice(rows, metric="abs_rel", alignment="none", kinds=("all", "range")):
    return {
        r["slice"]: (r["value"], r["pixels"])
        for r in rows
        if r["metric"] == metric
        and r["alignment"] == alignment
        and r["slice"].partition(":")[0] in kinds
    }


def test_values_pixels_and_ranges_by_hand(make_sample, protocol):
    rows = score(PREDICTION, make_sample(TRUTH), protocol, metrics=("abs_rel", "mae"))
    assert by_slice(rows) == {
        "all": (pytest.approx(1 / 3), 3),
        "range:1-4": (0.25, 2),
        "range:8-16": (0.5, 1),
    }
    assert by_slice(rows, "mae")["all"] == (2.0, 3)


def test_ranges_are_cut_by_the_truth_not_by_the_prediction(make_sample, protocol):
    rows = score(np.full((2, 3), 6.0), make_sample(TRUTH), protocol)
    assert "range:4-8" not in by_slice(rows)


def test_rows_carry_where_they_come_from(make_sample, protocol):
    sample = make_sample(TRUTH, sample_id="a/7", sequence="s", condition="rain")
    row = score(PREDICTION, sample, protocol, metrics=("rmse",))[0]
    assert row == {
        "study": "paper",
        "arm": "full",
        "seed": 3,
        "frame": 4,
        "sample_id": "a/7",
        "sequence": "s",
        "condition": "rain",
        "protocol": protocol.protocol_id(),
        "head": "depth",
        "against": "truth",
        "alignment": "none",
        "slice": "all",
        "metric": "rmse",
        "value": pytest.approx((26 / 3) ** 0.5),
        "pixels": 3,
    }


def test_every_error_is_scored_under_every_alignment(make_sample, protocol):
    rows = score(PREDICTION, make_sample(TRUTH), protocol)
    p, d = np.array([3.0, 2.0, 5.0]), np.array([2.0, 2.0, 10.0])
    for name, alignment in ALIGNMENTS.items():
        aligned = alignment.fit(p, d).apply(p).clip(1.0, 16.0)
        errors = PixelErrors(aligned, d)
        found = {
            r["metric"]: r["value"] for r in rows if (r["slice"], r["alignment"]) == ("all", name)
        }
        assert found == {
            m: pytest.approx(float(row.compute(errors)[0])) for m, row in ERRORS.items()
        }


def test_slices_are_measured_under_the_natural_alignment_and_the_protocols_own(
    make_sample, protocol
):
    own = protocol.edit({"alignment": "median"})
    rows = score(PREDICTION, make_sample(TRUTH), own)
    sliced = {(r["alignment"], r["metric"]) for r in rows if r["slice"] != "all"}
    assert {alignment for alignment, _ in sliced} == {"none", "median"}
    assert {metric for _, metric in sliced} == set(SLICED)


def test_a_range_too_small_for_a_metric_has_no_row_of_it(make_sample, protocol):
    rows = score(PREDICTION, make_sample(TRUTH), protocol)
    assert set(by_slice(rows, "silog")) == {"all", "range:1-4"}  # one pixel lies in 8-16 m


def test_range_pixels_add_up_to_all(make_sample, protocol):
    truth = np.random.default_rng(0).uniform(0.0, 20.0, (30, 40))
    counts = by_slice(score(truth + 0.1, make_sample(truth), protocol))
    assert counts["all"][1] == sum(n for name, (_, n) in counts.items() if name != "all")
    assert len(counts) == 4


def test_what_lies_under_pixels_without_truth_does_not_matter(make_sample, protocol):
    truth = np.exp(np.random.default_rng(1).uniform(0, 3, (40, 50)))
    truth[5:20, 10:30] = np.nan
    prediction = np.where(np.isfinite(truth), truth * 1.1, 3.0)
    junk = np.where(np.isfinite(truth), prediction, np.nan)
    sample = make_sample(truth)
    rows = score(prediction, sample, protocol, metrics=tuple(METRICS))
    assert len({r["metric"] for r in rows}) > 25
    assert score(junk, sample, protocol, metrics=tuple(METRICS)) == rows


def test_the_prediction_is_clamped_only_when_the_protocol_says_so(make_sample, protocol):
    sample, prediction = make_sample([[2.0, 8.0]]), np.array([[0.5, 32.0]])
    clamped = score(prediction, sample, protocol, metrics=("abs_rel",))
    assert by_slice(clamped)["all"][0] == pytest.approx((0.5 + 1.0) / 2)
    free = protocol.edit({"clamp_prediction": False})
    as_said = score(prediction, sample, free, metrics=("abs_rel",))
    assert by_slice(as_said)["all"][0] == pytest.approx((0.75 + 3.0) / 2)
    assert clamped[0]["protocol"] != as_said[0]["protocol"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_named_even_under_a_clamp(make_sample, protocol, bad):
    prediction = PREDICTION.copy()
    prediction[0, 1] = bad
    with pytest.raises(
        DataError, match=r"frame 'f9' \(arm 'full', seed 3\): 1 of 3 scored pixels.*not finite"
    ):
        score(prediction, make_sample(TRUTH, sample_id="f9"), protocol)


def test_depth_that_is_not_positive_needs_a_clamp(make_sample, protocol):
    prediction, sample = np.array([[0.0, 4.0]]), make_sample([[2.0, 4.0]])
    rows = score(prediction, sample, protocol, metrics=("abs_rel",))
    assert by_slice(rows)["all"][0] == 0.25
    with pytest.raises(DataError, match=r"frame 'f0'.*1 of 2 scored pixels.*not positive"):
        score(prediction, sample, protocol.edit({"clamp_prediction": False}))


def test_a_prediction_of_another_size_is_brought_to_the_truth(make_sample, protocol):
    sample = make_sample(np.full((4, 6), 3.0))
    rows = score(np.full((2, 3), 6.0), sample, protocol, metrics=("abs_rel",))
    assert by_slice(rows)["all"] == (pytest.approx(1.0), 24)
    halves = score(np.array([[2.0, 8.0]]), make_sample([[2.0, 2.83, 5.66, 8.0]]), protocol)
    assert by_slice(halves)["all"][0] < 1e-3


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (np.ones(6), r"a depth map is \[h w\]"),
        (np.ones((1, 2, 3)), r"a depth map is \[h w\]"),
        (np.full((4, 6), 0.0), "cannot be resized"),
    ],
)
def test_a_prediction_that_is_no_map_names_the_frame(make_sample, protocol, prediction, message):
    with pytest.raises(DataError, match=f"frame 'f0'.*{message}"):
        score(prediction, make_sample(TRUTH), protocol)


def test_an_unknown_metric_is_named(make_sample, protocol):
    with pytest.raises(SettingsError, match="unknown metric 'silogg'; did you mean 'silog'"):
        score(PREDICTION, make_sample(TRUTH), protocol, metrics=("silogg",))


@pytest.mark.parametrize("truth", [None, np.full((2, 3), np.nan), np.full((2, 3), 16.0)])
def test_a_frame_without_truth_in_the_range_has_no_rows(make_sample, protocol, truth):
    assert score(PREDICTION, make_sample(truth), protocol) is None
    # Nothing is asked of a prediction where nothing is scored.
    assert score(np.full((4, 6), np.nan), make_sample(truth), protocol) is None


# --- geometries, heads, the teacher --------------------------------------------------------------


def relief(size=(48, 64)):
    """A slanted ground with a near box, 2 to 12 m."""
    depth = np.geomspace(12.0, 2.0, size[0])[:, None] * np.ones(size[1])
    depth[10:30, 20:40] = 3.0
    return depth


def rows_of(answers, sample, protocol):
    scored = score_frame(answers, sample, protocol, frame=0, study="s", seed=0)
    assert scored is not None
    return scored.rows


def test_the_geometry_decides_the_alignments_and_nothing_else_does(make_sample, protocol):
    truth = relief()
    claims = {
        Geometry.METRIC_DEPTH: truth,
        Geometry.SCALE_DEPTH: 0.01 * truth,
        Geometry.AFFINE_DEPTH: 0.5 * truth - 3.0,
        Geometry.AFFINE_INVERSE: 7.0 / truth - 2.0,
    }
    for geometry, values in claims.items():
        answers = {"a": {"depth": GeometryMap(values=values, geometry=geometry)}}
        rows = rows_of(answers, make_sample(truth), protocol)
        under = {r["alignment"]: r["value"] for r in rows if r["metric"] == "rmse"}
        natural = next(iter(under))
        assert under[natural] == pytest.approx(0.0, abs=1e-5)
        assert ("none" in under) is (geometry is Geometry.METRIC_DEPTH)
        assert "boundary_f1" in {r["metric"] for r in rows if r["alignment"] == natural}


def test_a_structural_head_is_scored_against_truth_and_teacher(make_sample, protocol):
    truth = relief()
    holes = truth.copy()
    holes[:, ::2] = np.nan
    structure = 3.0 / truth + 1.0
    label = {"structure": GeometryMap(values=1.0 / truth, geometry=Geometry.AFFINE_INVERSE)}
    answers = {"net": two_head_maps(truth * 2, structure), TEACHER_ARM: label}
    rows = rows_of(answers, make_sample(holes), protocol)
    found = {
        (r["arm"], r["head"], r["against"]): (r["value"], r["pixels"])
        for r in rows
        if (r["metric"], r["slice"]) == ("abs_rel", "all") and r["alignment"] != "median"
    }
    assert set(found) == {
        ("net", "depth", "truth"),
        ("net", "structure", "truth"),
        ("net", "structure", "teacher"),
        (TEACHER_ARM, "structure", "truth"),
    }
    half, whole = truth.size // 2, truth.size
    assert found["net", "structure", "truth"] == (pytest.approx(0.0, abs=1e-6), half)
    # The teacher answers everywhere, so a head can be held against it where truth has holes.
    assert found["net", "structure", "teacher"] == (pytest.approx(0.0, abs=1e-6), whole)


def test_the_teacher_may_be_silent_and_no_other_arm_may(make_sample, protocol):
    truth = relief()
    partly = 1.0 / truth
    partly[:, :16] = np.nan
    claim = {"structure": GeometryMap(values=partly, geometry=Geometry.AFFINE_INVERSE)}
    rows = rows_of({TEACHER_ARM: claim}, make_sample(truth), protocol)
    counts = {r["pixels"] for r in rows if (r["metric"], r["slice"]) == ("rmse", "all")}
    assert counts == {48 * 48}
    with pytest.raises(DataError, match=r"arm 'net'.*768 of 3072 scored pixels.*not finite"):
        rows_of({"net": claim}, make_sample(truth), protocol)


def test_a_teacher_that_contradicts_the_truth_is_no_target(make_sample, protocol):
    truth = relief()
    upside_down = {"structure": GeometryMap(values=truth, geometry=Geometry.AFFINE_INVERSE)}
    answers = {"net": two_head_maps(truth, 1.0 / truth), TEACHER_ARM: upside_down}
    rows = rows_of(answers, make_sample(truth), protocol)
    assert {r["against"] for r in rows} == {"truth"}
    assert TEACHER_ARM in {r["arm"] for r in rows}  # its own score is said all the same


def test_a_map_is_shown_as_it_was_scored(make_sample, protocol):
    truth = FrameTruth.from_sample(make_sample(relief()), frame=0, protocol=protocol)
    claim = GeometryMap(values=relief() * 3.0, geometry=Geometry.METRIC_DEPTH)
    np.testing.assert_allclose(metres_of(claim, truth, "median"), relief(), rtol=1e-6)
    assert metres_of(claim, truth, "none").max() == 16.0  # limited to the range


def test_a_map_that_is_turned_round_gains_nothing_by_its_fit(make_sample, protocol):
    truth = relief()
    claims = {
        "right": GeometryMap(values=5.0 / truth + 1.0, geometry=Geometry.AFFINE_INVERSE),
        "turned": GeometryMap(values=-5.0 / truth, geometry=Geometry.AFFINE_INVERSE),
        "flat": GeometryMap(values=np.ones(truth.shape), geometry=Geometry.AFFINE_INVERSE),
    }
    answers = {name: {"structure": claim} for name, claim in claims.items()}
    rows = rows_of(answers, make_sample(truth), protocol)
    for metric in ("abs_rel", "ordinal_error", "boundary_f1"):
        values = {
            r["arm"]: r["value"] for r in rows if (r["metric"], r["slice"]) == (metric, "all")
        }
        assert values["turned"] == pytest.approx(values["flat"])
        assert values["right"] == pytest.approx(METRICS[metric].optimum, abs=1e-5)


def test_an_affine_fit_stays_in_the_range_even_without_a_clamp(make_sample, protocol):
    free = protocol.edit({"clamp_prediction": False})
    truth = np.array([[2.0, 2.0, 2.0, 15.0]])
    prediction = np.array([[1.0, 5.0, 9.0, 10.0]])  # the fit puts the first at 0.2 m
    scale, shift = np.polyfit(prediction[0], truth[0], 1)
    assert scale * 1.0 + shift < 1.0
    rows = score(prediction, make_sample(truth), free, metrics=("mae",))
    expected = np.abs((scale * prediction[0] + shift).clip(1.0, 16.0) - truth[0]).mean()
    assert by_slice(rows, "mae", "affine_depth")["all"][0] == pytest.approx(expected)


# --- fits to the map as it is --------------------------------------------------------------------


def test_a_fit_in_depth_sees_the_map_as_it_is(make_sample, protocol):
    """0.5 d - 3 is right up to scale and shift, though half of it lies below 0."""
    truth = relief()
    prediction = 0.5 * truth - 3.0
    assert (prediction < 0).mean() > 0.3
    rows = score(prediction, make_sample(truth), protocol, metrics=("abs_rel",))
    assert by_slice(rows, alignment="affine_depth")["all"][0] < 1e-6
    # In the order of other code, limited before the fit, a third of it is lost.
    before = protocol.edit({"fit_values": "limited"})
    rows = score(prediction, make_sample(truth), before, metrics=("abs_rel",))
    p = prediction.clip(1.0, 16.0).ravel()
    slope, start = np.polyfit(p, truth.ravel(), 1)
    expected = np.abs((slope * p + start).clip(1.0, 16.0) / truth.ravel() - 1).mean()
    assert by_slice(rows, alignment="affine_depth")["all"][0] == pytest.approx(expected, rel=1e-6)
    assert expected > 0.1


def test_a_scale_is_fitted_to_what_will_be_limited_after(make_sample, protocol):
    truth, prediction = np.array([[2.0, 4.0, 10.0]]), np.array([[20.0, 40.0, 100.0]])
    rows = score(prediction, make_sample(truth), protocol, metrics=("abs_rel",))
    assert by_slice(rows, alignment="scale")["all"][0] == pytest.approx(0.0, abs=1e-12)
    assert by_slice(rows, alignment="median")["all"][0] == pytest.approx(0.0, abs=1e-12)


def test_the_kind_of_median_is_the_protocols(make_sample, protocol):
    truth, prediction = np.array([[2.0, 3.0]]), np.array([[2.0, 4.0]])
    lower = protocol.edit({"median": "lower"})
    values = [
        by_slice(score(prediction, make_sample(truth), p, metrics=("mae",)), "mae", "median")[
            "all"
        ][0]
        for p in (protocol, lower)
    ]
    # Scales 2.5 / 3 and 2 / 2.
    assert values == pytest.approx([(abs(2 * 5 / 6 - 2) + abs(4 * 5 / 6 - 3)) / 2, 0.5])


def test_the_scale_is_that_of_the_map_before_it_is_limited(make_sample, protocol):
    truth = relief()  # 2 to 12 m, in a range up to 16 m
    rows = score(3.0 * truth, make_sample(truth), protocol, metrics=("scale", "log_bias"))
    values = {
        r["metric"]: r["value"] for r in rows if (r["slice"], r["alignment"]) == ("all", "none")
    }
    assert values["scale"] == pytest.approx(1 / 3, rel=1e-6)
    limited = np.log((3.0 * truth).clip(1.0, 16.0) / truth).mean()
    assert values["log_bias"] == pytest.approx(limited, rel=1e-5)
    assert limited < np.log(3.0) - 0.05


def test_the_share_of_limited_pixels_is_counted(make_sample, protocol):
    truth = np.array([[2.0, 4.0, 8.0, np.nan]])
    prediction = np.array([[0.5, 4.0, 17.0, 99.0]])
    answers = {"net": two_head_maps(prediction, 1 / prediction)}
    scored = score_frame(answers, make_sample(truth), protocol, frame=0, study="s", seed=0)
    assert (scored.limited["net"], scored.counted["net"]) == (2, 3)
    free = protocol.edit({"clamp_prediction": False})
    scored = score_frame(answers, make_sample(truth), free, frame=0, study="s", seed=0)
    assert not scored.counted


# --- boundaries at a map's own size --------------------------------------------------------------


def boundaries(answers, sample, protocol):
    scored = score_frame(answers, sample, protocol, frame=0, study="s", seed=0)
    return {
        (r["arm"], r["metric"]): r["value"]
        for r in scored.rows
        if r["metric"].startswith("boundary_f1")
    }


def test_a_small_map_is_also_held_against_truth_of_its_size(make_sample, protocol):
    small = relief((48, 64))
    fine = np.kron(small, np.ones((5, 5)))
    found = boundaries({"net": depth_head_maps(small)}, make_sample(fine), protocol)
    assert found["net", "boundary_f1"] < 0.3
    assert found["net", "boundary_f1_own"] == 1.0
    # Enlarged by somebody else, who says from which size.
    stretched = resize_depth(small, size=fine.shape)
    told = boundaries(
        {"net": depth_head_maps(stretched, made_at=(48, 64))}, make_sample(fine), protocol
    )
    assert told["net", "boundary_f1"] < 0.3
    assert (
        told["net", "boundary_f1_own"] == 1.0
    )  # an odd factor: a pixel lies where the old one lay
    untold = boundaries({"net": depth_head_maps(stretched)}, make_sample(fine), protocol)
    assert untold["net", "boundary_f1_own"] == untold["net", "boundary_f1"]


def test_all_maps_of_a_frame_are_held_against_it_at_one_size(make_sample, protocol):
    fine = np.kron(relief((48, 64)), np.ones((5, 5)))
    answers = {"net": depth_head_maps(relief((48, 64))), "truth itself": depth_head_maps(fine)}
    found = boundaries(answers, make_sample(fine), protocol)
    assert found["truth itself", "boundary_f1"] == found["truth itself", "boundary_f1_own"] == 1.0
    assert found["net", "boundary_f1_own"] == 1.0


# --- many frames ---------------------------------------------------------------------------------

WHO = {"study": "paper", "arm": "full", "seed": 3}


def pair(sample, prediction=PREDICTION):
    return depth_head_maps(prediction), sample


def test_many_frames_are_counted_and_the_skipped_are_said(make_sample, protocol, caplog):
    pairs = [
        pair(make_sample(TRUTH, sample_id="a")),
        pair(make_sample(None, sample_id="dark")),
        pair(make_sample(TRUTH, sample_id="b")),
    ]
    with caplog.at_level(logging.WARNING):
        scores = score_frames(iter(pairs), protocol, **WHO, metrics=("mae",))
    assert (scores.frames, scores.skipped) == (2, ("dark",))
    rows = scores.rows.select(["sample_id", "frame"]).to_pylist()
    assert {(r["sample_id"], r["frame"]) for r in rows} == {("a", 0), ("b", 2)}
    note = "2 frames scored; 1 skipped, having too little truth inside the range (dark)"
    assert scores.note() == note
    assert f"arm 'full', seed 3: {note}" in caplog.text
    assert scores.densities["full"].counts.sum() == 6


def test_nothing_is_said_when_nothing_is_skipped(make_sample, protocol, caplog):
    scores = score_frames([pair(make_sample(TRUTH))], protocol, **WHO)
    assert scores.note() == "1 frame scored"
    assert caplog.text == ""


def test_a_long_list_of_skipped_frames_is_cut_in_the_note(make_sample, protocol):
    pairs = [pair(make_sample(None, sample_id=f"d{i}")) for i in range(5)]
    scores = score_frames([*pairs, pair(make_sample(TRUTH))], protocol, **WHO)
    assert scores.note().endswith("(d0, d1, d2, ...)")
    assert len(scores.skipped) == 5


def test_no_scored_frame_at_all_is_an_error(make_sample, protocol):
    with pytest.raises(
        DataError, match=r"between 1 and 16 m .protocol 'toy'.; 1 frames were given"
    ):
        score_frames([pair(make_sample(None))], protocol, **WHO)
    with pytest.raises(DataError, match="0 frames were given"):
        score_frames([], protocol, **WHO)


def test_rows_stand_under_the_protocol_for_exactly_these_frames(make_sample, protocol):
    pairs = [pair(make_sample(TRUTH, sample_id=name)) for name in ("a", "b")]
    found = set(score_frames(pairs, protocol, **WHO).rows["protocol"].to_pylist())
    assert found == {protocol.for_frames(["b", "a"]).protocol_id()}
    other = protocol.for_frames(["a", "b", "c"])
    with pytest.raises(SettingsError, match="is for the frame list"):
        score_frames(pairs, other, **WHO)


def test_a_frame_that_comes_twice_is_refused(make_sample, protocol):
    with pytest.raises(DataError, match="frame 'f0' is listed twice"):
        score_frames([pair(make_sample(TRUTH))] * 2, protocol, **WHO)
