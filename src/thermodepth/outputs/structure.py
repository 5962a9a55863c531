"""`structure.*`: inverse depth up to factor and offset; a PNG stretches it over 16 bits, larger = nearer."""

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


def structure_png(structure: NDArray[np.float32]) -> bytes:
    """The structure map over the whole 16-bit range; its own factor and offset mean nothing."""
    low, high = float(structure.min()), float(structure.max())
    share = (structure - low) / max(high - low, 1e-12)
    return encode_png((1 + np.rint(share * 65534)).astype(np.uint16))


def write_png(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The 16-bit PNG."""
    del settings
    write_bytes(path, structure_png(depth.structure))
    return ""


def write_npy(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The array as it is."""
    del settings
    write_bytes(path, npy(depth.structure))
    return ""
