"""Videos, SEQ and CSQ, CPTV: counts bit for bit, times, and what happens to damaged ones."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import thermodepth
from thermodepth.errors import DataError
from thermodepth.files import encode_png
from thermodepth.pictures.jpeg_ls import decode_jpeg_ls
from thermodepth.sources import FailedFrame, SourceFrame
from thermodepth.sources.video import GREY16, is_crushed, tag_text
from thermodepth.thermal import PlanckConstants, kelvin_of_counts
from thermodepth.types import ThermalUnit

Clip = NDArray[np.generic]


def write_video(path: Path, frames: Clip, codec: str, *, rate: float = 9.0) -> Path:
    """By OpenCV's FFmpeg; 16 bits where the frames have them."""
    depth = cv2.CV_16U if frames.dtype == np.uint16 else cv2.CV_8U
    size = (frames.shape[2], frames.shape[1])
    options = [
        cv2.VIDEOWRITER_PROP_DEPTH,
        depth,
        cv2.VIDEOWRITER_PROP_IS_COLOR,
        int(frames.ndim == 4),
    ]
    encoder = cv2.VideoWriter(
        str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate, size, options
    )
    assert encoder.isOpened()
    for frame in frames:
        encoder.write(frame)
    encoder.release()
    return path


def raws(path: Path, **options: object) -> list[NDArray[np.generic]]:
    return [frame.raw for frame in thermodepth.frames(path, **options)]  # type: ignore[arg-type]


# --- videos -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "FFV1"), ("avi", "FFV1"), ("avi", "MJLS")])
def test_sixteen_bits_of_a_video_stay(tmp_path: Path, clip: Clip, suffix: str, codec: str) -> None:
    path = write_video(tmp_path / f"clip.{suffix}", clip, codec)
    source = thermodepth.frames(path)
    assert (source.length, source.is_live) == (5, False)
    frames = list(source)
    np.testing.assert_array_equal([f.raw for f in frames], clip)
    assert {f.unit for f in frames} == {ThermalUnit.COUNTS}
    times = np.array([f.time_s for f in frames], float)
    np.testing.assert_allclose(times, np.arange(5) / 9, atol=0.002)
    np.testing.assert_array_equal(raws(path, counts=True), clip)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG"), ("mkv", "FFV1")])
def test_eight_bits_are_a_picture_after_gain_control(
    tmp_path: Path, clip: NDArray[np.uint16], suffix: str, codec: str
) -> None:
    grey = ((clip - 7000) // 5).clip(0, 255).astype(np.uint8)
    frames = grey if codec == "FFV1" else np.repeat(grey[..., None], 3, axis=3)
    path = write_video(tmp_path / f"clip.{suffix}", frames, codec)
    decoded = list(thermodepth.frames(path))
    assert {f.unit for f in decoded} == {ThermalUnit.DISPLAY}
    error = np.array([f.raw for f in decoded], float) - grey
    assert np.abs(error).mean() < 4
    assert all(isinstance(f, FailedFrame) for f in thermodepth.frames(path, counts=True))


def test_false_colours_are_refused_frame_by_frame(tmp_path: Path) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (3, 6, 8, 3)).astype(np.uint8)
    large = colours.repeat(8, axis=1).repeat(8, axis=2)
    path = write_video(tmp_path / "clip.mkv", large, "FFV1")
    failed = list(thermodepth.frames(path))
    assert len(failed) == 3
    assert all(isinstance(f, FailedFrame) and "colour picture" in f.reason for f in failed)


@pytest.mark.parametrize(
    ("tag", "crushed", "text"),
    [
        (GREY16, False, ""),
        (b"Y800", False, ""),
        (b"I420", False, ""),
        (b"NV12", False, ""),
        (b"BGR\x18", False, ""),
        (b"Y1\x00\x0a", True, "Y1 of 10 bits"),
        (b"Y1\x00\x0e", True, "Y1 of 14 bits"),
        (b"\x10\x001Y", True, "Y1 of 16 bits"),  # high byte first
        (b"Y3\x0b\x0a", True, "Y3 of 10 bits"),
        (b"G3\x00\x10", True, "G3 of 16 bits"),
        (b"P010", True, "P010"),
        (bytes(4), True, "unknown"),
    ],
)
def test_what_opencv_would_crush_is_known_by_its_pixel_format(
    tag: bytes, crushed: bool, text: str
) -> None:
    assert is_crushed(tag) is crushed
    assert text in tag_text(tag)


