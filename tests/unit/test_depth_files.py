"""Depth map files of any program: each format as its own writers make it, units, and hostile headers."""

from __future__ import annotations

import builtins
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.depth_files import read_depth_values, read_truth_m
from thermodepth.depth_files.exr import read_exr
from thermodepth.errors import DataError, DependencyError, SettingsError
from thermodepth.files import encode_png

RNG = np.random.default_rng(11)
DEPTH_M = RNG.uniform(0.5, 60, (20, 30)).astype(np.float32)
# 0 is no value; 1 and 65535 are the smallest and the largest that 16 bits say.
WHOLE = np.array([[0, 1, 256], [384, 25600, 65535]], np.uint16)
NAN = np.nan


def npy(path: Path, array: NDArray[Any]) -> Path:
    np.save(path, array)
    return path


def png(path: Path, array: NDArray[Any]) -> Path:
    Image.fromarray(array).save(path)
    return path


def exr(path: Path, channels: dict[str, NDArray[Any]], **header: Any) -> Path:
    openexr = pytest.importorskip("OpenEXR")
    options = {"compression": openexr.ZIP_COMPRESSION, "type": openexr.scanlineimage, **header}
    openexr.File(options, channels).write(str(path))
    return path


def attribute(name: str, kind: str, value: bytes) -> bytes:
    return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value


def channel(name: str, pixel_type: int = 2, sampling: tuple[int, int] = (1, 1)) -> bytes:
    return name.encode() + b"\0" + struct.pack("<i4x2i", pixel_type, *sampling)


def exr_head(
    *,
    window: tuple[int, int, int, int] = (0, 0, 29, 19),
    display: tuple[int, int, int, int] | None = None,
    channels: bytes | None = None,
    version: int = 2,
    more: bytes = b"",
) -> bytes:
    """A header by hand, for what no writer makes: magic, version, attributes, a byte 0."""
    return b"".join(
        (
            b"\x76\x2f\x31\x01",
            struct.pack("<I", version),
            attribute(
                "channels", "chlist", (channel("Z") if channels is None else channels) + b"\0"
            ),
            attribute("compression", "compression", b"\0"),
            attribute("dataWindow", "box2i", struct.pack("<4i", *window)),
            attribute("displayWindow", "box2i", struct.pack("<4i", *(display or window))),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", bytes(8)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
            more,
            b"\0",
        )
    )


def test_a_png_of_16_bits_is_value_over_256_and_0_is_no_value(tmp_path: Path) -> None:
    values = read_depth_values(png(tmp_path / "a.png", WHOLE))
    assert values.dtype == np.float32
    # 1/256, 256/256; 384/256 = 1.5, 25600/256 = 100, 65535/256 = 255.99609375
    np.testing.assert_array_equal(
        values, np.array([[NAN, 0.00390625, 1], [1.5, 100, 255.99609375]], np.float32)
    )


def test_another_program_s_png_gives_the_same(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), WHOLE)
    np.testing.assert_array_equal(
        read_depth_values(tmp_path / "a.png"),
        read_depth_values(png(tmp_path / "b.png", WHOLE)),
    )


def test_millimetres_are_a_scale_of_1000(tmp_path: Path) -> None:
    values = read_depth_values(png(tmp_path / "a.png", WHOLE), per_metre=1000)
    np.testing.assert_array_equal(values[1], np.array([0.384, 25.6, 65.535], np.float32))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_whole_numbers_in_npy_obey_the_scale_too(tmp_path: Path, dtype: type) -> None:
    path = npy(tmp_path / "a.npy", np.array([[0, 500, 2000]], dtype))
    np.testing.assert_array_equal(
        read_depth_values(path, per_metre=1000), np.array([[NAN, 0.5, 2]], np.float32)
    )


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", "<f8"])
def test_floating_point_npy_holds_metres_whatever_the_scale(tmp_path: Path, dtype: str) -> None:
    stored = DEPTH_M.astype(dtype)
    values = read_depth_values(npy(tmp_path / "a.npy", stored), per_metre=1000)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, stored.astype(np.float32))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_tiff_is_metres_in_float_and_scaled_in_16_bits(
    tmp_path: Path, compression: str | None
) -> None:
    Image.fromarray(DEPTH_M).save(tmp_path / "f.tif", compression=compression)
    Image.fromarray(WHOLE).save(tmp_path / "w.tiff", compression=compression)
    np.testing.assert_array_equal(read_depth_values(tmp_path / "f.tif"), DEPTH_M)
    np.testing.assert_array_equal(
        read_depth_values(tmp_path / "w.tiff"), read_depth_values(png(tmp_path / "w.png", WHOLE))
    )


