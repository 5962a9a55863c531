"""Training from nothing to a model, and through everything that can stop it on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from thermodepth.checksums import read_settings
from thermodepth.data import open_dataset
from thermodepth.errors import DivergedError, SettingsError
from thermodepth.losses import LOSSES, LossesSettings
from thermodepth.losses.maps import Maps
from thermodepth.model import ENCODERS, ModelSettings, encoders, initialise, load_model
from thermodepth.model.encoders import EncoderRow
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Progress, Report, as_input, train
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Batch

STEPS = 12
ON = LossesSettings().switched_on()
#: Checkpoints at 4 and 8, log lines at 3, 6, 9 and 12, one term from step 5 on: nothing coincides.
SMALL: dict[str, Any] = {
    "steps": STEPS,
    "data.batch_size": 3,
    "model.weights": "none",
    "model.decoder_width": 8,
    "teacher.kind": "truth",
    "losses.guided_smooth.start": 0.4,
    "optimiser.ema_decay": 0.8,
    "runtime.device": "cpu",
    "runtime.checkpoint_every": 4,
    "runtime.log_every": 3,
}


def run(pack: Path, out: Path, labels: Path, *, report: Report | None = None, **edits: Any) -> Path:
    """What `thermodepth train` does, in this process."""
    dataset = open_dataset(f"synthetic:{pack}")
    tree = {**SMALL, **{k.replace("__", "."): v for k, v in edits.items()}}
    settings = TrainingSettings().edit({"data.source": dataset.spec, **tree}).resolved(dataset)
    store = make_labels(settings.teacher, dataset, labels, split=settings.data.split)
    return train(
        settings,
        out,
        dataset=dataset,
        label_of=label_reader(store, budget_bytes=2**20),
        label_source=label_source(store),
        report=report,
    )


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("labels")


@pytest.fixture(scope="module")
def undisturbed(tiny_pack: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, and beside it its checkpoint of step 8."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    run(tiny_pack, out, labels, report=keep_checkpoint(out))
    return out


def keep_checkpoint(out: Path) -> Report:
    """Copies the checkpoint of step 8 before the run throws it away."""

    def report(now: Progress) -> None:
        if now.step == 9:
            shutil.copy(out / "checkpoint.safetensors", out.with_name("at-8"))

    return report


def signalling(step: int, number: signal.Signals) -> Report:
    """Sends this process a signal after a step."""

    def report(now: Progress) -> None:
        if now.step == step:
            os.kill(os.getpid(), number)

    return report


def assert_same_run(out: Path, other: Path) -> None:
    """Weights, their average, moments, sums and log, to the bit."""
    for name in ("model/weights.safetensors", "model/model.json", "log.csv", "settings.json"):
        assert (out / name).read_bytes() == (other / name).read_bytes(), name
    assert out.with_name("at-8").read_bytes() == other.with_name("at-8").read_bytes()


def total_loss(out: Path) -> list[float]:
    header, *lines = [line.split(",") for line in (out / "log.csv").read_text().splitlines()]
    return [float(line[header.index("total")]) for line in lines]


# --- a run that nothing disturbs ------------------------------------------------------------------


def test_a_run_leaves_a_model_a_log_and_its_record(undisturbed: Path) -> None:
    names = sorted(p.name for p in undisturbed.iterdir())
    assert names == [
        ".lock",  # nobody holds it
        "done.json",
        "environment.json",
        "log.csv",
        "model",
        "run.json",
        "seconds.json",
        "settings.json",
    ]
    lines = [line.split(",") for line in (undisturbed / "log.csv").read_text().splitlines()]
    assert [line[0] for line in lines] == ["step", "3", "6", "9", "12"]
    assert set(lines[0]) == {"step", "learning_rate", "total", "gradient_norm", *ON}
    # One step of warm-up, then half a cosine over eleven: 2e-3 (1 + cos(pi k / 11)) / 2, k = 1, 4, 7, 10.
    rates = [float(line[lines[0].index("learning_rate")]) for line in lines[1:]]
    assert rates == pytest.approx([1.95949e-3, 1.41542e-3, 5.84585e-4, 4.05070e-5], rel=1e-5)
    late = lines[0].index("guided_smooth")
    assert lines[1][late] == ""
    assert all(float(line[late]) > 0 for line in lines[2:])
    model = load_model(undisturbed / "model")
    record = json.loads((undisturbed / "run.json").read_text())
    assert model.recipe.history["run"] == record["identity"]
    assert model.recipe.history["steps"] == STEPS
    with torch.inference_mode():
        depth_m = model.network(torch.rand(1, 1, 64, 64)).depth_m
    assert depth_m.min() >= 0.3 * (1 - 1e-5)
    assert depth_m.max() <= 80 * (1 + 1e-5)


def test_the_same_run_gives_the_same_bytes(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    torch.rand(11)  # whatever happened before
    out = tmp_path / "run"
    run(tiny_pack, out, labels, report=keep_checkpoint(out))
    assert_same_run(out, undisturbed)


def test_another_seed_gives_another_model(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    run(tiny_pack, tmp_path / "run", labels, seed=1)
    ours, theirs = (f / "model/weights.safetensors" for f in (tmp_path / "run", undisturbed))
    assert ours.read_bytes() != theirs.read_bytes()


def test_worker_processes_change_nothing(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    run(tiny_pack, tmp_path / "run", labels, runtime__workers=1, runtime__log_every=3)
    for name in ("model/weights.safetensors", "log.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (undisturbed / name).read_bytes()


def test_a_finished_run_is_skipped_at_once(
    undisturbed: Path, tiny_pack: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*")}
    monkeypatch.setattr(
        "thermodepth.training.train_state.initialise",
        lambda *_, **__: pytest.fail("a network was made"),
    )
    assert run(tiny_pack, undisturbed, labels) == undisturbed / "model"
    assert {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*")} == before


def test_another_run_does_not_touch_the_folder(
    undisturbed: Path, tiny_pack: Path, labels: Path
) -> None:
    before = {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*")}
    with pytest.raises(SettingsError, match="Choose another --out"):
        run(tiny_pack, undisturbed, labels, steps=STEPS + 1)
    assert {p: p.stat().st_mtime_ns for p in undisturbed.rglob("*")} == before


# --- stops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_to_the_bit(
    number: signal.Signals, undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(tiny_pack, out, labels, report=signalling(5, number))
    # Step 5 is no checkpoint's and no line's: it was saved because somebody asked.
    assert (out / "checkpoint.safetensors").is_file()
    assert (out / "log.csv").read_text().count("\n") == 2
    steps: list[int] = []

    def report(now: Progress) -> None:
        steps.append(now.step)
        keep_checkpoint(out)(now)

    run(tiny_pack, out, labels, report=report)
    assert steps == list(range(6, STEPS + 1))
    assert_same_run(out, undisturbed)


def test_a_run_stopped_at_its_last_step_is_only_finished(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(tiny_pack, out, labels, report=signalling(STEPS, signal.SIGINT))
    state = load_file(out / "checkpoint.safetensors")
    run(tiny_pack, out, labels, report=lambda _: pytest.fail("a step was run again"))
    ours = (out / "model/weights.safetensors").read_bytes()
    assert ours == (undisturbed / "model/weights.safetensors").read_bytes()
    # What a run leaves are the averaged weights, not the last ones.
    name = "metric_head.value.weight"
    weight = load_file(out / "model" / "weights.safetensors")[name]
    assert torch.equal(weight, state[f"average/{name}"])
    assert not torch.equal(weight, state[f"model/{name}"])


def test_layers_that_draw_random_numbers_go_on_to_the_bit_too(
    tiny_pack: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DINOv3 rescales its positions at random in training."""
    config = encoders._dinov3(16, 2, 4)
    row = EncoderRow(name="dinov3-small", config=config, summary="a tiny one")
    monkeypatch.setitem(ENCODERS, "dinov3-small", row)
    whole, stopped = tmp_path / "whole" / "run", tmp_path / "stopped" / "run"
    for out in (whole, stopped):
        out.parent.mkdir()
        report = signalling(5, signal.SIGINT) if out is stopped else keep_checkpoint(out)
        try:
            run(tiny_pack, out, labels, model__encoder="dinov3-small", report=report)
        except KeyboardInterrupt:
            torch.rand(13)  # another process would be elsewhere in its stream
    run(
        tiny_pack,
        stopped,
        labels,
        model__encoder="dinov3-small",
        report=keep_checkpoint(stopped),
    )
    assert_same_run(stopped, whole)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_training import run

