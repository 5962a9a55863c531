"""Trainings with gradient diagnostics: the same weights, whole files after a stop, no harm from a failure."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from thermodepth.data import open_dataset
from thermodepth.errors import DataError, DivergedError
from thermodepth.losses import LOSSES, LossesSettings
from thermodepth.losses.maps import Maps
from thermodepth.recipes import TRAININGS, named_training
from thermodepth.report.gradients import cosine_table, share_table, write_gradients
from thermodepth.study.gradients import arm_gradients, read_gradients, read_runs
from thermodepth.training import gradient_watch
from thermodepth.training.diagnostics.maps import read_conflict_maps
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Progress, Report, train
from thermodepth.training.settings import TrainingSettings

STEPS = 12
ON = LossesSettings().switched_on()
#: Looks at 2, 4, ... 12, wide ones at 4, 8, 12, maps at 4, 8, 12; checkpoints at 5 and 10.
SMALL: dict[str, Any] = {
    "steps": STEPS,
    "data.batch_size": 3,
    "model.weights": "none",
    "model.decoder_width": 8,
    "teacher.kind": "truth",
    "losses.guided_smooth.start": 0.4,
    "runtime.device": "cpu",
    "runtime.checkpoint_every": 5,
    "runtime.log_every": 3,
    "runtime.diagnostics.on": True,
    "runtime.diagnostics.share_every": 2,
    "runtime.diagnostics.cosine_every": 4,
    "runtime.diagnostics.maps": 3,
    "runtime.diagnostics.map_frames": 2,
}
TABLES = ("gradients.csv", "cosines.csv", "step_cosines.csv")
FILES = (*TABLES, *(f"conflict/step-{n}.npz" for n in (4, 8, 12)))


def run(
    pack: Path,
    out: Path,
    *,
    report: Report | None = None,
    base: TrainingSettings | None = None,
    **edits: Any,
) -> Path:
    """A small training, labels beside it; returns its folder."""
    dataset = open_dataset(f"synthetic:{pack}")
    tree = {**SMALL, **{k.replace("__", "."): v for k, v in edits.items()}}
    settings = (base or TrainingSettings()).edit({"data.source": dataset.spec, **tree})
    settings = settings.resolved(dataset)
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


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def watched(tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with diagnostics that nothing disturbed."""
    return run(tiny_pack, tmp_path_factory.mktemp("watched") / "run")


# --- what is written ------------------------------------------------------------------------------


def test_every_step_and_term_has_its_losses(watched: Path) -> None:
    rows = lines(watched / "gradients.csv")
    # guided_smooth starts at 0.4 of 12 steps: not with step number 5, whose progress is 4/12, but with 6.
    early = [name for name in ON if name != "guided_smooth"]
    wanted = [(str(n), name) for n in range(1, 13) for name in (early if n < 6 else ON)]
    assert [(row["step"], row["term"]) for row in rows] == wanted
    for row in rows:
        weight = TrainingSettings().losses.term(row["term"]).weight
        assert float(row["weighted_loss"]) == pytest.approx(weight * float(row["loss"]), rel=1e-4)
        assert bool(row["norm"]) == (int(row["step"]) % 2 == 0)
    for step in range(2, 13, 2):
        parts = [float(row["norm_share"]) for row in rows if row["step"] == str(step)]
        assert sum(parts) == pytest.approx(1, abs=1e-4)
        assert min(parts) > 0


def test_the_losses_are_those_of_the_log(watched: Path) -> None:
    rows = lines(watched / "gradients.csv")
    for logged in lines(watched / "log.csv"):
        for name in ON:
            last = int(logged["step"])
            own = [
                float(r["loss"])
                for r in rows
                if r["term"] == name and last - 3 < int(r["step"]) <= last
            ]
            assert bool(own) == bool(logged[name])
            if own:
                assert float(logged[name]) == pytest.approx(sum(own) / len(own), rel=1e-4)


