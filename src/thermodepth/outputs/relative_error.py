"""`relative_error.*`: what the error is expected to stay below at 68 % of the pixels, a share of the depth.

    .png   uint16, larger = worse: thousandths; 65535 = 65.535 or more, 0 = none (sky)
    .npy   float32 as a share, NaN = none

`relative_error_90.*` is the same for 90 %. Of models that tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.files import encode_png, write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.outputs.arrays import npy
from thermodepth.outputs.settings import OutputSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_ONE = 1000


def relative_error_png(relative_error: NDArray[np.float32]) -> bytes:
    """A relative error in thousandths as a 16-bit PNG, larger = worse; NaN is 0."""
    steps = np.rint(np.clip(relative_error, 1 / PER_ONE, 65535 / PER_ONE) * PER_ONE)
    return encode_png(np.where(np.isnan(relative_error), 0, steps).astype(np.uint16))


def has_error(depth: Depth) -> bool:
    """Whether the model tells its relative error."""
    return depth.relative_error is not None


def has_error_90(depth: Depth) -> bool:
    """Whether it tells it for 90 % of the pixels."""
    return depth.relative_error_90 is not None


def write_error(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """At 68 %."""
    del settings
    return _write(path, depth, depth.relative_error)


def write_error_90(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """At 90 %."""
    del settings
    return _write(path, depth, depth.relative_error_90)


def _write(path: Path, depth: Depth, error: NDArray[np.float32] | None) -> str:
    assert error is not None
    if depth.sky is not None:  # which has no depth to be wrong about
        error = np.where(depth.sky, np.float32(np.nan), error)
    write_bytes(path, npy(error) if path.suffix == ".npy" else relative_error_png(error))
    return ""