def report(now):
    if now.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)

run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), report=report)
"""


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_bit(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    here = Path(__file__).parent
    call = [sys.executable, "-c", KILLED, *map(str, (tiny_pack, out, labels, here))]
    ended = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    steps: list[int] = []

    def report(now: Progress) -> None:
        steps.append(now.step)
        keep_checkpoint(out)(now)

    run(tiny_pack, out, labels, report=report)
    assert steps == list(range(5, STEPS + 1))  # 5 to 7 once more
    assert_same_run(out, undisturbed)


def broken_from(call: int, sample: int) -> Callable[[Maps, Any], Tensor]:
    """The silog term, NaN for one image of a batch from a call on."""
    calls = 0

    def term(maps: Maps, settings: Any) -> Tensor:
        nonlocal calls
        calls += 1
        value = LOSSES["metric_silog"].term(maps, settings)
        if calls < call:
            return value
        spoilt = torch.zeros_like(value)
        spoilt[sample] = float("nan")
        return value + spoilt

    return term


def test_a_loss_that_is_not_finite_stops_before_its_step_is_taken(
    undisturbed: Path,
    tiny_pack: Path,
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    row = replace(LOSSES["metric_silog"], term=broken_from(7, sample=1))
    seen: list[tuple[str, ...]] = []
    taken: list[torch.optim.Optimizer] = []
    take_step = torch.optim.AdamW.step

    def counted(self: torch.optim.AdamW, *args: Any, **kwargs: Any) -> Any:
        taken.append(self)
        return take_step(self, *args, **kwargs)

    def watched(batch: Batch, device: torch.device) -> Batch:
        seen.append(batch.sample_ids)
        return as_input(batch, device)

    with monkeypatch.context() as patch:
        patch.setattr("thermodepth.losses.report.LOSSES", {**LOSSES, "metric_silog": row})
        patch.setattr("thermodepth.training.loop.as_input", watched)
        patch.setattr(torch.optim.AdamW, "step", counted)
        with pytest.raises(DivergedError) as caught:
            run(tiny_pack, out, labels)
    said = str(caught.value)
    assert said.startswith("step 6: loss term 'metric_silog' is not finite for 1 of 3 images: ")
    assert f": {seen[6][1]}. " in said
    assert "last checkpoint is kept" in said
    assert len(taken) == 6  # the seventh step was not
    assert not (out / "model").exists()
    # The checkpoint is whole: mended, the run ends as if nothing had happened.
    run(tiny_pack, out, labels, report=keep_checkpoint(out))
    assert_same_run(out, undisturbed)


def test_a_gradient_that_is_not_finite_stops_too(
    tiny_pack: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total is finite, its slope is not: sqrt at zero."""

    def steep(maps: Maps, settings: Any) -> Tensor:
        del settings
        return (maps.log_depth - maps.log_depth.detach()).mean((1, 2)).sqrt()

    row = replace(LOSSES["metric_silog"], term=steep)
    monkeypatch.setattr("thermodepth.losses.report.LOSSES", {**LOSSES, "metric_silog": row})
    with pytest.raises(
        DivergedError, match=r"^step 0: the gradient's norm is (nan|inf); samples s"
    ):
        run(tiny_pack, tmp_path / "run", labels)


