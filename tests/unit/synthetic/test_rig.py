"""Rigs: presets, files, sizes; and that two views of a rig agree on where things are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from thermodepth.errors import DataError, SettingsError, UserError
from thermodepth.files import encode_png
from thermodepth.synthetic.cameras.rig import (
    Rig,
    coaxial_rig,
    ms2_rig,
    open_rig,
    rig_facts,
)
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.storage.ms2_calibration import ms2_calibration, npy_of

CALIBRATION = Path(__file__).parents[4] / "shared" / "data" / "ms2" / "calib.json"


def test_the_default_rig_has_one_lens() -> None:
    rig = open_rig("coaxial", (320, 240))
    assert rig.coaxial
    assert np.array_equal(rig.rgb_from_thermal, np.eye(4))
    focal_px = 160 / np.tan(np.radians(30))
    assert rig.thermal.intrinsics[0].tolist() == pytest.approx([focal_px, 0, 160])


def test_ms2_has_its_published_geometry() -> None:
    rig = ms2_rig()
    moved = rig.rgb_from_thermal
    turn = np.degrees(np.arccos((np.trace(moved[:3, :3]) - 1) / 2))
    assert turn == pytest.approx(10.006, abs=1e-3)
    assert moved[:3, 3] == pytest.approx([-0.008, -0.423, -0.502], abs=1e-3)
    assert not rig.coaxial


@pytest.mark.skipif(not CALIBRATION.is_file(), reason="MS2's calibration is not here")
def test_ms2_matches_the_real_calibration() -> None:
    real = {name: np.array(value) for name, value in json.loads(CALIBRATION.read_text()).items()}

    def chain(name: str) -> Any:
        moved = np.eye(4)
        moved[:3, :3], moved[:3, 3] = real[f"R_nir2{name}"], real[f"T_nir2{name}"][:, 0] / 1000
        return moved

    rig = ms2_rig()
    np.testing.assert_allclose(
        rig.rgb_from_thermal, chain("rgb") @ np.linalg.inv(chain("thr")), atol=1e-8
    )
    for camera, name in ((rig.thermal, "K_thrL"), (rig.rgb, "K_rgbL")):
        half = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])  # ours counts from the corner
        np.testing.assert_allclose(camera.intrinsics - half, real[name], atol=1e-6)


def test_a_size_scales_both_cameras() -> None:
    rig = open_rig("ms2", (320, 128))
    assert (rig.thermal.width, rig.thermal.height) == (320, 128)
    assert (rig.rgb.width, rig.rgb.height) == (612, 192)
    np.testing.assert_allclose(rig.thermal.intrinsics[:2], ms2_rig().thermal.intrinsics[:2] / 2)
    np.testing.assert_allclose(rig.rgb_from_thermal, ms2_rig().rgb_from_thermal)


def write_rig(tmp_path: Path, facts: dict[str, Any]) -> str:
    path = tmp_path / "here.json"
    path.write_text(json.dumps(facts))
    return str(path)


def same_cameras(a: Rig, b: Rig) -> bool:
    return all(
        (one.width, one.height) == (other.width, other.height)
        and np.allclose(one.intrinsics, other.intrinsics, atol=1e-9)
        for one, other in ((a.thermal, b.thermal), (a.rgb, b.rgb))
    ) and np.allclose(a.rgb_from_thermal, b.rgb_from_thermal, atol=1e-12)


def test_a_rig_from_a_file_is_the_same(tmp_path: Path) -> None:
    rig = open_rig(write_rig(tmp_path, rig_facts(ms2_rig())))
    assert rig.name == "here.json"
    assert same_cameras(rig, ms2_rig())
    one_lens = open_rig(write_rig(tmp_path, rig_facts(coaxial_rig(160, 128))))
    assert one_lens.coaxial


def test_any_calibration_is_a_rig(tmp_path: Path) -> None:
    """MS2's own file, as the renderer writes it."""
    path = tmp_path / "sync_data" / "_one" / "calib.npy"
    path.parent.mkdir(parents=True)
    path.write_bytes(npy_of(ms2_calibration(ms2_rig())))
    for band, size in (("thr", (640, 256)), ("rgb", (1224, 384))):
        picture = path.parent / band / "img_left" / "000000.png"
        picture.parent.mkdir(parents=True)
        picture.write_bytes(encode_png(np.zeros(size[::-1], np.uint8)))
    assert same_cameras(open_rig(str(path)), ms2_rig())


def _without_width(facts: dict[str, Any]) -> None:
    del facts["rgb"]["width"]


