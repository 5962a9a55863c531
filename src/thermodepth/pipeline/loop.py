"""The loop of every prediction: source, predictor, stages in their order, writers; one frame at a time.

What is wrong with one frame is remembered, and the others are predicted. A stop is heard between two frames,
so whatever was written is whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from thermodepth.errors import DataError
from thermodepth.inference.depth import Depth
from thermodepth.pipeline.interface import DepthEstimator, Stage, Writer
from thermodepth.pipeline.written_frames import WrittenFrames
from thermodepth.sources import AnyFrame, FailedFrame, SkippedFrame, Source, SourceFrame
from thermodepth.thermal import NormaliserState, looks_like_agc

MOST_FAILURES = 1000  # that are remembered one by one; of a broken stream there is no end
_PACE_S = 2.0  # over which frames per second are measured


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopProgress:
    """How far it is."""

    frames: int  # that came, whatever became of them
    total: int | None  # None: nobody knows
    frames_per_s: float  # of the last seconds, predicted and written
    latency_s: float  # of the last frame, from its arrival until it was written
    dropped: int  # frames that a later one overtook


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of the frames."""

    predicted: int = 0
    skipped: int = 0  # written by an earlier run
    failed: int = 0
    dropped: int = 0
    display_only: int = 0  # predicted frames that are pictures after a camera's gain control
    is_stopped: bool = False
    failures: list[FailedFrame] = field(default_factory=list)  # the first `MOST_FAILURES`
    last: tuple[SourceFrame, Depth, Sequence[Path]] | None = None  # predicted, and its files

    @property
    def frames(self) -> int:
        """That came, whatever became of them."""
        return self.predicted + self.skipped + self.failed

    def fail(self, failure: FailedFrame) -> None:
        """Remember it, unless too many are remembered already."""
        self.failed += 1
        if len(self.failures) < MOST_FAILURES:
            self.failures.append(failure)


def predict_source(
    source: Source,
    predictor: DepthEstimator,
    *,
    writers: Sequence[Writer],
    stages: Sequence[Stage] = (),
    remembers: bool = False,
    written: WrittenFrames | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    report: Callable[[LoopProgress], None] | None = None,
) -> Outcome:
    """Predict and write every frame of a source.

    Args:
        source: of frames; `latest` of a live one drops what is overtaken.
        predictor: from frame to depth.
        writers: each gets every frame, in this order; they are closed at the end, whatever happens.
        stages: each refines what the one before it gave; they are reset where a sequence begins.
        remembers: frames of a sequence are a video, for recipes that remember earlier ones.
        written: what it has is skipped, and what is written is added to it, where every writer's frames have
            files of their own; None: nothing is skipped.
        is_stopped: asked between two frames.
        report: told after every frame.

    Raises:
        SettingsError, WeightsError, OutputError: what is wrong with more than one frame.
    """
    with ExitStack() as at_the_end:
        for writer in writers:
            at_the_end.callback(writer.close)
        if not all(writer.is_resumable for writer in writers):
            written = None
        loop = _Loop(
            predictor=predictor,
            stages=stages,
            writers=writers,
            written=written,
            remembers=remembers,
        )
        pace = _Pace()
        for frame in _frames_of(source, written, stateful=remembers or bool(stages)):
            loop.take(frame)
            if report is not None:
                report(pace.progress(loop.outcome, source))
            if is_stopped():
                loop.outcome.is_stopped = True
                break
        loop.outcome.is_stopped |= is_stopped()
        loop.outcome.dropped = source.dropped
        return loop.outcome


def _frames_of(
    source: Source, written: WrittenFrames | None, *, stateful: bool
) -> Iterable[AnyFrame]:
    """What remembers earlier frames has to see them all."""
    if written is None or stateful:
        return source.frames()
    return source.frames(lambda name, state: not written.has(name, state))


@dataclass(slots=True, kw_only=True)
class _Loop:
    """One frame after another."""

    predictor: DepthEstimator
    stages: Sequence[Stage]
    writers: Sequence[Writer]
    written: WrittenFrames | None
    remembers: bool
    outcome: Outcome = field(default_factory=Outcome)
    _sequence: str | None = None
    _state: NormaliserState | None = None

    def take(self, frame: AnyFrame) -> None:
        """Predict, change and write it, or remember why not."""
        if isinstance(frame, SkippedFrame):
            self.outcome.skipped += 1
            return
        if isinstance(frame, FailedFrame):
            self.outcome.fail(frame)
            return
        self._begin(frame.sequence)
        try:
            depth = self._depth(frame)
            files = [path for writer in self.writers for path in writer.write(frame, depth)]
        except DataError as error:
            self.outcome.fail(_failure(frame, error))
            return
        if self.written is not None:
            self.written.add(frame, files)
        self.outcome.predicted += 1
        self.outcome.display_only += looks_like_agc(frame.raw) is not None
        self.outcome.last = frame, depth, files

    def _depth(self, frame: SourceFrame) -> Depth:
        states = [stage.prepare(frame) for stage in self.stages]
        state = next((s for s in states if s is not None), self._state)
        depth = self.predictor.predict_frame(frame, state=state)
        for stage in self.stages:
            depth = stage.refine(frame, depth)
        return depth

    def _begin(self, sequence: str) -> None:
        if sequence == self._sequence:
            return
        self._sequence = sequence
        self._state = NormaliserState() if self.remembers else None
        for stage in self.stages:
            stage.reset()


def _failure(frame: SourceFrame, error: DataError) -> FailedFrame:
    return FailedFrame(
        error=DataError(f"{frame.origin}: {error}"),
        name=frame.name,
        index=frame.index,
        origin=frame.origin,
        sequence=frame.sequence,
        time_s=frame.time_s,
    )


class _Pace:
    """Frames per second over the last seconds, those that were skipped left out."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = [(time.perf_counter(), 0)]  # (time, frames)

    def progress(self, outcome: Outcome, source: Source) -> LoopProgress:
        now = time.perf_counter()
        worked = outcome.predicted + outcome.failed
        before, _ = self._marks[-1]
        self._marks.append((now, worked))
        while len(self._marks) > 2 and now - self._marks[1][0] > _PACE_S:
            del self._marks[0]
        first, frames = self._marks[0]
        return LoopProgress(
            frames=outcome.frames,
            total=source.length,
            frames_per_s=(worked - frames) / max(now - first, 1e-9),
            latency_s=now - (source.arrival_s or before),
            dropped=source.dropped,
        )
