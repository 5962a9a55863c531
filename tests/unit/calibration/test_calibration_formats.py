"""Every format gives the same rig: one made up here, written as each program writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from thermodepth.calibration import FORMATS, Calibration, find_calibration, read_calibration
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.synthetic.cameras.rig import ms2_rig, rig_facts
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of

REAL_MS2 = Path(__file__).parents[4] / "shared" / "data" / "ms2"
K_THERMAL = np.array([[400.0, 0, 319.5], [0, 401, 255.5], [0, 0, 1]])  # first centre at 0
K_RGB = np.array([[900.0, 0, 640], [0, 899, 360], [0, 0, 1]])
R, _ = cv2.Rodrigues(np.array([0.02, -0.05, 0.01]))
T = np.array([[0.12], [-0.03], [0.01]])
RGB_FROM_THERMAL = np.vstack([np.hstack([R, T]), [0, 0, 0, 1]])
HALF = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])


def same_rig(calibration: Calibration, *, sizes: bool = True) -> None:
    """Ours counts from the corner of the first pixel, so half a pixel is added."""
    assert np.abs(calibration.thermal.intrinsics - K_THERMAL - HALF).max() < 1e-9
    assert np.abs(calibration.rgb.intrinsics - K_RGB - HALF).max() < 1e-9
    assert np.abs(calibration.rgb_from_thermal - RGB_FROM_THERMAL).max() < 1e-9
    back = calibration.relative("thermal", "rgb") @ calibration.relative("rgb", "thermal")
    assert np.abs(back - np.eye(4)).max() < 1e-12
    assert calibration.thermal.intrinsics.dtype == np.float64
    assert calibration.thermal.size == ((640, 512) if sizes else None)
    assert calibration.rgb.size == ((1280, 720) if sizes else None)


def rig_text() -> str:
    def camera(width: int, height: int, k: np.ndarray, body_from_camera: np.ndarray) -> dict:
        return {
            "width": width,
            "height": height,
            "intrinsics": (k + HALF).tolist(),
            "body_from_camera": body_from_camera.tolist(),
        }

    return json.dumps(
        {
            "name": "mine",
            "axes": "right, down, ahead",
            "pixel_centre": 0.5,
            "thermal": camera(640, 512, K_THERMAL, RGB_FROM_THERMAL),
            "rgb": camera(1280, 720, K_RGB, np.eye(4)),
        }
    )


def kalibr_text(*, topics: tuple[str, str] = ("/rgb/image_raw", "/boson/image_raw")) -> str:
    """RGB first: the link goes from RGB to thermal."""
    link = np.linalg.inv(RGB_FROM_THERMAL).tolist()
    return f"""cam0:
  cam_overlaps: [1]
  camera_model: pinhole
  distortion_coeffs: [0.0, 0.0, 0.0, 0.0]
  distortion_model: radtan
  intrinsics: [900.0, 899.0, 640.0, 360.0]
  resolution: [1280, 720]
  rostopic: {topics[0]}
cam1:
  T_cn_cnm1:
  - {link[0]}
  - {link[1]}
  - {link[2]}
  - [0.0, 0.0, 0.0, 1.0]
  camera_model: pinhole
  distortion_coeffs: [-0.3, 0.1, 0.0005, -2.0e-4]
  distortion_model: radtan
  intrinsics: [400.0, 401.0, 319.5, 255.5]
  resolution: [640, 512]
  rostopic: {topics[1]}
"""


def opencv_pair(path: Path) -> Path:
    """As stereoCalibrate's samples write it: camera 1 is thermal here."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("K1", K_THERMAL)
    storage.write("D1", np.array([[-0.3, 0.1, 0, 0, 0.01]]))
    storage.write("K2", K_RGB)
    storage.write("D2", np.zeros((1, 5)))
    storage.write("R", R)
    storage.write("T", T)
    for name, size in (("1", (640, 512)), ("2", (1280, 720))):
        storage.write(f"image_width{name}", size[0])
        storage.write(f"image_height{name}", size[1])
    storage.release()
    return path


def test_a_rig_file_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "rig.json"
    path.write_text(rig_text())
    same_rig(read_calibration(path))
    facts = json.loads(rig_text())
    facts["pixel_centre"] = 0
    for band, k in (("thermal", K_THERMAL), ("rgb", K_RGB)):
        facts[band]["intrinsics"] = k.tolist()
    path.write_text(json.dumps(facts))
    same_rig(read_calibration(path))


