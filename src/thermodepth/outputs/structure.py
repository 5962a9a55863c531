"""`structure.*`: inverse depth up to factor and offset; a PNG stretches it over 16 bits, larger = nearer."""

from __future__ import annotations

from pathlib import Path

from thermodepth.files import write_bytes
from thermodepth.inference.depth import Depth
from thermodepth.inference.outputs import npy, structure_png
from thermodepth.outputs.settings import OutputSettings


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
