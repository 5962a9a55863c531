"""`thermodepth predict` on the formats that want a word more: raw Y16, and gain control in disguise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.cli.predict import predict as predict_files
from thermodepth.cli.sources import ReadingOptions
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png

COUNTS = (
    7000 + np.random.default_rng(0).integers(0, 900, (48, 64)) + np.arange(48)[:, None]
).astype(np.uint16)
AGC = (COUNTS - 7000) // 4 * 257


def predict(source: Path, out: Path, **changes: Any) -> None:
    options: dict[str, Any] = {
        "model": "thermal-small",
        "depth_format": "npy",
        "view": False,
        "short_side": 96,
        "device": "cpu",
    }
    predict_files([str(source)], out, reading=ReadingOptions(**changes), **options)


def depth_in(folder: Path, name: str) -> Any:
    return np.load(folder / f"{name}_depth.npy")


def test_y16_gives_what_the_same_frame_gives_as_png(tmp_path: Path) -> None:
    (tmp_path / "png.png").write_bytes(encode_png(COUNTS))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.raw").write_bytes(COUNTS.tobytes())
    (tmp_path / "raw" / "b.Y16").write_bytes(COUNTS.tobytes())
    (tmp_path / "raw" / "notes.txt").write_text("of no interest")
    (tmp_path / "big.bin").write_bytes(COUNTS.byteswap().tobytes())
    out = tmp_path / "depth"
    predict(tmp_path / "png.png", out)
    predict(tmp_path / "raw", out, y16="64x48", counts=True)
    predict(tmp_path / "big.bin", out, y16="64x48:big")
    for name in ("a", "b", "big"):
        np.testing.assert_array_equal(depth_in(out, name), depth_in(out, "png"))
    assert not (out / "notes_depth.npy").exists()


@pytest.mark.parametrize("text", ["64", "64x48:middle", "64X48", "x48", "64x48x2", " 64x48"])
def test_a_size_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"--y16 {text}: expected WIDTHxHEIGHT"):
        predict(tmp_path, tmp_path / "depth", y16=text)


def test_what_is_not_of_that_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no \.raw, \.y16, \.bin files in this folder"):
        predict(tmp_path, tmp_path / "depth", y16="64x48")
    (tmp_path / "short.raw").write_bytes(COUNTS.tobytes()[:-2])
    with pytest.raises(DataError, match=r"short\.raw: 6142 bytes"):
        predict(tmp_path, tmp_path / "depth", y16="64x48")


@pytest.mark.parametrize("name", ["agc.png", "agc.raw"])
def test_gain_control_stored_as_16_bits_is_said_and_refused_where_counts_are_meant(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_raw = name.endswith("raw")
    (tmp_path / name).write_bytes(AGC.tobytes() if is_raw else encode_png(AGC))
    y16 = "64x48" if is_raw else ""
    predict(tmp_path / name, tmp_path / "depth", y16=y16)
    assert "1 of 1 frames are 8-bit pictures" in capsys.readouterr().err.replace("\n", " ")
    with pytest.raises(DataError, match=r"multiple of 257.*where raw counts are meant"):
        predict(tmp_path / name, tmp_path / "depth", y16=y16, counts=True)


def test_rows_of_telemetry_are_dropped_where_asked(tmp_path: Path) -> None:
    words = np.zeros((2, 64), np.uint16)
    words[0, :25] = np.random.default_rng(2).integers(0, 65536, 25)
    whole = np.concatenate([COUNTS, words])
    (tmp_path / "bare.png").write_bytes(encode_png(COUNTS))
    (tmp_path / "rows.png").write_bytes(encode_png(whole))
    (tmp_path / "raw.raw").write_bytes(whole.tobytes())
    out = tmp_path / "depth"
    for name, y16 in (("rows.png", ""), ("raw.raw", "64x50")):
        with pytest.raises(DataError, match=rf"{name}: rows 48 to 49 of 50 .* --drop bottom=2"):
            predict(tmp_path / name, out, y16=y16)
    predict(tmp_path / "bare.png", out)
    predict(tmp_path / "rows.png", out, drop="bottom=2")
    predict(tmp_path / "raw.raw", out, y16="64x50", drop="bottom=2")
    for name in ("rows", "raw"):
        np.testing.assert_array_equal(depth_in(out, name), depth_in(out, "bare"))
    with pytest.raises(DataError, match=r"2 of telemetry.* --y16 64x50 --drop bottom=2"):
        predict(tmp_path / "raw.raw", out, y16="64x48")


def test_one_frame_that_cannot_be_does_not_end_a_folder(tmp_path: Path) -> None:
    """A long name, a strip, exchanged bytes: the others are predicted, and each is named."""
    frames = tmp_path / "frames"
    frames.mkdir()
    rough = np.random.default_rng(1).integers(6000, 9000, (1, 700)).astype(np.uint16)
    for name, counts in {
        "a": COUNTS,
        "n" * 250: COUNTS,
        "strip": rough,
        "swapped": (COUNTS // 1).byteswap(),
        "z": COUNTS,
    }.items():
        np.save(frames / "x.npy", counts)
        (frames / "x.npy").rename(frames / f"{name}.npy")
    with pytest.raises(DataError, match="2 frames of 5 could not be predicted") as caught:
        predict(frames, tmp_path / "depth")
    assert "strip.npy: a frame of 700x1 pixels is a strip" in str(caught.value)
    assert "swapped.npy: 16-bit values whose two bytes" in str(caught.value)
    written = sorted(path.name for path in (tmp_path / "depth").glob("*_depth.npy"))
    assert [written[0], written[2]] == ["a_depth.npy", "z_depth.npy"]
    assert written[1].startswith("n" * 200)
    for name in written:
        np.testing.assert_array_equal(
            np.load(tmp_path / "depth" / name), depth_in(tmp_path / "depth", "a")
        )


def test_a_recording_without_a_frame_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "monday.seq").write_bytes(b"FFF\0" + bytes(200))
    with pytest.raises(DataError, match=r"monday\.seq: FLIR's FFF without a raw frame"):
        predict(tmp_path, tmp_path / "depth")
