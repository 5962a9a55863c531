"""`sky.png`: 8 bits, 255 where nothing but sky is seen; of models that tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from thermodepth.files import encode_png, write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.outputs.settings import OutputSettings


def has_sky(depth: Depth) -> bool:
    """Whether the model tells where there is sky."""
    return depth.sky is not None


def write_png(path: Path, depth: Depth, settings: OutputSettings) -> str:
    """The mask."""
    del settings
    assert depth.sky is not None
    write_bytes(path, encode_png(depth.sky.astype(np.uint8) * np.uint8(255)))
    return ""
