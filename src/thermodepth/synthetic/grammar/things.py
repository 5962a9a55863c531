"""Small things as they lie on tables and shelves: tools, fruit, boxes, bottles, cups, a hand.

Each is a function that adds one thing at a `Placement` on a level surface, and a row in `THINGS`. Most are
within a degree of the room, as such things are; a few are hot, cold or held.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, varied
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.grammar.people import SKIN_K
from thermodepth.synthetic.space.vectors import Placement

_STEEL: Colour = (0.45, 0.45, 0.47)
_SPREAD_K = 0.6  # sigma of a thing's temperature about the room's
_HANDLED_SHARE, _HANDLED_K = 0.25, 2.5  # was in a hand, in the sun, in a cellar, by the window


@dataclass(frozen=True, slots=True)
class Counter(Draws):
    """Where things are put together: the mesh, the chance and the room they share."""

    mesh: MeshBuilder
    rng: np.random.Generator
    air_k: float

    def lukewarm(self, material: str, colour: Colour, pattern: str = "plain") -> Surface:
        """A surface at a temperature of its own, close to the room's."""
        spread_k = _HANDLED_K if self.chance(_HANDLED_SHARE) else _SPREAD_K
        own_k = self.air_k + float(self.rng.normal(0, spread_k))
        return Surface(material, colour, pattern, own_k, 0.8)

    def heated(self, material: str, colour: Colour, kelvin: float) -> Surface:
        """A surface that something warms or cools to `kelvin`."""
        return Surface(material, colour, "plain", kelvin, 0.9)


def _fruit(c: Counter, at: Placement) -> None:
    radius = c.between(0.025, 0.05)
    long = c.between(0.85, 1.35)
    peel = c.lukewarm("wood", any_colour(c.rng, 0.1, 0.7))
    for _ in range(int(c.rng.integers(1, 4))):
        x, y = c.rng.normal(0, radius * 1.6, 2).tolist()
        size = (radius, radius * long, radius * c.between(0.85, 1.05))
        c.mesh.ellipsoid(at.point(x, y, size[2]), size, peel, yaw=c.between(0, 6), detail=2)


def _banana(c: Counter, at: Placement) -> None:
    peel = c.lukewarm("wood", (0.7, 0.6, 0.12))
    turn = np.linspace(-0.9, 0.9, 6)
    spine = [at.point(0.09 * math.sin(t), 0.09 * (1 - math.cos(t)), 0.02) for t in turn.tolist()]
    radii = [0.006, 0.015, 0.019, 0.019, 0.015, 0.006]
    for i in range(5):
        c.mesh.cylinder(spine[i], spine[i + 1], (radii[i], radii[i + 1]), peel, sides=9)


def _bottle(c: Counter, at: Placement) -> None:
    radius, height = c.between(0.03, 0.045), c.between(0.16, 0.3)
    material = "glass" if c.chance(0.4) else "plastic"
    colour = any_colour(c.rng, 0.03, 0.6)
    cold = c.chance(0.25)
    body = (
        c.heated(material, colour, c.air_k - c.between(4, 14))
        if cold
        else c.lukewarm(material, colour)
    )
    shoulder = height * c.between(0.55, 0.75)
    base, mid = at.point(0, 0, 0), at.point(0, 0, shoulder)
    neck, top = at.point(0, 0, shoulder + radius * 1.4), at.point(0, 0, height)
    c.mesh.cylinder(base, mid, (radius, radius), body, sides=16)
    c.mesh.cylinder(mid, neck, (radius, radius * 0.38), body, sides=16, caps=False)
    c.mesh.cylinder(neck, top, (radius * 0.38, radius * 0.36), body, sides=12)
    if c.chance(0.6):
        hue = any_colour(c.rng, 0.2, 0.9)
        label = Surface("paper", hue, "poster", body.source_k, body.source_share)
        low, high = at.point(0, 0, shoulder * 0.25), at.point(0, 0, shoulder * 0.75)
        c.mesh.cylinder(low, high, (radius * 1.015, radius * 1.015), label, sides=16, caps=False)


