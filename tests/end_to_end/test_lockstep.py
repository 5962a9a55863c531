"""Several runs over one stream of batches: each ends with the bytes that it ends with alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from thermodepth.data import Dataset, open_dataset
from thermodepth.data.loader import BatchStream
from thermodepth.errors import DataError, DivergedError, SettingsError, WeightsError
from thermodepth.lock import LOCK
from thermodepth.model import ENCODERS, encoders, initialise
from thermodepth.model.encoders import EncoderRow
from thermodepth.training import loop, trainee
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Progress, Report, Run, train, train_in_lockstep
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Batch, Sample

STEPS = 8
#: Checkpoints at 3 and 6, log lines at 2, 4, 6 and 8, one term from step 5 on.
SMALL: dict[str, Any] = {
    "steps": STEPS,
    "data.batch_size": 2,
    "model.weights": "none",
    "model.decoder_width": 8,
    "teacher.kind": "truth",
    "losses.guided_smooth.start": 0.4,
    "optimiser.ema_decay": 0.8,
    "runtime.device": "cpu",
    "runtime.checkpoint_every": 3,
    "runtime.log_every": 2,
}
#: Another network and optimiser, whose layers draw random numbers; all losses; other losses, watched.
ARMS: dict[str, dict[str, Any]] = {
    "random": {
        "model.encoder": "dinov3-small",
        "optimiser.learning_rate": 5e-4,
        "optimiser.ema_decay": 0.5,
    },
    "full": {},
    "bare": {
        "losses.groups.smooth": False,
        "runtime.log_every": 3,
        "runtime.diagnostics.on": True,
        "runtime.diagnostics.share_every": 2,
        "runtime.diagnostics.maps": 0,
    },
}
#: Finite at first, then not: the fifth step is not taken.
WILD = {"losses.guided_smooth.weight": 1e39}
FILES = ("model/weights.safetensors", "model/model.json", "run.json", "settings.json", "log.csv")


@pytest.fixture(autouse=True, scope="module")
def tiny_random_encoder() -> Any:
    """A DINOv3 rescales its positions at random in training."""
    with pytest.MonkeyPatch.context() as patch:
        row = EncoderRow(name="dinov3-small", config=encoders._dinov3(16, 2, 4), summary="tiny")
        patch.setitem(ENCODERS, "dinov3-small", row)
        yield


@pytest.fixture(scope="module")
def dataset(tiny_pack: Path) -> Dataset:
    return open_dataset(f"synthetic:{tiny_pack}")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labels")


def settings_of(dataset: Dataset, **edits: Any) -> TrainingSettings:
    tree = {**SMALL, "data.source": dataset.spec, **edits}
    return TrainingSettings().edit(tree).resolved(dataset)


def fed(dataset: Dataset, labels: Path) -> dict[str, Any]:
    """What runs are fed with."""
    store = make_labels(settings_of(dataset).teacher, dataset, labels)
    return {
        "dataset": dataset,
        "label_of": label_reader(store, budget_bytes=2**20),
        "label_source": label_source(store),
    }


def run_of(
    dataset: Dataset, out: Path, arm: str, *, report: Report | None = None, **edits: Any
) -> Run:
    settings = settings_of(dataset, **{**ARMS.get(arm, {}), **edits})
    return Run(settings=settings, out=out / arm / "run", report=report)


def keep_checkpoint(out: Path, now: Progress) -> None:
    """Copies the checkpoint of step 6 before the run throws it away."""
    if now.step == 7:
        shutil.copy(out / "run" / "checkpoint.safetensors", out / "at-6")


def all_arms(dataset: Dataset, out: Path) -> list[Run]:
    return [run_of(dataset, out, arm, report=partial(keep_checkpoint, out / arm)) for arm in ARMS]


@pytest.fixture(scope="module")
def alone(dataset: Dataset, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every arm, trained by itself."""
    out = tmp_path_factory.mktemp("alone")
    for run in all_arms(dataset, out):
        train(run.settings, run.out, report=run.report, **fed(dataset, labels))
    return out


