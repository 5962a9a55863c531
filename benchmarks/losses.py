"""Time of the loss terms, forward and backward, at the size of a small training step.

    OMP_NUM_THREADS=1 python benchmarks/losses.py [--images 16] [--rows 96] [--columns 128]

Beside them stands SiLog as it is usually written (boolean indexing, pooled over the batch), so that
the figures can be read as ratios on any machine. Median of 30 rounds; the order changes every round.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from thermodepth.losses import LOSSES, LossesSettings, evaluate
from thermodepth.types import Batch, Prediction


def scene(images: int, rows: int, columns: int) -> tuple[Prediction, Batch]:
    """Smooth random maps with 10 % of the label and 40 % of the depth missing."""
    draw = torch.Generator().manual_seed(0)

    def smooth() -> Tensor:
        noise = torch.randn(images, 1, rows // 8 + 1, columns // 8 + 1, generator=draw)
        return torch.nn.functional.interpolate(noise, (rows, columns), mode="bilinear")[:, 0]

    shape = (images, rows, columns)
    log_depth = smooth() * 0.5 + 2.0
    batch = Batch(
        image=smooth()[:, None].sigmoid(),
        depth_m=log_depth.exp(),
        depth_valid=torch.rand(shape, generator=draw) < 0.6,
        label=(-log_depth).exp(),
        label_valid=torch.rand(shape, generator=draw) < 0.9,
        intrinsics=torch.eye(3).expand(images, 3, 3),
        sample_ids=tuple(str(i) for i in range(images)),
    )
    prediction = Prediction(
        structure=((-log_depth).exp() + 0.1 * smooth()).requires_grad_(),
        log_depth=(log_depth + 0.1 * smooth()).requires_grad_(),
    )
    return prediction, batch


def plain_silog(prediction: Prediction, batch: Batch) -> Tensor:
    """The usual way: gather the valid pixels of the whole batch, then one root."""
    error = prediction.depth_m[batch.depth_valid].log() - batch.depth_m[batch.depth_valid].log()
    return (error.square().mean() - 0.85 * error.mean().square()).sqrt()


def main() -> None:
    """Print one line per term and one for all together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--columns", type=int, default=128)
    size = parser.parse_args()
    torch.set_num_threads(1)
    prediction, batch = scene(size.images, size.rows, size.columns)
    settings = LossesSettings()

    ways: dict[str, Callable[[], Tensor]] = {"plain silog": lambda: plain_silog(prediction, batch)}
    for name, row in LOSSES.items():
        ways[name] = lambda row=row, name=name: row.function(
            prediction, batch, settings.term(name)
        ).mean()
    ways["all terms"] = lambda: evaluate(prediction, batch, settings, progress=1.0).total

    times: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for _ in range(33):
        random.shuffle(order)
        for name in order:
            prediction.structure.grad = prediction.log_depth.grad = None
            begun = time.perf_counter()
            ways[name]().backward()
            times[name].append((time.perf_counter() - begun) * 1e3)

    typical = {name: statistics.median(values[3:]) for name, values in times.items()}
    print(f"{size.images} x {size.rows} x {size.columns}, one thread, forward + backward")
    print(f"{'':24}{'ms':>8}{'x plain silog':>16}")
    for name, milliseconds in typical.items():
        print(f"{name:24}{milliseconds:8.2f}{milliseconds / typical['plain silog']:16.2f}")


if __name__ == "__main__":
    main()
