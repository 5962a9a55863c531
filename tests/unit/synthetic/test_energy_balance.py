"""Temperatures and radiances worked out by hand, and the closure that Kirchhoff's law asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import coaxial_rig
from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.materials.fresnel import band_reflectance
from thermodepth.synthetic.materials.radiance import apparent_temperature_k, band_radiance
from thermodepth.synthetic.materials.registry import MATERIAL_INDEX, MATERIALS
from thermodepth.synthetic.rendering import thermal_shading
from thermodepth.synthetic.rendering.gbuffer import GBuffer, SurfacePoints, trace
from thermodepth.synthetic.rendering.thermal_shading import (
    Exposure,
    shade_thermal,
    sky_radiance,
    surface_temperature_k,
)
from thermodepth.synthetic.space.rays import EmbreeCaster
from thermodepth.synthetic.space.vectors import Array, Vec
from thermodepth.synthetic.weather.conditions import Conditions, draw_conditions

CALM_DRY_NIGHT: dict[str, Any] = {
    "air_k": 293.15,
    "outside_k": 293.15,
    "wind_m_s": 2.0,
    "humidity": 0.6,
    "sun_w_m2": 0.0,
    "diffuse_w_m2": 0.0,
    "sky_deficit_w_m2": 0.0,
    "stored_k": 0.0,
    "extinction_per_m": 0.0,
    "cloud": 0.0,
    "sun": None,
    "earlier_sun": None,
}


@pytest.fixture(autouse=True)
def _even_surfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mottling: what is left is the balance."""
    monkeypatch.setattr(thermal_shading, "smooth", lambda: np.zeros((512, 512), np.float32))


def _weather(condition: str = "night", **changes: Any) -> Conditions:
    conditions = draw_conditions(np.random.default_rng(0), condition)
    return replace(conditions, **{**CALM_DRY_NIGHT, **changes})


def _balance(
    material: str,
    weather: Conditions,
    *,
    albedo: float = 0.3,
    normal: Vec = (0.0, 0.0, 1.0),
    lit: tuple[float, float] = (1.0, 1.0),
    sky_view: float = 1.0,
    openness: float = 1.0,
    height_m: float = 0.0,
    source: tuple[float, float] = (0.0, 0.0),
) -> float:
    """Kelvin of one point; `lit` now and earlier."""
    builder = MeshBuilder()
    corner, u, v = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    builder.quad(corner, u, v, Surface(material, (albedo, albedo, albedo), "plain", *source))
    one = np.ones(1, np.float32)
    place = np.array([[0.0, 0.0, height_m]], np.float32)
    points = SurfacePoints(
        index=np.zeros(1, int),
        surface=np.zeros(1, int),
        material=np.array([MATERIAL_INDEX[material]]),
        object_id=np.zeros(1, int),
        offset=np.full((1, 4), 0.5, np.float32),
        shade=one,
        position=place,
        anchored=place,
        normal=np.array([normal], np.float32),
        uv=np.zeros((1, 2), np.float32),
        distance_m=one,
        cosine=one,
    )
    exposure = Exposure(
        albedo=np.full((1, 3), albedo, np.float32),
        sun=one * lit[0],
        earlier_sun=one * lit[1],
        sky_view=one * sky_view,
        openness=one * openness,
    )
    return float(surface_temperature_k(builder.finish(), points, exposure, weather)[0])


