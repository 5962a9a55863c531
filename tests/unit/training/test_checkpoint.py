"""Checkpoints: everything comes back to the bit, and a damaged or foreign one is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from thermodepth.errors import WeightsError
from thermodepth.model import DepthNetwork
from thermodepth.tensor_files import read_tensors
from thermodepth.training import checkpoint
from thermodepth.training.checkpoint import load_checkpoint, save_checkpoint
from thermodepth.training.optimiser import WeightAverage, make_optimiser
from thermodepth.training.settings import OptimiserSettings


class Run:
    """What a checkpoint is of."""

    def __init__(self, network: DepthNetwork) -> None:
        self.network = copy.deepcopy(network)
        self.average = WeightAverage(self.network, 0.9)
        self.optimiser = make_optimiser(self.network, OptimiserSettings())
        for group in self.optimiser.param_groups:
            group["lr"] = 1e-3

    def step(self, number: int) -> None:
        image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(number))
        prediction = self.network(image.contiguous(memory_format=torch.channels_last))
        loss = prediction.structure.square().mean() + prediction.log_depth.mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update(self.network, step=number)

    def save(self, folder: Path, *, step: int, log_sums: dict[str, Tensor] | None = None) -> None:
        save_checkpoint(
            folder,
            step=step,
            identity="mine",
            network=self.network,
            average=self.average,
            optimiser=self.optimiser,
            log_sums=log_sums or {},
        )

    def load(self, folder: Path, identity: str = "mine") -> tuple[int, dict[str, Tensor]]:
        return load_checkpoint(
            folder,
            identity=identity,
            steps=12,
            network=self.network,
            average=self.average,
            optimiser=self.optimiser,
        )

    def everything(self) -> dict[str, Tensor]:
        moments = {
            f"{index}.{name}": value
            for index, state in self.optimiser.state_dict()["state"].items()
            for name, value in state.items()
        }
        return {
            **{f"n.{k}": v for k, v in self.network.state_dict().items()},
            **{f"a.{k}": v for k, v in self.average.state.items()},
            **moments,
        }


def same(a: Run, b: Run) -> bool:
    mine, other = a.everything(), b.everything()
    return mine.keys() == other.keys() and all(torch.equal(mine[k], other[k]) for k in mine)


def test_without_a_checkpoint_a_run_begins(network: DepthNetwork, tmp_path: Path) -> None:
    run = Run(network)
    assert run.load(tmp_path) == (0, {})
    assert same(run, Run(network))


def test_a_restored_run_goes_on_to_the_bit(network: DepthNetwork, tmp_path: Path) -> None:
    run = Run(network)
    for number in range(3):
        run.step(number)
    sums = {"total": torch.tensor(1.2345678), "total.count": torch.tensor(3.0)}
    run.save(tmp_path, step=3, log_sums=sums)

    torch.manual_seed(99)
    other = Run(network)
    for parameter in other.network.parameters():
        torch.nn.init.normal_(parameter)  # nothing of it may survive
    step, restored = other.load(tmp_path)
    assert step == 3
    assert restored.keys() == sums.keys()
    assert all(torch.equal(restored[k], sums[k]) for k in sums)
    assert same(run, other)
    for number in (3, 4):
        run.step(number)
        other.step(number)
    assert same(run, other)


def test_moments_lie_in_memory_as_their_weights_do(network: DepthNetwork, tmp_path: Path) -> None:
    """The fused kernel pairs numbers in memory order: another order trains something else."""
    run = Run(network)
    run.step(0)
    run.save(tmp_path, step=1)
    other = Run(network)
    other.load(tmp_path)
    layouts = set()
    for parameter, moments in other.optimiser.state.items():
        assert moments["exp_avg"].stride() == parameter.stride()
        assert moments["exp_avg_sq"].stride() == parameter.stride()
        layouts.add(parameter.is_contiguous())
    assert layouts == {True, False}  # the test has channels-last weights to look at


def test_another_run_s_checkpoint_is_refused(network: DepthNetwork, tmp_path: Path) -> None:
    run = Run(network)
    run.step(0)
    run.save(tmp_path, step=1)
    other = Run(network)
    with pytest.raises(WeightsError, match=r"belongs to run mine.* these .* are theirs.*--out"):
        other.load(tmp_path, identity="theirs")
    assert same(other, Run(network))  # nothing was half loaded


@pytest.mark.parametrize("keep", [0, 6, 300, 0.5, -1])
def test_a_damaged_checkpoint_is_named(keep: float, network: DepthNetwork, tmp_path: Path) -> None:
    run = Run(network)
    run.save(tmp_path, step=1)
    path = tmp_path / checkpoint.FILE
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    with pytest.raises(
        WeightsError, match=r"checkpoint\.safetensors: .*; delete it to start this run again"
    ):
        run.load(tmp_path)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"other": "1"},
        {"thermodepth": "{"},
        {"thermodepth": "[]"},
        {"thermodepth": "{}"},
        {"thermodepth": "[" * 100_000},
    ],
)
def test_a_foreign_safetensors_file_is_named(
    metadata: dict[str, str] | None, network: DepthNetwork, tmp_path: Path
) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / checkpoint.FILE, metadata)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors.*; delete it to start"):
        Run(network).load(tmp_path)


def test_a_failed_write_leaves_the_last_checkpoint(
    network: DepthNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(network)
    run.save(tmp_path, step=1)
    before = (tmp_path / checkpoint.FILE).read_bytes()

    def full_disk(_tensors: object, path: Path, **_: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        run.save(tmp_path, step=2)
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.FILE]
    assert (tmp_path / checkpoint.FILE).read_bytes() == before


@pytest.mark.parametrize("step", [0, 13, 999])
def test_a_checkpoint_beyond_the_run_is_refused(
    step: int, network: DepthNetwork, tmp_path: Path
) -> None:
    run = Run(network)
    run.step(0)
    run.save(tmp_path, step=step)
    with pytest.raises(WeightsError, match=rf"is at step {step} of a run of 12 steps; delete it"):
        Run(network).load(tmp_path)


@pytest.mark.parametrize("lost", ["model/", "average/", "optimiser/0/exp_avg", "log/total.count"])
def test_a_checkpoint_without_a_checksum_that_lacks_something_is_named(
    lost: str, network: DepthNetwork, tmp_path: Path
) -> None:
    """As earlier versions wrote them: whole ones are read, others do not end in a traceback."""
    run = Run(network)
    run.step(0)
    sums = {"total": torch.tensor(1.0), "total.count": torch.tensor(1.0)}
    run.save(tmp_path, step=1, log_sums=sums)
    path = tmp_path / checkpoint.FILE
    tensors, facts = read_tensors(path, remedy="")
    old = {"thermodepth": json.dumps(facts)}
    safetensors.torch.save_file(tensors, path, old)
    other = Run(network)
    assert other.load(tmp_path)[0] == 1
    assert same(run, other)
    first = next(name for name in tensors if name.startswith(lost))
    rest = {name: tensor for name, tensor in tensors.items() if name != first}
    stretched = {**tensors, first: tensors[first][None]}
    for damaged in (rest, {**rest, "optimiser/x": tensors[first]}, stretched):
        if damaged is stretched and lost.startswith("log"):
            continue  # a sum is a number, in whatever brackets
        safetensors.torch.save_file(damaged, path, old)
        with pytest.raises(
            WeightsError, match=r"checkpoint\.safetensors: does not fit .*; delete it"
        ):
            Run(network).load(tmp_path)
