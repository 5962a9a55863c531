"""Training, as one function: one run, or several that share their batches.

To resume a run, run the same command again: the checkpoint holds the step, and everything random is a
function of (seed, step). On one kind of CPU with the same number of threads the resumed run ends with the
same weights, bit for bit, as one that was never stopped.

Runs in lockstep take every step one after another on the same batch, which is read, varied and moved to
the device once. Everything else is each run's own, and random numbers begin anew with every step of every
run, so a run ends with the bytes that it would have ended with alone, however the runs beside it fare.
"""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import GradScalerKwargs
from torch import Tensor

from thermodepth.data.frames import CachedFrames, Dataset
from thermodepth.data.loader import BatchStream, LabelOf, batches, trained_frames
from thermodepth.errors import DivergedError, SettingsError
from thermodepth.losses import LossReport, evaluate
from thermodepth.training.lockstep import check_lockstep
from thermodepth.training.optimiser import set_learning_rate
from thermodepth.training.run_folder import check_run, only_run, open_run, run_is_done
from thermodepth.training.settings import RuntimeSettings, TrainingSettings
from thermodepth.training.trainee import Progress, Report, Run, Trainee
from thermodepth.types import Batch

__all__ = ["Progress", "Report", "Run", "interruption", "train", "train_in_lockstep"]


def train(
    settings: TrainingSettings,
    out: Path,
    *,
    dataset: Dataset,
    label_of: LabelOf | None,
    label_source: str,
    report: Report | None = None,
) -> Path:
    """Train to the end, or go on from the last checkpoint: a lockstep of one.

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
        SettingsError, WeightsError: before anything is trained; also while another process trains in `out`.
        DivergedError: naming term and samples, before a non-finite step is taken.
        KeyboardInterrupt: after a checkpoint was written.
    """
    # First: nothing is put into a folder of something else, not even a lock.
    check_run(settings, out, dataset=dataset, label_source=label_source)
    with only_run(out):
        (ending,) = train_in_lockstep(
            [Run(settings=settings, out=out, report=report)],
            dataset=dataset,
            label_of=label_of,
            label_source=label_source,
        )
    if isinstance(ending, Exception):
        raise ending
    return ending


def train_in_lockstep(
    runs: Sequence[Run],
    *,
    dataset: Dataset,
    label_of: LabelOf | None,
    label_source: str,
) -> list[Path | Exception]:
    """Train runs over one stream of batches, each to its end or from its last checkpoint on.

    Args:
        runs: of one seed, in folders of their own; `check_lockstep` says what they share.
        dataset, label_of, label_source: as in `train`.

    Returns:
        For each run the folder of the trained model, or what ended it: a run that fails or diverges is
        frozen, and the others go on.

    Raises:
        SettingsError: when the runs would not be fed the same, before anything is trained.
        DataError: when a batch cannot be made.
        KeyboardInterrupt: after every run's checkpoint was written.
    """
    check_lockstep({str(run.out): run.settings for run in runs})
    assert len({run.out for run in runs}) == len(runs), "each run has a folder of its own"
    shared = runs[0].settings  # for what is the same in all of them
    assert shared.data.size is not None, "resolve the settings first"
    runtime = shared.runtime
    began = time.perf_counter()
    frames = trained_frames(dataset, shared.data, seed=shared.seed)
    endings: dict[Path, Path | Exception] = {}  # by the run's folder

    # ---- the run folders: refuse another run's, say done when done
    accelerators = make_accelerators(runtime, shared.precision, count=len(runs))
    first = accelerators[0]  # all have the same device and processes
    identities: dict[Path, str] = {}
    with first.main_process_first():  # the others find the folders made
        for run in runs:
            with ending_alone(run, endings):
                identities[run.out] = open_run(
                    run.settings, run.out, dataset=dataset, label_source=label_source
                )
                if run_is_done(run.out):
                    endings[run.out] = run.out / "model"
    if len(endings) == len(runs):
        return [endings[run.out] for run in runs]

    # ---- data: one stream for all
    stream = BatchStream(
        CachedFrames(frames, budget_bytes=runtime.cache_mb * 2**20),
        shared.data,
        size=shared.data.size,
        seed=shared.seed,
        label_of=label_of,
        knows_lens=shared.model.focal_px is not None,
        rank=first.process_index,
        processes=first.num_processes,
    )
    digest = stream.digest(shared.steps)

    # ---- network, optimiser, log and checkpoint: each run's own
    trainees: list[Trainee] = []
    for run, accelerator in zip(runs, accelerators, strict=True):
        if run.out not in endings:
            with ending_alone(run, endings):
                trainees.append(
                    Trainee(
                        run,
                        identity=identities[run.out],
                        accelerator=accelerator,
                        dataset=dataset,
                        stream=stream,
                        batches=digest,
                    )
                )

    # ---- the loop: a batch, and every run's step on it
    steps = range(min((t.first_step for t in trainees), default=shared.steps), shared.steps)
    with interruption() as interrupted, closing_all(trainees):
        began = share_seconds(trainees, began)
        for step, batch in zip(steps, batches(stream, steps, workers=runtime.workers), strict=True):
            batch = as_input(batch, first.device)
            done = step + 1
            for trainee in ready(trainees, step):
                with ending_alone(trainee.run, endings):
                    take_step(trainee, step, batch)
            began = share_seconds(ready(trainees, step) or trainees, began)
            stop = interrupted()  # once: a signal between two questions would skip a checkpoint
            for trainee in ready(trainees, step):
                every = trainee.settings.runtime.checkpoint_every
                due = done % every == 0 and done < shared.steps
                if (stop or due) and trainee.run.out not in endings:
                    with ending_alone(trainee.run, endings):
                        trainee.checkpoint(done)
            freeze(trainees, endings)
            if stop:
                raise KeyboardInterrupt
            if not trainees:
                break

    # ---- the models
    for trainee in trainees:
        with ending_alone(trainee.run, endings):
            endings[trainee.run.out] = trainee.finish(dataset, label_source)
        trainee.free()
    return [endings[run.out] for run in runs]