def test_asphalt_in_the_sun() -> None:
    """Level asphalt of albedo .11, sun 700 W/m2 overhead, earlier at .9 of it, sky view .8.

    exchange   (5.7 + 3.8 x 2) x 1 + 4 x .95 x 5.670374e-8 x 293.15^3 = 13.300 + 5.428 = 18.728 W/m2/K
    absorbed   1 - (.08 + .75 x .11)                                  = .8375
    sunshine   (.25 x 1 + .75 x .9) x 700 x (1 - .35 x .75)           = 477.53 W/m2
    gain       .8375 x (477.53 + 90 x .8)                             = 460.23 W/m2
    loss       .95 x .8 x 75                                          = 57.00 W/m2
    stored     .75 x 1 K x (1 - .4 x .8)                              = .51 K
    T          293.15 + (460.23 - 57.00) / 18.728 + .51 = 293.15 + 21.53 + .51 = 315.19 K
    """
    weather = _weather(
        "day",
        sun_w_m2=700.0,
        diffuse_w_m2=90.0,
        sky_deficit_w_m2=75.0,
        stored_k=1.0,
        sun=(0.0, 0.0, 1.0),
        earlier_sun=(0.0, 0.4358899, 0.9),
    )
    assert _balance("asphalt", weather, albedo=0.11, sky_view=0.8) == pytest.approx(
        315.19, abs=0.01
    )
    # In the shade now, but lit before: 700 x .75 x .9 x .7375 = 348.47 -> 309.41 K. A shadow's ghost.
    lingering = _balance("asphalt", weather, albedo=0.11, sky_view=0.8, lit=(0.0, 1.0))
    assert lingering == pytest.approx(309.41, abs=0.01)
    # Never lit: (.8375 x 72 - 57) / 18.728 = .18 -> 293.84 K.
    shaded = _balance("asphalt", weather, albedo=0.11, sky_view=0.8, lit=(0.0, 0.0))
    assert shaded == pytest.approx(293.84, abs=0.01)


def test_lane_paint_on_that_asphalt() -> None:
    """Paint of albedo .7 in the same sun, F = 1, no sky loss, nothing stored.

    exchange   13.3 + 4 x .94 x 5.670374e-8 x 293.15^3 = 13.300 + 5.371 = 18.671 W/m2/K
    absorbed   1 - (.08 + .75 x .7) = .395
    sunshine   700 x (1 - .35 x .75) = 516.25 W/m2
    T          293.15 + .395 x (516.25 + 90) / 18.671 = 293.15 + 12.83 = 305.98 K
    """
    weather = _weather(
        "day",
        sun_w_m2=700.0,
        diffuse_w_m2=90.0,
        sun=(0.0, 0.0, 1.0),
        earlier_sun=(0.0, 0.0, 1.0),
    )
    assert _balance("paint", weather, albedo=0.7) == pytest.approx(305.98, abs=0.01)
    # The asphalt beside it: .8375 x 606.25 / 18.728 = 27.11 K above the air; the line is 14 K colder.
    assert _balance("asphalt", weather, albedo=0.11) == pytest.approx(320.26, abs=0.01)


def test_roof_under_a_clear_night_sky() -> None:
    """Air 283.15 K, wind 1 m/s, sky deficit 100 W/m2, 4 K stored, F = 1.

    exchange   5.7 + 3.8 + 4 x .90 x 5.670374e-8 x 283.15^3 = 9.500 + 4.634 = 14.134 W/m2/K
    loss       .90 x 100 = 90 W/m2
    stored     .3 x 4 x (1 - .4) = .72 K
    T          283.15 - 90 / 14.134 + .72 = 283.15 - 6.37 + .72 = 277.50 K: frost on a +10 C night
    """
    weather = _weather(air_k=283.15, wind_m_s=1.0, sky_deficit_w_m2=100.0, stored_k=4.0)
    assert _balance("roof", weather) == pytest.approx(277.50, abs=0.01)
    # Under a tree (F = 0) only the stored warmth is left: 283.15 + 1.2.
    assert _balance("roof", weather, sky_view=0.0) == pytest.approx(284.35, abs=0.01)


def test_wet_concrete_in_the_rain() -> None:
    """Air 285.15 K, wind 5 m/s, humidity .6, diffuse 80 W/m2, albedo .3, F = .7, deficit 8 W/m2.

    exchange   (5.7 + 19) x 2.2 + 4 x .93 x 5.670374e-8 x 285.15^3 = 54.340 + 4.891 = 59.231 W/m2/K
    gain       (1 - .08 - .225) x 80 x .7 = 38.92 W/m2
    loss       .93 x .7 x 8 = 5.21 W/m2
    evaporates 2.5 x (1 - .6) = 1 K
    T          285.15 + 33.71 / 59.231 - 1 = 284.72 K
    """
    weather = _weather("rain", air_k=285.15, wind_m_s=5.0, diffuse_w_m2=80.0, sky_deficit_w_m2=8.0)
    assert _balance("concrete", weather, sky_view=0.7) == pytest.approx(284.72, abs=0.01)
    # A wall dries: nothing evaporates from it.
    wall = _balance("concrete", weather, sky_view=0.7, normal=(1.0, 0.0, 0.0))
    assert wall == pytest.approx(285.72, abs=0.01)


