"""`thermodepth bench`: how fast a model predicts, by runtime, size and threads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.options import JsonReport, ShortSide, frame_size
from thermodepth.errors import SettingsError, unknown
from thermodepth.threads import available_cores, set_thread_policy

if TYPE_CHECKING:
    from thermodepth.report.table import Table
    from thermodepth.runtime.bench import Contestant, Timing

FORMAT, VERSION = "thermodepth bench", 1
RUNTIMES = ("torch", "onnx", "openvino")
DEFAULT_SIZES = ("320x256", "640x512")
MOST_THREADS = 256

ModelName = Annotated[
    str,
    typer.Argument(
        help="A run folder, a model folder or a built-in name, of which graphs are written meanwhile; or the "
        "file of a graph."
    ),
]
Sizes = Annotated[
    list[str],
    typer.Option(
        "--size", help="WIDTHxHEIGHT of the frames. Repeatable. Default: 320x256 and 640x512."
    ),
]
Threads = Annotated[
    list[int],
    typer.Option(
        "--threads",
        min=1,
        max=MOST_THREADS,
        help="Repeatable. Default: one, and as many as there are cores.",
    ),
]
Runtimes = Annotated[
    list[str],
    typer.Option(
        "--runtime",
        help="torch, onnx or openvino. Repeatable. Default: all that are installed.",
    ),
]
Rounds = Annotated[int, typer.Option(min=1, max=100_000, help="Frames that each is timed on.")]


def bench(
    model: ModelName,
    size: Sizes = [],
    threads: Threads = [],
    runtime: Runtimes = [],
    rounds: Rounds = 30,
    short_side: ShortSide = None,
    json: JsonReport = None,
) -> None:
    """From raw frame to metres: p50 and p95, CPU time, memory, energy where the machine tells.

    Runtimes take turns frame by frame, so that what else the machine does slows all of them alike.
    """
    set_thread_policy()
    from thermodepth.cli.terminal import console, counting
    from thermodepth.files import write_json
    from thermodepth.runtime.bench import bench as run_bench

    sizes = [frame_size(text) for text in size or DEFAULT_SIZES]
    counts = list(dict.fromkeys(threads or [1, available_cores()]))
    for name in runtime:
        if name not in RUNTIMES:
            raise SettingsError(f"--runtime: {unknown('runtime', name, RUNTIMES)}")
    with tempfile.TemporaryDirectory(prefix="thermodepth-bench-") as folder:
        subject = _subject(model, runtime, Path(folder), sizes, short_side)
        contestants = subject.contestants(counts, short_side)
        with counting("timing") as tell:
            timings = run_bench(
                contestants, sizes, rounds=rounds, environment=os.environ, progress=tell
            )
    if json is not None:
        write_json(json, bench_tree(subject, timings, rounds))
    console.print(_table(timings, rounds).rich())
    for line in subject.lines:
        console.print(line, soft_wrap=True)
    if all(timing.energy_mj is None for timing in timings):
        console.print("energy: this machine does not tell, or only root may ask it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model by the files that its runtimes open."""

    models: Mapping[str, str]  # runtime -> name, folder or file
    parameters: int
    #: (rows, columns) of a frame -> what the network multiplies; empty of a graph alone.
    costs: Mapping[tuple[int, int], int]

    def contestants(self, counts: Sequence[int], short_side: int | None) -> list[Contestant]:
        """Every runtime with every number of threads."""
        from thermodepth.runtime.bench import Contestant

        return [
            Contestant(runtime=name, model=file, threads=count, short_side=short_side)
            for name, file in self.models.items()
            for count in counts
        ]

    @property
    def lines(self) -> list[str]:
        """For people."""
        lines = [f"parameters: {self.parameters / 1e6:.2f} million"]
        if self.costs:
            parts = (
                f"{count / 1e9:.2f} G for frames of {columns}x{rows}"
                for (rows, columns), count in self.costs.items()
            )
            lines.append(f"multiplications with an addition: {', '.join(parts)}")
        return lines


def _subject(
    model: str,
    runtimes: Sequence[str],
    folder: Path,
    sizes: Sequence[tuple[int, int]],
    short_side: int | None,
) -> Subject:
    """What is timed; graphs of a model are written into the folder."""
    from thermodepth.runtime.graph_file import is_graph
    from thermodepth.runtime.sessions import SESSIONS, is_installed, open_session

    installed = [name for name, row in SESSIONS.items() if is_installed(row)]
    if is_graph(model):
        path = Path(model).expanduser()
        suffix = path.suffix.lower()
        names = list(runtimes) or [n for n in installed if suffix in SESSIONS[n].suffixes]
        facts = open_session(path, runtime=names[0] if names else None, threads=1).facts
        models = {name: str(path) for name in names}
        return Subject(models=models, parameters=facts.model.parameters, costs={})
    from thermodepth.export.exporting import write_graph
    from thermodepth.inference.predictor import Predictor
    from thermodepth.model import load_model, resolve_model
    from thermodepth.model.cost import multiply_accumulates

    loaded = load_model(resolve_model(model))
    predictor = Predictor(loaded, device="cpu", short_side=short_side)
    names = list(runtimes) or ["torch", *installed]
    models = {name: model for name in names if name == "torch"}
    for name in names:
        if name != "torch":
            models[name] = str(write_graph(loaded, folder, name, short_side=short_side))
    return Subject(
        models=models,
        parameters=predictor.facts.parameters,
        costs={
            size: multiply_accumulates(loaded.network, predictor.network_size(size))
            for size in sizes
        },
    )


def bench_tree(subject: Subject, timings: Sequence[Timing], rounds: int) -> dict[str, Any]:
    """What was measured as plain JSON values."""
    from thermodepth.machine import processor_model

    return {
        "format": FORMAT,
        "version": VERSION,
        "processor": processor_model(),
        "cores": available_cores(),
        "rounds": rounds,
        "parameters": subject.parameters,
        "multiply_accumulates": [
            {"size": list(size), "count": count} for size, count in subject.costs.items()
        ],
        "timings": [asdict(timing) for timing in timings],
    }


def _table(timings: Sequence[Timing], rounds: int) -> Table:
    from thermodepth.report.table import Column, Table

    slowest = {(t.size, t.threads): t.p50_ms for t in timings if t.runtime == "torch"}
    columns = [
        Column(label="frame", align="left"),
        Column(label="runtime", align="left"),
        Column(label="threads"),
        Column(label="p50 ms", digits=1, better="lower"),
        Column(label="p95 ms", digits=1, better="lower"),
        Column(label="least ms", digits=1, better="lower"),
        Column(label="CPU ms", digits=1, better="lower"),
        Column(label="of torch's speed", digits=2, better="higher"),
        Column(label="memory MB", digits=0, better="lower"),
        Column(label="mJ", digits=0, better="lower"),
    ]
    rows = [
        (
            f"{timing.size[1]}x{timing.size[0]}",
            timing.runtime,
            timing.threads,
            timing.p50_ms,
            timing.p95_ms,
            timing.least_ms,
            timing.cpu_ms,
            slowest[key] / timing.p50_ms if key in slowest else None,
            timing.peak_mb,
            timing.energy_mj,
        )
        for timing in timings
        for key in [(timing.size, timing.threads)]
    ]
    return Table(
        title="From raw frame to metres, one frame at a time",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=(
            f"{rounds} frames each, in turn. CPU: of all threads. Memory: the peak of the whole process, "
            "Python and libraries included. mJ: what the processor took meanwhile, for whatever else it did "
            "too.",
        ),
    )
