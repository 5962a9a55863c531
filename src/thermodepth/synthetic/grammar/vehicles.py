"""Cars, vans, buses and lorries. Adding a kind is adding a row to `VEHICLES`.

A body is its side contour, swept across the width: a lower hull up to the belt line, a cabin above it
that leans inward. `along` runs from the front bumper (0) to the rear bumper.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from thermodepth.synthetic.grammar.colours import BLACK, Colour, any_colour, grey, one_of
from thermodepth.synthetic.grammar.mesh import Lamp, MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement, Vec
from thermodepth.synthetic.weather.conditions import Conditions

Use = Literal["parked", "moving"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One row: metres."""

    width: float
    contour: tuple[
        tuple[float, float], ...
    ]  # (along, up) from the bonnet's edge to the boot's edge
    windscreen: int  # segment of the contour that is glass
    rear_window: int | None
    belt: float  # height where the cabin begins
    lean: float  # how much half the width shrinks per metre above the belt
    glazed: tuple[float, float]  # from where to where the sides have windows
    window_drop: float  # roof to upper window edge
    wheel_radius: float
    wheels: tuple[float, float]  # along, as a share of the length
    parked_share: float  # among parked vehicles
    moving_share: float  # among moving ones
    lit_inside: bool = False

    @property
    def length(self) -> float:
        """Bumper to bumper."""
        return self.contour[-1][0]


