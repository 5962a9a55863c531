"""Training, as one function.

To resume a run, run the same command again: the checkpoint holds the step, and everything random is a
function of (seed, step). On one kind of CPU with the same number of threads the resumed run ends with the
same weights, bit for bit, as one that was never stopped.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import GradScalerKwargs
from torch import Tensor

from thermodepth.data.frames import CachedFrames, Dataset
from thermodepth.data.loader import BatchStream, LabelOf, batches, check_truth, trained_frames
from thermodepth.errors import DivergedError, SettingsError
from thermodepth.losses import LossReport, evaluate
from thermodepth.training.optimiser import set_learning_rate
from thermodepth.training.run_folder import check_run, only_run, open_run, run_is_done
from thermodepth.training.settings import RuntimeSettings, TrainingSettings
from thermodepth.training.train_state import Progress, Report, TrainState
from thermodepth.types import Batch

__all__ = ["Progress", "Report", "interruption", "train"]


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
        out: the run's folder; created, or continued when it belongs to the same run.
        dataset: where the `train` split comes from.
        label_of: the teacher's map of a sample id; None trains the metric head alone.
        label_source: fingerprint of those maps, part of the run's identity.
        report: called after every step.

    Returns:
        The folder of the trained model.

    Raises:
        SettingsError, WeightsError: before anything is trained; also while another process trains in `out`.
        DataError: when a batch cannot be read.
        DivergedError: naming term and samples, before a non-finite step is taken.
        KeyboardInterrupt: after a checkpoint was written.
    """
    # First: nothing is put into a folder of something else, not even a lock.
    check_run(settings, out, dataset=dataset, label_source=label_source)
    with only_run(out):
        return train_in_held_folder(
            settings,
            out,
            dataset=dataset,
            label_of=label_of,
            label_source=label_source,
            report=report,
        )


def train_in_held_folder(
    settings: TrainingSettings,
    out: Path,
    *,
    dataset: Dataset,
    label_of: LabelOf | None,
    label_source: str,
    report: Report | None = None,
) -> Path:
    """As `train`, in a folder that the caller holds by a lock of its own, as a study holds a cell's."""
    assert settings.data.size is not None, "resolve the settings first"
    began = time.perf_counter()
    frames = trained_frames(dataset, settings.data, seed=settings.seed)
    check_truth(dataset, settings.data, seed=settings.seed)  # of this seed's frames
    accelerator = make_accelerator(settings.runtime, settings.precision)
    with accelerator.main_process_first():  # the others meet an open folder
        identity = open_run(settings, out, dataset=dataset, label_source=label_source)
        if run_is_done(out):
            return out / "model"
    stream = BatchStream(
        CachedFrames(frames, budget_bytes=settings.runtime.cache_mb * 2**20),
        settings.data,
        size=settings.data.size,
        seed=settings.seed,
        label_of=label_of,
        knows_lens=settings.model.focal_px is not None,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    state = TrainState(
        settings,
        out,
        report=report,
        identity=identity,
        accelerator=accelerator,
        dataset=dataset,
        stream=stream,
        batches=stream.digest(settings.steps),
    )
    with closing(state):
        take_steps(state, stream, began=began)
    model = state.finish(dataset, label_source)
    state.free()
    return model


def take_steps(state: TrainState, stream: BatchStream, *, began: float) -> None:
    """Every step that is left, with checkpoints.

    Args:
        state: of the run.
        stream: of its batches.
        began: when the run was begun, on the clock of `time.perf_counter`; that time counts as training.

    Raises:
        DataError, DivergedError, KeyboardInterrupt: as `train`.
    """
    settings = state.settings
    steps = range(state.first_step, settings.steps)
    with interruption() as interrupted:
        began = state.add_seconds(since=began)
        for step, batch in zip(
            steps, batches(stream, steps, workers=settings.runtime.workers), strict=True
        ):
            take_step(state, step, as_input(batch, state.accelerator.device))
            began = state.add_seconds(since=began)
            stop = interrupted()  # once: a signal between two questions would skip a checkpoint
            done = step + 1
            due = done % settings.runtime.checkpoint_every == 0 and done < settings.steps
            if stop or due:
                state.checkpoint(done)
            if stop:
                raise KeyboardInterrupt


def take_step(state: TrainState, step: int, batch: Batch) -> None:
    """One optimiser step, and what is reported of it.

    Args:
        state: of the run.
        step: optimiser steps done before this one.
        batch: on the device.

    Raises:
        DivergedError: before the weights are touched.
    """
    settings, steps = state.settings, state.settings.steps
    state.gradients.begin_step()
    # Layers that draw random numbers draw the same ones whatever ran before.
    torch.manual_seed(settings.seed * 1_000_003 + step)
    rate = set_learning_rate(state.optimiser, settings.optimiser, step=step, steps=steps)
    with state.accelerator.autocast():
        prediction = state.forward(batch.image, batch.focal_px)
    losses = evaluate(prediction, batch, settings.losses, progress=step / steps)
    done = step + 1
    state.gradients.look(done, losses, batch)
    state.accelerator.backward(losses.total)
    parameters = state.network.parameters()
    norm = state.accelerator.clip_grad_norm_(parameters, settings.optimiser.clip_norm)
    stop_if_not_finite(losses, norm, batch, step)
    state.optimiser.step()
    state.gradients.after_step(done)
    state.optimiser.zero_grad(set_to_none=True)
    state.average.update(state.network, step=step)
    state.watch.look(done, state.average)

    # ---- what is reported of it
    add_to(state.log_sums, losses, norm)
    images_per_s = state.images_per_s()
    terms: dict[str, float] = {}
    if done % settings.runtime.log_every == 0 or done == steps:
        terms = means_of(state.log_sums)
        state.log_sums.clear()
        if state.accelerator.is_main_process:
            state.log.write(done, {"learning_rate": rate, **terms})
    if state.report is not None:
        state.report(Progress(step=done, steps=steps, images_per_s=images_per_s, terms=terms))


# ---- devices


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
    """Device and mixed precision.

    Raises:
        SettingsError: as `check_device`.
    """
    check_device(runtime, precision)
    # Accelerate keeps its first device and precision for the life of a process; runs decide for themselves.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return Accelerator(
        cpu=runtime.device == "cpu",
        mixed_precision="no" if precision == "fp32" else precision,
        # float16 gradients are scaled by a constant: a scale that is searched for overflows on
        # purpose, which stops our run, and would have to be resumed.
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
        # Taken out and put back: the order of columns is this one, also of sums that a checkpoint sorted.
        sums[name] = sums.pop(name).to(value.device) + value if name in sums else value
    # Each name counts its own steps: a schedule may start a term between two lines, and a batch may have
    # no pixel for it.
    for name in values:
        count, step = f"{name}.count", losses.has_pixels(name)
        sums[count] = sums[count].to(step.device) + step if count in sums else step


def means_of(sums: dict[str, Tensor]) -> dict[str, float]:
    """The running sums as means; a term that no step had a pixel for has none."""
    return {
        name: float(value) / steps
        for name, value in sums.items()
        if not name.endswith(".count") and (steps := float(sums[f"{name}.count"]))
    }


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Ctrl-C or a polite kill asks for a stop after the running step, instead of breaking it."""
    stop = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal stop
        del frame
        if stop and number == signal.SIGINT:  # a second time: at once
            raise KeyboardInterrupt
        stop = True

    try:
        before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals are somebody else's
        yield lambda: False
        return
    try:
        yield lambda: stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
