"""The options that say which scale calibration a prediction has, and the predictor that has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.inference.lens import Lens
    from thermodepth.scale_calibration import ScaleCalibration


@dataclass(frozen=True, slots=True, kw_only=True)
class MetresOptions:
    """As they were typed."""

    metres: Annotated[
        Path | None,
        typer.Option(
            "--metres",
            help="Metres of your camera: the file that `thermodepth calibrate` wrote. Default: what the "
            "model's folder keeps.",
        ),
    ] = None
    uncalibrated: Annotated[
        bool,
        typer.Option("--uncalibrated", help="Leave out the metres that the model's folder keeps."),
    ] = False

    def check(self) -> None:
        """
        Raises:
            SettingsError: for options that contradict each other.
        """
        if self.metres is not None and self.uncalibrated:
            raise SettingsError("--metres and --uncalibrated: one of them")


AS_STORED = MetresOptions()  # where nothing is said of it


def print_calibration(calibration: ScaleCalibration | None, path: Path | None) -> None:
    """What is done to depth, on stderr; nothing where nothing is.

    Args:
        calibration: of the predictor.
        path: the file that it is from; None: the model's folder keeps it.
    """
    from thermodepth.cli.terminal import error_console

    if calibration is None:
        return
    source = str(path or "the model's folder")
    way_out = "" if path is not None else " (--uncalibrated leaves it out)"
    error_console.print(f"note: metres by {source}: {calibration}{way_out}", soft_wrap=True)


def load_predictor(
    model: str,
    metres: MetresOptions,
    *,
    runtime: str | None,
    device: str,
    short_side: int | None,
    lens: Lens | None,
) -> FramePredictor:
    """A model or a graph, with the metres of a camera where somebody calibrated it, which is said."""
    from thermodepth.runtime.loading import open_predictor

    metres.check()
    predictor = open_predictor(
        model,
        runtime=runtime,
        device=device,
        short_side=short_side,
        lens=lens,
        metres=metres.metres,
        uncalibrated=metres.uncalibrated,
    )
    print_calibration(predictor.scale_calibration, metres.metres)
    return predictor


def note_left_out(name: str, folder: Path) -> None:
    """That a command scores a model itself and not the camera that its folder is calibrated for."""
    from thermodepth.cli.terminal import error_console
    from thermodepth.scale_calibration import FILE_NAME

    if (folder / FILE_NAME).exists():
        error_console.print(
            f"note: {name}: scored is the model's own depth; {folder / FILE_NAME} is of one camera and left "
            "out",
            soft_wrap=True,
        )
