"""Video that stays steady: what is asked of a frame before it is predicted, and what becomes of its depth.

verdict = steady.look(raw, unit)                  before: is it a cut, or a closed shutter?
depth = predictor.predict([raw], unit=unit, state=steady.state)[0]
depth = steady.filter(depth)                      after: held, filtered, or as it is
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from thermodepth.inference.depth import Depth
from thermodepth.thermal import NormaliserState
from thermodepth.types import FrameEvent, ThermalUnit
from thermodepth.video.evidence import ChangeEvidence
from thermodepth.video.filter import DepthFilter
from thermodepth.video.flicker import Flicker, FlickerMeter
from thermodepth.video.settings import SteadySettings
from thermodepth.video.watch import FrameWatch, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(slots=True)
class SteadyVideo:
    """Frames of one camera in the order of time; recordings one after another begin anew by `restart`."""

    settings: SteadySettings = field(default_factory=SteadySettings)
    #: How many frames of each kind there were.
    events: dict[FrameEvent, int] = field(default_factory=dict)
    _state: NormaliserState = field(init=False)
    _watch: FrameWatch = field(init=False)
    _evidence: ChangeEvidence = field(init=False)
    _filter: DepthFilter = field(init=False)
    _meter: FlickerMeter = field(default_factory=FlickerMeter)
    _verdict: Verdict = field(default_factory=Verdict)
    _change: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another recording begins."""
        self._watch = FrameWatch(self.settings.least_explained)
        self._evidence = ChangeEvidence()
        self._filter = DepthFilter(self.settings)
        self._forget()

    @property
    def state(self) -> NormaliserState:
        """For `Predictor.predict`, of the frame that was looked at last."""
        return self._state

    @property
    def flicker(self) -> Flicker | None:
        """Of all frames so far; None where nothing stands still."""
        return self._meter.flicker

    def look(self, raw: NDArray[Any], unit: ThermalUnit) -> Verdict:
        """What the next frame is, before it is predicted."""
        verdict = self._verdict = self._watch.look(raw)
        if verdict.event is not None:
            self.events[verdict.event] = self.events.get(verdict.event, 0) + 1
        if verdict.restart:
            self._forget()
        self._change = None if verdict.is_held else self._evidence.add(raw, unit)
        return verdict

    def filter(self, depth: Depth) -> Depth:
        """The depth of the frame that was looked at last; it carries the event."""
        depth = replace(depth, event=self._verdict.event)
        if self._verdict.is_held:
            return self._filter.held(depth) if self._filter.remembers else depth
        result = self._filter.add(depth, self._change)
        self._meter.add(depth, result, self._change)
        return result

    def _forget(self) -> None:
        self._state = NormaliserState(memory=self.settings.memory)
        self._evidence.restart()
        self._filter.restart()
        self._meter.restart()
