"""Pixels that fly: at a boundary a map runs from the near surface to the far one, its points hang between.

    flying   max ln D - min ln D > ln(1 + step)   over the window around a pixel

The window is three pixels wide in a frame of 250 rows and grows with the frame, since a boundary is as wide
as a few pixels of the network's input, whatever the camera has. A surface that is seen at a grazing angle,
such as a road near the horizon, is left out with them. `benchmarks/flying_pixels.py` says how many of either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.inference.depth import Depth

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 0.1
_ROWS_OF_A_PIXEL = 250  # short side of a frame whose window reaches one pixel to each side


def flying_pixels(depth: Depth, *, step: float = STEP) -> NDArray[np.bool_]:
    """`[h w]` True where depth around a pixel changes by more than `step`, a share; 0: nowhere.

    Sky, and pixels without depth, are no neighbours: they do not make a pixel fly.
    """
    import cv2

    valid = depth.has_depth
    if step == 0 or not valid.any():
        return np.zeros(valid.shape, np.bool_)
    log_depth = np.log(np.where(valid, depth.depth_m, 1)).astype(np.float32)
    reach = max(round(min(valid.shape) / _ROWS_OF_A_PIXEL), 1)
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    far = cv2.dilate(np.where(valid, log_depth, np.float32(-1e9)), window)
    near = cv2.erode(np.where(valid, log_depth, np.float32(1e9)), window)
    flies: NDArray[np.bool_] = (far - near > np.float32(np.log1p(step))) & valid
    return flies
