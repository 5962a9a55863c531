"""A point cloud as PLY, binary and little-endian (Turk 1994): a header in words, then one record a point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEANING = "metres in camera axes: x right, y down, z ahead"


def ply_bytes(points: NDArray[np.float32], colours: NDArray[np.uint8]) -> bytes:
    """Args:
    points: `[n 3]` metres.
    colours: `[n 3]` RGB.
    """
    assert points.shape == colours.shape, (points.shape, colours.shape)
    record = np.dtype([("point", "<f4", 3), ("colour", "u1", 3)])
    vertices = np.empty(len(points), record)
    vertices["point"], vertices["colour"] = points, colours
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment {MEANING}",
        f"element vertex {len(points)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        "end_header\n",
    ]
    return "\n".join(header).encode("ascii") + vertices.tobytes()
