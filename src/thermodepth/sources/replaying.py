"""A recording in its own time: a stand-in for the camera that it came from, once or for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from thermodepth.errors import SettingsError
from thermodepth.sources.interface import Recording, StoredFrame

ONCE, FOR_EVER = "replay", "loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Frames that come when they came; whoever is late gets them late, and none is left out."""

    recording: Recording
    label: str
    is_endless: bool = False
    rate_hz: float | None = None  # in place of the recording's own times
    is_live: bool = True
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        """Of what is played."""
        return f"{FOR_EVER if self.is_endless else ONCE}:{self.recording.origin}"

    @property
    def sequence(self) -> str:
        """Of what is played."""
        return self.recording.sequence

    @property
    def length(self) -> int | None:
        """None where it is played for ever."""
        return None if self.is_endless else self.recording.length

    def stored_frames(self) -> Iterator[StoredFrame]:
        """Each at its time after the first one.

        Raises:
            SettingsError: for a recording that has no times, and no rate.
        """
        began_s = time.monotonic()
        number = 0
        offset_s = 0.0  # of this pass
        while True:
            first_s, last_s, first_number = None, 0.0, number
            for stored in self.recording.stored_frames():
                own_s = self._own_time(stored, number - first_number)
                first_s = own_s if first_s is None else first_s
                last_s = offset_s + own_s - first_s
                self._stopped.wait(max(began_s + last_s - time.monotonic(), 0.0))
                if self._stopped.is_set():
                    return
                yield replace(stored, label="", time_s=last_s, file_state="")
                number += 1
            count = number - first_number
            if not self.is_endless or not count:
                return
            # The first frame comes again after one more interval.
            offset_s = last_s + (
                (last_s - offset_s) / (count - 1) if count > 1 else self._interval_s
            )

    def stop(self) -> None:
        """The wait for the next frame ends, and with it the frames."""
        self._stopped.set()
        self.recording.stop()

    @property
    def _interval_s(self) -> float:
        return 1.0 if self.rate_hz is None else 1 / self.rate_hz

    def _own_time(self, stored: StoredFrame, number: int) -> float:
        if self.rate_hz is not None:
            return number / self.rate_hz
        if stored.time_s is None:
            raise SettingsError(
                f"{self.origin}: these frames have no times of their own; say how many come in a second "
                "(--rate 9; rate=9 in Python)"
            )
        return stored.time_s