@pytest.mark.parametrize("name", ["Z", "Y", "R", "V", "depth", "ViewLayer.Depth.Z"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_only_channel_of_an_exr_is_depth(tmp_path: Path, name: str, dtype: type) -> None:
    stored = DEPTH_M.astype(dtype)
    path = exr(tmp_path / "a.exr", {name: stored})
    np.testing.assert_array_equal(read_depth_values(path), stored.astype(np.float32))


@pytest.mark.parametrize("compression", ["NO", "RLE", "ZIPS", "PIZ"])
def test_an_exr_is_read_in_every_lossless_compression(tmp_path: Path, compression: str) -> None:
    openexr = pytest.importorskip("OpenEXR")
    kind = getattr(openexr, f"{compression}_COMPRESSION")
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M}, compression=kind)
    np.testing.assert_array_equal(read_depth_values(path), DEPTH_M)


def test_an_exr_in_tiles_is_read(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    path = exr(
        tmp_path / "a.exr",
        {"Z": DEPTH_M},
        type=openexr.tiledimage,
        tiles=openexr.TileDescription(),
    )
    np.testing.assert_array_equal(read_depth_values(path), DEPTH_M)


def test_beside_colour_the_channel_called_z_is_depth(tmp_path: Path) -> None:
    colour = dict.fromkeys("RGBA", np.zeros_like(DEPTH_M))
    path = exr(tmp_path / "a.exr", {**colour, "Depth.Z": DEPTH_M})
    np.testing.assert_array_equal(read_depth_values(path), DEPTH_M)


def test_grey_stored_as_colour_is_one_channel_with_and_without_alpha(tmp_path: Path) -> None:
    holes = DEPTH_M.copy()
    holes[3, 4] = NAN
    grey = {"R": holes, "G": holes.copy(), "B": holes.copy()}
    for channels in (grey, {**grey, "A": np.ones_like(holes)}):
        values = read_depth_values(exr(tmp_path / "a.exr", channels))
        np.testing.assert_array_equal(values, holes)


def test_different_colours_are_refused_with_their_names(tmp_path: Path) -> None:
    path = exr(tmp_path / "a.exr", {"R": DEPTH_M, "G": DEPTH_M, "B": DEPTH_M + 1})
    with pytest.raises(DataError, match=r"a\.exr: a colour picture \(channels B, G, R differ\)"):
        read_depth_values(path)


@pytest.mark.parametrize("names", [("left.Z", "right.Z"), ("X", "Y"), ("Y", "RY", "BY")])
def test_channels_that_leave_open_which_is_depth_are_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    path = exr(tmp_path / "a.exr", dict.fromkeys(names, DEPTH_M))
    with pytest.raises(DataError, match=f"channels .*{names[0]}.* save the depth as the only"):
        read_depth_values(path)


def test_whole_numbers_in_an_exr_are_refused(tmp_path: Path) -> None:
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M.astype(np.uint32)})
    with pytest.raises(DataError, match="channel Z holds whole numbers"):
        read_depth_values(path)


def test_an_exr_of_several_parts_is_refused(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    parts = [openexr.Part({}, {"Z": DEPTH_M}) for _ in range(2)]
    openexr.File(parts).write(str(tmp_path / "a.exr"))
    with pytest.raises(DataError, match=r"a\.exr: an EXR file of several parts"):
        read_depth_values(tmp_path / "a.exr")


def test_files_are_known_by_content_not_by_name(tmp_path: Path) -> None:
    misnamed = exr(tmp_path / "a.png", {"Z": DEPTH_M})
    np.testing.assert_array_equal(read_depth_values(misnamed), DEPTH_M)
    Image.fromarray(WHOLE).save(tmp_path / "b.exr", "PNG")
    assert read_depth_values(tmp_path / "b.exr")[1, 0] == 1.5


def test_without_the_package_an_exr_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M})
    real = builtins.__import__

    def missing(name: str, *args: Any, **options: Any) -> Any:
        if name == "OpenEXR":
            raise ImportError
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(DependencyError, match=r"a\.exr.*pip install 'thermodepth\[exr\]'"):
        read_depth_values(path)


