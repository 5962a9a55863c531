"""The hook by itself, in a loop of three lines: when it waits for a step, and what it leaves."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate import Accelerator

from thermodepth.data.frames import Dataset
from thermodepth.data.loader import BatchStream
from thermodepth.losses import evaluate
from thermodepth.model import DepthNetwork
from thermodepth.training import gradient_watch
from thermodepth.training.gradient_watch import GradientWatch
from thermodepth.training.optimiser import make_optimiser
from thermodepth.training.settings import TrainingSettings

STEPS = 6


class SmallLoop:
    """Trains and looks: at the block every 2 steps, at everything every 4."""

    def __init__(
        self, settings: TrainingSettings, dataset: Dataset, network: DepthNetwork, out: Path
    ) -> None:
        edits: dict[str, Any] = {
            "steps": STEPS,
            "data.batch_size": 2,
            "runtime.diagnostics.on": True,
            "runtime.diagnostics.share_every": 2,
            "runtime.diagnostics.cosine_every": 4,
            "runtime.diagnostics.maps": 0,
        }
        self.settings = settings.edit(edits)
        assert settings.data.size is not None
        self.stream = BatchStream(
            dataset.split("train"),
            self.settings.data,
            size=settings.data.size,
            seed=0,
            label_of=lambda name: (
                np.random.default_rng(len(name)).uniform(size=(64, 64)).astype(np.float32)
            ),
        )
        self.network, self.out = network, out
        self.optimiser = make_optimiser(network, self.settings.optimiser)

    def run(
        self,
        *,
        first_step: int = 0,
        until: int = STEPS,
        after: bool = True,
        beside_s: float | None = None,
    ) -> None:
        """Steps first_step + 1 to until.

        after: whether the hook is told of the steps.
        beside_s: seconds for another run before each step; the hook is told when its own begins.
        """
        gradients = GradientWatch(
            self.settings,
            self.out,
            accelerator=Accelerator(cpu=True),
            network=self.network,
            stream=self.stream,
            first_step=first_step,
        )
        for step in range(first_step, until):
            if beside_s is not None:
                time.sleep(beside_s)
                gradients.begin_step()
            batch = self.stream.batch(step)
            losses = evaluate(
                self.network(batch.image), batch, self.settings.losses, progress=step / STEPS
            )
            gradients.look(step + 1, losses, batch)
            losses.total.backward()
            self.optimiser.step()
            if after:
                gradients.after_step(step + 1)
            self.optimiser.zero_grad()
        gradients.close()

    def lines(self) -> list[dict[str, str]]:
        """Of step_cosines.csv."""
        with (self.out / "step_cosines.csv").open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def loop(
    settings: TrainingSettings, dataset: Dataset, network: DepthNetwork, tmp_path: Path
) -> SmallLoop:
    return SmallLoop(settings, dataset, network, tmp_path)


def test_every_probe_has_its_step(loop: SmallLoop) -> None:
    loop.run()
    looks = {(int(line["step"]), line["parameters"]) for line in loop.lines()}
    assert looks == {(2, "block"), (4, "block"), (4, "shared"), (6, "block")}
    of_fourth = [line for line in loop.lines() if line["step"] == "4"]
    terms = [line["term"] for line in of_fourth if line["parameters"] == "block"]
    assert terms[-1] == "total"
    assert terms == [line["term"] for line in of_fourth if line["parameters"] == "shared"]
    assert all(-1 <= float(line["step_cosine"]) <= 1 for line in loop.lines())
    assert len({line["step_cosine"] for line in loop.lines()}) > len(terms)


def test_steps_without_a_probe_ask_for_nothing(
    loop: SmallLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = []

    class Counted(gradient_watch.AwaitedStep):
        def cosines(self) -> dict[str, dict[str, float]]:
            requests.append(self)
            return super().cosines()

    monkeypatch.setattr(gradient_watch, "AwaitedStep", Counted)
    loop.run(until=1)
    assert not requests
    assert not (loop.out / "step_cosines.csv").exists()
    loop.run(first_step=1, until=6)
    assert len(requests) == 3


def test_the_time_of_a_run_beside_this_one_is_not_counted(loop: SmallLoop) -> None:
    began = time.perf_counter()
    loop.run(beside_s=0.2)
    whole = time.perf_counter() - began
    facts = json.loads((loop.out / "diagnostics.json").read_text())
    assert 0 < facts["seconds"] < facts["training_seconds"] <= whole - STEPS * 0.2
    loop.run(first_step=STEPS)  # with nothing to do: all its time counts, and there is hardly any
    again = json.loads((loop.out / "diagnostics.json").read_text())
    assert again["training_seconds"] >= facts["training_seconds"]


def test_a_loop_that_tells_of_no_step_has_the_rest(loop: SmallLoop) -> None:
    loop.run(after=False)
    assert (loop.out / "cosines.csv").is_file()
    assert not (loop.out / "step_cosines.csv").exists()


def test_a_stretch_that_is_run_again_is_cut_off(loop: SmallLoop) -> None:
    loop.run(until=5)
    loop.run(first_step=3)
    steps = [int(line["step"]) for line in loop.lines()]
    assert steps == sorted(steps)
    assert {n: steps.count(n) for n in set(steps)} == {
        n: len([line for line in loop.lines() if line["step"] == str(n)]) for n in (2, 4, 6)
    }
    pairs = [(line["step"], line["parameters"], line["term"]) for line in loop.lines()]
    assert len(set(pairs)) == len(pairs)


def test_a_failure_after_a_step_ends_the_diagnostics_only(
    loop: SmallLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> dict[str, dict[str, float]]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gradient_watch.AwaitedStep, "cosines", broken)
    with pytest.warns(UserWarning, match=r"ended \(step 2: RuntimeError: out of memory\)"):
        loop.run()
    assert not (loop.out / "step_cosines.csv").exists()
    assert (loop.out / "diagnostics.json").is_file()
