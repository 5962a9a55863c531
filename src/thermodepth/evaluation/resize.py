"""A depth map to another size, bilinear in log depth.

Interpolating metres across an edge between 2 m and 50 m puts half of the new pixels at 26 m, far from
both; interpolating logarithms puts them at 10 m, the same factor from either, which is what relative
metrics see. Pixel centres are at half-integers (`align_corners=False`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resize_depth(depth_m: NDArray[np.floating], *, size: tuple[int, int]) -> NDArray[np.float64]:
    """`depth_m` [h w] brought to `size` (rows, columns), float64.

    A map of that size already comes back with its values untouched, whatever they are.

    Raises:
        ValueError: for a map that is not [h w], or one that must be resized and holds a value that is not
            finite and positive: it would spread to its neighbours.
    """
    depth = np.asarray(depth_m, dtype=np.float64)
    if depth.ndim != 2 or 0 in depth.shape:
        raise ValueError(f"a depth map is [h w], got shape {depth.shape}")
    if depth.shape == size:
        return depth
    usable = np.isfinite(depth) & (depth > 0.0)
    if not usable.all():
        raise ValueError(
            f"{int(np.count_nonzero(~usable))} of {depth.size} pixels are not finite positive metres, "
            f"so the map cannot be resized from {depth.shape} to {size} in log depth"
        )
    import cv2  # a large library; frames of the truth's own size never need it

    rows, columns = size
    resized = cv2.resize(np.log(depth), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.exp(np.asarray(resized, dtype=np.float64))