def test_a_video_of_twelve_bits_is_refused_with_the_command_that_keeps_them(
    tmp_path: Path, clip: Clip
) -> None:
    av = pytest.importorskip(
        "av", reason="needs PyAV, which writes pixel formats that OpenCV does not"
    )
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=9)
        stream.height, stream.width = clip.shape[1:]
        stream.pix_fmt = "gray12le"
        for frame in clip:
            picture = av.VideoFrame.from_ndarray(frame, format="gray16le").reformat(
                format="gray12le"
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with pytest.raises(DataError, match=r"Y1 of 12 bits.*-pix_fmt gray16le"):
        thermodepth.frames(tmp_path / "clip.mkv")


def test_a_video_that_is_cut_off(tmp_path: Path, clip: Clip) -> None:
    frames = np.concatenate([clip] * 6)
    path = write_video(tmp_path / "clip.avi", frames, "FFV1")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    decoded = list(thermodepth.frames(path))
    assert isinstance(decoded[-1], FailedFrame)
    good = [f.raw for f in decoded if isinstance(f, SourceFrame)]
    assert 5 < len(good) < 30
    np.testing.assert_array_equal(good[:-1], frames[: len(good) - 1])


def test_something_else_named_like_a_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(500))
    with pytest.raises(DataError, match="holds no video that OpenCV can decode"):
        thermodepth.frames(tmp_path / "clip.mkv")


# --- JPEG-LS ------------------------------------------------------------------------------------------

#: By CharLS, another encoder: `[6 8]` from 4, 3 more a row and 100 more a column, at 12 bits a sample.
TWELVE_BITS = bytes.fromhex(
    "ffd8fff7000b0c0006000801011100ffda00080101000000004711c476288ec561b0634689145084689084444448a222224514"
    "92491424924800ffd9"
)


def test_samples_of_twelve_bits_are_their_own_numbers() -> None:
    expected = 4 + 3 * np.arange(6)[:, None] + 100 * np.arange(8)
    np.testing.assert_array_equal(decode_jpeg_ls(TWELVE_BITS, "x"), expected)


def jpeg_ls(frame: NDArray[np.uint16], folder: Path) -> bytes:
    """As it stands in a video."""
    path = write_video(folder / "one.avi", frame[None], "MJLS")
    content = path.read_bytes()
    first = content.index(b"\xff\xd8\xff\xf7")
    return content[first : content.index(b"\xff\xd9", first) + 2]


def test_a_stream_that_is_damaged_is_named(tmp_path: Path, clip: NDArray[np.uint16]) -> None:
    stream = jpeg_ls(clip[0], tmp_path)
    np.testing.assert_array_equal(decode_jpeg_ls(stream + bytes(7), "x"), clip[0])
    for damaged in (b"", stream[:8], stream[:-3], stream[:60], stream[:11] + b"\3" + stream[12:]):
        with pytest.raises(DataError, match=r"x: (damaged|truncated) JPEG-LS"):
            decode_jpeg_ls(damaged, "x")


# --- SEQ and CSQ --------------------------------------------------------------------------------------

PLANCK = PlanckConstants(r1=17837.5, r2=0.0125, b=1450.0, f=1.0, o=-1143)
Stored = Callable[[NDArray[np.uint16], Path], bytes]
STORED: dict[str, Stored] = {
    "words": lambda frame, _: frame.astype("<u2").tobytes(),
    "png": lambda frame, _: encode_png(frame.byteswap()),
    "jpeg-ls": jpeg_ls,
}


def camera_record(time_s: float = 0.0, view_deg: float = 0.0) -> bytes:
    record = bytearray(0x400)
    struct.pack_into("<H", record, 0, 2)
    struct.pack_into("<f4xf", record, 32, 1.0, 293.15)
    struct.pack_into("<3f", record, 88, PLANCK.r1, PLANCK.b, PLANCK.f)
    struct.pack_into("<if", record, 776, int(PLANCK.o), PLANCK.r2)
    struct.pack_into("<f", record, 0x1B4, view_deg)
    struct.pack_into("<II", record, 0x384, int(time_s), round(time_s % 1 * 1000))
    return bytes(record)


