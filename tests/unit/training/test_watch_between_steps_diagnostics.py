"""What the hook holds from one step to the next, and how far along it takes a step to be."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
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
from thermodepth.training.settings import TrainingSettings

STEPS = 4


@pytest.fixture
def look(
    settings: TrainingSettings, dataset: Dataset, network: DepthNetwork, tmp_path: Path
) -> Any:
    """A hook that looks at every second step, and a way to show it one."""
    assert settings.data.size is not None

    def losses_with(**edits: Any) -> Any:
        edited = settings.edit(
            {
                "steps": STEPS,
                "data.batch_size": 2,
                "runtime.diagnostics.on": True,
                "runtime.diagnostics.share_every": 2,
                "runtime.diagnostics.cosine_every": 0,
                "runtime.diagnostics.maps": 0,
                **edits,
            }
        )
        stream = BatchStream(
            dataset.split("train"),
            edited.data,
            size=settings.data.size,  # type: ignore[arg-type]
            seed=0,
            label_of=lambda name: (
                np.random.default_rng(len(name)).uniform(size=(64, 64)).astype(np.float32)
            ),
        )
        hook = GradientWatch(
            edited,
            tmp_path,
            accelerator=Accelerator(cpu=True),
            network=network,
            stream=stream,
            first_step=0,
        )

        def show(step: int) -> None:
            batch = stream.batch(step - 1)
            losses = evaluate(
                network(batch.image), batch, edited.losses, progress=(step - 1) / STEPS
            )
            hook.look(step, losses, batch)

        return SimpleNamespace(hook=hook, show=show)

    return losses_with


def test_a_step_that_was_never_taken_is_not_taken_for_the_next(look: Any, tmp_path: Path) -> None:
    looking = look()
    looking.show(1)
    looking.show(2)  # a probe, and its step is not taken
    looking.show(3)
    looking.hook.after_step(3)
    looking.hook.close()
    assert not (tmp_path / "step_cosines.csv").exists()


def test_a_compiled_step_is_evaluated_again_as_far_along_as_it_was(
    look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed: list[float] = []

    def noting(*args: Any, progress: float, **kwargs: Any) -> Any:
        observed.append(progress)
        return evaluate(*args, progress=progress, **kwargs)

    monkeypatch.setattr(gradient_watch, "evaluate", noting)
    looking = look(**{"runtime.compile": True})
    for step in range(1, STEPS + 1):
        looking.show(step)
    assert observed == [1 / STEPS, 3 / STEPS]  # steps 2 and 4: of so many, one and three were done
