"""The frames of a recording (a video, a stack, FLIR's SEQ, a bag, a glob), read one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from thermodepth.doctor.facts import Band, FrameFacts, thermal_facts
from thermodepth.doctor.pixels import deviation
from thermodepth.doctor.source import ReadFrame, selected_frames, watched
from thermodepth.doctor.stamps import StampList
from thermodepth.errors import DataError
from thermodepth.sources import FailedFrame, SkippedFrame, Source, SourceFrame, open_source
from thermodepth.sources.options import SourceOptions


class RecordedFrames:
    """Frames as the checks want them; their times are known once all are read."""

    def __init__(self, source: Source, limit: int | None) -> None:
        self._source = source
        self.count = source.length
        self._times: dict[str, list[float | None]] = {}
        self._selected: set[int] | None = None
        indices = list(range(self.count or 0))
        if self.count is not None:
            indices = selected_frames(self.count, limit)
            self._selected = set(indices)
        self._watched = watched(indices)

    @property
    def selected(self) -> int | None:
        """How many frames are read; None where nobody knows before the end."""
        return None if self._selected is None else len(self._selected)

    def __iter__(self) -> Iterator[ReadFrame]:
        number = 0

        def wants(name: str, state: str) -> bool:
            nonlocal number
            del name, state
            number += 1
            return self._selected is None or number - 1 in self._selected

        for frame in self._source.frames(wants):
            if isinstance(frame, SkippedFrame):
                continue
            self._times.setdefault(frame.sequence, []).append(frame.time_s)
            yield self._read(frame)

    def _read(self, frame: SourceFrame | FailedFrame) -> ReadFrame:
        place: dict[str, Any] = {"name": frame.name, "split": "", "sequence": frame.sequence}
        if isinstance(frame, FailedFrame):
            facts = FrameFacts(**place, index=frame.index, problem=str(frame.error))
            return ReadFrame(facts=facts, deviation=None)
        facts = FrameFacts(**place, index=frame.index, thermal=thermal_facts(frame.raw, frame.unit))
        watch = not self._watched or frame.index in self._watched
        usable = watch and bool(np.isfinite(frame.raw).all())
        return ReadFrame(facts=facts, deviation=deviation(frame.raw) if usable else None)

    @property
    def stamps(self) -> Sequence[StampList]:
        """Of each recording whose frames were all read and have times."""
        if self._selected is not None and len(self._selected) != self.count:
            return ()
        lists = []
        for sequence, times in self._times.items():
            known = [time_s for time_s in times if time_s is not None]
            if len(known) == len(times) >= 2:
                lists.append(
                    StampList(
                        name=sequence,
                        time_s=np.asarray(known) - known[0],
                        origin_s=Decimal(known[0]),
                        camera=Band.THERMAL,
                        group=sequence,
                        pictures=len(times),
                    )
                )
        return lists


def open_recording(spec: str) -> Source:
    """The source of what is no data set and no folder.

    Raises:
        DataError: as `thermodepth.frames`, and for a source without an end.
    """
    source = open_source([spec], SourceOptions())
    if source.is_live:
        raise DataError(f"{spec}: a live source has no end; record it, and check the recording")
    return source
