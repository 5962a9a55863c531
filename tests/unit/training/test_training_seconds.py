"""Seconds of a training over its stretches, and networks that are compiled beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from thermodepth.data.frames import Dataset
from thermodepth.data.loader import BatchStream
from thermodepth.training import train_state
from thermodepth.training.loop import train
from thermodepth.training.run_folder import note_seconds, run_identity, training_seconds
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.train_state import Progress, TrainState, compiled


def state_of(settings: TrainingSettings, dataset: Dataset, out: Path) -> TrainState:
    assert settings.data.size is not None
    stream = BatchStream(
        dataset.split("train"), settings.data, size=settings.data.size, seed=0, label_of=None
    )
    out.mkdir(exist_ok=True)
    (out / "run.json").write_text(json.dumps({"identity": "i"}))
    return TrainState(
        settings,
        out,
        identity="i",
        accelerator=Accelerator(cpu=True),
        dataset=dataset,
        stream=stream,
        batches="b",
    )


def test_seconds_add_up_over_stretches_also_of_one_that_failed(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path
) -> None:
    assert training_seconds(tmp_path / "run") is None
    first = state_of(settings, dataset, tmp_path / "run")
    first.seconds += 5.0
    first.checkpoint(3)
    assert training_seconds(tmp_path / "run") == 5.0
    first.seconds += 2.5
    first.close()  # as when a step diverges: what it took is spent
    assert training_seconds(tmp_path / "run") == 7.5
    second = state_of(settings, dataset, tmp_path / "run")
    assert second.seconds == 7.5
    second.close()
    assert training_seconds(tmp_path / "run") == 7.5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seconds": NaN}', '{"seconds": "1"}'])
def test_a_lost_count_is_no_reason_to_stop(
    settings: TrainingSettings, dataset: Dataset, tmp_path: Path, text: str
) -> None:
    (tmp_path / "seconds.json").write_text(text)
    assert training_seconds(tmp_path) is None
    assert state_of(settings, dataset, tmp_path).seconds == 0.0


def test_a_full_disk_costs_the_count_and_no_run(
    settings: TrainingSettings,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    state = state_of(settings, dataset, tmp_path)
    monkeypatch.setattr(train_state, "note_seconds", full)
    state.close()


def test_seconds_are_there_before_the_run_is_done_and_no_part_of_it(
    settings: TrainingSettings,
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kill between the training and whatever comes after it loses nothing."""
    small = settings.edit({"steps": 1, "data.batch_size": 1})
    own = run_identity(small, dataset, "l")
    note_seconds(tmp_path, 1000.0)
    (tmp_path / "run.json").write_text(json.dumps({"identity": own}))
    noted: list[float | None] = []
    finish = TrainState.finish

    def finish_noting(state: TrainState, *args: object) -> Path:
        noted.append(training_seconds(tmp_path))
        return finish(state, *args)  # type: ignore[arg-type]

    def label_of(name: str) -> NDArray[np.float32]:
        return np.random.default_rng(len(name)).uniform(size=(64, 64)).astype(np.float32)

    monkeypatch.setattr(TrainState, "finish", finish_noting)
    steps: list[Progress] = []
    train(
        small, tmp_path, dataset=dataset, label_of=label_of, label_source="l", report=steps.append
    )
    assert len(steps) == 1
    assert noted == [training_seconds(tmp_path)]
    assert noted[0] is not None
    assert 1000 < noted[0] < 1060
    assert run_identity(small, dataset, "l") == own


# --- compiled networks ---------------------------------------------------------------------------


@pytest.fixture
def limits() -> Iterator[None]:
    from torch._dynamo import config

    names = [n for n in ("recompile_limit", "accumulated_recompile_limit") if hasattr(config, n)]
    before = {name: getattr(config, name) for name in names}
    yield
    for name, value in before.items():
        setattr(config, name, value)


def test_the_ninth_network_of_a_process_is_compiled_too(limits: None) -> None:
    del limits
    graphs: list[int] = []

    class Width(torch.nn.Module):
        """One forward for all, and a graph of its own for each number of layers."""

        def __init__(self, layers: int) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(layers))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return x

    def backend(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(len(list(graph.graph.nodes)))
        return graph.forward

    with pytest.MonkeyPatch.context() as patch:
        whole = torch.compile
        patch.setattr(torch, "compile", lambda network: whole(network, backend=backend))
        networks = [compiled(Width(n)) for n in range(1, 12)]
        for network in networks:
            network(torch.zeros(1, 2))
    assert len(graphs) == len(networks)
