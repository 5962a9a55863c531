"""Recordings one after another as one source: names, numbers, times and failures of its frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.sources.frame import AnyFrame, FailedFrame, SkippedFrame, SourceFrame
from thermodepth.sources.interface import Recording, StoredFrame

#: Whether a frame of this name and `file_state` is to be decoded.
Wants = Callable[[str, str], bool]
_UNSAFE = re.compile(r"[^A-Za-z0-9._~+=@ -]+")


def safe_label(text: str) -> str:
    """A text as the start of file names: what no file system takes becomes `-`."""
    return _UNSAFE.sub("-", text).strip("-. ") or "frame"


@dataclass(kw_only=True)
class Source:
    """Frames of one or several recordings; iterating reads one at a time, from the first one each time."""

    recordings: Sequence[Recording]
    notes: Sequence[str] = ()  # what was left out, and why
    folders: frozenset[Path] = frozenset()  # resolved, whose files were listed
    deep_folders: frozenset[Path] = frozenset()  # those of which everything below was listed
    rate_hz: float | None = None  # of recordings that have no times of their own
    dropped: int = field(default=0, init=False)  # frames that a later one overtook
    arrival_s: float | None = field(default=None, init=False)  # of the last frame, `perf_counter`
    _stopped: bool = field(default=False, init=False)

    @property
    def length(self) -> int | None:
        """How many frames there are; None where nobody knows before the end."""
        lengths = [recording.length for recording in self.recordings]
        known = [length for length in lengths if length is not None]
        return sum(known) if len(known) == len(lengths) else None

    @property
    def is_live(self) -> bool:
        """Whether frames come in their own time and may never end."""
        return any(recording.is_live for recording in self.recordings)

    def would_list(self, folder: Path) -> bool:
        """Whether files that come into this folder would be frames the next time."""
        resolved = folder.resolve()
        above = {resolved, *resolved.parents}
        return resolved in self.folders or not above.isdisjoint(self.deep_folders)

    def __iter__(self) -> Iterator[SourceFrame | FailedFrame]:
        for frame in self.frames():
            assert not isinstance(frame, SkippedFrame), "every frame is wanted"
            yield frame

    def frames(self, wants: Wants | None = None) -> Iterator[AnyFrame]:
        """Every frame in order; those that `wants` does not want are not decoded."""
        index = 0
        for recording in self.recordings:
            for frame in self._frames_of(recording, index, wants):
                yield frame
                index += 1
                if self._stopped:
                    return

    def stop(self) -> None:
        """From another thread or a signal: there is no frame behind the one that is being read."""
        self._stopped = True
        for recording in self.recordings:
            recording.stop()

    def _frames_of(
        self, recording: Recording, first: int, wants: Wants | None
    ) -> Iterator[AnyFrame]:
        number = 0
        try:
            for stored in recording.stored_frames():
                name = stored.label or f"{recording.label}-{number:06d}"
                if wants is not None and not wants(name, stored.file_state):
                    yield SkippedFrame(name=name, index=first + number, sequence=recording.sequence)
                else:
                    yield self._decoded(stored, recording, name, first + number, number)
                number += 1
        except DataError as error:  # of the recording: what lies behind is lost
            yield FailedFrame(
                error=error,
                name=f"{recording.label}-{number:06d}",
                index=first + number,
                origin=recording.origin,
                sequence=recording.sequence,
            )

    def _decoded(
        self, stored: StoredFrame, recording: Recording, name: str, index: int, number: int
    ) -> SourceFrame | FailedFrame:
        time_s = stored.time_s
        if time_s is None and self.rate_hz is not None:
            time_s = number / self.rate_hz
        try:
            frame = stored.decode()
        except DataError as error:
            return FailedFrame(
                error=error,
                name=name,
                index=index,
                origin=stored.origin,
                sequence=recording.sequence,
                time_s=time_s,
            )
        return SourceFrame(
            raw=frame.raw,
            unit=frame.unit,
            name=name,
            index=index,
            origin=stored.origin,
            sequence=recording.sequence,
            time_s=time_s,
            intrinsics=frame.intrinsics,
            file_state=stored.file_state,
            header=stored.header,
        )
