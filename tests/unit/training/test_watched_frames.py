"""Frames that are watched while a network trains: same weights, whole files after a stop, no harm done."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from thermodepth.data import open_dataset
from thermodepth.data.reference_frames import read_reference_frames
from thermodepth.errors import DataError, SettingsError
from thermodepth.evaluation.scoring.references import FrameReference
from thermodepth.inference.predictor import load
from thermodepth.recipes import named_training
from thermodepth.training import watched
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Progress, train
from thermodepth.training.run_folder import run_identity
from thermodepth.training.train_state import check_watched

SMALL: dict[str, Any] = {
    "steps": 8,
    "data.batch_size": 2,
    "data.size": [32, 32],
    "model.weights": "none",
    "model.decoder_width": 8,
    "teacher.kind": "truth",
    "runtime.device": "cpu",
    "runtime.checkpoint_every": 3,
    "runtime.log_every": 100,
}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames in counts, of boxes on a ground, with the true inverse depth as reference."""
    root = tmp_path_factory.mktemp("frames")
    for band in ("thermal", "reference", "rgb"):
        (root / band).mkdir()
    for number in range(3):
        random = np.random.default_rng(number)
        depth = np.linspace(20.0, 2.0, 48)[:, None] * np.ones(64)
        for _ in range(4):
            y, x = random.integers(0, 36), random.integers(0, 52)
            depth[y : y + 12, x : x + 12] = random.uniform(2.0, 8.0)
        counts = (9000 - 100 * depth + random.normal(0, 3, depth.shape)).astype(np.uint16)
        grey = (250 - 10 * depth).astype(np.uint8)
        for band, picture in (
            ("thermal", counts),
            ("reference", (60_000 / depth).astype(np.uint16)),
            ("rgb", np.dstack([grey, grey // 2, grey])),
        ):
            cv2.imwrite(str(root / f"{band}/{number}.png"), picture)
    return root


def run(pack: Path, out: Path, *, recipe: str = "thermal", report=None, **edits: Any) -> Path:
    dataset = open_dataset(f"synthetic:{pack}")
    tree = {**SMALL, **{name.replace("__", "."): value for name, value in edits.items()}}
    settings = named_training(recipe).edit({"data.source": dataset.spec, **tree}).resolved(dataset)
    store = make_labels(settings.teacher, dataset, out.parent / "labels")
    train(
        settings,
        out,
        dataset=dataset,
        label_of=label_reader(store, budget_bytes=2**20),
        label_source=label_source(store),
        report=report,
    )
    return out


def lines(out: Path) -> list[dict[str, str]]:
    with (out / watched.FILE).open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def weights(out: Path) -> bytes:
    return (out / "model" / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def watching(tiny_pack: Path, frames: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that watches and that nothing disturbed."""
    out = tmp_path_factory.mktemp("watching") / "run"
    return run(tiny_pack, out, runtime__watch__source=f"{frames}?fov=60")


def test_weights_are_those_of_a_run_that_watches_nothing(
    watching: Path, tiny_pack: Path, tmp_path: Path
):
    plain = run(tiny_pack, tmp_path / "plain")
    assert weights(plain) == weights(watching)
    assert not (plain / watched.FILE).exists()


def test_lines_come_with_the_checkpoints_before_the_first_step_and_at_the_end(watching: Path):
    assert [(line["step"], line["frames"]) for line in lines(watching)] == [
        (step, "3") for step in ("0", "3", "6", "8")
    ]


def test_the_last_line_is_what_the_trained_model_says(watching: Path, frames: Path):
    predictor = load(watching, device="cpu", fov_deg=60)
    scores = []
    for frame in read_reference_frames(frames):
        prediction = predictor(frame.sample.thermal)
        scores.append(
            FrameReference(frame.reference).scores(prediction.structure, depth_m=prediction.depth_m)
        )
    last = lines(watching)[-1]
    for name in ("structure_rank", "structure_partial", "depth_rank", "depth_partial"):
        assert float(last[name]) == pytest.approx(
            np.mean([each[name] for each in scores]), rel=1e-4
        )
    assert last["structure_beyond"]
    assert last["sky_share"] == ""  # this network tells no sky
    assert 0.3 < float(last["median_m"]) < 80


def test_a_run_that_was_stopped_ends_with_the_lines_of_one_that_was_not(
    watching: Path, tiny_pack: Path, frames: Path, tmp_path: Path
):
    """Stopped at step 5, of which the checkpoint of step 3 knows nothing."""

    class StopError(Exception):
        pass

    def stop(now: Progress) -> None:
        if now.step == 5:
            raise StopError

    out = tmp_path / "run"
    source = {"runtime__watch__source": f"{frames}?fov=60", "runtime__watch__every": 1}
    with pytest.raises(StopError):
        run(tiny_pack, out, report=stop, **source)
    assert [line["step"] for line in lines(out)] == ["0", "1", "2", "3", "4", "5"]
    run(tiny_pack, out, **source)
    assert [line["step"] for line in lines(out)] == [str(n) for n in range(9)]
    every = {line["step"]: line for line in lines(out)}
    assert [every[line["step"]] for line in lines(watching)] == lines(watching)
    assert weights(out) == weights(watching)


def test_a_run_may_begin_to_watch_when_it_goes_on(tiny_pack: Path, frames: Path):
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    plain = named_training("thermal").edit(SMALL).resolved(dataset)
    other = plain.edit({"runtime.watch.source": str(frames), "runtime.watch.every": 7})
    assert run_identity(plain, dataset, "l") == run_identity(other, dataset, "l")


def test_a_failure_ends_the_watching_and_not_the_training(
    watching: Path,
    tiny_pack: Path,
    frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    whole = watched.FrameWatch._line

    def failing(self: watched.FrameWatch, step: int) -> Any:
        if step == 6:
            raise RuntimeError("no more")
        return whole(self, step)

    monkeypatch.setattr(watched.FrameWatch, "_line", failing)
    with pytest.warns(UserWarning, match="ended at step 6 .RuntimeError: no more."):
        out = run(tiny_pack, tmp_path / "run", runtime__watch__source=f"{frames}?fov=60")
    assert [line["step"] for line in lines(out)] == ["0", "3"]
    assert weights(out) == weights(watching)


def test_an_rgb_network_is_watched_on_rgb_pictures(tiny_pack: Path, frames: Path, tmp_path: Path):
    edits = {"steps": 1, "runtime__watch__source": str(frames)}
    out = run(tiny_pack, tmp_path / "run", recipe="rgb-teacher", **edits)
    first, last = lines(out)
    assert (first["step"], last["step"]) == ("0", "1")
    assert last["structure_partial"]
    assert last["depth_partial"] == last["median_m"] == ""


def test_what_cannot_be_watched_is_refused_before_anything_is_labelled(
    tiny_pack: Path, frames: Path, tmp_path: Path
):
    dataset = open_dataset(f"synthetic:{tiny_pack}")

    def check(source: Path | str, **edits: Any) -> None:
        tree = {**SMALL, "runtime.watch.source": str(source), **edits}
        check_watched(named_training("thermal").edit(tree).resolved(dataset), dataset)

    check("")
    check(frames)
    with pytest.raises(DataError, match="no such folder"):
        check(tmp_path / "nowhere")
    for band in ("thermal", "reference"):
        (tmp_path / band).mkdir()
        picture = np.random.default_rng(0).integers(0, 255, (32, 32)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / band / "1.png"), picture)
    normaliser = {"name": "fixed_range", "range_low": 5000.0, "range_high": 9000.0}
    with pytest.raises(SettingsError, match=r"runtime\.watch\.source=.*display"):
        check(tmp_path, **{"data.normaliser": normaliser})


def test_another_file_in_the_place_of_its_lines_stops_the_run(
    tiny_pack: Path, frames: Path, tmp_path: Path
):
    out = run(tiny_pack, tmp_path / "run", steps=1)
    (out / watched.FILE).write_text("step,what\n1,2\n")
    (out / "done.json").unlink()
    with pytest.raises(DataError, match=r"watch\.csv, line 2: not of watched frames"):
        run(tiny_pack, out, steps=1, runtime__watch__source=str(frames))
