"""A camera of GigE Vision; a stand-in for `harvesters`, which wants hardware and its maker's software."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError, DependencyError
from thermodepth.sources import FailedFrame, gige

Counts = NDArray[np.uint16]


class Buffer:
    """What the producer lends; its memory is written again once it is given back."""

    def __init__(self, frame: Counts) -> None:
        self.memory = frame.reshape(-1).copy()
        component = SimpleNamespace(data=self.memory, height=frame.shape[0], width=frame.shape[1])
        self.payload = SimpleNamespace(components=[component])

    def __enter__(self) -> Buffer:
        return self

    def __exit__(self, *_: object) -> None:
        self.memory[:] = 0


@dataclass
class Acquirer:
    """Gives every frame after a time-out, as a shutter makes one."""

    frames: list[Counts | Exception]
    formats: tuple[str, ...]
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pixel_format = SimpleNamespace(symbolics=self.formats, value="Mono8")
        self.remote_device = SimpleNamespace(
            node_map=SimpleNamespace(PixelFormat=self.pixel_format)
        )
        self._answers = itertools.chain.from_iterable((None, frame) for frame in self.frames)

    def try_fetch(self, *, timeout: float) -> Buffer | None:
        assert timeout > 0
        answer = next(self._answers, None)
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else Buffer(answer)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def destroy(self) -> None:
        self.calls.append("destroy")


class Installed:
    """The package, with a producer and cameras."""

    def __init__(self, serials: tuple[str, ...], acquirer: Acquirer) -> None:
        self.serials, self.acquirer = serials, acquirer
        self.files: list[str] = []
        self.opened: int | None = None

    def __call__(self) -> Any:
        return SimpleNamespace(
            add_file=self.files.append,
            update=lambda: None,
            device_info_list=[SimpleNamespace(serial_number=s) for s in self.serials],
            create=self.create,
            reset=lambda: self.acquirer.calls.append("reset"),
        )

    def create(self, index: int) -> Acquirer:
        self.opened = index
        return self.acquirer


def install(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    frames: list[Counts | Exception],
    *,
    serials: tuple[str, ...] = ("A1",),
    formats: tuple[str, ...] = ("Mono8", "Mono14", "Mono16"),
) -> Installed:
    installed = Installed(serials, Acquirer(frames, formats))
    package, core = ModuleType("harvesters"), ModuleType("harvesters.core")
    vars(core)["Harvester"] = installed
    vars(package)["core"] = core
    monkeypatch.setitem(sys.modules, "harvesters", package)
    monkeypatch.setitem(sys.modules, "harvesters.core", core)
    monkeypatch.setenv(gige.PRODUCERS, str(folder))
    (folder / "maker.cti").write_bytes(b"")
    return installed


def test_counts_are_copied_before_the_buffer_is_given_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Counts
) -> None:
    installed = install(monkeypatch, tmp_path, [*clip], serials=("A1", "B2"))
    source = thermodepth.frames("gige:B2")
    frames = list(itertools.islice(source, 5))
    np.testing.assert_array_equal([frame.raw for frame in frames], clip)
    assert installed.files == [str(tmp_path / "maker.cti")]
    assert installed.opened == 1
    assert installed.acquirer.pixel_format.value == "Mono16"
    assert (source.is_live, source.length) == (True, None)


def test_it_gives_everything_back_when_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Counts
) -> None:
    installed = install(monkeypatch, tmp_path, [*clip])
    source = thermodepth.frames("gige:")
    for frame in source:
        if frame.index == 1:
            source.stop()
    assert installed.acquirer.calls == ["start", "stop", "destroy", "reset"]


def test_what_goes_wrong_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clip: Counts
) -> None:
    def only() -> str:
        (frame,) = thermodepth.frames("gige:")
        assert isinstance(frame, FailedFrame)
        return str(frame.error)

    install(monkeypatch, tmp_path, [*clip], serials=("A1", "B2"))
    assert only() == "gige: cameras that answer: A1, B2; expected gige:SERIAL of one of them"
    install(monkeypatch, tmp_path, [*clip], formats=("Mono8", "Mono14p"))
    assert only().startswith("gige: gives Mono8, Mono14p, expected 16-bit grey")
    install(monkeypatch, tmp_path, [RuntimeError("the link is down")])
    assert only() == "gige: the link is down"
    monkeypatch.setattr(gige, "LONGEST_SILENCE_S", 0.0)
    install(monkeypatch, tmp_path, [])
    assert only() == "gige: no frame for 0 s"


def test_what_has_to_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, [])
    monkeypatch.setenv(gige.PRODUCERS, str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match="no GenTL producer; install the software"):
        thermodepth.frames("gige:")
    monkeypatch.setitem(sys.modules, "harvesters.core", None)
    with pytest.raises(DependencyError, match=r"pip install 'thermodepth\[gige\]'"):
        thermodepth.frames("gige:")
