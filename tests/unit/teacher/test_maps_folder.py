"""Ready maps in a folder: found by id, scaled, resized beside holes, and refused where they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from thermodepth.errors import DataError, SettingsError, TeacherError
from thermodepth.teacher import TeacherSettings, open_store, open_teacher
from thermodepth.teacher.maps_folder import MapsTeacher, resize_known
from thermodepth.types import Geometry, RgbView, Sample

DEPTH, INVERSE = Geometry.METRIC_DEPTH, Geometry.AFFINE_INVERSE


def png(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint16)).save(path)


def npy(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.asarray(values))


def ramp(size: tuple[int, int] = (48, 64)) -> NDArray[np.float32]:
    return np.linspace(40, 2, size[0], dtype=np.float32)[:, None] * np.ones(size, np.float32)


def test_png_npy_and_tiff_say_the_same(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    depth_m = np.rint(ramp() * 256) / 256
    png(tmp_path / "png" / "a.png", depth_m * 256)
    npy(tmp_path / "npy" / "a.npy", depth_m)
    npy(tmp_path / "half" / "a.npy", depth_m.astype(np.float16))
    (tmp_path / "tif").mkdir()
    Image.fromarray(depth_m).save(tmp_path / "tif" / "a.tif")
    for kind, scale, tolerance in (
        ("png", 1 / 256, 0.0),
        ("npy", None, 0.0),
        ("half", None, 0.02),
        ("tif", None, 0.0),
    ):
        teacher = MapsTeacher(tmp_path / kind, DEPTH, scale=scale)
        (values,) = teacher.label([sample_of("a")])
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, depth_m, atol=tolerance, err_msg=kind)


def test_whole_numbers_need_a_unit_only_where_they_are_metres(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    png(tmp_path / "a.png", ramp() * 1000)
    with pytest.raises(TeacherError, match=r"frame a: holds whole numbers \(uint16\).*map_scale"):
        MapsTeacher(tmp_path, DEPTH).label([sample_of("a")])
    (values,) = MapsTeacher(tmp_path, INVERSE).label([sample_of("a")])
    assert values.max() == 40000


def test_what_means_no_value(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    values = ramp()
    values[0], values[1], values[2] = 0, np.nan, np.inf
    npy(tmp_path / "a.npy", values)
    (relative,) = MapsTeacher(tmp_path, INVERSE).label([sample_of("a")])
    assert (relative[0] == 0).all(), "0 is the sky of a disparity map"
    assert np.isnan(relative[1:3]).all()
    with pytest.raises(TeacherError, match=r"64 values of 0 or less.*map_none=zero"):
        MapsTeacher(tmp_path, DEPTH).label([sample_of("a")])
    (metres,) = MapsTeacher(tmp_path, DEPTH, none="zero").label([sample_of("a")])
    assert np.isnan(metres[:3]).all()
    np.testing.assert_array_equal(metres[3:], values[3:])
    npy(tmp_path / "a.npy", -values)
    with pytest.raises(TeacherError, match=r"smallest -37\.\d+\), but metric_depth is above 0$"):
        MapsTeacher(tmp_path, DEPTH, none="zero").label([sample_of("a")])


@pytest.mark.parametrize(
    ("files", "sample_id", "match"),
    [
        (["a.npy"], "a", "a.npy"),
        (["drive/a.npy", "other/a.npy"], "drive/a", "drive/a.npy"),
        (["drive%2Fa.npy", "a.npy"], "drive/a", "drive%2Fa.npy"),
        (["depth/drive/a.npy", "depth/other/a.npy"], "drive/a", "depth/drive/a.npy"),
        (["a.npy", "b.npy"], "drive/a", "a.npy"),
        (["a.1.npy", "a.npy"], "a.1", "a.1.npy"),
        (["one.npy", ".a.npy", "._a.npy", "a.jpg", ".hidden/a.npy"], "a", None),
        (["other/a.npy"], "drive/a", None),
        (["a.npy"], "../a", "a.npy"),
        (["one.npy"], "../outside", None),
    ],
)
def test_how_a_map_is_found(
    files: list[str], sample_id: str, match: str | None, tmp_path: Path
) -> None:
    root = tmp_path / "maps"
    for name in files:
        npy(root / name, ramp()) if name.endswith(".npy") else (root / name).write_bytes(b"x")
    npy(tmp_path / "outside.npy", ramp())
    path = MapsTeacher(root, INVERSE)._find(sample_id)
    assert path == (None if match is None else root / match)


def test_two_maps_of_a_frame_and_two_frames_of_a_map(tmp_path: Path) -> None:
    for name in ("a.npy", "one/b.npy", "two/b.npy", "c.npy"):
        npy(tmp_path / name, ramp())
    png(tmp_path / "a.png", ramp())
    teacher = MapsTeacher(tmp_path, INVERSE)
    with pytest.raises(TeacherError, match=r"frame a has 2 maps \(a\.npy, a\.png\)"):
        teacher.check_frames(["a"])
    with pytest.raises(TeacherError, match=r"frame b has 2 maps \(one/b, two/b\)"):
        teacher.check_frames(["b"])
    with pytest.raises(TeacherError, match=r"both frame north/c and frame south/c"):
        teacher.check_frames(["north/c", "south/c"])


def test_missing_maps_are_counted_and_named(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    for i in range(8):
        npy(tmp_path / f"{i}.npy", ramp())
    teacher = MapsTeacher(tmp_path, INVERSE)
    teacher.check_frames([str(i) for i in range(8)])
    with pytest.raises(
        TeacherError,
        match=r"no map for 7 of 15 frames: 8, 9, 10, 11, 12 \.\.\. \(7 in all\)\..*"
        r"holds 0, 1, 2, 3, 4 \.\.\. \(8 in all\)",
    ):
        teacher.check_frames([str(i) for i in range(15)])
    with pytest.raises(TeacherError, match="frame 9 has no map in"):
        teacher.label([sample_of("1"), sample_of("9")])


def test_maps_of_another_size_are_resized_beside_holes(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    values = np.full((96, 128), 4.0, np.float32)
    values[:, 64:] = np.nan
    npy(tmp_path / "a.npy", values)
    (small,) = MapsTeacher(tmp_path, DEPTH).label([sample_of("a", (48, 64))])
    np.testing.assert_allclose(small[:, :32], 4, rtol=1e-6)  # no value is mixed with a hole
    assert np.isnan(small[:, 33:]).all()
    (large,) = MapsTeacher(tmp_path, DEPTH).label([sample_of("a", (144, 192))])
    assert large.shape == (144, 192)
    np.testing.assert_allclose(large[np.isfinite(large)], 4, rtol=1e-6)
    assert abs(np.isfinite(large).mean() - 0.5) < 0.01
    with pytest.raises(TeacherError, match=r"is 128x96, its frame 64x64: another aspect"):
        MapsTeacher(tmp_path, DEPTH).label([sample_of("a", (64, 64))])


def test_resizing_keeps_pixel_centres_and_averages_depth_in_ratios() -> None:
    columns = np.arange(64, dtype=np.float32) + 0.5  # the coordinate itself, centre convention
    values = np.broadcast_to(columns, (64, 64)).copy()
    half = resize_known(values, (32, 32), Geometry.AFFINE_INVERSE)
    expected = (np.arange(32) + 0.5) * 2
    np.testing.assert_allclose(half[5, 2:-2], expected[2:-2], atol=1e-4)
    edge = np.full((8, 8), 2.0, np.float32)
    edge[:, 4:] = 50
    between = resize_known(edge, (8, 9), Geometry.METRIC_DEPTH)[0, 4]
    assert between == pytest.approx(10, rel=0.01)
    assert resize_known(edge, (8, 9), Geometry.AFFINE_INVERSE)[0, 4] == pytest.approx(26, rel=0.01)


def test_maps_belong_to_the_rgb_view_where_there_is_one(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    npy(tmp_path / "a.npy", ramp((60, 100)))
    view = RgbView(intrinsics=np.eye(3, dtype=np.float32), rgb_from_thermal=np.eye(4))
    sample = sample_of("a", (48, 64), rgb=np.zeros((60, 100, 3), np.uint8), rgb_view=view)
    (values,) = MapsTeacher(tmp_path, DEPTH).label([sample])
    np.testing.assert_array_equal(values, ramp((60, 100)))
    with pytest.raises(TeacherError, match="frame a has no RGB image, whose view"):
        MapsTeacher(tmp_path, DEPTH).label([sample_of("a", rgb=None, rgb_view=view)])
    npy(tmp_path / "a.npy", ramp())
    (aligned,) = MapsTeacher(tmp_path, DEPTH).label([sample_of("a", rgb=None)])
    assert aligned.shape == (48, 64)


def test_unusable_files(tmp_path: Path, sample_of: Callable[..., Sample]) -> None:
    teacher = MapsTeacher
    with pytest.raises(TeacherError, match="no such folder of maps"):
        teacher(tmp_path / "absent", DEPTH)
    with pytest.raises(TeacherError, match=r"holds no maps \(\.png, \.npy"):
        teacher(tmp_path, DEPTH)
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(TeacherError, match=r"a\.png: map of frame a: has 8 bits"):
        teacher(tmp_path, INVERSE).label([sample_of("a")])
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(TeacherError, match="a colour picture"):
        teacher(tmp_path, INVERSE).label([sample_of("a")])
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"a\.png"):
        teacher(tmp_path, INVERSE).label([sample_of("a")])
    (tmp_path / "a.png").unlink()
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="pickled objects, which are never loaded"):
        teacher(tmp_path, INVERSE).label([sample_of("a")])


def test_fingerprint_follows_content_and_reading(tmp_path: Path) -> None:
    root = tmp_path / "maps"
    npy(root / "a.npy", ramp())
    first = MapsTeacher(root, DEPTH).fingerprint()
    assert first.startswith("maps-")
    moved = root.rename(tmp_path / "moved")
    assert MapsTeacher(moved, DEPTH).fingerprint() == first
    assert MapsTeacher(moved, INVERSE).fingerprint() != first
    assert MapsTeacher(moved, DEPTH, scale=0.5).fingerprint() != first
    assert MapsTeacher(moved, DEPTH, none="zero").fingerprint() != first
    changed = ramp()
    changed[20, 20] += 1e-3  # in the middle of the file, its size unchanged
    npy(moved / "a.npy", changed)
    assert MapsTeacher(moved, DEPTH).fingerprint() != first


def test_settings_open_them_and_a_store_keeps_them(
    tmp_path: Path, sample_of: Callable[..., Sample]
) -> None:
    png(tmp_path / "maps" / "a.png", np.where(ramp() > 30, 0, ramp() * 1000))
    for missing in ({"model": str(tmp_path)}, {"geometry": "metric_depth"}):
        with pytest.raises(SettingsError, match=r"needs model: a folder|geometry must"):
            TeacherSettings.parse({"kind": "maps", **missing})
    with pytest.raises(SettingsError, match="map_scale"):
        TeacherSettings.parse({"map_scale": 0})
    settings = TeacherSettings.parse(
        {
            "kind": "maps",
            "model": str(tmp_path / "maps"),
            "geometry": "metric_depth",
            "map_scale": 0.001,
            "map_none": "zero",
        }
    )
    teacher = open_teacher(settings)
    assert "1 ready maps" in teacher.description
    store = open_store(tmp_path / "labels", teacher, "data-1")
    assert store.fill(teacher, [sample_of("a")]) == 1
    label = store.label("a")
    assert np.isnan(label[ramp() > 30]).all()
    np.testing.assert_allclose(label[-1], 0.5, rtol=1e-3)
    with pytest.warns(UserWarning, match="map_scale has no effect"):
        open_teacher(TeacherSettings(kind="truth", map_scale=0.5))
