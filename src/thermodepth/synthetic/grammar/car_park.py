"""A car park: rows of parked cars with aisles between them, lamps, trees, a hall at one side."""

from __future__ import annotations

import math

import numpy as np

from thermodepth.synthetic.grammar.buildings import Plot, building
from thermodepth.synthetic.grammar.colours import any_colour, grey, varied
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.open_ground import far_hills, lay_open_ground
from thermodepth.synthetic.grammar.people import group
from thermodepth.synthetic.grammar.plants import tree
from thermodepth.synthetic.grammar.street_furniture import street_lamp
from thermodepth.synthetic.grammar.vehicles import VEHICLES, vehicle
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

BAY_M, BAY_LENGTH_M, AISLE_M = 2.5, 5.1, 6.2
_MOST_CARS = 70
_LINE = Surface("paint", grey(0.7))


def _level(x: float, y: float) -> float:
    del x, y
    return 0.0


def _parked_kind(rng: np.random.Generator) -> str:
    shares = np.array([row.parked_share for row in VEHICLES.values()])
    return str(rng.choice(list(VEHICLES), p=shares / shares.sum()))


def build_car_park(
    rng: np.random.Generator, conditions: Conditions
) -> tuple[Mesh, list[float], list[tuple[float, float]]]:
    """The mesh, the middles of the aisles (y), and what is worth looking at (x, y).

    Rows run along X, from -half to half; the first aisle is at y = 0.
    """
    mesh = MeshBuilder()
    bays, rows = int(rng.integers(8, 22)), int(rng.integers(2, 6))
    half = bays * BAY_M / 2
    lay_open_ground(mesh, rng, -0.08)
    _ground(mesh, rng, half, rows)
    fill = float(rng.uniform(0.25, 0.98))
    looks: list[tuple[float, float]] = []
    aisles: list[float] = []
    placed = 0
    for row in range(rows):
        aisle_y = row * (AISLE_M + 2 * BAY_LENGTH_M)
        aisles.append(aisle_y)
        for side in (-1, 1):
            y = aisle_y + side * (AISLE_M + BAY_LENGTH_M) / 2
            _lines(mesh, half, bays, y)
            for bay in range(bays):
                x = -half + (bay + 0.5) * BAY_M
                if placed >= _MOST_CARS or rng.random() > fill:
                    continue
                placed += 1
                looks.append((x, y))
                _park(mesh, rng, conditions, x, y, side)
        if rng.random() < 0.5:
            x = float(rng.uniform(-half, half))
            away = rng.random() < 0.5
            at = Placement(
                x, aisle_y + (1.4 if away else -1.4), 0.0, (1 if away else -1) * math.pi / 2
            )
            state = "running" if rng.random() < 0.7 else "warm"
            vehicle(mesh, rng, at, conditions, kind=_parked_kind(rng), state=state)
    _around(mesh, rng, conditions, half, rows, aisles)
    for _ in range(int(rng.integers(0, 4))):
        centre = (float(rng.uniform(-half, half)), float(rng.choice(aisles)))
        group(mesh, rng, centre, conditions, _level, largest=8)
        looks.append(centre)
    return mesh.finish(), aisles, looks or [(0.0, 6.0)]


def _ground(mesh: MeshBuilder, rng: np.random.Generator, half: float, rows: int) -> None:
    mesh.begin_object()
    front = -(AISLE_M / 2 + BAY_LENGTH_M + 3)
    depth = rows * (AISLE_M + 2 * BAY_LENGTH_M) + 6
    material, pattern = ("asphalt", "asphalt") if rng.random() < 0.75 else ("concrete", "paving")
    surface = Surface(material, varied(rng, (0.13, 0.13, 0.13), 0.6, 1.8), pattern)
    mesh.quad((-half - 8, front, 0.0), (2 * half + 16, 0.0, 0.0), (0.0, depth, 0.0), surface)
    kerb = Surface("concrete", grey(0.4))
    for y in (front, front + depth):
        mesh.box((0.0, y, 0.0), (2 * half + 16, 0.3, 0.14), kerb)


def _lines(mesh: MeshBuilder, half: float, bays: int, y: float) -> None:
    for bay in range(bays + 1):
        corner = (-half + bay * BAY_M - 0.05, y - BAY_LENGTH_M / 2, 0.006)
        mesh.quad(corner, (0.1, 0.0, 0.0), (0.0, BAY_LENGTH_M, 0.0), _LINE)


def _park(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    conditions: Conditions,
    x: float,
    y: float,
    side: int,
) -> None:
    backwards = rng.random() < 0.3
    yaw = (0.0 if (side > 0) != backwards else math.pi) + float(rng.normal(0, 0.03))
    x, y = x + float(rng.normal(0, 0.1)), y + float(rng.normal(0, 0.2))
    state = "warm" if rng.random() < 0.2 else "cold"
    vehicle(mesh, rng, Placement(x, y, 0.0, yaw), conditions, kind=_parked_kind(rng), state=state)


def _around(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    conditions: Conditions,
    half: float,
    rows: int,
    aisles: list[float],
) -> None:
    """Lamps and trees between back-to-back rows, halls and houses at the sides, hills behind."""
    between = [y + (AISLE_M + 2 * BAY_LENGTH_M) / 2 for y in aisles]
    for y in between:
        for x in np.arange(-half, half, float(rng.uniform(12, 25))).tolist():
            if rng.random() < 0.35:
                street_lamp(mesh, rng, x, y, conditions)
            elif rng.random() < 0.4:
                tree(mesh, rng, x, y, float(rng.uniform(0.5, 1.1)))
    length = rows * (AISLE_M + 2 * BAY_LENGTH_M)
    for side in (-1, 1):
        y = -15.0
        while y < length and rng.random() < 0.85:
            size = float(rng.uniform(9, 26))
            x = side * (half + 12 + float(rng.uniform(0, 10)))
            if rng.random() < 0.6:
                plot = Plot(side=side, x=x, near=y, far=y + size, height=float(rng.uniform(3, 12)))
                building(
                    mesh, rng, plot, conditions, gabled=rng.random() < 0.4, shop=rng.random() < 0.4
                )
            y += size + float(rng.uniform(1, 12))
    if rng.random() < 0.6:
        mesh.begin_object()
        wall = Surface(
            "paint", any_colour(rng, 0.2, 0.7), "panels", 292.0, float(rng.uniform(0, 0.15))
        )
        hall = (float(rng.uniform(20, 70)), 18.0, float(rng.uniform(5, 11)))
        mesh.box((float(rng.uniform(-20, 20)), length + 12, 0.0), hall, wall)
    far_hills(mesh, rng)