def test_leaves_stay_near_the_air() -> None:
    """They exchange three times as much with the air and keep nothing: albedo .2 in full sun.

    sunshine   700 x (1 - .35 x .02) = 695.1 W/m2;  absorbed 1 - (.08 + .75 x .2) = .77
    exchange   13.3 x 3 + 4 x .97 x 5.670374e-8 x 293.15^3 = 39.900 + 5.543 = 45.443 W/m2/K
    T          293.15 + .77 x 695.1 / 45.443 = 293.15 + 11.78 = 304.93 K
    """
    up = (0.0, 0.0, 1.0)
    weather = _weather("day", sun_w_m2=700.0, sun=up, earlier_sun=up)
    assert _balance("leaf", weather, albedo=0.2) == pytest.approx(304.93, abs=0.01)


def test_a_hand_over_its_balance() -> None:
    """Skin lets .9 of 306.5 K through, the rest is the balance: .1 x 293.15 + .9 x 306.5 = 305.165."""
    assert _balance("skin", _weather(), source=(306.5, 0.9)) == pytest.approx(305.165, abs=0.001)


def test_a_room_is_layered_and_its_corners_are_cool() -> None:
    """295 + .45 x (2.4 - 1.4) = 295.45 in the open; .7 x .5 less in a corner that is half closed."""
    room = replace(draw_conditions(np.random.default_rng(0), "lit"), air_k=295.0)
    assert _balance("plaster", room, height_m=2.4) == pytest.approx(295.45, abs=0.001)
    corner = _balance("plaster", room, height_m=2.4, openness=0.5)
    assert corner == pytest.approx(295.10, abs=0.001)


@pytest.mark.parametrize(
    ("clear_zenith", "zenith_c", "horizon_c"),
    [(0.65, -39, 12), (0.5, -24, 14.5), (0.3, -7, 15), (0.08, 9, 15)],
)
def test_sky_is_cold_overhead_and_as_warm_as_the_air_at_the_horizon(
    clear_zenith: float, zenith_c: float, horizon_c: float
) -> None:
    """Apparent temperatures at 90 and 5 degrees above the horizon, air at 17 C."""
    weather = _weather(air_k=290.15, clear_zenith=clear_zenith)
    rise = np.radians([90.0, 5.0])
    directions = np.stack([np.cos(rise), np.zeros(2), np.sin(rise)], -1)
    celsius = apparent_temperature_k(sky_radiance(directions, weather)) - 273.15
    assert celsius[0] == pytest.approx(zenith_c, abs=1.0)
    assert celsius[1] == pytest.approx(horizon_c, abs=0.5)


def test_moist_or_clouded_skies_are_warmer() -> None:
    """What the sky takes from roofs and how cold it looks come from one draw of vapour and cloud."""
    draws = [draw_conditions(np.random.default_rng(seed), "night") for seed in range(400)]
    columns = ("air_k", "humidity", "cloud", "clear_zenith", "sky_deficit_w_m2")
    values = np.array([[getattr(c, name) for name in columns] for c in draws])
    between = dict(zip(columns, np.corrcoef(values.T), strict=True))
    warmer, moister, clouded = between["clear_zenith"][:3]
    assert warmer < -0.5
    assert moister < -0.4
    assert abs(clouded) < 0.15  # the clear part of a sky does not know of the clouds
    assert between["sky_deficit_w_m2"][2] < -0.7
    assert between["sky_deficit_w_m2"][3] > 0.4


# --- radiance -----------------------------------------------------------------------------------


def _tunnel(surface: Surface) -> Mesh:
    """A closed box 3 x 40 x 3 m around (0, 0, 1.5): from inside, walls are met at every angle."""
    builder = MeshBuilder()
    builder.box((0.0, 18.0, 0.0), (3.0, 40.0, 3.0), surface, bottom=True)
    mesh = builder.finish()
    return replace(mesh, object_random=np.full_like(mesh.object_random, 0.5))


