"""Linear RGB radiance of every sample: sun, sky, bounced light, lamps with shadows, mirrors, haze.

Intensities are relative: the sensor's automatic exposure sets the scale.
"""

from __future__ import annotations

import numpy as np

from thermodepth.synthetic.grammar.mesh import Lamp, Mesh
from thermodepth.synthetic.materials.noise import bilinear, nearest, smooth, white
from thermodepth.synthetic.materials.registry import COLUMNS, MATERIAL_INDEX
from thermodepth.synthetic.rendering.gbuffer import GBuffer
from thermodepth.synthetic.rendering.thermal_shading import cloud_cover
from thermodepth.synthetic.space.rays import RayCaster
from thermodepth.synthetic.space.vectors import Array, dot
from thermodepth.synthetic.weather.conditions import Conditions

_LAMPS = 10  # the nearest ones cast light
_FAINT = 0.004  # below this a lamp is not worth its shadow rays
_ZENITH, _HORIZON = np.array([0.25, 0.45, 0.95]), np.array([0.75, 0.85, 1.0])
_AFTERGLOW = np.array([0.75, 0.38, 0.16])
_NIGHT_SKY = np.array([0.010, 0.011, 0.016])
_LAMP_TINT = np.array([1.0, 0.93, 0.8])
_WINDOW_AT_NIGHT, _WINDOW_BY_DAY = np.array([1.0, 0.82, 0.55]), np.array([0.9, 0.97, 1.1])
_GLASS = MATERIAL_INDEX["glass"]


def sky_colour(directions: Array, conditions: Conditions) -> Array:
    """[n 3] directions -> [n 3] colours."""
    up = np.maximum(directions[:, 2], 0)[:, None]
    if conditions.night:
        return (_NIGHT_SKY * (1.6 - up)).astype(np.float32)
    clear = (_HORIZON + (_ZENITH - _HORIZON) * up**0.55) * conditions.sky_brightness
    clear = clear + np.exp(-7 * up) * _AFTERGLOW * conditions.afterglow
    cover = cloud_cover(directions, conditions)[:, None]
    plane = directions[:, :2] / (up + 0.12)
    folds = 0.72 + 0.08 * bilinear(smooth(), plane[:, 0], plane[:, 1], 45.0, 0.5)
    cloud = folds[:, None] * np.array([1, 1, 1.03]) * conditions.cloud_brightness
    colour = clear * (1 - cover) + cover * cloud
    if conditions.sun is not None:
        towards = np.clip(directions @ np.array(conditions.sun), 0, 1)[:, None]
        colour = colour + towards**400 * 4 + towards**12 * 0.25
    return np.asarray(colour, np.float32)


def shade_visible(
    mesh: Mesh,
    buffer: GBuffer,
    conditions: Conditions,
    caster: RayCaster,
    origin: Array,
    rng: np.random.Generator,
) -> Array:
    """[rows columns 3] linear RGB."""
    points = buffer.points
    light = (
        _room_light(mesh, buffer, conditions)
        if conditions.indoors
        else _daylight(buffer, conditions)
    )
    for lamp in _nearest_lamps(mesh.lamps, origin):
        _add_lamp(light, lamp, buffer, caster, conditions, rng)
    colour = buffer.albedo * light + _glow(mesh, buffer, conditions)
    _mix_mirrors(colour, mesh, buffer, conditions)
    if conditions.indoors:
        picture = np.zeros((len(buffer.directions), 3), np.float32)
    else:
        picture = sky_colour(buffer.directions, conditions)
        through = np.exp(-conditions.haze_per_m * points.distance_m)[:, None]
        haze = _haze_colour(conditions)
        colour = colour * through + haze * (1 - through)
    picture[points.index] = colour
    return picture.reshape(buffer.rows, buffer.columns, 3)


def _haze_colour(conditions: Conditions) -> Array:
    """What distance fades into: skylight, half of its hue gone."""
    sky = np.array(conditions.skylight)
    faded: Array = (sky + sky.mean()) / 2 * (0.9 if conditions.night else 1.12)
    return faded


def _daylight(buffer: GBuffer, conditions: Conditions) -> Array:
    """[k 3] from sky, sun and the surroundings they light."""
    sky, sun = np.array(conditions.skylight), np.array(conditions.sunlight)
    bounced = sky * 0.3 + sun * 0.115
    open_sky, openness = buffer.sky_view[:, None], buffer.openness[:, None]
    light = open_sky * sky + (1 - open_sky) * bounced * (0.3 + 0.7 * openness)
    if conditions.sun is not None:
        facing = np.maximum(buffer.points.normal @ np.array(conditions.sun, np.float32), 0)
        light = light + (buffer.sun * facing)[:, None] * sun
    return np.asarray(light, np.float32)


