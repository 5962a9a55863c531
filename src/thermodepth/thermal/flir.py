"""FLIR radiometric JPEGs and recordings: the raw frame behind the picture, as kelvin.

The picture of such a file is a false-colour rendering for people; the counts S and what leads to
temperature stand in APP1 segments beside it. With the emissivity e and the reflected temperature T_r that the
file states,

    S_object = S / e - (1 - e) / e * S(T_r),    T = B / ln(R1 / (R2 (S_object + O)) + F)

The air in between is left out: it wants a distance, and the one that was entered holds for one object (what
it would change is 0.04 K at 1 m and 0.2 K at 5 m).

Layout and formula: ExifTool's page on FLIR tags, and Minkina and Dudzik, Infrared Thermography, 2009. A
segment is `FLIR`, 0, 1, its number, the last number, payload. The payloads together are an FFF file: version,
place and number of the directory's entries at 0x14, 0x18 and 0x1c, all in the byte order in which the version
is 100 to 199 (DJI's Zenmuse XT2 and XTR write little-endian); entries of 32 bytes (type, offset at 12, length
at 16). Records have a byte order of their own, in which their first word is below 256.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thermodepth.errors import DataError
from thermodepth.pictures import bytes_are_swapped, decode_raster
from thermodepth.pictures.jpeg_ls import START as JPEG_LS
from thermodepth.pictures.jpeg_ls import decode_jpeg_ls, jpeg_ls_size
from thermodepth.thermal.jpeg_head import JpegHead
from thermodepth.thermal.radiometry import PlanckConstants, counts_of_kelvin, kelvin_of_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The largest radiometric JPEGs come of 1280x1024 sensors, 3.1 million pixels by super-resolution.
MAX_THERMAL_PIXELS = 4_000_000
MAX_ENTRIES = 256
_APP1 = 0xE1
_MAGIC = b"FLIR\x00"
_HEADER_BYTES, _ENTRY_BYTES = 64, 32
RAW, CAMERA = 1, 32  # types of directory entries
_RAW_HEAD_BYTES = 32
#: Places in the camera's record.
_EMISSIVITY, _R1_B_F, _O_R2, _CAMERA_BYTES = 32, 88, 776, 784
_HOTTEST_K = 10_000  # of anything that is reflected


@dataclass(frozen=True, slots=True, kw_only=True)
class _Camera:
    """What leads from counts to temperature."""

    constants: PlanckConstants
    emissivity: float
    reflected_k: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Records:
    """The two records that lead to temperature."""

    counts: NDArray[np.uint16]  # [h w]
    camera: _Camera


def flir_payload(head: JpegHead, name: str) -> bytes:
    """FLIR's own file inside a JPEG, its segments in the order of their numbers; empty for other JPEGs.

    Raises:
        DataError: naming the file, when a segment is missing.
    """
    segments = [c for c in head.contents(_APP1) if c.startswith(_MAGIC) and len(c) > 8]
    if not segments:
        return b""
    last = segments[0][7]
    payloads = {content[6]: content[8:] for content in segments}
    if len(segments) != last + 1 or sorted(payloads) != list(range(last + 1)):
        raise DataError(
            f"{name}: a FLIR radiometric JPEG with {len(segments)} of {last + 1} data segments; copy the "
            "original from the camera again, editing and sending by chat removes them"
        )
    return b"".join(payloads[number] for number in range(last + 1))


def decode_flir(payload: bytes, name: str, *, camera: bytes = b"") -> NDArray[np.float32]:
    """Object temperature in kelvin `[h w]`, NaN where the signal is none.

    Args:
        payload: an FFF file, as `flir_payload` gives it.
        name: what messages call the file.
        camera: the record of the camera, of a payload without one.

    Raises:
        DataError: naming the file, when it holds no raw frame, is damaged or too large.
    """
    records = _records(payload, name, camera)
    constants, emissivity = records.camera.constants, records.camera.emissivity
    with np.errstate(all="ignore"):  # constants of a damaged file lead anywhere
        around = counts_of_kelvin(np.array(records.camera.reflected_k), constants)
        signal = (records.counts - (1 - emissivity) * around.astype(np.float64)) / emissivity
        return kelvin_of_counts(signal, constants)


def decode_flir_counts(payload: bytes, name: str) -> NDArray[np.uint16]:
    """The raw frame `[h w]` as it is, of a camera that states no constants.

    Raises:
        DataError: as `decode_flir`.
    """
    return _counts(_raw_block(flir_records(payload, name), name), name)


def flir_records(payload: bytes, name: str) -> dict[int, bytes]:
    """The records of the raw frame and of the camera, by type; of several the first.

    Raises:
        DataError: naming the file, when header or directory are damaged.
    """
    if len(payload) < _HEADER_BYTES:
        raise DataError(f"{name}: FLIR data that end within their header; copy the file again")
    order = _byte_order(payload)
    start, count = struct.unpack_from(f"{order}II", payload, 0x18)
    if count > MAX_ENTRIES:
        raise DataError(f"{name}: FLIR data of {count} records, damaged or hostile; refused")
    blocks: dict[int, bytes] = {}
    for number in range(count):
        entry = start + _ENTRY_BYTES * number
        if entry + _ENTRY_BYTES > len(payload):
            break
        kind, offset, length = struct.unpack_from(f"{order}H10xII", payload, entry)
        if kind in (RAW, CAMERA) and kind not in blocks:
            blocks[kind] = payload[offset : offset + length]
    return blocks


def raw_size(block: bytes) -> tuple[int, int]:
    """(rows, columns) that the record of a raw frame states; (0, 0) where it ends before."""
    if len(block) < _RAW_HEAD_BYTES:
        return 0, 0
    width, height = struct.unpack_from(f"{record_order(block)}HH", block, 2)
    return height, width


def record_order(block: bytes) -> str:
    """The byte order of a record, as `struct` writes it."""
    return "<" if struct.unpack_from("<H", block)[0] < 0x100 else ">"


def _records(payload: bytes, name: str, camera: bytes) -> _Records:
    """Refuses, before memory is taken, what the entries say of pixels."""
    blocks = flir_records(payload, name)
    counts = _counts(_raw_block(blocks, name), name)
    camera = blocks.get(CAMERA, camera)
    if not camera:
        raise _damaged(name, "no record of the camera's constants")
    return _Records(counts=counts, camera=_camera(camera, name))


def _raw_block(blocks: dict[int, bytes], name: str) -> bytes:
    if RAW not in blocks:
        raise DataError(
            f"{name}: FLIR data without a raw frame: saved by a camera that is not radiometric, or "
            "edited. Its picture is a false-colour rendering, which has lost the temperature order"
        )
    return blocks[RAW]


def _byte_order(payload: bytes) -> str:
    (version,) = struct.unpack_from("<I", payload, 0x14)
    return "<" if 100 <= version < 200 else ">"


def _counts(block: bytes, name: str) -> NDArray[np.uint16]:
    """The raw frame of its record: words, JPEG-LS, or a PNG whose bytes FLIR writes the wrong way round."""
    if len(block) < _RAW_HEAD_BYTES:
        raise _damaged(name, "its raw frame has no header")
    order = record_order(block)
    height, width = raw_size(block)
    stored = block[_RAW_HEAD_BYTES:]
    sizes = [(width, height)]
    is_png, is_jpeg_ls = stored.startswith(b"\x89PNG"), stored.startswith(JPEG_LS)
    if is_png and len(stored) >= 24:
        sizes.append(struct.unpack_from(">II", stored, 16))
    if is_jpeg_ls:
        sizes.append(jpeg_ls_size(stored)[::-1])
    for across, down in sizes:
        if across * down > MAX_THERMAL_PIXELS:
            raise DataError(
                f"{name}: the header says {across}x{down}, more than the {MAX_THERMAL_PIXELS // 10**6} "
                "million pixels that any such camera has; refused before memory is taken"
            )
    if is_png or is_jpeg_ls:
        try:
            if is_png:
                pixels = decode_raster(stored, "its raw frame", any_byte_order=True)
            else:
                pixels = decode_jpeg_ls(stored, "its raw frame")
        except DataError as error:
            raise _damaged(name, str(error)) from None
        if pixels.shape != (height, width) or pixels.dtype != np.uint16:
            shape = "x".join(map(str, pixels.shape[::-1]))
            raise _damaged(
                name, f"its raw frame is {shape} {pixels.dtype}, its record {width}x{height}"
            )
        counts = pixels.byteswap() if is_png else pixels
    elif stored.startswith(b"\xff\xd8"):
        raise DataError(
            f"{name}: FLIR data whose raw frame is itself a JPEG of 8 bits, which is not read; export a "
            "16-bit TIFF from FLIR's own program"
        )
    else:
        if min(width, height) < 1 or len(stored) < 2 * width * height:
            raise _damaged(name, f"{len(stored)} bytes of a raw frame of {width}x{height}")
        words = np.frombuffer(stored[: 2 * width * height], f"{order}u2")
        counts = words.reshape(height, width).astype(np.uint16)
    # Some writers keep to one order and some to the other, whatever their header says.
    return counts.byteswap() if bytes_are_swapped(counts) else counts


def _camera(block: bytes, name: str) -> _Camera:
    if len(block) < _CAMERA_BYTES:
        raise _damaged(name, "the record of the camera's constants is cut off")
    order = record_order(block)
    emissivity, reflected_k = struct.unpack_from(f"{order}f4xf", block, _EMISSIVITY)
    r1, b, f = struct.unpack_from(f"{order}3f", block, _R1_B_F)
    o, r2 = struct.unpack_from(f"{order}if", block, _O_R2)
    if not (0 < emissivity <= 1 and 0 < reflected_k < _HOTTEST_K):
        raise _damaged(name, f"emissivity {emissivity:g}, reflected {reflected_k:g} K")
    try:
        constants = PlanckConstants(r1=r1, r2=r2, b=b, f=f, o=float(o))
    except ValueError:
        raise _damaged(
            name, f"Planck constants R1 {r1:g}, R2 {r2:g}, B {b:g}, F {f:g}, O {o:d}"
        ) from None
    return _Camera(constants=constants, emissivity=emissivity, reflected_k=reflected_k)


def _damaged(name: str, reason: str) -> DataError:
    return DataError(f"{name}: damaged FLIR data ({reason}); copy the file again")