def test_what_is_not_finite_is_no_value_and_negative_values_of_a_map_stay(tmp_path: Path) -> None:
    # 1e300 is beyond float32, so it is infinite as one.
    stored = np.array([[NAN, np.inf, -np.inf, 1e300, -2.5, 0.0, 3.0]])
    np.testing.assert_array_equal(
        read_depth_values(npy(tmp_path / "a.npy", stored)),
        np.array([[NAN, NAN, NAN, NAN, -2.5, 0, 3]], np.float32),
    )


def test_of_truth_what_is_not_above_0_is_no_measurement(tmp_path: Path) -> None:
    stored = np.array([[NAN, np.inf, -1, 0.0, 3.0]])
    expected = np.array([[NAN, NAN, NAN, NAN, 3]], np.float32)
    np.testing.assert_array_equal(read_truth_m(npy(tmp_path / "a.npy", stored)), expected)
    path = exr(tmp_path / "a.exr", {"Z": stored.astype(np.float32)})
    np.testing.assert_array_equal(read_truth_m(path), expected)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg"])
def test_8_bits_are_a_picture_for_the_eye(tmp_path: Path, suffix: str) -> None:
    path = png(tmp_path / f"a.{suffix}", RNG.integers(0, 256, (8, 9), dtype=np.uint8))
    with pytest.raises(DataError, match=rf"a\.{suffix}: uint8 .* picture of depth for the eye"):
        read_depth_values(path)


def test_colour_is_refused(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", RNG.integers(0, 256, (8, 9, 3), dtype=np.uint8))
    with pytest.raises(DataError, match=r"a\.png: a colour picture .*one channel"):
        read_depth_values(path)


def test_a_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="bool has at most 256 levels"):
        read_depth_values(npy(tmp_path / "a.npy", DEPTH_M > 3))


def test_an_archive_and_an_unknown_format_are_refused_with_what_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", depth=DEPTH_M)
    with pytest.raises(DataError, match=r"a\.npz: an NPZ or ZIP archive.*numpy\.save"):
        read_depth_values(tmp_path / "a.npz")
    (tmp_path / "a.mat").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(
        DataError, match=r"a\.mat: an HDF5 file.* not a PNG, NPY, TIFF, EXR or PFM file"
    ):
        read_depth_values(tmp_path / "a.mat")
    (tmp_path / "a.xyz").write_bytes(b"1 2 3\n")
    with pytest.raises(DataError, match=r"a\.xyz: not a PNG, NPY, TIFF, EXR or PFM file"):
        read_depth_values(tmp_path / "a.xyz")


def test_a_pfm_as_midas_writes_it(tmp_path: Path) -> None:
    stored = DEPTH_M.astype("<f4").copy()
    stored[0, 0] = np.inf
    rows, columns = stored.shape
    head = f"Pf\n{columns} {rows}\n-1.0\n".encode()
    (tmp_path / "a.pfm").write_bytes(head + stored[::-1].tobytes())
    read = read_depth_values(tmp_path / "a.pfm")
    assert np.isnan(read[0, 0])
    np.testing.assert_array_equal(read.ravel()[1:], stored.ravel()[1:])


@pytest.mark.parametrize("axis", [(0,), (2,), (0, 1)])
def test_a_map_of_one_channel_is_a_map(tmp_path: Path, axis: tuple[int, ...]) -> None:
    stored = np.expand_dims(DEPTH_M, axis if axis != (2,) else -1)
    np.testing.assert_array_equal(read_depth_values(npy(tmp_path / "a.npy", stored)), DEPTH_M)


def test_exchanged_bytes_of_a_depth_map_are_refused(tmp_path: Path) -> None:
    slope = (np.linspace(900, 9000, 48)[:, None] + np.arange(64)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(encode_png(slope.byteswap()))
    with pytest.raises(DataError, match=r"a\.png: 16-bit values whose two bytes"):
        read_depth_values(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.npy", "a.tif", "a.exr"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_file_is_an_error_that_names_it(
    tmp_path: Path, name: str, share: float
) -> None:
    path = tmp_path / name
    {
        "a.png": lambda: png(path, RNG.integers(1, 65535, (20, 30), dtype=np.uint16)),
        "a.npy": lambda: npy(path, DEPTH_M),
        "a.tif": lambda: png(path, DEPTH_M),
        "a.exr": lambda: exr(path, {"Z": DEPTH_M}),
    }[name]()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=name):
        read_depth_values(path)


