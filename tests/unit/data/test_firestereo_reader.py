"""FIReStereo: places of its files, the published camera, and errors that say what was found."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from thermodepth.data.firestereo import LISTS, open_firestereo
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png, read_raster
from thermodepth.types import ThermalUnit

SIZE = (64, 80)


def write_sequence(
    root: Path, name: str, *, inner: str = "", maps: str = "depth", count: int = 3
) -> Path:
    """Frame n: counts from 7000 + n, 3 + n metres with a hole on top."""
    row = np.arange(SIZE[1], dtype=np.uint16)
    for number in range(count):
        depth = np.full(SIZE, 256 * (3 + number), np.uint16)
        depth[0] = 0
        counts = np.tile(row + np.uint16(7000 + number), (SIZE[0], 1))
        for folder, values in (("img_left", counts), (maps, depth)):
            place = root / name / inner / folder
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{8 + number}.png").write_bytes(encode_png(values))
    return root


@pytest.mark.parametrize("inner", ["", "thermal"])
@pytest.mark.parametrize("maps", ["depth", "depth_left"])
@pytest.mark.parametrize("above", ["", "stereo_thermal_depth"])
def test_values_wherever_the_files_lie(tmp_path: Path, inner: str, maps: str, above: str) -> None:
    write_sequence(tmp_path / above, "hawkins_2", inner=inner, maps=maps)
    data = open_firestereo(tmp_path)
    frames = data.split("train")
    assert frames.sample_ids == [f"firestereo-hawkins_2-{n}" for n in (8, 9, 10)]
    sample = frames.read(2)
    assert (sample.sequence, sample.condition) == ("hawkins_2", "day")
    assert sample.thermal_unit is ThermalUnit.COUNTS
    assert sample.thermal[0, 0] == 7002
    np.testing.assert_array_equal(sample.depth_m[1:], np.float32(5))
    assert np.isnan(sample.depth_m[0]).all()
    assert sample.rgb is None
    # An eighth of the camera's 640x512; 312.01175 counts from the corner of the first pixel.
    assert sample.intrinsics[0, 0] == pytest.approx(406.33233 / 8)
    assert sample.intrinsics[0, 2] == pytest.approx(312.01175 / 8)


def test_rows_of_telemetry_are_dropped_where_asked(tmp_path: Path) -> None:
    write_sequence(tmp_path, "hawkins_2")
    plain = open_firestereo(tmp_path).split("train")
    whole, mark = plain.read(1).thermal, plain.fingerprint()
    words = np.zeros((2, SIZE[1]), np.uint16)
    words[0, :30] = np.arange(30) * 999
    for path in (tmp_path / "hawkins_2/img_left").iterdir():
        path.write_bytes(encode_png(np.concatenate([read_raster(path), words])))
    with pytest.raises(DataError, match="rows 64 to 65 of 66 are no picture"):
        open_firestereo(tmp_path)
    frames = open_firestereo(Path(f"{tmp_path}?drop=bottom=2")).split("train")
    np.testing.assert_array_equal(frames.read(1).thermal, whole)
    assert frames.fingerprint() != mark
    with pytest.raises(SettingsError, match="option drop below=2: unknown side 'below'"):
        open_firestereo(Path(f"{tmp_path}?drop=below=2"))
    with pytest.raises(DataError, match="unknown option 'crop'"):
        open_firestereo(Path(f"{tmp_path}?crop=bottom=2"))


def test_sequences_are_split_whole(tmp_path: Path) -> None:
    for names in LISTS.values():
        for name in names:
            write_sequence(tmp_path, name, count=1)
    data = open_firestereo(tmp_path)
    assert {name: len(part.sample_ids) for name, part in data.splits.items()} == {
        "train": 4,
        "val": 1,
        "test": 2,
    }
    assert data.note == "FIReStereo: 7 thermal frames of 7/7 sequences, no RGB"
    assert data.split("test").read(1).condition == "night-rain"


def test_lists_of_one_s_own(tmp_path: Path) -> None:
    write_sequence(tmp_path, "hawkins_2")
    write_sequence(tmp_path, "valley_1")
    (tmp_path / "test_list.txt").write_text("valley_1")
    assert open_firestereo(tmp_path).split("test").read(0).sequence == "valley_1"
    (tmp_path / "val_list.txt").write_text("hawkins_2")
    with pytest.raises(DataError, match="sequence 'hawkins_2' stands in two lists"):
        open_firestereo(tmp_path)


def test_what_was_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of .*hawkins_1_1.* is here \(found: nothing\)"):
        open_firestereo(tmp_path)
    write_sequence(tmp_path, "hawkins_2")
    folder = tmp_path / "hawkins_2"
    (folder / "depth").rename(folder / "lidar")
    with pytest.raises(
        DataError, match=r"hawkins_2: expected .* \(found: img_left, lidar\); name them"
    ):
        open_firestereo(tmp_path)
    (folder / "lidar").rename(folder / "depth")
    for number in (8, 9, 10):
        (folder / f"depth/{number}.png").rename(folder / f"depth/{number}_depth.png")
    message = (
        r"depth: no file is called as one in .*\(8_depth\.png.* against 8\.png, 9\.png, 10\.png\)"
    )
    with pytest.raises(DataError, match=message):
        open_firestereo(tmp_path)


def test_frames_without_a_partner_are_left_out_and_said(tmp_path: Path) -> None:
    write_sequence(tmp_path, "hawkins_2")
    (tmp_path / "hawkins_2/depth/9.png").unlink()
    data = open_firestereo(tmp_path)
    assert data.split("train").sample_ids == ["firestereo-hawkins_2-8", "firestereo-hawkins_2-10"]
    assert data.note.endswith("; 1 without depth or thermal left out")


def test_pictures_of_another_shape_are_not_the_camera_s(tmp_path: Path) -> None:
    write_sequence(tmp_path, "hawkins_2")
    shutil.rmtree(tmp_path / "hawkins_2/depth")
    for folder in ("img_left", "depth"):
        place = tmp_path / "hawkins_2" / folder
        place.mkdir(exist_ok=True)
        values = np.arange(48 * 80, dtype=np.uint16).reshape(48, 80)
        (place / "8.png").write_bytes(encode_png(values))
    with pytest.raises(DataError, match="pictures of 80x48 are cut from the camera's 640x512"):
        open_firestereo(tmp_path)


def test_broken_frames_are_named(tmp_path: Path) -> None:
    write_sequence(tmp_path, "hawkins_2")
    path = tmp_path / "hawkins_2/depth/9.png"
    path.write_bytes(path.read_bytes()[:50])
    frames = open_firestereo(tmp_path).split("train")
    with pytest.raises(DataError, match=r"depth/9\.png: damaged or truncated"):
        frames.read(1)
    frames.read(2)
