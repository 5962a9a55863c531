"""Time: what moves, what stays, and that a frame does not depend on which others are rendered."""

from __future__ import annotations

import math

import numpy as np
import pytest

from thermodepth.errors import SettingsError
from thermodepth.synthetic.cameras.path import LONGEST_M, Travel, clear_travel
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import open_rig
from thermodepth.synthetic.grammar.people import Gait
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.space.vectors import Array, Placement
from thermodepth.synthetic.worlds.world import make_scene, render_frames

RIG = open_rig("coaxial", (48, 36))
HERE = CameraPose(position=(0.0, 0.0, 1.5), yaw=0.1, pitch=0.0, roll=0.0)


@pytest.fixture(scope="module", autouse=True)
def _needs_the_ray_caster() -> None:
    pytest.importorskip("embreex")


def _render(seed: int, frames: int, only: list[int] | None = None) -> list[Frame]:
    return list(
        render_frames(
            seed, rig=RIG, frames=frames, only=only, samples=1, condition="day", lidar_channels=16
        )
    )


def test_a_frame_is_the_same_whichever_others_are_rendered() -> None:
    whole = _render(5, 4)
    for index in (3, 1):
        (alone,) = _render(5, 4, [index])
        assert alone.frame_id == whole[index].frame_id == f"street-day-0000005-t{index:04d}"
        for name in ("rgb", "apparent_temperature_k", "depth_m", "lidar_m", "world_from_camera"):
            assert np.array_equal(
                getattr(alone, name), getattr(whole[index], name), equal_nan=name != "rgb"
            ), name


def test_frames_know_their_place_in_time() -> None:
    frames = _render(5, 3)
    assert [f.time_s for f in frames] == pytest.approx([0, 0.1, 0.2])
    assert {f.sequence for f in frames} == {"street-day-0000005"}
    (still,) = _render(5, 1)
    assert (still.sequence, still.frame_id) == ("", "street-day-0000005")
    np.testing.assert_array_equal(still.depth_m, frames[0].depth_m)


def test_poses_explain_the_motion_of_what_stands_still() -> None:
    """Points of one frame, moved by both poses, lie on the surfaces that the other frame sees."""
    for seed in range(40, 60):
        frames = _render(seed, 11, [0, 10])
        step = np.linalg.inv(frames[1].world_from_camera) @ frames[0].world_from_camera
        if np.linalg.norm(step[:3, 3]) > 2:
            break
    first, second = frames
    rows, columns = np.mgrid[:36, :48] + 0.5
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(first.intrinsics).T
    points = (rays * first.depth_m[..., None]).reshape(-1, 3) @ step[:3, :3].T + step[:3, 3]
    points = points[np.isfinite(points).all(1) & (points[:, 2] > 0.5)]
    u, v, w = second.intrinsics @ points.T
    column, row = np.floor(u / w).astype(int), np.floor(v / w).astype(int)
    inside = (row >= 0) & (row < 36) & (column >= 0) & (column < 48)
    met_m = second.depth_m[row[inside], column[inside]]
    error = np.abs(points[inside, 2] / met_m - 1)
    assert np.nanmedian(error) < 0.02


def _moved(seed: int, time_s: float) -> tuple[Array, Array]:
    """Positions of all triangles at the first and at another moment."""
    return tuple(  # type: ignore[return-value]
        make_scene(seed, condition="day", time_s=t).mesh.positions for t in (0.0, time_s)
    )


def test_traffic_moves_and_houses_stand() -> None:
    shares = []
    for seed in range(7):
        before, after = _moved(seed, 0.5)
        assert before.shape == after.shape
        shares.append(float((before != after).any((1, 2)).mean()))
    assert max(shares) > 0.05
    assert max(shares) < 0.6


def test_vehicles_keep_their_gaps() -> None:
    """Of one lane all move alike, so a gap never closes."""
    moving_lanes = 0
    for seed in range(7):
        before, after = _moved(seed, 1.0)
        shift = (after - before).mean(1)
        driven = (np.abs(shift[:, 1]) > 2.5) & (np.abs(shift[:, 0]) < 1e-3)
        for direction in (-1, 1):
            speeds = np.abs(shift[driven & (np.sign(shift[:, 1]) == direction), 1])
            moving_lanes += len(speeds) > 0
            assert len(np.unique(speeds.round(2))) <= 3  # at most one a lane
    assert moving_lanes > 2


def test_a_camera_slows_down_before_a_wall() -> None:
    wall = np.array(
        [[[-5, 4, 0], [5, 4, 0], [5, 4, 5]], [[-5, 4, 0], [5, 4, 5], [-5, 4, 5]]], np.float32
    )
    caster = EmbreeCaster(wall)
    fast = Travel(speed_m_s=2.0)
    assert clear_travel(fast, HERE, 1.0, lambda _: caster).speed_m_s == 2.0
    slower = clear_travel(fast, HERE, 4.0, lambda _: caster).speed_m_s
    assert slower == pytest.approx(0.5)  # 2 m/s would end beyond it, 1 m/s in it
    away = EmbreeCaster(wall + np.float32(1000))
    long_run = clear_travel(Travel(speed_m_s=13.0, on_foot=False), HERE, 60.0, lambda _: away)
    assert long_run.speed_m_s * 60 == pytest.approx(LONGEST_M)


def test_travel_begins_where_the_still_stands() -> None:
    assert Travel(1.2).pose(HERE, 0.0) == HERE
    later = Travel(1.2).pose(HERE, 0.5)
    assert later.position[1] == pytest.approx(0.6)
    assert later.yaw != HERE.yaw
    standing_car = Travel(0.0, on_foot=False)
    assert standing_car.pose(HERE, 3.3) == HERE


def test_pacing_turns_round_at_both_ends() -> None:
    gait, start = Gait(speed_m_s=1.0, phase=0.0), Placement(2.0, 5.0, 0.0, 0.0)
    along = [gait.paced(start, (-1.0, 2.0), t / 10).y - 5 for t in range(100)]
    assert along[0] == pytest.approx(0.0)
    assert min(along) == pytest.approx(-1.0, abs=0.06)
    assert max(along) == pytest.approx(2.0, abs=0.06)
    assert np.abs(np.diff(along)).max() <= 0.1 + 1e-9
    assert gait.paced(start, (-1.0, 2.0), 3.0).yaw == pytest.approx(math.pi)
    assert gait.paced(start, (0.0, 0.0), 7.0) == start


def test_impossible_sequences() -> None:
    with pytest.raises(SettingsError, match="a sequence of 0 frames"):
        next(render_frames(1, rig=RIG, frames=0))
    with pytest.raises(SettingsError, match="0 frames a second"):
        next(render_frames(1, rig=RIG, frames=2, rate_hz=0))
