"""A prediction as one picture for people: thermal, structure and metric depth side by side, with a scale.

Drawn with Pillow: a plotting library's figure would take as long as everything else in a prediction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from thermodepth.colour import DEPTH_MAP, colour_depth, colour_inverse, colour_thermal
from thermodepth.files import encode_png
from thermodepth.lettering import round_metres, typeface
from thermodepth.thermal import display
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.interface import DepthMaps

PANEL_WIDTH = 480
#: Of one panel in a notebook, (columns, rows): three of them and their frame stay below a megabyte.
NOTEBOOK_PANEL = (320, 320)
_NARROWEST_PANEL = 150  # that a title fits over
SKY_COLOUR = "#8fb6d8"  # of nothing in the colours of depth

_MARGIN, _GAP, _CAPTION = 8, 14, 44
_TITLE_PX, _TEXT_PX = 19, 15
_BAR_WIDTH, _TICK, _LABEL_WIDTH = 19, 5, 84
_PAPER, _INK, _ON_SKY = "#ffffff", "#1e1e1e", "#20303c"


def view_png(
    result: DepthMaps,
    *,
    thermal: NDArray[Any] | None,
    unit: ThermalUnit | None,
    panel_width: int = PANEL_WIDTH,
    limits_m: tuple[float, float] | None = None,
    colour_map: str = DEPTH_MAP,
) -> bytes:
    """Thermal, structure and metric depth side by side, with a scale in metres.

    Args:
        result: maps `[h w]`.
        thermal: the raw frame `[h w]`; None leaves its panel out.
        unit: of the raw frame.
        panel_width: pixels of each of them.
        limits_m: (near, far) of the colours of depth; None: those of the frame.
        colour_map: of depth and structure.

    Returns:
        The bytes of a PNG.
    """
    panels = {} if thermal is None or unit is None else {"thermal": thermal_picture(thermal, unit)}
    panels["structure"] = structure_picture(result, colour_map=colour_map)
    sheet = view_sheet(
        result, panels, panel_width=panel_width, limits_m=limits_m, colour_map=colour_map
    )
    return encode_png(np.asarray(sheet))


def notebook_png(result: DepthMaps) -> bytes:
    """The same of the frame that the result carries, of bounded size whatever the frame's."""
    rows, columns = result.depth_m.shape
    widest, highest = NOTEBOOK_PANEL
    width = max(min(widest, round(highest * columns / rows)), _NARROWEST_PANEL)
    panels = {"structure": structure_picture(result)}
    if result.thermal is not None and result.thermal_unit is not None:
        panels = {"thermal": thermal_picture(result.thermal, result.thermal_unit), **panels}
    sheet = view_sheet(result, panels, panel_width=width)
    tallest = highest + _CAPTION + _MARGIN
    if sheet.height > tallest:  # of a strip that stands
        sheet = sheet.resize((max(round(sheet.width * tallest / sheet.height), 1), tallest))
    return encode_png(np.asarray(sheet))


def depth_picture(
    result: DepthMaps,
    *,
    limits_m: tuple[float, float] | None = None,
    colour_map: str = DEPTH_MAP,
) -> NDArray[np.uint8]:
    """`[h w 3]` RGB: near is bright, sky has its own colour, no value is grey."""
    near, far = limits_m or depth_limits_m(result)
    picture = colour_depth(result.depth_m, near_m=near, far_m=far, name=colour_map)
    if result.sky is not None:
        picture[result.sky] = ImageColor.getrgb(SKY_COLOUR)
    return picture


def structure_picture(
    result: DepthMaps,
    *,
    limits: tuple[float, float] | None = None,
    colour_map: str = DEPTH_MAP,
) -> NDArray[np.uint8]:
    """`[h w 3]` RGB: near is bright."""
    low, high = limits or structure_limits(result)
    return colour_inverse(result.structure, low=low, high=high, name=colour_map)


def structure_limits(result: DepthMaps) -> tuple[float, float]:
    """(far, near) of the colours of a structure map, in its own numbers."""
    far, near = (float(v) for v in np.nanpercentile(result.structure, [0.5, 99.5]))
    return far, max(near, far + 1e-6 * max(abs(far), 1.0))  # of a map without any differences, too


