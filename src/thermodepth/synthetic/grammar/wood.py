"""Off the road: a track through a wood or a clearing, wide canopies, stones, logs, uneven ground."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, varied
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.open_ground import far_hills, lay_open_ground
from thermodepth.synthetic.grammar.people import group
from thermodepth.synthetic.grammar.plants import bush, tree
from thermodepth.synthetic.grammar.vehicles import vehicle
from thermodepth.synthetic.space.vectors import Array, Placement, unit
from thermodepth.synthetic.weather.conditions import Conditions

HALF_M = 45.0  # the uneven ground
_CELLS = 64
_LEVEL_M = 2.6  # to each side of the track
_GREENS: tuple[Colour, ...] = (
    (0.09, 0.2, 0.04),
    (0.13, 0.2, 0.05),
    (0.17, 0.16, 0.02),
    (0.06, 0.13, 0.05),
)
_MOST_FULL_TREES = 16


@dataclass(frozen=True, slots=True)
class Relief:
    """Uneven ground: a sum of waves, level where the track runs and at the edge of the clearing."""

    waves: Array  # [n 4] cycles a metre along x and y, phase, metres
    track: float  # x of its middle at y = 0
    bend: float

    def track_x(self, y: Array | float) -> Array | float:
        """Middle of the track."""
        return self.track + self.bend * np.sin(np.asarray(y) / 19.0)

    def height_m(self, x: Array | float, y: Array | float) -> Array:
        """Metres above the track."""
        x, y = np.asarray(x, float), np.asarray(y, float)
        angle = 2 * np.pi * (x[..., None] * self.waves[:, 0] + y[..., None] * self.waves[:, 1])
        rough = (np.sin(angle + self.waves[:, 2]) * self.waves[:, 3]).sum(-1)
        # A cell of the ground beyond the ruts stays level too, or its slope would come up through them.
        beside = np.clip((np.abs(x - self.track_x(y)) - _LEVEL_M) / 3.0, 0, 1)
        inside = np.clip((HALF_M - np.maximum(np.abs(x), np.abs(y))) / 8, 0, 1)
        lifted: Array = rough * beside * inside
        return lifted

    def normals(self, x: Array, y: Array) -> Array:
        """[... 3] unit vectors square to the ground."""
        step = 0.05
        slope_x = (self.height_m(x + step, y) - self.height_m(x - step, y)) / (2 * step)
        slope_y = (self.height_m(x, y + step) - self.height_m(x, y - step)) / (2 * step)
        upright: Array = unit(np.stack([-slope_x, -slope_y, np.ones_like(slope_x)], -1))
        return upright

    def at(self, x: float, y: float) -> float:
        """Height of one place."""
        return float(self.height_m(x, y))


def build_wood(
    rng: np.random.Generator, conditions: Conditions
) -> tuple[Mesh, Relief, list[tuple[float, float]]]:
    """The mesh, its ground, and what is worth looking at (x, y)."""
    mesh = MeshBuilder()
    relief = _draw_relief(rng)
    lay_open_ground(mesh, rng, -0.02)
    _lay_ground(mesh, rng, relief)
    looks = _plant(mesh, rng, relief)
    _strew(mesh, rng, relief)
    if rng.random() < 0.35:
        y = float(rng.uniform(6, 30))
        at = Placement(float(relief.track_x(y)), y, 0.0, float(rng.uniform(0, 6.28)))
        state = "running" if rng.random() < 0.5 else "cold"
        vehicle(mesh, rng, at, conditions, kind="suv" if rng.random() < 0.7 else "van", state=state)
        looks.append((at.x, at.y))
    for _ in range(int(rng.integers(0, 3))):
        centre = (float(rng.uniform(-15, 15)), float(rng.uniform(-15, 25)))
        group(mesh, rng, centre, conditions, relief.at, largest=7)
        looks.append(centre)
    far_hills(mesh, rng)
    return mesh.finish(), relief, looks


def _draw_relief(rng: np.random.Generator) -> Relief:
    waves = np.zeros((7, 4))
    length = np.exp(rng.uniform(np.log(2.5), np.log(40), 7))
    turn = rng.uniform(0, 2 * np.pi, 7)
    waves[:, 0], waves[:, 1] = np.cos(turn) / length, np.sin(turn) / length
    waves[:, 2] = rng.uniform(0, 2 * np.pi, 7)
    waves[:, 3] = length * rng.uniform(0.004, 0.028, 7)
    return Relief(waves, float(rng.uniform(-4, 4)), float(rng.uniform(0, 4)))


def _lay_ground(mesh: MeshBuilder, rng: np.random.Generator, relief: Relief) -> None:
    """A grid of triangles: track of soil, the rest grass or litter."""
    # Finer towards the middle, where cameras stand.
    even = np.linspace(-1, 1, _CELLS + 1)
    along = HALF_M * np.sign(even) * np.abs(even) ** 1.6
    x, y = np.meshgrid(along, along)
    corners = np.stack([x, y, relief.height_m(x, y) + 0.02], -1)
    a, b, c, d = corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]
    triangles = np.concatenate(
        [np.stack(part, -2).reshape(-1, 3, 3) for part in ((a, b, c), (a, c, d))]
    )
    normals = relief.normals(triangles[..., 0], triangles[..., 1])
    litter = rng.random() < 0.4
    ground = (
        Surface("soil", varied(rng, (0.2, 0.14, 0.08), 0.6, 1.4), "leaf")
        if litter
        else Surface("grass", varied(rng, (0.12, 0.2, 0.06), 0.6, 1.3), "grass")
    )
    mesh.begin_object()
    mesh.triangles(triangles, triangles[..., :2], normals, ground)
    _lay_track(mesh, rng, relief)


def _lay_track(mesh: MeshBuilder, rng: np.random.Generator, relief: Relief) -> None:
    """Two ruts of soil with uneven edges, a hand's breadth of grass between them now and then."""
    soil = Surface("soil", varied(rng, (0.26, 0.2, 0.14), 0.6, 1.4), "asphalt")
    y = np.linspace(-HALF_M, HALF_M, 121)
    middle = np.asarray(relief.track_x(y))
    apart = float(rng.uniform(0.1, 0.6)) if rng.random() < 0.6 else 0.0
    for side in (-1, 1):
        mesh.begin_object()
        inner = side * (apart * rng.uniform(0.6, 1.4, len(y)))
        outer = side * (1.3 + 0.25 * rng.standard_normal(len(y)).cumsum().clip(-2, 2) * 0.4)
        strip = []
        for offset in (inner, outer):
            x = middle + offset
            strip.append(np.stack([x, y, relief.height_m(x, y) + 0.035], -1))
        a, b, c, d = strip[0][:-1], strip[1][:-1], strip[1][1:], strip[0][1:]
        triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
        up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), triangles.shape)
        mesh.triangles(triangles, triangles[..., :2], up, soil)


