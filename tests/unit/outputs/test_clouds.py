"""Point clouds, read back byte by byte by what their formats say, and the pixels that fly."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from thermodepth.calibration import Distortion
from thermodepth.calibration.undistortion import distort
from thermodepth.errors import SettingsError
from thermodepth.inference.depth import Depth
from thermodepth.inference.lens import FrameLens
from thermodepth.outputs import flying_pixels, write_cloud
from thermodepth.outputs.pcd import pcd_bytes
from thermodepth.outputs.ply import ply_bytes

MakeDepth = Callable[..., Depth]
POINTS = np.array([[1.5, -2.25, 10.0], [0.0, 0.5, 3.0]], np.float32)
COLOURS = np.array([[255, 128, 1], [0, 7, 200]], np.uint8)


def read_ply(content: bytes) -> list[tuple[float, float, float, int, int, int]]:
    """By the header's own words: nothing of the writer is used."""
    header, _, body = content.partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    (count,) = [int(line.split()[2]) for line in lines if line.startswith("element vertex")]
    properties = [tuple(line.split()[1:]) for line in lines if line.startswith("property")]
    names = ["x", "y", "z", "red", "green", "blue"]
    assert properties == list(zip(["float"] * 3 + ["uchar"] * 3, names, strict=True))
    assert len(body) == count * 15
    return list(struct.iter_unpack("<fffBBB", body))


def read_pcd(content: bytes) -> list[tuple[float, float, float, int, int, int]]:
    header, _, body = content.partition(b"DATA binary\n")
    fields = dict(
        line.split(" ", 1) for line in header.decode("ascii").splitlines() if line[0] != "#"
    )
    assert fields["VERSION"] == "0.7"
    assert (fields["FIELDS"], fields["SIZE"], fields["TYPE"]) == ("x y z rgb", "4 4 4 4", "F F F F")
    assert fields["WIDTH"] == fields["POINTS"]
    assert fields["HEIGHT"] == "1"
    assert len(body) == int(fields["POINTS"]) * 16
    points = []
    for x, y, z, packed in struct.iter_unpack("<fffI", body):
        points.append((x, y, z, packed >> 16 & 255, packed >> 8 & 255, packed & 255))
    return points


@pytest.mark.parametrize(
    ("encode", "read"), [(ply_bytes, read_ply), (pcd_bytes, read_pcd)], ids=["ply", "pcd"]
)
def test_points_and_colours_read_back(
    encode: Callable[..., bytes], read: Callable[[bytes], list[tuple[float, ...]]]
) -> None:
    assert read(encode(POINTS, COLOURS)) == [
        (1.5, -2.25, 10.0, 255, 128, 1),
        (0.0, 0.5, 3.0, 0, 7, 200),
    ]
    assert read(encode(POINTS[:0], COLOURS[:0])) == []


@pytest.mark.parametrize("suffix", [".ply", ".PCD"])
def test_a_cloud_has_what_is_neither_sky_nor_flies(
    suffix: str, make_depth: MakeDepth, tmp_path: Path
) -> None:
    depth_m = np.full((6, 8), 4.0, np.float32)
    depth_m[:, 5:] = 12.0
    sky = np.zeros((6, 8), np.bool_)
    sky[0] = True
    depth = make_depth(6, 8, depth_m=depth_m, sky=sky)
    content = write_cloud(tmp_path / f"a{suffix}", depth).read_bytes()
    points = read_ply(content) if suffix == ".ply" else read_pcd(content)
    assert (
        len(points) == 5 * 6
    )  # without the row of sky, and the two columns that the step runs through
    x, y, z, *colour = points[
        0
    ]  # row 1, column 0: centre (.5, 1.5), axis at (4, 3), focal length 20
    assert (x, y, z) == pytest.approx(((0.5 - 4) / 20 * 4, (1.5 - 3) / 20 * 4, 4.0))
    assert colour == depth.point_colours("thermal")[0].tolist()
    everything = write_cloud(tmp_path / f"b{suffix}", depth, flying_step=0).read_bytes()
    assert len(everything) > len(content)