def fff(stored: bytes, size: tuple[int, int], camera: bytes, order: str = ">") -> bytes:
    """Header, directory, records: one frame."""
    raw = struct.pack("<HHH26x", 2, size[1], size[0]) + stored
    records = [(1, raw)] + ([(32, camera)] if camera else [])
    entries, blocks, start = b"", b"", 64 + 32 * len(records)
    for kind, block in records:
        place = start + len(blocks)
        entries += struct.pack(f"{order}HHIIII12x", kind, 1, 100, 1, place, len(block))
        blocks += block
    head = b"FFF\0" + b"ResearchIR".ljust(16, b"\0")
    head += struct.pack(f"{order}III", 100, 64, len(records))
    return head.ljust(64, b"\0") + entries + blocks


@pytest.fixture
def warm(clip: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """`[5 24 32]` counts of a room."""
    return (clip + 8000).astype(np.uint16)


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("order", ["<", ">"])
def test_frames_of_a_sequence_are_kelvin_with_time_and_lens(
    tmp_path: Path, warm: NDArray[np.uint16], stored: str, order: str
) -> None:
    frames = [
        fff(STORED[stored](frame, tmp_path), (24, 32), camera_record(1.6e9 + n / 8, 45.0), order)
        for n, frame in enumerate(warm)
    ]
    (tmp_path / "walk.csq").write_bytes(
        b"".join(frame + bytes(n) for n, frame in enumerate(frames))
    )
    source = thermodepth.frames(tmp_path / "walk.csq")
    assert source.length == 5
    for number, frame in enumerate(source):
        assert isinstance(frame, SourceFrame)
        np.testing.assert_allclose(frame.raw, kelvin_of_counts(warm[number], PLANCK), rtol=1e-6)
        assert frame.unit is ThermalUnit.KELVIN
        assert frame.time_s == 1.6e9 + number / 8
        assert frame.intrinsics is not None
        np.testing.assert_allclose(frame.intrinsics[0, 0], 16 / np.tan(np.radians(22.5)))
    np.testing.assert_array_equal(raws(tmp_path / "walk.csq", counts=True), warm)


def test_the_camera_of_the_first_frame_counts_for_those_without(
    tmp_path: Path, warm: NDArray[np.uint16]
) -> None:
    words = [STORED["words"](frame, tmp_path) for frame in warm]
    parts = [
        fff(word, (24, 32), camera_record() if n == 0 else b"") for n, word in enumerate(words)
    ]
    (tmp_path / "walk.seq").write_bytes(b"".join(parts))
    kelvin = kelvin_of_counts(warm[4], PLANCK)
    decoded = np.asarray(raws(tmp_path / "walk.seq")[4], np.float64)
    np.testing.assert_allclose(decoded, np.asarray(kelvin, np.float64), rtol=1e-6)
    bare = b"".join(fff(word, (24, 32), b"") for word in words)
    (tmp_path / "bare.seq").write_bytes(bare)
    np.testing.assert_array_equal(raws(tmp_path / "bare.seq"), warm)


def test_a_damaged_frame_costs_itself_alone(tmp_path: Path, warm: NDArray[np.uint16]) -> None:
    parts = [fff(frame.tobytes(), (24, 32), camera_record()) for frame in warm]
    parts[1] = parts[1][:28] + b"\xff\xff\xff\xff" + parts[1][32:]  # how many records
    parts[3] = fff(warm[3].tobytes()[:100], (24, 32), camera_record())
    (tmp_path / "walk.seq").write_bytes(b"".join(parts))
    frames = list(thermodepth.frames(tmp_path / "walk.seq"))
    assert [isinstance(f, FailedFrame) for f in frames] == [False, True, False, True, False]
    cut = b"".join(parts)[:-400]
    (tmp_path / "cut.seq").write_bytes(cut)
    assert isinstance(list(thermodepth.frames(tmp_path / "cut.seq"))[-1], FailedFrame)


def test_a_magic_within_a_frame_begins_none(tmp_path: Path, warm: NDArray[np.uint16]) -> None:
    words = bytearray(warm[0].tobytes())
    words[300:304] = b"FFF\0"
    part = fff(bytes(words), (24, 32), camera_record())
    (tmp_path / "walk.seq").write_bytes(part * 3)
    assert thermodepth.frames(tmp_path / "walk.seq").length == 3


def test_a_sequence_without_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "walk.seq").write_bytes(b"FFF\0" + bytes(200))
    with pytest.raises(DataError, match="without a raw frame"):
        thermodepth.frames(tmp_path / "walk.seq")


# --- CPTV ---------------------------------------------------------------------------------------------


