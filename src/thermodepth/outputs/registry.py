"""OUTPUTS: every file that a prediction can become. A new one is a file here and a row.

Names are public: they stand on command lines, and files end in them.
"""

from __future__ import annotations

from collections.abc import Sequence

from thermodepth.errors import SettingsError, unknown
from thermodepth.outputs import cloud, depth, pictures, relative_error, sky, structure
from thermodepth.outputs.rerun import RerunRecorder
from thermodepth.outputs.row import FrameOutput, OutputRow, RecordingOutput
from thermodepth.outputs.table import TableRecorder
from thermodepth.outputs.video import Mp4Recorder

OUTPUTS: dict[str, OutputRow] = {
    row.name: row
    for row in (
        FrameOutput(
            name="depth.png",
            summary="metric depth, 16 bit: metres = value / 256, 0 = none",
            write=depth.write_png,
        ),
        FrameOutput(
            name="depth.npy", summary="metric depth, float32 metres", write=depth.write_npy
        ),
        FrameOutput(
            name="depth.tiff",
            summary="metric depth, float32 metres, NaN = none",
            write=depth.write_values,
        ),
        FrameOutput(
            name="depth.exr",
            summary="metric depth, float32 metres in the channel Z, NaN = none",
            write=depth.write_values,
            package="OpenEXR",
            extra="exr",
        ),
        FrameOutput(
            name="structure.png",
            summary="structure, 16 bit, stretched over the whole range: larger = nearer",
            write=structure.write_png,
        ),
        FrameOutput(
            name="structure.npy",
            summary="structure, float32: inverse depth up to factor and offset",
            write=structure.write_npy,
        ),
        FrameOutput(
            name="sky.png",
            summary="8 bit, 255 where nothing but sky is seen",
            write=sky.write_png,
            has=sky.has_sky,
        ),
        FrameOutput(
            name="relative_error.png",
            summary="expected error at 68 % of the pixels, 16 bit, thousandths of the depth: larger = worse",
            write=relative_error.write_error,
            has=relative_error.has_error,
        ),
        FrameOutput(
            name="relative_error_90.png",
            summary="the same at 90 %",
            write=relative_error.write_error_90,
            has=relative_error.has_error_90,
        ),
        FrameOutput(
            name="relative_error.npy",
            summary="expected error at 68 % of the pixels, float32 as a share, NaN = none",
            write=relative_error.write_error,
            has=relative_error.has_error,
        ),
        FrameOutput(
            name="relative_error_90.npy",
            summary="the same at 90 %",
            write=relative_error.write_error_90,
            has=relative_error.has_error_90,
        ),
        FrameOutput(
            name="view.png",
            summary="thermal, structure and metric depth side by side, with a bar of metres",
            write=pictures.write_view,
        ),
        FrameOutput(
            name="colour.png",
            summary="metric depth in colours, pixel for pixel, one range for all frames",
            write=pictures.write_colour,
            wants_range=True,
        ),
        FrameOutput(
            name="cloud.ply",
            summary="points in metres with their colours, PLY",
            write=cloud.write_row,
        ),
        FrameOutput(
            name="cloud.pcd",
            summary="points in metres with their colours, PCD",
            write=cloud.write_row,
        ),
        RecordingOutput(
            name="video.mp4",
            summary="thermal, structure and metric depth side by side, one range for all frames",
            open=Mp4Recorder,
            wants_range=True,
        ),
        RecordingOutput(
            name="frames.csv",
            summary="a line a frame: what interrupts a steady video, distances, sky",
            open=TableRecorder,
        ),
        RecordingOutput(
            name="recording.rrd",
            summary="frames, depth and points for Rerun's viewer",
            open=RerunRecorder,
            package="rerun",
            extra="rerun",
        ),
    )
}

#: What `--format` stands for: all that a model tells, as pictures with whole numbers or as arrays.
FORMATS = {
    "png": (
        "depth.png",
        "structure.png",
        "sky.png",
        "relative_error.png",
        "relative_error_90.png",
    ),
    "npy": (
        "depth.npy",
        "structure.npy",
        "sky.png",
        "relative_error.npy",
        "relative_error_90.npy",
    ),
}
VIEW, TABLE = "view.png", "frames.csv"


def rows_of(names: Sequence[str]) -> list[OutputRow]:
    """The rows of these names, each once, in the order of the table.

    Raises:
        SettingsError: for a name that has no row.
        DependencyError: for one whose package is not installed.
    """
    for name in names:
        if name not in OUTPUTS:
            raise SettingsError(unknown("output", name, OUTPUTS))
    rows = [row for row in OUTPUTS.values() if row.name in names]
    for row in rows:
        _require_package(row)
    return rows


def frame_rows(names: Sequence[str]) -> list[FrameOutput]:
    """The rows of these files of a frame, as `rows_of`."""
    return [row for row in rows_of(names) if isinstance(row, FrameOutput)]


def _require_package(row: OutputRow) -> None:
    from importlib.util import find_spec

    from thermodepth.errors import DependencyError

    if row.package and find_spec(row.package) is None:
        raise DependencyError(
            f"{row.name}: needs a package that is not installed: pip install 'thermodepth[{row.extra}]'"
        )
