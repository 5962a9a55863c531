"""FLIR radiometric JPEGs, made by hand in either byte order; bounded before memory is taken."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.files import encode_png
from thermodepth.thermal import PlanckConstants, counts_of_kelvin, kelvin_of_counts, read_thermal
from thermodepth.types import ThermalUnit

CAMERA = PlanckConstants(r1=17837.5, r2=0.0125, b=1450.0, f=1.0, o=-1143)
#: A scene whose neighbours are alike, as the byte order is told from them.
SMOOTH = (
    15000 + 20 * np.arange(24)[:, None] + np.random.default_rng(1).normal(0, 4, (24, 32))
).astype(np.uint16)
COUNTS = np.random.default_rng(0).integers(15000, 17000, (24, 32), dtype=np.uint16)


def camera_info(
    order: str = "<", constants: PlanckConstants = CAMERA, *, emissivity: float = 1
) -> bytes:
    """Also emissivity, distance, temperatures around, transmission, which belong to an object."""
    block = bytearray(900)

    def put(offset: int, *values: float) -> None:
        struct.pack_into(f"{order}{len(values)}f", block, offset, *values)

    struct.pack_into(f"{order}H", block, 0, 2)
    put(32, emissivity, 1.0, 293.15, 293.15, 293.15, 1.0)
    put(88, constants.r1, constants.b, constants.f)
    struct.pack_into(f"{order}if", block, 776, int(constants.o), constants.r2)
    return bytes(block)


def raw_record(stored: bytes, width: int, height: int, order: str = "<") -> bytes:
    return struct.pack(f"{order}HHH26x", 2, width, height) + stored


def payload(
    records: list[tuple[int, bytes]],
    *,
    count: int | None = None,
    order: str = ">",
    directory: int = 64,
) -> bytes:
    """The header, the directory of (type, block) and the blocks."""
    entries, blocks, start = b"", b"", directory + 32 * len(records)
    for kind, block in records:
        entries += struct.pack(
            f"{order}HHIIII12x", kind, 1, 100, 1, start + len(blocks), len(block)
        )
        blocks += block
    declared = len(records) if count is None else count
    head = b"FFF" + bytes(17) + struct.pack(f"{order}III", 100, directory, declared)
    return head.ljust(directory, b"\0") + entries + blocks


def jpeg(content: bytes, *, at_most: int = 60_000, leave_out: int = -1) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 24), (90, 30, 120)).save(stream, "JPEG")
    parts = [content[i : i + at_most] for i in range(0, len(content), at_most)]
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", len(p) + 10) + b"FLIR\0\1" + bytes([n, len(parts) - 1]) + p
        for n, p in enumerate(parts)
        if n != leave_out
    )
    return stream.getvalue()[:2] + segments + stream.getvalue()[2:]


def radiometric(counts: NDArray[np.uint16] = COUNTS, *, stored: str = "png") -> bytes:
    height, width = counts.shape
    content = {
        "png": lambda: encode_png(counts.byteswap()),  # as FLIR writes it
        "png-in-order": lambda: encode_png(counts),
        "words": lambda: counts.astype("<u2").tobytes(),
    }[stored]()
    return payload([(32, camera_info()), (1, raw_record(content, width, height))])


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "camera.jpg"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("stored", ["png", "png-in-order", "words"])
@pytest.mark.parametrize("at_most", [60_000, 700])  # in one segment, in several
def test_the_raw_frame_comes_out_in_kelvin(tmp_path: Path, stored: str, at_most: int) -> None:
    path = write(tmp_path, jpeg(radiometric(SMOOTH, stored=stored), at_most=at_most))
    raw, unit = read_thermal(path)
    assert (raw.dtype, unit) == (np.float32, ThermalUnit.KELVIN)
    np.testing.assert_allclose(raw, kelvin_of_counts(SMOOTH, CAMERA), rtol=1e-6)
    with pytest.raises(DataError, match="where counts is meant"):
        read_thermal(path, expect=ThermalUnit.COUNTS)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("directory", [64, 96, 200])
@pytest.mark.parametrize("record_order", ["<", ">"])
def test_every_byte_order_and_a_directory_anywhere(
    tmp_path: Path, order: str, directory: int, record_order: str
) -> None:
    words = SMOOTH.astype(f"{record_order}u2").tobytes()
    records = [
        (1, raw_record(words, 32, 24, record_order)),
        (32, camera_info(record_order)),
    ]
    path = write(tmp_path, jpeg(payload(records, order=order, directory=directory)))
    np.testing.assert_allclose(read_thermal(path)[0], kelvin_of_counts(SMOOTH, CAMERA), rtol=1e-6)


@pytest.mark.parametrize("emissivity", [1.0, 0.95, 0.6])
def test_an_independent_reader_agrees(tmp_path: Path, emissivity: float) -> None:
    """Where the air is clear, as it is here."""
    flyr = pytest.importorskip("flyr")
    raw = raw_record(encode_png(SMOOTH.byteswap()), 32, 24)
    # It reads as many entries as the header counts, beginning with the header.
    content = payload([(32, camera_info(emissivity=emissivity)), (1, raw)], count=4)
    path = write(tmp_path, jpeg(content))
    np.testing.assert_allclose(read_thermal(path)[0], flyr.unpack(str(path)).kelvin, atol=0.01)


def test_a_black_body_has_its_own_temperature_at_any_emissivity_of_the_room(tmp_path: Path) -> None:
    """What is as warm as its surroundings looks so, whatever it is made of."""
    room = np.full((24, 32), float(counts_of_kelvin(np.array(293.15), CAMERA)))
    frame = (room + np.random.default_rng(0).normal(0, 3, room.shape)).astype(np.uint16)
    words = raw_record(frame.tobytes(), 32, 24)
    path = write(tmp_path, jpeg(payload([(32, camera_info(emissivity=0.5)), (1, words)])))
    assert abs(float(np.median(read_thermal(path)[0])) - 293.15) < 0.05


def test_a_word_alone_does_not_make_a_radiometric_jpeg(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray((COUNTS % 256).astype(np.uint8)).save(stream, "JPEG")
    assert read_thermal(write(tmp_path, stream.getvalue()))[1] is ThermalUnit.DISPLAY
    exif = b"\xff\xe1" + struct.pack(">H", 20) + b"Exif\0\0FLIR\0FLIR\0\0\0"
    content = stream.getvalue()
    assert read_thermal(write(tmp_path, content[:2] + exif + content[2:]))[1] is ThermalUnit.DISPLAY


BOMB = encode_png(np.zeros((1, 1), np.uint16))
BOMB = BOMB[:16] + struct.pack(">II", 60_000, 60_000) + BOMB[24:]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (payload([(32, camera_info())]), "without a raw frame"),
        (payload([(1, raw_record(b"", 60_000, 60_000))]), "60000x60000, more than the 4 million"),
        (payload([(1, raw_record(BOMB, 8, 8))]), "60000x60000, more than the 4 million"),
        (payload([(1, raw_record(b"\xff\xd8\xff\xf7", 8, 8))]), "damaged JPEG-LS"),
        (payload([(1, raw_record(b"\xff\xd8\xff\xe0", 8, 8))]), "is itself a JPEG of 8 bits"),
        (payload([(1, raw_record(bytes(100), 32, 24))]), "100 bytes of a raw frame of 32x24"),
        (payload([(1, b"\2\0")]), "its raw frame has no header"),
        (payload([], count=2**31), "2147483648 records"),
        (b"FFF", "end within their header"),
    ],
)
def test_hostile_and_empty_ones_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=rf"camera\.jpg: .*{message}"):
        read_thermal(write(tmp_path, jpeg(content)))


def test_a_segment_that_was_lost(tmp_path: Path) -> None:
    content = jpeg(radiometric(), at_most=700, leave_out=1)
    with pytest.raises(DataError, match=r"camera\.jpg: .* of \d+ data segments; copy the original"):
        read_thermal(write(tmp_path, content))


@pytest.mark.parametrize("damage", ["no camera", "short", "another size", "constants", "cut"])
def test_damaged_ones_are_named(tmp_path: Path, damage: str) -> None:
    records: dict[str, list[tuple[int, Any]]] = {
        "no camera": [(1, raw_record(encode_png(COUNTS), 32, 24))],
        "short": [(32, camera_info()), (1, raw_record(encode_png(COUNTS)[:200], 32, 24))],
        "another size": [(32, camera_info()), (1, raw_record(encode_png(COUNTS), 24, 32))],
        "constants": [(32, bytes(900)), (1, raw_record(encode_png(COUNTS), 32, 24))],
        "cut": [(32, camera_info()[:500]), (1, raw_record(encode_png(COUNTS), 32, 24))],
    }
    with pytest.raises(DataError, match=r"camera\.jpg: damaged FLIR data"):
        read_thermal(write(tmp_path, jpeg(payload(records[damage]))))


def test_a_camera_that_gives_no_temperature_is_refused(tmp_path: Path) -> None:
    below = np.full((24, 32), 20, np.uint16)
    below[0, 0] = 16000
    with pytest.raises(DataError, match="not finite"):
        read_thermal(write(tmp_path, jpeg(radiometric(below, stored="words"))))


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    content = jpeg(radiometric(SMOOTH, stored="words"))
    rng = np.random.default_rng(2)
    head = np.concatenate([np.arange(20, 200), np.arange(800, 1100)])
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.choice(head, size=3):
            broken[place] = rng.integers(256)
        with suppress(DataError):
            read_thermal(write(tmp_path, bytes(broken)))
