"""The scenes of a world with many cameras: a site is a function that builds and a row in `SITES`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.cameras.rig import Rig
from thermodepth.synthetic.cameras.standpoint import (
    Propose,
    Room,
    along_road,
    at_arms_length,
    choose_pose,
    from_above,
    has_room,
    near_ground,
)
from thermodepth.synthetic.grammar.avenue import Avenue, build_avenue
from thermodepth.synthetic.grammar.car_park import build_car_park
from thermodepth.synthetic.grammar.fields import build_fields
from thermodepth.synthetic.grammar.mesh import Mesh, MeshBuilder, joined
from thermodepth.synthetic.grammar.near import build_near
from thermodepth.synthetic.grammar.open_ground import far_hills, lay_open_ground
from thermodepth.synthetic.grammar.own_body import CLEARANCE_M, mast, on_car
from thermodepth.synthetic.grammar.people import group
from thermodepth.synthetic.grammar.room import build_room
from thermodepth.synthetic.grammar.street import build_street
from thermodepth.synthetic.grammar.wood import HALF_M, build_wood
from thermodepth.synthetic.materials.registry import MATERIAL_INDEX
from thermodepth.synthetic.space.rays import EmbreeCaster, RayCaster
from thermodepth.synthetic.weather.conditions import Conditions

ALONG_SHARE = 0.7  # of the views near the ground of a street
DRONE_SHARE = 0.25  # of the views of an outdoor site
AVENUE_DRONE_SHARE, FIELDS_DRONE_SHARE = 0.1, 0.85
AVENUE_FIELD_DEG = (30.0, 72.0)
_FROM_LANE, _FROM_SIDE = 0.62, 0.25  # of the views of an avenue; the others look across it
ON_CAR_SHARE, MAST_SHARE = 0.25, 0.06  # of those near the ground, where a car has room
_WARM_K = 5.0  # above the air: a lamp, a radiator, a screen
_WEATHERED_K, _WEATHERED_SHARE = 4.0, 0.4
_ALIVE = tuple(MATERIAL_INDEX[name] for name in ("skin", "cloth"))
_UNWEATHERED = (*_ALIVE, *(MATERIAL_INDEX[name] for name in ("leaf", "bark")))
_OUTDOORS = Room(around_m=0.3, nearest_m=0.45, above_m=1.2)
_RIDING = Room(around_m=1.0, nearest_m=1.6, above_m=0.6, most_sky=0.7)
_OVERHEAD = Room(around_m=1.0, nearest_m=2.0, above_m=40.0, below_m=2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One scene before its camera is chosen."""

    mesh: Mesh
    propose: Propose
    room: Room
    ground_m: Callable[[float, float], float] | None = None  # outdoors and near the ground
    field_deg: tuple[float, float] | None = None  # of most lenses; None: that of all sites


def place_camera(
    built: Built, conditions: Conditions, rig: Rig, rng: np.random.Generator
) -> tuple[Mesh, CameraPose, RayCaster]:
    """Choose the pose; now and then put the camera on a car or behind a mast, which it then sees."""
    caster: RayCaster = EmbreeCaster(built.mesh.positions)
    pose = choose_pose(built.propose, built.room, rig, caster, rng)
    draw = float(rng.random())
    if built.ground_m is not None and draw < ON_CAR_SHARE:
        x, y, _ = pose.position
        ground = built.ground_m(x, y)
        carried = on_car(rng, pose, ground, conditions)
        if has_room(carried.pose, Room(around_m=CLEARANCE_M, nearest_m=0.0), caster):
            mesh = joined(built.mesh, carried.mesh)
            return mesh, carried.pose, EmbreeCaster(mesh.positions)
    elif built.ground_m is not None and draw < ON_CAR_SHARE + MAST_SHARE:
        mesh = joined(built.mesh, mast(rng, pose))
        return mesh, pose, EmbreeCaster(mesh.positions)
    return built.mesh, pose, caster


def _flat(x: float, y: float) -> float:
    del x, y
    return 0.0


