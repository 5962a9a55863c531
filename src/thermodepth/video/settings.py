"""How much a video remembers."""

from __future__ import annotations

from pydantic import Field

from thermodepth.config import Settings


class SteadySettings(Settings):
    """The defaults are what `benchmarks/steady.py` measures."""

    memory: float = Field(0.9, ge=0, lt=1)  # weight of earlier frames in the range of the input
    #: Weight of a new frame, where nothing moves and where something does: what changes steadily lags by
    #: 1 / weight - 1 frames.
    still_gain: float = Field(0.2, gt=0, le=1)
    moving_gain: float = Field(0.4, gt=0, le=1)
    #: A difference from before, in ln metres, from which on a new frame begins to count for more; at three
    #: times as much it counts alone.
    jump: float = Field(0.2, gt=0, le=10)
    #: Of the variance of a frame, what the one before it must explain after motion; below it a scene begins.
    least_explained: float = Field(0.85, ge=0, le=1)
