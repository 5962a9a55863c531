"""ViViD in both layouts: pairing, cameras, the published lists, and errors that name the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thermodepth.data.vivid import LISTS, open_vivid
from thermodepth.errors import DataError
from thermodepth.files import encode_png
from thermodepth.types import ThermalUnit

CAMERA = np.array([[250, 0, 159.75], [0, 251, 127.75], [0, 0, 1]])
RGB_CAMERA = np.array([[300, 0, 150.0], [0, 300, 120], [0, 0, 1]])
MOVED = np.array([[1, 0, 0, 0.05], [0, 1, 0, -0.01], [0, 0, 1, 0.002], [0, 0, 0, 1]])
TRAIN = "indoor_robust_global"


def write_band(folder: Path, number: int, values: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if values.dtype.kind == "f":
        np.save(folder / f"{number:06d}.npy", values)
    else:
        (folder / f"{number:06d}.png").write_bytes(encode_png(values))


def write_prepared(root: Path, name: str, count: int = 3) -> Path:
    """Frame n, from 1: counts from 7000 + n at 320x256, n metres at 640x512 with one nearer point."""
    row = np.arange(320, dtype=np.uint16)
    for number in range(1, count + 1):
        write_band(
            root / name / "Thermal", number, np.tile(row + np.uint16(7000 + number), (256, 1))
        )
        write_band(root / name / "RGB", number, np.full((256, 320, 3), (number, 5, 9), np.uint8))
        depth = np.full((512, 640), number, np.float32)
        depth[3, 2] = 0.5
        depth[4:6, 4:6] = 0
        depth[6, 6:8] = np.nan
        write_band(root / name / "Depth_T", number, depth)
        write_band(root / name / "Depth_RGB", number, np.full((1024, 1280), 4, np.float64))
    for file, matrix in (("cam_T", CAMERA), ("cam_RGB", RGB_CAMERA), ("Tr_T2RGB", MOVED)):
        np.savetxt(root / name / f"{file}.txt", matrix)
    return root


def write_published(root: Path, name: str, count: int = 4) -> Path:
    folder = root / "KAIST_VIVID" / name
    row = np.arange(64, dtype=np.uint16)
    for number in range(1, count + 1):
        write_band(
            folder / "Thermal/data", number, np.tile(row + np.uint16(7000 + number), (48, 1))
        )
        write_band(folder / "RGB/data", number, np.full((96, 128, 3), (number, 5, 9), np.uint8))
        depth = np.full((48, 64), number, np.float32)
        write_band(folder / "Warped_Depth/data_THERMAL", number, depth)
        write_band(folder / "Warped_Depth/data_RGB", number, np.full((96, 128), 4, np.float32))
    seconds = 1_500_000_000.0 + np.arange(count) / 16
    for band, later in (("Thermal", 0), ("RGB", 0.03125)):
        (folder / band / "timestamps.txt").write_text("\n".join(map(str, seconds + later)))
    calibration = root / "KAIST_VIVID" / "calibration" / "calib_ther_to_rgb.yaml"
    calibration.parent.mkdir(exist_ok=True)
    camera, rgb_camera = CAMERA.copy(), RGB_CAMERA.copy()
    camera[:2, 2] = 31.5, 23.5
    rgb_camera[:2, 2] = 60, 50
    lines = {"R": MOVED[:3, :3], "T": MOVED[:3, 3], "K_Thermal": camera, "K_RGB": rgb_camera}
    texts = (f"{key}: {' '.join(map(str, values.ravel()))}\n" for key, values in lines.items())
    calibration.write_text("calib_time: 01-Jan-2019\n" + "".join(texts))
    return root


class TestPrepared:
    def test_values_and_units(self, tmp_path: Path) -> None:
        data = open_vivid(write_prepared(tmp_path, TRAIN), part="indoor")
        assert data.split("train").sample_ids == [f"vivid-{TRAIN}-{n:06d}" for n in (1, 2, 3)]
        sample = data.split("train").read(1)
        assert (sample.sequence, sample.condition) == (TRAIN, "global")
        assert sample.thermal_unit is ThermalUnit.COUNTS
        np.testing.assert_array_equal(sample.thermal[:, 5], 7007)
        # Doubled by the preparation's own arithmetic, (159.75 * 2 + 0.5) / 2 is the middle.
        np.testing.assert_allclose(sample.intrinsics[:2, 2], [160, 128])
        assert data.training_size == (96, 120)

    def test_depth_keeps_the_nearest_of_each_block(self, tmp_path: Path) -> None:
        depth_m = (
            open_vivid(write_prepared(tmp_path, TRAIN), part="indoor")
            .split("train")
            .read(1)
            .depth_m
        )
        assert depth_m.shape == (256, 320)
        assert depth_m[1, 1] == 0.5
        assert np.isnan(depth_m[2, 2])
        assert depth_m[3, 3] == 2  # of a block that is half hole
        assert np.isnan(depth_m).sum() == 1

    def test_the_view_of_rgb(self, tmp_path: Path) -> None:
        sample = open_vivid(write_prepared(tmp_path, TRAIN), part="indoor").split("train").read(2)
        assert sample.rgb[0, 0].tolist() == [3, 5, 9]
        view = sample.rgb_view
        np.testing.assert_allclose(view.rgb_from_thermal, MOVED)
        np.testing.assert_allclose(view.intrinsics[:2, 2], [150.125, 120.125])
        np.testing.assert_array_equal(view.depth_m, np.full((256, 320), 4, np.float32))
        assert view.later_s == 0

    def test_the_well_lit_part_has_the_cameras_of_its_recording(self, tmp_path: Path) -> None:
        """The published preparation cuts it out without their files."""
        write_prepared(tmp_path, "indoor_robust_varying")
        write_prepared(tmp_path, "indoor_robust_varying_well_lit")
        for file in ("cam_T", "cam_RGB", "Tr_T2RGB"):
            (tmp_path / "indoor_robust_varying_well_lit" / f"{file}.txt").unlink()
        (tmp_path / "test_indoor.txt").write_text("indoor_robust_varying_well_lit")
        sample = open_vivid(tmp_path, part="indoor").split("test").read(0)
        np.testing.assert_allclose(sample.rgb_view.rgb_from_thermal, MOVED)

    def test_lists_of_the_folder(self, tmp_path: Path) -> None:
        write_prepared(tmp_path, "one")
        write_prepared(tmp_path, "two")
        (tmp_path / "train_outdoor.txt").write_text("one\ntwo")
        data = open_vivid(tmp_path, part="outdoor")
        assert len(data.split("train").sample_ids) == 6
        assert data.protocol == "vivid_outdoor"
        assert (
            "6 handheld frames of 2/4 sequences, without outdoor_robust_night1 and 1 more"
            in data.note
        )

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("cam_T.txt", "1 2 3", "expected 9 finite numbers"),
            ("cam_T.txt", "1 0 0 0 1 0 0 0 two", "expected 9 finite numbers"),
            ("cam_RGB.txt", "0 0 0 0 0 0 0 0 1", "not a pinhole matrix"),
            ("Tr_T2RGB.txt", " ".join("2" * 16), "its upper left part is not a rotation"),
        ],
    )
    def test_broken_cameras(self, tmp_path: Path, file: str, text: str, message: str) -> None:
        write_prepared(tmp_path, TRAIN)
        (tmp_path / TRAIN / file).write_text(text)
        with pytest.raises(DataError, match=message) as error:
            open_vivid(tmp_path, part="indoor").split("train").read(0)
        assert file in str(error.value)

    def test_a_camera_of_another_size(self, tmp_path: Path) -> None:
        write_prepared(tmp_path, TRAIN)
        np.savetxt(tmp_path / TRAIN / "cam_T.txt", CAMERA * [[2, 1, 2], [1, 2, 2], [1, 1, 1]])
        with pytest.raises(DataError, match=r"cam_T\.txt: principal point .* far off .*320x256"):
            open_vivid(tmp_path, part="indoor").split("train").read(0)


class TestPublished:
    def test_values_and_views(self, tmp_path: Path) -> None:
        data = open_vivid(write_published(tmp_path, TRAIN), part="indoor")
        sample = data.split("train").read(3)
        assert sample.sample_id == f"vivid-{TRAIN}-000004"
        assert sample.thermal[0, 0] == 7004
        np.testing.assert_array_equal(sample.depth_m, np.full((48, 64), 4, np.float32))
        np.testing.assert_allclose(sample.intrinsics[:2, 2], [32, 24])
        np.testing.assert_allclose(sample.rgb_view.rgb_from_thermal, MOVED)
        np.testing.assert_allclose(sample.rgb_view.intrinsics[:2, 2], [60.5, 50.5])
        assert sample.rgb_view.depth_m.shape == (96, 128)
        assert sample.rgb_view.later_s == 0.03125

    def test_below_the_root_or_the_root_itself(self, tmp_path: Path) -> None:
        write_published(tmp_path, TRAIN)
        ids = [
            open_vivid(root, part="indoor").split("train").sample_ids
            for root in (tmp_path, tmp_path / "KAIST_VIVID")
        ]
        assert ids[0] == ids[1]

    def test_whole_nanoseconds_are_times_as_well(self, tmp_path: Path) -> None:
        folder = write_published(tmp_path, TRAIN) / "KAIST_VIVID" / TRAIN
        for band, later in (("Thermal", 0), ("RGB", 5_000_000)):
            times = (str(1_500_000_000_000_000_000 + n + later) for n in range(4))
            (folder / band / "timestamps.txt").write_text("\n".join(times))
        sample = open_vivid(tmp_path, part="indoor").split("train").read(0)
        assert sample.rgb_view.later_s == pytest.approx(0.005, abs=1e-12)

    def test_frames_are_kept_as_the_preparation_keeps_them(self, tmp_path: Path) -> None:
        folder = write_published(tmp_path, TRAIN, count=6) / "KAIST_VIVID" / TRAIN
        (folder / "avg_velocity_thermal.txt").write_text("0.1\n0.1\n0.2\n0.05\n0.05\n0.051\n")
        frames = open_vivid(tmp_path, part="indoor").split("train")
        assert [i[-1] for i in frames.sample_ids] == ["2", "3", "6"]
        assert frames.read(2).thermal[0, 0] == 7006
        (folder / "avg_velocity_thermal.txt").write_text("0\n" * 6)
        with pytest.raises(DataError, match=r"avg_velocity_thermal\.txt: no frame is 0\.15"):
            open_vivid(tmp_path, part="indoor")

    def test_no_calibration(self, tmp_path: Path) -> None:
        write_published(tmp_path, TRAIN)
        (tmp_path / "KAIST_VIVID/calibration/calib_ther_to_rgb.yaml").unlink()
        with pytest.raises(DataError, match=r"calib_ther_to_rgb\.yaml: no such file; it holds"):
            open_vivid(tmp_path, part="indoor")


class TestLists:
    def test_it_warns_that_val_is_in_test(self, tmp_path: Path) -> None:
        for name in LISTS["outdoor"]["train"] + LISTS["outdoor"]["test"]:
            write_prepared(tmp_path, name, 1)
        with pytest.warns(
            UserWarning, match=r"validate on outdoor_robust_night1 and test on the same"
        ):
            data = open_vivid(tmp_path, part="outdoor")
        assert (
            data.note == "ViViD outdoor: 4 handheld frames of 4/4 sequences; 1 in val and in test"
        )
        assert set(data.split("val").sample_ids) < set(data.split("test").sample_ids)
        assert data.split("test").read(0).condition == "night"

    def test_it_does_not_where_lists_are_apart(self, tmp_path: Path) -> None:
        for name in LISTS["outdoor"]["test"]:
            write_prepared(tmp_path, name, 1)
        (tmp_path / "test_outdoor.txt").write_text("outdoor_robust_night2")
        assert "in val and in test" not in open_vivid(tmp_path, part="outdoor").note

    def test_folders_that_are_not_vivid(self, tmp_path: Path) -> None:
        with pytest.raises(
            DataError, match="vivid_indoor needs a folder: --data vivid_indoor:PATH"
        ):
            open_vivid(None, part="indoor")
        message = (
            "none of the 10 indoor sequences of ViViD is here; .*indoor_aggresive_global/Thermal"
        )
        with pytest.raises(DataError, match=message):
            open_vivid(tmp_path, part="indoor")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:90])


def _pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def _whole(path: Path) -> None:
    np.save(path, np.full((512, 640), 3))


def _uneven(path: Path) -> None:
    np.save(path, np.full((500, 640), 3.0))


class TestBroken:
    @pytest.mark.parametrize(
        ("file", "damage", "message"),
        [
            ("Thermal/000002.png", _cut, "damaged or truncated"),
            ("RGB/000002.png", _cut, "damaged or truncated"),
            ("Depth_T/000002.npy", _cut, "damaged NPY file"),
            ("Depth_T/000002.npy", _pickle, "holds pickled objects, which are never loaded"),
            ("Depth_T/000002.npy", _whole, r"int64 .*expected floating-point metres"),
            ("Depth_T/000002.npy", _uneven, "640x500, which is not a whole number of times"),
        ],
    )
    def test_the_file_is_named_and_the_other_frames_are_read(
        self, tmp_path: Path, file: str, damage: Callable[[Path], None], message: str
    ) -> None:
        write_prepared(tmp_path, TRAIN)
        damage(tmp_path / TRAIN / file)
        frames = open_vivid(tmp_path, part="indoor").split("train")
        with pytest.raises(DataError, match=message) as error:
            frames.read(1)
        assert str(error.value).startswith(f"{tmp_path / TRAIN / file}: ")
        frames.read(0)