def _street(rng: np.random.Generator, conditions: Conditions) -> Built:
    """A street, on open ground, with groups of people."""
    street, camera, _ = build_street(rng, conditions)
    more = MeshBuilder()
    lay_open_ground(more, rng, -0.12)
    if rng.random() < 0.7:
        far_hills(more, rng)
    middle = camera.position[0]
    looks = [(float(rng.uniform(-9, 9)), float(y)) for y in rng.uniform(0, 70, 8)]
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.4 else 0):
        centre = (middle + float(rng.normal(0, 4)), float(rng.uniform(3, 45)))
        group(more, rng, centre, conditions, _flat)
        looks += [centre] * 3
    mesh = _weathered(joined(street, more.finish()), rng, conditions.air_k)
    if rng.random() < DRONE_SHARE:
        return Built(mesh=mesh, propose=lambda r: from_above(r, looks, 6.0), room=_OVERHEAD)

    def stand(r: np.random.Generator) -> CameraPose:
        location = (middle + float(r.normal(0, 1.0)), float(r.uniform(-2, 40)))
        pose = near_ground(r, location, 0.0, looks)
        if r.random() < ALONG_SHARE:  # as whoever drives or walks there
            pose = replace(pose, yaw=float(r.normal(0, 0.25)) + math.pi * (r.random() < 0.3))
        return pose

    return Built(mesh=mesh, propose=stand, room=_OUTDOORS, ground_m=_flat)


def _avenue(rng: np.random.Generator, conditions: Conditions) -> Built:
    """A wide road, mostly as whoever drives or walks along it sees it."""
    avenue = build_avenue(rng, conditions)
    mesh = _weathered(avenue.mesh, rng, conditions.air_k)
    if rng.random() < AVENUE_DRONE_SHARE:
        looks = [avenue.world(x, along) for x, along in avenue.looks]
        return Built(mesh=mesh, propose=lambda r: from_above(r, looks, 6.0), room=_OVERHEAD)

    return Built(
        mesh=mesh,
        propose=lambda r: _on_avenue(r, avenue),
        room=_RIDING,
        ground_m=_flat,
        field_deg=AVENUE_FIELD_DEG,
    )


def _on_avenue(r: np.random.Generator, avenue: Avenue) -> CameraPose:
    """In a lane, at the side, or looking across."""
    plan, along = avenue.plan, float(r.uniform(-12, 55))
    side, heading = (1 if r.random() < 0.75 else -1), plan.bend.heading(along)
    draw = r.random()
    if draw < _FROM_LANE:
        aside = plan.lane_x(side, int(r.integers(plan.lanes))) + float(r.normal(0, 0.4))
        yaw, ground = heading + float(r.normal(0, 0.13)) + math.pi * (side < 0), 0.0
        return along_road(r, avenue.world(aside, along), ground, yaw)
    outer = plan.walk_m(side)[1]
    aside = side * float(r.uniform(plan.kerb_m(side) - 1.0, outer - 0.2))
    ground = plan.kerb_up_m if abs(aside) > plan.kerb_m(side) else 0.0
    if draw < _FROM_LANE + _FROM_SIDE:
        yaw = heading + math.pi * (r.random() < 0.35) + float(r.normal(0, 0.3))
    else:
        yaw = heading - side * math.pi / 2 + float(r.normal(0, 0.5))
    return along_road(r, avenue.world(aside, along), ground, yaw)


def _car_park(rng: np.random.Generator, conditions: Conditions) -> Built:
    mesh, aisles, looks = build_car_park(rng, conditions)
    mesh = _weathered(mesh, rng, conditions.air_k)
    if rng.random() < DRONE_SHARE:
        return Built(mesh=mesh, propose=lambda r: from_above(r, looks, 4.0), room=_OVERHEAD)

    def stand(r: np.random.Generator) -> CameraPose:
        y = float(r.choice(aisles)) + float(r.uniform(-4, 4))
        return near_ground(r, (float(r.uniform(-20, 20)), y), 0.0, looks)

    return Built(mesh=mesh, propose=stand, room=_OUTDOORS, ground_m=_flat)


def _fields(rng: np.random.Generator, conditions: Conditions) -> Built:
    """Open ground, mostly from above."""
    mesh, looks = build_fields(rng, conditions)
    mesh = _weathered(mesh, rng, conditions.air_k)
    if rng.random() < FIELDS_DRONE_SHARE:
        return Built(mesh=mesh, propose=lambda r: from_above(r, looks, 12.0), room=_OVERHEAD)

    def stand(r: np.random.Generator) -> CameraPose:
        x, y = looks[int(r.integers(len(looks)))]
        location = (x + float(r.normal(0, 10)), y + float(r.normal(0, 10)))
        return near_ground(r, location, 0.0, looks)

    return Built(mesh=mesh, propose=stand, room=_OUTDOORS, ground_m=_flat)


