"""The street grammar: plan the road, then line it with houses, trees, furniture, traffic and people.

The draws depend neither on the conditions nor on the time: a seed is one street, by day, by night and in
the rain, and a moment later it differs by what moved. All vehicles of a lane keep one speed, the camera's
car among them, so that nobody runs into anybody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from thermodepth.synthetic.cameras.path import Travel
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.grammar.buildings import Plot, building, skyline
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder
from thermodepth.synthetic.grammar.people import draw_gait, person
from thermodepth.synthetic.grammar.plants import tree
from thermodepth.synthetic.grammar.road import (
    KERB_HEIGHT_M,
    KERB_M,
    PARKING_M,
    PAVEMENT_Z,
    RoadPlan,
    draw_road,
    lay_ground,
    mend,
    paint_markings,
    puddles,
)
from thermodepth.synthetic.grammar.street_furniture import any_piece, boundary, street_lamp
from thermodepth.synthetic.grammar.vehicles import VEHICLES, draw_kind, vehicle
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

_FAR_M = 95.0
_HELD_SHARE = 0.2  # lanes that wait at a light
_SHOULDERS_M, _BERTH_M = (
    0.75,
    1.8,
)  # between a walker and the path of the camera, on foot and by car
_HOUSE_SHARE = {"city": 0.93, "houses": 0.85, "park": 0.25}  # how often a plot is built on


@dataclass(slots=True)
class _Street(Draws):
    """A street being built."""

    mesh: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    plan: RoadPlan
    time_s: float
    camera_x: float
    travel: Travel
    lane_speeds: tuple[float, ...]  # m/s
    occupied: list[tuple[float, float, float]] = field(default_factory=list)  # x, y, length

    def claim(self, x: float, y: float, length: float) -> bool:
        """Take a stretch of lane for a vehicle if it is free and not in front of the lens."""
        for other_x, other_y, other_length in self.occupied:
            gap = (length + other_length) / 2 + 0.8
            if abs(x - other_x) < 2.3 and abs(y - other_y) < gap:
                return False
        if abs(x - self.camera_x) < 1.9 and y - length / 2 < 4.0:
            return False
        self.occupied.append((x, y, length))
        return True


def build_street(
    rng: np.random.Generator, conditions: Conditions, time_s: float = 0.0
) -> tuple[Mesh, CameraPose, Travel]:
    """One street, and where the camera stands in it: in a lane (3 of 4) or on a pavement."""
    plan = draw_road(rng)
    speeds = np.where(rng.random(plan.lanes) < _HELD_SHARE, 0.0, rng.uniform(4, 13, plan.lanes))
    on_road = bool(rng.random() < 0.75)
    lane = int(rng.choice([i for i in range(plan.lanes) if plan.goes_away(i)]))
    side, aside = float(rng.choice([-1, 1])), float(rng.uniform(-0.6, 0.6))
    walking = float(rng.uniform(0.8, 1.6)) * (rng.random() < 0.75)
    if on_road:
        camera_x, travel = plan.lane_x(lane) + aside, Travel(float(speeds[lane]), on_foot=False)
    else:
        camera_x = side * (plan.width / 2 + KERB_M + plan.pavement * 0.5)
        travel = Travel(walking, on_foot=True)
    street = _Street(
        MeshBuilder(), rng, conditions, plan, time_s, camera_x, travel, tuple(speeds.tolist())
    )
    lay_ground(street.mesh, plan)
    paint_markings(street.mesh, rng, plan)
    mend(street.mesh, rng, plan)
    for side_of_road in (-1, 1):
        _line_with_houses(street, side_of_road)
        _line_with_furniture(street, side_of_road)
    _park_vehicles(street)
    _drive_vehicles(street)
    _walk_people(street)
    if plan.style != "city" or street.chance(0.3):
        skyline(street.mesh, rng, plan.grass)
    if conditions.wet:
        puddles(street.mesh, rng.spawn(1)[0], plan)
    ground = 0.0 if on_road else KERB_HEIGHT_M
    camera = CameraPose(
        position=(camera_x, 0.0, float(rng.uniform(1.3, 1.6)) + ground),
        yaw=float(rng.normal(0, 0.16)),
        pitch=float(rng.normal(-0.01, 0.015)),
        roll=float(rng.normal(0, 0.015)),
    )
    return street.mesh.finish(), camera, travel


def _line_with_houses(street: _Street, side: int) -> None:
    plan, city = street.plan, street.plan.style == "city"
    setback = street.between(0, 0.5) if city else street.between(2.5, 8)
    y = -8 + street.between(-3, 3)
    while y < _FAR_M:
        length = street.between(7, 18) if city else street.between(7, 12)
        if street.chance(_HOUSE_SHARE[plan.style]):
            x = side * (plan.building_line + setback + street.between(0, 1.5))
            height = street.between(5, 17) if city else street.between(2.8, 6)
            plot = Plot(side=side, x=x, near=y, far=y + length, height=height)
            shop = city and street.chance(0.5)
            building(street.mesh, street.rng, plot, street.conditions, gabled=not city, shop=shop)
        else:
            for _ in range(int(street.rng.integers(1, 4))):
                x = side * (plan.width / 2 + plan.pavement + street.between(2, 10))
                tree(
                    street.mesh,
                    street.rng,
                    x,
                    y + street.between(0, length),
                    street.between(0.6, 1.4),
                )
        terraced = city and street.chance(0.75)
        y += length + (street.between(0, 0.3) if terraced else street.between(2, 9))
    if not city and street.chance(0.6):
        boundary(street.mesh, street.rng, side * (plan.building_line + 0.15))


def _line_with_furniture(street: _Street, side: int) -> None:
    plan, rng = street.plan, street.rng
    first, spacing = street.between(2, 16), street.between(14, 28)
    if street.chance(0.8):
        for y in np.arange(first, 75, spacing).tolist():
            street_lamp(street.mesh, rng, side * (plan.width / 2 + 0.6), y, street.conditions)
    if street.chance(0.55):
        for y in np.arange(street.between(3, 12), 70, street.between(6, 14)).tolist():
            if street.chance(0.75):
                x = side * (plan.width / 2 + street.between(0.7, 1.3))
                if abs(x - street.camera_x) > 0.8 or y > 6:
                    tree(street.mesh, rng, x, y, street.between(0.6, 1.1))
    for _ in range(int(rng.integers(0, 4))):
        x = side * (plan.width / 2 + KERB_M + street.between(0.3, plan.pavement - 0.3))
        if abs(x - street.camera_x) < 0.7:
            x = side * (plan.width / 2 + KERB_M + 0.3)
        any_piece(street.mesh, rng, Placement(x, street.between(4, 30), PAVEMENT_Z))


def _park_vehicles(street: _Street) -> None:
    for side, strip in zip((-1, 1), street.plan.parking, strict=True):
        if not strip:
            continue
        y = street.between(-3, 6)
        while y < 60:
            x = side * (street.plan.width / 2 - PARKING_M / 2)
            kind = draw_kind(street.rng, "parked")
            if street.chance(0.6) and street.claim(x, y, VEHICLES[kind].length):
                yaw = (0.0 if side > 0 else math.pi) + float(street.rng.normal(0, 0.03))
                at = Placement(x + float(street.rng.normal(0, 0.06)), y, 0.0, yaw)
                state = "warm" if street.chance(0.25) else "cold"
                vehicle(street.mesh, street.rng, at, street.conditions, kind=kind, state=state)
            y += street.between(5.5, 9)


def _drive_vehicles(street: _Street) -> None:
    for lane, speed in enumerate(street.lane_speeds):
        away = street.plan.goes_away(lane)
        for _ in range(int(street.rng.integers(0, 4))):
            kind, y = draw_kind(street.rng, "moving"), street.between(5, 85)
            x = street.plan.lane_x(lane)
            if street.claim(x, y, VEHICLES[kind].length):
                x += float(street.rng.normal(0, 0.15))
                y += speed * street.time_s * (1 if away else -1)
                at = Placement(x, y, 0.0, 0.0 if away else math.pi)
                vehicle(street.mesh, street.rng, at, street.conditions, kind=kind, state="running")


def _walk_people(street: _Street) -> None:
    for _ in range(int(street.rng.integers(0, 8))):
        side = float(street.rng.choice([-1, 1]))
        on_pavement = street.chance(0.8)
        y, across = street.between(2.5, 26), street.between(0, 1)
        gait = draw_gait(street.rng)
        turned = float(street.rng.normal(0, 0.1)) + math.pi * street.chance(0.5)
        lounging = street.chance(0.2)
        if on_pavement:
            x = side * (street.plan.width / 2 + KERB_M + 0.25 + across * street.plan.pavement)
            if abs(x - street.camera_x) < _SHOULDERS_M:  # would be walked through
                x = street.camera_x + math.copysign(_SHOULDERS_M, x - street.camera_x)
        else:
            x = (across - 0.5) * street.plan.width
            if street.travel.speed_m_s == 0 or street.travel.on_foot:
                turned += math.pi / 2  # crossing
            elif abs(x - street.camera_x) < _BERTH_M:
                continue
        if lounging:
            gait, turned = replace(gait, speed_m_s=0.0), street.between(0, 2 * math.pi)
        blocked = any(abs(x - a) < 1.5 and abs(y - b) < c / 2 + 0.5 for a, b, c in street.occupied)
        if blocked or math.hypot(x - street.camera_x, y) < 2.2:
            continue
        start = Placement(x, y, PAVEMENT_Z if on_pavement else 0.0, turned)
        at = gait.walked(start, street.time_s)
        person(street.mesh, street.rng, at, street.conditions, swing=gait.swing(street.time_s))