def test_points_follow_the_distortion_of_the_lens(make_depth: MakeDepth) -> None:
    """A point that is drawn back through the lens lands in the middle of its pixel."""
    bent = Distortion(model="radtan", coefficients=(-0.2, 0.05, 0.001, 0.0))
    matrix = np.array([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]])
    depth = make_depth(24, 32, sky=None, lens=FrameLens(intrinsics=matrix, distortion=bent))
    x, y, z = depth.points().T.astype(np.float64)
    column, row = distort(x / z, y / z, bent)
    expected = np.mgrid[:24, :32].reshape(2, -1) + 0.5
    np.testing.assert_allclose(20 * column + 16, expected[1], atol=1e-4)
    np.testing.assert_allclose(20 * row + 12, expected[0], atol=1e-4)
    np.testing.assert_array_equal(z.astype(np.float32), depth.depth_m.ravel())


def test_pixels_that_no_ray_reaches_give_no_point(make_depth: MakeDepth) -> None:
    bent = Distortion(model="radtan", coefficients=(-0.6, 0.0, 0.0, 0.0))
    matrix = np.array([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]])
    depth = make_depth(24, 32, sky=None, lens=FrameLens(intrinsics=matrix, distortion=bent))
    points = depth.points()
    assert 0 < len(points) < 24 * 32
    assert np.isfinite(points).all()
    assert len(depth.point_colours("depth")) == len(points)


def test_a_mask_leaves_points_and_their_colours_out_together(make_depth: MakeDepth) -> None:
    depth = make_depth()
    mask = np.zeros(depth.depth_m.shape, np.bool_)
    mask[20, 3:7] = True
    assert depth.points(mask).shape == depth.point_colours("structure", mask).shape == (4, 3)


def test_without_a_lens_there_is_no_cloud(make_depth: MakeDepth, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--fov, --focal-px or --calibration"):
        write_cloud(tmp_path / "a.ply", make_depth(lens=None))
    with pytest.raises(SettingsError, match=r"unknown kind of point cloud '\.xyz'"):
        write_cloud(tmp_path / "a.xyz", make_depth())
    assert list(tmp_path.iterdir()) == []


class TestFlyingPixels:
    def test_a_boundary_flies_and_surfaces_do_not(self, make_depth: MakeDepth) -> None:
        depth_m = np.full((10, 12), 5.0, np.float32)
        depth_m[:, 6:] = 9.0
        flies = flying_pixels(make_depth(depth_m=depth_m, sky=None))
        assert np.flatnonzero(flies.any(axis=0)).tolist() == [5, 6]

    def test_the_threshold_is_a_share_of_the_depth(self, make_depth: MakeDepth) -> None:
        depth_m = np.full((6, 6), 1.0, np.float32)
        depth_m[:, 3:] = 1.08
        depth = make_depth(depth_m=depth_m, sky=None)
        assert not flying_pixels(depth).any()
        assert flying_pixels(depth, step=0.07).any()
        assert not flying_pixels(depth, step=0).any()

    def test_sky_is_no_neighbour(self, make_depth: MakeDepth) -> None:
        depth_m = np.full((6, 6), 5.0, np.float32)
        depth_m[:3] = 200.0
        sky = depth_m > 100
        assert not flying_pixels(make_depth(depth_m=depth_m, sky=sky)).any()

    def test_the_window_grows_with_the_frame(self, make_depth: MakeDepth) -> None:
        depth_m = np.full((500, 600), 5.0, np.float32)
        depth_m[:, 300:] = 9.0
        flies = flying_pixels(make_depth(depth_m=depth_m, sky=None))
        assert np.flatnonzero(flies[0]).tolist() == [298, 299, 300, 301]
