"""MS2's folders: names, units and calibration as its readers expect, and both views of one geometry."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from thermodepth.errors import SettingsError
from thermodepth.synthetic.cameras.rig import coaxial_rig, ms2_rig, open_rig
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.sensors.microbolometer import MicrobolometerSettings
from thermodepth.synthetic.storage.building import build_pack
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration
from thermodepth.synthetic.storage.ms2_layout import scanned, seen_from
from thermodepth.synthetic.storage.order import RenderOrder
from thermodepth.synthetic.worlds import world

REAL_CALIBRATION = Path(__file__).parents[4] / "shared" / "data" / "ms2" / "calib.json"
RIG = open_rig("ms2", (160, 64))
SENSOR = MicrobolometerSettings(shutter_every_s=0.15, freeze_s=0.075)
FRAMES = 3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("embreex")
    out = tmp_path_factory.mktemp("ms2") / "out"
    order = RenderOrder(
        scenes={"train": [5], "test": [1]},
        rig=RIG,
        frames=FRAMES,
        condition="night",
        lidar_channels=16,
        samples=1,
        sensor=SENSOR,
    )
    build_pack(out, order, layout="ms2")
    return out


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """The scene of the train split as it was before it was written."""
    pytest.importorskip("embreex")
    settings = {"rig": RIG, "frames": FRAMES, "lidar_channels": 16, "condition": "night"}
    return list(world.render_frames(5, samples=1, **settings))


SEQUENCE = "_street-night-0000005"


def picture(root: Path, place: str, number: int) -> np.ndarray:
    return np.asarray(Image.open(root / place / f"{number:06d}.png"))


def written_calibration(root: Path) -> dict[str, np.ndarray]:
    facts = json.loads((root / "sync_data" / SEQUENCE / "calib.json").read_text())
    return {key: np.array(value) for key, value in facts.items()}


def rigid(calibration: dict[str, np.ndarray], name: str) -> np.ndarray:
    moved = np.eye(4)
    moved[:3, :3] = calibration[f"R_{name}"]
    moved[:3, 3] = calibration[f"T_{name}"][:, 0] / 1000
    return moved


def test_every_file_is_where_ms2_has_it(root: Path) -> None:
    for sequence in (SEQUENCE, "_street-night-0000001"):
        for band in ("thr", "rgb"):
            for number in range(FRAMES):
                name = f"{number:06d}"
                assert (root / f"sync_data/{sequence}/{band}/img_left/{name}.png").is_file()
                for product in ("depth", "depth_filtered"):
                    assert (root / f"proj_depth/{sequence}/{band}/{product}/{name}.png").is_file()
                assert (root / f"odom/{sequence}/{band}/{name}.txt").is_file()
            stamps = root / f"sync_data/{sequence}/{band}/img_left_timestamp.txt"
            assert stamps.read_text().split() == ["0", "100000000", "200000000"]
        assert (root / f"sync_data/{sequence}/calib.npy").is_file()
    lists = {p.name: p.read_text() for p in root.glob("*_list.txt")}
    assert lists == {
        "train_list.txt": f"{SEQUENCE}\n",
        "val_list.txt": "",
        "test_day_list.txt": "",
        "test_night_list.txt": "_street-night-0000001\n",
        "test_rainy_list.txt": "",
    }


def test_pictures(root: Path, frames: list[Frame]) -> None:
    for number, frame in enumerate(frames):
        rgb = picture(root, f"sync_data/{SEQUENCE}/rgb/img_left", number)
        np.testing.assert_array_equal(rgb, frame.rgb)
    thermal = [picture(root, f"sync_data/{SEQUENCE}/thr/img_left", n) for n in range(FRAMES)]
    assert thermal[0].dtype == np.uint16
    assert thermal[0].shape == (64, 160)
    assert thermal[0].max() < 2**14
    assert not np.array_equal(thermal[0], thermal[1])
    np.testing.assert_array_equal(thermal[1], thermal[2])  # the shutter is closed at 0.2 s


def test_depth_is_exact_where_it_is(root: Path, frames: list[Frame]) -> None:
    for number, frame in enumerate(frames):
        assert frame.rgb_view is not None
        for band, exact_m in (("thr", frame.depth_m), ("rgb", frame.rgb_view.depth_m)):
            shares = {}
            for product in ("depth", "depth_filtered"):
                stored = picture(root, f"proj_depth/{SEQUENCE}/{band}/{product}", number)
                assert stored.dtype == np.uint16
                valid = stored > 0
                np.testing.assert_allclose(
                    stored[valid] / 256, exact_m[valid], atol=0.5 / 256 + 1e-4
                )
                shares[product] = valid.mean()
            assert 0.15 < shares["depth_filtered"] < 0.4
            assert shares["depth"] > 0.005
            assert shares["depth"] < shares["depth_filtered"]


def test_both_views_are_tied_by_the_written_calibration(root: Path, frames: list[Frame]) -> None:
    """A thermal pixel with its depth, moved by THR2RGB = NIR2RGB inv(NIR2THR), has the RGB view's depth."""
    calibration = written_calibration(root)
    moved = rigid(calibration, "nir2rgb") @ np.linalg.inv(rigid(calibration, "nir2thr"))
    frame = frames[0]
    assert frame.rgb_view is not None
    row, column = np.nonzero(np.isfinite(frame.depth_m) & (frame.depth_m < 60))
    # MS2 counts from the centre of the first pixel: the one in column 3 lies at x = 3.
    rays = np.linalg.inv(calibration["K_thrL"]) @ np.stack([column, row, np.ones(len(row))])
    points = moved[:3, :3] @ (rays * frame.depth_m[row, column]) + moved[:3, 3:]
    x, y = (calibration["K_rgbL"] @ points)[:2] / points[2]
    # The same by the rig, which counts from the corner of the first pixel.
    centres = np.linalg.inv(RIG.thermal.intrinsics) @ np.stack(
        [column + 0.5, row + 0.5, np.ones(len(row))]
    )
    points_m = RIG.rgb_from_thermal[:3, :3] @ (centres * frame.depth_m[row, column])
    points_m += RIG.rgb_from_thermal[:3, 3:]
    by_rig = (RIG.rgb.intrinsics @ points_m)[:2] / points_m[2]
    np.testing.assert_allclose(by_rig - 0.5, [x, y], atol=1e-6)
    there_column, there_row = np.rint(x).astype(int), np.rint(y).astype(int)
    rows, columns = frame.rgb_view.depth_m.shape
    inside = (there_row >= 0) & (there_row < rows) & (there_column >= 0) & (there_column < columns)
    assert 0.4 < inside.mean() < 1  # the views overlap in part
    there_m = frame.rgb_view.depth_m[there_row[inside], there_column[inside]]
    ratio = there_m / points[2][inside]
    assert np.median(np.abs(ratio - 1)) < 0.005  # the nearest pixel stands for the point
    assert np.mean(np.abs(ratio - 1) < 0.03) > 0.85  # the rest is hidden or at an edge
    without = frame.depth_m[row, column][inside]  # taking the one camera for the other
    assert np.median(np.abs(there_m / without - 1)) > 0.02