def _plant(
    mesh: MeshBuilder, rng: np.random.Generator, relief: Relief
) -> list[tuple[float, float]]:
    """Full trees near the middle, simple ones farther off. Returns where the full ones stand."""
    dense = float(rng.uniform(0.15, 1.0))
    looks: list[tuple[float, float]] = []
    for number in range(int(110 * dense)):
        far = number >= _MOST_FULL_TREES
        reach = HALF_M * (1.9 if far else 0.6)
        x, y = rng.uniform(-reach, reach, 2).tolist()
        if abs(x - float(relief.track_x(y))) < 2.0 or (far and math.hypot(x, y) < 14):
            continue
        if far:
            _simple_tree(mesh, rng, x, y, relief.at(x, y))
        elif rng.random() < 0.6:
            _wide_tree(mesh, rng, x, y, relief.at(x, y))
            looks.append((x, y))
        else:
            tree(mesh, rng, x, y, float(rng.uniform(0.8, 2.4)))
            looks.append((x, y))
    for _ in range(int(rng.integers(0, 14))):
        x, y = rng.uniform(-20, 25, 2).tolist()
        if abs(x - float(relief.track_x(y))) > 1.8:
            bush(mesh, rng, x, y, float(rng.uniform(0.4, 1.3)), float(rng.uniform(0.4, 1.8)))
    return looks or [(0.0, 12.0)]


