"""Motion between two exposures, from poses: against rigid steps that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from thermodepth.data.odometry import motion_after, part_of, read_pose
from thermodepth.errors import DataError

Pose = NDArray[np.float64]
TIMES = {3: 0.0, 4: 0.1, 5: 0.2}


def pose(ahead_m: float, yaw: float) -> Pose:
    """From a frame to the first one: axes right, down, ahead."""
    c, s = np.cos(yaw), np.sin(yaw)
    moved = np.eye(4)
    moved[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    moved[2, 3] = ahead_m
    return moved


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    for number, matrix in ((3, pose(0, 0)), (4, pose(1, 0)), (5, pose(2, 0))):
        (tmp_path / f"{number:06d}.txt").write_text(
            "\n".join(" ".join(map(repr, row)) for row in matrix.tolist())
        )
    return tmp_path


def test_half_way_to_the_next_frame(poses: Path) -> None:
    moved = motion_after(0.05, 4, poses=poses, times_s=TIMES)
    assert moved is not None
    point = moved @ [0, 0, 10, 1]  # the camera went half a metre ahead: the point came nearer
    np.testing.assert_allclose(point, [0, 0, 9.5, 1], atol=1e-12)


def test_earlier_is_towards_the_frame_before(poses: Path) -> None:
    moved = motion_after(-0.025, 4, poses=poses, times_s=TIMES)
    assert moved is not None
    np.testing.assert_allclose(moved @ [0, 0, 10, 1], [0, 0, 10.25, 1], atol=1e-12)


def test_the_whole_way_is_the_other_pose(poses: Path) -> None:
    moved = motion_after(0.1, 4, poses=poses, times_s=TIMES)
    np.testing.assert_allclose(moved, np.linalg.inv(pose(2, 0)) @ pose(1, 0), atol=1e-9)


def test_parts_of_a_turn_add_up_to_it() -> None:
    step = pose(1.0, 0.3)
    np.testing.assert_allclose(part_of(step, 0.25) @ part_of(step, 0.75), step, atol=1e-9)
    quarter = part_of(step, 0.25)
    assert np.arctan2(quarter[0, 2], quarter[2, 2]) == pytest.approx(0.075)


def test_what_is_not_known(poses: Path) -> None:
    assert motion_after(0.05, 5, poses=poses, times_s=TIMES) is None  # no frame after
    assert motion_after(0.15, 4, poses=poses, times_s=TIMES) is None  # beyond the next one
    assert motion_after(0.05, 4, poses=poses, times_s={4: 0.1}) is None
    np.testing.assert_array_equal(motion_after(0.0, 4, poses=poses, times_s={}), np.eye(4))


@pytest.mark.parametrize("text", ["1 2 3", "x " * 16, " ".join(["2"] * 16)])
def test_broken_poses_are_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "000007.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=r"000007\.txt"):
        read_pose(path)
