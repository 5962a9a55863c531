"""The hook in the training loop: when to look at the gradients, what it costs, what happens when it fails.

Called twice a step: between the loss and its backward pass, and after the optimiser's step. It reads the
graph that the step has built and leaves it as it was: no `.grad`, no weight, no statistic of a norm and no
random number of the training is touched, so a run with it ends with the weights of a run without it, bit for
bit.

A failure ends the diagnostics and not the training: it is a warning now, and stands in `diagnostics.json`.
"""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from thermodepth.checksums import read_record, write_record
from thermodepth.data.loader import BatchStream
from thermodepth.errors import DataError
from thermodepth.losses import LossReport, evaluate
from thermodepth.model import DepthNetwork
from thermodepth.training.diagnostics.files import (
    COSINE_COLUMNS,
    COSINES,
    FACTS,
    GRADIENT_COLUMNS,
    GRADIENTS,
    STEP_COLUMNS,
    STEP_COSINES,
    Line,
    LineFile,
    conflict_path,
    drop_conflict_maps,
)
from thermodepth.training.diagnostics.gradients import (
    cosines,
    gradients_of,
    last_block_of,
    magnitude_similarities,
    norms,
    shared_of,
    shares,
    weighted_means,
)
from thermodepth.training.diagnostics.maps import conflict_maps, first_frames, save_conflict_maps
from thermodepth.training.diagnostics.steps import AwaitedStep
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Batch

BLOCK, SHARED = "block", "shared"  # parameters a probe looks at, as cosines.csv calls them