def test_every_look_has_every_pair(watched: Path) -> None:
    rows = lines(watched / "cosines.csv")
    looks = {(int(row["step"]), row["parameters"]) for row in rows}
    assert looks == {(n, "block") for n in range(2, 13, 2)} | {(n, "shared") for n in (4, 8, 12)}
    for step, where in looks:
        pairs = [r for r in rows if r["step"] == str(step) and r["parameters"] == where]
        assert len(pairs) == (21 if step >= 6 else 15)
        assert len({(r["term_a"], r["term_b"]) for r in pairs}) == len(pairs)
        assert all(-1 <= float(r["cosine"]) <= 1 for r in pairs)
        assert all(0 < float(r["magnitude_similarity"]) <= 1 for r in pairs)


def test_every_look_has_the_step_that_followed(watched: Path) -> None:
    rows = lines(watched / "step_cosines.csv")
    looks = {(int(row["step"]), row["parameters"]) for row in rows}
    assert looks == {(n, "block") for n in range(2, 13, 2)} | {(n, "shared") for n in (4, 8, 12)}
    for step, where in looks:
        named = [r["term"] for r in rows if r["step"] == str(step) and r["parameters"] == where]
        seen = [r["term"] for r in lines(watched / "gradients.csv") if r["step"] == str(step)]
        assert named == [*seen, "total"]
    # The rate is high and the run short, so that even its last step is larger than rounding.
    assert all(-1 <= float(row["step_cosine"]) <= 1 for row in rows)
    assert any(float(row["step_cosine"]) > 0.1 for row in rows if row["term"] == "total")


def test_the_maps_are_of_the_same_frames_every_time(watched: Path) -> None:
    looks = [read_conflict_maps(watched / f"conflict/step-{n}.npz") for n in (4, 8, 12)]
    assert [look.step for look in looks] == [4, 8, 12]
    assert {look.sample_ids for look in looks} == {looks[0].sample_ids}
    assert all(np.array_equal(look.image, looks[0].image) for look in looks)
    assert looks[0].image.shape == (2, 64, 64)
    assert "guided_smooth" not in looks[0].terms
    assert "guided_smooth" in looks[2].terms
    conflict = looks[2].conflict("log_depth")
    assert 0 < np.nanmean(conflict) < 1


def test_the_cost_is_told(watched: Path) -> None:
    facts = json.loads((watched / "diagnostics.json").read_text())
    assert facts["stops"] == []
    assert 0 < facts["seconds"] < facts["training_seconds"]
    rest = facts["training_seconds"] - facts["seconds"]
    assert facts["overhead"] == pytest.approx(facts["seconds"] / rest, rel=0.01, abs=1e-3)


def test_a_run_without_leaves_nothing_of_it(tiny_pack: Path, tmp_path: Path) -> None:
    assert not TrainingSettings().runtime.diagnostics.on
    out = run(tiny_pack, tmp_path / "run", steps=1, runtime__diagnostics__on=False)
    assert not {*TABLES, "conflict", "diagnostics.json"} & {p.name for p in out.iterdir()}
    with pytest.raises(DataError, match=r"trained without runtime\.diagnostics\.on=true"):
        read_gradients(out)


def test_each_look_can_be_left_out(tiny_pack: Path, tmp_path: Path) -> None:
    none = {f"runtime__diagnostics__{name}": 0 for name in ("share_every", "cosine_every", "maps")}
    out = run(tiny_pack, tmp_path / "run", steps=2, **none)
    assert len(lines(out / "gradients.csv")) == 2 * len(ON) - 1  # one starts late
    assert not (out / "cosines.csv").exists()
    assert not (out / "step_cosines.csv").exists()
    assert not (out / "conflict").exists()


# --- the training is the same ---------------------------------------------------------------------


def keep_checkpoint(out: Path) -> Report:
    """Copies the checkpoint of step 10 before the run throws it away."""

    def report(now: Progress) -> None:
        if now.step == 11:
            shutil.copy(out / "checkpoint.safetensors", out.with_name("at-10"))

    return report


def state_of(out: Path) -> dict[str, bytes]:
    """Weights and log, and weights, average and moments two steps before the end."""
    names = ("model/weights.safetensors", "log.csv", "run.json")
    return {
        **{name: (out / name).read_bytes() for name in names},
        "at-10": out.with_name("at-10").read_bytes(),
    }


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_weights_are_the_same_to_the_bit(
    precision: str, tiny_pack: Path, tmp_path: Path
) -> None:
    states = []
    for on in (False, True):
        out = tmp_path / str(on) / "run"
        run(
            tiny_pack,
            out,
            report=keep_checkpoint(out),
            precision=precision,
            runtime__diagnostics__on=on,
        )
        states.append(state_of(out))
    assert states[0] == states[1]


