"""A run while it trains: network, optimiser, averages, logs, and how they are saved and brought back."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from thermodepth.data.frames import Dataset
from thermodepth.data.loader import BatchStream, DataSettings, scaled_size
from thermodepth.model import (
    DepthNetwork,
    ModelRecipe,
    check_start,
    fingerprint_of,
    initialise,
    save_model,
)
from thermodepth.model.weights import OPTIONAL_HEADS, needed_extensions
from thermodepth.training.checkpoint import load_checkpoint, save_checkpoint
from thermodepth.training.gradient_watch import GradientWatch
from thermodepth.training.held_out import with_error_calibration
from thermodepth.training.lens import training_lens
from thermodepth.training.log import RunLog
from thermodepth.training.optimiser import WeightAverage, make_optimiser
from thermodepth.training.run_folder import (
    finish_run,
    note_seconds,
    note_start,
    training_seconds,
)
from thermodepth.training.settings import TrainingSettings
from thermodepth.training.watched import FrameWatch, watched_frames

_COMPILATIONS = 8  # of one network: as many as dynamo grants to all of them


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


class TrainState:
    """Everything that a run holds while it trains."""

    def __init__(
        self,
        settings: TrainingSettings,
        out: Path,
        *,
        report: Report | None = None,
        identity: str,
        accelerator: Accelerator,
        dataset: Dataset,
        stream: BatchStream,
        batches: str,
    ) -> None:
        """Bring a run to where its checkpoint stands, or to its start.

        Args:
            settings: resolved against the data set.
            out: the run's folder, open.
            report: called after every step.
            identity: of the run.
            accelerator: it unscales and clips all that it has prepared.
            dataset: that it trains on.
            stream: that the run is fed from.
            batches: the stream's digest.

        Raises:
            SettingsError, WeightsError: for first weights that are missing or changed, or a damaged or
                foreign checkpoint.
            DataError: for frames that were to be watched and cannot be.
        """
        self.settings, self.out, self.report = settings, out, report
        self.identity = identity
        self.accelerator = accelerator
        network, first_weights, self.start = _first_network(settings)
        self.network: DepthNetwork = network.to(  # type: ignore[call-overload]
            accelerator.device, memory_format=torch.channels_last
        )
        self.average = WeightAverage(self.network, settings.optimiser.ema_decay)
        optimiser = make_optimiser(self.network, settings.optimiser)
        self.first_step, self.log_sums = load_checkpoint(
            out,
            identity=identity,
            steps=settings.steps,
            network=self.network,
            average=self.average,
            optimiser=optimiser,
        )
        self.watch = self._frame_watch(dataset)  # it copies the network, so before it is wrapped
        prepared, self.optimiser = accelerator.prepare(self.network, optimiser)
        self.forward = compiled(prepared) if settings.runtime.compile else prepared
        if accelerator.is_main_process:
            note_start(out, first_weights=first_weights, batches=batches)
        self.log = RunLog(out, first_step=self.first_step, tensorboard=settings.runtime.tensorboard)
        self.gradients = self._gradient_watch(stream)
        self.seconds = training_seconds(out) or 0.0  # with the stretches before this one
        self._since = time.perf_counter()

    def _frame_watch(self, dataset: Dataset) -> FrameWatch:
        watch = FrameWatch(
            self.settings,
            self.out,
            network=self.network,
            recipe=lambda: recipe_of(self.settings, dataset, self.identity, ""),
            first_step=self.first_step,
            looks=self.accelerator.is_main_process,
        )
        if self.first_step == 0:
            watch.look(0, self.average)
        return watch

    def _gradient_watch(self, stream: BatchStream) -> GradientWatch:
        return GradientWatch(
            self.settings,
            self.out,
            accelerator=self.accelerator,
            network=self.network,
            stream=stream,
            first_step=self.first_step,
        )

    def images_per_s(self) -> float:
        """Since the last call: what a person waits."""
        since, self._since = self._since, time.perf_counter()
        return self.settings.data.batch_size / (self._since - since)

    def add_seconds(self, *, since: float) -> float:
        """Count the time since then, on the clock of `time.perf_counter`.

        Returns:
            When the next part begins.
        """
        now = time.perf_counter()
        self.seconds += now - since
        return now

    def checkpoint(self, next_step: int) -> None:
        """Write the state before this step."""
        self.gradients.flush()
        if self.accelerator.is_main_process:
            save_checkpoint(
                self.out,
                step=next_step,
                identity=self.identity,
                network=self.network,
                average=self.average,
                optimiser=self.optimiser,
                log_sums=self.log_sums,
            )
            note_seconds(self.out, self.seconds)

    def finish(self, dataset: Dataset, label_source: str) -> Path:
        """The model: averaged weights and the recipe that feeds them.

        Returns:
            Its folder.
        """
        model = self.out / "model"
        if self.accelerator.is_main_process:
            share, state = self.settings.optimiser.start_share, self.average.state
            mixed = {
                name: state[name].lerp(first.to(state[name].device), share)
                for name, first in self.start.items()
            }
            self.network.load_state_dict({**state, **mixed})
            recipe = recipe_of(self.settings, dataset, self.identity, label_source)
            recipe = with_error_calibration(self.network, recipe, self.settings, dataset)
            save_model(model, self.network, recipe)
            finish_run(self.out)
        self.accelerator.wait_for_everyone()
        return model

    def close(self) -> None:
        """Write what is pending: no step comes after this."""
        self.gradients.close()
        self.log.close()
        if self.accelerator.is_main_process:
            with suppress(OSError):  # a count is lost on a full disk, and no run for it
                note_seconds(self.out, self.seconds)

    def free(self) -> None:
        """Give the memory back; nothing can be done with it afterwards."""
        self.accelerator.free_memory()
        del self.network, self.forward, self.average, self.optimiser, self.gradients, self.log_sums
        del self.watch
        gc.collect()  # a network that Accelerate has wrapped holds itself


def check_first_weights(settings: TrainingSettings) -> None:
    """Whether the weights that a training starts from can be had: before labels are made.

    Raises:
        SettingsError, WeightsError: as `initialise`.
    """
    if settings.model.weights != "none":
        initialise(settings.model, channels=channels_of(settings), seed=settings.seed)


def hold_statistics(network: DepthNetwork) -> None:
    """Batch norms go on with the statistics that they have, as at prediction."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.eval()


