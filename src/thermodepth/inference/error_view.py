"""The expected relative error as a picture for people: light where depth is surer, dark where it is worse.

Its colours are of another family than those of depth, so that neither is taken for the other, and title and
scale both say which end is which.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from thermodepth.colour import paint
from thermodepth.files import encode_png
from thermodepth.inference.view import PANEL_WIDTH, SKY_COLOUR, mark_sky
from thermodepth.lettering import typeface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from thermodepth.inference.depth import Depth

ERROR_MAP = "Reds"
TITLE = "expected relative error: darker = worse"

_MARGIN, _CAPTION, _BAR_WIDTH, _GAP, _LABEL_WIDTH = 8, 44, 19, 14, 120
_TITLE_PX, _TEXT_PX = 19, 15
_PAPER, _INK = "#ffffff", "#1e1e1e"
_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # of a scale's end, as shares


def error_png(result: Depth) -> bytes:
    """The expected relative error at 68 % of the pixels, with its scale in per cent; sky in its own colour.

    Args:
        result: of a model that tells its relative error.

    Returns:
        The bytes of a PNG.
    """
    assert result.relative_error is not None, "the model tells no relative error"
    rows, columns = result.relative_error.shape
    end = _scale_end(result)
    picture = paint(np.clip(result.relative_error / end, 0, 1), name=ERROR_MAP)
    if result.sky is not None:
        picture[result.sky] = ImageColor.getrgb(SKY_COLOUR)
    height = max(round(PANEL_WIDTH * rows / columns), 1)
    width = _MARGIN + PANEL_WIDTH + _GAP + _BAR_WIDTH + _LABEL_WIDTH
    sheet = Image.new("RGB", (width, _CAPTION + height + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    middle = (_MARGIN + PANEL_WIDTH / 2, _CAPTION / 2)
    pen.text(middle, TITLE, font=typeface(_TITLE_PX), fill=_INK, anchor="mm")
    panel = Image.fromarray(picture).resize((PANEL_WIDTH, height), Image.Resampling.BOX)
    sheet.paste(panel, (_MARGIN, _CAPTION))
    mark_sky(pen, result, corner=(_MARGIN, _CAPTION), scale=PANEL_WIDTH / columns)
    _draw_scale(sheet, pen, height, end)
    return encode_png(np.asarray(sheet))


def _scale_end(result: Depth) -> float:
    """The share at the dark end: a round number that nearly all of the frame stays below."""
    assert result.relative_error is not None
    errors: NDArray[np.float32] = result.relative_error[result.has_depth]
    highest = float(np.percentile(errors, 99)) if errors.size else 0.0
    return next((step for step in _STEPS if step >= highest), math.ceil(highest))


def _draw_scale(sheet: Image.Image, pen: ImageDraw.ImageDraw, height: int, end: float) -> None:
    """Worst on top; the two ends are named as well as numbered."""
    bar_x = _MARGIN + PANEL_WIDTH + _GAP
    shares = np.linspace(1, 0, height)[:, None].repeat(_BAR_WIDTH, axis=1)
    sheet.paste(Image.fromarray(paint(shares, name=ERROR_MAP)), (bar_x, _CAPTION))
    font, x = typeface(_TEXT_PX), bar_x + _BAR_WIDTH + 6
    pen.text((x, _CAPTION + _TEXT_PX / 2), f"{end:.0%} (worse)", font=font, fill=_INK, anchor="lm")
    if height > 4 * _TEXT_PX:
        middle, bottom = _CAPTION + height / 2, _CAPTION + height - 1 - _TEXT_PX / 2
        pen.text((x, middle), f"{100 * end / 2:g}%", font=font, fill=_INK, anchor="lm")
        pen.text((x, bottom), "0% (better)", font=font, fill=_INK, anchor="lm")
