"""The stage that steadies a video: a look at each frame before it is predicted, and its depth after."""

from __future__ import annotations

from dataclasses import dataclass, field

from thermodepth.inference.depth import Depth
from thermodepth.sources import SourceFrame
from thermodepth.thermal import NormaliserState
from thermodepth.types import FrameEvent
from thermodepth.video import SteadyVideo

MOST_EVENTS = 1000  # whose frames are remembered by name


@dataclass(slots=True)
class Steadying:
    """Frames of each sequence by themselves."""

    video: SteadyVideo = field(default_factory=SteadyVideo)
    events: list[tuple[str, FrameEvent]] = field(default_factory=list)  # name of the frame

    def reset(self) -> None:
        """Another recording begins."""
        self.video.restart()

    def prepare(self, frame: SourceFrame) -> NormaliserState:
        """Look at the frame, and hand out what the input remembers."""
        verdict = self.video.look(frame.raw, frame.unit)
        if verdict.event is not None and len(self.events) < MOST_EVENTS:
            self.events.append((frame.name, verdict.event))
        return self.video.state

    def refine(self, frame: SourceFrame, depth: Depth) -> Depth:
        """Held, filtered, or as it is."""
        del frame
        return self.video.filter(depth)
