"""`thermodepth predict`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.metres import AS_STORED, MetresOptions, load_predictor
from thermodepth.cli.options import Device, Model, Runtime, ShortSide, With, load_with
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
    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.pipeline import Outcome, Steadying, WrittenFrames
    from thermodepth.sources import Source

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Thermal frames: files, folders, globs, recordings, cameras (docs/sources.md).",
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the maps.")]
DepthFormat = Annotated[
    str, typer.Option("--format", help="All maps as png (16 bit, metres*256) or npy (float32).")
]
View = Annotated[bool, typer.Option(help="Also write a picture for people.")]
Video = Annotated[
    bool,
    typer.Option("--video", help="The files are one recording: recipes may remember frames."),
]
Steady = Annotated[
    bool,
    typer.Option(
        "--steady",
        help="Steady the depth of a video: filtered over time, held while the shutter is closed "
        "(docs/video.md).",
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Also predict frames that --out holds already.")
]

_LISTED_EVENTS = 8
#: What interrupts a video, in words; by `FrameEvent`.
_EVENTS = {
    "cut": "cuts, each the first frame of another scene",
    "frozen": "frames frozen (the shutter is closed, or the camera repeats itself), their depth held",
    "flat": "frames flat (the closed shutter itself), their depth held",
}


def predict(
    source: Sources,
    out: Out = Path("depth"),
    model: Model = DEFAULT_MODEL,
    depth_format: DepthFormat = "png",
    view: View = True,
    outputs: OutputOptions = NO_OUTPUTS,
    short_side: ShortSide = None,
    reading: ReadingOptions = READ_AS_IT_IS,
    video: Video = False,
    steady: Steady = False,
    again: Again = False,
    runtime: Runtime = None,
    lens: LensOptions = NO_LENS,
    metres: MetresOptions = AS_STORED,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """Metric depth and structure of thermal frames.

    Reads pictures of 8, 14 and 16 bits, folders and globs of them, stacks and recordings. Metres hold for the
    lens that --fov, --focal-px or --calibration says. The same command goes on where it was stopped.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.pipeline import OutputFiles, Steadying, predict_source

    names = outputs.names(depth_format=depth_format, view=view, steady=steady)
    drawn = outputs.settings(rate_hz=reading.rate)
    writer = OutputFiles(outputs.open_writers(out, names, drawn))
    typed = open_typed(source, reading)
    _check_out(out, typed)
    predictor = load_predictor(
        model,
        metres,
        runtime=runtime,
        device=device,
        short_side=short_side,
        lens=lens.lens(),
    )
    facts = {"files": names, "drawn": drawn.tree(), "video": video, "steady": steady}
    facts |= {"counts": reading.counts, "drop": reading.drop, "y16": reading.y16}
    written = _written_frames(typed, out, {**_facts(predictor), **facts}, again=again)
    stages = [Steadying()] if steady else []
    with stop_signals(typed) as stopped, frame_progress("predicting", typed.length) as tell:
        outcome = predict_source(
            typed,
            predictor,
            writers=[writer],
            stages=stages,
            remembers=video,
            written=written,
            is_stopped=stopped.is_set,
            report=tell,
        )
    _print(outcome, out, writer.late)
    for stage in stages:
        _print_steadying(stage)
    _print_notes(outcome, predictor, writer.outputs.notes)
    _raise_failures(outcome)
    if outcome.is_stopped and not typed.is_live:  # whose end is a stop
        raise KeyboardInterrupt


def _written_frames(
    source: Source, out: Path, facts: dict[str, Any], *, again: bool
) -> WrittenFrames | None:
    """The record of the folder; None for a single frame and for a camera, which never go on."""
    from thermodepth.cli.terminal import error_console
    from thermodepth.pipeline import WrittenFrames

    if source.length == 1 or source.is_live:
        return None
    written = WrittenFrames.open(out, facts, again=again)
    if written.others:
        error_console.print(
            f"note: {out} holds {written.others} frames that other settings gave; those of them that are "
            "frames of this source are predicted again",
            soft_wrap=True,
        )
    return written


