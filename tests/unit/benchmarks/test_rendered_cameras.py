"""Rendered frames of many cameras: the step share and the sky by hand, and the program as it is run."""

import json
from pathlib import Path

import numpy as np
import pytest

import rendered_cameras
from recordings.answers import Maps
from recordings.steps import step_share
from recordings.tables import table_by_kind


def wall(rows: int = 40) -> np.ndarray:
    """[rows 12] metres: a thing 2 m away before a wall at 8 m, an edge in the middle of every row."""
    depth = np.full((rows, 12), 8.0)
    depth[:, :6] = 2.0
    return depth


def test_the_truth_draws_all_of_its_steps_whatever_its_scale():
    truth = np.log(wall())
    assert step_share(truth, truth) == pytest.approx(1.0)
    assert step_share(truth + 3.0, truth) == pytest.approx(1.0)
    assert step_share(-truth, truth) == pytest.approx(-1.0)
    assert step_share(np.zeros_like(truth), truth) == 0.0


def test_a_step_that_is_a_pixel_off_is_drawn_and_one_that_is_two_off_is_not():
    truth = np.log(wall())
    assert step_share(np.roll(truth, 1, axis=1), truth) == pytest.approx(1.0)
    assert step_share(np.roll(truth, 2, axis=1), truth) == pytest.approx(0.0)


def test_a_ramp_of_six_pixels_draws_half_of_it():
    """Of six equal parts between pixel 3 and pixel 9, those between pixel 4 and pixel 7 are three."""
    truth = np.log(wall())
    ramp = np.log(2.0) + np.log(4.0) * ((np.arange(12) - 3) / 6).clip(0, 1)
    assert step_share(np.tile(ramp, (40, 1)), truth) == pytest.approx(0.5)


def test_both_directions_count_and_holes_do_not():
    truth = np.log(wall())
    assert step_share(truth.T * 0.5, truth.T) == pytest.approx(0.5)
    holed = truth.copy()
    holed[:20, 7] = np.nan  # an end of the step
    said = np.where(np.arange(40)[:, None] < 20, 0.0, truth)
    assert np.isnan(step_share(said, holed))  # 20 edges are left
    taller = np.log(wall(60))
    taller[:20, 7] = np.nan
    said = np.where(np.arange(60)[:, None] < 20, 0.0, taller)
    assert step_share(said, taller) == pytest.approx(1.0)


def test_a_thin_thing_in_front_is_no_step_from_side_to_side():
    """A pole one pixel wide: each neighbour is a step, but over four pixels the depth is the same again."""
    depth = np.full((60, 12), 8.0)
    depth[:, 6] = 2.0
    assert np.isnan(step_share(np.log(depth), np.log(depth)))


def test_sky_that_is_called_sky_is_no_obstacle_however_near():
    sky = np.zeros((4, 5), np.bool_)
    sky[:2] = True
    near = np.full((4, 5), 10.0)
    called = np.zeros((4, 5), np.bool_)
    called[0] = True  # half of the sky
    called[3, 0] = True  # one of ten solid pixels
    scores = rendered_cameras.sky_scores(Maps(structure=1 / near, depth_m=near, sky=called), sky)
    assert scores == pytest.approx({"sky_below_30": 0.5, "solid_as_sky": 0.1})
    silent = Maps(structure=1 / near, depth_m=near)
    assert rendered_cameras.sky_scores(silent, sky) == {"sky_below_30": 1.0}
    far = Maps(structure=1 / near, depth_m=10 * near)
    assert rendered_cameras.sky_scores(far, sky) == {"sky_below_30": 0.0}
    assert rendered_cameras.sky_scores(silent, None) == {}


def test_kinds_are_told_apart():
    scores = {"m": [{"abs_rel": 0.1}, {"abs_rel": 0.3}, {"abs_rel": 0.5}]}
    table = table_by_kind("t", scores, ["street", "near", "street"])
    assert table.rows == (("near", "m", 1, 0.3), ("street", "m", 2, pytest.approx(0.3)))


@pytest.mark.filterwarnings("default")
def test_the_program_as_it_is_run(tiny_pack: Path, tmp_path: Path, capsys):
    out = tmp_path / "scores.json"
    rendered_cameras.main(["thermal-small", "--data", str(tiny_pack), "--json", str(out)])
    text = capsys.readouterr().out
    assert "synthetic, test, 6 frames" in text
    assert "| street | row ramp | 6 |" in text
    record = json.loads(out.read_text())
    first = record["scores"]["thermal-small"][0]
    assert {"abs_rel", "delta_1", "structure_partial", "sky_below_30", "boundary_f1"} <= set(first)
    assert "solid_as_sky" not in first  # the model tells no sky
    evaluated = evaluation_of(tiny_pack, tmp_path)
    means = {
        name: np.mean([each[name] for each in record["scores"]["thermal-small"]])
        for name in ("abs_rel", "delta_1")
    }
    assert means == pytest.approx(evaluated, rel=1e-6)
    rendered_cameras.main(["rgb-small", "--data", str(tiny_pack), "--json", str(out)])
    of_rgb = json.loads(out.read_text())["scores"]["rgb-small"][0]
    assert {"aligned_abs_rel", "structure_partial"} <= set(of_rgb)
    assert "abs_rel" not in of_rgb
    with pytest.raises(SystemExit, match="give them apart"):
        rendered_cameras.main(["rgb-small", "thermal-small", "--data", str(tiny_pack)])


def evaluation_of(pack: Path, folder: Path) -> dict[str, float]:
    """The same two numbers by the product's own command."""
    from thermodepth.cli import app
    from thermodepth.evaluation.rows.rows import read_rows

    out = folder / "evaluation"
    command = ["evaluate", "thermal-small", "--data", f"synthetic:{pack}", "--out", str(out)]
    app([*command, "--teacher", "none"], standalone_mode=False)
    rows = read_rows(next(out.rglob("*.parquet"))).to_pylist()
    return {
        name: float(
            np.mean(
                [
                    row["value"]
                    for row in rows
                    if (row["arm"], row["head"], row["slice"]) == ("thermal-small", "depth", "all")
                    and (row["alignment"], row["metric"]) == ("none", name)
                ]
            )
        )
        for name in ("abs_rel", "delta_1")
    }


def test_every_zeroth_frame_is_refused(tiny_pack: Path):
    options = ["--data", str(tiny_pack), "--every", "0"]
    with pytest.raises(SystemExit, match="rendered_cameras: --every 0: expected at least 1"):
        rendered_cameras.main(["thermal-small", *options])


def test_thermal_and_rgb_models_are_not_scored_together(tiny_pack: Path):
    with pytest.raises(SystemExit, match="rendered_cameras: thermal and RGB models"):
        rendered_cameras.main(["thermal-small", "rgb-small", "--data", str(tiny_pack)])
