"""Where a training step goes, and what networks cost: `OMP_NUM_THREADS=1 python benchmarks/training.py`.

Milliseconds of one thread's CPU time for a batch of 16 frames of 96x128. `encoder`, `decoder` and `heads`
are forward and backward of that part alone, `losses` the terms, `update` optimiser and weight average.
`step` is one call of forward, losses, backward and update, as in training; frames/s are those of it, and
`ratio` is by how much they exceed those of the first line in this run. The networks take turns, and the
least of the rounds counts: what others do on the machine only adds. Reading and augmenting a batch costs
the same for all and has a line of its own.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from thermodepth.data import Dataset, open_dataset
from thermodepth.data.loader import BatchStream
from thermodepth.losses import evaluate
from thermodepth.model import initialise, parameter_count
from thermodepth.recipes import named_training
from thermodepth.training.loop import as_input
from thermodepth.training.optimiser import WeightAverage, make_optimiser
from thermodepth.training.settings import TrainingSettings
from thermodepth.types import Prediction

FIRST = "resnet-small, separable"
NETWORKS: dict[str, dict[str, object]] = {
    FIRST: {"model.encoder": "resnet-small", "model.decoder": "separable"},
    "resnet-small, lean": {"model.encoder": "resnet-small", "model.decoder": "lean"},
    "mobilenetv2, lean": {"model.encoder": "mobilenetv2", "model.decoder": "lean"},
}
OTHERS: dict[str, dict[str, object]] = {
    "upsampling subpixel": {"model.upsampling": "subpixel"},
    "upsampling bilinear": {"model.upsampling": "bilinear"},
    "decoder width 32": {"model.decoder_width": 32},
    "resnet18": {"model.encoder": "resnet18"},
    "efficientnet-lite0, lean": {"model.encoder": "efficientnet-lite0", "model.decoder": "lean"},
    "convnextv2-atto": {"model.encoder": "convnextv2-atto"},
}
PARTS = ("encoder", "decoder", "heads", "losses", "update", "step")


@dataclass(frozen=True, slots=True)
class Subject:
    """One network and what can be timed of it."""

    million_parameters: float
    parts: Mapping[str, Callable[[], object]]


def stream_of(settings: TrainingSettings, dataset: Dataset) -> BatchStream:
    """The batches of a training, without a teacher."""
    assert settings.data.size is not None
    return BatchStream(
        dataset.split("train"),
        settings.data,
        size=settings.data.size,
        seed=0,
        label_of=None,
        knows_lens=settings.model.focal_px is not None,
    )


def subject_of(settings: TrainingSettings, stream: BatchStream) -> Subject:
    """A network with a batch of the training split, ready to be timed."""
    batch = as_input(stream.batch(0), torch.device("cpu"))
    network = initialise(settings.model, channels=1, seed=0).to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network, settings.optimiser)
    average = WeightAverage(network, 0.99)

    with torch.no_grad():
        fixed = network(batch.image, batch.focal_px)
        pyramid = network.encoder(batch.image)[network.first_map :]
        features = network.decoder(pyramid, batch.image)
    heads = [
        head
        for head in (
            network.structure_head,
            network.metric_head,
            network.sky_head,
            network.error_head,
        )
        if head is not None
    ]

    def decode() -> Tensor:
        return network.decoder([m.requires_grad_() for m in pyramid], batch.image)

    def losses() -> None:
        prediction = Prediction(
            structure=fixed.structure.clone().requires_grad_(),
            log_depth=fixed.log_depth.clone().requires_grad_(),
        )
        evaluate(prediction, batch, settings.losses, progress=0.5).total.backward()

    def update() -> None:
        optimiser.step()
        average.update(network, step=1)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        prediction = network(batch.image, batch.focal_px)
        evaluate(prediction, batch, settings.losses, progress=0.5).total.backward()
        update()

    return Subject(
        parameter_count(network) / 1e6,
        {
            "encoder": lambda: backward(network.encoder(batch.image)),
            "decoder": lambda: backward([decode()]),
            "heads": lambda: backward([head(features.requires_grad_()) for head in heads]),
            "losses": losses,
            "update": update,
            "step": step,
        },
    )


def backward(maps: Sequence[Tensor]) -> None:
    """The gradients of all weights behind these maps."""
    torch.autograd.backward(maps, [torch.ones_like(m) for m in maps])


def least_ms(subjects: Mapping[str, Subject], rounds: int) -> dict[str, dict[str, float]]:
    """Name -> part -> milliseconds of CPU time, the least of all rounds."""
    least = {name: dict.fromkeys(PARTS, float("inf")) for name in subjects}
    for _ in range(rounds + 1):  # the first one warms up
        for name, subject in subjects.items():
            for part in PARTS:
                least[name][part] = min(least[name][part], cpu_ms(subject.parts[part]))
    return least


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def main() -> None:
    """Print one line a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--all", action="store_true", help="further encoders and heads")
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = open_dataset("synthetic")
    subjects = {}
    for name, edits in {**NETWORKS, **(OTHERS if options.all else {})}.items():
        common = {"model.weights": "none", "data.batch_size": options.batch}
        settings = named_training("thermal").edit({**common, **edits}).resolved(dataset)
        subjects[name] = subject_of(settings, stream_of(settings, dataset))
    least = least_ms(subjects, options.rounds)
    print(
        f"{'':25}{'M params':>9}" + "".join(f"{p:>8}" for p in PARTS) + f"{'frames/s':>10}   ratio"
    )
    for name, parts in least.items():
        cells = "".join(f"{parts[part]:8.1f}" for part in PARTS)
        rate = 1000 * options.batch / parts["step"]
        ratio = least[FIRST]["step"] / parts["step"]
        millions = subjects[name].million_parameters
        print(f"{name:25}{millions:9.2f}{cells}{rate:10.0f}{ratio:8.2f}")
    stream = stream_of(settings, dataset)
    for index in range(options.rounds):  # frames are decoded once
        stream.batch(index)
    reading = min(cpu_ms(partial(stream.batch, index)) for index in range(options.rounds))
    print(f"a batch: {reading:.1f} ms")


if __name__ == "__main__":
    main()
