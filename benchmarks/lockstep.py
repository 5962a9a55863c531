"""What arms in lockstep save: `OMP_NUM_THREADS=1 python benchmarks/lockstep.py [STEPS] [--set PATH=VALUE]`.

The five arms of the `paper` study on the shipped pack (96x128 pixels, batch 16; its frames are decoded, and
their noise drawn, each time they are read), once in lockstep and once one after the other: by turns in one
process and in both orders, so that what others do on the machine falls on both. Every run starts from
nothing, so what is made once is in both, too. Printed is the ratio of alone to lockstep, of wall and of CPU
seconds.

Exits with 1 when the two end with different weights on a CPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from thermodepth.config import parse_edit
from thermodepth.data import Dataset, open_dataset
from thermodepth.recipes import named_study, named_training
from thermodepth.study.design import Study
from thermodepth.teacher import LabelStore
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Run, train_in_lockstep

ROUNDS = 4


def seconds_of(
    study: Study, out: Path, dataset: Dataset, store: LabelStore, *, at_once: int
) -> tuple[float, float]:
    """Train every arm, so many at once: wall and CPU seconds."""
    runs = [
        Run(settings=study.settings_of(cell), out=out / cell.arm.name) for cell in study.cells()
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    for first in range(0, len(runs), at_once):
        endings = train_in_lockstep(
            runs[first : first + at_once],
            dataset=dataset,
            label_of=label_reader(store, budget_bytes=study.settings.runtime.cache_mb * 2**20),
            label_source=label_source(store),
        )
        for ending in endings:
            if isinstance(ending, Exception):
                raise ending
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("steps", nargs="?", type=int, default=30)
    parser.add_argument("--set", action="append", default=[], dest="edits", metavar="PATH=VALUE")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    edits = {"steps": asked.steps, "teacher.kind": "truth", "model.weights": "none"}
    edits |= dict(parse_edit(text) for text in asked.edits)
    settings = named_training("thermal").edit(edits)
    dataset = open_dataset(settings.data.source)
    study = named_study("paper", settings.resolved(dataset), seeds=1)
    ways = {"alone": 1, "lockstep": len(study.arms)}
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    same = True
    with tempfile.TemporaryDirectory() as folder:
        store = make_labels(settings.teacher, dataset, Path(folder) / "labels")
        for number in range(ROUNDS):
            out = {way: Path(folder) / f"{way}-{number}" for way in ways}
            for way in (*ways,) if number % 2 else (*reversed(ways),):
                seconds = seconds_of(study, out[way], dataset, store, at_once=ways[way])
                taken[way].append(seconds)
            for arm in study.arms:
                here, there = (
                    (place / arm.name / "model/weights.safetensors").read_bytes()
                    for place in out.values()
                )
                same &= here == there
    on_gpu = torch.cuda.is_available() and settings.runtime.device != "cpu"
    device = torch.cuda.get_device_name() if on_gpu else "cpu"
    print(f"{len(study.arms)} arms x {asked.steps} steps, {ROUNDS} rounds, {device}")
    for place, clock in enumerate(("wall", "CPU")):
        alone, lockstep = ([pair[place] for pair in taken[way]] for way in ways)
        ratios = sorted(a / b for a, b in zip(alone, lockstep, strict=True))
        print(
            f"{clock:5} alone {median(alone):7.1f} s   lockstep {median(lockstep):7.1f} s   ratio "
            f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    print(f"same weights: {same}")
    sys.exit(not same and not on_gpu)  # kernels of a GPU may sum in another order each time


if __name__ == "__main__":
    main()
