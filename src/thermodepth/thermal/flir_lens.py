"""The field of view that a FLIR radiometric JPEG states, in its record of the camera.

Layout: as `flir` has it; the record of the camera has the field of view, degrees along the rows of the
sensor, as float32 at 0x1b4 (ExifTool's page on FLIR tags).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

from thermodepth.pictures.orientation import ON_ITS_SIDE
from thermodepth.thermal.flir import (
    CAMERA,
    RAW,
    flir_payload,
    flir_records,
    raw_size,
    record_order,
)
from thermodepth.thermal.jpeg_head import jpeg_head
from thermodepth.thermal.radiometric import stored_alike

_VIEW_AT = 0x1B4
_NARROWEST_DEG, _WIDEST_DEG = 1.0, 170.0


def stated_view_deg(path: Path) -> float | None:
    """Degrees across the upright frame, or None where the file is no such JPEG or states nothing that can be.

    Raises:
        DataError: naming the file, when one of its FLIR segments is missing, or their directory is damaged.
    """
    head = jpeg_head(path)
    payload = b"" if head is None else flir_payload(head, str(path))
    if head is None or not payload:
        return None
    records = flir_records(payload, str(path))
    view_deg = view_in(records.get(CAMERA, b""))
    size = raw_size(records.get(RAW, b""))
    if view_deg is None or head.orientation not in ON_ITS_SIDE or not stored_alike(head, size):
        return view_deg
    rows, columns = size
    if min(size) < 1:
        return None  # of a frame that stands upright, what is across is not known
    return math.degrees(2 * math.atan(math.tan(math.radians(view_deg) / 2) * rows / columns))


def view_in(record: bytes) -> float | None:
    """Degrees along the sensor's rows, of the camera's record; None where it states nothing that can be."""
    if len(record) < _VIEW_AT + 4:
        return None
    (view,) = struct.unpack_from(f"{record_order(record)}f", record, _VIEW_AT)
    return float(view) if _NARROWEST_DEG < view < _WIDEST_DEG else None
