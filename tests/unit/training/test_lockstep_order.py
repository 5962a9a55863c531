"""The loop over runs that train nothing: who is asked, saved, closed and timed, and when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from thermodepth.errors import DivergedError
from thermodepth.losses import LossReport
from thermodepth.training import loop
from thermodepth.training.loop import Run, share_seconds, take_step, train_in_lockstep
from thermodepth.training.settings import TrainingSettings

STEPS = 6


class StandIn:
    """A trainee without a network."""

    made: list[StandIn]

    def __init__(self, run: Run, **_: Any) -> None:
        self.run, self.settings = run, run.settings
        self.first_step, self.seconds = 0, 0.0
        self.saved: list[int] = []
        self.closed = 0
        StandIn.made.append(self)

    def checkpoint(self, next_step: int) -> None:
        self.saved.append(next_step)

    def close(self) -> None:
        self.closed += 1

    def free(self) -> None:
        pass

    def finish(self, *_: Any) -> Path:
        return self.run.out / "model"


@dataclass
class Stage:
    """What happens on the way, and what is counted."""

    fails: dict[str, int] = field(default_factory=dict)  # run -> step
    stops_at: float = math.inf  # step of a signal that comes after the question was asked once
    step: int = 0
    arm_factors: int = 0


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    StandIn.made = []

    def step_of(trainee: Any, step: int, batch: Any) -> None:
        del batch
        made.step = step
        if made.fails.get(trainee.run.out.name) == step:
            raise DivergedError(f"step {step}: nan")

    @contextmanager
    def asking() -> Iterator[Callable[[], bool]]:
        def interrupted() -> bool:
            made.arm_factors += 1
            return made.step >= made.stops_at

        yield interrupted

    stream = SimpleNamespace(digest=lambda _: "d")
    for name, value in {
        "make_accelerators": lambda *_, count: [_Accelerator() for _ in range(count)],
        "open_run": lambda *_, **__: "id",
        "Remembered": lambda *_, **__: None,
        "BatchStream": lambda *_, **__: stream,
        "batches": lambda _, steps, **__: iter(steps),
        "as_input": lambda batch, _: batch,
        "Trainee": StandIn,
        "take_step": step_of,
        "interruption": asking,
    }.items():
        monkeypatch.setattr(loop, name, value)
    return made


class _Accelerator:
    device, process_index, num_processes = torch.device("cpu"), 0, 1

    @contextmanager
    def main_process_first(self) -> Iterator[None]:
        yield


def go(settings: TrainingSettings, out: Path, *names: str) -> list[Path | Exception]:
    small = settings.edit({"steps": STEPS, "runtime.checkpoint_every": 2})
    return train_in_lockstep(
        [Run(settings=small, out=out / name) for name in names],
        dataset=SimpleNamespace(split=lambda _: None),  # type: ignore[arg-type]
        label_of=None,
        label_source="l",
    )


def test_a_run_that_diverges_at_a_due_step_keeps_the_checkpoint_before(
    settings: TrainingSettings, stage: Stage, tmp_path: Path
) -> None:
    stage.fails = {"wild": 3}  # the fourth step, after which a checkpoint is due
    wild, calm = go(settings, tmp_path, "wild", "calm")
    assert isinstance(wild, DivergedError)
    assert calm == tmp_path / "calm" / "model"
    assert [made.saved for made in StandIn.made] == [[2], [2, 4]]


def test_a_run_that_ended_is_closed_then_and_once(
    settings: TrainingSettings, stage: Stage, tmp_path: Path
) -> None:
    stage.fails = {"wild": 1, "wilder": 3}
    go(settings, tmp_path, "wild", "wilder", "calm")
    assert [made.closed for made in StandIn.made] == [1, 1, 1]


def test_a_signal_is_asked_for_once_a_step_and_saves_every_run(
    settings: TrainingSettings, stage: Stage, tmp_path: Path
) -> None:
    go(settings, tmp_path, "a", "b", "c")
    assert stage.arm_factors == STEPS
    StandIn.made.clear()
    stage.stops_at, stage.arm_factors = 2, 0
    with pytest.raises(KeyboardInterrupt):
        go(settings, tmp_path, "a", "b", "c")
    assert stage.arm_factors == 3
    assert [made.saved for made in StandIn.made] == [[2, 3]] * 3


# --- seconds -------------------------------------------------------------------------------------


def test_seconds_are_shared_by_those_that_train_and_add_up(
    settings: TrainingSettings, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four seconds to begin, then two a step: wild has 4/2 + 2/2 + 2/2, calm that and four steps alone.
    clock = iter([10.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0, 26.0])
    monkeypatch.setattr(loop.time, "perf_counter", lambda: next(clock))
    stage.fails = {"wild": 1}
    go(settings, tmp_path, "wild", "calm")
    assert [made.seconds for made in StandIn.made] == [4.0, 12.0]


def test_nobody_s_seconds_are_nobody_s() -> None:
    assert share_seconds([], 1.0) > 1.0


# --- one step ------------------------------------------------------------------------------------


class Optimiser:
    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1

    def zero_grad(self, *, set_to_none: bool) -> None:
        assert set_to_none


def a_step(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch, *, step: int, total: float = 1.0
) -> tuple[int, Optimiser]:
    """The seed that the network drew with, and the optimiser."""
    seeds, optimiser = [], Optimiser()
    losses = LossReport(
        total=torch.tensor(total),
        terms={"silog": torch.tensor([total])},
        weights={"silog": 1.0},
    )
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: losses)
    monkeypatch.setattr(loop, "set_learning_rate", lambda *_, **__: 0.1)
    nothing = SimpleNamespace(
        begin_step=lambda: None, look=lambda *_: None, after_step=lambda *_: None
    )

    @contextmanager
    def autocast() -> Iterator[None]:
        yield

    trainee: Any = SimpleNamespace(
        settings=settings,
        run=SimpleNamespace(report=None),
        gradients=nothing,
        optimiser=optimiser,
        network=SimpleNamespace(parameters=list),
        forward=lambda *_: seeds.append(torch.initial_seed()),
        accelerator=SimpleNamespace(
            autocast=autocast,
            backward=lambda _: None,
            clip_grad_norm_=lambda *_: torch.tensor(1.0),
            is_main_process=False,
        ),
        average=SimpleNamespace(update=lambda *_, **__: None),
        watch=nothing,
        log_sums={},
        images_per_s=lambda: 1.0,
    )
    batch: Any = SimpleNamespace(image=None, focal_px=None, sample_ids=("a",))
    with suppress(DivergedError):
        take_step(trainee, step, batch)
    return seeds[0], optimiser


def test_random_numbers_are_those_of_seed_and_step(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {
        (seed, step): a_step(settings.edit({"seed": seed}), monkeypatch, step=step)[0]
        for seed in (0, 1, 2)
        for step in (0, 1, 5)
    }
    assert len(set(drawn.values())) == 9
    torch.manual_seed(99)  # whatever ran before
    assert a_step(settings.edit({"seed": 1}), monkeypatch, step=5)[0] == drawn[1, 5]


def test_a_step_that_is_not_finite_is_not_taken(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert a_step(settings, monkeypatch, step=3)[1].steps == 1
    assert a_step(settings, monkeypatch, step=3, total=math.nan)[1].steps == 0
