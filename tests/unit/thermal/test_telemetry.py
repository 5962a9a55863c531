"""Rows that are no picture: found at either end, refused without a word to drop them, cut off with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.thermal import Margins, read_thermal, read_y16, telemetry_rows
from thermodepth.types import ThermalUnit

RNG = np.random.default_rng(3)


def scene(rows: int = 60, columns: int = 80, *, noise: float = 5.0) -> NDArray[np.uint16]:
    """A wall, a horizon and a hot body, with sensor noise."""
    counts = 3600 + 6.0 * np.arange(rows)[:, None] + RNG.normal(0, noise, (rows, columns))
    counts[: rows // 3] -= 500
    counts[rows // 2 : rows // 2 + 9, 20:26] += 3000
    return counts.astype(np.uint16)


def words(count: int, columns: int) -> NDArray[np.uint16]:
    """As a Lepton writes them: a few words, then zeros."""
    rows = np.zeros((count, columns), np.uint16)
    rows[0, :20] = RNG.integers(0, 65536, 20)
    return rows


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("at_the_top", [True, False])
@pytest.mark.parametrize("noise", [1.0, 40.0])
def test_words_are_told_from_picture(count: int, at_the_top: bool, noise: float) -> None:
    picture = scene(noise=noise)
    parts = [words(count, 80), picture] if at_the_top else [picture, words(count, 80)]
    result = telemetry_rows(np.concatenate(parts))
    assert result == (Margins(top=count) if at_the_top else Margins(bottom=count))


def test_words_at_both_ends() -> None:
    frame = np.concatenate([words(1, 80), scene(), words(2, 80)])
    assert telemetry_rows(frame) == Margins(top=1, bottom=2)


def _rim(rows: int) -> NDArray[np.uint16]:
    frame = scene()
    frame[-rows:] = 0
    return frame


@pytest.mark.parametrize(
    "frame",
    [
        scene(),
        scene(noise=300),
        scene()[:20, :20],  # too small to tell
        _rim(1),  # a picture that was moved, with nothing behind it
        _rim(3),
        np.full((60, 80), 3500, np.uint16),
        RNG.integers(0, 65536, (60, 80), dtype=np.uint16),
        np.concatenate([scene(), words(2, 80)]).astype(np.float32),  # kelvin is no camera's stream
        (scene() // 32).astype(np.uint8),
    ],
)
def test_pictures_are_let_be(frame: NDArray[Any]) -> None:
    assert telemetry_rows(frame) == Margins()


def test_a_frame_with_words_is_refused_and_read_where_they_are_dropped(tmp_path: Path) -> None:
    picture = scene()
    frame = np.concatenate([picture, words(2, 80)])
    (tmp_path / "a.png").write_bytes(encode_png(frame))
    (tmp_path / "a.raw").write_bytes(frame.tobytes())
    drop = Margins(bottom=2)
    message = (
        r"rows 60 to 61 of 62 are no picture but words.* --drop bottom=2 \(predict\), thermal\.drop"
    )
    with pytest.raises(DataError, match=r"a\.png: " + message):
        read_thermal(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.raw: " + message):
        read_y16(tmp_path / "a.raw", 80, 62)
    raw, unit = read_thermal(tmp_path / "a.png", drop=drop)
    assert unit is ThermalUnit.COUNTS
    np.testing.assert_array_equal(raw, picture)
    np.testing.assert_array_equal(read_y16(tmp_path / "a.raw", 80, 62, drop=drop), picture)
    # Who says that there is nothing to drop gets the file as it is.
    np.testing.assert_array_equal(read_thermal(tmp_path / "a.png", drop=Margins())[0], frame)


def test_one_row_is_spoken_of_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode_png(np.concatenate([words(1, 80), scene()])))
    with pytest.raises(DataError, match="row 0 of 61 is no picture"):
        read_thermal(tmp_path / "a.png")


def test_all_four_sides_are_cut(tmp_path: Path) -> None:
    picture = scene()
    (tmp_path / "a.png").write_bytes(encode_png(picture))
    drop = Margins.of_text("top=1, bottom=2,left=3,right=4", "--drop")
    raw, _ = read_thermal(tmp_path / "a.png", drop=drop)
    np.testing.assert_array_equal(raw, picture[1:-2, 3:-4])
    with pytest.raises(
        DataError, match=r"80x60, of which dropping top=30,bottom=30 leaves nothing"
    ):
        read_thermal(tmp_path / "a.png", drop=Margins(top=30, bottom=30))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2", "expected SIDE=NUMBER, such as bottom=2"),
        ("bottom=-1", "expected SIDE=NUMBER"),
        ("botom=2", "unknown side 'botom'; did you mean 'bottom'"),
        ("top=1,top=2", "'top' comes twice"),
        ("top=65", "less than or equal to 64"),
        ("", "expected SIDE=NUMBER"),
    ],
)
def test_what_cannot_be_dropped(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"--drop {text}: .*{message}"):
        Margins.of_text(text, "--drop")
