"""Long-wave radiance of every sample: temperatures from an energy balance, then emission and reflection.

Outdoors, steady and linearised about the air temperature Ta, per point:

    T = Ta + ((1 - a)(S + Sd F) - eps F dR) / (h + 4 eps sigma Ta^3) + inertia stored (1 - .4 F)

a visible absorbed-part complement (albedo), S sun on the surface now and before mixed by inertia, Sd
diffuse sun, F sky view, dR long-wave loss to the sky, h = (5.7 + 3.8 wind) (McAdams). Then

    L = (1 - rho) L(T) + rho L_reflected,   rho = r0 + (1 - r0)(1 - cos)^5,   r0 = 1 - eps

with rho by Fresnel where n and k are measured (glass, water and what is wet: `materials.fresnel`), and along
the path L <- tau L + (1 - tau) L(Ta), tau = exp(-kappa d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.mesh import Mesh
from thermodepth.synthetic.materials.fresnel import ROW_OF_MATERIAL, WATER, measured_reflectance
from thermodepth.synthetic.materials.noise import bilinear, nearest, smooth
from thermodepth.synthetic.materials.radiance import STEFAN_BOLTZMANN, band_radiance
from thermodepth.synthetic.materials.registry import COLUMNS
from thermodepth.synthetic.rendering.clouds import layered_cover, layered_radiance
from thermodepth.synthetic.rendering.gbuffer import GBuffer, SurfacePoints
from thermodepth.synthetic.space.vectors import Array
from thermodepth.synthetic.weather.conditions import Conditions

_COLD_SPACE_K = 150.0  # through the window of a dry sky
_MID_SKY = np.array([[0.6, 0.0, 0.8]], np.float32)  # stands for the sky a rough surface reflects


@dataclass(frozen=True, slots=True)
class Exposure:
    """What surroundings do to points: all [k] or one number."""

    albedo: Array  # [k 3]
    sun: Array | float
    earlier_sun: Array | float
    sky_view: Array
    openness: Array | float


def sky_radiance(directions: Array, conditions: Conditions, *, clouds: bool = True) -> Array:
    """[n 3] -> [n]: warm haze near the horizon, cold zenith, clouds in between."""
    elevation = np.maximum(directions[:, 2], 0.0)
    air_mass = 1 / (elevation + 0.06)
    clear = conditions.clear_zenith**air_mass
    haze = band_radiance(conditions.air_k - 2.0)
    radiance = (1 - clear) * haze + clear * band_radiance(_COLD_SPACE_K)
    if conditions.layers and clouds:
        radiance = layered_radiance(radiance, directions, float(haze), conditions)
    elif conditions.cloud > 0 and not conditions.indoors:
        cover = cloud_cover(directions, conditions) if clouds else conditions.cloud
        base = band_radiance(conditions.air_k - 9 - 6 * (1 - conditions.humidity))
        through = 0.85**air_mass
        radiance = radiance * (1 - cover) + cover * ((1 - through) * haze + through * base)
    return np.asarray(radiance, np.float32)


def cloud_cover(directions: Array, conditions: Conditions) -> Array:
    """[n] 0..1 from noise on a plane overhead; the same clouds in both bands."""
    if conditions.layers:
        return layered_cover(directions, conditions)
    elevation = np.maximum(directions[:, 2], 0.0)
    plane = directions[:, :2] / (elevation[:, None] + 0.12)
    texture = bilinear(smooth(), plane[:, 0], plane[:, 1], 60.0, 0.1)
    cover: Array = np.clip((texture + (conditions.cloud - 0.5) * 6.4) * 0.7, 0, 1)
    return cover


def surface_temperature_k(
    mesh: Mesh, points: SurfacePoints, exposure: Exposure, conditions: Conditions
) -> Array:
    """[k] true temperature of each point."""
    balance = _indoor_k if conditions.indoors else _outdoor_k
    kelvin: Array = balance(points, exposure, conditions)
    share = mesh.source_share[points.surface]
    uneven = nearest(smooth(), points.uv[:, 0], points.uv[:, 1], 120.0, points.offset[:, 0])
    # What is wholly driven by its source is even.
    share = np.clip(share * (1 + 0.2 * uneven * (1 - share)), 0, 1)
    kelvin = (1 - share) * kelvin + share * mesh.source_k[points.surface]
    kelvin += _mottling_k(points, conditions) + (points.offset[:, 3] - 0.5) * 0.5
    rounded: Array = kelvin.astype(np.float32)
    return rounded


def _outdoor_k(points: SurfacePoints, exposure: Exposure, conditions: Conditions) -> Array:
    emissivity = COLUMNS.emissivity[points.material]
    inertia = COLUMNS.inertia[points.material]
    convection = COLUMNS.convection[points.material]
    air_k = conditions.air_k
    exchange = (5.7 + 3.8 * conditions.wind_m_s) * convection * (2.2 if conditions.wet else 1.0)
    exchange += 4 * emissivity * STEFAN_BOLTZMANN * air_k**3
    absorbed = 1 - (0.08 + 0.75 * exposure.albedo.mean(1))
    sunshine = np.zeros(len(points.index), np.float32)
    if conditions.sun is not None and conditions.earlier_sun is not None:
        now = points.normal @ np.array(conditions.sun, np.float32)
        before = points.normal @ np.array(conditions.earlier_sun, np.float32)
        sunshine = (1 - inertia) * exposure.sun * np.maximum(now, 0)
        sunshine += inertia * exposure.earlier_sun * np.maximum(before, 0)
        # Heavy materials have not reached their balance yet.
        sunshine *= conditions.sun_w_m2 * (1 - 0.35 * inertia)
    gain = absorbed * (sunshine + conditions.diffuse_w_m2 * exposure.sky_view)
    loss = emissivity * exposure.sky_view * conditions.sky_deficit_w_m2
    stored = inertia * conditions.stored_k * np.where(convection < 2, 1.0, 0.4)
    kelvin = air_k + (gain - loss) / exchange + stored * (1 - 0.4 * exposure.sky_view)
    if conditions.wet:
        # Evaporation cools what lies flat.
        kelvin -= (1 - conditions.humidity) * 2.5 * np.maximum(points.normal[:, 2], 0)
    return np.asarray(kelvin)


def _indoor_k(points: SurfacePoints, exposure: Exposure, conditions: Conditions) -> Array:
    """Warm air rises; corners, which exchange less with the room, are cooler."""
    layered = 0.45 * (points.position[:, 2] - 1.4)
    per_object = (points.offset[:, 2] - 0.5) * 0.5
    kelvin: Array = conditions.air_k + layered + per_object - 0.7 * (1 - exposure.openness)
    return kelvin


def _mottling_k(points: SurfacePoints, conditions: Conditions) -> Array:
    """Two octaves of unevenness in space, independent of the visible texture."""
    x, y, z = points.anchored.T
    u, v = x + 0.63 * y, z + 0.77 * y - 0.21 * x
    per_m = 28 * COLUMNS.mottle_per_m[points.material]
    texture = 0.6 * bilinear(smooth(), u, v, per_m, points.offset[:, 1])
    texture += 0.4 * nearest(smooth(), u, v, 4 * per_m, points.offset[:, 0])
    calm = (0.45 if conditions.wet else 1.0) * (0.35 if conditions.indoors else 1.0)
    kelvin: Array = texture * COLUMNS.mottle_k[points.material] * np.float32(calm)
    return kelvin


def shade_thermal(mesh: Mesh, buffer: GBuffer, conditions: Conditions) -> Array:
    """[rows columns] band radiance at the lens, W m^-2 sr^-1."""
    points = buffer.points
    air = float(band_radiance(conditions.air_k))
    exposure = Exposure(
        buffer.albedo, buffer.sun, buffer.earlier_sun, buffer.sky_view, buffer.openness
    )
    emitted = band_radiance(surface_temperature_k(mesh, points, exposure, conditions))
    if conditions.indoors:
        background = np.full(len(buffer.directions), air, np.float32)
        reflected: Array = np.full(len(points.index), air, np.float32)
    else:
        background = sky_radiance(buffer.directions, conditions)
        mid_sky = float(sky_radiance(_MID_SKY, conditions, clouds=False)[0])
        reflected = air * (1 - buffer.sky_view) + mid_sky * buffer.sky_view
    reflected[buffer.mirrors.rows] = _mirrored(mesh, buffer, conditions, air)
    rho = _reflectance(buffer)
    leaving = (1 - rho) * emitted + rho * reflected
    through = np.exp(-conditions.extinction_per_m * points.distance_m)
    background[points.index] = through * leaving + (1 - through) * air
    return background.reshape(buffer.rows, buffer.columns)


def _reflectance(buffer: GBuffer) -> Array:
    """[k] by Fresnel where that is measured, else like it; rough ones lose two thirds of the grazing rise."""
    points = buffer.points
    r0 = 1 - COLUMNS.emissivity[points.material]
    grazing = (1 - points.cosine) ** 5 * np.where(COLUMNS.mirror[points.material], 1.0, 0.35)
    rho = r0 + (1 - r0) * grazing
    row = np.where(
        buffer.wetness > 0.5, WATER, ROW_OF_MATERIAL[points.material]
    )  # of a film, the water
    measured = row >= 0
    rho[measured] = measured_reflectance(row[measured], points.cosine[measured])
    limited: Array = np.minimum(rho, 0.97).astype(np.float32)
    return limited


def _mirrored(mesh: Mesh, buffer: GBuffer, conditions: Conditions, air: float) -> Array:
    """[q] radiance that mirror samples reflect: the sky, or the surface met at typical exposure."""
    mirrors = buffer.mirrors
    if conditions.indoors:
        radiance = np.full(len(mirrors.rows), air, np.float32)
        sky_view: Array = np.zeros(len(mirrors.points.index), np.float32)
    else:
        radiance = sky_radiance(mirrors.directions, conditions)
        sky_view = 0.35 + 0.3 * mirrors.points.normal[:, 2]
    exposure = Exposure(mirrors.albedo, 0.6, 0.6, sky_view, 1.0)
    kelvin = surface_temperature_k(mesh, mirrors.points, exposure, conditions)
    emissivity = COLUMNS.emissivity[mirrors.points.material]
    met = emissivity * band_radiance(kelvin) + (1 - emissivity) * air
    radiance[mirrors.points.index] = met
    return radiance