def test_an_exr_whose_last_rows_were_never_written_is_an_error(tmp_path: Path) -> None:
    openexr = pytest.importorskip("OpenEXR")
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M}, compression=openexr.NO_COMPRESSION)
    content = bytearray(path.read_bytes())
    # Uncompressed, each of the 20 rows is a chunk of 4 + 4 + 30 * 4 bytes, its place 8 bytes in the table.
    chunk = 128
    table = len(content) - 20 * (chunk + 8)
    for row in range(10, 20):
        content[table + 8 * row : table + 8 * row + 8] = bytes(8)
    path.write_bytes(content[: len(content) - 10 * chunk])
    with pytest.raises(DataError, match=r"a\.exr: damaged or truncated EXR file"):
        read_depth_values(path)


def test_what_the_package_prints_stays_out_of_the_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged or truncated EXR file"):
        read_depth_values(path)
    assert capsys.readouterr().out == ""


def test_an_empty_file_and_a_missing_one_and_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.exr").touch()
    with pytest.raises(DataError, match=r"a\.exr: the file is empty"):
        read_depth_values(tmp_path / "a.exr")
    with pytest.raises(DataError, match=r"b\.exr: cannot be read \(No such file"):
        read_depth_values(tmp_path / "b.exr")
    with pytest.raises(DataError, match="is a folder"):
        read_depth_values(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", ["pipe.exr", "zero.png"])
def test_what_would_never_end_is_not_begun(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.exr")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for read in (read_depth_values, read_exr):
        with pytest.raises(DataError, match=rf"{name}: is a pipe or device"):
            read(tmp_path / name)


@pytest.mark.parametrize("per_metre", [0, -256, NAN, np.inf])
def test_a_scale_that_is_no_positive_number_is_refused(tmp_path: Path, per_metre: float) -> None:
    path = png(tmp_path / "a.png", WHOLE)
    with pytest.raises(SettingsError, match="per_metre"):
        read_depth_values(path, per_metre=per_metre)


#: Name -> what no writer makes, and what the message says of it.
HOSTILE_EXR_HEADS = {
    "a large picture": (
        exr_head(window=(0, 0, 99_999, 99_999)),
        "100000x100000.* refused before memory",
    ),
    "more columns than fit": (exr_head(window=(-(2**31), 0, 2**31 - 1, 0)), "EXR header"),
    "no columns": (exr_head(window=(0, 0, -1, 19)), "EXR header"),
    "fewer columns than none": (exr_head(window=(5, 0, 2, 19)), "EXR header"),
    "many channels": (  # 7000 x 7000 fits, three hundred times that does not
        exr_head(
            window=(0, 0, 6999, 6999), channels=b"".join(channel(f"c{i}") for i in range(300))
        ),
        "300 channels.* refused before",
    ),
    "large tiles": (
        exr_head(
            version=0x202,
            more=attribute("tiles", "tiledesc", struct.pack("<IIB", 1 << 30, 8, 0)),
        ),
        "EXR header",
    ),
    "several resolutions": (
        exr_head(version=0x202, more=attribute("tiles", "tiledesc", struct.pack("<IIB", 8, 8, 1))),
        "several resolutions",
    ),
    "deep pixels": (
        exr_head(
            version=0x802,
            more=b"".join(
                (
                    attribute("name", "string", b"x"),
                    attribute("type", "string", b"deepscanline"),
                    attribute("version", "int", struct.pack("<i", 1)),
                    attribute("chunkCount", "int", struct.pack("<i", 20)),
                    attribute("maxSamplesPerPixel", "int", struct.pack("<i", 2)),
                )
            ),
        ),
        "deep pixels",
    ),
    "deep pixels without their attributes": (exr_head(version=0x802), "EXR header"),
    "parts without their names": (exr_head(version=0x1002), "EXR header"),
    "a later version": (exr_head(version=3), "EXR header"),
    "a crop": (exr_head(display=(0, 0, 639, 479)), "a crop, or more than the frame"),
    "no channels": (exr_head(channels=b""), "EXR header"),
    "a channel twice": (exr_head(channels=channel("Z") + channel("Z")), "EXR header"),
    "a type of pixels that is none": (exr_head(channels=channel("Z", 7)), "EXR header"),
    "a sampling of none": (exr_head(channels=channel("Z", 2, (0, 1))), "EXR header"),
    "half a channel": (exr_head(channels=channel("Z")[:9]), "EXR header"),
    "sparse values": (exr_head(channels=channel("Z", 2, (2, 2))), r"at every \(2, 2\) pixels"),
    "two windows": (
        exr_head(more=attribute("dataWindow", "box2i", struct.pack("<4i", 0, 0, 9, 9))),
        "a crop, or more than the frame",
    ),
    "no window": (exr_head().replace(b"dataWindow", b"dataWindoW"), "a crop, or more"),
    "an attribute without end": (
        exr_head(more=attribute("big", "string", b"")[:-4] + struct.pack("<i", 2**31 - 1)),
        "EXR file",
    ),
    "an attribute of negative size": (
        exr_head(more=attribute("big", "string", b"")[:-4] + struct.pack("<i", -1)),
        "EXR file",
    ),
    "a preview without pixels": (
        exr_head(more=attribute("preview", "preview", struct.pack("<II", 60_000, 60_000))),
        "EXR file",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_EXR_HEADS)
def test_a_hostile_exr_header_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("OpenEXR")
    head, message = HOSTILE_EXR_HEADS[name]
    path = tmp_path / "a.exr"
    path.write_bytes(head + bytes(100))
    with pytest.raises(DataError, match=rf"a\.exr: .*{message}"):
        read_depth_values(path)


def test_no_exr_header_crashes_the_reader_or_takes_memory(tmp_path: Path) -> None:
    """In a process of their own: the package is native code, which takes down what it runs in."""
    pytest.importorskip("resource")
    whole = exr(tmp_path / "whole.exr", {"Z": DEPTH_M}).read_bytes()
    rng = np.random.default_rng(3)
    contents = [head + bytes(100) for head, _ in HOSTILE_EXR_HEADS.values()]
    for number in range(600):
        mutated = np.frombuffer(whole, np.uint8).copy()
        places = rng.integers(4, 400, 1 + number % 8)
        mutated[places] = rng.choice([0, 127, 128, 255, rng.integers(256)], len(places))
        contents.append(mutated.tobytes()[: None if number % 5 else int(rng.integers(8, 400))])
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.exr").write_bytes(content)
    child = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from thermodepth.depth_files.exr import read_exr\n"
        "from thermodepth.errors import DataError\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "read_exr(Path(sys.argv[1], 'whole.exr'))\n"
        "before, refused = peak(), 0\n"
        "for number in range(int(sys.argv[2])):\n"
        "    try:\n"
        "        read_exr(Path(sys.argv[1], f'{number}.exr'))\n"
        "    except DataError:\n"
        "        refused += 1\n"
        "print(refused, peak() - before)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", child, str(tmp_path), str(len(contents))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    refused, more_kb = map(int, ended.stdout.splitlines()[-1].split())
    assert len(contents) / 2 < refused <= len(contents)
    assert more_kb < 100_000


def test_an_exr_cut_anywhere_in_its_header_is_refused(tmp_path: Path) -> None:
    head = exr_head()
    for length in range(4, len(head)):
        (tmp_path / "a.exr").write_bytes(head[:length])
        with pytest.raises(DataError, match=r"a\.exr: damaged or truncated EXR header"):
            read_depth_values(tmp_path / "a.exr")


def test_a_header_without_pixels_is_an_error(tmp_path: Path) -> None:
    pytest.importorskip("OpenEXR")
    (tmp_path / "a.exr").write_bytes(exr_head())
    with pytest.raises(DataError, match=r"a\.exr: damaged or truncated EXR file"):
        read_depth_values(tmp_path / "a.exr")


def test_flipped_bytes_never_get_past_as_anything_but_our_error(tmp_path: Path) -> None:
    path = exr(tmp_path / "a.exr", {"Z": DEPTH_M})
    content = path.read_bytes()
    rng = np.random.default_rng(5)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.integers(4, 420)] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            assert read_depth_values(path).shape == DEPTH_M.shape
        except DataError as error:
            refused += "a.exr" in str(error)
    assert refused > 100


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    path = npy(tmp_path / "a.npy", DEPTH_M)
    program = (
        "import sys; from pathlib import Path; from thermodepth.depth_files import read_depth_values; "
        f"read_depth_values(Path({str(path)!r})); "
        "print(sorted({'torch', 'cv2', 'OpenEXR', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
