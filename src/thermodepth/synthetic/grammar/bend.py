"""A road that bends: what was built along a straight line is laid along an arc.

Ground is bent corner by corner; a thing is turned as a whole, so that a car stays a car.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from thermodepth.synthetic.grammar.mesh import Lamp, Mesh
from thermodepth.synthetic.space.vectors import Array

_STRAIGHT_PER_M = 1e-7


@dataclass(frozen=True, slots=True)
class Bend:
    """An arc through the origin that starts along +Y; `per_m` > 0 turns right, 1 / per_m is its radius."""

    per_m: float

    def heading(self, along: float) -> float:
        """Radians clockwise from +Y, as the yaw of a camera."""
        return self.per_m * along

    def point(self, aside: float, along: float) -> tuple[float, float]:
        """`aside` metres to the right of the arc, `along` metres on it, in world X and Y."""
        xy = self._laid(np.array([aside]), np.array([along]), np.array([along]))
        return float(xy[0][0]), float(xy[1][0])

    def ground(self, mesh: Mesh) -> Mesh:
        """Every corner moved on its own."""
        return self._moved(mesh, mesh.positions[..., 1])

    def things(self, mesh: Mesh) -> Mesh:
        """Every object moved and turned as a whole, about the middle of its length."""
        count = len(mesh.object_random)
        middle = mesh.positions[..., 1].mean(1)
        number = np.bincount(mesh.object_id, minlength=count)
        total = np.bincount(mesh.object_id, weights=middle, minlength=count)
        station = (total / np.maximum(number, 1))[mesh.object_id]
        return self._moved(mesh, np.repeat(station[:, None], 3, 1))

    def _laid(self, aside: Array, along: Array, station: Array) -> tuple[Array, Array]:
        turn = self.per_m * station
        c, s = np.cos(turn), np.sin(turn)
        if abs(self.per_m) < _STRAIGHT_PER_M:
            x, y = np.zeros_like(station, float), station
        else:
            x, y = (1 - c) / self.per_m, s / self.per_m
        ahead = along - station
        return x + aside * c + ahead * s, y - aside * s + ahead * c

    def _moved(self, mesh: Mesh, station: Array) -> Mesh:
        """`station` [t 3]: where on the arc each corner belongs."""
        station = station.astype(np.float64)
        x, y = self._laid(mesh.positions[..., 0], mesh.positions[..., 1], station)
        c, s = np.cos(self.per_m * station), np.sin(self.per_m * station)
        nx, ny, nz = np.moveaxis(mesh.normals, -1, 0)
        normals = np.stack([nx * c + ny * s, ny * c - nx * s, nz], -1)
        positions = np.stack([x, y, mesh.positions[..., 2]], -1).astype(np.float32)
        return replace(
            mesh,
            positions=np.ascontiguousarray(positions),
            normals=normals.astype(np.float32),
            lamps=tuple(self._lamp(lamp) for lamp in mesh.lamps),
        )

    def _lamp(self, lamp: Lamp) -> Lamp:
        x, y, z = lamp.position
        turn = self.heading(y)
        c, s = math.cos(turn), math.sin(turn)
        ax, ay, az = lamp.aim
        aim = (ax * c + ay * s, ay * c - ax * s, az)
        return replace(lamp, position=(*self.point(x, y), z), aim=aim)
