"""A triangle soup with a surface on every triangle: the builder that objects add themselves to.

Most of a scene is quads, so they are gathered as plain tuples and turned into arrays once, at the end
(three times faster than an array each). Winding does not matter: a normal is turned to the viewer when
a ray meets it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour
from thermodepth.synthetic.materials.patterns import PATTERN_INDEX
from thermodepth.synthetic.materials.registry import MATERIAL_INDEX
from thermodepth.synthetic.space.vectors import Array, Placement, Vec, minus, plus, unit

_OBJECT_SEED = 7  # object 12 looks alike in every scene; which object is the twelfth does not


@dataclass(frozen=True, slots=True)
class Surface:
    """What a triangle is made of and what heats it.

    `source_k` is the temperature of something behind or inside (a body, an engine, a heated room) and
    `source_share` in 0..1 how much of it comes through: T = (1 - share) T_balance + share source_k.
    `glow` is visible light given off, in units of a white sheet under the scene's unit light.
    """

    material: str
    colour: Colour
    pattern: str = "plain"
    source_k: float = 0.0
    source_share: float = 0.0
    glow: float = 0.0

    def heated(self, source_k: float, share: float) -> Surface:
        """The same surface over another source."""
        return replace(self, source_k=source_k, source_share=share)


@dataclass(frozen=True, slots=True)
class Lamp:
    """A small visible light; `intensity` per linear channel, `aim` the axis of its beam."""

    position: Vec
    intensity: Vec
    aim: Vec
    beam: float = 0.7  # exponent on the cosine to the axis: below 1 wide, above 10 a headlight


@dataclass(frozen=True, slots=True)
class Mesh:
    """Finished geometry: t triangles, s surfaces, o objects."""

    positions: Array  # [t 3 3] float32 metres: triangle, corner, axis
    normals: Array  # [t 3 3] float32
    uv: Array  # [t 3 2] float32 metres along the surface
    surface: Array  # [t] row of the surface columns below
    shade: Array  # [t] factor on the colour
    object_id: Array  # [t]
    object_random: Array  # [o 4] uniform 0..1, constant over an object
    object_origin: (
        Array  # [o 3] float32: patches of warmth are fixed to it, so that they move with it
    )
    material: Array  # [s] row of MATERIALS
    pattern: Array  # [s] row of PATTERNS
    colour: Array  # [s 3]
    source_k: Array  # [s]
    source_share: Array  # [s]
    glow: Array  # [s]
    lamps: tuple[Lamp, ...]


def joined(first: Mesh, second: Mesh) -> Mesh:
    """Both in one; the second's objects and surfaces are numbered on."""
    surfaces, objects = len(first.material), len(first.object_random)

    def both(name: str, shift: int = 0) -> Array:
        return np.concatenate([getattr(first, name), getattr(second, name) + shift])

    whole = ("positions", "normals", "uv", "shade", "object_random", "object_origin", "material")
    rows = ("pattern", "colour", "source_k", "source_share", "glow")
    return Mesh(
        **{name: both(name) for name in (*whole, *rows)},
        surface=both("surface", surfaces),
        object_id=both("object_id", objects),
        lamps=first.lamps + second.lamps,
    )


@functools.cache
def _sphere(detail: int) -> Array:
    """[20 * 4^detail, 3, 3] a subdivided icosahedron of radius one."""
    golden = (1 + 5**0.5) / 2
    corners = np.array(
        [(a, b * golden, 0) for b in (1, -1) for a in (-1, 1)]
        + [(0, a, b * golden) for b in (1, -1) for a in (-1, 1)]
        + [(b * golden, 0, a) for b in (1, -1) for a in (-1, 1)]
    )
    edge = 2.0
    faces = [
        (i, j, k)
        for i in range(12)
        for j in range(i + 1, 12)
        for k in range(j + 1, 12)
        if all(
            abs(np.linalg.norm(corners[p] - corners[q]) - edge) < 1e-6
            for p, q in ((i, j), (j, k), (i, k))
        )
    ]
    triangles = corners[np.array(faces)]
    for _ in range(detail):
        a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        quarters = ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
        triangles = np.concatenate([np.stack(q, 1) for q in quarters])
    ball: Array = unit(triangles).astype(np.float32)
    return ball


