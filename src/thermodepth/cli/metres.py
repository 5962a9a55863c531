"""The options that say which scale calibration a prediction has, and the predictor that has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import SettingsError

if TYPE_CHECKING:
    from thermodepth.inference.lens import Lens
    from thermodepth.inference.predictor import Predictor
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

    def scale_calibration(self, folder: Path) -> ScaleCalibration | None:
        """Of the file, else of the model folder; None where neither has one.

        Raises:
            SettingsError: for options that contradict each other.
            DataError: for a file that cannot be read.
        """
        from thermodepth.inference.predictor import scale_calibration_of

        if self.metres is not None and self.uncalibrated:
            raise SettingsError("--metres and --uncalibrated: one of them")
        return scale_calibration_of(folder, metres=self.metres, uncalibrated=self.uncalibrated)


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
    model: str, metres: MetresOptions, *, device: str, short_side: int | None, lens: Lens | None
) -> Predictor:
    """The model, with the metres of a camera where somebody calibrated it, which is said."""
    from thermodepth.inference.predictor import Predictor
    from thermodepth.model import load_model, resolve_model

    folder = resolve_model(model)
    calibration = metres.scale_calibration(folder)
    predictor = Predictor(
        load_model(folder),
        device=device,
        short_side=short_side,
        lens=lens,
        scale_calibration=calibration,
    )
    print_calibration(calibration, metres.metres)
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
