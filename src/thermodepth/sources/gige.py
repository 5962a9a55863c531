"""Cameras of GigE Vision and USB3 Vision through the maker's own GenTL producer (extra `gige`).

`gige:` is the only camera, `gige:SERIAL` that one. `harvesters`, of the GenICam committee, speaks to any
producer: the `.cti` file that comes with a camera's software, which the variable GENICAM_GENTL64_PATH leads
to. Aravis needs no producer, but is a library of the system with bindings that pip does not install.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import MAX_PIXELS
from thermodepth.sources.interface import DecodedFrame, StoredFrame
from thermodepth.sources.options import SourceOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMES = ("gige",)
PRODUCERS = "GENICAM_GENTL64_PATH"  # folders, as the GenTL standard has it
#: Pixel formats of one 16-bit word a pixel, the best first.
WORDS = ("Mono16", "Mono14", "Mono12", "Mono10")
LONGEST_SILENCE_S = 10.0
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionCamera:
    """Frames of a camera as they come, until it is stopped."""

    serial: str  # empty: the only one
    label: str
    options: SourceOptions
    length: None = None
    is_live: bool = True
    _stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        """As it was typed."""
        return f"gige:{self.serial}" if self.serial else "gige"

    @property
    def sequence(self) -> str:
        """One recording."""
        return self.origin

    def stored_frames(self) -> Iterator[StoredFrame]:
        """Copied out of the producer's buffers; a buffer that is not complete is none.

        Raises:
            DataError: for a camera that is not there, has no 16-bit grey, or falls silent.
        """
        with _acquiring(self) as acquirer:
            began_s = silent_since = time.monotonic()
            number = 0
            while not self._stopped.is_set():
                pixels = _next(acquirer, self.origin)
                now_s = time.monotonic()
                if pixels is None:
                    if now_s - silent_since > LONGEST_SILENCE_S:
                        raise DataError(f"{self.origin}: no frame for {LONGEST_SILENCE_S:g} s")
                    continue
                silent_since = now_s
                origin = f"{self.origin}, frame {number}"
                decode = partial(self._decode, pixels, origin)
                yield StoredFrame(decode=decode, origin=origin, time_s=now_s - began_s)
                number += 1

    def stop(self) -> None:
        """The wait for the next frame ends, and with it the frames."""
        self._stopped.set()

    def _decode(self, pixels: NDArray[Any], origin: str) -> DecodedFrame:
        raw, unit = self.options.frame_of(pixels, origin)
        return DecodedFrame(raw=raw, unit=unit)


def open_gige(address: str, label: str, options: SourceOptions) -> VisionCamera:
    """The camera of `gige:SERIAL`; it is asked for when its first frame is.

    Raises:
        DependencyError: without the extra.
        DataError: where no producer is installed.
    """
    try:
        import harvesters.core  # noqa: F401
    except ImportError:
        raise DependencyError(
            f"{address.rstrip(':')}: cameras of GigE Vision need harvesters: pip install 'thermodepth[gige]'"
        ) from None
    if not producers():
        raise DataError(
            f"{address.rstrip(':')}: no GenTL producer; install the software of the camera's maker and "
            f"let {PRODUCERS} name the folder of its .cti file"
        )
    return VisionCamera(serial=address.partition(":")[2].strip("/"), label=label, options=options)


def producers() -> list[Path]:
    """The `.cti` files of the folders in GENICAM_GENTL64_PATH."""
    folders = [Path(text) for text in os.environ.get(PRODUCERS, "").split(os.pathsep) if text]
    return [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.cti"))]


@contextmanager
def _acquiring(camera: VisionCamera) -> Iterator[Any]:
    """An acquirer that is running; everything is given back at the end."""
    from harvesters.core import Harvester

    harvester = Harvester()
    try:
        acquirer = _acquirer(harvester, camera)
        try:
            acquirer.start()
            yield acquirer
        finally:
            with suppress(Exception):  # it is gone, and so is whatever it held
                acquirer.stop()
                acquirer.destroy()
    finally:
        harvester.reset()


def _acquirer(harvester: Any, camera: VisionCamera) -> Any:
    """Of the one camera, set to 16-bit grey.

    Raises:
        DataError: naming the cameras that are there, or the formats that it has.
    """
    for path in producers():
        harvester.add_file(str(path))
    harvester.update()
    serials = [str(device.serial_number) for device in harvester.device_info_list]
    if (camera.serial and camera.serial not in serials) or (
        not camera.serial and len(serials) != 1
    ):
        listed = ", ".join(serials) or "none"
        raise DataError(
            f"{camera.origin}: cameras that answer: {listed}; expected gige:SERIAL of one of them"
        )
    try:
        acquirer = harvester.create(serials.index(camera.serial) if camera.serial else 0)
    except Exception as error:  # of the producer, whose errors have no common class
        raise DataError(f"{camera.origin}: cannot be opened ({error})") from None
    node = acquirer.remote_device.node_map.PixelFormat
    formats = tuple(node.symbolics)
    chosen = next((name for name in WORDS if name in formats), None)
    if chosen is None:
        acquirer.destroy()
        raise DataError(
            f"{camera.origin}: gives {', '.join(formats)}, expected 16-bit grey ({', '.join(WORDS)})"
        )
    node.value = chosen
    return acquirer


def _next(acquirer: Any, origin: str) -> NDArray[np.uint16] | None:
    """A copy of the next frame `[h w]`; None where none came yet.

    Raises:
        DataError: for what the producer says, or a frame larger than any camera has.
    """
    try:
        buffer = acquirer.try_fetch(timeout=_WAIT_S)
    except Exception as error:  # of the producer
        raise DataError(f"{origin}: {error}") from None
    if buffer is None:
        return None
    with buffer:
        component = buffer.payload.components[0]
        rows, columns = int(component.height), int(component.width)
        if rows * columns > MAX_PIXELS or component.data.size != rows * columns:
            raise DataError(
                f"{origin}: a frame of {component.data.size} values for {columns}x{rows}"
            )
        return np.array(component.data, np.uint16).reshape(rows, columns)
