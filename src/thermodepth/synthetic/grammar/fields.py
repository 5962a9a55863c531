"""Open ground as a drone sees it: pitches with lines, paths, plots, terraces, water, tree rows, people.

The ground is cut into a grid of plots with paths or roads between them; every plot is a function and a
row in `PLOTS`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from thermodepth.synthetic.grammar.buildings import Plot, building
from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, varied
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.fleet import Fleet
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.open_ground import far_hills, lay_open_ground
from thermodepth.synthetic.grammar.plants import hedge
from thermodepth.synthetic.grammar.road_furniture import fence, light_mast
from thermodepth.synthetic.space.vectors import Array, Placement
from thermodepth.synthetic.weather.conditions import Conditions

FIELD_Z = -0.08
_SIDES_M = (35.0, 95.0)  # of a plot
_ROUND = 40
_LINE_Z = 0.012
_GRASS: Colour = (0.12, 0.2, 0.06)
_FOLIAGE_K = 2.0
_MOST_PEOPLE = 36


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of ground, metres."""

    x: float
    y: float
    wide: float
    deep: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.wide / 2, self.y + self.deep / 2

    def inside(self, margin: float) -> Patch:
        """Less a margin on every side."""
        return Patch(
            self.x + margin, self.y + margin, self.wide - 2 * margin, self.deep - 2 * margin
        )


@dataclass(slots=True)
class _Fields(Draws):
    mesh: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    fleet: Fleet
    foliage_k: float
    looks: list[tuple[float, float]] = field(default_factory=list)
    walkers: int = 0

    def within(self, patch: Patch) -> tuple[float, float]:
        """A place on it."""
        return (
            patch.x + patch.wide * self.between(0, 1),
            patch.y + patch.deep * self.between(0, 1),
        )

    def lay(self, patch: Patch, surface: Surface, z: float = 0.0) -> None:
        """A flat rectangle; above the ground with upright sides."""
        self.mesh.begin_object()
        centre = (*patch.middle, FIELD_Z - 0.05)
        self.mesh.box(centre, (patch.wide, patch.deep, z - FIELD_Z + 0.05), surface)

    def plant(self, name: str, x: float, y: float, z: float = 0.0) -> None:
        """One of `ROADSIDE`."""
        at = Placement(x, y, z, self.between(0, 6.28), self.between(0.7, 1.15))
        self.fleet.plant(self.mesh, name, at, self.foliage_k, far=True)

    def people(self, patch: Patch, limit: int) -> None:
        """Here and there, some together."""
        for _ in range(int(self.rng.integers(0, limit + 1))):
            if self.walkers >= _MOST_PEOPLE:
                return
            x, y = self.within(patch)
            self.looks.append((x, y))
            for _ in range(1 if self.chance(0.6) else int(self.rng.integers(2, 5))):
                self.walkers += 1
                dx, dy = (1.1 * self.rng.standard_normal(2)).tolist()
                self.fleet.walker(self.mesh, Placement(x + dx, y + dy, 0.0, self.between(0, 6.28)))


def build_fields(
    rng: np.random.Generator, conditions: Conditions
) -> tuple[Mesh, list[tuple[float, float]]]:
    """The mesh, and what is worth looking at (x, y), about the origin."""
    fields = _Fields(
        MeshBuilder(),
        rng,
        conditions,
        Fleet(rng, conditions),
        _FOLIAGE_K * float(rng.standard_normal()),
    )
    lay_open_ground(fields.mesh, rng, FIELD_Z)
    columns, rows = (_cuts(rng) for _ in range(2))
    shares = rng.dirichlet(np.full(len(PLOTS), 0.8))
    for (left, right), (near, far) in itertools.product(
        itertools.pairwise(columns), itertools.pairwise(rows)
    ):
        gap = fields.between(1.0, 4.0)
        patch = Patch(left, near, right - left, far - near).inside(gap)
        name = str(rng.choice(list(PLOTS), p=shares))
        PLOTS[name](fields, patch)
        _edge(fields, patch)
        fields.looks.append(patch.middle)
    _paths(fields, columns, rows)
    if rng.random() < 0.7:
        far_hills(fields.mesh, rng)
    return fields.mesh.finish(), fields.looks


