"""Run folders: whose they are, what they say, and when they are refused."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from thermodepth.checksums import read_settings
from thermodepth.config import flatten
from thermodepth.data import open_dataset
from thermodepth.data.frames import Dataset
from thermodepth.errors import DataError, SettingsError
from thermodepth.lock import LOCK, holding
from thermodepth.training import run_folder
from thermodepth.training.loop import train
from thermodepth.training.run_folder import (
    check_free,
    environment,
    finish_run,
    note_start,
    only_run,
    open_run,
    run_facts,
    run_identity,
    run_is_done,
)
from thermodepth.training.settings import TrainingSettings

#: Another allowed value where doubling or negating gives none.
OTHER = {
    "precision": "bf16",
    "data.split": "val",
    "data.most_frames": 5,
    "data.truth.max_m": 15.0,
    "data.truth.conditions": ["day"],
    "data.truth.frames": 5,
    "data.modality": "rgb",
    "data.size": [64, 96],
    "data.augmentation.flip_probability": 0.25,
    "data.augmentation.zoom": 1.3,
    "data.normaliser.name": "min_max",
    "data.normaliser.high_percentile": 98.0,
    "data.normaliser.range_low": 5.0,
    "model.encoder": "resnet18",
    "model.weights": "rgb-small",
    "model.decoder_width": 32,
    "data.normaliser.window_low_k": 250.0,
    "teacher.map_none": "zero",
    "runtime.watch.source": "frames",
    "teacher.map_scale": 0.5,
    "teacher.multiple": 28,
    "teacher.field_of_view_deg": 60.0,
    "teacher.normalise": "half",
    "data.normaliser.memory": 0.5,
    "data.normaliser.planck": {"r1": 380747.0, "b": 1428.0},
    "model.upsampling": "bilinear",
    "model.depth_range_m": [0.5, 80.0],
    "model.focal_px": 150.0,
    "data.augmentation.zoom_least": 1.1,
    "data.augmentation.aspect": "cut",
    "teacher.kind": "rgb-small",
    "teacher.model": "another",
    "teacher.revision": "main",
    "teacher.input_size": 96,
    "teacher.geometry": "metric_depth",
    "teacher.runtime.device": "cpu",
    "teacher.runtime.memory_gb": 4.0,
    "losses.metric_relative.form": "log",
    "losses.metric_gradient.form": "squared",
    "losses.structure_gradient.form": "huber",
    "losses.metric_silog.lam": 0.5,
    "losses.structure_smooth.guide": "teacher",
    "losses.structure_smooth.pixels": "all",
    "losses.guided_smooth.guide": "thermal",
    "losses.gradient_consistency.space": "log",
    "losses.gradient_consistency.form": "value",
    "losses.structure_ssi.form": "median_mad",
    "losses.guided_smooth.space": "inverse",
    "losses.gradient_consistency.detach": "structure",
    "optimiser.ema_decay": 0.5,
    "model.decoder": "lean",
    "model.encoder_config": {"model_type": "resnet"},
    "runtime.device": "auto",
}
RUN, LABELS = "a" * 16, "truth-1/metric_depth"


def others(path: str, value: Any) -> list[Any]:
    """Other values of a setting, of which one is allowed."""
    if path in OTHER:
        assert OTHER[path] != value, path
        return [OTHER[path]]
    if isinstance(value, bool):
        return [not value]
    assert isinstance(value, (int, float)), f"{path}: give it another value in OTHER"
    return [value + 1, value - 1] if isinstance(value, int) else [2 * value or 0.125, value / 2]


def changed_at(settings: TrainingSettings, path: str, value: Any) -> TrainingSettings:
    for candidate in others(path, value):
        with suppress(SettingsError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # settings without effect
            return settings.edit({path: candidate})
    raise AssertionError(f"{path}: give it another value in OTHER")


def test_the_identity_changes_with_every_setting_that_may_change_a_number(
    settings: TrainingSettings, dataset: Dataset
) -> None:
    own = run_identity(settings, dataset, LABELS)
    assert len(own) == 16
    leaves = flatten(settings.tree())
    assert len(leaves) > 60
    for path, value in leaves.items():
        if path in ("data.source", "data.normaliser.version"):  # the second has one value
            continue
        changed = changed_at(settings, path, value)
        assert changed != settings
        is_runtime = "runtime." in path
        assert (run_identity(changed, dataset, LABELS) == own) == is_runtime, path


def test_the_identity_is_of_data_and_labels_wherever_they_lie(
    settings: TrainingSettings, dataset: Dataset, tiny_pack: Path, tmp_path: Path
) -> None:
    own = run_identity(settings, dataset, LABELS)
    assert run_identity(settings, dataset, "other-labels") != own
    moved = tmp_path / "moved.zip"
    moved.write_bytes(tiny_pack.read_bytes())
    elsewhere = settings.edit({"data.source": f"synthetic:{moved}"})
    assert run_identity(elsewhere, open_dataset(f"synthetic:{moved}"), LABELS) == own
    moved.write_bytes(tiny_pack.read_bytes() + b"\0")  # other content
    assert run_identity(elsewhere, open_dataset(f"synthetic:{moved}"), LABELS) != own


def test_a_new_folder_says_what_runs_in_it(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "run"
    identity = open_run(settings, out, dataset=dataset, label_source=LABELS)
    assert sorted(p.name for p in out.iterdir()) == [
        "environment.json",
        "run.json",
        "settings.json",
    ]
    assert read_settings(TrainingSettings, out / "settings.json") == settings
    assert run_facts(out) == {"identity": identity, "data": dataset.spec, "labels": LABELS}
    note_start(out, first_weights="w", batches="b")
    assert run_facts(out) == {
        "identity": identity,
        "data": dataset.spec,
        "labels": LABELS,
        "first_weights": "w",
        "batches": "b",
    }


def test_a_run_s_own_folder_is_recognised_and_left_alone(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    identity = open_run(settings, out, dataset=dataset, label_source=LABELS)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    faster = settings.edit({"runtime.workers": 3, "runtime.checkpoint_every": 7})
    assert open_run(faster, out, dataset=dataset, label_source=LABELS) == identity
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_a_run_that_was_killed_in_its_first_second_is_still_recognised(
    settings: TrainingSettings,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever of the files it was writing."""
    out = tmp_path / "run"
    write_record = run_folder.write_record
    for files in range(1, 4):
        left = files

        def killed(path: Path, tree: Any) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            write_record(path, tree)

        monkeypatch.setattr(run_folder, "write_record", killed)
        if files < 3:
            with pytest.raises(KeyboardInterrupt):
                open_run(settings, out / str(files), dataset=dataset, label_source=LABELS)
        monkeypatch.setattr(run_folder, "write_record", write_record)
        open_run(settings, out / str(files), dataset=dataset, label_source=LABELS)
        assert len(list((out / str(files)).iterdir())) == 3


