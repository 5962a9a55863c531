"""`thermodepth bag`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.lens import NO_LENS, LensOptions
from thermodepth.cli.metres import AS_STORED, MetresOptions, load_predictor
from thermodepth.cli.options import (
    Device,
    FlyingStep,
    Model,
    Runtime,
    ShortSide,
    SteadyDepth,
    With,
    load_with,
)
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
    from thermodepth.ros import BagWriter

Recording = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A bag or any other recording or camera (docs/sources.md)."
    ),
]
Out = Annotated[
    Path, typer.Option(help="The bag to write: a new folder, or a file that ends in .bag.")
]
Storage = Annotated[
    str, typer.Option(help="mcap or sqlite3 (ROS 2), ros1. Default: ros1 for a .bag, else mcap.")
]
Name = Annotated[str, typer.Option(help="Of the camera; topics begin with it.")]
FrameId = Annotated[
    str, typer.Option(help="Coordinate frame of the messages. Default: that of the images.")
]


def bag(
    source: Recording,
    out: Out,
    storage: Storage = "",
    name: Name = "/thermal",
    frame_id: FrameId = "",
    flying: FlyingStep = None,
    model: Model = DEFAULT_MODEL,
    short_side: ShortSide = None,
    runtime: Runtime = None,
    reading: ReadingOptions = READ_AS_IT_IS,
    steady: SteadyDepth = False,
    lens: LensOptions = NO_LENS,
    metres: MetresOptions = AS_STORED,
    device: Device = "auto",
    extensions: With = [],
) -> None:
    """A bag of ROS with depth, camera and points of every frame, written without ROS.

    Messages carry the header of the image that they are from, to the nanosecond. The lens is that of the
    bag's camera_info where none is said.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.outputs import OutputSettings
    from thermodepth.outputs.flying import STEP
    from thermodepth.pipeline import Steadying, predict_source
    from thermodepth.ros import BagWriter

    if flying is not None:
        OutputSettings.parse({"flying_step": flying}, where="outputs")
    typed = open_typed([source], reading)
    predictor = load_predictor(
        model, metres, runtime=runtime, device=device, short_side=short_side, lens=lens.lens()
    )
    writer = BagWriter(
        out,
        storage=storage or ("ros1" if out.suffix.lower() == ".bag" else "mcap"),
        name=name,
        frame_id=frame_id,
        flying_step=STEP if flying is None else flying,
    )
    with stop_signals(typed) as stopped, frame_progress("predicting", typed.length) as tell:
        outcome = predict_source(
            typed,
            predictor,
            writers=[writer],
            stages=[Steadying()] if steady else [],
            is_stopped=stopped.is_set,
            report=tell,
        )
    _print(writer)
    if outcome.failed:
        reasons = [failure.reason for failure in outcome.failures]
        raise DataError(failure_listing(reasons, outcome.failed, outcome.frames))
    if outcome.is_stopped and not typed.is_live:
        raise KeyboardInterrupt
    if not writer.frames:
        raise SettingsError(f"{source}: no frames, so no bag")


def _print(writer: BagWriter) -> None:
    from thermodepth.cli.terminal import console, error_console

    if writer.frames:
        console.print(f"{writer.frames} frames in {writer.path}", soft_wrap=True)
    if writer.frames_without_lens:
        error_console.print(
            f"note: {writer.frames_without_lens} frames have neither camera_info nor points: nobody states "
            "their lens; give --fov, --focal-px or --calibration",
            soft_wrap=True,
        )