def _cuts(rng: np.random.Generator) -> list[float]:
    steps = rng.uniform(*_SIDES_M, int(rng.integers(3, 5)))
    cuts = np.concatenate([[0.0], np.cumsum(steps)])
    return [float(cut - cuts[-1] / 2) for cut in cuts]


def _paths(fields: _Fields, columns: list[float], rows: list[float]) -> None:
    """Paths and roads along some of the cuts, with cars on the wide ones."""
    low, high = columns[0], columns[-1]
    for upright, cuts, ends in ((True, columns, (rows[0], rows[-1])), (False, rows, (low, high))):
        for cut in cuts:
            if fields.chance(0.35):
                continue
            wide = fields.between(1.6, 7.0)
            material = ("asphalt", "concrete", "soil")[int(fields.rng.integers(3))]
            surface = Surface(material, varied(fields.rng, (0.2, 0.19, 0.17), 0.5, 1.7), "asphalt")
            fields.mesh.begin_object()
            start, length = ends[0], ends[1] - ends[0]
            z = FIELD_Z + (0.03 if upright else 0.04)
            if upright:
                fields.mesh.quad((cut - wide / 2, start, z), (wide, 0, 0), (0, length, 0), surface)
            else:
                fields.mesh.quad((start, cut - wide / 2, z), (length, 0, 0), (0, wide, 0), surface)
            for _ in range(int(fields.rng.integers(0, 5)) if wide > 4.5 else 0):
                _, number = fields.fleet.kind("moving")
                along = fields.between(start + 6, start + length - 6)
                aside, back = wide / 4, fields.chance(0.5)
                sign = -1 if back else 1
                at = Placement(cut + sign * aside, along, z, math.pi * back)
                if not upright:
                    at = Placement(along, cut - sign * aside, z, -math.pi / 2 + math.pi * back)
                if not any(math.hypot(at.x - x, at.y - y) < 12 for x, y in fields.looks):
                    fields.fleet.car(fields.mesh, "moving", number, at)
                    fields.looks.append((at.x, at.y))


def _edge(fields: _Fields, patch: Patch) -> None:
    """A row of trees, a fence or a hedge along some sides of a plot."""
    x0, y0, x1, y1 = patch.x, patch.y, patch.x + patch.wide, patch.y + patch.deep
    name = ("street tree", "tree", "shrub", "palm")[
        int(fields.rng.choice(4, p=[0.4, 0.35, 0.2, 0.05]))
    ]
    spacing = fields.between(4, 11)
    for (ax, ay), (bx, by) in (
        ((x0, y0), (x1, y0)),
        ((x1, y0), (x1, y1)),
        ((x0, y1), (x1, y1)),
        ((x0, y0), (x0, y1)),
    ):
        draw, length = fields.rng.random(), math.hypot(bx - ax, by - ay)
        if draw < 0.25:
            for way in np.arange(spacing / 2, length, spacing).tolist():
                share = way / length
                fields.plant(name, ax + (bx - ax) * share, ay + (by - ay) * share, FIELD_Z)
        elif draw < 0.45:
            fence(fields.mesh, fields.rng, (ax, ay, 0.0), (bx, by, 0.0), "wire")
        elif draw < 0.52 and ax == bx:
            green = varied(fields.rng, _GRASS, 0.5, 1.2)
            hedge(
                fields.mesh,
                fields.rng,
                (ax, ay, FIELD_Z),
                (1.0, length, fields.between(0.8, 2.2)),
                green,
            )


