"""People: a warm body under clothes, standing, walking or seated, alone or in groups.

Local axes: ahead is where they look.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from thermodepth.synthetic.grammar.colours import Colour, any_colour, scaled, varied
from thermodepth.synthetic.grammar.mesh import MeshBuilder, Surface
from thermodepth.synthetic.space.vectors import Placement
from thermodepth.synthetic.weather.conditions import Conditions

SKIN_K = 306.5
FACE_K = 307.0
CLOTHES_K = 306.0  # what shows through them; the share says how thin they are
_SHOE = Surface("rubber", (0.05, 0.05, 0.05), "plain", 300.0, 0.3)
_HIP_DROP = 0.42  # how much lower a seated trunk is
_SHORT_SLEEVES_ABOVE_K = 297.0
_APART_M = 0.55  # between two of a group
_TRIES = 6


@dataclass(frozen=True, slots=True)
class _Clothes:
    top: Surface
    legs: Surface
    forearm: Surface
    hand: Surface
    face: Surface
    hair: Surface


def _dress(rng: np.random.Generator, conditions: Conditions) -> _Clothes:
    skin: Colour = varied(rng, (0.75, 0.55, 0.43), 0.35, 1.1)
    thinness = float(rng.uniform(0.25, 0.6))
    jumper = "stripes" if rng.random() < 0.4 else "plain"
    top = Surface("cloth", any_colour(rng, 0.03, 0.7), jumper, CLOTHES_K, thinness)
    legs = Surface("cloth", any_colour(rng, 0.02, 0.35), "plain", CLOTHES_K, thinness * 0.9)
    bare_arms = rng.random() < (1.0 if conditions.air_k > _SHORT_SLEEVES_ABOVE_K else 0.15)
    hair = scaled((0.06, 0.04, 0.03), float(rng.uniform(0.5, 5)))
    return _Clothes(
        top=top,
        legs=legs,
        forearm=Surface("skin", skin, "plain", SKIN_K, 0.9) if bare_arms else top,
        hand=Surface("skin", skin, "plain", 305.0, 0.85),
        face=Surface("skin", skin, "plain", FACE_K, 0.94),
        hair=Surface("cloth", hair, "plain", CLOTHES_K, 0.45),
    )


@dataclass(frozen=True, slots=True)
class Gait:
    """How somebody walks: a step is half a turn of the phase."""

    speed_m_s: float
    phase: float  # radians
    stride: float = 0.28  # metres that a foot swings ahead of the body

    def swing(self, time_s: float) -> float:
        """How far the left foot is ahead, metres."""
        # Standing people keep the pose they stopped in.
        return self.stride * math.sin(self.phase + 2 * math.pi * 0.75 * self.speed_m_s * time_s)

    def walked(self, start: Placement, time_s: float) -> Placement:
        """The place after walking straight ahead."""
        x, y, z = start.point(0.0, self.speed_m_s * time_s, 0.0)
        return replace(start, x=x, y=y, z=z)

    def paced(self, start: Placement, free_m: tuple[float, float], time_s: float) -> Placement:
        """The place after walking up and down between `free_m` behind (negative) and ahead of `start`."""
        back, front = free_m
        length = front - back
        if length <= 0 or self.speed_m_s == 0:
            return start
        turns, along = divmod(self.speed_m_s * time_s - back, length)
        outbound = turns % 2 == 0
        x, y, z = start.point(0.0, back + along if outbound else front - along, 0.0)
        return replace(start, x=x, y=y, z=z, yaw=start.yaw if outbound else start.yaw + math.pi)


def draw_gait(rng: np.random.Generator) -> Gait:
    """0.8 to 1.7 m/s."""
    return Gait(float(rng.uniform(0.8, 1.7)), float(rng.uniform(0, 2 * math.pi)))


def person(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    at: Placement,
    conditions: Conditions,
    *,
    seated: bool = False,
    swing: float = 0.0,
) -> None:
    """Add one person of 1.45 to 1.92 m whose feet are at `at`, one of them `swing` metres ahead."""
    mesh.begin_object((at.x, at.y, at.z))
    body = Placement(at.x, at.y, at.z, at.yaw, float(rng.uniform(1.45, 1.92)) / 1.75)
    clothes = _dress(rng, conditions)
    drop = _HIP_DROP if seated else 0.0
    if seated:
        _seated_legs(mesh, body, clothes.legs)
    else:
        _walking_legs(mesh, body, clothes.legs, swing)
    _trunk(mesh, body, clothes, drop)
    _arms(mesh, body, clothes, drop, swing)
    _head(mesh, body, clothes, drop)
    if not seated and rng.random() < 0.35:
        pack = Surface("cloth", any_colour(rng, 0.02, 0.6), "plain", 300.0, 0.12)
        k = body.scale
        mesh.box(body.point(0, -0.2, 1.0), (0.3 * k, 0.16 * k, 0.42 * k), pack, yaw=body.yaw)


def _bar(
    mesh: MeshBuilder,
    body: Placement,
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radii: tuple[float, float],
    surface: Surface,
) -> None:
    """A limb between two local points."""
    k = body.scale
    mesh.cylinder(
        body.point(*start), body.point(*end), (radii[0] * k, radii[1] * k), surface, sides=8
    )


def _ball(
    mesh: MeshBuilder,
    body: Placement,
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    surface: Surface,
    detail: int = 1,
) -> None:
    k = body.scale
    size = (radii[0] * k, radii[1] * k, radii[2] * k)
    mesh.ellipsoid(body.point(*centre), size, surface, yaw=body.yaw, detail=detail)


def _shoe(mesh: MeshBuilder, body: Placement, side: float, ahead: float) -> None:
    k = body.scale
    size = (0.1 * k, 0.26 * k, 0.08 * k)
    mesh.box(body.point(side, ahead, 0), size, _SHOE, yaw=body.yaw)


def _walking_legs(mesh: MeshBuilder, body: Placement, legs: Surface, swing: float) -> None:
    for side, step in ((-0.1, swing), (0.1, -swing)):
        _bar(mesh, body, (side, 0, 0.88), (side, step * 0.5, 0.46), (0.09, 0.07), legs)
        _bar(mesh, body, (side, step * 0.5, 0.46), (side, step * 0.9, 0.06), (0.07, 0.05), legs)
        _shoe(mesh, body, side, step * 0.9 + 0.05)


def _seated_legs(mesh: MeshBuilder, body: Placement, legs: Surface) -> None:
    for side in (-0.1, 0.1):
        _bar(mesh, body, (side, 0, 0.5), (side, 0.42, 0.5), (0.085, 0.075), legs)
        _bar(mesh, body, (side, 0.42, 0.5), (side, 0.42, 0.05), (0.07, 0.055), legs)
        _shoe(mesh, body, side, 0.47)


def _trunk(mesh: MeshBuilder, body: Placement, clothes: _Clothes, drop: float) -> None:
    _ball(mesh, body, (0, 0, 1.18 - drop), (0.2, 0.135, 0.36), clothes.top, 2)
    _ball(mesh, body, (0, 0, 0.92 - drop), (0.17, 0.13, 0.15), clothes.legs)
    _ball(mesh, body, (0, 0, 1.41 - drop), (0.21, 0.09, 0.08), clothes.top)


def _arms(mesh: MeshBuilder, body: Placement, clothes: _Clothes, drop: float, swing: float) -> None:
    for side, step in ((-0.215, -swing), (0.215, swing)):
        shoulder = (side, 0.0, 1.42 - drop)
        elbow = (side * 1.15, step * 0.4, 1.14 - drop)
        wrist = (side * 1.1, step * 0.9 + 0.08, 0.9 - drop)
        _bar(mesh, body, shoulder, elbow, (0.055, 0.045), clothes.top)
        _bar(mesh, body, elbow, wrist, (0.045, 0.035), clothes.forearm)
        palm = (side * 1.1, step * 0.9 + 0.1, 0.86 - drop)
        _ball(mesh, body, palm, (0.04, 0.05, 0.08), clothes.hand, 0)


def _head(mesh: MeshBuilder, body: Placement, clothes: _Clothes, drop: float) -> None:
    _bar(mesh, body, (0, 0, 1.45 - drop), (0, 0.02, 1.58 - drop), (0.055, 0.055), clothes.face)
    _ball(mesh, body, (0, 0.02, 1.65 - drop), (0.078, 0.098, 0.12), clothes.face, 2)
    _ball(mesh, body, (0, -0.015, 1.69 - drop), (0.085, 0.1, 0.1), clothes.hair)


def group(
    mesh: MeshBuilder,
    rng: np.random.Generator,
    centre: tuple[float, float],
    conditions: Conditions,
    ground_m: Callable[[float, float], float],
    *,
    largest: int = 12,
) -> None:
    """Two to `largest` people about `centre`, looking the same way or at each other."""
    count = 2 + int((largest - 1) * rng.random() ** 2)
    spread = float(rng.uniform(0.35, 0.8)) * math.sqrt(count)
    talking, heading = rng.random() < 0.5, float(rng.uniform(0, 2 * math.pi))
    standing: list[tuple[float, float]] = []
    for _ in range(count):
        for _ in range(_TRIES):
            dx, dy = (spread * rng.standard_normal(2)).tolist()
            if all(math.hypot(dx - a, dy - b) > _APART_M for a, b in standing):
                break
        else:
            continue
        standing.append((dx, dy))
        x, y = centre[0] + dx, centre[1] + dy
        yaw = math.atan2(dx, -dy) if talking else heading
        yaw += float(rng.normal(0, 0.3))
        swing = 0.0 if talking else float(rng.uniform(-0.28, 0.28))
        at = Placement(x, y, ground_m(x, y), yaw)
        person(mesh, rng, at, conditions, swing=swing, seated=False)
