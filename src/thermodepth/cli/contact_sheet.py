"""A contact sheet of RGB, thermal and depth: what `data preview` draws, to see what a data set is.

Drawn with Pillow, which starts in a tenth of the time of a matplotlib figure, in the typeface that
matplotlib brings along.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from thermodepth.colour import NO_VALUE, colour_depth, colour_thermal, depth_limits
from thermodepth.errors import DataError
from thermodepth.lettering import round_metres, typeface
from thermodepth.thermal import display
from thermodepth.types import Sample, ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
PANEL_WIDTH = 256
ONE_COLUMN = 3  # up to this many frames stand below each other, more in two columns
JPEG_QUALITY = 90

_TALLEST = 1.25  # of a panel, relative to its width
_MARGIN, _GAP, _CAPTION, _BETWEEN = 16, 4, 22, 12  # pixels
_TITLE, _BAR_WIDTH, _BAR, _TICKS = 28, 320, 14, 24
_TEXT_PX, _TITLE_PX = 12, 15
_WHITE, _INK, _FAINT = (255, 255, 255), (30, 30, 30), (105, 105, 105)
_ON_GREY = (70, 70, 70)
#: Percentiles that captions give; thermal panels are stretched over them.
_BAND_LOW, _BAND_HIGH = 1, 99


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One frame, reduced to what the sheet shows of it."""

    title: str
    details: str
    rgb: Image.Image | None
    thermal: Image.Image
    depth_m: NDArray[np.float32] | None  # [h w] as large as its panel


def make_shot(sample: Sample, title: str, *, panel_width: int = PANEL_WIDTH) -> Shot:
    """A frame with its title, at the size of its panels; what it measures follows the title."""
    grey = colour_thermal(display(sample.thermal, sample.thermal_unit))
    depth_m = sample.depth_m
    return Shot(
        title=title,
        details=_details(sample),
        rgb=None if sample.rgb is None else _resized(sample.rgb, panel_width),
        thermal=_resized(grey, panel_width),
        depth_m=None if depth_m is None else _nearest(depth_m, panel_width),
    )


def _details(sample: Sample) -> str:
    """Condition, size, thermal range and depth range in words."""
    parts = [] if sample.condition in sample.sample_id else [sample.condition]
    low, high = np.percentile(sample.thermal, [_BAND_LOW, _BAND_HIGH]).tolist()
    if sample.thermal_unit is ThermalUnit.KELVIN:
        parts.append(f"{low - 273.15:.1f} to {high - 273.15:.1f} °C")
    else:
        parts.append(f"{sample.thermal_unit} {low:.0f} to {high:.0f}")
    if sample.depth_m is not None:
        valid = sample.depth_m[np.isfinite(sample.depth_m) & (sample.depth_m > 0)]
        if valid.size:
            near, far = np.percentile(valid, [_BAND_LOW, _BAND_HIGH]).tolist()
            parts.append(f"{near:.3g} to {far:.3g} m")
    height, width = sample.size
    return "   ".join([*parts, f"{width}x{height}"])


def _fitted(height: int, width: int, panel_width: int) -> tuple[int, int]:
    """(rows, columns) that fill a panel without changing the shape."""
    scale = min(panel_width / width, _TALLEST * panel_width / height)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _resized(picture: NDArray[np.uint8], panel_width: int) -> Image.Image:
    rows, columns = _fitted(picture.shape[0], picture.shape[1], panel_width)
    return Image.fromarray(picture).resize((columns, rows), Image.Resampling.BICUBIC)


def _nearest(values: NDArray[Any], panel_width: int) -> NDArray[Any]:
    """Depth is picked, never mixed: between a near and a far pixel there is nothing."""
    height, width = values.shape
    rows, columns = _fitted(height, width, panel_width)
    picked_rows = ((np.arange(rows) + 0.5) * height / rows).astype(np.intp)
    picked_columns = ((np.arange(columns) + 0.5) * width / columns).astype(np.intp)
    picked: NDArray[Any] = values[picked_rows[:, None], picked_columns]
    return picked


