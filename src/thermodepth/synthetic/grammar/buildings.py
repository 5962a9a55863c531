"""Houses along a street: a heated body, rows of windows, and what hangs on a facade.

A facade is a `Placement` at its foot: `right` runs along the wall, `ahead` points out of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, one_of, scaled, varied
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

DEPTH_M = 9.0
_WALLS = (("brick", "brick"), ("plaster", "plain"), ("concrete", "panels"))
_COLOURS: tuple[Colour, ...] = (
    (0.42, 0.2, 0.14),
    (0.5, 0.45, 0.38),
    (0.62, 0.6, 0.56),
    (0.35, 0.33, 0.3),
    (0.55, 0.4, 0.25),
    (0.3, 0.35, 0.4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Where a house stands: facade plane at `x`, from `near` to `far` along the street."""

    side: int  # -1 left of the road, +1 right
    x: float
    near: float
    far: float
    height: float

    @property
    def length(self) -> float:
        """Along the street."""
        return self.far - self.near

    def facade(self) -> Placement:
        """The wall that looks at the road."""
        return Placement(
            self.x, self.near if self.side > 0 else self.far, 0.0, self.side * math.pi / 2
        )

    def near_end(self) -> Placement:
        """The wall that looks back towards the camera."""
        return Placement(max(self.x, self.x + self.side * DEPTH_M), self.near, 0.0, math.pi)


@dataclass(frozen=True, slots=True)
class _House(Draws):
    """Choices that hold for a whole house."""

    mesh: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    wall: Surface
    frame: Surface
    inside_k: float
    leak: float  # how much of the inside comes through the wall
    storey_m: float
    bay_m: float
    window: tuple[float, float]  # width, height


def building(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    plot: Plot,
    conditions: Conditions,
    *,
    gabled: bool,
    shop: bool,
) -> None:
    """Add one house. `shop` gives it a glazed ground floor with a sign."""
    mesh.begin_object()
    house = _draw_house(mesh, rng, conditions)
    centre = (plot.x + plot.side * DEPTH_M / 2, (plot.near + plot.far) / 2, -0.1)
    mesh.box(centre, (DEPTH_M, plot.length, plot.height + 0.1), house.wall)
    if gabled:
        _gable_roof(house, plot)
    else:
        _parapet(house, plot)
    _openings(house, plot.facade(), plot, shop=shop)
    if house.chance(0.6):
        _end_windows(house, plot.near_end(), plot.height)
    if shop:
        _shop_sign(house, plot.facade(), plot.length)
    if house.chance(0.5):
        u = float(rng.uniform(0.15, plot.length - 0.15))
        pipe = Surface("metal", grey(0.4))
        foot, top = (plot.facade().point(u, 0.08, z) for z in (0.0, plot.height))
        mesh.cylinder(foot, top, (0.05, 0.05), pipe, sides=7, caps=False)


def _draw_house(mesh: MeshBuilder, rng: np.random.Generator, conditions: Conditions) -> _House:
    material, pattern = _WALLS[int(rng.integers(len(_WALLS)))]
    colour = varied(rng, one_of(rng, _COLOURS), 0.7, 1.2)
    inside_k = 293.0 if conditions.heating else 297.0
    leak = float(rng.uniform(0.04, 0.14))
    storey_m, bay_m = float(rng.uniform(2.9, 3.4)), float(rng.uniform(1.8, 3.2))
    frame_colour = grey(0.7) if rng.random() < 0.6 else scaled(colour, 0.5)
    frame = Surface("paint" if rng.random() < 0.75 else "metal", frame_colour)
    return _House(
        mesh=mesh,
        rng=rng,
        conditions=conditions,
        wall=Surface(material, colour, pattern, inside_k, leak),
        frame=frame.heated(inside_k, leak * 1.6),
        inside_k=inside_k,
        leak=leak,
        storey_m=storey_m,
        bay_m=bay_m,
        window=(bay_m * float(rng.uniform(0.45, 0.68)), storey_m * float(rng.uniform(0.42, 0.6))),
    )


