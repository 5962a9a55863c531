"""`depth.*`: the metric depth of a frame, for machines.

    .png          uint16, metres = value / 256, 0 = none (the convention of KITTI and MS2)
    .npy          float32 metres
    .tiff, .exr   float32 metres, NaN = none

The map goes on, far, where there is sky: `sky.png` says where that is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.depth_files import write_depth_values
from thermodepth.files import encode_png, write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.outputs.arrays import npy
from thermodepth.outputs.settings import OutputSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_METRE = 256
FURTHEST_M = 65535 / PER_METRE


def depth_png(depth_m: NDArray[np.float32]) -> bytes:
    """Metric depth as a 16-bit PNG; what is further than 255.996 m is stored as that."""
    steps = np.rint(np.clip(depth_m, 1 / PER_METRE, FURTHEST_M) * PER_METRE)
    return encode_png(np.where(np.isfinite(depth_m), steps, 0).astype(np.uint16))


def write_png(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The 16-bit PNG; says how many pixels lie beyond what it can hold."""
    del settings
    write_bytes(path, depth_png(depth.depth_m))
    beyond = int(np.count_nonzero(depth.has_depth & (depth.depth_m > FURTHEST_M + 0.5 / PER_METRE)))
    if not beyond:
        return ""
    return (
        f"{path.name}: {beyond} of {depth.depth_m.size} pixels lie beyond {FURTHEST_M:.3f} m, the end of 16 "
        "bits, and are stored as that; depth.npy, depth.tiff and depth.exr keep them"
    )


def write_npy(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The array as it is."""
    del settings
    write_bytes(path, npy(depth.depth_m))
    return ""


def write_values(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """TIFF or OpenEXR, by the path's suffix."""
    del settings
    return write_depth_values(path, depth.depth_m, per_metre=PER_METRE)