def assert_as_alone(out: Path, alone: Path, arms: Sequence[str] = tuple(ARMS)) -> None:
    """Weights, their average, moments, sums, logs, first weights, batches and identity, to the bit."""
    for arm in arms:
        for name in FILES:
            ours, theirs = (root / arm / "run" / name for root in (out, alone))
            assert ours.read_bytes() == theirs.read_bytes(), ours
        # A run alone holds its folder by a lock; those in lockstep are held by their study's cells.
        names = [
            sorted(p.name for p in (root / arm / "run").iterdir() if p.name != LOCK)
            for root in (out, alone)
        ]
        assert names[0] == names[1]
        ours, theirs = (root / arm / "at-6" for root in (out, alone))
        assert ours.read_bytes() == theirs.read_bytes(), ours
    for name in ("gradients.csv", "cosines.csv"):
        ours, theirs = (root / "bare" / "run" / name for root in (out, alone))
        assert "bare" not in arms or ours.read_bytes() == theirs.read_bytes(), name


# --- the same bytes -------------------------------------------------------------------------------


def test_runs_in_lockstep_are_runs_alone(
    alone: Path, dataset: Dataset, labels: Path, tmp_path: Path
) -> None:
    runs = all_arms(dataset, tmp_path)
    endings = train_in_lockstep(runs, **fed(dataset, labels))
    assert endings == [run.out / "model" for run in runs]
    assert_as_alone(tmp_path, alone)
    # They were different trainings: else the comparison above would say nothing.
    weights = {(run.out / "model" / "weights.safetensors").read_bytes() for run in runs}
    assert len(weights) == len(ARMS)


def test_the_order_of_the_runs_changes_nothing(
    alone: Path, dataset: Dataset, labels: Path, tmp_path: Path
) -> None:
    train_in_lockstep(all_arms(dataset, tmp_path)[::-1], **fed(dataset, labels))
    assert_as_alone(tmp_path, alone)


def test_every_batch_is_read_and_moved_once_and_never_written_to(
    dataset: Dataset, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[int] = Counter()
    moved: list[tuple[Batch, Batch]] = []
    sample, as_input = BatchStream.sample, loop.as_input

    def counted(self: BatchStream, position: int) -> Sample:
        read[position] += 1
        return sample(self, position)

    def watched(batch: Batch, device: torch.device) -> Batch:
        batch = as_input(batch, device)
        moved.append((batch, deepcopy(batch)))
        return batch

    monkeypatch.setattr(BatchStream, "sample", counted)
    monkeypatch.setattr(loop, "as_input", watched)
    train_in_lockstep(all_arms(dataset, tmp_path), **fed(dataset, labels))
    assert read == dict.fromkeys(range(STEPS * 2), 1)
    assert len(moved) == STEPS
    for batch, before in moved:
        for field in fields(Batch):
            now, then = (getattr(b, field.name) for b in (batch, before))
            assert torch.equal(now, then) if isinstance(now, torch.Tensor) else now == then


# --- stops ----------------------------------------------------------------------------------------


def steps_of(runs: Sequence[Run], **fed: Any) -> list[list[int]]:
    """Train on: the steps that each run took."""
    taken: list[list[int]] = [[] for _ in runs]

    def reporting(run: Run, steps: list[int]) -> Run:
        def report(now: Progress) -> None:
            steps.append(now.step)
            keep_checkpoint(run.out.parent, now)

        return replace(run, report=report)

    train_in_lockstep([reporting(r, s) for r, s in zip(runs, taken, strict=True)], **fed)
    return taken


def interrupting(step: int) -> Callable[[Progress], None]:
    def report(now: Progress) -> None:
        if now.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    return report


def test_a_stop_saves_every_run_after_the_same_step(
    alone: Path, dataset: Dataset, labels: Path, tmp_path: Path
) -> None:
    runs = all_arms(dataset, tmp_path)
    # The first run hears of it; the others have still to take the step.
    stopped = [replace(runs[0], report=interrupting(5)), *runs[1:]]
    with pytest.raises(KeyboardInterrupt):
        train_in_lockstep(stopped, **fed(dataset, labels))
    torch.rand(13)  # another process would be elsewhere in its stream
    assert steps_of(runs, **fed(dataset, labels)) == [[6, 7, 8]] * 3
    assert_as_alone(tmp_path, alone)


def test_runs_that_stand_at_different_steps_meet_to_the_bit(
    alone: Path, dataset: Dataset, labels: Path, tmp_path: Path
) -> None:
    runs = all_arms(dataset, tmp_path)
    for run, step in ((runs[0], 5), (runs[2], 2)):
        with pytest.raises(KeyboardInterrupt):
            train(run.settings, run.out, report=interrupting(step), **fed(dataset, labels))
    done = tmp_path / "done"
    shutil.copytree(alone / "full", done)
    finished = replace(runs[1], out=done / "run")
    steps = steps_of([runs[0], finished, runs[1], runs[2]], **fed(dataset, labels))
    assert steps == [[6, 7, 8], [], list(range(1, 9)), list(range(3, 9))]
    assert_as_alone(tmp_path, alone)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_lockstep import *

row = EncoderRow(name="dinov3-small", config=encoders._dinov3(16, 2, 4), summary="tiny")
ENCODERS["dinov3-small"] = row
save = trainee.Trainee.checkpoint

def checkpoint(self, next_step):
    if next_step == 6 and "bare" in self.run.out.parts:
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, next_step)

