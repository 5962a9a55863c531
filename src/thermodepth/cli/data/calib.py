"""`thermodepth data calib`: what a calibration file says, what is odd about it, and how it looks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thermodepth.errors import DataError, SettingsError

if TYPE_CHECKING:
    from thermodepth.calibration import Calibration
    from thermodepth.cli.calibration_overlay import Picture

OVERLAY_M = (5.0, 10.0, 20.0)
MOST_DISTANCES = 8
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}  # by severity

CalibrationPath = Annotated[
    Path, typer.Argument(help="A calibration file, or a data set's folder.")
]
Format = Annotated[
    str, typer.Option(help="ms2, rig, vivid, kalibr or opencv; auto: by what stands in it.")
]
CameraRoles = Annotated[
    list[str], typer.Option(help="NAME=ROLE such as cam1=thermal, where the file is silent.")
]
Thermal = Annotated[Path | None, typer.Option(help="A thermal frame, for an overlay.")]
Rgb = Annotated[Path | None, typer.Option(help="The RGB frame of the same moment.")]
Distances = Annotated[
    list[float], typer.Option(help="Metres of a plane. Repeatable. Default: 5, 10, 20.")
]
Out = Annotated[Path | None, typer.Option(help="The overlay. Default: overlay.png.")]


def calib(
    path: CalibrationPath,
    format: Format = "auto",
    camera: CameraRoles = [],
    thermal: Thermal = None,
    rgb: Rgb = None,
    distance: Distances = [],
    out: Out = None,
) -> None:
    """Check the calibration of an RGB-thermal rig: units, direction, views; overlay two frames."""
    from thermodepth.calibration import RGB, THERMAL, find_calibration, read_calibration
    from thermodepth.calibration.projection import DISTANCES_M
    from thermodepth.cli.lens import camera_roles

    _check_options(thermal, rgb, distance, out)
    calibration = read_calibration(
        find_calibration(path),
        format=None if format == "auto" else format,
        cameras=camera_roles(camera),
    )
    frames = None
    if thermal is not None and rgb is not None:
        frames = _thermal_picture(thermal), _rgb_picture(rgb)
        calibration = _with_size(calibration, THERMAL, frames[0], thermal)
        calibration = _with_size(calibration, RGB, frames[1], rgb)
    _print_cameras(calibration)
    _print_extrinsics(calibration, distance or DISTANCES_M)
    sound = _print_findings(calibration)
    if frames is not None:
        _write_overlay(calibration, frames, distance or OVERLAY_M, out or Path("overlay.png"))
    if not sound:
        raise typer.Exit(1)


def _check_options(
    thermal: Path | None, rgb: Path | None, distances_m: Sequence[float], out: Path | None
) -> None:
    from thermodepth.calibration.projection import check_distance

    if (thermal is None) != (rgb is None):
        raise SettingsError("--thermal and --rgb: an overlay needs a frame of both cameras")
    if out is not None and thermal is None:
        raise SettingsError(f"--out {out} has no effect without --thermal and --rgb")
    if out is not None and out.suffix.lower() != ".png":
        raise SettingsError(f"--out {out}: expected a name that ends in .png")
    if len(distances_m) > MOST_DISTANCES:
        raise SettingsError(f"--distance: {len(distances_m)} given, at most {MOST_DISTANCES}")
    for distance_m in distances_m:
        check_distance(distance_m)


def _write_overlay(
    calibration: Calibration,
    frames: tuple[Picture, Picture],
    distances_m: Sequence[float],
    out: Path,
) -> None:
    from thermodepth.cli.calibration_overlay import draw_overlay
    from thermodepth.files import write_bytes

    sheet = draw_overlay(calibration, *frames, distances_m=distances_m)
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    try:
        write_bytes(out, stream.getvalue())
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written ({error.strerror or error})") from None
    _print(f"\n{out}: {sheet.width}x{sheet.height} pixels")


def _thermal_picture(path: Path) -> Picture:
    from thermodepth.thermal import display, read_thermal

    return display(*read_thermal(path))


def _rgb_picture(path: Path) -> Picture:
    import numpy as np

    from thermodepth.files import read_raster

    picture = read_raster(path)
    if picture.dtype != np.uint8:
        raise DataError(f"{path}: {picture.dtype}, expected an 8-bit picture")
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def _with_size(calibration: Calibration, name: str, picture: Picture, path: Path) -> Calibration:
    """The frame tells the size that the file may lack; a frame of another size is refused."""
    height, width = picture.shape[:2]
    camera = calibration.camera(name)
    if camera.size not in (None, (width, height)):
        raise DataError(
            f"{path}: {width}x{height}, but the calibration of '{name}' is for "
            f"{camera.width}x{camera.height}; give a frame as the camera delivers it"
        )
    cameras = {**calibration.cameras, name: replace(camera, width=width, height=height)}
    return replace(calibration, cameras=cameras)


def _print_cameras(calibration: Calibration) -> None:
    from rich.table import Table
    from rich.text import Text

    from thermodepth.calibration.projection import field_of_view_deg
    from thermodepth.cli.terminal import console

    _print(calibration.source)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("camera")
    for heading in ("size", "fx, fy", "cx, cy", "view"):
        table.add_column(heading, justify="right")
    for name, camera in calibration.cameras.items():
        k = camera.intrinsics
        size, view = "not given", "–"
        if camera.size:
            size = f"{camera.width}x{camera.height}"
            view = "{:.1f} x {:.1f}°".format(*field_of_view_deg(camera))
        row = size, f"{k[0, 0]:.1f}, {k[1, 1]:.1f}", f"{k[0, 2]:.1f}, {k[1, 2]:.1f}", view
        table.add_row(Text(name), *row)
    console.print(table)


def _print_extrinsics(calibration: Calibration, distances_m: Sequence[float]) -> None:
    import numpy as np

    from thermodepth.calibration import RGB, THERMAL
    from thermodepth.calibration.projection import angle_deg

    if not {THERMAL, RGB} <= set(calibration.from_reference):
        return
    moved = calibration.rgb_from_thermal
    x, y, z = moved[:3, 3]
    _print(
        f"\n{angle_deg(moved):.1f} degrees, {np.linalg.norm(moved[:3, 3]):.3f} m apart; thermal sits "
        f"{_towards(x, 'right of', 'left of')}, {_towards(y, 'below', 'above')} and "
        f"{_towards(z, 'ahead of', 'behind')} RGB"
    )
    if calibration.thermal.size and calibration.rgb.size:
        shares = {d: _share(calibration, d) for d in distances_m}
        listing = ", ".join(f"{100 * share:.0f} % at {d:g} m" for d, share in shares.items())
        _print(f"RGB sees of the thermal view: {listing}")


def _towards(metres: float, positive: str, negative: str) -> str:
    return f"{abs(metres):.3f} m {positive if metres >= 0 else negative}"


def _share(calibration: Calibration, distance_m: float) -> float:
    from thermodepth.calibration.projection import overlap

    return overlap(
        calibration.thermal, calibration.rgb, calibration.rgb_from_thermal, distance_m=distance_m
    )


def _print_findings(calibration: Calibration) -> bool:
    from rich.text import Text

    from thermodepth.calibration import RGB, THERMAL, Severity, check_calibration
    from thermodepth.cli.terminal import console

    findings = check_calibration(calibration)
    _print("")
    for finding in findings:
        line = Text(f"{finding.severity:8}", style=STYLES[finding.severity])
        console.print(line.append(f"{finding.about}: {finding.text}", style=""), soft_wrap=True)
    worst = findings[0].severity if findings else Severity.NOTE
    missing = [name for name in (THERMAL, RGB) if name not in calibration.cameras]
    if missing:
        _print(f"no camera '{missing[0]}': nothing between {THERMAL} and {RGB} was checked")
    elif worst is Severity.NOTE:
        _print("nothing odd was found")
    return worst is not Severity.ERROR


def _print(text: str) -> None:
    from thermodepth.cli.terminal import console

    console.print(text, markup=False, soft_wrap=True)
