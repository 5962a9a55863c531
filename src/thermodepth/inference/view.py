"""A prediction as one picture for people: thermal, structure and metric depth side by side, with a scale.

Drawn with Pillow: a plotting library's figure would take as long as everything else in a prediction.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from thermodepth.colour import colour_depth, colour_inverse, colour_thermal
from thermodepth.files import encode_png
from thermodepth.lettering import round_metres, typeface
from thermodepth.thermal import display
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.predictor import Depth

PANEL_WIDTH = 480
SKY_COLOUR = "#8fb6d8"  # of nothing in the colours of depth

_MARGIN, _GAP, _CAPTION = 8, 14, 44
_TITLE_PX, _TEXT_PX = 19, 15
_BAR_WIDTH, _TICK, _LABEL_WIDTH = 19, 5, 84
_PAPER, _INK, _ON_SKY = "#ffffff", "#1e1e1e", "#20303c"


def view_png(result: Depth, *, thermal: NDArray[Any], unit: ThermalUnit) -> bytes:
    """Thermal, structure and metric depth side by side, with a scale in metres.

    Args:
        result: maps `[h w]`.
        thermal: the raw frame `[h w]`.
        unit: of the raw frame.

    Returns:
        The bytes of a PNG.
    """
    limits = _limits_m(result)
    far, near = (float(v) for v in np.percentile(result.structure, [0.5, 99.5]))
    high = max(near, far + 1e-6 * max(abs(far), 1.0))  # of a map without any differences, too
    depth = colour_depth(result.depth_m, near_m=limits[0], far_m=limits[1])
    if result.sky is not None:
        depth[result.sky] = ImageColor.getrgb(SKY_COLOUR)
    panels = {
        "thermal": colour_thermal(display(thermal, unit)),
        "structure": colour_inverse(result.structure, low=far, high=high),
        "metric depth": depth,
    }
    rows = max(round(PANEL_WIDTH * thermal.shape[0] / thermal.shape[1]), 1)
    right = _MARGIN + len(panels) * (PANEL_WIDTH + _GAP)  # where the scale begins
    width = right + _BAR_WIDTH + _TICK + _LABEL_WIDTH
    sheet = Image.new("RGB", (width, _CAPTION + rows + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (title, picture) in enumerate(panels.items()):
        left = _MARGIN + number * (PANEL_WIDTH + _GAP)
        middle = (left + PANEL_WIDTH / 2, _CAPTION / 2)
        pen.text(middle, title, font=typeface(_TITLE_PX), fill=_INK, anchor="mm")
        panel = Image.fromarray(picture).resize((PANEL_WIDTH, rows), Image.Resampling.BOX)
        sheet.paste(panel, (left, _CAPTION))
    if result.sky is not None and result.sky.any():
        down, across = (float(np.median(places)) + 0.5 for places in np.nonzero(result.sky))
        scale = PANEL_WIDTH / thermal.shape[1]
        place = (right - _GAP - PANEL_WIDTH + across * scale, _CAPTION + down * scale)
        pen.text(place, "sky", font=typeface(_TEXT_PX), fill=_ON_SKY, anchor="mm")
    _draw_scale(sheet, pen, right, rows, limits)
    return encode_png(np.asarray(sheet))


def _limits_m(result: Depth) -> tuple[float, float]:
    """(near, far) of the colours: one stray pixel does not take the whole scale."""
    low, high = (float(v) for v in np.percentile(result.solid_m, [0.5, 99.5]))
    near = max(low, 1e-3)
    return near, max(high, 1.05 * near)


def _draw_scale(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, left: int, rows: int, limits: tuple[float, float]
) -> None:
    """Near on top, as bright as in the picture; metres that would write over others are left out."""
    near, far = limits
    steps = np.geomspace(near, far, rows)[:, None].repeat(_BAR_WIDTH, axis=1)
    sheet.paste(Image.fromarray(colour_depth(steps, near_m=near, far_m=far)), (left, _CAPTION))
    free_from = 0.0
    for metres in round_metres(near, far):
        y = _CAPTION + (rows - 1) * math.log(metres / near) / math.log(far / near)
        if y - _TEXT_PX / 2 < free_from:
            continue
        tick = left + _BAR_WIDTH
        pen.line([(tick, y), (tick + _TICK, y)], fill=_INK)
        text = (tick + _TICK + 4, y)
        pen.text(text, f"{metres:g} m", font=typeface(_TEXT_PX), fill=_INK, anchor="lm")
        free_from = y + _TEXT_PX / 2 + 2