def _turf(fields: _Fields) -> Surface:
    material = ("grass", "plastic", "asphalt", "rubber", "soil")[
        int(fields.rng.choice(5, p=[0.35, 0.2, 0.2, 0.15, 0.1]))
    ]
    colour = varied(fields.rng, _GRASS if material != "rubber" else (0.35, 0.12, 0.08), 0.5, 1.5)
    return Surface(material, colour, "grass" if material in ("grass", "plastic") else "asphalt")


def _lines(fields: _Fields, patch: Patch, line: Surface) -> None:
    """Outline, half-way line, circle and two areas of a pitch whose long side is its depth."""
    fields.mesh.begin_object()
    width = 0.12
    x, y = patch.x, patch.y
    area = min(0.55 * patch.wide, 33.0)
    inset, out = (patch.wide - area) / 2, min(0.16 * patch.deep, 16.5)

    def bar(corner: tuple[float, float], wide: float, deep: float) -> None:
        fields.mesh.quad((*corner, _LINE_Z), (wide, 0.0, 0.0), (0.0, deep, 0.0), line)

    for left in (x, x + patch.wide - width):
        bar((left, y), width, patch.deep)
    for near in (y, y + patch.deep / 2, y + patch.deep - width):
        bar((x, near), patch.wide, width)
    for near, end in ((y, y + out), (y + patch.deep - out, y + patch.deep - out)):
        bar((x + inset, end), area, width)
        for left in (x + inset, x + inset + area):
            bar((left, near), width, out)
    circle = _ring(patch.middle, min(9.15, patch.wide * 0.2), width, _LINE_Z)
    _flat(fields.mesh, circle, line)


def _ring(centre: tuple[float, float], radius: float, width: float, z: float) -> Array:
    """[n 3 3] a flat ring."""
    turn = np.linspace(0, 2 * np.pi, _ROUND + 1)
    unit_circle = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], -1)
    middle = np.array([*centre, z])
    inner, outer = middle + radius * unit_circle, middle + (radius + width) * unit_circle
    a, b, c, d = inner[:-1], outer[:-1], outer[1:], inner[1:]
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _flat(mesh: MeshBuilder, triangles: Array, surface: Surface) -> None:
    up = np.broadcast_to(np.array([0.0, 0.0, 1.0]), triangles.shape)
    mesh.triangles(triangles, triangles[..., :2], up, surface)


def _pitch(fields: _Fields, patch: Patch) -> None:
    """Turf with lines, goals, players, masts at its corners; now and then a track round it."""
    ground = patch.inside(min(6.0, patch.wide * 0.1))
    turf = _turf(fields)
    if fields.chance(0.35):
        fields.lay(patch, Surface("rubber", (0.3, 0.1, 0.07), "asphalt"), -0.02)
    fields.lay(ground, turf, 0.0)
    line = Surface("paint" if fields.chance(0.6) else "plastic", grey(0.75))
    _lines(fields, ground.inside(1.5), line)
    frame = Surface("paint", grey(0.7))
    x, _ = ground.middle
    for y, out in ((ground.y + 1.5, -1), (ground.y + ground.deep - 1.5, 1)):
        fields.mesh.begin_object()
        for aside in (-3.6, 3.6):
            fields.mesh.cylinder(
                (x + aside, y, 0), (x + aside, y, 2.44), (0.06, 0.06), frame, sides=5
            )
            back = (x + aside, y + out * 1.2, 0.0)
            fields.mesh.cylinder((x + aside, y, 2.44), back, (0.04, 0.04), frame, sides=4)
        fields.mesh.cylinder((x - 3.6, y, 2.44), (x + 3.6, y, 2.44), (0.06, 0.06), frame, sides=5)
    fields.people(ground, 14)
    _masts(fields, patch, 0.5)
    if fields.chance(0.3):
        _stand(fields, patch)


