"""One frame of a source, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DataError
from thermodepth.types import ThermalUnit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHeader:
    """Of the ROS message that a frame came in; what is to be matched with it has the same."""

    stamp_ns: int
    frame_id: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceFrame:
    """A thermal frame in the camera's own numbers."""

    raw: NDArray[Any]  # [h w] uint16 counts, float32 kelvin or uint8 display
    unit: ThermalUnit
    name: str  # no other frame of the source has it; can start a file's name
    index: int  # of the source, from 0; failed frames count
    origin: str  # what messages call it, such as `clip.npy, frame 12`
    sequence: str  # frames of one recording share it, and follow each other in time
    time_s: float | None = None  # of the recording's own clock; None: it has none
    intrinsics: NDArray[np.float64] | None = (
        None  # [3 3] pixels of `raw`, where the source states them
    )
    file_state: str = ""  # changes when the file that it is from does; empty: it is from no file
    header: MessageHeader | None = None  # None: it came in no message


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFrame:
    """A frame that could not be read; the frames behind it come nevertheless."""

    error: DataError
    name: str
    index: int
    origin: str
    sequence: str
    time_s: float | None = None

    @property
    def reason(self) -> str:
        """One line."""
        return str(self.error)

    @property
    def raw(self) -> NDArray[Any]:
        """There is none: whoever asks is told why.

        Raises:
            DataError: the reason.
        """
        raise self.error

    @property
    def unit(self) -> ThermalUnit:
        """As `raw`.

        Raises:
            DataError: the reason.
        """
        raise self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedFrame:
    """A frame that its reader did not want: it was not decoded."""

    name: str
    index: int
    sequence: str


AnyFrame = SourceFrame | FailedFrame | SkippedFrame
