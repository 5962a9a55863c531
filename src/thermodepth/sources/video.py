"""Videos: MKV, MP4, AVI, MOV; 16-bit grey, as FFV1 and JPEG-LS keep it, stays 16 bits.

OpenCV's FFmpeg decodes them. It hands out 16-bit grey as it is, everything of 8 bits as a picture, and what
has 9 to 14 bits, or 16 in colour, as scraps of its bytes: those are refused by their pixel format, with the
command that stores them as 16-bit grey. PyAV could read them; its wheels hold x264 and x265, which are GPL.

Source: FFmpeg, libavcodec/raw.c, for the tags of pixel formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError
from thermodepth.files import MAX_PIXELS, byte_count
from thermodepth.sources.interface import DecodedFrame, StoredFrame, state_of
from thermodepth.sources.options import SourceOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".mkv", ".mp4", ".avi", ".mov", ".webm", ".m4v")
GREY16 = b"Y1\x00\x10"  # the tag of 16-bit grey, low byte first
#: Channels of a picture that is grey to the eye, after a lossy codec, differ by no more in nearly all pixels.
_GREY_STEP, _GREY_SHARE = 16, 0.98
#: A header's number of frames is an estimate in some containers; so much is its own fault.
_MISSING_SHARE, _FEWEST_MISSING = 0.02, 3
_STILLS = (b"heic", b"heix", b"mif1", b"avif")  # of MP4's family, which are pictures
#: Tags of deep formats that do not say their bits in that way.
_PACKED = (b"RGB0", b"BGR0", b"RBA@", b"BRA@", b"P010", b"P012", b"P016", b"P210", b"P216")
_REMEDY = "ffmpeg -i VIDEO -pix_fmt gray16le -c:v ffv1 OTHER.mkv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """The first video stream of a file."""

    path: Path
    label: str
    options: SourceOptions
    length: int | None  # as the header says
    is_deep: bool  # 16-bit grey
    is_live: bool = False

    @property
    def origin(self) -> str:
        """The file."""
        return str(self.path)

    @property
    def sequence(self) -> str:
        """One recording."""
        return str(self.path)

    def stored_frames(self) -> Iterator[StoredFrame]:
        """In the order of the file; one is fetched from its decoder when it is decoded.

        Raises:
            DataError: at the end, for a file that holds clearly fewer frames than it says.
        """
        capture = open_capture(self.path)
        state = state_of(self.path)
        number = 0
        try:
            if self.is_deep:
                import cv2

                capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
            while capture.grab():
                origin = f"{self.path}, frame {number}"
                decode = partial(self._decode, capture, origin)
                yield StoredFrame(
                    decode=decode, origin=origin, time_s=time_s(capture), file_state=state
                )
                number += 1
        finally:
            capture.release()
        missing = (self.length or 0) - number
        if missing > max(_MISSING_SHARE * number, _FEWEST_MISSING):
            raise DataError(
                f"{self.path}: its header says {self.length} frames, and {number} could be decoded; it is "
                "damaged or cut off"
            )

    def _decode(self, capture: Any, origin: str) -> DecodedFrame:
        has_frame, pixels = capture.retrieve()
        if not has_frame or pixels is None:
            raise DataError(f"{origin}: cannot be decoded")
        raw, unit = self.options.frame_of(as_grey(pixels), origin)
        return DecodedFrame(raw=raw, unit=unit)

    def stop(self) -> None:
        """Nothing is waited for."""


def open_video(path: Path, label: str, options: SourceOptions) -> Video:
    """
    Raises:
        DataError: for a file that OpenCV cannot read as a video, or whose pixels it cannot hand out.
    """
    capture = open_capture(path)
    try:
        length, is_deep = examine(capture, str(path))
    finally:
        capture.release()
    return Video(path=path, label=label, options=options, length=length, is_deep=is_deep)


def examine(capture: Any, name: str) -> tuple[int | None, bool]:
    """(how many frames its header says, whether they are 16-bit grey) of an open capture.

    Raises:
        DataError: naming it, for frames too large or of a format that OpenCV cannot hand out.
    """
    import cv2

    tag = pixel_format(capture)
    frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    columns, rows = (
        int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if rows * columns > MAX_PIXELS:
        raise DataError(
            f"{name}: frames of {columns}x{rows}, more than the {MAX_PIXELS // 10**6} million pixels that "
            "any camera here has"
        )
    if is_crushed(tag):
        raise DataError(
            f"{name}: a video of pixel format {tag_text(tag)}, of which OpenCV would keep 8 bits or less. "
            f"Store it as 16-bit grey: {_REMEDY}"
        )
    return frames if frames > 0 else None, tag == GREY16  # some containers do not say


def is_video(head: bytes) -> bool:
    """By the first bytes: Matroska and WebM, MP4 and MOV, AVI."""
    box = head[4:8]
    return (
        head.startswith(b"\x1a\x45\xdf\xa3")
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or (box == b"ftyp" and head[8:12] not in _STILLS)
        or box in (b"moov", b"mdat", b"wide")
    )


def open_capture(path: Path) -> Any:
    """A `cv2.VideoCapture` that FFmpeg decodes.

    Raises:
        DataError: for a file that holds no video, or none that FFmpeg of this OpenCV can read.
    """
    byte_count(path)
    capture = capture_of(str(path.resolve()))
    if not capture.isOpened():
        raise DataError(f"{path}: holds no video that OpenCV can decode, or is damaged")
    return capture


def capture_of(address: str, parameters: Sequence[int] = ()) -> Any:
    """A `cv2.VideoCapture` of a file or address, open or not; `parameters` are OpenCV's, value by value."""
    import cv2

    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)  # who asks says what is wrong, in one line
    try:
        return cv2.VideoCapture(address, cv2.CAP_FFMPEG, list(parameters))
    finally:
        log.setLogLevel(level)


def pixel_format(capture: Any) -> bytes:
    """FFmpeg's tag of four bytes; zeros where it has none."""
    import cv2

    return (int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) & 0xFFFFFFFF).to_bytes(4, "little")


def is_crushed(tag: bytes) -> bool:
    """Whether OpenCV keeps 8 bits or fewer of pixels that have more.

    Such tags are a letter for the colours, a digit for the planes and, last, the bits of a sample; formats
    with the high byte first have them the other way round.
    """
    if tag == GREY16:
        return False
    if tag in _PACKED or tag == bytes(4):
        return True
    return any(
        t[:1] in (b"Y", b"G", b"X") and t[1:2] in (b"1", b"2", b"3", b"4") and 8 < t[3] <= 32
        for t in (tag, tag[::-1])
    )


def tag_text(tag: bytes) -> str:
    """`Y1, 12 bits`, or its letters."""
    if tag == bytes(4):
        return "unknown to FFmpeg's table"
    for way in (tag, tag[::-1]):
        if way[:2].isalnum() and way[3] <= 32:
            return f"{way[:2].decode()} of {way[3]} bits"
    return tag.decode("ascii", "replace")


def as_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """A picture `[h w 3]` that is grey but for what a codec did to it, as `[h w]`; others as they are."""
    if pixels.ndim != 3:
        return pixels
    spread = pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)
    if float((spread <= _GREY_STEP).mean()) < _GREY_SHARE:
        return pixels
    import cv2

    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))


def time_s(capture: Any) -> float | None:
    """Of the frame that was fetched last, from the beginning."""
    import cv2

    time_ms = float(capture.get(cv2.CAP_PROP_POS_MSEC))
    return time_ms / 1000 if time_ms >= 0 else None
