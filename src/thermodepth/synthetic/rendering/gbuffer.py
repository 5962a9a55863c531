"""What the rays say, before any physics: where each sample lands, what it sees of sky, sun and mirror.

Both bands are shaded from the same buffer, so they differ by physics alone. `n` counts all samples of
the picture, `k` those that meet a surface, `q` those of them that mirror.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.cameras.view import View
from thermodepth.synthetic.grammar.mesh import Mesh
from thermodepth.synthetic.materials.patterns import albedo
from thermodepth.synthetic.materials.registry import COLUMNS
from thermodepth.synthetic.space.rays import MISS_M, Hits, RayCaster
from thermodepth.synthetic.space.vectors import Array, Vec, dot, unit
from thermodepth.synthetic.weather.conditions import Conditions

_SUN_BLUR = 0.003  # angular spread of sun rays, radians
_EARLIER_SUN_BLUR = 0.01  # it moved while it warmed the ground
_HEMISPHERE_RAYS = 2
_WET_ROUGHNESS = 0.018


@dataclass(frozen=True, slots=True)
class SurfacePoints:
    """Points on surfaces, one a row."""

    index: Array  # [k] which ray
    surface: Array  # [k] row of the mesh's surface columns
    material: Array  # [k] row of MATERIALS
    object_id: Array
    offset: Array  # [k 4] the object's random numbers
    shade: Array  # [k]
    position: Array  # [k 3]
    anchored: Array  # [k 3] position from the object's own origin: moves with it
    normal: Array  # [k 3] towards the viewer
    uv: Array  # [k 2]
    distance_m: Array  # [k] along the ray
    cosine: Array  # [k] between normal and ray, at least .02


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Reflected rays of the samples that mirror."""

    rows: Array  # [q] row of the points they start from
    directions: Array  # [q 3]
    points: SurfacePoints  # what they meet; its `index` is a row of `rows`
    albedo: Array  # [m 3]


@dataclass(frozen=True, slots=True)
class GBuffer:
    """All that shading needs of one view."""

    rows: int
    columns: int
    directions: Array  # [n 3]
    points: SurfacePoints  # [k]
    albedo: Array  # [k 3]
    sun: Array  # [k] 0..1 lit now
    earlier_sun: Array  # [k] lit about 1.3 h before
    sky_view: Array  # [k] share of the hemisphere that is open sky
    openness: Array  # [k] 0 in a crevice, 1 in the open
    wetness: Array  # [k] film of water, 0..1
    mirrors: Mirrors


def trace(
    mesh: Mesh,
    caster: RayCaster,
    view: View,
    conditions: Conditions,
    *,
    samples: int,
    rng: np.random.Generator,
) -> GBuffer:
    """Cast every ray of one view."""
    origin, directions, _ = view.rays(samples)
    hits = caster.hit(np.broadcast_to(origin, directions.shape), directions)
    points = _surface_points(mesh, hits, origin, directions)
    footprint_m = points.distance_m / (view.focal_px * samples) / np.sqrt(points.cosine)
    painted = albedo(
        mesh.colour[points.surface] * points.shade[:, None],
        mesh.pattern[points.surface],
        points.uv,
        footprint_m,
        points.offset[:, 0],
    )
    wetness = _wetness(points, conditions)
    # Water fills the pores: wet surfaces are darker.
    painted *= (1 - 0.4 * wetness)[:, None]
    start = points.position + points.normal * (2e-3 * (1 + 0.2 * points.distance_m))[:, None]
    rows, columns = view.camera.height * samples, view.camera.width * samples
    sky_view, openness = _hemisphere(points, start, caster, conditions, columns, rng)
    sun = _lit(points, start, caster, conditions.sun, _SUN_BLUR, rng)
    earlier = _lit(points, start, caster, conditions.earlier_sun, _EARLIER_SUN_BLUR, rng)
    # Few rays a sample are noisy: neighbours on the same surface share theirs.
    alike = _Alike(points, (rows, columns))
    sky_view, openness, earlier = alike.mean(np.stack([sky_view, openness, earlier]), reach=3)
    if conditions.sun is not None:
        (sun,) = alike.mean(sun[None], reach=1)
    return GBuffer(
        rows=rows,
        columns=columns,
        directions=directions,
        points=points,
        albedo=painted,
        sun=sun,
        earlier_sun=earlier,
        sky_view=sky_view,
        openness=openness,
        wetness=wetness,
        mirrors=_mirrors(mesh, points, start, directions, wetness, caster, rng),
    )


def _surface_points(mesh: Mesh, hits: Hits, origins: Array, directions: Array) -> SurfacePoints:
    """Interpolate the mesh where rays met it. `origins` [n 3] or [3]."""
    index = np.flatnonzero(hits.triangle >= 0)
    triangle = hits.triangle[index]
    u, v, distance_m = hits.u[index], hits.v[index], hits.distance_m[index]
    weights = np.stack([1 - u - v, u, v], -1)
    towards = directions[index]
    normal = unit(np.einsum("kc,kcx->kx", weights, mesh.normals[triangle]))
    facing = dot(normal, towards)
    normal = np.where(facing[:, None] > 0, -normal, normal)
    start = origins if origins.ndim == 1 else origins[index]
    position = start + towards * distance_m[:, None]
    surface, object_id = mesh.surface[triangle], mesh.object_id[triangle]
    return SurfacePoints(
        index=index,
        surface=surface,
        material=mesh.material[surface],
        object_id=object_id,
        offset=mesh.object_random[object_id],
        shade=mesh.shade[triangle],
        position=position,
        anchored=position - mesh.object_origin[object_id],
        normal=normal,
        uv=np.einsum("kc,kcx->kx", weights, mesh.uv[triangle]),
        distance_m=distance_m,
        cosine=np.clip(np.abs(facing), 0.02, 1),
    )