def _huge(facts: dict[str, Any]) -> None:
    facts["thermal"]["height"] = 10**4


def _no_focal_length(facts: dict[str, Any]) -> None:
    facts["thermal"]["intrinsics"][0][0] = 0


def _mirrored(facts: dict[str, Any]) -> None:
    facts["rgb"]["body_from_camera"][0][0] *= -1


def _metres_of_millimetres(facts: dict[str, Any]) -> None:
    facts["rgb"]["body_from_camera"][0][3] = 120


def _skewed(facts: dict[str, Any]) -> None:
    facts["thermal"]["intrinsics"][0][1] = 2.0


def _other_axes(facts: dict[str, Any]) -> None:
    facts["axes"] = "forward, left, up"


def _odd_centre(facts: dict[str, Any]) -> None:
    facts["pixel_centre"] = 1


def _not_finite(facts: dict[str, Any]) -> None:
    facts["rgb"]["body_from_camera"][0][3] = float("nan")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without_width, "rgb: is of unknown size; expected 32 to 4096"),
        (_huge, "thermal: is 640x10000; expected 32 to 4096"),
        (_no_focal_length, "thermal: intrinsics: not a camera matrix"),
        (_mirrored, "rgb: .*(mirror|rotation|determinant)"),
        (_metres_of_millimetres, "120"),
        (_skewed, "thermal: its pixels are skewed"),
        (_not_finite, "rgb: body_from_camera: nan is not a finite number"),
        (_other_axes, "axes: expected 'right, down, ahead'"),
        (_odd_centre, "pixel_centre: expected 0.5, or 0"),
    ],
)
def test_a_broken_rig_is_named(
    spoil: Callable[[dict[str, Any]], None], says: str, tmp_path: Path
) -> None:
    facts = json.loads(json.dumps(rig_facts(ms2_rig())))
    spoil(facts)
    with pytest.raises(UserError, match=f"here.json: .*({says})"):
        open_rig(write_rig(tmp_path, facts))


def test_principal_points_may_count_from_the_first_centre(tmp_path: Path) -> None:
    facts = json.loads(json.dumps(rig_facts(ms2_rig())))
    facts["pixel_centre"] = 0
    moved = open_rig(write_rig(tmp_path, facts))
    np.testing.assert_allclose(
        moved.thermal.intrinsics[:2, 2], ms2_rig().thermal.intrinsics[:2, 2] + 0.5
    )


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown rig 'ms3'; did you mean 'ms2'"):
        open_rig("ms3")
    with pytest.raises(DataError, match=r"nothing\.json: "):
        open_rig(str(tmp_path / "nothing.json"))
    with pytest.raises(SettingsError, match=r"640x480: the thermal camera of rig 'ms2' is 640x256"):
        open_rig("ms2", (640, 480))
    with pytest.raises(SettingsError, match="expected 32 to 4096"):
        open_rig("coaxial", (16, 16))


def test_both_views_see_the_same_points(wall_scene: Callable[..., Scene]) -> None:
    """Thermal pixels, lifted by their depth and moved by the extrinsics, fall onto the RGB depth."""
    pytest.importorskip("embreex")
    rig = open_rig("ms2", (320, 128))
    frame = render(wall_scene(300.0, 295.0), rig=rig, samples=1, seed=(0,))
    other = frame.rgb_view
    assert other is not None
    assert frame.rgb.shape[:2] == other.depth_m.shape == (192, 612)
    rows, columns = np.mgrid[:128, :320] + 0.5
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(frame.intrinsics).T
    points = (rays * frame.depth_m[..., None]).reshape(-1, 3) @ other.rgb_from_thermal[:3, :3].T
    points += other.rgb_from_thermal[:3, 3]
    u, v, w = other.intrinsics @ points.T
    column, row = np.floor(u / w).astype(int), np.floor(v / w).astype(int)
    inside = (row >= 0) & (row < 192) & (column >= 0) & (column < 612)
    assert 0.5 < inside.mean() < 0.95  # the RGB camera sees a part of it
    met_m = other.depth_m[row[inside], column[inside]]
    # The wall is slanted for neither camera by more than this within half a pixel.
    np.testing.assert_allclose(points[inside, 2], met_m, rtol=2e-3)


def test_coaxial_frames_have_no_view_of_their_own(wall_scene: Callable[..., Scene]) -> None:
    pytest.importorskip("embreex")
    frame = render(wall_scene(300.0, 295.0), rig=coaxial_rig(48, 36), samples=1, seed=(0,))
    assert frame.rgb_view is None
    assert frame.rgb.shape[:2] == frame.depth_m.shape