def cptv_field(letter: str, form: str, value: float) -> bytes:
    content = struct.pack(form, value)
    return bytes([len(content)]) + letter.encode() + content


def cptv_frame(
    difference: NDArray[np.int64], bits: int, time_ms: int, *, background: int = 0
) -> bytes:
    """A frame as the specification has it, bit by bit."""
    line = difference.copy()
    line[1::2] = line[1::2, ::-1]
    steps = np.diff(line.ravel(), prepend=0)
    text = "".join(format(int(step) & ((1 << bits) - 1), f"0{bits}b") for step in steps[1:])
    text = text.ljust(-(-len(text) // 8) * 8, "0")
    packed = struct.pack("<i", steps[0])
    packed += bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
    fields = [
        cptv_field("w", "<B", bits),
        cptv_field("f", "<I", len(packed)),
        cptv_field("t", "<I", time_ms),
        cptv_field("g", "<B", background),
        cptv_field("a", "<f", 31.5),
    ]
    return b"F" + bytes([len(fields)]) + b"".join(fields) + packed


def cptv(clip: NDArray[np.uint16], *, columns: int = 32, frames: int = 5) -> bytes:
    fields = [
        cptv_field("T", "<Q", 1_600_000_000_250_000),
        cptv_field("X", "<I", columns),
        cptv_field("Y", "<I", clip.shape[1]),
        cptv_field("C", "<B", 1),
        cptv_field("J", "<H", frames),
        bytes([5]) + b"Dgp-01",
    ]
    content = b"CPTV\x02" + b"H" + bytes([len(fields)]) + b"".join(fields)
    before = np.zeros(clip.shape[1:], np.int64)
    content += cptv_frame(clip[0].astype(np.int64), 13, 0, background=1)
    before = clip[0].astype(np.int64)
    for number, frame in enumerate(clip.astype(np.int64)):
        bits = 8 if number == 3 else 11
        content += cptv_frame(frame - before, bits, 5000 + 111 * number)
        before = frame
    return content


def test_a_cptv_recording_is_its_counts(tmp_path: Path, clip: NDArray[np.uint16]) -> None:
    (tmp_path / "night.cptv").write_bytes(gzip.compress(cptv(clip)))
    source = thermodepth.frames(tmp_path / "night.cptv")
    assert source.length == 5
    frames = list(source)
    np.testing.assert_array_equal([f.raw for f in frames], clip)
    assert {f.unit for f in frames} == {ThermalUnit.COUNTS}
    times = np.array([f.time_s for f in frames], float)
    np.testing.assert_allclose(times - 1_600_000_000.25, np.arange(5) * 0.111, atol=1e-5)


def test_the_projects_own_package_reads_the_same(tmp_path: Path, clip: NDArray[np.uint16]) -> None:
    package = pytest.importorskip("cptv", reason="needs the package cptv, a second opinion")
    path = tmp_path / "night.cptv"
    path.write_bytes(gzip.compress(cptv(clip)))
    with path.open("rb") as stream:
        others = [f.pix for f in package.CPTVReader(stream) if not f.background_frame]
    np.testing.assert_array_equal(others, clip)


def test_a_cptv_that_is_cut_off_gives_what_it_holds(
    tmp_path: Path, clip: NDArray[np.uint16]
) -> None:
    (tmp_path / "night.cptv").write_bytes(gzip.compress(cptv(clip)[:-200]))
    *good, last = thermodepth.frames(tmp_path / "night.cptv")
    np.testing.assert_array_equal([f.raw for f in good], clip[:4])
    assert isinstance(last, FailedFrame)
    assert "damaged behind frame 4" in last.reason
    whole = gzip.compress(cptv(clip))
    (tmp_path / "zip.cptv").write_bytes(whole[: len(whole) // 2])
    assert isinstance(list(thermodepth.frames(tmp_path / "zip.cptv"))[-1], FailedFrame)


def test_a_cptv_of_a_size_that_no_camera_has(tmp_path: Path, clip: NDArray[np.uint16]) -> None:
    (tmp_path / "night.cptv").write_bytes(gzip.compress(cptv(clip, columns=2**31)))
    with pytest.raises(DataError, match="refused before memory is taken"):
        thermodepth.frames(tmp_path / "night.cptv")
    (tmp_path / "other.cptv").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(DataError, match="no CPTV recording"):
        thermodepth.frames(tmp_path / "other.cptv")