def _wide_tree(mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, z: float) -> None:
    """A trunk that forks low and a canopy wider than it is high, open enough for the sky to show."""
    mesh.begin_object()
    height, radius = float(rng.uniform(4, 14)), float(rng.uniform(0.12, 0.4))
    bark = Surface("bark", varied(rng, (0.17, 0.12, 0.08), 0.6, 1.5), "wood")
    green = varied(rng, _GREENS[int(rng.integers(len(_GREENS)))], 0.6, 1.4)
    fork = height * float(rng.uniform(0.25, 0.5))
    lean = (float(rng.normal(0, 0.4)), float(rng.normal(0, 0.4)))
    top = (x + lean[0], y + lean[1], z + fork)
    mesh.cylinder((x, y, z - 0.3), top, (radius * 1.2, radius * 0.8), bark, sides=9)
    spread = height * float(rng.uniform(0.35, 0.75))
    bare = rng.random() < 0.15
    for turn in np.linspace(0, 2 * np.pi, int(rng.integers(5, 9)))[:-1].tolist():
        reach = spread * float(rng.uniform(0.4, 1.0))
        angle = turn + float(rng.normal(0, 0.3))
        tip = (
            top[0] + reach * math.sin(angle),
            top[1] + reach * math.cos(angle),
            z + fork + (height - fork) * float(rng.uniform(0.35, 1.0)),
        )
        mesh.cylinder(top, tip, (radius * 0.5, radius * 0.15), bark, sides=6, caps=False)
        if bare:
            continue
        puff = spread * float(rng.uniform(0.3, 0.5))
        leaf = Surface("leaf", green, "leaf")
        size = 0.12 + 0.05 * puff
        mesh.leaves(rng, tip, (puff, puff, puff * 0.6), int(rng.integers(110, 190)), size, leaf)


def _simple_tree(mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, z: float) -> None:
    mesh.begin_object()
    height = float(rng.uniform(4, 16))
    bark = Surface("bark", varied(rng, (0.17, 0.12, 0.08), 0.6, 1.5), "wood")
    green = varied(rng, _GREENS[int(rng.integers(len(_GREENS)))], 0.4, 1.2)
    mesh.cylinder((x, y, z - 0.3), (x, y, z + height * 0.6), (0.2, 0.12), bark, sides=6, caps=False)
    crown = Surface("leaf", green, "leaf")
    wide = height * float(rng.uniform(0.15, 0.4))
    mesh.ellipsoid((x, y, z + height * 0.65), (wide, wide, height * 0.33), crown, detail=1)
    mesh.leaves(
        rng, (x, y, z + height * 0.65), (wide * 1.2, wide * 1.2, height * 0.4), 40, 0.5, crown
    )


def _strew(mesh: MeshBuilder, rng: np.random.Generator, relief: Relief) -> None:
    """Stones, logs and a fence."""
    for _ in range(int(rng.integers(0, 22))):
        mesh.begin_object()
        x, y = rng.uniform(-18, 22, 2).tolist()
        size = np.exp(rng.uniform(np.log(0.06), np.log(0.9))) * rng.uniform(0.6, 1.3, 3)
        stone = Surface("stone", varied(rng, (0.32, 0.3, 0.28), 0.6, 1.3))
        radii = (float(size[0]), float(size[1]), float(size[2]) * 0.7)
        mesh.ellipsoid(
            (x, y, relief.at(x, y)), radii, stone, yaw=float(rng.uniform(0, 3)), detail=2
        )
    for _ in range(int(rng.integers(0, 6))):
        mesh.begin_object()
        x, y = rng.uniform(-15, 20, 2).tolist()
        turn, length, radius = (
            rng.uniform(0, 3.14),
            rng.uniform(1, 5),
            float(rng.uniform(0.06, 0.28)),
        )
        end = (x + float(length * math.cos(turn)), y + float(length * math.sin(turn)))
        low, high = relief.at(x, y) + radius * 0.6, relief.at(*end) + radius * 0.6
        log = Surface("bark", varied(rng, (0.17, 0.12, 0.08), 0.6, 1.5), "wood")
        mesh.cylinder((x, y, low), (*end, high), (radius, radius * 0.8), log, sides=10)
    if rng.random() < 0.3:
        mesh.begin_object()
        wood = Surface("wood", varied(rng, (0.3, 0.22, 0.14), 0.6, 1.4))
        x = float(rng.choice([-1, 1])) * float(rng.uniform(4, 14))
        posts = [(x, y, relief.at(x, y)) for y in np.arange(-20, 30, 2.5).tolist()]
        for px, py, pz in posts:
            mesh.cylinder((px, py, pz - 0.2), (px, py, pz + 1.1), (0.05, 0.05), wood, sides=7)
        for (ax, ay, az), (bx, by, bz) in itertools.pairwise(posts):
            for rail in (0.45, 0.95):
                mesh.cylinder(
                    (ax, ay, az + rail),
                    (bx, by, bz + rail),
                    (0.03, 0.03),
                    wood,
                    sides=5,
                    caps=False,
                )
