"""Does the world look like a long-wave world? Statistics over a few scenes, with room to the thresholds.

Pictures are noise-free apparent temperatures after the optics, beside the RGB picture of the same view.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, maximum_filter

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.materials.radiance import apparent_temperature_k, band_radiance
from thermodepth.synthetic.materials.registry import MATERIAL_INDEX
from thermodepth.synthetic.rendering.frame import Frame
from thermodepth.synthetic.rendering.gbuffer import GBuffer, trace
from thermodepth.synthetic.rendering.render import render
from thermodepth.synthetic.rendering.thermal_shading import (
    Exposure,
    shade_thermal,
    sky_radiance,
    surface_temperature_k,
)
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.weather.conditions import WEATHER, Conditions, draw_conditions
from thermodepth.synthetic.worlds.world import make_scene

RIG = coaxial_rig(128, 96)
NETD_K = 0.09  # the worst of the default sensor
SCENES = range(300, 304)
ROADS_WITH_PAINT = (0, 1, 2, 5, 6, 7)  # the first streets that show enough of it
COOL_NIGHTS_WITH_PEOPLE = (15, 16, 33, 39, 52)


@pytest.fixture(scope="module", autouse=True)
def _needs_the_ray_caster() -> None:
    pytest.importorskip("embreex")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame and what each pixel's centre meets."""

    frame: Frame
    mesh: Mesh
    triangle: Array  # [h w], -1 for sky
    material: Array  # [h w] row of MATERIALS, -1 for sky

    def made_of(self, *names: str) -> Array:
        """[h w] bool."""
        return np.isin(self.material, [MATERIAL_INDEX[name] for name in names])

    @property
    def source_share(self) -> Array:
        """[h w] how much of something hot or cold comes through."""
        share: Array = self.mesh.source_share[self.mesh.surface[self.triangle]]
        return np.where(self.triangle >= 0, share, 0.0)


@functools.cache
def see(seed: int, condition: str) -> Seen:
    """One scene from its own camera."""
    scene = make_scene(seed, condition=condition)
    caster = EmbreeCaster(scene.mesh.positions)
    frame = render(scene, rig=RIG, seed=(seed,), caster=caster)
    origin, directions, _ = View(RIG.thermal, scene.camera.matrix()).rays(1)
    triangle = caster.hit(np.broadcast_to(origin, directions.shape), directions).triangle
    material = np.where(triangle >= 0, scene.mesh.material[scene.mesh.surface[triangle]], -1)
    shape = frame.depth_m.shape
    return Seen(frame, scene.mesh, triangle.reshape(shape), material.reshape(shape))


def _steps(picture: Array) -> Array:
    """[h w] the largest difference to a neighbour."""
    across, down = np.abs(np.diff(picture, axis=1)), np.abs(np.diff(picture, axis=0))
    steps = np.zeros_like(picture)
    for target, difference in (
        (np.s_[:, 1:], across),
        (np.s_[:, :-1], across),
        (np.s_[1:], down),
        (np.s_[:-1], down),
    ):
        steps[target] = np.maximum(steps[target], difference)
    return steps


def _stretched(picture: Array) -> Array:
    """Between the 1st and the 99th percentile, as a display would."""
    low, high = np.percentile(picture, [1, 99])
    return ((picture - low) / (high - low)).clip(0, 1)


def _depth_edges(frame: Frame) -> Array:
    """[h w] next to a step of more than 10 %; the sky counts as a kilometre away."""
    return _steps(np.log(np.nan_to_num(frame.depth_m.astype(float), nan=1000.0))) > 0.1


def _texture_and_blindness(view: Seen, picture: Array) -> tuple[float, float]:
    """Mean step where depth is smooth; share of depth edges without a picture edge within a pixel."""
    steps, edges = _steps(_stretched(picture)), _depth_edges(view.frame)
    smooth = ~binary_dilation(edges) & np.isfinite(view.frame.depth_m)
    blind = maximum_filter(steps, 3)[edges] < 0.05
    return float(steps[smooth].mean()), float(blind.mean())


