"""The loop over a run that trains nothing: when it is saved and timed; and one step of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from thermodepth.errors import DivergedError
from thermodepth.losses import LossReport
from thermodepth.training import loop
from thermodepth.training.loop import take_step, take_steps
from thermodepth.training.settings import TrainingSettings

STEPS = 6


class StandIn:
    """A run without a network."""

    def __init__(self, settings: TrainingSettings, first_step: int = 0) -> None:
        self.settings = settings.edit({"steps": STEPS, "runtime.checkpoint_every": 2})
        self.first_step = first_step
        self.accelerator = SimpleNamespace(device=torch.device("cpu"))
        self.checkpoints: list[int] = []
        self.intervals: list[float] = []

    def add_seconds(self, *, since: float) -> float:
        self.intervals.append(since)
        return since + 1

    def checkpoint(self, next_step: int) -> None:
        self.checkpoints.append(next_step)


@pytest.fixture
def steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    step_numbers: list[int] = []
    for name, value in {
        "batches": lambda _, steps, **__: iter(steps),
        "as_input": lambda batch, _: batch,
        "take_step": lambda _, step, __: step_numbers.append(step),
    }.items():
        monkeypatch.setattr(loop, name, value)
    return step_numbers


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: float) -> list[int]:
    """A signal that is seen after so many questions; the questions are counted."""
    questions: list[int] = []

    @contextmanager
    def interruption() -> Iterator[Callable[[], bool]]:
        def interrupted() -> bool:
            questions.append(1)
            return len(questions) > steps

        yield interrupted

    monkeypatch.setattr(loop, "interruption", interruption)
    return questions


def run(state: StandIn) -> None:
    take_steps(state, SimpleNamespace(), began=10.0)  # type: ignore[arg-type]


def test_checkpoints_fall_due_and_the_last_step_has_none(
    settings: TrainingSettings, steps_taken: list[int]
) -> None:
    state = StandIn(settings)
    run(state)
    assert steps_taken == list(range(STEPS))
    assert state.checkpoints == [2, 4]


def test_a_run_goes_on_where_its_checkpoint_stands(
    settings: TrainingSettings, steps_taken: list[int]
) -> None:
    state = StandIn(settings, first_step=3)
    run(state)
    assert steps_taken == [3, 4, 5]
    assert state.checkpoints == [4]


def test_a_signal_is_asked_for_once_a_step_and_saves(
    settings: TrainingSettings, steps_taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = stop_after(monkeypatch, math.inf)
    run(StandIn(settings))
    assert len(questions) == STEPS
    steps_taken.clear()
    questions = stop_after(monkeypatch, 2)
    state = StandIn(settings)
    with pytest.raises(KeyboardInterrupt):
        run(state)
    assert len(questions) == 3
    assert steps_taken == [0, 1, 2]
    assert state.checkpoints == [2, 3]


def test_all_time_since_the_run_was_begun_is_counted_once(
    settings: TrainingSettings, steps_taken: list[int]
) -> None:
    state = StandIn(settings)
    run(state)
    assert len(steps_taken) == STEPS
    assert state.intervals == [
        10.0 + n for n in range(STEPS + 1)
    ]  # before the first step, then after each


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

    state: Any = SimpleNamespace(
        settings=settings,
        report=None,
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
        take_step(state, step, batch)
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