VEHICLES: dict[str, Vehicle] = {
    "sedan": Vehicle(
        width=1.8,
        contour=(
            (0, 0.7),
            (0.12, 0.78),
            (1.15, 0.92),
            (1.95, 1.4),
            (3.05, 1.44),
            (3.75, 1.02),
            (4.5, 0.96),
            (4.6, 0.8),
        ),
        windscreen=2,
        rear_window=4,
        belt=0.92,
        lean=0.42,
        glazed=(1.45, 3.6),
        window_drop=0.1,
        wheel_radius=0.32,
        wheels=(0.18, 0.8),
        parked_share=0.35,
        moving_share=0.28,
    ),
    "hatch": Vehicle(
        width=1.72,
        contour=(
            (0, 0.7),
            (0.1, 0.8),
            (0.9, 0.95),
            (1.65, 1.45),
            (3.2, 1.5),
            (3.78, 1.02),
            (3.9, 0.8),
        ),
        windscreen=2,
        rear_window=4,
        belt=0.95,
        lean=0.4,
        glazed=(1.2, 3.5),
        window_drop=0.1,
        wheel_radius=0.31,
        wheels=(0.19, 0.82),
        parked_share=0.3,
        moving_share=0.22,
    ),
    "suv": Vehicle(
        width=1.92,
        contour=(
            (0, 0.85),
            (0.1, 0.98),
            (1.1, 1.1),
            (1.75, 1.66),
            (4.1, 1.72),
            (4.6, 1.12),
            (4.7, 0.85),
        ),
        windscreen=2,
        rear_window=4,
        belt=1.1,
        lean=0.33,
        glazed=(1.35, 4.3),
        window_drop=0.1,
        wheel_radius=0.37,
        wheels=(0.18, 0.8),
        parked_share=0.25,
        moving_share=0.25,
    ),
    "van": Vehicle(
        width=2.0,
        contour=((0, 0.9), (0.15, 1.05), (0.7, 1.25), (1.4, 2.1), (5.1, 2.15), (5.2, 1.9)),
        windscreen=2,
        rear_window=None,
        belt=1.25,
        lean=0.1,
        glazed=(1.05, 2.0),
        window_drop=0.3,
        wheel_radius=0.34,
        wheels=(0.18, 0.78),
        parked_share=0.1,
        moving_share=0.1,
    ),
    "bus": Vehicle(
        width=2.5,
        contour=((0, 1.0), (0.15, 1.15), (0.3, 2.75), (0.5, 3.0), (10.4, 3.0), (10.5, 2.7)),
        windscreen=1,
        rear_window=None,
        belt=1.2,
        lean=0.02,
        glazed=(0.5, 10.1),
        window_drop=0.45,
        wheel_radius=0.48,
        wheels=(0.22, 0.74),
        parked_share=0.0,
        moving_share=0.08,
        lit_inside=True,
    ),
    "lorry": Vehicle(
        width=2.3,
        contour=((0, 1.1), (0.1, 1.4), (0.4, 2.35), (1.9, 2.45), (1.95, 3.1), (6.5, 3.1)),
        windscreen=1,
        rear_window=None,
        belt=1.4,
        lean=0.02,
        glazed=(0.5, 1.7),
        window_drop=0.25,
        wheel_radius=0.48,
        wheels=(0.17, 0.8),
        parked_share=0.0,
        moving_share=0.07,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """(kelvin, share) of the parts an engine and the brakes heat."""

    bonnet: tuple[float, float] = (0.0, 0.0)
    tyre: tuple[float, float] = (0.0, 0.0)
    hub: tuple[float, float] = (0.0, 0.0)
    cabin: tuple[float, float] = (0.0, 0.0)
    exhaust: tuple[float, float] = (0.0, 0.0)


WARMTH: dict[str, Warmth] = {
    "running": Warmth(
        bonnet=(335, 0.45), tyre=(312, 0.6), hub=(330, 0.6), cabin=(295, 0.27), exhaust=(365, 0.9)
    ),
    "warm": Warmth(
        bonnet=(318, 0.35), tyre=(300, 0.3), hub=(305, 0.3), exhaust=(330, 0.7)
    ),  # parked a moment ago
    "cold": Warmth(),
}

_PAINTS: tuple[Colour, ...] = (
    grey(0.75),
    grey(0.03),
    (0.3, 0.3, 0.32),
    (0.45, 0.02, 0.02),
    (0.03, 0.08, 0.3),
    grey(0.5),
)
_GLASS: Colour = (0.03, 0.04, 0.045)
_SILL = 0.3


@dataclass(frozen=True, slots=True)
class _Body:
    """A vehicle being built: its row, place, and the coordinates of its hull."""

    mesh: MeshBuilder
    row: Vehicle
    at: Placement

    def point(self, along: float, side: float, up: float) -> Vec:
        """`side` in metres to the right of the centre line."""
        return self.at.point(side, self.row.length / 2 - along, up)

    def half_width(self, along: float, up: float) -> float:
        """Rounded at both ends in plan, leaning inward above the belt."""
        from_end = min(along, self.row.length - along)
        taper = 0.9 + 0.1 * math.sqrt(min(1.0, max(from_end, 0.0) / 0.5))
        return self.row.width / 2 * taper - self.row.lean * max(0.0, up - self.row.belt)

    def roof(self, along: float) -> float:
        """Height of the contour."""
        a, z = zip(*self.row.contour, strict=True)
        return float(np.interp(along, a, z))

    def skin(self, corners: Sequence[tuple[float, float]], side: int, out: float) -> list[Vec]:
        """(along, up) points on the left (-1) or right (+1) flank, `out` metres off it."""
        return [self.point(a, side * (self.half_width(a, z) + out), z) for a, z in corners]


def draw_kind(rng: np.random.Generator, use: Use) -> str:
    """A row of `VEHICLES`, by its share among those of that use."""
    shares = np.array([getattr(row, f"{use}_share") for row in VEHICLES.values()])
    return str(rng.choice(list(VEHICLES), p=shares / shares.sum()))


def vehicle(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    at: Placement,
    conditions: Conditions,
    *,
    kind: str,
    state: str,
) -> None:
    """Add one vehicle whose middle is at `at` and whose front looks ahead."""
    mesh.begin_object((at.x, at.y, at.z))
    body = _Body(mesh, VEHICLES[kind], at)
    warmth = WARMTH[state]
    colour = any_colour(rng, 0.05, 0.7) if rng.random() < 0.17 else one_of(rng, _PAINTS)
    paint = Surface("car_paint", colour)
    lit = conditions.night and state == "running"
    glow = 0.15 if body.row.lit_inside and lit else 0.0
    glass = Surface("glass", _GLASS, "plain", *warmth.cabin, glow)
    _shell(body, paint, glass, warmth)
    for side in (-1, 1):
        _flank(body, paint, warmth, side)
        _windows(body, glass, side)
        for share in body.row.wheels:
            _wheel(body, warmth, body.row.length * share, side)
    _details(body, warmth, lit)
    if lit:
        ahead = at.direction(0.0, 1.0, -0.12)
        mesh.lamp(Lamp(body.point(-0.4, 0, 0.65), (72.0, 68.0, 60.0), ahead, beam=24.0))


def _shell(body: _Body, paint: Surface, glass: Surface, warmth: Warmth) -> None:
    """Everything that spans the width: bumper faces, bonnet, screens, roof, boot, underside."""
    row, point, half = body.row, body.point, body.half_width
    k, share = warmth.bonnet
    for i, ((a0, z0), (a1, z1)) in enumerate(itertools.pairwise(row.contour)):
        surface = paint
        if i in (row.windscreen, row.rear_window):
            surface = glass
        elif i < row.windscreen:
            surface = paint.heated(k, share)
        w0, w1 = half(a0, z0), half(a1, z1)
        corners = (point(a0, -w0, z0), point(a0, w0, z0), point(a1, w1, z1), point(a1, -w1, z1))
        body.mesh.polygon(corners, surface)
    for along, up, heat in (
        (0.0, row.contour[0][1], (k, share * 0.8)),
        (row.length, row.contour[-1][1], (0.0, 0.0)),
    ):
        w = half(along, 0.5)
        corners = (
            point(along, -w, _SILL),
            point(along, w, _SILL),
            point(along, w, up),
            point(along, -w, up),
        )
        body.mesh.polygon(corners, paint.heated(*heat))
    w = row.width / 2 - 0.08
    under = Surface("rubber", grey(0.02), "plain", k, share * 0.45)
    corners = (
        point(0.1, -w, 0.22),
        point(0.1, w, 0.22),
        point(row.length - 0.1, w, 0.22),
        point(row.length - 0.1, -w, 0.22),
    )
    body.mesh.polygon(corners, under)


def _flank(body: _Body, paint: Surface, warmth: Warmth, side: int) -> None:
    """One side: hull below the belt, cabin above it, the front part a little warm."""
    k, share = warmth.bonnet
    for (a0, z0), (a1, z1) in itertools.pairwise(body.row.contour):
        b0, b1 = min(z0, body.row.belt), min(z1, body.row.belt)
        near_engine = a1 < body.row.length * 0.36
        surface = paint.heated(k, share * 0.25) if near_engine else paint
        hull = ((a0, _SILL), (a1, _SILL), (a1, b1), (a0, b0))
        body.mesh.polygon(body.skin(hull, side, 0.0), surface)
        if z0 > b0 or z1 > b1:
            body.mesh.polygon(body.skin(((a0, b0), (a1, b1), (a1, z1), (a0, z0)), side, 0.0), paint)
    dark = Surface("plastic", grey(0.04))
    sill = ((0.4, 0.22), (body.row.length - 0.4, 0.22), (body.row.length - 0.4, 0.36), (0.4, 0.36))
    body.mesh.polygon(body.skin(sill, side, 0.012), dark)


def _windows(body: _Body, glass: Surface, side: int) -> None:
    """Panes of about a metre between pillars; the outer ones follow the slope of the screens."""
    start, end = body.row.glazed
    low = body.row.belt + 0.05
    panes = max(1, round((end - start) / 1.05))
    edges = np.linspace(start, end, panes + 1)
    for left, right in itertools.pairwise(edges.tolist()):
        a0, a1 = left + 0.05, right - 0.05
        steps = np.linspace(a0, a1, 5).tolist()
        upper = [(a, min(body.roof(a), _highest(body)) - body.row.window_drop) for a in steps]
        upper = [(a, z) for a, z in upper if z > low + 0.03]
        if len(upper) >= 2:
            outline = [(a0, low), (a1, low), *reversed(upper)]
            body.mesh.polygon(body.skin(outline, side, 0.014), glass)


def _highest(body: _Body) -> float:
    start, end = body.row.glazed
    return max(body.roof(start + (end - start) * share) for share in (0.0, 0.25, 0.5, 0.75, 1.0))


def _wheel(body: _Body, warmth: Warmth, along: float, side: int) -> None:
    r, half = body.row.wheel_radius, body.row.width / 2

    def disc(inner: float, outer: float, radii: tuple[float, float], surface: Surface) -> None:
        start, end = body.point(along, side * inner, r), body.point(along, side * outer, r)
        body.mesh.cylinder(start, end, radii, surface, sides=14)

    disc(half - 0.3, half + 0.006, (r * 1.16, r * 1.16), Surface("rubber", grey(0.015)))
    disc(half - 0.2, half + 0.02, (r, r), Surface("rubber", BLACK, "plain", *warmth.tyre))
    hub = Surface("plastic", grey(0.45), "plain", *warmth.hub)
    disc(half + 0.02, half + 0.03, (r * 0.62, r * 0.55), hub)


def _details(body: _Body, warmth: Warmth, lit: bool) -> None:
    """Bumpers, lamps, grille, plates, mirrors, exhaust."""
    mesh, row, point, yaw = body.mesh, body.row, body.point, body.at.yaw
    end, w = row.length, row.width
    k, share = warmth.bonnet
    bumper = Surface("plastic", grey(0.05))
    mesh.box(point(-0.02, 0, 0.26), (w * 0.86, 0.1, 0.2), bumper.heated(k, share * 0.4), yaw=yaw)
    mesh.box(point(end + 0.02, 0, 0.26), (w * 0.86, 0.1, 0.22), bumper, yaw=yaw)
    front_z = row.contour[0][1]
    grille = Surface("plastic", grey(0.03), "plain", k, share)
    mesh.box(point(-0.005, 0, front_z - 0.2), (w * 0.4, 0.04, 0.13), grille, yaw=yaw)
    head = Surface("plastic", grey(0.8), "plain", k, share * 0.6, 14.0 if lit else 0.0)
    tail = Surface("plastic", (0.6, 0.02, 0.02), glow=1.2 if lit else 0.0)
    plate = Surface("metal", (0.8, 0.8, 0.75))
    mesh.box(point(end + 0.075, 0, 0.5), (0.5, 0.03, 0.12), plate, yaw=yaw)
    for side in (-1, 1):
        mesh.box(point(0.0, side * w * 0.35, front_z - 0.17), (0.3, 0.08, 0.13), head, yaw=yaw)
        mesh.box(point(end, side * w * 0.37, 0.68), (0.24, 0.07, 0.17), tail, yaw=yaw)
        mirror = point(row.glazed[0] + 0.15, side * (w / 2 + 0.1), row.belt + 0.08)
        mesh.ellipsoid(mirror, (0.1, 0.06, 0.08), bumper, yaw=yaw, detail=0)
    if warmth.exhaust[1]:
        pipe = Surface("metal", grey(0.2), "plain", *warmth.exhaust)
        start, stop = point(end - 0.2, w * 0.28, 0.27), point(end + 0.1, w * 0.28, 0.27)
        mesh.cylinder(start, stop, (0.05, 0.05), pipe, sides=8)
