"""The options that say how sources are read, and how their frames go by in a terminal."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.status import Status

    from thermodepth.pipeline import LoopProgress
    from thermodepth.sources import Source, SourceOptions

_PLAIN_EVERY_S = 10.0  # a line of a source without a known end, in a log file
_LISTED_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """As they were typed."""

    counts: Annotated[
        bool,
        typer.Option("--counts", help="Refuse 8-bit pictures: raw 14/16-bit counts are meant."),
    ] = False
    y16: Annotated[
        str,
        typer.Option(
            help="WIDTHxHEIGHT of raw 16-bit frames without a header; with :big where the high byte "
            "comes first."
        ),
    ] = ""
    drop: Annotated[
        str,
        typer.Option(
            help="Rows and columns that are no picture, such as telemetry: bottom=2 or top=1,right=4."
        ),
    ] = ""
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Also read the folders in a folder.")
    ] = False
    rate: Annotated[
        float | None,
        typer.Option(help="Frames per second of what has no times of its own."),
    ] = None
    topic: Annotated[str, typer.Option(help="Topic of a bag whose images have several.")] = ""

    def options(self) -> SourceOptions:
        """
        Raises:
            SettingsError: for options that cannot be.
        """
        from thermodepth.sources import SourceOptions

        return SourceOptions.of_text(
            y16=self.y16,
            drop=self.drop,
            counts=self.counts,
            recursive=self.recursive,
            rate_hz=self.rate,
            topic=self.topic,
        )


READ_AS_IT_IS = ReadingOptions()


def open_typed(typed: Sequence[str], reading: ReadingOptions) -> Source:
    """The source, after saying on stderr what is left out of it.

    Raises:
        DataError, SettingsError, DependencyError: as `open_source`.
    """
    from thermodepth.cli.terminal import error_console
    from thermodepth.sources import open_source

    source = open_source(typed, reading.options())
    for note in source.notes:
        error_console.print(f"note: {note}", soft_wrap=True)
    return source


@contextmanager
def stop_signals(source: Source) -> Iterator[threading.Event]:
    """Ctrl-C and a polite kill set the event and end the source; a second Ctrl-C interrupts at once."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            signal.default_int_handler(number, frame)
        stopped.set()
        source.stop()

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def frame_progress(label: str, total: int | None) -> Iterator[FrameLine]:
    """A line that says how far it is; in a log file a line at times."""
    line = FrameLine(label, total)
    try:
        yield line
    finally:
        line.close()


class FrameLine:
    """Frames, frames per second and time left; nothing of a source of one frame."""

    def __init__(self, label: str, total: int | None) -> None:
        from thermodepth.cli.terminal import error_console

        self._label, self._total = label, total
        self._console = error_console
        self._status: Status | None = None
        self._tenth = -1
        self._last_s = time.monotonic()

    def __call__(self, now: LoopProgress, more: str = "") -> None:
        """`more` stands behind the numbers."""
        if self._total == 1:
            return
        if not self._console.is_terminal:
            self._plain(now, more)
            return
        if self._status is None:
            self._status = self._console.status("")
            self._status.start()
        self._status.update(f"{self._label}: {words(now)}{', ' * bool(more)}{more}")

    def _plain(self, now: LoopProgress, more: str) -> None:
        elapsed_s = time.monotonic() - self._last_s
        tenth = 10 * now.frames // now.total if now.total else -1
        if tenth > self._tenth or (now.total is None and elapsed_s > _PLAIN_EVERY_S):
            self._tenth, self._last_s = tenth, time.monotonic()
            line = f"{self._label}: {words(now)}{', ' * bool(more)}{more}"
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()


def words(now: LoopProgress) -> str:
    """`12/100, 8.4 frames/s, 10 s left`; latency and dropped frames where they tell something."""
    parts = [f"{now.frames}/{now.total}" if now.total else f"{now.frames} frames"]
    parts.append(f"{now.frames_per_s:.1f} frames/s")
    if now.total and now.frames_per_s > 0:
        parts.append(f"{_duration((now.total - now.frames) / now.frames_per_s)} left")
    if now.total is None:
        parts.append(f"latency {1000 * now.latency_s:.0f} ms")
    if now.dropped:
        parts.append(f"{now.dropped} dropped")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def failure_listing(reasons: Sequence[str], failed: int, total: int) -> str:
    """What was wrong with frames, the first of them one by one."""
    if failed == 1 and total == 1:
        return reasons[0]
    lines = "\n  ".join(reasons[:_LISTED_FAILURES])
    more = failed - min(len(reasons), _LISTED_FAILURES)
    rest = f"\n  and {more} more" if more else ""
    number = "1 frame" if failed == 1 else f"{failed} frames"
    return f"{number} of {total} could not be predicted:\n  {lines}{rest}"
