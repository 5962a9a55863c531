"""Who uses a wide road: cars in the lanes both ways, parked rows at the kerbs, riders, walkers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from thermodepth.synthetic.grammar.avenue_road import ALONG_M, KERB_M, STRIP_M, AvenuePlan
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.fleet import Fleet
from thermodepth.synthetic.grammar.mesh import MeshBuilder
from thermodepth.synthetic.grammar.vehicles import VEHICLES, Use
from thermodepth.synthetic.space.vectors import Placement

NEAR_M = (-50.0, 110.0)  # where there is traffic
_MOST_CARS = 44
_BETWEEN_M = 0.9  # bumper to bumper at least
_LEAN = math.radians(55)  # of an angled bay to the road
ANGLED_BAY_M = 3.2  # along the kerb


@dataclass(frozen=True, slots=True)
class Parked:
    """A vehicle of a kind that stands or drives somewhere on the straight road."""

    kind: str
    at: Placement
    moving: bool

    @property
    def length(self) -> float:
        """Bumper to bumper."""
        return VEHICLES[self.kind].length


@dataclass(slots=True)
class Traffic(Draws):
    """What has been placed on one road, so that nothing stands in anything."""

    mesh: MeshBuilder
    rng: np.random.Generator
    plan: AvenuePlan
    fleet: Fleet
    cars: list[Parked] = field(default_factory=list)
    looks: list[tuple[float, float]] = field(default_factory=list)  # x, along

    def put(self, use: Use, x: float, y: float, yaw: float, kind: str, number: int) -> None:
        """A vehicle of `fleet.kind`."""
        if len(self.cars) >= _MOST_CARS:
            return
        at = Placement(x, y, 0.0, yaw)
        self.fleet.car(self.mesh, use, number, at)
        self.cars.append(Parked(kind, at, use == "moving"))
        if 5 < y < 80:
            self.looks.append((x, y))

    def blocked(self, x: float, y: float, room_m: float = 0.6) -> bool:
        """Is there a vehicle?"""
        return any(
            abs(x - car.at.x) < 1.2 + room_m and abs(y - car.at.y) < car.length / 2 + room_m
            for car in self.cars
        )


def fill_road(traffic: Traffic) -> None:
    """Parked rows, then lanes, then whoever walks and rides."""
    for side in (-1, 1):
        _park_row(traffic, side)
    for side in (-1, 1):
        for lane in range(traffic.plan.lanes):
            _drive(traffic, side, lane)
    _ride(traffic)
    _walk(traffic)


def _park_row(traffic: Traffic, side: int) -> None:
    plan, name = traffic.plan, traffic.plan.strips[side > 0]
    if name not in ("parallel", "angled"):
        return
    middle = side * (plan.driven_m + STRIP_M[name] / 2)
    fill = traffic.between(0.4, 1.0)
    y = NEAR_M[0] + traffic.between(0, 6)
    while y < NEAR_M[1]:
        kind, number = traffic.fleet.kind("parked")
        length = VEHICLES[kind].length
        if name == "angled":
            step, middle_y = ANGLED_BAY_M, y + ANGLED_BAY_M / 2
            # Nose to the kerb, turned away from the traffic of that side.
            yaw = -_LEAN if side > 0 else math.pi - _LEAN
            fits = kind != "van"
        else:
            step = length + _BETWEEN_M + traffic.between(0, 1.6)
            middle_y = y + length / 2
            yaw, fits = (0.0 if side > 0 else math.pi), True
        free = not plan.joins(middle_y - length / 2 - 6, middle_y + length / 2 + 6)
        if fits and free and traffic.rng.random() < fill:
            turned = yaw + float(traffic.rng.normal(0, 0.02))
            traffic.put(
                "parked", middle + traffic.between(-0.1, 0.1), middle_y, turned, kind, number
            )
        y += step


def _drive(traffic: Traffic, side: int, lane: int) -> None:
    """One lane: from a queue to nearly empty."""
    gap = float(np.exp(traffic.between(math.log(12), math.log(110))))
    x, yaw = traffic.plan.lane_x(side, lane), 0.0 if side > 0 else math.pi
    y = NEAR_M[0] + traffic.between(0, gap)
    while y < NEAR_M[1]:
        kind, number = traffic.fleet.kind("moving")
        length = VEHICLES[kind].length
        where = x + float(traffic.rng.normal(0, 0.15))
        traffic.put("moving", where, y + length / 2, yaw, kind, number)
        y += length + 2.0 + float(traffic.rng.exponential(gap))


def _ride(traffic: Traffic) -> None:
    """Cyclists at the edge of the outermost lane and now and then in the middle of one."""
    plan = traffic.plan
    for _ in range(int(traffic.rng.integers(0, 5))):
        side, y = (1 if traffic.rng.random() < 0.6 else -1), traffic.between(4, 60)
        shoulder = plan.strips[side > 0] == "shoulder"
        x = side * (plan.driven_m + (0.7 if shoulder else -0.5))
        if traffic.blocked(x, y, 1.2):
            continue
        yaw = (0.0 if side > 0 else math.pi) + float(traffic.rng.normal(0, 0.08))
        traffic.fleet.rider(traffic.mesh, Placement(x, y, 0.0, yaw))
        traffic.looks.append((x, y))


def _walk(traffic: Traffic) -> None:
    """Along the pavements, across the road at 5 to 60 m, and out of parked cars."""
    plan = traffic.plan
    count = int(17 * traffic.rng.random() ** 1.5)
    for _ in range(count):
        side = 1 if traffic.rng.random() < 0.5 else -1
        y = 3 + 67 * float(traffic.rng.random()) ** 1.3
        crossing = traffic.rng.random() < 0.3
        if crossing:
            x, z = traffic.between(-plan.driven_m, plan.driven_m), 0.0
            if plan.crossing is not None and traffic.rng.random() < 0.6:
                y = plan.crossing[0] - traffic.between(1.5, 3.5)
            if abs(x) < plan.median_m / 2 + 0.3 or traffic.blocked(x, y):
                continue
            yaw = math.pi / 2 * (1 if traffic.rng.random() < 0.5 else -1)
        else:
            inner, outer = plan.walk_m(side)
            x = side * traffic.between(inner + 0.3, outer - 0.3)
            z = 0.0 if plan.joins(y, y) else plan.kerb_up_m
            yaw = math.pi * float(traffic.rng.random() < 0.5)
        yaw += float(traffic.rng.normal(0, 0.25))
        standing = traffic.rng.random() < 0.25
        traffic.fleet.walker(traffic.mesh, Placement(x, y, z, yaw), standing=standing)
        traffic.looks.append((x, y))
        for _ in range(int(traffic.rng.random() < 0.3)):
            beside = Placement(x + 0.55 * math.cos(yaw), y + 0.55 * math.sin(yaw), z, yaw)
            if not crossing and side * beside.x > plan.kerb_m(side) + KERB_M + 0.2:
                traffic.fleet.walker(traffic.mesh, beside, standing=standing)


def spread_along(
    rng: np.random.Generator, spacing: tuple[float, float], within: tuple[float, float] = ALONG_M
) -> list[float]:
    """Places along the road at about even distances."""
    step = float(rng.uniform(*spacing))
    places = np.arange(within[0] + float(rng.uniform(0, step)), within[1], step)
    return [float(y) for y in places + rng.normal(0, 0.06 * step, len(places))]