def _can(c: Counter, at: Placement) -> None:
    radius, height = c.between(0.03, 0.05), c.between(0.06, 0.16)
    material = "paint" if c.chance(0.7) else "metal"
    tin = c.lukewarm(material, any_colour(c.rng, 0.1, 0.8))
    c.mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, height), (radius, radius), tin, sides=16)


def _cup(c: Counter, at: Placement) -> None:
    """Open, mostly filled; every second filling is hot, and the wall a little less so."""
    radius, height = c.between(0.033, 0.048), c.between(0.07, 0.12)
    colour = any_colour(c.rng, 0.2, 0.9)
    hot = c.chance(0.5)
    filling_k = c.between(312, 350) if hot else c.air_k - c.between(0, 6)
    wall = Surface("plastic", colour, "plain", filling_k, c.between(0.4, 0.75))
    base, top = at.point(0, 0, 0), at.point(0, 0, height)
    c.mesh.cylinder(base, top, (radius * c.between(0.7, 1), radius), wall, sides=16, caps=False)
    level = height * c.between(0.5, 0.9)
    drink = c.heated("plastic", (0.1, 0.06, 0.03), filling_k)
    c.mesh.cylinder(
        at.point(0, 0, 0), at.point(0, 0, level), (radius * 0.7, radius * 0.93), drink, sides=16
    )
    if c.chance(0.7):
        ring = [(radius, 0.75), (radius + 0.025, 0.7), (radius + 0.025, 0.35), (radius, 0.3)]
        points = [at.point(x, 0, z * height) for x, z in ring]
        for a, b in itertools.pairwise(points):
            c.mesh.cylinder(a, b, (0.005, 0.005), wall, sides=6)


def _plate(c: Counter, at: Placement) -> None:
    radius = c.between(0.08, 0.14)
    dish = c.lukewarm("plastic", any_colour(c.rng, 0.3, 0.9))
    rim = at.point(0, 0, radius * 0.12)
    c.mesh.cylinder(at.point(0, 0, 0.002), rim, (radius * 0.65, radius), dish, sides=20, caps=False)
    floor = (radius * 0.65, radius * 0.65)
    c.mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, 0.005), floor, dish, sides=20)
    if c.chance(0.5):
        warm = c.between(308, 335) if c.chance(0.5) else c.air_k
        food = c.heated("wood", any_colour(c.rng, 0.1, 0.6), warm)
        for _ in range(int(c.rng.integers(1, 5))):
            x, y = c.rng.normal(0, radius * 0.25, 2).tolist()
            size = (c.between(0.015, 0.04), c.between(0.015, 0.03), c.between(0.008, 0.025))
            c.mesh.ellipsoid(at.point(x, y, 0.012), size, food, yaw=c.between(0, 6))


def _carton(c: Counter, at: Placement) -> None:
    material = "paper" if c.chance(0.7) else "plastic"
    colour = (
        varied(c.rng, (0.5, 0.36, 0.22), 0.6, 1.4)
        if c.chance(0.5)
        else any_colour(c.rng, 0.05, 0.9)
    )
    face = c.lukewarm(material, colour, "poster" if c.chance(0.3) else "plain")
    width, depth, height = (
        c.between(low, high) for low, high in ((0.04, 0.26), (0.03, 0.2), (0.02, 0.24))
    )
    c.mesh.box(at.point(0, 0, 0), (width, depth, height), face, yaw=at.yaw)
    if c.chance(0.25):
        second = c.lukewarm(material, any_colour(c.rng, 0.1, 0.8))
        size = (
            width * c.between(0.4, 0.9),
            depth * c.between(0.4, 0.9),
            height * c.between(0.3, 0.8),
        )
        c.mesh.box(at.point(0, 0, height), size, second, yaw=at.yaw + c.between(-0.4, 0.4))


