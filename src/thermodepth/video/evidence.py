"""Where a thermal picture changes from one frame to the next by more than its noise.

    change   |B - B'| / (2 s) - 1, cut to 0..1, and grown by a pixel

B is a frame stretched over a range that moves slowly, and averaged over 3x3 pixels; B' the one before it.
s is the noise of B - B', the smaller of two estimates: by the median of a frame's Laplacian (after Immerkaer
1996), which texture can only raise, and by the median of |B - B'|, which motion can only raise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.thermal import NormaliserSettings, NormaliserState, normalise
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRETCH = NormaliserSettings(name="moving_percentile", memory=0.9)
_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_OF_LAPLACIAN = 6.0  # how far white noise spreads after it
_OF_DIFFERENCE = np.sqrt(2) / 3  # the same after the mean over 3x3, of the difference of two frames
_OF_MEDIAN = 0.6745  # the median of |x|, for a normal x that spreads by 1
_LEAST_NOISE = 1e-3  # of the whole range: a quarter of a step of 8 bits
_NOISES = 2.0


def noise(frame: NDArray[Any]) -> float:
    """Standard deviation of what differs from pixel to pixel in a frame `[h w]`, in its own numbers."""
    import cv2

    laplacian = np.abs(cv2.filter2D(frame.astype(np.float32), -1, _LAPLACIAN))
    return float(np.median(laplacian)) / _OF_MEDIAN / _OF_LAPLACIAN


@dataclass(slots=True)
class ChangeEvidence:
    """One a video; `restart` where a scene ends."""

    _state: NormaliserState = field(default_factory=NormaliserState)
    _before: NDArray[np.float32] | None = None

    def restart(self) -> None:
        """The next frame has none before it."""
        self._state, self._before = NormaliserState(), None

    def add(self, raw: NDArray[Any], unit: ThermalUnit) -> NDArray[np.float32] | None:
        """`[h w]` 0: nothing changed here, 1: surely; None of a first frame."""
        import cv2

        stretched = normalise(raw, unit, _STRETCH, self._state)
        blurred: NDArray[np.float32] = cv2.blur(stretched, (3, 3))
        before, self._before = self._before, blurred
        if before is None:
            return None
        difference = np.abs(blurred - before)
        spread = min(noise(stretched) * _OF_DIFFERENCE, float(np.median(difference)) / _OF_MEDIAN)
        spread = max(spread, _LEAST_NOISE)
        change = np.clip(difference / np.float32(_NOISES * spread) - 1, 0, 1)
        grown: NDArray[np.float32] = cv2.blur(cv2.dilate(change, np.ones((3, 3))), (3, 3))
        return grown
