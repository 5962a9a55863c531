"""Files in and out: content decides, headers are not trusted, nothing is half read or half written."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth import files
from thermodepth.errors import DataError, OutputError
from thermodepth.files import (
    DEEPEST_JSON,
    decode_raster,
    encode_png,
    json_object,
    natural_order,
    pictures_in,
    read_bytes,
    read_json,
    read_raster,
    replacing,
    write_bytes,
    write_json,
    write_text,
)

SHARED = Path(__file__).parents[3] / "shared" / "data"
RNG = np.random.default_rng(7)
COUNTS = RNG.integers(0, 16384, (20, 30), dtype=np.uint16)
GREY = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
KELVIN = RNG.uniform(250, 350, (20, 30)).astype(np.float32)


def encoded(array: NDArray[Any], form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, form, **options)
    return stream.getvalue()


def npy(array: NDArray[Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def npy_header(descr: object, shape: object, content: bytes = b"") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def png(width: int, height: int, *, bits: int, colour_type: int, rows: bytes = b"") -> bytes:
    """A PNG by hand, for what no writer makes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    picture = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + picture


def tiff(
    content: bytes, *, width: int, height: int, order: str, bits: tuple[int, ...], photometric: int
) -> bytes:
    """An uncompressed TIFF by hand, for byte orders and depths that Pillow does not write."""

    def entry(tag: int, value: int, kind: int = 3, count: int = 1) -> bytes:
        padded = struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else None
        return struct.pack(order + "HHI", tag, kind, count) + (
            padded or struct.pack(order + "I", value)
        )

    bits_at = 8 + len(content)
    extra = struct.pack(order + f"{len(bits)}H", *bits) + b"\0" * (len(bits) % 2 * 2)
    bits_entry = entry(258, bits_at, count=len(bits)) if len(bits) > 2 else entry(258, bits[0])
    entries = [
        entry(256, width),
        entry(257, height),
        bits_entry,
        entry(259, 1),
        entry(262, photometric),
        entry(273, 8, kind=4),
        entry(277, len(bits)),
        entry(278, height),
        entry(279, len(content), kind=4),
    ]
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, bits_at + len(extra))
    table = struct.pack(order + "H", len(entries)) + b"".join(entries) + b"\0\0\0\0"
    return head + content + extra + table


WHOLE: dict[str, tuple[bytes, NDArray[Any]]] = {
    "png-8": (encoded(GREY, "PNG"), GREY),
    "png-16": (encoded(COUNTS, "PNG"), COUNTS),
    "png-colour": (encoded(COLOUR, "PNG"), COLOUR),
    "tiff-16": (encoded(COUNTS, "TIFF"), COUNTS),
    "tiff-16-lzw": (encoded(COUNTS, "TIFF", compression="tiff_lzw"), COUNTS),
    "tiff-16-deflate": (encoded(COUNTS, "TIFF", compression="tiff_adobe_deflate"), COUNTS),
    "tiff-float": (encoded(KELVIN, "TIFF"), KELVIN),
    "bmp": (encoded(COLOUR, "BMP"), COLOUR),
    "npy-16": (npy(COUNTS), COUNTS),
    "npy-float": (npy(KELVIN), KELVIN),
    "npy-columns-first": (npy(np.asfortranarray(COUNTS)), COUNTS),
}


