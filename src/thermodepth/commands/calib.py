"""`thermodepth data calib`: what a calibration file says, what is odd about it, and how it looks.

The overlay lays the edges of a thermal frame over RGB pixels moved to the thermal view, once for each
assumed distance: where the calibration is right, things at that distance coincide with their edges.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.table import Table
from rich.text import Text

from thermodepth.calibration import (
    RGB,
    THERMAL,
    Calibration,
    Severity,
    check_calibration,
    find_calibration,
    read_calibration,
)
from thermodepth.calibration.projection import (
    DISTANCES_M,
    angle_deg,
    check_distance,
    field_of_view_deg,
    overlap,
    rgb_in_thermal_view,
)
from thermodepth.commands.lens import camera_roles
from thermodepth.commands.terminal import console
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import read_raster, write_bytes
from thermodepth.thermal import display, read_thermal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

OVERLAY_M = (5.0, 10.0, 20.0)
MOST_DISTANCES = 8
_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_LONG_SIDE = 640  # of a panel
_WIDE = 1.6  # panels of at least this shape stand in two columns
_MARGIN, _GAP, _CAPTION, _TITLE = 16, 8, 24, 34
_TEXT_PX, _TITLE_PX = 13, 16
_WHITE, _INK, _FAINT = (255, 255, 255), (30, 30, 30), (105, 105, 105)
_EDGE = np.array([255, 176, 0])  # amber: no colour of streets, and told apart by everyone
_LIGHTER = 0.7  # exponent on RGB: streets at dusk are dark


def print_calibration(
    path: Path,
    *,
    format: str = "auto",
    cameras: Sequence[str] = (),
    thermal: Path | None = None,
    rgb: Path | None = None,
    distances_m: Sequence[float] = (),
    out: Path | None = None,
) -> bool:
    """Print cameras, their places, what they share and what is odd; draw an overlay of two frames.

    Args:
        path: a calibration, or the folder of a data set that has one.
        format: a name in `FORMATS`; `auto`: known by its content.
        cameras: `NAME=ROLE`, for files that do not say which camera is thermal.
        thermal, rgb: frames of one moment; both or none.
        distances_m: for the table and the overlay. Empty: 5, 10, 20 (and 80 in the table).
        out: the overlay, a PNG. None: `overlay.png`.

    Returns:
        Is it without errors?

    Raises:
        SettingsError: for options that cannot be.
        DataError: for files that cannot be read, and frames of another size than the calibration's.
    """
    if (thermal is None) != (rgb is None):
        raise SettingsError("--thermal and --rgb: an overlay needs a frame of both cameras")
    if out is not None and thermal is None:
        raise SettingsError(f"--out {out} has no effect without --thermal and --rgb")
    out = out or Path("overlay.png")
    if out.suffix.lower() != ".png":
        raise SettingsError(f"--out {out}: expected a name that ends in .png")
    if len(distances_m) > MOST_DISTANCES:
        raise SettingsError(f"--distance: {len(distances_m)} given, at most {MOST_DISTANCES}")
    for distance_m in distances_m:
        check_distance(distance_m)
    calibration = read_calibration(
        find_calibration(path),
        format=None if format == "auto" else format,
        cameras=camera_roles(cameras),
    )
    frames = None
    if thermal is not None and rgb is not None:
        frames = _thermal_picture(thermal), _rgb_picture(rgb)
        calibration = _with_size(calibration, THERMAL, frames[0], thermal)
        calibration = _with_size(calibration, RGB, frames[1], rgb)
    _say_cameras(calibration)
    _say_places(calibration, distances_m or DISTANCES_M)
    sound = _say_findings(calibration)
    if frames is not None:
        sheet = draw_overlay(calibration, *frames, distances_m=distances_m or OVERLAY_M)
        stream = io.BytesIO()
        sheet.save(stream, "PNG", optimize=True)
        try:
            write_bytes(out, stream.getvalue())
        except OSError as error:
            raise SettingsError(
                f"--out {out}: cannot be written ({error.strerror or error})"
            ) from None
        _say(f"\n{out}: {sheet.width}x{sheet.height} pixels")
    return sound


def _thermal_picture(path: Path) -> Picture:
    return display(*read_thermal(path))


def _rgb_picture(path: Path) -> Picture:
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


def _say_cameras(calibration: Calibration) -> None:
    _say(calibration.source)
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


def _say_places(calibration: Calibration, distances_m: Sequence[float]) -> None:
    if not {THERMAL, RGB} <= set(calibration.from_reference):
        return
    moved = calibration.rgb_from_thermal
    x, y, z = moved[:3, 3]
    _say(
        f"\n{angle_deg(moved):.1f} degrees, {np.linalg.norm(moved[:3, 3]):.3f} m apart; thermal sits "
        f"{_towards(x, 'right of', 'left of')}, {_towards(y, 'below', 'above')} and "
        f"{_towards(z, 'ahead of', 'behind')} RGB"
    )
    if calibration.thermal.size and calibration.rgb.size:
        shares = {d: _share(calibration, d) for d in distances_m}
        overlap = ", ".join(f"{100 * share:.0f} % at {d:g} m" for d, share in shares.items())
        _say(f"RGB sees of the thermal view: {overlap}")


def _towards(metres: float, positive: str, negative: str) -> str:
    return f"{abs(metres):.3f} m {positive if metres >= 0 else negative}"


def _share(calibration: Calibration, distance_m: float) -> float:
    return overlap(
        calibration.thermal, calibration.rgb, calibration.rgb_from_thermal, distance_m=distance_m
    )


def _say_findings(calibration: Calibration) -> bool:
    findings = check_calibration(calibration)
    _say("")
    for finding in findings:
        line = Text(f"{finding.severity:8}", style=_STYLE[finding.severity])
        console.print(line.append(f"{finding.about}: {finding.text}", style=""), soft_wrap=True)
    worst = findings[0].severity if findings else Severity.NOTE
    missing = [name for name in (THERMAL, RGB) if name not in calibration.cameras]
    if missing:
        _say(f"no camera '{missing[0]}': nothing between {THERMAL} and {RGB} was checked")
    elif worst is Severity.NOTE:
        _say("nothing odd was found")
    return worst is not Severity.ERROR


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def draw_overlay(
    calibration: Calibration, thermal: Picture, rgb: Picture, *, distances_m: Sequence[float]
) -> Image.Image:
    """The thermal frame, then its edges over RGB as seen from its place, one panel a distance.

    Args:
        thermal: [h w] 8-bit grey.
        rgb: [h w 3].
        distances_m: of the planes that RGB is assumed to show.
    """
    height, width = thermal.shape
    scale = _LONG_SIDE / max(height, width)
    grid = max(round(height * scale), 1), max(round(width * scale), 1)
    grey = np.asarray(Image.fromarray(thermal).resize(grid[::-1], Image.Resampling.BICUBIC))
    edges = _edges(grey)[..., None]
    soft = _softened(rgb, calibration, scale)
    panels = [(np.repeat(grey[..., None], 3, axis=2), "thermal, white is hot")]
    for distance_m in distances_m:
        seen_rgb, visible = rgb_in_thermal_view(soft, calibration, distance_m=distance_m, grid=grid)
        # Where RGB has nothing the thermal frame itself stands, faint, so that the eye finds its place.
        below = np.where(
            visible[..., None], 255 * (seen_rgb / 255) ** _LIGHTER, 150 + grey[..., None] * 0.3
        )
        panel = below * (1 - edges) + _EDGE * edges
        caption = (
            f"plane at {distance_m:g} m: RGB sees {100 * visible.mean():.0f} % of the thermal view"
        )
        panels.append((np.rint(panel).astype(np.uint8), caption))
    title = "thermal edges over RGB, moved to the thermal view: they meet at the right distance"
    return _sheet(title, panels, columns=2 if width >= _WIDE * height else len(panels))


def _edges(grey: Picture) -> NDArray[np.float64]:
    """[h w] 0..1: the crests of the steps of temperature, a line of a few pixels each."""
    from scipy.ndimage import gaussian_filter, gaussian_gradient_magnitude

    steep = gaussian_gradient_magnitude(grey.astype(np.float64), sigma=1.0)
    crest = steep - gaussian_filter(steep, 2.5)
    low, high = np.percentile(crest, [85, 97])
    unit: NDArray[np.float64] = np.clip((crest - low) / max(high - low, 1.0), 0, 1)
    return unit


def _softened(rgb: Picture, calibration: Calibration, scale: float) -> Picture:
    """RGB without the detail that a panel of coarser pixels would turn into noise."""
    from scipy.ndimage import gaussian_filter

    finer = calibration.rgb.intrinsics[0, 0] / (calibration.thermal.intrinsics[0, 0] * scale)
    sigma = min(0.4 * np.sqrt(max(finer**2 - 1, 0)), 8.0)
    softened: Picture = gaussian_filter(rgb, (sigma, sigma, 0)) if sigma > 0.2 else rgb
    return softened


def _sheet(title: str, panels: Sequence[tuple[Picture, str]], *, columns: int) -> Image.Image:
    rows = -(-len(panels) // columns)
    high, wide = panels[0][0].shape[:2]
    sheet = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * wide + (columns - 1) * _GAP,
            2 * _MARGIN + _TITLE + rows * (high + _CAPTION) + (rows - 1) * _GAP,
        ),
        _WHITE,
    )
    pen = ImageDraw.Draw(sheet)
    small, large = ImageFont.load_default(_TEXT_PX), ImageFont.load_default(_TITLE_PX)
    pen.text((_MARGIN, _MARGIN), title, font=large, fill=_INK)
    for place, (picture, caption) in enumerate(panels):
        left = _MARGIN + place % columns * (wide + _GAP)
        top = _MARGIN + _TITLE + place // columns * (high + _CAPTION + _GAP)
        sheet.paste(Image.fromarray(picture), (left, top))
        pen.text((left, top + high + 5), caption, font=small, fill=_FAINT)
    return sheet