def test_another_run_s_folder_is_refused(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    identity = open_run(settings, tmp_path / "run", dataset=dataset, label_source=LABELS)
    longer = settings.edit({"steps": settings.steps + 1})
    with pytest.raises(SettingsError, match=rf"run: holds run {identity}, and .* Choose another"):
        open_run(longer, tmp_path / "run", dataset=dataset, label_source=LABELS)


def test_a_folder_of_other_things_is_refused(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("")
    with pytest.raises(SettingsError, match="photos: holds other files and no run"):
        open_run(settings, tmp_path / "photos", dataset=dataset, label_source=LABELS)
    (tmp_path / "a-file").write_text("")
    with pytest.raises(SettingsError, match="a-file: is a file, expected a folder"):
        open_run(settings, tmp_path / "a-file", dataset=dataset, label_source=LABELS)
    assert sorted(p.name for p in (tmp_path / "photos").iterdir()) == ["cat.jpg"]
    # A lock or another hidden file is nobody's work.
    (tmp_path / "cell").mkdir()
    (tmp_path / "cell" / ".lock").write_text("")
    open_run(settings, tmp_path / "cell", dataset=dataset, label_source=LABELS)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"identity": []}', "[" * 100_000])
def test_a_damaged_record_is_named(
    content: str, settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(SettingsError, match=r"run\.json: cannot be read"):
        open_run(settings, tmp_path, dataset=dataset, label_source=LABELS)


def test_a_run_is_not_continued_from_other_first_weights(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    open_run(settings, tmp_path, dataset=dataset, label_source=LABELS)
    note_start(tmp_path, first_weights="old", batches="b")
    note_start(tmp_path, first_weights="old", batches="b")
    with pytest.raises(
        SettingsError, match=r"began from weights old, and model\.weights now gives"
    ):
        note_start(tmp_path, first_weights="new", batches="b")


def test_a_finished_run_has_no_checkpoint_left(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_text("")
    assert not run_is_done(tmp_path)
    finish_run(tmp_path)
    assert run_is_done(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["done.json"]


def test_the_environment_names_versions_machine_and_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    monkeypatch.setattr("sys.argv", ["/usr/local/bin/thermodepth", "train", "--steps", "3"])
    record = environment()
    assert record.keys() == {
        "thermodepth",
        "revision",
        "python",
        "packages",
        "platform",
        "device",
        "processor",
        "threads",
        "command",
        "process",
        "began",
    }
    assert record["packages"]["torch"] == torch.__version__
    assert record["packages"].keys() == set(run_folder.PACKAGES)
    assert record["threads"] == torch.get_num_threads()
    assert record["command"] == ["thermodepth", "train", "--steps", "3"]
    assert len(record["began"]) == len("2026-01-01T00:00:00Z")
    json.dumps(record, allow_nan=False)


def test_a_stretch_on_another_processor_is_added_to_the_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "environment.json"
    run_folder._note_environment(path, done=False)
    first = json.loads(path.read_text())
    run_folder._note_environment(path, done=False)
    assert json.loads(path.read_text()) == first  # the same machine: nothing to add

    elsewhere = {"model": "other", "capability": "AVX2", "limits": {}}
    monkeypatch.setattr(run_folder, "processor", lambda: elsewhere)
    run_folder._note_environment(path, done=True)
    assert json.loads(path.read_text()) == first  # a finished run computes nothing
    for _ in range(2):
        run_folder._note_environment(path, done=False)
    (stretch,) = json.loads(path.read_text())["continued"]
    assert stretch.keys() == {"processor", "began"}
    assert stretch["processor"] == elsewhere


def test_a_module_that_came_under_another_name_is_no_reason_to_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_folder, "PACKAGES", ("torch", "no-such-distribution"))
    assert environment()["packages"]["no-such-distribution"] is None


def test_an_installed_package_takes_no_revision_from_a_repository_around_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """site-packages of a virtual environment inside somebody's project."""
    (tmp_path / ".git").mkdir()
    place = tmp_path / ".venv" / "lib" / "site-packages" / "thermodepth" / "training" / "x.py"
    monkeypatch.setattr(run_folder, "__file__", str(place))
    monkeypatch.setattr(run_folder.subprocess, "run", lambda *_, **__: pytest.fail("git was asked"))
    assert run_folder._git_revision() is None


def test_a_folder_is_trained_in_by_one_process_at_a_time(tmp_path):
    """The lock of another process: it is held by whoever opened the file, not by a program."""
    out = tmp_path / "run"
    check_free(out)
    assert not out.exists()
    with holding(out):
        for attempt in (
            lambda: check_free(out),
            lambda: train(
                TrainingSettings(), out, dataset=None, label_of=None, label_source="none"
            ),
        ):
            with pytest.raises(SettingsError, match="another process is training in this folder"):
                attempt()
        assert [path.name for path in out.iterdir()] == [LOCK]
    check_free(out)


def test_beside_the_first_process_of_a_training_the_others_hold_nothing(tmp_path, monkeypatch):
    with only_run(tmp_path):
        monkeypatch.setenv("RANK", "1")
        with only_run(tmp_path):
            pass
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(SettingsError), only_run(tmp_path):
            pytest.fail("held twice")


def test_nothing_is_put_into_a_folder_of_something_else(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(SettingsError, match="holds other files"):
        train(TrainingSettings(), tmp_path, dataset=None, label_of=None, label_source="none")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_what_grew_is_checked_when_the_run_has_ended(tmp_path: Path) -> None:
    (tmp_path / "conflict").mkdir()
    files = (tmp_path / "log.csv", tmp_path / "gradients.csv", tmp_path / "conflict/step-3.npz")
    for path in files:
        path.write_text("step,total\n1,0.5\n")
        run_folder.check_grown(path, tmp_path)  # of a run that goes on nothing is said
    run_folder.finish_run(tmp_path)
    for path in files:
        run_folder.check_grown(path, tmp_path)
        path.write_text("step,total\n1,0.6\n")
        with pytest.raises(DataError, match=rf"{path.name}: damaged.*delete the folder"):
            run_folder.check_grown(path, tmp_path)
    # As earlier versions left it.
    (tmp_path / "done.json").write_text('{"finished": "2026-01-01T00:00:00Z"}')
    run_folder.check_grown(files[0], tmp_path)
