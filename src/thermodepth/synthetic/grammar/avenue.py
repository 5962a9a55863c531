"""A wide road as drivers see it: plan it, lay the ground, fill the lanes, line both sides, bend it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.avenue_road import (
    ALONG_M,
    EDGE_M,
    FIELD_Z,
    KERB_M,
    AvenuePlan,
    Grounds,
    draw_avenue,
    draw_grounds,
    lay_avenue,
    mark_avenue,
)
from thermodepth.synthetic.grammar.avenue_traffic import Parked, Traffic, fill_road, spread_along
from thermodepth.synthetic.grammar.buildings import Plot, building
from thermodepth.synthetic.grammar.colours import any_colour, grey
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.fleet import Fleet
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface, joined
from thermodepth.synthetic.grammar.open_ground import far_hills, lay_open_ground
from thermodepth.synthetic.grammar.plants import hedge
from thermodepth.synthetic.grammar.road_furniture import (
    fence,
    gantry,
    lantern,
    signal_mast,
    wire_poles,
)
from thermodepth.synthetic.grammar.street_furniture import any_piece, street_lamp
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

_BAY_M, _BAY_LENGTH_M, _AISLE_M = 2.6, 5.0, 6.5
_LOT_CARS = 12
_NEAR_M, _FAR_OFF_M = (-12.0, 68.0), 9.0  # plants beyond have fewer leaves
_FOLIAGE_K = 1.8  # sigma of how much warmer or cooler than their balance the leaves of a scene are


@dataclass(frozen=True, slots=True, kw_only=True)
class Avenue:
    """The finished scene; `looks` and `cars` are on the straight road, before it was bent."""

    mesh: Mesh
    plan: AvenuePlan
    cars: tuple[Parked, ...]
    looks: tuple[tuple[float, float], ...]

    def world(self, x: float, along: float) -> tuple[float, float]:
        """World X and Y of a place on the road."""
        return self.plan.bend.point(x, along)


@dataclass(frozen=True, slots=True)
class _Roadside(Draws):
    """What the frontages need: the builders, and one side of the road."""

    ground: MeshBuilder
    things: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    plan: AvenuePlan
    grounds: Grounds
    fleet: Fleet
    foliage_k: float
    side: int

    @property
    def line_m(self) -> float:
        """From the middle of the road to the back of the pavement."""
        return self.plan.walk_m(self.side)[1]

    def plant(self, name: str, off_m: float, y: float, scale: float = 1.0) -> None:
        """`off_m` from the middle of the road, unless the side road is there."""
        if not self.plan.joins(y - 1.5, y + 1.5):
            at = Placement(
                self.side * off_m, y, self.plan.kerb_up_m - 0.02, self.between(0, 6.28), scale
            )
            far = off_m > self.line_m + _FAR_OFF_M or not _NEAR_M[0] < y < _NEAR_M[1]
            self.fleet.plant(self.things, name, at, self.foliage_k, far=far)


def build_avenue(rng: np.random.Generator, conditions: Conditions) -> Avenue:
    """One road with everything along it."""
    plan, grounds = draw_avenue(rng), draw_grounds(rng)
    ground, things = MeshBuilder(), MeshBuilder()
    fleet = Fleet(rng, conditions)
    lay_avenue(ground, plan, grounds)
    mark_avenue(ground, rng, plan, conditions)
    traffic = Traffic(things, rng, plan, fleet)
    fill_road(traffic)
    foliage_k = _FOLIAGE_K * float(rng.standard_normal())
    shares = rng.dirichlet(np.full(len(FRONTAGES), 0.6))
    for side in (-1, 1):
        roadside = _Roadside(ground, things, rng, conditions, plan, grounds, fleet, foliage_k, side)
        _line(roadside, shares)
        _plant_verge(roadside)
        _light(roadside)
        if roadside.chance(0.25):
            wire_poles(things, ground, rng, side * (roadside.line_m + 0.3), ALONG_M)
    _over_road(things, rng, plan)
    if plan.median_m > 2.2 and rng.random() < 0.7:
        name = ("palm", "street tree", "shrub", "tree")[int(rng.integers(4))]
        for y in spread_along(rng, (7, 16)):
            if not plan.joins(y - 2, y + 2):
                at = Placement(0.0, y, plan.kerb_up_m - 0.02, float(rng.uniform(0, 6)))
                fleet.plant(things, name, at, foliage_k, far=not _NEAR_M[0] < y < _NEAR_M[1])
    far = MeshBuilder()
    lay_open_ground(far, rng, FIELD_Z)
    _far_line(far, rng, plan)
    if rng.random() < 0.8:
        far_hills(far, rng)
    bend = plan.bend
    mesh = joined(joined(bend.ground(ground.finish()), bend.things(things.finish())), far.finish())
    looks = tuple(traffic.looks) or ((0.0, 30.0),)
    return Avenue(mesh=mesh, plan=plan, cars=tuple(traffic.cars), looks=looks)


def _far_line(mesh: MeshBuilder, rng: np.random.Generator, plan: AvenuePlan) -> None:
    """A line of trees, sheds and houses behind the yards and beyond the end of the road."""
    ends = [plan.bend.point(x, ALONG_M[1] + 10) for x in (-40.0, 0.0, 40.0)]
    for x, y in ends:
        for _ in range(int(rng.integers(1, 6))):
            mesh.begin_object()
            at = (x + float(rng.normal(0, 22)), y + float(rng.uniform(5, 90)), FIELD_Z)
            size = (float(rng.uniform(6, 30)), 8.0, float(rng.uniform(3, 16)))
            wall = Surface("plaster", any_colour(rng, 0.2, 0.6), "panels", 293.0, 0.1)
            mesh.box(at, size, wall, yaw=float(rng.uniform(0, 3)))
    mesh.begin_object()
    crown = Surface("leaf", (0.07, 0.13, 0.04), "leaf")
    for side in (-1, 1):
        for along in np.arange(ALONG_M[0], ALONG_M[1] + 60, 9.0).tolist():
            if rng.random() < 0.55:
                x, y = plan.bend.point(side * (EDGE_M + float(rng.uniform(6, 40))), along)
                high = float(rng.uniform(2.5, 9))
                wide = high * float(rng.uniform(0.5, 1.0))
                mesh.ellipsoid((x, y, high * 0.8), (wide, wide, high), crown)


def _line(roadside: _Roadside, shares: np.ndarray) -> None:
    """Blocks of frontage one after the other, none across the side road."""
    y = ALONG_M[0]
    while y < ALONG_M[1] - 10:
        far = y + roadside.between(14, 34)
        crossing = roadside.plan.crossing
        # Behind the side road, rounding may say that it is joined once more.
        ahead = crossing is not None and y < crossing[1] + 1.0
        if crossing is not None and ahead and roadside.plan.joins(y - 1, far + 1):
            far = crossing[0] - 1.0
            if far - y < 8:
                y = crossing[1] + 1.0
                continue
        name = str(roadside.rng.choice(list(FRONTAGES), p=shares))
        FRONTAGES[name](roadside, y, far)
        y = far


def _house(roadside: _Roadside, near: float, far: float) -> None:
    """A low house set back in a yard with a hedge, a fence or a wall, and what grows there."""
    back = roadside.between(3, 18)
    margin = roadside.between(1.0, 3.5)
    plot = Plot(
        side=roadside.side,
        x=roadside.side * (roadside.line_m + back),
        near=near + margin,
        far=min(far - margin, near + margin + 16),
        height=roadside.between(2.7, 6.0),
    )
    building(
        roadside.things,
        roadside.rng,
        plot,
        roadside.conditions,
        gabled=roadside.chance(0.75),
        shop=False,
    )
    _boundary(roadside, near + 0.4, far - 0.4)
    for _ in range(int(roadside.rng.integers(0, 4))):
        name = ("palm", "tree", "street tree", "shrub")[int(roadside.rng.integers(4))]
        aside = roadside.between(1.2, max(back - 1.5, 1.3))
        roadside.plant(
            name,
            roadside.line_m + aside,
            roadside.between(near + 1, far - 1),
            roadside.between(0.6, 1.1),
        )
    if roadside.chance(0.5) and back > 7:
        _, number = roadside.fleet.kind("parked")
        if not roadside.plan.joins(near, near + 6):
            yaw = -roadside.side * math.pi / 2
            at = Placement(
                roadside.side * (roadside.line_m + 3.4),
                near + margin + 1.2,
                roadside.plan.kerb_up_m,
                yaw,
            )
            roadside.fleet.car(roadside.things, "parked", number, at)


def _boundary(roadside: _Roadside, near: float, far: float) -> None:
    x, z = roadside.side * (roadside.line_m + 0.45), roadside.plan.kerb_up_m
    draw = roadside.rng.random()
    if draw < 0.35:
        up = roadside.between(0.5, 2.2)
        for start in np.arange(near, far - 2, 8.0).tolist():
            size = (0.8, min(7.0, far - start), up)
            hedge(roadside.things, roadside.rng, (x, start, z), size, roadside.grounds.green)
    elif draw < 0.5:
        roadside.things.begin_object()
        wall = Surface("brick", any_colour(roadside.rng, 0.2, 0.55), "brick")
        roadside.things.box(
            (x, (near + far) / 2, z), (0.25, far - near, roadside.between(0.5, 2.0)), wall
        )
    elif draw < 0.75:
        kind = ("rails", "bars", "wire")[int(roadside.rng.integers(3))]
        fence(roadside.things, roadside.rng, (x, near, z), (x, far, z), kind)


def _shops(roadside: _Roadside, near: float, far: float) -> None:
    """One or two storeys at the pavement."""
    x = roadside.side * (roadside.line_m + roadside.between(0.2, 3))
    plot = Plot(side=roadside.side, x=x, near=near, far=far - 0.3, height=roadside.between(3.6, 8))
    building(
        roadside.things,
        roadside.rng,
        plot,
        roadside.conditions,
        gabled=roadside.chance(0.2),
        shop=roadside.chance(0.8),
    )


def _tall(roadside: _Roadside, near: float, far: float) -> None:
    """A house that reaches above the picture."""
    x = roadside.side * (roadside.line_m + roadside.between(0.2, 2))
    plot = Plot(side=roadside.side, x=x, near=near, far=far - 0.3, height=roadside.between(10, 24))
    building(
        roadside.things,
        roadside.rng,
        plot,
        roadside.conditions,
        gabled=False,
        shop=roadside.chance(0.5),
    )


def _lot(roadside: _Roadside, near: float, far: float) -> None:
    """A parking lot: two rows that face each other across an aisle."""
    plan, start = roadside.plan, roadside.line_m + 1.2
    deep = 2 * _BAY_LENGTH_M + _AISLE_M
    roadside.ground.begin_object()
    edges = sorted((roadside.side * start, roadside.side * (start + deep)))
    z = plan.kerb_up_m + 0.004
    floor = roadside.grounds.asphalt
    roadside.ground.quad(
        (edges[0], near + 0.5, z), (deep, 0.0, 0.0), (0.0, far - near - 1.0, 0.0), floor
    )
    fill, placed = roadside.between(0.3, 1.0), 0
    for row, off in enumerate((start + _BAY_LENGTH_M / 2, start + deep - _BAY_LENGTH_M / 2)):
        for y in np.arange(near + 2.0, far - 2.0, _BAY_M).tolist():
            _, number = roadside.fleet.kind("parked")
            if placed >= _LOT_CARS or not roadside.chance(fill) or not -40 < y < 110:
                continue
            placed += 1
            inward = math.pi / 2 * roadside.side * (1 if row == 0 else -1)
            yaw = inward if roadside.chance(0.7) else -inward
            at = Placement(roadside.side * off, y, z, yaw + float(roadside.rng.normal(0, 0.03)))
            roadside.fleet.car(roadside.things, "parked", number, at)
    if roadside.chance(0.5):
        _boundary(roadside, near + 0.5, far - 0.5)


def _green(roadside: _Roadside, near: float, far: float) -> None:
    """Open grass with trees, shrubs and people far off the road."""
    for _ in range(int(roadside.rng.integers(2, 9))):
        name = ("palm", "tree", "street tree", "shrub", "agave")[int(roadside.rng.integers(5))]
        roadside.plant(
            name, roadside.line_m + roadside.between(1.5, 26), roadside.between(near, far)
        )
    if roadside.chance(0.3):
        x, z = roadside.side * (roadside.line_m + 0.5), roadside.plan.kerb_up_m
        fence(roadside.things, roadside.rng, (x, near, z), (x, far, z), "wire")
    for _ in range(int(roadside.rng.integers(0, 3))):
        at = Placement(
            roadside.side * (roadside.line_m + roadside.between(2, 20)),
            roadside.between(near, far),
            roadside.plan.kerb_up_m,
            roadside.between(0, 6.28),
        )
        roadside.fleet.walker(roadside.things, at)


def _thicket(roadside: _Roadside, near: float, far: float) -> None:
    """Trees close together, whose crowns hang over the pavement and the road."""
    for y in np.arange(near + 2, far, roadside.between(3.0, 6.0)).tolist():
        roadside.plant(
            "street tree",
            roadside.line_m + roadside.between(0.5, 2.5),
            y,
            roadside.between(0.8, 1.3),
        )
        roadside.plant("shrub", roadside.line_m + roadside.between(2.0, 5.0), y + 1.5)
        if roadside.chance(0.6):
            roadside.plant("tree", roadside.line_m + roadside.between(5, 14), y)


def _hall(roadside: _Roadside, near: float, far: float) -> None:
    """A hall of sheet metal, concrete or panels, behind a yard: cold by a clear sky, whatever the air."""
    roadside.things.begin_object()
    material = ("sheet", "concrete", "paint")[int(roadside.rng.choice(3, p=[0.5, 0.25, 0.25]))]
    wall = Surface(
        material, any_colour(roadside.rng, 0.2, 0.7), "panels", 291.0, roadside.between(0, 0.1)
    )
    deep, up = roadside.between(12, 26), roadside.between(4, 9)
    x = roadside.side * (roadside.line_m + roadside.between(3, 12) + deep / 2)
    y, z = (near + far) / 2, roadside.plan.kerb_up_m
    roadside.things.box((x, y, z - 0.1), (deep, far - near - 2, up), wall)
    face = x - roadside.side * deep / 2
    door = Surface("paint", any_colour(roadside.rng, 0.1, 0.6), "stripes", 291.0, 0.15)
    for y_door in np.arange(near + 3, far - 5, roadside.between(5, 9)).tolist():
        roadside.things.box((face, y_door + 1.5, z), (0.1, 3.2, min(3.4, up - 0.5)), door)
    roof = Surface("sheet", grey(0.4))
    roadside.things.box(
        (x, y, z + up - 0.1), (deep + 0.5, far - near - 1.6, 0.3), roof, bottom=True
    )
    _boundary(roadside, near + 0.5, far - 0.5)


FRONTAGES: dict[str, Callable[[_Roadside, float, float], None]] = {
    "house": _house,
    "shops": _shops,
    "tall": _tall,
    "lot": _lot,
    "green": _green,
    "thicket": _thicket,
    "hall": _hall,
}


def _plant_verge(roadside: _Roadside) -> None:
    """A row of one kind of tree at even distances along the kerb."""
    if not roadside.chance(0.6):
        return
    name = ("palm", "street tree", "tree")[int(roadside.rng.choice(3, p=[0.35, 0.45, 0.2]))]
    off = roadside.plan.kerb_m(roadside.side) + KERB_M + max(roadside.plan.verge_m / 2, 0.45)
    for y in spread_along(roadside.rng, (7, 20)):
        roadside.plant(name, off, y, roadside.between(0.85, 1.15))


def _light(roadside: _Roadside) -> None:
    plan = roadside.plan
    off = roadside.side * (plan.kerb_m(roadside.side) + KERB_M + 0.35)
    kind = roadside.rng.random()
    if kind < 0.8:
        for y in spread_along(roadside.rng, (18, 40), (-40.0, 120.0)):
            if plan.joins(y - 0.5, y + 0.5):
                continue
            if kind < 0.5:
                street_lamp(roadside.things, roadside.rng, off, y, roadside.conditions)
            else:
                lantern(roadside.things, roadside.rng, off, y, plan.kerb_up_m, roadside.conditions)
    for _ in range(int(roadside.rng.integers(0, 7))):
        y = roadside.between(2, 50)
        if not plan.joins(y - 4, y + 4):
            at = Placement(off, y, plan.kerb_up_m, -roadside.side * math.pi / 2 + math.pi)
            any_piece(roadside.things, roadside.rng, at)


def _over_road(things: MeshBuilder, rng: np.random.Generator, plan: AvenuePlan) -> None:
    """Signals before and behind the side road, and now and then a gantry."""
    if plan.crossing is not None and rng.random() < 0.75:
        for side, y in ((1, plan.crossing[1] + 1.5), (-1, plan.crossing[0] - 1.5)):
            x = side * (plan.kerb_m(side) + KERB_M + 0.3)
            reach = abs(x) - plan.median_m / 2 - float(rng.uniform(0.5, 1.5))
            signal_mast(things, rng, x, y, plan.kerb_up_m, min(reach, 11.0))
    if rng.random() < 0.2:
        left, right = (side * (plan.kerb_m(side) + KERB_M + 0.5) for side in (-1, 1))
        gantry(things, rng, left, right, float(rng.uniform(20, 100)))
