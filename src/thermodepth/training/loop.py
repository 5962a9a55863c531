"""Training, as one function.

To resume a run, run the same command again: the checkpoint holds the step, and everything random is a
function of (seed, step). On a CPU with the same number of threads the resumed run ends with the same
weights, bit for bit, as one that was never stopped.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import GradScalerKwargs
from torch import Tensor

from thermodepth.data.frames import Dataset, Remembered
from thermodepth.data.loader import BatchStream, LabelOf, batches
from thermodepth.errors import DivergedError, SettingsError
from thermodepth.losses import LossReport, evaluate
from thermodepth.model import ModelRecipe, fingerprint_of, initialise, save_model
from thermodepth.training.checkpoint import load_checkpoint, save_checkpoint
from thermodepth.training.diagnostics import GradientWatch
from thermodepth.training.log import RunLog
from thermodepth.training.optimiser import WeightAverage, make_optimiser, set_learning_rate
from thermodepth.training.run_folder import finish_run, note_start, open_run, run_is_done
from thermodepth.training.settings import RuntimeSettings, TrainingSettings
from thermodepth.types import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a progress line shows."""

    step: int  # optimiser steps done
    steps: int
    images_per_s: float
    terms: dict[str, float] = field(
        default_factory=dict
    )  # means since the last line; empty between


Report = Callable[[Progress], None]