class GradientWatch:
    """Looks at the terms' gradients in one training run; does nothing unless it is on."""

    def __init__(
        self,
        settings: TrainingSettings,
        folder: Path,
        *,
        accelerator: Accelerator,
        network: DepthNetwork,
        stream: BatchStream,
        first_step: int,
    ) -> None:
        """
        Args:
            settings: of the run.
            folder: the run's.
            accelerator: of the run. With several processes the first one looks, at its part of a batch.
            network: not wrapped and not compiled.
            stream: of the run's batches; the first frames are those of the conflict maps.
            first_step: what is there of later steps is from a stretch that is run again.

        Raises:
            DataError: when other files stand where the diagnostics are written.
        """
        self._settings, self._diagnostics = settings, settings.runtime.diagnostics
        self._folder, self._accelerator, self._network = folder, accelerator, network
        self._stream = stream
        self._on = self._diagnostics.on and accelerator.is_main_process
        self._losses: list[tuple[int, list[str], list[float], Tensor]] = []  # not yet written
        self._norms: dict[int, dict[str, tuple[float, float]]] = {}  # step -> term -> norm, share
        self._cosines: list[Line] = []
        self._step_cosines: list[Line] = []
        self._awaited: AwaitedStep | None = None
        self._frames: Batch | None = None
        self._not_finite: set[str] = set()
        self._stops: list[str] = []  # also of the stretches before this one
        if not self._on:
            return
        self._gradient_file, self._cosine_file, self._step_file = (
            LineFile(folder / name, columns, first_step=first_step)
            for name, columns in (
                (GRADIENTS, GRADIENT_COLUMNS),
                (COSINES, COSINE_COLUMNS),
                (STEP_COSINES, STEP_COLUMNS),
            )
        )
        drop_conflict_maps(folder, first_step=first_step)
        self._seconds = self._training_seconds = 0.0
        if first_step:
            self._seconds, self._training_seconds, self._stops = _facts_before(folder)
        self._began = time.perf_counter()
        self._step_began: float | None = None
        self._own_seconds: float | None = (
            None  # in steps of this run; None: nobody says when one begins
        )
        steps, maps = settings.steps, self._diagnostics.maps
        self._map_steps = {round(steps * n / maps) for n in range(1, maps + 1)} - {0}

    def begin_step(self) -> None:
        """When a step begins, so that its time is not taken for that of runs beside this one.

        A loop that trains one run need not call it: then all of the time is this run's.
        """
        if self._on:
            self._step_began = time.perf_counter()

    def look(self, step: int, losses: LossReport, batch: Batch) -> None:
        """Before the backward pass that makes optimiser step number `step`, the first being 1.

        Args:
            step: as in the log: the steps that are done once this one is.
            losses: of this step, their graph not yet freed.
            batch: of this step.
        """
        if not self._on or not losses.terms:  # a schedule may begin with a step without any
            return
        began = time.perf_counter()
        self._awaited = None  # of a step that was never taken
        try:
            self._note_losses(step, losses)
            wide = _is_due(step, self._diagnostics.cosine_every)
            if wide or _is_due(step, self._diagnostics.share_every):
                began = self._settled(began)
                self._probe(step, losses, batch, wide=wide)
                self._write()
            if step in self._map_steps:
                began = self._settled(began)
                self._look_at_maps(step)
        except Exception as error:  # whatever it is, the training must not pay for it
            self._give_up(f"step {step}", error)
        self._seconds += time.perf_counter() - began

    def after_step(self, step: int) -> None:
        """After the optimiser made step number `step`, and before its weights are changed again.

        Args:
            step: as `look` was told.
        """
        if self._awaited is not None:
            began = self._settled(time.perf_counter())
            try:
                self._compare_with_step(step, self._awaited)
            except Exception as error:  # as in `look`
                self._give_up(f"step {step}", error)
            self._awaited = None
            self._seconds += time.perf_counter() - began
        if self._on and self._step_began is not None:
            took = time.perf_counter() - self._step_began
            self._own_seconds = (self._own_seconds or 0.0) + took

    def flush(self) -> None:
        """Write what is pending: before a checkpoint, so that the files know every step that it does."""
        if not self._on:
            return
        began = time.perf_counter()
        try:
            self._write()
        except Exception as error:
            self._give_up("while writing", error)
        self._seconds += time.perf_counter() - began

    def close(self) -> None:
        """The last lines, also of a run that ends with an error."""
        self.flush()

    # ---- looking

    def _note_losses(self, step: int, losses: LossReport) -> None:
        """Every step, so nothing here may wait for the device."""
        values = [losses.mean(name).detach().float() for name in losses.terms]
        names, weights = list(losses.terms), [losses.weights[name] for name in losses.terms]
        self._losses.append((step, names, weights, torch.stack(values)))

    def _probe(self, step: int, losses: LossReport, batch: Batch, *, wide: bool) -> None:
        if self._settings.runtime.compile:
            losses = self._uncompiled(step, batch)
        scaler = self._accelerator.scaler
        block = last_block_of(self._network)
        parameters = shared_of(self._network) if wide else block
        if not block:
            raise DataError("the last shared block is not trained, it has no gradients")
        gradients = gradients_of(
            weighted_means(losses), parameters, scale=scaler.get_scale() if scaler else 1.0
        )
        products = gradients.gram()
        in_block = {id(p) for p in block}
        subsets = {BLOCK: np.array([id(p) in in_block for p in parameters])}
        if wide:
            subsets[SHARED] = np.ones(len(parameters), dtype=np.bool_)
        at_block = products[subsets[BLOCK]].sum(0)
        names = list(losses.terms)
        norm = norms(at_block)
        self._norms[step] = dict(zip(names, zip(norm, shares(norm), strict=True), strict=True))
        self._warn_of_not_finite(step, names, norm)
        for where, among in subsets.items():
            matrix = products[among].sum(0)
            cosine, similar = cosines(matrix), magnitude_similarities(norms(matrix))
            self._cosines += [
                (step, where, names[a], names[b], _cell(cosine[a, b]), _cell(similar[a, b]))
                for a, b in combinations(range(len(names)), 2)
            ]
        self._awaited = AwaitedStep(gradients, products, subsets)

    def _compare_with_step(self, step: int, awaited: AwaitedStep) -> None:
        self._step_cosines += [
            (step, where, term, _cell(cosine))
            for where, by_term in awaited.cosines().items()
            for term, cosine in by_term.items()
        ]

    def _uncompiled(self, step: int, batch: Batch) -> LossReport:
        """The step's losses once more: a compiled graph can be gone through once, and only as a whole.

        The statistics of norms that this pass would update are copies.
        """
        buffers = {name: b.clone() for name, b in self._network.named_buffers()}
        with self._accelerator.autocast():
            prediction = torch.func.functional_call(
                self._network, buffers, (batch.image, batch.focal_px)
            )
        return self._evaluate(prediction, batch, step)

    def _evaluate(self, prediction: Any, batch: Batch, step: int) -> LossReport:
        return evaluate(prediction, batch, self._settings.losses, progress=self._progress(step))

    def _progress(self, step: int) -> float:
        return (step - 1) / self._settings.steps

    def _look_at_maps(self, step: int) -> None:
        if self._frames is None:
            count = min(self._diagnostics.map_frames, self._settings.data.batch_size)
            self._frames = first_frames(self._stream.batch(0), count).to(self._accelerator.device)
        maps = conflict_maps(
            self._network,
            self._frames,
            self._settings.losses,
            step=step,
            progress=self._progress(step),
        )
        save_conflict_maps(conflict_path(self._folder, step), maps)

    def _warn_of_not_finite(self, step: int, names: list[str], norm: Any) -> None:
        for name, value in zip(names, norm, strict=True):
            if not np.isfinite(value) and name not in self._not_finite:
                self._not_finite.add(name)
                warnings.warn(
                    f"step {step}: the gradient of loss term '{name}' is not finite",
                    stacklevel=4,
                )

    def _settled(self, began: float) -> float:
        """When the looking begins: not before the device has done what the training asked of it."""
        if self._accelerator.device.type != "cuda":
            return began
        spent = time.perf_counter() - began
        torch.cuda.synchronize(self._accelerator.device)
        return time.perf_counter() - spent

    # ---- writing

    def _write(self) -> None:
        if self._losses:
            values = torch.cat([v for *_, v in self._losses]).tolist()
            lines: list[Line] = []
            for step, names, weights, _ in self._losses:
                norms_of_step = self._norms.get(step, {})
                for name, weight in zip(names, weights, strict=True):
                    loss = values[len(lines)]
                    norm, share = norms_of_step.get(name, (None, None))
                    lines.append((step, name, loss, weight * loss, norm, _cell(share)))
            self._gradient_file.add(lines)
        if self._cosines:
            self._cosine_file.add(self._cosines)
        if self._step_cosines:
            self._step_file.add(self._step_cosines)
        self._losses, self._norms, self._cosines, self._step_cosines = [], {}, [], []
        self._write_facts()

    def _write_facts(self) -> None:
        step_seconds = self._own_seconds
        training = self._training_seconds + (
            time.perf_counter() - self._began if step_seconds is None else step_seconds
        )
        facts = {
            "seconds": round(self._seconds, 3),
            "training_seconds": round(training, 3),
            "overhead": round(self._seconds / max(training - self._seconds, 1e-9), 5),
            "stops": self._stops,
        }
        write_record(self._folder / FACTS, facts)

    def _give_up(self, where: str, error: Exception) -> None:
        self._on, self._awaited = False, None
        self._losses, self._norms, self._cosines, self._step_cosines = [], {}, [], []
        self._stops.append(f"{where}: {type(error).__name__}: {error}")
        with suppress(OSError):  # a full disk is said by the warning
            self._write_facts()
        warnings.warn(
            f"gradient diagnostics ended ({self._stops[-1]}); the training goes on without them",
            stacklevel=3,
        )


def _is_due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _cell(value: float | None) -> float | None:
    """NaN is "no value" here; an infinite norm stays and is read as what it is."""
    return None if value is None or np.isnan(value) else float(value)


def _facts_before(folder: Path) -> tuple[float, float, list[str]]:
    """Seconds and stops of the stretches before this one; a lost file costs the count and no more."""
    try:
        facts = read_record(folder / FACTS)
        return float(facts["seconds"]), float(facts["training_seconds"]), list(facts["stops"])
    except (DataError, KeyError, TypeError, ValueError):
        return 0.0, 0.0, []
