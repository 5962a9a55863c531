"""One rendered view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """RGB, long-wave and depth on one pixel grid, same instant, same pose.

    Pixel convention: the centre of the first pixel is at (0.5, 0.5); the principal point is the centre of
    the image, (w / 2, h / 2).
    """

    frame_id: str  # like street-night-0000123; a later view of the scene ends in -v1
    kind: str  # street | room
    condition: str
    seed: int
    rgb: NDArray[np.uint8]  # [h w 3]
    apparent_temperature_k: NDArray[np.float32]  # [h w] noise-free, after the optics
    depth_m: NDArray[np.float32]  # [h w] along the optical axis, NaN where the ray meets the sky
    intrinsics: NDArray[np.float32]  # [3 3] pixels