@functools.cache
def _circle(sides: int) -> Array:
    """[sides + 1, 2] closed unit circle."""
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    return np.stack([np.cos(turn), np.sin(turn)], -1)


@functools.cache
def _tube(sides: int) -> Array:
    """[2 sides, 3] triangles between two rings of sides + 1 points, rows of one after the other."""
    low = np.arange(sides)
    high = low + sides + 1
    first, second = (low, low + 1, high + 1), (low, high + 1, high)
    return np.concatenate([np.stack(first, 1), np.stack(second, 1)])


@functools.cache
def _disc(sides: int) -> Array:
    """[sides, 3] triangles from a ring's points to its centre, which is row sides + 1."""
    rim = np.arange(sides)
    return np.stack([np.full(sides, sides + 1), rim, rim + 1], 1)


def _cross(a: Sequence[float], b: Sequence[float]) -> Vec:
    """a x b; numpy's own costs more than a whole cylinder does."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


class MeshBuilder:
    """Gathers shapes, then `finish()` makes the arrays. Call `begin_object()` before each new thing."""

    def __init__(self) -> None:
        self._origins: list[Vec] = [(0.0, 0.0, 0.0)]
        self._surfaces: dict[Surface, int] = {}
        self._quads: list[tuple[float, ...]] = []
        self._corners: list[tuple[float, ...]] = []
        self._chunks: list[tuple[Array, ...]] = []
        self._lamps: list[Lamp] = []

    def begin_object(self, origin: Vec = (0.0, 0.0, 0.0)) -> None:
        """What follows shares one identity: one temperature offset, one texture offset.

        Give a thing that moves its place as `origin`.
        """
        self._origins.append(origin)

    @property
    def _object(self) -> int:
        return len(self._origins) - 1

    def lamp(self, lamp: Lamp) -> None:
        """Add a light (its body is a shape of its own)."""
        self._lamps.append(lamp)

    def quad(self, corner: Vec, edge_u: Vec, edge_v: Vec, surface: Surface) -> None:
        """A parallelogram."""
        self._quads.append((*corner, *edge_u, *edge_v, self._row(surface), self._object))

    def box(
        self,
        base: Vec,
        size: Vec,
        surface: Surface,
        *,
        yaw: float = 0.0,
        bottom: bool = False,
    ) -> None:
        """An upright box: `base` is the centre of its foot, `size` (right, ahead, up)."""
        c, s = math.cos(yaw), math.sin(yaw)
        x, y = (c * size[0], s * size[0], 0.0), (-s * size[1], c * size[1], 0.0)
        z = (0.0, 0.0, float(size[2]))
        back_x, back_y = minus((0.0, 0.0, 0.0), x), minus((0.0, 0.0, 0.0), y)
        corner = (base[0] - (x[0] + y[0]) / 2, base[1] - (x[1] + y[1]) / 2, float(base[2]))
        self.quad(corner, x, z, surface)
        self.quad(plus(corner, x, y), back_x, z, surface)
        self.quad(plus(corner, y), back_y, z, surface)
        self.quad(plus(corner, x), y, z, surface)
        self.quad(plus(corner, z), x, y, surface)
        if bottom:
            self.quad(plus(corner, y), x, back_y, surface)

    def polygon(self, corners: Sequence[Vec], surface: Surface) -> None:
        """A flat convex polygon, as a fan from its first corner."""
        origin = corners[0]
        first = minus(corners[1], origin)
        length = math.hypot(*first) or 1.0
        axis = (first[0] / length, first[1] / length, first[2] / length)
        flat = []
        for corner in corners:
            d = minus(corner, origin)
            u = d[0] * axis[0] + d[1] * axis[1] + d[2] * axis[2]
            v = math.sqrt(max(d[0] ** 2 + d[1] ** 2 + d[2] ** 2 - u * u, 0.0))
            flat.append((u, v))
        row = self._row(surface)
        for i in range(1, len(corners) - 1):
            self._corners.append(
                (
                    *origin,
                    *corners[i],
                    *corners[i + 1],
                    *flat[0],
                    *flat[i],
                    *flat[i + 1],
                    row,
                    self._object,
                )
            )

    def cylinder(
        self,
        start: Vec,
        end: Vec,
        radii: tuple[float, float],
        surface: Surface,
        *,
        sides: int = 10,
        caps: bool = True,
    ) -> None:
        """A round bar or cone from `start` to `end`, smooth around."""
        p, q = np.asarray(start, float), np.asarray(end, float)
        axis = q - p
        length = float(np.sqrt(axis @ axis))
        axis /= length
        upright = (0.0, 0.0, 1.0) if abs(axis[2]) < 0.9 else (1.0, 0.0, 0.0)
        side = np.array(_cross(axis.tolist(), upright))
        side /= np.sqrt(side @ side)
        circle = _circle(sides)
        other = np.array(_cross(axis.tolist(), side.tolist()))
        ring = circle[:, :1] * side + circle[:, 1:] * other
        low, high = p + radii[0] * ring, q + radii[1] * ring
        tube, count = _tube(sides), sides + 1
        uv = np.zeros((2 * count, 2))
        uv[:, 0] = np.tile(np.linspace(0, 2 * np.pi * radii[0], count), 2)
        uv[count:, 1] = length
        positions = np.concatenate([low, high])[tube]
        self.triangles(positions, uv[tube], ring[tube % count], surface)
        if caps:
            for centre, rim, facing in ((p, low, -axis), (q, high, axis)):
                fan = np.concatenate([rim, centre[None]])[_disc(sides)]
                cap_uv = np.full((sides, 3, 2), 0.1)
                self.triangles(fan, cap_uv, np.broadcast_to(facing, fan.shape), surface)

    def ellipsoid(
        self, centre: Vec, radii: Vec, surface: Surface, *, yaw: float = 0.0, detail: int = 1
    ) -> None:
        """A smooth ellipsoid with axes right, ahead, up."""
        ball = _sphere(detail)
        c, s = math.cos(yaw), math.sin(yaw)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float32)
        size = np.asarray(radii, np.float32)
        positions = (ball * size) @ turn.T + np.asarray(centre, np.float32)
        normals = unit((ball / size) @ turn.T)
        uv = np.stack(
            [np.arctan2(ball[..., 1], ball[..., 0]) * size[0], ball[..., 2] * size[2]], -1
        )
        self.triangles(positions, uv, normals, surface)

    def leaves(
        self,
        rng: np.random.Generator,
        centre: Vec,
        radii: Vec,
        count: int,
        size_m: float,
        surface: Surface,
    ) -> None:
        """A cloud of single triangles in the outer half of an ellipsoid; normals mostly point outward."""
        outward = unit(rng.normal(size=(count, 3)))
        depth = rng.uniform(0.45, 1.05, (count, 1))
        tip = unit(rng.normal(size=(count, 3)))
        side = unit(np.cross(tip, outward))
        size = size_m * rng.uniform(0.6, 1.4, (count, 1))
        middle = np.asarray(centre) + outward * np.asarray(radii) * depth
        positions = np.stack(
            [
                middle + tip * size,
                middle + (side - 0.5 * tip) * size,
                middle - (side + 0.5 * tip) * size,
            ],
            1,
        )
        facing = unit(0.8 * outward + 0.2 * np.cross(tip, side))
        # Leaves deep in the crown see less light.
        shade = rng.uniform(0.6, 1.3, count) * (0.55 + 0.45 * depth[:, 0])
        uv = positions[..., :2] - positions[..., 1:]
        self.triangles(positions, uv, np.repeat(facing[:, None], 3, 1), surface, shade)

    def triangles(
        self, positions: Array, uv: Array, normals: Array, surface: Surface, shade: Any = 1.0
    ) -> None:
        """Ready arrays: positions [n 3 3], uv [n 3 2], normals [n 3 3], shade [n] or one number."""
        n = len(positions)
        self._chunks.append(
            (
                positions.astype(np.float32),
                uv.astype(np.float32),
                normals.astype(np.float32),
                np.full(n, self._row(surface), np.int32),
                np.full(n, shade, np.float32),
                np.full(n, self._object, np.int32),
            )
        )

    def add(self, part: Mesh, surfaces: Sequence[Surface], at: Placement) -> None:
        """A finished mesh about its own origin, moved to `at`; `surfaces` stand for its rows.

        Its objects become the current one and its lamps stay behind.
        """
        c, s = math.cos(at.yaw), math.sin(at.yaw)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]], np.float32)
        moved = (part.positions * np.float32(at.scale)) @ turn
        moved += np.array([at.x, at.y, at.z], np.float32)
        rows = np.array([self._row(surface) for surface in surfaces], np.int32)
        object_id = np.full(len(moved), self._object, np.int32)
        normals = part.normals @ turn
        uv = part.uv * np.float32(at.scale)
        self._chunks.append((moved, uv, normals, rows[part.surface], part.shade, object_id))

    @property
    def surfaces(self) -> tuple[Surface, ...]:
        """The rows so far, in their order."""
        return tuple(self._surfaces)

    def finish(self) -> Mesh:
        """The arrays of everything added so far."""
        chunks = [*self._chunks]
        if self._quads:
            chunks.append(_quads_to_triangles(np.array(self._quads, np.float64)))
        if self._corners:
            chunks.append(_loose_triangles(np.array(self._corners, np.float64)))
        positions, uv, normals, surface, shade, object_id = map(
            np.concatenate, zip(*chunks, strict=True)
        )
        rows = list(self._surfaces)
        random = np.random.default_rng(_OBJECT_SEED).random((len(self._origins), 4))
        return Mesh(
            positions=np.ascontiguousarray(positions),
            normals=normals,
            uv=uv,
            surface=surface,
            shade=shade,
            object_id=object_id,
            object_random=random.astype(np.float32),
            object_origin=np.array(self._origins, np.float32),
            material=np.array([MATERIAL_INDEX[row.material] for row in rows]),
            pattern=np.array([PATTERN_INDEX[row.pattern] for row in rows]),
            colour=np.array([row.colour for row in rows], np.float32),
            source_k=np.array([row.source_k for row in rows], np.float32),
            source_share=np.array([row.source_share for row in rows], np.float32),
            glow=np.array([row.glow for row in rows], np.float32),
            lamps=tuple(self._lamps),
        )

    def _row(self, surface: Surface) -> int:
        return self._surfaces.setdefault(surface, len(self._surfaces))


def _split_quads(corners: Sequence[Array]) -> Array:
    """Four corner arrays [n x] in order around -> triangles [2 n 3 x]."""
    halves = [np.stack([corners[i] for i in pick], 1) for pick in ((0, 1, 2), (0, 2, 3))]
    return np.concatenate(halves)


def _quads_to_triangles(rows: Array) -> tuple[Array, ...]:
    """Rows of (corner, edge u, edge v, surface, object) -> the six columns of a chunk, two a quad."""
    p, eu, ev = rows[:, 0:3], rows[:, 3:6], rows[:, 6:9]
    width, height = np.linalg.norm(eu, axis=1), np.linalg.norm(ev, axis=1)
    zero = np.zeros_like(width)
    corners = [p, p + eu, p + eu + ev, p + ev]
    flat = [np.stack(c, -1) for c in ((zero, zero), (width, zero), (width, height), (zero, height))]
    positions, uv = (_split_quads(part) for part in (corners, flat))
    facing = np.tile(unit(np.cross(eu, ev)), (2, 1))
    normals = np.repeat(facing[:, None], 3, 1)
    surface, object_id = (np.tile(rows[:, k], 2).astype(np.int32) for k in (9, 10))
    shade = np.ones(len(surface), np.float32)
    corners_32, uv_32, normals_32 = (part.astype(np.float32) for part in (positions, uv, normals))
    return corners_32, uv_32, normals_32, surface, shade, object_id


def _loose_triangles(rows: Array) -> tuple[Array, ...]:
    """Rows of (three corners, three uv, surface, object) -> the six columns of a chunk."""
    positions, uv = rows[:, 0:9].reshape(-1, 3, 3), rows[:, 9:15].reshape(-1, 3, 2)
    facing = unit(np.cross(positions[:, 1] - positions[:, 0], positions[:, 2] - positions[:, 0]))
    normals = np.repeat(facing[:, None], 3, 1)
    surface, object_id = (rows[:, k].astype(np.int32) for k in (15, 16))
    shade = np.ones(len(surface), np.float32)
    corners_32, uv_32, normals_32 = (part.astype(np.float32) for part in (positions, uv, normals))
    return corners_32, uv_32, normals_32, surface, shade, object_id