def _books(c: Counter, at: Placement) -> None:
    height = 0.0
    for _ in range(int(c.rng.integers(1, 5))):
        thick = c.between(0.008, 0.045)
        cover = c.lukewarm("paper", any_colour(c.rng, 0.05, 0.8))
        size = (c.between(0.12, 0.22), c.between(0.18, 0.3), thick)
        c.mesh.box(at.point(0, 0, height), size, cover, yaw=at.yaw + float(c.rng.normal(0, 0.2)))
        height += thick


def _screwdriver(c: Counter, at: Placement) -> None:
    grip = c.lukewarm("plastic", any_colour(c.rng, 0.05, 0.8))
    blade = c.lukewarm("metal", _STEEL)
    length, radius = c.between(0.07, 0.11), c.between(0.01, 0.018)
    c.mesh.cylinder(
        at.point(0, 0, radius), at.point(0, length, radius), (radius, radius * 0.8), grip, sides=10
    )
    end = length + c.between(0.06, 0.16)
    c.mesh.cylinder(
        at.point(0, length, radius), at.point(0, end, radius), (0.003, 0.003), blade, sides=7
    )


def _hammer(c: Counter, at: Placement) -> None:
    wood = c.lukewarm("wood", (0.5, 0.34, 0.18))
    iron = c.lukewarm("metal" if c.chance(0.5) else "paint", grey(0.25))
    length = c.between(0.22, 0.34)
    c.mesh.cylinder(
        at.point(0, 0, 0.016), at.point(0, length, 0.016), (0.014, 0.011), wood, sides=9
    )
    c.mesh.box(at.point(0, length, 0.002), (0.11, 0.028, 0.03), iron, yaw=at.yaw)


def _spanner(c: Counter, at: Placement) -> None:
    steel = c.lukewarm("metal" if c.chance(0.6) else "paint", _STEEL)
    length = c.between(0.12, 0.26)
    c.mesh.box(at.point(0, 0, 0.002), (0.014, length, 0.007), steel, yaw=at.yaw)
    for end in (-0.5, 0.5):
        foot, top = at.point(0, end * length, 0.001), at.point(0, end * length, 0.011)
        c.mesh.cylinder(foot, top, (0.018, 0.018), steel, sides=8)


def _pliers(c: Counter, at: Placement) -> None:
    grip, steel = c.lukewarm("plastic", any_colour(c.rng, 0.1, 0.7)), c.lukewarm("metal", grey(0.3))
    spread = c.between(0.02, 0.06)
    for side in (-1, 1):
        joint = at.point(0, 0.1, 0.01)
        c.mesh.cylinder(at.point(side * spread, -0.02, 0.01), joint, (0.008, 0.006), grip, sides=7)
        tip = at.point(-side * spread * 0.2, 0.16, 0.01)
        c.mesh.cylinder(joint, tip, (0.007, 0.003), steel, sides=6)


def _drill(c: Counter, at: Placement) -> None:
    """A cordless drill on its battery, its motor warm now and then."""
    shell = c.lukewarm("plastic", any_colour(c.rng, 0.05, 0.7))
    motor = (
        c.heated("plastic", shell.colour, c.air_k + c.between(4, 18)) if c.chance(0.3) else shell
    )
    c.mesh.box(at.point(0, 0, 0), (0.07, 0.11, 0.05), shell, yaw=at.yaw)
    c.mesh.cylinder(at.point(0, -0.01, 0.05), at.point(0, 0, 0.16), (0.022, 0.022), shell, sides=10)
    c.mesh.cylinder(
        at.point(0, -0.07, 0.18), at.point(0, 0.1, 0.18), (0.032, 0.026), motor, sides=12
    )
    chuck = c.lukewarm("metal", grey(0.2))
    c.mesh.cylinder(at.point(0, 0.1, 0.18), at.point(0, 0.14, 0.18), (0.018, 0.01), chuck, sides=10)