def first_state(network: DepthNetwork, settings: TrainingSettings) -> dict[str, torch.Tensor]:
    """Copies of the first weights and statistics that come from the start, and not from the seed."""
    start = check_start(settings.model, channels=channels_of(settings))
    assert start is not None, "resolve the settings first"
    fresh = tuple(
        prefix
        for name, prefix in OPTIONAL_HEADS.items()
        if getattr(settings.model, name) and not getattr(start.model, name)
    )
    return {
        name: tensor.detach().clone()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and not name.startswith(fresh)
    }


def check_watched(settings: TrainingSettings, dataset: Dataset) -> None:
    """Whether the frames that are to be watched can be: before labels are made.

    Raises:
        DataError, SettingsError: as `watched_frames`.
    """
    if settings.runtime.watch.source:
        watched_frames(settings, recipe_of(settings, dataset, "", ""))


def _first_network(
    settings: TrainingSettings,
) -> tuple[DepthNetwork, str, dict[str, torch.Tensor]]:
    """The network before its first step, the digest of its weights, and those with a share in the model."""
    network = initialise(settings.model, channels=channels_of(settings), seed=settings.seed)
    first_weights = fingerprint_of(network)
    if settings.optimiser.hold_statistics:
        hold_statistics(network)
    start = first_state(network, settings) if settings.optimiser.start_share else {}
    return network, first_weights, start


def channels_of(settings: TrainingSettings) -> int:
    """Of the network's input."""
    return 3 if settings.data.modality == "rgb" else 1


def compiled(network: Any) -> Any:
    """The network compiled, with room for it beside those that this process has compiled before.

    Dynamo counts the compilations of one forward over all networks that have it, and runs whatever comes
    after the eighth as it is, without a word.
    """
    from torch._dynamo import config  # takes a second

    for new, old in (
        ("recompile_limit", "cache_size_limit"),
        ("accumulated_recompile_limit", "accumulated_cache_size_limit"),
    ):
        name = new if hasattr(config, new) else old  # as earlier versions call it
        setattr(config, name, getattr(config, name) + _COMPILATIONS)
    return torch.compile(network)


def short_sides_of(data: DataSettings) -> tuple[int, int] | None:
    """Of the smallest and largest batches that are drawn; None where all have one size."""
    assert data.size is not None, "resolve the size first"
    recipe = data.augmentation
    if recipe.size_least == recipe.size_most:
        return None
    least, most = (min(scaled_size(data.size, s)) for s in (recipe.size_least, recipe.size_most))
    return least, most


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
        short_sides=short_sides_of(settings.data),
        lens=None
        if settings.model.focal_px is None
        else training_lens(settings.data, dataset, seed=settings.seed),
        extensions=needed_extensions(settings.model, settings.data.normaliser),
        history={
            "run": identity,
            "data": dataset.name,  # not its place: models are passed on
            "data_fingerprint": dataset.fingerprint(),
            "labels": label_source,
            "steps": settings.steps,
            "seed": settings.seed,
            "first_weights": settings.model.weights,
        },
    )
