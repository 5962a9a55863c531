"""FLIR radiometric JPEGs: the raw frame behind the picture, as kelvin.

The picture of such a file is a false-colour rendering for people; the counts, the Planck constants and
what the user entered about emissivity and air stand in APP1 segments beside it. `flyr` decodes them
(EUPL-1.2, extra `flir`). It is imported only when such a file is opened, which its segments tell, and is
handed nothing but these segments, whose sizes have been bounded before.

Layout: ExifTool's page on FLIR tags. A segment is `FLIR`, 0, 1, its number, the last number, payload; the
payloads together begin with a directory of 32-byte entries (type, offset, length).
"""

from __future__ import annotations

import io
import struct
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import MAX_PIXELS, open_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The largest radiometric JPEGs come of 1280x1024 sensors, 3.1 million pixels by super-resolution.
MAX_THERMAL_PIXELS = 4_000_000
MAX_SEGMENTS = 1024  # before the picture begins; real files have below 30
MAX_ENTRIES = 256
_MAGIC = b"FLIR\x00"
_RAW, _PHOTO = 1, 14  # types of directory entries that hold pixels


def flir_segments(path: Path) -> list[bytes]:
    """The FLIR payloads of a JPEG in the order of their numbers; empty for every other file.

    Raises:
        DataError: naming the file, when one of them is missing.
    """
    try:
        with open_file(path) as stream:
            found = _walk(stream) if stream.read(2) == b"\xff\xd8" else []
    except DataError:
        return []  # whoever opens it next says what is wrong
    if not found:
        return []
    last = found[0][1]
    payloads = {number: payload for number, _, payload in found}
    if len(found) != last + 1 or sorted(payloads) != list(range(last + 1)):
        raise DataError(
            f"{path}: a FLIR radiometric JPEG with {len(found)} of {last + 1} data segments; copy the "
            "original from the camera again, editing and sending by chat removes them"
        )
    return [payloads[number] for number in range(last + 1)]


def _walk(stream: BinaryIO) -> list[tuple[int, int, bytes]]:
    """(number, last number, payload) of every FLIR segment before the picture begins."""
    found: list[tuple[int, int, bytes]] = []
    for _ in range(MAX_SEGMENTS):
        head = stream.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:
            break
        length = int.from_bytes(head[2:], "big") - 2
        if head[1] != 0xE1:
            stream.seek(length, 1)
            continue
        body = stream.read(max(length, 0))
        if body[:5] == _MAGIC and len(body) == length > 8:
            found.append((body[6], body[7], body[8:]))
    return found


def decode_flir(segments: list[bytes], name: str) -> NDArray[np.float32]:
    """Object temperature in kelvin `[h w]`, under the emissivity and air that the file states.

    Raises:
        DependencyError: without `flyr`.
        DataError: naming the file, when it holds no raw frame, is damaged or too large.
    """
    _bound(b"".join(segments), name)
    try:
        import flyr
    except ImportError:
        raise DependencyError(
            f"{name}: a FLIR radiometric JPEG, which the package flyr decodes: "
            "pip install 'thermodepth[flir]' (flyr is under EUPL-1.2)"
        ) from None
    content = b"\xff\xd8" + b"".join(
        _segment(number, len(segments) - 1, payload) for number, payload in enumerate(segments)
    )
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            kelvin = flyr.unpack(io.BytesIO(content + _a_picture()[2:])).kelvin
    except Exception as error:  # flyr lets through whatever its reader stumbles on
        raise DataError(f"{name}: damaged FLIR radiometric JPEG ({error}); copy it again") from None
    return np.asarray(kelvin, np.float32)


def _bound(payload: bytes, name: str) -> None:
    """Refuse before memory is taken what the entries say of pixels.

    flyr reads as many entries as the header counts, from its start, so these are looked at here.
    """
    if len(payload) < 64:
        raise DataError(f"{name}: a FLIR JPEG whose data ends within its header; copy it again")
    (count,) = struct.unpack_from(">I", payload, 28)
    if count > MAX_ENTRIES:
        raise DataError(f"{name}: a FLIR JPEG with {count} records, damaged or hostile; refused")
    has_raw = False
    for place in range(0, min(32 * count, len(payload) - 31), 32):
        kind, offset = struct.unpack_from(">H10xI", payload, place)
        if kind not in (_RAW, _PHOTO):
            continue
        has_raw |= kind == _RAW
        head = payload[offset : offset + 56]
        sizes = [struct.unpack_from("<HH", head, 2)] if len(head) >= 6 else []
        limit = MAX_THERMAL_PIXELS if kind == _RAW else MAX_PIXELS
        if head[32:36] == b"\x89PNG" and len(head) == 56:
            sizes.append(struct.unpack_from(">II", head, 48))
        for width, height in sizes:
            if width * height > limit:
                raise DataError(
                    f"{name}: the header says {width}x{height}, more than the {limit // 10**6} million "
                    "pixels that any such camera has; refused before memory is taken"
                )
    if not has_raw:
        raise DataError(
            f"{name}: a FLIR JPEG without a raw frame: saved by a camera that is not radiometric, or "
            "edited. Its picture is a false-colour rendering, which has lost the temperature order"
        )


def _segment(number: int, last: int, payload: bytes) -> bytes:
    length = len(payload) + 10
    return b"\xff\xe1" + length.to_bytes(2, "big") + _MAGIC + bytes([1, number, last]) + payload


@cache
def _a_picture() -> bytes:
    """A JPEG of one pixel: flyr opens the picture too, and the file's own has nothing to add."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (1, 1)).save(stream, "JPEG")
    return stream.getvalue()
