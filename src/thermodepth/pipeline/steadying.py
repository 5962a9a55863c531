"""The stage that steadies a video: a look at each frame before it is predicted, and its depth after."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from thermodepth.inference.depth import Depth
from thermodepth.sources import SourceFrame
from thermodepth.thermal import NormaliserState
from thermodepth.types import FrameEvent
from thermodepth.video import SteadyVideo

MOST_EVENTS = 1000  # that are remembered one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFrames:
    """Frames one after another that one kind of event interrupts."""

    event: FrameEvent
    first: str  # name
    last: str
    index: int  # of the last

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(slots=True)
class Steadying:
    """Frames of each sequence by themselves."""

    video: SteadyVideo = field(default_factory=SteadyVideo)
    events: list[EventFrames] = field(default_factory=list)

    def reset(self) -> None:
        """Another recording begins."""
        self.video.restart()

    def prepare(self, frame: SourceFrame) -> NormaliserState:
        """Look at the frame, and hand out what the input remembers."""
        verdict = self.video.look(frame.raw, frame.unit)
        if verdict.event is not None:
            self._add(verdict.event, frame)
        return self.video.state

    def _add(self, event: FrameEvent, frame: SourceFrame) -> None:
        last = self.events[-1] if self.events else None
        if last is not None and last.event is event and last.index + 1 == frame.index:
            self.events[-1] = replace(last, last=frame.name, index=frame.index)
        elif len(self.events) < MOST_EVENTS:
            self.events.append(
                EventFrames(event=event, first=frame.name, last=frame.name, index=frame.index)
            )

    def refine(self, frame: SourceFrame, depth: Depth) -> Depth:
        """Held, filtered, or as it is."""
        del frame
        return self.video.filter(depth)
