"""Where a training step goes, and what encoders cost: `OMP_NUM_THREADS=1 python benchmarks/training.py`.

Milliseconds of one thread's CPU time for a batch of 16 frames of 96x128: forward and backward of the
network, the loss terms, the batch, and the optimiser with the weight average, for the default network and
for its variants.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from thermodepth.data import Dataset, open_dataset
from thermodepth.data.loader import BatchStream
from thermodepth.losses import evaluate
from thermodepth.model import initialise, parameter_count
from thermodepth.recipes import named_training
from thermodepth.training.loop import as_input
from thermodepth.training.optimiser import WeightAverage, make_optimiser
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Prediction

REPEATS = 6
VARIANTS = {
    "default": {},
    "upsampling convex": {"model.upsampling": "convex"},
    "upsampling bilinear": {"model.upsampling": "bilinear"},
    "decoder width 32": {"model.decoder_width": 32},
    "resnet18": {"model.encoder": "resnet18"},
    "convnextv2-atto": {"model.encoder": "convnextv2-atto"},
}


def milliseconds(work: Callable[[], object]) -> float:
    """CPU time of one call, the least of a few: what others do on the machine only adds."""
    work()
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return 1000 * min(taken)


def parts_of_a_step(settings: TrainingSettings, dataset: Dataset) -> tuple[float, list[float]]:
    """(million parameters, milliseconds of network, losses, batch and update)."""
    assert settings.data.size is not None
    stream = BatchStream(
        dataset.split("train"),
        settings.data,
        size=settings.data.size,
        seed=0,
        label_of=None,
        knows_lens=settings.model.focal_px is not None,
    )
    batch = as_input(stream.batch(0), torch.device("cpu"))
    network = initialise(settings.model, channels=1, seed=0).to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network, settings.optimiser)
    average = WeightAverage(network, 0.99)
    steps = iter(range(1, 1000))

    def forward_backward() -> None:
        prediction = network(batch.image, batch.focal_px)
        (prediction.structure.mean() + prediction.log_depth.mean()).backward()

    with torch.no_grad():
        fixed = network(batch.image, batch.focal_px)

    def losses() -> None:
        prediction = Prediction(
            structure=fixed.structure.clone().requires_grad_(),
            log_depth=fixed.log_depth.clone().requires_grad_(),
        )
        evaluate(prediction, batch, settings.losses, progress=0.5).total.backward()

    def update() -> None:
        optimiser.step()
        average.update(network, step=1)

    taken = [
        milliseconds(forward_backward),
        milliseconds(losses),
        milliseconds(lambda: stream.batch(next(steps))),
        milliseconds(update),
    ]
    return parameter_count(network) / 1e6, taken


def main() -> None:
    """Print one line a variant."""
    torch.set_num_threads(1)
    dataset = open_dataset("synthetic")
    print(
        f"{'':22}{'M params':>9}{'network':>9}{'losses':>8}{'batch':>7}{'update':>8}{'images/s':>10}"
    )
    for name, edits in VARIANTS.items():
        settings = (
            named_training("thermal").edit({"model.weights": "none", **edits}).resolved(dataset)
        )
        millions, taken = parts_of_a_step(settings, dataset)
        speed = 1000 * settings.data.batch_size / sum(taken)
        cells = "".join(f"{ms:{w}.1f}" for ms, w in zip(taken, (9, 8, 7, 8), strict=True))
        print(f"{name:22}{millions:9.2f}{cells}{speed:10.0f}")


if __name__ == "__main__":
    main()
