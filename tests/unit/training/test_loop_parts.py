"""The parts of the training loop that can be looked at alone."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace

import pytest
import torch

from thermodepth.data.frames import Dataset
from thermodepth.errors import DivergedError, SettingsError
from thermodepth.losses import LossReport
from thermodepth.training.loop import (
    add_to,
    as_input,
    interruption,
    make_accelerator,
    means_of,
    stop_if_not_finite,
)
from thermodepth.training.settings import RuntimeSettings, TrainingSettings
from thermodepth.training.train_state import recipe_of
from thermodepth.types import Batch, ThermalUnit

needs_no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")


def report_of(**terms: list[float]) -> LossReport:
    values = {name: torch.tensor(v) for name, v in terms.items()}
    total = torch.stack([v.mean() for v in values.values()]).sum()
    return LossReport(total=total, terms=values, weights=dict.fromkeys(values, 1.0))


def batch_of(*ids: str) -> Batch:
    b = len(ids)
    maps = torch.zeros(b, 4, 4)
    return Batch(
        image=torch.rand(b, 3, 4, 4),
        depth_m=maps,
        depth_valid=maps > 0,
        label=maps,
        label_valid=maps > 0,
        intrinsics=torch.eye(3).repeat(b, 1, 1),
        sample_ids=ids,
    )


# --- sums ----------------------------------------------------------------------------------------


def test_log_lines_are_means_over_the_steps_in_which_a_term_was_on() -> None:
    sums: dict[str, torch.Tensor] = {}
    add_to(sums, report_of(silog=[1.0, 3.0]), torch.tensor(10.0))
    add_to(sums, report_of(silog=[4.0, 4.0], smooth=[0.5, 0.5]), torch.tensor(20.0))
    assert means_of(sums) == {"total": 3.25, "silog": 3.0, "smooth": 0.5, "gradient_norm": 15.0}


def test_steps_without_a_pixel_for_a_term_do_not_count() -> None:
    sums: dict[str, torch.Tensor] = {}
    for images, silog in ((2, [1.0, 3.0]), (0, [0.0, 0.0]), (1, [5.0, 0.0])):
        report = report_of(silog=silog, smooth=[1.0, 1.0])
        add_to(sums, replace(report, images={"silog": torch.tensor(images)}), torch.tensor(10.0))
    means = means_of(sums)
    assert means["silog"] == 3.5  # of 2 and 5
    assert means["smooth"] == 1.0
    sums.clear()
    nothing = replace(report_of(silog=[0.0]), images={"silog": torch.tensor(0)})
    add_to(sums, nothing, torch.tensor(1.0))
    assert "silog" not in means_of(sums)


# --- non-finite ----------------------------------------------------------------------------------


def test_a_finite_step_is_taken() -> None:
    stop_if_not_finite(report_of(silog=[1.0, 2.0]), torch.tensor(3.0), batch_of("a", "b"), 7)


def test_a_term_that_is_not_finite_is_named_with_its_sample() -> None:
    losses = report_of(smooth=[1.0, 1.0], silog=[1.0, float("nan")])
    with pytest.raises(DivergedError, match=r"^step 7: loss term 'silog' .* 1 of 2 images: b\. "):
        stop_if_not_finite(losses, torch.tensor(3.0), batch_of("a", "b"), 7)


@pytest.mark.parametrize("norm", [float("inf"), float("nan")])
def test_a_gradient_that_is_not_finite_is_named(norm: float) -> None:
    with pytest.raises(
        DivergedError, match=rf"step 7: the gradient's norm is {norm}; samples a, b"
    ):
        stop_if_not_finite(report_of(silog=[1.0]), torch.tensor(norm), batch_of("a", "b"), 7)


# --- devices -------------------------------------------------------------------------------------


@needs_no_cuda
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"runtime\.device=cuda: this machine has no CUDA"):
        make_accelerator(RuntimeSettings(device="cuda"), "fp32")


@pytest.mark.parametrize("device", ["cpu", pytest.param("auto", marks=needs_no_cuda)])
def test_half_precision_that_a_cpu_does_not_have_is_refused(device: str) -> None:
    with pytest.raises(SettingsError, match="precision=fp16 needs a CUDA device"):
        make_accelerator(RuntimeSettings(device=device), "fp16")  # type: ignore[arg-type]


def test_every_run_of_a_process_has_its_own_precision() -> None:
    for precision, expected in (("fp32", "no"), ("bf16", "bf16"), ("fp32", "no")):
        accelerator = make_accelerator(RuntimeSettings(device="cpu"), precision)
        assert accelerator.mixed_precision == expected
        assert accelerator.device.type == "cpu"


def test_images_go_in_as_convolutions_want_them() -> None:
    batch = batch_of("a", "b")
    moved = as_input(batch, torch.device("cpu"))
    assert moved.image.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(moved.image, batch.image)
    assert moved == replace(batch, image=moved.image)


# --- interruption --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_signal_is_remembered_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interruption() as interrupted:
        assert not interrupted()
        os.kill(os.getpid(), number)
        assert interrupted()
        assert interrupted()
    assert signal.getsignal(number) == before


def test_asking_twice_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruption():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_thread_leaves_signals_to_others() -> None:
    interruptions: list[bool] = []

    def work() -> None:
        with interruption() as interrupted:
            interruptions.append(interrupted())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert interruptions == [False]


# --- what travels with the weights ---------------------------------------------------------------


def test_the_recipe_says_how_the_model_is_fed(settings: TrainingSettings, dataset: Dataset) -> None:
    run = settings.edit({"model.weights": "rgb-small", "data.normaliser.low_percentile": 2.0})
    recipe = recipe_of(run, dataset, "run-1", "labels-1")
    assert recipe.model == settings.model.edit({"weights": "none"})  # loading asks for nothing else
    assert recipe.modality == "thermal"
    assert recipe.normaliser.low_percentile == 2.0
    assert recipe.trained_unit is ThermalUnit.COUNTS
    assert recipe.working_size == (64, 64)
    assert recipe.history["first_weights"] == "rgb-small"
    assert recipe.history["data_fingerprint"] == dataset.fingerprint()
