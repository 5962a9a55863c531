"""JPEG-LS, in which FLIR keeps the raw frames of CSQ recordings and of some radiometric JPEGs.

OpenCV's FFmpeg decodes it, as the one frame of a video on disk: reading from memory, OpenCV 5.0 can end the
process. Samples of 9 to 15 bits come out of it in the upper bits of 16.

Source: ITU T.87: FF D8, FF F7 (SOF55), two bytes of length, the bits of a sample, rows, columns, components.
Microsoft's AVI RIFF File Reference.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

START, END = b"\xff\xd8\xff\xf7", b"\xff\xd9"
_HEAD_BYTES = 12
_CODEC = b"MJLS"


def jpeg_ls_size(content: bytes) -> tuple[int, int]:
    """(rows, columns) of a stream that begins with `START`; (0, 0) where it ends before."""
    if len(content) < _HEAD_BYTES:
        return 0, 0
    rows, columns = struct.unpack_from(">HH", content, 7)
    return rows, columns


def decode_jpeg_ls(content: bytes, name: str) -> NDArray[Any]:
    """`[h w]` uint8 or uint16 of one component; the caller has bounded its size.

    Raises:
        DataError: naming the file, for a stream that is damaged or has several components.
    """
    import cv2

    rows, columns = jpeg_ls_size(content)
    bits = content[6] if rows else 0
    if min(rows, columns) < 1 or content[11] != 1 or not 2 <= bits <= 16:
        raise DataError(f"{name}: damaged JPEG-LS, or one of several components")
    if not content.rstrip(b"\0").endswith(END):  # the decoder makes up what is cut off
        raise DataError(f"{name}: truncated JPEG-LS")
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        with tempfile.TemporaryDirectory(prefix="thermodepth-") as folder:
            path = Path(folder) / "frame.avi"
            path.write_bytes(_video_of_one(content, rows, columns))
            capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
            has_frame, pixels = capture.read()
            capture.release()
    finally:
        log.setLogLevel(level)
    if not has_frame or pixels is None or pixels.shape != (rows, columns):
        raise DataError(f"{name}: damaged JPEG-LS")
    return np.asarray(pixels >> (16 - bits) if pixels.dtype == np.uint16 else pixels)


def _video_of_one(frame: bytes, rows: int, columns: int) -> bytes:
    """An AVI file of this one frame."""
    main = struct.pack("<14I", 10**6, 0, 0, 0, 1, 0, 1, 0, columns, rows, 0, 0, 0, 0)
    stream = b"vids" + _CODEC
    stream += struct.pack("<IHHIIIIIIII4H", 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, columns, rows)
    pixels = struct.pack("<IiiHH4sIiiII", 40, columns, rows, 1, 24, _CODEC, 0, 0, 0, 0, 0)
    headers = _list(b"strl", _chunk(b"strh", stream) + _chunk(b"strf", pixels))
    lists = _list(b"hdrl", _chunk(b"avih", main) + headers) + _list(b"movi", _chunk(b"00dc", frame))
    return _chunk(b"RIFF", b"AVI " + lists)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _list(kind: bytes, content: bytes) -> bytes:
    return _chunk(b"LIST", kind + content)