def take_step(trainee: Trainee, step: int, batch: Batch) -> None:
    """One optimiser step of one run, and what is seen of it.

    Args:
        trainee: the run.
        step: optimiser steps done before this one.
        batch: on the device; also for the runs beside this one, so nothing here may change it.

    Raises:
        DivergedError: before the weights are touched.
    """
    settings, steps = trainee.settings, trainee.settings.steps
    trainee.gradients.begin_step()
    # Layers that draw random numbers draw the same ones whatever ran before.
    torch.manual_seed(settings.seed * 1_000_003 + step)
    rate = set_learning_rate(trainee.optimiser, settings.optimiser, step=step, steps=steps)
    with trainee.accelerator.autocast():
        prediction = trainee.forward(batch.image, batch.focal_px)
    losses = evaluate(prediction, batch, settings.losses, progress=step / steps)
    done = step + 1
    trainee.gradients.look(done, losses, batch)
    trainee.accelerator.backward(losses.total)
    parameters = trainee.network.parameters()
    norm = trainee.accelerator.clip_grad_norm_(parameters, settings.optimiser.clip_norm)
    stop_if_not_finite(losses, norm, batch, step)
    trainee.optimiser.step()
    trainee.gradients.after_step(done)
    trainee.optimiser.zero_grad(set_to_none=True)
    trainee.average.update(trainee.network, step=step)
    trainee.watch.look(done, trainee.average)

    # ---- what is seen of it
    add_to(trainee.log_sums, losses, norm)
    images_per_s = trainee.images_per_s()
    terms: dict[str, float] = {}
    if done % settings.runtime.log_every == 0 or done == steps:
        terms = means_of(trainee.log_sums)
        trainee.log_sums.clear()
        if trainee.accelerator.is_main_process:
            trainee.log.write(done, {"learning_rate": rate, **terms})
    if trainee.run.report is not None:
        trainee.run.report(Progress(step=done, steps=steps, images_per_s=images_per_s, terms=terms))


# ---- runs beside each other


def ready(trainees: Sequence[Trainee], step: int) -> list[Trainee]:
    """Those that take this step; one that was resumed further along has taken it already."""
    return [trainee for trainee in trainees if trainee.first_step <= step]


@contextmanager
def ending_alone(run: Run, endings: dict[Path, Path | Exception]) -> Iterator[None]:
    """What goes wrong inside ends this run, and no other."""
    try:
        yield
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # they hold the step's graph
        endings[run.out] = error
        if run.failed is not None:
            run.failed(error)


def freeze(trainees: list[Trainee], endings: dict[Path, Path | Exception]) -> None:
    """Take out the runs that have ended, and free their memory."""
    for trainee in [t for t in trainees if t.run.out in endings]:
        trainees.remove(trainee)
        trainee.close()
        trainee.free()


def share_seconds(trainees: Sequence[Trainee], began: float) -> float:
    """Give every run its part of the time since `began`, so that those of all runs add up.

    Returns:
        When the next part begins, on the clock of `time.perf_counter`.
    """
    now = time.perf_counter()
    for trainee in trainees:
        trainee.seconds += (now - began) / len(trainees)
    return now


@contextmanager
def closing_all(trainees: list[Trainee]) -> Iterator[None]:
    """Write what is pending, however it ends, of those that are then still there."""
    try:
        yield
    finally:
        for trainee in trainees:
            trainee.close()


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


def make_accelerators(runtime: RuntimeSettings, precision: str, *, count: int) -> list[Accelerator]:
    """Devices and mixed precision: one for each run, because one unscales and clips all that it knows.

    Raises:
        SettingsError: as `check_device`.
    """
    check_device(runtime, precision)
    # Accelerate keeps its first device and precision for the life of a process; runs decide for themselves.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return [
        Accelerator(
            cpu=runtime.device == "cpu",
            mixed_precision="no" if precision == "fp32" else precision,
            # float16 gradients are scaled by a constant: a scale that is searched for overflows on
            # purpose, which stops our run, and would have to be resumed.
            kwargs_handlers=[GradScalerKwargs(init_scale=256.0, growth_interval=2**31 - 1)],
        )
        for _ in range(count)
    ]


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