def _phone(c: Counter, at: Placement) -> None:
    warm = c.air_k + (c.between(2, 9) if c.chance(0.5) else 0.0)
    c.mesh.box(
        at.point(0, 0, 0), (0.073, 0.15, 0.009), c.heated("plastic", grey(0.04), warm), yaw=at.yaw
    )


def _laptop(c: Counter, at: Placement) -> None:
    warm = c.air_k + c.between(1, 10)
    case = Surface("plastic", grey(c.between(0.05, 0.6)), "plain", warm, 0.7)
    width, depth = c.between(0.28, 0.36), c.between(0.2, 0.25)
    c.mesh.box(at.point(0, 0, 0), (width, depth, 0.018), case, yaw=at.yaw)
    corner = at.point(-width / 2, depth / 2, 0.018)
    lean = at.direction(0, c.between(0.02, 0.12), depth)
    screen = Surface("plastic", grey(0.3), "screen", c.air_k + c.between(1, 7), 0.8, 0.4)
    c.mesh.quad(corner, at.direction(width, 0, 0), lean, screen)


def _kettle(c: Counter, at: Placement) -> None:
    hot = c.between(318, 365) if c.chance(0.5) else c.air_k
    skin = c.heated("plastic" if c.chance(0.6) else "metal", any_colour(c.rng, 0.1, 0.8), hot)
    c.mesh.cylinder(at.point(0, 0, 0.01), at.point(0, 0, 0.2), (0.085, 0.06), skin, sides=18)
    grip = c.lukewarm("plastic", grey(0.05))
    for a, b in (
        ((0.07, 0.19), (0.12, 0.17)),
        ((0.12, 0.17), (0.12, 0.06)),
        ((0.12, 0.06), (0.08, 0.05)),
    ):
        c.mesh.cylinder(
            at.point(a[0], 0, a[1]), at.point(b[0], 0, b[1]), (0.01, 0.01), grip, sides=7
        )


def _bowl(c: Counter, at: Placement) -> None:
    radius, height = c.between(0.06, 0.13), c.between(0.04, 0.09)
    dish = c.lukewarm("plastic" if c.chance(0.6) else "metal", any_colour(c.rng, 0.2, 0.9))
    turn = np.linspace(0.15, 1, 5).tolist()
    for a, b in itertools.pairwise(turn):
        low, high = at.point(0, 0, height * a * a), at.point(0, 0, height * b * b)
        c.mesh.cylinder(low, high, (radius * a, radius * b), dish, sides=18, caps=False)
    c.mesh.cylinder(
        at.point(0, 0, 0), at.point(0, 0, 0.004), (radius * 0.3, radius * 0.3), dish, sides=14
    )
    if c.chance(0.5):
        _fruit(c, Placement(at.x, at.y, at.z + height * 0.35, at.yaw))


def _cable(c: Counter, at: Placement) -> None:
    warm = c.air_k + (c.between(1, 5) if c.chance(0.3) else 0.0)
    sheath = Surface("rubber", grey(c.between(0.02, 0.5)), "plain", warm, 0.7)
    heading, x, y = 0.0, 0.0, 0.0
    for _ in range(8):
        heading += float(c.rng.normal(0, 0.7))
        nx, ny = x + 0.04 * math.sin(heading), y + 0.04 * math.cos(heading)
        c.mesh.cylinder(
            at.point(x, y, 0.005), at.point(nx, ny, 0.005), (0.004, 0.004), sheath, sides=5
        )
        x, y = nx, ny


def _pot_herb(c: Counter, at: Placement) -> None:
    pot = c.lukewarm("plastic", varied(c.rng, (0.5, 0.3, 0.2), 0.5, 1.4))
    c.mesh.cylinder(at.point(0, 0, 0), at.point(0, 0, 0.09), (0.04, 0.055), pot, sides=14)
    leaf = Surface("leaf", varied(c.rng, (0.1, 0.25, 0.06), 0.6, 1.3), "leaf", c.air_k - 1.0, 0.7)
    c.mesh.leaves(c.rng, at.point(0, 0, 0.16), (0.07, 0.07, 0.08), 160, 0.02, leaf)


