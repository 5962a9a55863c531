"""What a kind of source gives: recordings, whose frames come one at a time and are decoded when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from thermodepth.errors import DataError
from thermodepth.sources.frame import MessageHeader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from thermodepth.types import ThermalUnit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedFrame:
    """Pixels as they are stored."""

    raw: NDArray[Any]  # [h w], uint16 counts, float32 kelvin or uint8 display
    unit: ThermalUnit
    intrinsics: NDArray[np.float64] | None = None  # [3 3] pixels of `raw`


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFrame:
    """A frame that has not been decoded."""

    #: Raises a DataError that names the frame. Good until the next frame is asked for.
    decode: Callable[[], DecodedFrame]
    origin: str  # what messages call it
    label: str = ""  # of a frame with a name of its own
    time_s: float | None = None
    file_state: str = ""  # as of `SourceFrame`
    header: MessageHeader | None = None  # as of `SourceFrame`


class Recording(Protocol):
    """Frames that follow each other: a file of many, the pictures of a folder, a camera."""

    @property
    def origin(self) -> str:
        """What messages call it."""

    @property
    def label(self) -> str:
        """Start of the names of its frames; empty where they have names of their own."""

    @property
    def sequence(self) -> str:
        """Of all its frames."""

    @property
    def length(self) -> int | None:
        """How many frames it has; None: nobody knows before the end."""

    @property
    def is_live(self) -> bool:
        """Whether frames come in their own time and may never end."""

    def stored_frames(self) -> Iterator[StoredFrame]:
        """From the first one; a recording of the disk can be read again.

        Raises:
            DataError: where nothing behind this place can be read.
        """

    def stop(self) -> None:
        """From another thread or a signal: a wait for the next frame ends, and with it the frames."""


def state_of(path: Path) -> str:
    """`file_state` of the frames of a file: its path, size and time of change."""
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
