"""FLIR radiometric JPEGs, made by hand: decoded through `flyr`, bounded before it."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, DependencyError
from thermodepth.files import encode_png
from thermodepth.thermal import PlanckConstants, kelvin_of_counts, read_thermal
from thermodepth.types import ThermalUnit

CAMERA = PlanckConstants(r1=17837.5, r2=0.0125, b=1450.0, f=1.0, o=-1143)
COUNTS = np.random.default_rng(0).integers(15000, 17000, (24, 32), dtype=np.uint16)


def camera_info() -> bytes:
    """Emissivity and transmission 1, so that apparent temperature is what comes out."""
    block = bytearray(900)

    def put(offset: int, *values: float) -> None:
        struct.pack_into(f"<{len(values)}f", block, offset, *values)

    put(32, 1.0, 1.0, 293.15, 293.15, 293.15, 1.0)
    put(88, CAMERA.r1, CAMERA.b, CAMERA.f)
    struct.pack_into("<if", block, 776, int(CAMERA.o), CAMERA.r2)
    return bytes(block)


def raw_record(stored: bytes, width: int, height: int) -> bytes:
    return struct.pack("<HHH26x", 2, width, height) + stored


def payload(records: list[tuple[int, bytes]], *, count: int | None = None) -> bytes:
    """The header, the directory of (type, block) and the blocks."""
    entries, blocks, start = b"", b"", 64 + 32 * len(records)
    for kind, block in records:
        entries += struct.pack(">HHIIII12x", kind, 1, 100, 1, start + len(blocks), len(block))
        blocks += block
    said = len(records) + 2 if count is None else count
    head = b"FFF" + bytes(17) + struct.pack(">III", 100, 64, said)
    return head.ljust(64, b"\0") + entries + blocks


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


def radiometric(counts: NDArray[np.uint16] = COUNTS, *, as_png: bool = True) -> bytes:
    height, width = counts.shape
    stored = encode_png(counts.byteswap()) if as_png else counts.astype("<u2").tobytes()
    return payload([(32, camera_info()), (1, raw_record(stored, width, height))])


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "camera.jpg"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("as_png", [True, False])
@pytest.mark.parametrize("at_most", [60_000, 700])  # in one segment, in several
def test_the_raw_frame_comes_out_in_kelvin(tmp_path: Path, as_png: bool, at_most: int) -> None:
    pytest.importorskip("flyr")
    path = write(tmp_path, jpeg(radiometric(as_png=as_png), at_most=at_most))
    raw, unit = read_thermal(path)
    assert (raw.dtype, unit) == (np.float32, ThermalUnit.KELVIN)
    np.testing.assert_allclose(raw, kelvin_of_counts(COUNTS, CAMERA), atol=0.01)
    with pytest.raises(DataError, match="where counts is meant"):
        read_thermal(path, expect=ThermalUnit.COUNTS)


def test_without_flyr_the_person_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flyr", None)
    with pytest.raises(DependencyError, match=r"camera\.jpg: .*pip install 'thermodepth\[flir\]'"):
        read_thermal(write(tmp_path, jpeg(radiometric())))


def test_flyr_is_not_looked_for_when_nothing_is_radiometric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flyr", None)
    stream = io.BytesIO()
    Image.fromarray((COUNTS % 256).astype(np.uint8)).save(stream, "JPEG")
    assert read_thermal(write(tmp_path, stream.getvalue()))[1] is ThermalUnit.DISPLAY
    # The word alone does not make one.
    exif = b"\xff\xe1" + struct.pack(">H", 20) + b"Exif\0\0FLIR\0FLIR\0\0\0"
    content = stream.getvalue()
    assert read_thermal(write(tmp_path, content[:2] + exif + content[2:]))[1] is ThermalUnit.DISPLAY


BOMB = encode_png(np.zeros((1, 1), np.uint16))
BOMB = BOMB[:16] + struct.pack(">II", 60_000, 60_000) + BOMB[24:]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (payload([(32, camera_info())]), "without a raw frame"),
        (payload([(1, raw_record(b"", 60_000, 60_000))]), "60000x60000, more than the 4 million"),
        (payload([(1, raw_record(BOMB, 8, 8))]), "60000x60000, more than the 4 million"),
        (
            payload([(1, raw_record(encode_png(COUNTS), 32, 24)), (14, raw_record(BOMB, 8, 8))]),
            "60000x60000, more than the 64 million",
        ),
        (payload([], count=2**31), "2147483648 records"),
        (b"FFF", "ends within its header"),
    ],
)
def test_hostile_and_empty_ones_are_refused_before_flyr_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "flyr", None)
    with pytest.raises(DataError, match=rf"camera\.jpg: .*{said}"):
        read_thermal(write(tmp_path, jpeg(content)))


def test_a_segment_that_was_lost(tmp_path: Path) -> None:
    content = jpeg(radiometric(), at_most=700, leave_out=1)
    with pytest.raises(DataError, match=r"camera\.jpg: .* of \d+ data segments; copy the original"):
        read_thermal(write(tmp_path, content))


@pytest.mark.parametrize("damage", ["no camera", "short", "another size"])
def test_damaged_ones_are_named(tmp_path: Path, damage: str) -> None:
    pytest.importorskip("flyr")
    records: dict[str, list[tuple[int, Any]]] = {
        "no camera": [(1, raw_record(encode_png(COUNTS), 32, 24))],
        "short": [(32, camera_info()), (1, raw_record(encode_png(COUNTS)[:200], 32, 24))],
        "another size": [(32, camera_info()), (1, raw_record(encode_png(COUNTS), 24, 32))],
    }
    with pytest.raises(DataError, match=r"camera\.jpg: damaged FLIR radiometric JPEG"):
        read_thermal(write(tmp_path, jpeg(payload(records[damage]))))


def test_a_camera_that_gives_no_temperature_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("flyr")
    below = np.full((24, 32), 20, np.uint16)
    below[0, 0] = 16000
    with pytest.raises(DataError, match="not finite"):
        read_thermal(write(tmp_path, jpeg(radiometric(below, as_png=False))))
