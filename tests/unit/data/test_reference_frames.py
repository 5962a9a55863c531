"""Thermal frames with the map of another network: pairs by name, a lens where it is said, clear refusals."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from thermodepth.data.reference_frames import read_reference_frames
from thermodepth.errors import DataError
from thermodepth.types import ThermalUnit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for band in ("thermal", "reference"):
        (tmp_path / band).mkdir()
    for number in (9, 10):
        picture = random.integers(0, 255, (30, 40)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"thermal/{number}.png"), picture)
        reference = random.integers(0, 65535, (24, 32)).astype(np.uint16)
        cv2.imwrite(str(tmp_path / f"reference/{number}.png"), reference)
    return tmp_path


def test_frames_come_in_the_order_of_their_names_with_the_lens_that_is_said(folder: Path):
    frames = read_reference_frames(Path(f"{folder}?fov=90"))
    assert [each.sample.sample_id for each in frames] == ["9", "10"]
    first = frames[0]
    assert first.sample.thermal_unit is ThermalUnit.DISPLAY
    assert first.sample.focal_px == pytest.approx(20.0)  # half of 40 columns at 45 degrees
    assert first.reference.shape == (24, 32)
    assert first.reference.dtype == np.float64
    stored = cv2.imread(str(folder / "reference/9.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(first.reference, stored)


def test_without_a_word_the_lens_is_not_known(folder: Path):
    assert np.isnan(read_reference_frames(folder)[0].sample.focal_px)


@pytest.mark.parametrize("band", ["thermal", "reference"])
def test_a_frame_that_stands_alone_is_named(folder: Path, band: str):
    (folder / band / "10.png").unlink()
    with pytest.raises(DataError, match="in only one of thermal and reference: 10"):
        read_reference_frames(folder)


def test_what_is_no_such_folder_is_refused(folder: Path):
    with pytest.raises(DataError, match="fov=200"):
        read_reference_frames(Path(f"{folder}?fov=200"))
    with pytest.raises(DataError, match="rgb: no such folder"):
        read_reference_frames(folder, with_rgb=True)
    cv2.imwrite(str(folder / "reference/9.png"), np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(DataError, match=r"9\.png: \[24, 32, 3\], expected one band"):
        read_reference_frames(folder)
    (folder / "thermal" / "9.tif").write_bytes(b"")
    with pytest.raises(DataError, match="have one name"):
        read_reference_frames(folder)
    for path in (folder / "thermal").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="no frames"):
        read_reference_frames(folder)