def _gable_roof(house: _House, plot: Plot) -> None:
    rise, eave = float(house.rng.uniform(1.4, 2.6)), 0.4
    ridge_x = plot.x + plot.side * DEPTH_M / 2
    tiles = Surface("roof", varied(house.rng, (0.3, 0.12, 0.08), 0.5, 1.5), "tiles")
    for x in (plot.x - plot.side * eave, plot.x + plot.side * (DEPTH_M + eave)):
        foot = (x, plot.near - eave, plot.height - 0.15)
        up = (ridge_x - x, 0.0, rise + 0.15)
        house.mesh.quad(foot, (0.0, plot.length + 2 * eave, 0.0), up, tiles)
    for y in (plot.near, plot.far):
        gable = (
            (plot.x, y, plot.height),
            (plot.x + plot.side * DEPTH_M, y, plot.height),
            (ridge_x, y, plot.height + rise),
        )
        house.mesh.polygon(gable, house.wall)
    chimney = Surface("brick", (0.35, 0.18, 0.12), "brick", 310.0, 0.4 * house.conditions.heating)
    y = plot.near + plot.length * float(house.rng.uniform(0.2, 0.8))
    house.mesh.box((ridge_x, y, plot.height + rise * 0.5), (0.6, 0.6, 1.4), chimney)


def _parapet(house: _House, plot: Plot) -> None:
    ledge = Surface("concrete", scaled(house.wall.colour, 0.8))
    foot = (plot.x + plot.side * 0.12, (plot.near + plot.far) / 2, plot.height)
    house.mesh.box(foot, (0.5, plot.length + 0.1, 0.35), ledge)


def _openings(house: _House, wall: Placement, plot: Plot, *, shop: bool) -> None:
    """The grid of windows, one door, and on some bays a balcony or an air conditioner."""
    storeys = max(1, int((plot.height - 0.3) / house.storey_m))
    bays = max(1, int((plot.length - 0.6) / house.bay_m))
    door_bay = int(house.rng.integers(bays))
    width, height = house.window
    for storey in range(storeys):
        for bay in range(bays):
            u = plot.length * (bay + 0.5) / bays
            if storey == 0 and shop:
                glow = 0.4 if house.conditions.night else 0.0
                size = (plot.length / bays * 0.88, 2.1)
                _window(house, wall, u, 0.5, size, glow=glow, divided=False)
            elif storey == 0 and bay == door_bay:
                leaf = Surface(
                    "wood", any_colour(house.rng, 0.05, 0.45), "wood", house.inside_k, 0.12
                )
                house.mesh.box(wall.point(u, 0.02, 0), (1.0, 0.08, 2.1), leaf, yaw=wall.yaw)
            else:
                sill = storey * house.storey_m + house.storey_m * 0.3
                _window(house, wall, u, sill, (width, height), glow=_evening_light(house))
                if storey > 0:
                    _hangings(house, wall, u, sill)


def _end_windows(house: _House, wall: Placement, height: float) -> None:
    """A few windows in the wall that looks back along the street."""
    for storey in range(max(1, int((height - 0.3) / house.storey_m))):
        for u in (DEPTH_M * 0.3, DEPTH_M * 0.7):
            if house.chance(0.7):
                sill = storey * house.storey_m + house.storey_m * 0.3
                size = (house.window[0] * 0.8, house.window[1])
                _window(house, wall, u, sill, size, glow=_evening_light(house))


def _evening_light(house: _House) -> float:
    lit, glow = house.chance(0.35), float(house.rng.uniform(0.12, 0.6))
    return glow if lit and house.conditions.night else 0.0


