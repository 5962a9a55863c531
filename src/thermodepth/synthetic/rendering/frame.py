"""One rendered view."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thermodepth.types import RgbView


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """RGB, long-wave and depth at one instant; on one pixel grid unless `rgb_view` says otherwise.

    Pixel convention: the centre of the first pixel is at (0.5, 0.5). Camera axes: right, down, ahead.
    World axes: right, ahead, up.
    """

    frame_id: str  # street-night-0000123; later views end in -v1, frames of a sequence in -t0004
    kind: str  # a kind of scene: street, room, or another row of `sites.SITES`
    condition: str
    seed: int
    rgb: NDArray[np.uint8]  # [h w 3], or the RGB camera's own [h w 3]
    apparent_temperature_k: NDArray[np.float32]  # [h w] noise-free, after the optics
    depth_m: NDArray[np.float32]  # [h w] along the optical axis, NaN where the ray meets the sky
    intrinsics: NDArray[np.float32]  # [3 3] pixels
    sequence: str = ""  # what the frames of one scene share; "" for a frame on its own
    time_s: float = 0.0  # since the first frame of the sequence
    world_from_camera: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))  # thermal
    rgb_view: RgbView | None = None
    sky: NDArray[np.bool_] | None = None  # [h w] rays that meet nothing; None: not kept apart
    lidar_m: NDArray[np.float32] | None = None  # [h w] depth where a beam returned, NaN elsewhere
