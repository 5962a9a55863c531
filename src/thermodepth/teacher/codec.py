"""A label map as a 16-bit PNG: any viewer shows it, and it loses less than 1e-4 of its range.

    code = 0                              no value (NaN)
    code = 1 + (u - offset) / step        else, rounded to 1 .. 65535

with u the value itself for inverse and affine maps, and its natural logarithm for depth, which spans
centimetres to kilometres in one picture. Error: at most step / 2, that is range / 131068, in u. Space,
offset and step stand in PNG text, with a checksum over the codes and the owner of the map, so that a
damaged file or one from another store is known for what it is.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.files import MAX_PIXELS
from thermodepth.types import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEVELS = 65534  # codes 1 .. 65535
_KEY = "thermodepth-"
_PNG_HEADER = b"\x89PNG\r\n\x1a\n"


class CodecError(ValueError):
    """Bytes that are not a whole label map; the store says which file."""


def space_of(geometry: Geometry) -> str:
    """`log` for depths, which are positive; `linear` for maps with a free offset."""
    return "log" if geometry in (Geometry.METRIC_DEPTH, Geometry.SCALE_DEPTH) else "linear"


def encode(values: NDArray[Any], geometry: Geometry, *, owner: str) -> bytes:
    """`[h w]` -> PNG bytes.

    Raises:
        CodecError: for a map that is empty or too large, or a depth of zero or less.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if values.ndim != 2 or not 0 < values.size <= MAX_PIXELS:
        raise CodecError(f"shape {list(values.shape)}, expected [h w] of 1 to {MAX_PIXELS} pixels")
    valid = np.isfinite(values)
    u = values[valid].astype(np.float64)
    space = space_of(geometry)
    if space == "log":
        if u.size and u.min() <= 0:
            raise CodecError(
                f"smallest value {u.min():g}, but {geometry} is above 0; use NaN for none"
            )
        u = np.log(u)
    low, high = (float(u.min()), float(u.max())) if u.size else (0.0, 0.0)
    step = (high - low) / (_LEVELS - 1) or 1.0  # a flat map needs no step
    code = np.zeros(values.shape, dtype=np.uint16)
    code[valid] = 1 + np.rint((u - low) / step).clip(0, _LEVELS - 1).astype(np.uint16)
    text = PngInfo()
    for key, value in {
        "space": space,
        "offset": repr(low),
        "step": repr(step),
        "crc32": f"{zlib.crc32(code.tobytes()):08x}",
        "owner": owner,
    }.items():
        text.add_text(_KEY + key, value)
    stream = io.BytesIO()
    # Level 3 writes twice as fast as the default and is hardly larger.
    Image.fromarray(code).save(stream, "PNG", pnginfo=text, compress_level=3)
    return stream.getvalue()


def decode(content: bytes, geometry: Geometry, *, owner: str) -> NDArray[np.float32]:
    """PNG bytes -> `[h w]` float32 with NaN.

    Raises:
        CodecError: saying what is wrong, for bytes that `encode` did not write for this owner.
    """
    from PIL import Image

    if not content.startswith(_PNG_HEADER) or len(content) < 33:
        raise CodecError("not a PNG file, or cut short")
    width, height = struct.unpack(">II", content[16:24])
    if not 0 < width * height <= MAX_PIXELS:
        raise CodecError(f"its header says {width}x{height} pixels")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            text = dict(getattr(image, "text", {}))
            code = np.asarray(image)
    except Exception as error:  # Pillow lets through whatever its readers stumble on
        raise CodecError(f"damaged or cut short ({error})") from None
    try:
        space, written_for = text[_KEY + "space"], text[_KEY + "owner"]
        low, step = float(text[_KEY + "offset"]), float(text[_KEY + "step"])
        crc32 = int(text[_KEY + "crc32"], 16)
    except (KeyError, ValueError):
        raise CodecError("a PNG, but not a label map of this package") from None
    if written_for != owner:
        raise CodecError(f"written for {written_for}, not for {owner}")
    code = code.astype(np.uint16)
    if zlib.crc32(code.tobytes()) != crc32:
        raise CodecError("damaged: its checksum does not fit")
    if space != space_of(geometry) or not (np.isfinite(low) and np.isfinite(step) and step > 0):
        raise CodecError(f"space {space}, offset {low}, step {step} do not fit {geometry}")
    u = low + (code.astype(np.float64) - 1) * step
    values = (np.exp(u) if space == "log" else u).astype(np.float32)
    values[code == 0] = np.nan
    return values