def _wetness(points: SurfacePoints, conditions: Conditions) -> Array:
    if not conditions.wet:
        return np.zeros(len(points.index), np.float32)
    keeps_water = ~COLUMNS.living[points.material]
    film: Array = np.maximum(points.normal[:, 2], 0) * keeps_water
    return film


def _lit(
    points: SurfacePoints,
    start: Array,
    caster: RayCaster,
    sun: Vec | None,
    blur: float,
    rng: np.random.Generator,
) -> Array:
    """[k] 1 where the sun is seen; the ray is jittered to soften the shadow's edge."""
    lit = np.zeros(len(points.index), np.float32)
    if sun is None:
        return lit
    towards = np.array(sun, np.float32)
    facing = np.flatnonzero(points.normal @ towards > 0)
    jittered = towards + rng.normal(0, blur, (len(facing), 3)).astype(np.float32)
    lit[facing] = caster.visible(start[facing], unit(jittered))
    return lit


def _hemisphere(
    points: SurfacePoints,
    start: Array,
    caster: RayCaster,
    conditions: Conditions,
    columns: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Sky view and openness from few cosine-weighted rays a sample.

    Each sample takes the quarter of the azimuths set by its place in a 2 x 2 block, so that the mean over
    neighbours covers them all.
    """
    count = len(points.index)
    column, row = points.index % columns, points.index // columns
    quarter = (column % 2 + 2 * (row % 2)).astype(np.float32)
    near_m = 1.2 if conditions.indoors else 3.0
    across, along = _tangents(points.normal)
    sky_view, openness = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for ring in range(_HEMISPHERE_RAYS):
        radius_sq = (rng.random(count, dtype=np.float32) + ring) / _HEMISPHERE_RAYS
        turn = (rng.random(count, dtype=np.float32) + quarter) * np.float32(np.pi / 2)
        radius = np.sqrt(radius_sq)
        rays = across * (radius * np.cos(turn))[:, None] + along * (radius * np.sin(turn))[:, None]
        rays += points.normal * np.sqrt(1 - radius_sq)[:, None]
        free_m = caster.distance(start, rays)
        sky_view += (free_m > MISS_M) & (rays[:, 2] > 0)
        openness += np.minimum(free_m / near_m, 1)
    return sky_view / _HEMISPHERE_RAYS, openness / _HEMISPHERE_RAYS


def _tangents(normal: Array) -> tuple[Array, Array]:
    """Two unit vectors square to each normal and to each other."""
    other = np.where(np.abs(normal[:, 2:]) < 0.9, [[0, 0, 1]], [[1, 0, 0]]).astype(np.float32)
    across = unit(np.cross(normal, other)).astype(np.float32)
    return across, np.cross(normal, across)


class _Alike:
    """Which samples of the grid lie on the same object with a like normal."""

    def __init__(self, points: SurfacePoints, shape: tuple[int, int]) -> None:
        octant = (points.normal * 1.5 + 2).astype(np.int32) @ np.array([16, 4, 1], np.int32)
        key = np.full(shape[0] * shape[1], -1, np.int32)
        key[points.index] = points.object_id.astype(np.int32) * 64 + octant
        self._key: Array = key.reshape(shape)
        self._index = points.index

    def mean(self, maps: Array, reach: int) -> Array:
        """[c k] edge-aware mean over a chequerboard of (2 reach + 1)^2 samples."""
        rows, columns = self._key.shape
        grid: Array = np.zeros((len(maps), rows * columns), np.float32)
        grid[:, self._index] = maps
        grid = grid.reshape(len(maps), rows, columns)
        total, weight = grid.copy(), np.ones((rows, columns), np.float32)
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                if (dy, dx) == (0, 0) or (dy + dx) % 2:
                    continue
                target = _shifted(dy, rows), _shifted(dx, columns)
                source = _shifted(-dy, rows), _shifted(-dx, columns)
                like = self._key[target] == self._key[source]
                total[:, *target] += grid[:, *source] * like
                weight[target] += like
        mean: Array = (total / weight).reshape(len(maps), -1)[:, self._index]
        return mean


def _shifted(step: int, length: int) -> slice:
    return slice(max(0, step), length + min(0, step))


def _mirrors(
    mesh: Mesh,
    points: SurfacePoints,
    start: Array,
    directions: Array,
    wetness: Array,
    caster: RayCaster,
    rng: np.random.Generator,
) -> Mirrors:
    """One reflected ray for each sample on a mirror material or on a wet, level surface."""
    dry_mirror = COLUMNS.mirror[points.material]
    rows = np.flatnonzero(dry_mirror | (wetness > 0.5))
    incoming, normal = directions[points.index[rows]], points.normal[rows]
    roughness = np.where(
        dry_mirror[rows], COLUMNS.roughness[points.material[rows]], np.float32(_WET_ROUGHNESS)
    )
    spread = rng.standard_normal(incoming.shape, dtype=np.float32) * roughness[:, None]
    reflected = incoming - 2 * dot(incoming, normal)[:, None] * normal + spread
    reflected = unit(reflected).astype(np.float32)
    origins = start[rows]
    met = _surface_points(mesh, caster.hit(origins, reflected), origins, reflected)
    return Mirrors(
        rows=rows,
        directions=reflected,
        points=met,
        albedo=mesh.colour[met.surface] * met.shade[:, None],
    )
