"""Frames that are no new pictures of the same scene: cuts, and what a camera shows behind a closed shutter.

    frozen   the frame before once more, to the bit or nearly: the mean change is below a tenth of the usual
    flat     the closed shutter itself: the range of the frame is below a fifth of the usual one
    cut      of its variance the frame before it explains less than `least_explained`, after motion:
             1 - (mean (I - I' o flow)^2 - 4 s^2) / var I on 96 columns, without the tenth of the pixels that
             is off most; flow by dense inverse search (Kroeger et al. 2016), s^2 what is left of the noise

Three frozen frames in a row, or a flat one, are taken for a flat-field correction: pattern and level are
others afterwards, and what was remembered ends with it. Fewer are repeats, as cameras of 9 pictures a second
give in a stream of 30. A scene that stays flat is believed after a second or so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.types import FrameEvent
from thermodepth.video.evidence import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPEATS = 3  # frozen frames from which on it was the shutter
LONGEST_FLAT = 20
_NEARLY, _FLAT = 0.1, 0.2
_MEMORY, _FEWEST = 15, 3  # frames that say what is usual
_COLUMNS = 96
_GREY = 127.0
_MOST = 0.9  # of the pixels
_AVERAGED_BY_BLUR = 4 * np.pi  # pixels, by a Gaussian of one pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a frame is."""

    event: FrameEvent | None = None
    restart: bool = False  # whether nothing of before holds for it

    @property
    def is_held(self) -> bool:
        """Whether it shows nothing new, so that the depth of before stands."""
        return self.event is not None and self.event.is_held


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmallPicture:
    """What of a frame is compared with the next."""

    values: NDArray[np.float32]  # [rows 96], about the median of the frame
    span: float  # of the frame, 1 to 99 %
    noise_variance: float  # of `values`

    def grey(self, span: float) -> NDArray[np.uint8]:
        """`[rows 96]` so that a span is half of what 8 bits have, to either side of the middle."""
        grey: NDArray[np.uint8] = np.rint(128 + _GREY * np.clip(self.values / span, -1, 1)).astype(
            np.uint8
        )
        return grey


@dataclass(slots=True)
class FrameWatch:
    """Looks at the raw frames of one video, in their order."""

    least_explained: float
    _before: NDArray[Any] | None = None
    _picture: SmallPicture | None = None  # of the last frame that was no event
    _changes: deque[float] = field(default_factory=lambda: deque(maxlen=_MEMORY))
    _spans: deque[float] = field(default_factory=lambda: deque(maxlen=_MEMORY))
    _frozen: int = 0  # frames in a row
    _flat: int = 0

    def look(self, raw: NDArray[Any]) -> Verdict:
        """What the next frame is. One of another size begins anew."""
        before, self._before = self._before, raw
        if before is None or before.shape != raw.shape:
            self._begin(raw)
            return Verdict(event=None if before is None else FrameEvent.CUT, restart=True)
        change = float(np.abs(raw.astype(np.float32) - before.astype(np.float32)).mean())
        if change == 0 or change < _NEARLY * _usual(self._changes):
            self._frozen += 1
            return Verdict(event=FrameEvent.FROZEN)
        span = _span(raw)
        if span < _FLAT * _usual(self._spans) and self._flat < LONGEST_FLAT:
            self._flat += 1
            return Verdict(event=FrameEvent.FLAT)
        after_shutter = self._frozen >= REPEATS or 0 < self._flat < LONGEST_FLAT
        lost = self._flat == LONGEST_FLAT
        self._frozen = self._flat = 0
        before_picture, self._picture = self._picture, small_picture(raw)
        if after_shutter:
            return Verdict(restart=True)
        assert before_picture is not None
        if lost or explained(before_picture, self._picture) < self.least_explained:
            self._begin(raw)
            return Verdict(event=FrameEvent.CUT, restart=True)
        self._spans.append(span)
        self._changes.append(change)
        return Verdict()

    def _begin(self, raw: NDArray[Any]) -> None:
        self._picture = small_picture(raw)
        self._changes.clear()
        self._spans.clear()
        self._spans.append(_span(raw))
        self._frozen = self._flat = 0


def explained(before: SmallPicture, picture: SmallPicture) -> float:
    """The share of a picture's variance that the one before it explains after motion; 1 at most.

    A tenth of the pixels does not count, neither in what is explained nor in what there is: an object that
    enters is no cut.
    """
    import cv2

    span = min(before.span, picture.span)
    earlier, grey = before.grey(span), picture.grey(span)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = search.calc(grey, earlier, None)
    rows, columns = grey.shape
    x = np.arange(columns, dtype=np.float32) + flow[..., 0]
    y = np.arange(rows, dtype=np.float32)[:, None] + flow[..., 1]
    moved = cv2.remap(
        earlier.astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    error = _mean_of_most(np.square(moved - grey))
    variance = _mean_of_most(np.square(grey - np.median(grey)))
    noise_variance = picture.noise_variance * (_GREY / span) ** 2
    return 1 - max(error - 4 * noise_variance, 0) / max(variance, 1e-9)


def _mean_of_most(values: NDArray[Any]) -> float:
    count = round(_MOST * values.size)
    return float(np.partition(values, count - 1, axis=None)[:count].mean())


def _usual(values: deque[float]) -> float:
    """0 as long as nobody knows."""
    return float(np.median(values)) if len(values) >= _FEWEST else 0.0


def _span(raw: NDArray[Any]) -> float:
    low, high = np.percentile(raw[::4, ::4], [1, 99])
    return float(high - low)


def small_picture(raw: NDArray[Any]) -> SmallPicture:
    """On 96 columns, about its own median: the level of the camera is no cut."""
    import cv2

    rows = max(round(_COLUMNS * raw.shape[0] / raw.shape[1]), 32)
    low, median, high = np.percentile(raw[::4, ::4], [1, 50, 99])
    centred = raw.astype(np.float32) - np.float32(median)
    picture = cv2.resize(centred, (_COLUMNS, rows), interpolation=cv2.INTER_AREA)
    averaged = max(raw.size / picture.size, 1.0) * _AVERAGED_BY_BLUR
    return SmallPicture(
        values=cv2.GaussianBlur(picture, (0, 0), 1.0),
        span=max(float(high - low), 1e-6),
        noise_variance=noise(raw) ** 2 / averaged,
    )