trainee.Trainee.checkpoint = checkpoint
dataset = open_dataset(f"synthetic:{sys.argv[1]}")
train_in_lockstep(all_arms(dataset, Path(sys.argv[2])), **fed(dataset, Path(sys.argv[3])))
"""


def test_killed_between_two_checkpoints_they_go_on_to_the_bit(
    alone: Path, dataset: Dataset, labels: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    call = [sys.executable, "-c", KILLED, *map(str, (tiny_pack, tmp_path, labels, here))]
    ended = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    steps = steps_of(all_arms(dataset, tmp_path), **fed(dataset, labels))
    assert steps == [[7, 8], [7, 8], [4, 5, 6, 7, 8]]
    assert_as_alone(tmp_path, alone)


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_that_diverges_is_frozen_and_its_memory_freed(
    precision: str,
    alone: Path,
    dataset: Dataset,
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks: list[weakref.ref[torch.nn.Module]] = []
    weights: list[weakref.ref[torch.nn.Parameter]] = []  # which a graph of their steps would hold
    alive: list[bool] = []
    heard: list[Exception] = []

    def noted(*args: Any, **options: Any) -> Any:
        network = initialise(*args, **options)
        networks.append(weakref.ref(network))
        weights.append(weakref.ref(next(network.parameters())))
        return network

    def report(now: Progress) -> None:
        keep_checkpoint(tmp_path / "bare", now)
        alive.append(networks[1]() is not None or weights[1]() is not None)

    monkeypatch.setattr(trainee, "initialise", noted)
    runs = [
        run_of(dataset, tmp_path, "full", report=partial(keep_checkpoint, tmp_path / "full")),
        replace(run_of(dataset, tmp_path, "wild", **WILD), failed=heard.append),
        run_of(dataset, tmp_path, "bare", report=report),
    ]
    if precision == "bf16":  # wrapped by Accelerate, so that a network holds itself
        runs = [replace(run, settings=run.settings.edit({"precision": "bf16"})) for run in runs]
    endings = train_in_lockstep(runs, **fed(dataset, labels))
    assert [type(ending) for ending in endings] == [type(tmp_path), DivergedError, type(tmp_path)]
    assert heard == [endings[1]]
    assert str(endings[1]).startswith("step 4: every loss term is finite but their weighted sum")
    assert alive == [True] * 5 + [False] * 3  # at its fifth step it went
    assert all(held() is None for held in (*networks, *weights))
    assert (tmp_path / "wild/run/checkpoint.safetensors").is_file()
    assert not (tmp_path / "wild/run/model").exists()
    if precision == "fp32":
        assert_as_alone(tmp_path, alone, arms=("full", "bare"))
        run = run_of(dataset, tmp_path / "again", "wild", **WILD)
        with pytest.raises(DivergedError) as told:
            train(run.settings, run.out, **fed(dataset, labels))
        assert str(told.value) == str(endings[1])


def test_when_all_have_diverged_nothing_more_is_read(
    dataset: Dataset, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    batch = BatchStream.batch

    def counted(self: BatchStream, step: int) -> Batch:
        steps.append(step)
        return batch(self, step)

    monkeypatch.setattr(BatchStream, "batch", counted)
    runs = [run_of(dataset, tmp_path, name, **WILD) for name in ("a", "b")]
    endings = train_in_lockstep(runs, **fed(dataset, labels))
    assert [type(ending) for ending in endings] == [DivergedError] * 2
    assert steps == list(range(5))


def test_a_run_that_cannot_begin_keeps_no_other_from_it(
    alone: Path, dataset: Dataset, labels: Path, tmp_path: Path
) -> None:
    nowhere = {"model.weights": str(tmp_path / "nowhere")}
    foreign = run_of(dataset, tmp_path, "foreign")
    shutil.copytree(alone / "bare" / "run", foreign.out)
    endings = train_in_lockstep(
        [
            run_of(dataset, tmp_path, "lost", **nowhere),
            foreign,
            run_of(dataset, tmp_path, "full", report=partial(keep_checkpoint, tmp_path / "full")),
        ],
        **fed(dataset, labels),
    )
    assert isinstance(endings[0], WeightsError)
    assert isinstance(endings[1], SettingsError)
    assert "Choose another --out" in str(endings[1])
    assert_as_alone(tmp_path, alone, arms=("full",))


def test_a_batch_that_cannot_be_read_ends_them_all(
    dataset: Dataset, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Batch:
        raise DataError("frame 9 cannot be read")

    monkeypatch.setattr(BatchStream, "batch", broken)
    with pytest.raises(DataError, match="frame 9"):
        train_in_lockstep(all_arms(dataset, tmp_path), **fed(dataset, labels))


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"seed": 1}, "seed is 0 in .*full/run and 1 in .*other/run"),
        ({"steps": 9}, "steps is 8 .* and 9 "),
        ({"precision": "bf16"}, 'precision is "fp32" .* and "bf16" '),
        ({"data.batch_size": 4}, r"data\.batch_size is 2 .* and 4 "),
        ({"data.augmentation.zoom": 1.0}, r"data\.augmentation\.zoom is "),
        ({"teacher.kind": "rgb-small"}, r'teacher\.kind is "truth" .* and "rgb-small" '),
        ({"runtime.workers": 1}, r"runtime\.workers is 0 .* and 1 "),
    ],
)
def test_runs_that_are_fed_differently_are_refused_untouched(
    edits: dict[str, Any], words: str, dataset: Dataset, tmp_path: Path
) -> None:
    runs = [run_of(dataset, tmp_path, "full"), run_of(dataset, tmp_path, "other", **edits)]
    with pytest.raises(SettingsError, match=f"^lockstep: {words}.*train these apart"):
        train_in_lockstep(runs, dataset=dataset, label_of=None, label_source="none")
    assert list(tmp_path.iterdir()) == []


def test_every_run_clips_and_unscales_its_own_gradients_only() -> None:
    networks = [torch.nn.Linear(2, 2) for _ in range(2)]
    settings = TrainingSettings().edit({"runtime.device": "cpu"})
    accelerators = loop.make_accelerators(settings.runtime, "bf16", count=2)
    for accelerator, network in zip(accelerators, networks, strict=True):
        accelerator.prepare(network, torch.optim.AdamW(network.parameters()))
    for accelerator, network in zip(accelerators, networks, strict=True):
        (optimiser,) = accelerator._optimizers  # what `unscale_gradients` goes through
        assert optimiser.param_groups[0]["params"][0] is network.weight
        assert accelerator.mixed_precision == "bf16"


# --- from the command line ------------------------------------------------------------------------

STUDY = """
name = "wild"
title = "One arm diverges"
design = "list"
settings.steps = 6

