"""A recording in its own time, and the newest frame of a live one; clocks are those of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, SettingsError
from thermodepth.sources import (
    DecodedFrame,
    FailedFrame,
    Source,
    SourceFrame,
    StoredFrame,
    latest,
)
from thermodepth.types import ThermalUnit

Clip = NDArray[np.uint16]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long replays waited for each frame; time passes by their waits alone."""
    passed: list[float] = []

    def wait(event: threading.Event, timeout: float | None = None) -> bool:
        passed.append(float(timeout or 0))
        return event.is_set()

    monkeypatch.setattr(threading.Event, "wait", wait)
    clock = SimpleNamespace(monotonic=lambda: sum(passed))
    monkeypatch.setattr("thermodepth.sources.replaying.time", clock)
    return passed


@pytest.fixture
def path(tmp_path: Path, clip: Clip) -> Path:
    np.save(tmp_path / "clip.npy", clip)
    return tmp_path / "clip.npy"


def test_frames_come_at_their_rate_and_none_is_left_out(
    path: Path, clip: Clip, waits: list[float]
) -> None:
    source = thermodepth.replay(path, rate=4)
    assert source.is_live
    assert source.length == 5
    frames = list(source)
    np.testing.assert_allclose(waits, [0, 0.25, 0.25, 0.25, 0.25])
    np.testing.assert_array_equal([f.raw for f in frames], clip)
    assert [f.time_s for f in frames] == [0, 0.25, 0.5, 0.75, 1.0]


def test_for_ever_goes_on_in_numbers_and_times(path: Path, waits: list[float]) -> None:
    source = thermodepth.replay(path, rate=4, endless=True)
    assert source.length is None
    frames = list(islice(source, 12))
    assert [f.name for f in frames] == [f"clip-{n:06d}" for n in range(12)]
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(12) / 4)  # type: ignore[arg-type]
    assert len(waits) == 12


def test_its_own_times_are_those_of_the_recording(waits: list[float]) -> None:
    source = thermodepth.sources.replayed(
        Source(recordings=[Timed(times=[10.0, 10.5, 12.0], is_live=False)]), rate_hz=None
    )
    assert [frame.time_s for frame in source] == [0.0, 0.5, 2.0]
    np.testing.assert_allclose(waits, [0.0, 0.5, 1.5])


def test_what_has_no_times_wants_a_rate(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"clip\.npy: these frames have no times .*--rate"):
        list(thermodepth.replay(path))


def test_it_can_be_typed_as_an_address(path: Path, tmp_path: Path) -> None:
    once = thermodepth.frames(f"replay:{path}", rate=1000)
    assert once.is_live
    assert [f.name for f in once] == [f"clip-{n:06d}" for n in range(5)]
    assert thermodepth.frames(f"loop:{path}", rate=1000).length is None
    folder = thermodepth.frames(f"replay:{tmp_path}", rate=1000)
    assert len(list(folder)) == 5


def test_a_live_source_stands_alone(path: Path) -> None:
    with pytest.raises(SettingsError, match="a live source stands alone, and 1 more"):
        thermodepth.frames([f"loop:{path}", path], rate=9)


def test_a_stop_ends_the_wait(path: Path) -> None:
    source = thermodepth.replay(path, rate=0.001)
    frames = iter(source)
    next(frames)
    threading.Timer(0.05, source.stop).start()
    assert list(frames) == []  # the next one would come after 1000 s


# --- the latest ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Timed:
    """Frames with times; each comes when `gate` lets it."""

    times: list[float]
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1000))
    fails_after: int = 1000
    came: threading.Event = field(default_factory=threading.Event)
    origin: str = "camera"
    label: str = "camera"
    sequence: str = "camera"
    is_live: bool = True

    @property
    def length(self) -> int | None:
        return None

    def stored_frames(self) -> Iterator[StoredFrame]:
        for number, time_s in enumerate(self.times):
            self.gate.acquire()
            if number == self.fails_after:
                raise DataError("camera: unplugged")
            raw = np.full((4, 6), number, np.uint16)
            frame = DecodedFrame(raw=raw, unit=ThermalUnit.COUNTS)
            yield StoredFrame(decode=lambda f=frame: f, origin="camera", time_s=time_s)  # type: ignore[misc]
        self.came.set()

    def stop(self) -> None:
        self.gate.release(1000)


def test_a_slow_reader_gets_the_newest_and_the_others_are_counted() -> None:
    camera = Timed(times=[0.0] * 10, gate=threading.Semaphore(1))
    source = latest(Source(recordings=[camera]))
    frames = iter(source)
    first = next(frames)
    camera.gate.release(9)
    assert camera.came.wait(5)
    rest = list(frames)
    assert isinstance(first, SourceFrame)
    assert (first.name, [f.name for f in rest]) == ("camera-000000", ["camera-000009"])
    assert source.dropped == 8
    assert source.arrival_s is not None


def test_a_fast_reader_gets_every_frame() -> None:
    camera = Timed(times=[0.0] * 5, gate=threading.Semaphore(0))
    source = latest(Source(recordings=[camera]))
    names = []
    camera.gate.release()
    for frame in source:
        names.append(frame.name)
        camera.gate.release()
    assert names == [f"camera-{n:06d}" for n in range(5)]
    assert source.dropped == 0


def test_a_camera_that_is_unplugged_is_a_failure_and_the_end() -> None:
    source = latest(Source(recordings=[Timed(times=[0.0] * 5, fails_after=0)]))
    (failed,) = source
    assert isinstance(failed, FailedFrame)
    assert failed.reason == "camera: unplugged"


def test_a_persons_mistake_reaches_whoever_takes_the_frames(path: Path) -> None:
    with pytest.raises(SettingsError, match="no times of their own"):
        list(latest(thermodepth.replay(path)))


def test_a_stop_reaches_a_reader_that_waits() -> None:
    camera = Timed(times=[0.0] * 5, gate=threading.Semaphore(1))
    source = latest(Source(recordings=[camera]))
    frames = iter(source)
    next(frames)
    threading.Timer(0.05, source.stop).start()
    assert len(list(frames)) <= 1
