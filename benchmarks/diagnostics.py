"""What gradient diagnostics cost a training: `OMP_NUM_THREADS=1 python benchmarks/diagnostics.py [STEPS]`.

The study's own settings (96x128 pixels, batch 16, seven terms) on the shipped pack, one thread. A run with
diagnostics and one without train by turns in one process, a sixth of the steps at a time. Printed are

    what the looks take by themselves;
    what steps with a look take beyond the median step beside them in the same run: also what a look
    leaves behind, such as cold caches;
    what the run says in diagnostics.json;
    the plain difference of the two runs, uncertain by a percent or two on a machine with other guests.

Exits with 1 when the second or third is above the bar, or the runs end with different weights.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from thermodepth.data import Dataset, open_dataset
from thermodepth.recipes import named_training
from thermodepth.training.diagnostics.files import FACTS
from thermodepth.training.gradient_watch import GradientWatch
from thermodepth.training.labels import label_reader, label_source, make_labels
from thermodepth.training.loop import Progress, train
from thermodepth.training.settings import TrainingSettings

BAR = 0.03
STRETCHES = 6
LOOKS = ("_note_losses", "_probe", "_compare_with_step", "_look_at_maps", "_write")


class _PauseError(Exception):
    """Ends a stretch after its checkpoint."""


def stretch(
    settings: TrainingSettings, out: Path, dataset: Dataset, labels: Path, *, until: int
) -> dict[int, float]:
    """Train on to this step: step -> CPU seconds, but for the first, which pays for what is made once."""
    store = make_labels(settings.teacher, dataset, labels)
    seen: dict[int, float] = {}

    def report(now: Progress) -> None:
        seen[now.step] = time.process_time()
        if now.step == until + 1:  # the checkpoint of `until` is written
            raise _PauseError

    try:
        train(
            settings,
            out,
            dataset=dataset,
            label_of=label_reader(store, budget_bytes=2**30),
            label_source=label_source(store),
            report=report,
        )
    except _PauseError:
        del seen[until + 1]
    return {step: seen[step] - seen[step - 1] for step in seen if step - 1 in seen}


def time_looks(seconds: dict[str, float], steps_with_a_look: set[int]) -> None:
    """Measure every look from now on."""

    def timed(name: str) -> None:
        inner = getattr(GradientWatch, name)

        def outer(self: GradientWatch, *args: object, **options: object) -> object:
            began = time.process_time()
            result = inner(self, *args, **options)
            key = "_probe, all shared" if options.get("wide") else name
            seconds[key] = seconds.get(key, 0.0) + time.process_time() - began
            if name in ("_probe", "_look_at_maps"):
                assert isinstance(args[0], int)
                steps_with_a_look.add(args[0])
            return result

        setattr(GradientWatch, name, outer)

    for name in LOOKS:
        timed(name)


def beyond_the_usual(taken: dict[int, float], looks: set[int]) -> float:
    """CPU seconds that the steps with a look take more than the median of the others of the stretch."""
    usual = median(seconds for step, seconds in taken.items() if step not in looks)
    return sum(seconds - usual for step, seconds in taken.items() if step in looks)


def main() -> None:
    """Print the cost."""
    torch.set_num_threads(1)
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    dataset = open_dataset("synthetic")
    each = steps // STRETCHES
    base = named_training("thermal").edit(
        {
            "steps": steps,
            "teacher.kind": "truth",
            "runtime.device": "cpu",
            "runtime.checkpoint_every": each,
        }
    )
    seconds: dict[str, float] = {}
    looks: set[int] = set()
    time_looks(seconds, looks)
    beyond = 0.0
    total = {False: 0.0, True: 0.0}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        runs = {
            on: (base.edit({"runtime.diagnostics.on": on}).resolved(dataset), root / f"run-{on}")
            for on in (False, True)
        }
        for number in range(1, STRETCHES + 1):
            until = steps if number == STRETCHES else each * number
            taken = {
                on: stretch(*runs[on], dataset, root / "labels", until=until)
                for on in ((False, True) if number % 2 else (True, False))
            }
            beyond += beyond_the_usual(taken[True], looks)
            for on, stretches in taken.items():
                total[on] += sum(stretches.values())
        told = json.loads((root / "run-True" / FACTS).read_text())
        first, second = (
            (out / "model" / "weights.safetensors").read_bytes() for _, out in runs.values()
        )
        size = sum(p.stat().st_size for p in (root / "run-True" / "conflict").glob("*.npz"))
    without = total[False]
    print(f"{steps} steps without diagnostics: {without:.1f} s of CPU time")
    for name, spent in sorted(seconds.items()):
        print(f"  {name.strip('_'):20} {spent:7.2f} s {100 * spent / without:6.2f} %")
    print(f"the looks themselves    {100 * sum(seconds.values()) / without:5.2f} %")
    print(f"steps with a look       {100 * beyond / without:5.2f} % beyond the usual step")
    print(f"diagnostics.json says   {100 * told['overhead']:5.2f} %   (bar: {100 * BAR:g} %)")
    print(f"difference of the runs  {100 * (total[True] / without - 1):5.2f} %")
    print(f"conflict maps           {size / 1e6:5.1f} MB")
    print(f"same weights            {first == second}")
    sys.exit(max(told["overhead"], beyond / without) >= BAR or first != second)


if __name__ == "__main__":
    main()