def test_what_the_renderer_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "any.name"
    path.write_text(json.dumps(rig_facts(ms2_rig())))
    calibration = read_calibration(path)
    rig = ms2_rig()
    assert np.allclose(calibration.rgb_from_thermal, rig.rgb_from_thermal, atol=1e-12)
    assert np.array_equal(calibration.thermal.intrinsics, rig.thermal.intrinsics)


def test_vivid(tmp_path: Path) -> None:
    path = tmp_path / "calib_ther_to_rgb.yaml"
    lines = {"R": R, "T": T, "K_Thermal": K_THERMAL, "K_RGB": K_RGB}
    text = "calib_time: 25-May-2019 16:47:16\n"
    for key, value in lines.items():
        text += f"{key}: {' '.join(repr(float(v)) for v in value.ravel())}\r\n"
    path.write_text(text)
    same_rig(read_calibration(path), sizes=False)
    path.write_text(text.replace("K_RGB: 900.0", "K_RGB: 900.0x"))
    with pytest.raises(DataError, match=r"K_RGB: '900\.0x' is not a finite number"):
        read_calibration(path)
    path.write_text(text.replace("T: ", "T_other: "))
    with pytest.raises(DataError, match="no line 'T: numbers'"):
        read_calibration(path)


def test_kalibr_by_topic_and_by_order_of_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "camchain.yaml"
    path.write_text(kalibr_text())
    calibration = read_calibration(path)
    same_rig(calibration)
    assert calibration.rgb.distortion is None
    assert calibration.thermal.distortion is not None
    assert calibration.thermal.distortion.coefficients == (-0.3, 0.1, 0.0005, -0.0002)
    path.write_text(kalibr_text(topics=("/camera/a", "/camera/b")))
    same_rig(read_calibration(path, cameras={"cam1": "thermal", "cam0": "rgb"}))
    with pytest.raises(DataError, match=r"nothing says which .* thermal .*--camera cam0=thermal"):
        read_calibration(path)
    path.write_text(kalibr_text(topics=("/thermal/left", "/thermal/right")))
    with pytest.raises(DataError, match="'cam0' and 'cam1' may be 'thermal'"):
        read_calibration(path)
    with pytest.raises(SettingsError, match="unknown camera 'cam7'"):
        read_calibration(path, cameras={"cam7": "thermal"})


def test_a_chain_of_three_is_followed(tmp_path: Path) -> None:
    """thermal -> middle -> rgb: the links multiply in order."""
    middle, _ = cv2.Rodrigues(np.array([0.3, 0.1, -0.2]))
    first = np.vstack([np.hstack([middle, [[1.0], [2], [3]]]), [0, 0, 0, 1]])
    second = RGB_FROM_THERMAL @ np.linalg.inv(first)
    chain = {
        "cam0": {"label": "thermal"},
        "cam1": {"T_cn_cnm1": first.tolist()},
        "cam2": {"T_cn_cnm1": second.tolist(), "label": "rgb camera"},
    }
    for camera in chain.values():
        camera["intrinsics"] = [400.0, 400.0, 300.0, 200.0]
    path = tmp_path / "chain.yaml"
    path.write_text(yaml.safe_dump(chain))
    calibration = read_calibration(path)
    assert list(calibration.cameras) == ["thermal", "cam1", "rgb"]
    assert np.allclose(calibration.rgb_from_thermal, RGB_FROM_THERMAL, atol=1e-9)
    assert np.allclose(calibration.relative("cam1", "thermal"), first, atol=1e-9)


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_opencv_writes_and_we_read(tmp_path: Path, suffix: str) -> None:
    path = opencv_pair(tmp_path / f"stereo.{suffix}")
    same_rig(read_calibration(path, cameras={"1": "thermal", "2": "rgb"}))
    with pytest.raises(DataError, match=r"--camera 1=thermal --camera 2=rgb"):
        read_calibration(path)


def test_opencv_xml_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = opencv_pair(tmp_path / "stereo.xml")
    with pytest.raises(DataError, match="XML is not read; write it as YAML"):
        read_calibration(path, cameras={"1": "thermal", "2": "rgb"})


def test_a_ros_camera_file_is_one_camera(tmp_path: Path) -> None:
    path = tmp_path / "thermal.yaml"
    path.write_text(
        "image_width: 640\nimage_height: 512\ncamera_name: thermal_left\n"
        "camera_matrix: {rows: 3, cols: 3, data: [400, 0, 319.5, 0, 401, 255.5, 0, 0, 1]}\n"
        "distortion_model: plumb_bob\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 1e-1, 0, 0, 0]}\n"
    )
    calibration = read_calibration(path)
    assert np.array_equal(calibration.thermal.intrinsics, K_THERMAL + HALF)
    assert calibration.thermal.distortion is not None
    assert calibration.thermal.distortion.coefficients[1] == 0.1
    with pytest.raises(DataError, match="unknown camera 'rgb'"):
        _ = calibration.rgb
    with pytest.raises(DataError, match="unknown camera 'rgb'"):
        _ = calibration.rgb_from_thermal


