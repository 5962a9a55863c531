"""What a source states of its lens, as a matrix in pixels of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.camera import focal_of_view
from thermodepth.thermal import Margins

if TYPE_CHECKING:
    from numpy.typing import NDArray


def centred_intrinsics(view_deg: float, shape: Sequence[int]) -> NDArray[np.float64]:
    """`[3 3]` of frames `[h w]` whose columns see so many degrees; the axis meets their middle."""
    rows, columns = shape
    focal_px = focal_of_view(view_deg, columns)
    return np.array([[focal_px, 0, columns / 2], [0, focal_px, rows / 2], [0, 0, 1]], np.float64)


def cut_intrinsics(intrinsics: NDArray[np.float64], margins: Margins) -> NDArray[np.float64]:
    """`[3 3]` after rows and columns were dropped."""
    moved = intrinsics.copy()
    moved[0, 2] -= margins.left
    moved[1, 2] -= margins.top
    return moved
