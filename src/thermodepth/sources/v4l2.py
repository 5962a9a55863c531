"""Cameras of Linux (V4L2) that give 16-bit counts: Boson, Lepton on a PureThermal board, Seek.

The kernel's own interface is spoken here, because OpenCV hands out the Y16 of some drivers as black or 8-bit
pictures. The camera is set to 16-bit grey in the size that it stands at (`--y16 WIDTHxHEIGHT` asks for
another); rows of telemetry, which make its frames two rows taller, are found in the first frame and cut off.

Source: linux/videodev2.h, 64-bit layout.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import MAX_PIXELS
from thermodepth.sources.interface import DecodedFrame, StoredFrame
from thermodepth.sources.options import SourceOptions
from thermodepth.sources.v4l2_device import Device, open_device
from thermodepth.thermal import Margins, telemetry_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAJOR = 81  # of the device numbers of video4linux
CAPTURE, MMAP, PROGRESSIVE = 1, 1, 1
BUFFERS = 4  # in the kernel's queue; whoever is later than that loses frames
LONGEST_SILENCE_S = 10.0  # a shutter takes a second or two
_WAIT_S = 0.2
_ERROR_FLAG = 0x40  # of a buffer: its content is damaged
_CAN_CAPTURE, _CAN_STREAM, _HAS_DEVICE_CAPS = 0x1, 0x04000000, 0x80000000


def _code(text: bytes) -> int:
    return int.from_bytes(text, "little")


#: Formats of one 16-bit word a pixel -> number type. Y10 to Y14 fill the low bits.
WORDS = {
    **{_code(name): "<u2" for name in (b"Y16 ", b"Y14 ", b"Y12 ", b"Y10 ")},
    _code(b"Y16 ") | 1 << 31: ">u2",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A call of the driver."""

    number: int
    layout: struct.Struct


def _request(way: int, number: int, layout: str) -> Request:
    """Number of an ioctl of group V; `way` is 1 to write, 2 to read, 3 for both."""
    form = struct.Struct(layout)
    return Request(way << 30 | form.size << 16 | ord("V") << 8 | number, form)


