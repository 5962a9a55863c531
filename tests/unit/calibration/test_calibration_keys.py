"""What a calibration file says in other words than ours is read, or told: never dropped without a word."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from thermodepth.calibration import Severity, check_calibration, read_calibration
from thermodepth.data.recording import calibrated
from thermodepth.errors import DataError

MATRIX = [[505.5, 0, 321.2], [0, 506.1, 255.3], [0, 0, 1]]
COEFFICIENTS = [[-0.31, 0.092, 0.0001, -0.0003, 0.0]]
ROLES = {"camera": "thermal"}


def opencv(path: Path, **keys: object) -> Path:
    path.write_text(yaml.safe_dump({"camera_matrix": MATRIX, **keys}))
    return path


def warned(path: Path, roles: dict[str, str] | None = None) -> list[str]:
    problems = check_calibration(read_calibration(path, cameras=roles))
    return [one.text for one in problems if one.severity is Severity.WARNING]


@pytest.mark.parametrize(
    "key",
    ["dist_coeff", "dist_coeffs", "distCoeffs", "distortion_coefficients", "distortion", "dist"],
)
def test_the_usual_names_of_distortion_are_read(tmp_path: Path, key: str) -> None:
    path = opencv(tmp_path / "calib.yaml", **{key: COEFFICIENTS})
    camera = read_calibration(path, cameras=ROLES).thermal
    assert camera.distortion is not None
    assert camera.distortion.coefficients == tuple(COEFFICIENTS[0])
    assert any("lens distortion (radtan" in text for text in warned(path, ROLES))


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("dist_coefs_", "dist_coefs"),
        ("distortion_coeficients", "distortion_coefficients"),
        ("camera-matrix", "camera_matrix"),
        ("imagesize", "image_size"),
        ("lens_distortion_table", ""),
        ("fisheye_params", ""),
        ("camera_intrinsics", ""),
        ("skew", ""),
    ],
)
def test_a_key_that_looks_like_ours_is_a_finding(tmp_path: Path, key: str, nearest: str) -> None:
    path = opencv(tmp_path / "calib.yaml", **{key: [1.0]})
    (message,) = [text for text in warned(path, ROLES) if "is not read" in text]
    assert f"the key '{key}'" in message
    assert (f"did you mean '{nearest}'?" in message) == bool(nearest)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (tmp_path / "pair.yaml").write_text(kalibr(T_cn_cnm1=SIDE, distortion_coefs=[0.1]))
        calibrated((512, 640), path=tmp_path / "pair.yaml")
    assert any("'distortion_coefs' of cam1" in str(one.message) for one in caught)


def test_what_calibrators_write_beside_the_cameras_is_no_finding(tmp_path: Path) -> None:
    path = opencv(
        tmp_path / "ros.yaml",
        image_width=640,
        image_height=512,
        camera_name="thermal",
        distortion_model="plumb_bob",
        distortion_coefficients={"rows": 1, "cols": 5, "data": [0.0] * 5},
        rectification_matrix={"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
        projection_matrix={"rows": 3, "cols": 4, "data": [0.0] * 12},
        calibration_time="today",
        nframes=20,
        board_width=9,
        square_size=0.025,
        flags=0,
        avg_reprojection_error=0.2,
        board_distance_m=2.5,
        per_view_reprojection_errors=[0.1],
    )
    assert warned(path) == []


@pytest.mark.parametrize("key", ["camera_model", "distortion_model"])
@pytest.mark.parametrize("coefficients", [{}, {"D": [0.1, 0.2, 0.3, 0.4]}])
def test_a_fisheye_is_one_whatever_key_says_it(
    tmp_path: Path, key: str, coefficients: dict[str, list[float]]
) -> None:
    path = opencv(tmp_path / "calib.yaml", **{key: "fisheye"}, **coefficients)
    camera = read_calibration(path, cameras=ROLES).thermal
    assert camera.distortion is not None
    assert camera.distortion.model == "equidistant"
    path = opencv(tmp_path / "calib.yaml", **{key: "omni"}, **coefficients)
    with pytest.raises(DataError, match=f"unknown {key} 'omni'"):
        read_calibration(path, cameras=ROLES)


def test_slips_in_files_of_our_own_and_of_data_sets(tmp_path: Path) -> None:
    camera = {"width": 640, "height": 512, "intrinsics": MATRIX, "distortions": []}
    (tmp_path / "rig.json").write_text(json.dumps({"pixel_center": 0, "thermal": camera}))
    messages = warned(tmp_path / "rig.json")
    assert any(
        "'pixel_center'" in text and "did you mean 'pixel_centre'" in text for text in messages
    )
    assert any("'distortions' of thermal" in text for text in messages)
    (tmp_path / "calib.yaml").write_text(
        "R: 1 0 0 0 1 0 0 0 1\nT: 0.1 0 0\nK_Thermal: 400 0 320 0 400 256 0 0 1\n"
        "K_RGB: 900 0 640 0 900 360 0 0 1\nD_Thermal: 0.1 0 0 0\n"
    )
    assert any("'D_Thermal'" in text for text in warned(tmp_path / "calib.yaml"))


# --- Kalibr's chains ------------------------------------------------------------------------------

#: Forward is the unit's x: camera axes are right, down, ahead.
TURN = [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]
SIDE = [[1.0, 0, 0, -0.08], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]


def of_unit(x_m: float) -> list[list[float]]:
    shift = [x_m, 0.01, -0.03]
    return [[*row, x] for row, x in zip(TURN, shift, strict=True)] + [[0.0, 0, 0, 1.0]]


def kalibr(*, units: Sequence[float | None] = (0.02, -0.06), **second: object) -> str:
    """RGB, and thermal 0.08 m to its right; `units`: where each sits from the inertial unit."""
    cameras = {}
    for name, topic, x_m in zip(("cam0", "cam1"), ("/rgb", "/thermal"), units, strict=True):
        cameras[name] = {
            "camera_model": "pinhole",
            "intrinsics": [430.3, 430.8, 318.4, 256.6],
            "resolution": [640, 512],
            "cam_overlaps": [1],
            "rostopic": topic,
            "timeshift_cam_imu": 0.001,
        }
        if x_m is not None:
            cameras[name]["T_cam_imu"] = of_unit(x_m)
    cameras["cam1"].update(second)
    return yaml.safe_dump(cameras)


def test_a_chain_with_the_inertial_unit_only(tmp_path: Path) -> None:
    (tmp_path / "chain.yaml").write_text(kalibr())
    calibration = read_calibration(tmp_path / "chain.yaml")
    np.testing.assert_allclose(calibration.rgb_from_thermal, np.linalg.inv(SIDE), atol=1e-12)
    assert any("by way of the inertial unit" in note for note in calibration.notes)
    assert calibration.doubts == ()


@pytest.mark.parametrize(("x_m", "doubts"), [(-0.06, 0), (-0.062, 0), (-0.16, 1)])
def test_two_ways_to_one_link_that_contradict_each_other(
    tmp_path: Path, x_m: float, doubts: int
) -> None:
    (tmp_path / "chain.yaml").write_text(kalibr(units=(0.02, x_m), T_cn_cnm1=SIDE))
    calibration = read_calibration(tmp_path / "chain.yaml")
    np.testing.assert_allclose(calibration.rgb_from_thermal, np.linalg.inv(SIDE), atol=1e-12)
    assert len(calibration.doubts) == doubts
    if doubts:
        assert "disagree by 0.100 m and 0.0 degrees" in calibration.doubts[0]


@pytest.mark.parametrize("units", [(None, None), (0.02, None), (None, -0.06)])
def test_a_chain_without_any_link(tmp_path: Path, units: tuple[float | None, ...]) -> None:
    (tmp_path / "chain.yaml").write_text(kalibr(units=units))
    with pytest.raises(
        DataError, match="cam1: no 'T_cn_cnm1', nor 'T_cam_imu' of both cam0 and cam1"
    ):
        read_calibration(tmp_path / "chain.yaml")