class TestReading:
    @pytest.mark.parametrize("kind", WHOLE)
    def test_values_and_number_type_come_back(self, kind: str, tmp_path: Path) -> None:
        content, expected = WHOLE[kind]
        path = tmp_path / "frame.bin"  # the name says nothing
        path.write_bytes(content)
        read = read_raster(path)
        assert read.dtype == expected.dtype
        np.testing.assert_array_equal(read, expected)

    def test_the_content_decides_and_not_the_name(self, tmp_path: Path) -> None:
        for name, content in {
            "a.tiff": encoded(COUNTS, "PNG"),
            "b.png": encoded(COUNTS, "TIFF"),
            "c.jpg": npy(COUNTS),
            "d.npy": encoded(COUNTS, "PNG"),
        }.items():
            (tmp_path / name).write_bytes(content)
            np.testing.assert_array_equal(read_raster(tmp_path / name), COUNTS)

    def test_a_jpeg_is_read_in_rgb_order(self) -> None:
        red = np.zeros((16, 16, 3), np.uint8)
        red[..., 0] = 250
        read = decode_raster(encoded(red, "JPEG", quality=95), "red.jpg")
        assert read.shape == (16, 16, 3)
        assert read[..., 0].min() > 240
        assert read[..., 1:].max() < 10

    def test_transparency_is_dropped_and_palettes_are_resolved(self) -> None:
        alpha = np.dstack([COLOUR, GREY])
        np.testing.assert_array_equal(decode_raster(encoded(alpha, "PNG"), "x"), COLOUR)
        np.testing.assert_array_equal(decode_raster(npy(alpha), "x"), COLOUR)
        grey_alpha = encoded(np.dstack([GREY, 255 - GREY]), "PNG")
        np.testing.assert_array_equal(decode_raster(grey_alpha, "x"), GREY)
        stream = io.BytesIO()
        palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
        palette.putpalette([10, 20, 30, 40, 50, 60])
        palette.save(stream, "PNG")
        np.testing.assert_array_equal(
            decode_raster(stream.getvalue(), "x"), [[[10, 20, 30], [40, 50, 60]]]
        )

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_both_byte_orders_give_the_machine_s_own_type(self, order: str) -> None:
        """numpy calls `>u2` another type than uint16, and OpenCV cannot read it at all."""
        stored = COUNTS.astype(f"{order}u2")
        picture = tiff(
            stored.tobytes(), width=30, height=20, order=order, bits=(16,), photometric=1
        )
        for content in (picture, npy(stored)):
            read = decode_raster(content, "x")
            assert read.dtype == np.uint16
            assert read.dtype.isnative
            np.testing.assert_array_equal(read, COUNTS)

    def test_real_driving_frames_named_tiff_hold_png(self) -> None:
        folder = SHARED / "video"
        if not folder.is_dir():
            pytest.skip(f"{folder} is not there: real frames are kept beside the repository")
        paths = pictures_in(folder)
        assert [p.name for p in paths[:2]] == ["0000.tiff", "0001.tiff"]
        assert paths[0].read_bytes()[:4] == b"\x89PNG"
        read = read_raster(paths[0])
        assert (read.shape, read.dtype) == ((512, 640), np.uint16)
        assert read.max() > 255