[settings.model]
weights = "none"
decoder_width = 8

[settings.data]
batch_size = 2

[settings.teacher]
kind = "truth"

[settings.losses]
guided_smooth.start = 0.4

[[arms]]
name = "full"
title = "All"

[[arms]]
name = "wild"
title = "Wild"
edits = { "losses.guided_smooth.weight" = 1e39 }

[[arms]]
name = "bare"
title = "Bare"
edits = { "losses.groups.smooth" = false }
"""


def test_a_study_goes_on_beside_an_arm_that_diverged(
    thermodepth: Callable[..., tuple[int, str, str]], tiny_pack: Path, tmp_path: Path
) -> None:
    (tmp_path / "wild.toml").write_text(STUDY)
    call = ("study", "run", "wild.toml", "--data", f"synthetic:{tiny_pack}")
    code, _, err = thermodepth(*call, "--out", "s", "--lockstep", "3")
    assert code == 3
    assert "1 of 3 cells diverged" in err
    assert "wild/seed-0: diverged at step 3: every loss term is finite but" in err
    cells = tmp_path / "s" / "cells"
    failure = json.loads((cells / "wild/seed-0/failed.json").read_text())
    assert (failure["kind"], failure["step"]) == ("diverged", 3)
    for arm, done in (("full", True), ("wild", False), ("bare", True)):
        assert (cells / arm / "seed-0/rows.parquet").is_file() == done
        assert (cells / arm / "seed-0/failed.json").is_file() == (not done)
    assert err.index("wild/seed-0: failed") < err.index("bare/seed-0: step 6/6")
