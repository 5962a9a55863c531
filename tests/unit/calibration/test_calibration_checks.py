"""What the checks find, each on a rig that has exactly that fault; and the geometry they stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from thermodepth.calibration import (
    Calibration,
    Camera,
    Distortion,
    Severity,
    check_calibration,
    read_calibration,
    require_sound,
)
from thermodepth.calibration.projection import (
    DISTANCES_M,
    angle_deg,
    check_distance,
    field_of_view_deg,
    overlap,
    project_plane,
    rgb_in_thermal_view,
)
from thermodepth.errors import DataError, SettingsError
from thermodepth.synthetic.cameras.rig import ms2_rig
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of


def camera(name: str, **other: object) -> Camera:
    """640x480, 60 degrees across."""
    focal_px = 320 / np.tan(np.radians(30))
    k = np.array([[focal_px, 0, 320], [0, focal_px, 240], [0, 0, 1]])
    return replace(Camera(name=name, width=640, height=480, intrinsics=k), **other)


def moved(
    turn_deg: float = 0.0,
    shift_m: tuple[float, float, float] = (0.2, 0, 0),
    axis: tuple[float, float, float] = (1, 0, 0),
) -> np.ndarray:
    """Turned about an axis, the one that points right unless told, then shifted."""
    whole = np.eye(4)
    whole[:3, :3] = cv2.Rodrigues(np.radians(turn_deg) * np.array(axis))[0]
    whole[:3, 3] = shift_m
    return whole


def rig(
    rgb_from_thermal: np.ndarray | None = None,
    thermal: Camera | None = None,
    rgb: Camera | None = None,
) -> Calibration:
    return Calibration(
        cameras={"thermal": thermal or camera("thermal"), "rgb": rgb or camera("rgb")},
        from_reference={
            "thermal": np.eye(4),
            "rgb": moved() if rgb_from_thermal is None else rgb_from_thermal,
        },
        source="rig",
    )


@pytest.fixture
def ms2(tmp_path: Path) -> Calibration:
    path = tmp_path / "calib.npy"
    path.write_bytes(npy_of(ms2_calibration(ms2_rig())))
    return read_calibration(path)


def k_with(**changed: float) -> np.ndarray:
    k = camera("x").intrinsics.copy()
    for name, value in changed.items():
        k[{"fx": (0, 0), "fy": (1, 1), "cx": (0, 2), "cy": (1, 2), "skew": (0, 1)}[name]] = value
    return k


def test_a_sound_rig_has_no_findings() -> None:
    assert check_calibration(rig()) == []
    require_sound(rig())


def mirrored() -> np.ndarray:
    return moved() @ np.diag([-1.0, 1, 1, 1])


@pytest.mark.parametrize(
    ("make", "severity", "text"),
    [
        (lambda: rig(moved(shift_m=(657, 0, 0))), "error", "looks like millimetres (0.657 m)"),
        (lambda: rig(moved(shift_m=(65.7, 0, 0))), "error", "or centimetres (0.657 m)"),
        (lambda: rig(moved(shift_m=(0.000657, 0, 0))), "warning", "once too often (0.657 m)"),
        (lambda: rig(moved() @ np.diag([1.1, 1, 1, 1])), "error", "no rotation"),
        (lambda: rig(mirrored()), "error", "mirrors (determinant -1)"),
        (lambda: rig(moved(turn_deg=90)), "error", "sees nothing of the thermal view"),
        (
            lambda: rig(moved(turn_deg=90, axis=(0, 0, 1))),
            "warning",
            "are the axes of both right, down, ahead?",
        ),
        (
            lambda: rig(thermal=camera("thermal", intrinsics=k_with(cx=700))),
            "error",
            "(700, 240) lies outside 640x480; the matrix looks like one of pictures of about 1400x480",
        ),
        (
            lambda: rig(thermal=camera("thermal", width=320, height=240)),
            "warning",
            "is the matrix one of pictures of about 640x480?",
        ),
        (
            lambda: rig(thermal=camera("thermal", width=1280, height=960)),
            "warning",
            "is the matrix one of pictures of about 640x480?",
        ),
        (lambda: rig(rgb=camera("rgb", intrinsics=k_with(fx=600))), "warning", "differ by 8 %"),
        (lambda: rig(rgb=camera("rgb", intrinsics=k_with(skew=2))), "warning", "skew 2 px"),
        (
            lambda: rig(rgb=camera("rgb", intrinsics=k_with(fx=8, fy=8))),
            "warning",
            "Is the focal length in pixels?",
        ),
        (
            lambda: rig(
                rgb=camera("rgb", distortion=Distortion(model="radtan", coefficients=(-0.3, 0.1)))
            ),
            "warning",
            "(radtan: -0.3, 0.1) is given and not applied here",
        ),
        (lambda: rig(rgb=camera("rgb", width=None)), "note", "how large its pictures are"),
        (lambda: replace(rig(), from_reference={}), "error", "where the two cameras sit"),
        (lambda: replace(rig(), notes=("a word",)), "note", "a word"),
    ],
)
def test_each_fault_is_found(make: Callable[[], Calibration], severity: str, text: str) -> None:
    calibration = make()
    findings = check_calibration(calibration)
    assert [f.severity for f in findings if text in f.text] == [Severity(severity)]
    order = ["error", "warning", "note"]
    assert findings == sorted(findings, key=lambda finding: order.index(finding.severity))
    if severity == "error":
        with pytest.raises(DataError, match=r"^rig: "):
            require_sound(calibration)
    else:
        require_sound(calibration)


def test_a_matrix_that_goes_the_other_way_is_noticed(ms2: Calibration) -> None:
    """MS2's thermal camera looks down: read the other way, half of the shared view is gone."""
    assert {f.severity for f in check_calibration(ms2)} == {Severity.NOTE}
    turned = {
        "thermal": np.eye(4),
        "rgb": np.linalg.inv(ms2.rgb_from_thermal),
    }
    findings = check_calibration(replace(ms2, from_reference=turned))
    assert findings[0].severity is Severity.WARNING
    assert "does it go from rgb to thermal?" in findings[0].text