class TestRefusals:
    @pytest.mark.parametrize("kind", [k for k in WHOLE if not k.startswith("npy")])
    def test_a_cut_picture_is_whole_or_an_error(self, kind: str) -> None:
        content, expected = WHOLE[kind]
        lost = 0
        for end in range(1, len(content), 7):
            try:
                read = decode_raster(content[:end], "cut.png")
            except DataError as error:
                lost += str(error).startswith("cut.png: ")
            else:  # only what follows the last pixel may be missing
                np.testing.assert_array_equal(read, expected)
                assert end > len(content) - 30
        assert lost > len(content) // 7 - 5

    @pytest.mark.parametrize("progressive", [False, True])
    def test_a_cut_jpeg_is_never_half_grey(self, progressive: bool) -> None:
        content = encoded(COLOUR, "JPEG", progressive=progressive)
        for end in range(1, len(content), 11):
            with pytest.raises(DataError, match=r"cut\.jpg: "):
                decode_raster(content[:end], "cut.jpg")

    @pytest.mark.parametrize("kind", [k for k in WHOLE if k.startswith("npy")])
    def test_a_cut_array_is_an_error(self, kind: str) -> None:
        content, _ = WHOLE[kind]
        for end in range(1, len(content), 17):
            with pytest.raises(DataError, match=r"cut\.npy: "):
                decode_raster(content[:end], "cut.npy")

    @pytest.mark.parametrize("kind", WHOLE)
    def test_flipped_bytes_never_escape_as_another_error(self, kind: str) -> None:
        content, _ = WHOLE[kind]
        rng = np.random.default_rng(1)
        head = np.concatenate([np.arange(6, min(130, len(content))), np.arange(-130, 0)])
        for _ in range(150):
            broken = bytearray(content)
            for place in rng.choice(head, size=3):
                broken[place] = rng.integers(256)
            with suppress(DataError):
                decode_raster(bytes(broken), "x")

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "empty.png").touch()
        with pytest.raises(DataError, match=r"empty\.png: the file is empty"):
            read_raster(tmp_path / "empty.png")

    def test_missing_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.png: cannot be read \(No such file"):
            read_raster(tmp_path / "none.png")
        with pytest.raises(DataError, match="is a folder, expected a file"):
            read_raster(tmp_path)
        with pytest.raises(DataError, match=r"cannot be read .*null"):
            read_raster(tmp_path / "a\0b.png")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
    def test_what_would_never_end_is_not_begun(self, tmp_path: Path) -> None:
        """The size of a device is 0, and a pipe without a writer waits."""
        os.mkfifo(tmp_path / "pipe.png")
        (tmp_path / "zero.png").symlink_to("/dev/zero")
        for name in ("pipe.png", "zero.png"):
            with pytest.raises(DataError, match=rf"{name}: is a pipe or device, expected a file"):
                read_raster(tmp_path / name)

    @pytest.mark.parametrize(
        "content", [b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", encoded(GREY, "GIF"), b"\0" * 100]
    )
    def test_another_kind_of_file(self, content: bytes) -> None:
        """PostScript above all: Pillow would start an interpreter for it."""
        with pytest.raises(DataError, match=r"x: .*not a PNG, TIFF, JPEG, BMP, PFM or NPY file"):
            decode_raster(content, "x")

    @pytest.mark.parametrize("side", [100_000, 10_000, 8_001])
    def test_a_picture_that_claims_to_be_huge_takes_no_memory(self, side: int) -> None:
        self._refused_without_memory(png(side, side, bits=8, colour_type=0))

    @pytest.mark.parametrize("shape", [(100_000, 100_000), (10**400,), (2**31, 2**31, 2**31)])
    def test_an_array_that_claims_to_be_huge_takes_no_memory(self, shape: tuple[int, ...]) -> None:
        self._refused_without_memory(npy_header("<u2", shape))

    def _refused_without_memory(self, content: bytes) -> None:
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="refused before memory is taken"):
                decode_raster(content, "huge")
            assert tracemalloc.get_traced_memory()[1] < 5_000_000
        finally:
            tracemalloc.stop()

    def test_a_file_that_is_no_single_frame(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "big.png").write_bytes(b"x" * 1001)
        monkeypatch.setattr(files, "MAX_FILE_BYTES", 1000)
        with pytest.raises(DataError, match=r"big\.png: larger than"):
            read_raster(tmp_path / "big.png")

    def test_pickled_objects_are_never_loaded(self, tmp_path: Path) -> None:
        class Bomb:
            def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
                return (Path.touch, (tmp_path / "exploded",))  # type: ignore[return-value]

        content = npy(np.array([[Bomb()]], object), allow_pickle=True)
        with pytest.raises(DataError, match="holds pickled objects, which are never loaded"):
            decode_raster(content, "x.npy")
        assert not (tmp_path / "exploded").exists()

    @pytest.mark.parametrize("descr", ["|S5", "|V2000000000", "<c8", "<M8[ns]", [("a", "<u2")]])
    def test_an_array_of_no_numbers(self, descr: object) -> None:
        with pytest.raises(DataError, match="expected plain numbers"):
            decode_raster(npy_header(descr, (8, 8), b"\0" * 400), "x.npy")

    @pytest.mark.parametrize("shape", [(5,), (), (2, 3, 5), (2, 3, 4, 3), (2, 4, 4, 1), (3, 4, 2)])
    def test_what_is_no_single_image(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(DataError, match=r"expected one image \[h w\] or \[h w 3\]"):
            decode_raster(npy(np.ones(shape)), "x")

    @pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 10**12)])
    def test_no_pixels(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(DataError, match="has no pixels"):
            decode_raster(npy_header("<u2", shape), "x")

    @pytest.mark.parametrize("colour_type", [2, 4, 6])
    def test_sixteen_bits_are_never_cut_to_eight(self, colour_type: int) -> None:
        """Pillow opens these, hands out the upper byte, and says nothing."""
        channels = {2: 3, 4: 2, 6: 4}[colour_type]
        rows = (b"\0" + bytes(range(4 * channels * 2))) * 4
        content = png(4, 4, bits=16, colour_type=colour_type, rows=rows)
        with pytest.raises(DataError, match="several channels of 16 bits"):
            decode_raster(content, "x")

    def test_sixteen_bits_of_a_tiff_neither(self) -> None:
        content = tiff(
            np.zeros((4, 5, 3), "<u2").tobytes(),
            width=5,
            height=4,
            order="<",
            bits=(16, 16, 16),
            photometric=2,
        )
        with pytest.raises(DataError, match="several channels of 16 bits"):
            decode_raster(content, "x")

    @pytest.mark.parametrize("form", ["TIFF", "PNG"])
    def test_the_frames_of_a_stack_are_not_dropped(self, form: str) -> None:
        stream = io.BytesIO()
        Image.fromarray(GREY).save(
            stream, form, save_all=True, append_images=[Image.fromarray(255 - GREY)]
        )
        with pytest.raises(DataError, match="holds 2 pictures; save each frame"):
            decode_raster(stream.getvalue(), "stack")


class TestBytes:
    def test_a_file_is_read_whole_up_to_its_limit(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_bytes(b"12345")
        assert read_bytes(tmp_path / "x", limit=5) == b"12345"
        with pytest.raises(DataError, match=r"x: larger than 0\.004 kB"):
            read_bytes(tmp_path / "x", limit=4)

    def test_a_file_that_grows_meanwhile_is_not_half_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "x").write_bytes(b"12345")
        monkeypatch.setattr(files, "byte_count", lambda _: 3)
        with pytest.raises(DataError, match="x: grew while it was read"):
            read_bytes(tmp_path / "x", limit=9)


class TestJson:
    def test_an_object_comes_back(self, tmp_path: Path) -> None:
        tree = {"a": [1, 2.5, None, True, "ü"], "b": {}}
        write_json(tmp_path / "x.json", tree)
        assert read_json(tmp_path / "x.json") == tree
        assert json_object('{"a": "ü"}', "x") == json_object('{"a": "ü"}'.encode(), "x")

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"x"',
            b"3",
            b"[" * 200_000,
            b'{"a":' + b"9" * 5000 + b"}",
            b"\xff",
        ],
    )
    def test_whatever_else_is_named(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.json: cannot be read as JSON \("):
            read_json(tmp_path / "x.json")

    @pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
    def test_it_nests_as_deep_as_allowed_and_no_deeper(self, opened: str, closed: str) -> None:
        def nested(levels: int) -> str:
            inside = levels - 1  # the object around them is one
            return '{"a":' + opened * inside + "1" + closed * inside + "}"

        json_object(nested(DEEPEST_JSON), "x")
        for levels in (DEEPEST_JSON + 1, 100_000):
            with pytest.raises(DataError, match=f"nested deeper than {DEEPEST_JSON} levels"):
                json_object(nested(levels), "x")

    def test_its_size_is_bounded(self, tmp_path: Path) -> None:
        path = tmp_path / "x.json"
        path.write_text('{"a": 1}')
        assert read_json(path, limit=8) == {"a": 1}
        with pytest.raises(DataError, match=r"x\.json: larger than 0\.007 kB"):
            read_json(path, limit=7)
        with pytest.raises(DataError, match=r"none\.json: cannot be read \(No such file"):
            read_json(tmp_path / "none.json")


class TestOrder:
    def test_numbers_count_as_numbers(self) -> None:
        names = ["10.png", "9.png", "frame_2.png", "frame_10.png", "a1b20.png", "a1b3.png", "1.png"]
        assert sorted(names, key=natural_order) == [
            "1.png",
            "9.png",
            "10.png",
            "a1b3.png",
            "a1b20.png",
            "frame_2.png",
            "frame_10.png",
        ]

    def test_digits_of_other_scripts_are_text(self) -> None:
        assert sorted(["²", "10", "9"], key=natural_order) == ["9", "10", "²"]

    def test_pictures_of_a_folder(self, tmp_path: Path) -> None:
        for name in ("10.png", "9.TIFF", "007.png", "7.png", "notes.txt", "2.npy", ".hidden"):
            (tmp_path / name).touch()
        (tmp_path / "1.png").mkdir()
        assert [p.name for p in pictures_in(tmp_path)] == [
            "2.npy",
            "007.png",
            "7.png",
            "9.TIFF",
            "10.png",
        ]

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="none: no such folder"):
            pictures_in(tmp_path / "none")


class TestWriting:
    def test_folders_are_made_and_nothing_else_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "folder" / "file.bin"
        write_bytes(path, b"abc")
        write_bytes(path, b"abcd")
        assert path.read_bytes() == b"abcd"
        assert [p.name for p in path.parent.iterdir()] == ["file.bin"]

    def test_the_file_appears_only_when_complete(self, tmp_path: Path) -> None:
        path = tmp_path / "file.bin"
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            assert not path.exists()
            assert temporary.parent == path.parent  # a rename across disks is a copy
        assert path.read_bytes() == b"half"

    @pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "n" * 230])
    def test_a_name_as_long_as_a_file_system_takes(self, tmp_path: Path, name: str) -> None:
        write_bytes(tmp_path / name, b"abc")
        assert [p.name for p in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
    def test_an_interruption_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, stop: type[BaseException]
    ) -> None:
        path = tmp_path / "file.bin"
        write_bytes(path, b"old")
        with pytest.raises(stop), replacing(path) as temporary:  # noqa: PT012
            temporary.write_bytes(b"ne")
            raise stop
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_block_that_wrote_nothing_is_an_error_and_keeps_the_old_file(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "file.bin"
        write_bytes(path, b"old")
        with pytest.raises(OutputError, match=r"file\.bin: cannot be written"), replacing(path):
            pass
        assert path.read_bytes() == b"old"

    def test_json_keeps_its_order_and_refuses_what_json_has_not(self, tmp_path: Path) -> None:
        path = tmp_path / "tree.json"
        write_json(path, {"b": [1, 2.5], "a": None})
        assert json.loads(path.read_text()) == {"b": [1, 2.5], "a": None}
        assert path.read_text().index('"b"') < path.read_text().index('"a"')
        with pytest.raises(ValueError, match="JSON compliant"):
            write_json(path, {"x": float("nan")})
        assert json.loads(path.read_text())["b"] == [1, 2.5]

    def test_text_is_utf_8(self, tmp_path: Path) -> None:
        write_text(tmp_path / "t", "µm ≤ 3\n")
        assert (tmp_path / "t").read_bytes() == "µm ≤ 3\n".encode()

    @pytest.mark.parametrize("array", [GREY, COUNTS, COLOUR, COUNTS[::2, ::-3], GREY.T])
    def test_png_round_trip_is_exact(self, array: NDArray[Any]) -> None:
        back = decode_raster(encode_png(array), "x.png")
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)

    def test_png_takes_whole_numbers_only(self) -> None:
        with pytest.raises(AssertionError):
            encode_png(KELVIN)
