"""A camera of Linux: a stand-in answers the kernel's calls, byte for byte as `videodev2.h` lays them out."""

from __future__ import annotations

import ctypes
import errno
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.errors import DataError
from thermodepth.sources import FailedFrame, Source, SourceFrame, SourceOptions
from thermodepth.sources import v4l2 as room
from thermodepth.sources.v4l2 import Camera

Counts = NDArray[np.uint16]
Y16, Y16_BE, YUYV = b"Y16 ", b"Y16\xa0", b"YUYV"


class PixFormat(ctypes.Structure):
    """`struct v4l2_pix_format`."""

    _fields_ = [
        (name, ctypes.c_uint32)
        for name in (
            *("width", "height", "pixelformat", "field", "bytesperline", "sizeimage"),
            *("colorspace", "priv", "flags", "ycbcr_enc", "quantization", "xfer_func"),
        )
    ]


class FormatUnion(ctypes.Union):
    """Of `struct v4l2_format`; its other members hold pointers."""

    _fields_ = [("pix", PixFormat), ("raw", ctypes.c_uint8 * 200), ("pointer", ctypes.c_void_p)]


class Format(ctypes.Structure):
    """`struct v4l2_format`."""

    _fields_ = [("type", ctypes.c_uint32), ("fmt", FormatUnion)]


class Description(ctypes.Structure):
    """`struct v4l2_fmtdesc`."""

    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("index", "type", "flags")),
        ("description", ctypes.c_uint8 * 32),
        ("pixelformat", ctypes.c_uint32),
        ("rest", ctypes.c_uint32 * 4),
    ]


class Capability(ctypes.Structure):
    """`struct v4l2_capability`."""

    _fields_ = [
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        *((name, ctypes.c_uint32) for name in ("version", "capabilities", "device_caps")),
        ("reserved", ctypes.c_uint32 * 3),
    ]


class Asked(ctypes.Structure):
    """`struct v4l2_requestbuffers`."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("count", "type", "memory", "caps", "rest")]


class Timecode(ctypes.Structure):
    """`struct v4l2_timecode`."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 8),
    ]


class Place(ctypes.Union):
    """Where a buffer lies."""

    _fields_ = [("offset", ctypes.c_uint32), ("userptr", ctypes.c_ulong)]


