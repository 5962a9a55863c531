"""The latest frame of a live source: who is slower than the camera gets the newest frame, not the oldest."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from thermodepth.sources.frame import AnyFrame
from thermodepth.sources.source import Source, Wants

_LONGEST_WAIT_S = 0.2  # between two looks at whether to stop


@dataclass(kw_only=True)
class LatestFrames(Source):
    """A source that reads ahead in a thread of its own; a frame that a later one overtakes is dropped."""

    _condition: threading.Condition = field(default_factory=threading.Condition, init=False)
    _newest: tuple[AnyFrame, float] | None = field(default=None, init=False)  # and its arrival
    _is_over: bool = field(default=False, init=False)
    _error: BaseException | None = field(default=None, init=False)

    def frames(self, wants: Wants | None = None) -> Iterator[AnyFrame]:
        """The newest frame whenever one is asked for; `dropped` counts those between."""
        self._newest, self._is_over, self._error = None, False, None
        reader = threading.Thread(target=self._read, args=(wants,), daemon=True)
        reader.start()
        try:
            while (newest := self._wait()) is not None:
                frame, self.arrival_s = newest
                yield frame
            if self._error is not None:
                raise self._error
        finally:
            self.stop()
            reader.join(timeout=2.0)

    def _wait(self) -> tuple[AnyFrame, float] | None:
        with self._condition:
            while self._newest is None and not self._is_over:
                self._condition.wait(_LONGEST_WAIT_S)  # not for ever: signals are heard between
                if self._stopped:
                    return None
            newest, self._newest = self._newest, None
            return newest

    def _read(self, wants: Wants | None) -> None:
        try:
            for frame in Source.frames(self, wants):
                with self._condition:
                    self.dropped += self._newest is not None
                    self._newest = frame, time.perf_counter()
                    self._condition.notify()
        except BaseException as error:  # told where the frames are taken
            self._error = error
        with self._condition:
            self._is_over = True
            self._condition.notify()


def latest(source: Source) -> LatestFrames:
    """The same recordings, of which only the newest frame is handed out."""
    return LatestFrames(
        recordings=source.recordings,
        notes=source.notes,
        folders=source.folders,
        deep_folders=source.deep_folders,
        rate_hz=source.rate_hz,
    )