_FORMAT = "=I4x 12I 152x"  # of one plane
_BUFFER = "=5I4x 2q 2I8B 2I Q 3I4x"
QUERY_CAPABILITY = _request(2, 0, "=16s32s32s3I12x")
ENUMERATE_FORMATS = _request(3, 2, "=3I32sI16x")
GET_FORMAT, SET_FORMAT = _request(3, 4, _FORMAT), _request(3, 5, _FORMAT)
REQUEST_BUFFERS = _request(3, 8, "=3I8x")
QUERY_BUFFER, QUEUE, DEQUEUE = (_request(3, n, _BUFFER) for n in (9, 15, 17))
STREAM_ON, STREAM_OFF = _request(1, 18, "=I"), _request(1, 19, "=I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What the camera agreed to send."""

    width: int
    height: int
    stride: int  # bytes from row to row
    code: int

    @property
    def frame_bytes(self) -> int:
        """Up to the last pixel."""
        return self.stride * (self.height - 1) + 2 * self.width


@dataclass(slots=True, kw_only=True)
class Camera:
    """Frames of a camera as they come, until it is stopped or unplugged."""

    path: Path
    label: str
    options: SourceOptions
    connect: Callable[[Path], Device] = open_device
    length: None = None
    is_live: bool = True
    _stopped: threading.Event = field(default_factory=threading.Event)
    _margins: Margins | None = None  # of telemetry, once a frame was seen

    @property
    def origin(self) -> str:
        """The device."""
        return str(self.path)

    @property
    def sequence(self) -> str:
        """One recording."""
        return str(self.path)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """Copied out of the kernel's buffers as they fill; times are the camera's own, from its first frame.

        Raises:
            DataError: for a device that is no such camera, falls silent or is unplugged.
        """
        with _connected(self.path, self.connect) as device, _streaming(self, device) as streaming:
            stream, buffers = streaming
            first_s, number = None, 0
            silent_since = time.monotonic()
            while not self._stopped.is_set():
                if not device.wait(_WAIT_S):
                    if time.monotonic() - silent_since > LONGEST_SILENCE_S:
                        raise DataError(
                            f"{self.path}: no frame for {LONGEST_SILENCE_S:g} s; is another program using "
                            "the camera, or is it unplugged?"
                        )
                    continue
                arrival = _take(self.path, device, buffers)
                if arrival is None:
                    continue
                content, stamp_s, is_damaged = arrival
                silent_since = time.monotonic()
                first_s = stamp_s if first_s is None else first_s
                origin = f"{self.path}, frame {number}"
                yield StoredFrame(
                    decode=partial(self._decode, content, is_damaged, stream, origin),
                    origin=origin,
                    time_s=stamp_s - first_s,
                )
                number += 1

    def stop(self) -> None:
        """The wait for the next frame ends, and with it the frames."""
        self._stopped.set()

    def _decode(
        self, content: bytes, is_damaged: bool, stream: Stream, origin: str
    ) -> DecodedFrame:
        if is_damaged or len(content) < stream.frame_bytes:
            raise DataError(
                f"{origin}: arrived damaged ({len(content)} bytes of {stream.frame_bytes}); a cable or a hub "
                "that is too slow does that"
            )
        counts = _pixels(content, stream)
        if self.options.margins is None:
            if self._margins is None:
                self._margins = telemetry_rows(counts)
            counts = self._margins.cut(counts, origin)
        raw, unit = self.options.frame_of(counts, origin)
        return DecodedFrame(raw=raw, unit=unit)


def is_camera(path: Path | None) -> bool:
    """Whether a path is a video device of Linux."""
    if path is None or not sys.platform.startswith("linux"):
        return False
    try:
        status = path.stat()
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == MAJOR


def _pixels(content: bytes, stream: Stream) -> NDArray[np.uint16]:
    flat = np.frombuffer(content, np.uint8)
    padded = np.zeros(stream.stride * stream.height, np.uint8)  # the last row may end early
    padded[: min(flat.size, padded.size)] = flat[: padded.size]
    rows = padded.reshape(stream.height, stream.stride)[:, : 2 * stream.width]
    return np.ascontiguousarray(rows).view(WORDS[stream.code]).astype(np.uint16)


@contextmanager
def _connected(path: Path, connect: Callable[[Path], Device]) -> Iterator[Device]:
    """
    Raises:
        DataError: saying what the system says, in words that help.
    """
    try:
        device = connect(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {_words(error)}") from None
    try:
        yield device
    finally:
        device.close()


def _ask(path: Path, device: Device, request: Request, *values: int | bytes) -> tuple[int, ...]:
    """Call the driver with a structure and take it apart again.

    Raises:
        DataError: naming what the driver said.
    """
    argument = bytearray(request.layout.pack(*values))
    try:
        device.control(request.number, argument)
    except OSError as error:
        raise DataError(f"{path}: {_words(error)}") from None
    return request.layout.unpack(argument)


@contextmanager
def _streaming(camera: Camera, device: Device) -> Iterator[tuple[Stream, list[memoryview]]]:
    """A camera that sends, and the buffers that it fills."""
    path = camera.path
    stream = _agree(camera, device)
    count = _ask(path, device, REQUEST_BUFFERS, BUFFERS, CAPTURE, MMAP)[0]
    if count < 1:
        raise DataError(f"{path}: the driver has no memory for frames")
    buffers = []
    for index in range(count):
        placed = _ask(path, device, QUERY_BUFFER, *_buffer(index))
        buffers.append(device.map(length=placed[20], offset=placed[19] & 0xFFFFFFFF))
        _ask(path, device, QUEUE, *_buffer(index))
    _ask(path, device, STREAM_ON, CAPTURE)
    try:
        yield stream, buffers
    finally:
        with suppress(DataError):  # it is gone
            _ask(path, device, STREAM_OFF, CAPTURE)
        for buffer in buffers:
            buffer.release()


def _agree(camera: Camera, device: Device) -> Stream:
    """Ask for 16-bit grey.

    Raises:
        DataError: for a device that is no camera or has no 16-bit grey, naming what it has.
    """
    path = camera.path
    capabilities = _ask(path, device, QUERY_CAPABILITY, bytes(16), bytes(32), bytes(32), 0, 0, 0)
    able = capabilities[5] if capabilities[4] & _HAS_DEVICE_CAPS else capabilities[4]
    if not able & _CAN_CAPTURE or not able & _CAN_STREAM:
        raise DataError(
            f"{path}: gives no video; a camera often has two devices: try /dev/video with another number"
        )
    offered = _formats(path, device)
    code = next((code for code in WORDS if code in offered), None)
    if code is None:
        names = ", ".join(_name(code) for code in offered) or "nothing"
        raise DataError(
            f"{path}: gives {names}, and no 16-bit counts (Y16); switch the camera to raw 14- or 16-bit "
            "video, or name it by rtsp:// or as a file that another program records"
        )
    now = _ask(path, device, GET_FORMAT, CAPTURE, *[0] * 12)
    size = camera.options.y16
    width, height = (size.width, size.height) if size else (now[1], now[2])
    agreed = _ask(path, device, SET_FORMAT, CAPTURE, width, height, code, PROGRESSIVE, *[0] * 8)
    stream = Stream(
        width=agreed[1], height=agreed[2], code=agreed[3], stride=agreed[5] or 2 * agreed[1]
    )
    if size and (stream.width, stream.height) != (width, height):
        raise DataError(
            f"{path}: --y16 {width}x{height}: the camera offers {stream.width}x{stream.height} instead"
        )
    is_possible = (
        0 < stream.width * stream.height <= MAX_PIXELS and stream.stride >= 2 * stream.width
    )
    if stream.code not in WORDS or not is_possible:
        raise DataError(
            f"{path}: the driver answers with {stream.width}x{stream.height} of {_name(stream.code)}, rows "
            f"of {stream.stride} bytes, which is no 16-bit picture"
        )
    return stream


def _formats(path: Path, device: Device) -> list[int]:
    """Codes of the pixel formats that the camera lists."""
    codes: list[int] = []
    while len(codes) < 64:
        argument = bytearray(ENUMERATE_FORMATS.layout.pack(len(codes), CAPTURE, 0, bytes(32), 0))
        try:
            device.control(ENUMERATE_FORMATS.number, argument)
        except OSError as error:
            if error.errno == errno.EINVAL:  # behind the last one
                return codes
            raise DataError(f"{path}: {_words(error)}") from None
        codes.append(ENUMERATE_FORMATS.layout.unpack(argument)[4])
    return codes


def _take(
    path: Path, device: Device, buffers: list[memoryview]
) -> tuple[bytes, float, bool] | None:
    """The next frame: a copy of its bytes, its time, whether it is damaged; None where there is none yet."""
    argument = bytearray(DEQUEUE.layout.pack(*_buffer(0)))
    try:
        device.control(DEQUEUE.number, argument)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return None
        raise DataError(f"{path}: {_words(error)}") from None
    values = DEQUEUE.layout.unpack(argument)
    index, used, flags = values[0], values[2], values[3]
    if index >= len(buffers):
        raise DataError(f"{path}: the driver names buffer {index} of {len(buffers)}")
    content = bytes(buffers[index][:used])
    _ask(path, device, QUEUE, *_buffer(index))
    return content, values[5] + values[6] / 1e6, bool(flags & _ERROR_FLAG)


def _buffer(index: int) -> tuple[int, ...]:
    """The fields of a buffer in the kernel's memory; all but index, type and memory are the driver's."""
    return (index, CAPTURE, *[0] * 3, 0, 0, *[0] * 10, 0, MMAP, 0, 0, 0, 0)


def _words(error: OSError) -> str:
    known = {
        errno.EACCES: "not permitted; add yourself to the group video",
        errno.EBUSY: "another program uses it",
        errno.ENODEV: "was unplugged",
    }
    return known.get(error.errno or 0) or error.strerror or str(error)


def _name(code: int) -> str:
    text = (code & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace").strip()
    return f"{text} (high byte first)" if code >> 31 else text
