"""What stands at and hangs over a wide road: signal masts with arms, gantries, lanterns, poles and wires.

Each is added at the straight road along Y: `x` is its foot, `side` -1 left and +1 right of the road.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from thermodepth.synthetic.grammar.colours import any_colour, grey
from thermodepth.synthetic.grammar.mesh import Lamp, MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Vec
from thermodepth.synthetic.weather.conditions import Conditions

CLEAR_M = 4.6  # under what hangs over a road
_SPAN_PARTS = 6
_SHINE = (19.0, 16.0, 11.0)


def _coat(rng: np.random.Generator, albedo: float = 0.3) -> Surface:
    material = ("paint", "sheet", "metal")[int(rng.choice(3, p=[0.6, 0.25, 0.15]))]
    return Surface(material, grey(albedo * float(rng.uniform(0.4, 1.5))))


def signal_head(mesh: MeshBuilder, rng: np.random.Generator, at: Vec, facing: int) -> None:
    """Three lights in a case with a board behind, its foot at `at`, looking along `facing` * Y."""
    x, y, z = at
    case = Surface("plastic", grey(0.04), "plain", 305.0, 0.15)
    mesh.box((x, y, z), (0.32, 0.26, 1.0), case, bottom=True)
    if rng.random() < 0.5:
        board = Surface("paint", grey(0.03))
        mesh.box((x, y - facing * 0.14, z - 0.12), (0.6, 0.02, 1.24), board, bottom=True)
    lit = int(rng.integers(3))
    for number, colour in enumerate(((0.05, 0.5, 0.2), (0.7, 0.4, 0.05), (0.7, 0.05, 0.05))):
        lens = Surface("plastic", colour, "plain", 312.0, 0.3, 3.0 * (number == lit))
        end = y + facing * 0.17
        height = z + 0.2 + 0.31 * number
        mesh.cylinder((x, y, height), (x, end, height), (0.11, 0.11), lens, sides=8)


def signal_mast(
    mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, ground_m: float, reach: float
) -> None:
    """A pole at the kerb and an arm that reaches `reach` metres towards the middle of the road."""
    mesh.begin_object()
    side = 1.0 if x > 0 else -1.0
    facing = -int(side)  # at whoever drives on this side
    coat, height = _coat(rng), float(rng.uniform(5.6, 6.8))
    mesh.cylinder((x, y, ground_m), (x, y, height), (0.13, 0.09), coat, sides=8)
    rise = float(rng.uniform(0.0, 0.8))
    elbow = (x - side * reach * 0.25, y, height + rise * 0.7)
    end = (x - side * reach, y, height + rise)
    mesh.cylinder((x, y, height - 0.25), elbow, (0.08, 0.07), coat, sides=6)
    mesh.cylinder(elbow, end, (0.07, 0.045), coat, sides=6)
    for share in (0.55, 0.97)[: 1 + int(rng.random() < 0.7)]:
        hung = (x - side * reach * share, y + facing * 0.2, height + rise - 0.75)
        signal_head(mesh, rng, hung, facing)
    signal_head(mesh, rng, (x - side * 0.3, y + facing * 0.1, 2.6), facing)
    if rng.random() < 0.6:
        plate = Surface("paint", any_colour(rng, 0.05, 0.6))
        where = (x - side * reach * 0.3, y + facing * 0.1, height - 0.1)
        mesh.box(where, (1.3, 0.03, 0.4), plate, bottom=True)


def gantry(
    mesh: MeshBuilder, rng: np.random.Generator, left: float, right: float, y: float
) -> None:
    """Two posts, a beam across the whole road and boards that hang from it."""
    mesh.begin_object()
    coat, height = _coat(rng), float(rng.uniform(5.8, 7.2))
    for x in (left, right):
        mesh.box((x, y, 0.0), (0.35, 0.35, height), coat)
    for up, back in ((0.0, 0.0), (-0.7, 0.0), (0.0, 0.5)):
        mesh.box(
            ((left + right) / 2, y + back, height + up),
            (right - left + 0.3, 0.12, 0.14),
            coat,
            bottom=True,
        )
    board = Surface(
        "paint", (0.03, 0.12, 0.06) if rng.random() < 0.5 else (0.04, 0.1, 0.4), "poster"
    )
    x = left + 1.5
    while x < right - 3:
        wide, high = float(rng.uniform(1.8, 4.0)), float(rng.uniform(1.0, 2.0))
        if rng.random() < 0.7:
            foot = (x + wide / 2, y - 0.2, max(height - high * 0.7, CLEAR_M))
            mesh.box(foot, (wide, 0.08, high), board, bottom=True)
        x += wide + float(rng.uniform(0.3, 3))


def lantern(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    x: float,
    y: float,
    z: float,
    conditions: Conditions,
) -> None:
    """A globe or a bell on a post of 3 to 4.5 m, one or two of them."""
    mesh.begin_object()
    coat, height = _coat(rng, 0.15), float(rng.uniform(3.0, 4.5))
    mesh.cylinder((x, y, z), (x, y, z + 0.5), (0.16, 0.12), coat, sides=8)
    mesh.cylinder((x, y, z + 0.5), (x, y, z + height), (0.07, 0.05), coat, sides=7)
    on = conditions.night
    globe = Surface("lamp", grey(0.7), "plain", 316.0, 0.6 if on else 0.1, 12.0 * on)
    places = (0.0,) if rng.random() < 0.6 else (-0.45, 0.45)
    for aside in places:
        if aside:
            mesh.cylinder(
                (x, y, z + height - 0.2), (x + aside, y, z + height), (0.03, 0.03), coat, sides=5
            )
        mesh.ellipsoid((x + aside, y, z + height + 0.22), (0.22, 0.22, 0.26), globe)
        mesh.cylinder(
            (x + aside, y, z + height + 0.4),
            (x + aside, y, z + height + 0.52),
            (0.2, 0.03),
            coat,
            sides=7,
        )
    if on:
        mesh.lamp(Lamp((x, y, z + height), _SHINE, (0.0, 0.0, -1.0)))


def light_mast(
    mesh: MeshBuilder, rng: np.random.Generator, x: float, y: float, conditions: Conditions
) -> None:
    """A sports ground's or a yard's: 9 to 20 m with a bar of flood lights."""
    mesh.begin_object()
    coat, height = _coat(rng), float(rng.uniform(9, 20))
    mesh.cylinder((x, y, -0.2), (x, y, height), (0.22, 0.1), coat, sides=8)
    turn = float(rng.uniform(0, math.pi))
    c, s = math.cos(turn), math.sin(turn)
    on = conditions.night and rng.random() < 0.5
    lamp = Surface("lamp", grey(0.4), "plain", 325.0, 0.7 * on, 18.0 * on)
    for row in range(int(rng.integers(1, 3))):
        up = height - 0.8 * row
        ends = [(x + k * 1.4 * c, y + k * 1.4 * s, up) for k in (-1, 1)]
        mesh.cylinder(ends[0], ends[1], (0.05, 0.05), coat, sides=5)
        for k in (-1.2, -0.4, 0.4, 1.2):
            mesh.box(
                (x + k * c, y + k * s, up - 0.25), (0.45, 0.35, 0.4), lamp, yaw=turn, bottom=True
            )


def wire_poles(
    things: MeshBuilder,
    wires: MeshBuilder,
    rng: np.random.Generator,
    x: float,
    along: tuple[float, float],
) -> None:
    """Wooden or concrete poles along one side and the wires from one to the next."""
    spacing, height = float(rng.uniform(28, 45)), float(rng.uniform(7.5, 11))
    wood = rng.random() < 0.6
    pole = Surface("wood" if wood else "concrete", grey(0.2), "wood" if wood else "plain")
    places = np.arange(along[0] + float(rng.uniform(0, 10)), along[1], spacing).tolist()
    arm = float(rng.uniform(0.8, 1.3))
    for y in places:
        things.begin_object()
        things.cylinder((x, y, 0.0), (x, y, height + 0.6), (0.16, 0.1), pole, sides=8)
        things.box((x, y, height), (2 * arm + 0.2, 0.12, 0.14), pole, bottom=True)
        if rng.random() < 0.3:
            drum = Surface("paint", grey(0.4), "plain", 312.0, 0.35)
            foot, top = (x + 0.35, y, height - 1.6), (x + 0.35, y, height - 0.7)
            things.cylinder(foot, top, (0.25, 0.25), drum, sides=9)
    wires.begin_object()
    cable, sag = Surface("rubber", grey(0.03)), float(rng.uniform(0.4, 1.1))
    for first, last in itertools.pairwise(places):
        for aside, drop in ((-arm, 0.0), (0.3 * arm, 0.0), (arm, 0.0), (0.0, -1.3)):
            way = np.linspace(0, 1, _SPAN_PARTS + 1)
            up = height + 0.12 + drop - 4 * sag * way * (1 - way)
            points = [
                (x + aside, first + (last - first) * w, float(z))
                for w, z in zip(way.tolist(), up, strict=True)
            ]
            for a, b in itertools.pairwise(points):
                wires.cylinder(a, b, (0.016, 0.016), cable, sides=3, caps=False)


def fence(mesh: MeshBuilder, rng: np.random.Generator, start: Vec, end: Vec, kind: str) -> None:
    """From one point to another: `rails`, `bars` or `wire` between posts."""
    mesh.begin_object()
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    high = {"rails": 1.1, "bars": 1.5, "wire": 2.4}[kind] * float(rng.uniform(0.8, 1.2))
    coat = Surface("wood" if kind == "rails" and rng.random() < 0.5 else "paint", grey(0.25))

    def point(way: float, up: float) -> Vec:
        return (
            start[0] + (end[0] - start[0]) * way,
            start[1] + (end[1] - start[1]) * way,
            start[2] + (end[2] - start[2]) * way + up,
        )

    posts = max(int(length / 2.6), 1)
    for number in range(posts + 1):
        way = number / posts
        mesh.cylinder(point(way, -0.1), point(way, high), (0.05, 0.05), coat, sides=5)
    rails = {"rails": (0.35, 0.65, 0.95), "bars": (0.15, 0.95), "wire": (0.05, 0.35, 0.65, 0.98)}
    for share in rails[kind]:
        thick = 0.012 if kind == "wire" else 0.035
        mesh.cylinder(
            point(0, high * share),
            point(1, high * share),
            (thick, thick),
            coat,
            sides=4,
            caps=False,
        )
    if kind == "bars":
        for number in range(int(length / 0.22)):
            way = (number + 0.5) * 0.22 / length
            mesh.cylinder(
                point(way, high * 0.1), point(way, high), (0.014, 0.014), coat, sides=3, caps=False
            )