@pytest.mark.parametrize("form", ["npy", "json"])
def test_ms2_in_both_forms(tmp_path: Path, form: str) -> None:
    rig = ms2_rig()
    facts = ms2_calibration(rig)
    path = tmp_path / f"calib.{form}"
    if form == "npy":
        path.write_bytes(npy_of(facts))
    else:
        path.write_text(json.dumps({key: value.tolist() for key, value in facts.items()}))
    calibration = read_calibration(path)
    assert np.allclose(calibration.rgb_from_thermal, rig.rgb_from_thermal, atol=1e-12)
    assert np.allclose(calibration.thermal.intrinsics, rig.thermal.intrinsics, atol=1e-9)
    assert calibration.thermal.size == (640, 256)
    assert calibration.rgb.size == (1224, 384)
    assert {"nir", "thermal_right"} <= set(calibration.cameras)


def test_sizes_of_ms2_come_from_the_pictures_beside_it(tmp_path: Path) -> None:
    (tmp_path / "calib.npy").write_bytes(npy_of(ms2_calibration(ms2_rig())))
    pictures = tmp_path / "thr" / "img_left"
    pictures.mkdir(parents=True)
    (pictures / "000000.png").write_bytes(encode_png(np.zeros((100, 200), np.uint16)))
    calibration = read_calibration(tmp_path / "calib.npy")
    assert calibration.thermal.size == (200, 100)
    assert "nir, rgb" in calibration.notes[0]
    (pictures / "000000.png").write_bytes(b"broken")
    assert read_calibration(tmp_path / "calib.npy").thermal.size == (640, 256)


def test_the_order_of_pickled_matrices_does_not_matter(tmp_path: Path) -> None:
    """numpy pickles a transposed array column by column."""
    facts = ms2_calibration(ms2_rig())
    turned = {key: np.asfortranarray(value) for key, value in facts.items()}
    whole = []
    for number, tables in enumerate((facts, turned)):
        path = tmp_path / f"{number}.npy"
        path.write_bytes(npy_of(tables))
        whole.append(read_calibration(path).rgb_from_thermal)
    assert np.array_equal(*whole)


@pytest.mark.skipif(not REAL_MS2.is_dir(), reason=f"{REAL_MS2} is not there")
def test_the_real_file_of_ms2_is_its_plain_twin() -> None:
    pickled = read_calibration(REAL_MS2 / "sync_data" / "_demo" / "calib.npy")
    plain = read_calibration(REAL_MS2 / "calib.json")
    for name, camera in plain.cameras.items():
        assert np.array_equal(pickled.cameras[name].intrinsics, camera.intrinsics)
        assert np.array_equal(pickled.from_reference[name], plain.from_reference[name])
    assert np.allclose(pickled.rgb_from_thermal, ms2_rig().rgb_from_thermal, atol=1e-9)


def test_every_format_says_what_it_is_and_the_wrong_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "camchain.yaml"
    path.write_text(kalibr_text())
    same_rig(read_calibration(path, format="kalibr"))
    for name, row in FORMATS.items():
        assert row.about
        if name != "kalibr":
            with pytest.raises(DataError, match=re.escape(str(path))):
                read_calibration(path, format=name)
    with pytest.raises(SettingsError, match="unknown calibration format 'kalibre'; did you mean"):
        read_calibration(path, format="kalibre")
    (tmp_path / "rig.json").write_text(rig_text())
    with pytest.raises(SettingsError, match="names its cameras itself"):
        read_calibration(tmp_path / "rig.json", cameras={"thermal": "rgb"})


def test_a_folder_gives_its_calibration(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no calibration in this folder"):
        find_calibration(tmp_path)
    content = npy_of(ms2_calibration(ms2_rig()))
    for sequence in ("_a", "_b"):
        (tmp_path / "sync_data" / sequence).mkdir(parents=True)
        (tmp_path / "sync_data" / sequence / "calib.npy").write_bytes(content)
    path = find_calibration(tmp_path)
    assert path == tmp_path / "sync_data" / "_a" / "calib.npy"
    assert find_calibration(path) == path
    (tmp_path / "sync_data" / "_b" / "calib.npy").write_bytes(content + b" ")
    with pytest.raises(DataError, match="differ; name the one that is meant"):
        find_calibration(tmp_path)