class Buffer(ctypes.Structure):
    """`struct v4l2_buffer`."""

    _fields_ = [
        *((n, ctypes.c_uint32) for n in ("index", "type", "bytesused", "flags", "field")),
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("timecode", Timecode),
        ("sequence", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("m", Place),
        ("length", ctypes.c_uint32),
        ("reserved2", ctypes.c_uint32),
        ("request_fd", ctypes.c_int32),
    ]


STRUCTURES: dict[int, type[ctypes.Structure]] = {
    0: Capability,
    2: Description,
    4: Format,
    5: Format,
    8: Asked,
    9: Buffer,
    15: Buffer,
    17: Buffer,
    18: ctypes.Structure,
}


class Driver:
    """A kernel driver with a camera behind it, which sends these frames and then is unplugged."""

    def __init__(
        self,
        frames: list[bytes],
        *,
        size: tuple[int, int],
        formats: tuple[bytes, ...] = (YUYV, Y16),
        stride: int = 0,
        flags: Callable[[int], int] = lambda _: 0,
        capture: bool = True,
    ) -> None:
        self.frames, self.size, self.formats, self.stride = frames, size, formats, stride
        self.flags, self.capture = flags, capture
        self.buffers = [bytearray(len(frames[0]) + 64) for _ in range(3)] if frames else []
        self.queue: list[int] = []
        self.sent = 0
        self.streams = self.closed = False
        self.chosen = 0

    def control(self, request: int, argument: bytearray) -> None:
        number, size = request & 0xFF, request >> 16 & 0x3FFF
        assert (request >> 8 & 0xFF, size) == (ord("V"), len(argument))
        if number in (18, 19):
            self.streams = number == 18
            return
        structure = STRUCTURES[number].from_buffer(argument)
        assert ctypes.sizeof(structure) == len(argument)
        getattr(self, f"on_{number}")(structure)

    def on_0(self, it: Capability) -> None:
        it.capabilities = 0x85200001
        it.device_caps = 0x04000000 | self.capture

    def on_2(self, it: Description) -> None:
        if it.index >= len(self.formats):
            raise OSError(errno.EINVAL, "Invalid argument")
        it.pixelformat = int.from_bytes(self.formats[it.index], "little")

    def on_4(self, it: Format) -> None:
        it.fmt.pix.width, it.fmt.pix.height = self.size
        it.fmt.pix.pixelformat = int.from_bytes(YUYV, "little")

    def on_5(self, it: Format) -> None:
        self.chosen = it.fmt.pix.pixelformat
        it.fmt.pix.width, it.fmt.pix.height = self.size
        it.fmt.pix.bytesperline = self.stride

    def on_8(self, it: Asked) -> None:
        it.count = len(self.buffers)

    def on_9(self, it: Buffer) -> None:
        it.m.offset, it.length = it.index * 4096, len(self.buffers[it.index])

    def on_15(self, it: Buffer) -> None:
        self.queue.append(it.index)

    def on_17(self, it: Buffer) -> None:
        if self.sent == len(self.frames):
            raise OSError(errno.ENODEV, "No such device")
        it.index = self.queue.pop(0)
        content = self.frames[self.sent]
        self.buffers[it.index][: len(content)] = content
        it.bytesused, it.flags = len(content), self.flags(self.sent)
        it.seconds, it.microseconds = 100, 250_000 + 111_000 * self.sent
        self.sent += 1

    def map(self, *, length: int, offset: int) -> memoryview:
        buffer = self.buffers[offset // 4096]
        assert length == len(buffer)
        return memoryview(buffer)

    def wait(self, timeout_s: float) -> bool:
        return timeout_s > 0

    def close(self) -> None:
        self.closed = True


def camera_of(driver: Driver, *, y16: str = "", drop: str = "") -> Camera:
    return Camera(
        path=Path("/dev/video0"),
        label="video0",
        options=SourceOptions.of_text(y16=y16, drop=drop),
        connect=lambda _: driver,
    )


def read(camera: Camera) -> list[SourceFrame | FailedFrame]:
    return list(Source(recordings=[camera]))


def raws(clip: Counts, kind: str = "<u2") -> list[bytes]:
    return [frame.astype(kind).tobytes() for frame in clip]


def test_counts_come_as_the_camera_sends_them_and_in_its_time(clip: Counts) -> None:
    driver = Driver(raws(clip), size=(32, 24))
    *frames, last = read(camera_of(driver))
    assert [type(frame) for frame in frames] == 5 * [SourceFrame]
    np.testing.assert_array_equal([frame.raw for frame in frames], clip)
    assert [frame.unit for frame in frames] == 5 * ["counts"]
    assert [frame.time_s for frame in frames] == pytest.approx([0.111 * n for n in range(5)])
    assert frames[1].name == "video0-000001"
    assert isinstance(last, FailedFrame)
    assert str(last.error) == "/dev/video0: was unplugged"
    assert (driver.streams, driver.closed) == (False, True)
    assert driver.chosen == int.from_bytes(Y16, "little")


def test_rows_may_be_padded_and_the_high_byte_may_come_first(clip: Counts) -> None:
    padded = np.pad(clip, ((0, 0), (0, 0), (0, 8)), constant_values=65535)
    driver = Driver(raws(padded, ">u2"), size=(32, 24), formats=(Y16_BE,), stride=80)
    frames = read(camera_of(driver))[:-1]
    np.testing.assert_array_equal([frame.raw for frame in frames], clip)


def test_rows_of_telemetry_are_cut_off(clip: Counts) -> None:
    words = np.random.default_rng(0).integers(0, 65536, (5, 2, 32), dtype=np.uint16)
    driver = Driver(raws(np.concatenate([clip, words], axis=1)), size=(32, 26))
    frames = read(camera_of(driver))[:-1]
    np.testing.assert_array_equal([frame.raw for frame in frames], clip)
    driver = Driver(raws(np.concatenate([words, clip], axis=1)), size=(32, 26))
    frames = read(camera_of(driver, drop="top=2"))[:-1]
    np.testing.assert_array_equal([frame.raw for frame in frames], clip)


def test_a_damaged_frame_is_one_frame(clip: Counts) -> None:
    contents = raws(clip)
    contents[1] = contents[1][:700]
    driver = Driver(contents, size=(32, 24), flags=lambda number: 0x40 * (number == 3))
    frames = read(camera_of(driver))[:-1]
    failed = [index for index, frame in enumerate(frames) if isinstance(frame, FailedFrame)]
    assert failed == [1, 3]
    with pytest.raises(DataError, match=r"video0, frame 1: arrived damaged \(700 bytes of 1536\)"):
        _ = frames[1].raw


def test_it_is_stopped_between_two_frames(clip: Counts) -> None:
    driver = Driver(raws(clip), size=(32, 24))
    source = Source(recordings=[camera_of(driver)])
    for frame in itertools.islice(source, 3):
        if frame.index == 2:
            source.stop()
    assert (driver.sent, driver.streams, driver.closed) == (3, False, True)
    assert (source.length, source.is_live) == (None, True)


def refusals() -> Iterator[tuple[str, Driver, str, str]]:
    one = [bytes(1536)]
    yield (
        "no Y16",
        Driver(one, size=(32, 24), formats=(YUYV, b"MJPG")),
        "",
        "gives YUYV, MJPG, and no",
    )
    yield (
        "no capture",
        Driver(one, size=(32, 24), capture=False),
        "",
        "a camera often has two devices",
    )
    yield (
        "size",
        Driver(one, size=(32, 24)),
        "64x48",
        "--y16 64x48: the camera offers 32x24",
    )
    yield "nothing", Driver([], size=(32, 24)), "", "the driver has no memory"
    yield "huge", Driver(one, size=(2**16, 2**16)), "", "which is no 16-bit picture"


@pytest.mark.parametrize(
    ("driver", "y16", "message"), [pytest.param(*r[1:], id=r[0]) for r in refusals()]
)
def test_what_cannot_be_a_thermal_camera(driver: Driver, y16: str, message: str) -> None:
    (frame,) = read(camera_of(driver, y16=y16))
    assert isinstance(frame, FailedFrame)
    assert message in str(frame.error)
    assert driver.closed


def test_a_silent_camera_is_given_up(clip: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LONGEST_SILENCE_S", 0.0)
    driver = Driver(raws(clip), size=(32, 24))
    monkeypatch.setattr(driver, "wait", lambda _: False)
    (frame,) = read(camera_of(driver))
    assert isinstance(frame, FailedFrame)
    assert "no frame for 0 s; is another program using the camera" in str(frame.error)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "not permitted; add yourself to the group video"),
        (errno.EBUSY, "another program uses it"),
    ],
)
def test_a_device_that_cannot_be_opened(code: int, words: str, clip: Counts) -> None:
    def refuse(path: Path) -> Driver:
        raise OSError(code, "as the system says", str(path))

    camera = camera_of(Driver(raws(clip), size=(32, 24)))
    camera.connect = refuse
    (frame,) = read(camera)
    assert isinstance(frame, FailedFrame)
    assert str(frame.error) == f"/dev/video0: cannot be opened: {words}"


def test_only_video_devices_are_cameras(tmp_path: Path) -> None:
    assert not room.is_camera(tmp_path)
    assert not room.is_camera(Path("/dev/null"))
    assert not room.is_camera(tmp_path / "video0")
    assert not room.is_camera(None)