def thermal_picture(thermal: NDArray[Any], unit: ThermalUnit) -> NDArray[np.uint8]:
    """`[h w 3]` RGB: hot is bright."""
    return colour_thermal(display(thermal, unit))


def depth_limits_m(result: DepthMaps) -> tuple[float, float]:
    """(near, far) of the colours: one stray pixel does not take the whole scale."""
    metres = result.depth_m[result.has_depth]
    if not metres.size:  # nothing but sky
        metres = result.depth_m[np.isfinite(result.depth_m) & (result.depth_m > 0)]
    if not metres.size:
        return 1.0, 2.0
    low, high = (float(v) for v in np.percentile(metres, [0.5, 99.5]))
    near = max(low, 1e-3)
    return near, max(high, 1.05 * near)


def view_sheet(
    result: DepthMaps,
    panels: Mapping[str, NDArray[np.uint8]],
    *,
    panel_width: int = PANEL_WIDTH,
    limits_m: tuple[float, float] | None = None,
    colour_map: str = DEPTH_MAP,
    depth_title: str = "metric depth",
) -> Image.Image:
    """Pictures side by side under their titles, metric depth behind them, and its scale.

    Args:
        result: maps `[h w]`.
        panels: title -> `[h w 3]` RGB.
        panel_width: pixels of each.
        limits_m: (near, far) of the colours of depth; None: those of the frame.
        colour_map: of depth.
        depth_title: over it.
    """
    limits_m = limits_m or depth_limits_m(result)
    frame_rows, frame_columns = result.depth_m.shape
    drawn = depth_picture(result, limits_m=limits_m, colour_map=colour_map)
    panels = {**panels, depth_title: drawn}
    rows = max(round(panel_width * frame_rows / frame_columns), 1)
    right = _MARGIN + len(panels) * (panel_width + _GAP)  # where the scale begins
    width = right + _BAR_WIDTH + _TICK + _LABEL_WIDTH
    sheet = Image.new("RGB", (width, _CAPTION + rows + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (title, picture) in enumerate(panels.items()):
        panel_x = _MARGIN + number * (panel_width + _GAP)
        pen.text(
            (panel_x + panel_width / 2, _CAPTION / 2),
            title,
            font=typeface(_TITLE_PX),
            fill=_INK,
            anchor="mm",
        )
        panel = Image.fromarray(picture).resize((panel_width, rows), Image.Resampling.BOX)
        sheet.paste(panel, (panel_x, _CAPTION))
    depth_corner = right - _GAP - panel_width, _CAPTION
    mark_sky(pen, result, corner=depth_corner, scale=panel_width / frame_columns)
    _draw_scale(sheet, pen, right, rows, limits_m, colour_map)
    return sheet


def mark_sky(
    pen: ImageDraw.ImageDraw, result: DepthMaps, *, corner: tuple[float, float], scale: float
) -> None:
    """The word in the middle of the sky, where there is any, of a panel whose top left corner is `corner`."""
    if result.sky is None or not result.sky.any():
        return
    row, column = (float(np.median(indices)) + 0.5 for indices in np.nonzero(result.sky))
    centre = (corner[0] + column * scale, corner[1] + row * scale)
    pen.text(centre, "sky", font=typeface(_TEXT_PX), fill=_ON_SKY, anchor="mm")


def _draw_scale(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    bar_x: int,
    rows: int,
    limits: tuple[float, float],
    colour_map: str,
) -> None:
    """Near on top, as bright as in the picture; metres that would write over others are left out."""
    near, far = limits
    steps = np.geomspace(near, far, rows)[:, None].repeat(_BAR_WIDTH, axis=1)
    bar = colour_depth(steps, near_m=near, far_m=far, name=colour_map)
    sheet.paste(Image.fromarray(bar), (bar_x, _CAPTION))
    free_from = 0.0
    for metres in round_metres(near, far):
        y = _CAPTION + (rows - 1) * math.log(metres / near) / math.log(far / near)
        if y - _TEXT_PX / 2 < free_from:
            continue
        tick = bar_x + _BAR_WIDTH
        pen.line([(tick, y), (tick + _TICK, y)], fill=_INK)
        text = (tick + _TICK + 4, y)
        pen.text(text, f"{metres:g} m", font=typeface(_TEXT_PX), fill=_INK, anchor="lm")
        free_from = y + _TEXT_PX / 2 + 2