def _look(mesh: Mesh, weather: Conditions) -> tuple[GBuffer, Array]:
    """(what was met, band radiance [h w]) along the tunnel."""
    pytest.importorskip("embreex")
    pose = CameraPose(position=(0.2, 0.0, 1.3), yaw=0.25, pitch=-0.05, roll=0.0)
    view = View(coaxial_rig(40, 32).thermal, pose.matrix())
    rng = np.random.default_rng(0)
    buffer = trace(mesh, EmbreeCaster(mesh.positions), view, weather, samples=1, rng=rng)
    return buffer, shade_thermal(mesh, buffer, weather)


@pytest.mark.parametrize("wet", [False, True])
@pytest.mark.parametrize("material", list(MATERIALS))
def test_closure(material: str, wet: bool) -> None:
    """Inside an enclosure as warm as its air everything reads that temperature, mirrors too.

    The sky takes nothing here: what stands in a mirror is shaded at a typical exposure to it.
    """
    air_k = 287.0
    weather = _weather(air_k=air_k, extinction_per_m=5e-3, wet=wet, humidity=1.0)
    buffer, radiance = _look(_tunnel(Surface(material, (0.4, 0.4, 0.4))), weather)
    assert buffer.points.cosine.min() < 0.1
    assert buffer.points.cosine.max() > 0.9
    error_k = apparent_temperature_k(radiance) - air_k
    assert np.abs(error_k).max() < 2e-3


@pytest.fixture
def warm_tunnel() -> Callable[[str, float], tuple[GBuffer, Array, float]]:
    """`warm_tunnel(material, extinction)`: walls at 320 K around air at 287 K."""

    def look(material: str, extinction_per_m: float) -> tuple[GBuffer, Array, float]:
        weather = _weather(air_k=287.0, extinction_per_m=extinction_per_m)
        surface = Surface(material, (0.4, 0.4, 0.4), "plain", 320.0, 1.0)
        buffer, radiance = _look(_tunnel(surface), weather)
        air = float(band_radiance(287.0))
        return buffer, (radiance.ravel() - air) / (float(band_radiance(320.0)) - air), air

    return look


def test_rough_walls_lose_emission_at_grazing_angles(
    warm_tunnel: Callable[[str, float], tuple[GBuffer, Array, float]],
) -> None:
    """(L - L_air) / (L_wall - L_air) = 1 - rho, rho = .07 + .93 x .35 x (1 - cos)^5 for paper."""
    buffer, excess, _ = warm_tunnel("paper", 0.0)
    cosine = buffer.points.cosine
    np.testing.assert_allclose(excess, 1 - (0.07 + 0.93 * 0.35 * (1 - cosine) ** 5), atol=2e-4)


def test_mirrors_show_what_they_face(
    warm_tunnel: Callable[[str, float], tuple[GBuffer, Array, float]],
) -> None:
    """Paint of r0 = .10 faces paint: 1 - rho of its own, plus rho x .90 of the wall it reflects."""
    buffer, excess, _ = warm_tunnel("car_paint", 0.0)
    rho = np.minimum(0.10 + 0.90 * (1 - buffer.points.cosine) ** 5, 0.97)
    np.testing.assert_allclose(excess, 1 - rho + rho * 0.90, atol=2e-4)


def test_glass_mirrors_by_its_measured_constants(
    warm_tunnel: Callable[[str, float], tuple[GBuffer, Array, float]],
) -> None:
    buffer, excess, _ = warm_tunnel("glass", 0.0)
    rho = np.minimum(band_reflectance("soda-lime glass", buffer.points.cosine), 0.97)
    np.testing.assert_allclose(excess, 1 - rho + rho * 0.88, atol=3e-4)


def test_the_path_replaces_what_it_absorbs(
    warm_tunnel: Callable[[str, float], tuple[GBuffer, Array, float]],
) -> None:
    """tau = exp(-.02 d): over 30 m, .55 of the excess over the air is left."""
    buffer, through_air, _ = warm_tunnel("paper", 0.02)
    _, in_vacuum, _ = warm_tunnel("paper", 0.0)
    np.testing.assert_allclose(
        through_air / in_vacuum, np.exp(-0.02 * buffer.points.distance_m), atol=2e-4
    )
