"""Real recordings: scores by hand, guessers that never see what they guess, the program as it is run."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import real_frames
from recordings.answers import (
    NEAREST,
    Maps,
    guessers_of_reference,
    guessers_of_truth,
)
from recordings.frames import SETS, Frame, Part, ground_depth, within
from recordings.scores import against_reference, against_truth, of_recording
from recordings.tables import (
    LEAST_RECORDINGS,
    difference_of,
    interval_of_mean,
    mean_of,
    tables_of,
)
from thermodepth.camera import pinhole
from thermodepth.errors import SettingsError
from thermodepth.evaluation.scoring.references import FrameReference
from thermodepth.types import Sample, ThermalUnit

RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "data"
SIZE = (24, 32)


def scene(seed: int = 0) -> np.ndarray:
    """[h w] metres of a ground with boxes on it."""
    random = np.random.default_rng(seed)
    depth = np.linspace(20.0, 2.0, SIZE[0])[:, None] * np.ones(SIZE[1])
    for _ in range(5):
        y, x = random.integers(0, SIZE[0] - 8), random.integers(0, SIZE[1] - 8)
        depth[y : y + 8, x : x + 8] = random.uniform(1.5, 6.0)
    return (depth + 0.01 * random.random(SIZE)).astype(np.float32)


def frame(number: int, *, depth_m=None, reference=None, thermal=None, sequence="") -> Frame:
    thermal = scene(number) * 100 if thermal is None else thermal
    sample = Sample(
        sample_id=f"f{number}",
        thermal=thermal.astype(np.uint16),
        thermal_unit=ThermalUnit.COUNTS,
        intrinsics=pinhole(30.0, SIZE[1], SIZE[0]),
        depth_m=depth_m,
        sequence=sequence,
    )
    return Frame(sample=sample, reference=reference)


# ---- the truth of a flat ground


def test_straight_down_the_ground_is_as_far_as_the_drone_is_high():
    depth = ground_depth((5, 4), altitude_m=50.0, pitch_deg=90.0, focal_px=100.0)
    assert depth == pytest.approx(np.full((5, 4), 50.0))


def test_ground_depth_by_hand():
    """Pitch 30, in the middle 10 m at sin 30 a metre, so 20 m. 10 px below it, f = 100: y/f = .1."""
    depth = ground_depth((41, 3), altitude_m=10.0, pitch_deg=30.0, focal_px=100.0)
    assert depth[20] == pytest.approx(20.0)
    assert depth[30] == pytest.approx(10.0 / (0.5 + 0.1 * math.sqrt(0.75)))


def test_at_the_horizon_and_above_there_is_no_ground():
    depth = ground_depth((10, 3), altitude_m=10.0, pitch_deg=0.0, focal_px=100.0)
    assert np.isnan(depth[:5]).all()
    assert np.isfinite(depth[5:]).all()
    kept = within(depth, (1.0, 400.0))
    assert np.isnan(kept[5]).all()  # 2 km
    assert np.array_equal(kept[9], depth[9])


# ---- scores


def test_the_truth_itself_has_nothing_to_mend():
    truth = scene()
    truth[:3] = np.nan
    said = np.where(np.isnan(truth), np.float32(7.0), truth)
    scores = against_truth(Maps(structure=5 / said - 1, depth_m=said), truth)
    assert scores == pytest.approx(
        {
            **dict.fromkeys(("abs_rel", "scaled_abs_rel", "aligned_abs_rel"), 0.0),
            **dict.fromkeys(("delta_1", "scale", "factor_off"), 1.0),
            **dict.fromkeys(("depth_rank", "depth_partial"), 1.0),
            **dict.fromkeys(("structure_rank", "structure_partial"), 1.0),
        },
        abs=1e-5,
    )


def test_half_as_far_needs_a_factor_of_two_and_nothing_else():
    truth = scene()
    scores = against_truth(Maps(structure=1 / truth, depth_m=truth / 2), truth)
    assert scores["abs_rel"] == pytest.approx(0.5)
    assert scores["delta_1"] == 0.0
    assert scores["scale"] == scores["factor_off"] == pytest.approx(2.0)
    assert scores["scaled_abs_rel"] == pytest.approx(0.0, abs=1e-6)
    too_far = against_truth(Maps(structure=1 / truth, depth_m=truth * 2), truth)
    assert too_far["scale"] == pytest.approx(0.5)
    assert too_far["factor_off"] == pytest.approx(2.0)


def test_far_beyond_any_range_ranks_are_still_those_of_the_map():
    truth = scene()
    scores = against_truth(Maps(structure=-truth, depth_m=truth * 1e4), truth)
    assert scores["depth_rank"] == scores["structure_rank"] == pytest.approx(1.0)


def test_sky_is_counted_where_there_is_truth():
    truth = scene()
    truth[:12] = np.nan
    sky = np.zeros(SIZE, np.bool_)
    sky[:15] = True
    said = np.where(np.isnan(truth), np.float32(7.0), truth)
    scores = against_truth(Maps(structure=1 / said, depth_m=said, sky=sky), truth)
    assert scores["sky_share"] == pytest.approx(3 / 12)


def test_sky_is_infinitely_far_whatever_its_depth():
    depth = scene()
    sky = np.zeros(SIZE, np.bool_)
    sky[:6] = True
    reference = np.where(sky, 0.0, 1.0 / depth.astype(np.float64))
    cloud = np.where(sky, np.float32(1.0), depth)  # nearer than anything
    scores = against_reference(
        Maps(structure=reference, depth_m=cloud, sky=sky), FrameReference(reference)
    )
    assert scores["depth_rank"] == pytest.approx(1.0)
    assert scores["sky_share"] == 6 / 24
    assert scores["median_m"] == pytest.approx(float(np.median(depth[6:])))


def test_flicker_is_the_change_of_a_pixel_to_the_next_frame():
    depth = scene()
    said = [Maps(structure=depth, depth_m=depth * 1.02**n) for n in range(3)]
    scores = of_recording(said)
    assert [each.get("flicker") for each in scores] == [
        pytest.approx(100 * math.log(1.02), rel=1e-3),
        pytest.approx(100 * math.log(1.02), rel=1e-3),
        None,
    ]


# ---- guessers


def test_guesses_of_truth_come_from_the_other_half():
    frames = [frame(n, depth_m=np.full(SIZE, 2.0 if n % 2 else 8.0, np.float32)) for n in range(4)]
    guessers = guessers_of_truth(Part(title="p", frames=frames, range_m=(0.5, 50.0)))
    for name in ("constant depth", "mean-depth map", NEAREST):
        said = [float(guessers[name](each).depth_m.mean()) for each in frames]
        assert said == pytest.approx([2.0, 8.0, 2.0, 8.0], rel=1e-3), name


def test_beside_a_single_frame_stand_guessers_in_its_own_scale():
    (only,) = frames = [frame(0, depth_m=scene())]
    guessers = guessers_of_truth(Part(title="p", frames=frames, range_m=(0.5, 50.0)))
    assert len(guessers) == 2
    for guess in guessers.values():
        assert against_truth(guess(only), only.truth_m)["scale"] == pytest.approx(1.0)


def test_guesses_of_references_never_come_from_the_frame_itself():
    references = [1.0 / scene(n).astype(np.float64) for n in range(3)]
    pictures = [scene(0) * 100, scene(7) * 100, scene(0) * 100 + 20]  # the first and last are alike
    frames = [
        frame(n, reference=r, thermal=p)
        for n, (r, p) in enumerate(zip(references, pictures, strict=True))
    ]
    guessers = guessers_of_reference(Part(title="p", frames=frames))
    assert np.array_equal(guessers[NEAREST](frames[0]).structure, references[2])
    assert np.array_equal(guessers[NEAREST](frames[2]).structure, references[0])
    of_ramp = against_reference(guessers["row ramp"](frames[1]), FrameReference(references[1]))
    assert of_ramp["structure_rank"] > 0.4
    assert of_ramp["structure_partial"] == 0.0
    alone = guessers_of_reference(Part(title="p", frames=frames[:1]))
    assert set(alone) == {"constant depth", "row ramp"}


# ---- tables


def test_factors_have_a_geometric_mean_and_errors_a_plain_one():
    frames = [{"scale": 0.5, "abs_rel": 0.1}, {"scale": 2.0}, {"abs_rel": 0.3}]
    assert mean_of(frames, "scale") == pytest.approx(1.0)
    assert mean_of(frames, "abs_rel") == pytest.approx(0.2)
    assert mean_of(frames, "delta_1") is None


def test_differences_are_paired_and_need_ten_recordings():
    random = np.random.default_rng(0)
    hard = random.uniform(0.1, 0.9, 12)
    first, other = ([{"abs_rel": value + more} for value in hard] for more in (0.0, 0.1))
    recordings = [f"r{n}" for n in range(12)]
    found = difference_of(first, other, "abs_rel", recordings)
    assert (found.value, found.low, found.high) == pytest.approx((-0.1, -0.1, -0.1))
    assert difference_of(first, other, "abs_rel", ["r"] * 6 + recordings[:6]) is None
    assert LEAST_RECORDINGS == 10


def test_the_interval_is_that_of_the_mean_and_frames_of_a_recording_go_together():
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval_of_mean(values, np.arange(400))
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert low < values.mean() < high
    twice = interval_of_mean(np.repeat(values, 3), np.repeat(np.arange(400), 3))
    assert twice == pytest.approx((low, high))


def test_a_table_says_what_the_first_has_numbers_of():
    scores = {
        "model": [{"structure_rank": 0.5}],
        "guess": [{"structure_rank": 0.9, "abs_rel": 1.0}],
    }
    (table,) = tables_of("t", scores, ["r"])
    assert [column.label for column in table.columns] == ["maps", "structure: rank"]
    assert table.rows == (("model", 0.5), ("guess", 0.9))


# ---- the program


def test_pairs_are_scored_only_when_named():
    assert "pairs" in SETS
    assert "pairs" not in [row.name for row in real_frames.chosen(None)]
    assert [row.name for row in real_frames.chosen(["pairs", "pairs"])] == ["pairs"]
    with pytest.raises(SettingsError, match=r"unknown set 'pears'.*pairs"):
        real_frames.chosen(["pears"])


@pytest.mark.filterwarnings("default")
def test_the_program_as_it_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = tmp_path / "road-watch"
    for band in ("thermal", "reference", "rgb"):
        (root / band).mkdir(parents=True)
    for number in range(2):
        depth = scene(number)
        grey = (200 - 8 * depth).astype(np.uint8)
        cv2.imwrite(str(root / f"thermal/{number}.png"), grey)
        cv2.imwrite(str(root / f"rgb/{number}.png"), np.dstack([grey, grey // 2, grey]))
        cv2.imwrite(str(root / f"reference/{number}.png"), (30_000 / depth).astype(np.uint16))
    out, sheet = tmp_path / "scores.json", tmp_path / "sheet.png"
    options = ["--data", str(tmp_path), "--json", str(out), "--picture", str(sheet)]
    real_frames.main(["thermal-small", *options])
    text = capsys.readouterr().out
    assert "**road-watch, 2 frames**" in text
    assert "ms2: skipped" in text
    record = json.loads(out.read_text())
    scores = record["parts"]["road-watch"]["scores"]
    assert set(scores) == {"thermal-small", "constant depth", "row ramp", "mean-depth map", NEAREST}
    assert all(-1 <= each["structure_partial"] <= 1 for each in scores["thermal-small"])
    assert cv2.imread(str(sheet)).shape[1] == 1100
    real_frames.main(["rgb-small", *options])
    scores = json.loads(out.read_text())["parts"]["road-watch"]["scores"]
    assert "depth_rank" not in scores["rgb-small"][0]
    with pytest.raises(SystemExit, match=r"set 'video': .* is not there"):
        real_frames.main(["thermal-small", "--data", str(tmp_path), "--sets", "video"])
    with pytest.raises(SystemExit, match="give them apart"):
        real_frames.main(["thermal-small", "rgb-small", "--data", str(tmp_path)])


@pytest.mark.skipif(not (RECORDINGS / "drone").is_dir(), reason=f"no recordings in {RECORDINGS}")
def test_the_real_drone_frames_are_read_with_their_ground():
    (part,) = SETS["drone"].read(RECORDINGS / "drone", 1)
    by_name = {each.sample.sample_id: each for each in part.frames}
    below = by_name["1_120_90_0_03017"]
    assert np.nanmedian(below.truth_m) == pytest.approx(120.0)
    assert below.sample.focal_px == pytest.approx(2000.0)
    slant = by_name["1_60_30_0_00002"]
    assert slant.truth_m[256, 320] == pytest.approx(120.0, rel=0.01)  # 60 m at sin 30
    assert slant.sample.focal_px == pytest.approx(1350.0)


@pytest.mark.skipif(not (RECORDINGS / "ms2").is_dir(), reason=f"no recordings in {RECORDINGS}")
def test_the_real_ms2_frame_has_truth_where_stereo_sees():
    (part,) = SETS["ms2"].read(RECORDINGS / "ms2", 1)
    (only,) = part.frames
    assert only.truth_m.shape == only.sample.thermal.shape
    assert 0.2 < np.isfinite(only.truth_m).mean() < 0.9
    assert 3 < np.nanmedian(only.truth_m) < 20
