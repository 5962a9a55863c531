"""What is fixed to the walls of a room. A wall is a `Placement` at its foot: right runs along it, ahead
points into the room. Adding a fixture is a function and a row in `FIXTURES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, scaled
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall of a room being built."""

    mesh: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    at: Placement
    length: float
    colour: Colour
    outer: bool  # cold or hot air behind it

    def box(
        self,
        u: float,
        out: float,
        up: float,
        size: tuple[float, float, float],
        surface: Surface,
        *,
        bottom: bool = True,
    ) -> None:
        """A box whose foot is centred `u` along the wall and `out` metres off it."""
        self.mesh.box(self.at.point(u, out, up), size, surface, yaw=self.at.yaw, bottom=bottom)


def window(wall: Wall, u: float) -> float:
    """A window with, mostly, a radiator below. Returns the width taken, as every fixture does."""
    rng, outside_k = wall.rng, wall.conditions.outside_k
    width, sill, height = float(rng.uniform(0.8, 1.6)), 0.95, float(rng.uniform(1.0, 1.3))
    if u + width > wall.length - 0.2:
        return width
    frame = Surface("paint", grey(0.75), "plain", outside_k, 0.2)
    middle = u + width / 2
    wall.box(middle, 0.02, sill - 0.07, (width + 0.14, 0.08, height + 0.14), frame)
    daylight = 0.0 if wall.conditions.night else 2.2
    pane = Surface("glass", (0.1, 0.11, 0.12), "plain", outside_k, 0.4, daylight)
    corner = wall.at.point(u, 0.065, sill)
    wall.mesh.quad(corner, wall.at.direction(width, 0, 0), (0.0, 0.0, height), pane)
    wall.box(middle, 0.07, sill, (0.05, 0.03, height), frame)
    board = Surface("paint", grey(0.75), "plain", outside_k, 0.08)
    wall.box(middle, 0.1, sill - 0.1, (width + 0.2, 0.2, 0.03), board)
    if rng.random() < 0.75:
        _radiator(wall, u, width)
    return width + float(rng.uniform(0.4, 1.5))


def _radiator(wall: Wall, u: float, width: float) -> None:
    wall.mesh.begin_object()
    hot = 0.85 if wall.rng.random() < 0.9 and wall.conditions.heating else 0.0
    rib = Surface("paint", grey(0.75), "plain", float(wall.rng.uniform(313, 328)), hot)
    for i in range(int(width / 0.09)):
        wall.box(u + 0.05 + i * 0.09, 0.1, 0.15, (0.06, 0.1, 0.6), rib, bottom=False)
    pipe = Surface("paint", grey(0.7), "plain", 325.0, hot * 0.9)
    start, end = wall.at.point(u, 0.05, 0.12), wall.at.point(u + width, 0.05, 0.12)
    wall.mesh.cylinder(start, end, (0.02, 0.02), pipe, sides=6)


def door(wall: Wall, u: float) -> float:
    """A door in its frame, a degree off the room: there is another room behind it."""
    rng = wall.rng
    if u + 1 > wall.length - 0.2:
        return 1.0
    middle = u + 0.5
    wall.box(middle, 0.01, 0, (1.04, 0.1, 2.12), Surface("paint", scaled(wall.colour, 0.5)))
    pattern = "wood" if rng.random() < 0.6 else "plain"
    behind_k = wall.conditions.air_k + float(rng.normal(0, 1))
    leaf = Surface("wood", any_colour(rng, 0.1, 0.55), pattern, behind_k, 0.5)
    wall.box(middle, 0.03, 0, (0.92, 0.09, 2.05), leaf)
    knob = Surface("metal", grey(0.6))
    wall.mesh.ellipsoid(
        wall.at.point(middle + 0.38, 0.11, 1.02), (0.03, 0.03, 0.03), knob, detail=0
    )
    return float(rng.uniform(1.3, 3))


def poster(wall: Wall, u: float) -> float:
    """A print, behind glass now and then: then it mirrors the room in both bands."""
    rng = wall.rng
    width, height = float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.4, 1.0))
    if u + width > wall.length - 0.2:
        return width
    material = "paper" if rng.random() < 0.8 else "glass"
    sheet = Surface(material, any_colour(rng, 0.2, 0.9), "poster")
    wall.box(u + width / 2, 0.01, float(rng.uniform(1.0, 1.5)), (width, 0.03, height), sheet)
    return width + float(rng.uniform(0.3, 1.5))


def fuse_box(wall: Wall, u: float) -> float:
    """A small warm box."""
    rng = wall.rng
    material = "metal" if rng.random() < 0.3 else "plastic"
    warm_k = wall.conditions.air_k + 6
    case = Surface(material, any_colour(rng, 0.2, 0.8), "plain", warm_k, 0.6)
    wall.box(u + 0.2, 0.06, float(rng.uniform(0.3, 1.4)), (0.3, 0.14, 0.5), case)
    return 1.0


@dataclass(frozen=True, slots=True)
class Fixture:
    """One row: how often it is chosen on an outer and on an inner wall."""

    add: Callable[[Wall, float], float]
    outer_share: float
    inner_share: float


FIXTURES: dict[str, Fixture] = {
    "window": Fixture(window, 0.5, 0.0),
    "door": Fixture(door, 0.17, 0.55),
    "poster": Fixture(poster, 0.21, 0.33),
    "fuse_box": Fixture(fuse_box, 0.12, 0.12),
}


def furnish_wall(wall: Wall, start: float) -> None:
    """Fixtures one after another from `start` to the end of the wall."""
    shares = np.array(
        [row.outer_share if wall.outer else row.inner_share for row in FIXTURES.values()]
    )
    rows = list(FIXTURES.values())
    u = start
    while u < wall.length - 1.2:
        wall.mesh.begin_object()
        chosen = int(wall.rng.choice(len(rows), p=shares / shares.sum()))
        u += rows[chosen].add(wall, u)