@functools.cache
def _thermal_and_rgb(condition: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """((texture, blindness) of thermal, the same of RGB), means over `SCENES`."""
    thermal, visible = [], []
    for seed in SCENES:
        view = see(seed, condition)
        kelvin = view.frame.apparent_temperature_k.astype(float)
        thermal.append(_texture_and_blindness(view, kelvin))
        visible.append(_texture_and_blindness(view, view.frame.rgb.mean(2)))
    (texture, blind), (rgb_texture, rgb_blind) = np.mean(thermal, 0), np.mean(visible, 0)
    return (float(texture), float(blind)), (float(rgb_texture), float(rgb_blind))


@pytest.mark.parametrize("condition", list(WEATHER))
def test_thermal_has_little_texture_and_misses_depth_edges(condition: str) -> None:
    (texture, blind), (rgb_texture, rgb_blind) = _thermal_and_rgb(condition)
    assert texture < 0.6 * rgb_texture
    assert blind > 0.15
    assert blind > 2.5 * rgb_blind


def test_a_quarter_of_all_depth_edges_have_no_thermal_edge() -> None:
    assert np.mean([_thermal_and_rgb(condition)[0][1] for condition in WEATHER]) > 0.25


def _paint_over_asphalt_k(seed: int, condition: str) -> float:
    """How much warmer lane paint is than the asphalt around it, within 15 m."""
    view = see(seed, condition)
    corners = view.mesh.positions[view.triangle]
    level = np.ptp(corners[..., 2], axis=-1) < 1e-4
    road = level & (corners[..., 0, 2] < 0.02) & (view.triangle >= 0)
    paint = road & view.made_of("paint") & (np.nan_to_num(view.frame.depth_m, nan=99.0) < 15)
    asphalt = road & view.made_of("asphalt") & (view.source_share == 0)
    inside = binary_erosion(paint)
    around = binary_dilation(paint, iterations=4) & ~binary_dilation(paint)
    beside = around & binary_erosion(asphalt | paint) & asphalt
    assert inside.sum() >= 4, f"street {seed} no longer shows paint: choose another"
    kelvin = view.frame.apparent_temperature_k
    return float(np.median(kelvin[inside]) - np.median(kelvin[beside]))


def test_lane_paint_shows_by_day_and_vanishes_at_night() -> None:
    """Its albedo keeps it cool in the sun. At night only the road's own unevenness is left."""
    day, night = (
        np.array([_paint_over_asphalt_k(seed, condition) for seed in ROADS_WITH_PAINT])
        for condition in ("day", "night")
    )
    assert np.median(day) < -20 * NETD_K
    assert np.median(np.abs(night)) < 5 * NETD_K
    assert np.median(np.abs(day)) > 7 * np.median(np.abs(night))


def test_people_are_the_hottest_of_a_cool_night() -> None:
    """Lamps, engines and heated windows aside."""
    shares = []
    for seed in COOL_NIGHTS_WITH_PEOPLE:
        view = see(seed, "night")
        kelvin, skin = view.frame.apparent_temperature_k, view.made_of("skin")
        assert skin.sum() >= 15, f"street {seed} no longer shows people: choose another"
        person = view.made_of("skin", "cloth")
        heated = ((view.source_share > 0.1) & ~person) | view.made_of("lamp")
        unheated = ~binary_dilation(heated, iterations=2) & (view.triangle >= 0)
        hottest = unheated & (kelvin >= np.percentile(kelvin[unheated], 99))
        shares.append(binary_dilation(person)[hottest].mean())
        assert np.percentile(kelvin[skin], 75) > np.median(kelvin) + 5
    assert np.mean(shares) > 0.7


# --- wet roads ----------------------------------------------------------------------------------


def _traced(mesh: Mesh, pose: CameraPose, conditions: Conditions) -> tuple[GBuffer, Array]:
    """(what was met, its apparent temperature [n])."""
    view = View(RIG.thermal, pose.matrix())
    rng = np.random.default_rng(0)
    buffer = trace(mesh, EmbreeCaster(mesh.positions), view, conditions, samples=1, rng=rng)
    return buffer, apparent_temperature_k(shade_thermal(mesh, buffer, conditions)).ravel()


def _mirrored_k(mesh: Mesh, buffer: GBuffer, conditions: Conditions) -> Array:
    """[q] what stands where the mirror rays go, as a perfect mirror would show it."""
    mirrors, met = buffer.mirrors, buffer.mirrors.points
    radiance = sky_radiance(mirrors.directions, conditions)
    typical = Exposure(mirrors.albedo, 0.6, 0.6, np.full(len(met.index), 0.4, np.float32), 1.0)
    radiance[met.index] = band_radiance(surface_temperature_k(mesh, met, typical, conditions))
    return apparent_temperature_k(radiance)


def test_wet_roads_mirror_what_stands_above_them_and_dry_ones_do_not() -> None:
    wet_likeness, dry_likeness = [], []
    for seed in SCENES:
        scene = make_scene(seed, condition="rain")
        wet, wet_k = _traced(scene.mesh, scene.camera, scene.conditions)
        _, dry_k = _traced(scene.mesh, scene.camera, replace(scene.conditions, wet=False))
        points, rows = wet.points, wet.mirrors.rows
        asphalt = points.material[rows] == MATERIAL_INDEX["asphalt"]
        low = asphalt & (points.distance_m[rows] < 25) & (points.cosine[rows] < 0.25)
        above_k = _mirrored_k(scene.mesh, wet, scene.conditions)[low]
        pixel = points.index[rows][low]
        wet_likeness.append(np.corrcoef(above_k, wet_k[pixel])[0, 1])
        dry_likeness.append(np.corrcoef(above_k, dry_k[pixel])[0, 1])
    assert np.median(wet_likeness) > 0.5
    assert np.median(dry_likeness) < 0.3


@pytest.fixture
def panel_on_a_road() -> Callable[[bool], Array]:
    """`panel_on_a_road(wet)`: apparent temperature [h w] of a 340 K panel standing on asphalt, 8 m ahead."""

    def look(wet: bool) -> Array:
        builder = MeshBuilder()
        asphalt = Surface("asphalt", (0.11, 0.11, 0.11))
        builder.quad((-60.0, -5.0, 0.0), (120.0, 0.0, 0.0), (0.0, 200.0, 0.0), asphalt)
        hot = Surface("rubber", (0.1, 0.1, 0.1), "plain", 340.0, 1.0)
        builder.quad((-1.0, 8.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, 2.5), hot)
        pose = CameraPose(position=(0.0, 0.0, 1.5), yaw=0.0, pitch=-0.1, roll=0.0)
        conditions = replace(
            draw_conditions(np.random.default_rng(0), "rain"), wet=wet, air_k=283.0
        )
        _, kelvin = _traced(builder.finish(), pose, conditions)
        return kelvin.reshape(96, 128)

    return look


def test_a_hot_panel_stands_upside_down_in_a_wet_road(
    panel_on_a_road: Callable[[bool], Array],
) -> None:
    """Its foot is 8 m away; from 5 to 7 m the road mirrors its lower part, beside it the sky."""
    focal_px, pitch = RIG.thermal.intrinsics[0, 0], 0.1
    far, near = (48 + focal_px * np.tan(np.arctan(1.5 / metres) - pitch) for metres in (7.0, 5.0))
    rows = slice(int(far) + 1, int(near))
    excess_k = {}
    for wet in (True, False):
        road_k = panel_on_a_road(wet)[rows]
        below, beside = road_k[:, 58:70], road_k[:, [10, 11, 12, 115, 116, 117]]
        excess_k[wet] = float(np.median(below) - np.median(beside))
    assert excess_k[True] > 3
    assert abs(excess_k[False]) < 1