def test_odometry_ties_the_frames(root: Path, frames: list[Frame]) -> None:
    for number, frame in enumerate(frames):
        assert frame.rgb_view is not None
        moved = {
            band: np.loadtxt(root / f"odom/{SEQUENCE}/{band}/{number:06d}.txt")
            for band in ("thr", "rgb")
        }
        expected = np.linalg.inv(frames[0].world_from_camera) @ frame.world_from_camera
        np.testing.assert_allclose(moved["thr"], expected, atol=1e-12)
        # Around by the other camera: RGB -> thermal -> first thermal -> first RGB.
        across = frame.rgb_view.rgb_from_thermal
        around = across @ moved["thr"] @ np.linalg.inv(across)
        np.testing.assert_allclose(moved["rgb"], around, atol=1e-9)
    assert np.linalg.norm(expected[:3, 3]) > 0.01


def test_calibration_files_agree(root: Path) -> None:
    content = (root / "sync_data" / SEQUENCE / "calib.npy").read_bytes()
    stream = io.BytesIO(content)
    np.lib.format.read_magic(stream)
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    assert (shape, dtype) == ((), np.dtype(object))
    loaded = OnlyNumpy(stream).load().item()
    plain = written_calibration(root)
    assert set(loaded) == set(plain)
    for key, matrix in loaded.items():
        assert matrix.shape == ((3, 1) if key.startswith("T_") else (3, 3))
        np.testing.assert_array_equal(matrix, plain[key])


