"""One picture or array from its bytes: by content, bounded, upright, and never half of what is stored.

Public cameras ship PNG data in files named `.tiff`, truncated frames and headers that promise a hundred
thousand columns. So the bytes decide, the size is read from the header and bounded before memory is taken,
a short file is an error rather than a half-grey picture, and pixels that only fewer bits could be had of
are refused by what they are.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from thermodepth.errors import DataError
from thermodepth.pictures.byte_order import refuse_swapped
from thermodepth.pictures.formats import foreign_format
from thermodepth.pictures.orientation import ORIENTATION_TAG, turned
from thermodepth.pictures.pfm import decode_pfm, is_pfm, pfm_size
from thermodepth.pictures.tiff import (
    TiffPixels,
    decode_float64,
    refuse_many_deep_channels,
    tiff_pixels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

#: No thermal, RGB or depth camera comes near this; a header beyond it is damaged or hostile.
MAX_PIXELS = 64_000_000

#: Storage modes that hold a plain picture in disguise.
_PLAIN_MODE = {
    "1": "L",
    "LA": "L",
    "P": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "HSV": "RGB",
}

#: Tried in this order and no others: Pillow would also hand a file to a PostScript interpreter.
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP")
_READ = "PNG, TIFF, JPEG, BMP, PFM or NPY"


def decode_raster(content: bytes, name: str, *, any_byte_order: bool = False) -> NDArray[Any]:
    """A picture or array: PNG, TIFF, JPEG, BMP, PFM or NPY, recognised by content.

    Args:
        content: of the whole file.
        name: what messages call it.
        any_byte_order: 16-bit values may have their bytes the wrong way round; the caller looks.

    Returns:
        `[h w]` or `[h w 3]` (RGB order) in the file's own number type, upright as its EXIF orientation says.
        Arrays of one picture, `[1 h w]` or `[h w 1]`, are that picture.

    Raises:
        DataError: naming the file when it is empty, truncated, unknown, too large or not 2-D, when it holds
            more than can be read of it (several pictures, several channels of 16 bits), or 16-bit values
            whose bytes stand the wrong way round.
    """
    if not content:
        raise DataError(f"{name}: the file is empty")
    array = _decode(content, name)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise DataError(f"{name}: shape {array.shape}, expected one image [h w] or [h w 3]")
    if 0 in array.shape:
        raise DataError(f"{name}: shape {array.shape} has no pixels")
    if not any_byte_order:
        refuse_swapped(array, name)
    return array


def _decode(content: bytes, name: str) -> NDArray[Any]:
    if content[:6] == b"\x93NUMPY":
        return _one_picture(_decode_npy(content, name))
    if is_pfm(content):
        rows, columns, channels = pfm_size(content, name)
        _bound(rows * columns * channels, f"{columns}x{rows}", name)
        return decode_pfm(content, name)
    pixels = tiff_pixels(content)
    if pixels is not None:
        rows, columns = pixels.size
        _bound(rows * columns, f"{columns}x{rows}", name)
        refuse_many_deep_channels(pixels, name)
        if (pixels.bits, pixels.sample_format, pixels.is_stack) == (64, 3, False):
            return turned(decode_float64(content, pixels, name), pixels.orientation, name)
    return _decode_picture(content, name, pixels)


def _one_picture(array: NDArray[Any]) -> NDArray[Any]:
    """Networks save batches of one and single channels: `[1 h w]`, `[1 1 h w]`, `[h w 1]` are `[h w]`."""
    while (
        array.ndim > 2
        and array.shape[0] == 1
        and not (array.ndim == 3 and array.shape[2] in (3, 4))
    ):
        array = array[0]
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _decode_picture(content: bytes, name: str, pixels: TiffPixels | None) -> NDArray[Any]:
    """What Pillow reads; `pixels` is what a TIFF says of itself."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow only warns when it guesses in place of a TIFF tag, which decides what pixels are.
            is_tiff = content[:2] in (b"II", b"MM")
            warnings.simplefilter("error" if is_tiff else "ignore", UserWarning)
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
                width, height = opened.size
                _bound(width * height, f"{width}x{height}", name)
                _refuse_what_would_be_lost(opened, name)
                plain = _PLAIN_MODE.get(opened.mode)
                stored = np.asarray(opened.convert(plain) if plain else opened)
                # Pillow turns a TIFF itself when it loads it, and takes the tag away.
                stored = turned(stored, opened.getexif().get(ORIENTATION_TAG), name)
    except UnidentifiedImageError:
        raise _unknown(content, name, pixels) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large("a far larger picture", name) from None
    except DataError:
        raise
    except Exception as error:  # Pillow lets through whatever its readers stumble on
        raise DataError(f"{name}: damaged or truncated picture ({error}); copy it again") from None
    if pixels is not None and (pixels.bits, pixels.sample_format) == (32, 1):
        return stored.view(np.uint32) if stored.dtype == np.int32 else stored
    return stored


def _unknown(content: bytes, name: str, pixels: TiffPixels | None) -> DataError:
    """Why nothing reads these bytes, as far as they tell."""
    if pixels is not None and pixels.is_stack:
        return DataError(f"{name}: holds several pictures; save each frame as a file of its own")
    if pixels is not None:
        return DataError(
            f"{name}: a TIFF with {pixels.description}, which is not read, or damaged; save whole numbers of "
            "8 or 16 bits, or floating point of 32 or 64"
        )
    if description := foreign_format(content):
        title, _, remedy = description.partition("; ")
        return DataError(f"{name}: {title}, not a {_READ} file (judged by its content); {remedy}")
    return DataError(
        f"{name}: not a {_READ} file, or cut off within its header (judged by its content)"
    )


def _refuse_what_would_be_lost(opened: ImageFile, name: str) -> None:
    """Pillow reads 16-bit colour as 8-bit, and only the first page of several, without a word."""
    stored = " ".join(str(tile[3]) for tile in opened.tile)
    if re.search(";16[BLN]", stored) and not opened.mode.startswith("I"):
        raise DataError(
            f"{name}: several channels of 16 bits, which can only be read as 8; save one 16-bit grey "
            "channel, or 8-bit colour"
        )
    # An MPO is a JPEG followed by previews of itself.
    pages = 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)
    if pages > 1:
        raise DataError(f"{name}: holds {pages} pictures; save each frame as a file of its own")


def _decode_npy(content: bytes, name: str) -> NDArray[Any]:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read_header(stream)
        if dtype.hasobject:
            raise DataError(f"{name}: holds pickled objects, which are never loaded")
        if dtype.kind not in "biuf":
            raise DataError(f"{name}: holds {dtype}, expected plain numbers")
        _bound(math.prod(shape), "x".join(map(str, shape)), name)
        stream.seek(0)
        loaded: NDArray[Any] = np.load(stream, allow_pickle=False)
    except DataError:
        raise
    except Exception as error:  # numpy lets through whatever its header's parser stumbles on
        raise DataError(f"{name}: damaged NPY file ({error}); copy it again") from None
    return loaded


def _bound(pixels: int, shape: str, name: str) -> None:
    if pixels > MAX_PIXELS:
        raise _too_large(shape, name)


def _too_large(shape: str, name: str) -> DataError:
    return DataError(
        f"{name}: the header says {shape}, more than the {MAX_PIXELS // 10**6} million pixels "
        "that any camera here has; refused before memory is taken"
    )
