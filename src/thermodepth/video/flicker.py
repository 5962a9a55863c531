"""How much depth flickers: the mean of |ln D_t - ln D_t-1| over what stands still.

A pixel stands still where the thermal picture changes by no more than its noise, and there is no sky in
either frame. Frames of a closed shutter, and the first ones of a scene, have none before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.inference.depth import Depth

if TYPE_CHECKING:
    from numpy.typing import NDArray

STILL = 0.3  # of the evidence of a change
#: Below this share of pixels that stand still nothing is said.
LEAST_STILL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Flicker:
    """Means over a video, as shares of the depth: 0.02 is 2 % a frame."""

    before: float  # as the model gives it
    after: float  # as it is written
    still_share: float  # of the pixels without sky
    pairs: int  # of frames

    def __str__(self) -> str:
        return (
            f"flicker of what stands still: {self.before:.2%} a frame before, {self.after:.2%} after "
            f"({self.still_share:.0%} of the pixels)"
        )


@dataclass(slots=True)
class FlickerMeter:
    """One a video."""

    _last: tuple[Depth, Depth] | None = None
    _sums: tuple[float, float] = (0.0, 0.0)
    _still: int = 0
    _pixels: int = 0
    _pairs: int = 0

    def restart(self) -> None:
        """The next frame has none before it."""
        self._last = None

    def add(self, before: Depth, after: Depth, change: NDArray[np.float32] | None) -> None:
        """One more frame.

        Args:
            before: as the model gave it.
            after: as it is written.
            change: `[h w]` of the thermal picture since the frame before, 0 to 1; None of a first frame.
        """
        last, self._last = self._last, (before, after)
        if last is None or change is None or last[0].depth_m.shape != before.depth_m.shape:
            return
        solid = before.has_depth & last[0].has_depth & after.has_depth & last[1].has_depth
        still = solid & (change < STILL)
        sums = (
            float(np.abs(np.log(now.depth_m[still] / then.depth_m[still])).sum(dtype=np.float64))
            for then, now in zip(last, (before, after), strict=True)
        )
        self._sums = self._sums[0] + next(sums), self._sums[1] + next(sums)
        self._still += int(still.sum())
        self._pixels += int(solid.sum())
        self._pairs += 1

    @property
    def flicker(self) -> Flicker | None:
        """None where less than `LEAST_STILL` stands still, or there are no two frames."""
        if not self._pixels or self._still < LEAST_STILL * self._pixels:
            return None
        return Flicker(
            before=self._sums[0] / self._still,
            after=self._sums[1] / self._still,
            still_share=self._still / self._pixels,
            pairs=self._pairs,
        )
