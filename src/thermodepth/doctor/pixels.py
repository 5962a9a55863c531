"""Pixels that are wrong in every frame: stuck, dead, hot, whole columns and rows.

A thermal pixel never gives the same number for long, because the noise alone moves it; one that does is
stuck. One that always stands far from its neighbours while scenes come and go is dead or hot. Only sums
over frames are kept, three maps for each frame size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Fewer scenes say little about a pixel: what stands out may be what is seen.
MIN_FRAMES = 16
#: More frames do not change a mean over frames; they cost a median filter each.
MOST_FRAMES = 200
NEIGHBOURS = 5  # side of the median window: sees past two broken columns side by side
CLIP_SIGMA = 10.0  # of one frame, so that no single scene decides
#: Mean distance from the neighbours, in robust standard deviations of the frame: fixed pattern noise
#: and lens shading stay below 4, a pixel without signal is at the clip in every frame.
OUTLIER_SIGMA = 9.0
#: What always stands in view, a bonnet or a table's edge, has outliers too; but optics blur it, so around
#: them others stand out as well. Half the clip is far from noise.
NOISY_SIGMA, AROUND, MOST_AROUND = 5.0, 7, 3  # sigma, side of the square, pixels in it
#: Above this share of the picture nothing can be said of single pixels: it is scenery.
MOST_SHARE = 0.02
LINE_SHARE = 0.8  # of a column or row that is broken, to call all of it broken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviation:
    """What one frame says of its pixels."""

    thermal: NDArray[np.float32]  # [h w]
    sigma: NDArray[np.float32]  # [h w] signed distance from the neighbours, clipped


def deviation(thermal: NDArray[Any]) -> Deviation:
    """`[h w]` finite."""
    import cv2

    values = thermal.astype(np.float32)
    residual = values - cv2.medianBlur(values, NEIGHBOURS)
    noise = 1.4826 * float(np.median(np.abs(residual)))
    if noise == 0:  # hardly any noise, as in 8-bit pictures: the mean is not 0
        noise = float(np.abs(residual).mean())
    sigma = residual / max(noise, 1e-6)
    return Deviation(
        thermal=values, sigma=np.clip(sigma, -CLIP_SIGMA, CLIP_SIGMA).astype(np.float32)
    )


class PixelWatch:
    """The frames of one size, added up."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.frames = 0
        self._low = np.full(size, np.inf, np.float32)
        self._high = np.full(size, -np.inf, np.float32)
        self._sigma = np.zeros(size, np.float32)

    def add(self, frame: Deviation) -> None:
        """One more frame, `[h w]` of this size."""
        self.frames += 1
        np.minimum(self._low, frame.thermal, out=self._low)
        np.maximum(self._high, frame.thermal, out=self._high)
        self._sigma += frame.sigma

    def broken(self) -> tuple[list[int], list[int], list[tuple[int, int]]]:
        """(columns, rows, single pixels as (row, column)) that are wrong all the time."""
        import cv2

        if self.frames < MIN_FRAMES:
            return [], [], []
        stuck = self._low == self._high
        sigma = np.abs(self._sigma) / self.frames
        bad = stuck | (sigma >= OUTLIER_SIGMA)
        columns = np.nonzero(bad.mean(axis=0) >= LINE_SHARE)[0]
        rows = np.nonzero(bad.mean(axis=1) >= LINE_SHARE)[0]
        most_lines = [MOST_SHARE * side + 1 for side in self.size]
        if len(rows) > most_lines[0] or len(columns) > most_lines[1]:
            return [], [], []
        around = (stuck | (sigma >= NOISY_SIGMA)).astype(np.float32)
        for mask in (bad, around):
            mask[:, columns] = False
            mask[rows] = False
        alone = cv2.boxFilter(around, -1, (AROUND, AROUND), normalize=False) <= MOST_AROUND
        single = np.argwhere(bad & alone) if bad.mean() <= MOST_SHARE else np.empty((0, 2), int)
        return columns.tolist(), rows.tolist(), [(int(r), int(c)) for r, c in single]
