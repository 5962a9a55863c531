"""The field of view that a FLIR radiometric JPEG states, in its record of the camera.

Layout: ExifTool's page on FLIR tags. The payloads together begin with a header: the directory's offset at
byte 24, the count of its entries at 28; an entry has its type first, offset and length of its record at 12
and 16. The record of the camera (type 0x20) begins with 2 in its own byte order and has the field of view,
degrees across, as float32 at 0x1b4.
"""

from __future__ import annotations

import struct
from pathlib import Path

from thermodepth.thermal.flir import MAX_ENTRIES, flir_payload
from thermodepth.thermal.jpeg_head import jpeg_head

_CAMERA, _VIEW_AT = 0x20, 0x1B4
_NARROWEST_DEG, _WIDEST_DEG = 1.0, 170.0


def stated_view_deg(path: Path) -> float | None:
    """Degrees across, or None where the file is no such JPEG or states nothing that can be.

    Raises:
        DataError: naming the file, when one of its FLIR segments is missing.
    """
    head = jpeg_head(path)
    payload = b"" if head is None else flir_payload(head, str(path))
    for order in (">", "<"):
        view = _view_in(payload, order)
        if view is not None:
            return view
    return None


def _view_in(payload: bytes, order: str) -> float | None:
    """Under a byte order of the header and its directory."""
    if len(payload) < 64:
        return None
    directory, count = struct.unpack_from(f"{order}II", payload, 24)
    for number in range(min(count, MAX_ENTRIES)):
        entry = payload[directory + 32 * number :][:20]
        if len(entry) < 20:
            return None
        kind, offset, length = struct.unpack(f"{order}H10xII", entry)
        if kind != _CAMERA:
            continue
        record = payload[offset : offset + length]
        if len(record) < _VIEW_AT + 4:
            return None
        own = "<" if record[:2] == b"\x02\x00" else ">"
        (view,) = struct.unpack_from(f"{own}f", record, _VIEW_AT)
        return float(view) if _NARROWEST_DEG < view < _WIDEST_DEG else None
    return None
