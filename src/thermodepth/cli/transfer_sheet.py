"""What a transferred label looks like: does it lie on the things that the thermal camera sees?

One sheet a frame, in two columns: RGB and the teacher's map of it; the thermal frame, the label over it, the
outlines of the label over it, and why pixels have no label. A label that lies wrong shows in the outlines:
they run beside the warm things instead of around them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from thermodepth.colour import NO_VALUE, colour_depth, colour_thermal
from thermodepth.lettering import typeface
from thermodepth.teacher import Transfer
from thermodepth.teacher.warp import edges
from thermodepth.thermal import display
from thermodepth.types import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

PANEL_WIDTH = 640
LABEL_WEIGHT = 0.55  # of the label's colours over the thermal picture
OUTLINE_STEP = 0.1  # change of inverse depth that is drawn as an outline

_MARGIN, _GAP, _CAPTION, _TEXT_PX, _TITLE_PX = 16, 8, 22, 13, 16
_BAR_WIDTH, _BAR_HEIGHT = 260, 12
_WHITE, _INK, _FAINT, _OUTLINE = (255, 255, 255), (30, 30, 30), (105, 105, 105), (0, 214, 255)
#: Why a pixel has no label. Told apart by lightness too, for eyes that see fewer colours.
_HIDDEN, _OUTSIDE, _DOUBTED = (200, 60, 40), (60, 60, 68), (236, 172, 60)
_FULL_TRUST, _LEAST_TRUST = (120, 200, 255), (24, 64, 110)

Panel = tuple[str, "NDArray[np.uint8]"]


def transfer_sheet(sample: Sample, transfer: Transfer, *, title: str = "") -> Image.Image:
    """The sheet of one frame: six panels and a scale of metres.

    Args:
        sample: the frame, with RGB.
        transfer: what became of the teacher's map.
        title: one line on top; the frame's id and what was found, where it is empty.
    """
    assert sample.rgb is not None
    near_m, far_m = _limits(transfer)
    thermal = colour_thermal(display(sample.thermal, sample.thermal_unit))
    label = colour_depth(_depth(transfer.label), near_m=near_m, far_m=far_m)
    has_label = np.isfinite(transfer.label)[..., None]
    mixed = thermal * (1 - LABEL_WEIGHT) + label * LABEL_WEIGHT
    teacher = np.full(sample.rgb.shape, NO_VALUE, np.uint8)
    if transfer.teacher_inverse is not None:
        teacher = colour_depth(_depth(transfer.teacher_inverse), near_m=near_m, far_m=far_m)
    rows: list[tuple[Panel, Panel]] = [
        (("RGB", sample.rgb), ("the teacher's map, in metres", teacher)),
        (
            ("thermal", thermal),
            (
                "label over thermal",
                np.where(has_label, np.rint(mixed), thermal).astype(np.uint8),
            ),
        ),
        (
            ("outlines of the label over thermal", _outlined(thermal, transfer)),
            (
                "trust (blue), doubted (amber), hidden (red), nothing from RGB (dark)",
                _reasons(transfer),
            ),
        ),
    ]
    return _sheet(title or _title(sample, transfer), rows, near_m, far_m)


def _title(sample: Sample, transfer: Transfer) -> str:
    if transfer.rejection is not None:
        return f"{sample.sample_id}: no label, {transfer.rejection}"
    share = f"{np.isfinite(transfer.label).mean():.0%} of the thermal pixels have a label"
    fit = transfer.fit
    if fit is None or not math.isfinite(fit.residual):
        return f"{sample.sample_id}: {share}"
    return (
        f"{sample.sample_id}: {share}; median error against {fit.points} truths {fit.residual:.1%}"
    )


def _depth(inverse: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.float32(1) / inverse


def _limits(transfer: Transfer) -> tuple[float, float]:
    """(near, far) metres of the colours: what the label holds, or the teacher's map without one."""
    inverses = [m for m in (transfer.label, transfer.teacher_inverse) if m is not None]
    for inverse in inverses:
        finite = inverse[np.isfinite(inverse)]
        if finite.size:
            far, near = (1 / float(v) for v in np.percentile(finite, [5, 99.5]))
            return near, max(min(far, 80.0), 1.2 * near)
    return 1.0, 80.0


def _outlined(thermal: NDArray[np.uint8], transfer: Transfer) -> NDArray[np.uint8]:
    """Steps of the label as lines, drawn where it is doubted too: that is where steps are."""
    visible = np.where(transfer.hidden, np.float32(np.nan), transfer.warped_inverse)
    outlined = thermal.copy()
    outlined[edges(visible, reach_px=1, step=OUTLINE_STEP)] = _OUTLINE
    return outlined


def _reasons(transfer: Transfer) -> NDArray[np.uint8]:
    """Trust as shades of blue; where there is no label, the reason as a colour."""
    trust = transfer.confidence[..., None]
    shades = np.asarray(_LEAST_TRUST) * (1 - trust) + np.asarray(_FULL_TRUST) * trust
    painted = np.rint(shades).astype(np.uint8)
    unlabelled = ~np.isfinite(transfer.label)
    painted[unlabelled] = _DOUBTED
    painted[transfer.outside] = _OUTSIDE
    painted[transfer.hidden & unlabelled] = _HIDDEN
    return painted


def _sheet(title: str, rows: list[tuple[Panel, Panel]], near_m: float, far_m: float) -> Image.Image:
    heights = [
        max(round(PANEL_WIDTH * p[1].shape[0] / p[1].shape[1]) for p in pair) for pair in rows
    ]
    width = 2 * PANEL_WIDTH + _GAP + 2 * _MARGIN
    top = _MARGIN + _TITLE_PX + _GAP
    height = top + sum(h + _CAPTION + _GAP for h in heights) + _BAR_HEIGHT + _MARGIN + _GAP
    sheet = Image.new("RGB", (width, height), _WHITE)
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, _MARGIN), title, font=typeface(_TITLE_PX, bold=True), fill=_INK)
    for pair, rows_px in zip(rows, heights, strict=True):
        for column, (caption, picture) in enumerate(pair):
            left = _MARGIN + column * (PANEL_WIDTH + _GAP)
            pen.text((left, top + 3), caption, font=typeface(_TEXT_PX), fill=_FAINT)
            panel = Image.fromarray(picture).resize((PANEL_WIDTH, rows_px), Image.Resampling.BOX)
            sheet.paste(panel, (left, top + _CAPTION))
        top += rows_px + _CAPTION + _GAP
    _scale(sheet, pen, top + _GAP // 2, near_m, far_m)
    return sheet


def _scale(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, top: int, near_m: float, far_m: float
) -> None:
    """A bar of the colours of depth, with metres at its ends."""
    steps = np.geomspace(near_m, far_m, _BAR_WIDTH)[None].repeat(_BAR_HEIGHT, axis=0)
    near, far = f"{near_m:.3g} m", f"{far_m:.3g} m and farther"
    middle = top + _BAR_HEIGHT / 2
    pen.text((_MARGIN, middle), near, font=typeface(_TEXT_PX), fill=_INK, anchor="lm")
    left = round(_MARGIN + typeface(_TEXT_PX).getlength(near) + _GAP)
    sheet.paste(Image.fromarray(colour_depth(steps, near_m=near_m, far_m=far_m)), (left, top))
    pen.text(
        (left + _BAR_WIDTH + _GAP, middle), far, font=typeface(_TEXT_PX), fill=_INK, anchor="lm"
    )