def train(
    settings: TrainingSettings,
    out: Path,
    *,
    dataset: Dataset,
    label_of: LabelOf | None,
    label_source: str,
    report: Report | None = None,
) -> Path:
    """Train to the end, or go on from the last checkpoint.

    Args:
        settings: resolved against the data set.
        out: the run's folder; made, or continued when it belongs to the same run.
        dataset: where the `train` split comes from.
        label_of: the teacher's map of a sample id; None trains the metric head alone.
        label_source: fingerprint of those maps, part of the run's identity.
        report: called after every step.

    Returns:
        The folder of the trained model.

    Raises:
        SettingsError, WeightsError: before anything is trained.
        DivergedError: naming term and samples, before a non-finite step is taken.
        KeyboardInterrupt: after a checkpoint was written.
    """
    assert settings.data.size is not None, "resolve the settings first"
    frames = dataset.split(settings.data.split)

    # ---- the run folder: refuse another run's, say done when done
    runtime = settings.runtime
    accelerator = make_accelerator(runtime, settings.precision)
    with accelerator.main_process_first():  # the others find the folder made
        identity = open_run(settings, out, dataset=dataset, label_source=label_source)
    if run_is_done(out):
        return out / "model"

    # ---- device, network, optimiser
    channels = 3 if settings.data.modality == "rgb" else 1
    network = initialise(settings.model, channels=channels, seed=settings.seed)
    first_weights = fingerprint_of(network)
    network = network.to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, settings.optimiser.ema_decay)
    optimiser = make_optimiser(network, settings.optimiser)
    first_step, log_sums = load_checkpoint(
        out, identity=identity, network=network, average=average, optimiser=optimiser
    )
    prepared, optimiser = accelerator.prepare(network, optimiser)
    forward = torch.compile(prepared) if runtime.compile else prepared

    # ---- data: the batches from the next step on
    stream = BatchStream(
        Remembered(frames, budget_bytes=runtime.cache_mb * 2**20),
        settings.data,
        size=settings.data.size,
        seed=settings.seed,
        label_of=label_of,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    if accelerator.is_main_process:
        note_start(out, first_weights=first_weights, batches=stream.digest(settings.steps))
    log = RunLog(out, first_step=first_step, tensorboard=runtime.tensorboard)
    gradients = GradientWatch(
        settings,
        out,
        accelerator=accelerator,
        network=network,
        stream=stream,
        first_step=first_step,
    )

    def checkpoint(next_step: int) -> None:
        gradients.flush()
        if accelerator.is_main_process:
            save_checkpoint(
                out,
                step=next_step,
                identity=identity,
                network=network,
                average=average,
                optimiser=optimiser,
                log_sums=log_sums,
            )

    # ---- the loop
    steps = range(first_step, settings.steps)
    since = time.perf_counter()
    with interruption() as interrupted, closing(log), closing(gradients):
        for step, batch in zip(steps, batches(stream, steps, workers=runtime.workers), strict=True):
            # Layers that draw random numbers draw the same ones whatever ran before.
            torch.manual_seed(settings.seed * 1_000_003 + step)
            rate = set_learning_rate(optimiser, settings.optimiser, step=step, steps=settings.steps)
            batch = as_input(batch, accelerator.device)
            with accelerator.autocast():
                prediction = forward(batch.image)
            losses = evaluate(prediction, batch, settings.losses, progress=step / settings.steps)
            gradients.look(step + 1, losses, batch)
            accelerator.backward(losses.total)
            norm = accelerator.clip_grad_norm_(network.parameters(), settings.optimiser.clip_norm)
            stop_if_not_finite(losses, norm, batch, step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            average.update(network, step=step)

            # ---- what is seen of it
            done = step + 1
            add_to(log_sums, losses, norm)
            images_per_s = settings.data.batch_size / (time.perf_counter() - since)
            since = time.perf_counter()
            terms: dict[str, float] = {}
            if done % runtime.log_every == 0 or done == settings.steps:
                terms = means_of(log_sums)
                log_sums.clear()
                if accelerator.is_main_process:
                    log.write(done, {"learning_rate": rate, **terms})
            if report is not None:
                report(
                    Progress(
                        step=done, steps=settings.steps, images_per_s=images_per_s, terms=terms
                    )
                )
            stop = interrupted()  # once: a signal between two questions would skip the checkpoint
            if stop or (done % runtime.checkpoint_every == 0 and done < settings.steps):
                checkpoint(done)
            if stop:
                raise KeyboardInterrupt

    # ---- the model: averaged weights and the recipe that feeds them
    if accelerator.is_main_process:
        network.load_state_dict(average.state)
        save_model(out / "model", network, recipe_of(settings, dataset, identity, label_source))
        finish_run(out)
    accelerator.wait_for_everyone()
    return out / "model"


def check_device(runtime: RuntimeSettings, precision: str) -> None:
    """Before anything is read or labelled.

    Raises:
        SettingsError: for a device that is not there, or that cannot do the precision.
    """
    has_cuda = torch.cuda.is_available()
    if runtime.device == "cuda" and not has_cuda:
        raise SettingsError("runtime.device=cuda: this machine has no CUDA device; use cpu or auto")
    if precision == "fp16" and (runtime.device == "cpu" or not has_cuda):
        raise SettingsError(
            "precision=fp16 needs a CUDA device; on a CPU use fp32, or bf16 to try it"
        )


def make_accelerator(runtime: RuntimeSettings, precision: str) -> Accelerator:
    """Devices and mixed precision.

    Raises:
        SettingsError: as `check_device`.
    """
    check_device(runtime, precision)
    # Accelerate keeps its first device and precision for the life of a process; a run decides for itself.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(
        cpu=runtime.device == "cpu",
        mixed_precision="no" if precision == "fp32" else precision,
        # float16 gradients are scaled by a constant: a scale that is searched for overflows on purpose,
        # which stops our run, and would have to be resumed.
        kwargs_handlers=[GradScalerKwargs(init_scale=256.0, growth_interval=2**31 - 1)],
    )


def as_input(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device, its image in the layout that convolutions want."""
    batch = batch.to(device)
    return replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))


def stop_if_not_finite(losses: LossReport, norm: Tensor, batch: Batch, step: int) -> None:
    """One look at the device a step, before the weights are touched.

    Raises:
        DivergedError: naming the step, and the term and samples, or that it was the gradient.
    """
    if torch.isfinite(losses.total.detach() + norm):
        return
    if torch.isfinite(losses.total.detach()):
        reason = f"the gradient's norm is {float(norm)}; samples {', '.join(batch.sample_ids)}"
    else:
        reason = losses.explain_nonfinite(batch)
    raise DivergedError(
        f"step {step}: {reason}. The step was not taken and the last checkpoint is kept; try a lower "
        "optimiser.learning_rate or look at these samples"
    )


def add_to(sums: dict[str, Tensor], losses: LossReport, norm: Tensor) -> None:
    """Add this step to the running sums, on the device, without waiting for it."""
    values = {"total": losses.total, **losses.means(), "gradient_norm": norm}
    for name, value in values.items():
        value = value.detach().float()
        sums[name] = sums[name].to(value.device) + value if name in sums else value
    # Each name counts its own steps, because a schedule may start a term between two lines.
    for name in values:
        count = f"{name}.count"
        sums[count] = sums.get(count, torch.zeros(())) + 1


def means_of(sums: dict[str, Tensor]) -> dict[str, float]:
    """The running sums as means."""
    return {
        name: float(value) / float(sums[f"{name}.count"])
        for name, value in sums.items()
        if not name.endswith(".count")
    }


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Ctrl-C or a polite kill asks for a stop after the running step, instead of breaking it."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        del frame
        if asked and number == signal.SIGINT:  # asked twice: at once
            raise KeyboardInterrupt
        asked = True

    try:
        before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are somebody else's
        yield lambda: False
        return
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def recipe_of(
    settings: TrainingSettings, dataset: Dataset, identity: str, label_source: str
) -> ModelRecipe:
    """What travels with the weights."""
    assert settings.data.size is not None
    unit = dataset.split(settings.data.split).read(0, with_rgb=False).thermal_unit
    return ModelRecipe(
        model=settings.model.edit({"weights": "none"}),
        modality=settings.data.modality,
        normaliser=settings.data.normaliser,
        trained_unit=unit,
        working_size=settings.data.size,
        history={
            "run": identity,
            "data": dataset.spec,
            "data_fingerprint": dataset.fingerprint(),
            "labels": label_source,
            "steps": settings.steps,
            "seed": settings.seed,
            "first_weights": settings.model.weights,
        },
    )