def test_a_compiled_network_is_looked_at_beside_its_graph(
    watched: Path, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch.compile is played by the network itself: then the second way must give the first's numbers."""
    monkeypatch.setattr(torch, "compile", lambda network: network)
    out = run(tiny_pack, tmp_path / "run", runtime__compile=True)
    for name in ("model/weights.safetensors", "log.csv", *FILES):
        assert (out / name).read_bytes() == (watched / name).read_bytes(), name


# Two held-out frames are too few for a calibration.
@pytest.mark.filterwarnings("ignore:the model will not tell its relative error")
@pytest.mark.parametrize("recipe", sorted(TRAININGS))
def test_every_recipe_can_be_watched(recipe: str, tiny_pack: Path, tmp_path: Path) -> None:
    # From random weights here, and of those no share can stay.
    base = named_training(recipe).edit({"optimiser.start_share": 0.0})
    out = run(tiny_pack, tmp_path / "run", base=base, steps=4)
    assert json.loads((out / "diagnostics.json").read_text())["stops"] == []
    on = {name for name in base.losses.switched_on() if name != "guided_smooth"}
    assert {r["term"] for r in lines(out / "gradients.csv") if r["norm"]} >= on
    assert {r["parameters"] for r in lines(out / "cosines.csv")} == {"block", "shared"}


def test_a_first_step_without_any_weight_is_passed_over(tiny_pack: Path, tmp_path: Path) -> None:
    ramps = {f"losses__{name}__ramp": 0.5 for name in LOSSES}
    out = run(tiny_pack, tmp_path / "run", steps=4, runtime__diagnostics__share_every=1, **ramps)
    record = read_gradients(out)
    assert {s[0][0] for name, s in record.losses.items() if name != "guided_smooth"} == {2}
    assert record.stops == ()


# --- stops ----------------------------------------------------------------------------------------


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_diagnostics_run import run

def report(now):
    if now.step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

run(Path(sys.argv[1]), Path(sys.argv[2]), report=report)
"""


def stopped(pack: Path, out: Path, step: int, number: signal.Signals) -> None:
    """A run that a signal ends after a step."""
    if number == signal.SIGKILL:
        call = [
            sys.executable,
            "-c",
            KILLED,
            str(pack),
            str(out),
            str(step),
            str(Path(__file__).parent),
        ]
        ended = subprocess.run(call, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        return

    def report(now: Progress) -> None:
        if now.step == step:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        run(pack, out, report=report)


# 8: looks at 6 and 8, and maps at 8, are done, written and not in the checkpoint of 5.
@pytest.mark.parametrize(("step", "number"), [(8, signal.SIGKILL), (7, signal.SIGTERM)])
def test_a_run_that_goes_on_writes_no_line_twice(
    step: int, number: signal.Signals, watched: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stopped(tiny_pack, out, step, number)
    assert lines(out / "gradients.csv")
    seconds = json.loads((out / "diagnostics.json").read_text())["seconds"]
    run(tiny_pack, out)
    for name in FILES:
        assert (out / name).read_bytes() == (watched / name).read_bytes(), name
    assert json.loads((out / "diagnostics.json").read_text())["seconds"] > seconds
    assert sorted(p.name for p in (out / "conflict").iterdir()) == [
        "step-12.npz",
        "step-4.npz",
        "step-8.npz",
    ]


def test_steps_that_were_not_looked_at_are_told(tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    stopped(tiny_pack, out, 7, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run(
            tiny_pack,
            out,
            runtime__diagnostics__on=False,
            report=lambda now: os.kill(os.getpid(), signal.SIGINT) if now.step == 9 else None,
        )
    run(tiny_pack, out)
    assert read_gradients(out).missing == 2
    assert any(
        "2 steps were not looked at" in n
        for n in share_table(arm_gradients(read_runs([out], title="x"))).notes
    )


# --- failures -------------------------------------------------------------------------------------


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The second probe runs out of memory."""
    calls = 0
    inner = gradient_watch.gradients_of

    def gradients_of(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("out of memory")
        return inner(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(gradient_watch, "gradients_of", gradients_of)
        yield


@pytest.mark.usefixtures("breaking")
def test_a_failure_is_told_and_does_not_touch_the_training(
    watched: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=r"ended \(step 4: RuntimeError: out of memory\); the tr"):
        out = run(tiny_pack, tmp_path / "run")
    for name in ("model/weights.safetensors", "log.csv"):
        assert (out / name).read_bytes() == (watched / name).read_bytes(), name
    record = read_gradients(out)
    assert record.stops == ("step 4: RuntimeError: out of memory",)
    assert max(step for series in record.losses.values() for step, _ in series) == 2
    notes = cosine_table(arm_gradients(read_runs([out], title="x")), "block").notes
    assert any("ended early, step 4: RuntimeError: out of memory" in note for note in notes)


def test_a_disk_that_is_full_ends_the_diagnostics_only(
    watched: Path, tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gradient_watch.LineFile, "add", full)
    monkeypatch.setattr(gradient_watch, "write_record", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        out = run(tiny_pack, tmp_path / "run")
    name = "model/weights.safetensors"
    assert (out / name).read_bytes() == (watched / name).read_bytes()


def test_the_term_whose_gradient_is_not_finite_is_named(
    tiny_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total is finite, its slope is not: sqrt at zero."""

    def steep(maps: Maps, settings: Any) -> torch.Tensor:
        del settings
        return (maps.log_depth - maps.log_depth.detach()).mean((1, 2)).sqrt()

    row = replace(LOSSES["metric_silog"], term=steep)
    monkeypatch.setattr("thermodepth.losses.report.LOSSES", {**LOSSES, "metric_silog": row})
    with (
        pytest.warns(UserWarning, match="step 1: the gradient of loss term 'metric_silog' is not"),
        pytest.raises(DivergedError),
    ):
        run(tiny_pack, tmp_path / "run", runtime__diagnostics__share_every=1)
    record = read_gradients(tmp_path / "run")
    assert record.not_finite == ((1, "metric_silog"),)
    assert record.shares == {}
    assert ("structure_ssi", "metric_silog") not in record.cosines["block"]
    assert ("structure_ssi", "metric_relative") in record.cosines["block"]


def test_another_file_in_the_place_is_refused_before_training(
    tiny_pack: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    stopped(tiny_pack, out, 6, signal.SIGTERM)
    (out / "cosines.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"cosines\.csv, line 2"):
        run(tiny_pack, out, report=lambda _: pytest.fail("a step was run"))


# --- several processes, and the whole way ---------------------------------------------------------


SHARED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_diagnostics_run import run

run(Path(sys.argv[1]), Path(sys.argv[2]), steps=4, data__batch_size=4)
"""


def test_of_two_processes_the_first_one_looks(tiny_pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    script = tmp_path / "train.py"
    script.write_text(SHARED)
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    call += [str(script), *map(str, (tiny_pack, out, Path(__file__).parent))]
    told = os.environ | {"ACCELERATE_USE_CPU": "true"}
    ended = subprocess.run(call, env=told, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    record = read_gradients(out)
    assert record.stops == ()
    assert [step for step, _ in record.shares["metric_silog"]] == [2, 4]
    assert len(read_conflict_maps(out / "conflict/step-4.npz").sample_ids) == 2


def test_tables_and_pictures_come_from_the_folder(watched: Path, tmp_path: Path) -> None:
    written = write_gradients(tmp_path / "a", arm_gradients(read_runs([watched], title="full")))
    names = {path.name for path in written}
    assert {
        "gradient_shares.md",
        "gradient_cosines_block.svg",
        "gradient_cosines_shared.csv",
        "gradient_steps.tex",
        "conflict_step_12.png",
    } <= names
    again = write_gradients(tmp_path / "b", arm_gradients(read_runs([watched], title="full")))
    for one, two in zip(written, again, strict=True):
        assert one.read_bytes() == two.read_bytes(), one.name