def _wood(rng: np.random.Generator, conditions: Conditions) -> Built:
    mesh, relief, looks = build_wood(rng, conditions)
    if rng.random() < DRONE_SHARE:
        return Built(mesh=mesh, propose=lambda r: from_above(r, looks, 6.0), room=_OVERHEAD)

    def stand(r: np.random.Generator) -> CameraPose:
        y = float(r.uniform(-0.4, 0.4)) * HALF_M
        x = float(relief.track_x(y)) if r.random() < 0.5 else float(r.uniform(-12, 12))
        pose = near_ground(r, (x, y), relief.at(x, y), looks)
        if r.random() < 0.3:
            pose = replace(pose, yaw=float(r.normal(0, 0.25)) + math.pi * (r.random() < 0.5))
        return pose

    return Built(mesh=mesh, propose=stand, room=_OUTDOORS, ground_m=relief.at)


def _room(rng: np.random.Generator, conditions: Conditions) -> Built:
    mesh, camera, _ = build_room(rng, conditions)
    mesh = _calmed(mesh, conditions.air_k, 0.03 + 0.9 * float(rng.random()) ** 2)

    def stand(r: np.random.Generator) -> CameraPose:
        x, y = camera.position[0] + float(r.normal(0, 0.6)), float(r.uniform(-0.5, 6))
        pose = near_ground(r, (x, y), 0.0, [])
        if r.random() < 0.5:
            pose = replace(pose, yaw=float(r.normal(0, 0.35)))
        return pose

    return Built(
        mesh=mesh,
        propose=stand,
        room=Room(around_m=0.25, nearest_m=0.35, above_m=0.15, roofed=True),
    )


def _near(rng: np.random.Generator, conditions: Conditions) -> Built:
    scene = build_near(rng, conditions)
    return Built(
        mesh=_calmed(scene.mesh, conditions.air_k, float(rng.uniform(0.3, 1.0))),
        propose=lambda r: at_arms_length(r, scene.targets, scene.facing),
        room=Room(around_m=0.08, nearest_m=0.2, above_m=0.1, roofed=True),
    )


def _calmed(mesh: Mesh, air_k: float, share: float) -> Mesh:
    """Less of every source that is warm and not alive: lamps of today, radiators turned low.

    Real rooms are within a few degrees for the most part; what is hot there takes the whole range.
    """
    warm = (mesh.source_k > air_k + _WARM_K) & ~np.isin(mesh.material, _ALIVE)
    return replace(
        mesh, source_share=np.where(warm, mesh.source_share * np.float32(share), mesh.source_share)
    )


def _weathered(mesh: Mesh, rng: np.random.Generator, air_k: float) -> Mesh:
    """What one energy balance for all does not know: every surface a little warmer or cooler of its own.

    Shade of an hour ago, coatings, damp, what is behind. Only what has no source of warmth.
    """
    sigma_k = _WEATHERED_K * float(rng.random()) ** 1.5
    own_k = air_k + sigma_k * rng.standard_normal(len(mesh.material)) / _WEATHERED_SHARE
    still = (mesh.source_share == 0) & ~np.isin(mesh.material, _UNWEATHERED)
    return replace(
        mesh,
        source_k=np.where(still, own_k, mesh.source_k).astype(np.float32),
        source_share=np.where(still, _WEATHERED_SHARE, mesh.source_share).astype(np.float32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One kind of scene: how often it is drawn and whose conditions it has."""

    share: float
    conditions: str  # a kind of `conditions.KINDS`
    build: Callable[[np.random.Generator, Conditions], Built]


SITES: dict[str, SiteRow] = {
    "avenue": SiteRow(share=0.30, conditions="street", build=_avenue),
    "fields": SiteRow(share=0.12, conditions="street", build=_fields),
    "street": SiteRow(share=0.12, conditions="street", build=_street),
    "carpark": SiteRow(share=0.07, conditions="street", build=_car_park),
    "wood": SiteRow(share=0.09, conditions="street", build=_wood),
    "room": SiteRow(share=0.11, conditions="room", build=_room),
    "near": SiteRow(share=0.19, conditions="room", build=_near),
}


def draw_site(rng: np.random.Generator, conditions_kind: str | None) -> str:
    """A name of `SITES`, of one kind of conditions if given."""
    rows = {
        name: row
        for name, row in SITES.items()
        if conditions_kind is None or row.conditions == conditions_kind
    }
    shares = np.array([row.share for row in rows.values()])
    return str(rng.choice(list(rows), p=shares / shares.sum()))