def draw_sheet(
    title: str,
    shots: Sequence[Shot],
    *,
    panel_width: int = PANEL_WIDTH,
    columns: int | None = None,
) -> Image.Image:
    """Cells of RGB, thermal and depth under one depth scale, in one or two columns unless told.

    Frames of unlike shape are centred in panels as high as the tallest.
    """
    limits = _limits(shots)
    panel = max(shot.thermal.height for shot in shots), panel_width
    columns = columns or (1 if len(shots) <= ONE_COLUMN else 2)
    cell_width = 3 * panel_width + 2 * _GAP
    cell_height = _CAPTION + panel[0]
    rows = math.ceil(len(shots) / columns)
    top = _MARGIN + _TITLE + (_BAR + _TICKS if limits else 0) + _BETWEEN // 2
    sheet = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * cell_width + (columns - 1) * _MARGIN,
            top + rows * (cell_height + _BETWEEN) - _BETWEEN + _MARGIN,
        ),
        _WHITE,
    )
    pen = ImageDraw.Draw(sheet)
    _write(pen, (_MARGIN, _MARGIN), title, sheet.width - 2 * _MARGIN, bold=True)
    if limits:
        _draw_scale(sheet, _MARGIN, _MARGIN + _TITLE, limits)
    for number, shot in enumerate(shots):
        left = _MARGIN + number % columns * (cell_width + _MARGIN)
        _draw_cell(
            sheet, shot, (left, top + number // columns * (cell_height + _BETWEEN)), panel, limits
        )
    return sheet


def _limits(shots: Sequence[Shot]) -> tuple[float, float] | None:
    """One scale for all; none where no frame has any depth."""
    try:
        return depth_limits([shot.depth_m for shot in shots if shot.depth_m is not None])
    except DataError:
        return None


def _draw_cell(
    sheet: Image.Image,
    shot: Shot,
    corner: tuple[int, int],
    panel: tuple[int, int],
    limits: tuple[float, float] | None,
) -> None:
    """A caption and three panels below it; `panel` is (rows, columns)."""
    left, top = corner
    rows, columns = panel
    width = 3 * columns + 2 * _GAP
    pen = ImageDraw.Draw(sheet)
    room = width - typeface(_TEXT_PX).getlength(shot.details) - 2 * _GAP
    _write(pen, (left, top + 3), shot.title, room)
    pen.text(
        (left + width, top + 3), shot.details, font=typeface(_TEXT_PX), fill=_FAINT, anchor="ra"
    )
    depth = None
    if shot.depth_m is not None and limits:
        painted = colour_depth(shot.depth_m, near_m=limits[0], far_m=limits[1])
        depth = Image.fromarray(painted)
    for picture, missing in ((shot.rgb, "no RGB"), (shot.thermal, ""), (depth, "no depth")):
        box = (left, top + _CAPTION, left + columns - 1, top + _CAPTION + rows - 1)
        pen.rectangle(box, fill=NO_VALUE)
        if picture is None:
            middle = (left + columns // 2, top + _CAPTION + rows // 2)
            pen.text(middle, missing, font=typeface(_TEXT_PX), fill=_ON_GREY, anchor="mm")
        else:
            across, down = (columns - picture.width) // 2, (rows - picture.height) // 2
            sheet.paste(picture, (box[0] + across, box[1] + down))
        left += columns + _GAP


def _draw_scale(sheet: Image.Image, left: int, top: int, limits: tuple[float, float]) -> None:
    """The depth scale with round metres below it, and how to read the panels beside it."""
    near, far = limits
    steps = np.geomspace(near, far, _BAR_WIDTH)[None, :].repeat(_BAR, axis=0)
    sheet.paste(Image.fromarray(colour_depth(steps, near_m=near, far_m=far)), (left, top))
    pen = ImageDraw.Draw(sheet)
    font = typeface(_TEXT_PX)
    free_from = 0.0
    for metres in round_metres(near, far):
        x = left + (_BAR_WIDTH - 1) * math.log(metres / near) / math.log(far / near)
        text = f"{metres:g} m"
        half = font.getlength(text) / 2
        at = max(x, left + half)
        pen.line([(x, top + _BAR), (x, top + _BAR + 3)], fill=_INK)
        if at - half > free_from:
            pen.text((at, top + _BAR + 4), text, font=font, fill=_INK, anchor="ma")
            free_from = at + half + 4
    beside = left + _BAR_WIDTH + 2 * _MARGIN
    text = "RGB, thermal (white is hot), depth (grey: no value)"
    pen.text((beside, top + _BAR / 2), text, font=font, fill=_FAINT, anchor="lm")


def _write(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, room: float, *, bold: bool = False
) -> None:
    """A line of text, cut where the room ends."""
    font = typeface(_TITLE_PX if bold else _TEXT_PX, bold=bold)
    if font.getlength(text) > room:
        while text and font.getlength(f"{text}…") > room:
            text = text[:-1]
        text += "…"
    pen.text(at, text, font=font, fill=_INK)


def encode(sheet: Image.Image, picture_format: str) -> bytes:
    """A sheet as the bytes of a PNG or JPEG file."""
    stream = io.BytesIO()
    options: dict[str, Any] = (
        {"optimize": True}
        if picture_format == "PNG"
        else {"quality": JPEG_QUALITY, "subsampling": 0, "optimize": True}
    )
    sheet.save(stream, picture_format, **options)
    return stream.getvalue()
