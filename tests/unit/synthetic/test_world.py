"""Rendered frames: exact depth, true temperatures, one seed one frame, conditions that differ."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from thermodepth.errors import DependencyError, SettingsError
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.materials.radiance import apparent_temperature_k, band_radiance
from thermodepth.synthetic.materials.registry import MATERIALS
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.rendering.scene import Scene
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.weather.conditions import WEATHER
from thermodepth.synthetic.worlds.world import make_scene, render_frame

WIDTH, HEIGHT = 48, 36
RIG = coaxial_rig(WIDTH, HEIGHT)
WALL_M = 5.0  # where `wall_scene` stands


@pytest.fixture(scope="module", autouse=True)
def _needs_the_ray_caster() -> None:
    pytest.importorskip("embreex")


def _same(a: Frame, b: Frame) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "depth_m")
        for name in ("rgb", "apparent_temperature_k", "depth_m", "intrinsics")
    )


def test_depth_of_a_wall_square_to_the_camera(wall_scene: Callable[..., Scene]) -> None:
    frame = render(wall_scene(300.0, 295.0), rig=RIG, seed=(1,))
    np.testing.assert_allclose(frame.depth_m, WALL_M, rtol=1e-5)


def test_depth_of_a_slanted_wall_follows_the_plane(wall_scene: Callable[..., Scene]) -> None:
    pose = CameraPose(position=(0.3, 0.0, 1.4), yaw=0.3, pitch=0.1, roll=0.05)
    scene = wall_scene(300.0, 295.0, pose)
    frame = render(scene, rig=RIG, samples=1, seed=(1,))
    right, up, ahead = pose.axes()
    f = RIG.thermal.intrinsics[0, 0]
    x, y = np.meshgrid(
        (np.arange(WIDTH) + 0.5 - WIDTH / 2) / f, (np.arange(HEIGHT) + 0.5 - HEIGHT / 2) / f
    )
    # A ray of unit depth moves by this along the wall's normal, +Y.
    advance = x * right[1] - y * up[1] + ahead[1]
    np.testing.assert_allclose(frame.depth_m, WALL_M / advance, rtol=1e-4)


def test_intrinsics_have_their_centre_in_the_middle(wall_scene: Callable[..., Scene]) -> None:
    frame = render(wall_scene(300.0, 295.0), rig=RIG, samples=1, seed=(1,))
    assert frame.intrinsics[0, 2] == WIDTH / 2
    assert frame.intrinsics[1, 2] == HEIGHT / 2
    assert (
        frame.intrinsics[0, 0]
        == frame.intrinsics[1, 1]
        == pytest.approx(RIG.thermal.intrinsics[0, 0])
    )


def test_a_wall_as_warm_as_its_room_reads_its_temperature(wall_scene: Callable[..., Scene]) -> None:
    frame = render(wall_scene(293.0, 293.0), rig=RIG, seed=(2,))
    error_k = frame.apparent_temperature_k - 293.0
    # Emission and reflection add up to a black body; what is left is the wall's own mottling.
    assert abs(float(error_k.mean())) < 0.04
    assert np.abs(error_k).max() < 0.15


def test_a_hot_wall_reads_low_by_its_emissivity(wall_scene: Callable[..., Scene]) -> None:
    frame = render(wall_scene(340.0, 293.0), rig=RIG, seed=(2,))
    middle = float(frame.apparent_temperature_k[16:20, 22:26].mean())
    emissivity = MATERIALS["paper"].emissivity
    leaving = emissivity * band_radiance(340.0) + (1 - emissivity) * band_radiance(293.0)
    assert middle == pytest.approx(float(apparent_temperature_k(leaving)), abs=0.3)


def test_one_seed_one_frame() -> None:
    first, second = (render_frame(11, width=WIDTH, height=HEIGHT) for _ in range(2))
    assert _same(first, second)
    assert first.frame_id == second.frame_id
    assert not _same(first, render_frame(12, width=WIDTH, height=HEIGHT))


def test_another_view_sees_the_same_scene_from_elsewhere() -> None:
    first, second = (render_frame(3, width=WIDTH, height=HEIGHT, view=v) for v in (0, 1))
    assert second.frame_id == first.frame_id + "-v1"
    assert second.condition == first.condition
    assert not np.array_equal(first.depth_m, second.depth_m, equal_nan=True)


@pytest.mark.parametrize("condition", list(WEATHER))
def test_every_condition_gives_a_sound_frame(condition: str) -> None:
    frame = render_frame(21, width=WIDTH, height=HEIGHT, samples=1, condition=condition)
    assert frame.kind == WEATHER[condition].kind
    assert frame.frame_id == f"{frame.kind}-{condition}-0000021"
    assert frame.rgb.shape == (HEIGHT, WIDTH, 3)
    assert frame.rgb.dtype == np.uint8
    for values, low, high in ((frame.apparent_temperature_k, 180, 420), (frame.depth_m, 0.2, 800)):
        assert values.shape == (HEIGHT, WIDTH)
        assert values.dtype == np.float32
        assert np.nanmin(values) > low
        assert np.nanmax(values) < high
    assert np.isfinite(frame.apparent_temperature_k).all()
    assert np.isnan(frame.depth_m).any() == (frame.kind == "street") or frame.kind == "street"


def test_conditions_differ() -> None:
    day, night = (
        render_frame(5, width=WIDTH, height=HEIGHT, condition=name) for name in ("day", "night")
    )
    assert np.array_equal(day.depth_m, night.depth_m, equal_nan=True)  # the same street
    assert day.rgb.mean() > 1.3 * night.rgb.mean()
    ground = np.isfinite(day.depth_m)
    assert not np.allclose(
        day.apparent_temperature_k[ground], night.apparent_temperature_k[ground], atol=1
    )


@pytest.mark.parametrize("kind", ["street", "room"])
def test_a_seed_is_one_place_under_every_condition(kind: str) -> None:
    names = [name for name, row in WEATHER.items() if row.kind == kind and not row.wet]
    for seed in (40, 41, 42):
        meshes = [make_scene(seed, condition=name).mesh for name in names]
        for mesh in meshes[1:]:
            assert np.array_equal(mesh.positions, meshes[0].positions)


def test_the_camera_stands_clear() -> None:
    for seed in range(30, 42):
        frame = render_frame(seed, width=24, height=18, samples=1)
        assert np.nanmedian(frame.depth_m) > 1.2, frame.frame_id


def test_asking_for_what_does_not_exist() -> None:
    with pytest.raises(SettingsError, match="unknown condition 'foggy'"):
        make_scene(1, condition="foggy")
    with pytest.raises(
        SettingsError, match="unknown kind of scene 'streets'; did you mean 'street'"
    ):
        make_scene(1, kind="streets")
    with pytest.raises(SettingsError, match="'lit' is for a room"):
        make_scene(1, kind="street", condition="lit")


def test_shares_of_kinds_and_conditions_are_whole() -> None:
    for kind in ("street", "room"):
        shares = [row.share for row in WEATHER.values() if row.kind == kind]
        assert sum(shares) == pytest.approx(1.0)


def test_without_embreex_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, wall_scene: Callable[..., Scene]
) -> None:
    monkeypatch.setitem(sys.modules, "embreex.mesh_construction", None)
    with pytest.raises(DependencyError, match=r"thermodepth\[synthetic\]"):
        EmbreeCaster(wall_scene(300.0, 295.0).mesh.positions)


def test_visibility_and_distance_agree_with_the_wall(wall_scene: Callable[..., Scene]) -> None:
    caster = EmbreeCaster(wall_scene(300.0, 295.0).mesh.positions)
    origins = np.zeros((2, 3), np.float32)
    directions = np.array([[0, 1, 0], [0, -1, 0]], np.float32)
    assert caster.distance(origins, directions)[0] == pytest.approx(WALL_M)
    assert caster.visible(origins, directions).tolist() == [False, True]
    assert caster.visible(origins, directions, WALL_M - 0.1).tolist() == [True, True]
    assert caster.hit(origins, directions).triangle[1] == -1


def test_emissivity_shows(wall_scene: Callable[..., Scene]) -> None:
    """The same wall in a colder room reads colder: it reflects the room."""
    scene = wall_scene(320.0, 293.0)
    colder = replace(scene, conditions=replace(scene.conditions, air_k=270.0))
    warm, cold = (
        render(s, rig=coaxial_rig(24, 18), samples=1, seed=(0,)).apparent_temperature_k
        for s in (scene, colder)
    )
    assert float((warm - cold).mean()) > 0.5
