"""`thermodepth evaluate` as people type it: models, stores, protocols, anybody's maps."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from thermodepth.evaluation.rows.rows import read_rows

Thermodepth = Callable[..., tuple[int, str, str]]


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, _, err = result
    assert code == 2, err
    assert err.count("\n") <= 2, err
    for word in words:
        assert word in err, f"{word!r} is not in {err!r}"


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """Four frames of truth as 16-bit PNG in two sequences, and predictions 20 % too far as float NPY."""
    for number in range(4):
        depth = np.geomspace(30.0, 2.0, 60)[:, None] * np.linspace(0.9, 1.1, 80)
        depth[10:30, 10 + number : 30 + number] = 4.0
        stored = np.round(depth * 256).astype(np.uint16)
        stored[:8] = 0  # sky
        name = f"s{number // 2}/{number:03d}"
        for folder in ("truth", "maps"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stored).save(tmp_path / "truth" / f"{name}.png")
        np.save(tmp_path / "maps" / f"{name}.npy", (stored / 256 * 1.2).astype(np.float32) + 1e-6)
    return tmp_path


FOREIGN = ("evaluate", "--predictions", "maps", "--truth", "truth")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_maps_of_any_tool_without_a_model(thermodepth: Thermodepth, maps: Path) -> None:
    code, out, err = thermodepth(*FOREIGN, "--protocol", "range:0.5-80", "--out", "scores")
    assert code == 0, err
    assert "0.2000" in out  # AbsRel
    assert "4 frames scored" in out
    lines = table(maps / "scores" / "tables" / "errors.csv")
    assert len(lines) == 6 + 2 * 5  # two guessers without metres of their own stand beside
    for line in lines:
        if line["Map"] != "maps":
            continue
        expected = 0.2 if line["Alignment"].startswith("none") else 0.0
        assert float(line["AbsRel"]) == pytest.approx(expected, abs=2e-5)
    beside = {line["Metric"]: line for line in table(maps / "scores" / "tables" / "guessers.csv")}
    assert beside["AbsRel"]["Alignment"] == "median scale"  # the least that all of them have
    assert float(beside["AbsRel"]["the map"]) == pytest.approx(0.0, abs=1e-5)
    assert float(beside["AbsRel"]["row ramp"]) > 0.05
    assert "after median scale (0.0000) better than every guesser" in out.replace("\n", " ").lower()
    page = (maps / "scores" / "evaluation.html").read_text(encoding="utf-8")
    assert "s1/003" in page
    facts = json.loads((maps / "scores" / "evaluation.json").read_text(encoding="utf-8"))
    assert facts["frames"] == 4
    assert facts["protocol_id"] in page
    rows = read_rows(maps / "scores" / "rows.parquet")
    assert set(rows["protocol"].to_pylist()) == {facts["protocol_id"]}
    assert set(rows["sequence"].to_pylist()) == {"s0", "s1"}


@pytest.mark.usefixtures("maps")
def test_a_wrong_unit_is_guessed_at(thermodepth: Thermodepth) -> None:
    call = (*FOREIGN, "--protocol", "range:0.5-80", "--truth-scale", "1000")
    code, out, err = thermodepth(*call)
    assert code == 0, err
    assert "off by a factor of at least 4.7" in out.replace("\n", " ")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ([], ["--protocol", "range:NEAR-FAR"]),
        (["--protocol", "kity_garg"], ["kity_garg", "did you mean 'kitti_garg'"]),
        (["--protocol", "range:5-1"], ["range:5-1"]),
        (["--protocol", "nyu_eigen"], ["480x640", "60x80"]),
        (["--protocol", "none.toml"], ["none.toml"]),
        (["--protocol", "range:1-9", "--geometry", "metric"], ["metric", "metric_depth"]),
        (["--protocol", "range:1-9", "--intrinsics", "1,2"], ["1,2", "fx,fy,cx,cy"]),
        (["--protocol", "range:1-9", "--out", "truth/s0/000.png"], ["000.png", "is a file"]),
        (["thermal-small"], ["thermal-small"]),
    ],
)
def test_wrong_words(
    thermodepth: Thermodepth, maps: Path, edit: list[str], words: list[str]
) -> None:
    refused(thermodepth(*FOREIGN, *edit), *words)
    assert not (maps / "scores").exists()


@pytest.mark.usefixtures("maps")
def test_without_a_thermal_picture_nothing_is_said_of_contrast(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    code, _, err = thermodepth(*FOREIGN, "--protocol", "range:0.5-80", "--out", "scores")
    assert code == 0, err
    lines = table(tmp_path / "scores" / "tables" / "by_contrast.csv")
    assert {line["pixels"] for line in lines} == {"0"}
    assert "Thermal" not in (tmp_path / "scores" / "evaluation.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("maps")
def test_maps_alone_where_no_guesser_is_wanted(thermodepth: Thermodepth, tmp_path: Path) -> None:
    call = (*FOREIGN, "--protocol", "range:0.5-80", "--no-baselines", "--out", "scores")
    code, out, err = thermodepth(*call)
    assert code == 0, err
    assert "row ramp" not in out
    assert len(table(tmp_path / "scores" / "tables" / "errors.csv")) == 6


def test_zeros_in_float_predictions_are_counted(thermodepth: Thermodepth, maps: Path) -> None:
    values = np.load(maps / "maps" / "s1" / "002.npy")
    values[40, 40:43] = 0.0
    np.save(maps / "maps" / "s1" / "002.npy", values)
    code, out, err = thermodepth(*FOREIGN, "--protocol", "range:0.5-80")
    assert code == 0, err
    assert "maps: 3 scored pixels are at or below 0 m and count as 0.5 m" in out


def test_a_map_of_another_geometry_than_said_is_told(thermodepth: Thermodepth, maps: Path) -> None:
    call = (*FOREIGN, "--protocol", "range:0.5-80", "--geometry", "affine_inverse")
    code, out, err = thermodepth(*call)
    assert code == 0, err
    assert "is --geometry right?" in out
    assert (maps / "maps").is_dir()


@pytest.mark.usefixtures("maps")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            (*FOREIGN, "--protocol", "range:1-9", "--teacher", "truth"),
            ("--teacher", "no effect with --pre"),
        ),
        (("evaluate", "thermal-small", "--png-scale", "1000"), ("--png-scale", "no effect")),
        (("evaluate", "thermal-small", "--geometry", "bogus"), ("--geometry", "no effect")),
        (("evaluate", "thermal-small", "--teacher", "bogus"), ("bogus", "rgb-small")),
        (("evaluate", "thermal-small", "--teacher", "maps:x"), ("maps:FOLDER:affine_inverse",)),
        (("evaluate", "thermal-small", "--out", "truth"), ("truth", "holds other files")),
        (("evaluate", "thermal-small", "--protocol", "ms2"), ("depth_filtered", "no such truth")),
        (("evaluate", "thermal-small", "--protocol", "nyu_eigen"), ("480x640", "frame '")),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_predicted(
    thermodepth: Thermodepth, call: tuple[str, ...], words: tuple[str, ...]
) -> None:
    result = thermodepth(*call)
    refused(result, *words)
    assert "predicting" not in result[2]


def test_a_hole_in_a_prediction_names_the_frame(thermodepth: Thermodepth, maps: Path) -> None:
    values = np.load(maps / "maps" / "s1" / "002.npy")
    values[40, 40] = np.nan
    np.save(maps / "maps" / "s1" / "002.npy", values)
    call = (*FOREIGN, "--protocol", "range:0.5-80", "--out", "scores")
    refused(thermodepth(*call), "s1/002", "1 of", "not finite")
    assert not (maps / "scores" / "rows.parquet").exists()


def test_missing_predictions_are_counted(thermodepth: Thermodepth, maps: Path) -> None:
    (maps / "maps" / "s1" / "002.npy").unlink()
    refused(thermodepth(*FOREIGN, "--protocol", "range:0.5-80"), "s1/002", "1 of the 4")


def test_predictions_without_truth_say_what_belongs_together(thermodepth: Thermodepth) -> None:
    refused(thermodepth("evaluate", "--predictions", "maps"), "--truth")
    refused(thermodepth("evaluate"), "nothing to evaluate")


def test_a_store_is_scored_again_under_other_protocols(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"synthetic:{tiny_pack}"
    first = ("evaluate", "thermal-small", "--data", data, "--out", "a", "--precision", "float16")
    code, out, err = thermodepth(*first)
    assert code == 0, err
    assert "teacher" in out
    assert "mean-depth map" in out
    store = "a/predictions/thermal-small"
    assert json.loads((tmp_path / store / "store.json").read_text())["precision"] == "float16"

    (tmp_path / "near.toml").write_text('base = "synthetic"\nmax_depth_m = 10.0\n')
    for number, protocol in enumerate(("synthetic", "near.toml", "range:0.5-20")):
        code, out, err = thermodepth(
            "evaluate", store, "--protocol", protocol, "--out", f"b{number}", "--processes", "1"
        )
        assert code == 0, err
    same = [table(tmp_path / name / "tables" / "errors.csv") for name in ("a", "b0")]
    assert same[0] == same[1]
    ids = {
        json.loads((tmp_path / f"b{n}" / "evaluation.json").read_text())["protocol_id"]
        for n in range(3)
    }
    assert len(ids) == 3
    # No teacher is loaded to score a store again: its labels are there.
    with monkeypatch.context() as patch:
        patch.setattr("thermodepth.training.labels.make_labels", None)
        code, out, err = thermodepth("evaluate", store, "--processes", "1")
    assert code == 0, err
    assert "teacher" in out
    refused(thermodepth("evaluate", "a"), "holds predictions but is none", store)
    # Everything is the same again, whatever the number of processes.
    code, _, err = thermodepth(*first[:-4], "--out", "a", "--processes", "2")
    assert code == 0, err
    assert (tmp_path / "a" / "rows.parquet").read_bytes() == (
        tmp_path / "b0" / "rows.parquet"
    ).read_bytes()


def test_a_store_of_other_frames_is_refused(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    data = f"synthetic:{tiny_pack}"
    call = ("evaluate", "thermal-small", "--data", data, "--split", "val", "--teacher", "none")
    code, out, err = thermodepth(*call, "--no-baselines", "--out", "val")
    assert code == 0, err
    assert "constant depth" not in out
    store = "val/predictions/thermal-small"
    refused(thermodepth("evaluate", store, "--split", "test"), "other frames", "--split")
    next((tmp_path / store).glob("*.npz")).unlink()
    refused(thermodepth("evaluate", store), "lacks 1 of 2 frames")
    refused(
        thermodepth("evaluate", "thermal-small", store, "--data", data), "called 'thermal-small'"
    )


def test_precisions_that_do_not_exist(thermodepth: Thermodepth) -> None:
    refused(thermodepth("evaluate", "thermal-small", "--precision", "half"), "half", "float16")


def test_a_model_that_is_none_is_found_before_anything_is_labelled(
    thermodepth: Thermodepth, tiny_pack: Path, tmp_path: Path
) -> None:
    call = ("evaluate", "nomodel", "--data", f"synthetic:{tiny_pack}", "--out", "e")
    refused(thermodepth(*call), "nomodel: no such model folder")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "e").exists()


def test_a_run_whose_data_cannot_be_found_says_whose_they_are(
    thermodepth: Thermodepth, tmp_path: Path
) -> None:
    from thermodepth.model import resolve_model
    from thermodepth.training.settings import TrainingSettings

    run = tmp_path / "run"
    shutil.copytree(resolve_model("thermal-small"), run / "model")
    settings = TrainingSettings().edit({"data.source": "synthetic:packs/night.zip"})
    (run / "settings.json").write_text(json.dumps(settings.tree()))
    told = ("run: was made on synthetic:packs/night.zip, which cannot be opened", "--data")
    refused(thermodepth("evaluate", "run"), *told)
