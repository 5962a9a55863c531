"""Pinhole cameras: intrinsics in pixels, and how cropping, resizing and mirroring move them.

The centre of the top-left pixel lies at (0.5, 0.5), as in the area model of a pixel; then a resize by
a factor multiplies the whole first and second row of the matrix, principal point included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def pinhole(focal_px: float, width: int, height: int) -> NDArray[np.float32]:
    """The matrix `[3 3]` of a camera whose axis meets the middle of the image."""
    return np.array(
        [[focal_px, 0, width / 2], [0, focal_px, height / 2], [0, 0, 1]], dtype=np.float32
    )


def resized(
    intrinsics: NDArray[np.float32], *, scale_x: float, scale_y: float
) -> NDArray[np.float32]:
    """The matrix after the image was resized by the two factors."""
    return (np.diag([scale_x, scale_y, 1.0]) @ intrinsics).astype(np.float32)


def cropped(intrinsics: NDArray[np.float32], *, left: float, top: float) -> NDArray[np.float32]:
    """The matrix after `left` columns and `top` rows were cut away."""
    moved = intrinsics.copy()
    moved[0, 2] -= left
    moved[1, 2] -= top
    return moved


def mirrored(intrinsics: NDArray[np.float32], *, width: int) -> NDArray[np.float32]:
    """The matrix after the image was flipped left to right."""
    moved = intrinsics.copy()
    moved[0, 2] = width - moved[0, 2]
    return moved
