"""The room grammar: a corridor or a room, its lamps, what hangs on its walls and stands in it.

As on a street, the draws depend neither on the conditions nor on the time. Adding a piece of furniture is
a function and a row in `FURNITURE`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from thermodepth.synthetic.cameras.path import Travel
from thermodepth.synthetic.cameras.pose import CameraPose
from thermodepth.synthetic.grammar.colours import Colour, any_colour, grey, one_of, scaled, varied
from thermodepth.synthetic.grammar.draws import Draws
from thermodepth.synthetic.grammar.furniture import bookshelf, boxes, cabinet, chair, desk
from thermodepth.synthetic.grammar.mesh import Lamp, Mesh, MeshBuilder, Surface
from thermodepth.synthetic.grammar.people import draw_gait, person
from thermodepth.synthetic.grammar.plants import pot_plant
from thermodepth.synthetic.grammar.walls import Wall, furnish_wall
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

_BEHIND_M = 1.2  # the room goes on behind the camera
_CORRIDOR_SHARE = 0.45
_BODY_M = 0.35  # the floor that a person takes up
_WALL_COLOURS: tuple[Colour, ...] = (
    (0.7, 0.68, 0.62),
    (0.55, 0.6, 0.6),
    (0.65, 0.55, 0.45),
    (0.75, 0.75, 0.75),
    (0.5, 0.55, 0.42),
)
# material, pattern, colour
_FLOORS: tuple[tuple[str, str, Colour], ...] = (
    ("tile", "tiles", (0.5, 0.48, 0.45)),
    ("wood", "wood", (0.4, 0.25, 0.13)),
    ("plastic", "plain", (0.3, 0.33, 0.3)),
    ("carpet", "stripes", (0.2, 0.2, 0.28)),
)


@dataclass(slots=True)
class _Room(Draws):
    """A room being built: x in ±width/2, y from -1.2 m to `length`."""

    mesh: MeshBuilder
    rng: np.random.Generator
    conditions: Conditions
    time_s: float
    corridor: bool
    width: float
    length: float
    height: float
    colour: Colour
    outer_side: int
    occupied: list[tuple[float, float, float]] = field(default_factory=list)  # x, y, radius

    def wall_at(self, side: int) -> Placement:
        """The left (-1) or right (+1) wall, its start chosen so that ahead points inwards."""
        y = -_BEHIND_M if side > 0 else self.length
        return Placement(side * self.width / 2, y, 0.0, side * math.pi / 2)

    def claim(
        self, radius: float, nearest: float = 1.5, against: int | None = None
    ) -> tuple[float, float] | None:
        """A free place on the floor, against a wall if asked, or None when the room is full."""
        half = self.width / 2 - radius
        if half <= 0:
            return None
        for _ in range(20):
            y = self.between(nearest, self.length - radius)
            x = self.between(-half, half) if against is None else against * half
            clear = all(math.hypot(x - a, y - b) > radius + c for a, b, c in self.occupied)
            if clear and math.hypot(x, y) > 1.2 + radius:
                self.occupied.append((x, y, radius))
                return x, y
        return None

    def free_stretch(self, x: float, y: float) -> tuple[float, float]:
        """How far one may walk along -Y (negative) and +Y from a place that was just claimed."""
        back, front = 1.5 - y, self.length - 0.6 - y
        for other_x, other_y, radius in self.occupied[:-1]:
            if abs(other_x - x) < radius + _BODY_M:
                gap = other_y - y
                if gap > 0:
                    front = min(front, gap - radius - _BODY_M)
                else:
                    back = max(back, gap + radius + _BODY_M)
        return min(back, 0.0), max(front, 0.0)


def build_room(
    rng: np.random.Generator, conditions: Conditions, time_s: float = 0.0
) -> tuple[Mesh, CameraPose, Travel]:
    """One room and where the camera stands in it."""
    room = _draw_room(rng, conditions, time_s)
    _shell(room)
    _ceiling_lamps(room)
    for side in (-1, 1):
        outer = side == room.outer_side
        length = room.length + _BEHIND_M
        wall = Wall(room.mesh, rng, conditions, room.wall_at(side), length, room.colour, outer)
        furnish_wall(wall, room.between(0.3, 1.5) + (_BEHIND_M if side > 0 else 0.0))
    _end_door(room)
    if room.chance(0.4):
        _ceiling_pipe(room)
    shares = np.array([row.corridor if room.corridor else row.room for row in FURNITURE.values()])
    for _ in range(int(rng.integers(1, 4)) if room.corridor else int(rng.integers(4, 11))):
        FURNITURE[str(rng.choice(list(FURNITURE), p=shares / shares.sum()))].place(room)
    camera = CameraPose(
        position=(room.between(-0.25, 0.25) * room.width, 0.0, room.between(1.0, 1.75)),
        yaw=float(rng.normal(0, 0.12 if room.corridor else 0.3)),
        pitch=float(rng.normal(-0.06, 0.06)),
        roll=float(rng.normal(0, 0.02)),
    )
    for _ in range(int(rng.integers(0, 4))):
        _walker(room, camera.position[0])
    travel = Travel(room.between(0.2, 0.8) * room.chance(0.7), on_foot=True)
    return room.mesh.finish(), camera, travel


def _draw_room(rng: np.random.Generator, conditions: Conditions, time_s: float) -> _Room:
    corridor = bool(rng.random() < _CORRIDOR_SHARE)
    return _Room(
        mesh=MeshBuilder(),
        rng=rng,
        conditions=conditions,
        time_s=time_s,
        corridor=corridor,
        width=float(rng.uniform(1.8, 3.2) if corridor else rng.uniform(3.5, 8)),
        length=float(rng.uniform(9, 24) if corridor else rng.uniform(4.5, 10)),
        height=float(rng.uniform(2.4, 3.3)),
        colour=varied(rng, one_of(rng, _WALL_COLOURS), 0.8, 1.1),
        outer_side=int(rng.choice([-1, 1])),
    )


def _shell(room: _Room) -> None:
    """Floor, ceiling and four walls; one long wall has the weather behind it."""
    mesh, air_k, outside_k = room.mesh, room.conditions.air_k, room.conditions.outside_k
    width, total = room.width, room.length + _BEHIND_M
    across, along, up = (width, 0.0, 0.0), (0.0, total, 0.0), (0.0, 0.0, room.height)
    near_left = (-width / 2, -_BEHIND_M, 0.0)
    material, pattern, colour = _FLOORS[int(room.rng.integers(len(_FLOORS)))]
    mesh.begin_object()
    floor = Surface(material, varied(room.rng, colour, 0.5, 1.3), pattern, air_k - 0.8, 0.6)
    mesh.quad(near_left, across, along, floor)
    mesh.begin_object()
    ceiling_pattern = "tiles" if room.chance(0.5) else "plain"
    ceiling = Surface("plaster", grey(0.72), ceiling_pattern, air_k + 0.7, 0.6)
    mesh.quad((-width / 2, -_BEHIND_M, room.height), across, along, ceiling)
    skirting = Surface("wood", scaled(room.colour, 0.4))
    for side in (-1, 1):
        mesh.begin_object()
        bare_brick = room.chance(0.15)
        wall = (
            Surface("brick", room.colour, "brick")
            if bare_brick
            else Surface("plaster", room.colour)
        )
        if side == room.outer_side:
            wall = wall.heated(outside_k, 0.1)
        mesh.quad((side * width / 2, -_BEHIND_M, 0.0), along, up, wall)
        foot = (side * (width / 2 - 0.01), (room.length - _BEHIND_M) / 2, 0.0)
        mesh.box(foot, (0.02, total, 0.1), skirting)
    mesh.begin_object()
    end = Surface("plaster", varied(room.rng, room.colour, 0.8, 1.1), "plain", outside_k, 0.06)
    mesh.quad((-width / 2, room.length, 0.0), across, up, end)
    mesh.quad(near_left, across, up, Surface("plaster", room.colour))


def _ceiling_lamps(room: _Room) -> None:
    rows = max(1, int(room.length / room.between(2.2, 3.5)))
    columns = 1 if room.width < 4 else 2
    spacing = (room.length + _BEHIND_M) / rows
    share = max(room.width * room.length / rows / columns, 3.0)  # floor area a lamp
    size = (1.2, 0.3) if room.chance(0.5) else (0.6, 0.6)
    for row in range(rows):
        for column in range(columns):
            x = room.width * ((column + 0.5) / columns - 0.5)
            y = -_BEHIND_M + spacing * (row + 0.5)
            on = room.chance(0.93) and room.conditions.lamps
            power = room.between(1.6, 2.6) * (share / 9.0) ** 0.5
            room.mesh.begin_object()
            body = Surface("lamp", grey(0.8), "plain", room.between(301, 314), 0.8 * on, 5.0 * on)
            room.mesh.box((x, y, room.height - 0.06), (*size, 0.055), body, bottom=True)
            if on:
                colour = (power, power * 0.96, power * 0.88)
                position = (x, y, room.height - 0.1)
                room.mesh.lamp(Lamp(position, colour, (0.0, 0.0, -1.0), beam=1.0))


def _end_door(room: _Room) -> None:
    room.mesh.begin_object()
    leaf = Surface("wood", any_colour(room.rng, 0.1, 0.5), "wood")
    foot = (room.between(-0.25, 0.25) * (room.width - 1), room.length - 0.03, 0.0)
    room.mesh.box(foot, (0.95, 0.08, 2.05), leaf)


def _ceiling_pipe(room: _Room) -> None:
    side = float(room.rng.choice([-1, 1]))
    source_k = 316.0 if room.chance(0.6) else room.conditions.air_k - 6
    material = "paint" if room.chance(0.6) else "metal"
    pipe = Surface(material, grey(0.6), "plain", source_k, 0.7)
    room.mesh.begin_object()
    x, z = side * (room.width / 2 - 0.12), room.height - 0.2
    start, end = (x, -_BEHIND_M, z), (x, room.length, z)
    room.mesh.cylinder(start, end, (0.05, 0.05), pipe, sides=8)


def _plant(room: _Room) -> None:
    if spot := room.claim(0.3):
        pot_plant(room.mesh, room.rng, Placement(*spot))


def _pile(room: _Room) -> None:
    if spot := room.claim(0.4):
        boxes(room.mesh, room.rng, Placement(*spot))


def _seat(room: _Room) -> None:
    if spot := room.claim(0.35):
        at = Placement(*spot, 0.0, room.between(0, 6.28))
        chair(room.mesh, room.rng, at, vacated=room.chance(0.4))


def _walker(room: _Room, camera_x: float) -> None:
    """Somebody who paces up and down the free floor, or stands."""
    gait, yaw = draw_gait(room.rng), room.between(0, 2 * math.pi)
    pacing = room.chance(0.7)
    if not (spot := room.claim(_BODY_M)):
        return
    x, y = spot
    free = room.free_stretch(x, y)
    if pacing and abs(x - camera_x) > 2 * _BODY_M and free[1] - free[0] > 1.0:
        at = gait.paced(Placement(x, y, 0.0, 0.0), free, room.time_s)
        for along in np.arange(free[0], free[1], 2 * _BODY_M).tolist():
            room.occupied.append((x, y + along, _BODY_M))
    else:
        gait, at = replace(gait, speed_m_s=0.0), Placement(x, y, 0.0, yaw)
    person(room.mesh, room.rng, at, room.conditions, swing=gait.swing(room.time_s))


def _work_place(room: _Room) -> None:
    """A desk, and on its chair a person, the warmth of one, or nothing."""
    spot = room.claim(0.85)
    if not spot:
        return
    yaw = float(room.rng.integers(4)) * math.pi / 2 + float(room.rng.normal(0, 0.1))
    at = Placement(*spot, 0.0, yaw)
    desk(room.mesh, room.rng, at)
    x, y, _ = at.point(0, -0.65, 0)
    draw, turn = float(room.rng.random()), float(room.rng.normal(0, 0.3))
    if draw < 0.45:
        chair(room.mesh, room.rng, Placement(x, y, 0.0, yaw))
        person(room.mesh, room.rng, Placement(x, y, 0.0, yaw), room.conditions, seated=True)
    elif draw < 0.9:
        chair(room.mesh, room.rng, Placement(x, y, 0.0, yaw + turn), vacated=room.chance(0.4))


def _against_wall(room: _Room) -> None:
    side = int(room.rng.choice([-1, 1]))
    spot = room.claim(0.3, against=side)
    if not spot:
        return
    at = Placement(side * room.width / 2, spot[1], 0.0, side * math.pi / 2)
    if room.chance(0.5):
        bookshelf(room.mesh, room.rng, at, room.height)
    else:
        cabinet(room.mesh, room.rng, at, room.height, room.conditions.air_k)


@dataclass(frozen=True, slots=True)
class Furniture:
    """One row: how often it is tried in a room and in a corridor, and how it finds its place."""

    room: float
    corridor: float
    place: Callable[[_Room], None]


FURNITURE: dict[str, Furniture] = {
    "work place": Furniture(0.40, 0.0, _work_place),
    "shelf or cabinet": Furniture(0.22, 0.62, _against_wall),
    "plant": Furniture(0.13, 0.13, _plant),
    "boxes": Furniture(0.13, 0.13, _pile),
    "chair": Furniture(0.12, 0.12, _seat),
}