def hand(c: Counter, at: Placement) -> None:
    """A hand palm down, its forearm coming in from behind; bare or in a sleeve."""
    skin: Colour = varied(c.rng, (0.75, 0.55, 0.43), 0.35, 1.1)
    warm_k = SKIN_K - c.between(0, 4)
    flesh = Surface("skin", skin, "plain", warm_k, 0.9)
    lift = c.between(0.02, 0.06)
    c.mesh.ellipsoid(at.point(0, 0, lift), (0.042, 0.05, 0.018), flesh, yaw=at.yaw, detail=2)
    for finger in range(4):
        x = -0.03 + 0.02 * finger
        reach = (0.075, 0.085, 0.08, 0.062)[finger]
        knuckle, bend = (
            at.point(x, 0.035, lift),
            at.point(x * 1.2, 0.035 + reach * 0.6, lift + 0.008),
        )
        tip_k = Surface("skin", skin, "plain", warm_k - c.between(0, 5), 0.9)
        c.mesh.cylinder(knuckle, bend, (0.0095, 0.0085), flesh, sides=8)
        tip = at.point(x * 1.3, 0.035 + reach, max(lift - 0.01, 0.008))
        c.mesh.cylinder(bend, tip, (0.0085, 0.007), tip_k, sides=8)
    thumb = at.point(-0.065, 0.03, lift)
    c.mesh.cylinder(at.point(-0.03, -0.015, lift), thumb, (0.012, 0.009), flesh, sides=8)
    sleeve = Surface("cloth", any_colour(c.rng, 0.05, 0.7), "plain", 304.0, 0.4)
    arm = sleeve if c.chance(0.5) else flesh
    wrist, elbow = (
        at.point(0, -0.045, lift),
        at.point(c.between(-0.05, 0.05), -0.33, lift + c.between(0, 0.12)),
    )
    c.mesh.cylinder(wrist, elbow, (0.027, 0.042), arm, sides=12)


@dataclass(frozen=True, slots=True)
class Thing:
    """One row: how often it is chosen, and the circle it needs, in metres."""

    add: Callable[[Counter, Placement], None]
    share: float
    radius_m: float


THINGS: dict[str, Thing] = {
    "fruit": Thing(_fruit, 0.12, 0.09),
    "banana": Thing(_banana, 0.04, 0.09),
    "bottle": Thing(_bottle, 0.12, 0.05),
    "can": Thing(_can, 0.08, 0.05),
    "cup": Thing(_cup, 0.11, 0.06),
    "plate": Thing(_plate, 0.05, 0.14),
    "bowl": Thing(_bowl, 0.05, 0.13),
    "carton": Thing(_carton, 0.13, 0.14),
    "books": Thing(_books, 0.06, 0.16),
    "screwdriver": Thing(_screwdriver, 0.05, 0.1),
    "hammer": Thing(_hammer, 0.04, 0.15),
    "spanner": Thing(_spanner, 0.04, 0.1),
    "pliers": Thing(_pliers, 0.04, 0.1),
    "drill": Thing(_drill, 0.04, 0.1),
    "phone": Thing(_phone, 0.04, 0.09),
    "laptop": Thing(_laptop, 0.03, 0.22),
    "kettle": Thing(_kettle, 0.02, 0.11),
    "cable": Thing(_cable, 0.05, 0.1),
    "herb": Thing(_pot_herb, 0.03, 0.08),
}


def any_thing(counter: Counter) -> Thing:
    """One of `THINGS` by their shares."""
    rows = list(THINGS.values())
    shares = np.array([row.share for row in rows])
    return rows[int(counter.rng.choice(len(rows), p=shares / shares.sum()))]
