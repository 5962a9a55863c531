"""A point cloud as PCD 0.7, binary: PCL's own format, which has colours as one packed 32-bit field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermodepth.outputs.ply import MEANING

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pcd_bytes(points: NDArray[np.float32], colours: NDArray[np.uint8]) -> bytes:
    """Args:
    points: `[n 3]` metres.
    colours: `[n 3]` RGB.
    """
    assert points.shape == colours.shape, (points.shape, colours.shape)
    vertices = np.empty(len(points), np.dtype([("point", "<f4", 3), ("rgb", "<u4")]))
    red, green, blue = colours.astype(np.uint32).T
    vertices["point"], vertices["rgb"] = points, red << 16 | green << 8 | blue
    header = [
        f"# .PCD v0.7 - {MEANING}",
        "VERSION 0.7",
        "FIELDS x y z rgb",
        "SIZE 4 4 4 4",
        "TYPE F F F F",  # as PCL writes it: the bits of the four bytes, whatever number they would be
        "COUNT 1 1 1 1",
        f"WIDTH {len(points)}",
        "HEIGHT 1",
        "VIEWPOINT 0 0 0 1 0 0 0",
        f"POINTS {len(points)}",
        "DATA binary\n",
    ]
    return "\n".join(header).encode("ascii") + vertices.tobytes()