def _window(
    house: _House,
    wall: Placement,
    u: float,
    sill: float,
    size: tuple[float, float],
    *,
    glow: float,
    divided: bool = True,
) -> None:
    """Frame, pane and mullion. The pane is warm from inside and reflects the sky outside."""
    width, height = size
    outer = (width + 0.16, 0.14, height + 0.14)
    house.mesh.box(wall.point(u, 0.03, sill - 0.07), outer, house.frame, yaw=wall.yaw, bottom=True)
    blinds = house.chance(0.15)
    colour = (0.5, 0.48, 0.42) if blinds else (0.05, 0.06, 0.07)
    through = float(house.rng.uniform(0.2, 0.4))
    pane = Surface("glass", colour, "plain", house.inside_k, through, glow)
    corner = wall.point(u - width / 2, 0.105, sill)
    house.mesh.quad(corner, wall.direction(width, 0, 0), (0.0, 0.0, height), pane)
    if divided and width > 1.2:
        bar = Surface("paint", grey(0.6), "plain", house.inside_k, house.leak)
        house.mesh.box(wall.point(u, 0.11, sill), (0.06, 0.03, height), bar, yaw=wall.yaw)


def _hangings(house: _House, wall: Placement, u: float, sill: float) -> None:
    if house.chance(0.08):
        warm = 0.5 if house.conditions.outside_k > 294 else 0.0
        cooler = Surface("plastic", grey(0.7), "panels", 318.0, warm)
        foot = wall.point(u, 0.35, sill - 0.7)
        house.mesh.box(foot, (0.75, 0.45, 0.55), cooler, yaw=wall.yaw, bottom=True)
    if house.chance(0.12):
        slab = Surface("concrete", scaled(house.wall.colour, 0.8))
        rail = Surface("metal" if house.chance(0.5) else "paint", grey(0.3))
        width = house.bay_m * 0.9
        house.mesh.box(
            wall.point(u, 0.5, sill - 0.35), (width, 1.0, 0.12), slab, yaw=wall.yaw, bottom=True
        )
        house.mesh.box(wall.point(u, 0.98, sill - 0.3), (width, 0.04, 0.9), rail, yaw=wall.yaw)


def _shop_sign(house: _House, wall: Placement, length: float) -> None:
    night = house.conditions.night
    board = Surface(
        "plastic",
        any_colour(house.rng, 0.05, 0.8),
        "poster",
        300.0,
        0.2 if night else 0.0,
        0.35 if night else 0.0,
    )
    foot = wall.point(length / 2, 0.1, 2.75)
    house.mesh.box(foot, (length * 0.9, 0.25, 0.55), board, yaw=wall.yaw, bottom=True)
    if house.chance(0.5):
        awning = Surface("cloth", any_colour(house.rng, 0.1, 0.8), "stripes")
        corner = wall.point(length * 0.1, 0, 2.7)
        out = wall.direction(0, 1.2, -0.45)
        house.mesh.quad(corner, wall.direction(length * 0.8, 0, 0), out, awning)


def skyline(mesh: MeshBuilder, rng: np.random.Generator, foliage: Colour) -> None:
    """Towers and tree tops far away, so that the world does not end at the last house."""
    mesh.begin_object()
    for _ in range(int(rng.integers(5, 14))):
        angle, far = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(105, 240))
        tower = Surface("concrete", any_colour(rng, 0.2, 0.5), "panels", 293.0, 0.1)
        size = (float(rng.uniform(8, 30)), 10.0, float(rng.uniform(5, 40)))
        mesh.box((math.sin(angle) * far, math.cos(angle) * far, 0.0), size, tower)
    for _ in range(30):
        angle, far = float(rng.uniform(-0.8, 0.8)), float(rng.uniform(80, 160))
        crown = Surface("leaf", varied(rng, foliage, 0.4, 0.9), "leaf")
        rx, ry, rz = (float(rng.uniform(*span)) for span in ((3, 9), (3, 6), (4, 9)))
        mesh.ellipsoid((math.sin(angle) * far, math.cos(angle) * far, 3.0), (rx, ry, rz), crown)
