"""DJI's R-JPEG: the counts beside the picture, what the drone wrote, and never the picture in silence."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.data.folder import ThermalFiles, read_described
from thermodepth.doctor import examine
from thermodepth.errors import DataError
from thermodepth.thermal import read_capture, read_thermal
from thermodepth.types import CaptureFacts, ThermalUnit

RNG = np.random.default_rng(4)
SIZE = (128, 160)
COUNTS = (14000 + 25 * np.arange(SIZE[0])[:, None] + RNG.normal(0, 8, SIZE)).astype(np.uint16)
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description rdf:about="DJI Meta Data"
 drone-dji:RelativeAltitude="+62.40" drone-dji:GimbalRollDegree="+0.00"
 drone-dji:GimbalPitchDegree="-45.30" drone-dji:LRFStatus="Normal"
 drone-dji:LRFTargetDistance="88.123"/></rdf:RDF></x:xmpmeta>"""
FACTS = CaptureFacts(laser_range_m=88.123, height_m=62.4, pitch_deg=-45.3, roll_deg=0.0)


def segment(marker: int, content: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def rjpeg(
    counts: NDArray[np.uint16] | None = COUNTS,
    *,
    size: tuple[int, int] = SIZE,
    palette: bool = False,
    make: str = "DJI",
    xmp: str = "",
    orientation: int = 1,
    at_most: int = 65_533,
) -> bytes:
    """A picture for people with the counts in APP3; None: they were removed."""
    grey = np.linspace(0, 255, size[0] * size[1]).reshape(size).astype(np.uint8)
    colour = np.stack([grey, grey[::-1] if palette else grey, grey], axis=2)
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[271], exif[274] = make, orientation
    Image.fromarray(colour).save(stream, "JPEG", quality=95, subsampling=0, exif=exif)
    raw = b"" if counts is None else counts.astype("<u2").tobytes()
    extra = b"".join(segment(0xE3, raw[i : i + at_most]) for i in range(0, len(raw), at_most))
    if xmp:
        extra += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode())
    # EXIF stays the first segment, where Pillow and others look for it.
    content = stream.getvalue()
    first = 2 + 2 + int.from_bytes(content[4:6], "big")
    return content[:first] + extra + content[first:]


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "DJI_0001_T.JPG"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("palette", [False, True])
@pytest.mark.parametrize("at_most", [65_533, 5_000])
def test_the_counts_are_read_and_never_the_picture(
    tmp_path: Path, palette: bool, at_most: int
) -> None:
    path = write(tmp_path, rjpeg(palette=palette, at_most=at_most))
    for expect in (None, ThermalUnit.COUNTS):
        raw, unit = read_thermal(path, expect=expect)
        assert (raw.dtype, unit) == (np.uint16, ThermalUnit.COUNTS)
        np.testing.assert_array_equal(raw, COUNTS)


def test_the_picture_may_be_enlarged(tmp_path: Path) -> None:
    path = write(tmp_path, rjpeg(size=(256, 320)))
    np.testing.assert_array_equal(read_thermal(path)[0], COUNTS)
    sensor = np.resize(
        COUNTS, (120, 160)
    )  # a sensor of DJI's under a picture of 1.5 times its size
    path = write(tmp_path, rjpeg(sensor, size=(180, 240)))
    assert read_thermal(path)[0].shape == (120, 160)


def test_the_drone_is_known_by_its_xmp_where_exif_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path, rjpeg(make="", xmp=XMP))
    np.testing.assert_array_equal(read_thermal(path)[0], COUNTS)
    # Others use APP3 for other things.
    path = write(tmp_path, rjpeg(make="Other"))
    assert read_thermal(path)[1] is ThermalUnit.DISPLAY


def test_the_frame_is_turned_as_its_picture_is(tmp_path: Path) -> None:
    path = write(tmp_path, rjpeg(orientation=3))
    np.testing.assert_array_equal(read_thermal(path)[0], COUNTS[::-1, ::-1])


@pytest.mark.parametrize("lost", [2, 320])
def test_counts_that_are_no_frame_are_refused(tmp_path: Path, lost: int) -> None:
    short = COUNTS.ravel()[: -lost // 2]
    path = write(tmp_path, rjpeg(short))
    with pytest.raises(
        DataError, match=rf"a DJI R-JPEG with {2 * short.size} bytes in APP3, .*160x128"
    ):
        read_thermal(path)


def test_a_coloured_picture_without_its_counts_says_where_they_would_be(tmp_path: Path) -> None:
    path = write(tmp_path, rjpeg(None, palette=True))
    with pytest.raises(
        DataError, match=r"a colour picture.* it is DJI's, and its raw frame \(APP3\) is gone"
    ):
        read_thermal(path)


def test_what_the_drone_wrote_is_kept(tmp_path: Path) -> None:
    assert read_capture(write(tmp_path, rjpeg(xmp=XMP))) == FACTS
    elements = "".join(
        f"<drone-dji:{name}>{value}</drone-dji:{name}>"
        for name, value in (("RelativeAltitude", "+10"), ("GimbalPitchDegree", "-90.0"))
    )
    result = read_capture(write(tmp_path, rjpeg(xmp=elements)))
    assert result == CaptureFacts(height_m=10.0, pitch_deg=-90.0)


@pytest.mark.parametrize(
    ("old", "new", "laser_m"),
    [
        ('LRFStatus="Normal"', 'LRFStatus="NoTarget"', None),
        ("88.123", "0.0", None),
        ("88.123", "-1", None),
        ("88.123", "nan", None),
        ("88.123", "far", None),
        ('drone-dji:LRFStatus="Normal"', "", 88.123),
    ],
)
def test_a_laser_that_met_nothing_gives_no_range(
    tmp_path: Path, old: str, new: str, laser_m: float | None
) -> None:
    result = read_capture(write(tmp_path, rjpeg(xmp=XMP.replace(old, new))))
    assert result is not None
    assert result.laser_range_m == laser_m
    assert result.height_m == 62.4


def test_other_files_say_nothing_of_the_moment(tmp_path: Path) -> None:
    assert read_capture(write(tmp_path, rjpeg())) is None
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    assert read_capture(tmp_path / "x.png") is None
    assert read_capture(tmp_path / "none.jpg") is None


def test_a_described_folder_may_say_what_the_counts_are(tmp_path: Path) -> None:
    """Some of DJI's cameras write 64 counts a kelvin, which their files do not say."""
    path = write(tmp_path, rjpeg(COUNTS + np.uint16(4000)))
    about = ThermalFiles(files="{frame}.JPG", unit="kelvin", scale=1 / 64)
    kelvin, unit = read_described(path, about=about)
    assert unit is ThermalUnit.KELVIN
    np.testing.assert_allclose(kelvin, (COUNTS + 4000.0) / 64, rtol=1e-6)


def test_the_doctor_looks_at_the_counts(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"DJI_{number}_T.JPG").write_bytes(rjpeg(COUNTS + np.uint16(number)))
    titles = [one.title for one in examine(str(tmp_path)).findings]
    assert not any("8-bit" in title or "cannot be read" in title for title in titles), titles


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    content = rjpeg(xmp=XMP)
    for _ in range(300):
        broken = bytearray(content)
        for place in RNG.integers(2, 400, size=3):
            broken[place] = RNG.integers(256)
        path = write(tmp_path, bytes(broken))
        read_capture(path)
        with suppress(DataError):
            read_thermal(path)
