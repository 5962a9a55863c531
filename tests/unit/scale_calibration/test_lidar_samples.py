"""Measured maps and points on the frame's pixels, and their few samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from thermodepth.calibration.types import Distortion
from thermodepth.camera import pinhole, unproject
from thermodepth.errors import DataError, SettingsError
from thermodepth.files import encode_png
from thermodepth.scale_calibration.cells import cell_samples
from thermodepth.scale_calibration.lidar import measured_map, read_pose
from thermodepth.scale_calibration.samples import PredictedFrame

SIZE = (48, 64)
CAMERA = pinhole(50.0, 64, 48).astype(np.float64)
TRUTH_M = np.broadcast_to(np.linspace(20, 4, 48)[:, None], SIZE).astype(np.float32)
FRAME = PredictedFrame(name="a.png", depth_m=TRUTH_M / np.float32(1.25), intrinsics=CAMERA)


def sparse() -> np.ndarray:
    """Every fourth row, as a spinning lidar leaves it."""
    values = np.full(SIZE, np.nan, np.float32)
    values[::4] = TRUTH_M[::4]
    return values


def test_a_sweep_is_a_few_samples_of_its_scale() -> None:
    samples = cell_samples(FRAME, sparse(), source="lidar")
    assert len(samples) == 24
    for sample in samples:
        assert sample.depth_m / sample.predicted_m == pytest.approx(1.25, rel=1e-5)
        assert np.isfinite(sparse()[int(sample.y), int(sample.x)])


def test_sky_and_cells_with_few_pixels_give_none() -> None:
    sky = np.zeros(SIZE, bool)
    sky[:12] = True  # the first row of cells
    above = PredictedFrame(name="a", depth_m=FRAME.depth_m, sky=sky, intrinsics=CAMERA)
    assert len(cell_samples(above, sparse(), source="lidar")) == 18
    few = np.full(SIZE, np.nan)
    few[0, :4] = 5.0
    with pytest.raises(DataError, match="4 pixels have a measured depth"):
        cell_samples(FRAME, few, source="lidar")


def test_maps_of_every_kind(tmp_path: Path) -> None:
    stored = np.nan_to_num(sparse() * 1000).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(encode_png(stored))
    np.save(tmp_path / "a.npy", sparse())
    by_png = measured_map(tmp_path / "a.png", FRAME, per_metre=1000)
    by_npy = measured_map(tmp_path / "a.npy", FRAME)
    np.testing.assert_allclose(by_png, by_npy, atol=1e-3)
    by_range = measured_map(tmp_path / "a.npy", FRAME, kind="range")
    assert by_range[24, 32] == pytest.approx(by_npy[24, 32], rel=1e-3)
    assert by_range[0, 0] < 0.85 * by_npy[0, 0]


def test_points_land_on_their_pixels(tmp_path: Path) -> None:
    points = unproject(sparse(), CAMERA).reshape(3, -1).T
    np.save(tmp_path / "a.npy", points)
    np.testing.assert_allclose(measured_map(tmp_path / "a.npy", FRAME), sparse(), rtol=1e-4)
    lines = ["intensity,z,y,x"] + [
        f"1,{z},{y},{x}" for x, y, z in points[np.isfinite(points[:, 0])]
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    np.testing.assert_allclose(measured_map(tmp_path / "a.csv", FRAME), sparse(), rtol=1e-4)


def test_points_of_the_lidar_come_by_its_pose(tmp_path: Path) -> None:
    # A lidar has x ahead, y left, z up, and sits 0.2 m above the camera.
    camera_from_lidar = np.array([[0, -1, 0, 0], [0, 0, -1, -0.2], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    (tmp_path / "pose.txt").write_text(
        "\n".join(" ".join(map(str, row)) for row in camera_from_lidar)
    )
    pose = read_pose(tmp_path / "pose.txt")
    np.testing.assert_array_equal(pose, camera_from_lidar)
    in_camera = unproject(sparse(), CAMERA).reshape(3, -1)
    homogeneous = np.vstack([in_camera, np.ones(in_camera.shape[1])])
    np.save(tmp_path / "a.npy", (np.linalg.inv(camera_from_lidar) @ homogeneous)[:3].T)
    result = measured_map(tmp_path / "a.npy", FRAME, camera_from_lidar=pose)
    np.testing.assert_allclose(result, sparse(), rtol=1e-4)
    np.save(tmp_path / "map.npy", sparse())
    with pytest.raises(DataError, match="only a point list takes a pose"):
        measured_map(tmp_path / "map.npy", FRAME, camera_from_lidar=pose)


@pytest.mark.parametrize(
    "content", ["1 2 3", "a b", "1 0 0 0 0 1 0 0 0 0 2 0", "1 0 0 0 0 1 0 0 0 0 -1 0", ""]
)
def test_what_is_no_pose(content: str, tmp_path: Path) -> None:
    (tmp_path / "pose.txt").write_text(content)
    with pytest.raises(DataError, match="expected the 12 or 16 numbers of a pose"):
        read_pose(tmp_path / "pose.txt")


def test_wrong_files(tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", sparse()[:24])
    with pytest.raises(DataError, match=r"64x24, and a\.png is 64x48"):
        measured_map(tmp_path / "small.npy", FRAME)
    np.save(tmp_path / "behind.npy", np.array([[0.0, 0.0, -5.0]]))
    with pytest.raises(DataError, match="none of its 1 points is seen"):
        measured_map(tmp_path / "behind.npy", FRAME)
    (tmp_path / "a.csv").write_text("u,v,d\n1,2,3\n")
    with pytest.raises(DataError, match="missing x, y, z"):
        measured_map(tmp_path / "a.csv", FRAME)
    (tmp_path / "b.csv").write_text("1 2 3\n1 2\n")
    with pytest.raises(DataError, match=r"b\.csv, line 2"):
        measured_map(tmp_path / "b.csv", FRAME)
    unknown = PredictedFrame(name="a.png", depth_m=FRAME.depth_m)
    np.save(tmp_path / "points.npy", np.array([[0.0, 0.0, 5.0]]))
    with pytest.raises(SettingsError, match="points cannot be projected without it"):
        measured_map(tmp_path / "points.npy", unknown)


def test_a_lens_that_distorts_is_followed(tmp_path: Path) -> None:
    """A barrel of k1 = -0.2: at the rim rays lie further out than a pinhole's, and points land inwards."""
    bent = PredictedFrame(
        name="a.png",
        depth_m=FRAME.depth_m,
        intrinsics=CAMERA,
        distortion=Distortion(model="radtan", coefficients=(-0.2, 0.0, 0.0, 0.0, 0.0)),
    )
    rays = bent.rays("rays")
    x = rays[0, 24, 63]
    r2 = x**2 + rays[1, 24, 63] ** 2
    assert x * (1 - 0.2 * r2) == pytest.approx((63.5 - 32) / 50, rel=1e-5)
    points = np.stack([rays[axis].ravel() * TRUTH_M.ravel() for axis in range(3)], axis=1)
    np.save(tmp_path / "a.npy", points)
    np.testing.assert_allclose(measured_map(tmp_path / "a.npy", bent), TRUTH_M, rtol=1e-3)
    # What lies beyond the fold of the polynomial comes back into the picture, and is not seen.
    np.save(tmp_path / "b.npy", np.array([[20.0, 0.0, 8.0], [0.0, 0.0, 8.0]]))
    landed = measured_map(tmp_path / "b.npy", bent)
    assert np.count_nonzero(np.isfinite(landed)) == 1