def _facts(predictor: FramePredictor) -> dict[str, Any]:
    """What maps depend on beside their frame and the options of the command."""
    from thermodepth import __version__

    lens, calibration = predictor.lens, predictor.scale_calibration
    metres = {} if calibration is None else {"metres": calibration.fingerprint()}
    return {
        "version": __version__,
        "model": predictor.fingerprint,
        "short_side": predictor.short_side,
        "lens": None if lens is None else lens.fingerprint(),
        **metres,
    }


def _check_out(out: Path, source: Source) -> None:
    if out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: is a file, expected a folder")
    if source.would_list(out):
        raise SettingsError(
            f"--out {out}: is the folder of the frames; its maps would be read as frames"
        )


def _print(outcome: Outcome, out: Path, late: Sequence[Path]) -> None:
    """One frame with its numbers, several by their count."""
    from thermodepth.cli.terminal import console

    if outcome.frames == 1 and outcome.last is not None:
        frame, depth, files = outcome.last
        _print_one(frame.origin, depth, [*files, *late])
    elif outcome.predicted:
        console.print(f"{outcome.predicted} frames predicted into {out}", soft_wrap=True)
    if outcome.skipped:
        console.print(
            f"{outcome.skipped} frames were predicted before and are skipped (--again predicts them too)",
            soft_wrap=True,
        )


def _print_one(origin: str, result: Depth, written: Sequence[Path]) -> None:
    import numpy as np

    from thermodepth.cli.terminal import console

    low, median, high = np.percentile(result.solid_m, [5, 50, 95])
    console.print(
        f"{origin}: median depth {median:.2f} m, 5 to 95 % {low:.2f} to {high:.2f} m{_sky_note(result)}"
    )
    if summary := _expected_error(result):
        console.print(summary, soft_wrap=True)
    for output in written:
        console.print(f"  {output}", soft_wrap=True)


def _expected_error(result: Depth) -> str:
    """How far off the depth is expected to be; empty where the model does not tell."""
    import numpy as np

    if result.relative_error is None or result.relative_error_90 is None:
        return ""
    solid = np.ones(result.depth_m.shape, bool) if result.sky is None else ~result.sky
    if not solid.any():
        return ""
    at_68, at_90 = (
        float(np.median(error[solid]))
        for error in (result.relative_error, result.relative_error_90)
    )
    return (
        f"expected error of the depth, median: below {at_68:.0%} at 68 % of the pixels, below {at_90:.0%} at "
        "90 % (larger is worse)"
    )


def _sky_note(result: Depth) -> str:
    if result.sky is None or not result.sky.any():
        return ""
    return f"; sky, {result.sky.mean():.0%} of the frame, left out"


def _print_steadying(stage: Steadying) -> None:
    """Flicker before and after, and what interrupted the video."""
    from thermodepth.cli.terminal import console

    flicker = stage.video.flicker
    console.print(
        str(flicker)
        if flicker
        else "flicker is not known: nothing stands still from frame to frame",
        soft_wrap=True,
    )
    for event, count in stage.video.events.items():
        frames = [str(each) for each in stage.events if each.event is event]
        listed = ", ".join(frames[:_LISTED_EVENTS]) + ", ..." * (len(frames) > _LISTED_EVENTS)
        console.print(f"{count} {_EVENTS[event]}: {listed}", soft_wrap=True)


def _print_notes(outcome: Outcome, predictor: FramePredictor, notes: Sequence[str]) -> None:
    """What a person should know of the model and the files, on stderr."""
    from thermodepth.cli.terminal import error_console
    from thermodepth.inference.depth import NO_EXPECTED_ERROR

    if predictor.facts.relative_error and not predictor.tells_relative_error:
        error_console.print(f"note: no relative error is written: {NO_EXPECTED_ERROR}")
    if outcome.display_only:
        error_console.print(
            f"note: {outcome.display_only} of {outcome.predicted} frames are 8-bit pictures after "
            "the camera's gain control; raw 14/16-bit counts keep more and are what the model was trained on"
        )
    for note in notes:
        error_console.print(f"note: {note}", soft_wrap=True)


def _raise_failures(outcome: Outcome) -> None:
    """What was wrong with frames, once the others are done; nothing where nothing was."""
    if outcome.failed:
        reasons = [failure.reason for failure in outcome.failures]
        raise DataError(failure_listing(reasons, outcome.failed, outcome.frames))