def test_what_is_published_of_ms2(ms2: Calibration) -> None:
    shares = [
        overlap(ms2.thermal, ms2.rgb, ms2.rgb_from_thermal, distance_m=distance)
        for distance in DISTANCES_M
    ]
    assert [round(100 * share) for share in shares] == [59, 67, 71, 74]
    assert round(angle_deg(ms2.rgb_from_thermal), 1) == 10.0
    assert round(float(np.linalg.norm(ms2.rgb_from_thermal[:3, 3])), 3) == 0.657
    assert [round(angle, 1) for angle in field_of_view_deg(ms2.thermal)] == [79.0, 36.4]


def test_projection_is_opencvs(ms2: Calibration) -> None:
    """OpenCV counts from the centre of the first pixel, this project from its corner."""
    pixels, visible = project_plane(
        ms2.thermal, ms2.rgb, ms2.rgb_from_thermal, distance_m=7.0, grid=(256, 640)
    )
    row, column = 100, 321
    k = ms2.thermal.intrinsics
    ray = np.linalg.inv(k) @ [column + 0.5, row + 0.5, 1]
    turn, shift = ms2.rgb_from_thermal[:3, :3], ms2.rgb_from_thermal[:3, 3]
    k_opencv = ms2.rgb.intrinsics - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]
    expected, _ = cv2.projectPoints((7 * ray)[None], turn, shift, k_opencv, None)
    assert np.allclose(pixels[row, column], expected[0, 0] + 0.5, atol=1e-6)
    assert visible[row, column]


def test_a_share_by_hand() -> None:
    """Side by side with one lens: at z the views differ by f b / z pixels of 640."""
    focal_px = camera("x").intrinsics[0, 0]
    for distance_m in (1.0, 4.0):
        share = overlap(
            camera("thermal"), camera("rgb"), moved(shift_m=(0.3, 0, 0)), distance_m=distance_m
        )
        assert share == pytest.approx(1 - focal_px * 0.3 / distance_m / 640, abs=4e-3)
    behind = overlap(camera("a"), camera("b"), moved(shift_m=(0, 0, -2)), distance_m=1)
    assert behind == 0


def test_giant_pictures_cost_no_memory() -> None:
    giant = camera("x", width=65_536, height=65_536, intrinsics=k_with(cx=32_768, cy=32_768))
    assert 0 < overlap(giant, camera("rgb"), np.eye(4), distance_m=1) < 0.01


def test_one_lens_gives_the_picture_back() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    same, visible = rgb_in_thermal_view(picture, rig(np.eye(4)), distance_m=3, grid=(480, 640))
    assert visible.all()
    assert np.array_equal(same, picture)
    # 0.1 m to the right at the distance where that is ten pixels and a half: two neighbours mix.
    focal_px = camera("x").intrinsics[0, 0]
    calibration = rig(moved(shift_m=(0.1, 0, 0)))
    shifted, visible = rgb_in_thermal_view(
        picture, calibration, distance_m=focal_px * 0.1 / 10.5, grid=(480, 640)
    )
    mixed = (picture[:, 10:-1].astype(float) + picture[:, 11:]) / 2
    assert np.abs(shifted[:, :629] - mixed).max() <= 0.5
    assert visible[:, :629].all()
    assert not visible[:, 630:].any()
    one, _ = rgb_in_thermal_view(
        picture[:1, :1], rig(rgb=camera("rgb", width=1, height=1)), distance_m=3, grid=(4, 4)
    )
    assert (one == picture[0, 0]).all()


@pytest.mark.parametrize("distance_m", [0, -1, float("nan"), float("inf"), 1e6])
def test_impossible_distances(distance_m: float) -> None:
    with pytest.raises(SettingsError, match="expected more than 0"):
        check_distance(distance_m)


def test_an_unknown_size_is_asked_for() -> None:
    with pytest.raises(DataError, match="camera 'rgb' is not known; give a frame of it"):
        overlap(camera("thermal"), camera("rgb", width=None), np.eye(4), distance_m=5)
