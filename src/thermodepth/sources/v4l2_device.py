"""A video device of Linux as four calls, so that a stand-in can take its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Device(Protocol):
    """What `v4l2` needs of a device; every call may raise an OSError of the driver."""

    def control(self, request: int, argument: bytearray) -> None:
        """An ioctl, which changes its argument in place."""

    def map(self, *, length: int, offset: int) -> memoryview:
        """A buffer of the driver, to read."""

    def wait(self, timeout_s: float) -> bool:
        """Whether a frame is ready, or the device has something to complain of."""

    def close(self) -> None:
        """Let go of it."""


class LinuxDevice:
    """A device file that is open."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def control(self, request: int, argument: bytearray) -> None:
        """As `Device.control`."""
        import fcntl

        fcntl.ioctl(self._descriptor, request, argument, True)

    def map(self, *, length: int, offset: int) -> memoryview:
        """As `Device.map`; it is let go of when nobody holds the view."""
        import mmap

        shared = mmap.mmap(self._descriptor, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)
        return memoryview(shared)

    def wait(self, timeout_s: float) -> bool:
        """As `Device.wait`."""
        import select

        return any(select.select([self._descriptor], [], [self._descriptor], timeout_s))

    def close(self) -> None:
        """As `Device.close`."""
        os.close(self._descriptor)


def open_device(path: Path) -> Device:
    """
    Raises:
        OSError: where it is not there, in use, or not ours to open.
    """
    return LinuxDevice(path)
