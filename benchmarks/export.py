"""How much faster a graph is than eager torch, from raw frame to metres: `python benchmarks/export.py`.

    speed    of torch / of the runtime: p50, the least, and CPU time of all threads, on the same frames in
             turn, in one run. The least is what a machine that others use too has left of its own
    trained  the network sees what it was trained at; `whole`: every pixel of the frame (its rows as the short
             side), where the network is nearly all of the time

`--int8` adds an ONNX file that `thermodepth export --int8` wrote, where the network sees what it was trained
at. Frames of 320x256 and 640x512, every runtime that is installed, two threads.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from thermodepth.errors import UserError
from thermodepth.export.exporting import write_graph
from thermodepth.files import write_json
from thermodepth.machine import processor_model
from thermodepth.model import LoadedModel, load_model, resolve_model
from thermodepth.runtime.bench import Contestant, Timing, bench
from thermodepth.runtime.sessions import SESSIONS, is_installed
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.threads import set_thread_policy

SIZES = ((256, 320), (512, 640))
SPEEDS = ("p50_ms", "least_ms", "cpu_ms")


def main(arguments: Sequence[str]) -> None:
    """Print a line for every size, short side and runtime."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--int8", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    set_thread_policy(1)
    loaded = load_model(resolve_model(options.model))
    rows: list[dict[str, Any]] = []
    print(
        f"{options.model}, {options.threads} threads, {options.rounds} frames each, {processor_model()}"
    )
    for size in SIZES:
        for name, short_side in (("trained", None), ("whole", size[0])):
            timings = _timings(loaded, options, size, short_side)
            eager = next(asdict(t) for t in timings if t.runtime == "torch")
            for timing in timings:
                row = asdict(timing)
                speeds = {key: eager[key] / row[key] for key in SPEEDS}
                rows.append({"sees": name, **row, "speeds": speeds})
                figures = "   ".join(
                    f"{key.removesuffix('_ms')} {row[key]:7.1f} ms {speeds[key]:5.2f}x"
                    for key in SPEEDS
                )
                print(f"{size[1]}x{size[0]:<4} {name:8} {timing.runtime:14} {figures}", flush=True)
    if options.json is not None:
        write_json(
            options.json,
            {"model": options.model, "processor": processor_model(), "rows": rows},
        )


def _timings(
    loaded: LoadedModel,
    options: argparse.Namespace,
    size: tuple[int, int],
    short_side: int | None,
) -> list[Timing]:
    """Of torch and every graph, in turn."""
    with tempfile.TemporaryDirectory(prefix="thermodepth-export-") as folder:
        models = {"torch": str(options.model)}
        for name, row in SESSIONS.items():
            if is_installed(row):
                graph = write_graph(loaded, Path(folder), name, short_side=short_side)
                models[name] = str(graph)
        contestants = [
            Contestant(runtime=name, model=file, threads=options.threads, short_side=short_side)
            for name, file in models.items()
        ]
        names = list(models)
        if options.int8 is not None and short_side is None:
            for name in [name for name in models if name in SESSIONS]:
                names.append(f"{name} int8")
                contestants.append(
                    Contestant(runtime=name, model=str(options.int8), threads=options.threads)
                )
        timings = bench(contestants, [size], rounds=options.rounds, environment=os.environ)
    return [replace(timing, runtime=name) for timing, name in zip(timings, names, strict=True)]


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
