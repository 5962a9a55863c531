"""Stacks, pages and headerless files: every frame as it was stored, bit for bit."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import thermodepth
from thermodepth.errors import DataError, SettingsError
from thermodepth.sources import FailedFrame, SourceFrame
from thermodepth.types import ThermalUnit

Clip = NDArray[np.uint16]


def raws(source: object, **options: object) -> list[NDArray[np.generic]]:
    return [frame.raw for frame in thermodepth.frames(source, **options)]  # type: ignore[arg-type]


# --- NPY ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 24, 32), (5, 1, 24, 32), (5, 24, 32, 1)])
@pytest.mark.parametrize("kind", ["<u2", ">u2", "<f4", "u1", "<i4"])
def test_a_stack_is_its_frames(
    tmp_path: Path, clip: Clip, shape: tuple[int, ...], kind: str
) -> None:
    values = clip / 24 if kind == "<f4" else clip % 256 if kind == "u1" else clip
    np.save(tmp_path / "clip.npy", values.astype(kind).reshape(shape))
    source = thermodepth.frames(tmp_path / "clip.npy")
    assert source.length == 5
    assert not source.is_live
    frames = list(source)
    assert [f.name for f in frames] == [f"clip-{number:06d}" for number in range(5)]
    assert [f.index for f in frames] == list(range(5))
    for frame, expected in zip(frames, values.astype(kind), strict=True):
        assert isinstance(frame, SourceFrame)
        np.testing.assert_array_equal(frame.raw, expected)
        assert frame.raw.dtype == {"f": np.float32, "u": np.uint16, "i": np.uint16}[kind[-2]] or (
            kind == "u1" and frame.raw.dtype == np.uint8
        )
    unit = {"<f4": ThermalUnit.KELVIN, "u1": ThermalUnit.DISPLAY}.get(kind, ThermalUnit.COUNTS)
    assert {f.unit for f in frames} == {unit}


def test_a_stack_of_one_and_a_colour_picture_are_pictures(tmp_path: Path, clip: Clip) -> None:
    np.save(tmp_path / "one.npy", clip[:1])
    frame, *others = thermodepth.frames(tmp_path / "one.npy")
    assert (frame.name, others) == ("one", [])
    np.save(tmp_path / "colour.npy", np.random.default_rng(0).integers(0, 255, (24, 32, 3)))
    (failed,) = thermodepth.frames(tmp_path / "colour.npy")
    assert isinstance(failed, FailedFrame)
    assert "colour picture" in failed.reason


def test_one_bad_frame_of_a_stack_does_not_stop_the_rest(tmp_path: Path, clip: Clip) -> None:
    clip[2] = 7000  # a shutter that closed
    np.save(tmp_path / "clip.npy", clip)
    frames = list(thermodepth.frames(tmp_path / "clip.npy"))
    assert [isinstance(f, FailedFrame) for f in frames] == [False, False, True, False, False]
    assert isinstance(frames[2], FailedFrame)
    assert "clip.npy, frame 2: every pixel is 7000: a closed shutter" in frames[2].reason
    with pytest.raises(DataError, match="closed shutter"):
        _ = frames[2].raw


def test_a_cut_off_stack_gives_what_it_holds_and_says_so(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "clip.npy"
    np.save(path, clip)
    path.write_bytes(path.read_bytes()[:-2000])  # a frame has 1536
    frames = list(thermodepth.frames(path))
    assert [f.name for f in frames] == [f"clip-{n:06d}" for n in range(4)]
    assert isinstance(frames[3], FailedFrame)
    assert "5 frames, and the file ends after 3" in frames[3].reason


def test_a_header_that_promises_the_moon_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "clip.npy"
    with path.open("wb") as stream:
        header = {"descr": "<u2", "fortran_order": False, "shape": (10**9, 40_000, 40_000)}
        np.lib.format.write_array_header_1_0(stream, header)
    with pytest.raises(DataError, match="40000x40000, more than the 64 million pixels"):
        thermodepth.frames(path)


def test_a_stack_in_fortran_order_is_refused_with_the_remedy(tmp_path: Path, clip: Clip) -> None:
    np.save(tmp_path / "clip.npy", np.asfortranarray(clip))
    with pytest.raises(DataError, match="ascontiguousarray"):
        thermodepth.frames(tmp_path / "clip.npy")


# --- TIFF ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"rowsperstrip": 5},
        {"tile": (16, 16)},
        {"compression": "zlib"},
    ],
    ids=str,
)
def test_pages_are_frames(tmp_path: Path, clip: Clip, options: dict[str, object]) -> None:
    with tifffile.TiffWriter(
        tmp_path / "clip.tif",
        bigtiff=bool(options.pop("bigtiff", False)),
        byteorder=options.pop("byteorder", "<"),  # type: ignore[arg-type]
    ) as writer:
        for frame in clip:
            writer.write(frame, contiguous=False, **options)  # type: ignore[arg-type]
    source = thermodepth.frames(tmp_path / "clip.tif")
    assert source.length == 5
    for frame, expected in zip(source, clip, strict=True):
        np.testing.assert_array_equal(frame.raw, expected)
        assert frame.raw.dtype == np.uint16


def test_pages_by_pillow_are_frames(tmp_path: Path, clip: Clip) -> None:
    first, *others = (Image.fromarray(frame) for frame in clip)
    first.save(tmp_path / "clip.tiff", save_all=True, append_images=others, compression="tiff_lzw")
    np.testing.assert_array_equal(raws(tmp_path / "clip.tiff"), clip)


def test_kelvin_pages_are_kelvin(tmp_path: Path, clip: Clip) -> None:
    tifffile.imwrite(
        tmp_path / "clip.tif", (clip / 24).astype(np.float32), photometric="minisblack"
    )
    frames = list(thermodepth.frames(tmp_path / "clip.tif"))
    assert {f.unit for f in frames if isinstance(f, SourceFrame)} == {ThermalUnit.KELVIN}
    np.testing.assert_allclose([f.raw for f in frames], clip / 24, rtol=1e-6)


def test_a_thumbnail_is_no_frame(tmp_path: Path, clip: Clip) -> None:
    with tifffile.TiffWriter(tmp_path / "one.tif") as writer:
        writer.write(clip[0])
        writer.write(clip[0, ::2, ::2], subfiletype=1)
    source = thermodepth.frames(tmp_path / "one.tif")
    assert source.length == 1


def test_a_page_of_colour_is_listed_and_the_others_are_read(tmp_path: Path, clip: Clip) -> None:
    with tifffile.TiffWriter(tmp_path / "clip.tif") as writer:
        writer.write(clip[0])
        writer.write(np.random.default_rng(0).integers(0, 65535, (24, 32, 3)).astype(np.uint16))
        writer.write(clip[2])
    good, bad, last = thermodepth.frames(tmp_path / "clip.tif")
    assert isinstance(bad, FailedFrame)
    assert "page 1" in bad.reason
    assert "channels of 16 bits" in bad.reason
    np.testing.assert_array_equal([good.raw, last.raw], clip[[0, 2]])


def test_a_chain_of_pages_that_leads_back_ends(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "clip.tif"
    tifffile.imwrite(path, clip[:2], photometric="minisblack", contiguous=False, metadata=None)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as opened:
        first, second = (page.offset for page in opened.pages)
    count = struct.unpack_from("<H", content, second)[0]
    struct.pack_into("<I", content, second + 2 + 12 * count, first)
    path.write_bytes(content)
    assert thermodepth.frames(path).length == 2


def test_a_page_cut_off_is_listed(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "clip.tif"
    with tifffile.TiffWriter(path) as writer:
        for frame in clip:
            writer.write(frame, contiguous=False, metadata=None)
    content = path.read_bytes()
    with tifffile.TiffFile(path) as opened:
        place = opened.pages[4].dataoffsets[0]  # behind its directory
    path.write_bytes(content[: place + 100])
    *good, bad = thermodepth.frames(path)
    np.testing.assert_array_equal([f.raw for f in good], clip[: len(good)])
    assert isinstance(bad, FailedFrame)
    assert "truncated" in bad.reason


# --- Y16 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["little", "big"])
def test_frames_without_a_header(tmp_path: Path, clip: Clip, order: str) -> None:
    (tmp_path / "clip.raw").write_bytes(
        clip.astype("<u2" if order == "little" else ">u2").tobytes()
    )
    layout = "32x24" if order == "little" else "32x24:big"
    source = thermodepth.frames(tmp_path / "clip.raw", y16=layout)
    assert source.length == 5
    np.testing.assert_array_equal([f.raw for f in source], clip)


def test_telemetry_rows_of_every_frame_are_dropped(tmp_path: Path, clip: Clip) -> None:
    words = np.random.default_rng(1).integers(0, 65535, (5, 2, 32)).astype(np.uint16)
    (tmp_path / "clip.raw").write_bytes(np.concatenate([clip, words], axis=1).tobytes())
    refused = list(thermodepth.frames(tmp_path / "clip.raw", y16="32x26"))
    assert all(isinstance(f, FailedFrame) and "telemetry" in f.reason for f in refused)
    dropped = raws(tmp_path / "clip.raw", y16="32x26", drop="bottom=2")
    np.testing.assert_array_equal(dropped, clip)


def test_a_size_that_does_not_fit_is_one_failure(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "clip.raw").write_bytes(clip.tobytes()[:-2])
    (failed,) = thermodepth.frames(tmp_path / "clip.raw", y16="32x24")
    assert isinstance(failed, FailedFrame)
    assert "7678 bytes, but a 32x24 frame of 16 bits has 1536" in failed.reason


@pytest.mark.parametrize("typed", ["32", "32x24:middle", "0x24", "99999x99999"])
def test_layouts_that_cannot_be(tmp_path: Path, clip: Clip, typed: str) -> None:
    (tmp_path / "clip.raw").write_bytes(clip.tobytes())
    with pytest.raises(SettingsError, match=r"expected WIDTHxHEIGHT|million pixels"):
        thermodepth.frames(tmp_path / "clip.raw", y16=typed)