def _stand(fields: _Fields, patch: Patch) -> None:
    """Steps for spectators along one side, with a roof over them now and then."""
    steps, length = int(fields.rng.integers(4, 11)), patch.deep * fields.between(0.3, 0.8)
    stone = Surface("concrete", grey(0.4))
    x, y = patch.x + patch.wide + 0.4, patch.middle[1]
    fields.mesh.begin_object()
    for step in range(steps):
        fields.mesh.box((x + 0.8 * step + 0.4, y, FIELD_Z), (0.8, length, 0.45 * (step + 1)), stone)
    if fields.chance(0.5):
        roof, up = Surface("sheet", grey(0.5)), 0.45 * steps + 3.0
        fields.mesh.box((x + 0.4 * steps, y, up), (0.9 * steps, length, 0.2), roof, bottom=True)
        for way in (-0.45, 0.0, 0.45):
            foot = (x + 0.75 * steps, y + way * length, 0.0)
            fields.mesh.cylinder(foot, (foot[0], foot[1], up), (0.15, 0.15), stone, sides=6)


def _courts(fields: _Fields, patch: Patch) -> None:
    """Several small courts side by side on one slab, each with two hoops."""
    fields.lay(patch, _turf(fields))
    line, iron = Surface("paint", grey(0.7)), Surface("paint", grey(0.15))
    across, along = int(patch.wide // 18), int(patch.deep // 31)
    for i, j in itertools.product(range(across), range(along)):
        court = Patch(patch.x + 18 * i + 1.5, patch.y + 31 * j + 1.5, 15.0, 28.0)
        _lines(fields, court, line)
        x = court.middle[0]
        for y, inward in ((court.y - 0.6, 1), (court.y + court.deep + 0.6, -1)):
            fields.mesh.begin_object()
            fields.mesh.box((x, y, 0.0), (0.9, 1.6, 0.5), iron)
            fields.mesh.cylinder((x, y, 0.4), (x, y, 3.0), (0.1, 0.09), iron, sides=6)
            over = (x, y + inward * 1.7, 3.3)
            fields.mesh.cylinder((x, y, 3.0), over, (0.08, 0.07), iron, sides=6)
            board = Surface("plastic", grey(0.6))
            fields.mesh.box((over[0], over[1], 2.9), (1.8, 0.06, 1.05), board, bottom=True)
        fields.people(court, 5)
    _masts(fields, patch, 0.6)
    fields.people(patch, 4)


def _masts(fields: _Fields, patch: Patch, share: float) -> None:
    for x, y in itertools.product((patch.x, patch.x + patch.wide), (patch.y, patch.y + patch.deep)):
        if fields.chance(share):
            light_mast(fields.mesh, fields.rng, x, y, fields.conditions)
            fields.looks.append((x, y))


def _meadow(fields: _Fields, patch: Patch) -> None:
    """Grass or bare soil with scattered trees."""
    bare = fields.chance(0.3)
    ground = Surface("soil" if bare else "grass", varied(fields.rng, _GRASS, 0.5, 1.7), "grass")
    fields.lay(patch, ground, fields.between(-0.04, 0.03))
    for _ in range(int(16 * fields.rng.random() ** 1.5)):
        name = ("tree", "street tree", "shrub")[int(fields.rng.integers(3))]
        fields.plant(name, *fields.within(patch))
    fields.people(patch, 4)


def _grove(fields: _Fields, patch: Patch) -> None:
    """Trees close together."""
    fields.lay(
        patch, Surface("soil", varied(fields.rng, (0.2, 0.15, 0.09), 0.6, 1.3), "leaf"), -0.03
    )
    for _ in range(min(int(patch.wide * patch.deep / 75), 26)):
        fields.plant(
            "tree" if fields.chance(0.5) else "street tree", *fields.within(patch), FIELD_Z
        )


def _terraces(fields: _Fields, patch: Patch) -> None:
    """Plots in steps of .3 to 2.5 m, some of them under water or freshly turned."""
    steps, height = int(fields.rng.integers(3, 8)), 0.0
    rise, deep = fields.between(0.3, 2.5), patch.deep / steps
    for step in range(steps):
        draw = fields.rng.random()
        material = "water" if draw < 0.25 else "soil" if draw < 0.5 else "grass"
        colour = (
            grey(0.05) if material == "water" else varied(fields.rng, (0.17, 0.17, 0.07), 0.5, 1.6)
        )
        strip = Patch(patch.x, patch.y + step * deep, patch.wide, deep - 0.02)
        fields.lay(
            strip, Surface(material, colour, "grass" if material == "grass" else "plain"), height
        )
        bank = Surface(
            "stone" if step % 2 else "grass", varied(fields.rng, _GRASS, 0.6, 1.4), "grass"
        )
        fields.mesh.box(
            (strip.middle[0], strip.y + 0.3, height - 0.2), (patch.wide, 0.6, 0.35), bank
        )
        height += rise


def _pond(fields: _Fields, patch: Patch) -> None:
    """Water with a ragged shore in a meadow."""
    _meadow(fields, patch)
    fields.mesh.begin_object()
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    reach = 0.42 * (0.8 + 0.2 * np.sin(2 * turn + fields.between(0, 6)) * np.cos(3 * turn))
    x, y = patch.middle
    z = 0.07
    rim = np.stack(
        [
            x + patch.wide * reach * np.cos(turn),
            y + patch.deep * reach * np.sin(turn),
            np.full(32, z),
        ],
        -1,
    )
    fan = np.stack([np.broadcast_to([x, y, z], rim.shape), rim, np.roll(rim, -1, 0)], 1)
    _flat(fields.mesh, fan, Surface("water", grey(0.05)))


def _yard(fields: _Fields, patch: Patch) -> None:
    """A paved yard with houses, halls and rows of parked cars."""
    material = "asphalt" if fields.chance(0.6) else "concrete"
    fields.lay(patch, Surface(material, varied(fields.rng, (0.2, 0.2, 0.19), 0.5, 1.6), "asphalt"))
    y, end = patch.y + 3, patch.y + patch.deep - 3
    while y < end - 10:
        far = min(y + fields.between(9, 24), end)
        plot = Plot(
            side=1, x=patch.x + patch.wide - 12, near=y, far=far, height=fields.between(3, 11)
        )
        if fields.chance(0.5):
            building(
                fields.mesh,
                fields.rng,
                plot,
                fields.conditions,
                gabled=fields.chance(0.6),
                shop=False,
            )
        elif fields.chance(0.6):
            fields.mesh.begin_object()
            wall = Surface(
                "sheet" if fields.chance(0.6) else "paint",
                any_colour(fields.rng, 0.2, 0.6),
                "panels",
            )
            fields.mesh.box((plot.x + 5, (y + far) / 2, -0.1), (10, far - y, plot.height), wall)
        y = far + fields.between(2, 8)
    fill = fields.between(0.2, 1.0)
    for row in range(int(fields.rng.integers(1, 3))):
        x = patch.x + 5 + 11.5 * row
        if x > patch.x + patch.wide - 16:
            break
        for y_bay in np.arange(patch.y + 4, end, 2.7).tolist():
            _, number = fields.fleet.kind("parked")
            if fields.chance(fill):
                yaw = math.pi / 2 * (1 if fields.chance(0.8) else -1)
                fields.fleet.car(fields.mesh, "parked", number, Placement(x, y_bay, 0.0, yaw))
    fields.people(Patch(patch.x + 8.5, patch.y + 3, 1.5, patch.deep - 6), 5)


PLOTS: dict[str, Callable[[_Fields, Patch], None]] = {
    "pitch": _pitch,
    "courts": _courts,
    "meadow": _meadow,
    "grove": _grove,
    "terraces": _terraces,
    "pond": _pond,
    "yard": _yard,
}
