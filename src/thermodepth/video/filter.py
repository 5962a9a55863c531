"""A temporal filter on ln metres whose gain follows what changes, pixel by pixel.

    m <- m + g (ln D - m),   g = b + (1 - b) jump,   b = still + (moving - still) max(change, drift)

    change   of the thermal picture (`evidence`)
    drift    |c| / (0.6 q) - 1, cut to 0..1: c, a moving mean of what is new, outgrows q, the mean change of
             ln D from frame to frame: something comes nearer though its picture stays as it is
    jump     |ln D - m| / (2 j) - 1/2, cut to 0..1, of the mean over 5x5 pixels: from j on; at 3 j the
             new depth stands alone, so nothing is left of what an object has uncovered

It needs no optical flow: warped by one it was no better on rendered drives (docs/log.md). Structure, which
has no unit, is brought to the mean and spread of what is remembered before it is filtered with the same gain,
and slowly let go back to its own; of sky the remembered share above one half counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.inference.depth import Depth
from thermodepth.video.settings import SteadySettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Map = NDArray[np.float32]

_NEWS_WEIGHT, _NOISE_WEIGHT = 0.3, 0.1  # of a new frame in c and q
_OUTGROWS = 0.6
_LEAST_NOISE = 1e-4
_LET_GO = 0.05  # a frame


@dataclass(slots=True)
class _Memory:
    """What is remembered of the frames before, `[h w]` each."""

    log_depth: Map  # filtered
    structure: Map  # filtered
    sky: Map | None  # share
    last: Map  # ln D of the last frame, as it came
    news: Map  # c
    noise: Map | None  # q
    relative_error: Map | None  # of the last frame, as it came, at 68 and 90 %
    relative_error_90: Map | None


@dataclass(slots=True)
class DepthFilter:
    """One a video; `restart` where nothing of before holds."""

    settings: SteadySettings
    _memory: _Memory | None = None

    def restart(self) -> None:
        """The next frame comes out as it is."""
        self._memory = None

    @property
    def remembers(self) -> bool:
        """Whether there is a frame before the next one."""
        return self._memory is not None

    def held(self, depth: Depth) -> Depth:
        """What is remembered, expected error too, in place of a frame that shows nothing new."""
        memory = self._memory
        assert memory is not None
        errors = memory.relative_error, memory.relative_error_90
        depth = replace(depth, relative_error=errors[0], relative_error_90=errors[1])
        return self._result(depth, memory)

    def add(self, depth: Depth, change: Map | None) -> Depth:
        """The filtered depth of one more frame.

        Args:
            depth: as the model gave it.
            change: `[h w]` of the thermal picture, 0 to 1; None: not known, as of a first frame.
        """
        log_depth: Map = np.log(depth.depth_m)
        before = self._memory
        if before is None or change is None or before.log_depth.shape != log_depth.shape:
            self._memory = _first_memory(depth, log_depth)
            return depth
        gain, news, noise = self._gain(before, log_depth, change)
        sky = None
        if depth.sky is not None:
            assert before.sky is not None
            sky = before.sky + gain * (depth.sky.astype(np.float32) - before.sky)
        aligned = _aligned(depth.structure, before.structure)
        self._memory = _Memory(
            log_depth=before.log_depth + gain * (log_depth - before.log_depth),
            structure=before.structure + gain * (aligned - before.structure),
            sky=sky,
            last=log_depth,
            news=news * (1 - gain),  # the filter has taken up its share
            noise=noise,
            relative_error=depth.relative_error,
            relative_error_90=depth.relative_error_90,
        )
        return self._result(depth, self._memory)

    def _gain(self, before: _Memory, log_depth: Map, change: Map) -> tuple[Map, Map, Map]:
        """(g, c, q)."""
        import cv2

        settings = self.settings
        difference = cv2.blur(log_depth - before.log_depth, (5, 5))
        news = before.news + np.float32(_NEWS_WEIGHT) * (difference - before.news)
        noise = cv2.blur(np.abs(log_depth - before.last), (9, 9))
        if before.noise is not None:
            noise = before.noise + np.float32(_NOISE_WEIGHT) * (noise - before.noise)
        drift = np.clip(np.abs(news) / (_OUTGROWS * noise + _LEAST_NOISE) - 1, 0, 1)
        jump = np.clip(np.abs(difference) / np.float32(2 * settings.jump) - 0.5, 0, 1)
        span = settings.moving_gain - settings.still_gain
        base = settings.still_gain + span * np.maximum(change, drift)
        gain = (base + (1 - base) * jump).astype(np.float32)
        return gain, news.astype(np.float32), noise.astype(np.float32)

    def _result(self, depth: Depth, memory: _Memory) -> Depth:
        import cv2

        # Gains differ from pixel to pixel, and an edge of sky would be ragged with them.
        sky = None if memory.sky is None else cv2.blur(memory.sky, (5, 5)) > 0.5
        return replace(depth, depth_m=np.exp(memory.log_depth), structure=memory.structure, sky=sky)


def _first_memory(depth: Depth, log_depth: Map) -> _Memory:
    return _Memory(
        log_depth=log_depth,
        structure=depth.structure,
        sky=None if depth.sky is None else depth.sky.astype(np.float32),
        last=log_depth,
        news=np.zeros_like(log_depth),
        noise=None,
        relative_error=depth.relative_error,
        relative_error_90=depth.relative_error_90,
    )


def _aligned(structure: Map, before: Map) -> Map:
    """With nearly the mean and spread of what is remembered.

    Not by least squares, which would lose a little contrast with every frame.
    """
    spread = float(structure.std())
    scale = (float(before.std()) / spread) ** (1 - _LET_GO) if spread > 0 else 1.0
    mean = float(structure.mean())
    offset = (1 - _LET_GO) * float(before.mean()) + _LET_GO * mean
    return (structure - np.float32(mean)) * np.float32(scale) + np.float32(offset)
