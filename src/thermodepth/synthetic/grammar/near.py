"""Near scenes: a table top or a shelf full of things, in a corner of a room.

The table stands about the origin. Its top, the things on it and the room round it are within a degree or
two of each other, but for what is hot, cold or alive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, one_of, varied
from thermodepth.synthetic.grammar.furniture import bookshelf, boxes, chair
from thermodepth.synthetic.grammar.mesh import Lamp, Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.people import person
from thermodepth.synthetic.grammar.things import Counter, Thing, any_thing, hand
from thermodepth.synthetic.grammar.warmth import Top, add_trace, lay_wall
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

# material, pattern, colour: every second top is plain, so that it shows nothing but its edges
_TOPS: tuple[tuple[str, str, Colour], ...] = (
    ("wood", "wood", (0.42, 0.3, 0.18)),
    ("wood", "plain", (0.4, 0.3, 0.2)),
    ("plastic", "plain", (0.6, 0.6, 0.58)),
    ("plastic", "plain", (0.15, 0.16, 0.18)),
    ("paint", "plain", (0.5, 0.52, 0.5)),
    ("cloth", "stripes", (0.45, 0.3, 0.3)),
    ("cloth", "plain", (0.5, 0.5, 0.48)),
    ("tile", "tiles", (0.55, 0.52, 0.5)),
    ("paper", "poster", (0.5, 0.5, 0.5)),
    ("metal", "plain", (0.5, 0.5, 0.5)),
)
_WALLS: tuple[Colour, ...] = (
    (0.7, 0.68, 0.62),
    (0.55, 0.6, 0.6),
    (0.65, 0.55, 0.45),
    (0.75, 0.75, 0.75),
)
_TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NearScene:
    """What was built, and what a camera looks at."""

    mesh: Mesh
    targets: tuple[tuple[float, float, float], ...]  # the things, world coordinates
    facing: (
        float | None
    )  # a shelf is looked at from this side (direction out of it); None: from all


def build_near(rng: np.random.Generator, conditions: Conditions) -> NearScene:
    """A table (3 of 4) or a shelf."""
    counter = Counter(MeshBuilder(), rng, conditions.air_k)
    shelf = counter.chance(0.25)
    _room(counter, conditions, behind_m=counter.between(0.05, 0.3) if shelf else None)
    targets = _shelf(counter) if shelf else _table(counter, conditions)
    return NearScene(
        mesh=counter.mesh.finish(), targets=tuple(targets), facing=-math.pi / 2 if shelf else None
    )


def _room(c: Counter, conditions: Conditions, behind_m: float | None) -> None:
    """Floor, ceiling, four walls, lamps, and a little furniture along them."""
    mesh, rng, air_k = c.mesh, c.rng, c.air_k
    left, right, front = c.between(0.9, 3.5), c.between(0.9, 3.5), c.between(1.8, 4.0)
    back = c.between(0.5, 3.0) if behind_m is None else behind_m
    height = c.between(2.3, 3.0)
    colour = varied(rng, one_of(rng, _WALLS), 0.7, 1.1)
    across, along = (left + right, 0.0, 0.0), (0.0, front + back, 0.0)
    corner = (-left, -front, 0.0)
    material, pattern = ("tile", "tiles") if c.chance(0.4) else ("wood", "wood")
    floor = Surface(material, varied(rng, (0.4, 0.35, 0.3), 0.5, 1.3), pattern, air_k - 1.0, 0.6)
    mesh.begin_object()
    mesh.quad(corner, across, along, floor)
    mesh.quad(
        (-left, -front, height),
        across,
        along,
        Surface("plaster", grey(0.7), "plain", air_k + 0.6, 0.6),
    )
    for origin, edge in (
        ((-left, back, 0.0), across),
        (corner, across),
        (corner, along),
        ((right, -front, 0.0), along),
    ):
        behind_k = conditions.outside_k if c.chance(0.2) else air_k
        hue = varied(rng, colour, 0.9, 1.1)
        lay_wall(
            c,
            origin,
            edge,
            height,
            Surface("plaster", hue, "plain", behind_k, c.between(0.02, 0.1)),
        )
    mesh.begin_object()
    on = conditions.lamps
    body = Surface("lamp", grey(0.8), "plain", air_k + c.between(2, 9), 0.8 * on, 4.0 * on)
    where = (c.between(-0.8, 0.8), c.between(-1.0, 0.3))
    mesh.box((*where, height - 0.06), (0.9, 0.3, 0.05), body, bottom=True)
    if on:
        power = c.between(1.5, 2.6)
        mesh.lamp(
            Lamp(
                (*where, height - 0.1),
                (power, power * 0.96, power * 0.88),
                (0.0, 0.0, -1.0),
                beam=1.0,
            )
        )
    if behind_m is None and back > 1.6 and c.chance(0.5):
        bookshelf(
            mesh, rng, Placement(c.between(-left + 0.8, right - 0.8), back, 0.0, math.pi), height
        )
    if left > 2 and c.chance(0.4):
        boxes(mesh, rng, Placement(-left + 0.6, c.between(-1, 0.3)))


def _table(c: Counter, conditions: Conditions) -> list[tuple[float, float, float]]:
    top = _draw_top(c)
    _lay_top(c, top)
    for _ in range(int(c.rng.integers(0, 5)) if c.chance(0.5) else 0):
        # Somebody leant there, a cup stood there, the sun came in: warmth without a thing.
        x, y = c.between(-0.4, 0.4) * top.width, c.between(-0.4, 0.4) * top.depth
        add_trace(c, top, (x, y), c.between(0.03, 0.16), float(c.rng.normal(0.6, 1.2)))
    placed = _places(c, top)
    for _, at, radius in placed:
        # Most things have left a little of their own warmth below.
        if c.chance(0.6):
            add_trace(c, top, (at.x, at.y), 1.3 * radius, float(c.rng.normal(-0.1, 0.5)))
    if c.chance(0.2):  # a mat, a sheet, a cutting board
        c.mesh.begin_object()
        material, pattern, colour = _TOPS[int(c.rng.integers(len(_TOPS)))]
        size = (
            top.width * c.between(0.3, 0.6),
            top.depth * c.between(0.3, 0.6),
            c.between(0.002, 0.02),
        )
        foot = (c.between(-0.1, 0.1), 0.0, top.up)
        c.mesh.box(foot, size, c.lukewarm(material, colour, pattern))
    for row, at, _ in placed:
        c.mesh.begin_object()
        row.add(c, at)
    for _ in range(int(c.rng.integers(0, 3)) if c.chance(0.3) else 0):
        across = c.between(-top.width / 3, top.width / 3)
        c.mesh.begin_object()
        near = c.chance(0.5)
        yaw = (0.0 if near else math.pi) + c.between(-0.5, 0.5)
        reach = (-1 if near else 1) * top.depth * c.between(0.05, 0.35)
        hand(c, Placement(across, reach, top.up, yaw))
    for side in (-1, 1):
        if c.chance(0.3):
            yaw = 0.0 if side < 0 else math.pi
            at = Placement(c.between(-0.4, 0.4), side * (top.depth / 2 + 0.3), 0.0, yaw)
            chair(c.mesh, c.rng, at, vacated=c.chance(0.2))
            if c.chance(0.3):
                person(c.mesh, c.rng, at, conditions, seated=True)
    return [(at.x, at.y, top.up + 0.03) for _, at, _ in placed] or [(0.0, 0.0, top.up)]


def _draw_top(c: Counter) -> Top:
    material, pattern, colour = _TOPS[int(c.rng.integers(len(_TOPS)))]
    surface = c.lukewarm(material, varied(c.rng, colour, 0.6, 1.4), pattern)
    rounded, width = c.chance(0.3), c.between(0.5, 2.0)
    depth = width if rounded else min(width, c.between(0.45, 1.1))
    return Top(surface=surface, width=width, depth=depth, up=c.between(0.42, 1.0), rounded=rounded)


def _lay_top(c: Counter, top: Top) -> None:
    """The board on its legs, or a thick disc on a foot."""
    mesh, thick = c.mesh, c.between(0.02, 0.07)
    mesh.begin_object()
    leg = c.lukewarm("metal" if c.chance(0.5) else "wood", grey(0.3))
    below = top.up - thick
    if top.rounded:
        radius = top.width / 2
        mesh.cylinder(
            (0.0, 0.0, below), (0.0, 0.0, top.up), (radius, radius), top.surface, sides=48
        )
        mesh.cylinder((0.0, 0.0, 0.0), (0.0, 0.0, below), (0.05, 0.05), leg, sides=10, caps=False)
        if c.chance(0.5):  # it stands on a larger one
            board = c.lukewarm("wood", any_colour(c.rng, 0.2, 0.7))
            mesh.begin_object()
            size = (top.width * c.between(1.1, 2.2), top.depth * c.between(1.1, 1.8), 0.03)
            mesh.box((0.0, 0.0, below - 0.032), size, board, bottom=True)
        return
    mesh.box((0.0, 0.0, below), (top.width, top.depth, thick), top.surface, bottom=True)
    for x in (-1, 1):
        for y in (-1, 1):
            foot = (x * (top.width / 2 - 0.06), y * (top.depth / 2 - 0.06))
            mesh.cylinder((*foot, 0.0), (*foot, below), (0.025, 0.025), leg, sides=8, caps=False)


def _places(c: Counter, top: Top) -> list[tuple[Thing, Placement, float]]:
    """(thing, place, radius) of one to thirty things; what finds no room is left out.

    On every second table they are together in the middle.
    """
    placed: list[tuple[Thing, Placement, float]] = []
    together = c.chance(0.5)
    for _ in range(1 + int(24 * c.rng.random() ** 2)):
        row = any_thing(c)
        scale = c.between(0.85, 1.2)
        radius = row.radius_m * scale
        room_x, room_y = top.width / 2 - radius, top.depth / 2 - radius
        if min(room_x, room_y) <= 0:
            continue
        for _ in range(_TRIES):
            x, y = c.between(-room_x, room_x), c.between(-room_y, room_y)
            if together:
                x, y = (min(0.17, room_x / 2) * c.rng.standard_normal(2)).tolist()
            inside = abs(x) <= room_x and abs(y) <= room_y
            if top.rounded:
                inside = math.hypot(x, y) <= room_x
            if inside and all(
                math.hypot(x - at.x, y - at.y) > 0.8 * (radius + at_radius)
                for _, at, at_radius in placed
            ):
                at = Placement(x, y, top.up, c.between(0, 2 * math.pi), scale)
                placed.append((row, at, radius))
                break
    return placed


def _shelf(c: Counter) -> list[tuple[float, float, float]]:
    """Boards one above the other, opening towards -Y, with things on them."""
    mesh, rng = c.mesh, c.rng
    width, depth, gap = c.between(0.6, 1.4), c.between(0.25, 0.45), c.between(0.28, 0.42)
    boards = int(rng.integers(3, 7))
    first = c.between(0.05, 0.3)
    wood = c.lukewarm("wood" if c.chance(0.6) else "paint", any_colour(rng, 0.1, 0.7))
    height = first + boards * gap
    mesh.begin_object()
    for side in (-1, 1):
        mesh.box((side * (width / 2 + 0.012), -depth / 2, 0.0), (0.024, depth, height), wood)
    if c.chance(0.5):
        mesh.box((0.0, -0.01, 0.0), (width, 0.015, height), wood)
    targets = []
    for board in range(boards):
        z = first + board * gap
        mesh.begin_object()
        mesh.box((0.0, -depth / 2, z - 0.022), (width, depth, 0.022), wood, bottom=True)
        x = -width / 2 + 0.05
        while x < width / 2 - 0.05 and c.chance(0.95):
            row = any_thing(c)
            scale = c.between(0.8, 1.1)
            radius = min(row.radius_m * scale, depth * 0.5)
            if x + 2 * radius > width / 2:
                break
            foot = (x + radius, -depth / 2 + c.between(-0.05, 0.05), z)
            mesh.begin_object()
            row.add(c, Placement(*foot, c.between(-0.5, 0.5), scale))
            targets.append((foot[0], foot[1], z + 0.06))
            x += 2 * radius + c.between(0.0, 0.12)
    return targets or [(0.0, -depth / 2, height / 2)]