def test_first_weights_that_changed_meanwhile_are_not_trained_on(
    tiny_pack: Path, labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(tiny_pack, out, labels, report=signalling(5, signal.SIGINT))
    before = (out / "checkpoint.safetensors").read_bytes()
    monkeypatch.setattr(
        "thermodepth.training.train_state.initialise",
        lambda settings, *, channels, seed: initialise(settings, channels=channels, seed=seed + 1),
    )
    with pytest.raises(SettingsError, match="began from weights"):
        run(tiny_pack, out, labels)
    assert (out / "checkpoint.safetensors").read_bytes() == before


# --- it learns ------------------------------------------------------------------------------------


def test_two_frames_can_be_learnt_by_heart(tiny_pack: Path, labels: Path, tmp_path: Path) -> None:
    run(
        tiny_pack,
        tmp_path / "run",
        labels,
        data__split="val",  # it has two frames
        data__batch_size=2,
        data__augmentation__flip_probability=0.0,
        data__augmentation__zoom=1.0,
        data__augmentation__gain=0.0,
        data__augmentation__offset=0.0,
        model__decoder_width=32,
        steps=40,
        losses__guided_smooth__start=0.0,
        runtime__log_every=5,
    )
    loss = total_loss(tmp_path / "run")
    assert len(loss) == 8
    assert loss[-1] < 0.5 * loss[0]


def test_gradients_are_clipped(tiny_pack: Path, labels: Path, tmp_path: Path) -> None:
    """Far below AdamW's epsilon nothing moves."""

    def furthest(out: Path, **edits: Any) -> float:
        still = {"steps": 2, "optimiser__weight_decay": 0.0, "optimiser__ema_decay": 0.0}
        run(tiny_pack, out, labels, **still, **edits)
        network = load_model(out / "model").network
        first = initialise(network_settings(out), channels=1, seed=0)
        moved = dict(network.named_parameters())
        return max((p - moved[k]).abs().max().item() for k, p in first.named_parameters())

    assert furthest(tmp_path / "free") > 1e-3
    assert furthest(tmp_path / "clipped", optimiser__clip_norm=1e-13) < 1e-6


def network_settings(out: Path) -> ModelSettings:
    return read_settings(TrainingSettings, out / "settings.json").model


def test_without_labels_the_metric_head_learns_alone(tiny_pack: Path, tmp_path: Path) -> None:
    dataset = open_dataset(f"synthetic:{tiny_pack}")
    settings = TrainingSettings().edit({**SMALL, "steps": 2}).resolved(dataset)
    model = train(settings, tmp_path / "run", dataset=dataset, label_of=None, label_source="none")
    weights = load_model(model).network.state_dict()
    assert all(w.isfinite().all() for w in weights.values())
    header, line = (tmp_path / "run" / "log.csv").read_text().splitlines()
    told = dict(zip(header.split(","), line.split(","), strict=True))
    assert "structure_ssi" not in told  # no image had a pixel for it
    assert float(told["metric_relative"]) > 0


def test_two_processes_train_one_model(tiny_pack: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    here = Path(__file__).parent
    script = tmp_path / "train.py"
    script.write_text(SHARED)
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call += [str(script), *map(str, (tiny_pack, out, labels, here))]
    told = os.environ | {"ACCELERATE_USE_CPU": "true"}
    ended = subprocess.run(call, env=told, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    lines = (out / "log.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["step", "2", "4"]
    assert (out / "done.json").is_file()
    assert load_model(out / "model").recipe.history["steps"] == 4


SHARED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_training import run

edits = {"steps": 4, "data__batch_size": 4, "runtime__log_every": 2}
run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), **edits)
"""


def test_bfloat16_stays_finite_and_near_full_precision(
    undisturbed: Path, tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    run(tiny_pack, tmp_path / "run", labels, precision="bf16")
    full, half = total_loss(undisturbed), total_loss(tmp_path / "run")
    assert half != full  # it was in force
    assert half[0] == pytest.approx(full[0], rel=0.1)
    assert half == pytest.approx(full, rel=0.4)  # steps at a high rate drift apart
    for tensor in load_model(tmp_path / "run" / "model").network.state_dict().values():
        assert tensor.dtype in (torch.float32, torch.int64)
        assert tensor.isfinite().all()


def test_an_rgb_network_is_trained_in_the_same_way(
    tiny_pack: Path, labels: Path, tmp_path: Path
) -> None:
    run(tiny_pack, tmp_path / "run", labels, steps=2, data__modality="rgb")
    model = load_model(tmp_path / "run" / "model")
    assert model.recipe.modality == "rgb"
    with torch.inference_mode():
        assert model.network(torch.rand(1, 3, 64, 64)).structure.isfinite().all()
