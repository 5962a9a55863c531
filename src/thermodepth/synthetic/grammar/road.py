"""The ground of a street: carriageway, kerbs, pavements, verges, markings, puddles.

The road runs along Y with its middle at x = 0. Layers of paint lie a few millimetres above it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, grey, scaled, varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Array, unit

START_Y, LENGTH = -6.0, 120.0
KERB_M, KERB_HEIGHT_M = 0.15, 0.13
PAVEMENT_Z = 0.125
_NARROWEST_LANE_M = 2.8


PARKING_M = 2.3  # a strip along the kerb


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadPlan:
    """Widths in metres and the colours of one street."""

    style: str  # city | houses | park
    width: float
    parking: tuple[bool, bool]  # a strip for parked cars on the left, on the right
    pavement: float
    asphalt: Colour
    paving: Colour
    grass: Colour

    @property
    def driven(self) -> tuple[float, float]:
        """From where to where across the road traffic moves."""
        left, right = (PARKING_M * strip for strip in self.parking)
        return left - self.width / 2, self.width / 2 - right

    @property
    def lanes(self) -> int:
        """As many as fit."""
        left, right = self.driven
        return max(1, round((right - left) / 3.3))

    @property
    def building_line(self) -> float:
        """Distance of the nearest possible facade from the middle of the road."""
        return self.width / 2 + KERB_M + self.pavement

    def lane_x(self, lane: float) -> float:
        """Middle of a lane, counted from the left; -0.5 and lanes - 0.5 are the outer edges."""
        left, right = self.driven
        return left + (right - left) * (lane + 0.5) / self.lanes

    def goes_away(self, lane: int) -> bool:
        """Traffic keeps to the right: those lanes drive the way the camera looks, the others meet it."""
        return 2 * lane + 1 >= self.lanes


STYLES: dict[str, float] = {"city": 0.5, "houses": 0.3, "park": 0.2}


def draw_road(rng: np.random.Generator) -> RoadPlan:
    """A plan: 4 to 11.4 m of carriageway between pavements of 1.6 to 4.2 m."""
    lanes = float(rng.choice([1, 2, 2, 3]))
    width = max(4.0, float(rng.uniform(2.9, 3.8)) * lanes)
    left, right = (rng.random(2) < 0.55).tolist()
    if width - PARKING_M * (left + right) < _NARROWEST_LANE_M:
        left = False
    if width - PARKING_M * (left + right) < _NARROWEST_LANE_M:
        right = False
    return RoadPlan(
        style=str(rng.choice(list(STYLES), p=list(STYLES.values()))),
        width=width,
        parking=(left, right),
        pavement=float(rng.uniform(1.6, 4.2)),
        asphalt=varied(rng, (0.11, 0.11, 0.115), 0.6, 1.6),
        paving=varied(rng, (0.36, 0.34, 0.31), 0.6, 1.3),
        grass=varied(rng, (0.12, 0.2, 0.06), 0.6, 1.2),
    )


def lay_ground(mesh: MeshBuilder, plan: RoadPlan) -> None:
    """Carriageway, kerbs, pavements, what lies beyond them, and a far field."""
    along = (0.0, LENGTH, 0.0)
    mesh.begin_object()
    carriageway = Surface("asphalt", plan.asphalt, "asphalt")
    mesh.quad((-plan.width / 2, START_Y, 0.0), (plan.width, 0.0, 0.0), along, carriageway)
    below = Surface("concrete", grey(0.3))
    mesh.quad((-90.0, START_Y - 2, -0.06), (180.0, 0.0, 0.0), (0.0, LENGTH + 2, 0.0), below)
    kerb = Surface("concrete", grey(0.43))
    slabs = Surface("concrete", plan.paving, "paving")
    if plan.style == "city":
        beyond = Surface("concrete", scaled(plan.paving, 0.8), "paving")
    else:
        beyond = Surface("grass", plan.grass, "grass")
    for side in (-1, 1):
        mesh.begin_object()
        edge = side * plan.width / 2
        mesh.quad((edge, START_Y, KERB_HEIGHT_M), (side * KERB_M, 0.0, 0.0), along, kerb)
        mesh.quad((edge, START_Y, 0.0), along, (0.0, 0.0, KERB_HEIGHT_M), kerb)
        inner = edge + side * KERB_M
        mesh.quad((inner, START_Y, PAVEMENT_Z), (side * plan.pavement, 0.0, 0.0), along, slabs)
        mesh.begin_object()
        outer = inner + side * plan.pavement
        mesh.quad((outer, START_Y, 0.1), (side * 80.0, 0.0, 0.0), along, beyond)
    mesh.begin_object()
    field = Surface("grass", plan.grass, "grass")
    mesh.quad((-300.0, START_Y + LENGTH, 0.05), (600.0, 0.0, 0.0), (0.0, 500.0, 0.0), field)


def paint_markings(mesh: MeshBuilder, rng: np.random.Generator, plan: RoadPlan) -> None:
    """Lane lines, edge lines and, now and then, a zebra crossing."""
    mesh.begin_object()
    white, line = Surface("paint", grey(0.7)), 0.12
    for lane in range(1, plan.lanes):
        x = plan.lane_x(lane - 0.5) - line / 2
        dashed = rng.random() < 0.7
        first = -4 + float(rng.uniform(0, 3))
        for y in np.arange(first, 90, 6.0 if dashed else 60.0).tolist():
            mesh.quad((x, y, 0.006), (line, 0.0, 0.0), (0.0, 3.0 if dashed else 60.0, 0.0), white)
    if rng.random() < 0.5:
        edge_line = Surface("paint", (0.65, 0.6, 0.3))
        for side in (-1, 1):
            x = side * (plan.width / 2 - 0.25)
            mesh.quad((x, START_Y, 0.006), (0.1, 0.0, 0.0), (0.0, 100.0, 0.0), edge_line)
    if rng.random() < 0.35:
        y = float(rng.uniform(5, 25))
        for x in np.arange(-plan.width / 2 + 0.3, plan.width / 2 - 0.5, 0.95).tolist():
            mesh.quad((x, y, 0.008), (0.5, 0.0, 0.0), (0.0, 3.0, 0.0), white)


def mend(mesh: MeshBuilder, rng: np.random.Generator, plan: RoadPlan) -> None:
    """Manhole covers, warm from the sewer, and patches of other asphalt."""
    half = plan.width / 2 - 0.6
    for _ in range(int(rng.integers(0, 4))):
        mesh.begin_object()
        x, y = float(rng.uniform(-half, half)), float(rng.uniform(3, 30))
        if rng.random() < 0.5:
            iron = Surface("metal" if rng.random() < 0.4 else "asphalt", grey(0.12))
            cover = iron.heated(294.0, 0.45)
            mesh.cylinder((x, y, 0.0), (x, y, 0.009), (0.35, 0.35), cover, sides=16)
        else:
            patch = Surface("asphalt", varied(rng, plan.asphalt, 0.5, 1.5), "asphalt")
            size = (float(rng.uniform(0.8, 2)), float(rng.uniform(1, 5)))
            mesh.quad((x, y, 0.007), (size[0], 0.0, 0.0), (0.0, size[1], 0.0), patch)


def puddles(mesh: MeshBuilder, rng: np.random.Generator, plan: RoadPlan) -> None:
    """Irregular pools that mirror the sky in both bands."""
    water = Surface("water", grey(0.05))
    for _ in range(int(rng.integers(4, 12))):
        mesh.begin_object()
        x, y = float(rng.uniform(-plan.width / 2, plan.width / 2)), float(rng.uniform(2, 25))
        rim = _ragged_ring(rng, x, y, float(rng.uniform(0.3, 1.6)))
        fan = np.stack([np.broadcast_to([x, y, 0.01], rim.shape), rim, np.roll(rim, -1, 0)], 1)
        up = unit(np.broadcast_to([0.0, 0.0, 1.0], fan.shape))
        mesh.triangles(fan, fan[..., :2], up, water)


def _ragged_ring(rng: np.random.Generator, x: float, y: float, radius: float) -> Array:
    turn = np.linspace(0, 2 * np.pi, 15)[:-1]
    reach = radius * rng.uniform(0.6, 1.3, 14)
    ring = [x + reach * np.cos(turn) * 0.6, y + reach * np.sin(turn) * 1.3, np.full(14, 0.01)]
    return np.stack(ring, -1)
