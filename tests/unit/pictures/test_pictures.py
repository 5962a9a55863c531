"""Pictures from bytes: turned upright, in the right byte order, all of their bits, or refused by name."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError
from thermodepth.files import encode_png, read_raster
from thermodepth.pictures import bytes_are_swapped, decode_raster

RNG = np.random.default_rng(11)
ROWS = np.arange(40)[:, None]
#: A warm slope with sensor noise, as a camera gives it.
THERMAL = (3500 + 12 * ROWS + RNG.normal(0, 4, (40, 60))).astype(np.uint16)
#: A road and a wall, in millimetres, without any noise.
DEPTH = np.where(np.arange(60) < 30, 7150, 160_000 // (ROWS + 10)).astype(np.uint16)


def npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def encoded(array: NDArray[Any], form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, form, **options)
    return stream.getvalue()


def holes(depth: NDArray[np.uint16], share: float) -> NDArray[np.uint16]:
    """Lidar points only, the rest without a value."""
    return np.where(RNG.random(depth.shape) < share, depth, 0).astype(np.uint16)


def tiff(
    array: NDArray[Any],
    *,
    order: str = "<",
    planar: bool = False,
    sample_format: int | None = None,
    extra_alpha: bool = False,
    deflated: bool = False,
    orientation: int = 1,
) -> bytes:
    """A TIFF by hand, `[h w]` or `[h w c]`, for what Pillow does not write."""
    height, width, samples = (*array.shape, 1)[:3]
    planes = np.moveaxis(array, 2, 0) if planar else array[None]
    strips = [np.ascontiguousarray(p).astype(p.dtype.newbyteorder(order)).tobytes() for p in planes]
    if deflated:
        strips = [zlib.compress(strip) for strip in strips]
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind] if sample_format is None else sample_format
    entries: list[tuple[int, int, list[int]]] = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8 * array.dtype.itemsize] * samples),
        (259, 3, [8 if deflated else 1]),
        (262, 3, [2 if samples == 3 else 1]),
        (273, 4, list(np.cumsum([8, *map(len, strips)])[:-1])),
        (274, 3, [orientation]),
        (277, 3, [samples]),
        (278, 4, [height]),
        (279, 4, [len(strip) for strip in strips]),
        (284, 3, [2 if planar else 1]),
        (339, 3, [kind] * samples),
    ]
    if extra_alpha:
        entries.insert(-1, (338, 3, [2]))
    body = b"".join(strips)
    place = 8 + len(body)
    table, behind = struct.pack(f"{order}H", len(entries)), b""
    behind_at = place + 2 + 12 * len(entries) + 4
    for tag, number_type, values in sorted(entries):
        packed = struct.pack(f"{order}{len(values)}{'HI'[number_type == 4]}", *values)
        table += struct.pack(f"{order}HHI", tag, number_type, len(values))
        if len(packed) <= 4:
            table += packed.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}I", behind_at + len(behind))
            behind += packed
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, place)
    return head + body + table + bytes(4) + behind


class TestByteOrder:
    @pytest.mark.parametrize("form", ["PNG", "TIFF", "npy"])
    @pytest.mark.parametrize("values", [THERMAL, DEPTH, holes(DEPTH, 0.7)])
    def test_exchanged_bytes_are_refused_in_every_format(
        self, values: NDArray[np.uint16], form: str
    ) -> None:
        def stored(array: NDArray[np.uint16]) -> bytes:
            return npy(array) if form == "npy" else encoded(array, form)

        np.testing.assert_array_equal(decode_raster(stored(values), "x"), values)
        with pytest.raises(DataError, match=r"x: 16-bit values whose two bytes .*byteswap\(\)"):
            decode_raster(stored(values.byteswap()), "x")

    @pytest.mark.parametrize(
        "values",
        [
            RNG.integers(0, 16384, (40, 60), dtype=np.uint16),  # nothing but noise
            (THERMAL - 3400).clip(0, 255).astype(np.uint16) * 256,  # 8 bits in the upper half
            (THERMAL - 3400).clip(0, 255).astype(np.uint16) * 257,
            THERMAL * np.uint16(4),  # 14 bits in the upper ones
            holes(DEPTH, 0.02),
            np.full((40, 60), 500, np.uint16),
            np.zeros((40, 60), np.uint16),
        ],
    )
    def test_what_is_in_order_is_let_be(self, values: NDArray[np.uint16]) -> None:
        assert not bytes_are_swapped(values)
        np.testing.assert_array_equal(decode_raster(npy(values), "x"), values)

    def test_other_number_types_have_no_such_order(self) -> None:
        for other in (np.uint8, np.int32, np.float32):
            assert not bytes_are_swapped(THERMAL.byteswap().astype(other))


class TestOrientation:
    #: The upright picture of each value of the tag, worked out by hand for rows 12, 34, 56.
    STORED = np.array([[10, 20], [30, 40], [50, 60]], np.uint8)
    UPRIGHT = {  # noqa: RUF012
        1: [[10, 20], [30, 40], [50, 60]],
        2: [[20, 10], [40, 30], [60, 50]],
        3: [[60, 50], [40, 30], [20, 10]],
        4: [[50, 60], [30, 40], [10, 20]],
        5: [[10, 30, 50], [20, 40, 60]],
        6: [[50, 30, 10], [60, 40, 20]],
        7: [[60, 40, 20], [50, 30, 10]],
        8: [[20, 40, 60], [10, 30, 50]],
    }

    @pytest.mark.parametrize("orientation", UPRIGHT)
    @pytest.mark.parametrize("form", ["PNG", "TIFF", "TIFF-float64", "JPEG"])
    def test_the_tag_turns_the_picture_upright_once(self, orientation: int, form: str) -> None:
        exif = Image.Exif()
        exif[274] = orientation
        if form == "TIFF-float64":
            content = tiff(self.STORED.astype(np.float64), orientation=orientation)
        elif form == "JPEG":  # blocks of 16 pixels, so that compression keeps them apart
            large = np.kron(self.STORED, np.ones((16, 16), np.uint8))
            content = encoded(large, form, exif=exif, quality=95)
        else:
            content = encoded(self.STORED, form, exif=exif)
        read = decode_raster(content, "x")
        if form == "JPEG":
            read = read[8::16, 8::16]
        np.testing.assert_allclose(read, self.UPRIGHT[orientation], atol=1 if form == "JPEG" else 0)

    def test_colour_and_sixteen_bits_turn_alike(self) -> None:
        exif = Image.Exif()
        exif[274] = 8
        colour = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        for stored in (colour, RNG.integers(0, 9999, (5, 7), dtype=np.uint16)):
            read = decode_raster(encoded(stored, "PNG", exif=exif), "x")
            np.testing.assert_array_equal(read, np.rot90(stored))

    @pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int32])
    @pytest.mark.parametrize("order", ["<", ">"])
    def test_every_number_type_of_a_tiff_is_turned_once(self, dtype: type, order: str) -> None:
        values: NDArray[Any] = RNG.integers(0, 9999, (5, 7)).astype(dtype)
        read = decode_raster(tiff(values, order=order, orientation=8), "x")
        np.testing.assert_array_equal(read, np.rot90(values))
        assert read.flags.c_contiguous

    def test_a_camera_that_does_not_know_is_taken_to_stand_upright(self) -> None:
        exif = Image.Exif()
        exif[274] = 0
        read = decode_raster(encoded(self.STORED, "PNG", exif=exif), "x")
        np.testing.assert_array_equal(read, self.STORED)

    def test_a_value_that_does_not_exist_is_refused(self) -> None:
        exif = Image.Exif()
        exif[274] = 9
        with pytest.raises(DataError, match="EXIF orientation is 9, expected 1 to 8"):
            decode_raster(encoded(self.STORED, "PNG", exif=exif), "x")


class TestNumberTypes:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("deflated", [False, True])
    def test_double_precision_is_read(self, order: str, deflated: bool) -> None:
        kelvin = RNG.uniform(280, 300, (40, 60))
        read = decode_raster(tiff(kelvin, order=order, deflated=deflated), "x")
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, kelvin)

    def test_unsigned_32_bits_do_not_become_negative(self) -> None:
        values = np.array([[1, 2**31 + 5], [2**32 - 1, 7]], np.uint32)
        np.testing.assert_array_equal(decode_raster(tiff(values), "x"), values)
        signed = np.array([[-5, 7]], np.int32)
        np.testing.assert_array_equal(decode_raster(tiff(signed), "x"), signed)

    @pytest.mark.parametrize("planar", [False, True])
    @pytest.mark.parametrize("channels", [2, 3])
    def test_several_channels_of_16_bits_are_never_cut_to_8(
        self, planar: bool, channels: int
    ) -> None:
        values = RNG.integers(0, 65536, (8, 9, channels), dtype=np.uint16)
        with pytest.raises(DataError, match="x: several channels of 16 bits"):
            decode_raster(tiff(values, planar=planar, extra_alpha=channels == 2), "x")

    def test_planes_of_8_bits_are_a_colour_picture(self) -> None:
        colour = RNG.integers(0, 256, (8, 9, 3), dtype=np.uint8)
        np.testing.assert_array_equal(decode_raster(tiff(colour, planar=True), "x"), colour)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.ones((8, 9), np.float16), "one channel of 16-bit floating-point numbers"),
            (np.ones((8, 9), np.uint64), "one channel of 64-bit whole numbers"),
        ],
    )
    def test_a_type_that_is_not_read_is_named(self, values: NDArray[Any], message: str) -> None:
        with pytest.raises(DataError, match=f"x: a TIFF with {message}, which is not read"):
            decode_raster(tiff(values), "x")

    def test_a_tag_that_comes_twice_is_not_believed(self) -> None:
        """The bound on memory would be taken from one, and the memory by the other."""
        content = bytearray(tiff(np.ones((4, 4))))
        table = 8 + 4 * 4 * 8 + 2
        height = content[table + 12 : table + 24]
        assert int.from_bytes(height[:2], "little") == 257
        content[table + 12 : table + 14] = (256).to_bytes(2, "little")
        with pytest.raises(DataError):
            decode_raster(bytes(content), "x")

    def test_broken_directories_never_escape_as_another_error(self) -> None:
        content = tiff(RNG.uniform(280, 300, (6, 7)))
        table = 8 + 6 * 7 * 8
        for _ in range(400):
            broken = bytearray(content)
            for place in RNG.integers(table, len(content), size=3):
                broken[place] = RNG.integers(256)
            with suppress(DataError):
                decode_raster(bytes(broken), "x")

    @pytest.mark.parametrize("shape", [(1, 5, 7), (5, 7, 1), (1, 1, 5, 7), (1, 5, 7, 1)])
    def test_arrays_of_one_picture_are_that_picture(self, shape: tuple[int, ...]) -> None:
        values = RNG.uniform(1, 50, (5, 7)).astype(np.float32)
        np.testing.assert_array_equal(decode_raster(npy(values.reshape(shape)), "x"), values)

    def test_a_colour_picture_of_one_row_stays_one(self) -> None:
        assert decode_raster(npy(np.ones((1, 9, 3), np.uint8)), "x").shape == (1, 9, 3)


class TestPfm:
    @pytest.mark.parametrize(
        ("scale", "kind"), [(b"-1.0", "<f4"), (b"1", ">f4"), (b"-0.0039", "<f4")]
    )
    def test_rows_stand_from_the_bottom(self, scale: bytes, kind: str, tmp_path: Path) -> None:
        values = RNG.uniform(0, 50, (5, 7)).astype(np.float32)
        values[0, 0] = np.inf  # stereo benchmarks write it for none
        path = tmp_path / "map.pfm"
        path.write_bytes(b"Pf\n7 5\n" + scale + b"\n" + values[::-1].astype(kind).tobytes())
        np.testing.assert_array_equal(read_raster(path), values)

    def test_three_channels(self) -> None:
        values = RNG.uniform(0, 1, (5, 7, 3)).astype(np.float32)
        content = b"PF\n7 5\n-1\n" + values[::-1].tobytes()
        np.testing.assert_array_equal(decode_raster(content, "x"), values)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"Pf\n7 5\n-1\n" + bytes(100), "100 of 140 bytes"),
            (b"Pf\n7 5\n0\n" + bytes(140), "damaged PFM header"),
            (b"Pf\n7 5\n...\n" + bytes(140), "damaged PFM header"),
            (b"Pf\nseven 5\n-1\n", "damaged PFM header"),
            (b"Pf\n0 5\n-1\n", "has no pixels"),
        ],
    )
    def test_what_is_broken_is_named(self, content: bytes, message: str) -> None:
        with pytest.raises(DataError, match=f"x: .*{message}"):
            decode_raster(content, "x")

    def test_a_promise_of_many_pixels_takes_no_memory(self) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="refused before memory is taken"):
                decode_raster(b"Pf\n99999999 99999\n-1\n", "x")
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "title"),
    [
        (b"FFF\0FLIR", r"FLIR's FFF \(a \.fff file, or the frames of a \.seq or \.csq recording\)"),
        (b"AFF\0", r"FLIR's FFF \(a \.fff"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x1a\x45\xdf\xa3", r"a Matroska or WebM video \(MKV\)"),
        (b"P5\n640 512\n65535\n", r"a netpbm picture \(PGM, PPM, PBM\)"),
        (b"#ROSBAG V2.0\n", "a ROS bag"),
        (b"\0\0\0\x20ftypisom", "an MP4, MOV or HEIF container"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (b"PK\x03\x04", "a ZIP or NPZ archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_its_remedy(head: bytes, title: str) -> None:
    with pytest.raises(DataError, match=rf"^x: {title}.*, not a PNG, TIFF.*; \w+"):
        decode_raster(head + bytes(200), "x")


def test_what_we_write_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(encode_png(THERMAL))
    np.testing.assert_array_equal(read_raster(tmp_path / "x.png"), THERMAL)