def _room_light(mesh: Mesh, buffer: GBuffer, conditions: Conditions) -> Array:
    """[k 3] what walls bounce, from the strongest lamp and the windows."""
    strongest = max((lamp.intensity for lamp in mesh.lamps), default=(0.0, 0.0, 0.0))
    bounced = 0.16 * np.array(strongest) + (0.004 if conditions.night else 0.05)
    return (buffer.openness[:, None] * bounced).astype(np.float32)


def _nearest_lamps(lamps: tuple[Lamp, ...], origin: Array) -> list[Lamp]:
    """The lamps nearest to a point a little ahead of the camera."""
    focus = origin + np.array([0.0, 8.0, 0.0])
    far = [float(np.linalg.norm(np.array(lamp.position) - focus)) for lamp in lamps]
    return [lamps[i] for i in np.argsort(far, kind="stable")[:_LAMPS]]


def _add_lamp(
    light: Array,
    lamp: Lamp,
    buffer: GBuffer,
    caster: RayCaster,
    conditions: Conditions,
    rng: np.random.Generator,
) -> None:
    """Inverse-square light within a beam; the lamp's place is jittered for soft shadows."""
    points = buffer.points
    size_m = 0.12 if conditions.indoors else 0.04
    jitter = rng.standard_normal(points.position.shape, dtype=np.float32) * np.float32(size_m)
    towards = np.array(lamp.position, np.float32) + jitter - points.position
    squared = dot(towards, towards)
    distance_m = np.sqrt(squared)
    towards /= distance_m[:, None]
    axis = np.clip(-(towards @ np.array(lamp.aim, np.float32)), 0, 1)
    received = np.maximum(dot(towards, points.normal), 0) * axis**lamp.beam / (squared + 0.15)
    bright = np.flatnonzero(received * max(lamp.intensity) > _FAINT)
    if not len(bright):
        return
    start = points.position[bright] + points.normal[bright] * 4e-3
    lit = caster.visible(start, towards[bright], distance_m[bright] - 0.15)
    light[bright] += (received[bright] * lit)[:, None] * np.array(lamp.intensity, np.float32)


def _glow(mesh: Mesh, buffer: GBuffer, conditions: Conditions) -> Array:
    """[k 3] light that surfaces give off: lamps, screens, signs, windows."""
    points = buffer.points
    glow = mesh.glow[points.surface]
    emitted = np.zeros_like(buffer.albedo)
    on = np.flatnonzero(glow > 0)
    hue = buffer.albedo[on] / buffer.albedo[on].max(1, keepdims=True) * _LAMP_TINT
    glass = points.material[on] == _GLASS
    window = _WINDOW_AT_NIGHT if conditions.night else _WINDOW_BY_DAY
    # What stands behind a lit pane: patches of 45 cm.
    uv = points.uv[on]
    behind = 0.55 + 0.45 * nearest(white(), uv[:, 0], uv[:, 1], 2.2, points.offset[on, 0])
    hue = np.where(glass[:, None], window * behind[:, None], hue)
    emitted[on] = hue * glow[on, None]
    return emitted


def _mix_mirrors(colour: Array, mesh: Mesh, buffer: GBuffer, conditions: Conditions) -> None:
    """Blend in what mirrors show; rough metal and floors keep more of their own colour."""
    mirrors, met = buffer.mirrors, buffer.mirrors.points
    if conditions.indoors:
        reflected = np.zeros_like(mirrors.directions)
        light = np.full(len(met.index), 0.01 if conditions.night else 0.35, np.float32)
    else:
        reflected = sky_colour(mirrors.directions, conditions)
        light = np.full(len(met.index), 0.02 if conditions.night else 0.3, np.float32)
        if conditions.sun is not None:
            facing = np.maximum(met.normal @ np.array(conditions.sun, np.float32), 0)
            light += 0.3 * max(conditions.sunlight) * facing
    # A mirrored lamp may dazzle, but not so that every stray sample of it is a white dot.
    glow = np.minimum(mesh.glow[met.surface], 6.0)[:, None] * 0.8 * np.array([1, 0.9, 0.7])
    reflected[met.index] = mirrors.albedo * light[:, None] + glow
    points = buffer.points
    own = COLUMNS.visible_r0[points.material[mirrors.rows]]
    r0 = np.maximum(own, 0.03 * buffer.wetness[mirrors.rows])
    rough = points.material[mirrors.rows] == MATERIAL_INDEX["tile"]
    grazing = (1 - points.cosine[mirrors.rows]) ** 5 * np.where(rough, 0.3, 0.8)
    share = (r0 + (1 - r0) * grazing)[:, None]
    colour[mirrors.rows] = colour[mirrors.rows] * (1 - share) + reflected * share
