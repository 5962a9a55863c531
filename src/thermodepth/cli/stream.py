"""`thermodepth stream`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.metres import AS_STORED, MetresOptions, load_predictor
from thermodepth.cli.options import Device, Model, Runtime, ShortSide, SteadyDepth, With, load_with
from thermodepth.cli.outputs import NO_OUTPUTS, OutputOptions
from thermodepth.cli.sources import (
    READ_AS_IT_IS,
    ReadingOptions,
    failure_listing,
    frame_progress,
    open_typed,
    stop_signals,
)
from thermodepth.errors import DataError, SettingsError
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.threads import set_thread_policy

if TYPE_CHECKING:
    from thermodepth.inference.depth import Depth
    from thermodepth.pipeline import LoopProgress, Outcome, OutputFiles
    from thermodepth.sources import SourceFrame

Camera = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A camera or a stream; a recording is played in its own time (docs/sources.md).",
    ),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the maps of the frames. Default: none are written.")
]
Frames = Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")]
_LATENCIES = 1000  # that percentiles are of


def stream(
    source: Camera,
    out: Out = None,
    frames: Frames = None,
    model: Model = DEFAULT_MODEL,
    outputs: OutputOptions = NO_OUTPUTS,
    short_side: ShortSide = None,
    reading: ReadingOptions = READ_AS_IT_IS,
    steady: SteadyDepth = False,
    runtime: Runtime = None,
    lens: LensOptions = NO_LENS,
    metres: MetresOptions = AS_STORED,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """Depth of a camera as it comes: always of the latest frame, until Ctrl-C.

    Frames that a later one overtakes are dropped and counted. The terminal shows frames per second, latency
    and the median depth; --out writes maps, --rerun shows them.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.pipeline import Steadying, predict_source
    from thermodepth.sources import latest, replayed

    files = _files(out, outputs, steady=steady, rate_hz=reading.rate)
    live = latest(replayed(open_typed([source], reading), rate_hz=reading.rate))
    predictor = load_predictor(
        model,
        metres,
        runtime=runtime,
        device=device,
        short_side=short_side,
        lens=lens.lens(),
    )
    median, pace = _MedianDepth(), _Pace()
    with stop_signals(live) as stopped, frame_progress("streaming", None) as tell:

        def report(now: LoopProgress) -> None:
            tell(now, median.words)
            pace.add(now)
            if frames is not None and now.frames >= frames:
                stopped.set()

        outcome = predict_source(
            live,
            predictor,
            writers=[median, *files],
            stages=[Steadying()] if steady else [],
            is_stopped=stopped.is_set,
            report=report,
        )
    _print(outcome, pace, out, [note for writer in files for note in writer.outputs.notes])
    if outcome.failed:
        reasons = [failure.reason for failure in outcome.failures]
        raise DataError(failure_listing(reasons, outcome.failed, outcome.frames))


def _files(
    out: Path | None, outputs: OutputOptions, *, steady: bool, rate_hz: float | None
) -> list[OutputFiles]:
    """The writer of files and of the viewer; none where neither is asked for.

    Raises:
        SettingsError: for files without a folder, or a folder that is a file.
    """
    from thermodepth.pipeline import OutputFiles

    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if out is None and outputs.write:
        raise SettingsError(f"--write {outputs.write}: say the folder too (--out)")
    if out is None and not outputs.rerun:
        return []
    names = outputs.names(depth_format="png", view=False, steady=steady) if out else []
    drawn = outputs.settings(rate_hz=rate_hz)
    return [OutputFiles(outputs.open_writers(out or Path(), names, drawn))]


@dataclass(slots=True)
class _MedianDepth:
    """A writer that writes nothing: the words that stand beside the rate."""

    words: str = ""
    is_resumable: bool = True

    def write(self, frame: SourceFrame, depth: Depth) -> Sequence[Path]:
        import numpy as np

        del frame
        self.words = f"median depth {float(np.median(depth.solid_m)):.2f} m"
        return ()

    def close(self) -> None:
        """There is no file."""


@dataclass(slots=True)
class _Pace:
    """Of the whole stream, the model's first frame left out: it takes what no other one does."""

    latencies_s: list[float] = field(default_factory=list)  # of the last ones

    def add(self, now: LoopProgress) -> None:
        if now.frames > 1:
            self.latencies_s = [*self.latencies_s[1 - _LATENCIES :], now.latency_s]

    @property
    def words(self) -> str:
        import numpy as np

        if not self.latencies_s:
            return ""
        half, most = (1000 * float(q) for q in np.percentile(self.latencies_s, [50, 95]))
        return f", latency {half:.0f} ms (95 %: {most:.0f} ms)"


def _print(outcome: Outcome, pace: _Pace, out: Path | None, notes: Sequence[str]) -> None:
    from thermodepth.cli.terminal import console, error_console

    where = "" if out is None else f" into {out}"
    console.print(
        f"{outcome.predicted} frames predicted{where}, {outcome.dropped} dropped because a later one was "
        f"there{pace.words}",
        soft_wrap=True,
    )
    for note in notes:
        error_console.print(f"note: {note}", soft_wrap=True)
