"""DJI's R-JPEG: the raw frame beside the picture, and what the drone knew when it was taken.

The picture is white-hot or coloured, 8 bits, for people. The counts stand in the APP3 segments, one after
the other: little-endian uint16, rows from the top (Zenmuse H20T and H20N, Mavic 2 Enterprise Advanced,
Matrice 30T, Mavic 3T and later). What leads from counts to temperature stands beside them in a form that DJI
publishes in a program only, so they stay counts. Zenmuse XT2 and XTR write FLIR's layout, see flir.py.

Sources: ExifTool (APP3 of DJI: ThermalData) and its XMP tags `drone-dji`; sizes and values as read by several
public converters of R-JPEG.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError
from thermodepth.pictures import refuse_swapped
from thermodepth.thermal.jpeg_head import JpegHead
from thermodepth.types import CaptureFacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

_APP3 = 0xE3
_NAMESPACE = "drone-dji"
#: The picture may be as large as the sensor, or enlarged from it.
_ENLARGED = (1, 2, 4)
#: (rows, columns) of DJI's sensors, for pictures of another size than a multiple of theirs.
_SENSORS = ((512, 640), (1024, 1280), (256, 336), (192, 256), (120, 160))
_SAME_ASPECT = 0.02


def is_dji(head: JpegHead) -> bool:
    """By the maker in EXIF, or the drone's namespace in XMP."""
    return head.make.upper().startswith("DJI") or f"{_NAMESPACE}:" in head.xmp


def has_raw_frame(head: JpegHead) -> bool:
    """Whether a DJI picture brings its counts."""
    return is_dji(head) and bool(head.contents(_APP3))


def decode_dji(head: JpegHead, name: str) -> NDArray[np.uint16]:
    """The counts `[h w]` of a picture that `has_raw_frame`.

    Raises:
        DataError: naming the file, when they are no frame of the picture's shape.
    """
    stored = b"".join(head.contents(_APP3))
    size = _raw_size(len(stored), head.size)
    if size is None:
        rows, columns = head.size or (0, 0)
        raise DataError(
            f"{name}: a DJI R-JPEG with {len(stored)} bytes in APP3, which are no 16-bit frame of a picture "
            f"of {columns}x{rows}; copy the original from the camera again, or convert it with DJI's own "
            "program"
        )
    counts = np.frombuffer(stored, "<u2").reshape(size).astype(np.uint16)
    refuse_swapped(counts, name)
    return counts


def _raw_size(stored_bytes: int, picture: tuple[int, int] | None) -> tuple[int, int] | None:
    if picture is None or min(picture) < 1:
        return None
    rows, columns = picture
    for factor in _ENLARGED:
        if (
            rows % factor == columns % factor == 0
            and 2 * rows * columns == stored_bytes * factor**2
        ):
            return rows // factor, columns // factor
    for sensor in _SENSORS:
        bent = sensor[1] * rows / (sensor[0] * columns)
        if 2 * math.prod(sensor) == stored_bytes and abs(bent - 1) < _SAME_ASPECT:
            return sensor
    return None


def dji_capture(head: JpegHead) -> CaptureFacts | None:
    """What the drone wrote of the moment; None where it wrote nothing of it."""
    status = head.xmp_value(f"{_NAMESPACE}:LRFStatus")
    laser_m = _number(head, "LRFTargetDistance")
    if laser_m is not None and (laser_m <= 0 or status not in ("", "Normal")):
        laser_m = None  # nothing came back
    facts = CaptureFacts(
        laser_range_m=laser_m,
        height_m=_number(head, "RelativeAltitude"),
        pitch_deg=_number(head, "GimbalPitchDegree"),
        roll_deg=_number(head, "GimbalRollDegree"),
    )
    return None if facts == CaptureFacts() else facts


def _number(head: JpegHead, name: str) -> float | None:
    try:
        value = float(head.xmp_value(f"{_NAMESPACE}:{name}"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
