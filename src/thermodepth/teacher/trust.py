"""How far each pixel of a transferred label can be trusted: the product of what speaks against it, 0 to 1.

- An edge of depth nearby, in either view: calibration and the teacher are at their worst there.
- A surface that RGB saw from so flat an angle that few of its pixels became many of the thermal frame.
- Truth nearby that the teacher's map does not meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from thermodepth.config import Settings
from thermodepth.teacher.metric_fit import relative_errors
from thermodepth.teacher.warp import WarpedView, edges
from thermodepth.types import RgbView

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Truth speaks for its surroundings in cells, so many across the RGB picture.
CELLS_ACROSS = 76
#: Error of the truth nearby that leaves no trust.
LOCAL_ERROR = 0.3
#: Area of RGB per thermal pixel, as a share of that of a surface facing both cameras, for full trust.
FULL_SHARE = 0.5


class TrustSettings(Settings):
    """Which pixels of a transferred map become a label."""

    #: An edge of depth: a second difference of inverse depth above this share of it ...
    edge_step: float = Field(default=0.1, gt=0, le=1)
    #: ... within so many RGB pixels: about as wide as the teacher's own edges.
    edge_reach_px: int = Field(default=3, ge=1, le=16)
    #: Trust comes back over so many RGB pixels beside that.
    edge_margin_px: float = Field(default=2.0, gt=0, le=64)
    #: What is trusted less has no label.
    min_confidence: float = Field(default=0.5, gt=0, le=1)


def confidence_of(
    inverse: NDArray[np.float32],
    truth_m: NDArray[np.float32] | None,
    warped: WarpedView,
    *,
    view: RgbView,
    intrinsics: NDArray[Any],
    settings: TrustSettings,
) -> NDArray[np.float32]:
    """`[h w]` 0 to 1 per thermal pixel; 0 where RGB saw nothing.

    Args:
        inverse: `[h' w']` 1 / metres in the RGB view, NaN = none.
        truth_m: `[h' w']` metres in the RGB view, NaN = none.
        warped: what `warp` made of `inverse`.
        view: the RGB camera.
        intrinsics: `[3 3]` of the thermal camera.
        settings: what counts as an edge.
    """
    import cv2

    step = edges(inverse, reach_px=settings.edge_reach_px, step=settings.edge_step)
    step |= np.isnan(inverse)
    away = cv2.distanceTransform((~step).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    trust_rgb = np.minimum(away / np.float32(settings.edge_margin_px), 1)
    if truth_m is not None:
        trust_rgb *= _local_trust(inverse, truth_m)
    column, row = (
        np.nan_to_num(m, nan=-9.0) - np.float32(0.5) for m in (warped.column, warped.row)
    )
    trust: NDArray[np.float32] = cv2.remap(
        trust_rgb, column, row, cv2.INTER_LINEAR, borderValue=0.0
    )
    trust *= _spread_trust(warped, view.intrinsics, intrinsics)
    clear = np.isfinite(warped.inverse) & ~warped.hidden
    visible = np.where(clear, warped.inverse, np.float32(np.nan))
    trust[~clear | edges(visible, reach_px=1, step=settings.edge_step)] = 0
    return trust


def _spread_trust(
    warped: WarpedView, rgb_intrinsics: NDArray[Any], intrinsics: NDArray[Any]
) -> NDArray[np.float32]:
    """`[h w]` less than 1 where few pixels of RGB were spread over many of the thermal frame."""
    rgb_focal = float(rgb_intrinsics[0, 0] * rgb_intrinsics[1, 1])
    facing = rgb_focal / float(intrinsics[0, 0] * intrinsics[1, 1])
    column_down, column_across = np.gradient(warped.column)
    row_down, row_across = np.gradient(warped.row)
    area = np.abs(column_across * row_down - column_down * row_across)
    share: NDArray[np.float32] = area / np.float32(facing * FULL_SHARE)
    # Beside a gap it is unknown, and the edge of the gap is judged elsewhere.
    return np.where(share < 1, share, np.float32(1))


def _local_trust(inverse: NDArray[np.float32], truth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """`[h' w']` 1 where truth nearby is met, or where there is none to ask; 0 where it is far off."""
    import cv2

    height, width = inverse.shape
    rows, columns = np.nonzero(np.isfinite(truth_m) & np.isfinite(inverse))
    if not rows.size:
        return np.ones(inverse.shape, np.float32)
    across = min(CELLS_ACROSS, width)
    down = max(round(across * height / width), 1)
    errors = relative_errors(inverse[rows, columns], truth_m[rows, columns]).clip(0, LOCAL_ERROR)
    cell = (rows * down // height) * across + columns * across // width
    count, total = (
        np.bincount(cell, weights, down * across).reshape(down, across)
        for weights in (None, errors)
    )
    # Neighbouring cells speak too, and one truth on its own weighs little against one of none.
    blurred = [cv2.GaussianBlur(m.astype(np.float32), (0, 0), 1) for m in (count, total)]
    mean = blurred[1] / (blurred[0] + np.float32(0.5))
    trust: NDArray[np.float32] = cv2.resize(1 - mean / np.float32(LOCAL_ERROR), (width, height))
    trust.clip(0, 1, out=trust)
    return trust
