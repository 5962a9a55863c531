"""The options that say which files a prediction becomes, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.cli.options import FlyingStep
from thermodepth.errors import SettingsError, unknown

if TYPE_CHECKING:
    from thermodepth.outputs import OutputRow, Outputs, OutputSettings

FORMATS = ("png", "npy")  # kept by hand: the table itself is not imported for a help text

#: Options that are of pictures or of clouds, and the files that read them.
_READERS = {
    "--colormap": ("view.png", "colour.png", "video.mp4"),
    "--range": ("view.png", "colour.png", "video.mp4"),
    "--cloud-colour": ("cloud.ply", "cloud.pcd", "recording.rrd", "--rerun"),
    "--flying": ("cloud.ply", "cloud.pcd", "recording.rrd", "--rerun"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """As they were typed."""

    write: Annotated[
        str,
        typer.Option(
            help="These files and no others, with commas: depth.png, .npy, .tiff, .exr; structure.png, .npy; "
            "sky.png; relative_error.png, .npy; view.png, colour.png; cloud.ply, .pcd; video.mp4; "
            "frames.csv; recording.rrd."
        ),
    ] = ""
    colour_map: Annotated[
        str | None,
        typer.Option("--colormap", help="Of depth, by matplotlib's name. Default: magma."),
    ] = None
    range_m: Annotated[
        str,
        typer.Option(
            "--range",
            help="NEAR,FAR: metres of the colours of depth. Default: of the first frames.",
        ),
    ] = ""
    cloud_colour: Annotated[
        str | None, typer.Option(help="Of points: thermal, structure or depth. Default: thermal.")
    ] = None
    flying_step: FlyingStep = None
    rerun: Annotated[
        bool,
        typer.Option(
            "--rerun", help="Also show frames in Rerun's viewer as they come (extra `rerun`)."
        ),
    ] = False

    def names(self, *, depth_format: str, view: bool, steady: bool) -> list[str]:
        """Of the files.

        Args:
            depth_format: png or npy: all maps, where nothing else is named.
            view: whether a picture for people is among them.
            steady: whether the table that marks frames of a closed shutter is.

        Raises:
            SettingsError: for an unknown format, and for both ways to name files at once.
        """
        from thermodepth.outputs import FORMATS as MAPS_OF
        from thermodepth.outputs import TABLE, VIEW

        if depth_format not in FORMATS:
            raise SettingsError(f"--format: {unknown('format', depth_format, FORMATS)}")
        if not self.write:
            return [*MAPS_OF[depth_format], *[VIEW] * view, *[TABLE] * steady]
        if depth_format != FORMATS[0]:
            raise SettingsError("--format and --write: --write names every file; leave one out")
        if not view:
            raise SettingsError("--no-view and --write: --write names every file; leave one out")
        return [name.strip() for name in self.write.split(",") if name.strip()]

    def settings(self, *, rate_hz: float | None = None) -> OutputSettings:
        """
        Args:
            rate_hz: frames a second of a video; None: the usual.

        Raises:
            SettingsError: for a range, a colour map or a colour of points that cannot be.
        """
        from thermodepth.outputs import OutputSettings

        tree: dict[str, object] = {
            "range_m": _range(self.range_m) if self.range_m else None,
            "colour_map": self.colour_map,
            "cloud_colour": self.cloud_colour,
            "flying_step": self.flying_step,
            "rate_hz": rate_hz,
        }
        stated = {name: value for name, value in tree.items() if value is not None}
        return OutputSettings.parse(stated, where="outputs")

    def open_writers(self, folder: Path, names: Sequence[str], settings: OutputSettings) -> Outputs:
        """Everything that is to be written, into a folder.

        Args:
            folder: of the files.
            names: of the files.
            settings: of pictures and clouds.

        Raises:
            SettingsError: for a file that is not known, or an option that no file reads.
            DependencyError: for a file whose package is not installed.
            DataError: for a damaged record in the folder.
        """
        from thermodepth.outputs import Outputs, rows_of
        from thermodepth.outputs.rerun import RerunRecorder, require_rerun

        if self.rerun:
            require_rerun()
        try:
            rows = rows_of(names)
        except SettingsError as error:
            raise SettingsError(f"--write: {error}") from None
        self._refuse_idle(rows)
        viewers = [RerunRecorder(None, settings)] if self.rerun else []
        return Outputs(folder, rows, settings, viewers=viewers, names_missing=bool(self.write))

    def _refuse_idle(self, rows: Sequence[OutputRow]) -> None:
        """
        Raises:
            SettingsError: naming an option that no file reads, and the files that would.
        """
        typed = {
            "--colormap": self.colour_map is not None,
            "--range": bool(self.range_m),
            "--cloud-colour": self.cloud_colour is not None,
            "--flying": self.flying_step is not None,
        }
        for option, readers in _READERS.items():
            written = {row.name for row in rows} | ({"--rerun"} if self.rerun else set())
            if typed[option] and not written & set(readers):
                raise SettingsError(
                    f"{option}: has no effect without one of {', '.join(readers)}; --write names files"
                )


NO_OUTPUTS = OutputOptions()  # where nothing is said of them


def _range(text: str) -> list[float]:
    try:
        near, far = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(
            f"--range {text}: expected two distances in metres, nearest first, such as 1,80"
        ) from None
    return [near, far]