class OnlyNumpy(pickle.Unpickler):
    """What careful readers of MS2 load its calibration with: arrays, and no other code."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {"_reconstruct", "ndarray", "dtype", "encode"}
        assert module.split(".")[0] in ("numpy", "_codecs")
        assert name in allowed
        return super().find_class(module, name)


@pytest.mark.skipif(not REAL_CALIBRATION.is_file(), reason="MS2's own file is not here")
def test_the_calibration_of_the_ms2_rig_is_ms2s_own() -> None:
    real = {k: np.array(v) for k, v in json.loads(REAL_CALIBRATION.read_text()).items()}
    ours = ms2_calibration(ms2_rig())
    for key in ("K_nirL", "K_rgbL", "K_thrL", "R_nir2rgb", "R_nir2thr", "T_nir2rgb", "T_nir2thr"):
        assert ours[key].shape == real[key].shape
        np.testing.assert_allclose(ours[key], real[key], rtol=1e-5, atol=1e-4)
    assert set(ours) <= set(real)


def test_another_rig_has_its_nir_camera_at_the_rgb_camera() -> None:
    calibration = ms2_calibration(replace(ms2_rig(), name="mine"))
    np.testing.assert_array_equal(calibration["R_nir2rgb"], np.eye(3))
    np.testing.assert_array_equal(calibration["T_nir2rgb"], np.zeros((3, 1)))
    np.testing.assert_array_equal(calibration["K_nirL"], calibration["K_rgbL"])
    moved = rigid(calibration, "nir2rgb") @ np.linalg.inv(rigid(calibration, "nir2thr"))
    np.testing.assert_allclose(moved, ms2_rig().rgb_from_thermal, atol=1e-12)


def test_a_wall_seen_by_two_cameras() -> None:
    """By hand: a wall at 4 m, the other camera 1 m ahead and 0.5 m to the right, twice the focal length."""
    intrinsics = np.array([[20, 0, 16], [0, 20, 12], [0, 0, 1]], np.float32)
    other = np.array([[40, 0, 32], [0, 40, 24], [0, 0, 1]], np.float32)
    sparse = np.full((24, 32), np.nan, np.float32)
    sparse[11, 20] = 4.0  # x = (20.5 - 16) / 20 * 4 = 0.9 m, y = (11.5 - 12) / 20 * 4 = -0.1 m
    moved = np.eye(4)
    moved[:3, 3] = [-0.5, 0, -1]
    transferred_m = seen_from(sparse, intrinsics, moved, np.full((48, 64), 3.0, np.float32), other)
    # (0.9 - 0.5) / 3 * 40 + 32 = 37.3 and -0.1 / 3 * 40 + 24 = 22.7
    assert np.argwhere(np.isfinite(transferred_m)).tolist() == [[22, 37]]
    assert transferred_m[22, 37] == 3.0
    hidden = seen_from(sparse, intrinsics, moved, np.full((48, 64), 2.0, np.float32), other)
    assert not np.isfinite(hidden).any()


def test_lines_are_level_with_the_world() -> None:
    """Under a level camera a line at the horizon is a row; a camera that is rolled sees it slanted."""
    intrinsics = np.array([[80, 0, 64], [0, 80, 48], [0, 0, 1]], np.float32)
    depth_m = np.full((96, 128), 5.0, np.float32)
    depth_m[:20] = np.nan
    level = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)
    lines = scanned(depth_m, intrinsics, level, np.random.default_rng(0))
    assert not np.isfinite(lines[:20]).any()
    assert 0.2 < np.isfinite(lines).mean() < 0.4
    by_row = np.isfinite(lines[46:50]).mean(1)
    assert set((by_row > 0.5).tolist()) == {True, False}
    assert np.all((by_row > 0.9) | (by_row < 0.1))
    roll = np.eye(4)
    roll[:2, :2] = [[0.9, -0.43589], [0.43589, 0.9]]
    slanted = scanned(depth_m, intrinsics, level @ roll, np.random.default_rng(0))
    assert np.isfinite(slanted[46:50]).mean(1).max() < 0.7


def test_cameras_that_do_not_fit(tmp_path: Path) -> None:
    order = RenderOrder(scenes={"train": [1]}, rig=coaxial_rig(40, 32))
    with pytest.raises(SettingsError, match="rig 'coaxial' has not: give --rig ms2"):
        build_pack(tmp_path / "out", order, layout="ms2")
    with pytest.raises(SettingsError, match=r"does not end in \.zip"):
        build_pack(tmp_path / "out.zip", replace(order, rig=RIG), layout="ms2")
    with pytest.raises(SettingsError, match="wants a lidar"):
        build_pack(tmp_path / "out", replace(order, rig=RIG), layout="ms2")
    assert list(tmp_path.iterdir()) == []
